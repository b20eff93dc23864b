"""`agx check`: what is wrong with the gradients of a program, and nothing else."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import Annotated

import typer

from autograd_cli.cli import completion, option_values, options
from autograd_cli.cli.arguments import Sorted
from autograd_cli.cli.delivery import Delivery
from autograd_cli.cli.request import answer, call_of, check_program
from autograd_cli.cli.terminal import Color
from autograd_cli.diagnostic import COMMAND_LINE, bad_request
from autograd_cli.modes import DEFAULT_MODE
from autograd_cli.render.formats.table import FORMATS
from autograd_cli.report import Checked
from autograd_cli.tasks import check as checking

SUMMARY = "what is wrong, in short"
HELP = f"""Print what is wrong with the gradients of a program: a block for each problem, and one line as the verdict.

The program runs, as with agx explain. The exit code is 1 where there is an error: torch refused, or a gradient is
missing, NaN or infinite; with --strict, where there is a warning, too. For several files it is the highest of
theirs.

{options.PROGRAM_HELP}

\b
Examples:
  agx check train.py model.py
  agx check "log(x).sum()" --x 0,1
  agx check train.py --strict --format github
  agx check train.py --diff | git apply
"""


class Written(StrEnum):
    """How the findings are written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def check(  # noqa: PLR0913 - the options of the command
    ctx: typer.Context,
    *,
    given: options.Given,
    of: options.Of = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 for warnings, too.", rich_help_panel=options.OUTPUT)
    ] = False,
    modes: options.OneMode,
    written: Annotated[
        Written,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="text, json or github (annotations of a workflow).",
            parser=option_values.one_of(Written),
            autocompletion=completion.one_of(Written),
            show_default=False,
            rich_help_panel=options.OUTPUT,
        ),
    ] = Written.TEXT,
    formats: Annotated[tuple[str, ...], options.formats(Checked, json="The same as --format json.")],
    color: options.ColorOption = Color.AUTO,
    lang: options.Lang = None,  # noqa: ARG001 - its pages have no translation yet
    run: options.Run,
) -> None:
    """Run `agx check`; HELP is what a user reads."""
    asked: tuple[Sorted, ...] = ctx.obj
    for each in asked:
        check_program(each)
    mode = options.chosen(modes, DEFAULT_MODE, "modes")
    wanted = [name for name in FORMATS if name in {written.value, *formats}]
    format_ = FORMATS[options.chosen(wanted, "page", "formats")]
    if format_.name == "fix" and len(asked) > 1:
        message = "--fix prints one program, and there are several files"
        raise bad_request("usage", message, source=COMMAND_LINE, fix="use --diff: a patch may be of several files")
    codes = []
    for each in asked:
        call = call_of(each, given, run.settings(each.limits), mode=mode, of=of)
        use_case = partial(checking.check, call.request, strict=strict)
        codes.append(answer(call, use_case, Delivery(format=format_, color=color), debug=run.debug))
    raise typer.Exit(max(codes))
