"""The use case of a lesson: a program of ours, explained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from autograd_cli.diagnostic import Status
from autograd_cli.report import Explained, Report, Taught
from autograd_cli.tasks.explore import explore, nothing
from autograd_cli.tasks.request import Request


def teach(request: Request, name: str, before_run: Callable[[], None] = nothing) -> Report:
    """The lesson of this name; where torch refuses something in it, that is what it shows, and no bad news."""
    report = explore(replace(request, watch=True), before_run)
    body = report.body
    if not isinstance(body, Explained):
        return report
    taught = Taught(trace=body.trace, outcome=body.outcome, explanation=body.explanation, lesson=name)
    return replace(report, status=Status.ANSWER, body=taught)
