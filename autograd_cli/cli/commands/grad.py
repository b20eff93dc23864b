"""`agx grad`: an expression and inputs in; results, gradients, grad_fn chain and leaf status out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer

from autograd_cli.cli import options
from autograd_cli.cli.arguments import Sorted
from autograd_cli.cli.delivery import delivery_of
from autograd_cli.cli.request import answer, call_of, check_program
from autograd_cli.modes import DEFAULT_MODE
from autograd_cli.report import Explored
from autograd_cli.tasks.explore import explore

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


def grad(
    ctx: typer.Context,
    *,
    given: options.Given,
    modes: options.OneMode,
    formats: Annotated[tuple[str, ...], options.formats(Explored)],
    page: options.Page,
    run: options.Run,
) -> None:
    """Run `agx grad`; HELP is what a user reads."""
    asked: Sorted = ctx.obj
    check_program(asked)
    mode = options.chosen(modes, DEFAULT_MODE, "modes")
    delivery = delivery_of(page, _without_quiet(formats))
    call = call_of(asked, given, run.settings(asked.limits, full=page.full), mode=mode)
    raise typer.Exit(answer(call, partial(explore, call.request), delivery, debug=run.debug))


def _without_quiet(formats: Sequence[str]) -> Sequence[str]:
    """The formats without --quiet where --names, which asks for the same with more detail, is among them."""
    return [name for name in formats if name != "quiet"] if "names" in formats else formats
