"""`agx ops`: what a program may call, and what the installed torch says of it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from autograd_cli.cli import terminal
from autograd_cli.cli.terminal import Color
from autograd_cli.lang import vocabulary


def ops(
    name: Annotated[
        str | None,
        typer.Argument(help="sin, torch.sin, x.sin, F.relu, nn.Linear (default: list them all).", show_default=False),
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    color: Annotated[Color, typer.Option(help="When to use colour.")] = Color.AUTO,
) -> None:
    """List the operations that a program may use, or tell of one: its backward formula, too."""
    from autograd_cli.render import operations as render

    screen = terminal.screen_of(sys.stdout)
    if name is None:
        found = [operation for full in vocabulary.operation_names() if (operation := vocabulary.operation(full))]
        text, line = render.list_text(found, screen.width), render.list_json(found)
    else:
        from autograd_cli.lang.documentation import find

        operation = find(name)
        from autograd_cli.engine.documentation import document

        page = document(operation)
        text, line = render.page_text(page, screen.width), render.page_json(page)
    sys.stdout.write(f"{line}\n" if json else terminal.page_text(text, screen, color))
