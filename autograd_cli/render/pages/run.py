"""The page of `agx run`: how the script went, its parameters, the cuts on the way to its loss, and what is wrong."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autograd_cli.render.escape import visible
from autograd_cli.render.look import BAD, HEADING, QUIET, Look
from autograd_cli.render.parts.findings import findings
from autograd_cli.report import Course, Ran, Report, Trained

_ROWS = 12


def run_page(report: Report, look: Look) -> Group:
    """The page, without a final empty line."""
    body = report.body
    assert isinstance(body, Ran)
    course = body.course
    parts: list[RenderableType] = [_headline(report, course, look)]
    if course.parameters:
        parts += [Text(), _parameters(course.parameters, look)]
    cuts = _cuts(report, body)
    if cuts:
        parts += [Text(), *cuts]
    if course.unseen:
        parts += [Text(), *[Text(f"not observed: {visible(each)}", style=QUIET) for each in course.unseen]]
    return Group(*parts, Text(), *findings(report, look))


def _headline(report: Report, course: Course, look: Look) -> Text:
    passes = f"{course.passes:,} backward pass{'' if course.passes == 1 else 'es'}"
    words = [f"{visible(report.source_name)} {visible(course.ended)}", passes]
    if course.losses:
        words.append(f"loss {' → '.join(_number(each, look) for each in course.losses)}")
    return Text(": ".join([words[0], ", ".join(words[1:])]), style=HEADING)


# Parameters.


def _parameters(parameters: Sequence[Trained], look: Look) -> Group:
    """One row for each, those with trouble first; of many, the rest as a count of parameters and layers."""
    several = len({each.optimizer for each in parameters if each.optimizer is not None}) > 1
    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=QUIET)
    for heading in ("parameter", "shape", "optimizer", "‖grad‖", "‖last change‖"):
        made.add_column(heading, no_wrap=heading != "parameter", overflow="fold")
    rows = sorted(parameters, key=lambda each: not _is_trouble(each))
    shown = rows if look.full or len(rows) <= _ROWS else rows[:_ROWS]
    for each in shown:
        made.add_row(
            Text(visible(each.name)),
            Text(f"[{', '.join(map(str, each.shape))}]"),
            _optimizer(each, several=several),
            _gradient(each, look),
            Text("" if each.change is None else _number(each.change, look)),
        )
    rest = [Text(_rest(rows[len(shown) :]), style=QUIET)] if len(shown) < len(rows) else []
    return Group(made, *rest)


def _rest(left: Sequence[Trained]) -> str:
    layers: dict[str, int] = defaultdict(int)
    for each in left:
        layers[each.name.rpartition(".")[0]] += 1
    return f"and {len(left):,} more without trouble, in {len(layers):,} layers (--full shows them)"


def _is_trouble(each: Trained) -> bool:
    return each.gradient is None or not math.isfinite(each.gradient) or each.gradient == 0


def _optimizer(each: Trained, *, several: bool) -> Text:
    if each.optimizer is None:
        return Text("none", style=BAD)
    return Text(f"#{each.optimizer + 1}" if several else "yes")


def _gradient(each: Trained, look: Look) -> Text:
    if each.gradient is None:
        return Text("None", style=BAD)
    return Text(_number(each.gradient, look), style=BAD if _is_trouble(each) else "")


# Cuts.


def _cuts(report: Report, body: Ran) -> list[Text]:
    """The cuts that lie on a path to the loss, each place once."""
    found: dict[str, Text] = {}
    for cut in body.explanation.cuts:
        span = body.trace.values[cut.value].span
        if cut.feeds_backward and span is not None:
            piece = " ".join(span.cut(report.source).split())
            line = f"cut: {report.place_of(span.line)}, `{visible(piece)}`"
            found.setdefault(line, Text(line, style=QUIET))
    return list(found.values())


def _number(value: float, look: Look) -> str:
    return f"{value:.{look.precision}g}"
