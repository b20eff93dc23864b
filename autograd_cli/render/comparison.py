"""Several runs side by side: a column for each, a row for each fact, and marks where they differ.

Where the columns do not all fit the width, they stand in several blocks under one another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autograd_cli.diagnostic import speaker
from autograd_cli.render import comparison_lesson
from autograd_cli.render.compared import Cell, Row, Section, sections
from autograd_cli.render.diagnostics import diagnostic_block
from autograd_cli.render.escape import visible
from autograd_cli.render.look import BAD, HEADING, QUIET, Look
from autograd_cli.trace import Report

_MARK = "* "
_GAP = 2
_DIFFERENT = "bold"


def comparison(report: Report, look: Look) -> Group:
    """The whole page, without a final empty line."""
    if not report.columns:
        return Group(*[diagnostic_block(found, report, look.width) for found in report.diagnostics])
    notes: dict[str, int] = {}
    found = list(sections(report, look, notes))
    parts: list[RenderableType] = []
    if comparison_lesson.is_lesson(report):
        found = comparison_lesson.telling(found)
        parts += comparison_lesson.before(report, look)
    found = [section for section in found if section.rows]
    for block in _blocks(report, found, look):
        parts += [Text()] * bool(parts) + [_block(report, found, block)]
    if len(report.columns) > 1:
        parts += [Text(), _legend(found)]
    if notes:
        parts += [Text(), _notes(notes)]
    if comparison_lesson.is_lesson(report):
        parts += comparison_lesson.after(report, look)
    return Group(*parts)


def _blocks(report: Report, found: Sequence[Section], look: Look) -> Iterator[range]:
    """The columns that stand beside one another: as many as fit."""
    count = len(report.columns)
    start = 0
    taken = _label_width(found)
    for index in range(count):
        width = _GAP + _width(report, found, index)
        if look.width is not None and index > start and taken + width > look.width:
            yield range(start, index)
            start, taken = index, _label_width(found)
        taken += width
    yield range(start, count)


def _label_width(found: Sequence[Section]) -> int:
    return max(cell_len(f"{_MARK}{row.name}") for section in found for row in section.rows)


def _width(report: Report, found: Sequence[Section], index: int) -> int:
    cells = [cell_len(row.cells[index].text) for section in found for row in section.rows]
    return max(cell_len(visible(report.columns[index].name)), *cells)


def _block(report: Report, found: Sequence[Section], block: range) -> Group:
    label = _label_width(found)
    widths = [_width(report, found, index) for index in block]
    names = [Text(visible(report.columns[index].name), style=HEADING) for index in block]
    lines = [_line(Text(), label, names, widths)]
    for section in found:
        title = Text.assemble((section.title, HEADING), (f"  {section.about}", QUIET) if section.about else "")
        lines.append(title)
        for row in section.rows:
            mark = _MARK if row.differs else " " * len(_MARK)
            name = Text(f"{mark}{row.name}", style=_DIFFERENT if row.differs else QUIET)
            lines.append(_line(name, label, [_cell(row, row.cells[index]) for index in block], widths))
    return Group(*lines)


def _cell(row: Row, cell: Cell) -> Text:
    style = BAD if cell.is_bad else _DIFFERENT if row.differs else QUIET
    return Text(cell.text, style=style)


def _line(name: Text, label: int, cells: Sequence[Text], widths: Sequence[int]) -> Text:
    """One line, each of its cells as wide as its column; the last ends where its text ends."""
    line = name.copy()
    end = label
    for cell, width in zip(cells, widths, strict=True):
        line.append(" " * (end + _GAP - line.cell_len))
        line.append_text(cell)
        end += _GAP + width
    return line


def _legend(found: Sequence[Section]) -> Text:
    if any(row.differs for section in found for row in section.rows):
        return Text.assemble(("*", _DIFFERENT), (" here they differ", QUIET))
    return Text("they agree in all", style=QUIET)


def _notes(notes: dict[str, int]) -> Table:
    """What torch said, once each."""
    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for words, number in notes.items():
        who = Text.assemble((f"[{number}] ", BAD), (f"{speaker(words)} says: ", HEADING))
        grid.add_row(who, Text(visible(words)))
    return grid
