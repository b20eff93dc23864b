"""Rewrites other ways to write what is in the subset: `"…{}".format(x)` is an f-string, `@no_grad` a call."""

from __future__ import annotations

import ast
import itertools
import string
from collections.abc import Sequence

_CONVERSIONS = {None: -1, "s": ord("s"), "r": ord("r"), "a": ord("a")}


def rewrite(tree: ast.Module) -> None:
    """Rewrite a tree in place, without recursion. Every new node has the place of the one that it stands for."""
    nodes = list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = [_called(decorator) for decorator in node.decorator_list]
    if not any(isinstance(node, ast.Attribute) and node.attr == "format" for node in nodes):
        return
    for node in reversed(nodes):  # what is inside first
        for name, child in ast.iter_fields(node):
            if isinstance(child, ast.Call):
                setattr(node, name, _formatted(child) or child)
            elif isinstance(child, list):
                child[:] = [(_formatted(each) or each) if isinstance(each, ast.Call) else each for each in child]


def _called(decorator: ast.expr) -> ast.expr:
    """`@torch.no_grad` as `@torch.no_grad()`, which is the same."""
    if isinstance(decorator, ast.Name | ast.Attribute):
        return ast.copy_location(ast.Call(func=decorator, args=[], keywords=[]), decorator)
    return decorator


def _formatted(call: ast.Call) -> ast.expr | None:
    """The f-string of `"…".format(…)`; None where the text is not written out, or holds more than plain fields."""
    match call.func:
        case ast.Attribute(value=ast.Constant(value=str() as text), attr="format"):
            return _f_string(text, call)
    return None


def _f_string(text: str, call: ast.Call) -> ast.JoinedStr | None:
    if any(isinstance(argument, ast.Starred) for argument in call.args) or None in [each.arg for each in call.keywords]:
        return None
    try:
        pieces = list(string.Formatter().parse(text))
    except ValueError:
        return None
    arguments = {str(index): argument for index, argument in enumerate(call.args)}
    arguments |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
    values: list[ast.expr] = []
    used: list[str] = []
    numbers = itertools.count()
    if "" in (fields := {field for _, field, _, _ in pieces}) and any(field and field.isdecimal() for field in fields):
        return None
    for literal, field, specification, conversion in pieces:
        if literal:
            values.append(ast.copy_location(ast.Constant(literal), call))
        if field is None:
            continue
        name = field or str(next(numbers))
        if name not in arguments or conversion not in _CONVERSIONS or "{" in (specification or ""):
            return None
        used.append(name)
        values.append(_field(arguments[name], specification, _CONVERSIONS[conversion]))
    if not _keeps_order(used, arguments):
        return None
    return ast.copy_location(ast.JoinedStr(values), call)


def _field(value: ast.expr, specification: str | None, conversion: int) -> ast.expr:
    spec = ast.JoinedStr([ast.copy_location(ast.Constant(specification), value)]) if specification else None
    if spec is not None:
        ast.copy_location(spec, value)
    return ast.copy_location(ast.FormattedValue(value, conversion, spec), value)


def _keeps_order(used: Sequence[str], arguments: dict[str, ast.expr]) -> bool:
    """Whether the f-string evaluates each argument that does something once, and in the order of the call."""
    acting = [name for name, argument in arguments.items() if not isinstance(argument, ast.Name | ast.Constant)]
    return [name for name in used if name in acting] == acting
