"""The repaired program, and the difference between it and the one that was given."""

from __future__ import annotations

import difflib

from autograd_cli.diagnostic import AgxError, Diagnostic, Severity, Status, edited
from autograd_cli.render.escape import visible
from autograd_cli.render.verdict import alarms, in_short
from autograd_cli.trace import Report


def fixed(report: Report) -> Diagnostic | None:
    """The first problem with a fix that is known to work."""
    return next((found for found in alarms(report) if found.edits_work), None)


def fixed_text(report: Report) -> str:
    """One line that says which problem the repaired program has no longer; nothing where nothing is wrong."""
    found = fixed(report)
    return "" if found is None else f"fixed: {visible(in_short(found, report))}\n"


def repaired(report: Report) -> str:
    """The program with the first fix made that is known to work; as it stands, where nothing is wrong with it.

    Raises:
        AgxError: something is wrong, and no fix is known to work.
    """
    working = fixed(report)
    if alarms(report) and working is None:
        message = "no change of a line or two is known to repair this program"
        raise AgxError(Diagnostic(rule="no-fix", severity=Severity.ERROR, message=message), Status.BAD_NEWS)
    text = report.source if working is None else edited(report.source, working.edits)
    return f"{text}\n"


def patch(report: Report) -> str:
    """The same as a unified diff, which `patch` and `git apply` read; empty where nothing is wrong.

    Raises:
        AgxError: as `repaired`.
    """
    above = "\n" * (report.source_line - 1)  # blank lines, which are not part of the program
    old, new = (f"{above}{text}".splitlines(keepends=True) for text in (f"{report.source}\n", repaired(report)))
    name = report.source_name.lstrip("/")
    return "".join(difflib.unified_diff(old, new, f"a/{name}", f"b/{name}"))
