"""Sentences in lines of a width: code and tensors in one piece, Chinese between its characters."""

from __future__ import annotations

import re

from rich.cells import cell_len
from rich.text import Text

from autograd_cli.render.look import CODE

# A piece that stays whole: code in backticks, a tensor in brackets, a word, one wide character; and its punctuation.
_OPENING = '["\N{LEFT DOUBLE QUOTATION MARK}\N{FULLWIDTH LEFT PARENTHESIS}(]*'
_CLOSING = (
    "[\\]\"'.,;:!?)\N{RIGHT DOUBLE QUOTATION MARK}\N{FULLWIDTH COMMA}\N{IDEOGRAPHIC FULL STOP}\N{FULLWIDTH SEMICOLON}"
    "\N{FULLWIDTH COLON}\N{FULLWIDTH QUESTION MARK}\N{FULLWIDTH EXCLAMATION MARK}\N{FULLWIDTH RIGHT PARENTHESIS}"
    "\N{IDEOGRAPHIC COMMA}]*"
)
_PIECE = re.compile(rf"\s+|{_OPENING}(?:`[^`]*`|\[[^\]]*\]|[^\s`\[\u2e80-\U0010ffff]+|\S){_CLOSING}")
_CODE = re.compile(r"`[^`]*`")


def paragraph(text: str, width: int) -> Text:
    """The text in lines of at most `width` columns, code in it set off."""
    lines = [""]
    for piece in _PIECE.findall(text):
        if piece.isspace():
            piece = " "  # noqa: PLW2901 - the line breaks of the source do not count
        if cell_len(lines[-1] + piece.rstrip()) > width and lines[-1].strip():
            lines[-1] = lines[-1].rstrip()
            lines.append("")
        if lines[-1] or piece != " ":
            lines[-1] += piece
    shown = Text("\n".join(line.rstrip() for line in lines))
    for found in _CODE.finditer(shown.plain):
        shown.stylize(CODE, *found.span())
    return shown
