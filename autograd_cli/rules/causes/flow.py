"""What let only zeros through, found by the gradients that flowed, for an operation of whatever name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autograd_cli.diagnostic import Span
from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.rules.evidence.graph import ancestors
from autograd_cli.rules.evidence.passage import Departure, Passage, is_zero, norm
from autograd_cli.rules.evidence.traits import Trait, has, have
from autograd_cli.trace import Kind, TensorValues, Value, Visit

GENERAL = "zero-grad-stopped"
CANCELLED = "gradient-cancels"
_MOST = 16  # operations that are looked at
_FEW = 4  # numbers that are told one by one
# Traits of operations that have a rule of their own, where their zero is a mistake.
_DECIDED = (
    *(Trait.STEP, Trait.DRAW, Trait.RANDOM, Trait.RELU, Trait.CLAMP, Trait.PAIR, Trait.SATURATING),
    *(Trait.SOFTMAX, Trait.NORMALISING, Trait.KINK, Trait.PRODUCT, Trait.LOOKUP),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The operation `value` that let only zeros through to `victim`: the cause, by slug, and what explains it.

    `by` is the value that is zero where the operation multiplies by it. `is_meant` says that the zero is what the
    program asked for, or will not last. `victims` are all whose gradient is zero by the same cause, `victim` first.
    `how` says what the operation does, and `numbers` what came and left, where the rule's own words do not.
    """

    slug: str
    victim: str
    value: Value
    visit: Visit
    by: Value | None = None
    is_meant: bool = False
    victims: tuple[str, ...] = ()
    how: str = ""
    numbers: str | None = None

    @property
    def cause(self) -> tuple[str, Span | None]:
        """The slug and the place in the program: two stops that share both are one cause to a reader."""
        return self.slug, (self.by or self.value).span


def stop_by_flow(evidence: Evidence, passage: Passage, departures: Sequence[Departure], victim: str) -> Stop | None:
    """The first operation that stopped a gradient, a mistake if there is one; None where a write made the zeros."""
    departures = departures[:_MOST]
    if any(_is_changed(evidence, passage, each) for each in departures):
        return None
    found = [_stop(evidence, passage, each, victim) for each in departures]
    return next((each for each in found if not each.is_meant), next(iter(found), None))


def _is_changed(evidence: Evidence, passage: Passage, departure: Departure) -> bool:
    """Whether a product saved zeros though no operand was zero: somebody wrote to them behind torch's back."""
    value = evidence.trace.values[passage.nodes[departure.visit.node].value]
    operands = [evidence.trace.values[each] for each in value.operands]
    kept = [saved.tensor for saved in departure.visit.saved if saved.tensor is not None and saved.tensor.numel]
    is_product = has(passage.nodes[departure.visit.node].stem, Trait.PRODUCT)
    return is_product and any(map(is_zero, kept)) and not any(map(_is_nothing, operands))


def _stop(evidence: Evidence, passage: Passage, departure: Departure, victim: str) -> Stop:
    node = passage.nodes[departure.visit.node]
    value = evidence.trace.values[node.value]
    slug, how, is_meant = GENERAL, _why_meant(evidence, passage, departure, value), True
    if value.verb == "rsample" and _is_of_one_difference(passage, departure):
        slug, is_meant = CANCELLED, False
        how = "moves with what it is compared with, so that their difference stays the same"
    if not how and (gate := _gate(evidence, value)) is not None:
        slug, is_meant = _slug_of_gate(evidence, value, gate), False
        how = f"lets nothing through: `{evidence.called(gate.id)}` is false everywhere" if slug == GENERAL else ""
    elif not how and _is_of_each_element(evidence, departure, value) and not has(node.stem, *_DECIDED):
        how, is_meant = "is flat there", False
    elif not how and _is_too_small(evidence, departure, value, node.stem):
        how, is_meant = "turns it into a number that is too small for its dtype", False
    elif not how:
        how = _how_it_is_zero(evidence, departure, value, node.stem)
    return Stop(
        slug=slug,
        victim=victim,
        value=value,
        visit=departure.visit,
        is_meant=is_meant,
        how=how,
        numbers=_numbers(departure) if slug == GENERAL else None,
    )


def _is_of_one_difference(passage: Passage, departure: Departure) -> bool:
    """Whether the part was cancelled by what left the same difference on its other side: that does not depend on it."""
    if departure.gradient is None or is_zero(departure.gradient):
        return False
    child = passage.nodes[departure.visit.node].next[departure.edge]
    into = [] if child is None else passage.into[child]
    parts = [each for each in into if each.gradient is not None and not is_zero(each.gradient)]
    if len(parts) != 2:  # noqa: PLR2004 - the two sides of a difference
        return False
    fork = passage.fork(*parts)
    return fork is not None and has(passage.nodes[fork].stem, Trait.DIFFERENCE)


def _numbers(departure: Departure) -> str:
    """What arrived and what left."""
    arrived = " and ".join([_told(each) for each in departure.arrived if not is_zero(each)])
    left = departure.gradient
    return f"{arrived} arrives, {'0' if left is None or is_zero(left) else _told(left)} leaves"


def _told(gradient: TensorValues) -> str:
    """A gradient by its numbers, where those are few."""
    if gradient.values is None or len(gradient.values) > _FEW:
        return f"a gradient of norm {norm(gradient):.3g}"
    told = [f"{value:.4g}" if isinstance(value, float) else str(value) for value in gradient.values]
    return told[0] if len(told) == 1 else f"[{', '.join(told)}]"


def _why_meant(evidence: Evidence, passage: Passage, departure: Departure, value: Value) -> str:
    """Why a zero is nobody's fault, in words: parts that cancel, a 0 that is written there, a random choice."""
    if departure.gradient is not None and not is_zero(departure.gradient):
        return "hands back one part of the gradient, which other parts cancel"
    operands = [evidence.trace.values[each] for each in value.operands]
    kind = passage.nodes[departure.visit.node].stem
    if has(kind, Trait.PRODUCT) and any(each.kind is Kind.CONSTANT and _is_nothing(each) for each in operands):
        return "multiplies it by 0"
    if have((kind, value.verb), Trait.RANDOM):
        return "drops all of it, by chance"
    return ""


def _how_it_is_zero(evidence: Evidence, departure: Departure, value: Value, kind: str) -> str:
    """What an operation did, as far as its operands show, where its zero is right."""
    zeros = [each for each in value.operands if _is_nothing(evidence.trace.values[each])]
    argument = departure.visit.flows[departure.edge].argument
    kept = [saved.tensor for saved in departure.visit.saved if saved.name != argument and saved.tensor is not None]
    if has(kind, Trait.PRODUCT):
        is_by_zeros = zeros and any(map(is_zero, kept))
        by = f"multiplies it by zeros: `{evidence.called(zeros[0])}`" if is_by_zeros else ""
        return by or "sums up parts that cancel one another"
    if _is_nothing(value) or (zeros and len(value.operands) == 1):
        return "is at its minimum, or where its slope is 0"
    if value.is_write:
        return "overwrites it"
    tensors = [each for each in value.operands if evidence.tensor(each) is not None]
    is_alone = len(tensors) == 1 and _is_of_one_shape(departure)
    return "has the derivative 0 there" if is_alone else "takes nothing from it"


# A gate: an operand that is true or false, and was computed from what it lets through.


def _gate(evidence: Evidence, value: Value) -> Value | None:
    """The operand that closed the way, a mask, a condition or a 0, and was computed from what it lets through."""
    operands = [evidence.trace.values[each] for each in value.operands]
    for gate in operands:
        if _requires_grad(gate) or not (_is_truth(gate) or _is_nothing(gate)):
            continue
        made_of = set(_tracked_before(evidence, gate.id))
        for other in operands:
            if other.id != gate.id and not made_of.isdisjoint(_alike(evidence, other, gate)):
                return gate
    return None


def _alike(evidence: Evidence, value: Value, gate: Value) -> Iterator[int]:
    """The tracked tensors that a value was computed from and that have the gate's shape; all, for a number as gate."""
    for each in _tracked_before(evidence, value.id):
        tensor = evidence.tensor(each)
        if gate.tensor is None or (tensor is not None and tensor.shape == gate.tensor.shape):
            yield each


@remembered
def _tracked_before(evidence: Evidence, value: int) -> tuple[int, ...]:
    """The tensors that require gradients and that a value was computed from, itself included."""
    return tuple([each for each in ancestors(evidence.trace, [value]) if _requires_grad(evidence.trace.values[each])])


def _slug_of_gate(evidence: Evidence, value: Value, gate: Value) -> str:
    """The rule for a function written by hand with a gate: a relu compares with 0 and gives 0, a clamp its bound."""
    if value.tensor is None or not is_zero(value.tensor):
        return "zero-grad-clamp"
    compared = gate
    while not _is_comparison(evidence, compared) and compared.operands:
        compared = evidence.trace.values[compared.operands[0]]
    is_with_zero = any(_is_nothing(evidence.trace.values[each]) for each in compared.operands)
    return "zero-grad-relu" if is_with_zero else GENERAL


def _is_comparison(evidence: Evidence, value: Value) -> bool:
    operands = [evidence.trace.values[each] for each in value.operands]
    return _is_truth(value) and any(_requires_grad(each) for each in operands)


# An elementwise function that is flat at its operand.


def _is_of_each_element(evidence: Evidence, departure: Departure, value: Value) -> bool:
    """Whether one node made one element of each element of the only tensor, and that is not all zeros."""
    tensors = [tensor for each in value.operands if (tensor := evidence.tensor(each)) is not None]
    is_alone = sum(node.value == value.id and bool(node.next) for node in evidence.trace.nodes) == 1
    return is_alone and len(tensors) == 1 and not is_zero(tensors[0]) and _is_of_one_shape(departure)


def _is_too_small(evidence: Evidence, departure: Departure, value: Value, kind: str) -> bool:
    """Whether the operation is an elementwise product of tensors without a 0 in them."""
    tensors = [tensor for each in value.operands if (tensor := evidence.tensor(each)) is not None]
    has_zeros = any(tensor.values is None or not all(tensor.values) for tensor in tensors)
    return has(kind, Trait.PRODUCT) and _is_of_one_shape(departure) and not has_zeros


def _is_of_one_shape(departure: Departure) -> bool:
    shapes = {each.shape for each in departure.arrived}
    return departure.gradient is not None and shapes == {departure.gradient.shape}


def _requires_grad(value: Value) -> bool:
    return value.tensor is not None and value.tensor.requires_grad


def _is_truth(value: Value) -> bool:
    return value.tensor.dtype == "bool" if value.tensor is not None else isinstance(value.scalar, bool)


def _is_nothing(value: Value) -> bool:
    """Whether it is the number 0, or a tensor of zeros."""
    if value.tensor is not None:
        return bool(value.tensor.numel) and is_zero(value.tensor)
    return isinstance(value.scalar, int | float) and value.scalar == 0
