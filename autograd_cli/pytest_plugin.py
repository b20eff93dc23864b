"""The pytest plugin: a fixture that fails a test in which a parameter of its model gets no gradient.

pytest loads this for everybody's tests: torch and the rest of agx are imported when a test first uses the fixture.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeAlias

import pytest

if TYPE_CHECKING:
    from autograd_cli.engine.arrivals import Arrival, Arrivals
    from autograd_cli.tasks.watch import Block as Watched

Allowed: TypeAlias = "bool | str | Collection[str]"
_SHOWN = 20


class Gradients:
    """The value of the fixture `gradients`: `with gradients(model): loss.backward()`."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def __call__(self, model: object, *, allow_none: Allowed = False, allow_zero: Allowed = False) -> Block:
        """Fail the test unless each parameter of the model gets a gradient in the block: finite, and not all zero.

        `model` is a module, a tensor, or several of them in a list or by name; what does not require a gradient is
        left alone. `allow_none` says which parameters may have no gradient, and `allow_zero` which may have zeros: True
        means all of them, and a name may have wildcards, `allow_none=["encoder.*"]`.

        Raises:
            TypeError: `model` is not a model.
            ValueError: the model has no parameter of a name that is allowed.
        """
        __tracebackhide__ = True
        from autograd_cli.engine.arrivals import Arrivals  # torch is imported here

        arrivals = Arrivals(model)
        for allowed in (allow_none, allow_zero):
            _check(allowed, list(arrivals.parameters))
        return Block(arrivals, allow_none, allow_zero, self._watched)


class Block:
    """The block of a `with gradients(model)`."""

    def __init__(self, arrivals: Arrivals, allow_none: Allowed, allow_zero: Allowed, watched: Watched) -> None:
        self._watched = watched
        self._arrivals = arrivals
        self._allow_none = allow_none
        self._allow_zero = allow_zero

    def __enter__(self) -> None:
        self._arrivals.begin()

    def __exit__(self, kind: object, error: BaseException | None, _traceback: object) -> None:
        __tracebackhide__ = True
        arrived = list(self._arrivals.end())
        frame = sys._getframe(1)  # noqa: SLF001 - the frame of the test
        if error is not None:
            causes = self._watched.causes(frame, error, {}) if isinstance(error, Exception) else ""
            if causes:
                error.add_note(f"\n{causes}")
            return
        if not arrived:
            pytest.fail("the model has no parameter that requires a gradient")
        wrong = _wrong(arrived, self._allow_none, self._allow_zero)
        if any(wrong.values()):
            asked = {each.name: self._arrivals.parameters[each.name] for those in wrong.values() for each in those}
            causes = self._watched.causes(frame, None, asked)
            pytest.fail("\n".join([*_told(wrong, arrived), *([f"\n{causes}"] if causes else [])]))


@pytest.fixture
def gradients() -> Iterator[Gradients]:
    """Fails a test in which a parameter of a model gets no gradient, or one that has NaN, infinity or only zeros.

    `with gradients(model): model(x).sum().backward()`. The whole test is watched, so that it can say why.
    """
    from autograd_cli.tasks.watch import Block as Watched

    watched = Watched()
    watched.begin(None)
    try:
        yield Gradients(watched)
    finally:
        watched.leave()


def _check(allowed: Allowed, names: Sequence[str]) -> None:
    """Make sure that each name that is allowed matches a parameter of the model.

    Raises:
        ValueError: one does not.
    """
    __tracebackhide__ = True
    for pattern in [] if isinstance(allowed, bool) else _patterns(allowed):
        if not any(fnmatchcase(name, pattern) for name in names):
            from difflib import get_close_matches

            near = get_close_matches(pattern, names, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"the model has no parameter {pattern!r}{hint}")


def _patterns(allowed: str | Collection[str]) -> Collection[str]:
    return [allowed] if isinstance(allowed, str) else allowed


def _is_allowed(name: str, allowed: Allowed) -> bool:
    if isinstance(allowed, bool):
        return allowed
    return any(fnmatchcase(name, pattern) for pattern in _patterns(allowed))


def _wrong(arrived: Sequence[Arrival], allow_none: Allowed, allow_zero: Allowed) -> dict[str, Sequence[Arrival]]:
    """The parameters that something is wrong with, by what they got."""
    return {
        "no gradient": [each for each in arrived if each.largest is None and not _is_allowed(each.name, allow_none)],
        "a gradient that is not finite": [
            each for each in arrived if each.largest is not None and not math.isfinite(each.largest)
        ],
        "a gradient of zero": [
            each for each in arrived if each.largest == 0 and not _is_allowed(each.name, allow_zero)
        ],
    }


def _told(wrong: Mapping[str, Sequence[Arrival]], arrived: Sequence[Arrival]) -> Iterator[str]:
    for what, those in wrong.items():
        if those:
            yield f"{_count(those, arrived)} got {what}"
            yield from _rows(those)


def _count(those: Sequence[Arrival], arrived: Sequence[Arrival]) -> str:
    if len(arrived) == 1:
        return "the one parameter"
    return f"{len(those)} of {len(arrived)} parameters" if len(those) < len(arrived) else f"all {len(those)} parameters"


def _rows(those: Sequence[Arrival]) -> Iterator[str]:
    width = max(len(each.name) for each in those[:_SHOWN])
    for each in those[:_SHOWN]:
        shape = ", ".join(map(str, each.shape))
        yield f"  {each.name:{width}}  {_value(each)}  [{shape}]"
    if len(those) > _SHOWN:
        yield f"  and {len(those) - _SHOWN} more"


def _value(each: Arrival) -> str:
    if each.largest is None:
        return "None"
    return "0" if each.largest == 0 else "NaN" if math.isnan(each.largest) else "inf"
