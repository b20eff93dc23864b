"""Writing: to stdout and stderr as terminals or pipes, and to files in one piece."""

from __future__ import annotations

import os
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from autograd_cli.diagnostic import AgxError, Diagnostic, bad_request
from autograd_cli.render.look import ASCII, UNICODE, Glyphs, Look

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from autograd_cli.trace import Report

_UNLIMITED = 100_000


class Color(StrEnum):
    """When to use colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def prepare_streams() -> None:
    """Make a stream that is not UTF-8 show an escape for what it cannot encode, instead of failing."""
    if sys.stdout is None:  # closed by the shell: >&-
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - it lives as long as the process
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def glyphs_of(stream: TextIO) -> Glyphs:
    """The glyphs that the stream's encoding has."""
    try:
        "→├─└│⋮…".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def width_of(stream: TextIO) -> int | None:
    """The columns of a terminal; None for a pipe or file, where lines may have any length."""
    if not stream.isatty():
        return None
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80


def print_page(renderable: RenderableType, stream: TextIO, color: Color, width: int | None) -> None:
    """Write a page. Lines that carry no colour end where their text ends."""
    console = _console(stream, color, width)
    with console.capture() as capture:
        console.print(renderable)
    text = capture.get()
    if console.color_system is None:
        text = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    stream.write(text)
    stream.flush()


def _console(stream: TextIO, color: Color, width: int | None) -> Console:
    from rich.console import Console

    return Console(
        file=stream,
        width=width or _UNLIMITED,
        force_terminal={Color.ALWAYS: True, Color.NEVER: False}.get(color),
        no_color=True if color is Color.NEVER else False if color is Color.ALWAYS else None,
        color_system=None if color is Color.NEVER or os.environ.get("TERM") == "dumb" else "auto",
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


def print_diagnostic(diagnostic: Diagnostic, report: Report, color: Color) -> None:
    """Write one diagnostic to stderr."""
    from autograd_cli.render.diagnostics import diagnostic_block

    width = width_of(sys.stderr)
    block = diagnostic_block(diagnostic, report.text_of(diagnostic.source), width)
    print_page(block, sys.stderr, color, width)


def look_of(stream: TextIO, *, precision: int, depth: int | None, full: bool) -> Look:
    """How a page looks on this stream."""
    return Look(width=width_of(stream), precision=precision, depth=depth, full=full, glyphs=glyphs_of(stream))


def write_file(path: str, text: str) -> None:
    """Write a file in one piece: it is there whole or not at all.

    Raises:
        AgxError: the file cannot be written.
    """
    target = Path(path)
    umask = os.umask(0)
    os.umask(umask)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise _unwritable(path, error) from None
    written = Path(name)
    try:
        with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor has no path
            file.write(text)
        written.chmod(0o666 & ~umask)
        written.replace(target)
    except OSError as error:
        written.unlink(missing_ok=True)
        raise _unwritable(path, error) from None


def _unwritable(path: str, error: OSError) -> AgxError:
    return bad_request("unwritable-file", f"{path} cannot be written: {error.strerror}", source="--output")
