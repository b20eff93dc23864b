"""The rule of one network under two names, of which one is to be a network apart: a target, a teacher."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Severity
from autograd_cli.rules.causes.lost import given
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.graph import ancestors
from autograd_cli.rules.evidence.optimizers import model_names
from autograd_cli.rules.evidence.several import others_of
from autograd_cli.rules.evidence.symptoms import is_leaf, places
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Kind, Value

_COPY = re.compile(r"target|teacher|frozen|reference|(^|_)(ema|old|ref|momentum)(_|$)")  # what is to be a network apart


def _find_same_network(evidence: Evidence) -> Iterator[Diagnostic]:
    trace = evidence.trace
    roots = [root for backward in trace.backwards for root in backward.roots]
    used = ancestors(trace, roots)
    names: dict[int, dict[str, Value]] = {}
    for value in trace.values:
        name = _called_by(evidence, value) if value.kind is Kind.MODULE and value.id in used else None
        for each in value.operands if name else ():
            if name is not None and trace.values[each].tensor is None:
                names.setdefault(each, {}).setdefault(name, value)
    for uses in names.values():
        copies = [name for name in uses if _COPY.search(name)]
        others = [name for name in uses if name not in copies]
        if copies and others:
            yield _same_network(evidence, copies[0], others[0], uses)
            return


def _same_network(evidence: Evidence, copy: str, other: str, uses: dict[str, Value]) -> Diagnostic:
    bound = next((step.span for step, _ in evidence.bindings(copy)), None)
    assigned = [
        value.span
        for value in evidence.trace.values
        if value.kind is Kind.ASSIGNMENT and (value.function or "").endswith(f".{copy}")
    ]
    span = bound or next(iter(assigned), uses[copy].span)
    tensor = uses[copy].tensor
    is_tracked = tensor is not None and tensor.requires_grad
    through = "the gradient goes through both, and " if is_tracked else ""
    leaves = [each for each in uses[other].operands if is_leaf(evidence.tensor(each))]
    names = [evidence.called(evidence.origin(each)) for each in leaves]
    return Diagnostic(
        rule="same-network",
        severity=Severity.WARNING if is_tracked else Severity.NOTE,
        message=f"{copy} is {other} itself, and not a copy: {through}they never differ",
        span=span,
        label="another name for the same network",
        related=places((uses[copy].span, "called here"), (uses[other].span, "and here"), but=span),
        victim=names[0] if names else other,
        others=others_of(names),
        observed=f"{copy} changes with {other}",
        fix=f"{copy} = copy.deepcopy({other}), and call it under torch.no_grad()",
    )


def _find_shallow_copy(evidence: Evidence) -> Iterator[Diagnostic]:
    for value in evidence.trace.values:
        if value.function != "copy.copy":
            continue
        match evidence.text.statement_around(value.span):
            case ast.Assign(
                targets=[ast.Name(id=copy) | ast.Attribute(attr=copy)],
                value=ast.Call(args=[ast.Name(id=other) | ast.Attribute(attr=other)]) as call,
            ) if _COPY.search(copy):
                names = [
                    name
                    for name in model_names(evidence, given(evidence))
                    if not {copy, other}.isdisjoint(name.split(".")[:-1])
                ]
                if names:
                    yield _shallow(evidence, copy, other, call, names)
                    return


def _shallow(evidence: Evidence, copy: str, other: str, call: ast.Call, names: list[str]) -> Diagnostic:
    func = call.func
    return Diagnostic(
        rule="same-network",
        severity=Severity.WARNING,
        message=f"{copy} has the parameters of {other} themselves: the two never differ",
        span=evidence.text.span_of(call),
        label="copies the module, and not what it holds",
        victim=names[0],
        others=others_of(names),
        observed=f"{copy} changes with {other}",
        fix="copy.deepcopy()",
        edits=(evidence.text.rewritten(func, f"{evidence.text.cut(func.value)}.deepcopy"),)
        if isinstance(func, ast.Attribute)
        else (),
    )


def _find(evidence: Evidence) -> Iterator[Diagnostic]:
    shallow = list(_find_shallow_copy(evidence))
    yield from shallow or _find_same_network(evidence)


def _called_by(evidence: Evidence, value: Value) -> str | None:
    """The name by which the program calls a module, without what it is an attribute of."""
    call = evidence.text.call_at(value.span)
    match None if call is None else call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return None


RULES: tuple[Rule, ...] = (
    Rule(
        slug="same-network",
        family=Family.OPTIMIZER,
        summary="What is to be a network apart, such as a target or a teacher, is another name for the same one.",
        why="`target = net` makes no copy. Both change together, so their difference says nothing, and the gradient of "
        "the loss flows through the target, too.",
        example="""
            net = nn.Linear(2, 1)
            target_net = net
            loss = (net(torch.ones(2)) - 0.9 * target_net(torch.zeros(2))).pow(2).sum()
            loss.backward()
        """,
        cure="Make a second network with the same numbers, `copy.deepcopy(net)` or `load_state_dict`, and compute the "
        "target under `torch.no_grad()`.",
        find=_find,
        generality=4,
    ),
)
