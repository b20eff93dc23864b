"""Numbers as text or as nested lists → Literal: `1,2,3`, `1,2;3,4`, `[[1, 2], [3, 4]]`, with a place for each fault.

    numbers     number | row | row (";" row)* | "[" … "]" nested
    row         number ("," number)*
    number      12  -.5  1e-3  inf  nan  1+2j  true  false

A long text without a fault is read by `json`, which is faster by far.
"""

from __future__ import annotations

import json
import re
import string
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from autograd_cli.diagnostic import AgxError, Span, bad_request

Number: TypeAlias = bool | int | float | complex
MAX_DIMENSIONS = 64
_SHOWN_WORD = 60
_LONG = 10_000
_NOT_FOR_JSON = re.compile(r'["{]|null|\d{20}')
_MAX_DIGITS = 20
_THOUSANDS = re.compile(r"0\d\d(?:\.\d*)?")
# Possessive (`++`), so that a long word that is no number is rejected in linear time.
_UNSIGNED = r"(?:\d++(?:\.\d*+)?+(?:e[+-]?\d++)?+|\.\d++(?:e[+-]?\d++)?+|inf(?:inity)?+|nan)"
_COMPLEX = re.compile(
    rf"(?:(?P<re>[+-]?{_UNSIGNED})(?=[+-]))?+(?P<im>[+-]?{_UNSIGNED}?+)j|(?P<real>[+-]?{_UNSIGNED})",
    re.ASCII | re.IGNORECASE,
)
_TOKEN = re.compile(r"\s*([\[\];,]|[^\s\[\];,]+)")
_WORDS = {"true": True, "false": False}
_INTEGERS = {  # from, to
    "uint8": (0, 2**8 - 1),
    "int8": (-(2**7), 2**7 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "short": (-(2**15), 2**15 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "long": (-(2**63), 2**63 - 1),
}
_SIGNS = {"\N{MINUS SIGN}": "-", "\N{EN DASH}": "-"}
_EXPRESSION_CHARACTERS = frozenset(string.ascii_letters + "_(*/%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """Numbers: `values` row-major for `shape`."""

    shape: tuple[int, ...]
    values: tuple[Number, ...]


def parse_numbers(body: str, source: str, dtype: str | None) -> Literal | None:
    """The Literal that the text is; None where it is not made of numbers, brackets and separators alone."""
    if (literal := _parse_many(body, source)) is not None and dtype not in _INTEGERS:
        return literal
    tokens: list[tuple[str, int]] = [(match[1], match.start(1)) for match in _TOKEN.finditer(body)]
    numbers = {word for word, _ in tokens if word not in {"[", "]", ",", ";"}}
    values = {word: _number(word) for word in numbers}
    wrong = [word for word, value in values.items() if value is None]
    reader = _NumberReader(body, tokens, values, source)
    reader.refuse({word for word in wrong if _is_misspelt(word)}, "not-a-number", "is not a number")
    if any(_EXPRESSION_CHARACTERS & set(word) for word in wrong) or (wrong and "[" not in body and "," not in body):
        return None
    literal = reader.read()
    reader.refuse_thousands()
    if dtype in _INTEGERS:
        least, most = _INTEGERS[dtype]
        real = {word: value for word, value in values.items() if isinstance(value, int | float)}
        broken = {word for word, value in real.items() if value % 1}
        outside = {word for word, value in real.items() if not least <= value <= most}
        reader.refuse(broken, "bad-value", f"is not an integer, but the dtype is {dtype}", fix=f"leave out :{dtype}")
        reader.refuse(outside, "bad-value", f"is outside {dtype}, which is from {least} to {most}")
    return literal


def literal_of_nested(nested: object, source: str) -> Literal:
    """Nested lists of numbers (or of the strings and objects that stand for them in JSON) as a Literal.

    Raises:
        AgxError: it is ragged or holds something else than numbers.
    """
    shape = _shape_of(nested)
    level: list[object] = [nested]
    for size in shape:
        if any(not isinstance(item, list | tuple) or len(item) != size for item in level):
            raise bad_request("ragged", "the rows do not have the same length", source=source)
        level = [element for item in level if isinstance(item, list | tuple) for element in item]
    if set(map(type, level)) <= {bool, int, float}:
        return Literal(shape=shape, values=cast("tuple[Number, ...]", tuple(level)))  # no call for each number
    return Literal(shape=shape, values=tuple(_number_of_object(item, source) for item in level))


def _shape_of(nested: object) -> tuple[int, ...]:
    shape: list[int] = []
    while isinstance(nested, list | tuple) and len(shape) < MAX_DIMENSIONS:
        shape.append(len(nested))
        if not nested:
            break
        nested = nested[0]
    return tuple(shape)


def _number_of_object(item: object, source: str) -> Number:
    match item:
        case bool() | int() | float() | complex():
            return item
        case "NaN" | "Infinity" | "-Infinity":
            return float(item)
        case {"re": re_part, "im": im_part}:
            return complex(
                float(_number_of_object(re_part, source).real), float(_number_of_object(im_part, source).real)
            )
        case list() | tuple():
            raise bad_request("ragged", "the rows do not have the same depth", source=source)
    message = f"it holds a {type(item).__name__} where a number should be"
    raise bad_request("not-a-number", message, source=source)


def _parse_many(body: str, source: str) -> Literal | None:
    """A long text without a fault, by way of JSON, which is faster by far; None where that would not be the same."""
    if len(body) < _LONG or _NOT_FOR_JSON.search(body) or (body[0] != "[" and "[" in body):
        return None
    text = body if body[0] == "[" else f"[[{body.replace(';', '],[')}]]" if ";" in body else f"[{body}]"
    try:
        return literal_of_nested(json.loads(text), source)
    except (ValueError, RecursionError, AgxError):
        return None


def _is_misspelt(word: str) -> bool:
    """Whether the word would be a number with ASCII digits or with `j` for its `i`: then it is no expression either."""
    return _rewritten(word) is not None and (word[-1] in "iI" or any(_is_foreign_digit(one) for one in word))


def _rewritten(word: str) -> str | None:
    """The word with ASCII digits and signs and with `j`; None where that changes nothing or makes no number."""
    plain = "".join(str(unicodedata.decimal(one)) if _is_foreign_digit(one) else _SIGNS.get(one, one) for one in word)
    plain = plain.replace("_", "") if plain.isascii() else plain
    if plain[-1:] in {"i", "I"}:
        plain = f"{plain[:-1]}j"
    return plain if plain != word and _number(plain) is not None else None


def _is_foreign_digit(character: str) -> bool:
    return not character.isascii() and character.isdecimal()


def cut_word(word: str) -> str:
    """A word of the input as a message shows it, not too long."""
    return word if len(word) <= _SHOWN_WORD else f"{word[: _SHOWN_WORD - 1]}…"


def _number(word: str) -> Number | None:
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    match = _COMPLEX.fullmatch(word)
    if match is None:
        return None
    if match["real"] is not None:
        return int(word) if word.lstrip("+-").isdigit() and len(word) <= _MAX_DIGITS else float(word)
    imaginary = {None: "1", "+": "1", "-": "-1"}.get(match["im"], match["im"])
    return complex(float(match["re"] or 0), float(imaginary or 1))


class _NumberReader:
    """Reads rows and brackets into one Literal, with a place for what is ragged, missing or too much."""

    def __init__(self, text: str, tokens: list[tuple[str, int]], values: dict[str, Number | None], source: str) -> None:
        self._text = text
        self._tokens = tokens
        self._values = values
        self._source = source

    def read(self) -> Literal:
        if self._tokens[0][0] == "[":
            return self._brackets()
        rows: list[list[tuple[str, int]]] = [[]]
        for token in self._tokens:
            if token[0] == ";":
                rows.append([])
            else:
                rows[-1].append(token)
        if len(rows) > 1 and not rows[-1]:
            rows.pop()
        numbers = [self._row(row) for row in rows]
        if len(self._tokens) == 1:
            return Literal(shape=(), values=tuple(numbers[0]))
        for row, tokens in zip(numbers, rows, strict=True):
            if len(row) != len(numbers[0]):
                message = f"this row has {_count(len(row))}, the first has {len(numbers[0])}"
                raise self._error("ragged", message, tokens[0][1], tokens[-1][1] + len(tokens[-1][0]))
        shape = (len(numbers), len(numbers[0])) if len(self._separators(";")) else (len(numbers[0]),)
        return Literal(shape=shape, values=tuple(value for row in numbers for value in row))

    def _separators(self, kind: str) -> list[int]:
        return [offset for word, offset in self._tokens if word == kind]

    def _row(self, tokens: Sequence[tuple[str, int]]) -> list[Number]:
        """The numbers of one row: number ("," number)* [","]."""
        numbers: list[Number] = []
        for index, (word, offset) in enumerate(tokens):
            if index % 2 == 0:
                numbers.append(self._value(word, offset))
            elif word != ",":
                raise self._no_comma(word, offset)
        if not numbers:
            end = len(self._text.rstrip())
            raise self._error("syntax", "this row is empty", end - 1, end)
        return numbers

    def _brackets(self) -> Literal:  # noqa: C901, PLR0912 - one case for each kind of token, in one loop
        """Nested brackets, without recursion: the sizes of each level must agree."""
        values: list[Number] = []
        counts: list[int] = []
        sizes: dict[int, int] = {}
        depth_of_numbers: int | None = None
        expect_item = True
        for word, offset in self._tokens:
            end = offset + len(word)
            if not counts and (values or sizes):
                raise self._error("syntax", "this comes after the closing bracket", offset, end)
            if word == "[" and expect_item:
                counts.append(0)
                if len(counts) > MAX_DIMENSIONS:
                    raise self._error("too-deep", f"at most {MAX_DIMENSIONS} dimensions", offset, end)
            elif word == "]" and counts:  # also before an item: `[]`, `[1,]`
                size = counts.pop()
                if sizes.setdefault(len(counts), size) != size:
                    message = f"this row has {_count(size)}, an earlier one has {sizes[len(counts)]}"
                    raise self._error("ragged", message, offset, end)
                expect_item = False
                if counts:
                    counts[-1] += 1
            elif word == "," and not expect_item and counts:
                expect_item = True
            elif expect_item and word not in {"]", ",", ";"}:
                if depth_of_numbers not in {None, len(counts)}:
                    raise self._error("ragged", "this number is at a different depth from the others", offset, end)
                depth_of_numbers = len(counts)
                values.append(self._value(word, offset))
                counts[-1] += 1
                expect_item = False
            elif not expect_item and word != "]":
                raise self._no_comma(word, offset)
            else:
                raise self._error("syntax", f"`{cut_word(word)}` is not expected here", offset, end)
        if counts:
            raise self._error(
                "syntax", "a bracket is not closed", len(self._text) - 1, len(self._text), label="write ]"
            )
        shape = tuple(size for _, size in sorted(sizes.items()))
        if depth_of_numbers is not None and depth_of_numbers != len(shape):
            raise bad_request("ragged", "the rows do not have the same depth", source=self._source)
        return Literal(shape=shape, values=tuple(values))

    def _value(self, word: str, offset: int) -> Number:
        value = self._values.get(word)
        if value is None:
            message = "a number is missing here" if word in "[],;" else f"`{cut_word(word)}` is not a number"
            label = "write it before this, or remove this" if word in "[],;" else _write(word)
            raise self._error("not-a-number", message, offset, offset + len(word), label=label)
        return value

    def refuse(self, words: set[str], rule: str, what: str, *, fix: str | None = None) -> None:
        """Make sure that none of these words is there.

        Raises:
            AgxError: for the first that is.
        """
        for word, offset in self._tokens if words else ():
            if word in words:
                message, label = f"`{cut_word(word)}` {what}", _write(word)
                raise self._error(rule, message, offset, offset + len(word), label=label, fix=fix)

    def refuse_thousands(self) -> None:
        """Make sure that `1,000` is not read as 1 and 0.

        Raises:
            AgxError: a number of three digits begins with 0, and a comma stands right before it.
        """
        for (before, _), (comma, place), (word, offset) in zip(
            self._tokens, self._tokens[1:], self._tokens[2:], strict=False
        ):
            if _THOUSANDS.fullmatch(word) and comma == "," and place + 1 == offset and before.lstrip("-").isdigit():
                message, label = "a comma separates numbers; it does not group thousands", f"write {before}{word}"
                raise self._error("not-a-number", message, place, offset + len(word), label=label)

    def _no_comma(self, word: str, start: int) -> AgxError:
        """The error for what stands where a comma should."""
        message, fix = "there is a comma missing before this", "numbers are separated by commas: 1,2 or [1, 2]"
        if word in {"]", ";"}:
            message, fix = f"`{word}` is not expected here", "write a matrix as 1,2;3,4 or [[1, 2], [3, 4]]"
        return self._error("syntax", message, start, start + len(word), fix=fix)

    def _error(
        self, rule: str, message: str, start: int, end: int, *, label: str | None = None, fix: str | None = None
    ) -> AgxError:
        span = Span.of_offsets(self._text, max(start, 0), end)
        return bad_request(rule, message, source=self._source, span=span, label=label, fix=fix)


def _write(word: str) -> str | None:
    rewritten = _rewritten(word)
    return f"write {cut_word(rewritten)}" if rewritten else None


def _count(size: int) -> str:
    return "1 element" if size == 1 else f"{size} elements"
