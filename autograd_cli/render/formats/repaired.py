"""The repaired program, and the difference between it and the one that was given."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace

from autograd_cli.diagnostic import PROGRAM, AgxError, Diagnostic, Edit, Severity, Status, edited
from autograd_cli.render.escape import visible
from autograd_cli.render.parts.verdict import alarms, in_short
from autograd_cli.report import Ran, Report

_NO_END = "\\ No newline at end of file\n"


def fixed(report: Report) -> Diagnostic | None:
    """The first problem with a fix that is known to work; of a script, also with one that was not tried."""
    is_script = isinstance(report.body, Ran)
    return next(
        (each for each in alarms(report) if each.edits_work or (is_script and each.edits and each.edits_work is None)),
        None,
    )


def fixed_text(report: Report) -> str:
    """One line that says which problem the repaired program no longer has; nothing where nothing is wrong."""
    found = fixed(report)
    if found is None:
        return ""
    return f"{'fixed' if found.edits_work else 'not tried, for'}: {visible(in_short(found, report))}\n"


def repaired(report: Report) -> str:
    """The program with the first fix that is known to work; unchanged where nothing is wrong with it.

    Raises:
        AgxError: something is wrong, and no fix is known to work.
    """
    return f"{edited(report.source, _edits(report))}\n"


def patch(report: Report) -> str:
    """The same as a unified diff of what was given, which `patch` and `git apply` read; empty where nothing is wrong.

    Of a script it is of the file that the fix is in.

    Raises:
        AgxError: as `repaired`, or the program is a notebook.
    """
    if report.is_notebook:
        message, fix = "a patch cannot be made for a notebook", "--fix prints its program, repaired"
        if isinstance(report.body, Ran):
            fix = "agx run shows the change without --diff"
        raise AgxError(Diagnostic(rule="no-fix", severity=Severity.ERROR, message=message, fix=fix))
    if isinstance(report.body, Ran):
        edits = [report.placed(edit) for edit in _edits(report)]
        return "".join(
            _difference(name, text, edited(text, [edit for edit in edits if edit.file == name]))
            for name, text in report.files()
        )
    above = "\n" * (report.source_line - 1)  # blank lines, which are not part of the program
    given = report.source if report.written is None else report.written
    changed = edited(given, [_as_written(edit, report) for edit in _edits(report)])
    return _difference(report.source_name, f"{above}{given}\n", f"{above}{changed}\n")


def _difference(name: str, old: str, new: str) -> str:
    name = name.lstrip("/")
    before, after = (text.splitlines(keepends=True) for text in (old, new))
    lines = difflib.unified_diff(before, after, f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n{_NO_END}" for line in lines)


def _edits(report: Report) -> Sequence[Edit]:
    """The changes of the first fix that is to be made."""
    working = fixed(report)
    if alarms(report) and working is None:
        message = "agx knows no small change that repairs this program"
        raise AgxError(Diagnostic(rule="no-fix", severity=Severity.ERROR, message=message), Status.BAD_NEWS)
    return () if working is None else working.edits


def _as_written(edit: Edit, report: Report) -> Edit:
    """The change with what stood in front of the line that it changes: a prompt, say."""
    row, shift = report.written_row(PROGRAM, edit.line)
    lines = [f"{row[:shift]}{line}" for line in edit.text.split("\n")] if edit.text else []
    return replace(edit, text="\n".join(lines))
