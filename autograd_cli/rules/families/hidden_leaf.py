"""The rule of a leaf that only an expression held: the variable is what was made of it, and nobody trains the leaf."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Edit, Severity
from autograd_cli.rules.causes import accumulation
from autograd_cli.rules.causes.lost import given
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.graph import is_tracked
from autograd_cli.rules.evidence.optimizers import steps_of
from autograd_cli.rules.evidence.symptoms import is_result, places
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Value


def _find_hidden_leaf(evidence: Evidence) -> Iterator[Diagnostic]:
    steps = steps_of(evidence)
    if not steps or evidence.trace.refusal is not None:
        return
    trained = {evidence.origin(each) for step in steps for each in step.operands}
    held = {variable.leaf for variable in evidence.trace.variables if variable.is_held}
    found = {leaf: made for leaf in sorted(given(evidence) - held) if (made := _made_of(evidence, leaf)) is not None}
    count = Counter(made.span for made in found.values())
    for leaf, made in found.items():
        is_used = evidence.names(leaf) or evidence.origin(leaf) in trained or accumulation.updates_of(evidence, leaf)
        if is_used or count[made.span] > 1:  # one of each round is data, and not to learn
            continue
        name = _name(evidence, made)
        yield Diagnostic(
            rule="hidden-leaf",
            severity=Severity.WARNING,
            message=f"{name} never learns: it is the result of `{evidence.piece(made.span)}`, and not the leaf",
            span=made.span,
            label="the leaf is inside, and no name and no optimizer has it",
            related=places((steps[-1].span, "changes other parameters"), but=made.span),
            victim=name,
            observed=f"{name} never changes",
            fix="make the leaf last: nn.Parameter(…) around the whole",
            edits=_last(evidence, made),
        )
        return


def _made_of(evidence: Evidence, leaf: int) -> Value | None:
    """The one result that was computed from a leaf, in the expression that made the leaf."""
    users = [each for each in evidence.users.get(leaf, ()) if not each.is_consequence]
    inner = evidence.trace.values[leaf].span
    is_cut = any(is_tracked(evidence.trace, each) for each in evidence.trace.values[leaf].operands)
    if is_cut or len(users) != 1 or inner is None or users[0].span is None or users[0].span == inner:
        return None
    return users[0] if is_result(users[0].tensor) and users[0].span.holds(inner) else None


def _name(evidence: Evidence, made: Value) -> str:
    """What the program calls the result: its name, or for an attribute that of its module, by another of its layers."""
    names = evidence.names(made.id)
    match evidence.text.statement_around(made.span):
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=attribute)]) as statement if not names:
            others = [each for each in evidence.text.block_of(statement) if each is not statement]
            siblings = [target.attr for each in others for target in _attributes(each)]
            for variable in evidence.trace.variables:
                for sibling in siblings:
                    owner, found, _ = f"{variable.name}.".partition(f".{sibling}.")
                    if found:
                        return f"{owner}.{attribute}"
            return f"self.{attribute}"
    return names[0] if names else evidence.called(made.id)


def _attributes(statement: ast.stmt) -> list[ast.Attribute]:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return [each for each in targets if isinstance(each, ast.Attribute)]


def _last(evidence: Evidence, made: Value) -> tuple[Edit, ...]:
    """`nn.Parameter(w).double()` as `nn.Parameter(w.double())`."""
    text = evidence.text
    match text.call_at(made.span):
        case ast.Call(func=ast.Attribute(value=ast.Call(args=[inner]) as parameter, attr=method)) as call:
            if not parameter.keywords and not any(isinstance(each, ast.Starred) for each in parameter.args):
                rest = text.cut(call).removeprefix(text.cut(call.func))
                whole = f"{text.cut(parameter.func)}({text.operand(inner)}.{method}{rest})"
                return (text.rewritten(call, whole),)
    return ()


RULES: tuple[Rule, ...] = (
    Rule(
        slug="hidden-leaf",
        family=Family.LEAF,
        summary="A leaf was made inside of an expression: its gradient arrives there, where no optimizer finds it.",
        why="A cast, a copy to another device or a product of a leaf is a result and not a leaf. A module does not "
        "register it as a parameter, and parameters() does not list it. The leaf gets the gradients, but nothing has "
        "it.",
        cure="Make the leaf last, of the finished numbers: `nn.Parameter(w.double())`, and not "
        "`nn.Parameter(w).double()`.",
        find=_find_hidden_leaf,
        generality=1,
    ),
)
