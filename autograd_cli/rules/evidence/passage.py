"""Gradients on their way: what arrives at the leaves of a walk, and where it became NaN, infinite or zero."""

from __future__ import annotations

import cmath
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from autograd_cli.trace import Node, Number, TensorValues, Value, Visit, Walk, edge_indices

# The rounding error that float32 leaves of a gradient that cancels, as of an operation whose result is constant.
NEGLIGIBLE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """What left a node, in a walk, along one of its edges."""

    visit: Visit
    edge: int

    @property
    def gradient(self) -> TensorValues | None:
        """What left."""
        return self.visit.flows[self.edge].gradient

    @property
    def arrived(self) -> tuple[TensorValues, ...]:
        """What had arrived before."""
        return tuple([each for each in self.visit.arrived if each is not None])


class Passage:
    """One walk, indexed by the nodes that gradients went to."""

    def __init__(self, walk: Walk, nodes: Sequence[Node], values: Sequence[Value]) -> None:
        self.walk = walk
        self.nodes = nodes
        self._values = values
        self.into: dict[int, list[Departure]] = {}
        self._visited = {visit.node: visit for visit in walk.visits}
        for visit in walk.visits:
            for edge, end in enumerate(nodes[visit.node].next):
                if end is not None and visit.flows[edge].gradient is not None:
                    self.into.setdefault(end, []).append(Departure(visit=visit, edge=edge))

    @property
    def ends(self) -> tuple[int, ...]:
        """The nodes where gradients end: leaves, and what `autograd.grad` was asked for."""
        return tuple([node for node in self.into if node not in self._visited or not self.nodes[node].next])

    def below(self, start: int) -> frozenset[int]:
        """All nodes that a node leads to, itself included."""
        pending, seen = [start], set[int]()
        while pending:
            node = pending.pop()
            if node not in seen:
                seen.add(node)
                pending += [child for child in self.nodes[node].next if child is not None]
        return frozenset(seen)

    def behind(self, start: int) -> tuple[int, ...]:
        """The leaves that a node leads to, itself included."""
        return tuple([node for node in sorted(self.below(start), reverse=True) if not self.nodes[node].next])

    def arrived_at(self, end: int) -> tuple[TensorValues, ...]:
        """What arrived at a node: the sum, or all parts of it where the walk did not visit the node."""
        visit = self._visited.get(end)
        if visit is not None:
            return tuple([each for each in visit.arrived if each is not None])
        return tuple([each.gradient for each in self.into.get(end, ()) if each.gradient is not None])

    def birth(self, end: int) -> tuple[Departure, ...]:
        """The way of NaN or infinity to `end`, from the node that it first left; empty where a hook brought it in."""
        path: list[Departure] = []
        seen = {end}
        if self._is_by_hook(end, _is_broken):
            return ()
        while broken := [each for each in self.into.get(end, ()) if not is_finite(each.gradient)]:
            path.append(broken[0])
            end = broken[0].visit.node
            if self._is_by_hook(end, _is_broken):
                return ()
            if end in seen or all(is_finite(each) for each in broken[0].arrived):
                break
            seen.add(end)
        return tuple(reversed(path))

    def stops(self, end: int) -> Iterator[Departure]:
        """Where gradients on their way to `end` became zero: all that left was zero, and not all that had arrived.

        A departure that is not zero itself was cancelled by another one, at the node that both went to. What a hook
        made zero was stopped by no node.
        """
        pending = list(() if self._is_by_hook(end, is_zero) else self.into.get(end, ()))
        seen: set[tuple[int, int]] = set()
        while pending:
            leaving = pending.pop()
            key = (leaving.visit.node, leaving.edge)
            if key in seen:
                continue
            seen.add(key)
            if all(is_zero(each) for each in leaving.arrived):
                is_made = self._is_by_hook(leaving.visit.node, is_zero)
                pending += () if is_made else self.into.get(leaving.visit.node, ())
            else:
                yield leaving

    def _is_by_hook(self, node: int, test: Callable[[TensorValues], bool]) -> bool:
        """Whether what arrived at a node passes a test because a hook of the program made it so."""
        visit = self._visited.get(node)
        for hooked in () if visit is None else visit.hooked:
            before, after = self._values[hooked.handed].tensor, self._values[hooked.returned].tensor
            if before is not None and after is not None and test(after) and not test(before):
                return True
        return False

    def fork(self, one: Departure, other: Departure) -> int | None:
        """The nearest node from which both of two departures came."""
        of_other = {other.visit.node, *(each.visit.node for each in self.before(other))}
        way = (one.visit.node, *(each.visit.node for each in self.before(one)))
        return next((node for node in way if node in of_other), None)

    def before(self, start: Departure) -> Iterator[Departure]:
        """All earlier departures that led to this one, the nearest first."""
        pending = deque([start])
        seen: set[tuple[int, int]] = set()
        while pending:
            current = pending.popleft()
            for each in self.into.get(current.visit.node, ()):
                if (each.visit.node, each.edge) not in seen:
                    seen.add((each.visit.node, each.edge))
                    pending.append(each)
                    yield each


def _is_broken(values: TensorValues) -> bool:
    return not is_finite(values)


def is_finite(values: TensorValues | None) -> bool:
    """Whether no element is NaN or infinite."""
    if values is None:
        return True
    if values.summary is not None:
        return values.summary.nan_count + values.summary.inf_count == 0
    return all(is_number(each) for each in values.values or ())


def is_number(value: Number | None) -> bool:
    """Whether a number is neither NaN nor infinite."""
    return value is not None and cmath.isfinite(value)


def has_nan(values: TensorValues | None) -> bool:
    """Whether an element is NaN."""
    return values is not None and values.nan_count > 0


def is_zero(values: TensorValues) -> bool:
    """Whether every element is zero."""
    if values.summary is not None:
        return values.summary.norm == 0 and is_finite(values)
    return not any(values.values or ())


def is_same(one: TensorValues | None, other: TensorValues | None) -> bool:
    """Whether both hold the same numbers, as far as they are kept."""
    return one is not None and other is not None and (one.values, one.summary) == (other.values, other.summary)


def norm(values: TensorValues) -> float:
    """The 2-norm of the finite elements; of a summary that has others, too, the largest of them."""
    if (summary := values.summary) is not None:
        largest = max(abs(summary.minimum or 0.0), abs(summary.maximum or 0.0))
        return summary.norm if math.isfinite(summary.norm) else largest
    return math.hypot(*[abs(each) for each in values.values or () if is_number(each)])


def side_by_side(*tensors: TensorValues | None) -> Iterator[tuple[Number, ...]]:
    """The elements of several tensors of one shape that are known of all of them: all, or those at the corners."""
    there = [each for each in tensors if each is not None]
    if len({each.shape for each in there}) != 1 or len(there) < len(tensors):
        return iter(())
    known = [each.values for each in there if each.values is not None]
    return zip(*(known if len(known) == len(there) else map(_corners, there)), strict=True)


def _corners(tensor: TensorValues) -> tuple[Number, ...]:
    """The elements that a summary keeps, also of a tensor whose elements are all known."""
    if tensor.values is None:
        return () if tensor.summary is None else tensor.summary.corners
    places = [0]  # row-major
    for size in tensor.shape:
        places = [place * size + each for place in places for each in edge_indices(size)]
    return tuple([tensor.values[place] for place in places])


def index(shape: Sequence[int], position: int) -> tuple[int, ...]:
    """Where in a tensor of this shape the element at a row-major position stands."""
    found = []
    for size in reversed(shape):
        position, place = divmod(position, size)
        found.append(place)
    return tuple(reversed(found))


def first_broken(values: TensorValues | None) -> int | None:
    """The row-major position of the first element that is NaN or infinite, where the elements are known."""
    if values is None or values.values is None:
        return None
    return next((place for place, each in enumerate(values.values) if not is_number(each)), None)
