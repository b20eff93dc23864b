"""What is told of gradients that were lost on the way: the cuts that are to blame."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from autograd_cli.diagnostic import Diagnostic, Severity, Span
from autograd_cli.modes import DEFAULT_MODE
from autograd_cli.rules.causes.cuts import BY_GRAD_MODE, in_torch
from autograd_cli.rules.causes.lost import Culprit, Role, culprits, words
from autograd_cli.rules.causes.unreached import unreached
from autograd_cli.rules.cures import cuts
from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.rules.evidence.several import others_of, several
from autograd_cli.rules.evidence.symptoms import places
from autograd_cli.rules.evidence.traits import Trait, has
from autograd_cli.rules.families.flag_on_loss import find_flag_on_loss
from autograd_cli.trace import Cut

_CHECKPOINT = "cut-by-checkpoint"
_BESIDE = "the sum has the gradient of a straight-through estimator: take the loss that is for {0} from {0} itself"
_MOST = 64  # lost gradients that are examined


@remembered
def missed(evidence: Evidence) -> tuple[Culprit, ...]:
    """What explains the first gradient that somebody missed, those torch refused, and those nobody looked for."""
    if not is_to_be_explained(evidence):
        return ()
    looked_for = list(itertools.islice(culprits(evidence), _MOST))
    refused = [each for each in looked_for[1:] if each.lost.refusal is not None]
    return (*looked_for[:1], *refused, *unreached(evidence))


def is_to_be_explained(evidence: Evidence) -> bool:
    """Whether a cut is to explain lost gradients: not if a mode took them away, or if the loss was made a leaf."""
    return evidence.trace.mode == DEFAULT_MODE and not any(find_flag_on_loss(evidence))


def find_cut(evidence: Evidence) -> Iterator[Diagnostic]:
    """The cuts that took a gradient away, each place once."""
    by_cut: dict[tuple[str, Span | None], list[Culprit]] = {}
    for each in missed(evidence):
        if (rule := _rule(evidence, each)) is not None:
            place = each.cut.since if rule == _CHECKPOINT else each.cut.span
            by_cut.setdefault((rule, place), []).append(each)
    for (rule, _), alike in by_cut.items():
        yield _diagnostic(evidence, rule, alike)


def _diagnostic(evidence: Evidence, rule: str, alike: Sequence[Culprit]) -> Diagnostic:
    """What is said of the gradients that one cut took away; the details are those of the first."""
    found = alike[0]
    lost, cut = found.lost, found.cut
    value = evidence.trace.values[cut.value]
    span, since = cut.span, cut.since or value.grad_mode_span
    label = "not tracked"
    if rule == _CHECKPOINT:
        span, since, label = since, cut.span, "computes it under no_grad, and again only if an input requires grad"
    elif rule == "cut-by-grad-mode-off" and since is not None and cuts.is_statement(evidence, since):
        span, since, label = since, cut.span, "nothing is recorded from here on"
    elif rule not in BY_GRAD_MODE:
        since = None
    why = {Role.CONDITION: "only decides", Role.INDEX: "is only an index"}.get(found.role, cut.why)
    names = [each.lost.name or evidence.called(each.lost.start) for each in alike]
    name, pronoun = several(names), "it" if len(set(names)) == 1 else "each"
    message = f"{name} got no gradient: `{evidence.piece(cut.span)}` cut it off: {cut.why}"
    if rule in {"used-only-in-condition", "used-only-as-index"}:
        message = f"{name} got no gradient: in `{evidence.piece(cut.span)}` {pronoun} {why}"
    elif rule == _CHECKPOINT:
        message = f"{name} got no gradient: `{evidence.piece(span)}` is given nothing that requires grad"
    elif rule == "constant-derivative":
        message = f"the derivative `{evidence.piece(cut.span)}` is constant: there is nothing in it to differentiate"
        label = "recorded, but it depends on no variable"
    straight = _straight_through(evidence, cut)
    beside = {each.span: f"cut off here, too: {each.why}" for each in found.others if each.span != cut.span}
    others = [*beside.items()][:3]
    return Diagnostic(
        rule=rule,
        severity=Severity.ERROR,
        message=message,
        span=span,
        label=label,
        related=places(
            (since, "tracking is off from here" if span == cut.span else "computed here, but not recorded"),
            (found.use, f"here it {why}"),
            *others,
            (lost.span, lost.label),
        ),
        victim=lost.name,
        others=others_of(names),
        observed=lost.observed,
        torch_says=None if lost.refusal is None else words(lost.refusal),
        fix=in_torch(evidence.trace, cut) if straight is None else _BESIDE.format(straight),
        edits=cuts.edits_of(evidence, found) if straight is None else (),
    )


def _straight_through(evidence: Evidence, cut: Cut) -> str | None:
    """What `b` is called in `a + (b - a).detach()`, whose numbers are those of b and whose gradient is all for a."""
    value = evidence.trace.values[cut.value]
    given = evidence.trace.values[value.operands[0]] if value.operands else value
    is_cut_apart = cut.rule in {"cut-by-detach", "cut-by-data"} and has(given.stem, Trait.DIFFERENCE)
    if not is_cut_apart or len(given.operands) < 2:  # noqa: PLR2004 - what is subtracted, and from what
        return None
    kept, passed = given.operands[:2]
    is_added = any(user.stem == "add" and passed in user.operands for user in evidence.users.get(value.id, ()))
    return evidence.called(kept) if is_added else None


def _rule(evidence: Evidence, found: Culprit) -> str | None:
    """The slug of a cut, by the part that the variable still plays, and by what switched tracking off."""
    cut = found.cut
    if cut.rule == "requires-grad-missing":
        return None
    if found.role is Role.CONDITION:
        return "used-only-in-condition"
    if found.role is Role.INDEX and cut.rule not in {"cut-by-index-op", "cut-by-sampling"}:
        return "used-only-as-index"
    if cut.rule == "cut-by-no-grad" and cuts.is_checkpoint(evidence, cut.since):
        return _CHECKPOINT
    if cut.rule == "cut-by-no-grad" and "no_grad" not in evidence.piece(cut.since):
        return "cut-by-grad-mode-off"
    if cut.rule == "missing-create-graph" and _is_recorded_walk(evidence, cut.value):
        return "constant-derivative"
    return cut.rule


def _is_recorded_walk(evidence: Evidence, value: int) -> bool:
    """Whether the `autograd.grad` whose answer a value is (or is part of) was told create_graph=True."""
    starts = {value, *evidence.trace.values[value].operands}
    return any(walk.create_graph for walk in evidence.trace.walks if walk.start in starts)
