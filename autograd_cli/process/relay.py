"""Lines in, lines out, in order, over a number of supervised workers: a line that crashes or hangs costs that line.

The supervisor reads what has arrived, hands it out, and writes each result as soon as its turn has come. It holds a
bounded number of lines, so a stream without end needs constant memory.
"""

from __future__ import annotations

import os
import select
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from autograd_cli import position
from autograd_cli.diagnostic import AgxError
from autograd_cli.limits import Limits
from autograd_cli.process.worker import Channel, Worker, fork_worker

MAX_LINE = 64 * 1024**2
_CHUNK = 1 << 18
_AT_ONCE = 32  # results
_EVERY = 0.1  # seconds
_WINDOW = 128  # lines that a worker has at a time
_READY = b""
_LOADING = 60.0  # seconds that a worker may take to import torch, beyond the time of its first line

Target = Callable[[Channel], None]
Failure = Callable[[bytes, int, AgxError], bytes]
Write = Callable[[bytes, bool], None]


@dataclass(slots=True)
class _Station:
    """A worker and the lines that it has not answered; it was last heard from, or got work when idle, at `since`."""

    worker: Worker
    waiting: deque[tuple[int, bytes]] = field(default_factory=deque)
    since: float = 0.0
    is_loaded: bool = False


class Lines:
    """Reads lines from a descriptor as they arrive. Of a line that is too long only the beginning comes."""

    def __init__(self, descriptor: int, max_line: int = MAX_LINE) -> None:
        self.descriptor = descriptor
        self.is_at_end = False
        self.count = 0
        self.bytes_taken = 0
        self._max_line = max_line
        self._lines: deque[bytes] = deque()
        self._rest = bytearray()
        self._is_skipping = False

    def fill(self) -> None:
        """Read what has arrived, without waiting where the descriptor is ready."""
        piece = os.read(self.descriptor, _CHUNK)
        if not piece:
            self.is_at_end = True
            if self._rest:
                self._lines.append(bytes(self._rest))
                self._rest.clear()
            return
        *whole, rest = piece.split(b"\n")
        for part in whole:
            self._take(part)
            if not self._is_skipping:
                self._lines.append(bytes(self._rest))
            self._rest.clear()
            self._is_skipping = False
        self._take(rest)

    def _take(self, part: bytes) -> None:
        if self._is_skipping:
            return
        self._rest += part
        if len(self._rest) > self._max_line:
            self._lines.append(bytes(self._rest[: self._max_line + 1]))
            self._rest.clear()
            self._is_skipping = True

    def next(self) -> tuple[int, bytes] | None:
        """The next line that is not blank, with its number from 1."""
        while self._lines:
            line = self._lines.popleft()
            self.count += 1
            self.bytes_taken += len(line) + 1
            if line.strip():
                return self.count, line
        return None

    @property
    def has_lines(self) -> bool:
        """Whether lines have been read that `next` has not given."""
        return bool(self._lines)


class Relay:
    """Runs lines through `jobs` workers. `target` is what a worker does, `failure` the result of a lost line."""

    def __init__(self, target: Target, failure: Failure, limits: Limits, jobs: int, *, debug: bool = False) -> None:
        self._target = target
        self._failure = failure
        self._limits = limits
        self._debug = debug
        self._jobs = jobs
        self._stations: list[_Station] = []
        self._results: dict[int, tuple[bytes, bool]] = {}
        self._order: deque[int] = deque()

    def run(self, lines: Lines, write: Write, idle: Callable[[], None]) -> None:
        """Answer every line: `write` gets each result in order, `idle` is called when there is nothing to do yet."""
        try:
            while not (lines.is_at_end and not lines.has_lines and not self._order):
                self._hand_out(lines)
                self._write_out(write)
                self._wait(lines, idle)
        finally:
            for station in self._stations:
                station.worker.kill()

    @property
    def unanswered(self) -> int | None:
        """The number of the first line that was handed out and is not written yet."""
        return self._order[0] if self._order else None

    # Handing out.

    def _hand_out(self, lines: Lines) -> None:
        while len(self._order) < self._jobs * _WINDOW and lines.has_lines:
            found = lines.next()
            if found is None:
                return
            number, line = found
            self._order.append(number)
            self._give(self._station(), number, line)

    def _station(self) -> _Station:
        """The worker with the least to do, or a new one."""
        station = min(self._stations, key=lambda each: len(each.waiting), default=None)
        if station is None or (station.waiting and len(self._stations) < self._jobs):
            station = _Station(self._start())
            self._stations.append(station)
        return station

    def _start(self) -> Worker:
        return fork_worker(self._target, debug=self._debug)

    def _give(self, station: _Station, number: int, line: bytes) -> None:
        if not station.waiting:
            station.since = time.monotonic()
        station.waiting.append((number, line))
        station.worker.send(number.to_bytes(8, "little") + line)

    # Waiting and reading.

    def _wait(self, lines: Lines, idle: Callable[[], None]) -> None:
        poll = select.poll()
        wants_lines = not lines.is_at_end and len(self._order) < self._jobs * _WINDOW and not lines.has_lines
        if wants_lines:
            poll.register(lines.descriptor, select.POLLIN | select.POLLHUP)
        for station in self._stations:
            for descriptor, mask in station.worker.interests():
                poll.register(descriptor, mask)
        events = poll.poll(0)
        if not events:
            idle()  # before a wait, which may be long
            events = poll.poll(self._milliseconds(wants_lines=wants_lines))
        ready = {descriptor for descriptor, _ in events}
        if wants_lines and lines.descriptor in ready:
            lines.fill()
        for index, station in reversed(list(enumerate(self._stations))):
            self._serve(index, station, ready)

    def _milliseconds(self, *, wants_lines: bool) -> float | None:
        busy = [self._deadline(station) for station in self._stations if station.waiting]
        if busy:
            return max(min(busy) - time.monotonic(), 0) * 1_000 + 1
        return None if wants_lines else 0

    def _deadline(self, station: _Station) -> float:
        return station.since + self._limits.time + (0 if station.is_loaded else _LOADING)

    def _serve(self, index: int, station: _Station, ready: set[int]) -> None:
        is_alive = station.worker.exchange(ready)
        while (message := station.worker.next_message()) is not None:
            station.since = time.monotonic()
            if message == _READY:
                station.is_loaded = True
                continue
            number, _ = station.waiting.popleft()
            self._results[number] = (message[1:], message[:1] == b"\1")
        if not is_alive or (station.waiting and time.monotonic() > self._deadline(station)):
            self._replace(index, station, out_of_time=is_alive)

    def _replace(self, index: int, station: _Station, *, out_of_time: bool) -> None:
        """A worker is lost: the line that it was at fails, and a new worker takes the rest."""
        error = station.worker.lost(self._limits, out_of_time=out_of_time)
        if not station.waiting:
            del self._stations[index]
            return
        request = station.worker.request()
        lost = request if any(number == request for number, _ in station.waiting) else station.waiting[0][0]
        self._stations[index] = successor = _Station(self._start())
        for number, line in station.waiting:
            if number == lost:
                self._results[number] = (self._failure(line, number, error), False)
            else:  # also those that it had answered, but not sent: they are done again
                self._give(successor, number, line)

    def _write_out(self, write: Write) -> None:
        """Write the results whose turn has come."""
        while self._order and self._order[0] in self._results:
            result, is_ok = self._results.pop(self._order.popleft())
            write(result, is_ok)


def serve(channel: Channel, answer: Callable[[bytes, int], tuple[bytes, bool]], *, at_once: bool = False) -> None:
    """What a worker does: say that it is loaded, answer the requests of a `Relay`, and send now and then or at once."""
    channel.send(_READY)
    unsent: list[bytes] = []
    sent_at = time.monotonic()
    for message in channel:
        number = int.from_bytes(message[:8], "little")
        position.begin(number)
        result, is_ok = answer(message[8:], number)
        unsent.append((b"\1" if is_ok else b"\0") + result)
        now = time.monotonic()
        if at_once or len(unsent) >= _AT_ONCE or now - sent_at > _EVERY or not channel.has_more():
            channel.send(*unsent)
            unsent.clear()
            sent_at = now


def one_by_one(lines: Lines) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers, for a process that answers them itself."""
    while not lines.is_at_end or lines.has_lines:
        while (found := lines.next()) is not None:
            yield found
        if not lines.is_at_end:
            lines.fill()
