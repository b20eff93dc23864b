"""Several runs side by side: a column for each, a row for each fact, and marks where they differ.

Where the columns do not all fit the width, they stand in several blocks under one another, each beside the first
column, which the others are compared with.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autograd_cli.diagnostic import speaker
from autograd_cli.modes import MODES
from autograd_cli.render.escape import visible
from autograd_cli.render.look import BAD, HEADING, QUIET, Look
from autograd_cli.render.pages import comparison_lesson
from autograd_cli.render.parts.compared import Row, Section, sections
from autograd_cli.report import Report

_MARK = "* "
_GAP = 2
_DIFFERENT = "bold"
_SAME = "the same"


def comparison(report: Report, look: Look) -> Group:
    """The whole page, without a final empty line."""
    notes: dict[str, int] = {}
    found = list(sections(report, look, notes))
    parts: list[RenderableType] = []
    if comparison_lesson.is_lesson(report):
        found = comparison_lesson.telling(found)
        parts += comparison_lesson.before(report, look)
    found = [section for section in found if section.rows]
    drawing = _Drawing(report, found, look)
    for block in drawing.blocks():
        parts += [Text()] * bool(parts) + [drawing.block(block)]
    if len(report.columns) > 1:
        parts += [Text(), drawing.legend()]
    if notes:
        parts += [Text(), _notes(notes)]
    if comparison_lesson.is_lesson(report):
        parts += comparison_lesson.after(report, look)
    return Group(*parts)


class _Drawing:
    """The table, in blocks that fit the width."""

    def __init__(self, report: Report, found: Sequence[Section], look: Look) -> None:
        self._found = found
        self._look = look
        self._names = [visible(column.name) for column in report.columns]
        self._rows = [row for section in found for row in section.rows]
        self._label = max(cell_len(f"{_MARK}{row.name}") for row in self._rows)
        self._widths = [self._width(index) for index in range(len(self._names))]

    def blocks(self) -> Iterator[list[int]]:
        """The columns that stand beside one another: the first, and as many others as fit."""
        block = [0]
        for index in range(1, len(self._names)):
            if len(block) > 1 and not self._fits([*block, index]):
                yield block
                block = [0]
            block.append(index)
        yield block

    def _fits(self, block: Sequence[int]) -> bool:
        needed = self._label + sum(_GAP + self._widths[index] for index in block)
        return self._look.width is None or needed <= self._look.width

    def _width(self, index: int) -> int:
        lines = [line for row in self._rows for line in self._cell(row, index).plain.split("\n")]
        return max(cell_len(self._names[index]), *map(cell_len, lines))

    def block(self, block: Sequence[int]) -> Group:
        """Some of the columns, with all rows."""
        lines = [self._line(Text(), [Text(self._names[index], style=HEADING) for index in block], block)]
        for section in self._found:
            about = (f"  {section.about}", QUIET) if section.about else ""
            lines.append(Text.assemble((section.title, HEADING), about))
            for row in section.rows:
                mark = _MARK if row.differs else " " * len(_MARK)
                name = Text(f"{mark}{row.name}", style=_DIFFERENT if row.differs else QUIET)
                lines.append(self._line(name, self._cells(row, block), block))
        return Group(*lines)

    def _cells(self, row: Row, block: Sequence[int]) -> list[Text]:
        """The cells of a row. After the first block, a matrix of the first column is whole only beside another one."""
        cells = [self._cell(row, index) for index in block]
        is_first = block[1:2] in ([], [1])
        if not is_first and "\n" in cells[0].plain and not any("\n" in cell.plain for cell in cells[1:]):
            cells[0] = Text(row.cells[0].short, style=cells[0].style)
        return cells

    def _cell(self, row: Row, index: int) -> Text:
        """What stands in a cell: for several lines that the first column has as well, only that they are the same."""
        cell = row.cells[index]
        if row.is_wrong(index):
            return Text(f"{cell.text} {self._look.glyphs.refused}", style=BAD)
        is_bad = cell.is_bad or row.is_missing(index)
        is_same = index > 0 and "\n" in cell.text and cell.key == row.cells[0].key
        style = BAD if is_bad else _DIFFERENT if row.differs else QUIET
        return Text(_SAME if is_same else cell.text, style=style)

    def _line(self, name: Text, cells: Sequence[Text], block: Sequence[int]) -> Text:
        """A row, each of its cells as wide as its column, without spaces at the end."""
        columns = [name, *cells]
        widths = [self._label, *[self._widths[index] for index in block]]
        split = [column.split("\n", allow_blank=True) or [Text()] for column in columns]
        lines = []
        for pieces in itertools.zip_longest(*split, fillvalue=Text()):
            line, end = Text(), 0
            for piece, width in zip(pieces, widths, strict=True):
                line.append(" " * (end - line.cell_len)).append_text(piece)
                end += width + _GAP
            line.rstrip()
            lines.append(line)
        return Text("\n").join(lines)

    def legend(self) -> Text:
        """What the marks mean."""
        if not any(row.differs for row in self._rows):
            return Text("no row has different values", style=QUIET)
        words = (
            "the modes differ in this row"
            if len(set(self._names) - set(MODES)) == 0
            else "the programs differ in this row"
        )
        legend = Text.assemble((_MARK.strip(), _DIFFERENT), (f" {words}", QUIET))
        if any(row.is_wrong(index) for row in self._rows for index in range(len(self._names))):
            glyph = self._look.glyphs.refused
            legend.append_text(Text.assemble("   ", (glyph, BAD), (f" not the gradient of {self._names[0]}", QUIET)))
        return legend


def _notes(notes: dict[str, int]) -> Table:
    """What torch said, once each."""
    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for words, number in notes.items():
        who = Text.assemble((f"[{number}] ", BAD), (f"{speaker(words)} says: ", HEADING))
        grid.add_row(who, Text(visible(words)))
    return grid
