"""A forked process that answers requests and can be stopped: the worker's end and the supervisor's.

It ends when the process that forked it does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NoReturn, TypeAlias

from autograd_cli import position
from autograd_cli.diagnostic import AgxError
from autograd_cli.limits import Limits
from autograd_cli.process import role
from autograd_cli.process.answer import joined, take_message
from autograd_cli.process.endings import death, too_slow

_CHUNK = 1 << 16
_LONGEST_POLL = 3_600.0
_BEAT = 0.25  # seconds

Waiting: TypeAlias = Callable[[float, position.Position], None]


@dataclass(slots=True)
class Channel:
    """The worker's end: requests come in, answers go out."""

    requests: int
    answers: int
    _incoming: bytearray = field(default_factory=bytearray)

    def __iter__(self) -> Iterator[bytes]:
        """The requests, until the supervisor wants no more."""
        while True:
            message = take_message(self._incoming)
            if message is not None:
                yield message
            elif not self._fill():
                return

    def has_more(self) -> bool:
        """Whether a request is waiting."""
        import select

        return bool(self._incoming) or bool(select.select([self.requests], [], [], 0)[0])

    def send(self, *messages: bytes) -> None:
        """Send answers, whole."""
        rest = memoryview(joined(messages))
        while rest:
            rest = rest[os.write(self.answers, rest) :]

    def _fill(self) -> bool:
        piece = os.read(self.requests, _CHUNK)
        self._incoming += piece
        return bool(piece)


@dataclass(slots=True)
class Worker:
    """The supervisor's end of a forked worker."""

    pid: int
    _requests: int
    _answers: int
    _open: list[int]
    _page: position.Page
    _outgoing: bytearray = field(default_factory=bytearray)
    _incoming: bytearray = field(default_factory=bytearray)
    _out_of_time: bool = False
    _exit_code: int | None = None

    def send(self, message: bytes) -> None:
        """Put one request in the queue: `receive` sends it while it waits, so that neither end waits for the other."""
        self._outgoing += joined([message])

    def receive(self, deadline: float, waiting: Waiting | None = None) -> bytes | None:
        """The next answer; None where the worker died or `deadline` (of time.monotonic) passed: `end` says which."""
        began = time.monotonic()
        while (message := self.next_message()) is None:
            now = time.monotonic()
            left = deadline - now
            if left <= 0:
                self._out_of_time = True
                return None
            if waiting is not None:
                waiting(now - began, self.position())
                left = min(left, _BEAT)
            if not self.exchange(self._wait(left)):
                return None
        return message

    def next_message(self) -> bytes | None:
        """The next answer that has arrived, or None."""
        return take_message(self._incoming)

    def position(self) -> position.Position:
        """How far the worker is."""
        return self._page.read()

    def request(self) -> int:
        """The number of the request that it works at, if it says so by `position.begin`."""
        return self._page.read_request()

    def interests(self) -> Iterator[tuple[int, int]]:
        """The descriptors to poll for this worker, and the events."""
        import select

        yield self._answers, select.POLLIN
        if self._outgoing:
            yield self._requests, select.POLLOUT

    def exchange(self, ready: Container[int]) -> bool:
        """Send and read what the ready descriptors allow; False where the worker has ended."""
        if self._requests in ready and self._outgoing:
            self._flush()
        return self._answers not in ready or self._fill()

    def _wait(self, seconds: float) -> set[int]:
        import select

        poll = select.poll()
        for descriptor, events in self.interests():
            poll.register(descriptor, events)
        return {descriptor for descriptor, _ in poll.poll(min(seconds, _LONGEST_POLL) * 1_000 + 1)}

    def _fill(self) -> bool:
        """Read what has come; False where nothing more will."""
        piece = os.read(self._answers, _CHUNK)
        self._incoming += piece
        return bool(piece)

    def _flush(self) -> None:
        before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        try:
            del self._outgoing[: os.write(self._requests, self._outgoing[:_CHUNK])]
        except BrokenPipeError:
            self._outgoing.clear()  # it is dead: its answers end, too
        finally:
            signal.signal(signal.SIGPIPE, before)

    def end(self, limits: Limits) -> AgxError:
        """Why `receive` gave None. The worker is gone after this."""
        return self.lost(limits, out_of_time=self._out_of_time)

    def lost(self, limits: Limits, *, out_of_time: bool) -> AgxError:
        """The error for a worker that was too slow, or else has ended. It is gone after this."""
        where = self._page.read()
        if out_of_time:
            self.kill()
            return too_slow(limits, where)
        self._exit_code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.kill()
        return death(self._exit_code, limits, where)

    def kill(self) -> None:
        """End the worker, if it has not ended, and forget it."""
        if self._exit_code is None:
            os.kill(self.pid, signal.SIGKILL)
            self._exit_code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self._close()

    def let_go(self) -> None:
        """Forget a worker that has answered everything: it ends by itself, and waiting for that would take 20 ms."""
        self._exit_code = 0
        _leaving.add(self.pid)
        self._close()

    def _close(self) -> None:
        while self._open:
            descriptor = self._open.pop()
            _supervisor_ends.remove(descriptor)
            os.close(descriptor)


_supervisor_ends: set[int] = set()
_leaving: set[int] = set()


def fork_worker(target: Callable[[Channel], None], *, debug: bool = False) -> Worker:
    """Start `target` in a forked process, without any limit yet; it ends when `target` returns or this process ends.

    What it prints goes nowhere; `debug` leaves it stderr. Ctrl-C waits: Python drops what is raised in hooks of fork().
    """
    while _leaving:
        os.waitpid(_leaving.pop(), 0)
    requests, answers, life = os.pipe(), os.pipe(), os.pipe()
    page = position.shared_page()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        pid = os.fork()
        if pid == 0:
            _serve(target, (requests, answers, life), page, mask, debug=debug)
        for descriptor in (requests[0], answers[1], life[0]):
            os.close(descriptor)
        os.set_blocking(requests[1], False)
        ends = [requests[1], answers[0], life[1]]
        _supervisor_ends.update(ends)
        return Worker(pid, requests[1], answers[0], ends, page)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _serve(
    target: Callable[[Channel], None],
    pipes: tuple[tuple[int, int], ...],
    page: position.Page,
    mask: Iterable[int],
    *,
    debug: bool,
) -> NoReturn:
    """What the forked process does: `pipes` are those of the requests, of the answers, and of the supervisor's life."""
    requests, answers, life = pipes
    try:
        for descriptor in (*_supervisor_ends, requests[1], answers[0], life[1]):
            os.close(descriptor)
        _supervisor_ends.clear()
        _leaving.clear()
        position.use(page)
        _be_a_worker(life[0], debug=debug)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        target(Channel(requests[0], answers[1]))
    except BaseException:  # noqa: BLE001 - nothing of the supervisor's may run in the worker
        os._exit(1)
    os._exit(0)


def _be_a_worker(life: int, *, debug: bool) -> None:
    import resource

    role.work_here()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to both: the supervisor decides
    silence(debug=debug)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _end_with_supervisor(life)


def _end_with_supervisor(life: int) -> None:
    """Ask for SIGIO, which ends a process, when the other end of this pipe closes: when the supervisor is gone.

    Only Linux ends a process this way; elsewhere the limit of processor time does.
    """
    import fcntl

    fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(life, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        os.read(life, 1)
        os._exit(1)  # it was gone before SIGIO was asked for


def silence(*, debug: bool) -> None:
    """Send stdout and, unless `debug`, stderr nowhere: native libraries print as they like, MKL errors on stdout."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    if not debug:
        os.dup2(nowhere, 2)
    os.close(nowhere)
