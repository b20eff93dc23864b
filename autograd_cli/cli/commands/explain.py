"""`agx explain`: what torch recorded of a program and what it did not, and why; without one, a lesson."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import typer

from autograd_cli.cli import options
from autograd_cli.cli.arguments import Sorted
from autograd_cli.cli.delivery import Delivery, check_file
from autograd_cli.cli.lesson_list import print_lessons
from autograd_cli.cli.request import ANSWER, Request, answer, make_request
from autograd_cli.cli.sources import GivenProgram
from autograd_cli.cli.terminal import Color
from autograd_cli.diagnostic import COMMAND_LINE, Status, bad_request
from autograd_cli.lessons import LESSONS
from autograd_cli.modes import DEFAULT_MODE, MODES
from autograd_cli.process.supervise import Ready
from autograd_cli.render.formats.table import FORMATS
from autograd_cli.trace import Report
from autograd_cli.translation import language_of

SUMMARY = "what was recorded, and why"
HELP = f"""Show the two graphs of a program: what you computed, and what torch
recorded; where they part, and why.

\b
  agx explain PROGRAM       the lines with what each made, the graph, the
                            backward pass with its formulas, the end state,
                            and what the gradients would be without a cut
  agx explain --no-grad     a lesson on one idea; agx explain lists them all

{options.PROGRAM_HELP}

\b
Examples:
  agx explain "x**2 + no_grad(x**3)" --x 1,2
  agx explain "y = 2*x; z = y.detach() * y; z.sum()" --x 1,2 --of y
  agx explain -f train.py --json
  agx explain "x**2" --x 3 --no-grad
  agx explain --in-place --lang zh
"""


def _lesson(name: str) -> typer.models.OptionInfo:
    """The flag of a lesson that is no tracking mode, too."""
    option: typer.models.OptionInfo = typer.Option(
        f"--{name}", help=f"{LESSONS[name].title}.", rich_help_panel=options.LESSONS
    )
    return option


def _mode_and_lesson(name: str) -> typer.models.OptionInfo:
    """The flag of a tracking mode, which alone is a lesson."""
    option: typer.models.OptionInfo = typer.Option(
        f"--{name}", help=f"{options.MODE_HELP[name]}; alone, a lesson.", rich_help_panel=options.MODES
    )
    return option


def explain(  # noqa: PLR0913 - the options of the command
    ctx: typer.Context,
    expression: options.Program = None,  # noqa: ARG001 - read by cli.arguments
    *,
    var: options.Var = None,
    gradient: options.Gradient = None,
    file: options.File = None,  # noqa: ARG001 - read by cli.arguments
    wrt: options.Wrt = None,
    of: options.Of = None,
    requires_grad: Annotated[bool, _lesson("requires-grad")] = False,
    leaf: Annotated[bool, _lesson("leaf")] = False,
    backward: Annotated[bool, _lesson("backward")] = False,
    accumulate: Annotated[bool, _lesson("accumulate")] = False,
    retain_grad: Annotated[bool, _lesson("retain-grad")] = False,
    in_place: Annotated[bool, _lesson("in-place")] = False,
    no_requires_grad: options.NoRequiresGrad = False,
    no_grad: Annotated[bool, _mode_and_lesson("no-grad")] = False,
    inference_mode: Annotated[bool, _mode_and_lesson("inference-mode")] = False,
    detach: Annotated[bool, _mode_and_lesson("detach")] = False,
    data: Annotated[bool, _mode_and_lesson("data")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Print the program, repaired and tried.", rich_help_panel=options.OUTPUT)
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Print that repair as a patch.", rich_help_panel=options.OUTPUT)
    ] = False,
    output: options.Output = None,
    color: options.ColorOption = Color.AUTO,
    precision: options.Precision = 4,
    depth: options.Depth = None,
    full: options.Full = False,
    lang: options.Lang = None,
    seed: options.Seed = 0,
    dtype: options.Dtype = "float32",
    device: options.Device = "cpu",
    threads: options.Threads = None,
    timeout: options.Timeout = None,  # noqa: ARG001 - read by cli.arguments
    limit: options.LimitOption = None,  # noqa: ARG001 - read by cli.arguments
    debug: options.Debug = False,
) -> None:
    """Run `agx explain`; HELP is what a user reads."""
    asked: Sorted = ctx.obj
    flags = {
        "requires-grad": requires_grad,
        "leaf": leaf,
        "backward": backward,
        "accumulate": accumulate,
        "retain-grad": retain_grad,
        "in-place": in_place,
        "no-requires-grad": no_requires_grad,
        "no-grad": no_grad,
        "inference-mode": inference_mode,
        "detach": detach,
        "data": data,
    }
    is_program = asked.program is not None
    language = language_of(lang, os.environ)
    if not is_program:
        _check_lesson(
            flags, {"--fix": fix, "--diff": diff, "an input": var, "--gradient": gradient, "--wrt": wrt, "--of": of}
        )
    chosen = options.chosen(flags, "", "modes" if is_program else "lessons")
    if not is_program and not chosen:
        print_lessons(language, color, json=json)
        return
    format_ = FORMATS[options.chosen({"json": json, "quiet": quiet, "fix": fix, "diff": diff}, "page", "formats")]
    check_file(output, format_)
    delivery = Delivery(
        format=format_,
        color=color,
        precision=precision,
        depth=depth,
        full=full,
        file=output,
        language="en" if is_program else language,
    )
    if not is_program:
        asked = replace(asked, program=GivenProgram(text=LESSONS[chosen].program, name=f"agx explain --{chosen}"))
    request = make_request(
        asked,
        var=var,
        gradient=gradient,
        wrt=wrt,
        mode=_mode(chosen) if is_program else DEFAULT_MODE,
        seed=seed,
        dtype=dtype,
        device=device,
        threads=threads,
        full=full,
    )

    def taught(request: Request, ready: Ready) -> Report:
        """The report of a lesson: what torch refuses in it is what it shows."""
        report = request.explored(ready)
        status = Status.ANSWER if report.status is Status.BAD_NEWS else report.status
        return replace(report, status=status, lesson=chosen if report.traces else None)

    explored = Request.explored if is_program else taught
    answered = ctx.meta.get(ANSWER, answer)
    raise typer.Exit(answered(replace(request, watch=True, of=of), delivery, explored=explored, debug=debug))


def _check_lesson(flags: Mapping[str, bool], given: Mapping[str, object]) -> None:
    """A lesson has its own program and inputs.

    Raises:
        AgxError: something was given that is for a program.
    """
    for name, value in given.items():
        if value:
            message = f"{name} is for a program, and there is none"
            raise bad_request("usage", message, source=COMMAND_LINE, fix="write one: agx explain PROGRAM")
    for name, is_on in flags.items():
        if is_on and name not in LESSONS:
            message = f"there is no lesson on --{name}"
            raise bad_request("usage", message, source=COMMAND_LINE, fix="agx explain lists the lessons")


def _mode(chosen: str) -> str:
    """The tracking mode that a flag beside a program means.

    Raises:
        AgxError: it is a lesson.
    """
    mode = chosen or DEFAULT_MODE
    if mode not in MODES:
        message = f"--{mode} is a lesson, which takes no program"
        raise bad_request("usage", message, source=COMMAND_LINE, fix=f"agx explain --{mode} alone, or leave it out")
    return mode
