"""The result types as JSON values: dicts, lists, strings and numbers; NaN and the infinities are strings."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from typing import Any

from autograd_cli.diagnostic import Edit, Span
from autograd_cli.trace import Number, TensorValues


def plain(item: Any, placed: Callable[[Any], Any] | None = None) -> Any:  # noqa: ANN401 - from the result types to JSON values
    """A result type as dicts, lists, strings and numbers; `placed` says where its spans and edits stand."""
    match item:
        case None | bool() | int() | str() if not isinstance(item, Enum):
            return item
        case Enum():
            return item.value
        case float() | complex():
            return _number(item)
        case TensorValues():
            return _tensor_object(item)
        case tuple() | list():
            return [plain(element, placed) for element in item]
        case Span() | Edit() if placed is not None:
            item = placed(item)
    return {field: plain(getattr(item, field), placed) for field in _fields(type(item))}


def _fields(kind: type[Any]) -> tuple[str, ...]:
    return tuple([name for name, field in kind.__dataclass_fields__.items() if field.metadata.get("json", True)])


def _tensor_object(tensor: TensorValues) -> dict[str, Any]:
    fields = {field: plain(getattr(tensor, field)) for field in _fields(type(tensor)) if field != "values"}
    return {**fields, "values": tensor_values(tensor), "truncated": tensor.values is None}


def tensor_values(tensor: TensorValues) -> Any:  # noqa: ANN401 - a JSON value
    """The values as lists nested as the shape says; None where there is only a summary."""
    return None if tensor.values is None else _nested(tensor.values, tensor.shape)


def _nested(values: tuple[Number, ...], shape: tuple[int, ...]) -> Any:  # noqa: ANN401 - lists nested as the shape says
    level: list[Any] = _numbers(values)
    if not shape:
        return level[0]
    if not level:
        return _empty(shape)
    for size in reversed(shape[1:]):
        level = [level[start : start + size] for start in range(0, len(level), size)]
    return level


def _empty(shape: tuple[int, ...]) -> list[Any]:
    level: list[Any] = []
    for size in reversed(shape[: shape.index(0)]):
        level = [level] * size
    return level


def _numbers(values: tuple[Number, ...]) -> list[Any]:
    if all(isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)) for value in values):
        return list(values)
    return [_number(value) for value in values]


def _number(value: Number) -> Any:  # noqa: ANN401 - a JSON value
    if isinstance(value, complex):
        return {"re": _number(value.real), "im": _number(value.imag)}
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
