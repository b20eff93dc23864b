"""What to run again to see what a cut changed, and what it did change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autograd_cli.diagnostic import Span
from autograd_cli.rules.catalogue import CATALOGUE
from autograd_cli.rules.causes.cuts import cuts_before_roots
from autograd_cli.rules.rule import Lifted
from autograd_cli.trace import Counterfactual, Cut, TensorInfo, Trace

MAX_LIFTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """A cut that can be edited out of the program at `span`; None stands for the mode that the whole program ran in."""

    rule: str
    span: Span | None


def lifts(trace: Trace) -> tuple[Lift, ...]:
    """The cuts between the leaves and what backward started from that can be lifted, in order, at most MAX_LIFTS."""
    found: dict[Span | None, Lift] = {}
    for cut in cuts_before_roots(trace, trace.leaves):
        lift = _lift_of(trace, cut)
        if lift is not None:
            found.setdefault(lift.span, lift)
    return tuple(found.values())[:MAX_LIFTS]


def _lift_of(trace: Trace, cut: Cut) -> Lift | None:
    value = trace.values[cut.value]
    lifted = CATALOGUE[cut.rule].lifted
    if lifted is Lifted.GRAD_MODE:
        return Lift(rule=cut.rule, span=value.grad_mode_span)
    if lifted is Lifted.CALL and (cut.rule != "cut-by-item" or value.function == "torch.Tensor.item"):
        return Lift(rule=cut.rule, span=value.span)
    return None


def differences(trace: Trace, lifted: Trace, lift: Lift) -> Iterator[Counterfactual]:
    """The gradients of `trace` that differ in `lifted`, a run of the same program without the cut `lift`."""
    if lifted.refusal is not None:
        return
    would_be = dict(lifted.grads)
    for name, actual in trace.grads:
        if name in would_be and _content(actual) != _content(would_be[name]):
            yield Counterfactual(rule=lift.rule, span=lift.span, name=name, actual=actual, would_be=would_be[name])


def _content(gradient: TensorInfo | None) -> str | None:
    """What is in the gradient, as text: NaN equals NaN in it."""
    return None if gradient is None else repr((gradient.shape, gradient.values, gradient.summary))
