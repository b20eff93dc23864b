"""`agx ops`: what a program may call, and what the installed torch says of it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from autograd_cli.cli import completion, options, terminal
from autograd_cli.cli.terminal import Color
from autograd_cli.lang import documentation
from autograd_cli.lang.vocabulary import Operation

SUMMARY = "what a program may call"


def ops(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Such as sin, x.sin, F.relu, nn.Linear, or part of one.",
            autocompletion=completion.operations,
            show_default=False,
        ),
    ] = None,
    *,
    json: options.Json = False,
    color: options.ColorOption = Color.AUTO,
    lang: options.Lang = None,  # noqa: ARG001 - what torch says of them has no translation
) -> None:
    """List the operations that a program may use, or explain one, with its backward formula."""
    from autograd_cli.render.pages import operations as render

    screen = terminal.screen_of(sys.stdout)
    found = documentation.find_all(name)
    if isinstance(found, Operation):
        from autograd_cli.engine.documentation import document

        page = document(found)
        text, line = render.page_text(page, screen.width), render.page_json(page)
    else:
        text, line = render.list_text(found, screen.width), render.list_json(found)
    sys.stdout.write(f"{line}\n" if json else terminal.page_text(text, screen, color))
