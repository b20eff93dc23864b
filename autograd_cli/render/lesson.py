"""What stands before and after the comparison that teaches, with the numbers of its runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rich.console import RenderableType
from rich.text import Text

from autograd_cli.render.compared import Section
from autograd_cli.render.look import BAD, GRADIENT, HEADING, QUIET, Look
from autograd_cli.render.short import short_tensor
from autograd_cli.trace import Column, Report


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
    yield Text.assemble(
        ("Three ways to add 1 to y = x.exp()", HEADING),
        f", before y.sum().backward(), with x = {short_tensor(x, look)}.\n"
        "The derivative of exp(x) + 1 is exp(x): torch keeps exp(x) for the backward pass, and that is y.",
    )
    yield Text()


def after(report: Report, look: Look) -> Iterator[RenderableType]:
    """What it means."""
    right, wrong, refused = report.columns
    yield Text()
    yield _ending(
        right, "Right: that is exp(x). The sum is a new tensor, and the y that torch keeps stays as it was.", look
    )
    yield _ending(
        wrong, "Wrong, and nothing says so: .data changes the y that torch keeps, and leaves its version at 0.", look
    )
    yield _ending(
        refused, "Refused: .detach() shares the memory too, but also the version, by which torch notices.", look
    )
    yield Text()
    yield Text("So write .detach() where a part is not to be tracked, and .data nowhere. The same in every mode:")
    yield Text(f'  agx compare "{wrong.report.source}" --x 0,1', style=QUIET)
    yield Text(f'  agx grad "{wrong.report.source}" --x 0,1', style=QUIET)


def _ending(column: Column, words: str, look: Look) -> Text:
    grad = column.report.grads["x"]
    shown = ("None", BAD) if grad is None else (short_tensor(grad, look), GRADIENT)
    return Text.assemble((column.name, HEADING), "  x.grad is ", shown, f". {words}")
