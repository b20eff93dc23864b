"""One run of a program under one tracking mode: the inputs, the program, the backward pass, and a Trace of it all."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence

import torch

from autograd_cli import position
from autograd_cli.diagnostic import bad_request
from autograd_cli.engine.interpret.backward import check_gradients, roots_of, run_backward
from autograd_cli.engine.interpret.performer import Performer, RefusedError
from autograd_cli.engine.interpret.statements import Interpreter
from autograd_cli.engine.record import naming
from autograd_cli.engine.record.assemble import Ended, assemble, leaves_of
from autograd_cli.engine.record.recorded import Recorded
from autograd_cli.engine.record.recording import tensors_in
from autograd_cli.engine.record.snapshot import MAX_VALUES
from autograd_cli.engine.tensors import check_device, make_tensor
from autograd_cli.engine.values import Box, GraphNode, check_nesting
from autograd_cli.lang.inputs import InputSpec
from autograd_cli.lang.kinds import DERIVATIVES
from autograd_cli.lang.program import Program
from autograd_cli.lang.stack import deep_stack
from autograd_cli.limits import Limits, limit_reached
from autograd_cli.modes import Entry, GradMode, Mode
from autograd_cli.position import Phase
from autograd_cli.settings import Settings
from autograd_cli.spelling import spelled
from autograd_cli.trace import Kind, Refusal, Trace


def run(  # noqa: PLR0913 - the parts of a request, each used once
    program: Program,
    inputs: Sequence[InputSpec],
    gradients: Sequence[InputSpec],
    held: Mapping[str, object],
    *,
    mode: Mode,
    wrt: Sequence[str] | None,
    settings: Settings,
    watched: bool = False,
    again: bool = False,
) -> Trace:
    """Run `program` and backward on its result.

    `held` maps the source of an input that is a file or an object to what `files.read` gave for it, or to the object.
    `wrt` are the inputs that require gradients (None: all of a floating or complex dtype). Where the run is `watched`,
    the Trace has what each node did in the backward passes. Where the program will run `again`, what is held stays as
    it is.

    Raises:
        AgxError: an input or a gradient cannot be made; the program has no result.
    """
    max_values = None if settings.full else MAX_VALUES
    device, limits = settings.device, settings.limits
    with applied(settings):
        tensors = {spec.name: make_tensor(spec, held.get(spec.source), device, limits) for spec in inputs}
        if again:
            is_held = {spec.name: held.get(spec.source) is not None for spec in inputs}
            tensors = {name: tensor.clone() if is_held[name] else tensor for name, tensor in tensors.items()}
        asked = _asked(inputs, tensors, wrt)
        weights = [make_tensor(spec, held.get(spec.source), device, limits) for spec in gradients]
        one = _Run(program, mode, asked, max_values, limits, watched=watched)
        try:
            return one.go(tensors, gradients, weights)
        except RecursionError:
            raise limit_reached("depth", "the program nests too deeply") from None
        finally:
            one.release()


def _asked(
    inputs: Sequence[InputSpec], tensors: Mapping[str, torch.Tensor], wrt: Sequence[str] | None
) -> tuple[str, ...]:
    differentiable = [name for name, tensor in tensors.items() if tensor.is_floating_point() or tensor.is_complex()]
    if wrt is None:
        return tuple(differentiable)
    for spec in inputs:
        if spec.name in wrt and spec.name not in differentiable:
            kind = str(tensors[spec.name].dtype).removeprefix("torch.")
            message = f"{spec.name} is {kind}: only floating point and complex tensors can require gradients"
            fix = f"leave {spec.name} out of {spelled(option='--wrt', argument='wrt')}"
            raise bad_request("int-dtype", message, source=spec.source, fix=fix)
    return tuple(name for name in tensors if name in wrt)


class _Run:
    """The state of one run: what is recorded so far, and the leaves whose gradients will be looked at."""

    def __init__(
        self,
        program: Program,
        mode: Mode,
        asked: tuple[str, ...],
        max_values: int | None,
        limits: Limits,
        *,
        watched: bool,
    ) -> None:
        self._program = program
        self._mode = mode
        self._asked = asked
        self._max_values = max_values
        self._limits = limits
        self._recording = Recorded(Box, full=max_values is None, watched=watched)
        self._shown: dict[str, Box] = {}

    def go(
        self, tensors: Mapping[str, torch.Tensor], specs: Sequence[InputSpec], weights: Sequence[torch.Tensor]
    ) -> Trace:
        position.enter(Phase.PROGRAM)
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            performer = Performer(self._recording, self._limits)
            interpreter = Interpreter(self._program, performer, self._enter(tensors))
            try:
                with _GRAD_MODES[self._mode.grad_mode]():
                    result = interpreter.run()
            except RefusedError as error:
                return assemble(self._recording, self._ended(interpreter, refusal=error.refusal))
            self._recording.step = None
            if result is not None:
                check_nesting(result.payload)
            if result is None and not self._recording.passes.backwards and not self._recording.printed:
                fix = "end it with the expression whose gradient you want"
                raise bad_request("no-result", "the last line of the program has no value", fix=fix)
            if result is None or not self._starts_backward(result):
                if specs:
                    message = "the program calls backward() itself"
                    fix = "give the weights there: y.backward(v)"
                    raise bad_request("unused-input", message, source="--gradient", fix=fix)
                return assemble(self._recording, self._ended(interpreter, result))
            return self._differentiate(interpreter, result, specs, weights)

    def release(self) -> None:
        """Let go of what torch recorded."""
        self._recording.release()

    def _starts_backward(self, result: Box) -> bool:
        """Whether it is for agx to call backward() on the result: a program that asks for gradients itself has them."""
        passes = self._recording.passes
        if passes.backwards or isinstance(result.payload, _FACTS) or result.kind is torch.Size:
            return False
        has_gradients = passes.called_grad or any(each.function in DERIVATIVES for each in self._recording.values)
        return not has_gradients or any(root.payload.requires_grad for root in tensors_in([result]))

    def _enter(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, Box]:
        """The variables that the program starts with: the inputs as the mode lets them in."""
        names: dict[str, Box] = {}
        for name, tensor in tensors.items():
            tracked = name in self._asked
            if tracked and self._mode.entry is not Entry.PLAIN:
                tensor.requires_grad_()
            box = self._recording.add(tensor, naming.INPUT, name=name, max_values=self._max_values)
            self._shown[name] = names[name] = box
            if tracked and self._mode.entry in {Entry.DETACHED, Entry.DATA}:
                cut = tensor.detach() if self._mode.entry is Entry.DETACHED else tensor.data
                names[name] = self._recording.add(cut, _ENTRIES[self._mode.entry], operands=[box])
                self._shown[f"{name}{self._mode.entry.value}"] = names[name]
        return names

    def _differentiate(
        self, interpreter: Interpreter, result: Box, specs: Sequence[InputSpec], weights: Sequence[torch.Tensor]
    ) -> Trace:
        result = self._as_result(result)
        roots = roots_of(result)
        if weights:
            check_gradients(roots, specs, weights)
        fitting = [
            _fitting(weight, root.payload) if isinstance(root.payload, torch.Tensor) else weight
            for root, weight in zip(roots[: len(weights)], weights, strict=True)
        ]
        position.enter(Phase.BACKWARD)
        leaves = leaves_of(self._recording, self._ended(interpreter))
        refusal = run_backward(self._recording, roots, fitting, leaves)
        return assemble(self._recording, self._ended(interpreter, result, refusal))

    def _as_result(self, box: Box) -> Box:
        """Make an input that is the result a value of its own; the input's value keeps the numbers it came with."""
        value = self._recording.values[box.value]
        if value.kind is Kind.INPUT:
            return self._recording.add(box.payload, naming.RESULT, operands=[box])
        if not isinstance(box.payload, tuple | list):
            return box
        elements = [self._as_result(element) for element in box.payload]
        if all(new is old for new, old in zip(elements, box.payload, strict=True)):
            return box
        return self._recording.add(tuple(elements), value, operands=elements, span=value.span)

    def _ended(self, interpreter: Interpreter, result: Box | None = None, refusal: Refusal | None = None) -> Ended:
        return Ended(
            mode=self._mode.name,
            names=interpreter.names,
            of_loops=interpreter.of_loops,
            text=interpreter.spans.cut,
            shown=self._shown,
            asked=self._asked,
            cut_by=self._mode.entry.value,
            result=result,
            refusal=refusal,
            max_values=self._max_values,
        )


def _fitting(weight: torch.Tensor, root: torch.Tensor) -> torch.Tensor:
    """The gradient in the root's dtype; a complex one for a real root is left as it is, for torch to refuse."""
    return weight if weight.is_complex() and not root.is_complex() else weight.to(root.dtype)


# Types of results that are only to be read, such as `x.is_leaf` and `y.grad_fn`.
_FACTS = (bool, str, dict, torch.dtype, torch.device, GraphNode, type(None))

_ENTRIES = {
    Entry.DETACHED: naming.method(torch.Tensor, "detach"),
    Entry.DATA: naming.attribute(torch.Tensor, "data"),
}
_GRAD_MODES = {
    GradMode.GRAD: torch.enable_grad,
    GradMode.NO_GRAD: torch.no_grad,
    GradMode.INFERENCE: torch.inference_mode,
}


def _seed(number: int) -> None:
    """Do as torch.manual_seed, without the stack traces that it keeps for devices that may be initialised later.

    Writing these takes longer than many a program.
    """
    accelerator = getattr(torch, "accelerator", None)  # there since torch 2.6
    if accelerator is None or accelerator.is_available():
        torch.manual_seed(number)
    else:
        torch.default_generator.manual_seed(number)


@contextlib.contextmanager
def applied(settings: Settings) -> Iterator[None]:
    """Set torch up by the settings; the caller's own are restored afterwards."""
    rng_state, default_dtype, default_threads = (
        torch.get_rng_state(),
        torch.get_default_dtype(),
        torch.get_num_threads(),
    )
    check_device(settings.device)
    try:
        torch.set_default_dtype(getattr(torch, settings.dtype))
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        _seed(settings.seed)
        placed = contextlib.nullcontext() if settings.device == "cpu" else torch.device(settings.device)
        anomaly = torch.autograd.set_detect_anomaly(torch.is_anomaly_enabled())
        with torch.inference_mode(mode=False), torch.enable_grad(), anomaly, placed, deep_stack():
            yield
    finally:
        torch.set_rng_state(rng_state)
        torch.set_default_dtype(default_dtype)
        if settings.threads is not None:
            torch.set_num_threads(default_threads)
