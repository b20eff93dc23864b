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
        self._block.end(sys._getframe(1), error)  # noqa: SLF001 - the frame of the caller
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

    The block runs in this thread as it would without this, and nothing of it is rewritten: torch hands over each of its
    functions that is called, and Python tells the place in the source. The Report is that of `agx run`: the parameters
    with their gradients and last steps, the cuts on the way to the loss, and the findings, with file and line.

    It does not see arithmetic on Python numbers (`loss.item() / 2`), in NumPy or in a C extension, so a tensor that is
    made of such results has no history. A name is known where a line binds a whole tensor (`h = relu(x)`), where a
    function that is running at a backward pass has it as a variable, or where a module has the parameter. Operations
    inside a library are shown at the line of yours that called it. `agx run`, which rewrites the code, knows more.
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

    def __get__(self, instance: object, owner: type | None = None) -> Any:  # noqa: ANN401 - this object, or a bound method of it
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

    `@watched` above `def train(...)`: the function does what it does without it, and after a call `train.report` is the
    Report of `agx run`, with its lines, the variables of every function that is watched, and what became of each
    parameter. A call of anything else, such as a library, counts as one operation at the line that makes it. Above a
    module class, `@watched` looks into all its functions when a watched function calls them; a call of `forward` from
    elsewhere has a report of its own, `Net.report`.

    The functions are rewritten in place, from their source: they keep their identity, closures and defaults. Calls
    inside an observed call are parts of it; calls in other threads are not observed.

    Raises:
        OSError: the source is not available (it was typed at Python's own prompt, say), or it has changed.
        TypeError: `thing` is not a function or class, or it is a generator or coroutine.
    """
    calls = Calls(thing)
    if not isinstance(thing, type):
        return Watched(thing, calls)
    function = vars(thing).get("forward")
    if function is not None:
        setattr(thing, "forward", _forward(function, calls))  # noqa: B010 - `type` declares no `forward`
        if not hasattr(thing, "report"):
            setattr(thing, "report", _LastReport(calls))  # noqa: B010 - `type` declares no `report`
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
