"""The page of `agx run`: how the script went, its parameters, the cuts on the way to its loss, and what is wrong."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from autograd_cli.render.escape import visible
from autograd_cli.render.look import HEADING, QUIET, Look
from autograd_cli.render.parts.findings import findings
from autograd_cli.render.parts.parameters import parameter_table
from autograd_cli.report import Course, Ran, Report


def run_page(report: Report, look: Look) -> Group:
    """The page, without a final empty line."""
    body = report.body
    assert isinstance(body, Ran)
    course = body.course
    parts: list[RenderableType] = [_headline(report, course, look)]
    if course.parameters:
        parts += [Text(), parameter_table(course.parameters, look)]
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


def _cuts(report: Report, body: Ran) -> list[Text]:
    """The cuts that lie on a path to the loss, each place once; none where nothing was differentiated."""
    found: dict[str, Text] = {}
    for cut in body.explanation.cuts if body.trace.walks else ():
        span = body.trace.values[cut.value].span
        if cut.feeds_backward and span is not None:
            piece = " ".join(span.cut(report.source).split())
            line = f"cut: {report.place_of(span.line)}, `{visible(piece)}`"
            found.setdefault(line, Text(line, style=QUIET))
    return list(found.values())


def _number(value: float, look: Look) -> str:
    return f"{value:.{look.precision}g}"
