"""Runs scripts as `python FILE` does, one after the other, each in a fork of this process, which has loaded torch once.

`python tests/run_plainly.py FILE...` writes what each printed to stdout into FILE.out, and ends with 1 if one failed.
"""

from __future__ import annotations

import atexit
import os
import runpy
import signal
import sys
import threading
from pathlib import Path

import torch._dynamo  # noqa: F401 - for the forks, which have torch, and what its optimizers load, in no time


def run(file: str) -> int:
    """Run one script in a fork; the exit code."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    signal.alarm(120)  # a script that hangs fails, and the others go on
    os.dup2(os.open(f"{file}.out", os.O_WRONLY | os.O_CREAT), 1)
    os.chdir(Path(file).parent)
    sys.path[0], sys.argv = str(Path(file).parent), [file]
    runpy.run_path(file, run_name="__main__")
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - what Python does at its end
    atexit._run_exitfuncs()  # noqa: SLF001 - the same
    sys.stdout.flush()
    os._exit(0)  # to take all of torch apart would take longer than the script


if __name__ == "__main__":
    sys.exit(max([run(file) for file in sys.argv[1:]]))
