"""Work in a process of its own that can be stopped, run out of memory or crash: what comes back is always an Answer.

Nothing inside a process can stop a long call into torch, and a few of torch's functions end the process. So the
command forks before torch is imported, the worker loads torch, limits itself, works, and sends its whole answer in one
piece; the supervisor only waits. `supervise` is for one piece of work; a `Worker` can answer any number of requests.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import struct
import sys
import time
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn, TypeAlias

from autograd_cli import position
from autograd_cli.diagnostic import AgxError
from autograd_cli.limits import Limits, memory_error
from autograd_cli.position import Phase
from autograd_cli.process.endings import Interrupted, death, too_slow

WORKER_VARIABLE = "AGX_WORKER"
_HEAD = struct.Struct("<Q")
_MARK = b"\0agx answers\0"
_CHUNK = 1 << 16
_LONGEST_POLL = 3_600.0
_CPU_GRACE = 10
# Each thread of torch has its stack and an arena of malloc: address space that holds nothing.
_PER_THREAD = 80 * 1024**2
_BEAT = 0.25  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the process is to write and to end with. `file` is a path and a text."""

    exit_code: int
    stdout: str = ""
    stderr: str = ""
    file: tuple[str, str] | None = None

    def to_bytes(self) -> bytes:
        """The answer as one message."""
        texts = [self.stdout, self.stderr, *(self.file or ())]
        parts = [text.encode("utf-8", "surrogatepass") for text in texts]
        return _join([bytes([self.exit_code]), *parts])

    @classmethod
    def of_bytes(cls, message: bytes) -> Answer:
        """The answer that was made into this message."""
        code, *parts = _split(message)
        stdout, stderr, *file = (part.decode("utf-8", "surrogatepass") for part in parts)
        return cls(exit_code=code[0], stdout=stdout, stderr=stderr, file=(file[0], file[1]) if file else None)


def _join(parts: Sequence[bytes]) -> bytes:
    return b"".join(piece for part in parts for piece in (_HEAD.pack(len(part)), part))


def _split(message: bytes) -> list[bytes]:
    parts = []
    start = 0
    while start < len(message):
        end = start + _HEAD.size + _HEAD.unpack_from(message, start)[0]
        parts.append(message[start + _HEAD.size : end])
        start = end
    return parts


Ready: TypeAlias = Callable[[], None]
Work: TypeAlias = Callable[[Ready], Answer]
Waiting: TypeAlias = Callable[[float, position.Position], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Respawn:
    """The same call for a new process where there is no fork: its words, and what was read from its stdin."""

    words: Sequence[str]
    stdin: str | None


def supervise(
    work: Work,
    on_error: Callable[[Exception], Answer],
    limits: Limits,
    *,
    respawn: Respawn,
    waiting: Waiting | None = None,
    debug: bool = False,
) -> Answer:
    """The answer of `work`, or what `on_error` makes of the error that kept it from one.

    `work` gets a function that it calls when everything is loaded and only the user's program is left to run: from
    there on memory is limited. `on_error` runs in the worker for what `work` raises, here for a worker that was stopped
    or died (an AgxError). `waiting` is called every now and then, with the seconds gone and how far it is. Where torch
    is loaded already, `work` runs here, without limits of time and memory: a process that has run tensor operations
    cannot fork.

    Raises:
        Interrupted: Ctrl-C came while the worker worked.
    """
    if os.environ.get(WORKER_VARIABLE):
        _answer_and_end(partial(_work_within, limits, work, on_error))
    if "torch" in sys.modules:
        return _attempt(work, _nothing, on_error)
    if not hasattr(os, "fork"):
        return _spawn(on_error, limits, respawn)

    def target(channel: Channel) -> None:
        limit_cpu(limits.time)
        channel.send(_work_within(limits, work, on_error).to_bytes())

    deadline = time.monotonic() + limits.time
    worker = fork_worker(target, debug=debug)
    try:
        message = worker.receive(deadline, waiting)
        if message is None:
            return on_error(worker.end(limits))
        worker.let_go()
        return Answer.of_bytes(message)
    except KeyboardInterrupt:
        raise Interrupted(worker.position()) from None
    finally:
        worker.kill()


def _attempt(work: Work, ready: Ready, on_error: Callable[[Exception], Answer]) -> Answer:
    try:
        return work(ready)
    except Exception as error:  # noqa: BLE001 - a bug, or memory that ran out: the caller is to hear of both
        return on_error(memory_error(error) or error)


def _nothing() -> None:
    pass


def _work_within(limits: Limits, work: Work, on_error: Callable[[Exception], Answer]) -> Answer:
    """The answer, in a worker."""

    def with_room(error: Exception) -> Answer:
        _lift_memory_limit()
        return on_error(error)

    return _attempt(work, partial(settle, limits), with_room)


# Workers by fork.


@dataclass(slots=True)
class Channel:
    """The worker's end: requests come in, answers go out."""

    requests: int
    answers: int
    _incoming: bytearray = field(default_factory=bytearray)

    def __iter__(self) -> Iterator[bytes]:
        """The requests, until the supervisor wants no more."""
        while True:
            message = _take_message(self._incoming)
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
        rest = memoryview(_join(messages))
        while rest:
            rest = rest[os.write(self.answers, rest) :]

    def _fill(self) -> bool:
        piece = os.read(self.requests, _CHUNK)
        self._incoming += piece
        return bool(piece)


def _take_message(incoming: bytearray) -> bytes | None:
    """The first message of what has come, taken out of it; None where it is not whole yet."""
    if len(incoming) < _HEAD.size:
        return None
    end = _HEAD.size + _HEAD.unpack_from(incoming)[0]
    if len(incoming) < end:
        return None
    message = bytes(memoryview(incoming)[_HEAD.size : end])
    del incoming[:end]
    return message


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
        self._outgoing += _join([message])

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
        return _take_message(self._incoming)

    def position(self) -> position.Position:
        """How far it is."""
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
        """Send and read what can be, on the descriptors that are ready; False where the worker has ended."""
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
        """Forget a worker that has answered all: it ends by itself, and to wait for that takes 20 ms."""
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

    What it prints goes nowhere; `debug` leaves it stderr.
    """
    while _leaving:
        os.waitpid(_leaving.pop(), 0)
    requests, answers, life = os.pipe(), os.pipe(), os.pipe()
    page = position.share()
    pid = os.fork()
    if pid == 0:
        try:
            for descriptor in (*_supervisor_ends, requests[1], answers[0], life[1]):
                os.close(descriptor)
            _be_a_worker(life[0], debug=debug)
            target(Channel(requests[0], answers[1]))
        except BaseException:  # noqa: BLE001 - nothing of the supervisor's may run in the worker
            os._exit(1)
        os._exit(0)
    for descriptor in (requests[0], answers[1], life[0]):
        os.close(descriptor)
    os.set_blocking(requests[1], False)
    ends = [requests[1], answers[0], life[1]]
    _supervisor_ends.update(ends)
    return Worker(pid, requests[1], answers[0], ends, page)


def _be_a_worker(life: int, *, debug: bool) -> None:
    import resource

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to both: the supervisor decides
    _silence(debug=debug)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _end_with_supervisor(life)


def _silence(*, debug: bool) -> None:
    """Native libraries print where they like, MKL its errors on stdout."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    if not debug:
        os.dup2(nowhere, 2)
    os.close(nowhere)


def _end_with_supervisor(life: int) -> None:
    """Ask for SIGIO, which ends a process, when the other end of this pipe closes: when the supervisor is gone.

    Only Linux ends a process so; elsewhere the limit of processor time does it.
    """
    import fcntl

    fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(life, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        os.read(life, 1)
        os._exit(1)  # it was gone before SIGIO was asked for


# Limits, in the worker.


def settle(limits: Limits) -> None:
    """Between loading and running: what is loaded stays and is not garbage, and memory is limited from here on."""
    gc.freeze()
    gc.enable()
    limit_memory(limits.memory)
    position.enter(Phase.INPUTS)


def limit_memory(more: int) -> None:
    """Limit this process's address space to what it has and `more` bytes."""
    size = _address_space()
    if size is None:
        return
    import resource

    threads = (os.cpu_count() or 1) * _PER_THREAD
    _set_soft_limit(resource.RLIMIT_AS, size + more + threads)


def _lift_memory_limit() -> None:
    with contextlib.suppress(ImportError):
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _address_space() -> int | None:
    """The bytes that this process has; None where the system does not tell (nor limit them)."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - pathlib is not loaded in a worker
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def limit_cpu(seconds: float) -> None:
    """Let this process take processor time for as much as `seconds` from here on: what ends it if nothing else does."""
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = usage.ru_utime + usage.ru_stime
    _set_soft_limit(resource.RLIMIT_CPU, int(used + seconds * (os.cpu_count() or 1)) + _CPU_GRACE)


def _set_soft_limit(kind: int, value: int) -> None:
    import resource

    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (min(value, sys.maxsize), hard))


# Where there is no fork.


def _spawn(on_error: Callable[[Exception], Answer], limits: Limits, respawn: Respawn) -> Answer:
    """The answer of a new process with the same words, whose stderr is the channel."""
    import subprocess

    process = subprocess.Popen(  # noqa: S603 - this program, with the words that it was given
        [sys.executable, "-m", __package__, *respawn.words],
        stdin=subprocess.DEVNULL if respawn.stdin is None else subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, WORKER_VARIABLE: "1"},
    )
    try:
        given = None if respawn.stdin is None else respawn.stdin.encode("utf-8", "surrogatepass")
        said = process.communicate(given, timeout=limits.time)[1]
    except subprocess.TimeoutExpired:
        return on_error(too_slow(limits, None))
    finally:
        process.kill()
        process.wait()
    _, mark, message = said.partition(_MARK)
    return Answer.of_bytes(message) if mark else on_error(death(process.returncode, limits, None))


def _answer_and_end(answer: Callable[[], Answer]) -> NoReturn:
    """In the process that `_spawn` started: answer on what was stderr, which natives now print past."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = os.dup(2)
    _silence(debug=False)
    with open(channel, "wb") as file:  # noqa: PTH123 - a descriptor has no path
        file.write(_MARK + answer().to_bytes())
    os._exit(0)
