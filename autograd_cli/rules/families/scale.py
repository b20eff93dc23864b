"""Rules about gradients that are far too small or too large for what they are to change."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Edit, Related, Severity, as_edits
from autograd_cli.rules.causes.cancelled import find_cancelled
from autograd_cli.rules.causes.fading import Scaled, find_exploding, find_vanishing
from autograd_cli.rules.causes.stops import find_stop
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.several import gradients_of, others_of, several
from autograd_cli.rules.evidence.symptoms import is_result, places
from autograd_cli.rules.evidence.traits import Trait, has
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Value

_SHOWN = 6  # norms that are written out


def _find_vanishing(evidence: Evidence) -> Iterator[Diagnostic]:
    found, stop = find_vanishing(evidence), find_stop(evidence)
    if found is not None and (stop is None or not {*found.victims} & {*stop.victims}):
        share = found.arrives / found.reference
        yield _told(
            evidence,
            found,
            rule="vanishing-gradient",
            message=f"the gradient vanishes on its way to {several(found.victims)}: {share:.1e} of it is left",
            fix="start with larger weights (xavier, kaiming), or use relu, residual connections or a normalisation"
            if found.rounds > 1
            else "keep its operand small (normalise it, scale it down), where the curve has a slope",
        )


def _find_exploding(evidence: Evidence) -> Iterator[Diagnostic]:
    found = find_exploding(evidence)
    if found is not None:
        yield _told(
            evidence,
            found,
            rule="exploding-gradient",
            message=f"the gradient explodes on its way to {several(found.victims)}: "
            f"it arrives {found.arrives / found.reference:.1e} times as large",
            fix="smaller or orthogonal weights, a bounded activation, or clip_grad_norm_ before the step",
        )


def _find_cancelled(evidence: Evidence) -> Iterator[Diagnostic]:
    found = find_cancelled(evidence)
    if found is None:
        return
    operands = [each for each in found.fork.operands if is_result(evidence.tensor(each))]
    of_both = [f"`{evidence.called(each)}`" for each in operands[:2]]
    called = " and ".join(of_both) if len(of_both) > 1 else "two ways"
    yield Diagnostic(
        rule="gradient-cancels",
        severity=Severity.WARNING,
        message=f"{gradients_of(found.victims)} nothing but rounding errors: what comes through {called} cancels",
        span=found.fork.span,
        label=f"parts of norm {found.largest:.2g} add up to {found.left:.1g}",
        victim=found.victims[0],
        others=others_of(found.victims),
        observed=f"the norm of {found.victims[0]}.grad is {found.left:.2g}",
        fix="detach() the one that is to be a constant, or compute it from other numbers",
        edits=as_edits(_constant(evidence, found.fork)),
    )


def _constant(evidence: Evidence, fork: Value) -> Edit | None:
    """The second operand of a difference or a quotient, detached."""
    given = evidence.given(fork)
    if not has(fork.stem, Trait.DIFFERENCE, Trait.DIVISION) or len(given) < 2:  # noqa: PLR2004 - it is of two
        return None
    return evidence.text.with_method(evidence.text.span_of(given[1]), ".detach()")


def _told(evidence: Evidence, found: Scaled, *, rule: str, message: str, fix: str) -> Diagnostic:
    return Diagnostic(
        rule=rule,
        severity=Severity.WARNING,
        message=message,
        span=found.value.span,
        label=_label(found),
        related=tuple(_beginnings(evidence, found.value)),
        victim=found.victims[0],
        others=others_of(found.victims),
        observed=f"the norm of the gradient there is {found.arrives:.2e}",
        fix=fix,
    )


def _label(found: Scaled) -> str:
    """The norms from round to round, and the factor of one."""
    told = [f"{each:.2g}" for each in found.norms]
    if len(told) > _SHOWN:
        told = [*told[: _SHOWN - 2], "…", told[-1]]
    norms = " → ".join(told)
    return f"{norms}: {found.factor:.2g} times as large{' each time' if found.rounds > 1 else ''}"


def _beginnings(evidence: Evidence, value: Value) -> Iterator[Related]:
    """Where the program itself set the weights that the operation multiplies by."""
    for operand in value.operands:
        current = evidence.trace.values[operand]
        while current.previous is not None and "init." not in evidence.piece(current.span):
            current = evidence.trace.values[current.previous]
        if "init." in evidence.piece(current.span):  # in a long run the place is left, and not the call
            yield from places((current.span, "its weights begin here"), but=value.span)
            return


RULES: tuple[Rule, ...] = (
    Rule(
        slug="gradient-cancels",
        family=Family.ZERO,
        summary="The gradient comes on two ways that cancel each other, since both carry the same with opposite signs.",
        why="A gradient is the sum of all ways to a leaf. In `new - old`, where both were computed from the same "
        "parameters, each gives the opposite of the other: what is left is 0, or rounding errors, which Adam then "
        "makes as large as any gradient.",
        example="""
            w = torch.tensor([0.3, -0.7, 0.9], requires_grad=True)
            x = torch.tensor([0.7, 1.1, 1.3])
            old = (w * x / 3).sum()
            new = (w * (x / 3)).sum()
            ratio = torch.exp(new - old)
            ratio.backward()
            print(w.grad)
        """,
        cure="One of them is to be a constant: detach() it, or compute it under torch.no_grad(), as the old policy of "
        "PPO.",
        find=_find_cancelled,
        needs_walks=True,
        generality=1,
    ),
    Rule(
        slug="vanishing-gradient",
        family=Family.ZERO,
        summary="The gradient becomes smaller with every layer, until next to nothing is left for the first ones.",
        why="Each operation multiplies the gradient by its derivative. A sigmoid's is at most 0.25, and small weights "
        "make it smaller: after ten layers 0.15 has become 6e-9. Each gradient is there and is not zero, but the first "
        "layers do not learn.",
        example="""
            x = torch.tensor([0.5], requires_grad=True)
            w = torch.tensor([2.], requires_grad=True)
            h = x
            for layer in range(12):
                h = torch.sigmoid(h) * 0.5
            (h * w).sum().backward()
            print(x.grad, w.grad)
        """,
        cure="Initialise for the activation (nn.init.xavier_uniform_, kaiming_uniform_), use relu or another "
        "activation with a slope of 1, add residual connections or a normalisation.",
        find=_find_vanishing,
        needs_walks=True,
        generality=3,
    ),
    Rule(
        slug="exploding-gradient",
        family=Family.ZERO,
        summary="The gradient becomes larger with every round of one operation, until a step throws the weights away.",
        why="Each round multiplies the gradient by the same weights. Where they make it larger, it grows "
        "exponentially with the number of rounds, as in a recurrent network over a long sequence.",
        example="""
            x = torch.tensor([0.5], requires_grad=True)
            h = x
            for step in range(40):
                h = h * 2
            h.sum().backward()
            print(x.grad)
        """,
        cure="Clip it (torch.nn.utils.clip_grad_norm_) between backward() and step(), start with smaller or orthogonal "
        "weights, bound the state (tanh), or cut the sequence (truncated backpropagation).",
        find=_find_exploding,
        needs_walks=True,
        generality=3,
    ),
)
