"""Gradients that add up, are reset, or are not there when an optimizer's step takes them."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from autograd_cli.diagnostic import Diagnostic, Edit, Severity, Span
from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.rules.evidence.graph import dependents
from autograd_cli.rules.evidence.optimizers import clips_of, optimizer_of, step_calls, steps_of
from autograd_cli.rules.evidence.passage import is_same, is_zero
from autograd_cli.rules.evidence.several import others_of, several
from autograd_cli.rules.evidence.symptoms import (
    Pass,
    flattened,
    is_flagged,
    is_leaf,
    is_switch,
    name_of,
    own_passes,
    passes,
    places,
)
from autograd_cli.trace import Kind, LeafGradient, TensorInfo, Value

_ERASING = frozenset({"zero_", "fill_", "__setitem__", "mul_"})  # writes that count as a reset


def grad_accumulated(evidence: Evidence) -> Iterator[Diagnostic]:
    """backward() added to a gradient that was there already: `.grad` is the sum of several passes.

    Why: torch adds to `.grad` and never resets it. In a training loop each update then uses the gradients of all
    earlier rounds, too. The sum is right where it is intended, as over micro-batches with a single update.

    Example:
        w = torch.tensor(1., requires_grad=True)
        for step in range(3):
            loss = (w - 3) ** 2
            loss.backward()
            with torch.no_grad():
                w -= 0.1 * w.grad

    Fix: reset it in each round, `optimizer.zero_grad()` or `w.grad = None`, after the update and before the next
    backward().
    """
    told = _stale(evidence) or _summed(evidence)
    if told is None:
        return
    severity, each, names = told
    call = each.call
    assert call is not None
    name = names[0]
    update = next(iter(_updates(evidence, each, name)), None)
    place = update if update is not None and _is_of_several(evidence, each, name) else call.span
    one = len(names) == 1
    is_stale = severity is Severity.WARNING
    again = "the gradient is a sum" if one else "the gradients are sums"
    if is_stale:
        again = f"an update has already used {'it, and it was' if one else 'them, and they were'} not reset"
    yield Diagnostic(
        rule="grad-accumulated",
        severity=severity,
        message=f"backward() adds to the gradient{'' if one else 's'} that {several(names)} had: {again}",
        span=call.span,
        label="adds to .grad",
        related=places((update, "the update that used it")) if is_stale else (),
        victim=name,
        others=others_of(names),
        fix=f"{_reset(evidence, names, place)[0]} {'before it' if place is call.span else 'after the update'}"
        + ("" if is_stale else ", unless the sum is intended"),
        edits=with_reset(evidence, place, names, is_after=place is not call.span),
        observed=f"{name}.grad is the sum of several passes",
    )


def _stale(evidence: Evidence) -> tuple[Severity, Pass, list[str]] | None:
    """The first pass that added to a gradient that an update had already used, where a later update used the sum."""
    before = dict[int, Pass]()
    for each in passes(evidence):
        found: list[str] = []
        for leaf in _leaves(each):
            number = _origin(evidence, leaf)
            last = before.get(number)
            if last is None or not _adds(leaf) or not _is_used_twice(evidence, number, last, each):
                pass
            elif is_same(_after(evidence, last, number), leaf.before) or _is_clipped(evidence, number, last, each):
                found.append(leaf.name)
            if is_changed(leaf):
                before[number] = each
        if found and each.call is not None:
            return Severity.WARNING, each, _named(evidence, each, found)
    return None


def _is_clipped(evidence: Evidence, leaf: int, last: Pass, each: Pass) -> bool:
    """Whether the gradient was clipped between two passes, and not reset."""
    reset = next_reset(evidence, leaf, last.at)
    is_kept = reset is None or reset > each.at
    return is_kept and any(last.at < clip.id < each.at for clip in clips_of(evidence))


def _is_used_twice(evidence: Evidence, leaf: int, last: Pass, each: Pass) -> bool:
    """Whether an update used the gradient between the two passes, and another the sum of both."""
    updates = [value.id for value in updates_of(evidence, leaf)]
    resets = resets_of(evidence, leaf)
    after = next((update for update in updates if update > each.at), None)
    return (
        any(last.at < update < each.at for update in updates)
        and after is not None
        and not any(each.at < reset < after for reset in resets)
    )


def _summed(evidence: Evidence) -> tuple[Severity, Pass, list[str]] | None:
    """The first pass that added to a gradient that the program or its user only looks at: no update uses it."""
    asked = {evidence.origin(owner.id) for owner, read in evidence.grad_reads if read.tensor is not None}
    for each in passes(evidence):
        found = [
            leaf.name
            for leaf in _leaves(each)
            if _adds(leaf)
            and (leaf.name in evidence.trace.asked or _origin(evidence, leaf) in asked)
            and not updates_of(evidence, _origin(evidence, leaf))
        ]
        if found and each.call is not None:
            return Severity.NOTE, each, _named(evidence, each, found)
    return None


def _leaves(each: Pass) -> tuple[LeafGradient, ...]:
    return () if each.backward is None else each.backward.leaves


def changed_leaves(evidence: Evidence, each: Pass) -> list[int]:
    """The leaves that a pass gave a gradient, or added to that of."""
    return [_origin(evidence, leaf) for leaf in _leaves(each) if leaf.value is not None and is_changed(leaf)]


def _origin(evidence: Evidence, leaf: LeafGradient) -> int:
    return -1 if leaf.value is None else evidence.origin(leaf.value)


def _after(evidence: Evidence, each: Pass, number: int) -> TensorInfo | None:
    return next((leaf.after for leaf in _leaves(each) if _origin(evidence, leaf) == number), None)


def _named(evidence: Evidence, each: Pass, names: list[str]) -> list[str]:
    """The leaves as the program calls them."""
    values = {leaf.name: leaf.value for leaf in _leaves(each)}
    return [(None if (value := values[name]) is None else name_of(evidence, value)) or name for name in names]


def added_leaves(evidence: Evidence, each: Pass) -> list[int]:
    """The leaves to whose gradient a pass added something, which was not zero before."""
    return [_origin(evidence, leaf) for leaf in _leaves(each) if leaf.value is not None and _adds(leaf)]


def _adds(leaf: LeafGradient) -> bool:
    """Whether the pass added something to a gradient that was not zero."""
    before = leaf.before
    return before is not None and is_changed(leaf) and not is_zero(before)


def is_changed(leaf: LeafGradient) -> bool:
    """Whether the pass gave the leaf a gradient, or changed the one that it had."""
    before, after = leaf.before, leaf.after
    return after is not None and (before is None or (before.version, before.storage) != (after.version, after.storage))


def updates_of(evidence: Evidence, leaf: int) -> list[Value]:
    """The changes of a leaf in place that use its gradient, in order: not those that copy another tensor into it."""
    return _all_updates(evidence).get(leaf, [])


@remembered
def _all_updates(evidence: Evidence) -> dict[int, list[Value]]:
    found: dict[int, list[Value]] = {}
    for value in evidence.trace.values:
        if value.previous is not None and not is_switch(value):
            found.setdefault(evidence.origin(value.id), []).append(value)
    return {leaf: list(_using_gradient(evidence, leaf, changes)) for leaf, changes in found.items()}


def _using_gradient(evidence: Evidence, leaf: int, changes: list[Value]) -> Iterator[Value]:
    by_hand = any(value.kind is not Kind.STEP for value in changes)
    reads = [read.id for owner, read in evidence.grad_reads if by_hand and evidence.origin(owner.id) == leaf]
    users = frozenset[int]().union(*(dependents(evidence.trace, read) for read in reads))
    for value in changes:
        if value.kind is Kind.STEP or not users.isdisjoint(value.operands):
            yield value


def _updates(evidence: Evidence, each: Pass, name: str) -> list[Span | None]:
    leaf = _leaf_called(evidence, each, name)
    found = [] if leaf is None else [value for value in updates_of(evidence, leaf) if value.id < each.at]
    return [value.span for value in found[-1:]]


def _leaf_called(evidence: Evidence, each: Pass, name: str) -> int | None:
    found = (leaf for leaf in _leaves(each) if name in {leaf.name, *_named(evidence, each, [leaf.name])})
    return next((_origin(evidence, leaf) for leaf in found), None)


def _is_of_several(evidence: Evidence, each: Pass, name: str) -> bool:
    """Whether an update is meant to use the sum of several passes, as over micro-batches."""
    leaf = _leaf_called(evidence, each, name)
    ends = [] if leaf is None else [one.at for one in passes(evidence) if leaf in changed_leaves(evidence, one)]
    updates = [] if leaf is None else [value.id for value in updates_of(evidence, leaf)]
    return any(not any(one < update < other for update in updates) for one, other in itertools.pairwise(ends))


def resets_of(evidence: Evidence, leaf: int) -> list[int]:
    """When the gradient of a leaf was reset."""
    return _all_resets(evidence).get(leaf, [])


@remembered
def _all_resets(evidence: Evidence) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    owners = {read.id: evidence.origin(owner.id) for owner, read in evidence.grad_reads}
    for value in evidence.trace.values:
        resets = value.assigns("grad") or (value.kind is Kind.METHOD and value.verb == "zero_grad")
        given = flattened(evidence.trace, value.operands) if resets or value.verb in _ERASING else []
        leaves = {evidence.origin(each) if resets else owners.get(evidence.origin(each)) for each in given}
        for leaf in leaves:
            if leaf is not None:
                found.setdefault(leaf, []).append(value.id)
    return found


def next_reset(evidence: Evidence, leaf: int, start: int) -> int | None:
    """When the gradient of a leaf was reset first after a time."""
    resets = resets_of(evidence, leaf)
    place = bisect_right(resets, start)
    return resets[place] if place < len(resets) else None


def is_used_between(evidence: Evidence, leaf: int, start: int, end: int) -> bool:
    """Whether anything used the gradient of a leaf between two times."""
    uses = uses_of(evidence, leaf)
    return bisect_right(uses, start) < bisect_left(uses, end)


@remembered
def uses_of(evidence: Evidence, leaf: int) -> list[int]:
    """When the gradient of a leaf was used: by an update, or by a reading of `.grad` that is no part of a reset."""
    return sorted([*(update.id for update in updates_of(evidence, leaf)), *_all_reads(evidence).get(leaf, [])])


@remembered
def _all_reads(evidence: Evidence) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for owner, read in evidence.grad_reads:
        leaf = evidence.origin(owner.id)
        users = {user.id for user in evidence.users.get(read.id, ())}
        if not users or not users <= set(resets_of(evidence, leaf)):
            found.setdefault(leaf, []).append(read.id)
    return found


def was_filled(evidence: Evidence, value: int, earlier: Sequence[Pass]) -> bool:
    """Whether one of these passes left a gradient on the leaf."""
    number = evidence.origin(value)
    return any(_after(evidence, each, number) is not None for each in earlier)


def is_pending(evidence: Evidence, leaf: int, before: int) -> bool:
    """Whether something was computed from a leaf since the last pass, so that a pass is still to come."""
    last = max((each.at for each in passes(evidence) if each.backward is not None and each.at < before), default=-1)
    origin = evidence.origin(leaf)
    behind = {value for value in dependents(evidence.trace, origin) if evidence.origin(value) != origin}
    return any(last < value < before and is_flagged(evidence.tensor(value)) for value in behind)


# Steps of an optimizer.


def steps_in_vain(evidence: Evidence) -> list[Value]:
    """The calls of an optimizer's step that changed nothing."""
    changed = {value.step for value in steps_of(evidence) if value.previous is not None}
    return [value for value in step_calls(evidence) if value.step not in changed]


def idle_steps(evidence: Evidence) -> Iterator[Diagnostic]:
    """An optimizer's step that found no gradient: backward() comes later or never, or a reset came in between."""
    ran = own_passes(evidence)
    if not ran and passes(evidence):
        return
    for step in steps_in_vain(evidence):
        leaves = [each for each in flattened(evidence.trace, step.operands) if is_leaf(evidence.tensor(each))]
        later = [each for each in ran if each.at > step.id]
        earlier = [each for each in ran if each.at < step.id]
        lost = [leaf for leaf in leaves if was_filled(evidence, leaf, earlier)]
        coming = [leaf for leaf in leaves if was_filled(evidence, leaf, later)]
        if any(_is_there(evidence, leaf, earlier, step) for leaf in lost):
            continue
        never = not lost and not coming
        if not leaves or (never and ran and not any(is_pending(evidence, leaf, step.id) for leaf in leaves)):
            continue
        leaf = (lost or coming or leaves)[0]
        name = name_of(evidence, leaf)
        resets = [reset for reset in resets_of(evidence, evidence.origin(leaf)) if reset < step.id]
        reset = evidence.trace.values[resets[-1]] if lost and resets else None
        why = "they were reset before it" if lost else "no backward() runs" if never else "backward() comes after it"
        yield Diagnostic(
            rule="grad-used-before-backward",
            severity=Severity.ERROR if never else Severity.WARNING,
            message=f"`{evidence.piece(step.span)}` finds no gradients and changes nothing: {why}",
            span=step.span if reset is None else reset.span,
            label="there is no .grad" if reset is None else "clears the gradients before the step",
            related=places((step.span, "changes nothing"), but=step.span if reset is None else None),
            victim=name,
            fix="the order is zero_grad(), backward(), step()",
            edits=with_backward(evidence, leaf, step)
            if never
            else _reordered(evidence, step, reset, earlier[-1] if lost else later[0]),
            observed=f"{name}.grad is None",
        )
        return


def _is_there(evidence: Evidence, leaf: int, earlier: Sequence[Pass], step: Value) -> bool:
    """Whether a leaf still had at a step what the last pass gave it: what the step lacks is something else."""
    number = evidence.origin(leaf)
    last = max(each.at for each in earlier if _after(evidence, each, number) is not None)
    reset = next_reset(evidence, number, last)
    return reset is None or reset > step.id


def _reordered(evidence: Evidence, step: Value, reset: Value | None, each: Pass) -> tuple[Edit, ...]:
    """The reset moved before the backward pass, or the step moved behind it."""
    text = evidence.text
    moved = text.statement_around(step.span if reset is None else reset.span)
    call = text.statement_around(None if each.call is None else each.call.span)
    if moved is None or call is None or text.is_alone(text.span_of(moved)):
        return ()
    place = text.after if reset is None else text.before
    return (text.without(text.span_of(moved)), place(text.span_of(call), text.cut(moved)))


# The cure.


def with_backward(evidence: Evidence, leaf: int, use: Value) -> tuple[Edit, ...]:
    """backward() of the newest scalar that was computed from the leaf, before the statement that needs its gradient."""
    origin = evidence.origin(leaf)
    behind = dependents(evidence.trace, origin)
    made = [
        name
        for value in reversed(evidence.trace.values[: use.id])
        if value.id in behind and (tensor := value.tensor) is not None
        if tensor.requires_grad and not tensor.is_leaf and tensor.numel == 1
        for name in evidence.names(value.id)[:1]
    ]
    statement = evidence.text.statement_around(use.span)
    if not made or statement is None:
        return ()
    return (evidence.text.before(evidence.text.span_of(statement), f"{made[0]}.backward()"),)


def _optimizer(evidence: Evidence, names: list[str], place: Span | None) -> str | None:
    """What the optimizer that steps on all of these leaves is called at a place."""
    trace = evidence.trace
    for value in step_calls(evidence):
        leaves = flattened(trace, value.operands)
        held = {name for each in leaves for name in (name_of(evidence, each), evidence.name_at_end(each))}
        if held.issuperset(names):
            made = optimizer_of(evidence, value)
            called = [_stepping(evidence, value, place), *(() if made is None else evidence.names(made.id))]
            if any(called):
                return next(name for name in called if name)
    return None


def _stepping(evidence: Evidence, step: Value, place: Span | None) -> str | None:
    """What the program writes before `.step()`, where that stands beside a place."""
    text = evidence.text
    statement = text.statement_around(place)
    is_beside = statement is not None and statement in text.block_of(text.statement_around(step.span))
    return text.receiver_at(step.span) if is_beside else None


def _reset(evidence: Evidence, names: list[str], place: Span | None) -> list[str]:
    optimizer = _optimizer(evidence, names, place)
    return [f"{name}.grad = None" for name in names] if optimizer is None else [f"{optimizer}.zero_grad()"]


def with_reset(evidence: Evidence, span: Span | None, names: list[str], *, is_after: bool = False) -> tuple[Edit, ...]:
    """The reset of these leaves before the statement at a place, or after it."""
    statement = evidence.text.statement_around(span)
    if statement is None:
        return ()
    put = evidence.text.after if is_after else evidence.text.before
    return (put(evidence.text.span_of(statement), *_reset(evidence, names, span)),)
