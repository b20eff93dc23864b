"""The parameters of a script as a table, those with trouble first; where there are many, a row for each layer."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from autograd_cli.render.escape import visible
from autograd_cli.render.look import BAD, QUIET, Look
from autograd_cli.report import Trained

ROWS = 12  # more parameters than this are told layer by layer, and more layers by the layer above
_HEADINGS = ("parameter", "shape", "optimizer", "‖grad‖", "‖last change‖")


def parameter_table(parameters: Sequence[Trained], look: Look) -> Table:
    """The table; with `full`, a row for each parameter."""
    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=QUIET)
    for heading in _HEADINGS:
        made.add_column(heading, no_wrap=heading != "parameter", overflow="fold")
    numbers = {each.optimizer for each in parameters if each.optimizer is not None}
    for layer in _rows(parameters, look):
        made.add_row(*_row(layer, look, several=len(numbers) > 1))
    return made


def _rows(parameters: Sequence[Trained], look: Look) -> Iterator[Sequence[Trained]]:
    """The parameters of each row."""
    parts = [each for each in parameters if _is_trouble(each)], [each for each in parameters if not _is_trouble(each)]
    if look.full or len(parameters) <= ROWS:
        yield from ([each] for each in itertools.chain(*parts))
        return
    for part in parts:
        yield from _folded(part)


def _folded(parameters: Sequence[Trained]) -> Iterator[Sequence[Trained]]:
    """Each alone, where there are few; else those of each layer, as deep as there are few enough layers.

    Where names have no layers, the first of them, and the others as one.
    """
    depth = max((each.name.count(".") for each in parameters), default=0) + 1
    layers = {each.name: [each] for each in parameters}
    while len(layers) > ROWS and depth > 1:
        depth -= 1
        layers = {}
        for each in parameters:
            layers.setdefault(".".join(each.name.split(".")[:depth]), []).append(each)
    rows = list(layers.values())
    yield from rows[:ROWS]
    if len(rows) > ROWS:
        yield [each for row in rows[ROWS:] for each in row]


def _is_trouble(each: Trained) -> bool:
    return each.gradient is None or not math.isfinite(each.gradient) or each.gradient == 0


def _row(layer: Sequence[Trained], look: Look, *, several: bool) -> Iterator[Text]:
    alone = layer[0] if len(layer) == 1 else None
    yield Text(visible(_common([each.name for each in layer])))
    yield Text(f"{len(layer):,} of them", style=QUIET) if alone is None else Text(str(list(alone.shape)))
    yield _optimizers({each.optimizer for each in layer}, several=several)
    yield _gradients([each.gradient for each in layer], look)
    yield Text(_range([each.change for each in layer if each.change is not None], look))


def _common(names: Sequence[str]) -> str:
    """The name, or the path of the layer that all of them are in."""
    if len(names) == 1:
        return names[0]
    columns = zip(*(name.split(".") for name in names), strict=False)
    same = [parts[0] for parts in itertools.takewhile(lambda parts: len(set(parts)) == 1, columns)]
    return ".".join([*same, "*"])


def _optimizers(numbers: set[int | None], *, several: bool) -> Text:
    words = [f"#{number + 1}" if several else "yes" for number in sorted(each for each in numbers if each is not None)]
    found = Text(", ".join(words))
    if None in numbers:
        found.append(", some none" if words else "none", style=BAD)
    return found


def _gradients(norms: Sequence[float | None], look: Look) -> Text:
    """From the smallest to the largest, behind what is wrong with some."""
    wrong = ["None"] * (None in norms) + ["nan"] * any(each is not None and math.isnan(each) for each in norms)
    found = Text().append(", ".join(wrong), style=BAD)
    numbers = [each for each in norms if each is not None and not math.isnan(each)]
    if numbers:
        is_bad = min(numbers) == 0 or math.isinf(max(numbers))
        found.append(", " * bool(wrong)).append(_range(numbers, look), style=BAD if is_bad else "")
    return found


def _range(numbers: Sequence[float], look: Look) -> str:
    ends = [f"{each:.{look.precision}g}" for each in (min(numbers), max(numbers))] if numbers else []
    return " … ".join(dict.fromkeys(ends))
