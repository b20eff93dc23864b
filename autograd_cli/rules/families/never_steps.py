"""The rule of an optimizer that never takes a step, though backward() gives its parameters gradients."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from autograd_cli.diagnostic import Diagnostic, Edit, Severity
from autograd_cli.rules.causes import accumulation
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.optimizers import model_names, parameters_of, schedules, step_calls
from autograd_cli.rules.evidence.several import others_of, several
from autograd_cli.rules.evidence.symptoms import Pass, is_leaf, makes_optimizer, own_passes, places
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Kind, Value

_ENOUGH = 3  # backward passes, after which a step would have come


@dataclass(frozen=True, slots=True, kw_only=True)
class _Idle:
    """An optimizer without a step, the `leaves` that only it has, and the last pass that gave them gradients.

    `scheduler` is the last call of its scheduler, `other` the first step of one that shares parameters with it.
    """

    optimizer: Value
    leaves: list[int]
    last: Pass
    scheduler: Value | None
    other: Value | None


def _find_never_steps(evidence: Evidence) -> Iterator[Diagnostic]:
    idle = _idle(evidence)
    if idle is None or idle.last.call is None:
        return
    names = model_names(evidence, idle.leaves)
    verb = "gets a gradient" if len(names) == 1 else "get gradients"
    place = idle.scheduler or (idle.optimizer if idle.other is not None else idle.last.call)
    name = _called_at(evidence, idle.optimizer, place)
    yield Diagnostic(
        rule="optimizer-never-steps",
        severity=Severity.WARNING,
        message=f"{several(names)} {verb} and never {'changes' if len(names) == 1 else 'change'}: "
        f"no step() of `{evidence.piece(idle.optimizer.span)}` runs",
        span=place.span,
        label=_label(idle),
        related=places(
            (idle.optimizer.span, "the optimizer is made here"),
            (None if idle.other is None else idle.other.span, "the step of another one"),
            but=place.span,
        ),
        victim=names[0],
        others=others_of(names),
        observed=f"{names[0]} never changes",
        fix=f"call {name}.step() after backward()"
        if idle.other is None
        else "call the step of this one, which has them all, or give the other one what it lacks: add_param_group()",
        edits=() if idle.other is not None else _with_step(evidence, place, name, is_before=idle.scheduler is not None),
    )


def _called_at(evidence: Evidence, optimizer: Value, place: Value) -> str:
    """What the function of a place calls an optimizer, where it calls a method of it; else its first name."""
    text = evidence.text
    here = text.function_around(place.span)
    calls = [value for value in evidence.trace.values if value.kind is Kind.METHOD and optimizer.id in value.operands]
    called = [text.receiver_at(call.span) for call in calls if text.function_around(call.span) is here]
    return next(name for name in (*called, *evidence.names(optimizer.id), "optimizer") if name is not None)


def _label(idle: _Idle) -> str:
    if idle.scheduler is not None:
        return "changes lr only: the step of the optimizer is another call"
    return "no step() of it runs" if idle.other is not None else "gives gradients, and no step() follows"


def _idle(evidence: Evidence) -> _Idle | None:
    if evidence.trace.refusal is not None:
        return None
    for optimizer in evidence.trace.values:
        if makes_optimizer(optimizer) and not optimizer.has_stepped:
            leaves, last = _waiting(evidence, optimizer)
            others = [step for step in step_calls(evidence) if _shares(evidence, optimizer, step)]
            if last is not None and leaves:
                return _Idle(
                    optimizer=optimizer,
                    leaves=leaves,
                    last=last,
                    scheduler=_scheduler(evidence, optimizer, last),
                    other=others[0] if others else None,
                )
    return None


def _held(evidence: Evidence, optimizer: Value) -> frozenset[int]:
    """The leaves that an optimizer was given."""
    parts = evidence.trace.parts(optimizer.operands)
    return frozenset(evidence.origin(part.id) for part in parts if is_leaf(part.tensor))


def _shares(evidence: Evidence, optimizer: Value, step: Value) -> bool:
    """Whether a step of another optimizer changes what this one has, too."""
    return not _held(evidence, optimizer).isdisjoint(map(evidence.origin, parameters_of(evidence, step)))


def _waiting(evidence: Evidence, optimizer: Value) -> tuple[list[int], Pass | None]:
    """What of an optimizer is given gradients again and again, though nothing uses them, and the last such pass."""
    held = _held(evidence, optimizer)
    given: dict[int, list[Pass]] = {}
    for each in own_passes(evidence):
        for leaf in held.intersection(accumulation.changed_leaves(evidence, each)):
            given.setdefault(leaf, []).append(each)
    leaves = [leaf for leaf, gave in given.items() if _is_waiting(evidence, leaf, gave)]
    return leaves, given[leaves[0]][-1] if leaves else None


def _is_waiting(evidence: Evidence, leaf: int, gave: list[Pass]) -> bool:
    """Whether a step would have come: what a pass gave was reset, or other parameters were changed meanwhile."""
    if accumulation.uses_of(evidence, leaf):
        return False
    rounds = list(itertools.pairwise(gave))
    resets = [accumulation.next_reset(evidence, leaf, one.at) for one, _ in rounds]
    is_reset = any(reset is not None and reset < other.at for (_, other), reset in zip(rounds, resets, strict=True))
    steps = [step.id for step in step_calls(evidence)]
    others = [any(one.at < step < other.at for step in steps) for one, other in rounds]
    return is_reset or (len(gave) >= _ENOUGH and all(others))


def _scheduler(evidence: Evidence, optimizer: Value, last: Pass) -> Value | None:
    """The call of a scheduler of the optimizer after the last pass."""
    made = {value.id for value in evidence.trace.values if schedules(evidence, value, optimizer)}
    calls = [
        value
        for value in evidence.trace.values[last.at :]
        if value.kind is Kind.METHOD and value.verb == "step" and not made.isdisjoint(value.operands)
    ]
    return calls[-1] if calls else None


def _with_step(evidence: Evidence, place: Value, name: str, *, is_before: bool) -> tuple[Edit, ...]:
    """The step before the call of the scheduler, or after that of backward()."""
    statement = evidence.text.statement_around(place.span)
    if statement is None:
        return ()
    put = evidence.text.before if is_before else evidence.text.after
    return (put(evidence.text.span_of(statement), f"{name}.step()"),)


RULES: tuple[Rule, ...] = (
    Rule(
        slug="optimizer-never-steps",
        family=Family.OPTIMIZER,
        summary="An optimizer never takes a step: its parameters get gradients and stay as they are.",
        why="backward() gives gradients and changes no parameter; the `step()` of the optimizer does. That of a "
        "scheduler changes the lr of the optimizer only. And where a second optimizer is made for a model that was "
        "changed, the training loop must call the second one.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            optimizer = torch.optim.SGD([w], lr=0.1)
            for step in range(3):
                optimizer.zero_grad()
                loss = (w ** 2).sum()
                loss.backward()
        """,
        cure="In each round: `optimizer.zero_grad()`, `loss.backward()`, `optimizer.step()`, and then the scheduler's "
        "`step()` if there is one.",
        find=_find_never_steps,
        generality=4,
    ),
)
