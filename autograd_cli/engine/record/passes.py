"""The backward passes of a run: what each started from, what it did to the `.grad` of the leaves, and how it ended."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Generic

import torch

from autograd_cli.diagnostic import Span
from autograd_cli.engine.record import naming
from autograd_cli.engine.record.recording import E, Recording
from autograd_cli.engine.record.snapshot import MAX_INTERMEDIATE_VALUES, version_of
from autograd_cli.engine.record.watch import Watch
from autograd_cli.trace import Backward, LeafGradient, Refusal, TensorInfo


class Pass:
    """A pass that is under way, and what torch refused in it."""

    __slots__ = ("refusal",)

    def __init__(self) -> None:
        self.refusal: Refusal | None = None


class Passes(Generic[E]):
    """The passes of one run. Where they are `watched`, there is a walk of each."""

    def __init__(self, recording: Recording[E], *, watched: bool) -> None:
        self._recording = recording
        self._roots_of_gradients: dict[int, list[E]] = {}  # by the id of a leaf
        self.watch = Watch(recording, is_on=watched)
        self.backwards: list[Backward] = []
        self.called_grad = False

    def roots_of(self, leaf: object) -> Sequence[E]:
        """The roots of the pass that gave a leaf its `.grad`."""
        return self._roots_of_gradients.get(id(leaf), ())

    @contextlib.contextmanager
    def under_way(self) -> Iterator[None]:
        """Do not hold what hooks make now: torch copies a gradient that somebody else holds."""
        self._recording.passes_under_way += 1
        try:
            yield
        finally:
            self._recording.passes_under_way -= 1

    @contextlib.contextmanager
    def backward(self, roots: Sequence[E], weights: Sequence[E], span: Span) -> Iterator[Pass]:
        """A call of `backward()` in the program, while the context lasts; `weights` are the gradients it is given."""
        recording = self._recording
        leaves = list(recording.leaves.values())
        looked = LeafGradients(recording, [("", leaf) for leaf in leaves], roots[0].value if roots else 0)
        grads = [recording.known(leaf.grad) for leaf in leaves if leaf.grad is not None]
        versions = [(box, version_of(box.payload)) for box in grads if box is not None]
        given = [recording.values[weight.value].tensor for weight in weights][: len(roots)]
        given += [None] * (len(roots) - len(given))
        one, number = Pass(), len(self.backwards)
        begun = Backward(
            step=recording.step,
            span=span,
            roots=tuple([root.value for root in roots]),
            gradients=tuple(given),
            given=any(given),
            leaves=(),
            refusal=None,
        )
        self.backwards.append(begun)  # before those that a hook begins
        try:
            with self.under_way(), self.watch.walk(roots, span=span, backward=number):
                yield one
        finally:
            self.backwards[number] = replace(begun, leaves=looked.changes(), refusal=one.refusal)
        for box, version in versions:
            tensor = box.payload  # None, where it is gone: another gradient has taken its place
            if tensor is not None and version_of(tensor) != version:
                operands = [box.value, *[root.value for root in roots]]
                recording.rewrite(box, naming.ACCUMULATION, operands=operands, span=span)
        self._roots_of_gradients.update({id(leaf): list(roots) for leaf in leaves if leaf.grad is not None})

    @contextlib.contextmanager
    def grad(self, roots: Sequence[E], *, given: bool, span: Span) -> Iterator[Pass]:
        """A call of `torch.autograd.grad`, which leaves `.grad` alone: it is recorded only where it is refused."""
        self.called_grad = True
        one = Pass()
        try:
            with self.under_way(), self.watch.walk(roots, span=span, backward=None):
                yield one
        finally:
            if one.refusal is not None:
                self.backwards.append(
                    Backward(
                        step=self._recording.step,
                        span=span,
                        roots=tuple([root.value for root in roots]),
                        gradients=(None,) * len(roots),
                        given=given,
                        leaves=(),
                        refusal=one.refusal,
                    )
                )


class LeafGradients:
    """The `.grad` of leaves, each with a name, before and after a backward pass."""

    def __init__(self, recording: Recording[Any], leaves: Sequence[tuple[str, torch.Tensor]], root: int) -> None:
        self._recording = recording
        self._leaves = leaves
        self._root = root
        self._before = [self.look(leaf.grad) for _, leaf in leaves]

    def look(self, tensor: torch.Tensor | None) -> TensorInfo | None:
        """A gradient as it is now."""
        if tensor is None:
            return None
        max_values = None if self._recording.full else MAX_INTERMEDIATE_VALUES
        return self._recording.look(tensor, self._root, None, max_values=max_values)

    def changes(self) -> tuple[LeafGradient, ...]:
        """Each gradient before the pass and now."""
        return tuple(
            [
                LeafGradient(
                    name=name,
                    value=self._recording.values_of_leaves.get(id(leaf)),
                    before=before,
                    after=self.look(leaf.grad),
                )
                for (name, leaf), before in zip(self._leaves, self._before, strict=True)
            ]
        )
