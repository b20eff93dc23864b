"""The two graphs while they grow: every value that the program computes, every node that torch records for it.

Nodes get their ids when they are first seen, from the leaves up: a node's id is greater than those of the nodes it
leads to. Right after an operation, the nodes that its result reaches and that were not there before are its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from autograd_cli.diagnostic import Span
from autograd_cli.engine.snapshot import MAX_INTERMEDIATE_VALUES, snapshot
from autograd_cli.modes import GradMode
from autograd_cli.trace import Node, Scalar, TensorInfo, Value


@dataclass(frozen=True, slots=True)
class Box:
    """What an expression evaluated to, and which Value it is.

    The payload is a tensor, a Python scalar, a dtype, or a tuple or list of Boxes; `fields` are the names of a named
    tuple's elements, `kind` its own type, such as torch.Size.
    """

    value: int
    payload: Any
    fields: tuple[str, ...] = ()
    kind: type | None = None

    @property
    def type_name(self) -> str:
        """The type of what Python would hold, as its errors call it."""
        kind = self.kind or type(self.payload)
        return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"

    def unwrap(self) -> Any:  # noqa: ANN401 - whatever the program computed
        """The payload as torch takes it."""
        if isinstance(self.payload, tuple | list):
            return type(self.payload)(element.unwrap() for element in self.payload)
        return self.payload


class Recording:
    """Collects the values and nodes of one run. It keeps every tensor and node alive, so that identities stay true."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self.nodes: list[Node] = []
        self.step: int | None = None
        self.grad_mode_spans: list[Span | None] = [None]
        self._node_ids: dict[Any, int] = {}
        self._storages: dict[int, int] = {}
        self._leaf_names: dict[int, str] = {}
        self._alive: list[torch.Tensor] = []

    def add(
        self,
        payload: object,
        *,
        op: str,
        operands: Sequence[Box] = (),
        span: Span | None = None,
        name: str | None = None,
        fields: tuple[str, ...] = (),
        max_values: int | None = MAX_INTERMEDIATE_VALUES,
    ) -> Box:
        """A new value; a sequence's elements must be Boxes already."""
        number = len(self.values)
        tensor, scalar = None, None
        if isinstance(payload, torch.Tensor):
            if name is not None:
                self.name_leaf(payload, name)
            self._alive.append(payload)
            tensor = self.look(payload, number, span, max_values=max_values)
        elif not isinstance(payload, tuple | list):
            scalar = _scalar(payload)
        value = Value(
            id=number,
            span=span,
            op=op,
            operands=tuple(operand.value for operand in operands),
            elements=tuple(box.value for box in payload) if isinstance(payload, tuple | list) else (),
            step=self.step,
            grad_mode=grad_mode_in_force(),
            grad_mode_span=self.grad_mode_spans[-1],
            name=name,
            tensor=tensor,
            scalar=scalar,
        )
        self.values.append(value)
        return Box(number, payload, fields)

    def add_result(self, result: object, *, op: str, operands: Sequence[Box], span: Span) -> Box:
        """The value that an operation returned; of a sequence every element becomes a value, too."""
        if not isinstance(result, tuple | list | range):
            return self.add(result, op=op, operands=operands, span=span)
        whole = self.add((), op=op, operands=operands, span=span)
        elements = [
            self.add_result(element, op=f"[{index}]", operands=[whole], span=span)
            for index, element in enumerate(result)
        ]
        self._revise(whole.value, elements=tuple(element.value for element in elements))
        payload = elements if isinstance(result, list) else tuple(elements)
        return Box(whole.value, payload, _fields_of(result), type(result))

    def give_name(self, box: Box, name: str) -> None:
        """Remember the first name that a value was bound to."""
        if self.values[box.value].name is None:
            self._revise(box.value, name=name)
        if isinstance(box.payload, torch.Tensor):
            self.name_leaf(box.payload, name)

    def name_leaf(self, tensor: torch.Tensor, name: str) -> None:
        """Remember the name by which an AccumulateGrad node will call this tensor."""
        if id(tensor) not in self._leaf_names:
            self._leaf_names[id(tensor)] = name
            self._alive.append(tensor)

    def write_out(self, box: Box, max_values: int | None) -> None:
        """Keep the values of a tensor, and of those in a sequence, up to `max_values` elements."""
        value = self.values[box.value]
        if isinstance(box.payload, torch.Tensor):
            self._revise(box.value, tensor=self.look(box.payload, box.value, value.span, max_values=max_values))
        elif isinstance(box.payload, tuple | list):
            for element in box.payload:
                self.write_out(element, max_values)

    def look(self, tensor: torch.Tensor, value: int, span: Span | None, *, max_values: int | None) -> TensorInfo:
        """The tensor as it is now. Nodes not seen before count as made for `value`."""
        try:
            grad_fn = tensor.grad_fn
        except RuntimeError:  # torch refuses to tell of a view that was made without grad mode and then written to
            grad_fn = None
        return snapshot(
            tensor,
            grad_fn=None if grad_fn is None else self._see(grad_fn, value, span),
            storage=self._storages.setdefault(tensor.untyped_storage()._cdata, len(self._storages)),  # noqa: SLF001 - the only identity of a storage without elements
            max_values=max_values,
        )

    def _see(self, grad_fn: Any, value: int, span: Span | None) -> int:  # noqa: ANN401 - torch exports no type for nodes
        """The id of a node, after giving ids to all that it leads to. Iterative: graphs are deeper than the stack."""
        pending = [grad_fn]
        while pending:
            node = pending[-1]
            if node in self._node_ids:
                pending.pop()
                continue
            unseen = [child for child, _ in node.next_functions if child is not None and child not in self._node_ids]
            if unseen:
                pending.extend(reversed(unseen))
                continue
            pending.pop()
            self._node_ids[node] = len(self.nodes)
            self.nodes.append(self._node(node, value, span))
        return self._node_ids[grad_fn]

    def _node(self, node: Any, value: int, span: Span | None) -> Node:  # noqa: ANN401 - torch exports no type for nodes
        variable = getattr(node, "variable", None)
        return Node(
            id=len(self.nodes),
            name=type(node).__name__,
            next=tuple(None if child is None else self._node_ids[child] for child, _ in node.next_functions),
            input_nrs=tuple(input_nr for _, input_nr in node.next_functions),
            value=value,
            span=span if variable is None else None,
            variable=None if variable is None else self._leaf_names.get(id(variable)),
        )

    def _revise(self, number: int, **changes: Any) -> None:  # noqa: ANN401 - fields of Value
        self.values[number] = replace(self.values[number], **changes)


def grad_mode_in_force() -> GradMode:
    """Torch's grad mode now."""
    if torch.is_inference_mode_enabled():
        return GradMode.INFERENCE
    return GradMode.GRAD if torch.is_grad_enabled() else GradMode.NO_GRAD


def _scalar(payload: object) -> Scalar:
    if payload is None or isinstance(payload, bool | int | float | complex | str):
        return payload
    return str(payload).removeprefix("torch.")


def _fields_of(result: object) -> tuple[str, ...]:
    return getattr(type(result), "__match_args__", ()) if isinstance(result, tuple) else ()
