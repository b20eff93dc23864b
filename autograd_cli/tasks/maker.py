"""What makes Traces of a program, for those who want it run once more: watched, mended, or without a cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from autograd_cli.diagnostic import Span
from autograd_cli.lang.lift import edit_out
from autograd_cli.lang.source import Source
from autograd_cli.tasks.problem import Problem
from autograd_cli.trace import Trace


class Maker(Protocol):
    """Runs a program, or an edited text of it, under the same request each time."""

    @property
    def text(self) -> Source:
        """The program as it stands."""

    def run(self, text: str, *, watched: bool = False, in_mode: str | None = None) -> Trace:
        """The Trace of this text, in the mode that was asked for or in another one.

        Raises:
            AgxError: it is no program, or a limit was reached.
        """

    def run_without(self, cut: Span) -> Trace | None:
        """The Trace of the program without the cut at this place; None where that cannot be edited out.

        Raises:
            AgxError: a limit was reached, or nothing is left to run.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreted:
    """The maker for the safe language: agx's own interpreter, as `engine` runs it."""

    problem: Problem
    engine: Callable[..., Trace]

    @property
    def text(self) -> Source:
        """The program as it stands."""
        return self.problem.program.text

    def run(self, text: str, *, watched: bool = False, in_mode: str | None = None) -> Trace:
        """The Trace of this text."""
        is_same = text == self.problem.program.source
        program = self.problem.program if is_same else self.problem.read(text)
        return self.problem.trace(self.engine, program, in_mode=in_mode, watched=watched)

    def run_without(self, cut: Span) -> Trace | None:
        """The Trace of the program without the cut at this place."""
        program = self.problem.read(self.problem.program.source)  # its tree is edited
        return self.problem.trace(self.engine, program) if edit_out(program, cut) else None
