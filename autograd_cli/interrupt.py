"""Ctrl-C ends a command that is still starting at once, without a traceback. The package imports this first."""

from __future__ import annotations

import os
import signal
import sys

STOPPED = 130


class Interrupted(SystemExit):
    """Ctrl-C ended the script that `agx run` ran, so the process is to die by SIGINT: a shell's loop ends with it."""


def _is_the_command() -> bool:
    """Whether this process is `agx` or `python -m autograd_cli`, and not one that imports the package."""
    start = sys.argv[0] if sys.argv else ""
    return start == "-m" or os.path.basename(start).partition(".")[0] == "agx"  # noqa: PTH119 - pathlib takes 20 ms


def _stop(_number: int, _frame: object) -> None:
    end_line()
    os._exit(STOPPED)


def end_line() -> None:
    """On a terminal, end the line in which it shows ^C."""
    if os.isatty(2):
        os.write(2, b"\n")


def as_usual() -> None:
    """From here on Ctrl-C is a KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _stop:
        signal.signal(signal.SIGINT, signal.default_int_handler)


if _is_the_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _stop)
