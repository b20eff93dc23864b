"""Where the recorded graph ends and the computed one goes on: torch tracks an operand, and not what was made of it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from autograd_cli.diagnostic import Span
from autograd_cli.lang import vocabulary
from autograd_cli.modes import MODES, Entry, GradMode
from autograd_cli.rules.evidence.graph import (
    COMPARISONS,
    ancestors,
    dependents,
    is_dead_view,
    is_metadata,
    is_object,
    is_tracked,
    is_unrecorded_write,
    operands_of,
    requires_grad,
)
from autograd_cli.rules.evidence.symptoms import is_switch
from autograd_cli.trace import Cut, Kind, Trace, Value

REWRAP = frozenset("tensor as_tensor asarray new_tensor Tensor FloatTensor DoubleTensor Variable Parameter".split())
BY_GRAD_MODE = frozenset({"cut-by-no-grad", "cut-by-grad-mode-off", "no-grad-view"})
_DRAWN = ("cut-by-sampling", "{} draws random numbers, which have no derivative", False)
_FILLED = ("cut-by-factory", "{} copies the numbers into a new tensor", True)
# What torch never records, whatever the operands.
_NEVER = {
    "grad": (
        "missing-create-graph",
        "autograd.grad() gives an untracked gradient unless it is given create_graph=True",
        False,
    ),
    "sample": _DRAWN,
    "multinomial": _DRAWN,
    "state_dict": ("cut-by-nondiff-op", "{} gives tensors that torch does not record", True),
    "linspace": _FILLED,
    "logspace": _FILLED,
}
_CASTS = frozenset("int long short to type type_as".split())


def find_cuts(trace: Trace, within: frozenset[int]) -> tuple[Cut, ...]:
    """The cuts among the values `within`, in the order of the computation."""
    return tuple(
        _cut(trace, value)
        for value in trace.values
        if value.id in within and not is_metadata(value) and _is_cut(trace, value)
    )


def cuts_before_roots(trace: Trace, names: tuple[str, ...]) -> tuple[Cut, ...]:
    """The cuts between the leaves `names` and what backward started from."""
    roots = ancestors(trace, trace.roots)
    starts = starts_of(trace, frozenset(names)).values()
    between = frozenset[int]().union(*(dependents(trace, start) for start in starts)) & roots
    return find_cuts(trace, between)


def reaches_roots(trace: Trace, name: str) -> bool:
    """Whether what backward started from was computed from the leaf `name`."""
    roots = ancestors(trace, trace.roots)
    return any(start in roots for start in starts_of(trace, {name}).values())


def starts_of(trace: Trace, names: AbstractSet[str]) -> dict[str, int]:
    """The first value of each of the leaves `names`: as it was made, or given as an input."""
    found: dict[str, int] = {}
    for value in trace.values:
        is_leaf = value.tensor is not None and value.tensor.requires_grad and value.tensor.is_leaf
        if value.name is not None and value.name in names and (value.kind is Kind.INPUT or is_leaf):
            found.setdefault(value.name, value.id)
    for variable in trace.variables:  # such as `ws[0]` and `main.w`, which no statement bound to a value
        if variable.name in names and variable.leaf is not None:
            found.setdefault(variable.name, variable.leaf)
    return found


def _is_cut(trace: Trace, value: Value) -> bool:
    says_nothing = value.tensor is None and value.scalar is None and not value.elements  # as of `y.backward()`
    if says_nothing or value.is_consequence or _is_state(trace, value) or isinstance(value.scalar, str):
        return False
    if is_object(value) or not any(is_tracked(trace, operand) for operand in operands_of(value)):
        return False
    if any(is_tracked(trace, element) for element in value.elements):
        return False
    return (
        not requires_grad(value)
        or is_dead_view(trace, value)
        or is_unrecorded_write(value)
        or _is_new_leaf(trace, value)
    )


def _is_state(trace: Trace, value: Value) -> bool:
    """Whether a layer keeps count of something in a value, as of a running mean."""
    before = value.previous
    return value.kind is Kind.MODULE and before is not None and not is_tracked(trace, before)


def _is_new_leaf(trace: Trace, value: Value) -> bool:
    """A leaf that was made of a tracked tensor and begins anew, as `nn.Parameter(2*x)` does."""
    tensor = value.tensor
    if tensor is None or not (tensor.requires_grad and tensor.is_leaf) or value.previous is not None:
        return False
    given = [trace.values[operand] for operand in value.operands if is_tracked(trace, operand)]
    if any(each.tensor is None or not each.tensor.is_leaf for each in given):
        return True
    return any(node.leaf == value.id for node in trace.nodes)


def _holds_tensor(trace: Trace, value: Value) -> bool:
    return any(part.tensor is not None for part in trace.parts([value.id]))


def _cut(trace: Trace, value: Value) -> Cut:
    rule, why, is_deliberate = _reason(trace, value)
    return Cut(
        value=value.id,
        rule=rule,
        why=why,
        span=value.span or _first_use(trace, value.id),
        since=value.grad_mode_span if rule in {"cut-by-no-grad", "cut-by-grad-mode-off"} else None,
        is_deliberate=is_deliberate,
    )


def _first_use(trace: Trace, value: int) -> Span | None:
    return next((user.span for user in trace.values if value in user.operands and user.span is not None), None)


def _reason(trace: Trace, value: Value) -> tuple[str, str, bool]:
    """The rule, the words for it, and whether a reader of the program sees at a glance that it was meant."""
    name = "" if value.kind is Kind.ASSIGNMENT else value.verb
    if name in _NEVER:
        rule, why, is_deliberate = _NEVER[name]
        return rule, why.format(value.as_code), is_deliberate
    if is_switch(value):
        return "requires-grad-missing", "requires_grad is switched off here", True
    if is_dead_view(trace, value):
        return (
            "no-grad-view",
            "a view taken with grad mode off says requires_grad=True, but passes no gradient on",
            True,
        )
    if name in {"detach", "detach_", "data"}:
        rule, call = ("cut-by-data", ".data") if name == "data" else ("cut-by-detach", "detach()")
        if value.span is None:
            return rule, f"{trace.values[value.operands[0]].name} enters through .{call.removeprefix('.')}", True
        return rule, f"{call} gives a tensor that torch does not record", True
    if not _holds_tensor(trace, value) and name not in COMPARISONS:
        return "cut-by-item", f"{value.as_code} gives Python numbers, which torch does not see", True
    if name in REWRAP or (requires_grad(value) and not is_unrecorded_write(value)):
        return "cut-by-rewrap", f"{value.as_code} copies the values into a new leaf", True
    if value.grad_mode == GradMode.NO_GRAD:
        where = "it is computed under no_grad" if value.grad_mode_span else "the program runs under torch.no_grad()"
        return "cut-by-no-grad", where, True
    if value.grad_mode == GradMode.INFERENCE:
        return "cut-by-grad-mode-off", "it is computed in inference mode", True
    return _reason_by_dtype(value)


def _reason_by_dtype(value: Value) -> tuple[str, str, bool]:
    tensor = value.tensor
    if value.verb in COMPARISONS or tensor is None or tensor.dtype == "bool":
        return "cut-by-comparison", f"{value.as_code} gives booleans, which have no gradient", False
    if tensor.is_differentiable:
        return "cut-by-nondiff-op", f"torch has no derivative for {value.as_code}", False
    if value.verb in _CASTS:
        return "cut-by-int-cast", f"{tensor.dtype} has no gradient", False
    return "cut-by-index-op", f"{value.as_code} gives {tensor.dtype} numbers, which have no gradient", False


def enters_untracked(trace: Trace) -> bool:
    """Whether the mode itself keeps every input from being tracked."""
    return MODES[trace.mode].entry is Entry.PLAIN


def in_torch(trace: Trace, cut: Cut) -> str | None:
    """What to write for a function of Python's `math` that torch has, too."""
    value = trace.values[cut.value]
    is_in_torch = value.function == f"math.{value.verb}" and vocabulary.resolve(f"torch.{value.verb}") is not None
    return f"write torch.{value.verb}, which torch records" if is_in_torch else None
