"""`agx grad`: an expression and inputs in; results, gradients, grad_fn chain and leaf status out."""

from __future__ import annotations

from typing import Annotated

import typer

from autograd_cli.cli import options
from autograd_cli.cli.delivery import Delivery, check_file
from autograd_cli.cli.request import answer, check_program, make_request
from autograd_cli.cli.terminal import Color
from autograd_cli.modes import DEFAULT_MODE
from autograd_cli.render.formats.table import FORMATS

SUMMARY = "values, gradients, the graph"
HELP = f"""Compute an expression, and its gradients, with real torch.

{options.PROGRAM_HELP}

\b
Examples:
  agx grad "2*x" --x 1,2,3,4
  agx grad "(x@w).sum()" --x "randn(2,3)" --w "randn(3)" --json
  agx grad "x**2 + no_grad(x**3)" --x 1 --python
  agx grad snippet.py --x 1,2,3
"""


def grad(  # noqa: PLR0913 - the options of the command
    ctx: typer.Context,
    expression: options.Program = None,  # noqa: ARG001 - read by cli.arguments
    *,
    var: options.Var = None,
    gradient: options.Gradient = None,
    file: options.File = None,  # noqa: ARG001 - read by cli.arguments
    wrt: options.Wrt = None,
    no_requires_grad: options.NoRequiresGrad = False,
    no_grad: options.NoGrad = False,
    inference_mode: options.InferenceMode = False,
    detach: options.Detach = False,
    data: options.Data = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    names: Annotated[
        bool,
        typer.Option("--names", help="As -q, with NAME= before one gradient, too.", rich_help_panel=options.OUTPUT),
    ] = False,
    result: Annotated[
        bool, typer.Option("--result", help="Print the result only, as --x reads it.", rich_help_panel=options.OUTPUT)
    ] = False,
    python: Annotated[
        bool, typer.Option("--python", help="Print the same as a PyTorch program.", rich_help_panel=options.OUTPUT)
    ] = False,
    output: options.Output = None,
    color: options.ColorOption = Color.AUTO,
    precision: options.Precision = 4,
    depth: options.Depth = None,
    full: options.Full = False,
    lang: options.Lang = None,  # noqa: ARG001 - its pages have no translation yet
    seed: options.Seed = 0,
    dtype: options.Dtype = "float32",
    device: options.Device = "cpu",
    threads: options.Threads = None,
    timeout: options.Timeout = None,  # noqa: ARG001 - read by cli.arguments
    limit: options.LimitOption = None,  # noqa: ARG001 - read by cli.arguments
    debug: options.Debug = False,
) -> None:
    """Run `agx grad`; HELP is what a user reads."""
    check_program(ctx.obj)
    modes = {
        "no-requires-grad": no_requires_grad,
        "no-grad": no_grad,
        "inference-mode": inference_mode,
        "detach": detach,
        "data": data,
    }
    mode = options.chosen(modes, DEFAULT_MODE, "modes")
    formats = {"json": json, "quiet": quiet and not names, "names": names, "result": result, "python": python}
    format_ = FORMATS[options.chosen(formats, "page", "formats")]
    check_file(output, format_)
    delivery = Delivery(format=format_, color=color, precision=precision, depth=depth, full=full, file=output)
    request = make_request(
        ctx.obj,
        var=var,
        gradient=gradient,
        wrt=wrt,
        mode=mode,
        seed=seed,
        dtype=dtype,
        device=device,
        threads=threads,
        full=full,
    )
    raise typer.Exit(answer(request, delivery, debug=debug))
