"""A long line is a window around the place in question, and the caret stands under it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from autograd_cli import explore
from autograd_cli.cli.terminal import Color, Screen, page_text
from autograd_cli.render.escape import visible
from autograd_cli.render.parts.diagnostics import diagnostic_block
from autograd_cli.render.parts.window import window
from conftest import Agx

ROWS = st.text(st.sampled_from("ab +\t结果é\u0301'(x)"), min_size=1, max_size=300)


def at(text: str, column: int, width: int) -> str:
    """What stands at these columns of a terminal."""
    found, end = "", 0
    for character in text:
        if column <= end < column + width:
            found += character
        end += cell_len(character)
    return found


@given(row=ROWS, data=st.data(), room=st.integers(20, 120))
@settings(max_examples=300, deadline=None)
def test_the_place_is_seen_in_the_window(row: str, data: st.DataObject, room: int) -> None:
    start = data.draw(st.integers(0, len(row) - 1))
    end = data.draw(st.integers(start, min(len(row), start + 8)))
    seen = window(row, start, end, room)
    assert cell_len(seen.text) <= room
    assert seen.column + seen.width <= room + 1
    place = visible(row[start:end]).replace("\u0301", "")
    shown = at(seen.text, seen.column, seen.width).replace("\u0301", "")
    assert not place or place.startswith(shown.removesuffix("…")), (place, shown)
    pieces = visible(row[:start]) + visible(row[start:end]) + visible(row[end:])
    if cell_len(pieces) <= room:
        assert seen.text == pieces


@pytest.mark.parametrize(
    ("program", "piece"),
    [
        ("y = " + "x + " * 1200 + "foo + x", "foo"),
        ("y = '" + "结果" * 100 + "' + foo" + " + x" * 100, "foo"),
        ("变量 = x * 2; 结果 = 变量 @ foo", "foo"),
        ("if True:\n\ty = x\t+\tfoo\ny", "foo"),
        ("y = x + \\\n    foo", "foo"),
    ],
    ids=["long", "long and wide", "wide", "tabs", "second line"],
)
def test_the_caret_stands_under_the_piece(agx: Agx, program: str, piece: str) -> None:
    outcome = agx("grad", program, "--x", "1", "--limit", "depth=3000")
    lines = (outcome.out + outcome.err).splitlines()
    row, marks = next((row, marks) for row, marks in itertools.pairwise(lines) if "^" in marks)
    start = cell_len(marks.partition("^")[0])
    assert at(row, start, marks.count("^")) == piece
    assert cell_len(row) <= 120


def test_without_unicode_the_caret_stands_right() -> None:
    report = explore("y = " + "x + " * 200 + "foo", x="1")
    block = diagnostic_block(report.diagnostics[0], report, 80)
    text = page_text(block, Screen(is_terminal=False, width=80, encoding="ascii"), Color.NEVER)
    assert text.isascii()
    row, marks = next((row, marks) for row, marks in itertools.pairwise(text.splitlines()) if "^" in marks)
    assert row[marks.index("^") :] == "foo"


def test_each_line_of_a_piece_is_marked(agx: Agx) -> None:
    out = agx("grad", "z = (x @\n     x.T @\n   torch.ones(7))", "--x", "1,2;3,4").out
    assert (
        "1 | z = (x @\n  |      ^^^\n2 |      x.T @\n  |      ^^^^^\n3 |    torch.ones(7))\n  |    ^^^^^^^^^^^^^ x"
        in out
    )


def test_of_a_long_line_the_fix_shows_what_differs(agx: Agx) -> None:
    program = f"y = x.exp()\nq = [{'0, ' * 500}0]; y += 1; k = [{'1, ' * 500}1]\ny.sum().backward()"
    outcome = agx("explain", program, "--x", "0,1")
    rows = [line for line in (outcome.out + outcome.err).splitlines() if line.startswith(("2 - ", "2 + "))]
    assert ["y += 1" in rows[0], "y = y + 1" in rows[1]] == [True, True]
    assert max(map(len, rows)) <= 120
