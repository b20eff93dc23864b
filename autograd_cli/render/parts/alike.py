"""Leaves that a loop or a function made again and again under one name: a table shows the first and the last."""

from __future__ import annotations

from dataclasses import replace

from autograd_cli.render.escape import visible
from autograd_cli.render.look import Look
from autograd_cli.spelling import spelled_full
from autograd_cli.trace import Trace, without_number

_FEW = 4


def with_few_alike(trace: Trace, look: Look) -> tuple[Trace, list[str]]:
    """The trace without the leaves that are left out, and the lines that say so."""
    families: dict[str, list[str]] = {}
    for variable in trace.variables:
        if not variable.is_held:
            families.setdefault(without_number(variable.name), []).append(variable.name)
    many = {name: family[1:-1] for name, family in families.items() if len(family) > _FEW and not look.full}
    left_out = {name for family in many.values() for name in family}
    lines = [
        f"{look.glyphs.fold} {len(family):,} more called {visible(name)} ({spelled_full()})"
        for name, family in many.items()
    ]
    variables = tuple([each for each in trace.variables if each.name not in left_out])
    grads = tuple([(name, grad) for name, grad in trace.grads if name not in left_out])
    return replace(trace, variables=variables, grads=grads), lines
