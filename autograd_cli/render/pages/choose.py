"""Which page a Report is shown on: what is in it says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autograd_cli.render.look import Look
from autograd_cli.report import Report

if TYPE_CHECKING:
    from rich.console import Group


def page_of(report: Report, look: Look) -> Group:
    """The page for a person, without a final empty line."""
    if report.lesson is not None:
        from autograd_cli.render.pages.lesson import lesson

        return lesson(report, look)
    if report.columns:
        from autograd_cli.render.pages.comparison import comparison

        return comparison(report, look)
    if report.explanation is not None:
        from autograd_cli.render.pages.explanation import explanation

        return explanation(report, look)
    from autograd_cli.render.pages.grad import page

    return page(report, look)
