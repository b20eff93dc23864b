"""The pytest plugin: a fixture under which a test fails where a parameter of its model gets no gradient.

pytest loads this for everybody's tests: torch and the rest of agx are imported when a test first uses the fixture.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeAlias

import pytest

if TYPE_CHECKING:
    from autograd_cli.engine.arrivals import Arrival, Arrivals

Allowed: TypeAlias = "bool | str | Collection[str]"
_SHOWN = 20


class Gradients:
    """What the fixture `gradients` is: `with gradients(model): loss.backward()`."""

    def __call__(self, model: object, *, allow_none: Allowed = False, allow_zero: Allowed = False) -> Block:
        """Fail the test unless each parameter of the model gets a gradient in the block: finite, and not all zero.

        `model` is a module, a tensor, or several of them in a list or by name; what does not require a gradient is
        left alone. `allow_none` says which of its parameters may be without, and `allow_zero` which gradients may be
        zero: True is all of them, and a name may have wildcards, `allow_none=["encoder.*"]`.

        Raises:
            TypeError: it is no model.
            ValueError: it has no such parameter.
        """
        __tracebackhide__ = True
        from autograd_cli.engine.arrivals import Arrivals  # torch is imported here

        arrivals = Arrivals(model)
        for allowed in (allow_none, allow_zero):
            _check(allowed, list(arrivals.parameters))
        return Block(arrivals, allow_none, allow_zero)


class Block:
    """The block of a `with gradients(model)`."""

    def __init__(self, arrivals: Arrivals, allow_none: Allowed, allow_zero: Allowed) -> None:
        self._arrivals = arrivals
        self._allow_none = allow_none
        self._allow_zero = allow_zero

    def __enter__(self) -> None:
        self._arrivals.begin()

    def __exit__(self, kind: object, error: BaseException | None, _traceback: object) -> None:
        __tracebackhide__ = True
        arrived = list(self._arrivals.end())
        if error is not None:
            return
        if not arrived:
            pytest.fail("the model has no parameter that requires a gradient")
        told = _told(arrived, self._allow_none, self._allow_zero)
        if told:
            pytest.fail("\n".join(told))


@pytest.fixture
def gradients() -> Gradients:
    """What fails a test in which a parameter of a model gets no gradient, NaN, infinity, or only zeros.

    `with gradients(model): model(x).sum().backward()`.
    """
    return Gradients()


def _check(allowed: Allowed, names: Sequence[str]) -> None:
    """Make sure that the model has what is allowed.

    Raises:
        ValueError: it has no such parameter.
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


def _told(arrived: Sequence[Arrival], allow_none: Allowed, allow_zero: Allowed) -> list[str]:
    """What is wrong, and with which of the parameters; nothing where nothing is."""
    none = [each for each in arrived if each.largest is None and not _is_allowed(each.name, allow_none)]
    zero = [each for each in arrived if each.largest == 0 and not _is_allowed(each.name, allow_zero)]
    broken = [each for each in arrived if each.largest is not None and not math.isfinite(each.largest)]
    lines: list[str] = []
    for those, words in (
        (none, "no gradient"),
        (broken, "a gradient that is not finite"),
        (zero, "a gradient of zero"),
    ):
        if those:
            lines += [f"{_count(those, arrived)} got {words}", *_rows(those)]
    return lines


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
