"""`autograd_cli.watch()`: a block of Python that runs as ever, and what was seen of it by place."""

from __future__ import annotations

import copy
import gc
import inspect
import io
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch._subclasses import FakeTensorMode
from torch.utils.checkpoint import checkpoint

import autograd_cli
from autograd_cli import Report
from autograd_cli.report import Ran
from diagnoses_table import read_tables
from observed import first, verdict, watch
from thorough import THOROUGH

CASES = [case for case in read_tables() if not case.inputs]
EVERY = 1 if THOROUGH else 9
pytestmark = pytest.mark.usefixtures("seeded")
X, Y = torch.ones(4, 2), torch.zeros(4, 1)


@pytest.fixture
def seeded() -> None:
    """With other numbers a relu may be zero everywhere, which would be a finding."""
    torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.last = nn.Linear(3, 1)

    def hidden(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.first(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.last(self.hidden(x))
        return result


class Cut(Net):
    def hidden(self, x: torch.Tensor) -> torch.Tensor:
        h = self.first(x)
        h = h.detach()
        return torch.relu(h)


class Frozen(Net):
    @torch.no_grad()
    def hidden(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.first(x))


def train(net: nn.Module, steps: int = 2) -> None:
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(X), Y)
        loss.backward()
        optimizer.step()


def line_of(thing: Any, piece: str) -> int:
    """The line of this file at which a piece of a function or class stands."""
    lines, first = inspect.getsourcelines(thing)
    return first + next(number for number, line in enumerate(lines) if piece in line)


def told(report: Report) -> list[tuple[str, str, str | None]]:
    """The findings: each with its place, file and line, and its victim."""
    return [
        (each.rule, f"{report.file_of(each.span.line)}:{report.number_of(each.span.line)}", each.victim)
        for each in report.diagnostics
        if each.span is not None
    ]


def test_a_cut_has_its_place_in_this_file() -> None:
    net = Cut()
    with autograd_cli.watch() as seen:
        train(net)
    assert told(seen.report) == [
        ("cut-by-detach", f"{__file__}:{line_of(Cut, 'h.detach()')}", "net.first.weight"),
    ]
    page = str(seen.report)
    assert "was watched to the end of the block: 2 backward passes, loss" in page
    assert "h = h.detach()" in page
    assert not seen.report.ok


def test_a_decorator_that_switches_grad_mode_off_is_named() -> None:
    net = Frozen()
    with autograd_cli.watch() as seen:
        train(net)
    [found] = seen.report.diagnostics
    assert found.rule == "cut-by-no-grad"
    assert found.victim == "net.first.weight"


def test_a_healthy_training_has_no_findings() -> None:
    net = Net()
    with autograd_cli.watch() as seen:
        train(net)
    assert seen.report.ok
    assert seen.report.diagnostics == ()
    assert set(seen.report.grads) == {"net.first.weight", "net.first.bias", "net.last.weight", "net.last.bias"}


def test_what_runs_is_what_runs_without() -> None:
    def result(train: Callable[[nn.Module], None]) -> list[Any]:
        torch.manual_seed(0)
        net = Net()
        train(net)
        grads = [each.grad for each in net.parameters()]
        versions = [each._version for each in (*net.parameters(), *grads) if each is not None]  # noqa: SLF001 - torch's own
        return [*[each.tolist() for each in (*net.parameters(), *grads, torch.rand(2)) if each is not None], versions]

    def watched(net: nn.Module) -> None:
        with autograd_cli.watch():
            train(net)

    assert result(train) == result(watched)


def test_an_error_goes_on_and_is_explained() -> None:
    w = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf Variable") as raised, autograd_cli.watch() as seen:
        w += 1
    assert not any(str(each.path).endswith("watching.py") for each in raised.traceback)
    [(rule, place, victim)] = told(seen.report)
    here = test_an_error_goes_on_and_is_explained
    assert (rule, place, victim) == ("inplace-on-leaf", f"{__file__}:{line_of(here, 'w += 1')}", "w")


def test_nothing_is_kept_alive_after_it() -> None:
    with autograd_cli.watch() as seen:
        y = torch.ones(2, requires_grad=True) * 2
        y.sum().backward()
    gone = weakref.ref(y)
    del y
    sys._getframe().f_locals  # noqa: B018, SLF001 - it renews the dict of variables that Python 3.11 keeps
    gc.collect()
    assert gone() is None
    assert seen.report.ok


def test_the_block_must_have_ended() -> None:
    with autograd_cli.watch() as seen, pytest.raises(RuntimeError, match="no report yet: the block has not ended"):
        _ = seen.report


def test_a_number_that_goes_back_into_torch_is_known() -> None:
    w = torch.ones(1, requires_grad=True)
    with autograd_cli.watch() as seen:
        loss = torch.tensor((w * 2).item(), requires_grad=True)
        loss.backward()
    assert [each.rule for each in seen.report.diagnostics] == ["cut-by-item"]


def test_a_function_of_ones_own_is_one_operation() -> None:
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
            (x,) = ctx.saved_tensors
            result: torch.Tensor = 2 * x * g
            return result

    w = torch.ones(2, requires_grad=True)
    with autograd_cli.watch() as seen:
        Square.apply(w).sum().backward()  # type: ignore[no-untyped-call]
    assert seen.report.ok
    assert w.grad is not None


def reentrant() -> object:
    layer, x = nn.Linear(2, 2), torch.ones(3, 2, requires_grad=True)
    checkpoint(layer, x, use_reentrant=True).sum().backward()
    return layer.weight.grad


def sparse() -> object:
    layer = nn.Embedding(5, 3, sparse=True)
    layer(torch.tensor([1, 2])).sum().backward()
    grad = layer.weight.grad
    return None if grad is None else grad.to_dense()


def compiled() -> object:
    w = torch.ones(2, requires_grad=True)
    torch.compile(lambda x: (x * 2).sum(), backend="eager")(w).backward()
    return w.grad


def saved_and_loaded() -> object:
    net, file = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    other = copy.deepcopy(net)
    other.load_state_dict(torch.load(file))
    other(torch.ones(4, 2)).sum().backward()
    return other[1].running_mean


def closure() -> object:
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.LBFGS([w])

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        result = (w**2).sum()
        result.backward()
        return result

    optimizer.step(loss)
    return w.detach()


def functional() -> object:
    return torch.vmap(torch.func.grad(lambda x: (x**3).sum()))(torch.ones(2, 3))


def shapes_alone() -> object:
    with FakeTensorMode():
        return str((torch.ones(2) * 2).shape)


def other_modes() -> object:
    with torch.device("cpu"), torch.autocast("cpu", dtype=torch.bfloat16):
        return nn.Linear(2, 1)(torch.ones(1, 2)).detach().float()


@pytest.mark.parametrize(
    "block", [reentrant, sparse, closure, compiled, saved_and_loaded, functional, shapes_alone, other_modes]
)
def test_what_torch_does_in_ways_of_its_own_is_let_be(block: Callable[[], object]) -> None:
    torch.manual_seed(0)
    plain = block()
    torch.manual_seed(0)
    with autograd_cli.watch() as seen:
        watched = block()
    assert (
        torch.equal(watched, plain)
        if isinstance(watched, torch.Tensor) and isinstance(plain, torch.Tensor)
        else (watched == plain)
    )
    assert isinstance(seen.report.body, Ran)
    assert seen.report.body.course.unseen == ()
    assert seen.report.ok


def test_nearly_all_first_findings_are_those_of_the_safe_language() -> None:
    """What is known by place alone is sometimes too little: a line with two calls, a constructor that asks no torch."""
    cases = CASES[::EVERY]
    different = []
    for case in cases:
        told = autograd_cli.explore(case.program, watch=True, counterfactuals=False)
        seen = watch(case.program)
        assert seen.unseen == (), case.name
        if first(verdict(seen)) != first(told.diagnostics):
            different.append(case.name)
    assert len(different) < 0.1 * len(cases), different
