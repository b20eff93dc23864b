"""Where in the user's files an operation runs: found while it runs, by the positions that Python's own code carries."""

from __future__ import annotations

import ast
import linecache
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import TypeAlias

from autograd_cli.diagnostic import Span
from autograd_cli.engine.observe.imports import INSTALLED
from autograd_cli.engine.observe.texts import Texts, characters

_LIBRARIES = tuple(
    str(Path(sysconfig.get_path(name)).resolve()) + "/" for name in ("stdlib", "platstdlib", "purelib", "platlib")
)
AGX = str(Path(__file__).resolve().parents[2]) + "/"
_MODES = frozenset({"no_grad", "inference_mode", "set_grad_enabled"})
_Position: TypeAlias = "tuple[int | None, int | None, int | None, int | None]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A piece of the text of all files: its node, if it is exactly one, and the statement around it."""

    span: Span
    node: ast.AST | None
    statement: ast.stmt | None
    statement_span: Span


class Places(Texts):
    """The places of one run. A file is read when something first runs in it."""

    def __init__(self) -> None:
        super().__init__()
        self._own: dict[str, bool] = {}
        self._read: dict[str, _File] = {}
        self._positions: dict[CodeType, list[_Position]] = {}
        self._places: dict[tuple[CodeType, int], Place] = {}

    def is_own(self, frame: FrameType) -> bool:
        """Whether it runs code of the user's: not of Python's library, and not of what is installed."""
        name = frame.f_code.co_filename
        known = self._own.get(name)
        if known is None:
            known = self._own[name] = _is_own(name) and bool(linecache.getlines(name, frame.f_globals))
        return known

    def place(self, frame: FrameType) -> Place:
        """What a frame of the user's runs now."""
        return self.place_at(frame, frame.f_lasti, frame.f_lineno)

    def place_at(self, frame: FrameType, instruction: int, line: int) -> Place:
        """What stands at an instruction of a frame."""
        key = (frame.f_code, instruction)
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = self._find(frame, instruction, line)
        return found

    def mode_around(self, frame: FrameType) -> Span | None:
        """The innermost `with torch.no_grad():` or decorator around what a frame runs now."""
        file = self._file(frame)
        line = frame.f_lineno
        around = [span for first, last, span in file.modes if first <= line <= last]
        return around[-1] if around else None

    def _file(self, frame: FrameType) -> _File:
        name = frame.f_code.co_filename
        found = self._read.get(name)
        if found is None:
            text = "".join(linecache.getlines(name, frame.f_globals))
            found = self._read[name] = _File(text, self.add_file(name, text.removesuffix("\n")).above)
        return found

    def _find(self, frame: FrameType, instruction: int, line: int) -> Place:
        code = frame.f_code
        positions = self._positions.get(code)
        if positions is None:
            positions = self._positions[code] = list(code.co_positions())
        return self._file(frame).place(positions[instruction // 2], line)


def _is_own(name: str) -> bool:
    path = Path(name)
    if not INSTALLED.isdisjoint(path.parts) or name.startswith("<frozen "):
        return False
    real = str(path.resolve())
    return not real.startswith((*_LIBRARIES, AGX))


class _File:
    """The nodes of one file by place. `modes` are its lines under a grad mode, the outer first, and what sets it."""

    def __init__(self, text: str, above: int) -> None:
        self._lines = text.split("\n")
        self._above = above
        self._nodes: dict[_Position, ast.AST] = {}
        self._statements: list[ast.stmt] = []
        self.modes: list[tuple[int, int, Span]] = []
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):  # the magics of a notebook
            return
        for node in ast.walk(tree):  # an outer node before those in it
            if isinstance(node, ast.expr | ast.stmt):
                self._nodes.setdefault((node.lineno, node.end_lineno, node.col_offset, node.end_col_offset), node)
            if isinstance(node, ast.stmt):
                self._statements.append(node)
            self.modes += self._modes(node)

    def place(self, position: _Position, line: int) -> Place:
        """The place of an instruction that has this position."""
        statement = self._statement_at(position[0] or line)
        node = self._nodes.get(position)
        if isinstance(node, ast.Expr):
            node = node.value
        if isinstance(node, ast.For | ast.AsyncFor):
            node = node.iter
        span = self._span(position, line) if node is None else self._span_of(node)
        whole = span if statement is None else self._span_of(statement)
        return Place(span=span, node=node, statement=statement, statement_span=whole)

    def _statement_at(self, line: int) -> ast.stmt | None:
        """The innermost statement that has this line."""
        around = [each for each in self._statements if each.lineno <= line <= (each.end_lineno or each.lineno)]
        return around[-1] if around else None

    def _span_of(self, node: ast.AST) -> Span:
        assert isinstance(node, ast.expr | ast.stmt)
        return self._span((node.lineno, node.end_lineno, node.col_offset, node.end_col_offset), node.lineno)

    def _span(self, position: _Position, number: int) -> Span:
        first, last, start, end = position
        if first is None or last is None or start is None or end is None:  # python -X no_debug_ranges
            return self._shifted(number, 0, number, len(self._line(number)))
        return self._shifted(first, characters(self._line(first), start), last, characters(self._line(last), end))

    def _shifted(self, line: int, column: int, end_line: int, end_column: int) -> Span:
        return Span(line=line, column=column, end_line=end_line, end_column=end_column).shifted(self._above)

    def _line(self, number: int) -> str:
        return self._lines[number - 1] if number <= len(self._lines) else ""

    def _modes(self, node: ast.AST) -> Iterator[tuple[int, int, Span]]:
        """The lines under each grad mode that a node sets, and the expression that sets it."""
        if isinstance(node, ast.With | ast.AsyncWith):
            setting = [each.context_expr for each in node.items]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            setting = node.decorator_list
        else:
            return
        for each in setting:
            called = each.func if isinstance(each, ast.Call) else each
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in _MODES:
                yield node.body[0].lineno, node.end_lineno or node.lineno, self._span_of(each)
