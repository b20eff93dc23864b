"""What a reader calls the values of a run: the names that the program gave them, or the pieces that made them."""

from __future__ import annotations

from collections import Counter

from autograd_cli.render.escape import shortened
from autograd_cli.report import Report
from autograd_cli.trace import Kind, LeafGradient, Trace

_PIECE = 32


class Names:
    """The names of the values of the first trace of a report."""

    def __init__(self, report: Report) -> None:
        self._lines = report.source.split("\n")
        self._trace: Trace = report.trace
        # Layers of a module share the piece of the program that calls it.
        self._layers = Counter((value.step, value.span) for value in self._trace.values if value.kind is Kind.MODULE)
        self._bound: dict[int, dict[str, None]] = {}
        for value in self._trace.values:
            if value.name is not None:
                self._bound.setdefault(value.id, {})[value.name] = None
        for step in self._trace.steps:
            for name, number in zip(step.binds, step.bound, strict=True):
                self._bound.setdefault(number, {})[name] = None
        for variable in self._trace.variables:  # those that no statement bound, such as a module's parameters
            self._bound.setdefault(variable.value, {variable.name: None})

    def of(self, value: int) -> str:
        """All names of the value, joined, or the piece of the program that made it."""
        return self.bound(value) or self.piece(value)

    def bound(self, value: int) -> str:
        """The names that the program gave the value; nothing where it gave none."""
        return ", ".join(self._bound.get(value, ()))

    def of_leaf(self, leaf: LeafGradient, step: int | None) -> str:
        """What the leaf is called in the backward pass of this step: its name may mean another tensor by then."""
        if leaf.value is None:
            return leaf.name
        first = self._origin(leaf.value)
        meant: dict[str, int] = {}
        for each in self._trace.steps if step is None else self._trace.steps[: step + 1]:
            meant |= {name: self._origin(number) for name, number in zip(each.binds, each.bound, strict=True)}
        if meant.get(leaf.name, first) == first:
            return leaf.name
        at_the_end = (each.name for each in self._trace.variables if self._origin(each.value) == first)
        return next(at_the_end, leaf.name)

    def _origin(self, value: int) -> int:
        """The value as it was before any change in place."""
        while (previous := self._trace.values[value].previous) is not None:
            value = previous
        return value

    def piece(self, value: int, limit: int | None = _PIECE) -> str:
        """The piece of the program that made the value; for an element of a sequence, with its index."""
        found = self._trace.values[value]
        text = "" if found.span is None else shortened(found.span.cut_lines(self._lines), limit)
        if found.kind is Kind.MODULE and self._layers[found.step, found.span] > 1:
            return f"{found.verb} of {text}"
        return f"{text}{found.op}" if found.kind is Kind.ELEMENT else text or found.op

    def of_node(self, node: int) -> str:
        """What a node was made for: a leaf's name, the name of the value whose grad_fn it is, or a piece."""
        found = self._trace.nodes[node]
        if found.variable is not None:
            return found.variable
        if found.leaf is not None:
            return self.of(found.leaf)
        tensor = self._trace.values[found.value].tensor
        is_grad_fn = tensor is not None and tensor.grad_fn == node
        return self.of(found.value) if is_grad_fn else self.piece(found.value)
