"""Trace → diagnostics: what there is to say of a run, one function for each kind of finding. Nothing imports torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from autograd_cli.rules.catalogue import CATALOGUE
from autograd_cli.rules.causes.cuts import find_cuts
from autograd_cli.rules.difference import missing
from autograd_cli.rules.difference.lifts import differences, lifts
from autograd_cli.rules.difference.narrow import narrow
from autograd_cli.rules.evidence.edges import recorded_edges
from autograd_cli.rules.evidence.graph import ancestors
from autograd_cli.rules.evidence.symptoms import GRAD
from autograd_cli.rules.outcome import outcome
from autograd_cli.rules.rule import Rule
from autograd_cli.rules.signs import looks_broken
from autograd_cli.rules.unwatched import not_watched
from autograd_cli.rules.verdict import verdict
from autograd_cli.trace import Counterfactual, Explanation, Kind, Trace

__all__ = [
    "CATALOGUE",
    "Rule",
    "differences",
    "explain",
    "lifts",
    "looks_broken",
    "narrow",
    "not_watched",
    "outcome",
    "verdict",
]


def explain(trace: Trace, counterfactuals: Iterable[Counterfactual]) -> Explanation:
    """The difference between the two graphs of a run."""
    needed = _needed(trace)
    found = find_cuts(trace, frozenset(range(len(trace.values))))
    cuts = [
        replace(cut, feeds_backward=cut.value in needed, margin=CATALOGUE[cut.rule].beside(cut.since)) for cut in found
    ]
    return Explanation(
        recorded=recorded_edges(trace),
        cuts=tuple([cut for cut in cuts if cut.rule != "missing-create-graph" or _is_used(trace, cut.value)]),
        missing=missing.reasons(trace),
        counterfactuals=tuple(counterfactuals),
    )


def _needed(trace: Trace) -> frozenset[int]:
    """The values that the roots of backward passes were computed from; all values, where no pass was started.

    A tensor that shares memory with one of them and was written to, as `h.data` in `h.data.zero_()`, is among them.
    """
    asked = [value.operands for value in trace.values if value.function == GRAD]
    roots = {root for backward in trace.backwards for root in backward.roots}
    starts = [*(roots or trace.roots), *(operand for operands in asked for operand in operands)]
    if not starts:
        return frozenset(range(len(trace.values)))
    needed = ancestors(trace, starts)
    tensors = [(value, value.tensor) for value in trace.values if value.tensor is not None]
    memory = {tensor.storage for value, tensor in tensors if value.id in needed}
    written = {value.previous for value, tensor in tensors if tensor.storage in memory and value.kind is not Kind.ALIAS}
    return needed | {value for value in written if value is not None}


def _is_used(trace: Trace, gradient: int) -> bool:
    """Whether anything was computed from what `autograd.grad` returned: where it is only the answer, it is no cut."""
    held = {gradient, *trace.values[gradient].elements}
    return any(
        value.tensor is not None and value.id not in held and not held.isdisjoint(value.operands)
        for value in trace.values
    )
