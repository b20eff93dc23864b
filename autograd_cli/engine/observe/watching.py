"""Operations by place: the calls of torch while a block runs, with nothing rewritten.

Torch hands over each function that is called, by a TorchFunctionMode, and Python's frames say where. This shows tensors
and their operations, exact places, and the variables that a line binds at once. It does not show Python's arithmetic in
between: a float is known where `item()` gave it and where it goes back into torch unchanged.
"""

from __future__ import annotations

import ast
import inspect
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import Any

import torch
from torch.optim.optimizer import Optimizer
from torch.overrides import TorchFunctionMode

from autograd_cli.diagnostic import Span
from autograd_cli.engine.observe import calls
from autograd_cli.engine.observe.events import TELL_ALL, Event, Function, flat, holds_tensor, operation_of, site_of
from autograd_cli.engine.observe.frames import KEPT, Frame
from autograd_cli.engine.observe.guard import Guard, as_torch_alone, is_traced
from autograd_cli.engine.observe.keeping import Keeping
from autograd_cli.engine.observe.maker import Observed, told
from autograd_cli.engine.observe.places import AGX, Place, Places
from autograd_cli.engine.observe.seen import Seen
from autograd_cli.engine.observe.state import State
from autograd_cli.engine.observe.steps import Steps, begin_step, end_step
from autograd_cli.engine.observe.stopping import Stopping
from autograd_cli.engine.observe.tracebacks import take_out_ours
from autograd_cli.engine.record import naming
from autograd_cli.engine.record.forget import forget
from autograd_cli.engine.record.refusals import refusal
from autograd_cli.trace import Refusal

# From torch 2.14 on `apply` is written in C, and has no frame.
_APPLY = getattr(getattr(vars(torch.autograd.Function)["apply"], "__func__", None), "__code__", None)
_ZERO_GRAD = frozenset(inspect.unwrap(of.zero_grad).__code__ for of in (Optimizer, torch.nn.Module))
_QUIET = ("/torch/optim/", "/torch/nn/init", "/torch/serialization")
_SETTERS = frozenset({"__set__", "__setitem__"})
_NUMBERS = frozenset({bool, int, float, complex})
_NAMED = (torch.Tensor, torch.nn.Module, list, tuple, dict, int, float, complex)


class Watching(TorchFunctionMode):
    """Watches what runs while it is entered. `base` is the frame whose block it is: nothing outside it is looked at."""

    def __init__(self, base: FrameType | None) -> None:
        super().__init__()
        self._state = State(Stopping(), Guard(self._fail), watched=True)
        self._places = Places()
        self._base = base
        self._current: dict[int, tuple[ast.stmt | None, int, int]] = {}  # by frame: statement, instruction, step
        self._inside: list[Seen] = []  # what an autograd.Function was given
        self._switched: Span | None = None  # where grad mode was switched off by a call
        self._refused: tuple[BaseException, Refusal] | None = None
        self._reset_last = (0, 0, 0)
        self._failure: str | None = None
        self._is_over = False
        self._keeping = Keeping(self._state, KEPT)
        self._steps: Steps | None = None

    def begin(self) -> None:
        """Watch from here on."""
        self._steps = Steps(self._before_step, self._after_step)
        TorchFunctionMode.__enter__(self)

    def __torch_function__(
        self,
        func: Function,
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever torch returns
        """A function of torch's is called."""
        del types
        kwargs = kwargs or {}
        if torch.compiler.is_compiling() or self._is_over or self._failure is not None or is_traced() or _is_fake():
            return func(*args, **kwargs)
        event = self._safely(self._begun, sys._getframe(1), func, args, kwargs)  # noqa: SLF001 - the frame of the caller
        if event is None:
            return func(*args, **kwargs)
        try:
            result = func(*args, **kwargs) if event.run is None else event.run()
        except Exception as error:
            self._safely(self._refuse, event, error)
            raise
        self._safely(self._record, event, result)
        return result

    def _safely(self, told: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - what `told` returns
        """What `told` returns; where it fails, which is a bug, the block goes on and is watched no more."""
        try:
            with as_torch_alone():
                return told(*arguments)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not become one of the user's
            self._fail(error)
            return None

    def _fail(self, error: Exception) -> None:
        words, _, _ = str(error).partition("\n")
        self._failure = f"everything after agx itself failed with {type(error).__name__}: {words[:200]}"

    # Where we are.

    def _own(self, frame: FrameType | None) -> tuple[FrameType | None, bool, bool]:
        """The innermost frame of the user's, whether it called torch itself, and whether the call is to be recorded."""
        found, is_direct, is_told = None, True, True
        while frame is not None:
            if found is None and self._places.is_own(frame):
                found, is_told = frame, is_told and not _is_apply(frame)
            elif found is None:
                is_direct = False
                is_told = is_told and not _is_quiet(frame) and not _is_apply(frame)
            elif _is_apply(frame):
                is_told = False
            if frame is self._base:
                break
            frame = frame.f_back
        return found, is_direct, is_told

    def _begun(
        self, frame: FrameType, function: Function, arguments: tuple[Any, ...], keywords: Mapping[str, Any]
    ) -> Event | None:
        """A function is about to run."""
        name = getattr(function, "__name__", "")
        own, is_direct, is_told = self._own(frame)
        if own is None:
            return None
        reset = _reset_in(frame, own)
        if reset is not None:
            self._reset(reset, own)
            return None
        if not is_told:
            self._inside += [each for each in map(self._state.objects.find, flat((arguments, keywords))) if each]
            return None
        if name == "_set_grad_enabled":
            self._switched = None if arguments[0] else self._places.place(own).span
            return None
        place = self._places.place(own)
        self._step(own, place)
        self._state.recorded.grad_mode_spans[-1] = self._mode(own)
        is_reflected = name.startswith("__r") and isinstance(place.node, ast.BinOp)
        operands = self._operands((arguments[::-1] if is_reflected else arguments, keywords), place.span)
        event = Event(
            function=function,
            arguments=arguments,
            keywords=keywords,
            frame=own,
            place=place,
            is_direct=is_direct,
            operands=operands,
        )
        return self._pass(event) if name in {"backward", "grad"} else event

    def _pass(self, event: Event) -> Event:
        """The event; that of a backward pass gets a `run` that looks into the pass."""
        function = event.function
        if function is torch.Tensor.backward:
            function = types.MethodType(function, event.arguments[0])
        elif function not in {torch.autograd.backward, torch.autograd.grad}:
            return event
        self._name_all(event.frame)
        call, run = calls.begun(self._state, site_of(event), function)
        given = event.arguments if function is event.function else event.arguments[1:]
        return replace(event, call=call, run=partial(run, *given, **event.keywords))

    def _mode(self, own: FrameType) -> Span | None:
        """What switched grad mode off, if it is."""
        if torch.is_grad_enabled() and not torch.is_inference_mode_enabled():
            return None
        frame: FrameType | None = own
        while frame is not None:
            around = self._places.mode_around(frame) if self._places.is_own(frame) else None
            if around is not None:
                return around
            frame = None if frame is self._base else frame.f_back
        return self._switched

    def _step(self, frame: FrameType, place: Place) -> None:
        """Make the statement that runs the step; another round of a loop is another step."""
        known = self._current.get(id(frame))
        recorded = self._state.recorded
        if known is not None and known[0] is place.statement and known[1] < frame.f_lasti:
            recorded.step = step = known[2]
        else:
            self._forget()
            step = recorded.next_step(place.statement_span, iteration=())
        self._current[id(frame)] = (place.statement, frame.f_lasti, step)

    def _forget(self) -> None:
        """Forget the older rounds of a long block."""
        start = self._keeping.start()
        if start is None:
            return
        state = self._state
        state.objects.let_go(start)
        self._inside = [each for each in self._inside if each.value >= start]
        steps = forget(state.recorded, start, state.entries, [step for _, _, step in self._current.values()])
        self._current = {
            frame: (statement, instruction, steps[step])
            for frame, (statement, instruction, step) in self._current.items()
            if step in steps
        }
        self._keeping.forgotten()

    # Values.

    def _operands(self, given: object, span: Span) -> list[Seen]:
        objects = self._state.objects
        found: list[Seen] = []
        for each in flat(given):
            box = self._box(each, span) if isinstance(each, torch.Tensor) else objects.find(each)
            if box is None and type(each) in _NUMBERS:
                box = self._state.recorded.add(each, naming.CONSTANT, span=span)
            if box is not None:
                objects.read(each, box, span)
                found.append(box)
        return found

    def _box(self, tensor: torch.Tensor, span: Span) -> Seen | None:
        """The value that a tensor is; one that an autograd.Function made, unseen, is the result of its `apply`."""
        objects = self._state.objects
        known = objects.find(tensor)
        if known is None and tensor.grad_fn is not None and self._inside:
            operation = naming.call("torch.autograd.Function.apply", type(tensor.grad_fn).__name__)
            known = objects.add_performed(tensor, operation, self._inside, span)
            self._inside = []
        return known if known is not None else objects.box(tensor, span)

    def _record(self, event: Event, result: object) -> None:
        """A function has run."""
        state, span = self._state, event.place.span
        if event.call is not None:
            self._bind(
                event,
                calls.recorded(state, Frame("", None, quiet=False), site_of(event), event.call, event.operands, result),
            )
            return
        operation = operation_of(event) if _is_followed(event, result) else None
        if operation is None:
            return
        operands = event.operands
        if operation.reads("grad"):
            operands = [*operands, *state.recorded.roots_of(event.arguments[0])]
        written = event.arguments[0] if event.name in _SETTERS else result
        self._bind(event, state.objects.add_performed(written, operation, operands, span))

    def _bind(self, event: Event, box: Seen | None) -> None:
        """Bind the variables of the statement, if the event gives its whole value."""
        statement, recorded = event.place.statement, self._state.recorded
        is_whole = isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr) and statement.value is event.place.node
        is_augmented = isinstance(statement, ast.AugAssign) and statement is event.place.node
        if (
            box is None
            or recorded.step is None
            or not (event.is_direct or event.call)
            or not (is_whole or is_augmented)
        ):
            return
        targets = _targets(statement)
        for name in targets:
            recorded.give_name(box, name, self._function(event.frame))
        value = None if event.call is not None and isinstance(statement, ast.Expr) else box.value
        recorded.steps[recorded.step] = replace(
            recorded.steps[recorded.step], binds=tuple(targets), bound=(box.value,) * len(targets), value=value
        )

    def _refuse(self, event: Event, error: Exception) -> None:
        """A function has raised."""
        known = vars(error).get(calls.REFUSAL)
        operation = operation_of(event) or naming.NOTHING
        found = refusal(error, operation, event.operands, span=event.place.span)
        self._refused = (error, known if isinstance(known, Refusal) else found)

    # Optimizers.

    def _before_step(self, optimizer: Optimizer) -> None:
        if self._failure is None and not self._is_over:
            self._safely(begin_step, self._state, optimizer)

    def _after_step(self, optimizer: Optimizer) -> None:
        if self._failure is None and not self._is_over:
            self._safely(self._stepped, optimizer, sys._getframe(1))  # noqa: SLF001 - the frame of the caller

    def _stepped(self, optimizer: Optimizer, frame: FrameType) -> None:
        own, _, _ = self._own(frame)
        if own is None:
            return
        place = self._places.place(own)
        self._step(own, place)
        end_step(self._state, optimizer, place.span)

    def _reset(self, frame: FrameType, own: FrameType) -> None:
        """Record once that the `zero_grad()` that runs in `frame` resets gradients: at its first call of torch."""
        call = (id(frame), own.f_lasti, len(self._state.recorded.steps))
        if call == self._reset_last:
            return
        place = self._places.place(own)
        self._step(own, place)
        state, owner = self._state, frame.f_locals["self"]
        is_module = isinstance(owner, torch.nn.Module)
        held = calls.state_of(state, owner) if is_module else calls.trained(state, owner, is_step=False)
        box = state.objects.box(owner, place.span)
        operands = [*held, *([] if box is None or is_module else [box])]
        state.objects.add_performed(None, naming.method(type(owner), "zero_grad"), operands, place.span)
        self._reset_last = (id(frame), own.f_lasti, len(state.recorded.steps))

    # Names.

    def _function(self, frame: FrameType) -> str:
        return "" if frame is self._base or frame.f_code.co_name == "<module>" else frame.f_code.co_name

    def _name_all(self, frame: FrameType | None) -> None:
        """Tell of the variables of the functions that run now, the outermost first."""
        frames: list[FrameType] = []
        while frame is not None:
            frames += [frame] if self._places.is_own(frame) else []
            frame = None if frame is self._base else frame.f_back
        for each in reversed(frames):
            span = self._places.place(each).span
            for name, box in self._variables(each.f_locals, span):
                if isinstance(box.payload, torch.Tensor | torch.nn.Module):
                    self._state.recorded.give_name(box, name, self._function(each))

    def _variables(self, names: Mapping[str, object], span: Span) -> Iterator[tuple[str, Seen]]:
        for name, thing in list(names.items()):
            if name.startswith(("__", "@")) or not isinstance(thing, _NAMED):
                continue
            box = self._state.objects.find(thing)
            if box is None and _is_to_be_named(thing):
                box = self._state.objects.box(thing, span)
            if box is not None:
                yield name, box

    def leave(self) -> None:
        """Undo `begin`. Modes that were entered since must have been left."""
        TorchFunctionMode.__exit__(self, None, None, None)
        if self._steps is not None:
            self._steps.remove()
        if not self._is_over:
            self._is_over = True
            self._state.recorded.release()

    # Telling.

    def _refusal(self, error: Exception) -> Refusal:
        """What ended the block, whether torch raised it or Python."""
        if self._refused is not None and self._refused[0] is error:
            return self._refused[1]
        place, trace = None, error.__traceback__
        while trace is not None:
            if self._places.is_own(trace.tb_frame):
                place = self._places.place_at(trace.tb_frame, trace.tb_lasti, trace.tb_lineno)
            trace = trace.tb_next
        return refusal(error, span=None if place is None else place.span)

    def end(
        self,
        names: Mapping[str, object],
        error: BaseException | None,
        asked: Mapping[str, torch.Tensor] | None = None,
    ) -> Observed:
        """Look at nothing any more, and tell what was seen.

        `names` are the variables at the end, and `error` is what ended it, if one did. `asked` are leaves that
        must have gradients.
        """
        self._is_over = True
        if error is not None:
            take_out_ours(error)
        state = self._state
        state.recorded.step = None
        state.recorded.grad_mode_spans[-1] = None
        nowhere = Span(line=1, column=0, end_line=1, end_column=0)
        boxes = {name: state.objects.box(each, nowhere) for name, each in (asked or {}).items()}
        try:
            return told(
                state,
                self._places,
                names=dict(self._variables(names, nowhere)),
                asked={name: each for name, each in boxes.items() if each is not None},
                result=None,
                refusal=self._refusal(error) if isinstance(error, Exception) else None,
                unseen=() if self._failure is None else (self._failure,),
            )
        finally:
            state.recorded.release()


def _is_followed(event: Event, result: object) -> bool:
    """Whether what a function gives back is a value, or something was written to."""
    return event.name in TELL_ALL or event.name in _SETTERS or event.reads_grad or holds_tensor(result)


def _is_to_be_named(thing: object) -> bool:
    """Whether a variable matters although no operation has used its value; a tensor without requires_grad does not."""
    return not isinstance(thing, torch.Tensor) or thing.requires_grad


def _reset_in(frame: FrameType | None, own: FrameType) -> FrameType | None:
    """The `zero_grad()` of torch's that the user's frame has called, if it is in one."""
    while frame is not None and frame is not own:
        if frame.f_code in _ZERO_GRAD:
            return frame
        frame = frame.f_back
    return None


def _is_fake() -> bool:
    """Whether torch computes shapes alone, as torch.compile does before it compiles."""
    return torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.FAKE) is not None  # noqa: SLF001 - torch asks so itself


def _is_apply(frame: FrameType) -> bool:
    """Whether a frame is that of an `autograd.Function` of the user's, or of the `apply` that calls it."""
    code = frame.f_code
    if code is _APPLY:
        return True
    first = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
    return isinstance(first, torch.autograd.function.FunctionCtx)


def _is_quiet(frame: FrameType) -> bool:
    """Whether a library's calls in this frame are not recorded: it makes or loads a layer, takes a step, or is agx."""
    name = frame.f_code.co_filename
    return frame.f_code.co_name == "__init__" or name.startswith(AGX) or any(each in name for each in _QUIET)


def _targets(statement: ast.AST | None) -> list[str]:
    """The variables that a statement binds to its whole value."""
    match statement:
        case ast.Assign(targets=targets):
            return [each.id for each in targets if isinstance(each, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.AugAssign(target=ast.Name(id=name)):
            return [name]
    return []
