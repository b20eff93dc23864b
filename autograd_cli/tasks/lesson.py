"""The use case of a lesson: a program of ours, explained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from autograd_cli.diagnostic import Status
from autograd_cli.report import Report
from autograd_cli.tasks.explore import explore, nothing
from autograd_cli.tasks.request import Request


def teach(request: Request, name: str, before_run: Callable[[], None] = nothing) -> Report:
    """The Report of the lesson of this name: what torch refuses in it is what it shows."""
    report = explore(replace(request, watch=True), before_run)
    status = Status.ANSWER if report.status is Status.BAD_NEWS else report.status
    return replace(report, status=status, lesson=name if report.traces else None)
