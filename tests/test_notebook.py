"""The cell magic %%agx: `agx explain` of the text of a cell."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import autograd_cli
from autograd_cli import Report, Status

Magic = Callable[[str, str], Report | None]


class Shell:
    """What the extension asks of IPython."""

    def __init__(self) -> None:
        self.magics: dict[tuple[str, str], Magic] = {}

    def register_magic_function(self, function: Magic, magic_kind: str, magic_name: str) -> None:
        self.magics[magic_kind, magic_name] = function


@pytest.fixture
def cell() -> Magic:
    """`%%agx`, as IPython calls it: what stands on its line, and the cell below."""
    shell = Shell()
    autograd_cli.load_ipython_extension(shell)
    return shell.magics["cell", "agx"]


def test_the_report_of_a_cell_is_what_comes_back(cell: Magic, capsys: pytest.CaptureFixture[str]) -> None:
    report = cell("--x 1,2", "y = x.detach()\n(x*y).sum()\n")
    assert report is not None
    grad = report.grads["x"]
    assert grad is not None
    assert grad.values == (1.0, 2.0)
    assert report.explanation is not None
    assert "what it would have been" in str(report)
    assert capsys.readouterr() == ("", "")


def test_the_line_has_the_options_of_explain(cell: Magic) -> None:
    report = cell('--x "0.123456, 2" --no-grad --precision 2 --of x', "(x*x).sum()\n")
    assert report is not None
    assert report.trace.mode == "no-grad"
    assert report.of == "x"
    assert "0.12," in str(report)
    assert "leave out --no-grad" in str(report), "hints name the options of the line"


@pytest.mark.parametrize(
    ("line", "text", "piece"),
    [
        ("--x 1,a", "2*x", "--> --x:1:3"),
        ("--precision 77 --x 1", "2*x", "--precision takes a whole number from 1 to 17"),
        ("--x 1 --leaf", "2*x", "--leaf is a lesson"),
        ("", "2*x", "give it one: --x 1,2,3"),
        ("", "class A: pass", "class"),
        ('--x "1,2', "2*x", "No closing quotation"),
        ("--x 1 --limit steps=1", "x*x*x", "--limit steps=N"),
    ],
)
def test_what_cannot_be_understood_is_a_report_too(cell: Magic, line: str, text: str, piece: str) -> None:
    report = cell(line, text)
    assert report is not None
    assert report.status in {Status.BAD_REQUEST, Status.LIMIT}
    assert piece in str(report)
    assert piece.replace(">", "&gt;") in report._repr_html_()  # type: ignore[attr-defined]


def test_another_format_is_written_as_the_command_writes_it(
    cell: Magic, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cell("--x 1,2 -q", "(x*x).sum()") is None
    assert capsys.readouterr().out == "2,4\n"
    assert cell("--x 1,2 --json", "(x*x).sum()") is None
    assert json.loads(capsys.readouterr().out)["ok"]
    assert cell(f"--x 1,2 -o {tmp_path / 'page.svg'}", "(x*x).sum()") is None
    assert (tmp_path / "page.svg").read_text().endswith("</svg>\n")
    assert cell("--help", "(x*x).sum()") is None
    assert "--precision" in capsys.readouterr().out
