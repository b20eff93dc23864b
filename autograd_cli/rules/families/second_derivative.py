"""The rule of a second derivative that is zero, since what was differentiated is made of straight lines."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Edit, Severity, as_edits
from autograd_cli.rules.causes.second_derivative import flat
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.symptoms import places
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Kind, Value


def _find_zero_second_derivative(evidence: Evidence) -> Iterator[Diagnostic]:
    for found in flat(evidence):
        place = found.made or found.use
        names = [name for each in (found.answer, *_parts(evidence, found.answer)) for name in evidence.names(each.id)]
        called = names[-1] if names else evidence.piece(found.call.span)
        yield Diagnostic(
            rule="zero-second-derivative",
            severity=Severity.WARNING,
            message=f"{called} is zero: {found.function} is made of straight lines, so it has no second derivative",
            span=place.span,
            label=f"made of straight lines: the derivative of {found.function} is constant on each",
            related=places((found.call.span, "the derivative of a derivative, zero everywhere"), but=place.span),
            victim=called,
            others=tuple(dict.fromkeys(names[:-1])),
            observed=f"{called} is zero",
            fix="use a function that is curved, such as tanh or softplus",
            edits=as_edits(_curved(evidence, place)),
        )


def _parts(evidence: Evidence, answer: Value) -> list[Value]:
    """What was taken out of it by an index."""
    return [user for user in evidence.users.get(answer.id, ()) if user.kind is Kind.INDEX]


def _curved(evidence: Evidence, place: Value) -> Edit | None:
    """Tanh in place of the function that is not curved."""
    call = evidence.text.call_at(place.span)
    if call is None:
        return None
    match call.func:
        case ast.Attribute(attr=name) as func if place.function == f"torch.nn.{name}":
            return evidence.text.replaced(evidence.text.span_of(call), f"{evidence.text.cut(func.value)}.Tanh()")
        case ast.Name() if (place.function or "").startswith("torch.nn."):
            return evidence.text.replaced(evidence.text.span_of(call), "torch.nn.Tanh()")
        case ast.Attribute(value=ast.Name(id=module)) as func if module == "torch":
            return evidence.text.replaced(evidence.text.span_of(func), "torch.tanh")
        case ast.Attribute() as func if place.kind is Kind.METHOD:
            return evidence.text.replaced(evidence.text.span_of(func), f"{evidence.text.cut(func.value)}.tanh")
    return None


RULES: tuple[Rule, ...] = (
    Rule(
        slug="zero-second-derivative",
        family=Family.ZERO,
        summary="A second derivative is zero everywhere: the function is made of straight lines, as a relu network is.",
        why="relu, leaky_relu, abs and hardtanh are straight but for their kinks. The derivative of a network of them "
        "is constant on each piece, so the derivative of the derivative with respect to the input is zero, and what a "
        "loss multiplies by it gets no gradient.",
        example="""
            x = torch.tensor([-1., 2.], requires_grad=True)
            y = torch.relu(3 * x) * x.detach()
            (dy,) = torch.autograd.grad(y.sum(), x, create_graph=True)
            (d2y,) = torch.autograd.grad(dy.sum(), x)
        """,
        cure="Use an activation that is curved, such as tanh, softplus or sin, where a loss needs second derivatives.",
        find=_find_zero_second_derivative,
        needs_walks=True,
        generality=2,
        advice="use a function that is curved",
    ),
)
