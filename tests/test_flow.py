"""What flows backward through programs made at random: the same as hooks in plain torch see, and it adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch

from autograd_cli import explore
from autograd_cli.trace import TensorInfo, TensorValues, Trace, Walk
from random_programs import CHUNKS, INPUTS, Made, below, by_torch, chunk, gradients, matched, run, same

Tensors = Sequence[torch.Tensor | None]


@dataclass(frozen=True)
class Way:
    """A way to walk the graph: lines to put after a program whose result is `result`, and the roots of their walks.

    Without such lines the program ends with its result, and agx walks from there, with the gradient `seed` if any.
    """

    lines: str
    roots: tuple[str, ...]
    seed: Callable[[torch.Tensor], torch.Tensor] | None = None
    accumulates: bool = True


WAYS = {
    "of the result": Way("", ("result",)),
    "with a gradient": Way("", ("result",), seed=lambda end: torch.linspace(-2, 3, end.numel()).view(end.shape)),
    "twice": Way(
        "first = result.sum()\nfirst.backward(retain_graph=True)\nsecond = (result * 2).sin().sum()\nsecond.backward()",
        ("first", "second"),
    ),
    "by grad": Way(
        "first = result.sum()\ngs = torch.autograd.grad(first, [a, b, w], allow_unused=True)",
        ("first",),
        accumulates=False,
    ),
    "through a gradient": Way(
        "first = result.sum()\ngs = torch.autograd.grad(first, [a, b, w], create_graph=True, allow_unused=True)\n"
        "second = first + sum([(g * g).sum() for g in gs if g is not None])\nsecond.backward()",
        ("first", "second"),
    ),
}  # fmt: skip


def tensor(told: TensorValues | TensorInfo | None) -> torch.Tensor | None:
    if told is None:
        return None
    return torch.tensor(told.values, dtype=getattr(torch, told.dtype)).reshape(told.shape)


def all_same(told: Sequence[TensorValues | None], found: Tensors) -> bool:
    return len(told) == len(found) and all(same(tensor(one), other) for one, other in zip(told, found, strict=True))


@dataclass(frozen=True)
class Seen:
    """What a hook of plain torch saw."""

    node: Any
    arrived: Tensors
    left: Tensors


class Hooked:
    """One run of a program in plain torch, with a hook on every node below the root of each of its walks."""

    def __init__(self, made: Made, way: Way) -> None:
        *lines, last = made.text.split("\n")
        self.names = by_torch("\n".join([*lines, last]))
        self.walks: list[list[Seen]] = []
        self.refusal: Exception | None = None
        self.seed = None if way.seed is None else way.seed(self.names["result"])
        try:
            if not way.lines:
                result = self.names["result"]
                self._watched(
                    result, lambda: result.backward(torch.ones_like(result) if self.seed is None else self.seed)
                )
            for line in way.lines.splitlines():
                self._line(line)
        except RuntimeError as error:
            self.refusal = error

    def _line(self, line: str) -> None:
        root = next(
            (name for name in ("first", "second") if f"{name}.backward" in line or f"grad({name}" in line), None
        )
        if root is None:
            run(line, self.names)
        else:
            self._watched(self.names[root], lambda: run(line, self.names))

    def _watched(self, root: torch.Tensor, walk: Callable[[], None]) -> None:
        seen: list[Seen] = []
        handles = []
        for node in below(root.grad_fn) if root.grad_fn is not None else ():

            def hook(left: Tensors, arrived: Tensors, node: Any = node) -> None:
                seen.append(Seen(node, [copied(each) for each in arrived], [copied(each) for each in left]))

            handles.append(node.register_hook(hook))
        self.walks.append(seen)
        try:
            walk()
        finally:
            for handle in handles:
                handle.remove()


def copied(gradient: torch.Tensor | None) -> torch.Tensor | None:
    return None if gradient is None else gradient.detach().clone()


def text_of(made: Made, way: Way) -> str:
    *lines, last = made.text.split("\n")
    return made.text if not way.lines else "\n".join([*lines, f"result = {last}", way.lines])


def root_of(trace: Trace, name: str) -> TensorInfo:
    number = trace.result if name == "result" else None
    for step in trace.steps:
        number = dict(zip(step.binds, step.bound, strict=True)).get(name, number)
    assert number is not None
    told = trace.values[number].tensor
    assert told is not None
    return told


def check(made: Made, way: Way) -> bool:
    """Check one program; whether there was anything to see."""
    hooked = Hooked(made, way)
    gradient = None if hooked.seed is None else hooked.seed.tolist()
    trace = explore(text_of(made, way), inputs=dict(INPUTS), watch=True, gradient=gradient).trace
    assert (trace.refusal is None) is (hooked.refusal is None), (made.text, trace.refusal, hooked.refusal)
    if hooked.names["result"].grad_fn is None:
        return False
    assert trace.refusal is None or trace.refusal.message == str(hooked.refusal)
    assert len(trace.walks) == len(hooked.walks), made.text
    for told_walk, seen_all, name in zip(trace.walks, hooked.walks, way.roots, strict=False):
        walk, seen = told_walk, seen_all
        root = root_of(trace, name)
        assert root.grad_fn is not None
        ids = matched(trace, root.grad_fn, hooked.names[name].grad_fn, hooked.names)
        if is_reordered(made):
            seen = sorted(seen, key=lambda each: ids[each.node])
            walk = replace(walk, visits=tuple(sorted(walk.visits, key=lambda visit: visit.node)))
        assert [visit.node for visit in walk.visits] == [ids[each.node] for each in seen], made.text
        for visit, each in zip(walk.visits, seen, strict=True):
            told = [flow.gradient for flow in visit.flows]
            left = [*each.left, *[None] * (len(told) - len(each.left))]  # AccumulateGrad has no edges
            assert all_same(visit.arrived, each.arrived), made.text
            assert all_same(told, left), made.text
        start = torch.ones(root.shape) if hooked.seed is None else hooked.seed
        check_sums(trace, told_walk, (root.grad_fn, root.output_nr), start)
        check_leaves(trace, walk)
    if way.accumulates:
        found = gradients(hooked.names)
        assert all(same(tensor(grad), found[name]) for name, grad in trace.grads if name in found), made.text
    return True


def is_reordered(made: Made) -> bool:
    """Whether torch may have made a node anew for a view whose base changed: it does so when somebody looks."""
    return any(statement.changes for statement in made.statements)


def check_sums(trace: Trace, walk: Walk, root: tuple[int, int], start: torch.Tensor) -> None:
    """What arrives at a node is the sum of what was sent there; at the root it is what the walk started from."""
    sent: dict[tuple[int, int], list[torch.Tensor]] = {root: [start]}
    for visit in walk.visits:
        for number, arrived in enumerate(visit.arrived):
            parts = sent.get((visit.node, number), [])
            found = tensor(arrived)
            assert (found is None) is (not parts)
            if found is not None:
                total = torch.stack([part.expand(found.shape) for part in parts]).sum(0)
                torch.testing.assert_close(found, total, equal_nan=True)
        node = trace.nodes[visit.node]
        for child, number, flow in zip(node.next, node.input_nrs, visit.flows, strict=True):
            gradient = tensor(flow.gradient)
            if child is not None and gradient is not None:
                sent.setdefault((child, number), []).append(gradient)


def check_leaves(trace: Trace, walk: Walk) -> None:
    """After the walk, the gradient of a leaf is what it was before plus what arrived at it."""
    if walk.backward is None:
        assert not any(trace.nodes[visit.node].name == "AccumulateGrad" for visit in walk.visits)
        return
    arrived = {trace.nodes[visit.node].variable: visit.arrived for visit in walk.visits}
    leaves = trace.backwards[walk.backward].leaves
    storages = Counter(leaf.before.storage for leaf in leaves if leaf.before is not None)
    for leaf in leaves:
        if leaf.before is not None and storages[leaf.before.storage] > 1:
            continue  # torch let two leaves share the memory of their .grad, as for torch.stack([a, b]).sum(0)
        before, after = tensor(leaf.before), tensor(leaf.after)
        if leaf.name not in arrived or arrived[leaf.name] == (None,):
            assert same(before, after)
        else:
            (added,) = [tensor(each) for each in arrived[leaf.name]]
            assert added is not None
            assert same(after, added if before is None else before + added)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", range(CHUNKS))
def test_a_walk_is_what_hooks_see_in_plain_torch(number: int, way: str) -> None:
    start = list(WAYS).index(way)
    programs = [
        made for made in chunk(number)[start :: len(WAYS)] if way != "through a gradient" or not is_reordered(made)
    ]
    assert sum(check(made, WAYS[way]) for made in programs) > len(programs) / 3
