"""A person's text on its way to a terminal: what would control the terminal comes out as a visible escape."""

from __future__ import annotations

import unicodedata

# Control, format (bidirectional overrides, tags), surrogate, private and unassigned characters; line ends.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: str) -> str:
    """`text` on one line, with every character that is not plainly printable written as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible_character(character) for character in text)


def _visible_character(character: str) -> str:
    if character == "\t":
        return "    "
    if unicodedata.category(character) not in _UNSAFE:
        return character
    return character.encode("unicode_escape").decode("ascii")


def shortened(text: str, limit: int | None) -> str:
    """`text` on one line, visible; where it is longer than `limit` characters, its middle is an ellipsis."""
    text = visible(" ".join(text.split()))
    if limit is None or len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return f"{text[:head]}…{text[len(text) - (limit - 1 - head) :]}"
