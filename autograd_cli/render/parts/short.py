"""How a value is shown beside others: on one line where that is short, else in lines of its own, or as its range."""

from __future__ import annotations

import re
import textwrap

from autograd_cli.render.escape import shortened
from autograd_cli.render.look import Look
from autograd_cli.render.parts.numbers import array_text, is_shortened, range_text
from autograd_cli.trace import TensorValues, Trace, Value

CELL = 28
_WIDTH = 72
_ROWS = 4
_BRACKETS = {"list": ("[", "]"), "tuple": ("(", ")"), "dict": ("{", "}")}


def short_value(trace: Trace, value: Value, look: Look) -> str:
    """A tensor's numbers, a Python number or text, or what is in a container."""
    if value.tensor is not None:
        return short_tensor(value.tensor, look)
    if value.container is not None:
        return _short_container(trace, value)
    return shortened(str(value.scalar), CELL)


def _short_container(trace: Trace, value: Value) -> str:
    """Its elements where these are few numbers, or else how many there are."""
    opening, closing = _BRACKETS[str(value.container)]
    elements = [trace.values[element] for element in value.elements]
    count = "1 element" if len(elements) == 1 else f"{len(elements):,} elements"
    is_written_out = value.container != "dict" and len(elements) <= CELL
    if elements and not (is_written_out and all(_is_number(element) for element in elements)):
        return count
    comma = "," if len(elements) == 1 and value.container == "tuple" else ""
    text = f"{opening}{', '.join(str(element.scalar) for element in elements)}{comma}{closing}"
    return text if len(text) <= CELL else count


def _is_number(value: Value) -> bool:
    return value.tensor is None and isinstance(value.scalar, bool | int | float | complex)


def short_tensor(tensor: TensorValues, look: Look, room: int = CELL) -> str:
    """The numbers on one line where they fit, or else the range that they span."""
    text = _on_one_line(tensor, look, room)
    return range_text(tensor) if text is None else text


def is_one_line(tensor: TensorValues, look: Look, room: int = CELL) -> bool:
    """Whether the numbers fit on one line, or are too many to be shown."""
    return is_shortened(tensor, look) or _on_one_line(tensor, look, room) is not None


def _on_one_line(tensor: TensorValues, look: Look, room: int) -> str | None:
    """The numbers where there is room; else `all 1.` where they are all the same, or None."""
    if is_shortened(tensor, look):
        return None
    text = one_line(array_text(tensor, look, None))
    if len(text) <= room:
        return text
    words = {word for word in re.split(r"[\[\], ]+", text) if word}
    return f"all {words.pop()}" if len(words) == 1 else None


def tensor_text(tensor: TensorValues, look: Look, *, room: int = CELL, width: int = _WIDTH) -> str:
    """The numbers on one line where they fit the `room`, or else all in lines of this `width`.

    A tensor too large for that is shown as the range that its numbers span.
    """
    if is_one_line(tensor, look, room):
        return short_tensor(tensor, look, room)
    return block_text(tensor, look, min(width, _WIDTH))


def block_text(tensor: TensorValues, look: Look, width: int | None) -> str:
    """The numbers row by row, in lines of this `width`; those of a long column, one to a row, as running text."""
    text = array_text(tensor, look, width)
    if tensor.shape[-1:] != (1,) or text.count("\n") <= _ROWS:
        return text
    return "\n".join(textwrap.wrap(one_line(text), width or _WIDTH, subsequent_indent=" " * (len(tensor.shape) - 1)))


def one_line(text: str) -> str:
    """The rows of a matrix one after the other, without what aligns its columns."""
    words = " ".join(text.split())
    return words.replace("[ ", "[").replace(" ]", "]").replace(" ,", ",")
