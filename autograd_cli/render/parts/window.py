"""A long line as a window around one place in it, by the columns that characters take on a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.cells import cell_len

from autograd_cli.render.escape import visible

_CUT = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What is seen of a line, and at which column of that the place begins, and how many it takes."""

    text: str
    column: int
    width: int


def window(row: str, start: int, end: int, room: int) -> Window:
    """The line, or as much of it as fits the room: the place from character `start` to `end` a third from its left."""
    before, marked, after = visible(row[:start]), visible(row[start:end]), visible(row[end:])
    if cell_len(before) + cell_len(marked) + cell_len(after) > room:
        before = _end_of(before, max(room // 3, room - cell_len(marked) - cell_len(after)))
    column = cell_len(before)
    text = _start_of(f"{before}{marked}{after}", room)
    return Window(text=text, column=column, width=max(min(cell_len(marked), room - column), 1))


def _start_of(text: str, room: int) -> str:
    return text if cell_len(text) <= room else f"{''.join(_fitting(text, room - 1))}{_CUT}"


def _end_of(text: str, room: int) -> str:
    if cell_len(text) <= room:
        return text
    return f"{_CUT}{''.join(reversed(_fitting(reversed(text), room - 1)))}"


def _fitting(characters: Iterable[str], room: int) -> list[str]:
    """As many of the characters as fit."""
    found = []
    for character in characters:
        room -= cell_len(character)
        if room < 0:
            break
        found.append(character)
    return found
