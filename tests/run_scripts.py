"""Runs scripts under agx, each in a fork of one process: a line of JSON says what to run, its status comes back.

Given one as an argument, it runs that one itself.

The fork ends as Python itself ends: nothing here catches what `leave` raises.
"""

from __future__ import annotations

import ast
import gc
import importlib
import json
import os
import signal
import sys
from pathlib import Path
from types import CodeType
from typing import Any

import autograd_cli.cli.app  # noqa: F401 - what the command has loaded before it runs a script
from autograd_cli.cli.terminal import prepare_streams
from autograd_cli.engine.observe.endings import Ending, die, leave
from autograd_cli.engine.observe.script import Script, run_script, stdout_to_stderr
from autograd_cli.interrupt import Interrupted


def run(job: dict[str, Any]) -> None:
    os.chdir(job["directory"])
    for descriptor, name in enumerate(["stdin", "stdout", "stderr"]):
        file = os.open(job[name], os.O_RDWR | os.O_APPEND)
        os.dup2(file, descriptor)
        os.close(file)
    answer = stdout_to_stderr() if job["redirected"] else 1
    compiled: list[str] = []

    def make_code(text: str, file: Path) -> CodeType:
        compiled.append(str(file))
        tree = ast.parse(text, str(file))
        return compile(tree, str(file), "exec", dont_inherit=True)

    def is_own(file: Path) -> bool:
        return file.resolve().is_relative_to(Path(job["directory"]).resolve())

    def at_end(ending: Ending) -> None:
        place = ending.place
        told: dict[str, object] = {"compiled": compiled, "how": ending.how, "code": ending.exit_code, "place": ""}
        if place is not None:
            span, file = place.span, os.path.relpath(place.file, job["directory"])
            told["place"] = f"{file}:{span.line}:{span.column}-{span.end_line}:{span.end_column}"
        text = importlib.import_module("json").dumps(told)  # Python's own, not one beside the script
        with Path(job["told"]).open("a") as out:
            out.write(text + "\n")
        os.write(answer, job["answer"].encode())

    words = job["words"]
    is_module = words[0] == "-m"
    script = Script(target=words[is_module], arguments=tuple(words[is_module + 1 :]), is_module=is_module)
    try:
        leave(run_script(script, make_code=make_code, is_own=is_own, at_end=at_end), job["exit_code"])
    except Interrupted:  # as the command does
        die()


def begin() -> None:
    """Change the process as `agx` does before it comes to a command."""
    prepare_streams()
    gc.disable()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


if __name__ == "__main__":
    begin()
    if sys.argv[1:]:
        run(json.loads(sys.argv[1]))
    gc.freeze()  # a fork that looked at all of it, at its end too, would get a copy of its own
    for line in iter(lambda: os.read(0, 1 << 16), b""):
        asked = json.loads(line)
        child = os.fork()
        if not child:
            signal.alarm(120)  # a script that hangs fails, and the others go on
            run(asked)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(1, b"%d\n" % status)
    sys.exit(0)
