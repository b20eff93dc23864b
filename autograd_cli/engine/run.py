"""One run of a program under one tracking mode: the inputs, the program, the backward pass, and a Trace of it all."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence

import torch

from autograd_cli import position
from autograd_cli.diagnostic import bad_request
from autograd_cli.engine.interpret.backward import check_gradients, roots_of, run_backward, with_names
from autograd_cli.engine.interpret.performer import Performer, RefusedError
from autograd_cli.engine.interpret.statements import Interpreter
from autograd_cli.engine.record import naming
from autograd_cli.engine.record.leaf_names import by_place
from autograd_cli.engine.record.recorded import Recorded
from autograd_cli.engine.record.recording import tensors_in
from autograd_cli.engine.record.snapshot import MAX_VALUES, leaf_facts
from autograd_cli.engine.tensors import check_device, make_tensor
from autograd_cli.engine.values import Box, GraphNode, check_nesting
from autograd_cli.lang.inputs import InputSpec
from autograd_cli.lang.program import Program
from autograd_cli.lang.stack import deep_stack
from autograd_cli.limits import Limits, limit_reached
from autograd_cli.modes import Entry, GradMode, Mode
from autograd_cli.position import Phase
from autograd_cli.settings import Settings
from autograd_cli.spelling import spelled
from autograd_cli.trace import Backward, Kind, Refusal, TensorInfo, Trace, Variable


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
        self._recording = Recorded(full=max_values is None, watched=watched)
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
                return self._trace(interpreter, result=None, refusal=error.refusal)
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
                return self._trace(interpreter, result=result, refusal=None)
            return self._differentiate(interpreter, result, specs, weights)

    def release(self) -> None:
        """Let go of what torch recorded."""
        self._recording.release()

    def _starts_backward(self, result: Box) -> bool:
        """Whether it is for agx to call backward() on the result: a program that asks for gradients itself has them."""
        passes = self._recording.passes
        if passes.backwards or isinstance(result.payload, _FACTS) or result.kind is torch.Size:
            return False
        return not passes.called_grad or any(root.payload.requires_grad for root in tensors_in([result]))

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
        passes = self._recording.passes
        walk = passes.watch.walk(roots, span=None, backward=len(passes.backwards))
        backward = run_backward(self._recording, roots, fitting, self._leaves(interpreter), walk)
        passes.backwards.append(backward)
        return self._trace(interpreter, result=result, refusal=backward.refusal)

    def _as_result(self, box: Box) -> Box:
        """An input that is an output becomes a value of its own: it keeps the values that it came with."""
        value = self._recording.values[box.value]
        if value.kind is Kind.INPUT:
            return self._recording.add(box.payload, naming.RESULT, operands=[box])
        if not isinstance(box.payload, tuple | list):
            return box
        elements = [self._as_result(element) for element in box.payload]
        if all(new is old for new, old in zip(elements, box.payload, strict=True)):
            return box
        return self._recording.add(tuple(elements), value, operands=elements, span=value.span)

    def _leaves(self, interpreter: Interpreter) -> dict[str, torch.Tensor]:
        """What can have a gradient, by name: the leaves that were asked for, and those that the program made itself."""
        leaves = {name: self._shown[name].payload for name in self._asked}
        named = [(name, tensor) for name, tensor in _held_tensors(interpreter) if _can_have_gradient(tensor)]
        known = {id(tensor) for tensor in (*leaves.values(), *[tensor for _, tensor in named])}
        text = interpreter.spans.text
        others = [
            (leaf, "" if (span := self._recording.made_by(leaf)) is None else span.cut(text))
            for leaf in self._recording.used_leaves()
            if id(leaf) not in known
        ]
        names = self._recording.names.decide(others, [*interpreter.names, *leaves, *[name for name, _ in named]])
        found = {id(tensor) for tensor in leaves.values()}
        for name, tensor in [*named, *[(names[id(leaf)], leaf) for leaf, _ in others if id(leaf) in names]]:
            if id(tensor) not in found:
                leaves[f"{name} (new)" if name in leaves else name] = tensor
        return leaves

    def _trace(self, interpreter: Interpreter, *, result: Box | None, refusal: Refusal | None) -> Trace:
        recording = self._recording
        if result is not None:
            recording.refresh(result)
            recording.write_out(result, self._max_values)
        leaves = self._leaves(interpreter)
        variables = self._variables(interpreter, leaves)
        grads = tuple([(name, self._grad(leaf)) for name, leaf in leaves.items()])
        names = {id(leaf): name for name, leaf in leaves.items()}
        recording.finish(names)
        outputs = () if result is None else tuple(_outputs(result))
        return Trace(
            mode=self._mode.name,
            steps=tuple(recording.steps),
            printed=tuple(recording.printed),
            values=tuple(recording.values),
            nodes=tuple(recording.nodes),
            backwards=tuple(self._named_backwards(recording.passes.backwards, names)),
            variables=variables,
            result=None if result is None else result.value,
            outputs=outputs,
            asked=self._asked,
            grads=grads,
            refusal=refusal,
            walks=tuple(recording.passes.watch.walks),
        )

    def _named_backwards(self, backwards: Sequence[Backward], names: Mapping[int, str]) -> Iterator[Backward]:
        values, called = self._recording.values_of_leaves, self._recording.names
        local = {values[key]: name for key, leaf in self._recording.leaves.items() if (name := called.local(leaf))}
        at_end = {values[key]: name for key, name in names.items() if key in values}
        return (with_names(backward, local, at_end) for backward in backwards)

    def _variables(self, interpreter: Interpreter, leaves: Mapping[str, torch.Tensor]) -> tuple[Variable, ...]:
        """The inputs and the program's names, as they are at the end, and the leaves that have no name of their own."""
        boxes = dict(self._shown)
        for name, box in interpreter.names.items():
            entered = next((key for key in (f"{name}{self._mode.entry.value}", name) if key in boxes), name)
            if entered not in boxes or boxes[entered].payload is box.payload:
                boxes[entered] = box
            else:
                boxes[f"{name} (input)"], boxes[name] = boxes[name], box
        names = {id(leaf): name for name, leaf in leaves.items()}
        tensors = {
            name: box.payload
            for name, box in boxes.items()
            if isinstance(box.payload, torch.Tensor)
            and (name not in interpreter.of_loops or names.get(id(box.payload), name) == name)
        }
        shown = {id(tensor) for tensor in tensors.values()}
        held = _held_tensors(interpreter)
        parameters = [each for each in held if isinstance(each[1], torch.nn.Parameter)]
        tensors |= {name: tensor for name, tensor in (*parameters, *leaves.items()) if id(tensor) not in shown}
        reachable = {*interpreter.names, *[name for name, _ in held]}
        return tuple([self._variable(name, tensor, name in reachable) for name, tensor in tensors.items()])

    def _variable(self, name: str, tensor: torch.Tensor, is_held: bool) -> Variable:  # noqa: FBT001 - a fact of Variable
        value = self._recording.value_of(tensor)
        span = self._recording.values[value].span
        info = self._recording.look(tensor, value, span, max_values=self._max_values)
        leaf = self._recording.values_of_leaves.get(id(tensor))
        return Variable(name=name, value=value, leaf=leaf, is_held=is_held, tensor=info, grad=self._grad(tensor))

    def _grad(self, tensor: torch.Tensor) -> TensorInfo | None:
        """`.grad` as TensorInfo; not asked of a tensor that cannot have one, for which torch would warn."""
        if not any(leaf_facts(tensor)) or tensor.grad is None:
            return None
        last = len(self._recording.values) - 1
        return self._recording.look(tensor.grad, last, None, max_values=self._max_values)


def _outputs(result: Box) -> Iterator[int]:
    """The values that a result consists of: of a sequence its elements, in whatever depth."""
    if not isinstance(result.payload, tuple | list) or not result.payload:
        yield result.value
        return
    for element in result.payload:
        yield from _outputs(element)


def _held_tensors(interpreter: Interpreter) -> list[tuple[str, torch.Tensor]]:
    """The tensors that the program holds at its end, each once by its best name, in the order of its variables."""
    payloads = {name: box.payload for name, box in interpreter.names.items()}
    of_loops = {name: payload for name, payload in payloads.items() if name in interpreter.of_loops}
    others = {name: payload for name, payload in payloads.items() if name not in of_loops}
    found: dict[int, tuple[str, torch.Tensor]] = {}
    for name, tensor in (*by_place(others), *by_place(of_loops)):
        found.setdefault(id(tensor), (name, tensor))
    places = {name: place for place, name in enumerate(payloads)}
    return sorted(found.values(), key=lambda each: places[re.split(r"[.\[]", each[0], maxsplit=1)[0]])


def _can_have_gradient(tensor: torch.Tensor) -> bool:
    return any(leaf_facts(tensor)) and (tensor.requires_grad or tensor.grad is not None)


def _fitting(weight: torch.Tensor, root: torch.Tensor) -> torch.Tensor:
    """The gradient in the root's dtype, but for a complex one of a real root, which torch is to refuse."""
    return weight if weight.is_complex() and not root.is_complex() else weight.to(root.dtype)


# Results that are asked for to be read, such as `x.is_leaf` and `y.grad_fn`.
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


@contextlib.contextmanager
def applied(settings: Settings) -> Iterator[None]:
    """Torch set up so; the caller's own settings are back in place after it."""
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
        torch.manual_seed(settings.seed)
        placed = contextlib.nullcontext() if settings.device == "cpu" else torch.device(settings.device)
        anomaly = torch.autograd.set_detect_anomaly(torch.is_anomaly_enabled())
        with torch.inference_mode(mode=False), torch.enable_grad(), anomaly, placed, deep_stack():
            yield
    finally:
        torch.set_rng_state(rng_state)
        torch.set_default_dtype(default_dtype)
        if settings.threads is not None:
            torch.set_num_threads(default_threads)
