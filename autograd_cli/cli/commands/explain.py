"""`agx explain`: what torch recorded of a program and what it did not, and why; without one, a lesson."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import typer

from autograd_cli.cli import options, terminal
from autograd_cli.cli.arguments import Sorted
from autograd_cli.cli.delivery import Delivery, Format, check_file
from autograd_cli.cli.request import Request, answer, make_request
from autograd_cli.cli.sources import GivenProgram
from autograd_cli.cli.terminal import Color
from autograd_cli.diagnostic import COMMAND_LINE, Status, bad_request
from autograd_cli.language import language_of
from autograd_cli.lessons import LESSONS
from autograd_cli.modes import DEFAULT_MODE, MODES
from autograd_cli.supervise import Ready
from autograd_cli.trace import Report

HELP = f"""Show the two graphs of a program: what you computed, and what torch recorded; where they part, and why.

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


def _lesson_option(name: str) -> typer.models.OptionInfo:
    """The flag of a lesson that is no tracking mode, too."""
    option: typer.models.OptionInfo = typer.Option(f"--{name}", help="A lesson, without a program.")
    return option


def explain(  # noqa: PLR0913 - the options of the command
    ctx: typer.Context,
    expression: Annotated[  # noqa: ARG001 - read by cli.arguments
        str | None, typer.Argument(help="The program; - for stdin. Without one, a lesson.", show_default=False)
    ] = None,
    *,
    var: options.Var = None,
    gradient: options.Gradient = None,
    file: options.File = None,  # noqa: ARG001 - read by cli.arguments
    wrt: options.Wrt = None,
    of: options.Of = None,
    requires_grad: Annotated[bool, _lesson_option("requires-grad")] = False,
    leaf: Annotated[bool, _lesson_option("leaf")] = False,
    backward: Annotated[bool, _lesson_option("backward")] = False,
    accumulate: Annotated[bool, _lesson_option("accumulate")] = False,
    retain_grad: Annotated[bool, _lesson_option("retain-grad")] = False,
    in_place: Annotated[bool, _lesson_option("in-place")] = False,
    no_requires_grad: options.NoRequiresGrad = False,
    no_grad: Annotated[bool, typer.Option("--no-grad", help="Run under torch.no_grad(); or the lesson.")] = False,
    inference_mode: Annotated[
        bool, typer.Option("--inference-mode", help="Run under torch.inference_mode(); or the lesson.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Inputs enter through .detach(); or the lesson.")] = False,
    data: Annotated[bool, typer.Option("--data", help="Inputs enter through .data; or the lesson.")] = False,
    lang: Annotated[
        str | None, typer.Option(metavar="LANGUAGE", help="Of lessons: en or zh_CN (default: the locale's).")
    ] = None,
    json: options.Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the gradients only, as --x reads them.")] = False,
    output: options.Output = None,
    color: options.ColorOption = Color.AUTO,
    precision: options.Precision = 4,
    depth: options.Depth = None,
    full: options.Full = False,
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
        _check_lesson(flags, {"an input": var, "--gradient": gradient, "--wrt": wrt, "--of": of})
    elif lang is not None:
        message = "--lang is for lessons: what is said of a program is in English"
        raise bad_request("usage", message, source=COMMAND_LINE, fix="leave out --lang")
    chosen = options.chosen(flags, "", "modes" if is_program else "lessons")
    if not is_program and not chosen:
        _print_lessons(language, color, json=json)
        return
    page = Format.EXPLANATION if is_program else Format.LESSON
    format_ = {"json": Format.JSON, "quiet": Format.VALUES, "": page}[
        options.chosen({"json": json, "quiet": quiet}, "", "formats")
    ]
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
    raise typer.Exit(answer(replace(request, watch=True, of=of), delivery, explored=explored, debug=debug))


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


def _print_lessons(language: str, color: Color, *, json: bool) -> None:
    from autograd_cli.render.lesson import lessons_json, lessons_list

    screen = terminal.screen_of(sys.stdout)
    text = f"{lessons_json(language)}\n" if json else terminal.page_text(lessons_list(language), screen, color)
    sys.stdout.write(text)
