"""Backward passes through torch, agx's own from a result and those of the program, and what each leaf got."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from autograd_cli.diagnostic import AgxError, Span, bad_request
from autograd_cli.engine.interpret.machine import Machine
from autograd_cli.engine.interpret.performer import RefusedError
from autograd_cli.engine.record import naming
from autograd_cli.engine.record.passes import LeafGradients
from autograd_cli.engine.record.recorded import Recorded
from autograd_cli.engine.record.recording import tensors_in
from autograd_cli.engine.record.refusals import refusal
from autograd_cli.engine.values import Box
from autograd_cli.lang.inputs import InputSpec
from autograd_cli.limits import memory_error
from autograd_cli.spelling import spelled, spelled_source
from autograd_cli.trace import Backward, Phase, Refusal


def roots_of(result: Box) -> list[Box]:
    """The outputs that backward starts from.

    For a sequence these are its tracked tensors, at any depth; where none is tracked, those of a floating or complex
    dtype (for torch to refuse them).
    """
    if not isinstance(result.payload, tuple | list):
        return [result]
    tensors = list(tensors_in([result]))
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
        message = f"backward() starts from {count}, but {several} given"
        fix = spelled(option="give --gradient once for each output", argument="give gradients=[…], one for each output")
        raise bad_request("gradient-shape", message, source="--gradient", fix=fix)
    for root, spec, gradient in zip(roots, specs, gradients, strict=True):
        expected = list(root.payload.shape) if isinstance(root.payload, torch.Tensor) else []
        if list(gradient.shape) != expected:
            message = f"the gradient has shape {list(gradient.shape)}, the result has shape {expected}"
            fix = f"give {spelled_source(spec.source)} a value of shape {expected}"
            span = Span.of_offsets(spec.text, 0, len(spec.text))
            raise bad_request("gradient-shape", message, source=spec.source, span=span, fix=fix)


def run_backward(
    recording: Recorded[Box],
    roots: Sequence[Box],
    gradients: Sequence[torch.Tensor],
    leaves: Mapping[str, torch.Tensor],
) -> Refusal | None:
    """Call backward on the roots, with the gradients given or else with ones, and look at the leaves after it."""
    passes = recording.passes
    looked = LeafGradients(recording, [*leaves.items()], roots[0].value)
    given: list[torch.Tensor | None] = [*gradients] or [None] * len(roots)
    weights: list[torch.Tensor | None] = [*gradients] or [_ones(root.payload) for root in roots]
    begun = Backward(
        step=None,
        span=None,
        roots=tuple([root.value for root in roots]),
        gradients=tuple([looked.look(weight) for weight in weights]),
        given=bool(gradients),
        leaves=(),
        refusal=None,
    )
    number = len(passes.backwards)
    passes.backwards.append(begun)
    refused = None
    try:
        starts = [_start(root, *each) for root, *each in zip(roots, given, weights, strict=True)]
        with passes.under_way(), passes.watch.walk(roots, span=None, backward=number):
            torch.autograd.backward([tensor for tensor, _ in starts], [weight for _, weight in starts])
    except RefusedError as error:  # in a hook of the program
        refused = error.refusal
    except AgxError:
        raise
    except Exception as error:  # whatever torch raises is its answer
        if memory_error(error) is not None:
            raise
        refused = refusal(error, span=None, during=Phase.BACKWARD)
    passes.backwards[number] = replace(begun, leaves=looked.changes(), refusal=refused)
    return refused


# The calls of a program that walk the graph themselves.


def _tensor_backward(machine: Machine, arguments: Sequence[Box], keywords: Mapping[str, Box], span: Span) -> Box:
    gradient = keywords.get("gradient", arguments[1] if len(arguments) > 1 else None)
    return _backward(machine, torch.Tensor.backward, arguments, keywords, ([arguments[0]], gradient), span)


def _autograd_backward(machine: Machine, arguments: Sequence[Box], keywords: Mapping[str, Box], span: Span) -> Box:
    tensors = keywords.get("tensors", arguments[0] if arguments else None)
    gradient = keywords.get("grad_tensors", arguments[1] if len(arguments) > 1 else None)
    roots = [] if tensors is None else list(tensors_in([tensors]))
    return _backward(machine, torch.autograd.backward, arguments, keywords, (roots, gradient), span)


def _backward(
    machine: Machine,
    function: Callable[..., Any],
    arguments: Sequence[Box],
    keywords: Mapping[str, Box],
    start: tuple[Sequence[Box], Box | None],
    span: Span,
) -> Box:
    """A call of backward() in the program: run unchanged, and recorded as a pass."""
    performer, recording = machine.performer, machine.performer.recording
    roots, gradient = start
    operation = naming.backward(naming.full_name(function))
    performer.tick(operation.op, span)
    with recording.backward(roots, _weights_of(gradient), span) as one:
        try:
            function(*[each.unwrap() for each in arguments], **{name: each.unwrap() for name, each in keywords.items()})
        except Exception as error:  # noqa: BLE001 - whatever torch raises is its answer
            raised = performer.refused(error, span, Phase.BACKWARD, operation=operation, operands=arguments)
            one.refusal = raised.refusal if isinstance(raised, RefusedError) else None
            raise raised from None
    box = recording.add(None, operation, operands=roots, span=span)
    recording.close(box)
    return box


def _weights_of(gradient: Box | None) -> Sequence[Box]:
    """The gradients that a call gives, one for each root (which may be None); empty where it gives none."""
    if gradient is None:
        return ()
    return gradient.payload if isinstance(gradient.payload, tuple | list) else (gradient,)


def _autograd_grad(machine: Machine, arguments: Sequence[Box], keywords: Mapping[str, Box], span: Span) -> Box:
    """`torch.autograd.grad`: its results are values of the program; a refusal counts as that of a backward pass."""
    performer = machine.performer
    outputs = keywords.get("outputs", arguments[0] if arguments else None)
    roots = [] if outputs is None else list(tensors_in([outputs]))
    gradient = keywords.get("grad_outputs", arguments[2] if len(arguments) > 2 else None)  # noqa: PLR2004 - its place
    given = gradient is not None and any(tensors_in([gradient]))
    with performer.recording.grad(roots, given=given, span=span) as one:
        try:
            return performer.perform(_GRAD, torch.autograd.grad, arguments, span, keywords)
        except RefusedError as error:
            one.refusal = replace(error.refusal, during=Phase.BACKWARD)
            raise RefusedError(one.refusal) from None


_GRAD = naming.call("torch.autograd.grad", "torch.autograd.grad")
CALLS: dict[str, Callable[[Machine, Sequence[Box], dict[str, Box], Span], Box]] = {
    "torch.Tensor.backward": _tensor_backward,
    "torch.autograd.backward": _autograd_backward,
    "torch.autograd.grad": _autograd_grad,
}


def _ones(payload: object) -> torch.Tensor | None:
    """Ones for a root that torch wants a gradient for; None for a real scalar, where it takes 1 by itself."""
    if not isinstance(payload, torch.Tensor) or not (payload.shape or payload.is_complex()):
        return None
    return torch.ones_like(payload)


def _start(
    root: Box, given: torch.Tensor | None, weight: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """What to call backward() on so that `root` gets its gradient, and with which argument.

    `given` is the user's gradient, `weight` that or ones. Passing torch a gradient imports sympy, which takes half a
    second. A real scalar needs none, and the sum of y * g gives the same bits: d(y * g)/dy = g. Where that does not
    hold torch gets the gradient itself: for complex numbers (infinity times 1+0j is not infinity, and complex32 has no
    sum), for a tensor without elements (view_as_real fails on the gradient that a sum gives it), and for a leaf (as a
    root, torch refuses a view made under no_grad, but not what is computed from it).
    """
    payload = root.payload
    if not isinstance(payload, torch.Tensor):
        raise AttributeError(f"'{root.type_name}' object has no attribute 'backward'")  # noqa: TRY004 - as Python says it
    if (payload.requires_grad and payload.is_leaf) or not payload.numel():
        return payload, weight
    if payload.dtype is torch.complex32 or (given is not None and (payload.is_complex() or given.is_complex())):
        return payload, weight
    weighted = payload if given is None else payload * given
    total = weighted.sum() if weighted.shape else weighted
    return (total.real if total.is_complex() else total), None
