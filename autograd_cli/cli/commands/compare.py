"""`agx compare`: the same program under every tracking mode, side by side."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from autograd_cli.cli import completion, options
from autograd_cli.cli.arguments import Sorted
from autograd_cli.cli.command_line import CommandLine, GivenValue
from autograd_cli.cli.delivery import delivery_of
from autograd_cli.cli.request import answer, call_of, check_program
from autograd_cli.cli.sources import GivenProgram
from autograd_cli.cli.terminal import Color
from autograd_cli.diagnostic import COMMAND_LINE, AgxError, Span, bad_request
from autograd_cli.lang.suggest import did_you_mean
from autograd_cli.modes import DEFAULT_MODE, MODES
from autograd_cli.report import Compared
from autograd_cli.tasks import comparison

SUMMARY = "all modes, side by side"
HELP = f"""Run a program under every tracking mode, and show side by side what changes.

\b
The modes: {", ".join(list(MODES)[:3])},
           {", ".join(list(MODES)[3:])}

Rows where the modes differ begin with *. The limits of time and steps are for
all modes together. The exit code is 1 where something is wrong in every mode.

Without a program it shows why .data is not .detach(): the same change of a
tensor, once right, once silently wrong, once refused by torch.

{options.PROGRAM_HELP}

\b
Examples:
  agx compare
  agx compare "(2*x).sum()" --x 1,2,3
  agx compare "x**2 + no_grad(x**3)" --x 1 --modes requires-grad,detach
  agx compare -f snippet.py --x 1,2,3 --of x
  agx compare "x*w" --x 1 --w 2 --json | jq '.modes["no-grad"].result'
"""
_THE_MODES = f"the modes are {', '.join(MODES)}"
_MODE_OPTIONS = tuple(f"--{name}" for name in MODES if name != DEFAULT_MODE)


def compare(  # noqa: PLR0913 - the options of the command
    ctx: typer.Context,
    *,
    given: options.Given,
    of: options.Of = None,
    modes: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Such as no-grad,detach (default: all six).",
            autocompletion=completion.modes,
            rich_help_panel=options.MODES_PANEL,
        ),
    ] = None,
    one_mode: Annotated[bool, typer.Option(*_MODE_OPTIONS, hidden=True)] = False,
    formats: Annotated[tuple[str, ...], options.formats(Compared, quiet="Print only lines MODE NAME=GRADIENT.")],
    output: options.Output = None,
    color: options.ColorOption = Color.AUTO,
    precision: options.Precision = 4,
    full: options.Full = False,
    lang: options.Lang = None,
    run: options.Run,
) -> None:
    """Run `agx compare`; HELP is what a user reads."""
    asked: Sorted = ctx.obj
    if one_mode:
        raise _one_mode(asked)
    teaches = asked.program is None and not any((given.var, given.gradient, given.wrt, modes, of))
    if not teaches:
        check_program(asked)
    names = _modes(asked)
    page = options.Page(output=output, color=color, precision=precision, full=full, lang=lang)
    delivery = delivery_of(page, formats)
    call = call_of(_with_lesson(asked) if teaches else asked, given, run.settings(asked.limits, full=full), of=of)
    request = call.request
    use_case = partial(comparison.lesson, request.settings) if teaches else partial(comparison.compare, request, names)
    raise typer.Exit(answer(call, use_case, delivery, debug=run.debug))


def _with_lesson(asked: Sorted) -> Sorted:
    return replace(asked, program=GivenProgram(text=next(iter(comparison.LESSON.values()))))


def _one_mode(asked: Sorted) -> AgxError:
    """The error for a mode that is given as a flag, as `agx grad` takes it."""
    word = next(index for index, word in enumerate(asked.line.words) if word in _MODE_OPTIONS)
    name = asked.line.words[word].removeprefix("--")
    fix = f"choose modes by --modes {DEFAULT_MODE},{name}"
    if name.isidentifier():
        fix = f"{fix}; an input of this name is --var {name}=VALUE"
    return asked.line.error(
        "usage", f"agx compare takes its modes from --modes, not from flags such as --{name}", word, fix=fix
    )


def _modes(asked: Sorted) -> tuple[str, ...]:
    """What --modes names, or all."""
    given = next((option for option in asked.options if option.name == "--modes"), None)
    if given is None:
        return tuple(MODES)
    names: list[str] = []
    start = 0
    for piece in given.text.rstrip(", ").split(","):
        name = piece.strip()
        if not name:
            raise asked.line.error("unknown-mode", "--modes names no mode", given.word, fix=_THE_MODES)
        place = _place(asked.line, given, start + piece.index(name), len(name))
        start += len(piece) + 1
        if name not in MODES:
            label = did_you_mean(name, MODES)
            fix = None if label else _THE_MODES
            message = f"there is no mode {name}"
            raise bad_request("unknown-mode", message, source=COMMAND_LINE, span=place, label=label, fix=fix)
        if name in names:
            message = f"{name} is given twice"
            raise bad_request("usage", message, source=COMMAND_LINE, span=place, label="the second time here")
        names.append(name)
    return tuple(names)


def _place(line: CommandLine, given: GivenValue, start: int, length: int) -> Span:
    """The piece of an option's value, or its whole word where that stands in quotes."""
    whole, word = line.span(given.word), line.words[given.word]
    if whole.end_column - whole.column != len(word):
        return whole
    column = whole.column + len(word) - len(given.text) + start
    return replace(whole, column=column, end_column=column + length)
