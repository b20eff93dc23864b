"""What was recorded of a run → its Trace, whether agx or Python ran the program."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch

from autograd_cli.diagnostic import Span
from autograd_cli.engine.record.leaf_names import by_place
from autograd_cli.engine.record.recorded import Recorded
from autograd_cli.engine.record.snapshot import MAX_VALUES, is_opaque, leaf_facts
from autograd_cli.engine.values import Entry
from autograd_cli.trace import Backward, LeafGradient, Refusal, TensorInfo, Trace, Variable


class Text(Protocol):
    """The text that the places of a run stand in."""

    def __call__(self, span: Span) -> str:
        """The piece of the text at a place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run stands at its end.

    `names` are the variables of the program, `of_loops` those that a loop binds; `shown` are the inputs, `asked` those
    of them whose gradients were asked for. `cut_by` is what the mode adds to the name of an input that it cuts, such as
    `.detach()`. A tensor of more than `max_values` elements gets a Summary; None is no limit.
    """

    mode: str
    names: Mapping[str, Entry]
    of_loops: AbstractSet[str]
    text: Text
    shown: Mapping[str, Entry]
    asked: tuple[str, ...] = ()
    cut_by: str = ""
    result: Entry | None = None
    refusal: Refusal | None = None
    max_values: int | None = MAX_VALUES


def leaves_of(recorded: Recorded[Any], ended: Ended) -> dict[str, torch.Tensor]:
    """What can have a gradient, by name: the leaves that were asked for, and those that the program made itself."""
    leaves = {name: ended.shown[name].payload for name in ended.asked}
    named = [(name, tensor) for name, tensor in _held_tensors(ended) if _can_have_gradient(tensor)]
    known = {id(tensor) for tensor in (*leaves.values(), *[tensor for _, tensor in named])}
    others = [
        (leaf, "" if (span := recorded.made_by(leaf)) is None else ended.text(span))
        for leaf in recorded.used_leaves()
        if id(leaf) not in known
    ]
    names = recorded.names.decide(others, [*ended.names, *leaves, *[name for name, _ in named]])
    found = {id(tensor) for tensor in leaves.values()}
    for name, tensor in [*named, *[(names[id(leaf)], leaf) for leaf, _ in others if id(leaf) in names]]:
        if id(tensor) not in found:
            leaves[f"{name} (new)" if name in leaves else name] = tensor
    return leaves


def assemble(recorded: Recorded[Any], ended: Ended) -> Trace:
    """The Trace of a run that has ended."""
    if ended.result is not None:
        recorded.refresh(ended.result)
        recorded.write_out(ended.result, ended.max_values)
    leaves = leaves_of(recorded, ended)
    variables = _Variables(recorded, ended, leaves).all()
    grads = tuple([(name, _grad(recorded, leaf, ended.max_values)) for name, leaf in leaves.items()])
    names = {id(leaf): name for name, leaf in leaves.items()}
    recorded.finish(names)
    return Trace(
        mode=ended.mode,
        steps=tuple(recorded.steps),
        printed=tuple(recorded.printed),
        values=tuple(recorded.values),
        nodes=tuple(recorded.nodes),
        backwards=tuple(_named_backwards(recorded, names)),
        variables=variables,
        result=None if ended.result is None else ended.result.value,
        outputs=() if ended.result is None else tuple(_outputs(ended.result)),
        asked=ended.asked,
        grads=grads,
        refusal=ended.refusal,
        walks=tuple(sorted(recorded.passes.watch.walks, key=lambda walk: walk.start)),
    )


# Variables.


class _Variables:
    """The inputs and the program's names, as they are at the end, and the leaves that have no name of their own."""

    def __init__(self, recorded: Recorded[Any], ended: Ended, leaves: Mapping[str, torch.Tensor]) -> None:
        self._recorded = recorded
        self._ended = ended
        self._leaves = leaves

    def all(self) -> tuple[Variable, ...]:
        ended = self._ended
        names = {id(leaf): name for name, leaf in self._leaves.items()}
        tensors = {
            name: box.payload
            for name, box in self._boxes().items()
            if isinstance(box.payload, torch.Tensor)
            and not is_opaque(box.payload)
            and (name not in ended.of_loops or names.get(id(box.payload), name) == name)
        }
        shown = {id(tensor) for tensor in tensors.values()}
        held = _held_tensors(ended)
        parameters = [each for each in held if isinstance(each[1], torch.nn.Parameter)]
        tensors |= {name: tensor for name, tensor in (*parameters, *self._leaves.items()) if id(tensor) not in shown}
        reachable = {*ended.names, *[name for name, _ in held]}
        return tuple([self._variable(name, tensor, name in reachable) for name, tensor in tensors.items()])

    def _boxes(self) -> dict[str, Entry]:
        """Inputs and variables by name; where a variable has taken the name of input x, the input is `x (input)`."""
        boxes = dict(self._ended.shown)
        for name, box in self._ended.names.items():
            entered = next((key for key in (f"{name}{self._ended.cut_by}", name) if key in boxes), name)
            if entered not in boxes or boxes[entered].payload is box.payload:
                boxes[entered] = box
            else:
                boxes[f"{name} (input)"], boxes[name] = boxes[name], box
        return boxes

    def _variable(self, name: str, tensor: torch.Tensor, is_held: bool) -> Variable:  # noqa: FBT001 - a fact of Variable
        recorded, max_values = self._recorded, self._ended.max_values
        value = recorded.value_of(tensor)
        info = recorded.look(tensor, value, recorded.values[value].span, max_values=max_values)
        leaf = recorded.values_of_leaves.get(id(tensor))
        grad = _grad(recorded, tensor, max_values)
        return Variable(name=name, value=value, leaf=leaf, is_held=is_held, tensor=info, grad=grad)


def _grad(recorded: Recorded[Any], tensor: torch.Tensor, max_values: int | None) -> TensorInfo | None:
    """`.grad` as TensorInfo; not asked of a tensor that cannot have one, for which torch would warn."""
    if not any(leaf_facts(tensor)) or tensor.grad is None:
        return None
    return recorded.look(tensor.grad, len(recorded.values) - 1, None, max_values=max_values)


def _held_tensors(ended: Ended) -> list[tuple[str, torch.Tensor]]:
    """The tensors that the program holds at its end, each once by its best name, in the order of its variables."""
    payloads = {name: box.payload for name, box in ended.names.items()}
    of_loops = {name: payload for name, payload in payloads.items() if name in ended.of_loops}
    others = {name: payload for name, payload in payloads.items() if name not in of_loops}
    found: dict[int, tuple[str, torch.Tensor]] = {}
    for name, tensor in (*by_place(others), *by_place(of_loops)):
        found.setdefault(id(tensor), (name, tensor))
    places = {name: place for place, name in enumerate(payloads)}
    return sorted(found.values(), key=lambda each: places[re.split(r"[.\[]", each[0], maxsplit=1)[0]])


def _can_have_gradient(tensor: torch.Tensor) -> bool:
    return any(leaf_facts(tensor)) and (tensor.requires_grad or tensor.grad is not None)


def _outputs(result: Entry) -> Iterator[int]:
    """The values that a result consists of: for a sequence its elements, at any depth."""
    if not isinstance(result.payload, tuple | list) or not result.payload:
        yield result.value
        return
    for element in result.payload:
        yield from _outputs(element)


# The leaves of backward passes.


def _named_backwards(recorded: Recorded[Any], names: Mapping[int, str]) -> Iterator[Backward]:
    values, called = recorded.values_of_leaves, recorded.names
    local = {values[key]: name for key, leaf in recorded.leaves.items() if (name := called.local(leaf))}
    at_end = {values[key]: name for key, name in names.items() if key in values}
    return (_with_names(backward, local, at_end) for backward in recorded.passes.backwards)


def _with_names(backward: Backward, local: Mapping[int, str], names: Mapping[int, str]) -> Backward:
    """The pass, with each of its leaves under the name that the program used then, or else the one it has at the end.

    Where several had the same name, the last keeps it: the others had lost it by then. Both mappings go by the values
    of leaves.
    """
    leaves: list[LeafGradient] = []
    taken: set[str] = set()
    for leaf in reversed(backward.leaves):
        number = -1 if leaf.value is None else leaf.value
        own = names.get(number, leaf.name)
        name = next((each for each in (local.get(number, own), own) if each not in taken), f"{own} (value {number})")
        taken.add(name)
        leaves.append(replace(leaf, name=name))
    return replace(backward, leaves=tuple(leaves[::-1]))
