"""An input's file → its numbers, for every format that needs no torch. Errors never quote what is in a file."""

from __future__ import annotations

import json
import os
import re
import stat
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from autograd_cli.diagnostic import AgxError, Span, bad_request
from autograd_cli.lang.inputs import FileReference, InputSpec, Literal, literal_of_nested
from autograd_cli.lang.suggest import closest

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

MAX_BYTES = 4 * 1024**3
MAX_TEXT_BYTES = 256 * 1024**2
_SHOWN_KEYS = 10
_DTYPES_UNKNOWN_TO_NUMPY = frozenset({"BF16", "F8_E4M3", "F8_E5M2"})


def read(spec: InputSpec) -> Array | Literal | None:
    """The numbers of an input that is a file; None where only torch can read them.

    Raises:
        AgxError: no such file, not a regular file, too large, damaged, or no such key.
    """
    if not isinstance(spec.content, FileReference):
        return None
    _check(spec, spec.content)
    try:
        return _READERS[spec.content.kind](spec, spec.content)
    except AgxError:
        raise
    except Exception as error:  # noqa: BLE001 - what the reader of a damaged file raises has no bounds
        raise damaged(spec, error) from None


def damaged(spec: InputSpec, error: Exception) -> AgxError:
    """The error for a file that is not what its name says."""
    assert isinstance(spec.content, FileReference)
    return _error(spec, "bad-file", f"this is not a readable {spec.content.kind} file ({type(error).__name__})")


def no_keys(spec: InputSpec) -> AgxError:
    """The error for a key of a file that holds one array."""
    assert isinstance(spec.content, FileReference)
    message = f"this file holds one array, without a key `{spec.content.key}`"
    return _error(spec, "missing-key", message, label=f"write @{spec.content.path}")


def choose_key(spec: InputSpec, keys: Iterable[str]) -> str:
    """The key that the input names, or the only one there is.

    Raises:
        AgxError: no such key, or several and none was named.
    """
    assert isinstance(spec.content, FileReference)
    known, key = sorted(keys), spec.content.key
    if key is None and len(known) == 1:
        return known[0]
    if not known:
        raise _error(spec, "bad-file", "there is no array in this file")
    shown = ", ".join(known[:_SHOWN_KEYS])
    if len(known) > _SHOWN_KEYS:
        shown += f" and {len(known) - _SHOWN_KEYS} more"
    if key is None:
        message = f"this file holds {len(known)} arrays: {shown}"
        raise _error(spec, "missing-key", message, label=f"choose one: @{spec.content.path}#{known[0]}")
    if key not in known:
        match = closest(key, known)
        label = f"did you mean #{match}?" if match else None
        raise _error(spec, "missing-key", f"there is no `{key}` in this file; it holds {shown}", label=label)
    return key


def _check(spec: InputSpec, reference: FileReference) -> None:
    try:
        found = Path(reference.path).stat()
    except (OSError, ValueError) as error:
        message = error.strerror if isinstance(error, OSError) and error.strerror else "bad file name"
        raise _error(spec, "unreadable-file", f"the file cannot be read: {message}") from None
    if not stat.S_ISREG(found.st_mode):
        raise _error(spec, "unreadable-file", "this is not a regular file")
    if not os.access(reference.path, os.R_OK):
        raise _error(spec, "unreadable-file", "the file cannot be read: Permission denied")
    if reference.key and reference.kind in {"npy", "csv", "tsv"}:
        raise no_keys(spec)
    limit = MAX_TEXT_BYTES if reference.kind in {"csv", "tsv", "json"} else MAX_BYTES
    if found.st_size > limit:
        raise _error(spec, "too-large", f"the file has {found.st_size:,} bytes; at most {limit:,} are read")


def _error(spec: InputSpec, rule: str, message: str, *, label: str | None = None) -> AgxError:
    start = spec.text.index("@") + 1
    assert isinstance(spec.content, FileReference)
    length = len(spec.content.path) + (len(spec.content.key) + 1 if spec.content.key else 0)
    span = Span.of_offsets(spec.text, start, start + length)
    return bad_request(rule, message, source=spec.source, span=span, label=label)


def _read_npy(spec: InputSpec, reference: FileReference) -> Array:
    import numpy as np

    return _numeric(spec, np.load(reference.path, mmap_mode="c", allow_pickle=False))


def _read_npz(spec: InputSpec, reference: FileReference) -> Array:
    import numpy as np

    with np.load(reference.path, allow_pickle=False) as archive:
        return _numeric(spec, archive[choose_key(spec, archive.files)])


def _read_safetensors(spec: InputSpec, reference: FileReference) -> Array | None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(reference.path, framework="numpy") as archive:
            key = choose_key(spec, archive.keys())
            if archive.get_slice(key).get_dtype() in _DTYPES_UNKNOWN_TO_NUMPY:
                return None
            return _numeric(spec, archive.get_tensor(key))
    except SafetensorError as error:
        raise damaged(spec, error) from None


def _read_table(delimiter: str) -> Callable[[InputSpec, FileReference], Array]:
    def read_table(spec: InputSpec, reference: FileReference) -> Array:
        import numpy as np

        with Path(reference.path).open(encoding="utf-8-sig") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a file without data, which is an error below
            header = not all(map(_is_number, file.readline().split(delimiter)))
            if not header:
                file.seek(0)
            try:
                table = np.loadtxt(file, delimiter=delimiter, comments=None, dtype=np.float64)
            except ValueError as error:
                raise _bad_cell(spec, str(error), header=header) from None
        if not table.size:
            raise _error(spec, "bad-file", "there are no numbers in this file")
        return table

    return read_table


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return not cell.strip()
    return True


def _bad_cell(spec: InputSpec, words: str, *, header: bool) -> AgxError:
    if found := re.search(r"at row (\d+), column (\d+)", words):
        row = int(found[1]) + (2 if header else 1)
        return _error(spec, "bad-file", f"row {row}, column {found[2]} is not a number")
    if found := re.search(r"changed from (\d+) to (\d+) at row (\d+)", words):
        row = int(found[3]) + (1 if header else 0)
        return _error(spec, "ragged", f"row {row} has {found[2]} columns, the rows before it have {found[1]}")
    return _error(spec, "bad-file", "this is not a table of numbers")


def _read_json(spec: InputSpec, reference: FileReference) -> Literal:
    with Path(reference.path).open(encoding="utf-8-sig") as file:
        found = json.load(file)
    for piece in (reference.key or "").split(".") if reference.key else ():
        if not isinstance(found, dict) or piece not in found:
            known = ", ".join(sorted(found)[:_SHOWN_KEYS]) if isinstance(found, dict) else "no keys"
            raise _error(spec, "missing-key", f"there is no `{piece}` here; there is {known}")
        found = found[piece]
    if isinstance(found, dict) and "values" in found:
        found = found["values"]
    return literal_of_nested(found, spec.source)


def _numeric(spec: InputSpec, array: object) -> Array:
    import numpy as np

    if not isinstance(array, np.ndarray):
        raise damaged(spec, TypeError("no array"))
    if array.dtype.kind not in "biufc":
        raise _error(spec, "bad-file", f"the array's dtype is {array.dtype}, which is not a number")
    return array


_READERS: dict[str, Callable[[InputSpec, FileReference], Array | Literal | None]] = {
    "npy": _read_npy,
    "npz": _read_npz,
    "safetensors": _read_safetensors,
    "csv": _read_table(","),
    "tsv": _read_table("\t"),
    "json": _read_json,
    "torch": lambda _spec, _reference: None,
}
