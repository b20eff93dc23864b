"""Parameters that stand for several options: Typer gets those, and the command one object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
import typer
from typer.main import get_command

from autograd_cli.cli.several import Flag, Flags, expanded


@dataclass(frozen=True, kw_only=True)
class Group:
    size: Annotated[int, typer.Option(metavar="N")] = 3
    name: Annotated[str | None, typer.Option("--name", "-n")] = None


CHOICES = Flags(
    [
        Flag(name="no-grad", help="Without.", panel="Modes"),
        Flag(name="quiet", help="Less.", panel="Output", spellings=("-q",)),
    ]
)
NOTHING: dict[str, Any] = {"group": Group(), "choices": (), "strict": False}


def called_with(words: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def command(
        *, group: Group, choices: Annotated[tuple[str, ...], CHOICES], strict: Annotated[bool, typer.Option()] = False
    ) -> None:
        found.update(group=group, choices=choices, strict=strict)

    app = typer.Typer()
    app.command()(expanded(command))
    get_command(app).main(words, standalone_mode=False)
    return found


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ("", {}),
        ("--strict", {"strict": True}),
        ("--size 4 -n a", {"group": Group(size=4, name="a")}),
        ("-q", {"choices": ("quiet",)}),
        ("--quiet --no-grad --size 1", {"choices": ("no-grad", "quiet"), "group": Group(size=1)}),
    ],
)
def test_the_command_gets_objects(words: str, given: dict[str, Any]) -> None:
    assert called_with(words.split()) == {**NOTHING, **given}


def test_help_shows_each_option_under_its_heading(capsys: pytest.CaptureFixture[str]) -> None:
    called_with(["--help"])
    out = capsys.readouterr().out
    for name in ("--size", "--name", "--no-grad", "--quiet", "--strict", "Modes", "Output"):
        assert name in out
