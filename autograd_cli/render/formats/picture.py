"""A page as a file: plain text, or a picture of a terminal (SVG, HTML) by Rich's recorder."""

from __future__ import annotations

import io
import re
from dataclasses import replace

from rich.console import Console, Group

from autograd_cli.diagnostic import PROGRAM
from autograd_cli.render.escape import visible
from autograd_cli.render.look import Look
from autograd_cli.render.pages.choose import page_of
from autograd_cli.render.parts.findings import found
from autograd_cli.report import Report

_WIDTH = 100
# A text of Rich's picture that begins with spaces, which some readers of SVG leave out.
_INDENTED = re.compile(r'x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"([^>]*)>((?:&#160;)+)(?!&#160;|<)')
_CHARACTER = 12.2  # units that Rich gives a character
_FRAGMENT = '<pre style="font-family:ui-monospace,monospace;line-height:1.3"><code>{code}</code></pre>'


def svg(report: Report, look: Look) -> str:
    """An SVG picture of a terminal with the page."""
    text = _recorded(report, look).export_svg(title=_title(report))
    return _INDENTED.sub(_moved, text)


def html(report: Report, look: Look) -> str:
    """An HTML document with the page."""
    return _recorded(report, look).export_html()


def html_fragment(report: Report, look: Look) -> str:
    """The page as HTML to stand in another document, such as a notebook."""
    return _recorded(report, look).export_html(inline_styles=True, code_format=_FRAGMENT)


def plain_text(report: Report, look: Look) -> str:
    """The page as text without colours, every line as long as it needs to be."""
    console = _recorded(report, replace(look, width=None))
    return rstrip_lines(console.export_text())


def findings_text(report: Report, look: Look) -> str:
    """Only what is wrong, as text without colours."""
    file = io.StringIO()
    _console(file, 10_000, colour=False).print(Group(*found(report, look)))
    return rstrip_lines(file.getvalue())


def rstrip_lines(text: str) -> str:
    """`text` without the spaces that fill table cells up at the ends of lines."""
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _recorded(report: Report, look: Look) -> Console:
    width = look.width or max(_WIDTH, _needed_width(report, look))
    console = _console(io.StringIO(), width, colour=True)
    console.print(page_of(report, replace(look, width=look.width or width)))
    return console


def _console(file: io.StringIO, width: int, *, colour: bool) -> Console:
    """A console that writes to `file` alone; in a notebook, Rich would by default display its output as well."""
    return Console(
        file=file,
        width=width,
        record=colour,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
        force_jupyter=False,
        highlight=False,
    )


def _moved(text: re.Match[str]) -> str:
    """The text without its leading spaces, moved to the right by their width."""
    indent = _CHARACTER * text[5].count(";")
    left, length = float(text[1]) + indent, float(text[3]) - indent
    return f'x="{left:.1f}" y="{text[2]}" textLength="{length:.1f}"{text[4]}>'


def _needed_width(report: Report, look: Look) -> int:
    file = io.StringIO()
    _console(file, 10_000, colour=False).print(page_of(report, look))
    return max((len(line.rstrip()) for line in file.getvalue().splitlines()), default=0) + 1


def _title(report: Report) -> str:
    if report.source_name != PROGRAM:
        return visible(report.source_name)
    return visible(report.source.splitlines()[0] if report.source else "agx")
