"""What a rule asks of a run: who made what, who used it, what it is called, what flowed through it. Indexed once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

from autograd_cli.diagnostic import Diagnostic, Span
from autograd_cli.rules.edges import recorded_edges
from autograd_cli.rules.text import Text
from autograd_cli.trace import Node, Step, TensorInfo, Trace, Value, Visit, Walk

_PIECE = 40


class Evidence:
    """A Trace of the program `source`, with its walks where it was watched."""

    def __init__(self, trace: Trace, source: str) -> None:
        self.trace = trace
        self.source = source
        self.lines = source.split("\n")
        self.memory: dict[object, Any] = {}

    @cached_property
    def text(self) -> Text:
        """The program as a text."""
        return Text(self.source)

    # The computed graph.

    @cached_property
    def users(self) -> dict[int, list[Value]]:
        """The values that were made of each value, in order."""
        found: dict[int, list[Value]] = {}
        for value in self.trace.values:
            for operand in dict.fromkeys(value.operands):
                found.setdefault(operand, []).append(value)
        return found

    @cached_property
    def recorded(self) -> frozenset[tuple[int, int]]:
        """The edges (value, operand) that torch recorded."""
        return frozenset(recorded_edges(self.trace))

    @cached_property
    def values_by_step(self) -> dict[int, list[Value]]:
        """The values that each statement made."""
        found: dict[int, list[Value]] = {}
        for value in self.trace.values:
            if value.step is not None:
                found.setdefault(value.step, []).append(value)
        return found

    @cached_property
    def _names(self) -> dict[int, dict[str, None]]:
        found: dict[int, dict[str, None]] = {}
        for value in self.trace.values:
            if value.name is not None:
                found.setdefault(value.id, {})[value.name] = None
        for step in self.trace.steps:
            for name, number in zip(step.binds, step.bound, strict=True):
                found.setdefault(number, {})[name] = None
        for variable in self.trace.variables:
            found.setdefault(variable.value, {variable.name: None})
        return found

    def names(self, value: int) -> tuple[str, ...]:
        """All names that the program gave a value, the first one first."""
        return tuple(self._names.get(value, ()))

    def called(self, value: int) -> str:
        """What a reader calls the value: its name, or the piece of the program that made it."""
        names = self.names(value)
        return names[0] if names else self.piece(self.trace.values[value].span)

    def piece(self, span: Span | None) -> str:
        """The piece of the program, on one line and not too long."""
        text = "" if span is None else " ".join(span.cut_lines(self.lines).split())
        return text if len(text) <= _PIECE else f"{text[: _PIECE - 1]}…"

    def origin(self, value: int) -> int:
        """The value that a tensor was before the changes in place that led to this version."""
        return self._origins[value]

    @cached_property
    def _origins(self) -> list[int]:
        """Of each value what it was first; of what an optimizer holds under no name any more, the leaf that it was."""
        leaves: dict[tuple[object, ...], int] = {}
        found: list[int] = []
        for value in self.trace.values:
            first = value.id if value.previous is None else found[value.previous]
            tensor = value.tensor
            if value.previous is None and tensor is not None and tensor.is_leaf and tensor.requires_grad:
                leaf = leaves.setdefault((tensor.storage, tensor.shape), value.id)
                first = leaf if value.op == "parameter" else first
            found.append(first)
        return found

    def bindings(self, name: str) -> list[tuple[Step, int]]:
        """The statements that bound a name, in order, each with the value."""
        return [
            (step, value)
            for step in self.trace.steps
            for bound, value in zip(step.binds, step.bound, strict=True)
            if bound == name
        ]

    def tensor(self, value: int) -> TensorInfo | None:
        """The tensor that a value is."""
        return self.trace.values[value].tensor

    # What the program looked at.

    @cached_property
    def grad_reads(self) -> tuple[tuple[Value, Value], ...]:
        """Each reading of `.grad`: the value that was asked, and the answer."""
        return tuple(
            (self.trace.values[value.operands[0]], value)
            for value in self.trace.values
            if value.op == ".grad" and value.operands
        )

    # The recorded graph, and what flowed through it.

    @cached_property
    def visits(self) -> dict[int, list[tuple[Walk, Visit]]]:
        """The turns of each node, by its id."""
        found: dict[int, list[tuple[Walk, Visit]]] = {}
        for walk in self.trace.walks:
            for visit in walk.visits:
                found.setdefault(visit.node, []).append((walk, visit))
        return found

    def node_of(self, value: int) -> Node | None:
        """The grad_fn of a value."""
        tensor = self.tensor(value)
        return None if tensor is None or tensor.grad_fn is None else self.trace.nodes[tensor.grad_fn]

    def arrived_at(self, value: int) -> Iterator[tuple[Walk, Visit]]:
        """The turns of the node that made a value."""
        node = self.node_of(value)
        return iter(() if node is None else self.visits.get(node.id, ()))

    # Time.

    def step_of(self, value: Value) -> Step | None:
        """The statement that made a value."""
        return None if value.step is None else self.trace.steps[value.step]

    def is_in_loop(self, step: int | None) -> bool:
        """Whether a statement stood in a loop that ran more than one round."""
        if step is None or not self.trace.steps[step].iteration:
            return False
        span = self.trace.steps[step].span
        return sum(other.span == span for other in self.trace.steps) > 1


Find: TypeAlias = Callable[[Evidence], Iterator[Diagnostic]]

_T = TypeVar("_T")


def remembered(find: Callable[[Evidence], _T]) -> Callable[[Evidence], _T]:
    """The function, computed once for each run."""

    @functools.wraps(find)
    def once(evidence: Evidence) -> _T:
        if find not in evidence.memory:
            evidence.memory[find] = find(evidence)
        found: _T = evidence.memory[find]
        return found

    return once
