"""A Report → an Answer in the format that was asked for; an Answer → stdout, stderr and the output file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from autograd_cli.cli import terminal
from autograd_cli.cli.options import Page, chosen
from autograd_cli.cli.terminal import Color, Screen, screen_of
from autograd_cli.diagnostic import COMMAND_LINE, AgxError, Diagnostic, Severity, Status, bad_request
from autograd_cli.process.answer import Answer
from autograd_cli.render.formats.table import FILES, FORMATS, PAGE, Format
from autograd_cli.render.look import Look
from autograd_cli.report import Report, Taught

_BUG = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Where a Report goes, and in which format: to `file` if there is one, else to stdout and drawn to fit it."""

    format: Format
    color: Color = Color.AUTO
    page: Look = field(default_factory=Look)
    file: str | None = None
    stdout: Screen = field(default_factory=lambda: screen_of(sys.stdout))
    stderr: Screen = field(default_factory=lambda: screen_of(sys.stderr))

    @property
    def look(self) -> Look:
        """How a page looks on stdout."""
        return replace(self.page, width=self.stdout.width, glyphs=self.stdout.glyphs)


def delivery_of(page: Page, formats: Sequence[str], *, language: str = "en") -> Delivery:
    """The delivery that the options ask for; `formats` are the names of those that are given.

    Raises:
        AgxError: two formats are given, or the name of the output file means another one or none that is known.
    """
    format_ = FORMATS[chosen(formats, PAGE.name, "formats")]
    _check_file(page.output, format_)
    look = Look(precision=page.precision, depth=page.depth, full=page.full, language=language)
    return Delivery(format=format_, color=page.color, page=look, file=page.output)


def _check_file(path: str | None, format_: Format) -> None:
    """Make sure that the format of an output file is known, and no other than `format_`, before any work is done.

    Raises:
        AgxError: it is not.
    """
    if path is None:
        return
    suffix = PurePath(path).suffix.lower()
    if suffix not in FILES:
        message = f"the format of {path} is not known"
        raise bad_request("unknown-file-kind", message, source="--output", fix=f"use one of {' '.join(FILES)}")
    if format_ not in (PAGE, FILES[suffix]):
        option = f"--{format_.name}"
        message = f"{option} and --output {path} are two formats: choose one"
        fix = f"leave out {option}: the name of the file says its format"
        raise bad_request("usage", message, source=COMMAND_LINE, fix=fix)


def render(report: Report, delivery: Delivery) -> Answer:
    """What there is to write for the Report, and the exit code of the process."""
    try:
        stdout, file = _texts(report, delivery)
    except AgxError as error:
        diagnostics = (error.diagnostic, *report.diagnostics)
        report = replace(report, status=error.status, body=None, diagnostics=diagnostics)
        stdout, file = _texts(report, delivery)
    is_repaired = delivery.format.repair and report.is_answered
    exit_code = 0 if is_repaired else report.status.exit_code
    return Answer(exit_code=exit_code, stdout=stdout, stderr=_errors(report, delivery), file=file)


def render_error(error: Exception, report: Report, delivery: Delivery, *, debug: bool = False) -> Answer:
    """The same for a request that ended with `error`: a bug, if it is no AgxError. `report` says what was asked."""
    if isinstance(error, AgxError):
        return render(replace(report, status=error.status, diagnostics=(error.diagnostic,)), delivery)
    diagnostic = Diagnostic(
        rule="bug",
        severity=Severity.ERROR,
        message=f"agx failed: {type(error).__name__}: {error}",
        fix="this is a bug of agx; --debug shows the traceback",
    )
    answer = render(replace(report, status=Status.BAD_REQUEST, diagnostics=(diagnostic,)), delivery)
    if debug:
        import traceback

        answer = replace(answer, stderr="".join(traceback.format_exception(error)))
    return replace(answer, exit_code=_BUG)


def write(answer: Answer, on_error: Callable[[Exception], Answer]) -> int:
    """Write an Answer, or what `on_error` makes of a file that cannot be written; the exit code of the process."""
    if answer.file is not None:
        try:
            terminal.write_file(*answer.file)
        except AgxError as error:
            answer = on_error(error)
    for stream, text in ((sys.stdout, answer.stdout), (sys.stderr, answer.stderr)):
        if text:
            stream.write(text)
            stream.flush()
    return answer.exit_code


def _texts(report: Report, delivery: Delivery) -> tuple[str, tuple[str, str] | None]:
    """What stdout gets, and what a file gets in its place."""
    if delivery.file is None or not report.is_answered:
        return _for_stdout(report, delivery), None
    text = FILES[PurePath(delivery.file).suffix.lower()].text
    assert text is not None
    return "", (delivery.file, text(report, replace(delivery.look, width=None)))


def _for_stdout(report: Report, delivery: Delivery) -> str:
    if not (report.is_answered or delivery.format.of_errors):
        return ""
    if delivery.format.text is not None:
        return delivery.format.text(report, delivery.look)
    assert delivery.format.page is not None
    return terminal.page_text(delivery.format.page(report, delivery.look), delivery.stdout, delivery.color)


def _errors(report: Report, delivery: Delivery) -> str:
    """What is wrong, for a person, unless stdout says it."""
    is_told = delivery.format.tells_all and delivery.file is None and (report.is_answered or delivery.format.of_errors)
    if isinstance(report.body, Taught) or is_told:
        return ""
    from autograd_cli.render.parts.verdict import alarms

    left = list(alarms(report))
    told = ""
    if delivery.format.repair and report.is_answered:
        from autograd_cli.render.formats.repaired import fixed, fixed_text

        told = fixed_text(report)
        left = [found for found in left if found is not fixed(report)]
    return told + "".join(_block_text(found, report, delivery) for found in left)


def _block_text(diagnostic: Diagnostic, report: Report, delivery: Delivery) -> str:
    from autograd_cli.render.parts.diagnostics import diagnostic_block

    block = diagnostic_block(diagnostic, report, delivery.stderr.width)
    return terminal.page_text(block, delivery.stderr, delivery.color)
