"""Gradients that are shared among equal elements, and rows of an embedding that get none: right, and worth knowing."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_cli.rules.causes.stops import padding_of
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.passage import Passage
from autograd_cli.rules.evidence.traits import Trait, has
from autograd_cli.trace import TensorValues, Value, Visit


def find_tie(evidence: Evidence) -> tuple[Value, str, str] | None:
    """The first operation that shared its gradient among equal elements, the leaf that it went to, and how."""
    for passage in evidence.passages:
        for visit in passage.walk.visits:
            node = passage.nodes[visit.node]
            kind = node.stem
            share = _shared(visit) if has(kind, Trait.EXTREME) else _halved(visit) if has(kind, Trait.PAIR) else None
            victim = None if share is None else _end_below(evidence, passage, visit.node)
            if share is not None and victim is not None and evidence.is_looked_at(victim):
                return evidence.trace.values[node.value], victim, share
    return None


def find_padding(evidence: Evidence) -> tuple[Value, str, int] | None:
    """The first look-up of a padding row in an embedding, its table, and the row.

    Where nobody looks at the gradient, only that of single ids: what fills up short sequences is padding indeed.
    """
    for passage in evidence.passages:
        for visit in passage.walk.visits:
            node = passage.nodes[visit.node]
            row = padding_of(visit) if node.stem == "embedding" else None
            victim = None if row is None else _end_below(evidence, passage, visit.node)
            if row is None or victim is None or not (evidence.is_looked_at(victim) or _is_of_single_ids(visit)):
                continue
            if row in _looked_up(visit):
                return evidence.trace.values[node.value], victim, row
    return None


def _is_of_single_ids(visit: Visit) -> bool:
    """Whether each sample looks up one row, and no sequence of rows."""
    return any(saved.name == "indices" and saved.tensor and len(saved.tensor.shape) == 1 for saved in visit.saved)


def _looked_up(visit: Visit) -> Iterator[object]:
    for saved in visit.saved:
        if saved.name == "indices" and saved.tensor is not None:
            yield from saved.tensor.values or ()


def _shared(visit: Visit) -> str | None:
    """How a node shared what arrived, in words; None unless more elements that are not 0 leave than arrived."""
    arrived, left = visit.arrived[0], visit.flows[0].gradient
    if arrived is None or left is None or arrived.values is None or left.values is None:
        return None
    came, went = _non_zero(arrived), _non_zero(left)
    if went <= came or came == 0:
        return None
    return f"{came} arrives, {went} parts leave" if came > 1 else f"1 gradient arrives, {went} parts leave"


def _halved(visit: Visit) -> str | None:
    kept = {saved.name: saved.tensor for saved in visit.saved}
    one, other, arrived = kept.get("self"), kept.get("other"), visit.arrived[0]
    if one is None or other is None or arrived is None or one.shape != other.shape or one.shape != arrived.shape:
        return None
    if one.values is None or other.values is None or arrived.values is None:
        return None
    is_tied = any(a == b and g for a, b, g in zip(one.values, other.values, arrived.values, strict=True))
    return "each of two equal elements gets a half" if is_tied else None


def _non_zero(values: TensorValues) -> int:
    return sum([bool(each) for each in values.values or ()])


def _end_below(evidence: Evidence, passage: Passage, node: int) -> str | None:
    """The name of a leaf that a node leads to."""
    below = passage.below(node)
    found = [end for end in passage.ends if end in below]
    named = [name for each in sorted(found, key=evidence.end_order) if (name := evidence.end_name(each)) is not None]
    return next(iter(named), None)
