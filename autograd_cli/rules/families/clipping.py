"""The rule of gradients that are clipped at the wrong time: before they are there, or while they are still scaled."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from autograd_cli.diagnostic import Diagnostic, Edit, Severity
from autograd_cli.rules.causes import accumulation
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.optimizers import clips_of, model_names, step_calls
from autograd_cli.rules.evidence.several import others_of, several
from autograd_cli.rules.evidence.symptoms import Pass, own_passes, passes, places
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import TensorInfo, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """A pass, the step that follows it, and the gradients that were clipped by `clip` before or in between."""

    clip: Value
    done: Pass
    step: Value
    names: list[str]


def _rounds(evidence: Evidence) -> Iterator[tuple[Pass, Value]]:
    """Each pass that a step follows before another pass comes, with the call of that step."""
    own = own_passes(evidence)
    for place, each in enumerate(own):
        end = own[place + 1].at if place + 1 < len(own) else len(evidence.trace.values)
        step = next((call for call in step_calls(evidence) if each.at < call.id < end), None)
        if step is not None:
            yield each, step


# Before the pass.


def _find_too_early(evidence: Evidence) -> Iterator[Diagnostic]:
    early: _Round | None = None
    clips = clips_of(evidence)
    for done, step in _rounds(evidence) if clips else ():
        if any(done.at < clip.id < step.id for clip in clips):
            return
        before = [clip for clip in clips if clip.id < done.at]
        leaves = accumulation.changed_leaves(evidence, done)
        if before and leaves and _is_known_from_the_start(evidence, before[-1]):
            early = _Round(clip=before[-1], done=done, step=step, names=model_names(evidence, leaves))
    if early is None or any(_is_fresh(evidence, clip) for clip in clips) or early.done.call is None:
        return
    backward = early.done.call
    yield Diagnostic(
        rule="clip-misplaced",
        severity=Severity.WARNING,
        message=f"the gradients of {several(early.names)} are not clipped: `{evidence.piece(early.clip.span)}` runs "
        "before backward() gives them",
        span=early.clip.span,
        label="there is nothing to clip yet",
        related=places((backward.span, "gives the gradients"), (early.step.span, "takes them as they are")),
        victim=early.names[0],
        others=others_of(early.names),
        observed=f"{early.names[0]}.grad is as large as backward() made it",
        fix="clip between backward() and step()",
        edits=_behind(evidence, early.clip, backward),
    )


def _is_known_from_the_start(evidence: Evidence, clip: Value) -> bool:
    """Whether the pass before the clipping would be known: it is the first of all, or another pass was before it."""
    step = evidence.step_of(clip)
    return any(each.at < clip.id for each in passes(evidence)) or (step is not None and not any(step.iteration))


def _is_fresh(evidence: Evidence, clip: Value) -> bool:
    """Whether a leaf had a gradient then that no update had used."""
    for each in [each for each in passes(evidence) if each.backward is not None and each.at < clip.id]:
        for leaf in accumulation.changed_leaves(evidence, each):
            events = [
                *[update.id for update in accumulation.updates_of(evidence, leaf)],
                *accumulation.resets_of(evidence, leaf),
            ]
            if not any(each.at < event < clip.id for event in events):
                return True
    return False


def _behind(evidence: Evidence, clip: Value, backward: Value) -> tuple[Edit, ...]:
    """The clipping moved behind the call of backward(), where both are statements of one block."""
    text = evidence.text
    one, other = text.statement_around(clip.span), text.statement_around(backward.span)
    if one is None or other is None or other not in text.block_of(one) or not isinstance(one, ast.Expr):
        return ()
    return (text.without(text.span_of(one)), text.after(text.span_of(other), text.cut(one)))


# While they are scaled.


def _find_still_scaled(evidence: Evidence) -> Iterator[Diagnostic]:
    values = evidence.trace.values
    clips = clips_of(evidence)
    for done, step in _rounds(evidence) if clips else ():
        scaling = next((values[root] for root in done.roots if _is_scaling(evidence, values[root])), None)
        clip = next((each for each in clips if done.at < each.id < step.id and _is_effective(evidence, each)), None)
        if scaling is None or clip is None or done.call is None:
            continue
        leaves = accumulation.changed_leaves(evidence, done)
        is_divided = any(value.verb == "unscale_" for value in values[done.at : clip.id])
        is_read = any(done.at < use < clip.id for leaf in leaves for use in accumulation.uses_of(evidence, leaf))
        factor = _factor(evidence, scaling)
        if is_divided or is_read or not leaves or factor is None or factor <= 1:
            continue
        names = model_names(evidence, leaves)
        yield Diagnostic(
            rule="clip-misplaced",
            severity=Severity.WARNING,
            message=f"the step of {several(names)} is up to {factor:g} times too short: "
            f"`{evidence.piece(clip.span)}` limits gradients that are still scaled",
            span=clip.span,
            label=f"sees {factor:g} times the gradients",
            related=places(
                (scaling.span, f"multiplies the loss by {factor:g}"), (step.span, "divides the clipped ones by it")
            ),
            victim=names[0],
            others=others_of(names),
            observed=f"{names[0]} hardly moves",
            fix="unscale_() the gradients before they are clipped",
            edits=_unscaled(evidence, scaling, clip, step),
        )
        return


def _is_scaling(evidence: Evidence, value: Value) -> bool:
    """Whether a loss was scaled by a GradScaler."""
    makers = [evidence.trace.values[each] for each in value.operands]
    return value.verb == "scale" and any(each.verb == "GradScaler" for each in makers)


def _is_effective(evidence: Evidence, clip: Value) -> bool:
    """Whether the gradients were larger than they may be: what clip_grad_norm_ returns is their norm."""
    norm = _number(clip.tensor)
    limits = [evidence.trace.values[each].scalar for each in clip.operands]
    limit = next((each for each in limits if isinstance(each, float | int)), None)
    return norm is None or limit is None or norm > limit


def _factor(evidence: Evidence, scaling: Value) -> float | None:
    after = _number(scaling.tensor)
    before = next((_number(evidence.tensor(each)) for each in scaling.operands if evidence.tensor(each)), None)
    return None if not before or after is None else after / before


def _number(tensor: TensorInfo | None) -> float | None:
    if tensor is None or tensor.values is None or tensor.numel != 1 or isinstance(tensor.values[0], complex):
        return None
    return float(tensor.values[0])


def _unscaled(evidence: Evidence, scaling: Value, clip: Value, step: Value) -> tuple[Edit, ...]:
    """`scaler.unscale_(optimizer)` before the clipping."""
    text = evidence.text
    scale, stepped = text.call_at(scaling.span), text.call_at(step.span)
    statement = text.statement_around(clip.span)
    if scale is None or stepped is None or statement is None or not stepped.args:
        return ()
    match scale.func:
        case ast.Attribute(value=scaler):
            line = f"{text.one_line(scaler)}.unscale_({text.one_line(stepped.args[0])})"
            return (text.before(text.span_of(statement), line),)
    return ()


def _find(evidence: Evidence) -> Iterator[Diagnostic]:
    yield from _find_too_early(evidence)
    yield from _find_still_scaled(evidence)


RULES: tuple[Rule, ...] = (
    Rule(
        slug="clip-misplaced",
        family=Family.OPTIMIZER,
        summary="Gradients are clipped before backward() has given them, or while a GradScaler still has them scaled.",
        why="clip_grad_norm_() changes what is in `.grad` when it is called. Before backward(), that is nothing, or "
        "the gradients of the last round. With a GradScaler, it is the gradient times some 65536 until unscale_() is "
        "called or the step is made: clipped to 1, and divided by 65536, next to nothing is left.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            optimizer = torch.optim.SGD([w], lr=0.1)
            loss = (w ** 4).sum()
            nn.utils.clip_grad_norm_([w], 1.0)
            loss.backward()
            optimizer.step()
        """,
        cure="The order is backward(), `scaler.unscale_(optimizer)` if there is one, clip_grad_norm_(), step().",
        find=_find,
    ),
)
