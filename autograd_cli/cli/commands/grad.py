"""`agx grad`: an expression and inputs in; results, gradients, grad_fn chain and leaf status out."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from autograd_cli.cli.arguments import CommandLine, Declared, sort_words
from autograd_cli.cli.delivery import Delivery, Format, check_file, deliver
from autograd_cli.cli.terminal import Color
from autograd_cli.diagnostic import COMMAND_LINE, AgxError, bad_request
from autograd_cli.explore import explore
from autograd_cli.lang.program import parse
from autograd_cli.modes import DEFAULT_MODE

HELP = """Compute an expression, and its gradients, with real torch.

\b
Inputs stand before or after the expression: --x VALUE, --x=VALUE or x=VALUE.
  --x 3    --x 1,2,3    --x "1,2;3,4"    --x "[[1,2],[3,4]]"    --x 1+2j
  --k 0,1:int64       with a dtype
  --x "randn(2,3)"    an expression that needs no input itself
  --x @weights.npy    a file: .npy .npz#key .pt#key .safetensors#key .csv .json
  --x -               what stdin says

\b
Examples:
  agx grad "2*x" --x 1,2,3,4
  agx grad "(x@w).sum()" --x "randn(2,3)" --w "randn(3)" --json
  agx grad "x**2 + no_grad(x**3)" --x 1 --python
"""
_STDIN = "-"
_FORMATS = {"json": Format.JSON, "quiet": Format.VALUES, "python": Format.PYTHON, "": Format.PAGE}


class GradCommand(TyperCommand):
    """Sorts the words of the command line before Typer parses them, so that an input may have any name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer vendors click, whose types have no public name
        """Typer's own parsing, of words in the order that it knows."""
        try:
            words = sort_words(CommandLine(args, ctx.info_name or "grad"), _declared(self)).for_typer()
        except AgxError:
            if not ctx.resilient_parsing:  # for completion an unfinished line is no error
                raise
            words = args
        return super().parse_args(ctx, words)

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
    return Declared(valued=frozenset(names) - flags, repeatable=frozenset(repeatable), flags=frozenset(flags))


def _free_names(expression: object) -> tuple[str, ...]:
    try:
        return parse(str(expression or "")).free
    except AgxError:
        return ()


def grad(  # noqa: PLR0913 - the options of the command
    expression: Annotated[str, typer.Argument(help='What to differentiate, such as "2*x".', show_default=False)],
    *,
    var: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="An input, also --NAME VALUE; needed where NAME is an option."),
    ] = None,
    gradient: Annotated[
        list[str] | None,
        typer.Option(metavar="VALUE", help="What backward() starts from, of the result's shape (default: ones)."),
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
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a bug in agx.")] = False,  # noqa: ARG001 - read by cli.app
) -> None:
    """Run `agx grad`; HELP is what a user reads."""
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
        check_file(output)
    if wrt is not None and not wrt.strip(" ,"):
        raise bad_request("usage", "--wrt names no input", source=COMMAND_LINE, fix="write --wrt x,w")
    inputs, gradients = _read_stdin(dict(_split(pair) for pair in var or ()), gradient or [])
    report = explore(
        expression,
        inputs=inputs,
        gradients=gradients,
        wrt=None if wrt is None else [name.strip() for name in wrt.split(",") if name.strip()],
        mode=mode,
        seed=seed,
        dtype=dtype,
        device=device,
        threads=threads,
        full=full,
    )
    delivery = Delivery(format=format_, color=color, precision=precision, depth=depth, full=full, file=output)
    raise typer.Exit(deliver(report, delivery))


def _split(pair: str) -> tuple[str, str]:
    name, _, text = pair.partition("=")
    return name, text


def _only(flags: dict[str, bool], default: str, kind: str) -> str:
    chosen = [name for name, is_on in flags.items() if is_on]
    if len(chosen) > 1:
        words = " and ".join(f"--{name}" for name in chosen)
        raise bad_request("usage", f"{words} are two {kind}: choose one", source=COMMAND_LINE)
    return chosen[0] if chosen else default


def _read_stdin(inputs: dict[str, str], gradients: list[str]) -> tuple[dict[str, str], list[str]]:
    """The inputs and gradients, with what stdin says in the place of a `-`."""
    texts = [*inputs.values(), *gradients]
    names = [*inputs, *("--gradient" for _ in gradients)]
    from_stdin = [name for name, text in zip(names, texts, strict=True) if text.strip() == _STDIN]
    if len(from_stdin) > 1:
        message = f"{' and '.join(from_stdin)} cannot both come from stdin"
        raise bad_request("usage", message, source=COMMAND_LINE)
    if from_stdin and sys.stdin is None:
        raise bad_request("usage", "stdin is closed", source=COMMAND_LINE)
    texts = [sys.stdin.read().removeprefix("\ufeff").strip() if text.strip() == _STDIN else text for text in texts]
    return dict(zip(inputs, texts, strict=False)), texts[len(inputs) :]
