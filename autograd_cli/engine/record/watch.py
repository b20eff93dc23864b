"""Watches backward passes: what arrives at each node of the recorded graph, and what leaves along each of its edges.

A hook on every node reads the gradients in flight and changes nothing but one thing: while a hook holds a gradient,
torch may keep memory that it would otherwise reuse. So a program that agx runs itself is watched in a run of its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import torch

from autograd_cli.diagnostic import Span
from autograd_cli.engine.record.recording import Recording
from autograd_cli.engine.record.snapshot import MAX_INTERMEDIATE_VALUES, values_of
from autograd_cli.engine.values import Entry
from autograd_cli.trace import Flow, Hooked, TensorValues, Visit, Walk

End: TypeAlias = tuple[int | None, int]  # a node and its output, or None and the leaf whose `.grad` it is, as a value


class Watch:
    """The walks of one run: none, unless it `is_on`. `guarded` wraps each hook, for whoever observes the run."""

    def __init__(self, recording: Recording[Any], *, is_on: bool) -> None:
        self._recording = recording
        self._is_on = is_on
        self.guarded: Callable[[Callable[..., None]], Callable[..., None]] = lambda hook: hook
        self.walks: list[Walk] = []
        self._under_way: list[list[Visit]] = []  # the visits of the walks that have begun, the innermost last
        self._hooked: dict[End, list[Hooked]] = {}  # what hooks of the program did on the way to each end

    @contextlib.contextmanager
    def walk(self, roots: Iterable[Entry], *, span: Span | None, backward: int | None) -> Iterator[None]:
        """Watch the walk that starts from `roots` while the context lasts."""
        if not self._is_on:
            yield
            return
        visits: list[Visit] = []
        starts = [root.payload.grad_fn for root in roots if isinstance(root.payload, torch.Tensor)]
        nodes = self._recording.nodes_below([start for start in starts if start is not None])
        modes: set[bool] = set()
        handles = [node.register_hook(self._visitor(node, number, visits, modes)) for node, number in nodes]
        self._under_way.append(visits)
        start = len(self._recording.values)
        changed: tuple[tuple[int, str], ...] = ()
        try:
            yield
        except Exception:
            changed = self._changed(nodes)
            raise
        finally:
            self._under_way.pop()
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

    def replaced(self, end: End, handed: Entry, returned: Entry) -> None:
        """A hook of the program made the value `returned` of the gradient `handed`, on its way to `end`."""
        zeroed = _zeroed(handed.payload, returned.payload)
        hooked = Hooked(output_nr=end[1], handed=handed.value, returned=returned.value, zeroed=zeroed)
        self._hooked.setdefault(end, []).append(hooked)

    def _is_recomputed(self, node: int) -> bool:
        """Whether a checkpoint keeps nothing for the node: looking at it would run the program's function again."""
        number: int | None = self._recording.nodes[node].value
        while number is not None:
            value = self._recording.values[number]
            if value.function == _CHECKPOINT:
                return True
            number = value.made_inside
        return False

    def _changed(self, nodes: Iterable[tuple[Any, int]]) -> tuple[tuple[int, str], ...]:
        from autograd_cli.engine.record.saved import changed_of

        seen = [(node, number) for node, number in nodes if not self._is_recomputed(number)]
        return tuple([(number, name) for node, number in seen for name in changed_of(node)])

    def _visitor(self, node: Any, number: int, visits: list[Visit], modes: set[bool]) -> Callable[..., None]:  # noqa: ANN401 - torch exports no type for nodes
        """The hook of a node, which adds to `visits`, and to `modes` the grad mode of the walk.

        What the node saved is read now: the walk frees it.
        """
        from autograd_cli.engine.record.saved import Edge, edges_of, saved_of  # its table takes time

        max_values = None if self._recording.full else MAX_INTERMEDIATE_VALUES
        leaf = self._recording.nodes[number].leaf
        is_readable = not self._is_recomputed(number)
        saved = saved_of(node) if is_readable else ()
        edges = edges_of(node) if is_readable else (Edge(None, None, None),) * len(node.next_functions)

        def seen(gradient: torch.Tensor | None) -> TensorValues | None:
            return None if gradient is None else values_of(gradient, max_values)

        def visit(grad_inputs: Sequence[torch.Tensor | None], grad_outputs: Sequence[torch.Tensor | None]) -> None:
            if self._under_way[-1] is not visits:
                return  # in a walk that a hook began
            left = [*grad_inputs, *[None] * (len(edges) - len(grad_inputs))]
            flows = [
                Flow(argument=edge.argument, formula=edge.formula, gloss=edge.gloss, gradient=seen(gradient))
                for edge, gradient in zip(edges, left, strict=True)
            ]
            modes.add(torch.is_grad_enabled())
            arrived = tuple([seen(gradient) for gradient in grad_outputs])
            ends = [(number if leaf is None else None, nr if leaf is None else leaf) for nr in range(len(arrived))]
            hooked = tuple([each for end in ends for each in self._hooked.pop(end, ())])
            visits.append(Visit(node=number, arrived=arrived, flows=tuple(flows), saved=saved, hooked=hooked))

        return self.guarded(visit)


def _zeroed(before: torch.Tensor, after: torch.Tensor) -> int:
    """How many elements a hook has made zero."""
    if before.shape != after.shape or torch.strided not in {before.layout, after.layout}:
        return 0
    return int(torch.count_nonzero((before.detach() != 0) & (after.detach() == 0)))


_CHECKPOINT = "torch.utils.checkpoint.checkpoint"
