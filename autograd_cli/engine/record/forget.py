"""Forgets the older part of a long run: what is left is a run that began later, with what is still held from before.

Values, nodes and statements are renumbered, so that ids stay ordinals. An older value that something still holds
becomes a constant where its operands are gone; what torch can still reach is kept with its nodes.
"""

from __future__ import annotations

import itertools
import sys
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from autograd_cli.engine.record.recorded import Recorded
from autograd_cli.engine.values import Entry
from autograd_cli.modes import GradMode
from autograd_cli.trace import Backward, Kind, Node, Step, TensorInfo, Value, Visit, Walk

_PASSES = 4  # of a round, at most: gradients may be accumulated over very many
_OURS = 3  # references to a leaf that only the recording holds: in `leaves`, of a local variable, of getrefcount
_Kept = TypeVar("_Kept", Value, Node, Step, Backward)


def start_of(recorded: Recorded[Any], rounds: int) -> int | None:
    """The first value of the last rounds and of what led to them; None where there were no others.

    A round is the backward passes up to an update of the parameters; where there are no updates, one pass. Of more than
    `_PASSES` passes for each round the older ones are let go. What led to a pass begins after the update before it.
    """
    starts = [walk.start for walk in recorded.passes.watch.walks if walk.backward is not None]
    known = starts[-_PASSES * rounds - 1 :]
    if len(known) <= rounds:
        return None
    pairs = itertools.pairwise(known)
    last = [
        max((each.id for each in recorded.values[one:other] if _is_update(each)), default=None) for one, other in pairs
    ]
    updates = [each for each in last if each is not None]
    if len(updates) >= rounds:
        return updates[-rounds] + 1
    if not updates:
        return known[-rounds - 1]
    return known[0] if len(known) < len(starts) else None


def _is_update(value: Value) -> bool:
    is_by_hand = value.kind in {Kind.AUGMENTED, Kind.ASSIGNMENT, Kind.METHOD} and value.is_write
    return value.kind is Kind.STEP or (is_by_hand and value.grad_mode != GradMode.GRAD)


def forget(recorded: Recorded[Any], start: int, held: Iterable[Entry], under_way: Collection[int]) -> Mapping[int, int]:
    """Forget what was made before the value `start`, but for the values of the entries that are `held`.

    It must not be called while a backward pass runs. `under_way` are the statements that are running. Returns the new
    numbers of the statements that are left, by their old ones.
    """
    entries = list(held)
    _let_leaves_go(recorded)
    walks = [walk for walk in recorded.passes.watch.walks if walk.start >= start]
    values = {*range(start, len(recorded.values)), *(each.value for each in entries)}
    values |= {*recorded.values_of_leaves.values(), *recorded.last_values.values()}
    nodes = _reachable(recorded, values, walks)
    values |= {recorded.nodes[each].value for each in nodes}
    values |= {leaf for each in nodes if (leaf := recorded.nodes[each].leaf) is not None}
    values |= _numbers_given(recorded, start)
    steps = {*under_way, *(step for each in values if (step := recorded.values[each].step) is not None)}
    backwards = {each.backward for each in walks if each.backward is not None}
    firsts = _first_versions(recorded, values, start)
    latest = {firsts[each]: each for each in sorted(firsts)}
    kept = _numbered({firsts.get(each, each) for each in values})
    numbers = _Numbers(
        values=kept | {version: kept[first] for version, first in firsts.items() if first in kept},
        kept=kept,
        nodes=_numbered(nodes),
        steps=_numbered(steps),
        backwards=_numbered(backwards),
    )
    for first, version in latest.items():
        recorded.values[first] = replace(recorded.values[first], tensor=recorded.values[version].tensor)
    for version, first in firsts.items():  # where its numbers begin
        if (recorded.values[version].function or "").startswith("torch.nn.init."):
            recorded.values[first] = replace(recorded.values[first], span=recorded.values[version].span)
    recorded.values[:] = [numbers.value(each) for each in _kept(recorded.values, kept)]
    recorded.nodes[:] = [numbers.node(each) for each in _kept(recorded.nodes, nodes)]
    recorded.steps[:] = [numbers.statement(each) for each in _kept(recorded.steps, steps)]
    recorded.printed[:] = [
        replace(each, step=numbers.steps[each.step]) for each in recorded.printed if each.step in numbers.steps
    ]
    recorded.passes.backwards[:] = [numbers.backward(each) for each in _kept(recorded.passes.backwards, backwards)]
    recorded.passes.watch.walks[:] = [numbers.walk(each) for each in walks]
    recorded.renumber(numbers.values, numbers.nodes)
    for entry in entries:
        entry.value = numbers.values[entry.value]
    return numbers.steps


def _let_leaves_go(recorded: Recorded[Any]) -> None:
    """Forget the leaves that nobody else holds."""
    for key in list(recorded.leaves):
        leaf = recorded.leaves[key]
        if sys.getrefcount(leaf) <= _OURS:
            del recorded.leaves[key], recorded.values_of_leaves[key]
            recorded.last_values.pop(key, None)


def _reachable(recorded: Recorded[Any], values: Collection[int], walks: Iterable[Walk]) -> set[int]:
    """The nodes that the values are outputs of, those that were walked, and all that they lead to."""
    infos = [recorded.values[each].tensor for each in values]
    pending = [each.grad_fn for each in infos if each is not None and each.grad_fn is not None]
    pending += [visit.node for walk in walks for visit in walk.visits]
    pending += [node for walk in walks for node, _ in walk.changed]
    found: set[int] = set()
    while pending:
        node = pending.pop()
        if node not in found:
            found.add(node)
            pending += [each for each in recorded.nodes[node].next if each is not None]
    return found


def _numbers_given(recorded: Recorded[Any], start: int) -> set[int]:
    """What operations since `start` were given from before it that is no tensor: a default of a parameter, say.

    Python shares numbers, so nothing holds the value of one.
    """
    older = {each for value in recorded.values[start:] for each in value.operands if each < start}
    return {each for each in older if recorded.values[each].tensor is None and not recorded.values[each].elements}


def _numbered(kept: Collection[int]) -> dict[int, int]:
    return {old: new for new, old in enumerate(sorted(kept))}


def _first_versions(recorded: Recorded[Any], values: Collection[int], start: int) -> dict[int, int]:
    """For each value before `start` the first version of its tensor, which replaces it: the changes are forgotten."""
    found: dict[int, int] = {}
    for value in recorded.values[:start]:
        found[value.id] = value.id if value.previous is None else found[value.previous]
    kept = {found[each] for each in values if each in found}
    return {version: first for version, first in found.items() if first in kept}


def _kept(all_of_them: list[_Kept], kept: Iterable[int]) -> list[_Kept]:
    return [all_of_them[each] for each in sorted(kept)]


class _Numbers:
    """The new numbers of what is kept, by the old ones."""

    def __init__(
        self,
        *,
        values: Mapping[int, int],
        kept: Mapping[int, int],
        nodes: Mapping[int, int],
        steps: Mapping[int, int],
        backwards: Mapping[int, int],
    ) -> None:
        self.values = values
        self._olds = list(kept)
        self.nodes = nodes
        self.steps = steps
        self.backwards = backwards

    def value(self, value: Value) -> Value:
        made = value if self._is_whole(value) else replace(value, kind=Kind.CONSTANT, function=None, op="constant")
        return replace(
            made,
            id=self.values[value.id],
            operands=self._all(made.operands) if made is value else (),
            elements=self._all(value.elements),
            step=self._one(self.steps, value.step),
            previous=self._one(self.values, value.previous),
            made_inside=self._one(self.values, value.made_inside),
            tensor=self._info(value.tensor),
        )

    def _is_whole(self, value: Value) -> bool:
        """Whether the operation that made a value can still be told: its operands are there, or it began something.

        An object begins with the call that made it, and so does a leaf.
        """
        begins = value.kind is Kind.CALL and (
            value.tensor is None or (value.tensor.is_leaf and value.tensor.requires_grad)
        )
        return begins or all(each in self.values for each in value.operands)

    def node(self, node: Node) -> Node:
        return replace(
            node,
            id=self.nodes[node.id],
            next=tuple([None if each is None else self.nodes[each] for each in node.next]),
            value=self.values[node.value],
            leaf=self._one(self.values, node.leaf),
        )

    def statement(self, step: Step) -> Step:
        pairs = [
            (name, self.values[each]) for name, each in zip(step.binds, step.bound, strict=True) if each in self.values
        ]
        return replace(
            step,
            id=self.steps[step.id],
            binds=tuple([name for name, _ in pairs]),
            bound=tuple([each for _, each in pairs]),
            value=self._one(self.values, step.value),
        )

    def backward(self, backward: Backward) -> Backward:
        leaves = [
            replace(
                each,
                value=self._one(self.values, each.value),
                before=self._info(each.before),
                after=self._info(each.after),
            )
            for each in backward.leaves
        ]
        return replace(
            backward,
            step=self._one(self.steps, backward.step),
            roots=self._all(backward.roots),
            gradients=tuple([self._info(each) for each in backward.gradients]),
            leaves=tuple([each for each in leaves if each.value is not None]),
        )

    def walk(self, walk: Walk) -> Walk:
        return replace(
            walk,
            step=self._one(self.steps, walk.step),
            backward=self._one(self.backwards, walk.backward),
            start=bisect_left(self._olds, walk.start),
            visits=tuple([self._visit(each) for each in walk.visits]),
            changed=tuple([(self.nodes[node], name) for node, name in walk.changed]),
        )

    def _visit(self, visit: Visit) -> Visit:
        hooked = [
            replace(each, handed=self.values[each.handed], returned=self.values[each.returned]) for each in visit.hooked
        ]
        return replace(visit, node=self.nodes[visit.node], hooked=tuple(hooked))

    def _info(self, info: TensorInfo | None) -> TensorInfo | None:
        return info if info is None or info.grad_fn is None else replace(info, grad_fn=self.nodes.get(info.grad_fn))

    def _all(self, numbers: Iterable[int]) -> tuple[int, ...]:
        return tuple([self.values[each] for each in numbers if each in self.values])

    def _one(self, numbers: Mapping[int, int], number: int | None) -> int | None:
        return None if number is None else numbers.get(number)
