"""What a run reports, kept: the Recording of a run, its statements, what it printed and its backward passes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeAlias

import torch

from autograd_cli.diagnostic import Span
from autograd_cli.engine.record import naming
from autograd_cli.engine.record.passes import Pass, Passes
from autograd_cli.engine.record.recording import E, Recording, grad_mode_in_force, tensors_in
from autograd_cli.engine.record.snapshot import is_opaque, version_of
from autograd_cli.engine.record.watch import End
from autograd_cli.engine.values import CONTAINERS, SEQUENCES, Entry
from autograd_cli.modes import GradMode
from autograd_cli.trace import Kind, Operation, Printed, Refusal, Step

Versions: TypeAlias = Sequence[tuple[E, int | None]]


class Recorded(Recording[E]):
    """The Recorder of a run that a Trace is made of. Where it is `watched`, so is each node of a backward pass."""

    def __init__(
        self, make: Callable[..., E], *, full: bool = False, keeps: bool = True, watched: bool = False
    ) -> None:
        super().__init__(make, full=full, keeps=keeps)
        self.steps: list[Step] = []
        self.printed: list[Printed] = []
        self.passes: Passes[E] = Passes(self, watched=watched)
        self._outer_steps: list[int | None] = []
        self._calls: list[_Calls[E]] = [_Calls()]  # of the operation that runs, and of those inside of it

    def versions(self, operands: Sequence[E], span: Span) -> Versions[E]:
        """The versions of the tensors among the operands of an operation that is about to run."""
        self._calls[-1] = _Calls(operands=operands, span=span)
        return [(box, version_of(box.payload)) for box in tensors_in(operands) if not is_opaque(box.payload)]

    def add_performed(
        self, result: object, operation: Operation, *, operands: Sequence[E], versions: Versions[E], span: Span
    ) -> E:
        """The value of an operation that ran, or the operand that it changed in place."""
        for operand in operands:
            if isinstance(operand.payload, CONTAINERS):
                self.refresh(operand)
        writes = operation.is_write
        changed = [
            box
            for box, version in versions
            if (writes and result is box.payload)
            or (version is not None and version != version_of(box.payload))
            or (operation.verb == "requires_grad_" and self._is_switched(box))
        ]
        before = [box.value for box in operands]
        for box in {id(box.payload): box for box in changed}.values():
            self.rewrite(box, operation, operands=before, span=span)
        if operation.kind is Kind.STEP:
            self._note_settings(operands, changed)
            self.note_steps(operands)
        written = next((box for box in changed if result is box.payload), None)
        made = written or self.add_result(result, operation, operands=self._source_of(result, operands), span=span)
        self.close(made)
        return made

    def _note_settings(self, operands: Sequence[E], changed: Sequence[E]) -> None:
        """Note on what a step made of each parameter the numbers that the optimizer had for it."""
        boxes = {id(box.payload): box for box in changed}
        optimizers = [box.payload for box in operands if isinstance(box.payload, torch.optim.Optimizer)]
        for group in [group for optimizer in optimizers for group in optimizer.param_groups]:
            settings = tuple([(name, float(each)) for name, each in group.items() if type(each) in {int, float}])
            for box in [boxes[id(parameter)] for parameter in group["params"] if id(parameter) in boxes]:
                self._revise(box.value, settings=settings)

    def note_steps(self, operands: Iterable[E]) -> None:
        """Note on the optimizers among these that they have taken a step, which may be forgotten before they are."""
        for box in operands:
            if isinstance(box.payload, torch.optim.Optimizer) and not self.values[box.value].has_stepped:
                self._revise(box.value, has_stepped=True)

    def _is_switched(self, box: E) -> bool:
        """Whether requires_grad of a tensor is no longer what it was, as of the parameters of a module."""
        known = self.values[box.value].tensor
        return known is not None and known.requires_grad != box.payload.requires_grad

    def _source_of(self, result: object, operands: Sequence[E]) -> Sequence[E]:
        """What a result was made from: the operands, or only what a called function returned if that is the result."""
        return [box for box in self._calls[-1].returned if box.payload is result is not None][-1:] or operands

    # Functions of the program that torch calls.

    @contextlib.contextmanager
    def called(self) -> Iterator[None]:
        """Torch has called a function of the program, in the operation that runs."""
        calls, first, step = self._calls[-1], len(self.values), self.step
        is_switched = grad_mode_in_force() != calls.grad_mode
        self._calls.append(_Calls())
        if is_switched:
            self.grad_mode_spans.append(None)
        if step is None and self.steps:
            self.step = len(self.steps) - 1  # in agx's own backward pass, after the last statement
        try:
            yield
        finally:
            self.step = step
            if is_switched:
                self.grad_mode_spans.pop()
            self._calls.pop()
            calls.made.append(range(first, len(self.values)))

    def end_of(self, tensor: Entry) -> End | None:
        """Where the gradient of a tensor arrives."""
        info = self.values[tensor.value].tensor
        if info is None or not info.requires_grad:
            return None
        leaf = self.values_of_leaves.get(id(tensor.payload), tensor.value)
        return (None, leaf) if info.grad_fn is None else (info.grad_fn, info.output_nr)

    def returned(self, box: E, handed: Sequence[E], end: End | None) -> None:
        """The function returned this: a hook a new gradient, another function what the operation may return."""
        if end is not None and isinstance(box.payload, torch.Tensor):
            self.passes.watch.replaced(end, handed[0], box)
        if not self.passes_under_way:
            self._calls[-2].returned.append(box)

    def replaced(self, tensor: Entry, gradient: torch.Tensor, result: torch.Tensor, span: Span) -> None:
        """A hook of a tensor, which was not recorded itself, put another gradient in the place of the one it got."""
        end = self.end_of(tensor)
        if self.passes_under_way and end is not None:
            handed = self.add(gradient, naming.HANDED, span=span)
            self.passes.watch.replaced(end, handed, self.add(result, naming.HANDED, operands=[handed], span=span))

    def handed(self, payload: object, span: Span) -> E:
        """The entry of an argument that torch called it with: that of a known tensor, or a new one."""
        if isinstance(payload, torch.Tensor):
            calls = self._calls[-2]
            is_made = not is_opaque(payload) and payload.grad_fn is not None
            operands = [each for each in calls.operands if each.payload is not payload] if is_made else ()
            known = self.known(payload)
            return known or self.add(payload, naming.HANDED, operands=operands, span=calls.span or span)
        if isinstance(payload, SEQUENCES):
            boxes = [self.handed(each, span) for each in payload]
            elements = boxes if isinstance(payload, list) else tuple(boxes)
            operation = naming.LIST if isinstance(payload, list) else naming.TUPLE
            return self.add(elements, operation, operands=boxes, span=span)
        return self.add(payload, naming.HANDED, span=span)

    def close(self, box: Entry) -> None:
        """The operation that ran has this value: what the functions that it called made is inside it."""
        for made in self._calls[-1].made:
            for number in made:
                if self.values[number].made_inside is None and number != box.value:
                    self._revise(number, made_inside=box.value)
        self._calls[-1] = _Calls()

    def enter(self, names: Mapping[str, Entry], function: str) -> int:
        """A function is called with these arguments: how many leaves there are, for `leave`."""
        for name, box in names.items():
            self.bind(name, box.payload, function)
        return len(self.leaves)

    def leave(self, names: Mapping[str, Entry], function: str, entered: int) -> None:
        """The function returned: the leaves that it made may be known by its names."""
        if len(self.leaves) > entered:
            self.names.leave(names, function)

    def next_step(self, span: Span, iteration: tuple[int, ...]) -> int:
        """A statement begins: its number."""
        self.step = number = len(self.steps)
        self.steps.append(Step(id=number, span=span, iteration=iteration, binds=(), bound=(), value=None, refusal=None))
        return number

    def begin_step(self, span: Span, iteration: tuple[int, ...]) -> int:
        """A statement begins inside the one that runs, if any: its number, for `end_step`."""
        self._outer_steps.append(self.step)
        return self.next_step(span, iteration)

    def end_step(self, number: int, box: Entry | None, bound: Mapping[str, int], refusal: Refusal | None) -> None:
        """The statement has ended."""
        self.step = self._outer_steps.pop()
        self.steps[number] = replace(
            self.steps[number],
            binds=tuple(bound),
            bound=tuple(bound.values()),
            value=None if box is None else box.value,
            refusal=refusal,
        )

    def add_printed(self, text: str, span: Span) -> None:
        """The program printed something, in the statement that runs."""
        assert self.step is not None
        self.printed.append(Printed(step=self.step, span=span, text=text))

    def backward(self, roots: Sequence[E], weights: Sequence[E], span: Span) -> contextlib.AbstractContextManager[Pass]:
        """A call of `backward()`, while the context lasts."""
        self._calls[-1] = _Calls(span=span)
        return self.passes.backward(roots, weights, span)

    def grad(self, roots: Sequence[E], *, given: bool, span: Span) -> contextlib.AbstractContextManager[Pass]:
        """A call of `torch.autograd.grad`, while the context lasts."""
        return self.passes.grad(roots, given=given, span=span)

    def roots_of(self, leaf: object) -> Sequence[E]:
        """What the pass started from that gave a leaf its `.grad`."""
        return self.passes.roots_of(leaf)


@dataclass(slots=True)
class _Calls(Generic[E]):
    """What functions of the program `made` and `returned` while one operation called them; it began in `grad_mode`."""

    operands: Sequence[E] = ()
    span: Span | None = None
    grad_mode: GradMode = field(default_factory=grad_mode_in_force)
    made: list[range] = field(default_factory=list)
    returned: list[E] = field(default_factory=list)
