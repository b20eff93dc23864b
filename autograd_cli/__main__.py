"""The entry of `agx` and of `python -m autograd_cli`."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys

from autograd_cli import interrupt
from autograd_cli.cli.app import main
from autograd_cli.process import role


def run() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        interrupt.as_usual()
        role.only_supervise()
        if hasattr(signal, "SIGPIPE"):
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `agx … | head` ends quietly, as other filters do
        gc.disable()  # importing torch makes a million objects that stay: the collector would take a fifth of that time
        code = main()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):  # the disk is full, as main has reported
                stream.flush()
    except interrupt.Interrupted:
        from autograd_cli.engine.observe.endings import die

        die()
    except KeyboardInterrupt:
        interrupt.end_line()
        code = interrupt.STOPPED
    os._exit(code)  # everything is written: tearing down an interpreter with torch in it takes 0.3 s for nothing


if __name__ == "__main__":
    run()
