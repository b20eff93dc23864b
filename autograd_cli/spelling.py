"""How a hint spells an option: `--x 1,2,3` for one who asks from a shell, `x=[1, 2, 3]` for one in Python."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_is_for_python: ContextVar[bool] = ContextVar("is_for_python", default=False)


@contextlib.contextmanager
def for_python(*, is_on: bool = True) -> Iterator[None]:
    """Within it, hints are for one who asks from Python."""
    before = _is_for_python.set(is_on)
    try:
        yield
    finally:
        _is_for_python.reset(before)


def spelled(*, option: str, argument: str) -> str:
    """The option of the command line or the same argument of Python, depending on who asks."""
    return argument if _is_for_python.get() else option


def spelled_source(source: str) -> str:
    """The name of a text that a diagnostic is about: `--x`, or the argument `x`."""
    return spelled(option=source, argument=source.removeprefix("--"))


def spelled_mode(mode: str) -> str:
    """How a tracking mode is asked for."""
    return spelled(option=f"--{mode}", argument=f'mode="{mode}"')


def spelled_full() -> str:
    """How to ask that nothing is left out."""
    return spelled(option="--full", argument="full=True")
