"""What the commands that run a program have in common: the words are sorted before Typer parses them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from autograd_cli.cli.arguments import STDIN, file_words, lone_word, sort_words
from autograd_cli.cli.command import Command
from autograd_cli.cli.command_line import CommandLine
from autograd_cli.diagnostic import AgxError
from autograd_cli.lang.program import parse
from autograd_cli.lang.suggest import closest
from autograd_cli.lessons import LESSONS


class ProgramCommand(Command):
    """A command whose inputs may have any name. Its function finds the Sorted words in `ctx.obj`.

    With one of the words `alone` it needs no program, and looks for none on stdin.
    """

    alone = frozenset({"--help", "-h"})

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer vendors click, whose types have no public name
        """Typer's own parsing, of words in the order that it knows."""
        if ctx.resilient_parsing and STDIN in args:  # completion reads no stdin
            return self.parse_sorted(ctx, args)
        if ctx.resilient_parsing and args and args[-1] in self.declared(ctx).valued:  # its value is what is completed
            args = args[:-1]
        reads_stdin = not ctx.resilient_parsing and self.alone.isdisjoint(args)
        try:
            line = CommandLine(args, ctx.info_name or self.name)
            ctx.obj = sort_words(line, self.declared(ctx), reads_stdin=reads_stdin)
        except AgxError:
            if not ctx.resilient_parsing:  # for completion an unfinished line is no error
                raise
            return self.parse_sorted(ctx, args)
        return self.parse_sorted(ctx, ctx.obj.for_typer())

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:  # noqa: ANN401 - click's types have no public name
        """Typer's completions, and after `--` the expression's variables that have no value yet."""
        items = super().shell_complete(ctx, incomplete)
        if not incomplete.startswith("-"):
            return items
        make_item = type(super().shell_complete(ctx, "--")[0])
        given = {pair.partition("=")[0] for pair in ctx.params.get("var") or ()}
        names = [f"--{name}" for name in _free_names(ctx.params.get("expression")) if name not in given]
        return [*(make_item(name) for name in names if name.startswith(incomplete)), *items]


class FilesCommand(ProgramCommand):
    """A command that takes several files, one after the other. Its function finds a tuple of Sorted in `ctx.obj`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's types have no public name
        """Sort the words once for each file alone; Typer's own parsing is of those for the first."""
        line, declared = CommandLine(args, ctx.info_name or self.name), self.declared(ctx)
        files = [] if ctx.resilient_parsing else file_words(line, declared)
        if len(files) < 2:  # noqa: PLR2004 - from two on they are several
            rest = super().parse_args(ctx, args)
            ctx.obj = (ctx.obj,)
            return rest
        found = []
        for file in files:
            others = [place for place in files if place != file]
            asked = sort_words(line, declared, reads_stdin=False, but=others)
            words = [word for place, word in enumerate(args) if place not in others]
            found.append(replace(asked, line=CommandLine(words, ctx.info_name or self.name)))
        ctx.obj = tuple(found)
        return self.parse_sorted(ctx, found[0].for_typer())


class LessonCommand(ProgramCommand):
    """A command with flags that ask for a lesson, which has a program of its own."""

    alone = ProgramCommand.alone.union(f"--{name}" for name in LESSONS)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's types have no public name
        """Typer's own parsing, of words in which `detach` alone is the lesson --detach."""
        line = CommandLine(args, ctx.info_name or self.name)
        index = None if ctx.resilient_parsing else lone_word(line, self.declared(ctx))
        if index is not None:
            name = args[index].lower().replace("_", "-")
            near = closest(name, LESSONS)
            if name in LESSONS:
                args = [*args[:index], f"--{name}", *args[index + 1 :]]
            elif near is not None and _free_names(args[index]):
                label = f"did you mean agx explain --{near}?"
                raise line.error("usage", f"there is no lesson `{args[index]}`", index, label=label)
        return super().parse_args(ctx, args)


def _free_names(expression: object) -> tuple[str, ...]:
    try:
        return parse(str(expression or "")).free
    except AgxError:
        return ()
