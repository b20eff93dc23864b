"""Watches backward passes: what arrives at each node of the recorded graph, and what leaves along each of its edges.

A hook on every node reads the gradients in flight and changes nothing. It is for a run of its own all the same, beside
the one whose values are shown: while a hook holds a gradient, torch may keep memory that it would else reuse.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch

from autograd_cli.diagnostic import Span
from autograd_cli.engine.record.recording import Recording
from autograd_cli.engine.record.snapshot import MAX_INTERMEDIATE_VALUES, values_of
from autograd_cli.engine.values import Box
from autograd_cli.trace import Flow, TensorValues, Visit, Walk


class Watch:
    """The walks of one run: none, unless it `is_on`."""

    def __init__(self, recording: Recording, *, is_on: bool) -> None:
        self._recording = recording
        self._is_on = is_on
        self.walks: list[Walk] = []

    @contextlib.contextmanager
    def walk(self, roots: Iterable[Box], *, span: Span | None, backward: int | None) -> Iterator[None]:
        """Watch the walk that starts from `roots` while the context lasts."""
        if not self._is_on:
            yield
            return
        visits: list[Visit] = []
        starts = [root.payload.grad_fn for root in roots if isinstance(root.payload, torch.Tensor)]
        nodes = self._recording.nodes_below([start for start in starts if start is not None])
        modes: set[bool] = set()
        max_values = None if self._recording.full else MAX_INTERMEDIATE_VALUES
        handles = [node.register_hook(_visitor(node, number, visits, modes, max_values)) for node, number in nodes]
        start = len(self._recording.values)
        changed: tuple[tuple[int, str], ...] = ()
        try:
            yield
        except Exception:
            changed = _changed(nodes)
            raise
        finally:
            for handle in handles:
                handle.remove()
            self.walks.append(
                Walk(
                    step=self._recording.step,
                    span=span,
                    backward=backward,
                    start=start,
                    create_graph=True in modes,
                    visits=tuple(visits),
                    changed=changed,
                )
            )


def _changed(nodes: Iterable[tuple[Any, int]]) -> tuple[tuple[int, str], ...]:
    from autograd_cli.engine.record.saved import changed_of

    return tuple([(number, name) for node, number in nodes for name in changed_of(node)])


def _visitor(
    node: Any,  # noqa: ANN401 - torch exports no type for nodes
    number: int,
    visits: list[Visit],
    modes: set[bool],
    max_values: int | None,
) -> Callable[..., None]:
    """The hook of a node, which adds to `visits`, and to `modes` the grad mode of the walk.

    What the node saved is read now: the walk frees it.
    """
    from autograd_cli.engine.record.saved import edges_of, saved_of  # its table takes time that other runs do not have

    saved, edges = saved_of(node), edges_of(node)

    def seen(gradient: torch.Tensor | None) -> TensorValues | None:
        return None if gradient is None else values_of(gradient, max_values)

    def visit(grad_inputs: Sequence[torch.Tensor | None], grad_outputs: Sequence[torch.Tensor | None]) -> None:
        left = [*grad_inputs, *[None] * (len(edges) - len(grad_inputs))]
        flows = [
            Flow(argument=edge.argument, formula=edge.formula, gloss=edge.gloss, gradient=seen(gradient))
            for edge, gradient in zip(edges, left, strict=True)
        ]
        modes.add(torch.is_grad_enabled())
        arrived = tuple([seen(gradient) for gradient in grad_outputs])
        visits.append(Visit(node=number, arrived=arrived, flows=tuple(flows), saved=saved))

    return visit
