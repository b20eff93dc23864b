"""The rule of a parameter that two optimizers change in the same round."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Severity
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.optimizers import model_names, optimizer_of, step_calls
from autograd_cli.rules.evidence.several import others_of, several
from autograd_cli.rules.evidence.symptoms import is_leaf, places
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Kind, Value


def _find_two_optimizers(evidence: Evidence) -> Iterator[Diagnostic]:
    backwards = [value.id for value in evidence.trace.values if value.kind is Kind.BACKWARD]
    for one, other in itertools.pairwise(step_calls(evidence)):
        first, second = optimizer_of(evidence, one), optimizer_of(evidence, other)
        if first is None or second is None or first.id == second.id:
            continue
        shared = _parameters(evidence, one) & _parameters(evidence, other)
        if not shared or any(one.id < backward < other.id for backward in backwards):
            continue
        names = model_names(evidence, shared)
        verb = "is" if len(names) == 1 else "are"
        yield Diagnostic(
            rule="two-optimizers",
            severity=Severity.WARNING,
            message=f"{several(names)} {verb} in two optimizers: each of them makes a step with the same gradient",
            span=second.span,
            label="has them, too",
            related=places(
                (first.span, "the first optimizer"), (one.span, "steps"), (other.span, "steps again"), but=second.span
            ),
            victim=names[0],
            others=others_of(names),
            observed=f"{names[0]} moves twice in each round",
            fix="give each parameter to one optimizer; groups of parameters may have settings of their own",
        )
        return


def _parameters(evidence: Evidence, step: Value) -> frozenset[int]:
    return frozenset(evidence.origin(each) for each in step.operands if is_leaf(evidence.tensor(each)))


RULES: tuple[Rule, ...] = (
    Rule(
        slug="two-optimizers",
        family=Family.OPTIMIZER,
        summary="Two optimizers have the same parameter, and both take a step in each round.",
        why="An optimizer does not know of another. Each makes its step with the gradient that is there, so the "
        "parameter moves twice as far, and the momentum of each works against what the other did.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            v = torch.tensor([3., 4.], requires_grad=True)
            both = torch.optim.SGD([w, v], lr=0.1)
            other = torch.optim.Adam([v], lr=0.1)
            (w * v).sum().backward()
            both.step()
            other.step()
        """,
        cure="Give each parameter to one optimizer. Different settings for parts of a model are groups of one "
        "optimizer: `Adam([{'params': a}, {'params': b, 'lr': 1e-4}])`.",
        find=_find_two_optimizers,
        generality=3,
    ),
)
