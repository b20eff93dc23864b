"""The rule of a backward pass for nothing: what it gave is reset before anything has used it."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from autograd_cli.diagnostic import Diagnostic, Edit, Severity, Span
from autograd_cli.rules.causes import accumulation
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.optimizers import model_names, steps_of
from autograd_cli.rules.evidence.several import gradients_of, others_of
from autograd_cli.rules.evidence.symptoms import Pass, own_passes, places
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waste:
    """Gradients of `leaves`, given by `call` and reset by `reset` before anything had used them."""

    call: Value
    reset: Value
    leaves: list[int]


def _find_thrown_away(evidence: Evidence) -> Iterator[Diagnostic]:
    if accumulation.steps_in_vain(evidence) or evidence.trace.refusal is not None:
        return
    waste = _of_leaves(evidence) or _of_passes(evidence)
    if waste is None:
        return
    names = model_names(evidence, waste.leaves)
    yield Diagnostic(
        rule="gradient-thrown-away",
        severity=Severity.WARNING,
        message=f"{gradients_of(names)} reset before anything has used {'it' if len(names) == 1 else 'them'}: "
        f"`{evidence.piece(waste.call.span)}` ran for nothing",
        span=waste.reset.span,
        label="throws away what backward() gave",
        related=places((waste.call.span, "gives the gradients"), but=waste.reset.span),
        victim=names[0],
        others=others_of(names),
        observed=f"{names[0]} never moves by this loss",
        fix="reset once, before the first backward(): the gradients of several losses add up",
        edits=_once(evidence, waste.reset),
    )


def _of_leaves(evidence: Evidence) -> _Waste | None:
    """The leaves that an optimizer has, and of whose gradients none was used."""
    held = {evidence.origin(each) for step in steps_of(evidence) for each in step.operands}
    found: dict[int, list[tuple[Pass, int | None]]] = {}
    for each in own_passes(evidence):
        for leaf in held.intersection(accumulation.changed_leaves(evidence, each)):
            found.setdefault(leaf, []).append((each, _unused_until(evidence, leaf, each)))
    leaves = [leaf for leaf, fates in found.items() if all(reset is not None for _, reset in fates)]
    if not leaves:
        return None
    last, reset = found[leaves[0]][-1]
    return _waste(evidence, last, reset, leaves)


def _of_passes(evidence: Evidence) -> _Waste | None:
    """All that the passes of one place gave: in every round, or in every round but the one before an update."""
    rounds: dict[Span | None, list[Pass]] = {}
    for each in own_passes(evidence):
        rounds.setdefault(None if each.call is None else each.call.span, []).append(each)
    for found in rounds.values():
        resets = [_all_unused_until(evidence, each) for each in found]
        wasted = [(each, reset) for each, reset in zip(found, resets, strict=True) if reset is not None]
        if not wasted or any(one is other is None for one, other in itertools.pairwise(resets)):
            continue
        last, reset = wasted[-1]
        leaves = accumulation.changed_leaves(evidence, last)
        is_trained = any(accumulation.updates_of(evidence, leaf) for leaf in leaves)
        if is_trained and (len(wasted) == len(found) or _is_always_reset(evidence, found, reset)):
            return _waste(evidence, last, reset, leaves)
    return None


def _is_always_reset(evidence: Evidence, rounds: list[Pass], reset: int) -> bool:
    """Whether each round makes the reset, also where the step uses the last one: not as a line search does."""
    step = evidence.trace.values[reset].step
    searches = [step for step in steps_of(evidence) if (call := evidence.text.call_at(step.span)) and call.args]
    return not searches and reset < rounds[-1].at and step is not None and not evidence.tests_of(step)


def _all_unused_until(evidence: Evidence, each: Pass) -> int | None:
    """When the first of the gradients that a pass gave was reset, if all were, and nothing had used any; else None."""
    resets = [_unused_until(evidence, leaf, each) for leaf in accumulation.changed_leaves(evidence, each)]
    known = [reset for reset in resets if reset is not None]
    return min(known) if known and len(known) == len(resets) else None


def _waste(evidence: Evidence, each: Pass, reset: int | None, leaves: list[int]) -> _Waste | None:
    if each.call is None or reset is None:
        return None
    return _Waste(call=each.call, reset=evidence.trace.values[reset], leaves=leaves)


def _unused_until(evidence: Evidence, leaf: int, each: Pass) -> int | None:
    """When the gradient that a pass gave a leaf was reset, if nothing had used it; else None."""
    reset = accumulation.next_reset(evidence, leaf, each.at)
    is_used = reset is None or accumulation.is_used_between(evidence, leaf, each.at, reset)
    return None if is_used else reset


def _once(evidence: Evidence, reset: Value) -> tuple[Edit, ...]:
    """The reset moved before the loop over the losses; outside of one it is taken out, where another reset is left."""
    text = evidence.text
    statement = text.statement_around(reset.span)
    if not isinstance(statement, ast.Expr) or text.is_alone(text.span_of(statement)):
        return ()
    here = text.span_of(statement)
    loops = [span for span, node in text.statements() if isinstance(node, ast.For | ast.While) and span.holds(here)]
    steps = [step.span for step in steps_of(evidence) if step.span is not None]
    if loops and not any(loops[-1].holds(step) for step in steps):
        return (text.before(loops[-1], text.cut(statement)), text.without(here))
    others = [value for value in evidence.trace.values if value.verb == reset.verb and value.span != reset.span]
    return (text.without(here),) if others or not loops else ()


RULES: tuple[Rule, ...] = (
    Rule(
        slug="gradient-thrown-away",
        family=Family.OPTIMIZER,
        summary="The gradients of a backward pass are reset before anything has used them.",
        why="backward() adds to `.grad`, and zero_grad() empties it. Between two losses of one update, it empties what "
        "the first loss has given: the step then follows the second loss alone.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            opt = torch.optim.SGD([w], lr=0.1)
            (w ** 2).sum().backward()
            opt.zero_grad()
            (w * 3).sum().backward()
            opt.step()
        """,
        cure="Call zero_grad() once, before the first backward(), so that the gradients of all losses add up; or add "
        "the losses, and call backward() on the sum.",
        find=_find_thrown_away,
        generality=5,
    ),
)
