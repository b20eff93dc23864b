"""The fixture `gradients`: tests as people write them, run by a pytest of their own."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch import nn

from autograd_cli import pytest_plugin
from autograd_cli.pytest_plugin import Gradients

pytest_plugins = ["pytester"]
gradients = pytest_plugin.gradients  # also where the plugin is not installed


class Net(nn.Module):
    """Whose forward does to its hidden layer what the test says."""

    def __init__(self, between: Callable[[torch.Tensor], torch.Tensor] = lambda h: h) -> None:
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.last = nn.Linear(3, 1)
        self.between = between

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.last(self.between(self.first(x)))
        return result


X = torch.ones(4, 2)


def message(gradients: Gradients, net: nn.Module, **allowed: object) -> str:
    with pytest.raises(pytest.fail.Exception) as raised, gradients(net, **allowed):  # type: ignore[arg-type]
        net(X).sum().backward()
    return str(raised.value)


def test_a_healthy_model_passes(gradients: Gradients) -> None:
    net = Net()
    with gradients(net):
        net(X).sum().backward()


def test_a_cut_is_told(gradients: Gradients) -> None:
    assert message(gradients, Net(lambda h: h.detach())).splitlines()[:3] == [
        "2 of 4 parameters got no gradient",
        "  first.weight  None  [3, 2]",
        "  first.bias    None  [3]",
    ]


@pytest.mark.parametrize(
    ("between", "first", "value"),
    [
        (lambda h: h * 0, "3 of 4 parameters got a gradient of zero", "0"),
        (lambda h: torch.sqrt(h - h), "2 of 4 parameters got a gradient that is not finite", "NaN"),
        (lambda h: h * float("inf"), "3 of 4 parameters got a gradient that is not finite", "inf"),
    ],
)
def test_zero_and_what_is_not_finite_are_told(
    gradients: Gradients, between: Callable[[torch.Tensor], torch.Tensor], first: str, value: str
) -> None:
    lines = message(gradients, Net(between)).splitlines()
    assert lines[0] == first
    assert lines[1].split()[1] == value


def test_no_backward_pass_is_no_gradient(gradients: Gradients) -> None:
    with pytest.raises(pytest.fail.Exception, match="all 4 parameters got no gradient"), gradients(Net()):
        pass


def test_what_is_allowed_passes(gradients: Gradients) -> None:
    net = Net(lambda h: h.detach())
    for allowed in (True, ["first.weight", "first.bias"], "first.*"):
        with gradients(net, allow_none=allowed):
            net(X).sum().backward()
    dead = Net(lambda h: h * 0)
    with gradients(dead, allow_zero=["*weight", "first.bias"]):
        dead(X).sum().backward()


def test_what_is_allowed_must_be_there(gradients: Gradients) -> None:
    with (
        pytest.raises(ValueError, match=r"'first.wieght'\; did you mean 'first.weight'"),
        gradients(Net(), allow_none="first.wieght"),
    ):
        pass
    with pytest.raises(TypeError, match="takes a module or tensors, not int"), gradients(3):
        pass


def test_frozen_parameters_are_left_alone(gradients: Gradients) -> None:
    net = Net()
    net.first.requires_grad_(requires_grad=False)
    with gradients(net):
        net(X).sum().backward()
    with pytest.raises(pytest.fail.Exception, match="no parameter that requires"), gradients(net.first):
        pass


def test_each_block_counts_for_itself(gradients: Gradients) -> None:
    """A `.grad` that an earlier pass left does not count; one that the block itself makes and then clears does."""
    net = Net()
    net(X).sum().backward()
    with pytest.raises(pytest.fail.Exception, match="no gradient"), gradients(net):
        net(X).sum()
    with gradients(net):
        net(X).sum().backward()
        net.zero_grad()


def test_the_gradients_are_those_of_plain_torch(gradients: Gradients) -> None:
    torch.manual_seed(0)
    plain, seen = Net(), Net()
    seen.load_state_dict(plain.state_dict())
    plain(X).sum().backward()
    with gradients(seen):
        seen(X).sum().backward()
    for one, other in zip(plain.parameters(), seen.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        assert torch.equal(one.grad, other.grad)
        assert one.grad._version == other.grad._version  # noqa: SLF001 - torch has no other name for it


def test_what_the_block_raises_is_raised(gradients: Gradients) -> None:
    with pytest.raises(ZeroDivisionError), gradients(Net()):
        raise ZeroDivisionError


def test_the_cause_is_told_with_its_line(gradients: Gradients) -> None:
    net = Net(lambda h: h.detach())
    text = message(gradients, net)
    line = inspect.getsourcelines(test_the_cause_is_told_with_its_line)[1] + 1
    assert text.count("error[cut-by-detach]: first.weight got no gradient") == text.count("error[") == 1
    assert f" --> {__file__}:{line}:" in text


def test_the_cause_may_lie_before_the_block_and_in_another_mode(gradients: Gradients) -> None:
    net = nn.Linear(2, 1)
    h = net(X).detach()
    loss = (h * net.bias).sum()
    with pytest.raises(pytest.fail.Exception) as raised, torch.device("cpu"), gradients(net):
        loss.backward()
    assert "net(X).detach()" in str(raised.value)


def test_what_torch_refuses_is_explained(gradients: Gradients) -> None:
    net = Net()
    with pytest.raises(RuntimeError) as raised, gradients(net):
        net(X).sum().detach().backward()
    [note] = raised.value.__notes__
    assert "error[cut-by-detach]" in note


def test_a_long_training_under_it_is_forgotten(gradients: Gradients) -> None:
    net = Net()
    for _ in range(20):
        with gradients(net):
            net(X).sum().backward()
    with pytest.raises(pytest.fail.Exception, match=r"`net\.first\(X\)\.detach\(\)`"), gradients(net):
        net.last(net.first(X).detach()).sum().backward()


def test_a_compiled_model(gradients: Gradients) -> None:
    net = Net()
    compiled = torch.compile(net, backend="eager", fullgraph=True)
    with gradients(net):
        compiled(X).sum().backward()


def test_tensors_by_name(gradients: Gradients) -> None:
    w, b = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    with (
        pytest.raises(pytest.fail.Exception, match="1 of 2 parameters got no gradient\n  b  None"),
        gradients({"w": w, "b": b}),
    ):
        w.sum().backward()


SUITE = """
import torch
def test_one(gradients):
    net = torch.nn.Linear(2, 1)
    with gradients(net):
        loss = net(torch.ones(1, 2)).detach().sum() + net.bias.sum()
        loss.backward()
"""


def test_under_a_pytest_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_inprocess("-p", "no:agx", "-p", "autograd_cli.pytest_plugin")
    result.stdout.fnmatch_lines(
        [
            "    def test_one(gradients):",
            ">       with gradients(net):",
            "E*1 of 2 parameters got no gradient",
            "E*weight*",
        ]
    )
    assert not {"pytest_plugin.py", "contextlib.py"} & set(re.split(r"[/:]", result.stdout.str()))


def test_loading_the_plugin_loads_next_to_nothing() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import autograd_cli.pytest_plugin;"
        "print(sorted(each for each in set(sys.modules) - before if not each.startswith('_')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['autograd_cli', 'autograd_cli.interrupt', 'autograd_cli.pytest_plugin']\n"
