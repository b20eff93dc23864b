"""Did you mean …? One function, for every name that a person can mistype."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` most likely stands for, or None."""
    known = sorted(set(candidates))
    if word.lower() in (lowered := {name.lower(): name for name in known}):
        return lowered[word.lower()]
    matches = get_close_matches(word, known, n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(word: str, candidates: Iterable[str], *, prefix: str = "") -> str | None:
    """The question that follows a mistyped word, or None where nothing is close."""
    match = closest(word, candidates)
    return f"did you mean {prefix}{match}?" if match else None
