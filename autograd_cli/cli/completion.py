"""What a shell is offered for the value of an option or for an argument. Nothing here loads torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import typer

from autograd_cli.cli.limit_options import NAMES
from autograd_cli.diagnostic import AgxError
from autograd_cli.lang.program import Program, parse
from autograd_cli.lessons import LESSONS
from autograd_cli.modes import MODES
from autograd_cli.translation import LANGUAGES

_DEVICES = ("cpu", "cuda", "mps")


def one_of(words: Iterable[str]) -> Callable[[str], list[str]]:
    """A completion by fixed words."""
    known = list(words)

    def complete(incomplete: str) -> list[str]:
        return [word for word in known if word.startswith(incomplete)]

    return complete


languages = one_of(LANGUAGES)
devices = one_of(_DEVICES)
limits = one_of(f"{name}=" for name in NAMES)
lessons = one_of(LESSONS)


def modes(incomplete: str) -> list[str]:
    """The list of modes that is being written, continued by each mode that it lacks."""
    return _continued(incomplete, MODES)


def rules(incomplete: str) -> list[str]:
    """The names of the rules."""
    from autograd_cli.rules import CATALOGUE

    return [slug for slug in CATALOGUE if slug.startswith(incomplete)]


def operations(incomplete: str) -> list[str]:
    """The names of the operations as a program writes them."""
    from autograd_cli.lang.documentation import short_name
    from autograd_cli.lang.vocabulary import operation_names

    return sorted({name for full in operation_names() if (name := short_name(full)).startswith(incomplete)})


def inputs(ctx: typer.Context, incomplete: str) -> list[str]:
    """The list of inputs that is being written, continued by each that the program reads."""
    program = _program(ctx)
    return [] if program is None else _continued(incomplete, program.free)


def variables(ctx: typer.Context, incomplete: str) -> list[str]:
    """The inputs and the variables of the program."""
    program = _program(ctx)
    names = [] if program is None else [*program.free, *sorted(program.bound)]
    return [name for name in names if name.startswith(incomplete)]


def _program(ctx: typer.Context) -> Program | None:
    try:
        return parse(str(ctx.params.get("expression") or ""))
    except AgxError:
        return None


def _continued(incomplete: str, names: Iterable[str]) -> list[str]:
    """The list, continued by each of the names that are not in it yet."""
    done, comma, last = incomplete.rpartition(",")
    return [f"{done}{comma}{name}" for name in names if name.startswith(last) and name not in done.split(",")]
