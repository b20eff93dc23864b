"""Which page a Report is shown on: one row for each type of its body. What a page needs is imported with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from autograd_cli.render.look import Look
from autograd_cli.report import Checked, Compared, Explained, Explored, Ran, Report, Taught

if TYPE_CHECKING:
    from rich.console import Group


def page_of(report: Report, look: Look) -> Group:
    """The page for a person, without a final empty line."""
    return PAGES[type(report.body)](report, look)


def _grad(report: Report, look: Look) -> Group:
    from autograd_cli.render.pages.grad import page

    return page(report, look)


def _explanation(report: Report, look: Look) -> Group:
    from autograd_cli.render.pages.explanation import explanation

    return explanation(report, look)


def _run(report: Report, look: Look) -> Group:
    from autograd_cli.render.pages.explanation import explanation
    from autograd_cli.render.pages.run import run_page

    return explanation(report, look) if look.whole else run_page(report, look)


def _lesson(report: Report, look: Look) -> Group:
    from autograd_cli.render.pages.lesson import lesson

    return lesson(report, look)


def _findings(report: Report, look: Look) -> Group:
    from autograd_cli.render.parts.findings import findings_page

    return findings_page(report, look)


def _comparison(report: Report, look: Look) -> Group:
    from autograd_cli.render.pages.comparison import comparison

    return comparison(report, look)


PAGES: dict[type[object], Callable[[Report, Look], Group]] = {
    type(None): _findings,
    Explored: _grad,
    Explained: _explanation,
    Ran: _run,
    Taught: _lesson,
    Checked: _findings,
    Compared: _comparison,
}
