"""Text or Python object → InputSpec: what to make of `--x 1,2,3`, `--x "randn(2,3)"`, `--x @weights.npy#w`.

    value       body [":" dtype]
    body        ["@"] path ["#" key] | numbers | expression
    numbers     as in `lang.numbers`

A body that is not made of numbers is an expression of the language without inputs (`randn(2,3)`, `[pi, pi/2]`). One
that ends like a file of a known kind (`a.npy`, `data/w.pt#key`) is that file, with or without the @.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from autograd_cli.diagnostic import Span, bad_request
from autograd_cli.lang import vocabulary
from autograd_cli.lang.meaning import label_of_missing
from autograd_cli.lang.numbers import Literal, cut_word, literal_of_nested, parse_numbers
from autograd_cli.lang.power import check_power
from autograd_cli.lang.program import Program, is_defined, normalise, parse
from autograd_cli.lang.suggest import closest, did_you_mean
from autograd_cli.spelling import spelled

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
_KINDS = f"give one of {' '.join(FILE_KINDS)}"
_FILE = re.compile(
    rf"(.*?[^/]\.({'|'.join(kind[1:] for kind in FILE_KINDS)}))(?:#(.*))?\Z", re.ASCII | re.DOTALL | re.IGNORECASE
)
_STDIN = frozenset({"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})
_SHOWN = 1_000


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
        """Whether this is certain to be a floating point or complex tensor, as numbers are by default."""
        if not isinstance(self.content, Literal):
            return False
        if self.dtype is None:
            return not any(isinstance(value, bool) for value in self.content.values)
        return self.dtype.startswith(("float", "double", "half", "bfloat", "complex", "cfloat", "cdouble"))

    @property
    def source(self) -> str:
        """How diagnostics call the text of this input."""
        return f"--{self.name}"


_DTYPE = re.compile(r":\s*([A-Za-z_][A-Za-z_0-9]*)\s*$")
_NOT_A_TABLE = re.compile(r"[\[(@;*/]|\s[-+]\s")
_GAP = re.compile(r"(?<=[^\s,])[^\S\n]+(?=[^\s,])")
_LINE_END = re.compile(r"[ \t,]*\n[ \t\n]*")
# What a value of another program looks like, what is said, and what to write.
_NOTATIONS = tuple(
    (re.compile(pattern, re.ASCII), message, label)
    for pattern, message, label in (
        (r"(-?\d{1,9})\s*:\s*(-?\d{1,9})", "a range is made by a function", "write arange({1}, {2})"),
        (r"(range\([^()]*\))()", "a range is not a tensor", "write a{1}"),
        (r"\{([^{}]*)\}()", "braces hold no numbers here", "write {1}"),
        (r"[\"']([^\"']*)[\"']()", "a value needs no quotes of its own", "write {1}"),
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
        (r"(None|none|null|NULL|nil)()", "a value must be numbers", "write some, such as 1,2,3"),
        (r"(np|numpy|jnp)\.(?:array|asarray)\(.*\)()", "a value needs no NumPy", "write its numbers: 1,2,3"),
    )
)


def parse_input(name: str, text: str) -> InputSpec:
    """The input that `--name text` means.

    Raises:
        AgxError: the text is neither numbers nor a creation expression nor a file of a known kind.
    """
    source, text = f"--{name}", normalise(text).strip()
    body, dtype = _split_dtype(text, source)
    if not body.strip():
        fix = f"write {spelled(option=f'{source} 1,2,3', argument=f'{name}=[1, 2, 3]')}"
        raise bad_request("empty-value", f"the value of {name} is empty", source=source, fix=fix)
    content: Literal | Creation | FileReference
    if body.strip().startswith("@") or _FILE.fullmatch(body.strip()):
        content = _parse_file(body.strip().removeprefix("@"), text, source)
    else:
        _check_notation(body, source)
        content = parse_numbers(body.rstrip(), source, dtype) or _parse_expression(body, source)
    return InputSpec(name=name, text=text, content=content, dtype=dtype)


def separated(text: str) -> str:
    """Numbers separated by spaces or ends of lines (`seq 5`, a table), in the form of a value: `1,2,3` or `1,2;3,4`.

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
        return normalise(value).strip()  # as it is parsed: places count from its first character
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
    raise bad_request("unknown-dtype", f"there is no dtype `{cut_word(name)}`", source=source, span=span, label=label)


def _parse_file(reference: str, text: str, source: str) -> FileReference:
    """The file: its name ends at the first `#` after a known suffix, since names may hold `#` themselves."""
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
            fix = "a value must be numbers (1,2,3), an expression (randn(2,3)) or a file (@data.npy)"
            raise bad_request("not-a-number", message, source=source, span=span, label=label, fix=fix)
    return Creation(program=program)


def _check_notation(body: str, source: str) -> None:
    """Refuse a value in the notation of another program, and a file of a kind that cannot be read."""
    for pattern, message, label in _NOTATIONS if len(body) <= _SHOWN else ():
        if match := pattern.fullmatch(body.strip()):
            start = body.index(body.strip())
            span = Span.of_offsets(body, start, start + len(body.strip()))
            written = label.replace("{1}", match[1]).replace("{2}", match[2] or "")
            raise bad_request("not-a-number", message, source=source, span=span, label=written)
