"""What a call asks of the interpreter that it is made in: to evaluate, to run a function of the program, to tell."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Protocol

from autograd_cli.diagnostic import Span
from autograd_cli.engine.interpret.performer import Performer
from autograd_cli.engine.record.watch import Watch
from autograd_cli.engine.values import Box, Function
from autograd_cli.lang.spans import SpanFinder
from autograd_cli.trace import Backward


class Machine(Protocol):
    """The interpreter, as calls know it.

    `roots_of_gradients` are, by the id of a leaf, what the pass that gave it its `.grad` started from; `iterations` are
    those of `map` and its like that are under way, one inside the other.
    """

    performer: Performer
    spans: SpanFinder
    resolved: Mapping[int, str]
    watch: Watch
    backwards: list[Backward]
    called_grad: bool
    roots_of_gradients: dict[int, list[Box]]
    iterations: int

    def evaluate(self, node: ast.expr) -> Box:
        """The box of an expression."""

    def elements(self, nodes: Sequence[ast.expr]) -> list[Box]:
        """The boxes of several expressions, those of a starred one each."""

    def truth(self, box: Box, span: Span) -> bool:
        """Whether a value counts as true."""

    def call_value(self, callee: Box, arguments: list[Box], keywords: dict[str, Box], span: Span) -> Box:
        """Call what a name holds."""

    def call_function(self, function: Function, arguments: Sequence[Box], keywords: dict[str, Box], span: Span) -> Box:
        """Run a function of the program."""

    def print(self, text: str, span: Span) -> None:
        """Keep what the program printed."""
