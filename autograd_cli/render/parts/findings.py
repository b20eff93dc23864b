"""What there is to say of a run, gravest last, and the verdict: the end of a page, and all that `agx check` prints."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from autograd_cli.diagnostic import PROGRAM, Diagnostic, Severity
from autograd_cli.render.escape import visible
from autograd_cli.render.look import BAD, HEADING, QUIET, REMARK, Look
from autograd_cli.render.parts.diagnostics import diagnostic_block
from autograd_cli.render.parts.verdict import alarms, verdict
from autograd_cli.report import Report
from autograd_cli.spelling import spelled


def in_brief(report: Report, look: Look) -> list[RenderableType]:
    """What `agx grad` says of a run: errors as blocks, and everything else in a line each."""
    by_severity = {
        severity: [each for each in report.diagnostics if each.severity is severity] for severity in Severity
    }
    lines = [_line(each, report) for each in (*by_severity[Severity.NOTE], *by_severity[Severity.WARNING])]
    if by_severity[Severity.WARNING]:
        lines.append(Text(f"{spelled(option='agx explain', argument='explain(…)')} shows where and why", style=QUIET))
    parts: list[RenderableType] = [Group(*lines)] if lines else []
    parts += [diagnostic_block(each, report, look.width) for each in by_severity[Severity.ERROR]]
    return [each for part in parts for each in (part, Text())][:-1]


def found(report: Report, look: Look) -> list[RenderableType]:
    """Remarks in a line each, then problems as blocks; an empty line between them."""
    notes = [_line(each, report) for each in report.diagnostics if each.severity is Severity.NOTE]
    parts: list[RenderableType] = [Group(*notes)] if notes else []
    parts += [diagnostic_block(each, report, look.width) for each in alarms(report)]
    return [each for part in parts for each in (part, Text())][:-1]


def findings(report: Report, look: Look) -> list[RenderableType]:
    """The remarks and the problems, and the verdict."""
    parts = found(report, look)
    line = _verdict_line(report)
    return parts if line is None else [*parts, *([Text()] if parts else []), line]


def findings_page(report: Report, look: Look) -> Group:
    """The findings alone; the verdict names the file that it is about. Without a final empty line."""
    parts = found(report, look)
    line = _verdict_line(report)
    if line is None:
        return Group(*parts)
    name = "" if report.source_name == PROGRAM else f"{visible(report.source_name)}: "
    return Group(*parts, *([Text()] if parts else []), Text.assemble(name, line))


def _verdict_line(report: Report) -> Text | None:
    """The line as the last one of a page."""
    words = verdict(report)
    if words is None:
        return None
    severities = {each.severity for each in alarms(report)}
    style = BAD if Severity.ERROR in severities else REMARK if severities else HEADING
    head, colon, rest = words.partition(": ") if severities else (words, "", "")
    return Text.assemble((visible(head), style), visible(f"{colon}{rest}"))


def _line(diagnostic: Diagnostic, report: Report) -> Text:
    """A finding in one line."""
    style = REMARK if diagnostic.severity is Severity.NOTE else BAD
    title = f"{diagnostic.severity.value}[{diagnostic.rule}]"
    text = Text.assemble((title, style), f": {visible(diagnostic.message)}")
    if diagnostic.span is not None:
        text.append(f" ({report.place_of(diagnostic.span.line)})")
    return text
