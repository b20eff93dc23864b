"""What an observed run holds of its objects: weakly where it can, so that they live no longer than in the script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import ReferenceType, WeakSet, ref

from autograd_cli.engine.values import Entry


def is_weak(thing: object) -> bool:
    """Whether an object is held weakly. Numbers, texts and lists cannot be: the run keeps them alive."""
    return type(thing).__weakrefoffset__ != 0


class Seen(Entry):
    """An entry of an observed run."""

    __slots__ = ("_thing",)

    @property
    def payload(self) -> Any:  # noqa: ANN401 - as an Entry has it
        """The object, or what stands for it; None once the script has let go of it."""
        thing = self._thing
        return thing() if type(thing) is ReferenceType else thing

    @payload.setter
    def payload(self, payload: Any) -> None:  # noqa: ANN401 - whatever the script computes
        self._thing = ref(payload) if is_weak(payload) else payload


class Entries:
    """All entries that there are."""

    def __init__(self) -> None:
        self._all: WeakSet[Seen] = WeakSet()

    def make(self, value: int, payload: Any, fields: tuple[str, ...] = (), kind: type | None = None) -> Seen:  # noqa: ANN401 - whatever the script computes
        """A new entry."""
        made = Seen(value, payload, fields, kind)
        self._all.add(made)
        return made

    def __iter__(self) -> Iterator[Seen]:
        return iter(list(self._all))
