"""The entry of `agx` and of `python -m autograd_cli`."""

from __future__ import annotations

import os
import signal

_STOPPED = 130


def _stop(_number: int, _frame: object) -> None:
    os._exit(_STOPPED)


_on_interrupt = signal.getsignal(signal.SIGINT)
if _on_interrupt is signal.default_int_handler:
    signal.signal(signal.SIGINT, _stop)  # Ctrl-C before there is anything to end

import contextlib  # noqa: E402 - from here on Ctrl-C leaves no traceback
import gc  # noqa: E402
import sys  # noqa: E402

from autograd_cli.cli.app import main  # noqa: E402


def run() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        signal.signal(signal.SIGINT, _on_interrupt)
        if hasattr(signal, "SIGPIPE"):
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `agx … | head` ends quietly, as other filters do
        gc.disable()  # importing torch makes a million objects that all stay: looking for garbage takes a fifth of it
        code = main()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):  # a full disk, of which main has spoken
                stream.flush()
    except KeyboardInterrupt:
        code = _STOPPED
    os._exit(code)  # everything is written: tearing down an interpreter with torch in it takes 0.3 s for nothing


if __name__ == "__main__":
    run()
