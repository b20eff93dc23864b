"""A person's text on its way to a terminal: what would control the terminal comes out as a visible escape."""

from __future__ import annotations

import re
import unicodedata

_MARKS = 4  # combining marks on one letter: more only pile up over the lines around
# Characters that count as printable and show nothing: variation selectors, fillers, joiners, the empty Braille cell.
_BLANK = re.compile(
    "[\N{VARIATION SELECTOR-1}-\N{VARIATION SELECTOR-16}\N{VARIATION SELECTOR-17}-\N{VARIATION SELECTOR-256}"
    "\N{MONGOLIAN FREE VARIATION SELECTOR ONE}-\N{MONGOLIAN FREE VARIATION SELECTOR THREE}\u180f"
    "\N{HANGUL CHOSEONG FILLER}\N{HANGUL JUNGSEONG FILLER}\N{HANGUL FILLER}\N{HALFWIDTH HANGUL FILLER}"
    "\N{COMBINING GRAPHEME JOINER}\N{KHMER VOWEL INHERENT AQ}\N{KHMER VOWEL INHERENT AA}\N{BRAILLE PATTERN BLANK}]"
)


def visible(text: str) -> str:
    """`text` on one line, with every character that is not plainly printable written as an escape."""
    if text.isascii() and text.isprintable():
        return text
    pieces = []
    marks = _MARKS  # a mark at the beginning would stand on what is before the text
    for character in text:
        marks = marks + 1 if unicodedata.category(character).startswith("M") else 0
        piece = _visible_character(character, is_piled=marks > _MARKS)
        if piece != character or piece == " ":
            marks = _MARKS
        pieces.append(piece)
    return "".join(pieces)


def visible_lines(text: str) -> str:
    """`text` with its line ends, and every line of it visible."""
    return "\n".join(map(visible, text.split("\n")))


def _visible_character(character: str, *, is_piled: bool) -> str:
    if character == "\t":
        return "    "
    if character.isprintable() and not is_piled and not _BLANK.match(character):
        return character
    return character.encode("unicode_escape").decode("ascii")


def shortened(text: str, limit: int | None) -> str:
    """`text` on one line, visible; where it is longer than `limit` characters, its middle is an ellipsis."""
    text = visible(" ".join(re.split(r"[ \t\n]+", text.strip(" \t\n"))))
    if limit is None or len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return f"{text[:head]}…{text[len(text) - (limit - 1 - head) :]}"
