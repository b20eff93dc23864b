"""Gradients that somebody looked for and that are not there, and the cut that is to blame for it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from autograd_cli.diagnostic import Span
from autograd_cli.rules.causes.cuts import find_cuts
from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.rules.evidence.graph import ancestors, is_metadata, is_tracked, is_written_leaf
from autograd_cli.rules.evidence.symptoms import GRAD, origins, unanswered
from autograd_cli.rules.evidence.traits import Trait, has
from autograd_cli.trace import Cut, Kind, Phase, Refusal, Value

_LOSSES = ("loss", "kl_div", "cross_entropy", "cross_entropy_with_logits", "binary_cross_entropy")
_AT_INDEX = frozenset({Kind.INDEX, Kind.ITEM_ASSIGNMENT})
# Cuts that are blamed only if there is no other: a program may compare, choose and count without harm.
_WEAK = frozenset({"cut-by-comparison", "cut-by-index-op", "requires-grad-missing"})


class Role(StrEnum):
    """What an operand is to an operation: a number in it, the target of a loss, a position, a condition."""

    VALUE = "value"
    TARGET = "target"
    INDEX = "index"
    CONDITION = "condition"


COMPUTED = frozenset({Role.VALUE, Role.TARGET})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A missing gradient: `start` is the variable as torch first tracked it, `roots` are what backward started from."""

    start: int
    name: str | None
    roots: tuple[int, ...]
    observed: str
    span: Span | None
    label: str
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Culprit:
    """The cut that is to blame, and the other cuts. `role` is the part that the variable still plays in the result."""

    lost: Lost
    cut: Cut
    others: tuple[Cut, ...]
    role: Role
    use: Span | None


def lost_gradients(evidence: Evidence) -> Iterator[Lost]:
    """The gradients that torch, the program or its user looked for in vain, in the order that a reader sees them in."""
    yield from _refused(evidence)
    yield from _read(evidence)
    yield from _answered(evidence)
    yield from _asked(evidence)
    yield from _stepped(evidence)


def culprits(evidence: Evidence) -> Iterator[Culprit]:
    """For each lost gradient the cut that explains it, where there is one."""
    for lost in lost_gradients(evidence):
        found = culprit_of(evidence, lost)
        if found is not None:
            yield found


def culprit_of(evidence: Evidence, lost: Lost) -> Culprit | None:
    """The cut between a variable and what backward started from."""
    roles: frozenset[Role] = frozenset()
    for role in Role:
        roles |= {role}
        between = path(evidence, lost.start, lost.roots, roles)
        cuts = _by_blame(evidence, lost.start, find_cuts(evidence.trace, between))
        if cuts and role is Role.TARGET:
            is_meant = lost.refusal is None and cuts[0].is_deliberate and bool(_received(evidence))
            return None if is_meant else _culprit(evidence, lost, cuts, Role.VALUE, between)
        if cuts:
            return _culprit(evidence, lost, cuts, role, between)
    return None


def _by_blame(evidence: Evidence, start: int, cuts: Sequence[Cut]) -> list[Cut]:
    """The cuts, those last that explain little, or behind which another one cuts a gradient that went past them."""
    if len(cuts) < 2:  # noqa: PLR2004 - there is nothing to sort
        return list(cuts)
    trace, leading = evidence.trace, _leading_to(evidence, start)
    past = [
        operands
        for operands in (trace.values[cut.value].operands for cut in cuts)
        if any(part.tensor is not None and part.tensor.grad_fn in leading for part in trace.parts(operands))
    ]
    before = ancestors(trace, itertools.chain.from_iterable(past))
    return sorted(cuts, key=lambda cut: (cut.rule in _WEAK, cut.value in before))


def _leading_to(evidence: Evidence, leaf: int) -> frozenset[int]:
    """The nodes from which a gradient finds its way to a leaf."""
    found: set[int] = set()
    for node in evidence.trace.nodes:  # a node comes after those that it leads to
        is_end = node.leaf is not None and first_tracked(evidence, node.leaf) == leaf
        if is_end or any(each in found for each in node.next):
            found.add(node.id)
    return frozenset(found)


def _culprit(evidence: Evidence, lost: Lost, cuts: list[Cut], role: Role, between: frozenset[int]) -> Culprit:
    use = None if role is Role.VALUE else _use(evidence, between, role)
    return Culprit(lost=lost, cut=cuts[0], others=tuple(cuts[1:]), role=role, use=use)


# Where somebody looked.


def _refused(evidence: Evidence) -> Iterator[Lost]:
    """Torch, or Python, refused to start from what is not tracked."""
    refusal = evidence.trace.refusal
    if refusal is None:
        return
    name = refusal.verb
    if name == "grad" and refusal.during is Phase.BACKWARD:
        roots = evidence.trace.backwards[-1].roots
        if all(is_tracked(evidence.trace, root) for root in roots):
            yield from _unused(evidence, refusal, roots)
            return
    elif name in {"backward", "retain_grad"}:
        roots = refusal.operands if refusal.during is Phase.FORWARD else evidence.trace.backwards[-1].roots
    else:
        return
    if not roots or any(is_tracked(evidence.trace, root) for root in roots):
        return
    inputs = [first_tracked(evidence, each) for each in _tensors(evidence, refusal.operands[1:2])]
    asked = [start for start in inputs if name == "grad" and _name(evidence, start) is not None]
    for start in (*asked, *leaves(evidence)):
        if path(evidence, start, roots, frozenset(Role)):
            yield Lost(
                start=start,
                name=_name(evidence, start),
                roots=roots,
                observed=words(refusal),
                span=refusal.span,
                label="torch refuses here" if refusal.during is Phase.BACKWARD else "refused here",
                refusal=refusal,
            )


def _unused(evidence: Evidence, refusal: Refusal, roots: tuple[int, ...]) -> Iterator[Lost]:
    """The inputs of `autograd.grad` that its outputs were not recorded to depend on."""
    inputs = list(_tensors(evidence, refusal.operands[1:2]))
    for number in inputs:
        start = first_tracked(evidence, number)
        name = _name(evidence, start) or evidence.called(number)
        yield Lost(
            start=start,
            name=name,
            roots=roots,
            observed=words(refusal),
            span=refusal.span,
            label="torch refuses here",
            refusal=refusal,
        )


def _read(evidence: Evidence) -> Iterator[Lost]:
    """A `.grad` that was read after a backward pass, and is None to the end."""
    done = _received(evidence)
    retained = {value.operands[0] for value in evidence.trace.values if value.verb == "retain_grad"}
    seen: set[int] = set()
    for owner, answer in evidence.grad_reads:
        is_there = answer.tensor is not None or owner.tensor is None or not owner.tensor.requires_grad
        if is_there or not (owner.tensor is not None and (owner.tensor.is_leaf or owner.id in retained)):
            continue
        start = first_tracked(evidence, owner.id)
        roots = _roots_before(evidence, answer.id)
        if roots and start not in done and start not in seen:
            seen.add(start)
            name = _name(evidence, start) or _name(evidence, owner.id)
            yield Lost(
                start=start,
                name=name,
                roots=roots,
                observed=f"{name or evidence.piece(answer.span)}.grad is None",
                span=answer.span,
                label="None here",
            )


def _answered(evidence: Evidence) -> Iterator[Lost]:
    """What `autograd.grad` gave None for, as allow_unused=True lets it."""
    for answer in unanswered(evidence):
        start = first_tracked(evidence, answer.asked)
        name = _name(evidence, start) or _name(evidence, answer.asked)
        yield Lost(
            start=start,
            name=name,
            roots=answer.roots,
            observed=f"autograd.grad gave None for {name or evidence.called(answer.asked)}",
            span=answer.call.span,
            label="None here",
        )


def _asked(evidence: Evidence) -> Iterator[Lost]:
    """An input whose gradient was asked for on the command line."""
    trace = evidence.trace
    if trace.refusal is not None or not trace.backwards:
        return
    for name, grad in trace.grads:
        start = next((value.id for value in trace.values if value.name == name and value.kind is Kind.INPUT), None)
        if grad is None and name in trace.asked and start is not None and is_tracked(trace, start):
            yield Lost(
                start=start,
                name=name,
                roots=trace.roots,
                observed=f"{name}.grad is None",
                span=trace.backwards[-1].span,
                label="backward() started here",
            )


def _stepped(evidence: Evidence) -> Iterator[Lost]:
    """A parameter of an optimizer that never got a gradient."""
    done = _received(evidence)
    seen: set[int] = set()
    for value in evidence.trace.values:
        if value.kind is not Kind.STEP or value.previous is not None:
            continue  # the call has all parameters, as each of those that it changed
        roots = _roots_before(evidence, value.id)
        for number in value.operands:
            tensor = evidence.tensor(number)
            if not roots or tensor is None or not (tensor.requires_grad and tensor.is_leaf):
                continue
            start = first_tracked(evidence, number)
            if start not in done and start not in seen:
                seen.add(start)
                name = _name(evidence, start)
                yield Lost(
                    start=start,
                    name=name,
                    roots=roots,
                    observed=f"{name}.grad is None",
                    span=value.span,
                    label="the optimizer has no gradient for it",
                )


@remembered
def given(evidence: Evidence) -> frozenset[int]:
    """The leaves, as torch first tracked them, that got a gradient in some pass."""
    return frozenset(
        leaf.value
        for backward in evidence.trace.backwards
        for leaf in backward.leaves
        if leaf.after is not None and leaf.value is not None
    )


def given_behind(evidence: Evidence, value: int) -> list[int]:
    """Those of them that a value was computed from, in order."""
    before = origins(evidence, [value])
    return [leaf for leaf in sorted(given(evidence)) if evidence.origin(leaf) in before]


@remembered
def taken(evidence: Evidence) -> frozenset[int]:
    """The leaves whose gradient `autograd.grad` was asked for."""
    calls = [value for value in evidence.trace.values if value.function == GRAD and value.operands]
    return frozenset(
        first_tracked(evidence, number) for call in calls for number in _tensors(evidence, call.operands[1:2])
    )


@remembered
def _received(evidence: Evidence) -> frozenset[int]:
    """The leaves that were given a gradient, except those made of other leaves."""
    return given(evidence) - _made_leaves(evidence)


@remembered
def _made_leaves(evidence: Evidence) -> frozenset[int]:
    """The leaves that were computed from other leaves, such as a loss that was told to require gradients."""
    starts = frozenset(leaves(evidence))
    derived: set[int] = set()
    for value in evidence.trace.values:
        ways = _ways(evidence, value, COMPUTED)
        if any(way in derived or (way in starts and way != value.previous) for way in ways):
            derived.add(value.id)
    return frozenset(derived & starts)


def _roots_before(evidence: Evidence, value: int) -> tuple[int, ...]:
    """What the calls of backward() before a value started from; `autograd.grad` does not count."""
    backwards = evidence.trace.backwards
    found = [
        root
        for walk in evidence.trace.walks
        if walk.backward is not None and walk.start <= value and backwards[walk.backward].refusal is None
        for root in backwards[walk.backward].roots
    ]
    return tuple(dict.fromkeys(found))


# The computed graph, with the part that each operand plays.


def leaves(evidence: Evidence) -> tuple[int, ...]:
    """The tracked leaves of the program that have a name, as torch first tracked them, in order."""
    found: dict[int, None] = {}
    for value in evidence.trace.values:
        tensor = value.tensor
        is_leaf = tensor is not None and tensor.requires_grad and tensor.is_leaf
        if is_leaf and is_tracked(evidence.trace, value.id) and evidence.names(value.id):
            found.setdefault(first_tracked(evidence, value.id))
    return tuple(found)


def first_tracked(evidence: Evidence, value: int) -> int:
    """The first version of a tensor that torch tracked."""
    return _first_versions(evidence)[value]


@remembered
def _first_versions(evidence: Evidence) -> list[int]:
    found: list[int] = []
    for value in evidence.trace.values:  # a version comes after the one before it
        before = value.previous
        found.append(value.id if before is None or not is_tracked(evidence.trace, before) else found[before])
    return found


def path(evidence: Evidence, start: int, ends: Iterable[int], roles: frozenset[Role]) -> frozenset[int]:
    """The values on the ways from `start` to any of `ends` on which each operand plays one of the `roles`."""
    before = upstream(evidence, tuple(ends), roles)
    if start not in before:
        return frozenset()
    reached = {start}
    for number in sorted(before):
        if any(operand in reached for operand in _ways(evidence, evidence.trace.values[number], roles)):
            reached.add(number)
    return frozenset(reached)


@remembered
def upstream(evidence: Evidence, ends: tuple[int, ...], roles: frozenset[Role]) -> frozenset[int]:
    """The values that any of `ends` was made of, themselves included, by operands that play one of the `roles`."""
    pending = list(ends)
    found: set[int] = set()
    while pending:
        number = pending.pop()
        if number not in found:
            found.add(number)
            pending.extend(_ways(evidence, evidence.trace.values[number], roles))
    return frozenset(found)


def _ways(evidence: Evidence, value: Value, roles: frozenset[Role]) -> Iterator[int]:
    """The values that a value was made of in one of the `roles`."""
    if is_metadata(value):
        return
    if is_written_leaf(value) and value.previous is not None:
        yield value.previous
        return
    for place, operand in enumerate(value.operands):
        if role_of(evidence, value, place, operand) in roles:
            yield operand
    if Role.CONDITION in roles:
        yield from _conditions(evidence, value)


def role_of(evidence: Evidence, user: Value, place: int, operand: int) -> Role:
    """What the operand at a place is to the operation."""
    value = evidence.trace.values[operand]
    name = user.verb
    is_index = user.kind in _AT_INDEX and place == 1
    is_truth = value.tensor.dtype == "bool" if value.tensor is not None else isinstance(value.scalar, bool)
    if is_truth and (has(name, Trait.MASKING) or user.kind is Kind.CHOICE or is_index):
        return Role.CONDITION
    if user.kind is Kind.CHOICE and place == 1:
        return Role.CONDITION
    is_number = value.tensor is not None and not value.tensor.is_differentiable and value.tensor.dtype != "bool"
    is_indexing = has(name, Trait.INDEXING) or user.kind is Kind.SLICE
    if is_index or (is_indexing and (is_number or value.tensor is None)):
        return Role.INDEX
    return Role.TARGET if place == 1 and name.lower().endswith(_LOSSES) else Role.VALUE


def is_target_of(user: Value, between: frozenset[int]) -> bool:
    """Whether the values `between` reach `user` as a target: what a difference or a loss compares with a prediction."""
    name = user.verb.lower()
    coming = [place for place, operand in enumerate(user.operands) if operand in between]
    return has(name, Trait.DIFFERENCE, Trait.DISTANCE) or (name.endswith(_LOSSES) and 0 not in coming)


def _conditions(evidence: Evidence, value: Value) -> Iterator[int]:
    """The values of the tests of `if` and `while` that a value was computed under."""
    step = value.step
    if step is None:
        return
    for test in evidence.tests_of(step):
        for made in evidence.values_by_step.get(test, ()):
            if made.id < value.id:
                yield made.id


def _use(evidence: Evidence, between: frozenset[int], role: Role) -> Span | None:
    """Where an operand plays the role."""
    for number in sorted(between):
        value = evidence.trace.values[number]
        for place, operand in enumerate(value.operands):
            if operand in between and role_of(evidence, value, place, operand) is role:
                return value.span
    return None


def _tensors(evidence: Evidence, numbers: Iterable[int]) -> Iterator[int]:
    return (part.id for part in evidence.trace.parts(numbers) if part.tensor is not None)


def _name(evidence: Evidence, value: int) -> str | None:
    names = evidence.names(value)
    return names[0] if names else None


def words(refusal: Refusal) -> str:
    """What torch said, in one line."""
    lines = refusal.message.strip().splitlines() or [""]
    return f"{refusal.exception}: {lines[0]}"


def leaf_name(evidence: Evidence, value: int) -> str | None:
    """The first variable that a value was computed from."""
    before = upstream(evidence, (value,), frozenset(Role))
    return next((evidence.names(leaf)[0] for leaf in leaves(evidence) if leaf in before), None)
