"""A command that runs a script: what stands behind the script belongs to it, as with `python`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autograd_cli.cli.command import Command
from autograd_cli.cli.command_line import Declared

_MODULE = "-m"
_NO_MORE_OPTIONS = "--"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words of the command line: options of agx, then what is to be run and its own arguments."""

    options: tuple[str, ...]
    target: str | None = None
    arguments: tuple[str, ...] = ()
    is_module: bool = False


class ScriptCommand(Command):
    """Its function finds the Words in `ctx.obj`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer vendors click, whose types have no public name
        """Typer's own parsing, of the words before the script alone."""
        if ctx.resilient_parsing:
            return self.parse_sorted(ctx, args)
        ctx.obj = words = split(args, self.declared(ctx))
        return super().parse_args(ctx, list(words.options))


def split(words: list[str], declared: Declared) -> Words:
    """The options of agx, and what follows: a file, or `-m` and a module."""
    place = 0
    while place < len(words):
        word = words[place]
        if word in {_MODULE, _NO_MORE_OPTIONS}:
            return Words(
                options=tuple(words[:place]),
                target=words[place + 1] if len(words) > place + 1 else None,
                arguments=tuple(words[place + 2 :]),
                is_module=word == _MODULE,
            )
        if not word.startswith("-") or word == "-":
            return Words(options=tuple(words[:place]), target=word, arguments=tuple(words[place + 1 :]))
        name, equals, _ = word.partition("=")
        place += 2 if name in declared.valued and not equals else 1
    return Words(options=tuple(words))
