"""The rule of a leaf of which a good part is outside the range that it is clamped to."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Severity
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.passage import Passage
from autograd_cli.rules.evidence.symptoms import is_leaf
from autograd_cli.rules.evidence.traits import Trait, has
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Value, Visit

_ROUNDS = 3  # passes, from which on it will not change
_PART = 0.25  # of the elements, from which on it is told


def _find_partly_clamped(evidence: Evidence) -> Iterator[Diagnostic]:
    """A leaf that is clamped itself, of which many elements get nothing from the first pass to the last."""
    found: dict[int, list[tuple[Value, float]]] = {}
    for passage in [each for each in evidence.passages if each.walk.backward is not None]:
        for visit in passage.walk.visits:
            value = evidence.trace.values[passage.nodes[visit.node].value]
            leaf = _clamped_leaf(evidence, passage, visit, value)
            if leaf is not None:
                found.setdefault(leaf, []).append((value, _stopped(visit)))
    for leaf, turns in found.items():
        name = next(iter(evidence.names(evidence.origin(leaf))), None) or evidence.called(leaf)
        value, part = turns[-1]
        if len(turns) < _ROUNDS or min(turns[0][1], part) < _PART or part == 1:
            continue
        yield Diagnostic(
            rule="partly-clamped",
            severity=Severity.WARNING,
            message=f"{part:.0%} of the elements of {name} get no gradient: "
            f"`{evidence.piece(value.span)}` bounds them, and outside the range its derivative is 0",
            span=value.span,
            label="what is outside stays outside",
            victim=name,
            observed=f"{part:.0%} of {name}.grad is 0",
            fix=f"start inside the range, and bound {name} after the step, under torch.no_grad(); "
            "or take sigmoid or tanh of it",
        )
        return


def _clamped_leaf(evidence: Evidence, passage: Passage, visit: Visit, value: Value) -> int | None:
    """The first version of the leaf that a clamp was given itself."""
    if not has(passage.nodes[visit.node].stem, Trait.CLAMP) or not value.operands:
        return None
    operand = value.operands[0]
    return evidence.origin(operand) if is_leaf(evidence.tensor(operand)) else None


def _stopped(visit: Visit) -> float:
    """The part of the elements at which something arrived and nothing left; 0 where the elements are not known."""
    arrived, left = visit.arrived[0], visit.flows[0].gradient
    if arrived is None or left is None or not arrived.values or not left.values or arrived.shape != left.shape:
        return 0.0
    pairs = list(zip(arrived.values, left.values, strict=True))
    return sum(came != 0 and went == 0 for came, went in pairs) / len(pairs)


RULES: tuple[Rule, ...] = (
    Rule(
        slug="partly-clamped",
        family=Family.ZERO,
        summary="A good part of a leaf is outside the range that it is clamped to, and gets no gradient.",
        why="The gradient of clamp is 0 for each element outside the range. The others train, and the loss falls, but "
        "these stay where they are for ever.",
        example="""
            image = torch.tensor([0.2, -0.5, 1.7, 0.4], requires_grad=True)
            optimizer = torch.optim.SGD([image], lr=0.1)
            for step in range(3):
                optimizer.zero_grad()
                loss = ((image.clamp(0, 1) - 0.5) ** 2).sum()
                loss.backward()
                optimizer.step()
            print(image)
        """,
        cure="Start inside the range. Bound the leaf itself after each step (`with torch.no_grad(): x.clamp_(0, 1)`), "
        "or compute it with a function that has a slope everywhere, such as sigmoid.",
        find=_find_partly_clamped,
        needs_walks=True,
        generality=3,
    ),
)
