"""The options that commands have in common, each declared once: a command's signature is a list of these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeAlias

import typer

from autograd_cli.cli.limit_options import NAMES
from autograd_cli.cli.terminal import Color
from autograd_cli.diagnostic import COMMAND_LINE, bad_request

PROGRAM_HELP = f"""\b
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
  {" ".join(NAMES)}"""

# The program and its inputs.
Var: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="An input, also --NAME VALUE; needed where NAME is an option."),
]
Gradient: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="VALUE", help="What backward() starts from, of the result's shape (default: ones)."),
]
File: TypeAlias = Annotated[
    str | None, typer.Option("--file", "-f", metavar="FILE", help="Read the program from a file.")
]
Wrt: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAMES", help="The inputs that require gradients: x,w (default: all).")
]
Of: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="Narrow everything to one variable of the program.")
]

# The tracking modes.
NoRequiresGrad: TypeAlias = Annotated[bool, typer.Option("--no-requires-grad", help="Inputs do not require gradients.")]
NoGrad: TypeAlias = Annotated[bool, typer.Option("--no-grad", help="Run under torch.no_grad().")]
InferenceMode: TypeAlias = Annotated[bool, typer.Option("--inference-mode", help="Run under torch.inference_mode().")]
Detach: TypeAlias = Annotated[bool, typer.Option("--detach", help="Inputs enter through .detach().")]
Data: TypeAlias = Annotated[bool, typer.Option("--data", help="Inputs enter through .data.")]

# What is written, and where.
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object (see agx schema).")]
Output: TypeAlias = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write to a file: .json, .txt, .svg or .html."),
]
ColorOption: TypeAlias = Annotated[Color, typer.Option(help="When to use colour.")]
Precision: TypeAlias = Annotated[int, typer.Option(min=1, max=17, help="Digits after the point in tables.")]
Depth: TypeAlias = Annotated[int | None, typer.Option(min=1, help="Draw this many levels of the grad_fn tree.")]
Full: TypeAlias = Annotated[bool, typer.Option("--full", help="Leave nothing out, whatever the size.")]

# How it is run.
Seed: TypeAlias = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Seed of torch's random numbers.")]
Dtype: TypeAlias = Annotated[str, typer.Option(help="The default dtype: float32, float64, float16 or bfloat16.")]
Device: TypeAlias = Annotated[str, typer.Option(help="Where tensors live: cpu, cuda, cuda:1, mps.")]
Threads: TypeAlias = Annotated[int | None, typer.Option(min=1, max=1024, help="How many threads torch uses.")]
Timeout: TypeAlias = Annotated[str | None, typer.Option(metavar="SECONDS", help="Stop after this time (default: 30).")]
LimitOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="What the run may take, such as memory=8G."),
]
Debug: TypeAlias = Annotated[bool, typer.Option("--debug", help="Show the traceback of a bug in agx.")]


def chosen(flags: Mapping[str, bool], default: str, kind: str) -> str:
    """Which of the flags is on, or `default`.

    Raises:
        AgxError: two are on.
    """
    on = [name for name, is_on in flags.items() if is_on]
    if len(on) > 1:
        words = " and ".join(f"--{name}" for name in on)
        raise bad_request("usage", f"{words} are two {kind}: choose one", source=COMMAND_LINE)
    return on[0] if on else default
