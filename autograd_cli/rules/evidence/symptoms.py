"""What a reader sees: a `.grad` that is None, torch's refusal; and the backward passes in their order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypedDict

from autograd_cli.diagnostic import Related, Span
from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.rules.evidence.graph import ancestors
from autograd_cli.trace import Backward, Kind, Operation, Refusal, TensorInfo, Trace, Value

GRAD = "torch.autograd.grad"
RETAIN_GRAD = "torch.Tensor.retain_grad"
FLAG = "requires_grad"
_MAX_LOOKS = 16
_GUARDS = frozenset({"operator.is_", "operator.is_not"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A reading of `.grad` that gave None, and was not just a test for None: the tensor asked, and the answer."""

    asked: Value
    read: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A pass through the recorded graph that torch carried out.

    `at` is the value that it made: what came later has a greater one. `call` is that value, None for agx's own pass.
    `backward` is what it did to `.grad`, None for `autograd.grad`.
    """

    at: int
    call: Value | None
    roots: tuple[int, ...]
    backward: Backward | None


@remembered
def looks(evidence: Evidence) -> list[Look]:
    """The readings of `.grad` that gave None, in order: only the first of each place, and no more than a few."""
    found = [
        Look(asked=asked, read=read)
        for asked, read in evidence.grad_reads
        if asked.tensor is not None and read.tensor is None and not _is_guard(evidence, read)
    ]
    refusal = evidence.trace.refusal
    stopped = frozenset() if refusal is None else frozenset(refusal.operands)
    found.sort(key=lambda look: look.read.id not in stopped)  # what stopped the program is what its reader sees first
    first = {(look.read.span, evidence.origin(look.asked.id)): look for look in reversed(found)}
    return list(reversed(first.values()))[:_MAX_LOOKS]


def _is_guard(evidence: Evidence, read: Value) -> bool:
    users = evidence.users.get(read.id, [])
    if not users:
        return evidence.text.is_tested(read.span)
    told = [use for user in users for use in evidence.users.get(user.id, [])]
    outputs = evidence.trace.outputs
    return all(user.function in _GUARDS and user.id not in outputs for user in users) and not told


@remembered
def passes(evidence: Evidence) -> list[Pass]:
    """The passes that were carried out, in order, agx's own on the result included."""
    trace = evidence.trace
    backwards = [each for each in trace.backwards if each.refusal is None]
    called = iter([each for each in backwards if each.step is not None])
    found: list[Pass] = []
    for value in trace.values:
        if value.kind is Kind.BACKWARD:
            backward = next(called, None)
            if backward is not None:
                found.append(Pass(at=value.id, call=value, roots=backward.roots, backward=backward))
        elif value.function == GRAD and value.operands:
            roots = tuple(flattened(trace, value.operands[:1]))
            found.append(Pass(at=value.id, call=value, roots=roots, backward=None))
    own = [each for each in backwards if each.step is None]
    return found + [Pass(at=len(trace.values), call=None, roots=each.roots, backward=each) for each in own]


@remembered
def own_passes(evidence: Evidence) -> list[Pass]:
    """The calls of backward() in the program that were carried out: neither agx's own pass nor `autograd.grad`."""
    return [each for each in passes(evidence) if each.call is not None and each.backward is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """What a `call` of `autograd.grad` was `asked` for and gave None for, and the `roots` that it started from.

    `is_all` says that it gave None for all that it was asked for.
    """

    call: Value
    asked: int
    roots: tuple[int, ...]
    is_all: bool


@remembered
def unanswered(evidence: Evidence) -> list[Unanswered]:
    """What calls of `autograd.grad` gave None for, in order: only the first of each place and variable."""
    trace = evidence.trace
    found: dict[tuple[Span | None, int], Unanswered] = {}
    for call in [value for value in trace.values if value.function == GRAD and len(value.operands) > 1]:
        asked = flattened(trace, call.operands[1:2])
        answers = [trace.values[each] for each in call.elements]
        missing = [each for each, answer in zip(asked, answers, strict=False) if answer.tensor is None]
        for each in missing:
            found.setdefault(
                (call.span, evidence.origin(each)),
                Unanswered(
                    call=call,
                    asked=each,
                    roots=tuple(flattened(trace, call.operands[:1])),
                    is_all=len(missing) == len(asked),
                ),
            )
    return list(found.values())


def flattened(trace: Trace, values: Iterable[int]) -> list[int]:
    """The values, with the elements of sequences in their place."""
    return [part.id for part in trace.parts(values) if not part.elements]


def refused_roots(trace: Trace) -> tuple[int, ...]:
    """The values that the pass that torch refused was to start from."""
    if trace.refusal is None or not trace.backwards or trace.backwards[-1].refusal is None:
        return ()
    return trace.backwards[-1].roots


def words(refusal: Refusal | None) -> str | None:
    """The type and the first line of what was raised."""
    if refusal is None:
        return None
    return f"{refusal.exception}: {(refusal.message.strip().splitlines() or [''])[0]}".removesuffix(": ")


def name_of(evidence: Evidence, value: int) -> str | None:
    """The name that the program has for a value or, where it has none, for a list that holds it."""
    origin = evidence.origin(value)
    names = evidence.names(value) or evidence.names(origin)
    if names:
        return names[0]
    holders = [each for each in evidence.trace.values if value in each.elements or origin in each.elements]
    named = [names[0] for each in holders if (names := evidence.names(each.id))]
    return named[0] if named else None


def origins(evidence: Evidence, values: Iterable[int]) -> frozenset[int]:
    """The first versions of all values that `values` were computed from, themselves included."""
    return frozenset(evidence.origin(value) for value in ancestors(evidence.trace, values))


def reach(trace: Trace, values: Iterable[int]) -> frozenset[int]:
    """The nodes of the recorded graph that can be reached from values."""
    tensors = [trace.values[value].tensor for value in values]
    pending = [tensor.grad_fn for tensor in tensors if tensor is not None and tensor.grad_fn is not None]
    found: set[int] = set()
    while pending:
        node = pending.pop()
        if node not in found:
            found.add(node)
            pending.extend(child for child in trace.nodes[node].next if child is not None)
    return frozenset(found)


def leaves_of(evidence: Evidence, nodes: frozenset[int]) -> list[str]:
    """The names of the leaves that these nodes lead to, the program's own before those of modules."""
    found = {evidence.trace.nodes[node].leaf: node for node in nodes if evidence.trace.nodes[node].leaf is not None}
    named = [name_of(evidence, leaf) for leaf in sorted(leaf for leaf in found if leaf is not None)]
    return sorted([name for name in named if name is not None], key=lambda name: "." in name)


class Seen(TypedDict):
    """What a Diagnostic says of a symptom."""

    observed: str | None
    torch_says: str | None


def seen_in(evidence: Evidence, look: Look) -> Seen:
    """What is said of a look."""
    refusal = evidence.trace.refusal
    called = evidence.piece(look.read.span)
    is_cause = refusal is not None and look.read.id in refusal.operands
    return {"observed": f"{called} is None", "torch_says": words(refusal) if is_cause else None}


def seen_refused(evidence: Evidence) -> Seen:
    """What is said of torch's refusal."""
    said = words(evidence.trace.refusal)
    return {"observed": said, "torch_says": said}


def places(*places: tuple[Span | None, str], but: Span | None = None) -> tuple[Related, ...]:
    """The places that exist, except `but`, which the finding already shows."""
    return tuple(Related(span=span, label=label) for span, label in places if span is not None and span != but)


def makes_optimizer(operation: Operation) -> bool:
    """Whether it is the call of an optimizer's class."""
    return operation.kind is Kind.CALL and operation.function == f"torch.optim.{operation.verb}"


def is_switch(operation: Operation) -> bool:
    """Whether it sets `requires_grad` of a tensor."""
    is_assigned = operation.kind is Kind.ASSIGNMENT and operation.function == "torch.Tensor.requires_grad"
    return is_assigned or operation.function == "torch.Tensor.requires_grad_"


# What a tensor is.


def is_flagged(tensor: TensorInfo | None) -> bool:
    """Whether torch tracks it."""
    return tensor is not None and tensor.requires_grad


def is_plain(tensor: TensorInfo | None) -> bool:
    """Whether it is a tensor that torch does not track."""
    return tensor is not None and not tensor.requires_grad


def may_be_tracked(tensor: TensorInfo | None) -> bool:
    """Whether it could be tracked, if it held floating point numbers."""
    return tensor is not None and tensor.dtype != "bool"


def is_leaf(tensor: TensorInfo | None) -> bool:
    """Whether it is a leaf that gradients are accumulated in."""
    return tensor is not None and tensor.requires_grad and tensor.is_leaf


def is_result(tensor: TensorInfo | None) -> bool:
    """Whether it is tracked, and the result of an operation."""
    return tensor is not None and tensor.requires_grad and not tensor.is_leaf
