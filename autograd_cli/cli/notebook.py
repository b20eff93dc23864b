"""The cell magic `%%agx`: the options of `agx explain` on its line, the program in its cell, the Report as its output.

`%%agx run` runs the cell itself, observed, with the options of `agx run`.

`%load_ext autograd_cli` registers it. IPython calls it, and nothing here needs IPython.
"""

from __future__ import annotations

import contextlib
import functools
import shlex
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any

import typer

from autograd_cli.api import ShownReport, shown
from autograd_cli.cli.app import bad_value, commands, without_program
from autograd_cli.cli.commands.run import RUN
from autograd_cli.cli.delivery import Delivery, render, render_error, write
from autograd_cli.cli.request import ANSWER, Call, UseCase, answer
from autograd_cli.cli.script_command import Words
from autograd_cli.diagnostic import COMMAND_LINE, AgxError, bad_request
from autograd_cli.render.formats.table import PAGE
from autograd_cli.render.look import Look
from autograd_cli.tasks.explore import nothing
from autograd_cli.tasks.run import RunRequest

_COMMAND = "explain"
_RUN = "run"


def register(ipython: Any) -> None:  # noqa: ANN401 - IPython's shell
    """Give IPython the magic."""

    @functools.wraps(agx)
    def magic(line: str, cell: str) -> ShownReport | None:
        return agx(line, cell, ipython)

    ipython.register_magic_function(magic, "cell", "agx")


def agx(line: str, cell: str, ipython: Any) -> ShownReport | None:  # noqa: ANN401 - IPython's shell
    """Explain the program in this cell, with the options of `agx explain` on the magic's line: %%agx --x 1,2 --of y.

    %%agx run runs the cell as Python, among the notebook's variables, and says what happened to its gradients: %%agx
    run --of net.fc1.weight. It has the options of `agx run`.
    """
    try:
        options = shlex.split(line)
    except ValueError as error:
        fault = bad_request("usage", f"the options cannot be read: {error}", source=COMMAND_LINE)
        return _refused(_COMMAND, [], fault)
    is_run = options[:1] == [_RUN]
    name = _RUN if is_run else _COMMAND
    words = [*options[1:], "--", "cell"] if is_run else [*options, "--", cell.strip("\n")]
    try:
        return _ran(words, cell, ipython) if is_run else _explained(words)
    except AgxError as error:
        return _refused(name, words, error)
    except typer.BadParameter as error:
        return _refused(name, words, bad_value([name, *words], error))


def _ran(words: Sequence[str], cell: str, ipython: Any) -> ShownReport | None:  # noqa: ANN401 - IPython's shell
    """The Report of a cell that was run; what the cell raised is raised again after the Report is shown."""
    reports: list[ShownReport] = []
    raised: list[BaseException] = []

    def run_here(request: RunRequest, _words: Words, delivery: Delivery, *, debug: bool) -> None:
        from autograd_cli.tasks.cell import run_cell

        text = ipython.transform_cell(cell) if hasattr(ipython, "transform_cell") else cell
        report, error = run_cell(request, text, ipython.user_ns, f"cell {getattr(ipython, 'execution_count', 1)}")
        raised.extend([] if error is None else [error])
        if delivery.format is PAGE and delivery.file is None:
            reports.append(shown(report, delivery.look, is_for_python=False))
        else:
            failed = partial(render_error, report=replace(report, body=None), delivery=delivery, debug=debug)
            write(render(report, delivery), failed)

    command = commands().commands[_RUN]
    with contextlib.suppress(typer.Exit), command.make_context(_RUN, [*words]) as context:
        context.meta[RUN] = run_here
        command.invoke(context)
    if raised:
        for report in reports:
            _display(report)
        raise raised[0]
    return reports[0] if reports else None


def _display(report: ShownReport) -> None:
    """Show a report that cannot be the value of its cell."""
    with contextlib.suppress(ImportError):
        import_module("IPython.display").display(report)
        return
    print(report)  # noqa: T201 - there is only stdout


def _explained(words: Sequence[str]) -> ShownReport | None:
    """The Report of the command, where it is to be shown as a page; else None, and the command writes it itself."""
    reports: list[ShownReport] = []

    def answer_here(call: Call, use_case: UseCase, delivery: Delivery, *, debug: bool) -> int:
        if delivery.format is not PAGE or delivery.file is not None:
            return answer(call, use_case, delivery, debug=debug)
        report = call.placed(use_case(nothing))
        reports.append(shown(report, delivery.look, is_for_python=False))
        return report.status.exit_code

    command = commands().commands[_COMMAND]
    with contextlib.suppress(typer.Exit), command.make_context(_COMMAND, [*words]) as context:
        context.meta[ANSWER] = answer_here
        command.invoke(context)
    return reports[0] if reports else None


def _refused(name: str, words: Sequence[str], error: AgxError) -> ShownReport:
    """The Report of options that cannot be understood."""
    report = without_program([name, *words])
    report = replace(report, status=error.status, diagnostics=(error.diagnostic,))
    return shown(report, Look(), is_for_python=False)
