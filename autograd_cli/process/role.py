"""What this process is: one that only supervises, or one that runs tensor operations itself, as a Python program does.

A fork copies no threads. Torch starts some for its first large operation, and a child forked after that waits for them
for ever. So only a process that runs no tensor operation forks workers; it may have torch loaded, which starts none.
Whoever starts a process says which kind it is, because nobody can tell from outside what it has run. The command line
only supervises, but for `agx run`; the Python API and a notebook work in the process of their user.
"""

from __future__ import annotations

_only_supervises = False


def only_supervise() -> None:
    """From here on this process runs no tensor operation itself: workers do, and it forks them."""
    _set(only_supervises=True)


def work_here() -> None:
    """From here on tensor operations run in this process, and it forks no worker."""
    _set(only_supervises=False)


def only_supervises() -> bool:
    """Whether work is for a worker, and not for this process."""
    return _only_supervises


def _set(*, only_supervises: bool) -> None:
    global _only_supervises  # noqa: PLW0603 - a fact about this process
    _only_supervises = only_supervises
