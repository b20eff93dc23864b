"""The cell magic `%%agx run`: a cell that Python runs among the notebook's variables, observed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

import autograd_cli
from autograd_cli import Report
from autograd_cli.report import Course, Ran

CUT = """\
h = net(x)
h = h.detach()
loss = (h * net.bias).sum()
loss.backward()
"""


class Notebook:
    """What the extension asks of IPython: the names, and the number of the cell."""

    def __init__(self) -> None:
        self.user_ns: dict[str, Any] = {"__name__": "__main__", "In": [], "_": 3}
        self.execution_count = 0
        self.magic: Callable[[str, str], Report | None]

    def register_magic_function(
        self, function: Callable[[str, str], Report | None], _magic_kind: str, _magic_name: str
    ) -> None:
        self.magic = function

    def transform_cell(self, cell: str) -> str:
        return cell.replace("%time ", "")

    def run(self, cell: str, line: str = "run") -> Report | None:
        self.execution_count += 1
        return self.magic(line, cell)


@pytest.fixture
def notebook() -> Notebook:
    found = Notebook()
    autograd_cli.load_ipython_extension(found)
    torch.manual_seed(0)
    found.user_ns |= {"torch": torch, "net": torch.nn.Linear(2, 1), "x": torch.ones(3, 2)}
    return found


def places(report: Report) -> list[tuple[str, str | None]]:
    return [(report.place_of(each.span.line), each.victim) for each in report.diagnostics if each.span is not None]


def _course(report: Report) -> Course:
    assert isinstance(report.body, Ran)
    return report.body.course


def test_a_cell_runs_among_the_notebooks_names(notebook: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    report = notebook.run("y = x * 2\nprint(y.sum().item())\n")
    assert report is not None
    assert report.ok
    assert capsys.readouterr() == ("12.0\n", "")
    assert notebook.user_ns["y"].tolist() == [[2.0, 2.0]] * 3
    assert {"In", "_"}.isdisjoint(variable.name for variable in report.trace.variables)


def test_its_findings_have_the_names_and_the_lines_of_the_cell(notebook: Notebook) -> None:
    notebook.run("optimizer = torch.optim.SGD(net.parameters(), lr=0.1)\n")
    report = notebook.run(CUT + "optimizer.step()\n")
    assert report is not None
    assert [(place, victim) for place, victim in places(report)] == [("cell 2, line 2", "net.weight")]
    assert "cell 2 ran to its end: 1 backward pass, loss" in str(report)


def test_a_function_of_an_earlier_cell_is_looked_into(notebook: Notebook) -> None:
    notebook.run("def cut(t):\n    u = t * 1\n    return u.detach()\n")
    report = notebook.run("(cut(net(x)) * net.bias).sum().backward()\nprint(net.weight.grad)\n")
    assert report is not None
    assert places(report) == [("cell 1, line 3", "net.weight")]
    notebook.user_ns["cut"](torch.ones(1))  # in a cell that is not observed, it runs as it is


def test_the_options_are_those_of_agx_run(notebook: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    report = notebook.run("for _ in range(9):\n    net(x).sum().backward()\n", "run --stop-after 2 --explain")
    assert report is not None
    assert _course(report).ended == "stopped after 2 backward passes, as was asked"
    assert notebook.run("net(x).sum().backward()", "run --json") is None
    assert json.loads(capsys.readouterr().out)["course"]["passes"] == 1
    refused = notebook.run("1", "run --nonsense")
    assert refused is not None
    assert "--nonsense" in str(refused)


def test_what_a_cell_raises_is_raised_behind_its_report(notebook: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="leaf Variable"):
        notebook.run("w = torch.ones(1, requires_grad=True)\nw += 1\n")
    assert "error[inplace-on-leaf]" in capsys.readouterr().out
    with pytest.raises(SyntaxError):
        notebook.run("w +=\n")


def test_magics_are_ipythons(notebook: Notebook) -> None:
    notebook.run("%time y = x * 3\n")
    assert notebook.user_ns["y"].sum() == 18
