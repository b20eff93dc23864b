"""The rule of a loss that takes scores, and is given probabilities: softmax or sigmoid is computed twice."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Severity
from autograd_cli.rules.causes.lost import given_behind
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.graph import ancestors
from autograd_cli.rules.evidence.optimizers import model_names
from autograd_cli.rules.evidence.several import gradients_of, others_of
from autograd_cli.rules.evidence.symptoms import places
from autograd_cli.rules.evidence.traits import Trait, has
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Value

_COMPUTES = {  # what a loss computes itself
    "cross_entropy": "softmax",
    "crossentropyloss": "softmax",
    "bcewithlogitsloss": "sigmoid",
    "binary_cross_entropy_with_logits": "sigmoid",
}


def _find_softmax_twice(evidence: Evidence) -> Iterator[Diagnostic]:
    for loss in evidence.trace.values:
        function = _COMPUTES.get(loss.stem)
        if function is None or not loss.operands:
            continue
        scores = _unshaped(evidence, evidence.trace.values[loss.operands[0]])
        if not _is_last(evidence, scores, function) or loss.id not in ancestors(evidence.trace, evidence.trace.roots):
            continue
        victims = given_behind(evidence, scores.id)
        if not victims:
            continue
        names = model_names(evidence, victims)
        yield Diagnostic(
            rule="softmax-twice",
            severity=Severity.WARNING,
            message=f"{gradients_of(names)} those of another loss: `{evidence.piece(loss.span)}` computes {function} "
            f"itself, and is given the result of a {function}",
            span=scores.span,
            label=f"{function} here",
            related=places((loss.span, "and once more here: it is nearly flat between 0 and 1"), but=scores.span),
            victim=names[0],
            others=others_of(names),
            observed=f"{names[0]}.grad is much too small",
            fix=f"give it the scores, without {function}",
        )
        return


def _unshaped(evidence: Evidence, value: Value) -> Value:
    """What a value is another shape of."""
    while (has(value.stem, Trait.RESHAPE) or value.stem == "squeeze") and value.operands:
        value = evidence.trace.values[value.operands[0]]
    return value


def _is_last(evidence: Evidence, scores: Value, function: str) -> bool:
    """Whether the last operation on the scores was this function, in a layer or by itself."""
    node = evidence.node_of(scores.id)
    return node is not None and node.stem == function


RULES: tuple[Rule, ...] = (
    Rule(
        slug="softmax-twice",
        family=Family.ZERO,
        summary="A loss that computes softmax or sigmoid itself is given the result of one.",
        why="F.cross_entropy takes scores of any size, and turns them into probabilities by softmax. Probabilities are "
        "between 0 and 1, and the softmax of such small numbers is nearly flat: the loss cannot come near 0, and the "
        "gradient is many times too small. The same holds for binary_cross_entropy_with_logits and sigmoid.",
        example="""
            scores = torch.tensor([[2., -1., 0.5]], requires_grad=True)
            probabilities = torch.softmax(scores, dim=1)
            loss = F.cross_entropy(probabilities, torch.tensor([1]))
            loss.backward()
            print(scores.grad)
        """,
        cure="Return the scores of the last layer, and compute probabilities only where they are shown; or take "
        "F.nll_loss of log_softmax.",
        find=_find_softmax_twice,
    ),
)
