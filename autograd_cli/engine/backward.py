"""The backward pass on a result, as torch does it, and what each leaf got from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from autograd_cli.diagnostic import Span, bad_request
from autograd_cli.engine.recording import Box, Recording
from autograd_cli.engine.snapshot import MAX_VALUES
from autograd_cli.lang.inputs import InputSpec
from autograd_cli.limits import memory_error
from autograd_cli.trace import Backward, LeafGradient, Phase, Refusal, TensorInfo


def roots_of(result: Box) -> list[Box]:
    """The outputs that backward starts from.

    Of a sequence these are its tracked tensors, or, where none is, those of a floating or complex dtype (for torch to
    refuse them).
    """
    if not isinstance(result.payload, tuple | list):
        return [result]
    tensors = [box for box in result.payload if isinstance(box.payload, torch.Tensor)]
    tracked = [box for box in tensors if box.payload.requires_grad]
    floating = [box for box in tensors if box.payload.is_floating_point() or box.payload.is_complex()]
    return tracked or floating or tensors or [result]


def check_gradients(roots: Sequence[Box], specs: Sequence[InputSpec], gradients: Sequence[torch.Tensor]) -> None:
    """Each given gradient must have the shape of its root.

    Raises:
        AgxError: too few or too many of them, or another shape; with both shapes.
    """
    if len(gradients) != len(roots):
        count = "1 output" if len(roots) == 1 else f"{len(roots)} outputs"
        several = "1 gradient is" if len(gradients) == 1 else f"{len(gradients)} gradients are"
        message = f"backward() starts from {count}, and {several} given"
        raise bad_request("gradient-shape", message, source="--gradient", fix="give --gradient once for each output")
    for root, spec, gradient in zip(roots, specs, gradients, strict=True):
        expected = list(root.payload.shape) if isinstance(root.payload, torch.Tensor) else []
        if list(gradient.shape) != expected:
            message = f"the gradient has shape {list(gradient.shape)}, the result has shape {expected}"
            fix = f"give {spec.source} a value of shape {expected}"
            span = Span.of_offsets(spec.text, 0, len(spec.text))
            raise bad_request("gradient-shape", message, source=spec.source, span=span, fix=fix)


def run_backward(
    recording: Recording,
    roots: Sequence[Box],
    gradients: Sequence[torch.Tensor],
    leaves: Mapping[str, torch.Tensor],
) -> Backward:
    """Call backward on the roots, with the gradients given or else with ones, and look at the leaves after it."""

    def look(tensor: torch.Tensor | None) -> TensorInfo | None:
        return None if tensor is None else recording.look(tensor, roots[0].value, None, max_values=MAX_VALUES)

    before = {name: look(leaf.grad) for name, leaf in leaves.items()}
    given: list[torch.Tensor | None] = [*gradients] or [None] * len(roots)
    weights: list[torch.Tensor | None] = [*gradients] or [_ones(root.payload) for root in roots]
    refusal = None
    try:
        starts = [_start(root, *each) for root, *each in zip(roots, given, weights, strict=True)]
        torch.autograd.backward([tensor for tensor, _ in starts], [weight for _, weight in starts])
    except Exception as error:  # torch raises what it likes, and all of it is its answer
        if memory_error(error) is not None:
            raise
        refusal = Refusal(exception=type(error).__name__, message=str(error), span=None, during=Phase.BACKWARD)
    return Backward(
        roots=tuple(root.value for root in roots),
        gradients=tuple(look(weight) for weight in weights),
        given=bool(gradients),
        leaves=tuple(
            LeafGradient(name=name, before=before[name], after=look(leaf.grad)) for name, leaf in leaves.items()
        ),
        refusal=refusal,
    )


def _ones(payload: object) -> torch.Tensor | None:
    """The gradient that torch would ask for: of everything but a real scalar, for which it takes 1 by itself."""
    if not isinstance(payload, torch.Tensor) or not (payload.shape or payload.is_complex()):
        return None
    return torch.ones_like(payload)


def _start(
    root: Box, given: torch.Tensor | None, weight: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """What to call backward() on so that `root` gets its gradient, and with which argument.

    `given` is the user's gradient, `weight` that or ones. A gradient passed to torch imports sympy, for half a second.
    A real scalar needs none, and the sum of y * g gives the same bits: d(y * g)/dy = g. Where that does not hold torch
    gets the gradient itself: for complex numbers (infinity times 1+0j is not infinity, and complex32 has no sum), and
    for a leaf (torch refuses a view made under no_grad as a root, and not what is computed from it).
    """
    payload = root.payload
    if not isinstance(payload, torch.Tensor):
        raise AttributeError(f"'{root.type_name}' object has no attribute 'backward'")  # noqa: TRY004 - as Python says it
    if payload.requires_grad and payload.is_leaf:
        return payload, weight
    if payload.dtype is torch.complex32 or (given is not None and (payload.is_complex() or given.is_complex())):
        return payload, weight
    weighted = payload if given is None else payload * given
    total = weighted.sum() if weighted.shape else weighted
    return (total.real if total.is_complex() else total), None
