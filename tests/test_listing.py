"""The listing of `agx explain`: which lines of a long program are shown, and what the marks before them say."""

from __future__ import annotations

import io
import random
import re

import pytest
from rich.console import Console

from autograd_cli import explore
from autograd_cli.render.look import Look
from autograd_cli.render.pages.choose import page_of
from autograd_cli.report import Report
from conftest import Agx

MARKED = re.compile(r"^ *(\d+)(?: (.) (.*))?$", re.MULTILINE)
WITHOUT_PROSE = re.compile(r"⋮ without (\d+) lines of comments, docstrings and blank lines \(--full\)")
GRAPH = ["w{0} = torch.ones(2, requires_grad=True)", "y{0} = (x * {0}).sum()", "(x * {0}).sum().backward()"]
CUTS = ["z{0} = (x * 2).detach() * {0}", "with torch.no_grad():\n    v{0} = x + {0}"]
PLAIN = ["k{0} = {0} + 1", "print({0})", "if {0} < 0:\n    k{0} = 3"]
PROSE = ["# note {0}", "", "'''A text\n\nof {0} lines.'''"]


def listed(out: str) -> dict[int, tuple[str, str]]:
    """The lines of the listing by number: the mark before the line, and its code."""
    page = out.partition("\n\ncomputed graph")[0]
    return {
        int(number): (mark, re.split(r"(?<=\S) {3,}", code)[0].rstrip()) for number, mark, code in MARKED.findall(page)
    }


@pytest.mark.parametrize("seed", range(4))
def test_comments_go_first_and_the_graph_never(agx: Agx, seed: int) -> None:
    choice = random.Random(seed)  # noqa: S311 - a program to test with
    pieces = [template.format(index) for index in range(60) for template in choice.sample(GRAPH + CUTS + PLAIN, 1)]
    rows = [row for piece in pieces for row in [*choice.choices(PROSE, k=2), piece]]
    rows = [row.replace("{0}", str(index)) for index, row in enumerate(rows)]
    program = "\n".join(["import torch", *rows, "(x * 1).sum().backward()"])
    lines = program.split("\n")
    shown = listed(agx("explain", program, "--x", "1,2").out)
    numbers = {number for number, row in enumerate(lines, start=1) if re.search(r"x \*|x \+|torch\.ones|no_grad", row)}
    assert numbers <= shown.keys()
    assert not any(lines[number - 1].startswith("#") or not lines[number - 1] for number in shown)
    assert not any("of 1" in lines[number - 1] for number in shown), "docstrings"
    full = listed(agx("explain", program, "--x", "1,2", "--full").out)
    assert len(full) == len(lines)


def test_it_says_how_many_lines_are_left_out(agx: Agx) -> None:
    program = "\n".join(["y = x * 2", *["# note"] * 98, "", "y.sum()"])
    out = agx("explain", program, "--x", "1,2").out
    assert WITHOUT_PROSE.findall(out) == ["99"]
    assert listed(out) == {1: ("●", "y = x * 2"), 101: ("●", "y.sum()")}


def test_a_hundred_lines_are_shown_whole(agx: Agx) -> None:
    program = "\n".join(["y = x * 2", *["# note"] * 98, "y.sum()"])
    out = agx("explain", program, "--x", "1,2").out
    assert len(listed(out)) == 100
    assert "⋮" not in out


def test_what_made_the_graph_stays_however_long_it_is(agx: Agx) -> None:
    program = "\n".join(["y = x", *["y = y * 1.01"] * 150, *[f"k = {index}" for index in range(150)], "y.sum()"])
    shown = listed(agx("explain", program, "--x", "1,2").out)
    assert [number for number in shown if number <= 151] == list(range(2, 152))
    assert 302 in shown
    assert not any(151 < number < 302 for number in shown)


@pytest.mark.parametrize(
    ("lines", "marks"),
    [
        (["y = x * 2", "y.sum().backward()"], "●●"),
        (["y = x * 2", "y.sum().backward()", "print(y.sum().item() > 3)"], "●●●"),
        (["y = (x * 2).sum()", "y.backward()", "print(y.item())", "p = (x > 1).sum()"], "● ··"),
        (["y = x * x.detach()", "y.sum().backward()"], "◐●"),
        (["x.data.mul_(2)", "(x * 2).sum().backward()"], "○●"),
        (["y = x.detach()", "(y * x).sum().backward()"], "○●"),
        (
            ["w = torch.ones(2, requires_grad=True)", "opt = torch.optim.SGD([w], lr=1.0)", "(w * x).sum().backward()"],
            "  ●",
        ),
        (["y = (x * 2).sum()", "y.backward(retain_graph=True)", "g = x.grad", "y.backward()"], "●   "),
        (["'''Text.'''", "y = x.to('cpu')", "(y * 1).sum().backward()"], "  ●"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_marks(agx: Agx, lines: list[str], marks: str) -> None:
    out = agx("explain", "\n".join(lines), "--x", "1,2").out
    assert "".join(mark for mark, _ in listed(out).values()) == marks, out
    assert "backward =" not in out
    assert "○⇢" not in out.partition("computed graph")[2] or "○" in marks or "◐" in marks


def test_a_long_line_does_not_fill_the_terminal() -> None:
    program = f"y = x{' + 0.5' * 500}\ny.sum()"
    rows = drawn(explore(program, watch=True, x="1,2"), Look(width=80))
    assert rows[0].startswith("1 ● y = x + 0.5")
    assert rows[0].endswith("…")
    assert len(rows[0]) <= 3 * 80 + 4
    assert len(drawn(explore(program, watch=True, x="1,2"), Look())[0]) > 3_000


def drawn(report: Report, look: Look) -> list[str]:
    console = Console(file=io.StringIO(), width=100_000, color_system=None, highlight=False)
    console.print(page_of(report, look))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


PROGRAM = """
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
opt = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(3):
    loss = (model(x) - torch.arange(6.).reshape(6, 1)).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(step, loss.item())
"""


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_numbers_break_nowhere(width: int) -> None:
    """What stands in blocks fits the terminal: only formulas and sentences are broken, between their words."""
    for row in drawn(explore(PROGRAM, watch=True, x="randn(6,4)"), Look(width=width)):
        if row.lstrip().startswith("[") and not re.search("[a-z]{4}", row):
            assert len(row.rstrip()) <= width, row


def test_functions_that_are_not_called_go_before_what_ran(agx: Agx) -> None:
    functions = [f"def f{index}(x):\n    '''Doc.'''\n    return x * {index}\n" for index in range(60)]
    program = "\n".join([*functions, "k = 1", "y = f7(x) + f9(x)", "y.sum()"])
    shown = [code for _, code in listed(agx("explain", program, "--x", "1,2").out).values()]
    called = ["def f7(x):", "    return x * 7", "def f9(x):", "    return x * 9"]
    assert shown == [*called, "k = 1", "y = f7(x) + f9(x)", "y.sum()"]


def test_a_docstring_is_no_value(agx: Agx) -> None:
    out = agx("explain", "'''The text.'''\nx * 2", "--x", "1").out
    assert out.count("The text.") == 1


def test_passes_that_are_alike_are_shown_once(agx: Agx) -> None:
    program = "y = (x**2).sum()\ny.backward(retain_graph=True)\nx.grad = None\ny.backward()"
    out = agx("explain", program, "--x", "1,2").out
    assert "passes 1 and 2 alike" in out
    assert out.count("PowBackward0    x**2") == 1
    accumulated = agx("explain", program.replace("x.grad = None\n", ""), "--x", "1,2").out
    assert "the same as pass 1, except at the leaves" in accumulated
    assert accumulated.count("PowBackward0    x**2") == 1
    assert "x.grad = [2., 4.] + [2., 4.] = [4., 8.]" in accumulated


def test_passes_with_other_numbers_are_not_alike(agx: Agx) -> None:
    out = agx("explain", "for c in [1, 2, 3]:\n    (x * c).sum().backward()", "--x", "1,2").out
    assert "alike" not in out
    assert "as pass" not in out
    assert "⋮ 1 more backward pass (--full)" in out
