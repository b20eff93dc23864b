"""The rule of a backward() that a class of the program has, and that torch never calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from autograd_cli.diagnostic import Diagnostic, Severity, Span
from autograd_cli.rules.causes.lost import given_behind
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.graph import ancestors
from autograd_cli.rules.evidence.optimizers import model_names
from autograd_cli.rules.evidence.several import gradients_of, others_of
from autograd_cli.rules.evidence.symptoms import places
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Class:
    """A class of the program with a forward() and a backward()."""

    name: str
    bases: list[str]
    forward: Span
    backward: Span
    heading: Span


def _find_never_called(evidence: Evidence) -> Iterator[Diagnostic]:
    lines = {step.span.line for step in evidence.trace.steps}
    for each in _classes(evidence):
        value = _result(evidence, each.forward)
        has_run = any(each.backward.line < line <= each.backward.end_line for line in lines)
        victims = [] if value is None or has_run else given_behind(evidence, value.id)
        if value is None or not victims:
            continue
        names = model_names(evidence, victims)
        is_function = any(base.endswith("Function") for base in each.bases)
        yield Diagnostic(
            rule="backward-never-called",
            severity=Severity.WARNING,
            message=f"torch never calls `backward()` of {each.name}: {gradients_of(names)} what follows from forward()",
            span=each.heading,
            label="forward() of it is called, and not apply()" if is_function else "no torch.autograd.Function",
            related=places((value.span, "this is what torch records, and differentiates"), but=each.heading),
            victim=names[0],
            others=others_of(names),
            observed=f"{names[0]}.grad is not what {each.name} says",
            fix=f"call {each.name}.apply(…)"
            if is_function
            else "derive it from torch.autograd.Function, with static methods that are given ctx, and call its apply()",
        )
        return


def _classes(evidence: Evidence) -> Iterator[_Class]:
    """The classes that have both methods; not those of frameworks, which call a backward() with the loss."""
    for _, node in evidence.text.statements():
        if not isinstance(node, ast.ClassDef):
            continue
        methods = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
        bases = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
        if {"forward", "backward"} <= methods.keys() and not {"Module", "Function"}.isdisjoint(bases):
            spans = [evidence.text.span_of(methods[name]) for name in ("forward", "backward")]
            yield _Class(
                name=node.name,
                bases=bases,
                forward=spans[0],
                backward=spans[1],
                heading=evidence.text.heading_of(methods["backward"]),
            )


def _result(evidence: Evidence, forward: Span) -> Value | None:
    """The last value that a backward pass came by, and that was computed in forward()."""
    behind = ancestors(evidence.trace, evidence.trace.roots)
    made = [each for each in evidence.trace.values if each.span is not None and forward.holds(each.span)]
    tracked = [each for each in made if each.id in behind and each.tensor is not None and each.tensor.requires_grad]
    return tracked[-1] if tracked else None


RULES: tuple[Rule, ...] = (
    Rule(
        slug="backward-never-called",
        family=Family.BACKWARD,
        summary="A class has a `backward()` of its own, but torch differentiates its `forward()` instead.",
        why="torch records the operations that forward() runs, and goes back through those. It only calls a backward() "
        "of yours for a subclass of `torch.autograd.Function` whose `apply` was called: in an `nn.Module` it is a "
        "method like any other.",
        cure="Write a `torch.autograd.Function` with static methods `forward(ctx, x)` and `backward(ctx, grad)`, and "
        "call its `apply` in the forward() of the module.",
        find=_find_never_called,
    ),
)
