"""Texts from outside the command line: a program's file, and stdin. Read whole, but not without bounds."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass

from autograd_cli.diagnostic import COMMAND_LINE, PROGRAM, bad_request

MAX_BYTES = 256 * 1024**2
_BYTES_PER_CHARACTER = 4
STDIN_NAME = "stdin"
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenProgram:
    """A program's text, and where it comes from."""

    text: str
    name: str = PROGRAM

    @property
    def first_line(self) -> int:
        """The line of its first statement or comment: blank lines before that are not part of the program."""
        lines = self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return next((number for number, line in enumerate(lines, 1) if line.strip()), 1)


class UnreadableError(Exception):
    """Why a text cannot be read, in words that follow the name of where it is."""


def read_program(path: str, characters: int) -> GivenProgram:
    """The program in a file, of at most so many characters, or a little more for the parser to complain of.

    Raises:
        UnreadableError: it cannot be read, is not a regular file, too large, or not UTF-8.
    """
    most = (characters + 1) * _BYTES_PER_CHARACTER
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UnreadableError("is not a regular file")
            content = file.read(most + 1)
    except IsADirectoryError:
        raise UnreadableError("is a directory") from None
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UnreadableError(f"cannot be read: {error}") from None
    if len(content) > most:
        raise UnreadableError(f"is too large: more than {most:,} bytes")
    return GivenProgram(text=_decoded(content), name=path)


def _open_at_once(path: str, flags: int) -> int:
    """Open a file, and do not wait for one who writes to a FIFO."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))


def read_stdin(most: int = MAX_BYTES) -> str:
    """What stdin says, without a byte order mark.

    Raises:
        AgxError: it is closed, too long or not UTF-8.
    """
    if sys.stdin is None:
        raise bad_request("usage", "stdin is closed", source=COMMAND_LINE)
    binary = getattr(sys.stdin, "buffer", None)
    try:
        content = sys.stdin.read(most + 1).encode() if binary is None else binary.read(most + 1)
    except OSError as error:
        message = f"stdin cannot be read: {error.strerror}"
        raise bad_request("unreadable-file", message, source=COMMAND_LINE) from None
    if len(content) > most:
        message = f"stdin is too long: more than {most:,} bytes"
        raise bad_request("too-long", message, source=COMMAND_LINE)
    try:
        return _decoded(content)
    except UnreadableError as error:
        raise bad_request("unreadable-file", f"stdin {error}", source=COMMAND_LINE) from None


def _decoded(content: bytes) -> str:
    try:
        return content.decode().removeprefix(_BOM)
    except UnicodeDecodeError as error:
        before = content[: error.start].decode(errors="replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise UnreadableError(f"is not UTF-8: byte 0x{content[error.start]:02x} at {line}:{column}") from None
