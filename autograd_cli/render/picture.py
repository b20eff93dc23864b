"""The page as a file: plain text, or a picture of a terminal (SVG, HTML) by Rich's recorder."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from autograd_cli.render.escape import visible
from autograd_cli.render.look import Look
from autograd_cli.render.page import page
from autograd_cli.trace import Report

_WIDTH = 100
_FRAGMENT = '<pre style="font-family:ui-monospace,monospace;line-height:1.3"><code>{code}</code></pre>'


def svg(report: Report, look: Look) -> str:
    """An SVG picture of a terminal with the page."""
    return _recorded(report, look).export_svg(title=_title(report))


def html(report: Report, look: Look) -> str:
    """An HTML document with the page."""
    return _recorded(report, look).export_html()


def html_fragment(report: Report) -> str:
    """The page as HTML to stand in another document, such as a notebook."""
    return _recorded(report, Look()).export_html(inline_styles=True, code_format=_FRAGMENT)


def plain_text(report: Report, look: Look) -> str:
    """The page as text without colours, every line as long as it needs to be."""
    console = _recorded(report, replace(look, width=None))
    return rstrip_lines(console.export_text())


def rstrip_lines(text: str) -> str:
    """`text` without the spaces that fill table cells up at the ends of lines."""
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _recorded(report: Report, look: Look) -> Console:
    width = look.width or max(_WIDTH, _needed_width(report, look))
    console = Console(
        record=True, file=io.StringIO(), width=width, force_terminal=True, color_system="truecolor", highlight=False
    )
    console.print(page(report, replace(look, width=look.width or width)))
    return console


def _needed_width(report: Report, look: Look) -> int:
    console = Console(file=io.StringIO(), width=10_000, color_system=None, highlight=False)
    console.print(page(report, look))
    assert isinstance(console.file, io.StringIO)
    return max((len(line.rstrip()) for line in console.file.getvalue().splitlines()), default=0) + 1


def _title(report: Report) -> str:
    return visible(report.source.splitlines()[0] if report.source else "agx")
