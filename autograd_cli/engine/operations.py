"""What the names of the vocabulary call: torch's and Python's own functions, looked up by the table alone."""

from __future__ import annotations

import ast
import builtins
import math
import operator
from collections.abc import Callable
from typing import Any, TypeAlias

import torch

from autograd_cli.engine.preconditions import check
from autograd_cli.lang import vocabulary

Function: TypeAlias = Callable[..., Any]

_HOMES = {
    "torch": torch,
    "torch.Tensor": torch.Tensor,
    "torch.autograd": torch.autograd,
    "torch.cuda": torch.cuda,
    "torch.distributions": torch.distributions,
    "torch.fft": torch.fft,
    "torch.linalg": torch.linalg,
    "torch.nn": torch.nn,
    "torch.nn.functional": torch.nn.functional,
    "torch.nn.init": torch.nn.init,
    "torch.nn.utils": torch.nn.utils,
    "torch.optim": torch.optim,
    "torch.special": torch.special,
    "math": math,
    "builtins": builtins,
}
CONSTANTS = {"e": math.e, "inf": math.inf, "nan": math.nan, "pi": math.pi}

# What torch takes Python's own types for, where it expects a dtype.
_PYTHON_DTYPES = {"float": torch.float64, "int": torch.int64, "bool": torch.bool}

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
    ast.Is: ("is", operator.is_),
    ast.IsNot: ("is not", operator.is_not),
}
GRAD_MODES: dict[str, Function] = {
    "no_grad": torch.no_grad,
    "enable_grad": torch.enable_grad,
    "inference_mode": torch.inference_mode,
}

MAX_INTEGER_BITS = 4_096
MAX_SEQUENCE = 100_000


def function_of(full_name: str) -> Function:
    """The function of a full name that `vocabulary.resolve` returned, or the class of a layer or distribution."""
    if full_name == "builtins.range":
        return _range
    home, _, name = full_name.rpartition(".")
    assert vocabulary.operation(full_name) is not None or home in {"builtins", "math"}
    return _checked(full_name, getattr(_HOMES[home], name))


def _checked(full_name: str, function: Function) -> Function:
    """The function, with the look at its arguments that the table asks for."""
    operation = vocabulary.operation(full_name)
    if operation is None or operation.precondition is None:
        return function

    def checked(*arguments: object, **keywords: object) -> object:
        check(full_name, arguments, keywords)
        return function(*arguments, **keywords)

    return checked


def member_of(full_name: str) -> Any:  # noqa: ANN401 - a function, method, attribute or class of torch
    """What the table's row stands for in torch."""
    assert vocabulary.operation(full_name) is not None
    home, _, name = full_name.rpartition(".")
    return getattr(_HOMES[home], name)


def scalar_function_of(name: str) -> Function | None:
    """Python's function for plain numbers where torch's takes tensors only: `sqrt(2)`."""
    return getattr(math, name) if name in vocabulary.MATH else None


def method_of(name: str) -> Function:
    """The Tensor method of a name in the vocabulary."""
    assert name in vocabulary.METHODS
    return _checked(f"torch.Tensor.{name}", getattr(torch.Tensor, name))


def constant_of(full_name: str) -> object:
    """The value of a constant or dtype of the vocabulary."""
    home, _, name = full_name.rpartition(".")
    if home == "builtins":
        return _PYTHON_DTYPES[name]
    return CONSTANTS[name] if name in CONSTANTS else getattr(torch, name)


def check_numbers(op: str, left: object, right: object) -> None:
    """Refuse what Python would compute without bound: huge integers, and anything but numbers and sequences.

    Raises:
        TypeError: an operand that operators do not take here.
        OverflowError: the result would be an integer of more than MAX_INTEGER_BITS bits.
    """
    if isinstance(left, str) or isinstance(right, str):
        raise TypeError("operators do not take strings here")
    if isinstance(left, tuple | list) or isinstance(right, tuple | list):
        if op not in {"+", "+="}:
            raise TypeError(f"{op} does not take sequences here")
        return
    if not (isinstance(left, int) and isinstance(right, int)):
        return
    bits = {"**": left.bit_length() * right, "<<": left.bit_length() + right}.get(op.removesuffix("="), 0)
    if max(bits, left.bit_length(), right.bit_length()) > MAX_INTEGER_BITS:
        raise OverflowError("the integer would be too large")


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > MAX_SEQUENCE:
        raise OverflowError(f"a range has at most {MAX_SEQUENCE:,} elements here")
    return numbers
