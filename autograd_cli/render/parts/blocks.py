"""Texts with a block of several lines in them, such as the rows of a matrix."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

_INDENT = "  "


def flowing(*pieces: str | tuple[str, str], width: int | None = None) -> Text:
    """A sentence of pieces (text, or text and style); a piece of several lines stands on lines of its own.

    So does a piece with a style, such as a tensor, that would be broken at the `width`.
    """
    text = Text()
    for piece in pieces:
        words, style = (piece, "") if isinstance(piece, str) else piece
        is_broken = width is not None and bool(style) and cell_len(text.plain.rpartition("\n")[2] + words) > width
        is_block = "\n" in words or is_broken
        if is_block or text.plain.endswith("\n"):
            words = words.strip()
        if is_block:
            text.rstrip()
            indented = words.replace("\n", f"\n{_INDENT}")
            text.append(f"\n{_INDENT}" if text.plain else "").append(indented, style=style).append("\n")
        else:
            text.append(words, style=style)
    text.rstrip()
    return text


def hanging(start: Text, block: Text) -> Text:
    """A text followed by a block, whose later lines stand under its first."""
    lines = block.split("\n")
    indent = "\n" + " " * cell_len(start.plain)
    return start + Text(indent).join(lines)
