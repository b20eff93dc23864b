"""Work in a process of its own that can be stopped, run out of memory or crash: what comes back is always an Answer.

Nothing inside a process can stop a long call into torch, and a few of torch's functions end the process. So the
command forks, and the worker loads torch, limits itself, works, and sends its whole answer in one piece; the supervisor
only waits. `supervise` is for one piece of work; a `Worker` can answer any number of requests.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeAlias

from autograd_cli.limits import Limits, memory_error
from autograd_cli.process import role
from autograd_cli.process.answer import Answer
from autograd_cli.process.caps import lift_memory_limit, limit_cpu, settle
from autograd_cli.process.endings import Interrupted
from autograd_cli.process.spawn import WORKER_VARIABLE, Respawn, answer_and_end, spawned
from autograd_cli.process.worker import Channel, Waiting, fork_worker

Ready: TypeAlias = Callable[[], None]


class Task(Protocol):
    """Work for a worker. It is data: it can be sent to a process that did not see it made."""

    def perform(self, ready: Ready) -> Answer:
        """The answer. It calls `ready` when everything is loaded and only the user's program is left to run."""

    def failed(self, error: Exception) -> Answer:
        """The answer for an error that kept the task from its own."""


def supervise(
    task: Task,
    limits: Limits,
    *,
    respawn: Respawn,
    waiting: Waiting | None = None,
    debug: bool = False,
) -> Answer:
    """The answer of the task, or of its `failed` for the error that kept it from one.

    Memory is limited once the task calls `ready`. `failed` is called in the worker for what the task raises, and here,
    with an AgxError, for a worker that was stopped or died. `waiting` is called every now and then, with the seconds
    gone and the worker's position. In a process that does not only supervise (see `role`) the task is done here,
    without limits of time and memory.

    Raises:
        Interrupted: Ctrl-C came while the worker worked.
    """
    if os.environ.get(WORKER_VARIABLE):
        answer_and_end(partial(_perform_within, limits, task))
    if not role.only_supervises():
        return _attempt(task, _nothing, task.failed)
    if not hasattr(os, "fork"):
        return spawned(task.failed, limits, respawn)

    def target(channel: Channel) -> None:
        limit_cpu(limits.time)
        channel.send(_perform_within(limits, task).to_bytes())

    deadline = time.monotonic() + limits.time
    worker = fork_worker(target, debug=debug)
    try:
        message = worker.receive(deadline, waiting)
        if message is None:
            return task.failed(worker.end(limits))
        worker.let_go()
        return Answer.of_bytes(message)
    except KeyboardInterrupt:
        raise Interrupted(worker.position()) from None
    finally:
        worker.kill()


def _attempt(task: Task, ready: Ready, failed: Callable[[Exception], Answer]) -> Answer:
    try:
        return task.perform(ready)
    except Exception as error:  # noqa: BLE001 - a bug, or memory that ran out: the caller is to hear of both
        return failed(memory_error(error) or error)


def _nothing() -> None:
    pass


def _perform_within(limits: Limits, task: Task) -> Answer:
    """The answer of the task in a worker, which limits its memory."""

    def with_room(error: Exception) -> Answer:
        lift_memory_limit()
        return task.failed(error)

    return _attempt(task, partial(settle, limits), with_room)
