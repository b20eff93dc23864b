"""The cell magic `%%agx`: the options of `agx explain` on its line, the program in its cell, the Report as its output.

`%load_ext autograd_cli` registers it. IPython calls it, and nothing here needs IPython.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import typer
from typer.main import get_command

from autograd_cli.api import ShownReport, shown
from autograd_cli.cli.app import app, bad_value, without_program
from autograd_cli.cli.command import Commands
from autograd_cli.cli.delivery import Delivery
from autograd_cli.cli.request import ANSWER, Call, UseCase, answer
from autograd_cli.diagnostic import COMMAND_LINE, AgxError, bad_request
from autograd_cli.render.formats.table import PAGE
from autograd_cli.render.look import Look
from autograd_cli.tasks.explore import nothing

_COMMAND = "explain"


def register(ipython: Any) -> None:  # noqa: ANN401 - IPython's shell
    """Give IPython the magic."""
    ipython.register_magic_function(agx, "cell", "agx")


def agx(line: str, cell: str) -> ShownReport | None:
    """Explain the program in this cell, with the options of `agx explain` on the magic's line: %%agx --x 1,2 --of y."""
    try:
        options = shlex.split(line)
    except ValueError as error:
        fault = bad_request("usage", f"the options cannot be read: {error}", source=COMMAND_LINE)
        return _refused([], fault)
    words = [*options, "--", cell.strip("\n")]
    try:
        return _explained(words)
    except AgxError as error:
        return _refused(words, error)
    except typer.BadParameter as error:
        return _refused(words, bad_value([_COMMAND, *words], error))


def _explained(words: Sequence[str]) -> ShownReport | None:
    """What the command comes to: the Report, where it is to be shown as a page; else the command writes."""
    reports: list[ShownReport] = []

    def answer_here(call: Call, use_case: UseCase, delivery: Delivery, *, debug: bool) -> int:
        if delivery.format is not PAGE or delivery.file is not None:
            return answer(call, use_case, delivery, debug=debug)
        report = call.placed(use_case(nothing))
        reports.append(shown(report, delivery.look, is_for_python=False))
        return report.status.exit_code

    command = cast("Commands", get_command(app)).commands[_COMMAND]
    with contextlib.suppress(typer.Exit), command.make_context(_COMMAND, [*words]) as context:
        context.meta[ANSWER] = answer_here
        command.invoke(context)
    return reports[0] if reports else None


def _refused(words: Sequence[str], error: AgxError) -> ShownReport:
    """The Report of options that cannot be understood."""
    report = without_program([_COMMAND, *words])
    report = replace(report, status=error.status, diagnostics=(error.diagnostic,))
    return shown(report, Look(), is_for_python=False)
