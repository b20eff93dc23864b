"""What a rule asks of a run: who made what, who used it, what it is called, what flowed through it. Indexed once."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, Concatenate, ParamSpec, TypeVar

from autograd_cli.diagnostic import Span
from autograd_cli.lang.source import Source
from autograd_cli.rules.evidence.edges import recorded_edges
from autograd_cli.rules.evidence.passage import Passage
from autograd_cli.trace import Hooked, Kind, Node, Phase, Step, TensorInfo, TensorValues, Trace, Value, Visit, Walk

_PIECE = 40


class Evidence:
    """A Trace of the program `text`, with its walks where it was watched."""

    def __init__(self, trace: Trace, text: Source) -> None:
        self.trace = trace
        self.text = text
        self.lines = self.text.lines
        self.memory: dict[object, Any] = {}

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
        for variable in [variable for variable in self.trace.variables if variable.is_held]:
            found.setdefault(variable.value, {variable.name: None})
            names = {} if variable.leaf is None else found.get(variable.leaf, {})
            if variable.leaf is not None and names and _root(next(iter(names))) not in self._roots:
                found[variable.leaf] = {variable.name: None, **names}  # the first was of a loop's variable, say
        return found

    def names(self, value: int) -> tuple[str, ...]:
        """All names that the program gave a value, the first one first."""
        return tuple(self._names.get(value, ()))

    def called(self, value: int) -> str:
        """What a reader calls the value: its name, or the piece of the program that made it."""
        names = self.names_of_leaf(value)
        return names[0] if names else self.piece(self.trace.values[value].span)

    def names_of_leaf(self, value: int) -> tuple[str, ...]:
        """The names of a value, or else what the leaf is called at the end of the run."""
        at_end = self.name_at_end(value)
        return self.names(value) or (() if at_end is None else (at_end,))

    def name_at_end(self, value: int) -> str | None:
        """What a leaf is called at the end of the run, as in its model."""
        return self._names_at_end.get(self.origin(value))

    @cached_property
    def _names_at_end(self) -> dict[int, str]:
        return {self.origin(each.leaf): each.name for each in reversed(self.trace.variables) if each.leaf is not None}

    def piece(self, span: Span | None) -> str:
        """The piece of the program, on one line and not too long."""
        text = "" if span is None else " ".join(span.cut_lines(self.lines).split())
        return text if len(text) <= _PIECE else f"{text[: _PIECE - 1]}…"

    def piece_whole(self, span: Span | None) -> str:
        """The piece of the program as it stands there."""
        return "" if span is None else span.cut_lines(self.lines)

    def origin(self, value: int) -> int:
        """The first version of a tensor, from before all changes in place."""
        return self._origins[value]

    @cached_property
    def _origins(self) -> list[int]:
        """The first version of each value; for a leaf that only an optimizer still holds, the leaf as it was made."""
        leaves: dict[tuple[object, ...], int] = {}
        found: list[int] = []
        for value in self.trace.values:
            first = value.id if value.previous is None else found[value.previous]
            tensor = value.tensor
            if value.previous is None and tensor is not None and tensor.is_leaf and tensor.requires_grad:
                leaf = leaves.setdefault((tensor.storage, tensor.shape), value.id)
                first = leaf if value.kind is Kind.PARAMETER else first
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

    # What the program wrote.

    def given(self, value: Value) -> list[ast.expr]:
        """What an operation was given, as it stands in the program, without keywords: a method's owner first."""
        return self.text.operands(value.span, of_method=value.kind is Kind.METHOD)

    # What the program looked at.

    @cached_property
    def grad_reads(self) -> tuple[tuple[Value, Value], ...]:
        """Each reading of `.grad`: the value that was asked, and the answer."""
        return tuple(
            (self.trace.values[value.operands[0]], value)
            for value in self.trace.values
            if value.reads("grad") and value.operands
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

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """The walks, in order, each indexed by the nodes that gradients went to."""
        return tuple([Passage(walk, self.trace.nodes, self.trace.values) for walk in self.trace.walks])

    def hooked_leaves(self) -> Iterator[tuple[int, Hooked]]:
        """What hooks put in the place of gradients that arrive at leaves, each with the leaf, in order."""
        for passage in self.passages:
            for visit in passage.walk.visits:
                leaf = self.trace.nodes[visit.node].leaf
                yield from [(self.origin(leaf), each) for each in visit.hooked if leaf is not None]

    def end_name(self, node: int) -> str | None:
        """The program's name of what a gradient ended at.

        That is a leaf, or what `autograd.grad` was asked for. Where the walk broke off, it is a leaf further down the
        graph. A leaf without a name goes by the first name of what was made of it.
        """
        end = self.trace.nodes[node]
        value = end.value if end.leaf is None else end.leaf
        name = self._held_name(end) or end.variable or next(iter(self.names(value)), None)
        while name is None and end.next:
            below = [child for child in end.next if child is not None]
            if not below:
                break
            end = self.trace.nodes[below[0]]
            name = end.variable
        return name or self._name_of_user(value if end.leaf is None else end.leaf)

    def _held_name(self, end: Node) -> str | None:
        """Where the program holds a leaf at its end, if what it was called first was a variable that is gone."""
        held = None if end.leaf is None else self._held.get(end.leaf)
        return None if held is None or _root(end.variable or "") in self._roots else held

    @cached_property
    def _held(self) -> dict[int, str]:
        return {
            each.leaf: each.name for each in reversed(self.trace.variables) if each.is_held and each.leaf is not None
        }

    @cached_property
    def _roots(self) -> frozenset[str]:
        """The variables that the program holds at its end."""
        return frozenset(_root(variable.name) for variable in self.trace.variables if variable.is_held)

    def has_name(self, node: int) -> bool:
        """Whether the program has a name for what a gradient ended at, or else reads the `.grad` of anything."""
        end = self.trace.nodes[node]
        value = end.value if end.leaf is None else end.leaf
        return bool(end.variable or self.names(value) or self._names_read)

    def _name_of_user(self, value: int) -> str | None:
        while users := self.users.get(value, ()):
            value = users[0].id
            if self.names(value):
                return self.names(value)[0]
        return None

    def affected(self, passage: Passage, end: int, test: Callable[[tuple[TensorValues, ...]], bool]) -> str | None:
        """The name to report for an end.

        Where its `.grad` is not read, that is a result whose `.grad` is read and passes `test`, if there is one.
        """
        name = self.end_name(end)
        if name not in self._names_read:
            for owner, _ in self.grad_reads:
                node = self.node_of(owner.id)
                if node is not None and test(passage.arrived_at(node.id)) and self.names(owner.id):
                    return self.names(owner.id)[0]
        return name

    def end_order(self, node: int) -> tuple[bool, int]:
        """The sort key of an end: first come those whose `.grad` the program reads, and among these the older ones."""
        end = self.trace.nodes[node]
        value = end.value if end.leaf is None else end.leaf
        return self.end_name(node) not in self._names_read, value

    def has_gradient(self, name: str) -> bool:
        """Whether a backward pass gave a leaf a gradient, or `autograd.grad` was asked for some."""
        return name in self._names_given

    @cached_property
    def _names_given(self) -> frozenset[str]:
        return frozenset(
            name
            for passage in self.passages
            for end in passage.ends
            if passage.arrived_at(end) and (name := self.end_name(end)) is not None
        )

    def is_looked_at(self, name: str) -> bool:
        """Whether the program reads the `.grad` of a variable, or its gradient was asked for."""
        return name in self._names_read or name in self.trace.asked

    @cached_property
    def _names_read(self) -> frozenset[str]:
        return frozenset([name for owner, _ in self.grad_reads for name in self.names(owner.id)])

    def node_of(self, value: int) -> Node | None:
        """The grad_fn of a value."""
        tensor = self.tensor(value)
        return None if tensor is None or tensor.grad_fn is None else self.trace.nodes[tensor.grad_fn]

    def nodes_below(self, values: Iterable[int]) -> list[Node]:
        """The nodes that backward reaches from some values, the last made first."""
        pending = [node.id for value in values if (node := self.node_of(value)) is not None]
        found: set[int] = set()
        while pending:
            number = pending.pop()
            if number not in found:
                found.add(number)
                pending += [child for child in self.trace.nodes[number].next if child is not None]
        return [self.trace.nodes[number] for number in sorted(found, reverse=True)]

    def arrived_at(self, value: int) -> Iterator[tuple[Walk, Visit]]:
        """The turns of the node that made a value."""
        node = self.node_of(value)
        return iter(() if node is None else self.visits.get(node.id, ()))

    @cached_property
    def refused_walk(self) -> Walk | None:
        """The backward pass that torch did not finish."""
        refusal = self.trace.refusal
        if refusal is None or refusal.during is not Phase.BACKWARD or not self.trace.walks:
            return None
        return self.trace.walks[-1]

    def last_walk(self, value: int) -> Walk | None:
        """The last backward pass into `.grad` before a value."""
        walks = [walk for walk in self.trace.walks if walk.backward is not None and walk.start <= value]
        return walks[-1] if walks else None

    # Time.

    def line_of(self, value: Value) -> Span | None:
        """The statement that a value was made in, where that is one line; else its own place."""
        step = self.step_of(value)
        return step.span if step is not None and step.span.line == step.span.end_line else value.span

    def step_of(self, value: Value) -> Step | None:
        """The statement that made a value."""
        return None if value.step is None else self.trace.steps[value.step]

    @cached_property
    def _tests(self) -> dict[int, tuple[int, ...]]:
        """Of each statement the `if` and `while` statements around it, as they ran last before it."""
        found: dict[int, tuple[int, ...]] = {}
        open_: list[Step] = []
        for step in self.trace.steps:
            open_ = [outer for outer in open_ if encloses(outer.span, step.span)]
            found[step.id] = tuple([outer.id for outer in open_ if self._is_test(outer.span)])
            open_.append(step)
        return found

    def _is_test(self, span: Span) -> bool:
        words = self.lines[span.line - 1][span.column :].replace("(", " ").split(None, 1)
        return bool(words) and words[0] in {"if", "elif", "while"}

    def tests_of(self, step: int) -> tuple[int, ...]:
        """The `if` and `while` statements that a statement stood under."""
        return self._tests.get(step, ())


def _root(name: str) -> str:
    """The variable that a name begins with."""
    return name.partition(".")[0].partition("[")[0]


def encloses(outer: Span, inner: Span | None) -> bool:
    """Whether a piece of the program is a part of another one."""
    return inner is not None and outer != inner and outer.holds(inner)


_P = ParamSpec("_P")
_T = TypeVar("_T")


def remembered(
    find: Callable[Concatenate[Evidence, _P], _T],
) -> Callable[Concatenate[Evidence, _P], _T]:
    """The function, computed once for each run (and each of its further arguments), and forgotten with the run."""

    @functools.wraps(find)
    def once(evidence: Evidence, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        key = (find, args, tuple(kwargs.items()))
        if key not in evidence.memory:
            evidence.memory[key] = find(evidence, *args, **kwargs)
        found: _T = evidence.memory[key]
        return found

    return once
