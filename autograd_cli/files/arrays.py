r"""Files of arrays: .npy, .npz and .safetensors. Their headers are read here, so that one that lies does no harm.

npy          "\x93NUMPY" version, length of the header, header (as Python writes a dict), the numbers
npz          a zip file of these
safetensors  length of the header, header (JSON: name → dtype, shape, place of the numbers), the numbers
"""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Literal

from autograd_cli.files.archive import archive_of, exactly
from autograd_cli.files.opened import Bits, OpenFile
from autograd_cli.files.texts import json_of

if TYPE_CHECKING:
    from autograd_cli.files.opened import Array

_MAX_NPY_HEADER = 10_000  # NumPy's own limit
_MAX_SAFETENSORS_HEADER = 16 * 1024**2
_DESCR = re.compile(r"""['"]descr['"]\s*:\s*(?:['"]([^'"]*)['"]|\[)""")
_FORTRAN = re.compile(r"""['"]fortran_order['"]\s*:\s*(True|False)""")
_SHAPE = re.compile(r"""['"]shape['"]\s*:\s*\(([\d\s,L]*)\)""", re.ASCII)
_NUMERIC = re.compile(r"[<>=|]?(?:\?|b1|[iu][1248]|f[248]|c8|c16)")
_KINDS = {"O": "Python objects", "U": "text", "S": "text", "a": "text", "M": "dates", "m": "times", "V": "records"}
# The dtypes of safetensors: as NumPy names them; those that NumPy lacks with the integers that hold their bits.
_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1", "C64": "<c8",
}  # fmt: skip
_DTYPES_OF_TORCH = {
    "BF16": ("bfloat16", "<i2"), "F8_E4M3": ("float8_e4m3fn", "|i1"), "F8_E5M2": ("float8_e5m2", "|i1"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    dtype: str
    shape: tuple[int, ...]
    order: Literal["C", "F"]
    itemsize: int

    @property
    def size(self) -> int:
        return math.prod(self.shape) * self.itemsize


def read_npy(file: OpenFile) -> Array:
    """The array of an .npy file."""
    file.refuse_key()
    header = _npy_header(file, file.file)
    start = file.file.tell()
    if header.size > file.size - start:
        raise _too_short(file)
    file.check_elements(header.shape)
    return file.array(file.content(start, header.size), header.dtype, header.shape, order=header.order)


def read_npz(file: OpenFile) -> Array:
    """An array of an .npz file."""
    with archive_of(file) as archive:
        members = {name.removesuffix(".npy"): name for name in archive.names() if name.endswith(".npy")}
        name = members[file.choose_key(members)]
        with archive.member(name) as member:
            header = _npy_header(file, member)
            if header.size != archive.size(name) - member.tell():
                raise _too_short(file)
            file.check_elements(header.shape)
            file.check_inflated(header.size)
            return file.array(exactly(member, header.size), header.dtype, header.shape, order=header.order)


def _too_short(file: OpenFile) -> Exception:
    return file.error("bad-file", "the array's header does not fit the size of the file")


def _npy_header(file: OpenFile, source: BinaryIO | io.BufferedIOBase) -> _Header:
    """The header of an array; `source` is left at the numbers."""
    import numpy as np

    magic = source.read(8)
    if magic[:6] != b"\x93NUMPY" or magic[6:] not in {b"\x01\x00", b"\x02\x00", b"\x03\x00"}:
        raise file.damaged(ValueError())
    length = int.from_bytes(source.read(2 if magic[6] == 1 else 4), "little")
    if length > _MAX_NPY_HEADER:
        raise file.damaged(ValueError())
    text = source.read(length).decode("latin-1")
    descr, fortran, shape = _DESCR.search(text), _FORTRAN.search(text), _SHAPE.search(text)
    if descr is None or fortran is None or shape is None:
        raise file.damaged(ValueError())
    dtype = descr[1] or "V"
    if not _NUMERIC.fullmatch(dtype):
        kind = _KINDS.get(dtype.lstrip("<>=|")[:1], "something else")
        raise file.error("bad-file", f"the array holds {kind}, not numbers")
    sizes = tuple(int(size.strip().rstrip("L")) for size in shape[1].split(",") if size.strip())
    order: Literal["C", "F"] = "F" if fortran[1] == "True" else "C"
    return _Header(dtype=dtype, shape=sizes, order=order, itemsize=np.dtype(dtype).itemsize)


def read_safetensors(file: OpenFile) -> Array | Bits:
    """A tensor of a .safetensors file."""
    length = int.from_bytes(file.file.read(8), "little")
    if length > min(_MAX_SAFETENSORS_HEADER, file.size - 8):
        raise file.damaged(ValueError())
    header = json_of(file, file.file.read(length))
    if not isinstance(header, dict):
        raise file.damaged(TypeError())
    header.pop("__metadata__", None)
    _check_places(file, [tensor["data_offsets"] for tensor in header.values()], file.size - 8 - length)
    tensor = header[file.choose_key(header)]
    return _tensor(file, tensor["dtype"], tensor["shape"], tensor["data_offsets"], 8 + length)


def _check_places(file: OpenFile, places: list[list[int]], size: int) -> None:
    """The tensors must lie one after another, from the beginning to the end of the numbers."""
    end = 0
    for first, last in sorted((first, last) for first, last in places):
        if type(first) is not int or type(last) is not int or first != end or last < first:
            raise file.error("bad-file", "the tensors of this file overlap, or leave gaps")
        end = last
    if end != size:
        raise _too_short(file)


def _tensor(file: OpenFile, dtype: object, shape: object, place: list[int], start: int) -> Array | Bits:
    if not isinstance(shape, list) or any(type(size) is not int or size < 0 for size in shape):
        raise file.damaged(ValueError())
    kind = dtype if isinstance(dtype, str) else ""
    name, stored = _DTYPES_OF_TORCH.get(kind, (None, _DTYPES.get(kind)))
    if stored is None:
        raise file.error("bad-file", "the tensor has a dtype that agx cannot read")
    if place[1] - place[0] != math.prod(shape) * int(stored[2:]):
        raise _too_short(file)
    file.check_elements(tuple(shape))
    array = file.array(file.content(start + place[0], place[1] - place[0]), stored, tuple(shape))
    return array if name is None else Bits(array=array, dtype=name)
