"""A loss that is taken over every pair by mistake, because a column and a row were broadcast."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.graph import ancestors
from autograd_cli.rules.evidence.traits import Trait, has
from autograd_cli.trace import TensorInfo, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcast:
    """The operation, the shapes of both operands and of the result, and the leaves whose gradients are wrong by it."""

    value: Value
    shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    victims: tuple[str, ...]


def find_broadcast(evidence: Evidence) -> Broadcast | None:
    """The first loss over every pair that a backward pass went through."""
    roots: frozenset[int] | None = None
    for value in evidence.trace.values:
        name = value.stem
        pair = [evidence.trace.values[each] for each in value.operands if evidence.tensor(each) is not None][:2]
        shapes = _shapes(pair)
        is_loss = has(name, Trait.PAIRED_LOSS)
        if shapes is None or not (is_loss or has(name, Trait.DIFFERENCE) or _compares(pair, value, shapes[2])):
            continue
        if not is_loss and (_has_two_axes(shapes) or _is_deliberate(pair, value)):
            continue
        roots = roots or ancestors(evidence.trace, evidence.trace.roots)
        victims = _victims(evidence, pair)
        if victims and value.id in roots and (is_loss or _becomes_loss(evidence, value, roots)):
            return Broadcast(value=value, shapes=shapes, victims=victims)
    return None


def _shapes(pair: list[Value]) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] | None:
    """The shapes of both operands and of their broadcast result; None unless it is larger than either."""
    tensors = [value.tensor for value in pair if value.tensor is not None]
    if len(tensors) < 2:  # noqa: PLR2004 - a pair
        return None
    one, other = tensors[0].shape, tensors[1].shape
    depth = max(len(one), len(other))
    sizes = zip(((1,) * (depth - len(one))) + one, ((1,) * (depth - len(other))) + other, strict=True)
    result = tuple([max(size) for size in sizes])
    return (one, other, result) if prod(result) > max(prod(one), prod(other)) else None


def _compares(pair: list[Value], value: Value, shape: tuple[int, ...]) -> bool:
    """Whether some operation combines, element by element, what was computed from a leaf with untracked data."""
    tensors = [each.tensor for each in pair if each.tensor is not None]
    computed = [each for each in tensors if each.requires_grad and not each.is_leaf]
    given = [each for each in tensors if not each.requires_grad]
    return value.tensor is not None and value.tensor.shape == shape and len(computed) == len(given) == 1


def _has_two_axes(shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]) -> bool:
    """Whether the operands have equally many axes, or different numbers of elements: then every pair is meant."""
    one, other, _ = shapes
    return len(one) == len(other) or prod(one) != prod(other)


def _is_deliberate(pair: list[Value], value: Value) -> bool:
    """Whether a reader sees that every pair is meant: an operand is reshaped right there, or both share memory."""
    tensors = [each.tensor for each in pair if each.tensor is not None]
    if tensors[0].storage == tensors[1].storage:
        return True
    return any(
        _is_reshape(each) and each.span is not None and value.span is not None and value.span.holds(each.span)
        for each in pair
    )


def _is_reshape(value: Value) -> bool:
    return has(value.stem, Trait.RESHAPE)


def _victims(evidence: Evidence, pair: list[Value]) -> tuple[str, ...]:
    """The leaves that the tracked operand was computed from: first those whose `.grad` the program reads."""
    tracked = [each.id for each in pair if each.tensor is not None and each.tensor.requires_grad]
    read = {name for owner, _ in evidence.grad_reads for name in evidence.names(owner.id)}
    leaves = [each for each in sorted(ancestors(evidence.trace, tracked)) if _is_leaf(evidence.tensor(each))]
    names = [
        min(called, key=lambda name: name not in read) for each in leaves if (called := evidence.names_of_leaf(each))
    ]
    return tuple(dict.fromkeys(sorted(names, key=lambda name: name not in read)))


def _is_leaf(tensor: TensorInfo | None) -> bool:
    return tensor is not None and tensor.requires_grad and tensor.is_leaf


def _becomes_loss(evidence: Evidence, value: Value, roots: frozenset[int]) -> bool:
    """Whether all elements are reduced to one number, without an operation that shows that pairs are meant (KERNEL)."""
    shape = None if value.tensor is None else value.tensor.shape
    is_difference = has(value.stem, Trait.DIFFERENCE)
    pending, seen = [value], set[int]()
    while pending:
        for user in evidence.users.get(pending.pop().id, ()):
            if user.id in seen or user.id not in roots or user.tensor is None:
                continue
            seen.add(user.id)
            if has(user.stem, Trait.KERNEL):
                continue
            if user.tensor.numel == 1:
                return True
            is_of_rows = is_difference and has(user.stem, Trait.REDUCTION) and len(shape or ()) == 2  # noqa: PLR2004 - a matrix
            if user.tensor.shape == shape or is_of_rows:
                pending.append(user)
    return False
