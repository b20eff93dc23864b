"""What the interpreter tells while a program runs. `Recorded` keeps it, `Silent` lets it go."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Protocol

import torch

from autograd_cli.diagnostic import Span
from autograd_cli.engine.record.passes import Pass
from autograd_cli.engine.record.recorded import Versions
from autograd_cli.engine.record.watch import End
from autograd_cli.engine.values import Box
from autograd_cli.trace import Operation, Refusal


class Recorder(Protocol):
    """Takes what a program computes, and makes the boxes of it.

    `step` is the statement that runs, `grad_mode_spans` the pieces of the program that switched grad modes on, the
    innermost last.
    """

    step: int | None
    grad_mode_spans: list[Span | None]

    # Values.

    def add(
        self,
        payload: object,
        operation: Operation,
        *,
        operands: Sequence[Box] = (),
        span: Span | None = None,
        fields: tuple[str, ...] = (),
    ) -> Box:
        """A new value; a sequence's elements must be Boxes already."""

    def add_result(self, result: object, operation: Operation, *, operands: Sequence[Box], span: Span) -> Box:
        """The value that an operation returned; of a sequence every element becomes a value, too."""

    def versions(self, operands: Sequence[Box], span: Span) -> Versions[Box]:
        """The versions of the tensors among the operands of an operation that is about to run."""

    def add_performed(
        self, result: object, operation: Operation, *, operands: Sequence[Box], versions: Versions[Box], span: Span
    ) -> Box:
        """The value of an operation that ran, or the operand that it changed in place."""

    def box_of(self, tensor: torch.Tensor, operation: Operation, span: Span | None) -> Box:
        """The box of a tensor that torch holds, such as a module's parameter."""

    def known(self, tensor: torch.Tensor) -> Box | None:
        """The box of a tensor, if the program has seen it."""

    # Functions of the program that torch calls.

    def end_of(self, tensor: Box) -> End | None:
        """Where the gradient arrives that a hook on the tensor will be called with."""

    def returned(self, box: Box, handed: Sequence[Box], end: End | None) -> None:
        """The function returned; it may be the hook that is called with the gradient that arrives at `end`."""

    def called(self) -> contextlib.AbstractContextManager[None]:
        """Torch has called a function of the program, which runs while the context lasts."""

    def handed(self, payload: object, span: Span) -> Box:
        """A box of something that torch called a function with."""

    def close(self, box: Box) -> None:
        """The operation that ran has this value: what functions called by torch made meanwhile is inside it."""

    # Names.

    def give_name(self, box: Box, name: str, function: str = "") -> None:
        """A variable got a value; `function` is the function whose variable it is, "" for the program itself."""

    def enter(self, names: Mapping[str, Box], function: str) -> int:
        """A function of the program is called with these arguments; what comes back is for `leave`."""

    def leave(self, names: Mapping[str, Box], function: str, entered: int) -> None:
        """The function returned, when its variables were these."""

    # Statements.

    def begin_step(self, span: Span, iteration: tuple[int, ...]) -> int:
        """A statement begins, in these rounds of the loops around it; what comes back is for `end_step`."""

    def end_step(self, number: int, box: Box | None, bound: Mapping[str, int], refusal: Refusal | None) -> None:
        """The statement has ended."""

    def add_printed(self, text: str, span: Span) -> None:
        """The program printed something."""

    # Backward passes.

    def backward(
        self, roots: Sequence[Box], weights: Sequence[Box], span: Span
    ) -> contextlib.AbstractContextManager[Pass]:
        """A call of `backward()`, while the context lasts."""

    def grad(self, roots: Sequence[Box], *, given: bool, span: Span) -> contextlib.AbstractContextManager[Pass]:
        """A call of `torch.autograd.grad`, while the context lasts."""

    def roots_of(self, leaf: object) -> Sequence[Box]:
        """The roots of the pass that gave a leaf its `.grad`."""
