"""Room for recursion: a tree is walked as deep as its text nests, which `Limits.depth` bounds."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

_FRAMES = 50_000


@contextlib.contextmanager
def deep_stack() -> Iterator[None]:
    """Let Python recurse deeper than it does by default: its frames are on the heap."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
