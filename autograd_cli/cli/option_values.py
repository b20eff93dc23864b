"""The values of options as Typer hands them over, checked: what is wrong with one is said in agx's own words."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

import typer

_Choice = TypeVar("_Choice", bound=StrEnum)

_LANGUAGE_TAG = re.compile(r"[A-Za-z]{1,8}([-_][A-Za-z0-9]{1,8}){0,5}([.@][\w.@-]{1,30})?")


def whole_number(least: int, most: int, words: str | None = None) -> Callable[[object], int]:
    """A reader of the whole numbers from `least` to `most`; `words` say which they are."""
    words = words or f"a whole number from {least:,} to {most:,}"

    def read(value: object) -> int:
        text = str(value).strip()
        if not re.fullmatch(r"[+-]?[0-9]{1,20}", text) or not least <= int(text) <= most:
            raise typer.BadParameter(words)
        return int(text)

    return read


def language(value: object) -> str:
    """Read the value of --lang: any language tag, since English stands in where there is no translation."""
    text = str(value).strip()
    if not _LANGUAGE_TAG.fullmatch(text):
        raise typer.BadParameter("a language such as en or zh_CN")
    return text


def one_of(kind: type[_Choice]) -> Callable[[object], _Choice]:
    """A reader of the values of `kind`."""

    def read(value: object) -> _Choice:
        try:
            return kind(str(value).strip().lower())
        except ValueError:
            *others, last = kind
            raise typer.BadParameter(f"{', '.join(others)} or {last}") from None

    return read
