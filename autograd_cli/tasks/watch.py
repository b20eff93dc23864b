"""The use case of watching a block of code that runs: operations by place, and a Report of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import FrameType
from typing import TYPE_CHECKING

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
        self._report: Report | None = None
        self._name, self._ended = "", ""

    def begin(self, frame: FrameType) -> None:
        """Watch from here on what runs in this frame and below it."""
        from autograd_cli.engine.observe.watching import Watching  # torch is imported here

        self._name = frame.f_code.co_filename
        self._watching = Watching(frame)
        self._watching.begin()

    def end(self, names: Mapping[str, object], error: BaseException | None) -> None:
        """Watch no more: the block has ended with these variables, by an exception if there is one."""
        assert self._watching is not None
        self._observed = self._watching.end(names, error)
        self._watching = None
        self._ended = "was watched to the end of the block" if error is None else f"ended by {type(error).__name__}"

    @property
    def report(self) -> Report:
        """What there is to say of it.

        Raises:
            RuntimeError: it has not ended.
        """
        if self._report is None:
            if self._observed is None:
                raise RuntimeError("there is a report when the block has ended")
            self._report = report_of(self._observed, name=self._name, ended=self._ended)
        return self._report
