"""Diagnostics as a person reads them: what is wrong, the line, a caret under the exact span, what to write instead."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autograd_cli.diagnostic import PROGRAM, Diagnostic, Related, Severity, Span, speaker
from autograd_cli.render.escape import visible
from autograd_cli.render.look import BAD, GRADIENT, HEADING, QUIET, REMARK
from autograd_cli.spelling import spelled, spelled_source
from autograd_cli.trace import Report

_STYLES = {Severity.ERROR: BAD, Severity.WARNING: BAD, Severity.NOTE: REMARK}
_WIDTH = 120


def diagnostic_block(diagnostic: Diagnostic, report: Report, width: int | None) -> Group:
    """One diagnostic, several lines. `width` is None where these may be long."""
    text = report.text_of(diagnostic.source)
    style = _STYLES[diagnostic.severity]
    title = f"{diagnostic.severity.value}[{diagnostic.rule}]"
    parts: list[RenderableType] = [Text.assemble((title, style), (f": {visible(diagnostic.message)}", HEADING))]
    margin = ""
    if diagnostic.span is not None and text:
        places = (Related(span=diagnostic.span, label=diagnostic.label or ""), *diagnostic.related)
        excerpts = _Excerpts(report, diagnostic.source, places, width or _WIDTH)
        margin = excerpts.margin
        parts.append(Text(f"{margin}--> {visible(_where(diagnostic.span, diagnostic.source, report))}", style=QUIET))
        parts.append(Text(f"{margin} |", style=QUIET))
        parts += excerpts.lines(style)
    elif diagnostic.label:
        parts.append(_note(margin, "help", diagnostic.label))
    if diagnostic.torch_says:
        parts.append(_note(margin, f"{speaker(diagnostic.torch_says)} says", diagnostic.torch_says))
    if diagnostic.fix:
        parts += [_note(margin, "help", line) for line in diagnostic.fix.split("\n")]
    if diagnostic.edits and diagnostic.edits_work:
        how = spelled(option="--fix prints the program, --diff the patch", argument="report.fixed is the program")
        parts.append(_note(margin, "fix", f"verified by running it; {how}:"))
        parts += _changes(diagnostic, report, margin)
    if diagnostic.is_documented:
        parts.append(_note(margin, "more", f"agx rules {diagnostic.rule}"))
    return Group(*parts)


def _where(span: Span, source: str, report: Report) -> str:
    """The place as it is named: `a.py:4:3`, and in a notebook the cell."""
    column = span.column + 1 + report.written_row(source, span.line)[1]
    if source != PROGRAM:
        return f"{spelled_source(source)}:{span.line}:{column}"
    cell, line = report.cell_of(span.line)
    if cell is None:
        return f"{report.source_name}:{line}:{column}"
    return f"{report.source_name}, cell {cell}, line {line}, column {column}"


def _changes(diagnostic: Diagnostic, report: Report, margin: str) -> Iterator[Text]:
    """The lines that the fix changes, as they are and as they are to be."""
    rows = report.source.split("\n")
    for edit in diagnostic.edits:
        number = report.number_of(edit.line).rjust(len(margin))
        for row in rows[edit.line - 1 : edit.end_line]:
            yield Text.assemble((f"{number} ", QUIET), (f"- {visible(row)}", BAD))
        for row in edit.text.split("\n") if edit.text else ():
            yield Text.assemble((f"{number} ", QUIET), (f"+ {visible(row)}", GRADIENT))


class _Excerpts:
    """Places of one text: the line of each as it was written, and marks under the columns of its span."""

    def __init__(self, report: Report, source: str, places: tuple[Related, ...], width: int) -> None:
        self._report = report
        self._source = source
        self._places = places
        self.margin = " " * max(len(self._number(place.span.line)) for place in places)
        self._room = max(width - len(self.margin) - 4, 20)

    def _number(self, line: int) -> str:
        return self._report.number_of(line) if self._source == PROGRAM else str(line)

    def lines(self, style: str) -> Iterator[Text]:
        """The lines of all places, each line once where several places in succession share it."""
        room, shown = self._room, None
        for place in self._places:
            span = place.span
            row, shift = self._report.written_row(self._source, span.line)
            first = span.column + shift
            end = span.end_column + shift if span.end_line == span.line else len(row)
            start = max(first - room // 2, 0) if cell_len(row) > room else 0
            before, marked = visible(row[start:first]), visible(row[first : max(end, first)])
            if (span.line, start) != shown:
                number = self._number(span.line).rjust(len(self.margin))
                line = _window(visible(row[start:]), room, is_cut=start > 0)
                yield Text.assemble((f"{number} | ", QUIET), line)
                shown = (span.line, start)
            mark, mark_style = ("^", style) if place is self._places[0] else ("-", REMARK)
            column = cell_len(before)
            marks = mark * max(min(cell_len(marked), room - column), 1)
            yield from _marked(self.margin, " " * column, marks, visible(place.label), room, mark_style)


def _window(row: str, room: int, *, is_cut: bool) -> str:
    if is_cut:
        row = f"…{row[1:]}"
    return row if cell_len(row) <= room else f"{row[: room - 1]}…"


def _marked(margin: str, indent: str, marks: str, label: str, room: int, style: str) -> Iterator[Text]:
    """The marks and their label, which goes to a line of its own where it does not fit beside them."""
    if len(indent) + len(marks) + 1 + cell_len(label) <= room or not label:
        yield Text.assemble((f"{margin} | ", QUIET), indent, (f"{marks} {label}".rstrip(), style))
        return
    yield Text.assemble((f"{margin} | ", QUIET), indent, (marks, style))
    yield Text.assemble((f"{margin} | ", QUIET), (label, style))


def _note(margin: str, kind: str, words: str) -> Table:
    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text.assemble((f"{margin} = ", QUIET), (f"{kind}: ", HEADING)), Text(visible(words)))
    return grid
