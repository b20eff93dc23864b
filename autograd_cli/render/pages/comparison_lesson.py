"""What stands before and after the comparison that teaches, with the numbers of its runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from autograd_cli.render.look import BAD, CODE, GRADIENT, HEADING, Look
from autograd_cli.render.parts.compared import Section
from autograd_cli.render.parts.short import short_tensor
from autograd_cli.report import Report

_ENDINGS = (
    "Right, it is exp(x): y + 1 is a new tensor, and the y that torch keeps stays as it was.",
    "Wrong, silently: .data changes the saved y without raising its version.",
    "Refused: .detach() shares the version counter, so torch notices.",
)


def is_lesson(report: Report) -> bool:
    """Whether the columns are several programs."""
    return len({column.report.source for column in report.columns}) > 1


def telling(sections: Iterable[Section]) -> list[Section]:
    """The rows that tell the programs apart, and what the tensors are."""
    return [
        replace(section, rows=tuple([row for row in section.rows if row.differs or row.name == "value"]))
        for section in sections
    ]


def before(report: Report, look: Look) -> Iterator[RenderableType]:
    """What is compared."""
    x = report.columns[0].report.trace.values[0].tensor
    assert x is not None
    yield Text("Three ways to add 1 to y = x.exp() before y.sum().backward()", style=HEADING)
    yield Text(
        f"With x = {short_tensor(x, look)}. The derivative of exp(x) + 1 is exp(x), and torch keeps\n"
        "that for the backward pass: it is the y that exp() made."
    )


def after(report: Report, look: Look) -> Iterator[RenderableType]:
    """What it means."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    right = report.columns[0].report.grads["x"]
    for column, words in zip(report.columns, _ENDINGS, strict=True):
        grad = column.report.grads["x"]
        is_right = grad is not None and right is not None and grad.values == right.values
        text = "None" if grad is None else short_tensor(grad, look)
        mark = "" if is_right or grad is None else f" {look.glyphs.refused}"
        shown = Text(f"{text}{mark}", style=GRADIENT if is_right else BAD)
        grid.add_row(Text(column.name, style=HEADING), shown, Text(words))
    yield Text()
    yield Text("What x.grad became:")
    yield grid
    yield Text()
    yield Text("Use .detach() when you want no tracking; never .data. Next:")
    program = report.columns[1].report.source
    yield Text(f'  agx explain "{program}" --x 0,1', style=CODE)
    yield Text(f'  agx compare "{program}" --x 0,1', style=CODE)
    yield Text("  agx explain --data", style=CODE)
