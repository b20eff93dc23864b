"""`agx grad`: an expression and inputs in; results, gradients, grad_fn chain and leaf status out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from autograd_cli.cli.arguments import STDIN, CommandLine, Declared, Sorted, sort_words
from autograd_cli.cli.delivery import Delivery, Format, check_file, render, render_error, write
from autograd_cli.cli.limit_options import NAMES
from autograd_cli.cli.sources import STDIN_NAME, read_stdin
from autograd_cli.cli.terminal import Color, screen_of
from autograd_cli.diagnostic import COMMAND_LINE, AgxError, bad_request
from autograd_cli.explore import explore, unanswered
from autograd_cli.lang.program import parse
from autograd_cli.modes import DEFAULT_MODE
from autograd_cli.supervise import Answer, Ready, Respawn, supervise
from autograd_cli.trace import Report

HELP = f"""Compute an expression, and its gradients, with real torch.

\b
The program is an expression, or several statements (lines, or with ;),
or a file (-f FILE.py), or what stdin says (-).

\b
Inputs stand before or after the expression: --x VALUE, --x=VALUE or x=VALUE.
  --x 3    --x 1,2,3    --x "1,2;3,4"    --x "[[1,2],[3,4]]"    --x 1+2j
  --k 0,1:int64       with a dtype
  --x "randn(2,3)"    an expression that needs no input itself
  --x @weights.npy    a file: .npy .npz#key .pt#key .safetensors#key .csv .json
  --x -               what stdin says

\b
Limits, each as --limit NAME=VALUE or AGX_LIMIT_NAME in the environment:
  {" ".join(NAMES)}

\b
Examples:
  agx grad "2*x" --x 1,2,3,4
  agx grad "(x@w).sum()" --x "randn(2,3)" --w "randn(3)" --json
  agx grad "x**2 + no_grad(x**3)" --x 1 --python
  agx grad -f snippet.py --x 1,2,3
"""
_FORMATS = {"json": Format.JSON, "quiet": Format.VALUES, "python": Format.PYTHON, "": Format.PAGE}


class GradCommand(TyperCommand):
    """Sorts the words of the command line before Typer parses them, so that an input may have any name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer vendors click, whose types have no public name
        """Typer's own parsing, of words in the order that it knows."""
        if ctx.resilient_parsing and STDIN in args:  # completion reads no stdin
            return super().parse_args(ctx, args)
        try:
            ctx.obj = sort_words(CommandLine(args, ctx.info_name or "grad"), _declared(self))
        except AgxError:
            if not ctx.resilient_parsing:  # for completion an unfinished line is no error
                raise
            return super().parse_args(ctx, args)
        return super().parse_args(ctx, ctx.obj.for_typer())

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:  # noqa: ANN401 - as above
        """Typer's completions, and after `--` the expression's variables that have no value yet."""
        items = super().shell_complete(ctx, incomplete)
        if not incomplete.startswith("-"):
            return items
        make_item = type(super().shell_complete(ctx, "--")[0])
        given = {_split(pair)[0] for pair in ctx.params.get("var") or ()}
        names = [f"--{name}" for name in _free_names(ctx.params.get("expression")) if name not in given]
        return [*(make_item(name) for name in names if name.startswith(incomplete)), *items]


def _declared(command: TyperCommand) -> Declared:
    options = [param for param in command.params if getattr(param, "is_flag", None) is not None]
    names = {name: param for param in options for name in (*param.opts, *param.secondary_opts)}
    flags = {name for name, param in names.items() if getattr(param, "is_flag", False)} | {"--help", "-h"}
    repeatable = {name for name, param in names.items() if getattr(param, "multiple", False)}
    valued = {name: param.opts[0] for name, param in names.items() if name not in flags}
    return Declared(valued=valued, repeatable=frozenset(repeatable), flags=frozenset(flags))


def _free_names(expression: object) -> tuple[str, ...]:
    try:
        return parse(str(expression or "")).free
    except AgxError:
        return ()


def grad(  # noqa: PLR0913 - the options of the command
    ctx: typer.Context,
    expression: Annotated[
        str | None, typer.Argument(help='What to differentiate, such as "2*x"; - for stdin.', show_default=False)
    ] = None,
    *,
    var: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="An input, also --NAME VALUE; needed where NAME is an option."),
    ] = None,
    gradient: Annotated[
        list[str] | None,
        typer.Option(metavar="VALUE", help="What backward() starts from, of the result's shape (default: ones)."),
    ] = None,
    file: Annotated[  # noqa: ARG001 - read by cli.arguments
        str | None, typer.Option("--file", "-f", metavar="FILE", help="Read the program from a file.")
    ] = None,
    wrt: Annotated[
        str | None, typer.Option(metavar="NAMES", help="The inputs that require gradients: x,w (default: all).")
    ] = None,
    no_requires_grad: Annotated[
        bool, typer.Option("--no-requires-grad", help="Inputs do not require gradients.")
    ] = False,
    no_grad: Annotated[bool, typer.Option("--no-grad", help="Run under torch.no_grad().")] = False,
    inference_mode: Annotated[bool, typer.Option("--inference-mode", help="Run under torch.inference_mode().")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Inputs enter through .detach().")] = False,
    data: Annotated[bool, typer.Option("--data", help="Inputs enter through .data.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object (see agx schema).")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the gradients only, as --x reads them.")] = False,
    python: Annotated[bool, typer.Option("--python", help="Print the same as a PyTorch program.")] = False,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to a file: .json, .txt, .svg or .html."),
    ] = None,
    color: Annotated[Color, typer.Option(help="When to use colour.")] = Color.AUTO,
    precision: Annotated[int, typer.Option(min=1, max=17, help="Digits after the point in tables.")] = 4,
    depth: Annotated[int | None, typer.Option(min=1, help="Draw this many levels of the grad_fn tree.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Leave nothing out, whatever the size.")] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Seed of torch's random numbers.")] = 0,
    dtype: Annotated[str, typer.Option(help="The default dtype: float32, float64, float16 or bfloat16.")] = "float32",
    device: Annotated[str, typer.Option(help="Where tensors live: cpu, cuda, cuda:1, mps.")] = "cpu",
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help="How many threads torch uses.")] = None,
    timeout: Annotated[  # noqa: ARG001 - read by cli.arguments
        str | None, typer.Option(metavar="SECONDS", help="Stop after this time (default: 30).")
    ] = None,
    limit: Annotated[  # noqa: ARG001 - read by cli.arguments
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="What the run may take, such as memory=8G."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a bug in agx.")] = False,
) -> None:
    """Run `agx grad`; HELP is what a user reads."""
    asked: Sorted = ctx.obj
    if asked.program is None or expression is None:
        raise bad_request(
            "usage", "there is no expression", source=COMMAND_LINE, fix='write one, such as "2*x", or -f FILE.py'
        )
    program = asked.program
    modes = {
        "no-requires-grad": no_requires_grad,
        "no-grad": no_grad,
        "inference-mode": inference_mode,
        "detach": detach,
        "data": data,
    }
    formats = {"json": json, "quiet": quiet, "python": python}
    mode = _only(modes, DEFAULT_MODE, "modes")
    format_ = _FORMATS[_only(formats, "", "formats")]
    if output is not None:
        check_file(output, format_)
    if wrt is not None and not wrt.strip(" ,"):
        raise bad_request("usage", "--wrt names no input", source=COMMAND_LINE, fix="write --wrt x,w")
    delivery = Delivery(
        format=format_,
        color=color,
        precision=precision,
        depth=depth,
        full=full,
        file=output,
        stdout=screen_of(sys.stdout),
        stderr=screen_of(sys.stderr),
    )
    said = _read_stdin(asked, gradient or [])
    inputs = {name: said if _is_stdin(text) else text for name, text in map(_split, var or ())}
    gradients = [said if _is_stdin(text) else text for text in gradient or ()]

    def placed(report: Report) -> Report:
        return replace(report, source_name=program.name, source_line=program.first_line)

    def work(ready: Ready) -> Answer:
        report = explore(
            program.text,
            inputs=inputs,
            gradients=gradients,
            wrt=None if wrt is None else [name.strip() for name in wrt.split(",") if name.strip()],
            mode=mode,
            seed=seed,
            dtype=dtype,
            device=device,
            threads=threads,
            full=full,
            limits=asked.limits,
            before_run=ready,
        )
        return render(placed(report), delivery)

    def on_error(error: Exception) -> Answer:
        report = unanswered(program.text, inputs=inputs, gradients=gradients, seed=seed, dtype=dtype, device=device)
        return render_error(error, placed(report), delivery, debug=debug)

    stdin = program.text if program.name == STDIN_NAME else said
    respawn = Respawn(words=asked.line.all_words, stdin=stdin)
    raise typer.Exit(write(supervise(work, on_error, asked.limits, respawn=respawn, debug=debug), on_error))


def _split(pair: str) -> tuple[str, str]:
    name, _, text = pair.partition("=")
    return name, text


def _only(flags: dict[str, bool], default: str, kind: str) -> str:
    chosen = [name for name, is_on in flags.items() if is_on]
    if len(chosen) > 1:
        words = " and ".join(f"--{name}" for name in chosen)
        raise bad_request("usage", f"{words} are two {kind}: choose one", source=COMMAND_LINE)
    return chosen[0] if chosen else default


def _is_stdin(text: str) -> bool:
    return text.strip() == STDIN


def _read_stdin(asked: Sorted, gradients: Sequence[str]) -> str | None:
    """What stdin says, where an input or a gradient is a `-`; None where none is."""
    users = [given.name for given in asked.inputs if _is_stdin(given.text)]
    users += ["--gradient" for text in gradients if _is_stdin(text)]
    if not users:
        return None
    if asked.program is not None and asked.program.name == STDIN_NAME:
        users.insert(0, "the program")
    if len(users) > 1:
        message = f"{' and '.join(users)} cannot both come from stdin"
        raise bad_request("usage", message, source=COMMAND_LINE)
    return read_stdin().strip()
