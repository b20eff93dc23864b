"""Pieces of the program's text, for a fix that writes one of them anew."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from autograd_cli.diagnostic import Edit, Span
from autograd_cli.lang.spans import SpanFinder
from autograd_cli.lang.stack import deep_stack

_WHOLE = (ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.Constant, ast.List, ast.Tuple)


class Pieces:
    """The expressions of a program that was run, by their place."""

    def __init__(self, source: str) -> None:
        self._lines = source.split("\n")
        self._spans = SpanFinder(source)
        self._found: dict[Span, ast.expr] = {}
        with deep_stack():
            self._tree = ast.parse(source)
            for node in ast.walk(self._tree):
                if isinstance(node, ast.expr):
                    self._found.setdefault(self._spans.of(node), node)

    def at(self, span: Span | None) -> ast.expr | None:
        """The expression that stands at a place."""
        return None if span is None else self._found.get(span)

    def text(self, node: ast.expr) -> str:
        """The expression, on one line, to be part of another one: in parentheses where it needs them."""
        written = self.bare(node)
        return written if isinstance(node, _WHOLE) else f"({written})"

    def bare(self, node: ast.expr) -> str:
        """The expression, on one line, to stand alone."""
        return " ".join(self._spans.of(node).cut_lines(self._lines).split())

    def operands(self, span: Span | None, op: str) -> list[ast.expr]:
        """What the operation `op` at a place was given, without keywords: what its method was called on, first."""
        node = self.at(span)
        if isinstance(node, ast.BinOp):
            return [node.left, node.right]
        if not isinstance(node, ast.Call):
            return []
        owner = [node.func.value] if op.startswith(".") and isinstance(node.func, ast.Attribute) else []
        return [*owner, *node.args]

    def keyword(self, span: Span | None, name: str) -> ast.expr | None:
        """The value of a keyword of the call at a place."""
        node = self.at(span)
        found = [each.value for each in node.keywords if each.arg == name] if isinstance(node, ast.Call) else []
        return next(iter(found), None)

    def replaced(self, node: ast.expr, text: str) -> Edit:
        """The lines of an expression, with `text` in its place."""
        span = self._spans.of(node)
        first, last = self._lines[span.line - 1], self._lines[span.end_line - 1]
        return Edit(line=span.line, end_line=span.end_line, text=first[: span.column] + text + last[span.end_column :])

    def replaced_on_line(self, texts: Mapping[Span, str]) -> Edit | None:
        """One line with several of its expressions written anew."""
        spans = sorted(texts, key=lambda span: span.column, reverse=True)
        if not spans:
            return None
        number = spans[0].line
        line = self._lines[number - 1]
        for span in spans:
            line = line[: span.column] + texts[span] + line[span.end_column :]
        return Edit(line=number, end_line=number, text=line)
