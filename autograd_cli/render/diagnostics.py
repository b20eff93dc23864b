"""Diagnostics as a person reads them: what is wrong, the line, a caret under the exact span, what to write instead."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autograd_cli.diagnostic import PROGRAM, Diagnostic, Related, Severity, speaker
from autograd_cli.render.escape import visible
from autograd_cli.render.look import BAD, GRADIENT, HEADING, QUIET, REMARK
from autograd_cli.trace import Report

_STYLES = {Severity.ERROR: BAD, Severity.WARNING: BAD, Severity.NOTE: REMARK}
_WIDTH = 120


def diagnostic_block(diagnostic: Diagnostic, report: Report, width: int | None) -> Group:
    """One diagnostic, several lines. `width` is None where these may be long."""
    text = report.text_of(diagnostic.source)
    is_program = diagnostic.source == PROGRAM
    name, first = (report.source_name, report.source_line) if is_program else (diagnostic.source, 1)
    style = _STYLES[diagnostic.severity]
    title = f"{diagnostic.severity.value}[{diagnostic.rule}]"
    parts: list[RenderableType] = [Text.assemble((title, style), (f": {visible(diagnostic.message)}", HEADING))]
    margin = ""
    if diagnostic.span is not None and text:
        places = (Related(span=diagnostic.span, label=diagnostic.label or ""), *diagnostic.related)
        margin = " " * len(str(first - 1 + max(place.span.line for place in places)))
        where = f"{name}:{first - 1 + diagnostic.span.line}:{diagnostic.span.column + 1}"
        parts.append(Text(f"{margin}--> {visible(where)}", style=QUIET))
        parts.append(Text(f"{margin} |", style=QUIET))
        parts += _excerpts(places, text, first, margin, width or _WIDTH, style)
    elif diagnostic.label:
        parts.append(_note(margin, "help", diagnostic.label))
    if diagnostic.torch_says:
        parts.append(_note(margin, f"{speaker(diagnostic.torch_says)} says", diagnostic.torch_says))
    if diagnostic.fix:
        parts.append(_note(margin, "help", diagnostic.fix))
    if diagnostic.edits and diagnostic.edits_work:
        parts.append(_note(margin, "fix", "with this change, tried just now, it works (--fix, --diff)"))
        parts += _changes(diagnostic, text, first, margin)
    return Group(*parts)


def _changes(diagnostic: Diagnostic, text: str, first: int, margin: str) -> Iterator[Text]:
    """The lines that the fix changes, as they are and as they are to be."""
    rows = text.split("\n")
    for edit in diagnostic.edits:
        number = str(first - 1 + edit.line).rjust(len(margin))
        for row in rows[edit.line - 1 : edit.end_line]:
            yield Text.assemble((f"{number} ", QUIET), (f"- {visible(row)}", BAD))
        for row in edit.text.split("\n") if edit.text else ():
            yield Text.assemble((f"{number} ", QUIET), (f"+ {visible(row)}", GRADIENT))


def _excerpts(
    places: tuple[Related, ...], text: str, first: int, margin: str, width: int, style: str
) -> Iterator[Text]:
    """Each place: its line (once, where several places share it), and marks under the columns of its span."""
    rows = text.split("\n")
    room = max(width - len(margin) - 4, 20)
    shown = None
    for place in places:
        span, row = place.span, rows[place.span.line - 1]
        end = span.end_column if span.end_line == span.line else len(row)
        start = max(span.column - room // 2, 0) if cell_len(row) > room else 0
        before, marked = visible(row[start : span.column]), visible(row[span.column : max(end, span.column)])
        if (span.line, start) != shown:
            number = str(first - 1 + span.line).rjust(len(margin))
            line = _window(visible(row[start:]), room, is_cut=start > 0)
            yield Text.assemble((f"{number} | ", QUIET), line)
            shown = (span.line, start)
        mark, mark_style = ("^", style) if place is places[0] else ("-", REMARK)
        column = cell_len(before)
        marks = mark * max(min(cell_len(marked), room - column), 1)
        yield from _marked(margin, " " * column, marks, visible(place.label), room, mark_style)


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
