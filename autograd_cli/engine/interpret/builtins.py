"""Python's own functions on boxes: those that must know the boxes, such as `zip`; the others take plain payloads."""

from __future__ import annotations

import builtins
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import FunctionType
from typing import Any

import torch

from autograd_cli.diagnostic import Span
from autograd_cli.engine.interpret import texts
from autograd_cli.engine.interpret.machine import Machine
from autograd_cli.engine.interpret.performer import Performer, length_of
from autograd_cli.engine.record import naming
from autograd_cli.engine.values import SEQUENCES, Box, Iteration, check_depth, class_of, type_name

_NUMBER = re.compile(
    r"\s*[-+]?(?:\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|inf|infinity|nan)\s*", re.ASCII | re.IGNORECASE
)
_LEN = naming.call("builtins.len", "len")
_MAX_DIGITS = 1_000
_MAX_JOINED = 1_000


def iterate(performer: Performer, box: Box, span: Span) -> Iterator[Box]:
    """The elements that a `for` over the value goes through, made one by one.

    Raises:
        RefusedError: it has none.
    """
    payload = box.payload
    match payload:
        case list():
            return _elements_of_list(payload)
        case tuple():
            return iter(payload)
        case dict():
            return (performer.recording.add_result(key, naming.KEY, operands=[box], span=span) for key in list(payload))
        case range() | str():
            return _counted(performer, box, span)
        case Iteration():
            return payload.boxes
        case torch.Tensor():
            return iter(performer.perform(naming.unpack(class_of(payload)), tuple, [box], span).payload)
        case torch.nn.ModuleDict():
            return (performer.recording.add_result(key, naming.KEY, operands=[box], span=span) for key in payload)
        case torch.nn.Sequential() | torch.nn.ModuleList() | torch.nn.ParameterList():
            return iter(performer.perform(naming.unpack(class_of(payload)), tuple, [box], span).payload)
    raise performer.refused(TypeError(f"'{box.type_name}' object is not iterable"), span)


def listed(performer: Performer, box: Box, span: Span) -> list[Box]:
    """All the elements of a value.

    Raises:
        RefusedError: it has none.
        AgxError: there are too many.
    """
    if isinstance(box.payload, range):
        performer.check_length(length_of(box.payload), span)
    elements: list[Box] = []
    for element in iterate(performer, box, span):
        elements.append(element)
        performer.check_length(len(elements), span)
    return elements


def _elements_of_list(payload: list[Box]) -> Iterator[Box]:
    index = 0
    while index < len(payload):  # as Python does where the list grows while one goes through it
        yield payload[index]
        index += 1


class _Guarded:
    """The boxes that `map` and the like make one by one: their errors are refusals, and their nesting is limited."""

    def __init__(self, machine: Machine, boxes: Iterable[Box], span: Span) -> None:
        self._machine = machine
        self._boxes = iter(boxes)
        self._span = span

    def __iter__(self) -> Iterator[Box]:
        return self

    def __next__(self) -> Box:
        performer = self._machine.performer
        performer.tick("next", self._span)
        self._machine.iterations += 1
        try:
            check_depth(self._machine.iterations)
            return next(self._boxes)
        except StopIteration:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is raised is a refusal of the arguments
            raise performer.refused(error, self._span) from None
        finally:
            self._machine.iterations -= 1


def _counted(performer: Performer, box: Box, span: Span) -> Iterator[Box]:
    for item in box.payload:
        performer.tick("range", span)
        yield performer.recording.add(item, naming.ITEM, operands=[box], span=span)


class PythonFunctions:
    """The functions of Python that a program may call, by name."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._performer = machine.performer
        self._recording = machine.performer.recording

    def call(self, name: str, arguments: Sequence[Box], keywords: dict[str, Box], span: Span) -> Box:
        """Call the function `name`.

        Raises:
            RefusedError: Python refuses these arguments.
            AgxError: a limit was reached.
        """
        function = _OF_BOXES.get(name)
        if function is None:
            plain = [self._plain(argument, span) for argument in arguments]
            return self._performer.perform(naming.call(f"builtins.{name}", name), _PLAIN[name], plain, span, keywords)
        self._performer.tick(name, span)
        try:
            return function(self, list(arguments), span, **keywords)
        except TypeError as error:
            words = re.sub(r"PythonFunctions\._(\w+)\(\)", r"\1()", str(error))
            raise self._performer.refused(TypeError(words), span) from None
        except Exception as error:  # noqa: BLE001 - whatever is raised is a refusal of the arguments
            raise self._performer.refused(error, span) from None

    def _plain(self, argument: Box, span: Span) -> Box:
        """An iteration as a list, for functions that take plain sequences."""
        return self._listed(argument, span) if isinstance(argument.payload, Iteration) else argument

    def _listed(self, argument: Box, span: Span) -> Box:
        elements = listed(self._performer, argument, span)
        return self._recording.add(elements, naming.LIST, operands=[argument, *elements], span=span)

    def _print(
        self,
        arguments: list[Box],
        span: Span,
        sep: Box | None = None,
        end: Box | None = None,
        flush: Box | None = None,  # noqa: ARG002 - there is nothing to flush
    ) -> Box:
        separator, ending = _between(sep, " ", "sep"), _between(end, "\n", "end")
        try:
            text = separator.join([texts.text_of(argument) for argument in arguments]) + ending
        except Exception as error:  # noqa: BLE001 - torch may refuse to print a tensor
            raise self._performer.refused(error, span) from None
        self._machine.print(text, span)
        return self._recording.add(None, naming.PRINT, operands=arguments, span=span)

    def _len(self, arguments: list[Box], span: Span) -> Box:
        (argument,) = self._exactly(1, arguments, "len")
        if isinstance(argument.payload, tuple | list | dict):
            return self._recording.add(len(argument.payload), _LEN, operands=[argument], span=span)
        return self._performer.perform(_LEN, len, [argument], span)

    def _enumerate(self, arguments: list[Box], span: Span, start: Box | None = None) -> Box:
        first = start if start is not None else arguments[1] if len(arguments) > 1 else None
        self._exactly(1, arguments[:1], "enumerate")
        return self._iteration("enumerate", self._numbered(arguments[0], first, span), arguments, span)

    def _numbered(self, argument: Box, start: Box | None, span: Span) -> Iterator[Box]:
        number = 0 if start is None else operator.index(start.payload)
        for element in iterate(self._performer, argument, span):
            pair = (self._recording.add(number, naming.NUMBER, span=span), element)
            yield self._recording.add(pair, naming.TUPLE, operands=pair, span=span)
            number += 1

    def _zip(self, arguments: list[Box], span: Span, strict: Box | None = None) -> Box:
        iterations = [iterate(self._performer, argument, span) for argument in arguments]
        rows = zip(*iterations, strict=strict is not None and bool(strict.payload))
        boxes = (self._recording.add(row, naming.TUPLE, operands=row, span=span) for row in rows)
        return self._iteration("zip", boxes, arguments, span)

    def _map(self, arguments: list[Box], span: Span) -> Box:
        if len(arguments) < 2:  # noqa: PLR2004 - as Python says
            raise TypeError("map() must have at least two arguments.")
        function, *rest = arguments
        rows = zip(*[iterate(self._performer, argument, span) for argument in rest], strict=False)
        boxes = (self._machine.call_value(function, list(row), {}, span) for row in rows)
        return self._iteration("map", boxes, arguments, span)

    def _filter(self, arguments: list[Box], span: Span) -> Box:
        if len(arguments) != 2:  # noqa: PLR2004 - as Python says
            raise TypeError(f"filter expected 2 arguments, got {len(arguments)}")
        function, items = arguments
        boxes = (each for each in iterate(self._performer, items, span) if self._passes(function, each, span))
        return self._iteration("filter", boxes, arguments, span)

    def _passes(self, function: Box, item: Box, span: Span) -> bool:
        test = item if function.payload is None else self._machine.call_value(function, [item], {}, span)
        return self._machine.truth(test, span)

    def _reversed(self, arguments: list[Box], span: Span) -> Box:
        (argument,) = self._exactly(1, arguments, "reversed")
        elements = self._listed(argument, span).payload
        return self._iteration("reversed", iter(elements[::-1]), arguments, span)

    def _iteration(self, name: str, boxes: Iterator[Box], operands: Sequence[Box], span: Span) -> Box:
        guarded = _Guarded(self._machine, boxes, span)
        return self._recording.add(
            Iteration(guarded, name), naming.call(f"builtins.{name}", name), operands=operands, span=span
        )

    def _list(self, arguments: list[Box], span: Span) -> Box:
        if not arguments:
            return self._recording.add([], naming.LIST, span=span)
        (argument,) = self._exactly(1, arguments, "list")
        return self._listed(argument, span)

    def _tuple(self, arguments: list[Box], span: Span) -> Box:
        elements = tuple(self._list(arguments, span).payload)
        return self._recording.add(elements, naming.TUPLE, operands=elements, span=span)

    def _dict(self, arguments: list[Box], span: Span, /, **named: Box) -> Box:
        payload: dict[Any, Box] = {}
        for argument in arguments:
            if isinstance(argument.payload, dict):
                payload.update(argument.payload)
                continue
            for index, element in enumerate(iterate(self._performer, argument, span)):
                pair = listed(self._performer, element, span)
                if len(pair) != 2:  # noqa: PLR2004 - as Python says
                    length = f"has length {len(pair)}; 2 is required"
                    raise ValueError(f"dictionary update sequence element #{index} {length}")
                payload[pair[0].unwrap()] = pair[1]
        payload.update(named)
        return self._recording.add(payload, naming.DICT, operands=list(payload.values()), span=span)

    def _str(self, arguments: list[Box], span: Span) -> Box:
        text = texts.text_of(*self._exactly(1, arguments, "str")) if arguments else ""
        self._performer.check_result(text, span)
        return self._recording.add(text, naming.call("builtins.str", "str"), operands=arguments, span=span)

    def _sorted(self, arguments: list[Box], span: Span, key: Box | None = None, reverse: Box | None = None) -> Box:
        (argument,) = self._exactly(1, arguments, "sorted")
        elements = list(self._listed(argument, span).payload)
        keys = elements if key is None else [self._machine.call_value(key, [element], {}, span) for element in elements]
        try:
            order = sorted(range(len(keys)), key=lambda index: keys[index].unwrap())
        except Exception as error:  # noqa: BLE001 - comparing tensors may raise anything
            raise self._performer.refused(error, span) from None
        if reverse is not None and reverse.payload:
            order.reverse()
        payload = [elements[index] for index in order]
        return self._recording.add(payload, naming.call("builtins.sorted", "sorted"), operands=[argument], span=span)

    def _exactly(self, count: int, arguments: list[Box], name: str) -> list[Box]:
        if len(arguments) != count:
            raise TypeError(f"{name}() takes {count} argument ({len(arguments)} given)")
        return arguments


def _between(box: Box | None, default: str, name: str) -> str:
    payload = default if box is None or box.payload is None else box.payload
    if not isinstance(payload, str):
        raise TypeError(f"{name} must be None or a string, not {type_name(payload)}")
    return payload


def _sum(values: Any, start: Any = 0) -> Any:  # noqa: ANN401 - as Python's own
    if isinstance(start, SEQUENCES) and len(values) > _MAX_JOINED:
        raise ValueError(f"at most {_MAX_JOINED:,} sequences are joined by sum() here")  # Python copies them each time
    return sum(values, start)


def _float(value: Any = 0.0) -> float:  # noqa: ANN401 - as Python's own
    _check_number(value)
    return float(value)


def _int(value: Any = 0) -> int:  # noqa: ANN401 - as Python's own
    _check_number(value)
    return int(value)


def _round(number: Any, ndigits: int | None = None) -> Any:  # noqa: ANN401 - as Python's own
    if isinstance(ndigits, int) and abs(ndigits) > _MAX_DIGITS:
        raise ValueError(f"at most {_MAX_DIGITS:,} digits here")
    return round(number, ndigits)


def _check_number(value: object) -> None:
    """Refuse texts that Python reads as numbers and people do not: `1_000`, other scripts' digits."""
    if isinstance(value, str) and (len(value) > _MAX_DIGITS or _NUMBER.fullmatch(value) is None):
        raise ValueError("this string is not a number")


_OF_BOXES: dict[str, Callable[..., Box]] = {
    name: getattr(PythonFunctions, f"_{name}")
    for name in "print len enumerate zip map filter reversed list tuple dict str sorted".split()
}
_PLAIN: dict[str, Callable[..., Any]] = {
    **{name: getattr(builtins, name) for name in ("abs", "all", "any", "bool", "max", "min", "range")},
    "sum": _sum,
    "round": _round,
    "float": _float,
    "int": _int,
}
for _name, _function in _PLAIN.items():
    if isinstance(_function, FunctionType):
        _function.__qualname__ = _name  # the name that Python's errors use
