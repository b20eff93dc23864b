"""The Typer application: one line for each command, and the last word on every error."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType
from typing import Annotated, cast

import typer
from typer.main import get_command

from autograd_cli.cli.command import Command, Commands
from autograd_cli.cli.command_line import CommandLine
from autograd_cli.cli.commands import batch, check, compare, explain, grad, lessons, ops, rules, run, schema
from autograd_cli.cli.delivery import Delivery, render_error, write
from autograd_cli.cli.program_command import FilesCommand, LessonCommand, ProgramCommand
from autograd_cli.cli.script_command import ScriptCommand
from autograd_cli.cli.several import expanded
from autograd_cli.cli.terminal import prepare_streams
from autograd_cli.cli.welcome import welcome
from autograd_cli.diagnostic import COMMAND_LINE, AgxError, Diagnostic, Severity, Status, bad_request
from autograd_cli.interrupt import STOPPED, end_line
from autograd_cli.process.answer import Answer
from autograd_cli.render.formats.table import FORMATS
from autograd_cli.report import Report
from autograd_cli.tasks.request import Request, unanswered

EXIT_CODES = """\b
Exit codes:
  0    an answer
  1    the program ran, but something is wrong: torch refused or crashed, or
       a gradient is missing, NaN or infinite
  2    the request could not be understood: option, expression, input
  3    a limit was reached
  130  stopped by Ctrl-C
"""
_COMPLETION = "_AGX_COMPLETE"
_ABOUT = "PyTorch's autograd from the shell: real gradients, and the graph that torch recorded."
_PROGRAMS = "Run a program"
_LOOK_UP = "Learn and look up"

app = typer.Typer(
    name="agx",
    cls=Commands,
    help=f"{_ABOUT}\n\nagx COMMAND --help shows the options and examples of one.",
    epilog=EXIT_CODES,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _add(module: ModuleType, panel: str, cls: type[Command] = Command) -> None:
    """Add the command of a module in cli.commands: the function of its name, SUMMARY, HELP."""
    name = module.__name__.rpartition(".")[2]
    epilog = EXIT_CODES if panel == _PROGRAMS else None
    add = app.command(
        name=name,
        cls=cls,
        help=getattr(module, "HELP", None),
        short_help=module.SUMMARY,
        epilog=epilog,
        options_metavar="[--NAME VALUE]... [OPTIONS]" if issubclass(cls, ProgramCommand) else "[OPTIONS]",
        rich_help_panel=panel,
    )
    add(expanded(getattr(module, name)))


_add(grad, _PROGRAMS, ProgramCommand)
_add(explain, _PROGRAMS, LessonCommand)
_add(check, _PROGRAMS, FilesCommand)
_add(compare, _PROGRAMS, ProgramCommand)
_add(run, _PROGRAMS, ScriptCommand)
_add(batch, _PROGRAMS)
for _module in (lessons, rules, ops, schema):
    _add(_module, _LOOK_UP)


def _print_version(value: bool) -> None:  # noqa: FBT001 - Typer calls it with the flag
    if value:
        from importlib.metadata import version

        sys.stdout.write(f"agx {version('autograd-cli')}\n")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """PyTorch's autograd from the shell: real gradients, and the graph that torch recorded."""


@functools.cache
def commands() -> Commands:
    """All commands, as Typer makes them: once, for it takes longer than a small program runs."""
    return cast("Commands", get_command(app))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `agx` with these arguments (default: the process's own); the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    prepare_streams()
    root = commands()
    try:
        if not words and _COMPLETION not in os.environ:
            sys.stdout.write(welcome({name: command.short_help or "" for name, command in root.commands.items()}))
            sys.stdout.flush()
            return 0
        words = _with_options(words)
        outcome = root.main(words, prog_name="agx", standalone_mode=False, windows_expand_args=False)
        sys.stdout.flush()
    except OSError as error:
        message = f"the answer cannot be written: {error.strerror}"
        diagnostic = Diagnostic(rule="unwritable-output", severity=Severity.ERROR, message=message)
        return _report_error([], AgxError(diagnostic, Status.BAD_NEWS))
    except KeyboardInterrupt:
        end_line()
        return STOPPED
    except typer.BadParameter as error:
        return _report_error(words, bad_value(words, error))
    except Exception as error:  # noqa: BLE001 - what is not an AgxError is reported as the bug that it is
        return _report_error(words, error)
    return outcome if isinstance(outcome, int) else 0


def _with_options(words: Sequence[str]) -> list[str]:
    """The words with `help [COMMAND]` and `version` as the options that they are short for."""
    match words:
        case ["help", command, *rest]:
            return [command, "--help", *rest]
        case ["--help" | "-h", command] if not command.startswith("-"):
            return [command, "--help"]
        case ["help" | "version" as name]:
            return [f"--{name}"]
    return list(words)


def bad_value(words: Sequence[str], error: typer.BadParameter) -> AgxError:
    """What is wrong with the value of an option, as `cli.option_values` says it."""
    line = CommandLine(words[1:], words[0])
    options = error.param.opts if error.param is not None else [""]
    places = [index for index, word in enumerate(line.words) if word.partition("=")[0] in options]
    message = f"{options[0]} takes {error.message}"
    if not places:
        return bad_request("usage", message, source=COMMAND_LINE)
    return line.error("usage", message, places[-1] if "=" in line.words[places[-1]] else places[-1] + 1)


def without_program(words: Sequence[str]) -> Report:
    """The Report of a request that did not get as far as a program."""
    line = CommandLine(words, None).text
    return replace(unanswered(Request(program="")), status=Status.BAD_REQUEST, command_line=line)


def _report_error(words: Sequence[str], error: Exception) -> int:
    """Write the Report of a request that did not get as far as a program; the exit code."""
    report = without_program(words)
    format_ = FORMATS["json" if "--json" in words else "page"]
    delivery = Delivery(format=format_)

    def on_error(error: Exception) -> Answer:
        return render_error(error, report, delivery, debug="--debug" in words)

    return write(on_error(error), on_error)
