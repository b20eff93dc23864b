"""The helpers of rewritten code where nothing is to be told: each gives back what it was handed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from autograd_cli.engine.observe import helpers
from autograd_cli.engine.observe.frames import Frame


def _same(_frame: object, _number: int, value: Any, *_given: object) -> Any:  # noqa: ANN401 - whatever it is
    return value


def _nothing(*_arguments: object) -> None:
    return None


def _frame(*_arguments: object) -> Frame:
    """A frame that stays quiet, also if an observation begins: a generator may go on then."""
    return Frame("", None, quiet=True)


def _own(names: Any) -> Any:  # noqa: ANN401 - what `locals()`, `vars()` or `dir()` gave
    """The names without those that rewriting has added."""
    if isinstance(names, list):
        return [name for name in names if not name.startswith(helpers.PREFIX)]
    for name in [name for name in names if name.startswith(helpers.PREFIX)]:
        del names[name]
    return names


def _generated(_of: object, _number: int, through: Any, *_given: object) -> Iterable[Any]:  # noqa: ANN401 - whatever the script computes
    return ((_frame(), through),)


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
    **dict.fromkeys((helpers.STATEMENT, helpers.BOUND, helpers.TEST, helpers.INSIDE), _nothing),
    helpers.ROUND: lambda *_: True,
    helpers.ITER: iter,
    helpers.GENERATE: _generated,
    helpers.ENTER: _frame,
    helpers.LEAVE: lambda _, value: value,
    helpers.OWN: _own,
    helpers.SLICE: slice,
}
