"""A Report → the format that was asked for, in the place that was asked for, and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import PurePath

from autograd_cli.cli import terminal
from autograd_cli.cli.terminal import Color
from autograd_cli.diagnostic import AgxError, Severity, Status, bad_request
from autograd_cli.render.look import Look
from autograd_cli.trace import Report


class Format(StrEnum):
    """What stdout gets."""

    PAGE = "page"
    JSON = "json"
    VALUES = "values"
    PYTHON = "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Where a Report goes, and as what. `file` takes the place of stdout."""

    format: Format
    color: Color
    precision: int
    depth: int | None
    full: bool
    file: str | None


def check_file(path: str) -> None:
    """Make sure that the format of an output file is known, before any work is done.

    Raises:
        AgxError: it is not.
    """
    if PurePath(path).suffix.lower() not in _FILES:
        message = f"the format of {path} is not known"
        raise bad_request("unknown-file-kind", message, source="--output", fix=f"use one of {' '.join(_FILES)}")


def deliver(report: Report, delivery: Delivery) -> int:
    """Write the Report, and return the exit code of the process."""
    look = terminal.look_of(sys.stdout, precision=delivery.precision, depth=delivery.depth, full=delivery.full)
    try:
        if delivery.file is not None and (report.traces or delivery.format is not Format.JSON):
            _to_file(report, delivery.file, look)
        else:
            _to_stdout(report, delivery, look)
    except AgxError as error:
        diagnostics = (error.diagnostic, *report.diagnostics)
        report = replace(report, status=error.status, traces=(), diagnostics=diagnostics)
        if delivery.format is Format.JSON:
            _to_stdout(report, delivery, look)
    _to_stderr(report, delivery)
    return report.status.exit_code


def _to_stdout(report: Report, delivery: Delivery, look: Look) -> None:
    if delivery.format is Format.JSON:
        from autograd_cli.render.json_text import json_text

        _print(f"{json_text(report)}\n")
    elif not report.traces:
        return
    elif delivery.format is Format.VALUES:
        from autograd_cli.render.values import values_text

        _print(values_text(report))
    elif delivery.format is Format.PYTHON:
        from autograd_cli.render.pytorch import pytorch_text

        _print(pytorch_text(report))
    else:
        from autograd_cli.render.page import page

        terminal.print_page(page(report, look), sys.stdout, delivery.color, look.width)


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _to_stderr(report: Report, delivery: Delivery) -> None:
    """What is wrong, for a person, where stdout does not say it in a person's words."""
    on_page = delivery.format is Format.PAGE and report.traces and delivery.file is None
    for diagnostic in report.diagnostics:
        if diagnostic.severity is not Severity.ERROR or (on_page and report.status is Status.BAD_NEWS):
            continue
        terminal.print_diagnostic(diagnostic, report, delivery.color)


def _to_file(report: Report, path: str, look: Look) -> None:
    if report.traces:
        terminal.write_file(path, _FILES[PurePath(path).suffix.lower()](report, replace(look, width=None)))


def _json_file(report: Report, _look: Look) -> str:
    from autograd_cli.render.json_text import json_text

    return f"{json_text(report)}\n"


def _text_file(report: Report, look: Look) -> str:
    from autograd_cli.render import picture

    return picture.plain_text(report, look)


def _svg_file(report: Report, look: Look) -> str:
    from autograd_cli.render import picture

    return picture.svg(report, look)


def _html_file(report: Report, look: Look) -> str:
    from autograd_cli.render import picture

    return picture.html(report, look)


_FILES: dict[str, Callable[[Report, Look], str]] = {
    ".json": _json_file,
    ".txt": _text_file,
    ".svg": _svg_file,
    ".html": _html_file,
}
