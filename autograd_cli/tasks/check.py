"""The use case of checking: what is wrong with the gradients of a program, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from autograd_cli.diagnostic import Severity, Status
from autograd_cli.report import Report
from autograd_cli.tasks.explore import explore, nothing
from autograd_cli.tasks.request import Request


def check(
    request: Request, before_run: Callable[[], None] = nothing, *, strict: bool = False, briefly: bool = False
) -> Report:
    """The Report of a program that was watched. Where it is `strict`, warnings are bad news, too.

    Told `briefly`, it is without the run itself, which in JSON is a thousand times as long.
    """
    report = explore(replace(request, watch=True, counterfactuals=False), before_run)
    is_warned = any(found.severity is Severity.WARNING for found in report.diagnostics)
    if strict and is_warned and report.status is Status.ANSWER:
        report = replace(report, status=Status.BAD_NEWS)
    return replace(report, traces=(), explanation=None) if briefly else report
