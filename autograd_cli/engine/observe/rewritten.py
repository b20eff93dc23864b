"""The files of a script, rewritten: their places, and their lines one below the other."""

from __future__ import annotations

import ast
import builtins
import os
from collections.abc import Sequence
from pathlib import Path
from types import CodeType

from autograd_cli.diagnostic import Edit, edited
from autograd_cli.engine.observe import helpers
from autograd_cli.engine.observe.frames import Frame
from autograd_cli.engine.observe.rewriting import Rewriter
from autograd_cli.engine.observe.sites import Site
from autograd_cli.engine.observe.texts import Texts


class Rewritten(Texts):
    """All files of one run, with `edits` made in them. `unread` are those that could not be rewritten, and why."""

    def __init__(self, edits: Sequence[Edit] = ()) -> None:
        super().__init__()
        self._edits = edits
        self.sites: list[Site] = []
        self.unread: dict[str, str] = {}
        self.main = Frame("", None, quiet=False)

    def make_code(self, text: str, file: Path) -> CodeType:
        """The code of a file, rewritten; as it is, where it is nested too deeply for that."""
        if self._edits:
            real = os.path.realpath(file)
            text = edited(text, [edit for edit in self._edits if os.path.realpath(edit.file or "") == real])
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
        self.add_file(str(file), text)
        return code
