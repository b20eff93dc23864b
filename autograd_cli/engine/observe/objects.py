"""The objects of a script as values of a Recording: which Value each is now, by identity."""

from __future__ import annotations

import itertools
import types
from collections.abc import Iterable, Sequence
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, ref

import torch

from autograd_cli.diagnostic import Span
from autograd_cli.engine.observe.seen import Seen, is_weak
from autograd_cli.engine.record import naming
from autograd_cli.engine.record.recorded import Recorded
from autograd_cli.engine.record.recording import tensors_in
from autograd_cli.engine.record.snapshot import is_plain, version_of
from autograd_cli.engine.values import elements_of
from autograd_cli.trace import Operation

MAX_ELEMENTS = 200  # of a list that is looked into
_SCALARS = (bool, int, float, complex, str, type(None))
_NOT_FOLLOWED = (
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.GetSetDescriptorType,
    type,
)
_SMALL = range(-5, 257)  # integers of which Python has one object each


_MAX_NESTING = 50  # levels of lists that are looked into


class Opaque:
    """Stands for an object that is not looked into: a long list, a tensor without memory of its own."""

    __slots__ = ("thing",)

    def __init__(self, thing: object) -> None:
        self.thing = thing

    def __str__(self) -> str:
        return f"<{type(self.thing).__name__}>"


def is_followed(thing: object) -> bool:
    """Whether an object is a value of the program: not its code, and not a layer that is still to be initialised."""
    if is_elusive(type(thing)):
        return False
    if isinstance(thing, torch.nn.Module):
        return "_parameters" in vars(thing)
    return not isinstance(thing, _NOT_FOLLOWED)


def is_elusive(kind: type) -> bool:
    """Whether objects of a class answer by their own code what they are, as lazy proxies and mocks do."""
    known = _elusive.get(kind)
    if known is None:
        known = _elusive[kind] = _decides_itself(kind)
    return known


_elusive: WeakKeyDictionary[type, bool] = WeakKeyDictionary()


def _decides_itself(kind: type) -> bool:
    if isinstance(kind.__getattribute__, types.FunctionType):
        return True
    return any("__class__" in vars(each) for each in kind.__mro__ if each is not object)


class Objects:
    """Which value each object of one run is."""

    def __init__(self, recorded: Recorded[Seen]) -> None:
        self._recorded = recorded
        self._known: dict[int, tuple[object, Seen]] = {}  # each with itself, or a weak reference to it
        self._things: dict[Seen, object] = {}  # the lists and dicts themselves, or weak references
        self._under_way: set[int] = set()  # the lists that are being looked into
        self._versions: dict[int, int | None] = {}

    # Finding.

    def find(self, thing: object) -> Seen | None:
        """The value that an object is, if it is known to be one."""
        found = self._known.get(id(thing))
        if found is not None and _held(found[0]) is thing:
            return found[1]
        if is_elusive(type(thing)) or not isinstance(thing, torch.Tensor) or not is_plain(thing):
            return None
        known = self._recorded.known(thing)
        if known is not None:
            self._known[id(thing)] = (ref(thing), known)
        return known

    def box(self, thing: object, span: Span) -> Seen | None:
        """The value that an object is, a new one where it has none yet; None for what is not followed."""
        found = self.find(thing)
        if found is not None or not is_followed(thing):
            return found
        if isinstance(thing, torch.nn.Parameter):
            return self.add(thing, naming.PARAMETER, (), None)
        return self.add(thing, naming.CONSTANT, (), span)

    def read(self, thing: object, box: Seen, span: Span) -> None:
        """Notice what was done to an object where nobody told of it: a write to a tensor, another element of a list."""
        if isinstance(thing, torch.Tensor):
            if is_plain(thing) and self.is_changed(box):
                self._recorded.rewrite(box, naming.ELSEWHERE, operands=[box.value], span=span)
                self.look(box)
        elif isinstance(thing, list | dict):
            self.synchronise(thing, box, span, ())

    # Versions.

    def look(self, box: Seen) -> None:
        """Remember the version of a tensor, which says whether it is written to later."""
        tensor = box.payload
        if isinstance(tensor, torch.Tensor):
            self._versions[id(tensor)] = version_of(tensor)

    def is_changed(self, box: Seen) -> bool:
        """Whether a tensor was written to since it was last looked at."""
        tensor = box.payload
        was = self._versions.get(id(tensor))
        return isinstance(tensor, torch.Tensor) and was is not None and was != version_of(tensor)

    def versions(self, boxes: Iterable[Seen]) -> list[tuple[Seen, int | None]]:
        """The versions of tensors when they were last looked at."""
        return [(box, self._versions.get(id(box.payload), version_of(box.payload))) for box in boxes]

    # Making.

    def register(self, thing: object, box: Seen) -> Seen:
        """An object is this value from now on."""
        if _is_one_of_its_kind(thing):
            held = ref(thing) if is_weak(thing) else thing
            self._known[id(thing)] = (held, box)
            if isinstance(thing, list | dict):
                self._things[box] = held
        self.look(box)
        return box

    def add(self, thing: object, operation: Operation, operands: Sequence[Seen], span: Span | None) -> Seen:
        """A new value; that of a list holds the values of its elements."""
        payload = self._payload(thing, operands, span)
        box = self._recorded.add(payload, operation, operands=operands, span=span, fields=_fields(thing))
        return self.register(thing, box)

    def add_performed(
        self,
        result: object,
        operation: Operation,
        operands: Sequence[Seen],
        span: Span,
        *,
        before: Sequence[tuple[Seen, int | None]] | None = None,
    ) -> Seen:
        """The value of an operation that ran, or the operand that it changed in place.

        `before` are the versions that the tensors had before it. It is needed where code of the script's ran in the
        operation, since tensors were looked at then.
        """
        tensors = [each for each in tensors_in(operands) if is_plain(each.payload)]
        payload = result if self._can_look_into(result) else Opaque(result)
        versions = self.versions(tensors) if before is None else before
        box = self._recorded.add_performed(payload, operation, operands=operands, versions=versions, span=span)
        for each in tensors:
            self.look(each)
        self._register_all(result, box)
        return box

    def _register_all(self, result: object, box: Seen) -> None:
        self.register(result, box)
        if isinstance(result, dict) and isinstance(box.payload, dict):
            for key, element in box.payload.items():
                self._register_all(dict.__getitem__(result, key), element)
        elif isinstance(result, tuple | list) and isinstance(box.payload, tuple | list):
            for each, element in zip(result, box.payload, strict=True):
                self._register_all(each, element)

    def _can_look_into(self, thing: object) -> bool:
        if is_elusive(type(thing)):
            return False
        if isinstance(thing, torch.Tensor):
            return is_plain(thing)
        if isinstance(thing, dict):
            return len(thing) <= MAX_ELEMENTS and all(self._can_look_into(each) for each in dict.values(thing))
        if isinstance(thing, tuple | list):
            return len(thing) <= MAX_ELEMENTS and all(self._can_look_into(each) for each in thing)
        return True

    def _payload(self, thing: object, operands: Sequence[Seen], span: Span | None) -> Any:  # noqa: ANN401 - as a Seen has it
        if is_elusive(type(thing)):
            return Opaque(thing)
        if isinstance(thing, torch.Tensor):
            return thing if is_plain(thing) else Opaque(thing)
        if isinstance(thing, tuple | list | dict):
            elements = list(dict.values(thing)) if isinstance(thing, dict) else thing
            if len(elements) > MAX_ELEMENTS or id(thing) in self._under_way:
                return Opaque(thing)
            self._under_way.add(id(thing))  # it may hold itself
            try:
                boxes = [self._element(each, operands, span) for each in elements]
            finally:
                self._under_way.discard(id(thing))
            if isinstance(thing, dict):
                return dict(zip(thing, boxes, strict=True))
            return tuple(boxes) if isinstance(thing, tuple) else boxes
        return thing

    def _element(self, thing: object, known: Sequence[Seen], span: Span | None) -> Seen:
        found = next((each for each in known if each.payload is thing), None)
        found = self.find(thing) if found is None else found
        if found is not None and self._recorded.nesting(found) < _MAX_NESTING:
            return found
        thing = Opaque(thing) if found is not None or len(self._under_way) > _MAX_NESTING else thing
        row_of = [each for each in known if _is_part(thing, each.payload)]
        if row_of:
            return self.add(thing, naming.ITEM, row_of[:1], span)
        return self.add(thing if is_followed(thing) else Opaque(thing), naming.CONSTANT, (), span)

    def synchronise(self, thing: object, box: Seen, span: Span, known: Sequence[Seen]) -> None:
        """Take over what a list or dict holds now."""
        held = box.payload
        if not isinstance(thing, list | dict) or not isinstance(held, list | dict):
            return
        now = list(dict.values(thing)) if isinstance(thing, dict) else thing
        before = list(elements_of(held))
        if len(now) > MAX_ELEMENTS:
            return
        same = sum(1 for _ in itertools.takewhile(bool, map(self._is, before, now)))
        if not same == len(now) == len(before):
            boxes = before[:same] + self._found(now[same:], [*known, *before], box, span)
            if isinstance(held, dict) and isinstance(thing, dict):
                held.clear()
                held.update(zip(thing, boxes, strict=True))
            elif isinstance(held, list):
                held[:] = boxes
        self._recorded.refresh(box)

    def _found(self, things: Sequence[object], pool: Sequence[Seen], whole: Seen, span: Span) -> list[Seen]:
        """The values of elements of a list or dict: those of the pool that they are, and else new ones."""
        ours = set(pool)
        held = {id(each.payload): each for each in reversed(pool)}
        found: list[Seen] = []
        for thing in things:
            known = self._known.get(id(thing))
            is_known = known is not None and _held(known[0]) is thing and known[1] in ours
            each = held.get(id(thing)) or (known[1] if known is not None and is_known else None)
            box = each or self._element(thing, pool, span)
            found.append(self.add(Opaque(box), naming.CONSTANT, (), span) if _reaches(box, whole) else box)
        return found

    def written(self, box: Seen, element: Seen | None, span: Span) -> None:
        """An element of a list or dict was assigned to: take over what it holds now."""
        thing = _held(self._things.get(box))
        if isinstance(thing, list | dict):
            self.synchronise(thing, box, span, () if element is None else (element,))

    def _is(self, box: Seen, thing: object) -> bool:
        """Whether a value is this object."""
        if box.payload is thing:
            return True
        found = self._known.get(id(thing))
        return found is not None and _held(found[0]) is thing and found[1] is box

    def let_go(self, start: int) -> None:
        """Forget tensors and layers that are gone, and plain values that were made before the value `start`.

        There are no weak references to a number, so nobody can tell whether the script still has it; one that a
        variable has is found by the variable's name.
        """
        kept = {}
        for key, (held, box) in self._known.items():
            is_kept = held() is not None if type(held) is ReferenceType else box.value >= start
            if is_kept:
                kept[key] = (held, box)
        self._known = kept
        self._versions = {key: version for key, version in self._versions.items() if key in kept}
        boxes = {box for _, box in kept.values()}
        self._things = {box: thing for box, thing in self._things.items() if box in boxes}


def _held(held: object) -> object:
    return held() if type(held) is ReferenceType else held


def _is_one_of_its_kind(thing: object) -> bool:
    """Whether the identity of an object says which value it is: Python shares small numbers and texts."""
    if isinstance(thing, bool | str) or thing is None or (type(thing) is tuple and not thing):
        return False
    return not (type(thing) is int and thing in _SMALL)


def _is_part(thing: object, whole: object) -> bool:
    """Whether something is a view of a tensor, as its rows are when something goes through it."""
    pair = [each for each in (thing, whole) if not is_elusive(type(each)) and isinstance(each, torch.Tensor)]
    if len(pair) < 2 or not all(map(is_plain, pair)):  # noqa: PLR2004 - one of them is no tensor
        return False
    base, other = (each._base for each in pair)  # noqa: SLF001 - it has no public name
    return base is not None and (base is whole or base is other)


def _fields(thing: object) -> tuple[str, ...]:
    return getattr(type(thing), "__match_args__", ()) if isinstance(thing, tuple) else ()


def _reaches(start: Seen, end: Seen) -> bool:
    """Whether a list holds another one, or is it."""
    pending, seen = [start], set[int]()
    while pending:
        box = pending.pop()
        if box is end:
            return True
        if id(box) not in seen:
            seen.add(id(box))
            pending += elements_of(box.payload)
    return False
