"""Stdout and stderr, as terminals or pipes, and files that are written in one piece."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from autograd_cli.diagnostic import AgxError, bad_request
from autograd_cli.render.look import ASCII, UNICODE, Glyphs

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_UNLIMITED = 100_000


class Color(StrEnum):
    """When to use colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """What another process must know of a stream to draw for it.

    `width` is None for a pipe or file, where lines may have any length.
    """

    is_terminal: bool
    width: int | None
    encoding: str

    @property
    def glyphs(self) -> Glyphs:
        """The glyphs that the stream's encoding has."""
        try:
            "→├─└│⋮…⇢●○·◐✗".encode(self.encoding)
        except (UnicodeEncodeError, LookupError):
            return ASCII
        return UNICODE


def prepare_streams() -> None:
    """Open what the shell has closed (>&-), and let a stream show an escape for what its encoding does not have.

    Otherwise the next file or pipe that is opened would get the descriptor that is closed.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - it lives as long as the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - it lives as long as the process
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def screen_of(stream: TextIO) -> Screen:
    """What there is to know of a stream."""
    return Screen(is_terminal=stream.isatty(), width=_width_of(stream), encoding=stream.encoding or "ascii")


def _width_of(stream: TextIO) -> int | None:
    if not stream.isatty():
        return None
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80


class _Unwritten(io.BytesIO):
    """The bytes under a stream whose properties Rich asks for, and which it never writes to."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self._is_terminal = screen.is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def page_text(renderable: RenderableType, screen: Screen, color: Color) -> str:
    """A page as it is written to a stream. Lines end where their text ends."""
    console = _console(screen, color)
    with console.capture() as capture:
        console.print(renderable)
    text = capture.get()
    if screen.glyphs is ASCII:
        text = text.replace("…", "~")  # just as wide, so that the marks under a shortened line stay in place
    return "".join(f"{_without_padding(line)}\n" for line in text.splitlines())


def _without_padding(line: str) -> str:
    """The line without the spaces that fill a column at its end, which colours may enclose."""
    codes = ""
    while True:
        line = line.rstrip()
        start = line.rfind("\x1b[")
        if start < 0 or not line.endswith("m") or not line[start + 2 : -1].replace(";", "").isdigit():
            return line + codes
        line, codes = line[:start], line[start:] + codes


def _console(screen: Screen, color: Color) -> Console:
    from rich.console import Console

    return Console(
        file=io.TextIOWrapper(_Unwritten(screen), encoding=screen.encoding),
        width=screen.width or _UNLIMITED,
        force_jupyter=False,
        force_terminal={Color.ALWAYS: True, Color.NEVER: False}.get(color),
        no_color=True if color is Color.NEVER else False if color is Color.ALWAYS else None,
        color_system=None if color is Color.NEVER or os.environ.get("TERM") == "dumb" else "auto",
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


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
    except (OSError, ValueError) as error:
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


def _unwritable(path: str, error: OSError | ValueError) -> AgxError:
    why = error.strerror if isinstance(error, OSError) else error
    return bad_request("unwritable-file", f"{path} cannot be written: {why}", source="--output")
