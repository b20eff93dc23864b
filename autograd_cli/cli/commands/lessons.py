"""`agx lessons`: the lessons that `agx explain` teaches."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from autograd_cli.cli import completion, options
from autograd_cli.cli.lesson_list import print_lessons
from autograd_cli.cli.terminal import Color
from autograd_cli.diagnostic import COMMAND_LINE, bad_request
from autograd_cli.lang.suggest import closest
from autograd_cli.lessons import LESSONS
from autograd_cli.translation import language_of

SUMMARY = "autograd taught by programs"


def lessons(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="LESSON", help="A lesson, such as detach.", autocompletion=completion.lessons, show_default=False
        ),
    ] = None,
    *,
    json: options.Json = False,
    lang: options.Lang = None,
    color: options.ColorOption = Color.AUTO,
) -> None:
    """List the lessons: one idea each, in a program that runs while you read."""
    if name is None:
        print_lessons(language_of(lang, os.environ), color, json=json)
        return
    asked = name.strip("-").lower().replace("_", "-")
    near = asked if asked in LESSONS else closest(asked, LESSONS)
    message = "agx lessons lists the lessons" if near else f"there is no lesson on {name}"
    fix = f"agx explain --{near} shows it" if near else "agx lessons lists them"
    raise bad_request("usage", message, source=COMMAND_LINE, fix=fix)
