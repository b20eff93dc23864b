"""What a run tells, kept: the Recording of a run, its statements, what it printed and its backward passes."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import torch

from autograd_cli.diagnostic import Span
from autograd_cli.engine.record.passes import Pass, Passes
from autograd_cli.engine.record.recording import Recording, tensors_in
from autograd_cli.engine.values import CONTAINERS, Box
from autograd_cli.trace import Operation, Printed, Refusal, Step

Versions: TypeAlias = Sequence[tuple[Box, int | None]]


class Recorded(Recording):
    """The Recorder of a run that a Trace is made of. Where it is `watched`, its backward passes are looked into."""

    def __init__(self, *, full: bool = False, watched: bool = False) -> None:
        super().__init__(full=full)
        self.steps: list[Step] = []
        self.printed: list[Printed] = []
        self.passes = Passes(self, watched=watched)
        self._outer_steps: list[int | None] = []

    def versions(self, operands: Sequence[Box]) -> Versions:
        """The versions of the tensors among the operands of an operation that is about to run."""
        return [(box, _version(box.payload)) for box in tensors_in(operands)]

    def add_performed(
        self, result: object, operation: Operation, *, operands: Sequence[Box], versions: Versions, span: Span
    ) -> Box:
        """The value of an operation that ran, or the operand that it changed in place."""
        for operand in operands:
            if isinstance(operand.payload, CONTAINERS):
                self.refresh(operand)
        writes = operation.is_write
        changed = [
            box
            for box, version in versions
            if (writes and result is box.payload) or (version is not None and version != _version(box.payload))
        ]
        before = [box.value for box in operands]
        for box in {id(box.payload): box for box in changed}.values():
            self.rewrite(box, operation, operands=before, span=span)
        for box in changed:
            if result is box.payload:
                return box
        return self.add_result(result, operation, operands=operands, span=span)

    def enter(self, names: Mapping[str, Box], function: str) -> int:
        """A function is called: how many leaves there are."""
        for name, box in names.items():
            self.bind(name, box.payload, function)
        return len(self.leaves)

    def leave(self, names: Mapping[str, Box], function: str, entered: int) -> None:
        """It returned; the leaves that it made are known by its names."""
        if len(self.leaves) > entered:
            self.names.leave(names, function)

    def begin_step(self, span: Span, iteration: tuple[int, ...]) -> int:
        """A statement begins: its number."""
        number = len(self.steps)
        self._outer_steps.append(self.step)
        self.step = number
        self.steps.append(Step(id=number, span=span, iteration=iteration, binds=(), bound=(), value=None, refusal=None))
        return number

    def end_step(self, number: int, box: Box | None, bound: Mapping[str, int], refusal: Refusal | None) -> None:
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

    def backward(
        self, roots: Sequence[Box], weights: Sequence[Box], span: Span
    ) -> contextlib.AbstractContextManager[Pass]:
        """A call of `backward()`, while the context lasts."""
        return self.passes.backward(roots, weights, span)

    def grad(self, roots: Sequence[Box], *, given: bool, span: Span) -> contextlib.AbstractContextManager[Pass]:
        """A call of `torch.autograd.grad`, while the context lasts."""
        return self.passes.grad(roots, given=given, span=span)

    def roots_of(self, leaf: object) -> Sequence[Box]:
        """What the pass started from that gave a leaf its `.grad`."""
        return self.passes.roots_of(leaf)


def _version(payload: torch.Tensor) -> int | None:
    return None if payload.is_inference() else payload._version  # noqa: SLF001 - torch has no other name for it
