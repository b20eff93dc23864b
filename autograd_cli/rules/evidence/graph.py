"""The two graphs as rules ask of them: what was computed from what, what torch tracks, what was written to."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from autograd_cli.modes import GradMode
from autograd_cli.rules.evidence.traits import Trait, has
from autograd_cli.trace import Kind, TensorInfo, Trace, Value

# Operations whose result holds nothing of their operand's values: its shape, its dtype, its kind.
_METADATA = frozenset(
    """
    grad_fn next_functions print shape ndim dtype device size dim ndimension numel nelement stride requires_grad
    is_leaf is_complex is_floating_point is_contiguous is_inference is_tensor new_zeros new_ones new_full len zeros_like
    ones_like full_like rand_like randn_like randint_like is_ is_not
    """.split()
)
COMPARISONS = frozenset("eq ne lt le gt ge not_ isnan isinf isfinite isclose equal allclose".split())
_PARTS = frozenset({Kind.ELEMENT, Kind.INDEX, Kind.ITEM, Kind.UNCALLED})  # taken out of an object
_MAX_PARTS = 10_000  # how many parts of a list or an object are examined


def dependents(trace: Trace, start: int) -> frozenset[int]:
    """Every value computed from the value `start`, itself included; not a leaf into which such a value was written."""
    found = {start}
    for value in trace.values:  # operands come before what is made of them
        if not is_metadata(value) and not found.isdisjoint(_made_of(value)):
            found.add(value.id)
    return frozenset(found)


def ancestors(trace: Trace, ends: Iterable[int]) -> frozenset[int]:
    """Every value that one of `ends` was computed from, themselves included.

    What was written into a leaf, as an optimizer's step does, is not among them: the leaf begins anew with it.
    """
    return _behind(ends, lambda value: _made_of(trace.values[value]))


def sources(trace: Trace, end: int) -> frozenset[int]:
    """Every value whose numbers are in `end`, itself included: those of which it is one of the `dependents`."""
    return _behind([end], lambda value: () if is_metadata(trace.values[value]) else _made_of(trace.values[value]))


def _behind(ends: Iterable[int], made_of: Callable[[int], tuple[int, ...]]) -> frozenset[int]:
    found: set[int] = set()
    pending = list(ends)
    while pending:
        value = pending.pop()
        if value not in found:
            found.add(value)
            pending.extend(made_of(value))
    return frozenset(found)


def _made_of(value: Value) -> tuple[int, ...]:
    """What a value was computed from; for a leaf that was written to, only its version before: it begins anew."""
    return (value.previous,) if value.previous is not None and is_written_leaf(value) else operands_of(value)


def operands_of(value: Value) -> tuple[int, ...]:
    """The operands whose numbers an operation uses, and not only their shape."""
    return value.operands[:1] if has(value.verb, Trait.SHAPED) else value.operands


def is_metadata(value: Value) -> bool:
    """Whether a value holds nothing of its operands' values."""
    return value.reads("grad") or (value.verb in _METADATA and value.kind is not Kind.ASSIGNMENT)


def requires_grad(value: Value) -> bool:
    """Whether it is a tensor that says requires_grad=True."""
    return value.tensor is not None and value.tensor.requires_grad


def is_tracked(trace: Trace, value: int) -> bool:
    """Whether torch records what is made of the value; of a sequence or an object, of any of its parts."""
    pending = [value]
    for _ in range(_MAX_PARTS):
        if not pending:
            return False
        found = trace.values[pending.pop()]
        if requires_grad(found):
            if not is_dead_view(trace, found):
                return True
        else:
            pending += found.operands if is_object(found) else found.elements
    return False


def is_object(value: Value) -> bool:
    """Whether a value is an object of torch, such as a distribution, which holds the tensors that it was made of."""
    is_text = isinstance(value.scalar, str) and value.tensor is None
    return is_text and value.kind not in _PARTS and not is_metadata(value)


def is_written_leaf(value: Value) -> bool:
    """Whether a value is a leaf that was written to."""
    tensor = value.tensor
    return tensor is not None and tensor.requires_grad and tensor.is_leaf and value.previous is not None


def is_unrecorded_write(value: Value) -> bool:
    """Whether a value is a write under no_grad, after which torch tracks the tensor as if nothing had happened."""
    tensor = value.tensor
    writes = value.previous is not None and value.function != "torch.Tensor.requires_grad_"
    return writes and value.grad_mode != GradMode.GRAD and tensor is not None and not tensor.is_leaf


def is_dead_view(trace: Trace, value: Value) -> bool:
    """Whether a value is a view taken under no_grad: it says that it requires grad, but no gradient passes through."""
    tensor = value.tensor
    return (
        tensor is not None
        and tensor.requires_grad
        and tensor.is_leaf
        and value.grad_mode != GradMode.GRAD
        and not is_written_leaf(value)
        and any(_has_tracked(trace, operand) for operand in value.operands)
    )


def _has_tracked(trace: Trace, number: int) -> bool:
    """Whether a value requires gradients; for a sequence that an operation returned, whether any operand does."""
    value = trace.values[number]
    if value.tensor is not None:
        return value.tensor.requires_grad
    return bool(value.elements) and any(requires_grad(trace.values[operand]) for operand in value.operands)


def describe(tensor: TensorInfo) -> str:
    """A tensor in few words, for a label."""
    return f"{tensor.dtype} of shape {list(tensor.shape)}"
