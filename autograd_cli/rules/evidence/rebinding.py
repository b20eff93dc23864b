"""Names that come to mean other tensors, and lists and dicts whose elements are replaced."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from autograd_cli.diagnostic import Span
from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.rules.evidence.graph import ancestors
from autograd_cli.rules.evidence.symptoms import flattened, is_leaf, origins, passes
from autograd_cli.trace import Kind, Step, Value

_GIVEN = frozenset({Kind.INPUT, Kind.PARAMETER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebinding:
    """A statement that gave a name, or a place in the container of that name, the value `value`.

    `is_whole` says that the name means nothing else from there on.
    """

    step: Step
    name: str
    value: int
    is_whole: bool


@remembered
def rebindings(evidence: Evidence) -> dict[str, list[Rebinding]]:
    """All rebindings by name, in order; a sequence gives one for each of its elements."""
    found: dict[str, list[Rebinding]] = {}
    bases: dict[Span, str | None] = {}
    for step in evidence.trace.steps:
        for name, number in zip(step.binds, step.bound, strict=True):
            for value in flattened(evidence.trace, [number]):
                found.setdefault(name, []).append(Rebinding(step=step, name=name, value=value, is_whole=True))
        if not step.binds and step.value is not None:
            if step.span not in bases:
                bases[step.span] = _container(evidence, step.span)
            name_ = bases[step.span]
            if name_ is not None:
                rebinding = Rebinding(step=step, name=name_, value=step.value, is_whole=False)
                found.setdefault(name_, []).append(rebinding)
    return found


def _container(evidence: Evidence, span: Span) -> str | None:
    """`params` of the statement `params[i] = …`."""
    match evidence.text.statement_around(span):
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name))]) as node if (
            evidence.text.span_of(node) == span
        ):
            return name
    return None


def held(evidence: Evidence, name: str, before: int) -> list[int]:
    """What a name meant when the value `before` was made: one value, or those that its container may hold."""
    earlier = [each for each in rebindings(evidence).get(name, []) if each.value < before]
    given = [value.id for value in evidence.trace.values if value.name == name and value.kind in _GIVEN]
    last = max((each.step.id for each in earlier if each.is_whole), default=-1)
    found = [each.value for each in earlier if each.step.id >= last]
    return found or [each for each in given if each < before]


def was_leaf(evidence: Evidence, name: str, number: int) -> bool:
    """Whether the name meant another tensor, a leaf that requires grad, when the value was made."""
    origin = evidence.origin(number)
    return any(
        is_leaf(evidence.tensor(each)) and evidence.origin(each) != origin for each in held(evidence, name, number)
    )


def update_of(evidence: Evidence, value: Value) -> Rebinding | None:
    """The statement that gave a leaf's name, after a backward pass, to this result that was computed from it."""
    made = evidence.origin(value.id)
    earlier = [root for each in passes(evidence) if each.at < made for root in each.roots]
    used = origins(evidence, earlier) & (ancestors(evidence.trace, [made]) - {made})
    for each in [each for found in rebindings(evidence).values() for each in found if each.value == made]:
        if any(evidence.origin(old) in used for old in held(evidence, each.name, made)):
            return each
    return None
