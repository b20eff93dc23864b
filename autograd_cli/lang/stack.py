"""Room for recursion: a tree is walked as deep as its text nests, which `Limits.depth` bounds."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager

_FRAMES = 50_000
_FEW_FRAMES = 1_500


def deep_stack() -> AbstractContextManager[None]:
    """Let Python recurse deeper than it does by default: its frames are on the heap."""
    return _recursion_limit(max(sys.getrecursionlimit(), _FRAMES))


def shallow_stack() -> AbstractContextManager[None]:
    """Let C recurse no deeper than the stack of any thread holds: `json` recurses in C."""
    return _recursion_limit(min(sys.getrecursionlimit(), _FEW_FRAMES))


@contextlib.contextmanager
def _recursion_limit(frames: int) -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(frames)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
