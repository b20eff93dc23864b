"""`agx run`: a script of the user's own, run by Python and observed."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograd_cli.cli import completion, option_values, options
from autograd_cli.cli.delivery import Delivery, delivery_of, render, render_error
from autograd_cli.cli.script_command import Words
from autograd_cli.cli.terminal import screen_of
from autograd_cli.diagnostic import COMMAND_LINE, AgxError, bad_request
from autograd_cli.engine.observe.frames import KEPT
from autograd_cli.engine.observe.stopping import Until
from autograd_cli.files.similar import similar_file
from autograd_cli.lang.notebook import NotebookError
from autograd_cli.process import role
from autograd_cli.process.answer import Answer
from autograd_cli.report import Ran, Report

if TYPE_CHECKING:
    from autograd_cli.engine.observe.script import Script
    from autograd_cli.tasks.run import RunRequest

RUN = "autograd_cli.run"  # in the `meta` of the command's context: what runs in place of a script, such as a cell
SUMMARY = "a script of your own, and why"
HELP = """Run a script as python does, and say what happened to its gradients.

\b
  agx run [OPTIONS] SCRIPT.py [ARGS]...
  agx run [OPTIONS] -m MODULE [ARGS]...
  agx run [OPTIONS] NOTEBOOK.ipynb

Python itself runs it, here, with all that it imports: run only code that you trust. It prints, writes and ends as it
would without agx. The report follows on stderr. With a format such as --json the report goes to stdout, and what the
script prints goes to stderr.

The script and the modules below its directory are looked into; what a library does is one operation, where you call it.
Of a long run only the last rounds are kept, each with the passes up to a step of an optimizer; once gradients are no
longer finite, all from that pass on, as long as there is room. The exit code is the script's own; where that is 0 and a
gradient is missing, NaN or infinite, it is 1.

\b
Examples:
  agx run train.py --epochs 2
  agx run --json train.py > report.json
  agx run --until nan --stop-after 1000 train.py
  agx run --explain --of net.fc1.weight train.py
"""


def run(  # noqa: PLR0913 - the options of the command
    ctx: typer.Context,
    script: Annotated[
        str | None,
        typer.Argument(metavar="SCRIPT", help="A file, and its arguments.", show_default=False),
    ] = None,
    *,
    module: Annotated[
        str | None,
        typer.Option("-m", metavar="MODULE", help="Run a module, as python -m does.", rich_help_panel=options.RUN),
    ] = None,
    observe: Annotated[
        list[str] | None,
        typer.Option(metavar="WHERE", help="Look into this directory or module, too.", rich_help_panel=options.RUN),
    ] = None,
    passes: Annotated[
        int,
        typer.Option(
            metavar="N",
            help=f"Keep the last N rounds of a long run: the passes up to a step (default: {KEPT}).",
            parser=option_values.whole_number(1, 10**6, "a whole number, 1 or more"),
            show_default=False,
            rich_help_panel=options.RUN,
        ),
    ] = KEPT,
    stop_after: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Stop the script after N backward passes.",
            parser=option_values.whole_number(1, 10**9, "a whole number, 1 or more"),
            rich_help_panel=options.RUN,
        ),
    ] = None,
    step: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Show the round of backward pass N (default: the last).",
            parser=option_values.whole_number(1, 10**9, "a whole number, 1 or more"),
            rich_help_panel=options.RUN,
        ),
    ] = None,
    until: Annotated[
        list[Until] | None,
        typer.Option(
            metavar="WHAT",
            help="Stop it at a gradient that is nan, missing or zero, or an error that it catches.",
            parser=option_values.one_of(Until),
            autocompletion=completion.one_of(Until),
            rich_help_panel=options.RUN,
        ),
    ] = None,
    rank: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Of the processes that torchrun starts, observe this one (default: 0).",
            parser=option_values.whole_number(0, 10**9, "a whole number, 0 or more"),
            show_default=False,
            rich_help_panel=options.RUN,
        ),
    ] = 0,
    tries: Annotated[
        bool,
        typer.Option(
            "--try", help="Run the script again for each fix, to see if it works.", rich_help_panel=options.RUN
        ),
    ] = False,
    edits: Annotated[str | None, typer.Option(hidden=True)] = None,
    of: options.Of = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show the whole page of agx explain.", rich_help_panel=options.OUTPUT)
    ] = False,
    formats: Annotated[tuple[str, ...], options.formats(Ran)],
    page: options.Page,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of a bug in agx.", rich_help_panel=options.RUN)
    ] = False,
) -> None:
    """Run `agx run`; HELP is what a user reads."""
    del script, module  # `ctx.obj` has them, with what follows
    words: Words = ctx.obj
    run_it = ctx.meta.get(RUN, _run)
    if run_it is _run:
        _check(words)
    delivery = delivery_of(page, formats)
    if explain:
        delivery = replace(delivery, page=replace(delivery.page, whole=True))
    from autograd_cli.engine.observe.script import Script
    from autograd_cli.tasks.run import RunRequest
    from autograd_cli.tasks.trial import read_edits

    assert words.target is not None
    asked = Script(target=words.target, arguments=words.arguments, is_module=words.is_module)
    places = (os.path.realpath(asked.directory), *[_place(asked, each) for each in observe or ()])
    request = RunRequest(
        script=asked,
        places=places,
        of=of,
        passes=passes,
        stop_after=stop_after,
        step=step,
        until=frozenset(until or ()),
        rank=rank,
        tries=tries,
        edits=() if edits is None else read_edits(edits),
    )
    run_it(request, words, delivery, debug=debug)


def _place(script: Script, where: str) -> str:
    """A directory, or where a module is.

    Raises:
        AgxError: there is no such thing.
    """
    if where.partition(".")[0] == "torch":
        raise bad_request("usage", "--observe looks into what calls torch, not into torch", source=COMMAND_LINE)
    found = where if Path(where).exists() else script.module_files(where)
    if found is None:
        raise bad_request("unreadable-file", f"there is no directory and no module {where}", source=COMMAND_LINE)
    return os.path.realpath(found)


def _check(words: Words) -> None:
    """Make sure that there is something to run.

    Raises:
        AgxError: there is not.
    """
    if words.target is None:
        message = "there is no script"
        raise bad_request("usage", message, source=COMMAND_LINE, fix="write one: agx run train.py")
    if not words.is_module and not Path(words.target).exists():
        message = f"there is no file {words.target}"
        near = similar_file(words.target)
        label = None if near is None else f"did you mean {near}?"
        raise bad_request("unreadable-file", message, source=COMMAND_LINE, label=label)


def _run(request: RunRequest, words: Words, delivery: Delivery, *, debug: bool) -> None:
    from autograd_cli.engine.observe.endings import leave
    from autograd_cli.engine.observe.script import stdout_to_stderr
    from autograd_cli.tasks.run import run as run_script

    is_page = delivery.format.page is not None and delivery.file is None
    if is_page:  # it comes behind what the script prints, and not into it
        delivery = replace(delivery, stdout=screen_of(sys.stderr))
        answers = 2
    else:
        answers = stdout_to_stderr()
    role.work_here()
    line = f"agx run {' '.join([*words.options, request.script.target, *words.arguments])}"

    def tell(report: Report) -> int:
        return _write(replace(report, command_line=line), delivery, answers, debug=debug)

    try:
        ending, code = run_script(request, tell)
    except (OSError, NotebookError) as error:
        words_ = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise bad_request(
            "unreadable-file", f"{request.script.target} cannot be run: {words_}", source=COMMAND_LINE
        ) from None
    leave(ending, code) if ending.exit_code == 0 and code else leave(ending)


def _write(report: Report, delivery: Delivery, answers: int, *, debug: bool) -> int:
    """Write what there is to say, behind what the script has written; the exit code that it asks for."""
    try:
        answer = render(report, delivery)
    except Exception as error:  # noqa: BLE001 - a bug or an AgxError is reported, and the script still ends as it does
        answer = render_error(error, replace(report, body=None), delivery, debug=debug)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # closed, or replaced by the script
            continue
    _write_file(answer)
    _write_to(answers, answer.stdout)
    _write_to(2, answer.stderr)
    return answer.exit_code


def _write_file(answer: Answer) -> None:
    from autograd_cli.cli import terminal

    if answer.file is None:
        return
    try:
        terminal.write_file(*answer.file)
    except AgxError as error:
        _write_to(2, f"{error.diagnostic.message}\n")


def _write_to(descriptor: int, text: str) -> None:
    if text:
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace", closefd=False) as stream:
            stream.write(text)
