"""What the optimizers of a script do: which parameters they have, and how far each step moves them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch

_Optimizer = torch.optim.Optimizer


@dataclass(slots=True)
class _Loss:
    """What the passes from one place started from."""

    first: float
    last: float = 0.0
    passes: int = 0


class Training:
    """The optimizers that were used, in the order in which they came, and the changes by the last step of each."""

    def __init__(self) -> None:
        self.passes = 0
        self.is_in_trouble = False  # a gradient of the last pass was not finite
        self._losses: dict[object, _Loss] = {}  # by what computes them
        self.optimizers: list[_Optimizer] = []
        self._before: dict[int, torch.Tensor] = {}

    @property
    def losses(self) -> tuple[float, ...]:
        """The first and the last loss of those that were computed at the place that most of them come from."""
        most = max(reversed(self._losses.values()), key=lambda each: each.passes, default=None)
        if most is None:
            return ()
        return (most.first,) if most.passes == 1 else (most.first, most.last)

    def passed(self, roots: Sequence[torch.Tensor], leaves: Iterable[torch.Tensor], place: object) -> None:
        """A backward pass has run from these roots, computed at a `place`, and the leaves have their gradients."""
        self.passes += 1
        grads = [each.grad for each in leaves if each.grad is not None and each.grad.layout is torch.strided]
        self.is_in_trouble = bool(grads) and not math.isfinite(float(torch.nn.utils.get_total_norm(grads)))
        if len(roots) == 1 and roots[0].numel() == 1 and not roots[0].is_complex():
            loss = float(roots[0].detach())
            known = self._losses.setdefault(place, _Loss(first=loss))
            known.last = loss
            known.passes += 1

    def use(self, optimizer: _Optimizer) -> None:
        """A method of an optimizer is about to run."""
        if not any(each is optimizer for each in self.optimizers):
            self.optimizers.append(optimizer)

    def about_to_step(self, optimizer: _Optimizer) -> None:
        """An optimizer is about to take a step."""
        self.use(optimizer)
        self._before |= {id(each): each.detach().clone() for each in parameters_of(optimizer)}

    def change(self, parameter: torch.Tensor) -> float | None:
        """How far a parameter is from what it was before the last step, as a 2-norm; None where there was none."""
        before = self._before.get(id(parameter))
        if before is None or before.shape != parameter.shape:
            return None
        return float(torch.linalg.vector_norm(parameter.detach() - before))

    def number_of(self, parameter: torch.Tensor) -> int | None:
        """The number of the optimizer that has a parameter, from 0."""
        for number, optimizer in enumerate(self.optimizers):
            if any(each is parameter for each in parameters_of(optimizer)):
                return number
        return None


def parameters_of(optimizer: _Optimizer) -> Iterator[torch.Tensor]:
    """The parameters that an optimizer changes."""
    groups = getattr(optimizer, "param_groups", ())  # it has none before its `super().__init__()`
    return (each for group in groups for each in group["params"])


def norm(tensor: torch.Tensor) -> float:
    """The 2-norm; of a sparse gradient too."""
    tensor = tensor.detach()
    if tensor.layout is torch.sparse_coo:
        tensor = tensor.coalesce().values()
    return float(torch.linalg.vector_norm(tensor if tensor.layout is torch.strided else tensor.to_dense()))
