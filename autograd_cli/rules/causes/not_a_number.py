"""Where NaN or infinity in a gradient comes from, in the forward or in the backward pass, and by which cause."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.operations import is_data, stems_of
from autograd_cli.rules.evidence.passage import Departure, Passage, first_broken, has_nan, index, is_finite, is_number
from autograd_cli.rules.evidence.symptoms import GRAD
from autograd_cli.rules.evidence.traits import Trait, has, have
from autograd_cli.trace import Kind, Number, TensorValues, Value

Test: TypeAlias = Callable[[TensorValues | None], bool]

_MOST = 64  # broken gradients that are examined
_EXPONENTIALS = (Trait.SOFTMAX, Trait.EXPONENTIALS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """The NaN or infinity in the gradient of `victim`: its cause, by slug, and where it comes from.

    `value` is the operation to blame. `departure` is where the backward pass first handed on NaN or infinity, at
    `element`, and `turned` where infinity became NaN. `source` is the value in which the forward pass had it first, and
    `masker` the operation that sent only zeros back to that place. Where only the loss is broken, there is no
    departure. `victims` are all leaves whose gradient broke by the same cause, `victim` first.
    """

    slug: str
    victim: str | None
    is_nan: bool
    value: Value
    departure: Departure | None
    turned: Departure | None
    element: tuple[int, ...] | None
    arrived: Number | None
    left: Number | None
    source: Value | None
    masker: Value | None
    victims: tuple[str, ...] = ()


def find_birth(evidence: Evidence) -> Birth | None:
    """The first NaN or infinity that a backward pass handed to a leaf."""
    for passage in evidence.passages:
        broken = [end for end in passage.ends if not all(map(is_finite, passage.arrived_at(end)))]
        for end in sorted(broken, key=evidence.end_order):
            path = passage.birth(end)
            if path:
                birth = _explained(evidence, passage, end, path)
                return replace(birth, victims=tuple(_with_victim(evidence, passage, broken, birth)))
    return next(_broken_losses(evidence), None)


def _with_victim(evidence: Evidence, passage: Passage, ends: Sequence[int], first: Birth) -> Iterator[str]:
    """The leaves that share one cause: the first, and all whose gradient broke at the same operation, the same way."""
    if first.victim is not None:
        yield first.victim
    for end in sorted(ends, key=evidence.end_order)[:_MOST]:
        path = passage.birth(end)
        found = _explained(evidence, passage, end, path) if path else None
        alike = found is not None and (found.slug, found.value, found.is_nan) == (first.slug, first.value, first.is_nan)
        if alike and (name := evidence.end_name(end)) is not None and evidence.has_name(end):
            yield name


def _broken_losses(evidence: Evidence) -> Iterator[Birth]:
    """The losses that are NaN or infinite though their gradients are not, where an operation made them so."""
    for passage in evidence.passages:
        number = passage.walk.backward
        roots = () if number is None else evidence.trace.backwards[number].roots
        ends = sorted(passage.ends, key=evidence.end_order)
        for root in roots:
            value = evidence.trace.values[root]
            if is_finite(value.tensor) or not ends:
                continue
            source = _origin(evidence, value, has_nan if has_nan(value.tensor) else _is_infinite)
            slug = _cause_of_value(evidence, source)
            if not is_data(evidence.trace, source):
                yield Birth(
                    slug=slug,
                    victim=evidence.end_name(ends[0]),
                    is_nan=has_nan(value.tensor),
                    value=source,
                    departure=None,
                    turned=None,
                    element=None,
                    arrived=None,
                    left=None,
                    source=source,
                    masker=None,
                )


def first_infinite(evidence: Evidence, value: Value) -> Value | None:
    """Where the infinity that a value was computed from was written down or made."""
    held = [each for each in value.operands if _holds(evidence, evidence.trace.values[each], _is_infinite)]
    return _first(evidence, evidence.trace.values[held[0]], _is_infinite) if held else None


def _explained(evidence: Evidence, passage: Passage, end: int, path: Sequence[Departure]) -> Birth:
    departure = path[0]
    value = _whole(evidence, evidence.trace.values[evidence.trace.nodes[departure.visit.node].value])
    kind = evidence.trace.nodes[departure.visit.node].stem
    place = _broken_place(departure, kind)
    source = _source(evidence, value, departure)
    maker = _zero_maker(passage, departure) if _zero_arrived(departure, place, kind) else None
    masker = None if maker is None else evidence.trace.values[evidence.trace.nodes[maker.visit.node].value]
    how = None if maker is None else _how(evidence, passage, maker)
    slug, culprit = _cause(evidence, departure, value, source, how)
    gradient = departure.gradient
    turned = next((each for each in path if has_nan(each.gradient)), None)
    return Birth(
        slug=slug,
        victim=evidence.affected(passage, end, lambda arrived: not all(map(is_finite, arrived))),
        is_nan=any(map(has_nan, passage.arrived_at(end))),
        value=culprit,
        departure=departure,
        turned=None if turned is departure else turned,
        element=None if place is None or gradient is None else index(gradient.shape, place),
        arrived=_arrived_at(departure, place, kind),
        left=None if place is None or gradient is None or gradient.values is None else gradient.values[place],
        source=source,
        masker=masker if how is not None else None,
    )


# Which cause it is.


def _cause(
    evidence: Evidence, departure: Departure, value: Value, source: Value | None, how: str | None
) -> tuple[str, Value]:
    """The slug, and the operation that a reader would change."""
    node = evidence.trace.nodes[departure.visit.node]
    if source is not None and _is_softmax(evidence, source):
        return "nan-masked-softmax", source
    if has(node.stem, *_EXPONENTIALS) and (source is None or not _holds(evidence, source, has_nan)):
        return "nan-masked-softmax", value
    if source is not None and is_data(evidence.trace, source):
        return "nan-zero-times-nan", _first_tracked(evidence, value)
    blamed = value if source is None else source
    if how == "where" or (how == "mask" and source is None):
        return "nan-where-branch", blamed
    if how == "cleaned" and source is not None:
        return "nan-zero-times-nan", blamed
    if source is not None:
        return _cause_of_value(evidence, source), source
    return _cause_of_departure(evidence, departure, value), _first_written(evidence, departure, value)


def _cause_of_value(evidence: Evidence, value: Value) -> str:
    """Why the forward pass made NaN or infinity of finite numbers."""
    kinds = stems_of(evidence.trace, value)
    operands = [evidence.trace.values[each] for each in value.operands]
    is_masked = "sub" in kinds and all(_holds(evidence, each, _is_infinite) for each in operands)
    if is_masked or _is_softmax(evidence, value):
        return "nan-masked-softmax"
    if have(kinds, Trait.POWER):
        return _cause_of_power(operands)
    if divides_by_zero(evidence, value):
        return "nan-masked-softmax" if _is_softmax_by_hand(evidence, operands[1]) else "nan-zero-times-nan"
    return _by_kind(kinds) or ("nan-zero-times-nan" if _holds(evidence, value, has_nan) else "nan-overflow")


def divides_by_zero(evidence: Evidence, value: Value) -> bool:
    """Whether it is a division, and what it divides by is 0 somewhere."""
    operands = [evidence.trace.values[each] for each in value.operands]
    is_division = have(stems_of(evidence.trace, value), Trait.DIVISION)
    return is_division and len(operands) > 1 and _has_zero(operands[1])


def _cause_of_departure(evidence: Evidence, departure: Departure, value: Value) -> str:
    """Why the backward pass made NaN or infinity of finite numbers."""
    kind = evidence.trace.nodes[departure.visit.node].stem
    if has(kind, Trait.POWER):
        exponent = next((each for each in departure.visit.saved if each.name == "exponent"), None)
        is_root = exponent is not None and exponent.text == "0.5" and value.function != GRAD
        return "nan-sqrt-at-zero" if is_root else "nan-pow-zero-base"
    found = _by_kind({kind})
    return found or ("nan-zero-times-nan" if has_nan(departure.gradient) else "nan-overflow")


def _by_kind(kinds: frozenset[str] | set[str]) -> str | None:
    for trait, slug in (
        (Trait.ROOT, "nan-sqrt-at-zero"),
        (Trait.LOGARITHM, "nan-log-of-zero"),
        (Trait.ARC, "nan-acos-at-one"),
        (Trait.DECOMPOSITION, "nan-svd-degenerate"),
        (Trait.VARIANCE, "nan-variance-of-one"),
    ):
        if have(kinds, trait):
            return slug
    return None


def _cause_of_power(operands: Sequence[Value]) -> str:
    exponent = operands[1].scalar if len(operands) > 1 else -1
    base = operands[0].tensor
    if base is not None and base.values is not None and any(is_number(each) and not each for each in base.values):
        return "nan-pow-zero-base"
    negative = [each for each in (base.values or () if base else ()) if not isinstance(each, complex) and each < 0]
    fraction = isinstance(exponent, float) and not exponent.is_integer()
    if negative and (fraction or (len(operands) > 1 and operands[1].tensor is not None)):
        return "nan-sqrt-at-zero" if exponent == 0.5 else "nan-pow-zero-base"  # noqa: PLR2004 - a root, as written
    return "nan-overflow"


def _is_softmax(evidence: Evidence, value: Value) -> bool:
    """Whether the value is a softmax of a row that holds nothing but minus infinity."""
    if not have(stems_of(evidence.trace, value), *_EXPONENTIALS):
        return False
    given = [evidence.trace.values[each].tensor for each in value.operands]
    return _holds(evidence, value, has_nan) and not any(
        tensor is not None and (has_nan(tensor) or _has_plus_infinity(tensor)) for tensor in given
    )


def _is_softmax_by_hand(evidence: Evidence, denominator: Value) -> bool:
    """Whether the zero was summed up from exponentials of minus infinity."""
    pending, seen = [denominator.id], set[int]()
    while pending:
        value = evidence.trace.values[pending.pop()]
        if value.id in seen:
            continue
        seen.add(value.id)
        operands = [evidence.trace.values[each] for each in value.operands]
        if stems_of(evidence.trace, value) & {"exp"} and operands and not is_finite(operands[0].tensor):
            return True
        pending += [each.id for each in operands if _has_zero(each)]
    return False


def _first_written(evidence: Evidence, departure: Departure, value: Value) -> Value:
    """The program's own operation: for a value that `autograd.grad` made, the operation whose derivative it is."""
    if value.function != GRAD:
        return value
    kind = evidence.trace.nodes[departure.visit.node].stem
    for node in evidence.trace.nodes:
        made = evidence.trace.values[node.value]
        if node.value < value.id and node.stem == kind and made.function != GRAD:
            return made
    return value


# Where the forward pass first had NaN or infinity.


def _source(evidence: Evidence, value: Value, departure: Departure) -> Value | None:
    """The value in which NaN, or else infinity, first appeared on the way to the operation; None where neither did."""
    kept = [saved.tensor for saved in departure.visit.saved]
    known = [value, *[evidence.trace.values[each] for each in value.operands]]
    for test in (has_nan, _is_infinite):
        if not any(map(test, kept)) and not any(_holds(evidence, each, test) for each in known):
            continue
        start = next((each for each in known if _holds(evidence, each, test)), None)
        if start is not None:
            return _origin(evidence, start, test)
    return None


def _origin(evidence: Evidence, value: Value, test: Test) -> Value:
    """Where NaN or infinity first appeared; for NaN that was computed from infinity, where the infinity was."""
    found = _first(evidence, value, test)
    if test is not has_nan or _is_softmax(evidence, found) or not _takes_infinity(evidence, found):
        return found
    infinite = _first(evidence, found, _is_infinite)
    return found if is_data(evidence.trace, infinite) else infinite


def _first_tracked(evidence: Evidence, value: Value) -> Value:
    """The operation in which NaN or infinity in the data first met a tracked tensor."""
    while True:
        operands = [evidence.trace.values[each] for each in value.operands]
        tracked = [each for each in operands if each.tensor is not None and each.tensor.requires_grad]
        held = next((each for each in tracked if not is_finite(each.tensor) and each.operands), None)
        if held is None:
            return value
        value = held


def _whole(evidence: Evidence, value: Value) -> Value:
    """All that an operation returned, for a value that is one part of it."""
    return evidence.trace.values[value.operands[0]] if value.kind is Kind.ELEMENT else value


def _takes_infinity(evidence: Evidence, value: Value) -> bool:
    return any(_holds(evidence, evidence.trace.values[each], _is_infinite) for each in value.operands)


def _first(evidence: Evidence, value: Value, test: Test) -> Value:
    while True:
        operands = [evidence.trace.values[each] for each in value.operands]
        held = next((each for each in operands if _holds(evidence, each, test)), None)
        if held is None:
            return value
        value = held


def _holds(evidence: Evidence, value: Value, test: Test) -> bool:
    """Whether a tensor, a number or an element of a sequence passes the test."""
    return any(test(numbers) for part in evidence.trace.parts([value.id]) if (numbers := _numbers(part)) is not None)


def _numbers(value: Value) -> TensorValues | None:
    if isinstance(value.scalar, float):
        return TensorValues(shape=(), dtype="float64", values=(value.scalar,), summary=None)
    return value.tensor


def _is_infinite(values: TensorValues | None) -> bool:
    if values is None or values.values is None:
        return values is not None and values.summary is not None and values.summary.inf_count > 0
    return any(isinstance(each, float) and math.isinf(each) for each in values.values)


def _has_plus_infinity(values: TensorValues) -> bool:
    return any(isinstance(each, float) and each == math.inf for each in values.values or ())


def _has_zero(value: Value) -> bool:
    if value.tensor is not None and value.tensor.values is not None:
        return not all(value.tensor.values)
    return isinstance(value.scalar, int | float) and value.scalar == 0


# What sent back only zeros.


def _arrived_at(departure: Departure, place: int | None, kind: str) -> Number | None:
    """What arrived at the element; None unless the operation works on each element alone."""
    gradient = departure.gradient
    if place is None or gradient is None or len(departure.arrived) != 1 or not has(kind, Trait.ELEMENTWISE):
        return None
    arrived = departure.arrived[0]
    if arrived.values is None or arrived.shape != gradient.shape:
        return None
    return arrived.values[place]


def _broken_place(departure: Departure, kind: str) -> int | None:
    """The first NaN or infinite element at which something other than zero arrived, or else the first of all."""
    gradient = departure.gradient
    first = first_broken(gradient)
    if first is None or gradient is None or gradient.values is None or _arrived_at(departure, first, kind) is None:
        return first
    broken = [place for place, each in enumerate(gradient.values) if not is_number(each)]
    return next((place for place in broken if _arrived_at(departure, place, kind)), first)


def _zero_arrived(departure: Departure, place: int | None, kind: str) -> bool:
    exact = _arrived_at(departure, place, kind)
    return exact == 0 if exact is not None else any(_zeros(each) for each in departure.arrived)


def _zeros(values: TensorValues) -> float:
    """The share of zeros; a half where the values are too many to tell."""
    if values.values is None:
        return 0.5
    return sum([not each for each in values.values]) / max(len(values.values), 1)


def _zero_maker(passage: Passage, departure: Departure) -> Departure | None:
    """The nearest departure with more zeros in it than had arrived there."""
    for each in passage.before(departure):
        share = 0.0 if each.gradient is None else _zeros(each.gradient)
        arrived = max(map(_zeros, each.arrived), default=0.0)
        if share > arrived or (each.gradient is not None and each.gradient.values is None and _hides(passage, each)):
            return each
    return None


def _hides(passage: Passage, departure: Departure) -> bool:
    kind = passage.nodes[departure.visit.node].stem
    return kind == "where" or has(kind, Trait.CLEANING)


def _how(evidence: Evidence, passage: Passage, maker: Departure) -> str | None:
    """How zeros came into a departure: by `where`, a `mask` as factor, or a `cleaned` value; None in any other way."""
    node = passage.nodes[maker.visit.node]
    kind = node.stem
    if kind == "where":
        return "where"
    if kind == "mul" and any(_masks(evidence, node.value)):
        return "mask"
    return "cleaned" if has(kind, Trait.CLEANING) else None


def _masks(evidence: Evidence, value: int) -> Iterator[bool]:
    """For each operand that is not tracked, whether it consists of zeros and ones."""
    for operand in evidence.trace.values[value].operands:
        tensor = evidence.tensor(operand)
        if tensor is not None and not tensor.requires_grad and tensor.values is not None:
            yield set(tensor.values) <= {0, 1} and not all(tensor.values)
