"""Python's operators: which function each is, and what they do, within bounds, to values that are not tensors."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any, TypeAlias

import torch

from autograd_cli.engine.interpret import texts
from autograd_cli.engine.values import type_name
from autograd_cli.limits import Limits, limit_reached

Function: TypeAlias = Callable[..., Any]

BINARY: dict[type[ast.operator], tuple[str, Function]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.FloorDiv: ("//", operator.floordiv),
    ast.Mod: ("%", operator.mod),
    ast.Pow: ("**", operator.pow),
    ast.MatMult: ("@", operator.matmul),
    ast.BitAnd: ("&", operator.and_),
    ast.BitOr: ("|", operator.or_),
    ast.BitXor: ("^", operator.xor),
    ast.LShift: ("<<", operator.lshift),
    ast.RShift: (">>", operator.rshift),
}
IN_PLACE: dict[type[ast.operator], tuple[str, Function]] = {
    ast.Add: ("+=", operator.iadd),
    ast.Sub: ("-=", operator.isub),
    ast.Mult: ("*=", operator.imul),
    ast.Div: ("/=", operator.itruediv),
    ast.FloorDiv: ("//=", operator.ifloordiv),
    ast.Mod: ("%=", operator.imod),
    ast.Pow: ("**=", operator.ipow),
    ast.MatMult: ("@=", operator.imatmul),
    ast.BitAnd: ("&=", operator.iand),
    ast.BitOr: ("|=", operator.ior),
    ast.BitXor: ("^=", operator.ixor),
    ast.LShift: ("<<=", operator.ilshift),
    ast.RShift: (">>=", operator.irshift),
}
UNARY: dict[type[ast.unaryop], tuple[str, Function]] = {
    ast.USub: ("-", operator.neg),
    ast.UAdd: ("+", operator.pos),
    ast.Invert: ("~", operator.invert),
    ast.Not: ("not", operator.not_),
}
COMPARISONS: dict[type[ast.cmpop], tuple[str, Function]] = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}


def is_joining(op: str, left: object, right: object) -> bool:
    """Whether an operator makes a text or sequence where one side is a tensor: `"%d" % t`, `[0] * t`."""
    op = op.removesuffix("=")
    if op == "%":
        return isinstance(left, str)
    return op == "*" and any(isinstance(each, str | tuple | list) for each in (left, right))


def joined(op: str, left: Any, right: Any, limits: Limits) -> str | list[Any] | tuple[Any, ...] | None:  # noqa: ANN401 - payloads of boxes
    """The text or sequence that an operator makes of texts and sequences; None for numbers, whose size it checks.

    Raises:
        TypeError: the operator does not take these.
        AgxError: the result would be larger than the limits allow.
    """
    op = op.removesuffix("=")
    if isinstance(left, str) and op == "%":
        return texts.percent(left, right, limits)
    containers = (str, tuple, list)
    if not isinstance(left, containers) and not isinstance(right, containers):
        _check_integers(op, left, right, limits)
        return None
    if op == "+" and type(left) is type(right):
        _check_length(len(left) + len(right), left, limits)
        found: str | list[Any] | tuple[Any, ...] = left + right
        return found
    if op == "*" and not isinstance(left, containers):
        left, right = right, left
    if op == "*" and isinstance(right, int | torch.Tensor):
        right = operator.index(right)
        _check_length(len(left) * right, left, limits)
        found = left * right
        return found  # noqa: RET504 - the name has a type, the product has none
    names = [type_name(each) for each in (left, right)]
    raise TypeError(f"unsupported operand type(s) for {op}: '{names[0]}' and '{names[1]}'")


def _check_length(length: int, kind: object, limits: Limits) -> None:
    limit, most = ("output", limits.output) if isinstance(kind, str) else ("sequence", limits.sequence)
    if length > most:
        raise limit_reached(limit, f"a sequence of {length:,} elements; at most {most:,} are allowed")


def _check_integers(op: str, left: object, right: object, limits: Limits) -> None:
    """Refuse what Python would compute without bound."""
    if not (isinstance(left, int) and isinstance(right, int)):
        return
    bits = {"**": left.bit_length() * right, "<<": left.bit_length() + right}.get(op, 0)
    if max(bits, left.bit_length(), right.bit_length()) > limits.integer_bits:
        raise limit_reached("integer_bits", "the integer would be too large")
