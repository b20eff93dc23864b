"""The list of the lessons, on stdout."""

from __future__ import annotations

import sys

from autograd_cli.cli import terminal
from autograd_cli.cli.terminal import Color


def print_lessons(language: str, color: Color, *, json: bool) -> None:
    """Write the list for a person or, as `json`, for a program."""
    from autograd_cli.render.pages.lesson import lessons_json, lessons_list

    screen = terminal.screen_of(sys.stdout)
    text = f"{lessons_json(language)}\n" if json else terminal.page_text(lessons_list(language), screen, color)
    sys.stdout.write(text)
