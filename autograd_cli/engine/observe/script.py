"""A script of the user's, run by Python in this process as `python FILE` runs it, with its files compiled by us.

It behaves as it does without agx: what it prints and writes, its exceptions, its exit, threads, children and signals.
Three things differ. Our frames are below its own on the stack: `sys._getframe` and `traceback.print_stack` show them,
and `sys.getrecursionlimit()` is higher by their number, so that the script has as many as ever. And the first of
`gc.get_threshold()` is higher while it is observed, since our objects count there, too.

What a command has to do:

- Call `run_script` in the main thread, last, with little on the stack and nothing above that catches SystemExit or
  KeyboardInterrupt: not inside of Typer, and not where `os._exit` follows. A child made by `os.fork()` leaves by them.
- Before it, `stdout_to_stderr()` where stdout is to be left for the answer.
- Make the report and write it in `at_end`. The script's threads have ended, so no thread pool can be made any more; its
  atexit callbacks come after, when the process ends: Python runs them and reports their errors, and they may remove
  the files that a report quotes.
- End the process with `leave(ending)`: the exit code is the script's, or SIGINT kills it as it would have the script.
  With a code of its own, say for findings where the script's is 0: `leave(ending, 1)`.
"""

from __future__ import annotations

import gc
import importlib.util
import io
import itertools
import os
import runpy
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from autograd_cli import interrupt
from autograd_cli.engine.observe.endings import Ending, How, ending_of, leave, raised_by, wait_for_threads
from autograd_cli.engine.observe.imports import IsOwn, MakeCode, compile_own_files
from autograd_cli.engine.observe.main_module import Piece, forget_file, fresh_main, run_in_main
from autograd_cli.engine.observe.worlds import OurWorld
from autograd_cli.lang.notebook import SUFFIX, NotebookError, read_notebook

_CALLS = 4 if sys.version_info < (3, 12) else 3  # from `run_script` to the code of the script; 3.11 counts exec


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What `python` is given: a file (or notebook) or, after `-m`, a module; and arguments for it."""

    target: str
    arguments: tuple[str, ...] = ()
    is_module: bool = False

    @property
    def is_notebook(self) -> bool:
        """Whether its cells are to be run, one after the other."""
        return not self.is_module and self.target.endswith(SUFFIX)

    @property
    def directory(self) -> str:
        """Where it finds its modules first: `sys.path[0]`."""
        return os.getcwd() if self.is_module else os.path.dirname(os.path.realpath(self.target))  # noqa: PTH109, PTH120

    def module_files(self, name: str) -> str | None:
        """The file or the directory of a module that it can import, which is not imported for that; None for none."""
        top, *inner = name.split(".")
        path = sys.path if sys.flags.safe_path else [self.directory, *sys.path[1:]]
        spec = PathFinder.find_spec(top, path) or _spec_of(top)
        if spec is None:
            return None
        where = next(iter(spec.submodule_search_locations or ()), spec.origin)
        if where is None:
            return None
        found = Path(where, *inner)
        return next((str(each) for each in (found, found.with_suffix(".py")) if each.exists()), None)

    @property
    def file(self) -> str:
        """The file as Python names it: absolute, but otherwise as it was written."""
        return os.path.join(os.getcwd(), self.target)  # noqa: PTH109, PTH118


def _spec_of(module: str) -> ModuleSpec | None:
    """How Python finds a module that is in no directory of its path, such as one installed as editable."""
    try:
        return importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None


def run_script(script: Script, *, make_code: MakeCode, is_own: IsOwn, at_end: Callable[[Ending], None]) -> Ending:
    """Run a script until it ends, in whatever way, wait for its threads, and call `at_end` with its ending.

    `make_code` compiles the text of each file for which `is_own` holds, and of the script itself; the code must inherit
    no flags (`dont_inherit=True`). It is given no text that Python refuses, and must not raise.

    Raises:
        OSError: there is no such file.
        NotebookError: it is no notebook with code in Python.
    """
    process = os.getpid()
    pieces = _pieces(script)
    files = {Path(piece.file) for piece in pieces}
    main = fresh_main()
    world = OurWorld()

    def is_theirs(file: Path) -> bool:
        return file in files or is_own(file)

    def start() -> None:
        if script.is_module:
            runpy._run_module_as_main(script.target)  # type: ignore[attr-defined]  # noqa: SLF001 - `python -m` calls it
        else:
            run_in_main(pieces, main, make_code)

    _be_as_python_starts(script)
    if not sys.flags.safe_path:  # python -P
        sys.path[0] = script.directory
        world.make_way_for(script.directory)
    compile_own_files(make_code, is_theirs)
    sys.modules["__main__"] = main
    sys.setrecursionlimit(sys.getrecursionlimit() + _frames_below())
    display = traceback.print_exception if script.is_notebook else sys.__excepthook__  # 3.11's shows no lines of cells
    ending = ending_of(raised_by(start), is_theirs, display)
    if not script.is_module and ending.how is not How.EXIT:
        forget_file(main)
    wait_for_threads()
    if os.getpid() != process:  # a child made by os.fork(), which came to the end of the script, too
        leave(ending)
    with world.back(is_theirs):
        at_end(ending)
    return ending


def stdout_to_stderr() -> int:
    """Let what goes to stdout go to stderr, also from C and from children; the descriptor of the true stdout."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    # The old one asked once whether it can seek, and reconfigure() fails where a pipe has taken the place of a file.
    sys.stdout = sys.__stdout__ = _stdout_anew()  # type: ignore[misc]  # Python's own start sets both
    return kept


def _stdout_anew() -> io.TextIOWrapper:
    """`sys.stdout` as Python makes it at its start, for where descriptor 1 leads now."""
    old = sys.stdout
    raw = io.FileIO(1, "w", closefd=False)
    raw.name = "<stdout>"  # as Python does
    anew = io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(old, "encoding", None),
        errors=getattr(old, "errors", None),
        newline="\n" if os.name != "nt" else None,
        line_buffering=os.isatty(1),
        write_through=getattr(old, "write_through", False),
    )
    anew.mode = "w"  # type: ignore[misc]
    return anew


def _pieces(script: Script) -> list[Piece]:
    """What is to be run in `__main__`; a module is found by Python itself."""
    if script.is_module:
        return []
    data = Path(script.target).read_bytes()
    if not script.is_notebook:
        return [Piece(file=script.file, data=data)]
    try:
        notebook = read_notebook(data.decode())
    except UnicodeDecodeError:
        raise NotebookError("is not a notebook: it is not UTF-8") from None
    rows = notebook.text.split("\n")
    bounds = [*[cell.line - 1 for cell in notebook.cells], len(rows)]
    texts = ["\n".join(rows[start:end]) + "\n" for start, end in itertools.pairwise(bounds)]
    return [
        Piece(file=f"{script.file}, cell {number}", data=text.encode(), is_cell=True)
        for number, text in enumerate(texts, 1)
    ]


def _be_as_python_starts(script: Script) -> None:
    """Undo what the command has changed in this process, and set what Python sets for a script."""
    gc.enable()
    interrupt.as_usual()
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    errors = getattr(sys.stdin, "errors", None)  # they are the same at the start of Python
    if errors is not None and errors != getattr(sys.stdout, "errors", errors):
        sys.stdout.reconfigure(errors=errors)  # type: ignore[union-attr]
    sys.argv = ["-m" if script.is_module else script.target, *script.arguments]
    sys.orig_argv = [sys.executable, *(["-m"] if script.is_module else []), script.target, *script.arguments]


def _frames_below() -> int:
    """How many calls deep the script begins, where Python alone begins with none."""
    return _CALLS + sum(1 for _ in traceback.walk_stack(sys._getframe(1)))  # noqa: SLF001 - the frame of the caller
