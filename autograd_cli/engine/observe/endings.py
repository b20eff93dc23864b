"""How a script ended, and how its process ends: as in plain Python, with the same output and exit code."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from autograd_cli.engine.observe.tracebacks import Place, place_of, take_out_ours
from autograd_cli.interrupt import Interrupted

Display = Callable[[type[BaseException], BaseException, TracebackType | None], object]
_INTERRUPTED = 130


class How(StrEnum):
    """What ended a script."""

    END = "end"  # there was nothing left to do
    EXIT = "exit"
    EXCEPTION = "exception"
    INTERRUPT = "interrupt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a script ended, the exit code that Python gives it, and where in the user's own files it ended.

    `exception` is what nobody caught. A SystemExit is not kept, as in Python, so that what its frames hold is freed.
    """

    how: How
    exit_code: int
    exception: BaseException | None = None
    place: Place | None = None


def ending_of(error: BaseException | None, is_own: Callable[[Path], bool], display: Display) -> Ending:
    """The ending of a script that raised `error`, which is printed to stderr as Python does it.

    Do not call it while an exception is being handled: Python calls a `sys.excepthook` when none is. `display` shows
    an exception where the user has set no such hook.
    """
    if error is None:
        return Ending(how=How.END, exit_code=0)
    place = place_of(error, is_own)
    take_out_ours(error)
    if isinstance(error, SystemExit):
        return Ending(how=How.EXIT, exit_code=_exit_code(error), place=place)
    exit_code = _print(error, display)
    if isinstance(error, KeyboardInterrupt):
        return Ending(how=How.INTERRUPT, exit_code=_INTERRUPTED, exception=error, place=place)
    return Ending(how=How.EXCEPTION, exit_code=exit_code, exception=error, place=place)


def wait_for_threads() -> None:
    """Wait for the threads that are not daemons, as Python does before it runs the atexit callbacks."""
    threading = sys.modules.get("threading")
    shutdown = getattr(threading, "_shutdown", None)
    error = raised_by(shutdown) if shutdown is not None else None
    if error is not None:  # Ctrl-C above all: Python tells of it and goes on
        take_out_ours(error)
        _tell_ignored(error, threading)


def leave(ending: Ending, exit_code: int | None = None) -> NoReturn:
    """End the process as Python does after such a script: atexit callbacks, the flush of stdout, the exit code.

    Nothing above may catch what this raises, but for `Interrupted`, of a script that Ctrl-C ended: then the process is
    to `die`. Any other exits with its own code, or with the one that is given.
    """
    if ending.how is How.INTERRUPT and exit_code is None:
        raise Interrupted(ending.exit_code)
    raise SystemExit(ending.exit_code if exit_code is None else exit_code)


def die() -> NoReturn:
    """End the process by SIGINT, as Python does after a KeyboardInterrupt, so that a loop of the shell ends, too.

    Nothing above may catch what this raises.
    """
    hook = sys.excepthook

    def say_nothing(*_: object) -> None:
        sys.excepthook = hook

    sys.excepthook = say_nothing
    raise KeyboardInterrupt from None


def raised_by(function: Callable[..., object], *arguments: object) -> BaseException | None:
    """What a call raises, whatever it is."""
    try:
        function(*arguments)
    except BaseException as error:  # noqa: BLE001 - what a script may raise
        return error
    return None


def _exit_code(error: SystemExit) -> int:
    """The exit code of a process that ends by a SystemExit. What is no number is printed."""
    code = getattr(error, "code", error)
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -(2**63) <= code < 2**63 else 0xFF
    with contextlib.suppress(Exception):
        sys.stderr.write(f"{code}\n")
        sys.stderr.flush()
    return 1


def _print(error: BaseException, display: Display) -> int:
    """Print an exception that nobody caught; the exit code."""
    found = (type(error), error, error.__traceback__)
    sys.last_type, sys.last_value, sys.last_traceback = found
    if sys.version_info >= (3, 12):
        sys.last_exc = error
    if not hasattr(sys, "excepthook"):
        sys.stderr.write("sys.excepthook is missing\n")
    hook = getattr(sys, "excepthook", sys.__excepthook__)
    sys.audit("sys.excepthook", hook, *found)
    failure = raised_by(display if hook is sys.__excepthook__ else hook, *found)
    if failure is None:
        return 1
    if isinstance(failure, SystemExit):
        return _exit_code(failure)
    take_out_ours(failure)
    with contextlib.suppress(Exception):
        sys.stderr.write("Error in sys.excepthook:\n")
        display(type(failure), failure, failure.__traceback__)
        sys.stderr.write("\nOriginal exception was:\n")
        display(*found)
    return 1


def _tell_ignored(error: BaseException, owner: object) -> None:
    """Tell of an exception that Python ignores, through `sys.unraisablehook`, whose argument only Python can make."""
    seen: list[sys.UnraisableHookArgs] = []
    hook, sys.unraisablehook = sys.unraisablehook, seen.append
    try:
        raised_by(_Raising)
    finally:
        sys.unraisablehook = hook
    make: Callable[[tuple[object, ...]], sys.UnraisableHookArgs] = type(seen[0])
    hook(make((type(error), error, error.__traceback__, None, owner)))


class _Raising:
    def __del__(self) -> None:
        raise KeyboardInterrupt
