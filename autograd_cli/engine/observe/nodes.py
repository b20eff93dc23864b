"""Pieces of syntax trees that rewriting builds, and what it needs to know of the user's own."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TypeVar

from autograd_cli.engine.observe import helpers

_Node = TypeVar("_Node", bound=ast.AST)


def entered(place: int, names: Sequence[str]) -> ast.expr:
    """The call that begins a function, with the values of its parameters."""
    return ast.Call(func=ast.Name(helpers.ENTER, ast.Load()), args=[ast.Constant(place), values_of(names)], keywords=[])


def values_of(names: Sequence[str]) -> ast.expr:
    """An expression for the tuple of the values of variables."""
    return ast.Tuple(elts=[ast.Name(name, ast.Load()) for name in names], ctx=ast.Load())


def parameters(arguments: ast.arguments) -> tuple[str, ...]:
    """The names of the parameters of a function."""
    rest = [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
    plain = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    return tuple(each.arg for each in (*plain, *rest))


def stored(target: ast.AST) -> tuple[str, ...]:
    """The variables that a target binds."""
    found = (each.id for each in ast.walk(target) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store))
    return tuple(dict.fromkeys(found))


def copied(node: ast.expr) -> ast.expr:
    """The same variable or path, to be read at another place of the tree."""
    if isinstance(node, ast.Attribute):
        return ast.copy_location(ast.Attribute(copied(node.value), node.attr, ast.Load()), node)
    assert isinstance(node, ast.Name)
    return ast.copy_location(ast.Name(node.id, ast.Load()), node)


def placed(node: _Node, at: ast.AST) -> _Node:
    """Give what was built the place of a node of the user's, where it has none of its own."""
    pending: list[ast.AST] = [node]
    while pending:
        each = pending.pop()
        if isinstance(each, ast.expr | ast.stmt) and not hasattr(each, "lineno"):
            ast.copy_location(each, at)
            pending.extend(ast.iter_child_nodes(each))
    return node
