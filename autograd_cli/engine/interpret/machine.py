"""What calls need from the interpreter: to evaluate expressions, to run functions of the program, to print."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Protocol

from autograd_cli.diagnostic import Span
from autograd_cli.engine.interpret.performer import Performer
from autograd_cli.engine.values import Box, Function
from autograd_cli.lang.spans import SpanFinder


class Machine(Protocol):
    """The interpreter, as calls know it.

    `iterations` counts the nested iterations of `map` and the like that are under way, `callbacks` the nested calls by
    torch.
    """

    performer: Performer
    spans: SpanFinder
    resolved: Mapping[int, str]
    iterations: int
    callbacks: int

    def evaluate(self, node: ast.expr) -> Box:
        """The box of an expression."""

    def elements(self, nodes: Sequence[ast.expr]) -> list[Box]:
        """The boxes of expressions, those of `*sequence` one by one."""

    def truth(self, box: Box, span: Span) -> bool:
        """Whether a value counts as true."""

    def call_value(self, callee: Box, arguments: list[Box], keywords: dict[str, Box], span: Span) -> Box:
        """Call what a name holds."""

    def call_function(self, function: Function, arguments: Sequence[Box], keywords: dict[str, Box], span: Span) -> Box:
        """Run a function of the program."""

    def print(self, text: str, span: Span) -> None:
        """Keep what the program printed."""
