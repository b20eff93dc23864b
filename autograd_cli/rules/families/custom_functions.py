"""Rules about the backward() of a torch.autograd.Function that the program defines."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Edit, Severity
from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.rules.evidence.passage import Passage, is_zero
from autograd_cli.rules.evidence.several import gradients_of, others_of, several
from autograd_cli.rules.evidence.symptoms import places
from autograd_cli.rules.evidence.traits import Trait, has
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Node, TensorValues, Visit


@remembered
def _turns(evidence: Evidence) -> list[tuple[Passage, Visit, ast.FunctionDef]]:
    """The turns of nodes whose backward() the program wrote, with that; the first turn of each class."""
    found: dict[str, tuple[Passage, Visit, ast.FunctionDef]] = {}
    for passage in evidence.passages:
        for visit in passage.walk.visits:
            node = passage.nodes[visit.node]
            if node.name in found or evidence.trace.values[node.value].verb != "apply":
                continue
            method = evidence.text.method(node.name.removesuffix("Backward"), "backward")
            if method is not None:
                found[node.name] = passage, visit, method
    return list(found.values())


def _find_ignored(evidence: Evidence) -> Iterator[Diagnostic]:
    """What torch hands to backward() is not used in it, and something else than zeros is handed back."""
    for passage, visit, method in _turns(evidence):
        given = _given(method)
        read = {each.id for each in ast.walk(method) if isinstance(each, ast.Name)}
        edges = zip(passage.nodes[visit.node].next, visit.flows, strict=True)
        wrong = [child for child, flow in edges if child is not None and not _is_nothing(flow.gradient)]
        victims = _names_behind(evidence, passage, *wrong)
        answers = [each for each in ast.walk(method) if isinstance(each, ast.Return) and each.value is not None]
        if not given or read & {each.arg for each in given} or not victims or not answers or _are_ones(visit):
            continue
        first = given[0].arg
        span = evidence.text.span_of(answers[-1])
        yield Diagnostic(
            rule="backward-ignores-gradient",
            severity=Severity.WARNING,
            message=f"{gradients_of(victims)} wrong: `backward()` of {_class(passage.nodes[visit.node])} does not use "
            "the gradient that it is given",
            span=span,
            label=f"the same whatever {first} is",
            related=places((evidence.trace.values[passage.nodes[visit.node].value].span, "used here"), but=span),
            victim=victims[0],
            others=others_of(victims),
            observed=f"{victims[0]}.grad lacks the factor of all that comes after",
            fix=f"multiply by {first}: the chain rule",
            edits=_multiplied(evidence, answers[-1], first),
        )


def _given(method: ast.FunctionDef) -> list[ast.arg]:
    """The parameters of a backward() that the gradients come in: all but the first, which is the context."""
    given = [*method.args.posonlyargs, *method.args.args][1:]
    return given if method.args.vararg is None else [*given, method.args.vararg]


def _is_nothing(gradient: TensorValues | None) -> bool:
    return gradient is None or is_zero(gradient)


def _are_ones(visit: Visit) -> bool:
    """Whether only ones arrived, as at a loss: then nothing is left out."""
    arrived = [each for each in visit.arrived if each is not None]
    return all(each.values is not None and set(each.values) == {1.0} for each in arrived)


def _multiplied(evidence: Evidence, answer: ast.Return, given: str) -> tuple[Edit, ...]:
    """The answer for the only, or the first, operand times what backward() was given."""
    first = answer.value.elts[0] if isinstance(answer.value, ast.Tuple) and answer.value.elts else answer.value
    return () if first is None else (evidence.text.rewritten(first, f"{given} * {evidence.text.operand(first)}"),)


def _find_nothing(evidence: Evidence) -> Iterator[Diagnostic]:
    """backward() handed back None for an operand that leads to a leaf, to which no other way leads."""
    for passage, visit, method in _turns(evidence):
        node = passage.nodes[visit.node]
        edges = [edge for edge, flow in enumerate(visit.flows) if flow.gradient is None]
        nothing = {edge: child for edge in edges if (child := node.next[edge]) is not None}
        behind = _names_behind(evidence, passage, *nothing.values())
        victims = [name for name in behind if not evidence.has_gradient(name)]
        if not victims:
            continue
        answers = [each for each in ast.walk(method) if isinstance(each, ast.Return)]
        unrecorded = _differentiation(method)
        span = evidence.text.span_of(unrecorded or (answers[-1] if answers else method))
        pronoun, those = ("it", "its gradient") if len(victims) == 1 else ("them", "their gradients")
        fix = f"return {those} in that place; None is for what has none"
        yield Diagnostic(
            rule="backward-gives-none",
            severity=Severity.WARNING,
            message=f"{several(victims)} got no gradient: `backward()` of {_class(node)} gives None for {pronoun}",
            span=span,
            label=f"None for operand {min(nothing) + 1}"
            if unrecorded is None
            else "torch runs backward() with grad mode off: what is computed in it has no graph",
            related=places((evidence.trace.values[node.value].span, "used here"), but=span),
            victim=victims[0],
            others=others_of(victims),
            observed=f"{victims[0]}.grad is None",
            fix=fix
            if unrecorded is None
            else "compute it again under torch.enable_grad(), from detached copies that require grad",
        )
        return


def _differentiation(backward: ast.FunctionDef) -> ast.Call | None:
    """Where a backward() differentiates what it has computed itself, with grad mode off, as torch runs it."""
    calls = [each for each in ast.walk(backward) if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute)]
    if any(isinstance(each.func, ast.Attribute) and each.func.attr == "enable_grad" for each in calls):
        return None
    return next((each for each in calls if ast.unparse(each.func) in {"torch.autograd.grad", "autograd.grad"}), None)


def _find_saved_as_constant(evidence: Evidence) -> Iterator[Diagnostic]:
    """A pass that was recorded went through a backward() that uses what forward() computed without a graph."""
    for passage, visit, _ in _turns(evidence):
        node = passage.nodes[visit.node]
        method = evidence.text.method(_class(node), "forward")
        saved = [] if method is None else list(_intermediates(method))
        is_used = any(walk.start > passage.walk.start for walk in evidence.trace.walks)
        victims = _names_behind(evidence, passage, visit.node)
        if not saved or not victims or not (passage.walk.create_graph and is_used):
            continue
        span = evidence.text.span_of(saved[0])
        name = ast.unparse(saved[0])
        yield Diagnostic(
            rule="saved-as-constant",
            severity=Severity.WARNING,
            message=f"the second derivative lacks a part for {several(victims)}: `backward()` of {_class(node)} takes "
            f"{name} as a constant",
            span=span,
            label=f"computed in forward(), which torch does not record: {name} has no graph",
            related=places((evidence.trace.values[node.value].span, "used here"), (passage.walk.span, "recorded here")),
            victim=victims[0],
            others=others_of(victims),
            observed=f"the gradient of {victims[0]} in the later pass is wrong",
            fix=f"save only operands and results, and compute {name} again in backward()",
        )
        return


def _intermediates(forward: ast.FunctionDef) -> Iterator[ast.expr]:
    """What a forward() saves that is neither an operand nor a result, and that has a slope."""
    given = {each.arg for each in (*forward.args.posonlyargs, *forward.args.args)}
    returned = {
        each.id
        for answer in ast.walk(forward)
        if isinstance(answer, ast.Return) and answer.value is not None
        for each in _parts(answer.value)
        if isinstance(each, ast.Name)
    }
    assigned = {
        target.id: each.value
        for each in ast.walk(forward)
        if isinstance(each, ast.Assign)
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    for call in ast.walk(forward):
        match call:
            case ast.Call(func=ast.Attribute(attr="save_for_backward"), args=args):
                names = [each for each in args if isinstance(each, ast.Name) and each.id not in given | returned]
                yield from [each for each in names if (made := assigned.get(each.id)) and _has_slope(made)]


def _parts(answer: ast.expr) -> list[ast.expr]:
    return answer.elts if isinstance(answer, ast.Tuple) else [answer]


def _has_slope(made: ast.expr) -> bool:
    """Whether it may depend on the operands smoothly: not a comparison, an index or a step."""
    called = made.func.attr if isinstance(made, ast.Call) and isinstance(made.func, ast.Attribute) else ""
    is_flat = isinstance(made, ast.Compare | ast.Constant) or called.startswith("arg")
    return not is_flat and not has(called, Trait.STEP)


def _names_behind(evidence: Evidence, passage: Passage, *nodes: int) -> list[str]:
    ends = sorted({end for node in nodes for end in passage.behind(node)}, key=evidence.end_order)
    names = [evidence.end_name(end) for end in ends if evidence.has_name(end)]
    return list(dict.fromkeys(name for name in names if name is not None))


def _class(node: Node) -> str:
    return node.name.removesuffix("Backward")


RULES: tuple[Rule, ...] = (
    Rule(
        slug="backward-ignores-gradient",
        family=Family.ZERO,
        summary="The backward() of a torch.autograd.Function does not use the gradient that it is given.",
        why="backward() is one factor of the chain rule: it is given the gradient of the loss with respect to its "
        "result, and returns that with respect to its operand, the product of both. If it returns only its own "
        "derivative, all that comes after it is left out.",
        cure="Multiply by what it is given: `return grad_output * derivative`. torch.autograd.gradcheck finds it.",
        find=_find_ignored,
        needs_walks=True,
    ),
    Rule(
        slug="backward-gives-none",
        family=Family.CUT,
        summary="The backward() of a torch.autograd.Function returns None for an operand that is to get a gradient.",
        why="None says that an operand has no gradient, as an integer or a setting. Torch takes it for a fact, and "
        "the parameter behind it gets nothing, without an error.",
        cure="Compute the gradient of that operand in backward(), and return it in its place.",
        find=_find_nothing,
        needs_walks=True,
    ),
    Rule(
        slug="saved-as-constant",
        family=Family.CUT,
        summary="A second derivative lacks a part: backward() of a torch.autograd.Function uses a saved intermediate.",
        why="Torch does not record what forward() of a Function computes. Operands and results that it saves are known "
        "to the graph again when backward() is differentiated itself (create_graph=True); an intermediate is only "
        "numbers, and the second derivative through it is left out, without an error.",
        cure="Save operands and results only, and compute the intermediate again in backward(); or return it from "
        "forward() as one more result. torch.autograd.gradgradcheck finds it.",
        find=_find_saved_as_constant,
        needs_walks=True,
    ),
)
