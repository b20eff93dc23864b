"""Where a run is now, in memory that can outlive it: what a supervisor reads when the worker has died."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass

from autograd_cli.diagnostic import Span

_NAME = 100
_RECORD = struct.Struct(f"<4iq{_NAME}p")
_SIZE = _RECORD.size
_MOST_NAMES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The operation that was about to run, and its place in the program."""

    op: str
    span: Span


_names: dict[str, bytes] = {}


class Page:
    """The memory of one run's position."""

    __slots__ = ("memory", "request")

    def __init__(self, memory: bytearray | mmap.mmap) -> None:
        self.memory = memory
        self.request = 0

    def read(self) -> Position | None:
        """The operation that was marked last, or None."""
        line, column, end_line, end_column, _, name = _RECORD.unpack_from(self.memory, 0)
        if line == 0:
            return None
        span = Span(line=line, column=column, end_line=end_line, end_column=end_column)
        return Position(op=name.decode(errors="replace"), span=span)

    def read_request(self) -> int:
        """The number that `begin` was told last."""
        return int(_RECORD.unpack_from(self.memory, 0)[4])


_page = Page(bytearray(_SIZE))


def share() -> Page:
    """A page that a child forked after this shares with its parent; the run of this process uses it from here on."""
    global _page  # noqa: PLW0603 - the one page of this process
    _page = Page(mmap.mmap(-1, _SIZE))
    return _page


def begin(request: int) -> None:
    """Say which of many requests is being worked at; no operation of it runs yet."""
    _page.request = request
    _RECORD.pack_into(_page.memory, 0, 0, 0, 0, 0, request, b"")


def mark(op: str, span: Span) -> None:
    """Say that `op` is about to run."""
    name = _names.get(op)
    if name is None:
        name = op.encode()[: _NAME - 1]
        if len(_names) < _MOST_NAMES:
            _names[op] = name
    page = _page
    _RECORD.pack_into(page.memory, 0, span.line, span.column, span.end_line, span.end_column, page.request, name)
