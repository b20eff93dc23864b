"""A progress bar on stderr, where that is a terminal: how far, how fast, how much time is left."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TextIO, TypeAlias

Progress: TypeAlias = Callable[[int], None]


@contextlib.contextmanager
def progress_of(stream: TextIO | None, size: int | None) -> Iterator[Progress]:
    """A function to call after each answer, with the bytes taken so far of `size` (None where that is not known)."""
    if stream is None or not stream.isatty():
        yield _nothing
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.fields[lines]:,} lines"), TextColumn("{task.fields[rate]:,.0f}/s"))
    known = (BarColumn(), TimeRemainingColumn()) if size else ()
    console = Console(file=stream)
    to_terminal = sys.stdout.isatty()  # then the answers go above the bar; otherwise stdout is none of its business
    with Progress(
        *columns, *known, TimeElapsedColumn(), console=console, transient=True, redirect_stdout=to_terminal
    ) as bar:
        task = bar.add_task("", total=size, lines=0, rate=0.0)
        lines = 0

        def advance(bytes_taken: int) -> None:
            nonlocal lines
            lines += 1
            elapsed = bar.tasks[0].elapsed or 0.0
            bar.update(task, completed=bytes_taken, lines=lines, rate=lines / elapsed if elapsed else 0.0)

        yield advance


def _nothing(_bytes_taken: int) -> None:
    pass
