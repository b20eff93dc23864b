"""Where a run is now, in memory that can outlive it: what a supervisor reads when the worker has died."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass

from autograd_cli.diagnostic import Span

_SIZE = 128
_HEAD = struct.Struct("<5i")
_NAME = _SIZE - _HEAD.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The operation that was about to run, and its place in the program."""

    op: str
    span: Span


class Page:
    """The memory of one run's position."""

    __slots__ = ("memory",)

    def __init__(self, memory: bytearray | mmap.mmap) -> None:
        self.memory = memory

    def read(self) -> Position | None:
        """The operation that was marked last, or None."""
        line, column, end_line, end_column, length = _HEAD.unpack_from(self.memory, 0)
        if line == 0:
            return None
        name = bytes(self.memory[_HEAD.size : _HEAD.size + length]).decode(errors="replace")
        return Position(op=name, span=Span(line=line, column=column, end_line=end_line, end_column=end_column))


_page = Page(bytearray(_SIZE))


def share() -> Page:
    """A page that a child forked after this shares with its parent; the run of this process uses it from here on."""
    global _page  # noqa: PLW0603 - the one page of this process
    _page = Page(mmap.mmap(-1, _SIZE))
    return _page


def mark(op: str, span: Span) -> None:
    """Say that `op` is about to run."""
    name = op.encode()[:_NAME]
    memory = _page.memory
    _HEAD.pack_into(memory, 0, span.line, span.column, span.end_line, span.end_column, len(name))
    memory[_HEAD.size : _HEAD.size + len(name)] = name


def clear() -> None:
    """Say that no operation is running."""
    _HEAD.pack_into(_page.memory, 0, 0, 0, 0, 0, 0)
