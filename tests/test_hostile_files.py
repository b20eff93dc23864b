"""Files from strangers: each is read or refused in one line at its place, in bounded memory, and runs nothing."""

from __future__ import annotations

import io
import json
import math
import os
import pickle
import resource
import socket
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors.torch import save as save_safetensors

from autograd_cli import explore
from autograd_cli.diagnostic import AgxError, Diagnostic, Status
from autograd_cli.files.opened import Bits
from autograd_cli.files.read import read
from autograd_cli.lang.inputs import FILE_KINDS, parse_input
from autograd_cli.lang.numbers import Literal
from autograd_cli.limits import Limits
from conftest import Agx

SECRET = "hunter2"  # noqa: S105 - a word that no error may quote
SMALL = Limits(elements=1_000, steps=10_000, memory=128 * 2_500)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refused(text: str, limits: Limits | None = None) -> Diagnostic:
    """The one diagnostic that a file is answered with: under its name, and without a word of what is in it."""
    report = explore("x*1", x=text, limits=limits or Limits())
    assert not report.traces
    (found,) = report.diagnostics
    is_limit = found.rule.startswith("limit-")
    assert report.status is (Status.LIMIT if is_limit else Status.BAD_REQUEST)
    assert found.source == "--x"
    assert found.span is not None
    assert found.span.cut(text) == text.removeprefix("@")
    assert SECRET not in str(found)
    assert len(found.message) < 2_000
    return found


def values(text: str) -> tuple[Any, ...]:
    report = explore("x*1", x=text)
    assert report.traces, report.diagnostics
    found = report.trace.variables[0].tensor.values
    assert found is not None
    return found


# Makers of bytes.


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npy_with(header: str, numbers: bytes = bytes(64), version: bytes = b"\x01\x00") -> bytes:
    size = struct.pack("<H" if version[0] == 1 else "<I", len(header))
    return b"\x93NUMPY" + version + size + header.encode("latin-1") + numbers


def header(descr: str = "'<f8'", shape: str = "(2,)", fortran: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, raw in members.items():
            archive.writestr(name, raw)
    return file.getvalue()


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def patched(raw: bytes, find: bytes, put: bytes, *, skip: int = 0) -> bytes:
    """`raw` with other bytes, `skip` after the last place of `find`."""
    at = raw.rindex(find) + skip
    return raw[:at] + put + raw[at + len(put) :]


def pt(value: object, *, is_zip: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=is_zip)
    return file.getvalue()


def pt_with(data: bytes, method: int = zipfile.ZIP_STORED, storage: bytes = bytes(8)) -> bytes:
    return zipped({"a/data.pkl": data, "a/byteorder": b"little", "a/data/0": storage}, method)


def rebuilt(
    arguments: bytes, *, kind: bytes = b"ctorch\nFloatStorage\n", key: bytes = b"X\x01\x00\x00\x000", more: bytes = b""
) -> bytes:
    """A pickle of one tensor of the storage 0, which holds two floats, with these offset, size and strides."""
    storage = b"(X\x07\x00\x00\x00storage" + kind + key + b"X\x03\x00\x00\x00cpuK\x02" + more + b"tQ"
    return b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + storage + arguments + b"\x89}tR."


def safetensors(fields: object, numbers: bytes = b"", *, size: int | None = None) -> bytes:
    text = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + numbers


def tensor_field(shape: object = (2,), place: object = (0, 8), dtype: object = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": place}


class Bomb:
    """Unpickled, it makes a folder."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, ("bomb",)


def globals_of(*calls: bytes) -> bytes:
    return b"\x80\x02" + b"".join(calls) + b"."


NESTED = b"](" * 60 + b"]" + b"q\x00h\x00e" * 60  # a list that has 2**60 elements when it is written out
DEEP = b")" + b"\x85" * 200_000
COLLISIONS = (
    b"\x80\x02}(" + b"".join(pickle.dumps(index * (2**61 - 1), 2)[2:-1] + b"N" for index in range(100_000)) + b"u."
)
MANY_KEYS = safetensors({f"k{index}": tensor_field((0,), (0, 0)) for index in range(100_000)})


def zip_of_zeros(path: str, count: int) -> None:
    """Archives that are small until they are inflated."""
    start = npy(np.zeros(0)).replace(b"(0,), }" + b" " * len(str(count)), f"({count},), }}".encode() + b" ")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("w.npy", "a/data.pkl"):
            with archive.open(name, "w") as member:
                member.write(start)
                for _ in range(count // 1024):
                    member.write(bytes(8 * 1024))


# Name, bytes, rule, words of the message.
HOSTILE: list[tuple[str, bytes, str, str]] = [
    # .npy
    ("objects.npy", npy(np.array([Bomb()], dtype=object)), "bad-file", "Python objects, not numbers"),
    ("text.npy", npy(np.array([SECRET])), "bad-file", "text, not numbers"),
    ("bytes.npy", npy(np.array([SECRET.encode()])), "bad-file", "text, not numbers"),
    ("dates.npy", npy(np.array(["2020-01-01"], dtype="M8[D]")), "bad-file", "dates, not numbers"),
    ("spans.npy", npy(np.array([1], dtype="m8[s]")), "bad-file", "times, not numbers"),
    ("records.npy", npy(np.array([(1, 2.0)], dtype="i4,f4")), "bad-file", "records, not numbers"),
    ("void.npy", npy(np.zeros(2, dtype="V8")), "bad-file", "records, not numbers"),
    ("longdouble.npy", npy(np.ones(2, dtype=np.longdouble)), "bad-file", "something else, not numbers"),
    ("lie.npy", npy_with(header(shape="(10000000000000,)")), "bad-file", "does not fit"),
    ("lie64.npy", npy_with(header(shape="(9223372036854775807,)")), "bad-file", "does not fit"),
    ("lie_huge.npy", npy_with(header(shape=f"({'9' * 4000},)")), "bad-file", "does not fit"),
    ("lie_digits.npy", npy_with(header(shape=f"({'9' * 9000},)")), "bad-file", "readable"),
    ("empty_itemsize.npy", npy_with(header("'|S0'", "(10000000000000,)")), "bad-file", "text, not numbers"),
    ("zero_unicode.npy", npy_with(header("'<U0'", "(10000000000000,)")), "bad-file", "text, not numbers"),
    ("zero_void.npy", npy_with(header("'|V0'", "(10000000000000,)")), "bad-file", "records, not numbers"),
    ("zero_float.npy", npy_with(header("'<f0'", "(10000000000000,)")), "bad-file", "not numbers"),
    ("zero_rows.npy", npy_with(header(shape="(0, 9223372036854775807, 9223372036854775807)")), "bad-file", "readable"),
    ("negative.npy", npy_with(header(shape="(-2,)")), "bad-file", "readable"),
    ("deep_shape.npy", npy_with(header(shape=f"({'1, ' * 1000})")), "bad-file", "readable"),
    ("no_shape.npy", npy_with("{'descr': '<f8', 'fortran_order': False}"), "bad-file", "readable"),
    ("code.npy", npy_with("__import__('os').mkdir('bomb')"), "bad-file", "readable"),
    ("brackets.npy", npy_with("(" * 9000), "bad-file", "readable"),
    ("header_size.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}", "bad-file", "readable"),
    ("long_header.npy", npy_with(header() + " " * 60_000), "bad-file", "readable"),
    ("version.npy", npy_with(header(), version=b"\xff\x00"), "bad-file", "readable"),
    ("version0.npy", npy_with(header(), version=b"\x00\x00"), "bad-file", "readable"),
    ("magic.npy", b"\x93NUMPX" + npy(np.ones(2))[6:], "bad-file", "readable"),
    # .npz
    ("objects.npz", npz(w=np.array([Bomb()], dtype=object)), "bad-file", "Python objects"),
    ("lie.npz", zipped({"w.npy": npy_with(header(shape="(10000000000000,)"))}), "bad-file", "does not fit"),
    ("zero.npz", zipped({"w.npy": npy_with(header("'|S0'", "(10000000000000,)"))}), "bad-file", "text"),
    ("short.npz", zipped({"w.npy": npy_with(header(shape="(9,)"))}), "bad-file", "does not fit"),
    ("long.npz", zipped({"w.npy": npy_with(header(shape="(2,)"))}), "bad-file", "does not fit"),
    ("nothing.npz", zipped({}), "bad-file", "no array"),
    ("text.npz", zipped({"w.txt": SECRET.encode()}), "bad-file", "no array"),
    ("nested.npz", zipped({"w.npz": npz(w=np.ones(2))}), "bad-file", "no array"),
    ("lzma.npz", zipped({"w.npy": npy(np.ones(2))}, zipfile.ZIP_LZMA), "bad-file", "readable"),
    ("bzip2.npz", zipped({"w.npy": npy(np.ones(2))}, zipfile.ZIP_BZIP2), "bad-file", "readable"),
    ("locked.npz", patched(npz(w=np.ones(2)), b"PK\x01\x02", b"\x01", skip=8), "bad-file", "readable"),
    ("size.npz", patched(npz(w=np.ones(2)), b"PK\x01\x02", b"\xff\xff\xff\x7f", skip=24), "bad-file", "not"),
    ("crc.npz", patched(npz(w=np.ones(2)), b"PK\x01\x02", b"\0\0\0\0", skip=16), "bad-file", "readable"),
    ("directory.npz", patched(npz(w=np.ones(2)), b"PK\x05\x06", b"\xff\xff\xff\x7f", skip=12), "bad-file", "readable"),
    ("members.npz", zipped({f"{index:0200}.npy": b"" for index in range(20_000)}, 0), "bad-file", "readable"),
    # .pt
    ("objects.pt", pt({"w": torch.ones(2), "x": Bomb()}), "bad-file", "Python objects beside tensors"),
    ("model.pt", pt(torch.nn.Linear(1, 1)), "bad-file", "Python objects beside tensors"),
    ("plain.pt", pickle.dumps(Bomb()), "bad-file", "Python objects"),
    ("old_objects.pt", pt({"w": torch.ones(2), "x": Bomb()}, is_zip=False), "bad-file", "Python objects"),
    ("builtin.pt", pt_with(globals_of(b"cbuiltins\neval\n(X\x01\x00\x00\x001tR")), "bad-file", "Python objects"),
    ("getattr.pt", pt_with(globals_of(b"cbuiltins\ngetattr\n(ctorch\nSize\nX\x01\0\0\0_tR")), "bad-file", "objects"),
    ("stack_global.pt", pt_with(b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x01xR."), "bad-file", "readable"),
    ("name_of_names.pt", pt_with(b"\x80\x04\x8c\x01aq\x00h\x00\x93" + b"q\x00h\x00\x93" * 60 + b"."), "bad-file", ""),
    ("name_of_lists.pt", pt_with(b"\x80\x04" + NESTED + NESTED + b"\x93."), "bad-file", "readable"),
    ("key_of_lists.pt", pt_with(rebuilt(b"K\x00K\x02\x85K\x01\x85", key=NESTED)), "bad-file", "readable"),
    ("dtype_of_lists.pt", pt_with(rebuilt(b"K\x00K\x02\x85K\x01\x85", kind=NESTED)), "bad-file", "no plain dense"),
    ("deep_key_of_storage.pt", pt_with(rebuilt(b"K\x00K\x02\x85K\x01\x85", key=DEEP)), "bad-file", "readable"),
    ("deep_view.pt", pt_with(rebuilt(b"K\x00K\x02\x85K\x01\x85", more=DEEP)), "bad-file", "readable"),
    ("text_reference.pt", pt_with(b"\x80\x02X\x03\x00\x00\x00abcQ."), "bad-file", "readable"),
    ("collisions.pt", pt_with(COLLISIONS), "bad-file", "no array"),
    ("extension.pt", pt_with(b"\x80\x02\x82\x01."), "bad-file", "readable"),
    ("instance.pt", pt_with(b"\x80\x02(ios\nsystem\n."), "bad-file", "readable"),
    ("list.pt", pt([torch.ones(2)]), "bad-file", "no plain dense tensor"),
    ("text.pt", pt(SECRET), "bad-file", "no plain dense tensor"),
    ("empty.pt", pt({}), "bad-file", "no array"),
    ("sparse.pt", pt(torch.ones(2).to_sparse()), "bad-file", "no plain dense tensor"),
    ("meta.pt", pt(torch.ones(2, device="meta")), "bad-file", "no plain dense tensor"),
    ("quantized.pt", pt({"w": torch.ones(2).to_sparse()}), "bad-file", "no array"),
    ("torchscript.pt", zipped({"a/data.pkl": b"\x80\x02}.", "a/constants.pkl": b""}, 0), "bad-file", "TorchScript"),
    ("two.pt", zipped({"a/data.pkl": b"\x80\x02}.", "b/data.pkl": b"\x80\x02}."}, 0), "bad-file", "readable"),
    ("none.pt", zipped({"a.txt": b""}, 0), "bad-file", "readable"),
    ("nothing.pt", pt_with(b""), "bad-file", "readable"),
    ("open.pt", pt_with(b"\x80\x02((((("), "bad-file", "readable"),
    ("memo.pt", pt_with(b"\x80\x02h\x07."), "bad-file", "readable"),
    ("underflow.pt", pt_with(b"\x80\x02R."), "bad-file", "readable"),
    ("deep.pt", pt_with(b"\x80\x02" + b"]" * 5000 + b"a" * 4999 + b"."), "bad-file", "no plain dense tensor"),
    ("deep_key.pt", pt_with(b"\x80\x02})" + b"\x85" * 200_000 + b"K\x01s."), "bad-file", "no array"),
    ("long_pickle.pt", pt_with(b"\x80\x02" + b"N0" * 600_000 + b"."), "bad-file", "readable"),
    ("steps.pt", pt_with(b"\x80\x02" + b"N" * 1_100_000 + b"."), "limit-steps", "more than 1,000,000 steps"),
    ("pickle_bomb.pt", pt_with(b"\x80\x02" + b"N" * 32 * 1024**2 + b".", 8), "bad-file", "readable"),
    ("outside.pt", pt_with(rebuilt(b"K\x00K\x03\x85K\x01\x85")), "bad-file", "readable"),
    ("before.pt", pt_with(rebuilt(b"J\xff\xff\xff\xffK\x02\x85K\x01\x85")), "bad-file", "readable"),
    ("empty_storage.pt", pt_with(rebuilt(b"K\x00K\x02\x85K\x01\x85"), storage=b""), "bad-file", "readable"),
    ("beyond.pt", pt_with(rebuilt(b"K\x02K\x01\x85K\x01\x85")), "bad-file", "readable"),
    ("stride.pt", pt_with(rebuilt(b"K\x00K\x02\x85K\x09\x85")), "bad-file", "readable"),
    ("negative_stride.pt", pt_with(rebuilt(b"K\x01K\x02\x85J\xff\xff\xff\xff\x85")), "bad-file", "readable"),
    ("repeated.pt", pt_with(rebuilt(b"K\x00\x8a\x05\x00\x00\x00\x00\x10\x85K\x00\x85")), "limit-elements", "elements"),
    ("ranks.pt", pt_with(rebuilt(b"K\x00K\x02\x85K\x01K\x01\x86")), "bad-file", "readable"),
    ("size_text.pt", pt_with(rebuilt(b"K\x00X\x01\x00\x00\x002K\x01\x85")), "bad-file", "readable"),
    ("storage_gone.pt", zipped({"a/data.pkl": rebuilt(b"K\x00K\x02\x85K\x01\x85")}, 0), "bad-file", "readable"),
    ("storage_short.pt", pt_with(rebuilt(b"K\x00K\x02\x85K\x01\x85"), storage=b"\0"), "bad-file", "readable"),
    ("old_keys.pt", pt(torch.ones(2), is_zip=False)[:-30], "bad-file", "readable"),
    # What people give.
    ("empty.npy", b"", "bad-file", "this file is empty"),
    ("half.json", b'{"x": [1,2', "bad-file", "no JSON at line 1, column 11"),
    ("names.csv", b"name,age\nBob,2\n", "bad-file", "row 2, column 1 is not a number"),
    ("semi.csv", b"1,5;2,5\n3,5;4,5\n", "bad-file", "row 1, column 2 is not a number"),
    # .safetensors
    ("size.safetensors", safetensors({}, size=2**62), "bad-file", "readable"),
    ("size63.safetensors", safetensors({}, size=2**64 - 1), "bad-file", "readable"),
    ("list.safetensors", safetensors([]), "bad-file", "readable"),
    ("deep.safetensors", safetensors(b"[" * 100_000), "bad-file", "readable"),
    ("nothing.safetensors", safetensors({}), "bad-file", "no array"),
    ("metadata.safetensors", safetensors({"__metadata__": {SECRET: SECRET}}), "bad-file", "no array"),
    ("many.safetensors", MANY_KEYS, "missing-key", "this file holds 100000 arrays: k0, k1, k10"),
    ("overlap.safetensors", safetensors({"a": tensor_field(), "b": tensor_field()}, bytes(8)), "bad-file", "overlap"),
    ("g.safetensors", safetensors({"a": tensor_field(), "b": tensor_field((1,), (9, 13))}, bytes(13)), "bad-file", ""),
    ("more.safetensors", safetensors({"a": tensor_field()}, bytes(9)), "bad-file", "does not fit"),
    ("less.safetensors", safetensors({"a": tensor_field()}, bytes(7)), "bad-file", "does not fit"),
    ("lie.safetensors", safetensors({"a": tensor_field((9,))}, bytes(8)), "bad-file", "does not fit"),
    ("negative.safetensors", safetensors({"a": tensor_field((-2,))}, bytes(8)), "bad-file", "readable"),
    ("float.safetensors", safetensors({"a": tensor_field((2.0,))}, bytes(8)), "bad-file", "readable"),
    ("bool.safetensors", safetensors({"a": tensor_field((True, 2))}, bytes(8)), "bad-file", "readable"),
    ("backwards.safetensors", safetensors({"a": tensor_field((2,), (8, 0))}, bytes(8)), "bad-file", "gaps"),
    ("places.safetensors", safetensors({"a": tensor_field((2,), "08")}, bytes(8)), "bad-file", ""),
    ("three.safetensors", safetensors({"a": tensor_field((2,), (0, 8, 8))}, bytes(8)), "bad-file", "readable"),
    ("dtype.safetensors", safetensors({"a": tensor_field(dtype="F4")}, bytes(8)), "bad-file", "dtype"),
    ("dtype_list.safetensors", safetensors({"a": tensor_field(dtype=[])}, bytes(8)), "bad-file", "dtype"),
    ("no_fields.safetensors", safetensors({"a": {}}, bytes(8)), "bad-file", "readable"),
    ("number.safetensors", safetensors({"a": 3}, bytes(8)), "bad-file", "readable"),
    ("twice.safetensors", safetensors(b'{"a":1,"a":1}'), "bad-file", "the same key twice"),
    ("latin.safetensors", safetensors(b'{"\xe9":1}'), "bad-file", "not UTF-8"),
    # tables
    ("word.csv", f"1,2\n3,{SECRET}\n".encode(), "bad-file", "row 2, column 2 is not a number"),
    ("typo.csv", b"1,2x\n3,4\n", "bad-file", "row 1, column 2 is not a number"),
    ("underscore.csv", b"1_000,2\n3,4\n", "bad-file", "row 1, column 1 is not a number"),
    ("digits.csv", "١,2\n3,4\n".encode(), "bad-file", "row 1, column 1 is not a number"),
    ("semicolons.csv", b"1;2\n3;4\n", "bad-file", "row 1, column 1 is not a number"),
    ("semicolon_header.csv", b"a;b\n3;4\n", "bad-file", "row 1, column 1 is not a number"),
    ("decimal_commas.csv", b"1,5;2,5\n", "bad-file", "row 1, column 2 is not a number"),
    ("spaces.csv", b"1 2\n3 4\n", "bad-file", "row 1, column 1 is not a number"),
    ("tabs.csv", b"1\t2\n3\t4\n", "bad-file", "row 1, column 1 is not a number"),
    ("commas.tsv", b"1,2\n3,4\n", "bad-file", "row 1, column 1 is not a number"),
    ("ragged.csv", b"1,2\n3\n", "ragged", "row 2 has 1 columns"),
    ("trailing.csv", b"1,2,\n3,4,\n", "bad-file", "row 1, column 3 is not a number"),
    ("quote.csv", b'1,"2\n3,4\n' + b"5,6\n" * 100, "bad-file", ""),
    ("nul.csv", b"1,2\n\x003,4\n", "bad-file", "row 2, column 1 is not a number"),
    ("nuls.csv", bytes(1000), "bad-file", "row 1, column 1 is not a number"),
    ("utf16.csv", "1,2\n3,4\n".encode("utf-16"), "bad-file", "not UTF-8"),
    ("utf16le.csv", "1,2\n3,4\n".encode("utf-16-le"), "bad-file", "not a number"),
    ("latin1.csv", "größe\n1\n".encode("latin-1"), "bad-file", "not UTF-8"),
    ("late_latin1.csv", b"1,2\n" * 100_000 + b"\xe9,2\n", "bad-file", "not UTF-8"),
    ("blank.csv", b" \n\n\t\n", "bad-file", ""),
    ("header.csv", b"a,b\n", "bad-file", "no numbers"),
    ("half_bom.csv", b"\xef\xbb", "bad-file", ""),
    ("half_bom.tsv", b"\xef\xbb", "bad-file", ""),
    ("no_header.csv", b"2020-01\n1\n", "bad-file", "row 1, column 1 is not a number"),
    ("headers.csv", f"a,b\n{SECRET},d\n1,2\n".encode(), "bad-file", "row 2, column 1 is not a number"),
    ("line.csv", b"a" * 20_000_000, "bad-file", "no numbers"),
    ("complex.csv", b"1+2j,3\n", "bad-file", "row 1, column 1 is not a number"),
    ("bool.csv", b"true,false\ntrue,true\n", "bad-file", "row 2, column 1 is not a number"),
    # JSON
    ("deep.json", b"[" * 100_000, "bad-file", "readable"),
    ("deep_closed.json", b"[" * 200 + b"]" * 200, "ragged", "depth"),
    ("deep_objects.json", b'{"a":' * 100_000, "bad-file", "readable"),
    ("digits.json", b"[1" + b"0" * 5000 + b"]", "bad-file", "readable"),
    ("twice.json", b'{"values": [1], "values": [2]}', "bad-file", "the same key twice"),
    ("utf16.json", "[1]".encode("utf-16"), "bad-file", "not UTF-8"),
    ("latin1.json", b'["\xe9"]', "bad-file", "not UTF-8"),
    ("word.json", f'["{SECRET}"]'.encode(), "not-a-number", "holds a str where a number should be"),
    ("null.json", b"[null]", "not-a-number", "holds a NoneType where"),
    ("object.json", b'{"w": [1], "b": 2}', "missing-key", "choose a key of it: b, w"),
    ("objects.json", b'[{"w": 1}]', "not-a-number", "holds a dict where"),
    ("ragged.json", b"[[1, 2], [3]]", "ragged", "the same length"),
    ("two.json", b"[1] [2]", "bad-file", "readable"),
    ("nul.json", b"[1]\x00", "bad-file", "readable"),
    ("complex.json", b'[{"re": 1}]', "not-a-number", "holds a dict where"),
    ("complex_deep.json", b'[{"re": {"re": 1, "im": [2]}, "im": 2}]', "ragged", "depth"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "raw", "rule", "words"), HOSTILE, ids=[case[0] for case in HOSTILE])
def test_a_hostile_file_is_one_error_under_its_name(name: str, raw: bytes, rule: str, words: str) -> None:
    Path(name).write_bytes(raw)
    found = refused(f"@{name}")
    assert found.rule == rule, found
    assert words in found.message
    assert not Path("bomb").exists()


@pytest.mark.parametrize(
    ("name", "raw", "text", "rule", "words", "label"),
    [
        ("a.npz", npz(w=1.0, bias=2.0), "@a.npz", "missing-key", "holds 2 arrays: bias, w", "choose one: @a.npz#bias"),
        ("a.npz", npz(weight=1.0), "@a.npz#wieght", "missing-key", "it holds weight", "did you mean #weight?"),
        ("a.npz", zipped({"\x1b[31m.npy": npy(1.0)}), "@a.npz#w", "missing-key", "it holds \x1b[31m", None),
        ("a.npz", zipped({"k" * 60_000 + ".npy": npy(1.0)}), "@a.npz#w", "missing-key", "k…", None),
        ("a.npy", npy(1.0), "@a.npy#w", "missing-key", "one array, without a key `w`", "write @a.npy"),
        ("a.csv", b"1\n", "@a.csv#w", "missing-key", "one array, without a key `w`", "write @a.csv"),
        ("a.pt", pt(torch.ones(1)), "@a.pt#w", "missing-key", "one array, without a key `w`", "write @a.pt"),
        ("a.pt", pt({"a": {"b": torch.ones(1)}}), "@a.pt#a.c", "missing-key", "it holds a.b", "did you mean #a.b?"),
        ("a.json", b'{"a": {"b": 1}}', "@a.json#a.c", "missing-key", "there is no `c` here; there is b", None),
        ("a.json", b"[1]", "@a.json#a", "missing-key", "there is no `a` here; there are no keys at all", None),
        ("a.json", b'{"\\ud800": 1}', "@a.json#a", "missing-key", "there is \ud800", None),
        ("a.safetensors", MANY_KEYS, "@a.safetensors#" + "x" * 9_000, "missing-key", "and 99990 more", None),
    ],
)
def test_a_key_that_is_missing_is_an_error_that_says_which_there_are(
    name: str, raw: bytes, text: str, rule: str, words: str, label: str | None
) -> None:
    Path(name).write_bytes(raw)
    found = refused(text)
    assert (found.rule, found.label) == (rule, label)
    assert words in found.message


@pytest.mark.parametrize(
    ("name", "raw", "limit"),
    [
        ("a.npy", npy(np.zeros(1_001)), "elements"),
        ("a.npz", zipped({"w.npy": npy(np.zeros(1_001))}), "elements"),
        ("a.safetensors", save_safetensors({"w": torch.zeros(1_001)}), "elements"),
        ("a.pt", pt(torch.zeros(1_001)), "elements"),
        ("old.pt", pt(torch.zeros(1_001), is_zip=False), "elements"),
        ("stretched.pt", pt(torch.zeros(1).expand(1_001)), "elements"),
        ("keys.pt", pt(dict.fromkeys(map(str, range(10_001)), 1)), "steps"),
        (
            "inflated.pt",
            zipped({"a/data.pkl": rebuilt(b"K\x00K\x02\x85K\x01\x85"), "a/data/0": bytes(200_000)}),
            "memory",
        ),
        ("a.csv", b"1\n" * 1_001, "elements"),
        ("long.csv", b"1\n" * 2_000, "memory"),
        ("a.json", b"[" + b"0," * 490 + b"0]" + b" " * 2_000, "memory"),
    ],
)
def test_a_limit_is_said_as_such(name: str, raw: bytes, limit: str) -> None:
    Path(name).write_bytes(raw)
    found = refused(f"@{name}", SMALL)
    assert (found.rule, found.fix) == (f"limit-{limit}", f"limits=Limits({limit}=N) allows more")


def laughs(levels: int) -> dict[str, Any]:
    """A dict of a few entries that has 2**levels of them when it is written out."""
    inner: dict[str, Any] = {"w": 1}
    for _ in range(levels):
        inner = {"a": inner, "b": inner}
    return inner


@pytest.mark.parametrize("levels", [15, 30, 300])
def test_shared_parts_are_not_multiplied(levels: int) -> None:
    Path("a.pt").write_bytes(pt(laughs(levels)))
    assert refused("@a.pt", SMALL).rule == "limit-steps"


def test_a_dict_that_holds_itself_is_read() -> None:
    endless: dict[str, Any] = {"w": torch.ones(1)}
    endless["again"] = endless
    Path("a.pt").write_bytes(pt(endless))
    assert values("@a.pt#w") == (1.0,)
    assert values("@a.pt#again.w") == (1.0,)


@pytest.mark.parametrize("kind", sorted(FILE_KINDS))
def test_a_bomb_takes_no_more_memory_than_it_may(kind: str) -> None:
    """64 GiB that no disk holds, and 64 MiB of zeros in a few bytes: all far more than these limits."""
    with Path(f"hole{kind}").open("wb") as file:
        file.write(npy(np.zeros(2)))
        file.truncate(64 * 1024**3)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(f"@hole{kind}", SMALL) if kind != ".npy" else values("@hole.npy")
    zip_of_zeros(f"zeros{kind}", 8 * 1024**2)
    refused(f"@zeros{kind}", SMALL)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 48 * 1024  # in KiB


def make_socket(path: str) -> None:
    socket.socket(socket.AF_UNIX).bind(path)


NOT_FILES: dict[str, Callable[[str], object]] = {
    "folder": os.mkdir,
    "fifo": os.mkfifo,
    "socket": make_socket,
    "zero": lambda path: Path(path).symlink_to("/dev/zero"),
    "null": lambda path: Path(path).symlink_to("/dev/null"),
    "tty": lambda path: Path(path).symlink_to("/dev/tty"),
    "random": lambda path: Path(path).symlink_to("/dev/urandom"),
    "link to folder": lambda path: Path(path).symlink_to("."),
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("kind", sorted(FILE_KINDS))
@pytest.mark.parametrize("make", NOT_FILES)
def test_what_is_no_regular_file_is_refused_without_being_read(kind: str, make: str) -> None:
    NOT_FILES[make](f"a{kind}")
    found = refused(f"@a{kind}")
    assert (found.rule, found.message) == ("unreadable-file", "this is not a regular file")


@pytest.mark.parametrize("target", ["/proc/self/mem", "/proc/self/maps", "/proc/kmsg", "/proc/self/environ"])
@pytest.mark.parametrize("kind", sorted(FILE_KINDS))
def test_a_file_that_the_kernel_makes_up_is_refused(kind: str, target: str) -> None:
    Path(f"a{kind}").symlink_to(target)
    assert refused(f"@a{kind}").rule in {"bad-file", "unreadable-file"}


def test_a_file_is_opened_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a check of a name and its use, the name may come to mean another file."""
    for name, raw in SAMPLES.items():
        Path(name).write_bytes(raw)
    names: list[object] = []
    original = os.open

    def watched(path: str, flags: int) -> int:
        names.append(path)
        return original(path, flags)

    monkeypatch.setattr(os, "open", watched)
    for name in SAMPLES:
        read(parse_input("x", f"@{name}"))
    assert names == list(SAMPLES)


def test_a_file_that_shrinks_while_it_is_read_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    original = os.fstat

    def larger(descriptor: int) -> os.stat_result:
        found = list(original(descriptor))
        found[6] += 1000
        return os.stat_result(found)

    for name, raw in SAMPLES.items():
        Path(name).write_bytes(raw[:-8])
        monkeypatch.setattr(os, "fstat", larger)
        found = outcome(f"@{name}")
        monkeypatch.setattr(os, "fstat", original)
        assert not isinstance(found, Diagnostic) or found.rule == "bad-file"


# Look-alikes that are nothing out of the ordinary.

MATRIX = np.array([[1.5, -2.0, 3.0], [4.0, 5.0, 6.0]])
T = torch.tensor(MATRIX)


def with_note(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor with an attribute of its own, which torch saves by another function."""
    tensor = tensor.clone()
    vars(tensor)["note"] = SECRET
    return tensor


BENIGN: list[tuple[str, bytes, str, Any]] = [
    ("fortran.npy", npy(np.asfortranarray(MATRIX)), "", MATRIX.tolist()),
    ("big_endian.npy", npy(MATRIX.astype(">f4")), "", MATRIX.tolist()),
    ("number.npy", npy(np.array(3.5)), "", 3.5),
    ("empty.npy", npy(np.zeros((0, 3))), "", []),
    ("half.npy", npy(MATRIX.astype("f2")), "", MATRIX.tolist()),
    ("complex.npy", npy(MATRIX * 1j), "", (MATRIX * 1j).tolist()),
    ("bool.npy", npy(MATRIX > 3), "", (MATRIX > 3).tolist()),
    ("odd_bool.npy", npy_with(header("'|b1'", "(4,)"), b"\x00\x01\x02\xff"), "", [False, True, True, True]),
    ("unsigned.npy", npy(np.array([255], dtype="u1")), "", [255]),
    ("version2.npy", npy_with(header(), struct.pack("<2d", 1, 2), b"\x02\x00"), "", [1.0, 2.0]),
    ("version3.npy", npy_with(header(), struct.pack("<2d", 1, 2), b"\x03\x00"), "", [1.0, 2.0]),
    ("python2.npy", npy_with(header(shape="(2L,)"), struct.pack("<2d", 1, 2)), "", [1.0, 2.0]),
    ("other_writer.npy", npy_with('{"shape":(2,),"descr":"<f8","fortran_order":False}', bytes(16)), "", [0.0, 0.0]),
    ("unaligned.npy", npy_with(header() + "\n", struct.pack("<2d", 1, 2)), "", [1.0, 2.0]),
    ("appended.npy", npy(np.ones(2)) + npy(np.zeros(2)), "", [1.0, 1.0]),
    ("compressed.npz", zipped({"w.npy": npy(MATRIX)}), "", MATRIX.tolist()),
    ("slash.npz", zipped({"a/b.npy": npy(MATRIX), "a#b.npy": npy(1.0)}), "#a/b", MATRIX.tolist()),
    ("hash.npz", zipped({"a/b.npy": npy(MATRIX), "a#b.npy": npy(1.0)}), "#a#b", 1.0),
    ("prefixed.npz", b"#!/bin/sh\n" + npz(w=MATRIX), "", MATRIX.tolist()),
    ("state.pt", pt(OrderedDict({"layer.weight": T, "layer.bias": T[0]})), "#layer.weight", MATRIX.tolist()),
    ("checkpoint.pt", pt({"epoch": 3, "lr": 0.1, "name": SECRET, "model": {"w": T}}), "#model.w", MATRIX.tolist()),
    ("parameter.pt", pt(torch.nn.Parameter(T)), "", MATRIX.tolist()),
    ("view.pt", pt(T.t()[1:, ::2]), "", T.t()[1:, ::2].tolist()),
    ("number.pt", pt(torch.tensor(2.5)), "", 2.5),
    ("none.pt", pt(torch.zeros(0, 3)), "", []),
    ("bfloat16.pt", pt(T.bfloat16()), "", MATRIX.tolist()),
    ("half.pt", pt(T.half()), "", MATRIX.tolist()),
    ("complex.pt", pt(T * 1j), "", (MATRIX * 1j).tolist()),
    ("conj.pt", pt((T * 1j).conj()), "", (MATRIX * -1j).tolist()),
    ("negative.pt", pt((T * 1j).conj().imag), "", (-MATRIX).tolist()),
    ("bool.pt", pt(T > 3), "", (MATRIX > 3).tolist()),
    ("int.pt", pt(T.long()), "", MATRIX.astype(int).tolist()),
    ("uint16.pt", pt(T.abs().to(torch.uint16)), "", np.abs(MATRIX).astype(int).tolist()),
    ("float8.pt", pt(T.to(torch.float8_e5m2)), ":float32", MATRIX.tolist()),
    ("tensor_attribute.pt", pt(with_note(T)), "", MATRIX.tolist()),
    ("old.pt", pt(T, is_zip=False), "", MATRIX.tolist()),
    ("old_state.pt", pt({"a": {"b": T}, "c": T[0].bfloat16()}, is_zip=False), "#c", MATRIX[0].tolist()),
    ("shared.pt", pt({"a": T, "b": T[1]}, is_zip=False), "#b", MATRIX[1].tolist()),
    ("squeezed.pt", zipped({"a/data.pkl": rebuilt(b"K\x00K\x02\x85K\x01\x85"), "a/data/0": bytes(8)}), "", [0.0, 0.0]),
    ("protocol4.pt", pt_with(b"\x80\x04" + rebuilt(b"K\x00K\x02\x85K\x01\x85")[2:]), "", [0.0, 0.0]),
    ("w.safetensors", save_safetensors({"w": T, "b": T[0].bfloat16()}), "#w", MATRIX.tolist()),
    ("b.safetensors", save_safetensors({"w": T, "b": T[0].bfloat16()}, {"format": "pt"}), "#b", MATRIX[0].tolist()),
    ("complex.safetensors", save_safetensors({"w": (T * 1j).to(torch.complex64)}), "", (MATRIX * 1j).tolist()),
    ("number.safetensors", save_safetensors({"w": torch.tensor(2.5)}), "", 2.5),
    ("none.safetensors", save_safetensors({"w": torch.zeros(0), "v": torch.ones(1)}), "#w", []),
    ("header.csv", b"a,b\n1,2\n3,4\n", "", [[1, 2], [3, 4]]),
    ("spaced.csv", b" a , b \n 1 , 2 \n 3 , 4 \n\n", "", [[1, 2], [3, 4]]),
    ("crlf.csv", b"a,b\r\n1,2\r\n3,4\r\n", "", [[1, 2], [3, 4]]),
    ("cr.csv", b"1,2\r3,4\r", "", [[1, 2], [3, 4]]),
    ("scientific.csv", b"1e-3,-2.5E2\n", "", [0.001, -250.0]),
    ("quoted.csv", b'"a, b","c"\n"1","2"\n', "", [1, 2]),
    ("blank_first.csv", b"\n\na,b\n1,2\n", "", [1, 2]),
    ("bom.csv", b"\xef\xbb\xbfa\n1\n2\n", "", [1, 2]),
    ("column.csv", b"1\n2\n", "", [1, 2]),
    ("comments.csv", b"#a,#b\n1,2\n", "", [1, 2]),
    ("wide.csv", b",".join([b"1"] * 100_000), ":int64", [1] * 100_000),
    ("tabs.tsv", b"a\tb\n1\t2\n", "", [1, 2]),
    ("values.json", b'{"shape": [2], "values": [1, "NaN"]}', "", [1, math.nan]),
    ("complex.json", b'{"re": 1, "im": -2}', "", 1 - 2j),
    ("many.json", json.dumps([1.5] * 100_000).encode(), "", [1.5] * 100_000),
    ("odd [bold]#1 変数 \u202e~.csv", b"1,2\n", "", [1, 2]),
]


@pytest.mark.parametrize(("name", "raw", "more", "expected"), BENIGN, ids=[case[0] for case in BENIGN])
def test_a_harmless_file_that_looks_odd_is_read(name: str, raw: bytes, more: str, expected: Any) -> None:
    Path(name).write_bytes(raw)
    report = explore("x*1", x=f"@{name}{more}", full=True)
    assert report.traces, report.diagnostics
    found = report.trace.variables[0].tensor
    wanted = torch.tensor(expected)
    assert found.shape[: wanted.dim()] == tuple(wanted.shape)
    torch.testing.assert_close(
        torch.tensor(found.values).reshape(-1), wanted.reshape(-1), check_dtype=False, equal_nan=True
    )


@pytest.mark.parametrize("key", ["a/b", "a b", "\x1b[31m", "größe", "[red]", "a\nb", "\u202e", ":smile:"])
def test_a_key_may_have_any_name(key: str) -> None:
    Path("a.pt").write_bytes(pt({key: torch.ones(1), "other": torch.zeros(1)}))
    Path("a.safetensors").write_bytes(save_safetensors({key: torch.ones(1), "other": torch.zeros(1)}))
    Path("a.npz").write_bytes(zipped({f"{key}.npy": npy(1.0), "other.npy": npy(0.0)}))
    Path("a.json").write_text(json.dumps({key: [1.0]}))
    for kind in ("pt", "safetensors", "npz", "json"):
        assert values(f"@a.{kind}#{key}") == (1.0,)


def test_a_name_that_is_not_unicode_is_a_name(agx: Agx) -> None:
    Path(os.fsdecode(b"\xff\xfe.npy")).write_bytes(npy(2.0))
    outcome = agx("grad", "x**2", "--x", "@\udcff\udcfe.npy", "-q")
    assert (outcome.code, outcome.out) == (0, "4\n")
    Path(os.fsdecode(b"\xff.npy")).write_bytes(b"")
    outcome = agx("grad", "x**2", "--x", "@\udcff.npy")
    assert (outcome.code, outcome.out) == (2, "")
    assert "@\\udcff.npy" in outcome.err


@pytest.mark.parametrize(
    ("text", "rule", "label"),
    [
        ("@~/a.npy", "unreadable-file", "~ is not expanded here: write the whole path"),
        ("@no such.npy", "unreadable-file", None),
        ("@" + "a" * 5_000 + ".npy", "unreadable-file", None),
        ("@" + "a/" * 5_000 + "a.npy", "unreadable-file", None),
        ("@\ud800.npy", "unreadable-file", None),
        ("@a\0.npy", "unreadable-file", None),
        ("@\x1b]0;x\x07.npy", "unreadable-file", None),
    ],
)
def test_a_name_that_is_no_file_is_one_error(text: str, rule: str, label: str | None) -> None:
    found = refused(text)
    assert (found.rule, found.label) == (rule, label)


# Damage of every kind, found by chance.

SAMPLES: dict[str, bytes] = {
    "a.npy": npy(MATRIX),
    "a.npz": npz(w=MATRIX),
    "c.npz": zipped({"w.npy": npy(MATRIX)}),
    "a.pt": pt({"w": T, "n": 3}),
    "old.pt": pt({"w": T, "n": 3}, is_zip=False),
    "a.safetensors": save_safetensors({"w": T}),
    "a.csv": b"a,b\n1,2\n3,4.5\n",
    "a.tsv": b"1e3\t2\n3\t4\n",
    "a.json": b'{"values": [[1, 2.5], ["NaN", {"re": 1, "im": 2}]]}',
}


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A sample with some bytes changed, cut away or put in."""
    name = draw(st.sampled_from(sorted(SAMPLES)))
    raw = bytearray(SAMPLES[name])
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(raw)))
        match draw(st.sampled_from(["flip", "cut", "put", "end"])):
            case "flip" if at < len(raw):
                raw[at] ^= draw(st.integers(1, 255))
            case "cut":
                del raw[at : at + draw(st.integers(1, 20))]
            case "put":
                raw[at:at] = draw(st.binary(min_size=1, max_size=20))
            case "end":
                del raw[at:]
    return name, bytes(raw)


def read_or_refused(name: str, raw: bytes) -> None:
    Path(name).write_bytes(raw)
    found = outcome(f"@{name}", SMALL)
    if isinstance(found, Diagnostic):
        assert found.span is not None
        assert found.message
        return
    array = found.array if isinstance(found, Bits) else found
    assert math.prod(array.shape) <= SMALL.elements
    assert isinstance(array, Literal) or array.dtype.kind in "biufc"


def outcome(text: str, limits: Limits | None = None) -> np.ndarray[Any, Any] | Literal | Bits | Diagnostic:
    """What a file gives: numbers, or one diagnostic, and nothing else."""
    try:
        return read(parse_input("x", text), limits or Limits())
    except AgxError as error:
        return error.diagnostic


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damaged())
def test_a_damaged_file_is_read_or_one_error(case: tuple[str, bytes]) -> None:
    read_or_refused(*case)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_file_cut_anywhere_is_read_or_one_error(name: str) -> None:
    raw = SAMPLES[name]
    for end in range(0, len(raw), max(len(raw) // 300, 1)):
        read_or_refused(name, raw[:end])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(FILE_KINDS)), st.binary(max_size=200))
@example(".csv", b'"')
@example(".pt", b"\x80\x02.")
def test_any_bytes_are_read_or_one_error(kind: str, raw: bytes) -> None:
    read_or_refused(f"a{kind}", raw)


DTYPES = [
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int8,
    torch.bool,
    torch.complex64,
]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(DTYPES),
    st.lists(st.integers(0, 4), max_size=4),
    st.integers(0, 2**32),
    st.booleans(),
    st.data(),
)
def test_what_torch_saves_is_what_torch_loads(
    dtype: torch.dtype,
    shape: list[int],
    seed: int,
    is_zip: bool,  # noqa: FBT001 - a case
    data: st.DataObject,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    tensor = (torch.randn(shape, generator=generator) * 10).to(dtype)
    if shape:
        tensor = tensor.permute(data.draw(st.permutations(range(len(shape)))))
        tensor = tensor.narrow(0, 0, data.draw(st.integers(0, tensor.shape[0])))
    Path("a.pt").write_bytes(pt({"outer": {"w": tensor}}, is_zip=is_zip))
    expected = torch.load("a.pt", weights_only=True)["outer"]["w"]
    found = read(parse_input("x", "@a.pt#outer.w"))
    if isinstance(found, Bits):
        loaded = torch.from_numpy(np.ascontiguousarray(found.array).reshape(found.array.shape)).view(dtype)
    else:
        assert isinstance(found, np.ndarray)
        loaded = torch.from_numpy(found.copy())
    assert (loaded.dtype, loaded.shape) == (dtype, expected.shape)
    assert torch.equal(loaded, expected)
