"""The Python API for code that Python runs itself: `watch` tells of a block what happened to its gradients."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from autograd_cli.api import ShownReport, shown
from autograd_cli.render.look import Look
from autograd_cli.tasks.watch import Block


class Watch:
    """A block that is watched, and its `report` when it has ended: see `watch`."""

    def __init__(self) -> None:
        self._block = Block()

    def __enter__(self) -> Self:
        self._block.begin(sys._getframe(1))  # noqa: SLF001 - the frame of the caller
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._block.end(sys._getframe(1), error)  # noqa: SLF001 - as above
        self._block.leave()

    @property
    def report(self) -> ShownReport:
        """The Report of what ran in the block: `print(seen.report)` shows it.

        Raises:
            RuntimeError: the block has not ended.
        """
        return shown(self._block.report, Look())


def watch() -> Watch:
    """Watch what a block of code does to gradients.

    `with autograd_cli.watch() as seen: ...`, then `print(seen.report)`.

    The block runs as it does without this, in this thread, with nothing of it rewritten: torch hands over each function
    that is called, and Python says at which place of the source. The Report is that of `agx run`: the parameters with
    their gradients and last steps, the cuts on the way to the loss, and the findings, with file and line.

    What it cannot know: arithmetic on Python numbers (`loss.item() / 2`), NumPy's, and what a C extension does, so what
    goes into torch again from there has no past. A name is known where a line binds a tensor whole (`h = relu(x)`),
    where a function that runs at a backward pass has it as a variable, or a module has the parameter. In what a library
    does, operations stand at the line of yours that called it. `agx run`, which rewrites, knows more.
    """
    return Watch()
