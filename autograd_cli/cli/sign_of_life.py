"""A line on stderr that says how far a long run is, where stderr is a terminal; it is gone before the answer comes."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TextIO

from autograd_cli.cli.terminal import screen_of
from autograd_cli.position import Position
from autograd_cli.process.endings import whereabouts

_AFTER = 1.0  # seconds
_ERASE = "\r\x1b[2K"


class SignOfLife:
    """What to call while a worker works; `place` names a line of the program as the reader knows it."""

    def __init__(self, stream: TextIO, place: Callable[[int], str]) -> None:
        self._stream = stream
        self._place = place
        self._is_shown = False
        self._most = (screen_of(stream).width or 80) - 1
        self._can_show = stream.isatty() and os.environ.get("TERM") != "dumb"

    def show(self, seconds: float, where: Position) -> None:
        """Say how far it is, once it has taken a second."""
        if self._can_show and seconds >= _AFTER:
            line = f"running for {seconds:.0f} s, {whereabouts(where, self._place)}"
            self._write(f"{_ERASE}{line[: self._most]}")
            self._is_shown = True

    def erase(self) -> None:
        """Leave the line as it was found."""
        if self._is_shown:
            self.clear_line()
            self._is_shown = False

    def clear_line(self) -> None:
        """Make room for a message: on a terminal `^C` stands where the cursor is."""
        if self._stream.isatty():
            self._write(_ERASE if self._can_show else "\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
