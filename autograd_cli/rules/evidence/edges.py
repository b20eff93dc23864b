"""The edges of the computed graph that torch recorded: pairs of a value and an operand of it."""

from __future__ import annotations

from autograd_cli.modes import GradMode
from autograd_cli.rules.evidence.graph import is_unrecorded_write
from autograd_cli.trace import Kind, TensorInfo, Trace, Value


def recorded_edges(trace: Trace) -> tuple[tuple[int, int], ...]:
    """The pairs (value, operand) between which torch recorded an edge.

    Torch knows no lists, tuples or objects such as distributions. An edge to or from one of these counts as recorded
    where one of the tensors in it has the edge.
    """
    finder = _Edges(trace)
    return tuple(
        [
            (value.id, operand)
            for value in trace.values
            if value.kind is not Kind.STEP  # it writes all parameters behind torch's back
            for operand in dict.fromkeys(value.operands)
            if finder.is_recorded(value, operand)
        ]
    )


class _Edges:
    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._origins: list[int] = []  # for each value its first version
        self._wholes: list[int] = []  # for each element of what an operation returned, the whole
        for value in trace.values:
            same = handed_back(trace, value) if value.previous is None else value.previous
            self._origins.append(value.id if same is None else self._origins[same])
            self._wholes.append(self._wholes[value.operands[0]] if _is_element(value) else value.id)
        self._accumulators = {self._origins[node.leaf]: node.id for node in trace.nodes if node.leaf is not None}
        self._known: dict[int, frozenset[int]] = {}
        self._reached: dict[int, frozenset[int]] = {}

    def is_recorded(self, value: Value, operand: int) -> bool:
        """Whether a node that was made for `value` leads to a node of `operand`, or is one itself."""
        if value.tensor is not None and self._origins[value.id] == self._origins[operand] and value.tensor.is_leaf:
            return False  # the same leaf: there is no node between them
        if is_unrecorded_write(value):
            return False  # its node is the one from before the write
        ends = self._nodes(operand)
        return bool(ends) and any(not ends.isdisjoint(self._reach(node, value.id)) for node in self._nodes(value.id))

    def _nodes(self, number: int) -> frozenset[int]:
        """The nodes of a value: its grad_fn, or the accumulator of a leaf; of a sequence, those of its elements."""
        pending = [number]
        while pending:
            current = pending[-1]
            held = () if current in self._known else self._held(current)
            unknown = [each for each in held if each not in self._known]
            if unknown:
                pending += unknown
                continue
            pending.pop()
            if current not in self._known:
                own = self._own_nodes(current)
                self._known[current] = own.union(*[self._known[each] for each in held])
        return self._known[number]

    def _held(self, number: int) -> tuple[int, ...]:
        """The values whose nodes stand for a value that only holds others, or was made of them.

        A value without elements, such as a module that a `for` took from a list of modules, stands for what the whole
        was made of. So this leads inwards, or to values from before the operation that returned the whole, and ends.
        """
        value = self._trace.values[number]
        if not value.is_passed_through:
            return ()
        return value.elements or self._trace.values[self._wholes[number]].operands

    def _own_nodes(self, number: int) -> frozenset[int]:
        tensor = self._trace.values[number].tensor
        if tensor is None:
            return frozenset()
        if tensor.grad_fn is not None:
            return frozenset({tensor.grad_fn})
        node = self._accumulators.get(self._origins[number])
        return frozenset({node} if node is not None and tensor.requires_grad else ())

    def _reach(self, start: int, number: int) -> frozenset[int]:
        """The node, and all that it leads to through nodes that were made for the same operation."""
        if start not in self._reached:
            group = self._wholes[number]
            found = {start}
            pending = [start]
            while pending:
                node = self._trace.nodes[pending.pop()]
                if self._wholes[node.value] == group:
                    fresh = [child for child in node.next if child is not None and child not in found]
                    found.update(fresh)
                    pending += fresh
            self._reached[start] = frozenset(found)
        return self._reached[start]


def handed_back(trace: Trace, value: Value) -> int | None:
    """The leaf that an operation handed back as it was, such as the x of `x.contiguous()` or of `x.to("cpu")`."""
    if not _is_leaf(value.tensor) or value.grad_mode != GradMode.GRAD or value.verb == "Parameter":
        return None  # nn.Parameter(x) makes another leaf of the same numbers
    return next((each for each in value.operands if _is_same(trace.values[each].tensor, value.tensor)), None)


def _is_leaf(tensor: TensorInfo | None) -> bool:
    return tensor is not None and tensor.requires_grad and tensor.grad_fn is None


def _is_same(one: TensorInfo | None, other: TensorInfo | None) -> bool:
    if one is None or other is None or not _is_leaf(one):
        return False
    return (one.storage, one.shape) == (other.storage, other.shape)


def _is_element(value: Value) -> bool:
    return value.kind is Kind.ELEMENT
