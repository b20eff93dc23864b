"""Trace → diagnostics: what there is to say of a run, one function for each kind of finding. Nothing imports torch."""

from __future__ import annotations

from autograd_cli.diagnostic import Diagnostic
from autograd_cli.rules import gradients
from autograd_cli.trace import Trace

RULES = (
    gradients.check_refused_operation,
    gradients.check_refused_backward,
    gradients.check_missing_gradient,
    gradients.check_nan_gradient,
    gradients.check_partly_cut,
)


def check(trace: Trace, source: str) -> tuple[Diagnostic, ...]:
    """All that the rules find in one run of the program `source`, gravest first."""
    return tuple(diagnostic for rule in RULES for diagnostic in rule(trace, source))
