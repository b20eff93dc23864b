"""Gradients that shrink or grow on their way, operation by operation, far beyond those of the other layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autograd_cli.diagnostic import Span
from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.rules.evidence.passage import NEGLIGIBLE, Departure, Passage, is_finite, norm
from autograd_cli.rules.evidence.symptoms import is_leaf
from autograd_cli.rules.evidence.traits import Trait, has
from autograd_cli.trace import TensorValues, Value

_SMALL = 1e-5  # of what arrives at the layer that gets most
_LARGE = 1e6  # times what backward() began with
_ROUNDS = 3  # so many times the same place of the program, before it is called a repetition


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaled:
    """The gradient's way to some leaves, on which it became very small, or very large.

    `value` is the operation to blame, in its first round. `norms` are the 2-norms of the gradient: what arrives at the
    first round of it, and what leaves each round. `victims` are the leaves, those with the smallest (or largest)
    gradient first.
    """

    value: Value
    norms: tuple[float, ...]
    victims: tuple[str, ...]
    arrives: float
    reference: float

    @property
    def rounds(self) -> int:
        """How many times the gradient went through it."""
        return len(self.norms) - 1

    @property
    def factor(self) -> float:
        """What one round multiplies the norm by, as the geometric mean of all."""
        return math.exp(math.log(self.norms[-1] / self.norms[0]) / self.rounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """A departure on a way, with the norms of what had arrived and of what left."""

    departure: Departure
    arrived: float
    left: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """The way of most of the gradient from the root to a leaf: its stages, and the norms of what arrives at each.

    `last` is the stage at which the operation that the leaf is an operand of begins.
    """

    name: str
    stages: tuple[_Stage, ...]
    last: int

    @property
    def arrives(self) -> float:
        """The norm of what arrives at the operation that the leaf is an operand of."""
        return self.stages[self.last].arrived

    @property
    def largest(self) -> int:
        """Where the most arrives, up to there."""
        return max(range(self.last + 1), key=lambda place: self.stages[place].arrived)

    @property
    def is_small(self) -> bool:
        """Whether next to nothing of it is left."""
        return self.arrives <= _SMALL * self.stages[self.largest].arrived


def find_vanishing(evidence: Evidence) -> Scaled | None:
    """A gradient that is very small at some layers, and not at others, in the last pass and in most before it."""
    found = [_vanishing(evidence, passage) for passage in _passes(evidence)]
    return found[-1] if 2 * sum(each is not None for each in found) > len(found) else None


def find_exploding(evidence: Evidence) -> Scaled | None:
    """A gradient that one repeated operation has made very large."""
    found = [_exploding(evidence, passage) for passage in _passes(evidence)]
    return next((each for each in reversed(found) if each is not None), None)


def _passes(evidence: Evidence) -> list[Passage]:
    return [passage for passage in evidence.passages if passage.walk.backward is not None and passage.ends]


def _vanishing(evidence: Evidence, passage: Passage) -> Scaled | None:
    ways = sorted(_ways(evidence, passage), key=lambda way: way.arrives)
    if not ways:
        return None
    reference = ways[-1].arrives
    small = [way for way in ways if way.is_small and way.arrives <= _SMALL * reference]
    if not small:
        return None
    way = small[0]
    value, norms = _blamed(evidence, passage, way.stages[way.largest : way.last], is_small=True)
    if value is None or _is_cancelled(passage, way.stages) or _is_gate(evidence, value):
        return None
    return Scaled(
        value=value,
        norms=norms,
        victims=tuple(dict.fromkeys(each.name for each in small)),
        arrives=way.arrives,
        reference=reference,
    )


def _exploding(evidence: Evidence, passage: Passage) -> Scaled | None:
    ways = sorted(_ways(evidence, passage), key=lambda way: -way.arrives)
    if not ways or ways[0].arrives < _LARGE * ways[0].stages[0].arrived:
        return None
    way = ways[0]
    value, norms = _blamed(evidence, passage, way.stages[: way.last], is_small=False)
    if value is None or len(norms) <= _ROUNDS or norms[-1] < norms[0] * _LARGE:
        return None
    return Scaled(
        value=value,
        norms=norms,
        victims=tuple(dict.fromkeys(each.name for each in ways if each.arrives >= way.arrives / _LARGE)),
        arrives=way.arrives,
        reference=way.stages[0].arrived,
    )


@remembered
def _ways(evidence: Evidence, passage: Passage) -> tuple[_Way, ...]:
    known: dict[int, _Stage | None] = {}
    found: list[_Way] = []
    for end in passage.ends:
        name = evidence.end_name(end)
        stages = _way_to(passage, end, known)
        if name is not None and evidence.has_name(end) and stages and all(map(_has_factor, stages)):
            values = [passage.nodes[each.departure.visit.node].value for each in stages]
            found.append(_Way(name=name, stages=stages, last=values.index(values[-1])))
    return tuple(found)


def _has_factor(stage: _Stage) -> bool:
    """Whether what arrived and what left are neither 0 nor infinite."""
    return 0 < stage.arrived < math.inf and 0 < stage.left < math.inf


def _way_to(passage: Passage, end: int, known: dict[int, _Stage | None]) -> tuple[_Stage, ...]:
    """The stages from the root to an end, each time that of which most arrives at the next; those `known` by node."""
    found: list[_Stage] = []
    seen: set[int] = set()
    while end not in seen:
        seen.add(end)
        if end not in known:
            known[end] = _stage_before(passage, end)
        stage = known[end]
        if stage is None:
            break
        found.append(stage)
        end = stage.departure.visit.node
    return tuple(reversed(found))


def _stage_before(passage: Passage, node: int) -> _Stage | None:
    into = passage.into.get(node)
    if not into:
        return None
    left = [_size(each.gradient) for each in into]
    place = max(range(len(into)), key=left.__getitem__)
    arrived = math.hypot(*map(_size, into[place].arrived))
    return _Stage(departure=into[place], arrived=arrived, left=left[place])


def _size(gradient: TensorValues | None) -> float:
    """The norm; infinite where an element is not finite."""
    if gradient is None:
        return 0.0
    return norm(gradient) if is_finite(gradient) else math.inf


def _blamed(
    evidence: Evidence, passage: Passage, stages: Sequence[_Stage], *, is_small: bool
) -> tuple[Value | None, tuple[float, ...]]:
    """The operation that, in all its rounds together, changed the norm most, and the norms from round to round."""
    factors: dict[Span | None, float] = {}
    for each in stages:
        span = evidence.trace.values[passage.nodes[each.departure.visit.node].value].span
        factors[span] = factors.get(span, 0.0) + math.log(each.left / each.arrived)
    if not factors:
        return None, ()
    span = min(factors, key=lambda each: factors[each] if is_small else -factors[each])
    rounds: dict[int, list[_Stage]] = {}
    for each in stages:
        value = evidence.trace.values[passage.nodes[each.departure.visit.node].value]
        if value.span == span:
            rounds.setdefault(value.id, []).append(each)
    first = next(iter(rounds.values()))[0]
    norms = (first.arrived, *(each[-1].left for each in rounds.values()))
    return evidence.trace.values[next(iter(rounds))], norms


def _is_gate(evidence: Evidence, value: Value) -> bool:
    """Whether it is a product with a parameter that is trained, as of a residual branch that begins near 0."""
    return value.stem == "mul" and any(is_leaf(evidence.tensor(each)) for each in value.operands)


def _is_cancelled(passage: Passage, stages: Sequence[_Stage]) -> bool:
    """Whether one operation left nothing but rounding errors of what arrived, and is not flat there."""
    return any(
        each.left <= NEGLIGIBLE * each.arrived
        and not has(passage.nodes[each.departure.visit.node].stem, Trait.SATURATING, Trait.ELEMENTWISE, Trait.PRODUCT)
        for each in stages
    )
