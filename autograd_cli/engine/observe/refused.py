"""How an observed script ended: the exception that ended it as a Refusal, at its place in the user's code."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, TypeAlias

from autograd_cli.diagnostic import Span
from autograd_cli.engine.observe import helpers
from autograd_cli.engine.observe.calls import REFUSAL, operation_of
from autograd_cli.engine.observe.frames import Call, Frame
from autograd_cli.engine.observe.seen import Seen
from autograd_cli.engine.observe.sites import Kind, Site, Source
from autograd_cli.engine.observe.texts import File
from autograd_cli.engine.observe.tracebacks import place_of_step
from autograd_cli.engine.observe.writes import write_operation
from autograd_cli.engine.record import naming
from autograd_cli.engine.record.refusals import refusal
from autograd_cli.trace import Operation, Refusal

if TYPE_CHECKING:
    from autograd_cli.engine.observe.observer import Observer

_OPERATIONS = frozenset({Kind.CALL, Kind.OPERATOR, Kind.COMPARISON, Kind.ATTRIBUTE, Kind.INDEX, Kind.AUGMENTED})


Files: TypeAlias = Mapping[str, File]


def refusal_of(observer: Observer, error: BaseException, files: Files) -> Refusal:
    """What ended the run; the statements that were under way remember it.

    `files` are the rewritten files, by name.
    """
    known = vars(error).get(REFUSAL)
    last = None
    frames = []
    for traceback in _own(error, files):
        last = traceback
        frame = _frame_of(traceback.tb_frame, files)
        frames += [] if frame is None else [frame]
    found = known if isinstance(known, Refusal) else _refusal(observer, error, last, frames, files)
    for frame in frames:
        for step in frame.steps:
            observer.recorded.steps[step] = replace(observer.recorded.steps[step], refusal=found)
    return found


def _own(error: BaseException, files: Files) -> Iterator[TracebackType]:
    """The steps of the traceback in code of the user's, the outermost first."""
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename in files:
            yield traceback
        traceback = traceback.tb_next


def _frame_of(frame: FrameType, files: Files) -> Frame | None:
    name = helpers.FRAME
    found = frame.f_locals.get(name)
    if found is None:
        found = getattr(builtins, helpers.module_frame(files[frame.f_code.co_filename].number), None)
    return found if isinstance(found, Frame) else None


def _refusal(
    observer: Observer, error: BaseException, last: TracebackType | None, frames: Sequence[Frame], files: Files
) -> Refusal:
    span = None if last is None else _span_of(last, files)
    site = None if span is None else _site(observer.sites, span, error)
    operation, operands = naming.NOTHING, list[Seen]()
    if site is not None and last is not None and frames:
        frame = frames[-1]
        call = next((each for each in reversed(frame) if isinstance(each, Call)), None)
        found = observer.operands(frame, site, list(_given(site, last.tb_frame)))
        write = next((each for each in site.writes if each.span == span), None)
        if write is not None:
            operation, operands = write_operation(write, found)
        else:
            operands = [each for each in found if each is not None] + ([] if call is None else call.also)
            operands = operands or _without(observer, error)
            operation = _operation(site, call, operands)
    return refusal(error, operation, operands, span=span if site is None or site.writes else site.span)


def _without(observer: Observer, error: BaseException) -> list[Seen]:
    """The object that lacks the attribute, where that is the error."""
    found = observer.objects.find(error.obj) if isinstance(error, AttributeError) else None
    return [] if found is None else [found]


def _given(site: Site, frame: FrameType) -> Iterator[object]:
    """The variables that the operation was given, as they are in the frame that it was in."""
    for operand in site.operands:
        if operand.source is Source.GIVEN:
            first, *rest = operand.name.split(".")
            found = frame.f_locals.get(first, frame.f_globals.get(first, getattr(builtins, first, None)))
            for name in rest:
                found = getattr(found, name, None)
            yield found


def _span_of(traceback: TracebackType, files: Files) -> Span:
    """The piece of the text of all files that was running."""
    return place_of_step(traceback).span.shifted(files[traceback.tb_frame.f_code.co_filename].above)


def _site(sites: Sequence[Site], span: Span, error: BaseException) -> Site | None:
    """The operation at a place; that of a failing attribute or assertion is only a part of a call or statement."""
    exact = next((each for each in sites if each.span == span and each.kind in _OPERATIONS), None)
    written = next((each for each in sites if any(write.span == span for write in each.writes)), None)
    if exact is not None or written is not None:
        return written if exact is None else exact
    if isinstance(error, AttributeError):
        return next((each for each in sites if each.callee == span), None)
    if isinstance(error, AssertionError):
        held = [each for each in sites if each.kind is Kind.STATEMENT and each.span.holds(span)]
        return held[-1] if held else None
    return None


def _operation(site: Site, call: Call | None, operands: Sequence[Seen]) -> Operation:
    match site.kind:
        case Kind.OPERATOR | Kind.COMPARISON | Kind.AUGMENTED if operands:
            return naming.operator(site.symbol, *[each.payload for each in operands[:2]])
        case Kind.CALL if call is not None:
            return operation_of(call, site)
        case Kind.CALL if operands:
            return naming.method(type(operands[0].payload), site.symbol.rpartition(".")[2])
        case Kind.INDEX if operands:
            return naming.index(type(operands[0].payload))
        case Kind.ATTRIBUTE if operands:
            return naming.attribute(type(operands[0].payload), site.symbol)
    return naming.NOTHING
