"""The files that a run is observed in: their lines stand one below the other, in one text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autograd_cli.diagnostic import Cell


def characters(line: str, column: int) -> int:
    """A column of Python's, which counts bytes, in characters."""
    return len(line.encode()[:column].decode(errors="replace"))


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file: its number, and how many lines of the others stand above it in the text of all."""

    number: int
    above: int


class Texts:
    """All files of one run, by name."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.files: dict[str, File] = {}

    def add_file(self, name: str, text: str) -> File:
        """One more file, below the others."""
        file = self.files[name] = File(number=len(self.files), above=len(self.lines))
        self.lines += text.split("\n")
        return file

    def cells(self) -> Iterator[Cell]:
        """Which lines are of which file, where there are several."""
        for name, file in self.files.items() if len(self.files) > 1 else ():
            yield Cell(number=file.number + 1, line=file.above + 1, file=name)
