"""Whether rules may find something if a run is watched: a cheap test that says yes too often rather than too seldom."""

from __future__ import annotations

import cmath
from collections.abc import Iterable, Iterator

from autograd_cli.diagnostic import Diagnostic, Severity
from autograd_cli.rules.evidence.symptoms import GRAD, flattened
from autograd_cli.trace import TensorValues, Trace

_HUGE, _TINY = 1e6, 1e-5
_CUTS = frozenset({"data", "detach", "detach_"})  # a write through one may silently make a gradient wrong


def looks_broken(trace: Trace, found: Iterable[Diagnostic]) -> bool:
    """Whether there is a finding already, or a refusal, a cut, a value that is not finite, or an odd gradient."""
    if trace.refusal is not None or any(each.severity is not Severity.NOTE for each in found):
        return True
    for value in trace.values:
        if value.verb in _CUTS or (value.tensor is not None and _is_broken(value.tensor)):
            return True
    if trace.backwards and any(value.function == GRAD for value in trace.values):
        return True  # a gradient of gradients may lack a part
    return any(gradient is None or _is_odd(gradient) for gradient in _gradients(trace))


def _gradients(trace: Trace) -> Iterator[TensorValues | None]:
    """What every pass gave every leaf, and what `autograd.grad` returned."""
    yield from (leaf.after for backward in trace.backwards for leaf in backward.leaves)
    for value in trace.values:
        if value.function == GRAD:
            yield from (trace.values[part].tensor for part in flattened(trace, value.elements))


def _is_odd(gradient: TensorValues) -> bool:
    """Whether all of a gradient is as good as zero, some of it is huge, or it has NaN or infinity in it."""
    if _is_broken(gradient):
        return True
    sizes = [abs(value) for value in gradient.values or ()]
    if gradient.summary is not None:
        sizes = [abs(bound) for bound in (gradient.summary.minimum, gradient.summary.maximum) if bound is not None]
    return not _TINY < max(sizes, default=0) < _HUGE


def _is_broken(tensor: TensorValues) -> bool:
    if tensor.values is None:
        return bool(tensor.nan_count or tensor.inf_count)
    return not cmath.isfinite(sum(tensor.values))
