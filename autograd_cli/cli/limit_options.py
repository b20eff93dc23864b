"""`--limit NAME=VALUE`, `--timeout SECONDS` and AGX_LIMIT_NAME → Limits: one name for each of its fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from functools import partial
from typing import TypeAlias

from autograd_cli.diagnostic import COMMAND_LINE, AgxError, bad_request
from autograd_cli.lang.suggest import did_you_mean
from autograd_cli.limits import DEFAULT_LIMITS, Limits

NAMES = tuple(field.name.replace("_", "-") for field in fields(Limits))
VARIABLES = "AGX_LIMIT_"
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_MOST = 10**15

Blame: TypeAlias = Callable[[str, str | None], AgxError]


def limits_of(given: Iterable[tuple[str, Blame]], environment: Mapping[str, str]) -> Limits:
    """The limits that options ask for (each a `name=value` and its Blame), or else variables of the environment.

    Raises:
        AgxError: there is no such limit, it is given twice, or it does not take the value.
    """
    values: dict[str, int | float] = {}
    for variable in sorted(environment):
        text = environment[variable].strip()
        if variable.startswith(VARIABLES) and text:
            name = variable.removeprefix(VARIABLES).lower().replace("_", "-")
            values |= _limit(name, text, partial(_blame_variable, variable))
    seen: set[str] = set()
    for pair, blame in given:
        name, _, text = pair.partition("=")
        limit = _limit(name.strip().replace("_", "-"), text.strip(), blame)
        if seen & limit.keys():
            raise blame(f"the limit {name.strip()} is given twice", "the second time here")
        seen |= limit.keys()
        values |= limit
    return replace(DEFAULT_LIMITS, **values)  # type: ignore[arg-type]  # each value is of its field's kind


def _blame_variable(variable: str, message: str, label: str | None) -> AgxError:
    return bad_request("bad-limit", f"{variable}: {message}", source=COMMAND_LINE, label=label)


def _limit(name: str, text: str, blame: Blame) -> dict[str, int | float]:
    if name not in NAMES:
        raise blame(f"there is no limit {name}", did_you_mean(name, NAMES) or f"there are {', '.join(NAMES)}")
    read, least, what = _KINDS.get(name, (_count, 1, "a positive integer"))
    value = read(text)
    if value is None or not value <= _MOST:
        raise blame(f"the limit {name} takes {what}", None if text else "the value is missing")
    if value < least:
        raise blame(f"the limit {name} takes {what}", "too little for any run")
    return {name.replace("-", "_"): value}


def _seconds(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{0,9})?|\.[0-9]{1,9}", text) else None


def _bytes(text: str) -> int | None:
    found = re.fullmatch(r"([0-9]{1,15})([KMGT]?)(I?B)?", text.upper())
    return int(found[1]) * _UNITS[found[2]] if found else None


def _count(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else None


# How the value of each is read, the least value that is of use, and what to call it; all others are counts.
_KINDS: dict[str, tuple[Callable[[str], int | float | None], float, str]] = {
    "time": (_seconds, 1e-9, "a number of seconds, such as 10 or 0.5"),
    "memory": (_bytes, 16 * 1024**2, "a number of bytes from 16M, such as 512M or 4G"),
}
