"""Trace → diagnostics: what there is to say of a run, one function for each kind of finding. Nothing imports torch."""

from __future__ import annotations

from collections.abc import Iterable

from autograd_cli.diagnostic import Diagnostic
from autograd_cli.rules import gradients, missing
from autograd_cli.rules.cuts import find_cuts
from autograd_cli.rules.edges import recorded_edges
from autograd_cli.rules.lifts import differences, lifts
from autograd_cli.rules.narrow import narrow
from autograd_cli.rules.verdict import verdict
from autograd_cli.trace import Counterfactual, Explanation, Trace

__all__ = ["check", "differences", "explain", "lifts", "narrow", "verdict"]

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


def explain(trace: Trace, counterfactuals: Iterable[Counterfactual]) -> Explanation:
    """The difference between the two graphs of a run."""
    cuts = find_cuts(trace, frozenset(range(len(trace.values))))
    return Explanation(
        recorded=recorded_edges(trace),
        cuts=tuple([cut for cut in cuts if cut.rule != "missing-create-graph"]),  # a gradient is to be numbers
        missing=missing.reasons(trace),
        counterfactuals=tuple(counterfactuals),
    )
