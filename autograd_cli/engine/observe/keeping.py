"""How much of a long run is kept: the last rounds with what led to them, and all from where trouble began."""

from __future__ import annotations

from autograd_cli.engine.observe.state import State
from autograd_cli.engine.record.forget import start_of

_MOST = 100_000
_TIMES = 4  # as many passes as are enough may come, at most, until there are values enough to forget


class Keeping:
    """Says when to forget, and how much. `kept` is how many rounds of a training are kept whole."""

    def __init__(self, state: State, kept: int) -> None:
        self._state = state
        self._kept = kept
        self._passes = 2 * kept  # above which it is time to forget, where there are enough values
        self._enough = 0
        self._most = _MOST  # values, above which older ones are forgotten

    def start(self) -> int | None:
        """The value before which everything is to be forgotten now; None for nothing.

        It is time when there are twice as many passes as are to be kept, and twice as many values as were left the last
        time, since all of these are renumbered; or when there are too many of one or the other. Once a gradient was not
        finite, everything is kept as long as there is room.
        """
        recorded, training = self._state.recorded, self._state.training
        count, values = len(recorded.passes.backwards), len(recorded.values)
        is_early = count <= self._passes or (values <= self._enough and count <= _TIMES * self._passes)
        if recorded.passes_under_way or (is_early and values <= self._most):
            return None
        if training.is_in_trouble and values <= self._most:
            return None
        start = start_of(recorded, self._kept)
        if values > self._most:
            start = max(start or 0, values - self._most // 2)
        if start is None:  # all that there are belong to the last rounds
            self._passes = count
        return start

    def forgotten(self) -> None:
        """What `start` said has been forgotten."""
        self._passes = 2 * max(self._kept, len(self._state.recorded.passes.backwards))
        self._enough = 2 * len(self._state.recorded.values)
        self._most = max(_MOST, self._enough)
