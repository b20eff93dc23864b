"""A value in the room of a table's cell."""

from __future__ import annotations

from autograd_cli.render.escape import shortened
from autograd_cli.render.look import Look
from autograd_cli.render.numbers import array_text, statistics
from autograd_cli.trace import TensorValues, Value

CELL = 26


def short_value(value: Value, look: Look) -> str:
    """A tensor's numbers, a Python number or text, or how many elements a sequence has."""
    if value.tensor is not None:
        return short_tensor(value.tensor, look)
    if value.elements:
        return "1 element" if len(value.elements) == 1 else f"{len(value.elements):,} elements"
    return shortened(str(value.scalar), CELL)


def short_tensor(tensor: TensorValues, look: Look, room: int = CELL) -> str:
    """The numbers on one line where they fit, or else the range that they span."""
    text = " ".join(array_text(tensor, look, None).split())
    if len(text) <= room:
        return text
    minimum, maximum, _, nan_count, _ = statistics(tensor)
    words = []
    if minimum is not None and maximum is not None:
        words = [f"all {minimum:.4g}" if minimum == maximum else f"min {minimum:.3g} max {maximum:.3g}"]
    words += [f"NaN {nan_count:,}"] if nan_count else []
    return " ".join(words) or f"{tensor.numel:,} elements"
