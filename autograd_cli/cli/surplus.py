"""Words that are one too many: a value or an expression that lacks its quotes, or an input without its name."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence

from autograd_cli.cli.command_line import CommandLine, quoted
from autograd_cli.diagnostic import AgxError
from autograd_cli.lang.program import parse

_OF_NAMES = frozenset({"--modes", "--wrt"})
# An option with the dash that a word processor makes of two.
_LONG_DASH = re.compile(r"-?[\u2010-\u2015\u2212]+-?([A-Za-z_][\w-]*(?:=.*)?)\Z")
_BRACKETS = {"[": "]", "(": ")"}


def one_too_many(line: CommandLine, expressions: Sequence[int], flags: Container[str]) -> AgxError:
    """The error for a line with these words, of which only one can be the expression; `flags` take no values."""
    words = line.words
    for place in expressions:
        if match := _LONG_DASH.match(words[place]):
            fix = f"two plain dashes begin an option: --{match[1]}"
            return line.error("unknown-option", f"unknown option {words[place]}", place, fix=fix)
        name, value = _input_before(words, place, flags)
        rest = list(_rest_of_value(value, words[place : _end(expressions, place)])) if name else []
        if rest:
            fix = f"quote the value: {name} {quoted(' '.join([value, *rest]))}"
            if not value:
                fix = f"leave out the space: {name}={rest[0]}"
            return line.error("usage", _unexpected(words[place]), place, fix=fix)
        if name in _OF_NAMES and place > min(expressions):
            fix = f"separate the names by commas: {name} {value},{words[place]}"
            return line.error("usage", _unexpected(words[place]), place, fix=fix)
    first, extra = expressions[0], expressions[1]
    word = words[extra]
    if word.startswith("-") and word[1:].isidentifier():
        value = words[extra + 1] if extra + 1 in expressions else "VALUE"
        return line.error("unknown-option", f"unknown option {word}", extra, fix=f"an input is -{word} {value}")
    whole = " ".join(words[first : _end(expressions, first)])
    is_spread = _end(expressions, first) > extra and _is_program(whole)
    fix = f"quote the expression: {quoted(whole)}" if is_spread else "quote the expression; an input is --x VALUE"
    return line.error("usage", _unexpected(word), extra, fix=fix)


def _unexpected(word: str) -> str:
    return f"unexpected argument `{word}`"


def _input_before(words: Sequence[str], place: int, flags: Container[str]) -> tuple[str, str]:
    """The option and the value that end just before a word; nothing where none does."""
    if place and words[place - 1].startswith("--") and "=" in words[place - 1]:
        name, _, value = words[place - 1].partition("=")
        return name, value
    if place > 1 and words[place - 2].startswith("--") and "=" not in words[place - 2]:
        return ("", "") if words[place - 2] in flags else (words[place - 2], words[place - 1])
    return "", ""


def _rest_of_value(value: str, words: Sequence[str]) -> Iterator[str]:
    """The words that look like the rest of a value: `2]` after `[1,`, `2` after `1,` or `1`."""
    for word in words:
        is_open = any(value.count(opening) > value.count(closing) for opening, closing in _BRACKETS.items())
        if not is_open and not value.endswith(",") and any(map(str.isalpha, value + word)):
            return
        yield word
        value = f"{value} {word}"


def _end(expressions: Sequence[int], first: int) -> int:
    """The end of the words without a gap that begin with `first`."""
    end = first
    while end in expressions:
        end += 1
    return end


def _is_program(text: str) -> bool:
    try:
        return bool(parse(text).free)
    except AgxError:
        return False
