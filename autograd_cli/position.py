"""Where a run is now, in memory that can outlive it: its supervisor reads this even after the run has died."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from autograd_cli.diagnostic import Span

_NAME = 100
_PRINTED = 200
_LOOPS = 3
_OPERATION = struct.Struct(f"<4iq{_NAME}p")  # its place, the number of operations so far, its name
_LOOP = struct.Struct(f"<{_LOOPS}q")
_OUTPUT = struct.Struct(f"<4i{_PRINTED + 1}p")
_TASK = struct.Struct("<qi")  # the request, the phase
_AT_OPERATION, _AT_LOOP = 0, _OPERATION.size
_AT_OUTPUT = _AT_LOOP + _LOOP.size
_AT_TASK = _AT_OUTPUT + _OUTPUT.size
_SIZE = _AT_TASK + _TASK.size
_MOST_NAMES = 10_000


class Phase(IntEnum):
    """What is being done for a request."""

    LOADING = 0
    INPUTS = 1
    PROGRAM = 2
    BACKWARD = 3
    REVIEW = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a run is: the operation that it began last and its place, the rounds of the loops around it, from 1.

    `op` is "" for a statement that has not reached an operation. `printed` is what the program printed last, and where.
    """

    phase: Phase
    op: str
    span: Span | None
    steps: int
    rounds: tuple[int, ...]
    printed: str
    printed_span: Span | None


_names: dict[str, bytes] = {}


class Page:
    """The memory of one run's position."""

    __slots__ = ("memory", "request", "steps")

    def __init__(self, memory: bytearray | mmap.mmap) -> None:
        self.memory = memory
        self.request = 0
        self.steps = 0

    def read(self) -> Position:
        """How far it is."""
        *place, steps, name = _OPERATION.unpack_from(self.memory, _AT_OPERATION)
        *printed_place, printed = _OUTPUT.unpack_from(self.memory, _AT_OUTPUT)
        return Position(
            phase=Phase(_TASK.unpack_from(self.memory, _AT_TASK)[1]),
            op=name.decode(errors="replace"),
            span=_span(place),
            steps=steps,
            rounds=tuple(number for number in _LOOP.unpack_from(self.memory, _AT_LOOP) if number),
            printed=printed.decode(errors="replace"),
            printed_span=_span(printed_place),
        )

    def read_request(self) -> int:
        """The number that `begin` was told last."""
        return int(_TASK.unpack_from(self.memory, _AT_TASK)[0])


def _span(place: Sequence[int]) -> Span | None:
    line, column, end_line, end_column = place
    return Span(line=line, column=column, end_line=end_line, end_column=end_column) if line else None


_page = Page(bytearray(_SIZE))


def shared_page() -> Page:
    """A page that children forked after this share with their parent."""
    return Page(mmap.mmap(-1, _SIZE))


def use(page: Page) -> None:
    """Let the runs of this process say on this page where they are."""
    global _page  # noqa: PLW0603 - the one page of this process
    _page = page


def begin(request: int) -> None:
    """Say which of many requests is being worked at; no operation of it runs yet."""
    _page.memory[:] = bytes(_SIZE)
    _page.steps = 0
    _page.request = request
    enter(Phase.PROGRAM)


def enter(phase: Phase) -> None:
    """Say what is being done. REVIEW stays until the next request: what a review runs has run before."""
    if _TASK.unpack_from(_page.memory, _AT_TASK)[1] != Phase.REVIEW:
        _TASK.pack_into(_page.memory, _AT_TASK, _page.request, phase)


def mark(op: str, span: Span) -> None:
    """Say that `op` is about to run."""
    name = _names.get(op)
    if name is None:
        name = op.encode()[: _NAME - 1]
        if len(_names) < _MOST_NAMES:
            _names[op] = name
    page = _page
    page.steps += 1
    _OPERATION.pack_into(
        page.memory, _AT_OPERATION, span.line, span.column, span.end_line, span.end_column, page.steps, name
    )


def mark_rounds(rounds: Sequence[int]) -> None:
    """Say which rounds of its loops the program is in, counted from 1, the outermost first."""
    known = [*rounds[:_LOOPS], 0, 0, 0][:_LOOPS]
    _LOOP.pack_into(_page.memory, _AT_LOOP, *known)


def mark_printed(text: str, span: Span) -> None:
    """Say what the program printed last, as far as it fits."""
    words = text.strip().rpartition("\n")[2].encode(errors="replace")[:_PRINTED]
    _OUTPUT.pack_into(_page.memory, _AT_OUTPUT, span.line, span.column, span.end_line, span.end_column, words)
