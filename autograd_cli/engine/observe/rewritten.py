"""The files of a script, rewritten: their places, and their lines one below the other."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

from autograd_cli.diagnostic import Cell
from autograd_cli.engine.observe import helpers
from autograd_cli.engine.observe.frames import Frame
from autograd_cli.engine.observe.rewriting import Rewriter
from autograd_cli.engine.observe.sites import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A rewritten file: its number, and how many lines of the others stand above it in the text of all."""

    number: int
    above: int


class Rewritten:
    """All files of one run. `unread` are those that could not be rewritten, and why."""

    def __init__(self) -> None:
        self.sites: list[Site] = []
        self.lines: list[str] = []
        self.files: dict[str, File] = {}
        self.unread: dict[str, str] = {}
        self.main = Frame("", None, quiet=False)

    def make_code(self, text: str, file: Path) -> CodeType:
        """The code of a file, rewritten; as it is, where it is nested too deeply for that."""
        tree = ast.parse(text, str(file))
        number, count = len(self.files), len(self.sites)
        name = helpers.module_frame(number)
        rewriter = Rewriter(text, tree, self.sites, name, len(self.lines) + 1)
        try:
            code: CodeType = compile(rewriter.rewrite(tree), str(file), "exec", dont_inherit=True)
        except (RecursionError, SyntaxError, ValueError):
            del self.sites[count:]
            self.unread[str(file)] = "it is nested too deeply"
            return compile(text, str(file), "exec", dont_inherit=True)
        setattr(builtins, name, Frame("", None, quiet=False) if number else self.main)
        self.files[str(file)] = File(number=number, above=len(self.lines))
        self.lines += text.split("\n")
        return code

    def cells(self) -> Iterator[Cell]:
        """Which lines are of which file, where there are several."""
        for name, file in self.files.items() if len(self.files) > 1 else ():
            yield Cell(number=file.number + 1, line=file.above + 1, file=name)
