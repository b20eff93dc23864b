"""What every command has in common: agx's own messages for wrong words, and help under headings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from typer.core import TyperCommand, TyperGroup

from autograd_cli.cli.command_line import CommandLine, Declared
from autograd_cli.cli.unknown import check_words, unknown_command


class Command(TyperCommand):
    """A command whose words are checked before Typer parses them, and whose options stand under headings.

    The headings are what Typer calls `rich_help_panel`.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer vendors click, whose types have no public name
        """Typer's own parsing, of words that are known to be right."""
        if not ctx.resilient_parsing:
            arguments = [param for param in self.params if not _is_option(param)]
            most = None if any(param.nargs == -1 for param in arguments) else len(arguments)
            check_words(CommandLine(args, ctx.info_name or self.name), self.declared(ctx), most)
        return self.parse_sorted(ctx, args)

    def parse_sorted(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's types have no public name
        """Typer's own parsing alone."""
        return super().parse_args(ctx, args)

    def declared(self, ctx: Any) -> Declared:  # noqa: ANN401 - click's types have no public name
        """The options of this command, and of the others beside it."""
        commands = ctx.parent.command.commands if ctx.parent is not None else {}
        own = _declared_by(self)
        elsewhere = {name: found for name, found in options_of(commands).items() if name not in own.all}
        return replace(own, elsewhere=elsewhere)

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - click's types have no public name
        """Typer's list of options, in sections whose columns are in line."""
        sections: dict[str, list[tuple[str, str]]] = {}
        params: list[Any] = self.get_params(ctx)
        for param in params:
            if not _is_option(param):
                sections.setdefault("Arguments", []).append((param.metavar, param.help))
            elif record := param.get_help_record(ctx):
                sections.setdefault(param.rich_help_panel or "Help", []).append(record)
        write_sections(formatter, sections)


class Commands(TyperGroup):
    """The commands, under the headings that their `rich_help_panel` names, each with its summary in full."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's types have no public name
        """Typer's own parsing, of a line that begins with a command or an option of agx itself."""
        own = {option for param in self.get_params(ctx) for option in param.opts}
        if args and not ctx.resilient_parsing and args[0] not in own and args[0] not in self.commands:
            raise unknown_command(args, self.commands, options_of(self.commands))
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - click's types have no public name
        """Typer's list of commands, in sections."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.commands[name]
            heading = getattr(command, "rich_help_panel", None) or "Commands"
            sections.setdefault(heading, []).append((name, command.short_help or ""))
        write_sections(formatter, sections)

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - click's types have no public name
        """The commands first: they are what one looks for."""
        self.format_commands(ctx, formatter)
        records = [param.get_help_record(ctx) for param in self.get_params(ctx)]
        write_sections(formatter, {"Options": [record for record in records if record is not None]})


def write_sections(formatter: Any, sections: dict[str, list[tuple[str, str]]]) -> None:  # noqa: ANN401 - click's types have no public name
    """Write sections of names and what is to be said of them, all in the same two columns."""
    width = max(len(name) for rows in sections.values() for name, _ in rows)
    for heading, rows in sections.items():
        with formatter.section(heading):
            formatter.write_dl([(name.ljust(width), text) for name, text in rows], col_max=width)


def options_of(commands: Mapping[str, Any]) -> dict[str, list[str]]:
    """The options of these commands that people may write, and which of them have each."""
    found: dict[str, list[str]] = {}
    for name, command in commands.items():
        for param in command.params:
            if _is_option(param) and not param.hidden:
                for option in param.opts:
                    found.setdefault(option, []).append(name)
    return found


def _declared_by(command: Any) -> Declared:  # noqa: ANN401 - click's types have no public name
    options = [param for param in command.params if _is_option(param)]
    names = {name: param for param in options for name in (*param.opts, *param.secondary_opts)}
    flags = {name for name, param in names.items() if param.is_flag} | {"--help", "-h"}
    repeatable = {name for name, param in names.items() if param.multiple}
    valued = {name: param.opts[0] for name, param in names.items() if name not in flags}
    return Declared(valued=valued, repeatable=frozenset(repeatable), flags=frozenset(flags))


def _is_option(param: Any) -> bool:  # noqa: ANN401 - click's types have no public name
    return bool(param.param_type_name == "option")
