"""The limits that a worker sets itself: memory, from when everything is loaded, and processor time."""

from __future__ import annotations

import contextlib
import gc
import os
import sys

from autograd_cli import position
from autograd_cli.limits import Limits
from autograd_cli.position import Phase

_CPU_GRACE = 10
# Each thread of torch reserves a stack and an arena of malloc: address space, most of it never used.
_PER_THREAD = 80 * 1024**2


def settle(limits: Limits) -> None:
    """Between loading and running: exempt what is loaded from garbage collection, and limit memory from here on."""
    gc.freeze()
    gc.enable()
    limit_memory(limits.memory)
    position.enter(Phase.INPUTS)


def limit_memory(more: int) -> None:
    """Limit this process's address space to what it has, `more` bytes, and room for the stacks of threads."""
    size = _address_space()
    if size is None:
        return
    import resource

    threads = (os.cpu_count() or 1) * _PER_THREAD
    _set_soft_limit(resource.RLIMIT_AS, size + more + threads)


def lift_memory_limit() -> None:
    """Let an error be written where memory has run out."""
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
    """End this process, if nothing else does, when it has used `seconds` of each processor from here on."""
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
