"""Leaves that require a gradient, were used for the result and silently got none: nobody looked at their `.grad`.

Some of these are meant: where the leaf is frozen, where a target was computed from it, where a new leaf begins in its
place, and where it belongs to a module that was cut off explicitly, or that no optimizer is to train.
"""

from __future__ import annotations

from collections.abc import Iterator

from autograd_cli.rules.causes.lost import (
    COMPUTED,
    Culprit,
    Lost,
    Role,
    culprit_of,
    first_tracked,
    given,
    is_target_of,
    leaves,
    path,
    taken,
)
from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.rules.evidence.graph import is_tracked
from autograd_cli.rules.evidence.symptoms import is_leaf, makes_optimizer, reach
from autograd_cli.trace import Kind

_MOST = 64
_ALL = frozenset(Role)
_STOPS = frozenset({"cut-by-detach", "cut-by-data", "cut-by-no-grad", "cut-by-grad-mode-off", "no-grad-view"})


def unreached(evidence: Evidence) -> Iterator[Culprit]:
    """For each such leaf the cut that is to blame, unless it is meant."""
    trace = evidence.trace
    if trace.refusal is not None or not trace.backwards:
        return
    roots = tuple(dict.fromkeys(root for backward in trace.backwards for root in backward.roots))
    got = (
        given(evidence)
        | taken(evidence)
        | _recorded(evidence, roots)
        | {first_tracked(evidence, each) for each in roots}
    )
    for start in [leaf for leaf in leaves(evidence) if leaf not in got][:_MOST]:
        if trace.values[start].kind is Kind.INPUT or _is_frozen(evidence, start):
            continue
        name = evidence.called(start)
        last = trace.backwards[-1]
        lost = Lost(
            start=start,
            name=name,
            roots=roots,
            observed=f"{name}.grad is None",
            span=last.span,
            label="no gradient comes from here",
        )
        found = culprit_of(evidence, lost)
        if found is not None and not _is_meant(evidence, found):
            yield found


def _recorded(evidence: Evidence, roots: tuple[int, ...]) -> frozenset[int]:
    """The leaves that the recorded graph leads to: if backward() gave them nothing, it was not asked to."""
    nodes = [evidence.trace.nodes[node] for node in reach(evidence.trace, roots)]
    return frozenset(first_tracked(evidence, node.leaf) for node in nodes if node.leaf is not None)


def _is_frozen(evidence: Evidence, start: int) -> bool:
    """Whether requires_grad of the leaf was switched off at any time after torch first tracked it."""
    trace, origin = evidence.trace, evidence.origin(start)
    later = [value.tensor for value in trace.values[start:] if evidence.origin(value.id) == origin]
    later += [variable.tensor for variable in trace.variables if evidence.origin(variable.value) == origin]
    return any(tensor is not None and not tensor.requires_grad for tensor in later)


def _is_meant(evidence: Evidence, found: Culprit) -> bool:
    """Whether a reader of the program sees that the leaf is to get nothing."""
    trace, start = evidence.trace, found.lost.start
    between = path(evidence, start, found.lost.roots, _ALL)
    ways_on = [trace.values[each] for each in sorted(between) if each > found.cut.value]
    joins = [each for each in ways_on if is_tracked(trace, each.id)]
    if joins and is_target_of(joins[0], between):
        return True
    if found.cut.rule in _STOPS and found.role in COMPUTED:
        got = given(evidence)
        if any(
            first_tracked(evidence, each.id) in got for each in joins if each.tensor is not None and each.tensor.is_leaf
        ):
            return True
    if trace.values[start].kind is not Kind.PARAMETER or evidence.origin(start) in _to_be_trained(evidence):
        return False
    return found.cut.rule in _STOPS or bool(_to_be_trained(evidence))


@remembered
def _to_be_trained(evidence: Evidence) -> frozenset[int]:
    """The leaves that an optimizer was given."""
    trace = evidence.trace
    optimizers = [value for value in trace.values if makes_optimizer(value) or value.kind is Kind.STEP]
    parts = [part.id for value in optimizers for part in trace.parts(value.operands)]
    return frozenset(evidence.origin(part) for part in parts if is_leaf(evidence.tensor(part)))
