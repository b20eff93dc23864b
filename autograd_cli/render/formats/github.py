"""A Report's findings as annotations: the commands of a GitHub workflow, which it shows beside the line in a file."""

from __future__ import annotations

from autograd_cli.diagnostic import PROGRAM, Diagnostic, Severity, Span, speaker
from autograd_cli.render.escape import visible
from autograd_cli.render.parts.verdict import named_verdict
from autograd_cli.report import Report

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_OF_MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_OF_PROPERTY = {**_OF_MESSAGE, ":": "%3A", ",": "%2C"}


def github_text(report: Report) -> str:
    """One line for each finding, and the verdict."""
    lines = [_annotation(found, report) for found in report.diagnostics]
    line = named_verdict(report)
    return "".join(f"{each}\n" for each in [*lines, *([] if line is None else [visible(line)])])


def _annotation(diagnostic: Diagnostic, report: Report) -> str:
    properties: dict[str, object] = {}
    span = diagnostic.span if diagnostic.source == PROGRAM else None
    if diagnostic.source == PROGRAM and report.source_name != PROGRAM:
        properties["file"] = report.source_name if span is None else report.file_of(span.line)
    place = ""
    if span is not None and report.is_notebook:  # the lines of its file are not those of its cells
        place = f"{report.place_of(span.line)}: "
    elif span is not None:
        properties |= _position(span, report)
    properties["title"] = f"agx {diagnostic.rule}"
    listed = ",".join(f"{name}={_escaped(visible(str(value)), _OF_PROPERTY)}" for name, value in properties.items())
    torch_says = diagnostic.torch_says and f"{speaker(diagnostic.torch_says)} says: {diagnostic.torch_says}"
    told = (f"{place}{diagnostic.message}", torch_says, diagnostic.fix)
    words = "\n".join(visible(each) for each in told if each)
    return f"::{_COMMANDS[diagnostic.severity]} {listed}::{_escaped(words, _OF_MESSAGE)}"


def _position(span: Span, report: Report) -> dict[str, object]:
    """The lines of a span in its file, and the columns of a single line; both count from 1 and are inclusive."""
    _, line = report.cell_of(span.line)
    lines = {"line": line, "endLine": line + span.end_line - span.line}
    if span.line != span.end_line:
        return {**lines}
    left = report.written_row(PROGRAM, span.line)[1]
    column = span.column + 1 + left
    return {**lines, "col": column, "endColumn": max(span.end_column + left, column)}


def _escaped(text: str, escapes: dict[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)
