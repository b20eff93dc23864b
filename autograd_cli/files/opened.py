"""An input's file, opened once and only if it is a regular file; its errors, which quote nothing of it but keys."""

from __future__ import annotations

import json
import math
import mmap
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeAlias

from autograd_cli.diagnostic import AgxError, Span, bad_request
from autograd_cli.files.similar import similar_file
from autograd_cli.lang.inputs import FileReference, InputSpec
from autograd_cli.lang.suggest import closest
from autograd_cli.limits import Limits, limit_reached

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

_SHOWN_KEYS = 10
_COMPARED_KEYS = 1_000
_KEY_LENGTH = 60
_COPIES = 2  # how often an inflated array is in memory while a tensor is made of it
_SMALL = 16 * 1024**2  # larger pieces are mapped instead of read, so that only what is used takes memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Bits:
    """An array of a dtype that NumPy does not know (`bfloat16`), as integers of the same size."""

    array: Array
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFile:
    """A regular file, open for reading from its beginning. Its path is not used again, so nobody can swap the file."""

    spec: InputSpec
    reference: FileReference
    limits: Limits
    file: BinaryIO
    size: int

    def content(self, start: int, size: int) -> memoryview:
        """A piece of the file, shorter where the file ends before; writing to it does not change the file."""
        size = max(min(size, self.size - start), 0)
        if size > _SMALL:
            first = start - start % mmap.ALLOCATIONGRANULARITY
            mapped = mmap.mmap(self.file.fileno(), start + size - first, access=mmap.ACCESS_COPY, offset=first)
            return memoryview(mapped)[start - first :]
        self.file.seek(start)
        return memoryview(bytearray(self.file.read(size)))

    def array(
        self,
        content: memoryview,
        dtype: str,
        shape: tuple[int, ...],
        *,
        order: Literal["C", "F"] = "C",
        strides: tuple[int, ...] | None = None,
    ) -> Array:
        """The array that lies at the beginning of `content`; `strides` are in bytes.

        Raises:
            AgxError: it has more elements than a tensor may have.
            ValueError: the content is too short for it.
        """
        import numpy as np

        self.check_elements(shape)
        kind = np.dtype(dtype)
        if _extent(shape, strides, kind.itemsize) > len(content):  # NumPy checks no strides of an empty buffer
            raise ValueError("too short")
        array: Array = np.ndarray(shape, kind, buffer=content, strides=strides, order=order)
        if kind.kind == "b":
            return np.asarray(array.view(np.uint8) != 0)  # a byte that is neither 0 nor 1 is no bool
        return array if array.flags.aligned else array.copy()

    def check_elements(self, shape: tuple[int, ...]) -> None:
        """Make sure that a tensor may have this shape.

        Raises:
            AgxError: it has more elements than the limit allows.
        """
        if math.prod(shape) > self.limits.elements:
            message = f"the array has more than {self.limits.elements:,} elements"
            raise limit_reached("elements", message, source=self.spec.source, span=self.place)

    def check_size(self, limit: int) -> None:
        """Make sure that the file has at most `limit` bytes.

        Raises:
            AgxError: it has more.
        """
        if self.size > limit:
            message = f"the file has {self.size:,} bytes; at most {limit:,} of this kind are read"
            raise limit_reached("memory", message, source=self.spec.source, span=self.place)

    def check_inflated(self, size: int) -> None:
        """Make sure that an array of the file may take `size` bytes when it is inflated.

        Raises:
            AgxError: that is more than the limit allows.
        """
        limit = self.limits.memory // _COPIES
        if size > limit:
            message = f"the array takes {size:,} bytes when it is inflated; at most {limit:,} are"
            raise limit_reached("memory", message, source=self.spec.source, span=self.place)

    def choose_key(self, keys: Iterable[str]) -> str:
        """The key that the input names, or the only one there is.

        Raises:
            AgxError: no such key, or several and none was named.
        """
        known, key = sorted(keys), self.reference.key
        if key is None and len(known) == 1:
            return known[0]
        if not known:
            raise self.error("bad-file", "there is no array in this file")
        if key is None:
            message = f"this file holds {len(known)} arrays: {shown(known)}"
            label = f"choose one: @{self.reference.path}#{_short(known[0])}"
            raise self.error("missing-key", message, label=label)
        if key not in known:
            message = f"there is no `{_short(key)}` in this file; it holds {shown(known)}"
            raise self.error("missing-key", message, label=_near(key, known))
        return key

    def refuse_key(self) -> None:
        """Make sure that the input names no key.

        Raises:
            AgxError: it does.
        """
        if self.reference.key is not None:
            message = f"this file holds one array, without a key `{_short(self.reference.key)}`"
            raise self.error("missing-key", message, label=f"write @{self.reference.path}")

    def damaged(self, error: Exception) -> AgxError:
        """The error for a file that is not what its name says."""
        if not self.size:
            return self.error("bad-file", "this file is empty")
        message = f"this is not a readable {self.reference.kind} file"
        if isinstance(error, json.JSONDecodeError) and self.reference.kind == "json":
            message = f"{message}: no JSON at line {error.lineno}, column {error.colno}"
        return self.error("bad-file", message)

    def error(self, rule: str, message: str, *, label: str | None = None, fix: str | None = None) -> AgxError:
        """The error for this file, with a caret under its name."""
        return bad_request(rule, message, source=self.spec.source, span=self.place, label=label, fix=fix)

    @property
    def place(self) -> Span:
        """Where the input's text names the file."""
        return _place(self.spec, self.reference)


def _extent(shape: tuple[int, ...], strides: tuple[int, ...] | None, itemsize: int) -> int:
    """The bytes from the first element to the end of the last."""
    if strides is None or math.prod(shape) == 0:
        return math.prod(shape) * itemsize
    return sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True)) + itemsize


def shown(keys: Iterable[str]) -> str:
    """The first of the keys, for a message."""
    keys = list(keys)
    listed = ", ".join(map(_short, keys[:_SHOWN_KEYS]))
    more = len(keys) - _SHOWN_KEYS
    return f"{listed} and {more} more" if more > 0 else listed


def _short(key: str) -> str:
    return key if len(key) <= _KEY_LENGTH else f"{key[: _KEY_LENGTH - 1]}…"


def _near(key: str, known: list[str]) -> str | None:
    if len(key) > _KEY_LENGTH:
        return None
    match = closest(key, [one for one in known if abs(len(one) - len(key)) <= len(key)][:_COMPARED_KEYS])
    return f"did you mean #{match}?" if match else None


@contextmanager
def opened(spec: InputSpec, reference: FileReference, limits: Limits) -> Iterator[OpenFile]:
    """The file that an input names.

    Raises:
        AgxError: it does not exist, cannot be opened, or is not a regular file.
    """
    flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(reference.path, flags | getattr(os, "O_NOCTTY", 0))  # O_NONBLOCK: a FIFO must not wait
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and _is_special(reference.path):
            raise _not_regular(spec, reference) from None
        raise _unreadable(spec, reference, error) from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise _not_regular(spec, reference)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor has no path
        yield OpenFile(spec=spec, reference=reference, limits=limits, file=file, size=found.st_size)


def _is_special(path: str) -> bool:
    """Whether a path that could not be opened exists, but is no regular file: a socket, a device without a driver."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - Path would normalise what os.open was given
    except OSError:
        return False


def _not_regular(spec: InputSpec, reference: FileReference) -> AgxError:
    message = "this is not a regular file"
    return bad_request("unreadable-file", message, source=spec.source, span=_place(spec, reference))


def _unreadable(spec: InputSpec, reference: FileReference, error: Exception) -> AgxError:
    words = error.strerror if isinstance(error, OSError) and error.strerror else "bad file name"
    message = f"the file cannot be read: {words}"
    label = "~ is not expanded here: write the whole path" if reference.path.startswith("~") else None
    if isinstance(error, FileNotFoundError):
        message, label = f"there is no file {reference.path}", label or similar_file(reference.path)
    return bad_request("unreadable-file", message, source=spec.source, span=_place(spec, reference), label=label)


def _place(spec: InputSpec, reference: FileReference) -> Span:
    start = spec.text.index(reference.path)
    length = len(reference.path) + (len(reference.key) + 1 if reference.key else 0)
    return Span.of_offsets(spec.text, start, start + length)
