"""The use case of watching a block of code that runs: operations by place, and a Report of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING, Any

from autograd_cli.diagnostic import Severity
from autograd_cli.render.look import Look
from autograd_cli.report import Report
from autograd_cli.tasks.run import report_of

if TYPE_CHECKING:
    from autograd_cli.engine.observe.maker import Observed
    from autograd_cli.engine.observe.watching import Watching


class Block:
    """A block that is watched while it runs."""

    def __init__(self) -> None:
        self._watching: Watching | None = None
        self._observed: Observed | None = None
        self._bug: Exception | None = None
        self._report: Report | None = None
        self._name, self._ended = "", ""

    def begin(self, frame: FrameType | None) -> None:
        """Watch what runs from here on: only in this frame and below it, if there is one."""
        from autograd_cli.engine.observe.watching import Watching  # torch is imported here

        self._watching = Watching(frame)
        self._watching.begin()

    def end(self, frame: FrameType, error: BaseException | None, asked: Mapping[str, Any] | None = None) -> None:
        """Stop looking: the block has ended in this frame, by an exception if there is one.

        `asked` are tensors that must have gradients, by name.
        """
        if self._watching is None or self._observed is not None:
            return
        self._name = frame.f_code.co_filename
        try:
            self._observed = self._watching.end(frame.f_locals, error, asked)
        except Exception as bug:  # noqa: BLE001 - a bug of ours must not become one of the user's
            self._bug = bug
        self._ended = "was watched to the end of the block" if error is None else f"ended by {type(error).__name__}"

    def leave(self) -> None:
        """Leave torch as it was before the block."""
        if self._watching is not None:
            self._watching.leave()
            self._watching = None

    @property
    def report(self) -> Report:
        """What there is to say of it.

        Raises:
            RuntimeError: it has not ended, or there is a bug in agx.
        """
        if self._report is None:
            if self._bug is not None:
                raise RuntimeError(f"agx failed: {type(self._bug).__name__}") from self._bug
            if self._observed is None:
                raise RuntimeError("there is no report yet: the block has not ended")
            self._report = report_of(self._observed, name=self._name, ended=self._ended)
        return self._report

    def causes(self, frame: FrameType, error: BaseException | None, asked: Mapping[str, Any]) -> str:
        """What is wrong, as text: the problems, or else the remarks, each cause once.

        This ends the block.
        """
        if self._watching is None or self._observed is not None:
            return ""  # it has been told already
        from autograd_cli.render.formats.picture import findings_text

        self.end(frame, error, asked)
        if self._bug is not None:
            return ""
        report = self.report
        grave = [each for each in report.diagnostics if each.severity is not Severity.NOTE]
        causes = {(each.rule, each.span): each for each in reversed(grave or report.diagnostics)}
        return findings_text(replace(report, diagnostics=tuple(causes.values())[::-1]), Look()).rstrip("\n")
