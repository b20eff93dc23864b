"""Runs one operation at a time: within the limits, its place marked, its result and what it changed recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from autograd_cli import position
from autograd_cli.diagnostic import PROGRAM, AgxError, Span
from autograd_cli.engine.interpret.recorder import Recorder
from autograd_cli.engine.record import naming
from autograd_cli.engine.record.refusals import refusal
from autograd_cli.engine.values import SEQUENCES, Box
from autograd_cli.limits import Limits, limit_reached, memory_error
from autograd_cli.trace import Kind, Operation, Phase, Refusal

_LAZY = frozenset({"len", "contains", "__contains__", "eq", "ne"})  # they do not go through a range, nor does an index
_MAX_MODULES = 100
_NONE: Mapping[str, Box] = {}


class RefusedError(Exception):
    """Torch or Python refused an operation of the program."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Performer:
    """The operations of one run, in the order in which they ran. `source` is the text that they stand in."""

    def __init__(self, recording: Recorder, limits: Limits, source: str = PROGRAM) -> None:
        self.recording = recording
        self._source = source
        self.limits = limits
        self._steps = 0

    def perform(
        self,
        operation: Operation,
        function: Callable[..., Any],
        arguments: Sequence[Box],
        span: Span,
        keywords: Mapping[str, Box] = _NONE,
        *,
        also: Sequence[Box] = (),
    ) -> Box:
        """Run one operation; its result is a new value, or the operand that it changed in place.

        `also` are operands that it uses without being handed them, such as the parameters of a module.

        Raises:
            RefusedError: it raised an exception, which is torch's answer.
            AgxError: a limit was reached.
        """
        self.tick(operation.op, span)
        operands = [*arguments, *keywords.values(), *also] if keywords or also else arguments
        for operand in operands:
            if type(operand.payload) is range and not _is_lazy(operation):
                self.check_length(length_of(operand.payload), span)
        versions = self.recording.versions(operands, span)
        try:
            plain = [argument.unwrap() for argument in arguments]
            if keywords:
                result = function(*plain, **{name: keyword.unwrap() for name, keyword in keywords.items()})
            else:
                result = function(*plain)
        except Exception as error:  # noqa: BLE001 - whatever torch raises is its answer
            raise self.refused(error, span, operation=operation, operands=operands) from None
        self.check_result(result, span)
        try:
            return self.recording.add_performed(result, operation, operands=operands, versions=versions, span=span)
        except Exception as error:  # noqa: BLE001 - looking at a result may fail as computing it may
            raise self.refused(error, span) from None

    def check_length(self, length: int, span: Span) -> None:
        """Refuse a sequence of too many elements.

        Raises:
            AgxError: it has too many.
        """
        if length > self.limits.sequence:
            message = f"a sequence of {length:,} elements; at most {self.limits.sequence:,} are allowed"
            raise limit_reached("sequence", message, span=span)

    def tick(self, op: str, span: Span) -> None:
        """Count one step, and say where the run is.

        Raises:
            AgxError: there were too many.
        """
        self._steps += 1
        if self._steps > self.limits.steps:
            message = f"the program ran {self.limits.steps:,} steps and had not ended"
            raise limit_reached("steps", message, span=span)
        if self._source == PROGRAM:
            position.mark(op, span)

    def refused(
        self,
        error: Exception,
        span: Span,
        during: Phase = Phase.FORWARD,
        *,
        operation: Operation = naming.NOTHING,
        operands: Sequence[Box] = (),
    ) -> Exception:
        """What to raise for an exception of torch's or Python's, raised by an operation on these operands."""
        if isinstance(error, AgxError) and error.diagnostic.span is None:
            return AgxError(replace(error.diagnostic, span=span), error.status)
        if isinstance(error, AgxError | RefusedError):
            return error
        if isinstance(error, RecursionError):
            return limit_reached("depth", "the program nests or calls itself too deeply", span=span)
        if (out_of_memory := memory_error(error, span)) is not None:
            return out_of_memory
        return RefusedError(refusal(error, operation, operands, span=span, during=during))

    def check_result(self, result: object, span: Span) -> None:  # noqa: C901 - one case for each kind of result
        """Refuse what is too large to be shown, or is not a plain tensor.

        Raises:
            AgxError: a limit was reached.
            RefusedError: a tensor without values, or of another layout.
        """
        if isinstance(result, torch.Tensor):
            if result.numel() > self.limits.elements:
                message = f"a tensor of {result.numel():,} elements; at most {self.limits.elements:,} are allowed"
                raise limit_reached("elements", message, span=span)
            if result.is_meta or result.layout is not torch.strided or result.is_quantized or result.is_nested:
                kind = "meta" if result.is_meta else str(result.layout).removeprefix("torch.")
                raise self.refused(TypeError(f"a {kind} tensor is not a plain dense tensor"), span)
        elif isinstance(result, bool | float | None):
            return
        elif isinstance(result, int):
            if result.bit_length() > self.limits.integer_bits:
                raise limit_reached("integer_bits", "the integer is too large", span=span)
        elif isinstance(result, str):
            if len(result) > self.limits.output:
                raise limit_reached("output", f"a text of {len(result):,} characters", span=span)
        elif isinstance(result, SEQUENCES):
            self.check_length(len(result), span)
            for element in result:
                self.check_result(element, span)
        elif isinstance(result, torch.nn.Module):
            self._check_module(result, span)

    def _check_module(self, module: torch.nn.Module, span: Span) -> None:
        """Refuse a module that is nested too deeply for torch to walk, or whose parameters cannot be shown."""
        level = [module]
        for _ in range(_MAX_MODULES):
            for each in level:
                for tensor in (*each.parameters(recurse=False), *each.buffers(recurse=False)):
                    self.check_result(tensor, span)
            level = list({id(child): child for each in level for child in each.children()}.values())
            if not level:
                return
        raise limit_reached("depth", f"modules are nested more than {_MAX_MODULES} deep", span=span)


def length_of(numbers: range) -> int:
    """The length of a range, also where `len` cannot tell it."""
    return max(0, (numbers.stop - numbers.start + numbers.step - (1 if numbers.step > 0 else -1)) // numbers.step)


def _is_lazy(operation: Operation) -> bool:
    """Whether the operation does not go through all of a range."""
    return operation.kind is Kind.INDEX or operation.verb in _LAZY
