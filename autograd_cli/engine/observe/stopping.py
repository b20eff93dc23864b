"""When a script is stopped before its own end, because what was asked for has been seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class Until(StrEnum):
    """What to stop at, of the parameters that an optimizer has or that a backward pass reached."""

    NAN = "nan"
    MISSING = "missing"
    ZERO = "zero"
    ERROR = "error"  # that the script itself catches


class Enough(SystemExit):
    """Ends the script, as `sys.exit()` would, with its `finally` blocks."""


@dataclass(slots=True)
class Stopping:
    """After how many passes to stop, or at what; `due` is a reason to stop, `why` the reason once it has stopped.

    After `shown` passes the script goes on, and is observed no more.
    """

    after: int | None = None
    shown: int | None = None
    until: frozenset[Until] = frozenset()
    due: str | None = None
    why: str | None = None
    _passes: int = 0

    def begin_pass(self) -> None:
        """A backward pass is about to run: stop before one too many, so that what follows the last wanted one is seen.

        Raises:
            Enough: there have been as many as were asked for.
        """
        if self.after is not None and self._passes >= self.after:
            self.why = f"after {self.after:,} backward {'pass' if self.after == 1 else 'passes'}, as was asked"
            raise Enough
        self._passes += 1

    @property
    def is_shown(self) -> bool:
        """Whether as many passes have begun as are to be observed."""
        return self.shown is not None and self._passes >= self.shown

    @property
    def unshown(self) -> str:
        """What is not observed, where only so many passes are to be."""
        number = f"backward pass {self.shown:,}"
        return (
            f"what ran after the round of {number}" if self.is_shown else f"{number}: there were only {self._passes:,}"
        )

    def end_pass(self, leaves: Iterable[torch.Tensor]) -> None:
        """A backward pass has run: what do these leaves have now?"""
        for leaf in leaves if self.until and self.due is None else ():
            if leaf.grad is not None:
                self._look(leaf.grad)

    def before_step(self, parameters: Iterable[torch.Tensor]) -> None:
        """An optimizer is about to use the gradients of its parameters."""
        is_asked = Until.MISSING in self.until and self.due is None
        if is_asked and any(each.requires_grad and each.grad is None for each in parameters):
            self._stop("a parameter has no gradient")

    def caught(self, words: str) -> None:
        """The script has caught an exception of torch's."""
        if Until.ERROR in self.until and self.due is None:
            self._stop(f"torch refused an operation, and the script caught it: {words}")

    def check(self) -> None:
        """To be called between two statements.

        Raises:
            Enough: what was asked for has been seen.
        """
        if self.due is not None:
            self.why, self.due, self.until = self.due, None, frozenset()
            raise Enough

    def _look(self, gradient: torch.Tensor) -> None:
        if Until.NAN in self.until and not bool(gradient.isfinite().all()):
            self._stop("a gradient is not finite")
        elif Until.ZERO in self.until and not bool(gradient.any()):
            self._stop("a gradient is zero")

    def _stop(self, what: str) -> None:
        self.due = f"in backward pass {self._passes:,}: {what}" if self._passes else f"before any backward pass: {what}"
