"""A worker where there is no fork: a new process with the same command line, whose stderr is the channel."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from autograd_cli.limits import Limits
from autograd_cli.process.answer import Answer
from autograd_cli.process.endings import death, too_slow
from autograd_cli.process.worker import silence

WORKER_VARIABLE = "AGX_WORKER"
_MARK = b"\0agx answers\0"
_PROGRAM = __name__.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Respawn:
    """What a new process needs to repeat this command: its words, and what was read from stdin."""

    words: Sequence[str]
    stdin: str | None


def spawned(on_error: Callable[[Exception], Answer], limits: Limits, respawn: Respawn) -> Answer:
    """The answer of a new process with the same command line, whose stderr is the channel."""
    import subprocess

    process = subprocess.Popen(  # noqa: S603 - this program, with the words that it was given
        [sys.executable, "-m", _PROGRAM, *respawn.words],
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


def answer_and_end(answer: Callable[[], Answer]) -> NoReturn:
    """In the process that `spawned` started: answer on what was stderr, where native libraries no longer print."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = os.dup(2)
    silence(debug=False)
    with open(channel, "wb") as file:  # noqa: PTH123 - a descriptor has no path
        file.write(_MARK + answer().to_bytes())
    os._exit(0)
