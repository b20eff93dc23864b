"""The Typer application: one line for each command, and the last word on every error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.main import get_command

from autograd_cli.cli.arguments import CommandLine
from autograd_cli.cli.commands import batch, compare, explain, grad, ops, rules, schema
from autograd_cli.cli.delivery import Delivery, Format, render_error, write
from autograd_cli.cli.program_command import LessonCommand, ProgramCommand
from autograd_cli.cli.terminal import prepare_streams
from autograd_cli.diagnostic import COMMAND_LINE, AgxError, Diagnostic, Severity, Span, Status, bad_request
from autograd_cli.supervise import Answer
from autograd_cli.trace import SCHEMA, Report

EXIT_CODES = """\b
Exit codes:
  0  an answer
  1  an answer that is bad news: torch refused or crashed, or a gradient is missing or NaN
  2  the request could not be understood: option, expression, input
  3  a limit was reached
  130  stopped by Ctrl-C
"""
_RUNNING_A_PROGRAM = frozenset({"grad", "explain", "compare"})

app = typer.Typer(
    name="agx",
    help="PyTorch's autograd from the shell: real gradients, and the graph that torch recorded.",
    epilog=EXIT_CODES,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(name="grad", cls=ProgramCommand, help=grad.HELP, epilog=EXIT_CODES)(grad.grad)
app.command(name="explain", cls=LessonCommand, help=explain.HELP, epilog=EXIT_CODES)(explain.explain)
app.command(name="compare", cls=ProgramCommand, help=compare.HELP, epilog=EXIT_CODES)(compare.compare)
app.command(name="batch", help=batch.HELP, epilog=EXIT_CODES)(batch.batch)
app.command(name="rules")(rules.rules)
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
    except OSError as error:
        message = f"the answer cannot be written: {error.strerror}"
        diagnostic = Diagnostic(rule="unwritable-output", severity=Severity.ERROR, message=message)
        return _report_error([], AgxError(diagnostic, Status.BAD_NEWS))
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - what is not an AgxError is reported as the bug that it is
        return _report_error(words, _usage_error(words, error) or error)
    return outcome if isinstance(outcome, int) else 0


def _usage_error(words: Sequence[str], error: Exception) -> AgxError | None:
    """Typer's complaint about the command line, as ours."""
    format_message = getattr(error, "format_message", None)
    if format_message is None:
        return None
    message = str(format_message()).rstrip(".")
    message = message[:1].lower() + message[1:]
    fix = "agx --help shows what there is"
    if words and words[0] in _RUNNING_A_PROGRAM:
        fix = f"agx {words[0]} --help shows what there is"
    if message.startswith("no such command"):
        fix = 'agx grad "2*x" --x 1,2,3 computes a gradient'
    return bad_request("usage", message, source=COMMAND_LINE, span=_place(words, error), fix=fix)


def _place(words: Sequence[str], error: Exception) -> Span | None:
    """The option that Typer complains about, in the command line."""
    names = getattr(getattr(error, "param", None), "opts", ())
    places = [index for index, word in enumerate(words[1:]) if word.partition("=")[0] in names]
    return CommandLine(words[1:], words[0]).span(places[-1]) if places else None


def _report_error(words: Sequence[str], error: Exception) -> int:
    """Write the Report of a request that did not get as far as a program; the exit code."""
    line = CommandLine(words[1:], words[0]) if words else CommandLine([], "")
    report = Report(
        schema=SCHEMA,
        status=Status.BAD_REQUEST,
        source="",
        inputs=(),
        gradients=(),
        command_line=line.text,
        seed=0,
        default_dtype="float32",
        device="cpu",
        traces=(),
        diagnostics=(),
    )
    format_ = Format.JSON if "--json" in words else Format.PAGE
    delivery = Delivery(format=format_)

    def on_error(error: Exception) -> Answer:
        return render_error(error, report, delivery, debug="--debug" in words)

    return write(on_error(error), on_error)
