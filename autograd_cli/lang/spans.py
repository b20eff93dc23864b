"""Where the pieces of a program stand."""

from __future__ import annotations

import ast
import re

from autograd_cli.diagnostic import Span

_F_STRING = re.compile(r"[fF][rR]?['\"]")  # what looks like its beginning


class SpanFinder:
    """Turns the places of `ast`, which count UTF-8 bytes, into Spans, which count characters.

    It remembers what it has found for each node, so the tree must live as long as it does.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = [None if line.isascii() else _characters_by_byte(line) for line in text.split("\n")]
        self._known: dict[int, Span] = {}
        self._texts: dict[int, str] = {}

    def of(self, node: ast.AST) -> Span:
        """The span of a node that has a place."""
        span = self._known.get(id(node))
        if span is None:
            span = self._known[id(node)] = self._find(node)
        return span

    def text_of(self, node: ast.AST) -> str:
        """The piece of the program that a node is, without any whitespace."""
        text = self._texts.get(id(node))
        if text is None:
            text = self._texts[id(node)] = "".join(self.of(node).cut(self.text).split())
        return text

    def line_of(self, node: ast.AST) -> str:
        """The piece of the program that a node is, on one line: for a message."""
        return " ".join(self.of(node).cut(self.text).split())

    def cut(self, span: Span) -> str:
        """The piece of the program at a place."""
        return span.cut(self.text)

    def cover(self, tree: ast.AST) -> None:
        """Give what stands inside an f-string the span of the f-string: Python gives no reliable place for it."""
        if _F_STRING.search(self.text) is None:
            return
        for text in ast.walk(tree):
            if isinstance(text, ast.JoinedStr) and id(text) not in self._known:
                span = self._find(text)
                self._known.update((id(node), span) for node in ast.walk(text) if hasattr(node, "lineno"))

    def _find(self, node: ast.AST) -> Span:
        assert isinstance(node, ast.expr | ast.stmt | ast.keyword | ast.alias | ast.arg | ast.excepthandler)
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return Span(
            line=node.lineno,
            column=self._characters(node.lineno, node.col_offset),
            end_line=node.end_lineno,
            end_column=self._characters(node.end_lineno, node.end_col_offset),
        )

    def _characters(self, line: int, byte_offset: int) -> int:
        characters = self._lines[line - 1]
        return byte_offset if characters is None else characters[byte_offset]


def _characters_by_byte(line: str) -> list[int]:
    """For each byte of the line in UTF-8, and its end, the number of characters before it."""
    return [
        *(number for number, character in enumerate(line) for _ in character.encode("utf-8", "surrogatepass")),
        len(line),
    ]
