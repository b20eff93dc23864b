"""`@autograd_cli.watched`: functions and classes that are rewritten where they stand, and a report of each call."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import autograd_cli
from autograd_cli import Report, watched


@watched
class Net(nn.Module):
    """Whose methods are looked into; one has a private name, and one is a property."""

    def __init__(self, *, cut: bool = False) -> None:
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.last = nn.Linear(3, 1)
        self.is_cut = cut

    @property
    def scale(self) -> float:
        return 2.0

    def __hidden(self, x: torch.Tensor) -> torch.Tensor:
        h: torch.Tensor = torch.tanh(self.first(x)) * self.scale
        return h.detach() if self.is_cut else h

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.last(self.__hidden(x))
        return result


def plainly(net: nn.Module, steps: int = 3, *, extra: float = 0.0) -> torch.Tensor:
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = net(torch.ones(4, 2)).square().mean() + extra
        loss.backward()
        optimizer.step()
    result: torch.Tensor = loss
    return result


@watched
def train(net: nn.Module, steps: int = 3, *, extra: float = 0.0) -> torch.Tensor:
    """Train it."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = net(torch.ones(4, 2)).square().mean() + extra
        loss.backward()
        optimizer.step()
    result: torch.Tensor = loss
    return result


def findings(report: Report) -> list[tuple[str, int, str | None]]:
    return [
        (each.rule, report.cell_of(each.span.line)[1], each.victim)
        for each in report.diagnostics
        if each.span is not None
    ]


def line_of(piece: str) -> int:
    """The line of this file that a piece of text stands in first."""
    return 1 + Path(__file__).read_text(encoding="utf-8").partition(piece)[0].count("\n")


def test_a_cut_in_a_method_is_found_in_the_report_of_the_training() -> None:
    train(Net(cut=True))
    assert findings(train.report) == [("cut-by-detach", line_of("h.detach()"), "net.first.weight")]
    assert f"{__file__} ran train to its end: 3 backward passes, loss" in str(train.report)


def test_it_does_what_it_does_without() -> None:
    def result(train: Callable[[nn.Module], torch.Tensor]) -> list[Any]:
        torch.manual_seed(0)
        net = Net()
        loss = train(net)
        return [loss.item(), *[each.tolist() for each in net.parameters()], torch.rand(2).tolist()]

    assert result(train) == result(plainly)
    assert train.report.ok


def test_it_looks_like_what_it_is() -> None:
    assert (train.__doc__, train.__module__) == ("Train it.", __name__)
    assert list(inspect.signature(train).parameters) == ["net", "steps", "extra"]
    net = Net()
    assert isinstance(copy.deepcopy(net), Net)
    assert isinstance(pickle.loads(pickle.dumps(net)), Net)  # noqa: S301 - its own
    compiled = torch.compile(net, backend="eager", fullgraph=True)
    assert torch.equal(compiled(torch.ones(1, 2)), net(torch.ones(1, 2)))


def test_a_call_of_a_module_has_a_report_of_its_own() -> None:
    Net(cut=True)(torch.ones(1, 2))
    report: Report = Net.report  # type: ignore[attr-defined]  # what the decorator adds
    assert [cut.rule for cut in report.explained.explanation.cuts] == ["cut-by-detach"]


def test_closures_are_kept() -> None:
    count, scale = 0, 3.0

    @watched
    def outer(w: torch.Tensor) -> torch.Tensor:
        nonlocal count
        count += 1

        def inner() -> torch.Tensor:
            return w * scale * count

        return inner()

    w = torch.ones(1, requires_grad=True)
    assert [outer(w).item(), outer(w).item(), count] == [3.0, 6.0, 2]


def test_an_error_is_raised_and_explained() -> None:
    @watched
    def update(w: torch.Tensor) -> None:
        w += 1

    with pytest.raises(RuntimeError, match="leaf Variable"):
        update(torch.ones(1, requires_grad=True))
    assert findings(update.report) == [("inplace-on-leaf", line_of("w += 1"), "w")]


def test_a_method_of_a_plain_class() -> None:
    class Trainer:
        @watched
        def step(self, w: torch.Tensor) -> None:
            (w * 2).sum().backward()

    Trainer().step(torch.ones(1, requires_grad=True))
    assert Trainer.step.report.ok


def test_other_decorators_stand_below() -> None:
    @watched
    @torch.no_grad()
    def scaled(w: torch.Tensor) -> torch.Tensor:
        return w * 2

    assert not scaled(torch.ones(1, requires_grad=True)).requires_grad
    assert any(value.function == "torch.Tensor.mul" for value in scaled.report.trace.values)


def test_other_threads_run_as_they_are() -> None:
    found: list[float] = []
    thread = threading.Thread(target=lambda: found.append(plainly(Net()).item()))

    @watched
    def both() -> None:
        thread.start()
        thread.join()

    both()
    assert len(found) == 1
    assert both.report.ok


def test_there_is_a_report_behind_a_call() -> None:
    @watched
    def never() -> None: ...

    with pytest.raises(RuntimeError, match=r"no call of .*never has been observed"):
        _ = never.report


def test_what_cannot_be_observed_is_refused() -> None:
    def generate() -> Iterator[int]:
        yield 1

    with pytest.raises(TypeError, match="generate is a generator or a coroutine"):
        watched(generate)
    with pytest.raises(TypeError, match="is no function or class"):
        watched(3)  # type: ignore[call-overload]
    names: dict[str, Any] = {}
    exec("def typed(): pass", names)  # noqa: S102 - a function without a source
    with pytest.raises(OSError, match="the source of typed is not available"):
        watched(names["typed"])


def test_under_agx_run_it_is_a_part_of_the_script(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import torch\nfrom autograd_cli import watched\n"
        "@watched\ndef train(w):\n    (w.detach() * w).sum().backward()\n"
        "train(torch.ones(2, requires_grad=True))\nprint('done')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "autograd_cli", "run", script], capture_output=True, text=True, check=False
    )
    assert done.stdout == "done\n"
    assert "1 backward pass" in done.stderr
    assert "not observed" not in done.stderr


def test_without_calls_nothing_heavy_is_loaded() -> None:
    code = "import sys, autograd_cli; autograd_cli.watched; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert "watched" in autograd_cli.__all__
