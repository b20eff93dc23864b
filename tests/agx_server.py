"""`agx` as its users run it, a process for each call, without the seconds that Python and torch take to start.

A server process loads torch, runs a few tiny programs to load all that a first run loads, and from then on only forks.
Each call gets a fork of its own, with the caller's words, environment, directory and descriptors, which does what `agx`
does from its entry on: it supervises a worker, with limits, as in a shell.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_LENGTH = struct.Struct("<Q")
_NUMBER = struct.Struct("<q")
# With tiny tensors only: a large one would start threads of torch, which a fork does not copy.
_REHEARSAL = [
    ["explain", "w = (x*x).detach()\n(w*x).sum()", "--x", "1,2"],
    ["compare", "log(x*0).sum()", "--x", "1"],
    ["check", "x.exp().add_(1)", "--x", "1"],
    ["check", "w = torch.ones(1, requires_grad=True)\nopt = torch.optim.SGD([w])\n(w*w).backward()\nopt.step()"],
]


@dataclass(frozen=True)
class Done:
    """How a call ended, with the fields that subprocess.run gives."""

    returncode: int
    stdout: bytes
    stderr: bytes


class Call:
    """A call that is running: its process, and the pipes to talk to it, as with subprocess.Popen."""

    def __init__(self, connection: socket.socket, stdin: int, stdout: int, stderr: IO[bytes]) -> None:
        self.pid = _receive_number(connection)
        self.stdin = open(stdin, "wb", buffering=0)  # noqa: SIM115 - a descriptor has no path; `close` closes it
        self.stdout = open(stdout, "rb")  # noqa: SIM115 - `close` closes it
        self._connection = connection
        self._stderr = stderr
        self._code: int | None = None

    def wait(self) -> int:
        """The exit code; negative where a signal ended the call."""
        if self._code is None:
            self._code = _receive_number(self._connection)
        return self._code

    def done(self) -> Done:
        """All that it says until it ends by itself."""
        self.stdin.close()
        out = self.stdout.read()
        code = self.wait()
        self._stderr.seek(0)
        return Done(code, out, self._stderr.read())

    def close(self) -> None:
        """End it, if it has not ended."""
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        self.stdin.close()
        self.stdout.close()


class AgxServer:
    """The tests' end of the server process, which answers one call at a time."""

    def __init__(self) -> None:
        self._connection, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, __file__, str(theirs.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)

    def run(
        self,
        *words: str,
        stdin: bytes = b"",
        stdout: int | None = None,
        stderr: int | None = None,
        closed: Sequence[int] = (),
        ends_early: bool = False,
        **environment: str,
    ) -> Done:
        """A call, with what it reads from a pipe. `closed` are the descriptors that it finds closed.

        `ends_early` spares a call that runs a script the end of its interpreter: see `_end_early`.
        """
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            reader, writer = os.pipe()
            streams = [reader, stdout or out.fileno(), stderr or err.fileno()]
            self._begin(words, streams, environment, closed=closed, ends_early=ends_early)
            os.close(reader)
            _receive_number(self._connection)
            with contextlib.suppress(BrokenPipeError), open(writer, "wb", buffering=0) as pipe:  # noqa: PTH123 - a descriptor has no path
                pipe.write(stdin)
            code = _receive_number(self._connection)
            out.seek(0)
            err.seek(0)
            return Done(code, out.read(), err.read())

    @contextlib.contextmanager
    def started(self, *words: str, **environment: str) -> Iterator[Call]:
        """A call to talk to while it runs. At the end of the block it is ended, if it still runs."""
        with tempfile.TemporaryFile() as err:
            reader, stdin = os.pipe()
            stdout, writer = os.pipe()
            self._begin(words, [reader, writer, err.fileno()], environment)
            os.close(reader)
            os.close(writer)
            with contextlib.closing(Call(self._connection, stdin, stdout, err)) as call:
                yield call

    def _begin(
        self,
        words: Sequence[str],
        descriptors: Sequence[int],
        environment: Mapping[str, str],
        *,
        closed: Sequence[int] = (),
        ends_early: bool = False,
    ) -> None:
        request = {
            "words": words,
            "closed": closed,
            "ends_early": ends_early,
            "environment": {**os.environ, **environment},
            "directory": os.getcwd(),  # noqa: PTH109 - a text
        }
        text = json.dumps(request).encode()
        socket.send_fds(self._connection, [_LENGTH.pack(len(text))], descriptors)
        self._connection.sendall(text)

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.wait()


def _receive_number(connection: socket.socket) -> int:
    number: int = _NUMBER.unpack(_receive(connection, _NUMBER.size))[0]
    return number


def _receive(connection: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        piece = connection.recv(size - len(found))
        if not piece:
            raise EOFError
        found += piece
    return bytes(found)


def main() -> None:
    """Serve the calls that come on the socket whose descriptor is this process's only word, until it closes."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    gc.disable()
    if "coverage" in sys.modules:
        _let_workers_end()
    _rehearse()
    gc.freeze()
    while True:
        head, descriptors, _, _ = socket.recv_fds(connection, _LENGTH.size, 3)
        if not head:
            return
        request = json.loads(_receive(connection, _LENGTH.unpack(head)[0]))
        pid = os.fork()
        if pid == 0:
            connection.close()
            _become(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        connection.sendall(_NUMBER.pack(pid))
        connection.sendall(_NUMBER.pack(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))


def _rehearse() -> None:
    """Run some commands in this process, so that what they load is loaded; and load what `agx run` does."""
    import autograd_cli.engine.observe.maker
    import autograd_cli.engine.observe.rewritten
    import autograd_cli.engine.observe.script
    import autograd_cli.render.pages.run
    import autograd_cli.tasks.run  # noqa: F401 - for the forks
    from autograd_cli.cli.app import main

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for words in _REHEARSAL:
            main(words)
            main([*words, "--json"])


def _let_workers_end() -> None:
    """Wait for the end of a worker that has answered: its coverage is saved then, and a supervisor does not wait."""
    from autograd_cli.process.worker import Worker

    let_go = Worker.let_go

    def wait_and_let_go(worker: Worker) -> None:
        os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
        let_go(worker)

    Worker.let_go = wait_and_let_go  # type: ignore[assignment, method-assign]


def _become(request: Mapping[str, Any], descriptors: Sequence[int]) -> None:
    """Be the process of one call."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for place, descriptor in enumerate(descriptors):
        os.dup2(descriptor, place)
        os.close(descriptor)
    streams = [
        open(place, mode, encoding="utf-8", errors=errors)  # noqa: PTH123, SIM115 - they live as long as the process
        for place, mode, errors in ((0, "r", "surrogateescape"), (1, "w", "strict"), (2, "w", "backslashreplace"))
    ]
    sys.stdin, sys.stdout, sys.stderr = (
        None if place in request["closed"] else stream for place, stream in enumerate(streams)
    )
    for place in request["closed"]:
        os.close(place)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["directory"])
    sys.argv = ["agx", *request["words"]]
    from autograd_cli.__main__ import run

    with _end_early() if request["ends_early"] else contextlib.nullcontext():
        run()


@contextlib.contextmanager
def _end_early() -> Iterator[None]:
    """End the process at the end of a script as Python does, up to where it takes all modules apart.

    To take torch apart would take longer than most scripts of the tests.
    """
    try:
        yield
    except SystemExit as end:
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - what Python does at its end
        atexit._run_exitfuncs()  # noqa: SLF001 - the same
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    main()
