"""A Recorder that keeps nothing: for programs that run many times, of which only the result is wanted."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

import torch

from autograd_cli.diagnostic import Span
from autograd_cli.engine.record import naming
from autograd_cli.engine.record.passes import Pass
from autograd_cli.engine.record.recorded import Versions
from autograd_cli.engine.record.watch import End
from autograd_cli.engine.values import SEQUENCES, Box
from autograd_cli.trace import Operation, Refusal


class Silent:
    """The Recorder of a run that no Trace is made of: its boxes have payloads, and are no values."""

    def __init__(self) -> None:
        self.step: int | None = None
        self.grad_mode_spans: list[Span | None] = [None]

    def add(
        self,
        payload: object,
        operation: Operation,  # noqa: ARG002 - as a Recorder takes it, here and below
        *,
        operands: Sequence[Box] = (),  # noqa: ARG002
        span: Span | None = None,  # noqa: ARG002
        fields: tuple[str, ...] = (),
    ) -> Box:
        """A box of what the program made."""
        return Box(0, payload, fields)

    def add_result(self, result: object, operation: Operation, *, operands: Sequence[Box], span: Span) -> Box:
        """Boxes of what an operation returned, and of all that it holds."""
        if type(result) is torch.Tensor:
            return Box(0, result)
        if isinstance(result, dict):
            pairs = result.items()
            return Box(0, {key: self.add_result(each, operation, operands=operands, span=span) for key, each in pairs})
        if not isinstance(result, SEQUENCES):
            return Box(0, result)
        elements = [self.add_result(each, operation, operands=operands, span=span) for each in result]
        payload = elements if isinstance(result, list) else tuple(elements)
        return Box(0, payload, getattr(type(result), "__match_args__", ()), type(result))

    def versions(self, operands: Sequence[Box], span: Span) -> Versions[Box]:  # noqa: ARG002
        """Nothing: nobody asks what an operation changed."""
        return ()

    def add_performed(
        self,
        result: object,
        operation: Operation,
        *,
        operands: Sequence[Box],
        versions: Versions[Box],  # noqa: ARG002
        span: Span,
    ) -> Box:
        """Boxes of what an operation returned."""
        return self.add_result(result, operation, operands=operands, span=span)

    def box_of(self, tensor: torch.Tensor, operation: Operation, span: Span | None) -> Box:  # noqa: ARG002
        """A box of the tensor."""
        return Box(0, tensor)

    def known(self, tensor: torch.Tensor) -> Box | None:  # noqa: ARG002
        """Nothing: no tensor is known."""
        return None

    def end_of(self, tensor: Box) -> End | None:  # noqa: ARG002
        """None: nobody asks where a gradient arrives."""
        return None

    def returned(self, box: Box, handed: Sequence[Box], end: End | None) -> None:
        """Do nothing: what a function returned is not recorded."""

    def called(self) -> contextlib.AbstractContextManager[None]:
        """Calls by torch are like any other."""
        return contextlib.nullcontext()

    def close(self, box: Box) -> None:
        """Do nothing: nobody asks what was made inside the operation."""

    def handed(self, payload: object, span: Span) -> Box:
        """Boxes of what torch called a function with."""
        return self.add_result(payload, naming.HANDED, operands=(), span=span)

    def give_name(self, box: Box, name: str, function: str = "") -> None:
        """Do nothing: names are not recorded."""

    def enter(self, names: Mapping[str, Box], function: str) -> int:  # noqa: ARG002
        """A call needs no number."""
        return 0

    def leave(self, names: Mapping[str, Box], function: str, entered: int) -> None:
        """Do nothing: names are not recorded."""

    def begin_step(self, span: Span, iteration: tuple[int, ...]) -> int:  # noqa: ARG002
        """A statement needs no number."""
        return 0

    def end_step(self, number: int, box: Box | None, bound: Mapping[str, int], refusal: Refusal | None) -> None:
        """Do nothing: statements are not recorded."""

    def add_printed(self, text: str, span: Span) -> None:
        """Nobody reads it."""

    def backward(
        self,
        roots: Sequence[Box],  # noqa: ARG002
        weights: Sequence[Box],  # noqa: ARG002
        span: Span,  # noqa: ARG002
    ) -> contextlib.AbstractContextManager[Pass]:
        """A pass that is not recorded."""
        return contextlib.nullcontext(Pass())

    def grad(self, roots: Sequence[Box], *, given: bool, span: Span) -> contextlib.AbstractContextManager[Pass]:  # noqa: ARG002
        """A pass that is not recorded."""
        return contextlib.nullcontext(Pass())

    def roots_of(self, leaf: object) -> Sequence[Box]:  # noqa: ARG002
        """Nothing: passes are not remembered."""
        return ()
