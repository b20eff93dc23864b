"""`agx explain`: what torch recorded of a program and what it did not, and why; without one, a lesson."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from autograd_cli.cli import options
from autograd_cli.cli.arguments import Sorted
from autograd_cli.cli.delivery import delivery_of
from autograd_cli.cli.lesson_list import print_lessons
from autograd_cli.cli.request import ANSWER, UseCase, answer, call_of
from autograd_cli.cli.several import Flag, Flags
from autograd_cli.cli.sources import GivenProgram
from autograd_cli.diagnostic import COMMAND_LINE, bad_request
from autograd_cli.lessons import LESSONS
from autograd_cli.modes import DEFAULT_MODE, MODES
from autograd_cli.report import Explained
from autograd_cli.tasks.explore import explore
from autograd_cli.tasks.lesson import teach
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


# A lesson is a flag; that of a tracking mode is a lesson only where there is no program.
_FLAGS = Flags(
    [
        Flag(name=name, help=f"{lesson.title}.", panel=options.LESSONS)
        for name, lesson in LESSONS.items()
        if name not in MODES or name == DEFAULT_MODE
    ]
    + [
        replace(flag, help=f"{mode.help}; alone, a lesson.") if mode.name in LESSONS else flag
        for mode in MODES.values()
        if mode.name != DEFAULT_MODE
        for flag in [options.flag_of_mode(mode)]
    ]
)


def explain(
    ctx: typer.Context,
    *,
    given: options.Given,
    of: options.Of = None,
    flags: Annotated[tuple[str, ...], _FLAGS],
    formats: Annotated[tuple[str, ...], options.formats(Explained)],
    page: options.Page,
    run: options.Run,
) -> None:
    """Run `agx explain`; HELP is what a user reads."""
    asked: Sorted = ctx.obj
    settings = run.settings(asked.limits, full=page.full)
    use_case: UseCase
    if asked.program is not None:
        mode = _mode(options.chosen(flags, DEFAULT_MODE, "modes"))
        delivery = delivery_of(page, formats)
        call = call_of(asked, given, settings, mode=mode, of=of)
        use_case = partial(explore, replace(call.request, watch=True))
    else:
        _check_lesson(flags, formats, given, of)
        name = options.chosen(flags, "", "lessons")
        language = language_of(page.lang, os.environ)
        if not name:
            print_lessons(language, page.color, json="json" in formats)
            return
        delivery = delivery_of(page, formats, language=language)
        program = GivenProgram(text=LESSONS[name].program, name=f"agx explain --{name}")
        call = call_of(replace(asked, program=program), given, settings)
        use_case = partial(teach, call.request, name)
    answered = ctx.meta.get(ANSWER, answer)
    raise typer.Exit(answered(call, use_case, delivery, debug=run.debug))


def _check_lesson(flags: Sequence[str], formats: Sequence[str], given: options.Given, of: str | None) -> None:
    """A lesson has its own program and inputs.

    Raises:
        AgxError: something was given that is for a program.
    """
    of_programs = {
        "--fix": "fix" in formats,
        "--diff": "diff" in formats,
        "an input": given.var,
        "--gradient": given.gradient,
        "--wrt": given.wrt,
        "--of": of,
    }
    for name, value in of_programs.items():
        if value:
            message = f"{name} is for a program, and there is none"
            raise bad_request("usage", message, source=COMMAND_LINE, fix="write one: agx explain PROGRAM")
    for name in flags:
        if name not in LESSONS:
            message = f"there is no lesson on --{name}"
            raise bad_request("usage", message, source=COMMAND_LINE, fix="agx explain lists the lessons")


def _mode(flag: str) -> str:
    """The tracking mode that a flag beside a program means.

    Raises:
        AgxError: it is a lesson.
    """
    if flag not in MODES:
        message = f"--{flag} is a lesson, which takes no program"
        raise bad_request("usage", message, source=COMMAND_LINE, fix=f"agx explain --{flag} alone, or leave it out")
    return flag
