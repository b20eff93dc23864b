"""A call of a function of torch's while a block is watched, and its name in a Trace."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any, TypeAlias

import torch

from autograd_cli.engine.observe import symbols
from autograd_cli.engine.observe.frames import Call
from autograd_cli.engine.observe.places import Place
from autograd_cli.engine.observe.seen import Seen
from autograd_cli.engine.observe.sites import Kind, Site
from autograd_cli.engine.record import naming
from autograd_cli.trace import Operation

Function: TypeAlias = Callable[..., Any]
_NUMBERS: dict[str, type] = {"__float__": float, "__int__": int, "__complex__": complex}
TELL_ALL = frozenset({"item", "tolist", "numpy", "__array__", "retain_grad", *_NUMBERS})
"""The functions whose results are followed though they are no tensors."""

_MAX_DEPTH = 3  # of lists in lists that hold operands


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One call, and where. `is_direct` says that the user's own line makes it.

    A backward pass also has a `call`, and is run by `run`, which looks into it.
    """

    function: Function
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    frame: FrameType
    place: Place
    is_direct: bool
    operands: Sequence[Seen]
    call: Call | None = None
    run: Callable[[], Any] | None = None

    @property
    def name(self) -> str:
        """The name of the function, without its module or class."""
        return str(getattr(self.function, "__name__", ""))

    @property
    def reads_grad(self) -> bool:
        """Whether it is `.grad` of a tensor, which may be None."""
        return self.name == "__get__" and _attribute(self.function) == "grad"


def flat(given: object) -> Iterator[Any]:
    """What a function was given, with the elements of lists, tuples and dicts in their place."""
    pending = [(given, 0)]
    while pending:
        thing, depth = pending.pop()
        if isinstance(thing, torch.Tensor) or not isinstance(thing, list | tuple | dict):
            yield thing
        elif depth < _MAX_DEPTH:
            held = list(thing.values()) if isinstance(thing, dict) else thing
            pending += [(each, depth + 1) for each in reversed(held)]


def holds_tensor(result: object) -> bool:
    """Whether it is a tensor, or a list, tuple or dict that holds one."""
    return any(isinstance(each, torch.Tensor) for each in flat(result))


def site_of(event: Event) -> Site:
    """The place as a rewritten file would have it."""
    node = event.place.node
    symbol = ast.unparse(node.func) if isinstance(node, ast.Call) else event.name
    return Site(kind=Kind.CALL, span=event.place.span, symbol=symbol)


def operation_of(event: Event) -> Operation | None:
    """The operation of an event, named as the user's line writes it where possible; None for what has no name."""
    operation = _special(event) or (_written(event) if event.is_direct else None)
    if operation is not None or not hasattr(event.function, "__qualname__"):
        return operation
    if _is_method(event.function):
        return naming.unpack(torch.Tensor) if event.name == "unbind" else naming.method(torch.Tensor, event.name)
    return naming.call(naming.full_name(event.function), event.name)


def _special(event: Event) -> Operation | None:
    match event.name:
        case "__get__":
            return naming.attribute(torch.Tensor, _attribute(event.function))
        case "__set__":
            return naming.assignment(torch.Tensor, _attribute(event.function))
        case "__getitem__":
            return naming.index(torch.Tensor)
        case "__setitem__":
            return naming.item_assignment(torch.Tensor)
        case name if name in _NUMBERS:
            kind = _NUMBERS[name].__name__
            return naming.call(f"builtins.{kind}", kind)
    return None


def _attribute(function: Function) -> str:
    return str(getattr(getattr(function, "__self__", None), "__name__", ""))


def _written(event: Event) -> Operation | None:
    given = event.arguments[:2]
    match event.place.node:
        case ast.BinOp(op=op) if len(given) > 1:
            return naming.operator(symbols.BINARY[type(op)], *given)
        case ast.AugAssign(op=op) if len(given) > 1:
            return naming.operator(f"{symbols.BINARY[type(op)]}=", *given)
        case ast.UnaryOp(op=op):
            return naming.operator(symbols.UNARY[type(op)], *given[:1])
        case ast.Compare(ops=[op]) if len(given) > 1:
            return naming.operator(symbols.COMPARISONS[type(op)], *given)
        case ast.Call(func=ast.Attribute(attr=attribute)) if _is_method(event.function):
            return naming.method(torch.Tensor, attribute)
        case ast.Call(func=written):
            return naming.call(naming.full_name(event.function), ast.unparse(written))
    return None


def _is_method(function: Function) -> bool:
    return getattr(torch.Tensor, getattr(function, "__name__", ""), None) is function
