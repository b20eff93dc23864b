"""Diagnostics as a person reads them: what is wrong, the line, a caret under the exact span, what to write instead."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autograd_cli.diagnostic import PROGRAM, Diagnostic, Related, Severity, Span, speaker
from autograd_cli.render.escape import visible
from autograd_cli.render.look import BAD, GRADIENT, HEADING, QUIET, REMARK
from autograd_cli.render.parts.window import window
from autograd_cli.report import Ran, Report
from autograd_cli.spelling import spelled, spelled_source

_STYLES = {Severity.ERROR: BAD, Severity.WARNING: BAD, Severity.NOTE: REMARK}
_WIDTH = 120
_TRIED = {
    True: "verified by running the script with it",
    False: "run with it, the script has this problem still, or another",
}
_SPAN = 4  # the most lines that are shown of a place


def diagnostic_block(diagnostic: Diagnostic, report: Report, width: int | None) -> Group:
    """One diagnostic, in several lines. `width` is None where these may have any length."""
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
    words = _fix_words(diagnostic, report)
    if words is not None:
        parts.append(_note(margin, "fix", words))
        parts += _changes(diagnostic, report, margin, width)
    if diagnostic.is_documented:
        command = f"agx rules {diagnostic.rule}"
        parts.append(_note(margin, "more", spelled(option=command, argument=f"{command}, in a shell")))
    return Group(*parts)


def _where(span: Span, source: str, report: Report) -> str:
    """The place as it is named: `a.py:4:3`, and in a notebook the cell."""
    column = span.column + 1 + report.written_row(source, span.line)[1]
    if source != PROGRAM:
        return f"{spelled_source(source)}:{span.line}:{column}"
    cell, line = report.cell_of(span.line)
    if cell is None:
        return f"{report.source_name}:{line}:{column}"
    if cell.file is not None:
        return f"{cell.file}:{line}:{column}"
    return f"{report.source_name}, cell {cell.number}, line {line}, column {column}"


def _fix_words(diagnostic: Diagnostic, report: Report) -> str | None:
    """What is known of the fix; None where there is none to show."""
    if not diagnostic.edits:
        return None
    if not isinstance(report.body, Ran):
        how = spelled(option="--fix prints the program, --diff the patch", argument="report.fixed is the program")
        return f"verified by running it; {how}:" if diagnostic.edits_work else None
    if diagnostic.edits_work is not None:
        return f"{_TRIED[diagnostic.edits_work]}:"
    return f"{spelled(option='--try runs the script with it', argument='it was not tried')}:"


def _changes(diagnostic: Diagnostic, report: Report, margin: str, width: int | None) -> Iterator[Text]:
    """The lines that the fix changes, as they are and as they are to be; of a long line the part that differs."""
    rows = report.source.split("\n")
    room = max((width or _WIDTH) - len(margin) - 3, 20)
    for edit in diagnostic.edits:
        number = report.number_of(edit.line).rjust(len(margin))
        old, new = rows[edit.line - 1 : edit.end_line], edit.text.split("\n") if edit.text else []
        for sign, lines, others, style in (("-", old, new, BAD), ("+", new, old, GRADIENT)):
            for line, other in itertools.zip_longest(lines, others[: len(lines)], fillvalue=""):
                same = _in_common(line, other)
                seen = window(line, same, same, room)
                yield Text.assemble((f"{number} ", QUIET), (f"{sign} {seen.text}", style))


def _in_common(one: str, other: str) -> int:
    """How many characters two lines begin with together."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (left, right) in pairs if left != right), min(len(one), len(other)))


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

    def _file(self, place: Related) -> str:
        return self._report.file_of(place.span.line) if self._source == PROGRAM else self._source

    def lines(self, style: str) -> Iterator[Text]:
        """The lines of all places, each line once where several places in succession share it."""
        shown = None
        file = self._file(self._places[0])
        for place in self._places:
            if self._file(place) != file:
                file = self._file(place)
                yield Text(f"{self.margin}::: {visible(_where(place.span, self._source, self._report))}", style=QUIET)
            mark, mark_style = ("^", style) if place is self._places[0] else ("-", REMARK)
            pieces = self._pieces(place.span)
            for index, (line, first, end) in enumerate(pieces):
                row, shift = self._report.written_row(self._source, line)
                seen = window(row, first + shift, max(end, first) + shift, self._room)
                if (line, seen.text) != shown:
                    number = self._number(line).rjust(len(self.margin))
                    yield Text.assemble((f"{number} | ", QUIET), seen.text)
                    shown = (line, seen.text)
                label = visible(place.label) if index == len(pieces) - 1 else ""
                yield from _marked(self.margin, " " * seen.column, mark * seen.width, label, self._room, mark_style)

    def _pieces(self, span: Span) -> list[tuple[int, int, int]]:
        """What is marked, as (line, first column, end): the first lines of several, the head of a block of code."""
        rows = self._report.text_of(self._source).split("\n")
        last = min(span.end_line, span.line + _SPAN - 1)
        if rows[span.line - 1].rstrip().endswith(":"):
            last = span.line
        pieces = []
        for line in range(span.line, last + 1):
            row = rows[line - 1]
            first = span.column if line == span.line else len(row) - len(row.lstrip())
            end = span.end_column if line == span.end_line else len(row.rstrip())
            if end > first or line == span.line:
                pieces.append((line, first, end))
        return pieces


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
