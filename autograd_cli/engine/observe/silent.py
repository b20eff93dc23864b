"""The helpers of rewritten code where nothing is to be told: each gives back what it was handed.

Code of the script may run when Python has taken the modules apart, so they look nothing up there: defaults hold it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from autograd_cli.engine.observe import helpers
from autograd_cli.engine.observe.frames import Frame


def _same(_frame: object, _number: int, value: Any, *_given: object) -> Any:  # noqa: ANN401 - whatever it is
    return value


def _nothing(*_arguments: object) -> None:
    return None


def _frame(*_arguments: object, frame: type[Frame] = Frame) -> Frame:
    """A frame that stays quiet, also if an observation begins: a generator may go on then."""
    return frame("", None, quiet=True)


def _own(names: Any, prefix: str = helpers.PREFIX) -> Any:  # noqa: ANN401 - what `locals()`, `vars()` or `dir()` gave
    """The names without those that rewriting has added."""
    if isinstance(names, list):
        return [name for name in names if not name.startswith(prefix)]
    for name in [name for name in names if name.startswith(prefix)]:
        del names[name]
    return names


def _generated(
    _of: object,
    _number: int,
    through: Any,  # noqa: ANN401 - whatever the script computes
    *_given: object,
    frame: Callable[[], Frame] = _frame,
) -> Iterable[Any]:
    return ((frame(), through),)


SILENT: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(
        (
            helpers.VALUE,
            helpers.CALLEE,
            helpers.NAME,
            helpers.CONSTANT,
            helpers.RESULT,
            helpers.ASSIGN,
            helpers.ITERATE,
            helpers.CONTEXT,
            helpers.RETURN,
        ),
        _same,
    ),
    **dict.fromkeys((helpers.STATEMENT, helpers.BOUND, helpers.TEST, helpers.INSIDE, helpers.CAUGHT), _nothing),
    helpers.ROUND: lambda *_: True,
    helpers.ITER: iter,
    helpers.GENERATE: _generated,
    helpers.ENTER: _frame,
    helpers.LEAVE: lambda _, value: value,
    helpers.OWN: _own,
    helpers.SLICE: slice,
}
