"""A leaf that only an expression held, as in `nn.Parameter(w).double()`: what has a name is the result."""

from __future__ import annotations

import ast

from autograd_cli.diagnostic import Edit
from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.rules.evidence.graph import is_tracked
from autograd_cli.trace import Node, Value

LEAF_LAST = "make the leaf last: nn.Parameter(…) around the whole"


def made_inside(evidence: Evidence, leaf: int) -> Value | None:
    """The result of the expression that a leaf was made in, if nothing else was computed from the leaf."""
    values = evidence.trace.values
    if any(is_tracked(evidence.trace, each) for each in values[leaf].operands):
        return None  # a cut, which has a rule of its own
    made, node = values[leaf], next((each for each in evidence.trace.nodes if each.leaf == leaf), None)
    while node is not None and (user := _only_user(evidence, node, made)) is not None:
        made, node = values[user.value], user
    return None if made.id == leaf or made.id in evidence.trace.roots else made


def _only_user(evidence: Evidence, node: Node, value: Value) -> Node | None:
    """The one node that leads to a node, if its value is that of an expression around the value of the other."""
    users = _users(evidence).get(node.id, [])
    outer = evidence.trace.values[users[0].value].span if len(users) == 1 else None
    inner = value.span
    return users[0] if inner is not None and outer is not None and outer != inner and outer.holds(inner) else None


@remembered
def _users(evidence: Evidence) -> dict[int, list[Node]]:
    """The nodes that lead to each node: torch's graph is there where a long run has forgotten the operands."""
    found: dict[int, list[Node]] = {}
    for node in evidence.trace.nodes:
        for child in node.next:
            if child is not None:
                found.setdefault(child, []).append(node)
    return found


def is_made_of_hidden_leaf(evidence: Evidence, result: Value) -> bool:
    """Whether a result is that of an expression in which a leaf was made."""
    leaves = [node.leaf for node in evidence.nodes_below([result.id]) if node.leaf is not None]
    return any((made := made_inside(evidence, leaf)) is not None and made.id == result.id for leaf in leaves)


def leaf_last(evidence: Evidence, made: Value) -> tuple[Edit, ...]:
    """`nn.Parameter(w).double()` as `nn.Parameter(w.double())`."""
    text = evidence.text
    match text.call_at(made.span):
        case ast.Call(func=ast.Attribute(value=ast.Call(args=[inner]) as parameter, attr=method)) as call:
            if not parameter.keywords and not isinstance(inner, ast.Starred):
                rest = text.cut(call).removeprefix(text.cut(call.func))
                whole = f"{text.cut(parameter.func)}({text.operand(inner)}.{method}{rest})"
                return (text.rewritten(call, whole),)
    return ()
