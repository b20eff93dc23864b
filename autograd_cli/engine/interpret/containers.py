"""The methods of lists and dicts, on boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from autograd_cli.diagnostic import Span
from autograd_cli.engine.interpret.builtins import iterate
from autograd_cli.engine.interpret.performer import Performer
from autograd_cli.engine.record import naming
from autograd_cli.engine.values import CONTAINERS, Box, check_nesting, class_of, elements_of
from autograd_cli.lang import kinds


def call_method(
    performer: Performer, owner: Box, name: str, arguments: list[Box], keywords: Mapping[str, Box], span: Span
) -> Box:
    """Call the method `name` of a list or dict.

    Raises:
        AttributeError: it has none of this name here.
        TypeError, ValueError, IndexError, KeyError: as Python raises them.
        AgxError: it has become too long.
    """
    is_list = isinstance(owner.payload, list)
    if name not in (kinds.LIST_METHODS if is_list else kinds.DICT_METHODS):
        raise AttributeError(f"'{owner.type_name}' object has no attribute '{name}'")
    _check_arguments("list" if is_list else "dict", name, arguments, keywords)
    if keywords:
        arguments = [
            *arguments,
            performer.recording.add({**keywords}, naming.DICT, operands=[*keywords.values()], span=span),
        ]
    check_cycle(owner, arguments if name not in _OF_ELEMENTS else _held(arguments))
    method = (_LIST if is_list else _DICT)[name]
    result = method(performer, owner.payload, arguments, span)
    if isinstance(result, Box):
        return result
    performer.check_length(len(owner.payload), span)
    operation = naming.method(class_of(owner.payload), name)
    operands = [owner] if isinstance(result, list) else [owner, *arguments]
    return performer.recording.add(result, operation, operands=operands, span=span)


def _check_arguments(kind: str, name: str, arguments: Sequence[Box], keywords: Mapping[str, Box]) -> None:
    """Refuse too few or too many arguments, as Python does.

    Raises:
        TypeError: there are too few or too many, or some by name.
    """
    if keywords and name != "update":
        raise TypeError(f"{kind}.{name}() takes no keyword arguments")
    least, most = _COUNTS[name]
    if not least <= len(arguments) <= most:
        expected = f"{least}" if least == most else f"{least} to {most}"
        raise TypeError(f"{kind}.{name}() takes {expected} argument{'s' * (most != 1)} ({len(arguments)} given)")


def _held(arguments: Iterable[Box]) -> Iterable[Box]:
    """The elements of the arguments, which the list or dict takes over."""
    return [element for argument in arguments for element in elements_of(argument.payload)]


def check_cycle(owner: Box, items: Iterable[Box]) -> None:
    """Refuse to make a container hold itself: it could be neither shown nor walked.

    Raises:
        ValueError: it would.
        AgxError: an item holds too much.
    """
    pending = [item.payload for item in items]
    seen: set[int] = set()
    while pending:
        payload = pending.pop()
        if payload is owner.payload:
            raise ValueError("a list or dict cannot contain itself here")
        if not isinstance(payload, CONTAINERS) or id(payload) in seen:
            continue
        seen.add(id(payload))
        check_nesting(payload)
        pending.extend([element.payload for element in elements_of(payload)])


def _extend(performer: Performer, payload: list[Box], arguments: list[Box], span: Span) -> None:
    (argument,) = arguments
    elements = list(payload) if argument.payload is payload else iterate(performer, argument, span)
    for element in elements:
        payload.append(element)
        performer.check_length(len(payload), span)


def _pairs(performer: Performer, payload: dict[Any, Box], _arguments: list[Box], span: Span) -> list[Box]:
    pairs = []
    for key, value in payload.items():
        pair = (performer.recording.add_result(key, naming.KEY, operands=[], span=span), value)
        pairs.append(performer.recording.add(pair, naming.TUPLE, operands=pair, span=span))
    return pairs


def _get(performer: Performer, payload: dict[Any, Box], arguments: list[Box], span: Span) -> Box:
    key, *rest = arguments
    found: Box | None = payload.get(key.unwrap(), *rest) if rest else payload.get(key.unwrap())
    return performer.recording.add(None, naming.method(dict, "get"), span=span) if found is None else found


def _update(_performer: Performer, payload: dict[Any, Box], arguments: list[Box], _span: Span) -> None:
    for argument in arguments:
        if not isinstance(argument.payload, dict):
            raise TypeError("update() takes a dict here")
        payload.update(argument.payload)


def _same(payloads: list[Box], wanted: Box) -> list[int]:
    value = wanted.unwrap()
    return [index for index, box in enumerate(payloads) if bool(box.unwrap() == value)]


def _index(_performer: Performer, payload: list[Box], arguments: list[Box], _span: Span) -> int:
    found = _same(payload, *arguments)
    if not found:
        raise ValueError("the value is not in the list")
    return found[0]


# How many arguments the methods take: at least, and at most.
_COUNTS = {
    **dict.fromkeys(("append", "extend", "count", "index"), (1, 1)),
    **dict.fromkeys(("reverse", "copy", "clear", "items", "keys", "values"), (0, 0)),
    **dict.fromkeys(("pop", "update"), (0, 1)),
    "insert": (2, 2),
    "get": (1, 2),
}
_OF_ELEMENTS = frozenset({"extend", "update"})
_Method = Callable[[Performer, Any, list[Box], Span], Any]
_LIST: dict[str, _Method] = {
    "append": lambda _performer, payload, arguments, _span: payload.append(*arguments),
    "extend": _extend,
    "insert": lambda _performer, payload, arguments, _span: payload.insert(arguments[0].unwrap(), *arguments[1:]),
    "pop": lambda _performer, payload, arguments, _span: payload.pop(*[each.unwrap() for each in arguments]),
    "reverse": lambda _performer, payload, arguments, _span: payload.reverse(*arguments),
    "copy": lambda _performer, payload, arguments, _span: payload.copy(*arguments),
    "clear": lambda _performer, payload, arguments, _span: payload.clear(*arguments),
    "count": lambda _performer, payload, arguments, _span: len(_same(payload, *arguments)),
    "index": _index,
}
_DICT: dict[str, _Method] = {
    "get": _get,
    "items": _pairs,
    "keys": lambda performer, payload, _arguments, span: [
        performer.recording.add_result(key, naming.KEY, operands=[], span=span) for key in payload
    ],
    "values": lambda _performer, payload, _arguments, _span: list(payload.values()),
    "update": _update,
    "copy": lambda performer, payload, _arguments, span: performer.recording.add(
        dict(payload), naming.method(dict, "copy"), operands=list(payload.values()), span=span
    ),
}
