"""Why a tensor has no gradient, in few words."""

from __future__ import annotations

from autograd_cli.rules.causes.cuts import cuts_before_roots, enters_untracked, reaches_roots
from autograd_cli.trace import Phase, Trace, Variable

_CUTS = {
    "cut-by-detach": "cut by detach()",
    "cut-by-data": "cut by .data",
    "cut-by-no-grad": "cut by no_grad",
    "cut-by-grad-mode-off": "cut by inference_mode",
    "cut-by-item": "became a number",
    "cut-by-rewrap": "copied into a leaf",
    "cut-by-int-cast": "became an integer",
    "cut-by-index-op": "became an index",
    "cut-by-comparison": "became a boolean",
    "cut-by-sampling": "was drawn",
    "cut-by-factory": "filled a tensor",
    "missing-create-graph": "without create_graph",
    "cut-by-nondiff-op": "has no derivative",
    "no-grad-view": "a no_grad view",
    "requires-grad-missing": "tracking switched off",
}


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
        return _CUTS.get(cuts[0].rule, "cut off")
    if refusal is not None:
        return "backward was refused"
    return "not asked for" if reaches_roots(trace, name) else "not in graph"
