"""A traceback as plain Python has it, without our frames, and the place in the user's own files that it leads to."""

from __future__ import annotations

import linecache
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, TracebackType

from autograd_cli.diagnostic import Span
from autograd_cli.engine.observe.texts import characters

_HERE = os.path.dirname(__file__) + os.sep  # noqa: PTH120 - compared with the file names of frames, which are texts

disguised: set[CodeType] = set()
"""Code of ours under the name of another file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A piece of one of the user's files."""

    file: Path
    span: Span


def take_out_ours(error: BaseException) -> None:
    """Take the frames that plain Python would not have out of the tracebacks of an exception and of its causes."""
    for one in _family(error):
        one.__traceback__ = _without_ours(one.__traceback__)


def place_of(error: BaseException, is_own: Callable[[Path], bool]) -> Place | None:
    """Where in the user's own files it was raised: their innermost frame; of a SyntaxError, where its text is wrong."""

    def is_theirs(file: str) -> bool:
        return os.path.isabs(file) and is_own(Path(file))  # noqa: PTH117 - "<string>" is no file

    if isinstance(error, SyntaxError) and error.lineno and is_theirs(error.filename or ""):
        return _place_in_text(error, error.lineno)
    found = None
    for step in _steps(error.__traceback__):
        if not _is_ours(step.tb_frame) and is_theirs(step.tb_frame.f_code.co_filename):
            found = step
    return place_of_step(found) if found else None


def _family(error: BaseException) -> Iterator[BaseException]:
    """An exception, its causes and contexts, and those that are grouped in it."""
    todo: list[BaseException | None] = [error]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        todo += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            todo += one.exceptions


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    kept = [step for step in _steps(trace) if not _is_ours(step.tb_frame)]
    for step, after in zip(kept, [*kept[1:], None], strict=False):
        if step.tb_next is not after:
            step.tb_next = after
    return kept[0] if kept else None


def _steps(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_HERE) or frame.f_code in disguised


def _place_in_text(error: SyntaxError, line: int) -> Place:
    column = max((error.offset or 1) - 1, 0)
    end_line, end_column = error.end_lineno or line, (error.end_offset or 0) - 1
    if (end_line, end_column) <= (line, column):
        end_line, end_column = line, column + 1
    span = Span(line=line, column=column, end_line=end_line, end_column=end_column)
    return Place(file=Path(error.filename or ""), span=span)


def place_of_step(step: TracebackType) -> Place:
    """What one frame of a traceback was running."""
    code = step.tb_frame.f_code
    line, end_line, start, end = list(code.co_positions())[step.tb_lasti // 2]
    line, end_line = line or step.tb_lineno, end_line or step.tb_lineno
    first, last = (linecache.getline(code.co_filename, number).rstrip("\n") for number in (line, end_line))
    if start is None or end is None:  # python -X no_debug_ranges
        span = Span(line=line, column=0, end_line=line, end_column=len(first))
    else:
        start, end = characters(first, start), characters(last, end)
        span = Span(line=line, column=start, end_line=end_line, end_column=end)
    return Place(file=Path(code.co_filename), span=span)
