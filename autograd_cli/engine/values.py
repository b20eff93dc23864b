"""What the interpreter holds: boxes of tensors, plain Python values, and the kinds of value that only agx has."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import torch

from autograd_cli.limits import limit_reached
from autograd_cli.trace import Operation

SEQUENCES = (tuple, list)
CONTAINERS = (tuple, list, dict)
MAX_NESTING = 100
MAX_ELEMENTS = 1_000_000
# The dtypes that torch takes Python's own types for.
_PYTHON_DTYPES = {"builtins.float": torch.float64, "builtins.int": torch.int64, "builtins.bool": torch.bool}
_PER_ELEMENT = 100  # characters of a string that count as one element


class Entry:
    """What a maker of Traces holds, and which Value of the recording it is now.

    The payload is a tensor, a module, a plain value of Python or anything else; that of a tuple, list or dict holds
    Entries. `fields` are the names of a named tuple's elements, `kind` its own type, such as torch.Size. An in-place
    change gives the entry a new `value`. The recording refers to entries weakly: they last as long as their maker holds
    them. A maker's own kind of entry may hold its tensor weakly, too.
    """

    __slots__ = ("__weakref__", "fields", "kind", "payload", "value")

    def __init__(self, value: int, payload: Any, fields: tuple[str, ...] = (), kind: type | None = None) -> None:  # noqa: ANN401 - whatever was computed
        self.value = value
        self.payload = payload
        self.fields = fields
        self.kind = kind


class Box(Entry):
    """What an expression of the safe language evaluated to.

    The payload is a tensor, a Python scalar, a dtype, a slice, a range, a tuple, list or dict of Boxes, an object of
    torch (a module, an optimizer, a distribution, a size), or one of the kinds below.
    """

    __slots__ = ()

    @property
    def type_name(self) -> str:
        """The type that the value has in Python, by the name that Python's errors use."""
        kind = self.kind or type(self.payload)
        if kind.__module__ in {"builtins", __name__}:
            return type_name(self.payload)
        return f"{kind.__module__}.{kind.__qualname__}"

    def unwrap(self) -> Any:  # noqa: ANN401 - whatever the program computed
        """The payload as torch takes it.

        Raises:
            TypeError: it is, or holds, what only agx has: a function of the program, a node of the graph.
            AgxError: it holds too much.
        """
        if isinstance(self.payload, CONTAINERS):
            check_nesting(self.payload)
        return self._unwrap()

    def _unwrap(self) -> Any:  # noqa: ANN401 - whatever the program computed
        payload = self.payload
        if isinstance(payload, torch.Tensor | float | int):
            return payload
        if isinstance(payload, SEQUENCES):
            return type(payload)([element._unwrap() for element in payload])  # noqa: SLF001 - of the same class
        if isinstance(payload, dict):
            return {key: element._unwrap() for key, element in payload.items()}  # noqa: SLF001 - of the same class
        if isinstance(payload, Named) and payload.full_name in _PYTHON_DTYPES:
            return _PYTHON_DTYPES[payload.full_name]
        if isinstance(payload, Derived):
            return payload.function
        if isinstance(payload, Function | Named):
            raise TypeError(
                "a function cannot be used as a value here: call it, or pass it to a function of the program"
            )
        if isinstance(payload, GraphNode):
            raise TypeError(f"this operation takes no node of the graph, such as {payload}")
        if isinstance(payload, Iteration):
            raise TypeError(f"this operation takes no {payload.name} object; list(…) makes a list of it")
        return payload


def type_name(payload: object) -> str:
    """The name of a value's type in Python: never that of a class which only agx has."""
    match payload:
        case Function() | Named() | Derived():
            return "function"
        case GraphNode():
            return type(payload.node).__name__
        case Iteration():
            return payload.name
    return type(payload).__name__


def class_of(payload: object) -> type:
    """The class that the value has in Python: never one that only agx has."""
    match payload:
        case Function() | Named() | Derived():
            return FunctionType
        case GraphNode():
            return torch.autograd.graph.Node
        case Iteration():
            found: type = getattr(builtins, payload.name)
            return found
    return type(payload)


def elements_of(payload: object) -> Sequence[Any]:
    """The entries in a tuple, list or dict; nothing for anything else."""
    if isinstance(payload, SEQUENCES):
        return payload
    return list(payload.values()) if isinstance(payload, dict) else ()


def check_nesting(payload: object) -> None:
    """Refuse a container that is nested too deeply to walk, or that holds too much: `[a, a]` holds all of `a` twice.

    Iterative, and each container is looked at once however often it is held: a few lines can make 2**60 elements.

    Raises:
        AgxError: it is too deep or too large.
    """
    known: dict[int, tuple[int, int]] = {}
    pending = [payload]
    while pending:
        current = pending[-1]
        if id(current) in known:
            pending.pop()
            continue
        elements = elements_of(current)
        inner = [element.payload for element in elements if isinstance(element.payload, CONTAINERS)]
        unknown = [each for each in inner if id(each) not in known]
        if unknown:
            pending += unknown
            continue
        pending.pop()
        depth = 1 + max([known[id(each)][0] for each in inner], default=0)
        check_depth(depth)
        size = len(elements) + sum([known[id(each)][1] for each in inner])
        size += sum([len(each.payload) // _PER_ELEMENT for each in elements if isinstance(each.payload, str)])
        if size > MAX_ELEMENTS:
            raise limit_reached("sequence", f"a list with more than {MAX_ELEMENTS:,} elements in all that it holds")
        known[id(current)] = (depth, size)


def check_depth(depth: int) -> None:
    """Refuse lists, or what `map` and `zip` return, that are nested too deeply.

    Raises:
        AgxError: they are.
    """
    if depth > MAX_NESTING:
        raise limit_reached("depth", f"lists are nested more than {MAX_NESTING} deep")


def has_words(payload: object) -> bool:
    """Whether Python prints the object as more than its type and its address."""
    return type(payload).__repr__ is not object.__repr__


class Scope:
    """The variables of the program, of a call of one of its functions, or of a comprehension.

    `local` are the names that belong here from the start: reading one before it is bound is Python's UnboundLocalError.
    `function` is the name of the function that was called, "" where none was.
    """

    __slots__ = ("function", "local", "names", "parent")

    def __init__(
        self,
        names: dict[str, Box],
        parent: Scope | None = None,
        local: frozenset[str] = frozenset(),
        function: str = "",
    ) -> None:
        self.names = names
        self.parent = parent
        self.local = local
        self.function = function

    def find(self, name: str) -> Box | None:
        """The box that a name means here, or None."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            if name in scope.local:
                return None
            scope = scope.parent
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A `def` or `lambda` of the program: interpreted, never handed to torch."""

    name: str
    node: ast.FunctionDef | ast.Lambda
    scope: Scope
    defaults: tuple[Box, ...]
    keyword_defaults: tuple[Box | None, ...]
    local: frozenset[str]

    def __str__(self) -> str:
        return f"<function {self.name}>"


@dataclass(frozen=True, slots=True)
class Named:
    """A function or class of the vocabulary as a value: `act = torch.relu`."""

    full_name: str

    def __str__(self) -> str:
        return f"<function {self.full_name}>"


@dataclass(frozen=True, slots=True)
class Derived:
    """A function that an operation of torch made of another one: `torch.func.grad(f)`."""

    operation: Operation
    function: Callable[..., Any]

    def __str__(self) -> str:
        return f"<function of {self.operation.function}>"


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A node of torch's graph, as `y.grad_fn` gives it."""

    node: Any

    def __str__(self) -> str:
        return f"<{type(self.node).__name__}>"


@dataclass(frozen=True, slots=True)
class Iteration:
    """What `enumerate`, `zip`, `map` and `reversed` return: boxes, one after the other, once."""

    boxes: Iterator[Box]
    name: str

    def __str__(self) -> str:
        return f"<{self.name}>"
