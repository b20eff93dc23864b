"""A program as a function of tensors: run as often as one likes, and nothing recorded."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from autograd_cli.engine.interpret.performer import Performer
from autograd_cli.engine.interpret.silent import Silent
from autograd_cli.engine.interpret.statements import Interpreter
from autograd_cli.engine.record.recording import tensors_in
from autograd_cli.engine.values import Box
from autograd_cli.lang.program import Program
from autograd_cli.lang.stack import deep_stack
from autograd_cli.limits import DEFAULT_LIMITS, Limits, limit_reached


class Function:
    """What a program computes from its inputs, under torch's current settings: for derivatives, checks and plots.

    Each call is a run of its own within the limits, with the tensors as they are given: those that require gradients,
    and those that `torch.func` wraps, are tracked as in a program that Python runs.
    """

    def __init__(self, program: Program, limits: Limits = DEFAULT_LIMITS) -> None:
        self._program = program
        self._limits = limits

    def __call__(self, tensors: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """The tensors of the result, in whatever depth, in order; none where the program has no result.

        Raises:
            RefusedError: torch or Python refused an operation.
            AgxError: a limit was reached.
        """
        try:
            with deep_stack():
                box = self.run(tensors)
                return () if box is None else tuple([each.payload for each in tensors_in([box])])
        except RecursionError:
            raise limit_reached("depth", "the program nests too deeply") from None

    def run(self, tensors: Mapping[str, torch.Tensor]) -> Box | None:
        """The result as the interpreter holds it."""
        names = {name: Box(0, tensor) for name, tensor in tensors.items()}
        return Interpreter(self._program, Performer(Silent(), self._limits), names).run()
