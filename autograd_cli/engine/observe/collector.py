"""Python's garbage collector while a run is observed: the objects of the recording must not make it come more often.

It comes after so many new objects. The recording makes about ten for each of the script's, and walking over them all
again and again takes as long as making them.
"""

from __future__ import annotations

import gc

_TIMES = 10


class Collector:
    """Lets the collector come when the script has made about as many objects as without agx."""

    def __init__(self) -> None:
        self._before = first, *rest = gc.get_threshold()
        self._now = (first * _TIMES, *rest)  # 0, where the script has switched it off, stays 0
        gc.set_threshold(*self._now)

    def restore(self) -> None:
        """As it was, unless the script has set it."""
        if gc.get_threshold() == self._now:
            gc.set_threshold(*self._before)
