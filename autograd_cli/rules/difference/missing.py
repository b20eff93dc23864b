"""Why a tensor has no gradient, in few words."""

from __future__ import annotations

from autograd_cli.rules.catalogue import CATALOGUE
from autograd_cli.rules.causes.cuts import cuts_before_roots, enters_untracked, reaches_roots
from autograd_cli.trace import Phase, Trace, Variable


def reasons(trace: Trace) -> tuple[tuple[str, str], ...]:
    """For each variable without `.grad`, why."""
    return tuple([(variable.name, _reason(trace, variable)) for variable in trace.variables if variable.grad is None])


def _reason(trace: Trace, variable: Variable) -> str:
    if not variable.tensor.requires_grad:
        return "not tracked"
    if not variable.tensor.is_leaf:
        return "not a leaf"
    refusal = trace.refusal
    if refusal is not None and refusal.during is Phase.FORWARD:
        return "program stopped before"
    if not trace.backwards or enters_untracked(trace):
        return "only autograd.grad ran" if trace.walks else "no backward ran"
    name, value = variable.name, variable.leaf
    if any(leaf.value == value and leaf.after is not None for backward in trace.backwards for leaf in backward.leaves):
        return "set to None"
    if cuts := cuts_before_roots(trace, (name,)):
        return CATALOGUE[cuts[0].rule].short or "cut off"
    if refusal is not None:
        return "backward was refused"
    return "not asked for" if reaches_roots(trace, name) else "not in graph"
