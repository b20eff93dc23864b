"""The formats of a Report, one row each, by the option that asks for them: what a format needs is imported with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autograd_cli.render.escape import visible
from autograd_cli.render.look import Look
from autograd_cli.report import Body, Checked, Compared, Explained, Explored, Ran, Report

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format.

    It gives a `text`, or a `page` for a person, with colours on a terminal. Answers `of` these types (Body stands for
    all) can be asked for in it, by an option `--name` with this `help` and these other `spellings`, and are written in
    it to a file whose name ends in `suffix`. One that `tells_all` says itself what is wrong, so that nothing is left
    for stderr; one `of_errors` has something to say of a request without an answer; a `repair` is the program, mended.
    """

    name: str
    text: Callable[[Report, Look], str] | None = None
    page: Callable[[Report, Look], RenderableType] | None = None
    of: tuple[type[Body], ...] = ()
    help: str = ""
    spellings: tuple[str, ...] = ()
    suffix: str | None = None
    tells_all: bool = False
    of_errors: bool = False
    repair: bool = False


def _page(report: Report, look: Look) -> RenderableType:
    from autograd_cli.render.pages.choose import page_of

    return page_of(report, look)


def _json(report: Report, _look: Look) -> str:
    from autograd_cli.render.formats.json_text import json_text

    return f"{json_text(report)}\n"


def _github(report: Report, _look: Look) -> str:
    from autograd_cli.render.formats.github import github_text

    return github_text(report)


def _values(report: Report, _look: Look) -> str:
    from autograd_cli.render.formats.values import values_text

    return values_text(report, named=False)


def _verdict(report: Report, _look: Look) -> str:
    from autograd_cli.render.parts.verdict import verdict

    return f"{visible(verdict(report) or '')}\n"


def _names(report: Report, _look: Look) -> str:
    from autograd_cli.render.formats.values import values_text

    return values_text(report, named=True)


def _result(report: Report, _look: Look) -> str:
    from autograd_cli.render.formats.values import result_text

    return result_text(report)


def _python(report: Report, _look: Look) -> str:
    from autograd_cli.render.formats.pytorch import pytorch_text

    return pytorch_text(report)


def _fix(report: Report, _look: Look) -> str:
    from autograd_cli.render.formats.repaired import repaired

    return repaired(report)


def _diff(report: Report, _look: Look) -> str:
    from autograd_cli.render.formats.repaired import patch

    return patch(report)


def _txt(report: Report, look: Look) -> str:
    from autograd_cli.render.formats.picture import plain_text

    return plain_text(report, look)


def _svg(report: Report, look: Look) -> str:
    from autograd_cli.render.formats.picture import svg

    return svg(report, look)


def _html(report: Report, look: Look) -> str:
    from autograd_cli.render.formats.picture import html

    return html(report, look)


FORMATS = {
    format_.name: format_
    for format_ in (
        Format(name="page", page=_page, tells_all=True),
        Format(
            name="json",
            text=_json,
            of=(Body,),
            help="Print one JSON object (agx schema has its schema).",
            suffix=".json",
            of_errors=True,
        ),
        Format(name="github", text=_github, tells_all=True, of_errors=True),
        Format(
            name="quiet",
            text=_values,
            of=(Explored, Explained, Compared),
            help="Print the gradients only, as --x reads them.",
            spellings=("-q",),
        ),
        Format(
            name="verdict",
            text=_verdict,
            of=(Ran,),
            help="Print the last line alone: what is wrong, and where.",
            spellings=("-q",),
            tells_all=True,
        ),
        Format(name="names", text=_names, of=(Explored,), help="Like -q, with NAME= even before a single gradient."),
        Format(name="result", text=_result, of=(Explored,), help="Print the result only, as --x reads it."),
        Format(
            name="python", text=_python, of=(Explored,), help="Print a PyTorch program that gives the same numbers."
        ),
        Format(
            name="fix",
            text=_fix,
            of=(Explained, Checked),
            help="Print the program with a fix that was tried and works.",
            repair=True,
        ),
        Format(name="diff", text=_diff, of=(Explained, Checked, Ran), help="Print that fix as a patch.", repair=True),
        Format(name="txt", text=_txt, suffix=".txt"),
        Format(name="svg", text=_svg, suffix=".svg"),
        Format(name="html", text=_html, suffix=".html"),
    )
}
PAGE = FORMATS["page"]
FILES = {format_.suffix: format_ for format_ in FORMATS.values() if format_.suffix is not None}
