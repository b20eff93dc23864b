"""Text or Python object → InputSpec: what to make of `--x 1,2,3`, `--x "randn(2,3)"`, `--x @weights.npy#w`.

    value       body [":" dtype]
    body        ["@"] path ["#" key] | numbers | expression
    numbers     number | row | row (";" row)* | "[" … "]" nested
    row         number ("," number)*
    number      12  -.5  1e-3  inf  nan  1+2j  true  false

A body that is not made of numbers is an expression of the language without inputs (`randn(2,3)`, `[pi, pi/2]`). One
that ends like a file of a known kind (`a.npy`, `data/w.pt#key`) is that file, with or without the @.
"""

from __future__ import annotations

import json
import re
import string
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, cast

from autograd_cli.diagnostic import AgxError, Span, bad_request
from autograd_cli.lang import vocabulary
from autograd_cli.lang.meaning import label_of_missing
from autograd_cli.lang.power import check_power
from autograd_cli.lang.program import Program, is_defined, normalise, parse
from autograd_cli.lang.suggest import closest, did_you_mean
from autograd_cli.spelling import spelled

Number: TypeAlias = bool | int | float | complex

FILE_KINDS = {
    ".npy": "npy",
    ".npz": "npz",
    ".pt": "torch",
    ".pth": "torch",
    ".safetensors": "safetensors",
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
}
MAX_DIMENSIONS = 64
_THOUSANDS = re.compile(r"0\d\d(?:\.\d*)?")
_KINDS = f"give one of {' '.join(FILE_KINDS)}"
_FILE = re.compile(
    rf"(.*?[^/]\.({'|'.join(kind[1:] for kind in FILE_KINDS)}))(?:#(.*))?\Z", re.ASCII | re.DOTALL | re.IGNORECASE
)
_STDIN = frozenset({"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})
_SHOWN = 1_000
_SHOWN_WORD = 60
_LONG = 10_000
_NOT_FOR_JSON = re.compile(r'["{]|null|\d{20}')


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """Numbers: `values` row-major for `shape`."""

    shape: tuple[int, ...]
    values: tuple[Number, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """A program without inputs whose result is the value."""

    program: Program


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReference:
    """A file, by kind; `key` names one of several arrays in it."""

    path: str
    kind: str
    key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A tensor or array that the caller of the Python API holds."""

    type_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """An input: its name, the text it came from (`source` names that text in diagnostics), what it holds, its dtype.

    `dtype` is None for the default: that of the run for numbers, its own for a file or an array.
    """

    name: str
    text: str
    content: Literal | Creation | FileReference | Given
    dtype: str | None

    @property
    def is_floating(self) -> bool:
        """Whether this is certain to be a floating point tensor: numbers, as the default dtype makes them."""
        if not isinstance(self.content, Literal):
            return False
        if self.dtype is None:
            return not any(isinstance(value, bool) for value in self.content.values)
        return self.dtype.startswith(("float", "double", "half", "bfloat", "complex", "cfloat", "cdouble"))

    @property
    def source(self) -> str:
        """How diagnostics call the text of this input."""
        return f"--{self.name}"


# Possessive (`++`), so that a long word that is no number is told in linear time.
_UNSIGNED = r"(?:\d++(?:\.\d*+)?+(?:e[+-]?\d++)?+|\.\d++(?:e[+-]?\d++)?+|inf(?:inity)?+|nan)"
_COMPLEX = re.compile(
    rf"(?:(?P<re>[+-]?{_UNSIGNED})(?=[+-]))?+(?P<im>[+-]?{_UNSIGNED}?+)j|(?P<real>[+-]?{_UNSIGNED})",
    re.ASCII | re.IGNORECASE,
)
_TOKEN = re.compile(r"\s*([\[\];,]|[^\s\[\];,]+)")
_DTYPE = re.compile(r":\s*([A-Za-z_][A-Za-z_0-9]*)\s*$")
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
_NOT_A_TABLE = re.compile(r"[\[(@;*/]|\s[-+]\s")
_GAP = re.compile(r"(?<=[^\s,])[^\S\n]+(?=[^\s,])")
_LINE_END = re.compile(r"[ \t,]*\n[ \t\n]*")
# What a value of another program looks like, what is said, and what to write.
_NOTATIONS = tuple(
    (re.compile(pattern, re.ASCII), message, label)
    for pattern, message, label in (
        (r"(-?\d{1,9})\s*:\s*(-?\d{1,9})", "a range is made by a function", "write arange({1}, {2})"),
        (r"(range\([^()]*\))()", "a range is no tensor", "write a{1}"),
        (r"\{([^{}]*)\}()", "braces hold no numbers here", "write {1}"),
        (r"[\"']([^\"']*)[\"']()", "a value stands without quotes of its own", "write {1}"),
        (
            r"([\w./\\~-]*\.(?:txt|dat))()",
            "this kind of file cannot be read",
            f"{_KINDS}; or numbers as text: --x - < {{1}}",
        ),
        (
            r"([\w./\\~-]*\.(?:xlsx?|parquet|feather|mat|h5|hdf5|pkl|pickle|bin|yaml|md|png|jpe?g))()",
            "this kind of file cannot be read",
            f"{_KINDS}; numpy.save writes .npy",
        ),
        (r"(None|none|null|NULL|nil)()", "a value is numbers", "write some, such as 1,2,3"),
        (r"(np|numpy|jnp)\.(?:array|asarray)\(.*\)()", "a value needs no NumPy", "write its numbers: 1,2,3"),
    )
)
_SIGNS = {"\N{MINUS SIGN}": "-", "\N{EN DASH}": "-"}
_EXPRESSION_CHARACTERS = frozenset(string.ascii_letters + "_(*/%")


def parse_input(name: str, text: str) -> InputSpec:
    """The input that `--name text` means.

    Raises:
        AgxError: the text is neither numbers nor a creation expression nor a file of a known kind.
    """
    source, text = f"--{name}", normalise(text)
    body, dtype = _split_dtype(text, source)
    if not body.strip():
        fix = f"write {spelled(option=f'{source} 1,2,3', argument=f'{name}=[1, 2, 3]')}"
        raise bad_request("empty-value", f"the value of {name} is empty", source=source, fix=fix)
    content: Literal | Creation | FileReference
    if body.strip().startswith("@") or _FILE.fullmatch(body.strip()):
        content = _parse_file(body.strip().removeprefix("@"), text, source)
    else:
        _check_notation(body, source)
        content = _parse_numbers(body.rstrip(), source, dtype) or _parse_expression(body, source)
    return InputSpec(name=name, text=text, content=content, dtype=dtype)


def separated(text: str) -> str:
    """Numbers that spaces or ends of lines separate (`seq 5`, a table) as a value has them: `1,2,3` or `1,2;3,4`.

    Every character keeps its place. What holds brackets or an operator is left as it is.
    """
    if _NOT_A_TABLE.search(text):
        return text
    lines = [line.strip(" \t,") for line in text.split("\n")]
    is_matrix = any(re.search(r"[ \t,]", line) for line in lines) and len([line for line in lines if line]) > 1
    spaced = _GAP.sub(lambda gap: f",{gap[0][1:]}", text.replace("\r", " "))
    return _LINE_END.sub(lambda gap: f"{';' if is_matrix else ','}{' ' * (len(gap[0]) - 1)}", spaced)


def input_of_object(name: str, value: object) -> InputSpec:
    """The input that a Python object means: text, numbers, nested lists of numbers, or else an array or tensor.

    Raises:
        AgxError: a list that is ragged or holds something else than numbers.
    """
    if isinstance(value, InputSpec):
        return replace(value, name=name)
    if isinstance(value, str):
        return parse_input(name, value)
    content: Literal | Given
    if isinstance(value, bool | int | float | complex | list | tuple):
        content = literal_of_nested(value, f"--{name}")
    else:
        content = Given(type_name=type(value).__name__)
    return InputSpec(name=name, text=text_of_object(value), content=content, dtype=None)


def text_of_object(value: object) -> str:
    """What a Report says was given: text and numbers as they are, of other objects the type."""
    if isinstance(value, str):
        return normalise(value)
    if isinstance(value, InputSpec):
        return value.text
    if isinstance(value, bool | int | float | complex | list | tuple):
        try:
            text = _text_of_numbers(value)
        except RecursionError:
            return f"<{type(value).__name__}>"
        return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
    return f"<{type(value).__name__}>"


def _text_of_numbers(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_text_of_numbers, value))}]"
    return str(value).strip("()")


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
        return Literal(shape=shape, values=cast("tuple[Number, ...]", tuple(level)))  # of a million, each at once
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


def _split_dtype(text: str, source: str) -> tuple[str, str | None]:
    match = _DTYPE.search(text)
    if match is None:
        return text, None
    name = match[1]
    if name in vocabulary.DTYPES:
        return text[: match.start()], name
    if text.lstrip().startswith("@") and closest(name, vocabulary.DTYPES) is None:
        return text, None  # a colon of the file name
    span = Span.of_offsets(text, match.start(1), match.end(1))
    label = did_you_mean(name, vocabulary.DTYPES)
    raise bad_request("unknown-dtype", f"there is no dtype `{_cut(name)}`", source=source, span=span, label=label)


def _parse_file(reference: str, text: str, source: str) -> FileReference:
    """The file: its name ends at the first `#` after the name of a kind, as names may hold `#` themselves."""
    match = _FILE.match(reference)
    if match is None:
        path = reference.partition("#")[0]
        start = text.index(path)
        span = Span.of_offsets(text, start, start + len(path))
        fix = f"use one of {' '.join(FILE_KINDS)}"
        if path in _STDIN:
            fix = f"write {source} - to read numbers from stdin"
        raise bad_request("unknown-file-kind", "this kind of file cannot be read", source=source, span=span, fix=fix)
    return FileReference(path=match[1], kind=FILE_KINDS[f".{match[2].lower()}"], key=match[3] or None)


def _parse_expression(body: str, source: str) -> Creation:
    program = parse(body, source=source)
    check_power(program, None, source)
    for name, span in program.names:
        if not is_defined(name):
            message = f"`{name}` is not a number, nor a function that creates a tensor"
            label = label_of_missing(name, vocabulary.CONSTANTS | {"true", "false"} | vocabulary.MEMBERS["torch"])
            fix = "a value is numbers (1,2,3), an expression (randn(2,3)) or a file (@data.npy)"
            raise bad_request("not-a-number", message, source=source, span=span, label=label, fix=fix)
    return Creation(program=program)


def _check_notation(body: str, source: str) -> None:
    """Refuse how other programs write a value, and the name of a file that is not read."""
    for pattern, message, label in _NOTATIONS if len(body) <= _SHOWN else ():
        if match := pattern.fullmatch(body.strip()):
            start = body.index(body.strip())
            span = Span.of_offsets(body, start, start + len(body.strip()))
            written = label.replace("{1}", match[1]).replace("{2}", match[2] or "")
            raise bad_request("not-a-number", message, source=source, span=span, label=written)


def _parse_numbers(body: str, source: str, dtype: str | None) -> Literal | None:
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
    """Whether the word is a number but for its digits or its `i`: no expression either."""
    return _rewritten(word) is not None and (word[-1] in "iI" or any(_is_foreign_digit(one) for one in word))


def _rewritten(word: str) -> str | None:
    """The number that a word would be in ASCII and with `j`, as it is written here; None where it would be none."""
    plain = "".join(str(unicodedata.decimal(one)) if _is_foreign_digit(one) else _SIGNS.get(one, one) for one in word)
    plain = plain.replace("_", "") if plain.isascii() else plain
    if plain[-1:] in {"i", "I"}:
        plain = f"{plain[:-1]}j"
    return plain if plain != word and _number(plain) is not None else None


def _is_foreign_digit(character: str) -> bool:
    return not character.isascii() and character.isdecimal()


def _cut(word: str) -> str:
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


_MAX_DIGITS = 20


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
                raise self._error("syntax", f"`{_cut(word)}` is not expected here", offset, end)
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
            message = "a number is missing here" if word in "[],;" else f"`{_cut(word)}` is not a number"
            label = "write it before this, or remove this" if word in "[],;" else _write(word)
            raise self._error("not-a-number", message, offset, offset + len(word), label=label)
        return value

    def refuse(self, words: set[str], rule: str, what: str, *, fix: str | None = None) -> None:
        """Make sure that none of these words is there.

        Raises:
            AgxError: the first that is.
        """
        for word, offset in self._tokens if words else ():
            if word in words:
                message, label = f"`{_cut(word)}` {what}", _write(word)
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
                message, label = "a comma separates two numbers, and no thousands", f"write {before}{word}"
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
    return f"write {_cut(rewritten)}" if rewritten else None


def _count(size: int) -> str:
    return "1 element" if size == 1 else f"{size} elements"
