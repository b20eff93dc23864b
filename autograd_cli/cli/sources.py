"""Texts from outside the command line: a program's file or notebook, and stdin. Read whole, but not without bounds.

Stdin is read where a `-` asks for it. A command without a program reads it too where it holds a text that nobody
named: a pipe, or a file that is read from its beginning. Not so a terminal, /dev/null, or the file of a shell's loop
(`while read line; do agx explain; done < lines`), of which the loop has read a part.
"""

from __future__ import annotations

import os
import select
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from autograd_cli.diagnostic import COMMAND_LINE, PROGRAM, AgxError, Cell, bad_request
from autograd_cli.lang import notebook
from autograd_cli.lang.inputs import FILE_KINDS
from autograd_cli.lang.paste import pasted
from autograd_cli.lang.program import parse

MAX_BYTES = 256 * 1024**2
_BYTES_PER_CHARACTER = 4
_LONGEST_NAME = 1_000
_PROGRAMS = (".py", ".ipynb", ".txt", ".md")
_DESCRIPTORS = ("/dev/fd/", "/proc/self/fd/", "/dev/stdin")
_PATIENCE = 1.0  # seconds
STDIN_NAME = "stdin"
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenProgram:
    """A program's text, and where it comes from; of a notebook also where its cells begin."""

    text: str
    name: str = PROGRAM
    cells: tuple[Cell, ...] = ()

    @property
    def first_line(self) -> int:
        """The line of its first statement or comment: blank lines before that are not part of the program."""
        return pasted(self.text).first_line


class UnreadableError(Exception):
    """Why a text cannot be read, in words that follow the name of where it is."""


class EncodingError(UnreadableError):
    """The text is in another encoding than UTF-8."""


class MissingFileError(UnreadableError):
    """There is no such file."""


def means_file(word: str, given: frozenset[str]) -> bool:
    """Whether a word of the command line names a program's file, and is not itself a program of the `given` inputs."""
    if "\n" in word or len(word) > _LONGEST_NAME or _is_complete(word, given):
        return False
    if word.lower().endswith((*_PROGRAMS, *FILE_KINDS)):
        return True
    try:
        is_path = "/" in word or word in {".", ".."}
        return Path(word).is_file() or word.startswith(_DESCRIPTORS) or (is_path and Path(word).is_dir())
    except OSError:  # no name of a file is so long
        return False


def _is_complete(text: str, given: frozenset[str]) -> bool:
    try:
        return given.issuperset(parse(text, given=given).free)
    except AgxError:
        return False


def read_program(path: str, characters: int) -> GivenProgram:
    """The program in a file. A little more than `characters` may come back, for the parser to complain about.

    Raises:
        UnreadableError: it cannot be read, is not a regular file, too large, not UTF-8, or a notebook without code.
    """
    is_notebook = path.lower().endswith(notebook.SUFFIX)
    most = notebook.MAX_BYTES if is_notebook else (characters + 1) * _BYTES_PER_CHARACTER
    is_pipe = path.startswith(_DESCRIPTORS)  # as `agx explain <(…)` gives it
    try:
        with open(path, "rb", opener=None if is_pipe else _open_at_once) as file:
            if not is_pipe and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UnreadableError("is not a regular file")
            content = file.read(most + 1)
    except FileNotFoundError:
        raise MissingFileError("does not exist") from None
    except IsADirectoryError:
        raise UnreadableError("is a directory") from None
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UnreadableError(f"cannot be read: {error}") from None
    if len(content) > most:
        raise UnreadableError(f"is too large: more than {most:,} bytes")
    text = _decoded(content)
    return _of_notebook(text, path) if is_notebook else GivenProgram(text=text, name=path)


def program_of_stdin(text: str) -> GivenProgram:
    """The program that stdin says, which may be a notebook.

    Raises:
        AgxError: it is a notebook without code.
    """
    if not notebook.is_notebook(text):
        return GivenProgram(text=text, name=STDIN_NAME)
    try:
        return _of_notebook(text, STDIN_NAME)
    except UnreadableError as error:
        raise bad_request("unreadable-file", f"stdin {error}", source=COMMAND_LINE) from None


def _of_notebook(text: str, name: str) -> GivenProgram:
    try:
        found = notebook.read_notebook(text)
    except notebook.NotebookError as error:
        raise UnreadableError(str(error)) from None
    return GivenProgram(text=found.text, name=name, cells=found.cells)


def _open_at_once(path: str, flags: int) -> int:
    """Open a file, without waiting for a writer where it is a FIFO."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))


def holds_text() -> bool:
    """Whether stdin holds a text that nobody named: a pipe, or a file that is read from its beginning."""
    if sys.stdin is None:
        return False
    try:
        descriptor = sys.stdin.fileno()
    except (OSError, ValueError):
        return sys.stdin.seekable()  # a text in memory
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or (stat.S_ISREG(mode) and os.lseek(descriptor, 0, os.SEEK_CUR) == 0)


def _say_what_is_awaited() -> None:
    """Tell a person at a terminal, or behind a pipe that says nothing, what agx waits for."""
    try:
        if sys.stdin.isatty():
            end = "Ctrl-Z and Return" if os.name == "nt" else "Ctrl-D"
            sys.stderr.write(f"agx reads from the terminal; end with {end} on a line of its own\n")
        elif os.name != "nt" and not select.select([sys.stdin], [], [], _PATIENCE)[0]:
            sys.stderr.write("agx is waiting for stdin: the pipe has sent nothing yet\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return  # a text in memory


def read_stdin(most: int = MAX_BYTES) -> str:
    """What stdin says, without a byte order mark.

    Raises:
        AgxError: it is closed, too long or not UTF-8.
    """
    if sys.stdin is None:
        raise bad_request("usage", "stdin is closed", source=COMMAND_LINE)
    _say_what_is_awaited()
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
        raise EncodingError(f"is not UTF-8: byte 0x{content[error.start]:02x} at {line}:{column}") from None
