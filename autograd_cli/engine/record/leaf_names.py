"""What the leaves of a run are called, decided in one place.

The best name is one that the program holds a leaf under at its end, in its shortest form and rather not that of a
loop's variable: `w`, `net.0.weight`, `ws[0]`, `params["w"]`. A leaf that only a function knew goes by its name there,
`main.w`; a parameter of a model by its name in the model, `net.weight`, as long as no other has it. One whose name
means something else by now is `w (old)`; one of an object without a name is `self.net.weight`, as its class calls it;
one of a layer that was never given a name is `Linear.weight`; and one that had no name at all is called by the piece
of the program that made it. Where several would be called the same, they are numbered from the second on: `main.w#2`,
`Linear#2.weight`.
"""

from __future__ import annotations

import contextlib
import json
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, TypeVar
from weakref import ReferenceType, ref

import torch

from autograd_cli.engine.record.snapshot import is_opaque, is_plain
from autograd_cli.engine.values import CONTAINERS, Entry, has_words
from autograd_cli.trace import without_number

_MAX_BOUND = 200  # things to look at in what a name is bound to, which happens often
_MAX_HELD = 10_000  # things to look at in what a function holds at its return, if it made a leaf
_HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class that was not written in C
_MAX_WORDS = 60
_SELF = "self"
_MAX_ALIKE = 50  # leaves kept first and last, of those whose names differ only in their number


@dataclass(frozen=True, slots=True)
class _Claim:
    """A name that a tensor had: a path from a variable of a function or, where that is "", of the program."""

    tensor: ReferenceType[torch.Tensor]
    function: str
    path: str

    @property
    def whole(self) -> str:
        return f"{self.function}.{self.path}" if self.function else self.path


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a layer has a parameter; the layers are numbered."""

    tensor: ReferenceType[torch.Tensor]
    layer: int
    kind: str
    parameter: str


_N = TypeVar("_N", _Claim, _Place, "_Claim | _Place")


class LeafNames:
    """Collects what the tensors of a program were called while it ran, and decides at its end."""

    def __init__(self) -> None:
        self._bound: dict[int, _Claim] = {}  # what they were called first
        self._held: dict[int, _Claim] = {}  # what a function called them when it returned
        self._own: dict[int, _Claim] = {}  # what they are to the object that made them, which may have no name itself
        self._places: dict[int, _Place] = {}
        self._layers: dict[int, ReferenceType[torch.nn.Module]] = {}
        self._made = 0  # layers

    def bind(self, name: str, payload: object, function: str) -> list[int]:
        """A variable of a function, or of the program (""), got a value: the identities of the tensors in it."""
        found = list(by_place({name: payload}, _MAX_BOUND))
        names = self._own if name == _SELF else self._bound
        for path, tensor in found:
            if _found(names, tensor) is None:
                names[id(tensor)] = _Claim(ref(tensor), function, path)
        return [id(tensor) for _, tensor in found]

    def leave(self, names: Mapping[str, Entry], function: str) -> None:
        """A function returned when its variables were these; a constructor's say little, as its object has a name."""
        if _SELF in names:
            for path, tensor in _leaves_of_object(_SELF, names[_SELF].payload):
                self._own.setdefault(id(tensor), _Claim(ref(tensor), "", path))
        if function.endswith("__init__"):
            return
        others = {name: box.payload for name, box in names.items() if name != _SELF}
        for path, tensor in by_place(others, _MAX_HELD):
            if _found(self._held, tensor) is None or "." in path:  # a model goes by its name in the outer function
                self._held[id(tensor)] = _Claim(ref(tensor), function, path)

    def make(self, layer: torch.nn.Module) -> None:
        """A module was made."""
        known = self._layers.get(id(layer))
        if known is None or known() is not layer:
            self._layers[id(layer)] = ref(layer)
            for name, parameter in layer.named_parameters():
                if _found(self._places, parameter) is None:
                    place = _Place(ref(parameter), self._made, type(layer).__name__, name)
                    self._places[id(parameter)] = place
            self._made += 1

    def local(self, tensor: torch.Tensor) -> str | None:
        """The first name of a tensor, as the program wrote it there."""
        claim = _found(self._bound, tensor)
        return None if claim is None else claim.path

    def decide(self, leaves: Iterable[tuple[torch.Tensor, str]], taken: Iterable[str]) -> dict[int, str]:
        """The names of leaves that the program does not hold at its end, each with the piece of it that made it.

        They differ from one another, and from those that are `taken`. Of very many that a loop or a function made under
        one name, those in the middle get none.
        """
        current = set(taken)
        used = set(current)
        kinds: dict[int, str] = {}
        found: dict[int, str] = {}
        for tensor, piece in sorted(leaves, key=lambda leaf: self._rank(leaf[0])):
            if (held := _found(self._held, tensor)) is not None:
                current.add(held.whole)
                name = _numbered(_of_model(held, used), used)
            elif (bound := _found(self._bound, tensor)) is not None:
                best = _of_model(bound, used)
                name = _numbered(f"{best} (old)" if best in current else best, used)
            elif (own := _found(self._own, tensor)) is not None:
                name = _numbered(own.path, used)
            elif (place := _found(self._places, tensor)) is not None:
                kind = kinds.setdefault(place.layer, _numbered(place.kind, {*current, *kinds.values()}))
                name = _numbered(f"{kind}.{place.parameter}", used)
            else:
                name = _numbered(_shortened(piece), used)
            used.add(name)
            found[id(tensor)] = name
        families: dict[str, list[int]] = {}
        for key, name in found.items():
            families.setdefault(without_number(name), []).append(key)
        left_out = {key for family in families.values() for key in family[_MAX_ALIKE:-_MAX_ALIKE]}
        return {key: name for key, name in found.items() if key not in left_out}

    def _rank(self, tensor: torch.Tensor) -> int:
        ways: tuple[Mapping[int, _Claim | _Place], ...] = (self._held, self._bound, self._own, self._places)
        return next((rank for rank, names in enumerate(ways) if _found(names, tensor) is not None), len(ways))

    def let_go(self) -> None:
        """Forget the tensors and layers that are gone."""
        for names in (self._bound, self._held, self._own, self._places):
            for key in [key for key, each in names.items() if each.tensor() is None]:
                del names[key]
        self._layers = {key: each for key, each in self._layers.items() if each() is not None}

    def release(self) -> None:
        """Let go of all tensors."""
        self._bound.clear()
        self._held.clear()
        self._own.clear()
        self._layers.clear()


def _of_model(claim: _Claim, used: Collection[str]) -> str:
    """The name of a parameter in its model, which says enough without the function, unless another has it."""
    return claim.path if "." in claim.path and claim.path not in used else claim.whole


def _found(names: Mapping[int, _N], tensor: torch.Tensor) -> _N | None:
    """What is known of a tensor, not of an earlier one that had the same identity."""
    found = names.get(id(tensor))
    return found if found is not None and found.tensor() is tensor else None


def by_place(names: Mapping[str, object], most: int | None = None) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors that variables hold, the nearest first, each with its place: `w`, `net.weight`, `ws[0]`.

    `most` is how many things are looked at. Each container is looked into once, so that cycles end.
    """
    for path, payload in islice(_everything_in(names), most):
        if isinstance(payload, torch.Tensor):
            if not is_opaque(payload):
                yield path, payload
        elif isinstance(payload, torch.nn.Module):
            held = [*payload.named_parameters(), *_hidden(payload)]
            yield from [(f"{path}.{name}", parameter) for name, parameter in held if is_plain(parameter)]
        elif path != _SELF:  # whoever has the object calls it by a name that says more
            yield from _leaves_of_object(path, payload)


def _leaves_of_object(path: str, thing: object) -> Iterator[tuple[str, torch.Tensor]]:
    """The leaves and parameters that attributes of an object of the program lead to: `agent.actor.0.weight`."""
    pending = deque([(path, thing)])
    seen: set[int] = set()
    while pending and len(seen) < _MAX_BOUND:
        owner, current = pending.popleft()
        if id(current) in seen:
            continue
        seen.add(id(current))
        for name, held in _attributes(current):
            place = f"{owner}.{name}"
            kind = type(held)  # isinstance() would ask an object that may answer by its own code
            if issubclass(kind, torch.nn.Module):
                yield from [(f"{place}.{each}", found) for each, found in held.named_parameters() if is_plain(found)]
            elif issubclass(kind, torch.Tensor):
                if is_plain(held) and held.requires_grad and held.is_leaf:
                    yield place, held
            elif _is_written_in_python(kind):
                pending.append((place, held))


def _attributes(thing: object) -> Iterator[tuple[str, Any]]:
    """What an instance of a class written in Python has, but for what other code makes of it."""
    if not _is_written_in_python(type(thing)):
        return
    with contextlib.suppress(AttributeError, TypeError):
        held = object.__getattribute__(thing, "__dict__")
        yield from [(name, each) for name, each in list(held.items())[:_MAX_BOUND] if isinstance(name, str)]


def _is_written_in_python(kind: type[object]) -> bool:
    """Whether it is a class of which an instance is what its `__dict__` says, and not an optimizer."""
    is_plain = kind.__getattribute__ is object.__getattribute__ and kind.__flags__ & _HEAP
    return bool(is_plain) and not issubclass(kind, type | torch.optim.Optimizer)


def _hidden(module: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Parameter]]:
    """The parameters of layers in a plain list or dict of a module, at any depth, which the module does not know."""
    for path, owner in module.named_modules():
        for name, held in vars(owner).items():
            if name.startswith("_") or type(held) not in {list, tuple, dict}:
                continue
            place = f"{path}.{name}" if path else name
            for key, layer in list(held.items() if isinstance(held, dict) else enumerate(held))[:_MAX_BOUND]:
                if issubclass(type(layer), torch.nn.Module):
                    yield from [(f"{place}[{_key(key)}].{each}", found) for each, found in layer.named_parameters()]


def _everything_in(names: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    seen: set[int] = set()
    pending = deque[Iterator[tuple[str, object]]]([iter(names.items())])
    while pending:
        for path, payload in pending.popleft():
            yield path, payload
            if isinstance(payload, CONTAINERS) and id(payload) not in seen:
                seen.add(id(payload))
                pending.append(_elements_of(path, payload))


def _elements_of(path: str, payload: object) -> Iterator[tuple[str, object]]:
    if isinstance(payload, dict):
        return ((f"{path}[{_key(key)}]", box.payload) for key, box in payload.items())
    assert isinstance(payload, tuple | list)
    return ((f"{path}[{index}]", box.payload) for index, box in enumerate(payload))


def _key(key: object) -> str:
    if isinstance(key, str):
        return json.dumps(key, ensure_ascii=False)
    return repr(key) if has_words(key) else type(key).__name__


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _MAX_WORDS else f"{words[: _MAX_WORDS - 1]}…"


def _numbered(name: str, used: Collection[str]) -> str:
    """The name, with the first number that makes it a new one where it is used already."""
    return name if name not in used else next(each for n in count(2) if (each := f"{name}#{n}") not in used)
