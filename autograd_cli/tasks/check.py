"""The use case of checking: what is wrong with the gradients of a program, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from autograd_cli.diagnostic import Severity, Status
from autograd_cli.report import Checked, Report
from autograd_cli.tasks.explore import explore, nothing
from autograd_cli.tasks.request import Request


def check(request: Request, before_run: Callable[[], None] = nothing, *, strict: bool = False) -> Report:
    """What is wrong with a program that was watched. Where it is `strict`, warnings are bad news, too."""
    report = explore(replace(request, watch=True, counterfactuals=False), before_run)
    if report.body is None:
        return report
    is_warned = any(found.severity is Severity.WARNING for found in report.diagnostics)
    status = Status.BAD_NEWS if strict and is_warned else report.status
    return replace(report, status=status, body=Checked(outcome=report.body.outcome))
