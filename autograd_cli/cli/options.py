"""The options that commands have in common, each declared once: a command's signature is made of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import typer

from autograd_cli.cli import completion, option_values
from autograd_cli.cli.limit_options import NAMES
from autograd_cli.cli.several import Flag, Flags
from autograd_cli.cli.terminal import Color
from autograd_cli.diagnostic import COMMAND_LINE, bad_request
from autograd_cli.limits import Limits
from autograd_cli.modes import DEFAULT_MODE, MODES, Mode
from autograd_cli.render.formats.table import FILES, FORMATS
from autograd_cli.report import Body
from autograd_cli.settings import DTYPES, MAX_SEED, MAX_THREADS, Settings

# The headings of --help.
INPUTS = "Program and inputs"
LESSONS = "Lessons, each alone, without a program"
MODES_PANEL = "Tracking modes"
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

# What stands for one option.
Of: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Show only this variable of the program.",
        autocompletion=completion.variables,
        rich_help_panel=INPUTS,
    ),
]
Lang: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="LANGUAGE",
        help="Language, such as en or zh (default: from the locale).",
        parser=option_values.language,
        autocompletion=completion.languages,
        rich_help_panel=OUTPUT,
    ),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help=FORMATS["json"].help, rich_help_panel=OUTPUT)]
Output: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help=f"Write to a file: {', '.join([*FILES][:-1])} or {[*FILES][-1]}.",
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
Full: TypeAlias = Annotated[
    bool, typer.Option("--full", help="Show everything, unabbreviated.", rich_help_panel=OUTPUT)
]


# What stands for several options: see `cli.several`.
@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The program and what goes into it. `cli.arguments` has read the program, and told the inputs apart."""

    expression: Annotated[
        str | None,
        typer.Argument(metavar="PROGRAM", help="An expression, or statements; - for stdin.", show_default=False),
    ] = None
    var: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="An input whose name is an option's: --var seed=3.", rich_help_panel=INPUTS
        ),
    ] = None
    gradient: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VALUE", help="Weights of the result for backward() (default: ones).", rich_help_panel=INPUTS
        ),
    ] = None
    file: Annotated[
        str | None,
        typer.Option("--file", "-f", metavar="FILE", help="Read the program from a file.", rich_help_panel=INPUTS),
    ] = None
    wrt: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Inputs that require gradients: x,w (default: all).",
            autocompletion=completion.inputs,
            rich_help_panel=INPUTS,
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """How a page looks, and where it goes."""

    output: Output = None
    color: ColorOption = Color.AUTO
    precision: Precision = 4
    depth: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Levels of the grad_fn tree to draw (default: all).",
            parser=option_values.whole_number(1, 10**9, "a whole number, 1 or more"),
            rich_help_panel=OUTPUT,
        ),
    ] = None
    full: Full = False
    lang: Lang = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How the program runs."""

    seed: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Seed of torch's random numbers (default: 0).",
            parser=option_values.whole_number(0, MAX_SEED, "a whole number, 0 or more and below 2**63"),
            show_default=False,
            rich_help_panel=RUN,
        ),
    ] = 0
    dtype: Annotated[
        str,
        typer.Option(
            metavar="DTYPE",
            help="float32 (default), float64, float16 or bfloat16.",
            autocompletion=completion.one_of(DTYPES),
            show_default=False,
            rich_help_panel=RUN,
        ),
    ] = "float32"
    device: Annotated[
        str,
        typer.Option(
            metavar="DEVICE",
            help="Where tensors live: cpu (default), cuda, cuda:1, mps.",
            autocompletion=completion.devices,
            show_default=False,
            rich_help_panel=RUN,
        ),
    ] = "cpu"
    threads: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="How many threads torch uses.",
            parser=option_values.whole_number(1, MAX_THREADS),
            rich_help_panel=RUN,
        ),
    ] = None
    timeout: Annotated[
        str | None, typer.Option(metavar="SECONDS", help="Stop after this time (default: 30).", rich_help_panel=RUN)
    ] = None
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="A resource limit, such as memory=8G.",
            autocompletion=completion.limits,
            rich_help_panel=RUN,
        ),
    ] = None
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a bug in agx.", rich_help_panel=RUN)] = (
        False
    )

    def settings(self, limits: Limits, *, full: bool = False) -> Settings:
        """These options as Settings. `limits` are what --limit, --timeout and the environment say together."""
        return Settings(
            seed=self.seed, dtype=self.dtype, device=self.device, threads=self.threads, full=full, limits=limits
        )


def flag_of_mode(mode: Mode) -> Flag:
    """The option for a tracking mode."""
    return Flag(name=mode.name, help=f"{mode.help}.", panel=MODES_PANEL)


OneMode: TypeAlias = Annotated[
    tuple[str, ...], Flags([flag_of_mode(mode) for mode in MODES.values() if mode.name != DEFAULT_MODE])
]


def formats(answer: type[Body], **other_help: str) -> Flags:
    """The options for the formats of an answer of this type; `other_help` replaces the help in the table."""
    return Flags(
        [
            Flag(name=name, help=other_help.get(name, found.help), panel=OUTPUT, spellings=found.spellings)
            for name, found in FORMATS.items()
            if answer in found.of or Body in found.of
        ]
    )


def chosen(given: Sequence[str], default: str, kind: str) -> str:
    """The one flag that is given, or `default`.

    Raises:
        AgxError: two are given.
    """
    if len(given) > 1:
        words = " and ".join(f"--{name}" for name in given)
        raise bad_request("usage", f"{words} are two {kind}: choose one", source=COMMAND_LINE)
    return given[0] if given else default
