"""A pickle read as data: the calls that it asks for are recorded, and never carried out.

Only the instructions that `torch.save` writes are followed. A global name becomes a `Name`, a call of one a `Call`, and
what the file keeps elsewhere (the numbers of a tensor) a `Reference`. Dicts keep only the entries whose keys are text:
other keys may be crafted to collide, or nested too deep to be hashed.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

ORDERED_DICT = "collections.OrderedDict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A global of Python, by its full name."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that the pickle asks for."""

    function: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Something that the file keeps outside the pickle."""

    parts: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pickled:
    """What a pickle holds, and all that it names and refers to."""

    value: Any
    names: frozenset[str]
    references: tuple[Reference, ...]


def read_pickle(source: BinaryIO, check_step: Callable[[int], None]) -> Pickled:
    """The pickle at the place of `source`, which is left right behind it.

    `check_step` is called with the number of each instruction, and may raise.

    Raises:
        ValueError, LookupError, TypeError, AttributeError: it is damaged, or has an instruction that is not followed.
    """
    machine = _Machine()
    for step, (opcode, argument, _) in enumerate(pickletools.genops(source)):
        check_step(step)
        machine.follow(opcode.name, argument)
    return Pickled(value=machine.stack.pop(), names=frozenset(machine.names), references=tuple(machine.references))


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_NEW: dict[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_SET": list}
_SIZES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_VALUES = frozenset(
    """
    BINUNICODE SHORT_BINUNICODE BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BININT BININT1 BININT2 LONG1 LONG4
    BINFLOAT
    """.split()
)


@dataclass(slots=True)
class _Machine:
    stack: list[Any] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    references: list[Reference] = field(default_factory=list)
    _outer: list[list[Any]] = field(default_factory=list)
    _memo: dict[int, Any] = field(default_factory=dict)

    def follow(self, name: str, argument: Any) -> None:  # noqa: ANN401 - what the instruction carries
        if name in _VALUES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _NEW:
            self.stack.append(_NEW[name]())
        elif name in _SIZES:
            self.stack.append(tuple(self._pop(_SIZES[name])))
        elif not self._remember(name, argument) and not self._fill(name) and not self._name_or_call(name, argument):
            raise ValueError(name)

    def _remember(self, name: str, argument: Any) -> bool:  # noqa: ANN401 - what the instruction carries
        match name:
            case "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = self.stack[-1]
            case "MEMOIZE":
                self._memo[len(self._memo)] = self.stack[-1]
            case "BINGET" | "LONG_BINGET":
                self.stack.append(self._memo[argument])
            case "MARK":
                self._outer.append(self.stack)
                self.stack = []
            case "PROTO" | "FRAME" | "STOP":
                pass
            case _:
                return False
        return True

    def _fill(self, name: str) -> bool:
        match name:
            case "TUPLE":
                items = tuple(self._marked())
                self.stack.append(items)
            case "APPENDS" | "ADDITEMS":
                more = self._marked()
                self._top(list).extend(more)
            case "APPEND":
                more = self._pop(1)
                self._top(list).extend(more)
            case "SETITEMS":
                pairs = self._marked()
                self._set_items(pairs)
            case "SETITEM":
                pairs = self._pop(2)
                self._set_items(pairs)
            case _:
                return False
        return True

    def _name_or_call(self, name: str, argument: Any) -> bool:  # noqa: ANN401 - what the instruction carries
        match name:
            case "GLOBAL":
                self._name(*argument.split(" ", 1))
            case "STACK_GLOBAL":
                self._name(*self._pop(2))
            case "REDUCE" | "NEWOBJ":
                self.stack.append(_call(*self._pop(2)))
            case "BUILD":
                self._pop(1)  # attributes of an object, which are of no use here
            case "BINPERSID":
                self.references.append(_reference(*self._pop(1)))
                self.stack.append(self.references[-1])
            case _:
                return False
        return True

    def _pop(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise IndexError(count)
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def _marked(self) -> list[Any]:
        """The items above the last mark, which is removed."""
        items = self.stack
        self.stack = self._outer.pop()
        return items

    def _top(self, kind: type[Any]) -> Any:  # noqa: ANN401 - a list or a dict
        if type(self.stack[-1]) is not kind:
            raise TypeError(kind)
        return self.stack[-1]

    def _set_items(self, items: list[Any]) -> None:
        pairs = zip(items[::2], items[1::2], strict=True)
        self._top(dict).update((key, value) for key, value in pairs if type(key) is str)

    def _name(self, module: object, attribute: object) -> None:
        if type(module) is not str or type(attribute) is not str:
            raise TypeError("no name")  # the text of anything nested could be endlessly long
        name = Name(text=f"{module}.{attribute}")
        self.names.add(name.text)
        self.stack.append(name)


def _reference(parts: Any) -> Reference:  # noqa: ANN401 - what the pickle holds there
    if type(parts) is not tuple:
        raise TypeError("no reference")
    return Reference(parts=parts)


def _call(function: Any, arguments: Any) -> Any:  # noqa: ANN401 - what the pickle holds there
    if type(function) is not Name or type(arguments) is not tuple:
        raise TypeError("no call of a name")
    if function.text == ORDERED_DICT and not arguments:
        return {}
    return Call(function=function.text, arguments=arguments)
