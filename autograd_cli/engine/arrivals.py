"""The gradients that arrive at parameters while a piece of code runs: a hook on each of them, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch.utils.hooks import RemovableHandle


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What arrived at one parameter. `largest` is the largest absolute value, NaN if one was; None if nothing came."""

    name: str
    shape: tuple[int, ...]
    largest: float | None


class Arrivals:
    """Listens to the parameters of a model that require gradients.

    Raises:
        TypeError: it is no model.
    """

    def __init__(self, model: object) -> None:
        self.parameters = _parameters_of(model)
        self._listened = {name: each for name, each in self.parameters.items() if each.requires_grad}
        self._largest: dict[str, torch.Tensor] = {}
        self._hooks: list[RemovableHandle] = []

    def begin(self) -> None:
        """Listen from here on."""
        self._hooks = [each.register_hook(partial(self._arrived, name)) for name, each in self._listened.items()]

    def _arrived(self, name: str, gradient: torch.Tensor) -> None:
        with torch.no_grad():
            values = gradient.coalesce().values() if gradient.is_sparse else gradient
            largest = values.abs().amax() if values.numel() else values.new_ones(())
            before = self._largest.get(name)
            self._largest[name] = largest if before is None else torch.maximum(before, largest)

    def end(self) -> Iterator[Arrival]:
        """Stop listening, and yield what arrived at each parameter."""
        for hook in self._hooks:
            hook.remove()
        for name, parameter in self._listened.items():
            largest = self._largest.get(name)
            yield Arrival(name=name, shape=tuple(parameter.shape), largest=None if largest is None else float(largest))


def _parameters_of(model: object) -> dict[str, torch.Tensor]:
    """What can be trained of a module, a tensor, or several of them, by name.

    Raises:
        TypeError: it is none of these.
    """
    if isinstance(model, torch.nn.Module):
        return dict(model.named_parameters())
    if isinstance(model, torch.Tensor):
        return {"tensor": model}
    if not isinstance(model, Mapping):
        if not isinstance(model, tuple | list):
            raise TypeError(f"gradients() takes a module or tensors, not {type(model).__name__}")
        model = {str(index): each for index, each in enumerate(model)}
    found: dict[str, torch.Tensor] = {}
    for name, each in model.items():
        if not isinstance(each, torch.nn.Module | torch.Tensor):
            raise TypeError(f"gradients() takes modules and tensors, not {type(each).__name__}")
        inside = _parameters_of(each)
        found |= {str(name): each} if isinstance(each, torch.Tensor) else {f"{name}.{k}": v for k, v in inside.items()}
    return found
