"""The options that commands have in common, each declared once: a command's signature is a list of these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeAlias

import typer

from autograd_cli.cli import completion, option_values
from autograd_cli.cli.limit_options import NAMES
from autograd_cli.cli.terminal import Color
from autograd_cli.diagnostic import COMMAND_LINE, bad_request
from autograd_cli.tasks.explore import DEFAULT_DTYPES

# The headings of --help.
INPUTS = "Program and inputs"
LESSONS = "Lessons, each alone, without a program"
MODES = "Tracking modes"
OUTPUT = "Output"
RUN = "The run"

PROGRAM_HELP = f"""\b
The program is an expression, or several statements (lines, or with ;),
or a file (FILE.py, FILE.ipynb), or read from stdin (-, or a pipe alone).

\b
Inputs stand before or after the program: --x VALUE, --x=VALUE or x=VALUE.
  --x 3    --x 1,2,3    --x "1,2;3,4"    --x "[[1,2],[3,4]]"    --x 1+2j
  --k 0,1:int64       with a dtype
  --x "randn(2,3)"    an expression that needs no input itself
  --x weights.npy     .npy .npz#key .pt#key .safetensors#key .csv .json
  --x -               read from stdin, as seq 5 writes it

\b
Limits, each as --limit NAME=VALUE or AGX_LIMIT_NAME in the environment:
  {" ".join(NAMES)}"""

# The program and its inputs.
Program: TypeAlias = Annotated[
    str | None, typer.Argument(metavar="PROGRAM", help="An expression, or statements; - for stdin.", show_default=False)
]
Var: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE", help="An input whose name is an option's: --var seed=3.", rich_help_panel=INPUTS
    ),
]
Gradient: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="VALUE", help="Weights of the result for backward() (default: ones).", rich_help_panel=INPUTS),
]
File: TypeAlias = Annotated[
    str | None,
    typer.Option("--file", "-f", metavar="FILE", help="Read the program from a file.", rich_help_panel=INPUTS),
]
Wrt: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Inputs that require gradients: x,w (default: all).",
        autocompletion=completion.inputs,
        rich_help_panel=INPUTS,
    ),
]
Of: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Show only this variable of the program.",
        autocompletion=completion.variables,
        rich_help_panel=INPUTS,
    ),
]

# The tracking modes.
MODE_HELP = {
    "no-requires-grad": "Inputs do not require gradients",
    "no-grad": "Run under torch.no_grad()",
    "inference-mode": "Run under torch.inference_mode()",
    "detach": "Inputs enter through .detach()",
    "data": "Inputs enter through .data",
}


def _mode(name: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(f"--{name}", help=f"{MODE_HELP[name]}.", rich_help_panel=MODES)
    return option


NoRequiresGrad: TypeAlias = Annotated[bool, _mode("no-requires-grad")]
NoGrad: TypeAlias = Annotated[bool, _mode("no-grad")]
InferenceMode: TypeAlias = Annotated[bool, _mode("inference-mode")]
Detach: TypeAlias = Annotated[bool, _mode("detach")]
Data: TypeAlias = Annotated[bool, _mode("data")]

# What is written, and where.
Quiet: TypeAlias = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print the gradients only, as --x reads them.", rich_help_panel=OUTPUT),
]
Lang: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="LANGUAGE",
        help="Such as en or zh (default: the locale's).",
        parser=option_values.language,
        autocompletion=completion.languages,
        rich_help_panel=OUTPUT,
    ),
]
Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON object (agx schema has its schema).", rich_help_panel=OUTPUT)
]
Output: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write to a file: .json, .txt, .svg or .html.",
        rich_help_panel=OUTPUT,
    ),
]
ColorOption: TypeAlias = Annotated[
    Color,
    typer.Option(
        metavar="WHEN",
        help="Use colour: auto, always or never.",
        parser=option_values.one_of(Color),
        autocompletion=completion.one_of(Color),
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
Precision: TypeAlias = Annotated[
    int,
    typer.Option(
        metavar="N",
        help="Digits after the point in tables (default: 4).",
        parser=option_values.whole_number(1, 17),
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
Depth: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Levels of the grad_fn tree to draw (default: all).",
        parser=option_values.whole_number(1, 10**9, "a whole number, 1 or more"),
        rich_help_panel=OUTPUT,
    ),
]
Full: TypeAlias = Annotated[
    bool, typer.Option("--full", help="Show everything, unabbreviated.", rich_help_panel=OUTPUT)
]

# How it is run.
Seed: TypeAlias = Annotated[
    int,
    typer.Option(
        metavar="N",
        help="Seed of torch's random numbers (default: 0).",
        parser=option_values.whole_number(0, 2**63 - 1, "a whole number, 0 or more and below 2**63"),
        show_default=False,
        rich_help_panel=RUN,
    ),
]
Dtype: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="DTYPE",
        help="float32 (default), float64, float16 or bfloat16.",
        autocompletion=completion.one_of(DEFAULT_DTYPES),
        show_default=False,
        rich_help_panel=RUN,
    ),
]
Device: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="DEVICE",
        help="Where tensors live: cpu (default), cuda, cuda:1, mps.",
        autocompletion=completion.devices,
        show_default=False,
        rich_help_panel=RUN,
    ),
]
Threads: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="How many threads torch uses.",
        parser=option_values.whole_number(1, 1024),
        rich_help_panel=RUN,
    ),
]
Timeout: TypeAlias = Annotated[
    str | None, typer.Option(metavar="SECONDS", help="Stop after this time (default: 30).", rich_help_panel=RUN)
]
LimitOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="A resource limit, such as memory=8G.",
        autocompletion=completion.limits,
        rich_help_panel=RUN,
    ),
]
Debug: TypeAlias = Annotated[
    bool, typer.Option("--debug", help="Show the traceback of a bug in agx.", rich_help_panel=RUN)
]


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
