"""The use case of a batch: one line of JSON in, one line of JSON out, however often the same expression comes."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from autograd_cli.diagnostic import AgxError
from autograd_cli.lang.program import parse
from autograd_cli.lang.requests import Line, gradients_of_json, id_of, input_of_json, parse_line
from autograd_cli.limits import Limits
from autograd_cli.modes import DEFAULT_MODE
from autograd_cli.render.formats.json_line import answer_line, error_line, quick_line
from autograd_cli.settings import Settings
from autograd_cli.tasks.explore import explore
from autograd_cli.tasks.request import Request

if TYPE_CHECKING:
    from autograd_cli.engine.quick import Quick

_CACHED = 256
_CACHED_LENGTH = 2_000


@contextlib.contextmanager
def prepared(settings: Settings) -> Iterator[None]:
    """Torch loaded and set up, for any number of calls of `answer`."""
    from autograd_cli.engine.run import applied

    with applied(settings):
        yield


def answer(line: bytes, number: int, settings: Settings) -> tuple[bytes, bool]:
    """The result of line `number` (from 1) as a line of JSON, and whether it is one without bad news."""
    try:
        asked = parse_line(line)
    except AgxError as error:
        return error_line(id_of(line), number, error.diagnostic), False
    return _quick_answer(asked, settings) or _full_answer(asked, number, settings)


def failure(line: bytes, number: int, error: AgxError) -> bytes:
    """The result of a line whose run was stopped or crashed."""
    return error_line(id_of(line), number, error.diagnostic)


def _quick_answer(line: Line, settings: Settings) -> tuple[bytes, bool] | None:
    if line.mode != DEFAULT_MODE or settings.device != "cpu":
        return None
    if len(line.expr) > _CACHED_LENGTH:
        return None
    quick = _cached(line.expr, frozenset(line.inputs), settings.limits)
    if quick is None or (line.wrt is not None and not line.inputs.keys() >= set(line.wrt)):
        return None
    found = quick.run(line.inputs, line.wrt, line.gradient)
    if found is None:
        return None
    told = quick_line(line.id, *found)
    return None if told is None else (told, True)


@functools.lru_cache(maxsize=_CACHED)
def _cached(expr: str, names: frozenset[str], limits: Limits) -> Quick | None:
    """The parsed program, where there is nothing to tell but its result and gradients; else None."""
    from autograd_cli.engine.quick import Quick, is_quick

    try:
        program = parse(expr, given=names, limits=limits)
    except AgxError:
        return None
    is_complete = names >= set(program.free) and all(program.reads(name) for name in names)
    return Quick(program, limits) if is_complete and is_quick(program) else None


def _full_answer(line: Line, number: int, settings: Settings) -> tuple[bytes, bool]:
    try:
        asked = Request(
            program=line.expr,
            inputs={name: input_of_json(name, value) for name, value in line.inputs.items()},
            gradients=gradients_of_json(line.gradient),
            wrt=line.wrt,
            mode=line.mode,
            settings=settings,
        )
    except AgxError as error:
        return error_line(line.id, number, error.diagnostic), False
    report = explore(asked)
    return answer_line(line.id, number, report), report.ok
