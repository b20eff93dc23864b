"""The use case of a batch: one line of JSON in, one line of JSON out, however often the same expression comes."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autograd_cli.diagnostic import AgxError
from autograd_cli.lang.program import parse
from autograd_cli.lang.requests import Request, gradients_of_json, id_of, input_of_json, parse_request
from autograd_cli.limits import DEFAULT_LIMITS, Limits
from autograd_cli.modes import DEFAULT_MODE
from autograd_cli.render.formats.json_line import answer_line, error_line, quick_line
from autograd_cli.tasks.explore import explore

if TYPE_CHECKING:
    from autograd_cli.engine.interpret.quick import Quick

_CACHED = 256
_CACHED_LENGTH = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What holds for every line of a batch: as the options of `agx grad` of these names."""

    seed: int = 0
    dtype: str = "float32"
    device: str = "cpu"
    threads: int | None = None
    limits: Limits = DEFAULT_LIMITS


@contextlib.contextmanager
def prepared(settings: Settings) -> Iterator[None]:
    """Torch loaded and set up, for any number of calls of `answer`."""
    from autograd_cli.engine import run

    with run.settings(seed=settings.seed, dtype=settings.dtype, device=settings.device, threads=settings.threads):
        yield


def answer(line: bytes, number: int, settings: Settings) -> tuple[bytes, bool]:
    """The result of line `number` (from 1) as a line of JSON, and whether it is one without bad news."""
    try:
        request = parse_request(line)
    except AgxError as error:
        return error_line(id_of(line), number, error.diagnostic), False
    return _quick_answer(request, settings) or _full_answer(request, number, settings)


def failure(line: bytes, number: int, error: AgxError) -> bytes:
    """The result of a line whose run was stopped or crashed."""
    return error_line(id_of(line), number, error.diagnostic)


def _quick_answer(request: Request, settings: Settings) -> tuple[bytes, bool] | None:
    if request.mode != DEFAULT_MODE or settings.device != "cpu":
        return None
    if len(request.expr) > _CACHED_LENGTH:
        return None
    quick = _cached(request.expr, frozenset(request.inputs), settings.limits)
    if quick is None or (request.wrt is not None and not request.inputs.keys() >= set(request.wrt)):
        return None
    found = quick.run(request.inputs, request.wrt, request.gradient)
    if found is None:
        return None
    line = quick_line(request.id, *found)
    return None if line is None else (line, True)


@functools.lru_cache(maxsize=_CACHED)
def _cached(expr: str, names: frozenset[str], limits: Limits) -> Quick | None:
    """The parsed program, where nothing but its result and gradients is there to tell."""
    from autograd_cli.engine.interpret.quick import Quick, is_quick

    try:
        program = parse(expr, given=names, limits=limits)
    except AgxError:
        return None
    is_complete = names >= set(program.free) and all(program.reads(name) for name in names)
    return Quick(program, limits) if is_complete and is_quick(program) else None


def _full_answer(request: Request, number: int, settings: Settings) -> tuple[bytes, bool]:
    try:
        inputs = {name: input_of_json(name, value) for name, value in request.inputs.items()}
        report = explore(
            request.expr,
            inputs=inputs,
            gradients=gradients_of_json(request.gradient),
            wrt=request.wrt,
            mode=request.mode,
            seed=settings.seed,
            dtype=settings.dtype,
            device=settings.device,
            threads=settings.threads,
            limits=settings.limits,
        )
    except AgxError as error:
        return error_line(request.id, number, error.diagnostic), False
    return answer_line(request.id, number, report), report.ok
