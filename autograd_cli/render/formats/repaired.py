"""The repaired program, and the difference between it and the one that was given."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace

from autograd_cli.diagnostic import PROGRAM, AgxError, Diagnostic, Edit, Severity, Status, edited
from autograd_cli.render.escape import visible
from autograd_cli.render.parts.verdict import alarms, in_short
from autograd_cli.report import Report


def fixed(report: Report) -> Diagnostic | None:
    """The first problem with a fix that is known to work."""
    return next((found for found in alarms(report) if found.edits_work), None)


def fixed_text(report: Report) -> str:
    """One line that says which problem the repaired program no longer has; nothing where nothing is wrong."""
    found = fixed(report)
    return "" if found is None else f"fixed: {visible(in_short(found, report))}\n"


def repaired(report: Report) -> str:
    """The program with the first fix that is known to work; unchanged where nothing is wrong with it.

    Raises:
        AgxError: something is wrong, and no fix is known to work.
    """
    return f"{edited(report.source, _edits(report))}\n"


def patch(report: Report) -> str:
    """The same as a unified diff of what was given, which `patch` and `git apply` read; empty where nothing is wrong.

    Raises:
        AgxError: as `repaired`, or the program is a notebook.
    """
    if report.cells:
        message, fix = "a patch fits a text, and this is a notebook", "--fix prints its program, repaired"
        raise AgxError(Diagnostic(rule="no-fix", severity=Severity.ERROR, message=message, fix=fix))
    above = "\n" * (report.source_line - 1)  # blank lines, which are not part of the program
    given = report.source if report.written is None else report.written
    changed = edited(given, [_as_written(edit, report) for edit in _edits(report)])
    old, new = (f"{above}{text}\n".splitlines(keepends=True) for text in (given, changed))
    name = report.source_name.lstrip("/")
    return "".join(difflib.unified_diff(old, new, f"a/{name}", f"b/{name}"))


def _edits(report: Report) -> Sequence[Edit]:
    """The changes of the first fix that is known to work."""
    working = fixed(report)
    if alarms(report) and working is None:
        message = "no change of a line or two is known to repair this program"
        raise AgxError(Diagnostic(rule="no-fix", severity=Severity.ERROR, message=message), Status.BAD_NEWS)
    return () if working is None else working.edits


def _as_written(edit: Edit, report: Report) -> Edit:
    """The change with what stood in front of the line that it changes: a prompt, say."""
    row, shift = report.written_row(PROGRAM, edit.line)
    lines = [f"{row[:shift]}{line}" for line in edit.text.split("\n")] if edit.text else []
    return replace(edit, text="\n".join(lines))
