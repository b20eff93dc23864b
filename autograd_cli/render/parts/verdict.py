"""A Report's verdict: the one line that says what is wrong and where, or what became of the gradients."""

from __future__ import annotations

from collections.abc import Sequence

from autograd_cli.diagnostic import PROGRAM, Diagnostic, Severity
from autograd_cli.report import Report

_TOLD = 3
_LONGEST = 80


def verdict(report: Report) -> str | None:
    """The line; None for a request for which nothing ran."""
    if report.outcome is None:
        return None
    found = alarms(report)
    if not found:
        return report.outcome
    told = [in_short(each, report) for each in found[:_TOLD]]
    more = [f"and {len(found) - _TOLD:,} more"] if len(found) > _TOLD else []
    return f"{_count(found)}: {'; '.join([*told, *more])}"


def named_verdict(report: Report) -> str | None:
    """The line with the name of the file that it is of, for where there may be several."""
    words = verdict(report)
    return words if words is None or report.source_name == PROGRAM else f"{report.source_name}: {words}"


def alarms(report: Report) -> tuple[Diagnostic, ...]:
    """The findings that are more than remarks."""
    return tuple([found for found in report.diagnostics if found.severity is not Severity.NOTE])


def headline(diagnostic: Diagnostic) -> str:
    """What a finding says first: its message up to the colon that begins the reason."""
    head = ""
    for index, piece in enumerate(diagnostic.message.split(": ")):
        head = piece if index == 0 else f"{head}: {piece}"
        if head.count("`") % 2 == 0:
            break
    return head if len(head) <= _LONGEST else f"{head[: _LONGEST - 1]}…"


def in_short(diagnostic: Diagnostic, report: Report) -> str:
    """A finding in a few words, and where it is."""
    places = [diagnostic.rule]
    if diagnostic.span is not None and diagnostic.source == PROGRAM:
        places.insert(0, report.place_of(diagnostic.span.line))
    return f"{headline(diagnostic)} ({', '.join(places)})"


def _count(found: Sequence[Diagnostic]) -> str:
    errors = sum(each.severity is Severity.ERROR for each in found)
    warnings = len(found) - errors
    counted = [(errors, "problem"), (warnings, "warning")]
    return " and ".join(f"{count:,} {noun}{'' if count == 1 else 's'}" for count, noun in counted if count)
