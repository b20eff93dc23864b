"""What a program's values look like when it prints them: as Python prints them, within bounds, without addresses."""

from __future__ import annotations

import re
from typing import Any

import torch

from autograd_cli.engine.values import (
    CONTAINERS,
    Box,
    Function,
    GraphNode,
    Iteration,
    Named,
    check_nesting,
    has_words,
    type_name,
)
from autograd_cli.limits import Limits, limit_reached

_SPECIFICATION = re.compile(r"(?:.?[<>=^])?[-+ ]?z?#?0?(\d*)[,_]?(?:\.(\d+))?[a-zA-Z%]?", re.DOTALL)
_PERCENT = re.compile(r"%(?:%|([-+ #0]*)(\d*)(?:\.(\d+))?([sdifgGeErxX]))")
_MAX_WIDTH = 1_000


def text_of(box: Box) -> str:
    """What `str` and `print` make of a value."""
    return box.payload if isinstance(box.payload, str) else str(_shown(box))


def repr_of(box: Box) -> str:
    """What `repr` makes of a value."""
    return repr(_shown(box))


def formatted(box: Box, specification: str, conversion: int) -> str:
    """A value in an f-string: `{box!r:specification}`.

    Raises:
        ValueError: the specification is invalid, or asks for too many characters.
    """
    _check_specification(specification)
    if conversion != -1:
        text = text_of(box) if conversion == ord("s") else repr_of(box)
        if conversion == ord("a"):
            text = text.encode("ascii", "backslashreplace").decode()
        return format(text, specification)
    shown = _shown(box)
    return format(shown if isinstance(shown, int | float | complex | str | torch.Tensor) else str(shown), specification)


def percent(text: str, argument: Any, limits: Limits) -> str:  # noqa: ANN401 - the payload of a box
    """`text % argument`, as in Python but without mappings and widths given as `*`.

    Raises:
        TypeError: too few or too many arguments, or one that does not fit.
        ValueError: a format that is not known here.
        AgxError: the text would be too long.
    """
    boxes = list(argument) if isinstance(argument, tuple) else [Box(0, argument)]
    pieces, end, length = [], 0, 0
    for found in _PERCENT.finditer(text):
        pieces.append(_literal(text[end : found.start()]))
        end = found.end()
        if found[0] == "%%":
            pieces.append("%")
            continue
        if not boxes:
            raise TypeError("not enough arguments for format string")
        if int(found[2] or 0) > _MAX_WIDTH or int(found[3] or 0) > _MAX_WIDTH:
            raise ValueError(f"a width is at most {_MAX_WIDTH:,} here")
        box = boxes.pop(0)
        shown = box.payload if isinstance(box.payload, int | float) else _shown(box)
        if found[4] not in "sr" and isinstance(shown, torch.Tensor):
            shown = shown.item()
        pieces.append(found[0] % (text_of(box) if found[4] == "s" else shown,))
        length += len(pieces[-1])
        if length > limits.output:
            raise limit_reached("output", f"a string of more than {limits.output:,} characters")
    if boxes:
        raise TypeError("not all arguments converted during string formatting")
    return "".join([*pieces, _literal(text[end:])])


def _literal(text: str) -> str:
    if "%" in text:
        raise ValueError("this format is not known here; write an f-string")
    return text


def _check_specification(specification: str) -> None:
    found = _SPECIFICATION.fullmatch(specification)
    if found is None:
        raise ValueError("Invalid format specifier")
    if any(int(number or 0) > _MAX_WIDTH for number in found.groups()):
        raise ValueError(f"a width or precision is at most {_MAX_WIDTH:,} here")


class _Words:
    """A text that a list shows as it is, without quotes."""

    def __init__(self, words: str) -> None:
        self._words = words

    def __repr__(self) -> str:
        return self._words


def _shown(box: Box) -> Any:  # noqa: ANN401 - whatever the program computed
    """The payload, in which objects that only agx has, or that would print an address, are replaced by words."""
    if isinstance(box.payload, CONTAINERS):
        check_nesting(box.payload)
    return _as_words(box)


def _as_words(box: Box) -> Any:  # noqa: ANN401 - whatever the program computed
    payload = box.payload
    if isinstance(payload, tuple):
        elements = tuple([_as_words(element) for element in payload])
        return torch.Size(elements) if box.kind is torch.Size else elements
    if isinstance(payload, list):
        return [_as_words(element) for element in payload]
    if isinstance(payload, dict):
        return {key: _as_words(element) for key, element in payload.items()}
    if not has_words(payload):
        return _Words(f"<{type_name(payload)}>")
    return _Words(str(payload)) if isinstance(payload, Function | Named | GraphNode | Iteration) else payload
