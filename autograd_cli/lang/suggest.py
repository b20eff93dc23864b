"""Did you mean …? One function, for every name that a person can mistype."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_CANDIDATES = 3
_LETTERS_PER_MISTAKE = 3


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` most likely stands for, or None where none is a slip or two away."""
    known = sorted(set(candidates))
    if word.lower() in (lowered := {name.lower(): name for name in known}):
        return lowered[word.lower()]
    mistakes = max(1, len(word) // _LETTERS_PER_MISTAKE)
    near = [name for name in get_close_matches(word, known, n=_CANDIDATES) if _distance(word, name) <= mistakes]
    return min(near, key=lambda name: _distance(word, name), default=None)


def _distance(first: str, second: str) -> int:
    """How many letters must be added, dropped, changed or swapped with the next to make one of the other."""
    before, row = list[int](), list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        before, last, row = row, before, [i]
        for j, other in enumerate(second, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and other == first[i - 2]:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]


def did_you_mean(word: str, candidates: Iterable[str], *, prefix: str = "") -> str | None:
    """The question that follows a mistyped word, or None where nothing is close."""
    match = closest(word, candidates)
    return f"did you mean {prefix}{match}?" if match else None
