"""What the interpreter holds: boxes of tensors, plain Python values, and the kinds of value that only agx has."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

SEQUENCES = (tuple, list)


class Box:
    """What an expression evaluated to, and which Value of the recording it is now.

    The payload is a tensor, a Python scalar, a dtype, a slice, a range, a tuple, list or dict of Boxes, an object of
    torch (a module, an optimizer, a distribution, a size), or one of the kinds below. `fields` are the names of a
    named tuple's elements, `kind` its own type, such as torch.Size. An in-place change gives the box a new `value`.
    """

    __slots__ = ("fields", "kind", "payload", "value")

    def __init__(self, value: int, payload: Any, fields: tuple[str, ...] = (), kind: type | None = None) -> None:  # noqa: ANN401 - whatever the program computed
        self.value = value
        self.payload = payload
        self.fields = fields
        self.kind = kind

    @property
    def type_name(self) -> str:
        """The type of what Python would hold, as its errors call it."""
        if isinstance(self.payload, Function | Named):
            return "function"
        kind = self.kind or type(self.payload)
        return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"

    def unwrap(self) -> Any:  # noqa: ANN401 - whatever the program computed
        """The payload as torch takes it.

        Raises:
            TypeError: it is, or holds, what only agx has: a function of the program, a node of the graph.
        """
        payload = self.payload
        if isinstance(payload, torch.Tensor | float | int):
            return payload
        if isinstance(payload, SEQUENCES):
            return type(payload)([element.unwrap() for element in payload])
        if isinstance(payload, dict):
            return {key: element.unwrap() for key, element in payload.items()}
        if isinstance(payload, Function | Named):
            raise TypeError("a function is called here, or handed to a function of the program, not to torch")
        if isinstance(payload, GraphNode | Iteration):
            raise TypeError(f"this operation does not take a {type(payload).__name__.lower()}")
        return payload


class Scope:
    """The variables of the program, of a call of one of its functions, or of a comprehension.

    `local` are the names that belong here from the start: reading one before it is bound is Python's UnboundLocalError.
    """

    __slots__ = ("local", "names", "parent")

    def __init__(self, names: dict[str, Box], parent: Scope | None = None, local: frozenset[str] = frozenset()) -> None:
        self.names = names
        self.parent = parent
        self.local = local

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


@dataclass(frozen=True, slots=True)
class Named:
    """A function or class of the vocabulary as a value: `act = torch.relu`."""

    full_name: str


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
    name: str = field(default="iterator")
