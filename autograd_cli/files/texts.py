"""Files of text: tables of numbers (.csv, .tsv) and JSON."""

from __future__ import annotations

import io
import json
import re
import warnings
from typing import TYPE_CHECKING, Any

from autograd_cli.diagnostic import AgxError
from autograd_cli.files.opened import OpenFile, shown
from autograd_cli.lang.numbers import Literal, literal_of_nested

if TYPE_CHECKING:
    from autograd_cli.files.opened import Array

_GROWTH = 128  # the bytes of memory that one byte of text may take while it is read
_SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", " ": "spaces"}


def read_csv(file: OpenFile) -> Array:
    """The numbers of a .csv file."""
    return _table(file, ",")


def read_tsv(file: OpenFile) -> Array:
    """The numbers of a .tsv file."""
    return _table(file, "\t")


def _table(file: OpenFile, delimiter: str) -> Array:
    """A table; a first row without a number in it is a header."""
    import numpy as np

    file.refuse_key()
    file.check_size(file.limits.memory // _GROWTH)
    raw = file.file.read(file.size)
    first = next((line for line in io.BytesIO(raw) if line.strip()), b"").decode("utf-8-sig", errors="replace")
    header = _is_header(first, delimiter)
    lines = io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8-sig")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # loadtxt warns of a file without data: an error below
            if header:
                next(line for line in lines if line.strip())
            table = np.loadtxt(lines, delimiter=delimiter, comments=None, quotechar='"', dtype=np.float64)
    except UnicodeDecodeError:
        raise _not_utf8(file) from None
    except ValueError as error:
        raise _bad_cell(file, str(error), first, delimiter, header=header) from None
    if not table.size:
        raise file.error("bad-file", "there are no numbers in this file")
    file.check_elements(table.shape)
    return table


def _not_utf8(file: OpenFile) -> AgxError:
    return file.error("bad-file", "this is not UTF-8 text", fix="iconv -t UTF-8 converts a file")


def _is_header(line: str, delimiter: str) -> bool:
    """Whether some cell of the line is a word and none is a number; not where `;` or NUL show another format."""
    some_word = False
    for cell in re.finditer(f"[^{delimiter}]+", line):  # one at a time: a line may be the whole file
        text = cell[0].strip().strip('"').strip()
        if _is_number(text):
            return False
        some_word = some_word or any(map(str.isalpha, text))
    return some_word and not any(mark in line for mark in ";\0")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _bad_cell(file: OpenFile, words: str, first: str, delimiter: str, *, header: bool) -> AgxError:
    others = [name for mark, name in _SEPARATORS.items() if mark in first.strip() and mark != delimiter]
    label = None
    if others and (delimiter not in first or ";" in first):
        label = f"columns are separated by {_SEPARATORS[delimiter]} here, not by {others[0]}"
    if found := re.search(r"at row (\d+), column (\d+)", words):
        row = int(found[1]) + (2 if header else 1)
        return file.error("bad-file", f"row {row}, column {found[2]} is not a number", label=label)
    if found := re.search(r"changed from (\d+) to (\d+) at row (\d+)", words):
        row = int(found[3]) + (1 if header else 0)
        return file.error("ragged", f"row {row} has {found[2]} columns, the rows before it have {found[1]}")
    return file.error("bad-file", "this is not a table of numbers", label=label)


def read_json(file: OpenFile) -> Literal:
    """The numbers of a .json file, or those at a key in it: nested lists, or an object with `values`."""
    file.check_size(file.limits.memory // _GROWTH)
    found = json_of(file, file.file.read(file.size))
    for piece in (file.reference.key or "").split(".") if file.reference.key else ():
        if not isinstance(found, dict) or piece not in found:
            known = shown(sorted(found)) if isinstance(found, dict) else ""
            there = f"there is {known}" if known else "there are no keys at all"
            raise file.error("missing-key", f"there is no `{shown([piece])}` here; {there}")
        found = found[piece]
    if isinstance(found, dict) and "values" in found:
        found = found["values"]
    elif isinstance(found, dict) and not {"re", "im"} <= found.keys():
        raise file.error("missing-key", f"this is an object; choose a key of it: {shown(sorted(found))}")
    try:
        literal = literal_of_nested(found, file.spec.source)
    except AgxError as error:
        raise file.error(error.diagnostic.rule, error.diagnostic.message) from None
    file.check_elements(literal.shape)
    return literal


def json_of(file: OpenFile, raw: bytes) -> Any:  # noqa: ANN401 - a JSON value
    """The JSON value that the bytes spell.

    Raises:
        AgxError: it is not UTF-8, or an object has a key twice.
        JSONDecodeError: it is not JSON.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _not_utf8(file) from None

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise file.error("bad-file", "an object in this file has the same key twice")
        return found

    return json.loads(text, object_pairs_hook=unique)
