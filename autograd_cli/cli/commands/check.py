"""`agx check`: what is wrong with the gradients of a program, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Annotated

import typer

from autograd_cli.cli import completion, option_values, options
from autograd_cli.cli.arguments import Sorted
from autograd_cli.cli.delivery import Delivery
from autograd_cli.cli.request import Request, answer, check_program, make_request
from autograd_cli.cli.terminal import Color
from autograd_cli.diagnostic import COMMAND_LINE, Severity, Status, bad_request
from autograd_cli.modes import DEFAULT_MODE
from autograd_cli.process.supervise import Ready
from autograd_cli.render.formats.table import FORMATS
from autograd_cli.trace import Report

SUMMARY = "what is wrong, in short"
HELP = f"""Print what is wrong with the gradients of a program: a block for each problem, and one line as the verdict.

The program runs, as with agx explain. The exit code is 1 where there is an error: torch refused, or a gradient is
missing, NaN or infinite; with --strict, where there is a warning, too. Of several files it is the highest.

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
    expression: options.Program = None,  # noqa: ARG001 - read by cli.arguments
    *,
    var: options.Var = None,
    gradient: options.Gradient = None,
    file: options.File = None,  # noqa: ARG001 - read by cli.arguments
    wrt: options.Wrt = None,
    of: options.Of = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 for warnings, too.", rich_help_panel=options.OUTPUT)
    ] = False,
    no_requires_grad: options.NoRequiresGrad = False,
    no_grad: options.NoGrad = False,
    inference_mode: options.InferenceMode = False,
    detach: options.Detach = False,
    data: options.Data = False,
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
    json: Annotated[
        bool, typer.Option("--json", help="The same as --format json.", rich_help_panel=options.OUTPUT)
    ] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Print the program, repaired and tried.", rich_help_panel=options.OUTPUT)
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Print that repair as a patch.", rich_help_panel=options.OUTPUT)
    ] = False,
    color: options.ColorOption = Color.AUTO,
    lang: options.Lang = None,  # noqa: ARG001 - its pages have no translation yet
    seed: options.Seed = 0,
    dtype: options.Dtype = "float32",
    device: options.Device = "cpu",
    threads: options.Threads = None,
    timeout: options.Timeout = None,  # noqa: ARG001 - read by cli.arguments
    limit: options.LimitOption = None,  # noqa: ARG001 - read by cli.arguments
    debug: options.Debug = False,
) -> None:
    """Run `agx check`; HELP is what a user reads."""
    asked: tuple[Sorted, ...] = ctx.obj
    for each in asked:
        check_program(each)
    modes = {
        "no-requires-grad": no_requires_grad,
        "no-grad": no_grad,
        "inference-mode": inference_mode,
        "detach": detach,
        "data": data,
    }
    mode = options.chosen(modes, DEFAULT_MODE, "modes")
    formats = {
        "json": json or written is Written.JSON,
        "github": written is Written.GITHUB,
        "fix": fix,
        "diff": diff,
    }
    format_ = FORMATS[options.chosen(formats, "findings", "formats")]
    if fix and len(asked) > 1:
        message = "--fix prints one program, and there are several files"
        raise bad_request("usage", message, source=COMMAND_LINE, fix="use --diff: a patch may be of several files")

    def checked(request: Request, ready: Ready) -> Report:
        """The report; in JSON without the run itself, which is a thousand times as long."""
        report = request.explored(ready)
        is_warned = any(found.severity is Severity.WARNING for found in report.diagnostics)
        if strict and is_warned and report.status is Status.ANSWER:
            report = replace(report, status=Status.BAD_NEWS)
        return replace(report, traces=(), explanation=None) if format_ is FORMATS["json"] else report

    codes = []
    for each in asked:
        request = make_request(
            each,
            var=var,
            gradient=gradient,
            wrt=wrt,
            mode=mode,
            seed=seed,
            dtype=dtype,
            device=device,
            threads=threads,
            full=False,
        )
        request = replace(request, watch=True, counterfactuals=False, of=of)
        codes.append(answer(request, Delivery(format=format_, color=color), explored=checked, debug=debug))
    raise typer.Exit(max(codes))
