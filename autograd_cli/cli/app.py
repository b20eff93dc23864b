"""The Typer application: one line for each command, and the last word on every error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.main import get_command

from autograd_cli.cli.arguments import CommandLine
from autograd_cli.cli.commands import grad, ops, schema
from autograd_cli.cli.delivery import Delivery, Format, deliver
from autograd_cli.cli.terminal import Color, prepare_streams
from autograd_cli.diagnostic import COMMAND_LINE, AgxError, Diagnostic, Severity, Span, Status
from autograd_cli.trace import SCHEMA, Report

EXIT_CODES = """\b
Exit codes:
  0  an answer
  1  an answer that is bad news: torch refused, or a gradient is missing or NaN
  2  the request could not be understood: option, expression, input
  3  a limit was reached
  130  stopped by Ctrl-C
"""
_BUG = 70

app = typer.Typer(
    name="agx",
    help="PyTorch's autograd from the shell: real gradients, and the graph that torch recorded.",
    epilog=EXIT_CODES,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(name="grad", cls=grad.GradCommand, help=grad.HELP, epilog=EXIT_CODES)(grad.grad)
app.command(name="ops")(ops.ops)
app.command(name="schema")(schema.schema)


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `agx` with these arguments (default: the process's own); the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    prepare_streams()
    try:
        outcome = get_command(app).main(words, prog_name="agx", standalone_mode=False, windows_expand_args=False)
    except AgxError as error:
        return _report_error(words, error.diagnostic, error.status)
    except OSError as error:
        message = f"the answer cannot be written: {error.strerror}"
        diagnostic = Diagnostic(rule="unwritable-output", severity=Severity.ERROR, message=message)
        return _report_error([], diagnostic, Status.BAD_NEWS)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if "--debug" in words and not hasattr(error, "format_message"):
            raise
        return _report_unforeseen(words, error)
    return outcome if isinstance(outcome, int) else 0


def _report_unforeseen(words: Sequence[str], error: Exception) -> int:
    """Typer's complaint about the command line, or a bug of ours."""
    format_message = getattr(error, "format_message", None)
    if format_message is None:
        message = f"agx failed: {type(error).__name__}: {error}"
        diagnostic = Diagnostic(
            rule="bug",
            severity=Severity.ERROR,
            message=message,
            fix="this is a bug of agx; --debug shows the traceback",
        )
        _report_error(words, diagnostic, Status.BAD_REQUEST)
        return _BUG
    message = str(format_message()).rstrip(".")
    message = message[:1].lower() + message[1:]
    fix = f"agx {words[0]} --help shows what there is" if words[:1] == ["grad"] else "agx --help shows what there is"
    if message.startswith("no such command"):
        fix = 'agx grad "2*x" --x 1,2,3 computes a gradient'
    diagnostic = Diagnostic(
        rule="usage", severity=Severity.ERROR, message=message, source=COMMAND_LINE, span=_place(words, error), fix=fix
    )
    return _report_error(words, diagnostic, Status.BAD_REQUEST)


def _place(words: Sequence[str], error: Exception) -> Span | None:
    """The option that Typer complains about, in the command line."""
    names = getattr(getattr(error, "param", None), "opts", ())
    places = [index for index, word in enumerate(words[1:]) if word.partition("=")[0] in names]
    return CommandLine(words[1:], words[0]).span(places[-1]) if places else None


def _report_error(words: Sequence[str], diagnostic: Diagnostic, status: Status) -> int:
    """The Report of a request that did not get as far as a program."""
    line = CommandLine(words[1:], words[0]) if words else CommandLine([], "")
    report = Report(
        schema=SCHEMA,
        status=status,
        source="",
        inputs=(),
        gradients=(),
        command_line=line.text,
        seed=0,
        default_dtype="float32",
        device="cpu",
        traces=(),
        diagnostics=(diagnostic,),
    )
    delivery = Delivery(
        format=Format.JSON if "--json" in words else Format.PAGE,
        color=Color.AUTO,
        precision=4,
        depth=None,
        full=False,
        file=None,
    )
    return deliver(report, delivery)
