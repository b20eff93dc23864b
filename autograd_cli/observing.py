"""The Python API for code that Python runs itself: `watch` tells of a block, `watched` of a function or class."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, ParamSpec, Self, TypeVar, overload

from autograd_cli.api import ShownReport, shown
from autograd_cli.render.look import Look
from autograd_cli.tasks.watch import Block
from autograd_cli.tasks.watched import Calls

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C")


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


class Watched(Generic[P, R]):
    """A function that is observed when it is called, and the `report` of its last call: see `watched`."""

    def __init__(self, function: Callable[P, R], calls: Calls) -> None:
        self._function = function
        self._calls = calls
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function, observed."""
        result: R = self._calls.call(self._function, args, kwargs)
        return result

    def __get__(self, instance: object, owner: type | None = None) -> Any:  # noqa: ANN401 - as of a function
        return self if instance is None else types.MethodType(self, instance)

    @property
    def report(self) -> ShownReport:
        """The Report of the last call: `print(train.report)` shows it.

        Raises:
            RuntimeError: it has not been called.
        """
        return shown(self._calls.report, Look())


class _LastReport:
    """The `report` of a class: that of the last call of its `forward`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def __get__(self, instance: object, owner: type | None = None) -> ShownReport:
        return shown(self._calls.report, Look())


@overload
def watched(thing: type[C]) -> type[C]: ...  # type: ignore[overload-overlap]  # a class can be called, too


@overload
def watched(thing: Callable[P, R]) -> Watched[P, R]: ...


def watched(thing: Any) -> Any:
    """A decorator: look into a function, or into all functions of a module class, when it is called.

    `@watched` above `def train(...)`: it does what it does without, and after a call `train.report` is the Report of
    `agx run`, with its lines, the variables of every function that is watched, and what became of each parameter. What
    is not watched, and all libraries, counts as one operation at the line that calls it. Above a class that is a module
    all its functions are looked into, as parts of a watched function that calls them; where `forward` is called outside
    of one, that call has a report of its own, `Net.report`.

    The functions are rewritten where they stand, from their source: they keep their identity, closures and defaults.
    Calls inside of one that is observed are parts of it; those in other threads run as they are.

    Raises:
        OSError: the source is not available, as of what was typed at Python's own prompt, or has changed.
        TypeError: it is no function or class, or a generator or coroutine.
    """
    calls = Calls(thing)
    if not isinstance(thing, type):
        return Watched(thing, calls)
    function = vars(thing).get("forward")
    if function is not None:
        setattr(thing, "forward", _forward(function, calls))  # noqa: B010 - a module has it
        if not hasattr(thing, "report"):
            setattr(thing, "report", _LastReport(calls))  # noqa: B010 - what this adds
    return thing


def _forward(function: Callable[P, R], calls: Calls) -> Callable[P, R]:
    """The `forward` of a module, observed: a plain function, as torch.compile wants it."""

    @functools.wraps(function)
    def forward(*args: P.args, **kwargs: P.kwargs) -> R:
        if calls.is_compiling():
            return function(*args, **kwargs)
        result: R = calls.call(function, args, kwargs)
        return result

    return forward
