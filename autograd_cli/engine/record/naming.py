"""What the operations of a program are called in a Trace: see `trace.Operation` for the convention.

Whoever makes a Trace names them here, by the little that this needs: the function, or the class of the object and the
name of its member, and how the program writes it.
"""

from __future__ import annotations

import builtins
import functools
import math
import operator as python
from collections.abc import Callable
from types import MethodWrapperType, ModuleType
from typing import Any, ParamSpec, cast

import torch
import torch.utils.checkpoint

from autograd_cli.trace import Kind, Operation

# Where torch and Python keep what a program may call: the first that has a thing gives it its name.
HOMES: dict[str, ModuleType | type] = {
    "builtins": builtins,
    "math": math,
    "torch": torch,
    "torch.Tensor": torch.Tensor,
    "torch.nn.functional": torch.nn.functional,
    "torch.nn": torch.nn,
    "torch.nn.init": torch.nn.init,
    "torch.nn.utils": torch.nn.utils,
    "torch.linalg": torch.linalg,
    "torch.fft": torch.fft,
    "torch.special": torch.special,
    "torch.distributions": torch.distributions,
    "torch.optim": torch.optim,
    "torch.autograd": torch.autograd,
    "torch.autograd.functional": torch.autograd.functional,
    "torch.func": torch.func,
    "torch.utils.checkpoint": torch.utils.checkpoint,
    "torch.cuda": torch.cuda,
}

_BINARY = {
    "+": ("add", python.add),
    "-": ("sub", python.sub),
    "*": ("mul", python.mul),
    "/": ("div", python.truediv),
    "//": ("floor_divide", python.floordiv),
    "%": ("remainder", python.mod),
    "**": ("pow", python.pow),
    "@": ("matmul", python.matmul),
    "&": ("bitwise_and", python.and_),
    "|": ("bitwise_or", python.or_),
    "^": ("bitwise_xor", python.xor),
    "<<": ("bitwise_left_shift", python.lshift),
    ">>": ("bitwise_right_shift", python.rshift),
    "==": ("eq", python.eq),
    "!=": ("ne", python.ne),
    "<": ("lt", python.lt),
    "<=": ("le", python.le),
    ">": ("gt", python.gt),
    ">=": ("ge", python.ge),
}
_UNARY = {"-": ("neg", python.neg), "+": ("positive", python.pos), "~": ("bitwise_not", python.invert)}
_PYTHON: dict[str, Callable[..., Any]] = {
    "not": python.not_,
    "is": python.is_,
    "is not": python.is_not,
    "in": python.contains,
    "not in": python.contains,
}
_OF_TENSOR = frozenset(base.__name__ for base in torch.Tensor.__mro__ if base is not object)
_NOT_IN_PLACE = "@="  # torch makes a new tensor
_P = ParamSpec("_P")
_caches: list[Callable[[], None]] = []


def _remembered(make: Callable[_P, Operation]) -> Callable[_P, Operation]:
    """The function with a bounded cache of its results: a program can make up any number of names."""
    cached = functools.lru_cache(maxsize=4096)(make)
    _caches.append(cached.cache_clear)
    return cast("Callable[_P, Operation]", cached)


def forget() -> None:
    """Let go of the classes that operations were named for: those of a script are to end with it."""
    for clear in _caches:
        clear()


def _word(kind: Kind, op: str) -> Operation:
    return Operation(kind=kind, function=None, op=op)


INPUT = _word(Kind.INPUT, "input")
CONSTANT = _word(Kind.CONSTANT, "constant")
PARAMETER = _word(Kind.PARAMETER, "parameter")
SLICE = _word(Kind.SLICE, "slice")
LIST, TUPLE, DICT = (_word(Kind.CONTAINER, name) for name in ("list", "tuple", "dict"))
KEY, NUMBER, ITEM = (_word(Kind.ITEM, name) for name in ("key", "index", "[]"))
AND, OR = (_word(Kind.LOGIC, name) for name in ("and", "or"))
IF_ELSE = _word(Kind.CHOICE, "if-else")
TEXT = _word(Kind.TEXT, "f-string")
DEF, LAMBDA = (_word(Kind.DEFINITION, name) for name in ("def", "lambda"))
EXCEPTION = _word(Kind.EXCEPTION, "except")
ACCUMULATION = _word(Kind.ACCUMULATION, "backward =")
ALIAS = _word(Kind.ALIAS, "alias =")
ELSEWHERE = _word(Kind.ALIAS, "changed =")  # by code that was not observed
RESULT = _word(Kind.RESULT, "input =")
HANDED = _word(Kind.HANDED, "handed")
NOTHING = _word(Kind.NOTHING, "")
PRINT = Operation(kind=Kind.PRINT, function="builtins.print", op="print")


@_remembered
def call(function: str, written: str) -> Operation:
    """A call of a function or class by its full name, such as `full_name` gives it."""
    return Operation(kind=Kind.CALL, function=function, op=written)


@_remembered
def method(of: type, name: str) -> Operation:
    """A call of a method of an object of this class."""
    return Operation(kind=Kind.METHOD, function=_member(of, name), op=f".{name}")


@_remembered
def uncalled(of: type, name: str) -> Operation:
    """A method that the program names and does not call."""
    return Operation(kind=Kind.UNCALLED, function=_member(of, name), op=f"method .{name}")


@_remembered
def attribute(of: type, name: str) -> Operation:
    """The reading of an attribute of an object of this class."""
    return Operation(kind=Kind.ATTRIBUTE, function=_member(of, name), op=f".{name}")


@_remembered
def assignment(of: type, name: str) -> Operation:
    """An assignment to an attribute of an object of this class."""
    return Operation(kind=Kind.ASSIGNMENT, function=_member(of, name), op=f".{name} =")


@_remembered
def index(of: type) -> Operation:
    """`x[i]` of an object of this class."""
    return Operation(kind=Kind.INDEX, function=_member(of, "__getitem__"), op="[]")


@_remembered
def item_assignment(of: type) -> Operation:
    """`x[i] = y` of an object of this class."""
    return Operation(kind=Kind.ITEM_ASSIGNMENT, function=_member(of, "__setitem__"), op="[] =")


@_remembered
def unpack(of: type) -> Operation:
    """`a, b = x`, or a loop over an object of this class; of a tensor torch makes all rows at once."""
    function = "torch.Tensor.unbind" if issubclass(of, torch.Tensor) else _member(of, "__iter__")
    return Operation(kind=Kind.UNPACK, function=function, op="unpack")


def element(key: object) -> Operation:
    """An element of what an operation returned, by its index or key."""
    return Operation(kind=Kind.ELEMENT, function=None, op=f"[{key!r}]")


@_remembered
def module(of: type) -> Operation:
    """A call of a module of this class."""
    return Operation(kind=Kind.MODULE, function=full_name(of), op=f"nn.{of.__name__}")


@_remembered
def step(of: type) -> Operation:
    """`step()` of an optimizer of this class."""
    return Operation(kind=Kind.STEP, function=_member(of, "step"), op=".step =")


@_remembered
def backward(function: str) -> Operation:
    """A call of `backward`, the method or the function of this full name."""
    return Operation(kind=Kind.BACKWARD, function=function, op="backward")


def operator(symbol: str, *operands: object) -> Operation:
    """An operator on these operands, the augmented ones (`+=`) too."""
    first, rest = operands[0], operands[1:]
    return _operator(
        symbol, isinstance(first, torch.Tensor), any(isinstance(each, torch.Tensor) for each in rest), unary=not rest
    )


@_remembered
def _operator(symbol: str, first: bool, other: bool, *, unary: bool) -> Operation:  # noqa: FBT001 - whether they are tensors
    if symbol in _PYTHON:
        is_asked = other and symbol.endswith("in")  # for `in`, the right operand is the container
        full = "torch.Tensor.__contains__" if is_asked else _of_python(_PYTHON[symbol])
        return Operation(kind=Kind.OPERATOR, function=full, op=symbol)
    is_augmented = symbol not in _BINARY and symbol not in _UNARY
    name, function = (_UNARY if unary else _BINARY)[symbol.removesuffix("=") if is_augmented else symbol]
    if first or other:
        in_place = "_" if is_augmented and first and symbol != _NOT_IN_PLACE else ""
        full = f"torch.Tensor.{name}{in_place}"
    else:
        full = f"operator.i{function.__name__.rstrip('_')}" if is_augmented else _of_python(function)
    return Operation(kind=Kind.AUGMENTED if is_augmented else Kind.OPERATOR, function=full, op=symbol)


def _of_python(function: Any) -> str:  # noqa: ANN401 - a function of the module `operator`
    return f"operator.{function.__name__}"


def _member(of: type, name: str) -> str:
    """The full name of a member, after the class that defines it; after the object's own where no class does."""
    if issubclass(of, torch.Tensor):
        return f"torch.Tensor.{name}"
    return f"{full_name(next((base for base in of.__mro__ if name in vars(base)), of))}.{name}"


def full_name(thing: Any) -> str:  # noqa: ANN401 - a function or class of torch or Python
    """The name that a function or class goes by: `torch.nn.functional.relu`, `torch.nn.Linear`.

    A method that reads or sets an attribute has the name of the attribute: `torch.Tensor.grad`.
    """
    if isinstance(thing, MethodWrapperType):
        thing = thing.__self__
    known = _full_names().get(id(thing))
    if known is not None:
        return known[0]
    home, _, name = thing.__qualname__.rpartition(".")
    return f"torch.Tensor.{name}" if home in _OF_TENSOR else f"{thing.__module__}.{thing.__qualname__}"


@functools.cache
def _full_names() -> dict[int, tuple[str, Any]]:
    """The names by identity. Each thing is kept, so that nothing else gets its identity: torch replaces some.

    Not by equality: functions of torch that are the same in C, such as `mm` and `dsmm`, are equal.
    """
    found: dict[int, tuple[str, Any]] = {}
    for home, holder in HOMES.items():
        levels = holder.__mro__[::-1] if isinstance(holder, type) else (holder,)
        members = {name: each for level in levels for name, each in vars(level).items()}
        for name, each in members.items():
            if hasattr(each, "__name__") and not name.startswith("_"):
                found.setdefault(id(each), (f"{home}.{name}", each))
    return found
