"""Why a value is not recorded, in a few words to stand under a piece of the program."""

from __future__ import annotations


def short_reason(rule: str, line: int | None, op: str, language: str) -> str:
    """The reason for a cut of this rule; `line` is where tracking was switched off."""
    del language
    return f"{rule} {op}" + ("" if line is None else f" from line {line}")
