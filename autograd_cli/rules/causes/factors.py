"""The factor that an operation multiplies a gradient by, at one element, as a formula with its numbers."""

from __future__ import annotations

from collections.abc import Callable

from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.passage import Departure
from autograd_cli.trace import TensorInfo, Value

_OF_OPERAND: dict[str, Callable[[str], str]] = {
    "sqrt": lambda x: f"1 / (2 * sqrt({x}))",
    "rsqrt": lambda x: f"-0.5 * {_enclosed(x)} ** -1.5",
    "log": lambda x: f"1 / {x}",
    "log2": lambda x: f"1 / ({x} * ln 2)",
    "log10": lambda x: f"1 / ({x} * ln 10)",
    "log1p": lambda x: f"1 / (1 + {x})",
    "exp": lambda x: f"exp({x})",
    "acos": lambda x: f"-1 / sqrt(1 - {_enclosed(x)} ** 2)",
    "asin": lambda x: f"1 / sqrt(1 - {_enclosed(x)} ** 2)",
    "cosh": lambda x: f"sinh({x})",
    "sinh": lambda x: f"cosh({x})",
}


def factor_of(evidence: Evidence, departure: Departure, element: tuple[int, ...] | None) -> str | None:
    """The factor at an element; None for an operation that is not known here."""
    node = evidence.trace.nodes[departure.visit.node]
    operands = [evidence.trace.values[each] for each in evidence.trace.values[node.value].operands]
    numbers = [_at(each, element) for each in operands]
    kind = node.stem
    if not numbers or numbers[0] is None:
        return None
    if kind in _OF_OPERAND:
        return _OF_OPERAND[kind](numbers[0])
    if len(numbers) > 1 and numbers[1] is not None:
        argument = departure.visit.flows[departure.edge].argument
        return _of_pair(kind, argument or "self", _enclosed(numbers[0]), _enclosed(numbers[1]))
    return None


def _of_pair(kind: str, argument: str, one: str, other: str) -> str | None:
    """The factor of an operation of two operands, for the first (`self`) or the second."""
    if kind == "pow":
        return f"{other} * {one} ** ({other} - 1)" if argument == "self" else f"{one} ** {other} * ln {one}"
    if kind == "mul":
        return other if argument == "self" else one
    if kind == "div":
        return f"1 / {other}" if argument == "self" else f"-{one} / {other} ** 2"
    return None


def _at(value: Value, element: tuple[int, ...] | None) -> str | None:
    """The number that a tensor, broadcast, has at an element; a Python number is its own."""
    if isinstance(value.scalar, int | float):
        return f"{value.scalar:.4g}"
    place = None if value.tensor is None or element is None else _place(value.tensor, element)
    if place is None or value.tensor is None or value.tensor.values is None:
        return None
    number = value.tensor.values[place]
    return f"{number:.4g}"


def _enclosed(number: str) -> str:
    return f"({number})" if number.startswith("-") else number


def _place(tensor: TensorInfo, element: tuple[int, ...]) -> int | None:
    """Where the element stands in a tensor, row-major, after broadcasting."""
    if len(tensor.shape) > len(element):
        return None
    place = 0
    for size, index in zip(tensor.shape, element[len(element) - len(tensor.shape) :], strict=True):
        if size != 1 and index >= size:
            return None
        place = place * size + (0 if size == 1 else index)
    return place
