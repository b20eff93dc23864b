"""Rules about frozen parameters in an optimizer: one that still moves, and an optimizer that has no others."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Edit, Severity, Span
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.optimizers import (
    class_of,
    is_moved,
    model_names,
    optimizer_of,
    parameters_of,
    step_calls,
    steps_of,
)
from autograd_cli.rules.evidence.passage import side_by_side
from autograd_cli.rules.evidence.several import others_of, several
from autograd_cli.rules.evidence.symptoms import is_leaf, is_switch, places
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Hooked, Value


def _find_frozen_moves(evidence: Evidence) -> Iterator[Diagnostic]:
    found: dict[int, Value] = {}
    for step in steps_of(evidence):
        if step.previous is None or step.tensor is None or step.tensor.requires_grad or not step.tensor.is_leaf:
            continue
        if is_moved(evidence, step):
            found.setdefault(evidence.origin(step.id), step)
    if not found:
        return
    first = next(iter(found.values()))
    switch = _switch_of(evidence, first)
    names = model_names(evidence, found)
    span = first.span if switch is None else switch.span
    optimizer = class_of(first)
    verb, pronoun = ("is", "it") if len(names) == 1 else ("are", "them")
    yield Diagnostic(
        rule="frozen-moves",
        severity=Severity.WARNING,
        message=f"{several(names)} {verb} frozen, and the step of {optimizer} still moves {pronoun}: .grad is not None",
        span=span,
        label="no gradient from here on, but the old .grad stays",
        related=places((first.span, "moved here, by momentum or weight decay"), but=span),
        victim=names[0],
        others=others_of(names),
        observed=f"{names[0]} changes",
        fix="set .grad to None when it is frozen: the optimizer leaves out what has no gradient",
        edits=() if switch is None else _without_gradient(evidence, switch),
    )


def _find_masked_moves(evidence: Evidence) -> Iterator[Diagnostic]:
    """Elements whose gradient a hook makes zero, and which the weight decay of the optimizer still moves."""
    hooked = {leaf: each for leaf, each in evidence.hooked_leaves() if each.zeroed and _is_masked(evidence, each)}
    found = [
        step
        for step in steps_of(evidence)
        if step.previous is not None
        and step.setting("weight_decay")
        and (each := hooked.get(evidence.origin(step.id))) is not None
        and not _is_pruned(evidence, each, step)
    ]
    if not found:
        return
    step = found[0]
    made_zero = evidence.trace.values[hooked[evidence.origin(step.id)].returned]
    optimizer = optimizer_of(evidence, step)
    names = model_names(evidence, {evidence.origin(each.id) for each in found})
    span = step.span if optimizer is None else optimizer.span
    yield Diagnostic(
        rule="frozen-moves",
        severity=Severity.WARNING,
        message=f"what a hook freezes of {several(names)} still moves: the step of "
        f"{class_of(step)} takes weight_decay = {step.setting('weight_decay'):g} of it",
        span=span,
        label="weight decay needs no gradient",
        related=places(
            (made_zero.span, "makes a part of the gradient zero"),
            (step.span, "shrinks that part, too"),
            but=span,
        ),
        victim=names[0],
        others=others_of(names),
        observed=f"{names[0]} changes where its gradient is zero",
        fix="weight_decay=0 for this parameter, in a group of its own",
    )


def _is_masked(evidence: Evidence, hooked: Hooked) -> bool:
    """Whether a hook left each element as it was, or made it zero, as far as they are known."""
    before, after = evidence.tensor(hooked.handed), evidence.tensor(hooked.returned)
    return all(now in {0, was} for was, now in side_by_side(before, after))


def _is_pruned(evidence: Evidence, hooked: Hooked, step: Value) -> bool:
    """Whether what a hook freezes is 0 itself, as far as it is known: then weight decay takes nothing of it."""
    before, after = evidence.tensor(hooked.handed), evidence.tensor(hooked.returned)
    masked = [weight for was, now, weight in side_by_side(before, after, step.tensor) if was and not now]
    return bool(masked) and not any(masked)


def _find_moves(evidence: Evidence) -> Iterator[Diagnostic]:
    yield from _find_frozen_moves(evidence)
    yield from _find_masked_moves(evidence)


def _switch_of(evidence: Evidence, step: Value) -> Value | None:
    """What switched requires_grad of the parameter off: the last time before the step."""
    origin = evidence.origin(step.id)
    switches = [
        value
        for value in evidence.trace.values[: step.id]
        if (is_switch(value) and evidence.origin(value.operands[0]) == origin)
        or (value.function == "torch.nn.Module.requires_grad_" and evidence.origin(value.id) == origin)
    ]
    return switches[-1] if switches else None


def _without_gradient(evidence: Evidence, switch: Value) -> tuple[Edit, ...]:
    """`p.grad = None` behind `p.requires_grad = …`."""
    statement = evidence.text.statement_around(switch.span)
    is_of_tensor = evidence.tensor(switch.operands[0]) is not None
    match statement:
        case (
            ast.Assign(targets=[ast.Attribute(value=owner)])
            | ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr="requires_grad_")))
        ) if is_of_tensor:
            return (evidence.text.after(evidence.text.span_of(statement), f"{evidence.text.cut(owner)}.grad = None"),)
    return ()


def _find_all_frozen(evidence: Evidence) -> Iterator[Diagnostic]:
    """An optimizer of which all that it has, or all that is shared by a shallow copy, is frozen in every known step."""
    taken: dict[int, list[Value]] = {}
    for step in step_calls(evidence):
        optimizer = optimizer_of(evidence, step)
        if optimizer is not None:
            taken.setdefault(optimizer.id, []).append(step)
    for number, each in taken.items():
        own = {operand for step in each for operand in parameters_of(evidence, step)}
        live = {evidence.origin(operand) for operand in own if is_leaf(evidence.tensor(operand))}
        frozen = {evidence.origin(operand) for operand in own} - live
        if frozen and (not live or _shallow_copy(evidence) is not None):
            yield _frozen(evidence, evidence.trace.values[number], each[-1], frozen, is_all=not live)
            return


def _frozen(evidence: Evidence, optimizer: Value, step: Value, leaves: set[int], *, is_all: bool) -> Diagnostic:
    names = model_names(evidence, leaves)
    copied = _shallow_copy(evidence)
    span = optimizer.span if copied is None else evidence.text.span_of(copied)
    label = "all that it has is frozen"
    whole = "all that this optimizer has is" if is_all else "it is" if len(names) == 1 else "they are"
    if copied is not None:
        label = "a shallow copy: its parameters are those of the original, and are frozen with it"
    return Diagnostic(
        rule="frozen-in-optimizer",
        severity=Severity.WARNING,
        message=f"no step changes {several(names)}: {whole} frozen (requires_grad=False)",
        span=span,
        label=label,
        related=places(
            (_switch_in_text(evidence), "frozen here"),
            (optimizer.span, "the optimizer"),
            (step.span, "changes nothing"),
            but=span,
        ),
        victim=names[0],
        others=others_of(names),
        observed=f"{names[0]} never changes",
        fix="copy.deepcopy(…) copies the parameters, too" if copied else "freeze only what is not to be trained",
        edits=() if copied is None else (_deep(evidence, copied),),
    )


def _shallow_copy(evidence: Evidence) -> ast.Call | None:
    """The call of copy.copy, where the program has one."""
    is_imported = any(
        isinstance(node, ast.ImportFrom) and node.module == "copy" and any(each.name == "copy" for each in node.names)
        for _, node in evidence.text.statements()
    )
    called = {"copy.copy", *(["copy"] if is_imported else [])}
    calls = [node for node in evidence.text.expressions() if isinstance(node, ast.Call)]
    return next((call for call in calls if ast.unparse(call.func) in called), None)


def _deep(evidence: Evidence, copied: ast.Call) -> Edit:
    return evidence.text.rewritten(copied.func, "copy.deepcopy")


def _switch_in_text(evidence: Evidence) -> Span | None:
    """The first place that sets requires_grad to False; in a long run, what it did there is forgotten."""
    for span, statement in evidence.text.statements():
        match statement:
            case ast.Assign(targets=[ast.Attribute(attr="requires_grad")], value=ast.Constant(value=False)):
                return span
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr="requires_grad_"), args=[ast.Constant(value=False)])):
                return span
    return None


RULES: tuple[Rule, ...] = (
    Rule(
        slug="frozen-moves",
        family=Family.OPTIMIZER,
        summary="A parameter was frozen, or a part of it by a hook, and the optimizer still moves it.",
        why="requires_grad = False stops new gradients. The old `.grad` stays, if only as zeros, and an optimizer "
        "changes every parameter whose `.grad` is not None: by its momentum, its weight decay, or the old gradient "
        "itself. A hook that makes the gradient of some rows zero does not freeze them either: weight decay shrinks "
        "them in each step.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            v = torch.tensor([1., 2.], requires_grad=True)
            optimizer = torch.optim.SGD([w, v], lr=0.1, momentum=0.9)
            (w * v).sum().backward()
            optimizer.step()
            w.requires_grad = False
            (w * v).sum().backward()
            optimizer.step()
        """,
        cure="Set its `.grad` to None, too (`zero_grad()` does; `zero_grad(set_to_none=False)` does not), or make the "
        "optimizer anew without it.",
        find=_find_moves,
        generality=4,
    ),
    Rule(
        slug="frozen-in-optimizer",
        family=Family.OPTIMIZER,
        summary="All parameters of an optimizer are frozen: its step changes nothing.",
        why="requires_grad belongs to the parameter and not to the name or the module that it is reached by. Who "
        "freezes a target network that shares its parameters with the online one (a shallow copy) freezes both.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            v = torch.tensor([1., 2.], requires_grad=True)
            optimizer = torch.optim.SGD([w], lr=0.1)
            w.requires_grad_(False)
            (w * v).sum().backward()
            optimizer.step()
        """,
        cure="Freeze a copy, `copy.deepcopy(net)`, or only what is not to be trained.",
        find=_find_all_frozen,
    ),
)
