"""Files that `torch.save` wrote (.pt, .pth), read without torch and without unpickling: code in them never runs.

new     a zip file: PREFIX/data.pkl is the pickled object, PREFIX/data/KEY holds the numbers of a storage
old     five pickles: a magic number, a version, the system, the object, and the keys of the storages;
        then for each key the count of its elements and the numbers
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from autograd_cli.files.archive import Archive, archive_of
from autograd_cli.files.opened import Bits, OpenFile
from autograd_cli.files.pickled import ORDERED_DICT, Call, Name, Pickled, Reference, read_pickle
from autograd_cli.limits import limit_reached

if TYPE_CHECKING:
    from autograd_cli.files.opened import Array

_MAX_PICKLE = 16 * 1024**2
_MAX_LEVELS = 16
_MAX_WRAPPERS = 4
_MAX_DIMENSIONS = 64
_MAGIC = 0x1950A86A20F9469CFC6C
_ZIP = b"PK\x03\x04"
_DATA = "/data.pkl"

# The dtype of each class of storages: as NumPy names it, or integers of the same size where NumPy lacks it.
_STORAGES = {
    "torch.DoubleStorage": "f8", "torch.FloatStorage": "f4", "torch.HalfStorage": "f2", "torch.LongStorage": "i8",
    "torch.IntStorage": "i4", "torch.ShortStorage": "i2", "torch.CharStorage": "i1", "torch.ByteStorage": "u1",
    "torch.BoolStorage": "b1", "torch.ComplexFloatStorage": "c8", "torch.ComplexDoubleStorage": "c16",
    "torch.BFloat16Storage": "i2", "torch.storage.UntypedStorage": "u1",
}  # fmt: skip
_DTYPES = {"torch.uint16": "u2", "torch.uint32": "u4", "torch.uint64": "u8"}
_DTYPES_OF_TORCH = {"torch.float8_e4m3fn": "i1", "torch.float8_e5m2": "i1", "torch.BFloat16Storage": "i2"}
_REBUILD = "torch._utils._rebuild_"
_WRAPPERS = frozenset({f"{_REBUILD}parameter", f"{_REBUILD}parameter_with_state"})
# Names that may stand in a pickle of tensors, beside those of dtypes, storages and functions that make a tensor.
_HARMLESS = frozenset(
    {
        ORDERED_DICT,
        "collections.Counter",
        "collections.defaultdict",
        "builtins.set",
        "builtins.complex",
        "builtins.bytearray",
        "_codecs.encode",
        "torch.Size",
        "torch.device",
        "torch.Tensor",
        "torch.nn.parameter.Parameter",
        "torch.nn.parameter.Buffer",
        "torch.serialization._get_layout",
        "torch._tensor._rebuild_from_type_v2",
    }
)
_TENSOR_NAMES = frozenset(
    f"{_REBUILD}{name}"
    for name in """
    tensor tensor_v2 tensor_v3 parameter parameter_with_state qtensor sparse_tensor meta_tensor_no_storage nested_tensor
    device_tensor_from_numpy device_tensor_from_cpu_tensor wrapper_subclass
    """.split()
)
_SCALAR_TYPES = frozenset(
    f"torch.{name}"
    for name in """
    float16 bfloat16 float32 float64 complex32 complex64 complex128 int8 int16 int32 int64 uint8 uint16 uint32 uint64
    bool float8_e4m3fn float8_e5m2 qint8 quint8 qint32 per_tensor_affine per_channel_affine per_tensor_symmetric
    per_channel_symmetric QInt8Storage QUInt8Storage QInt32Storage strided sparse_coo
    """.split()
)
_KNOWN = _HARMLESS | _TENSOR_NAMES | _SCALAR_TYPES | _STORAGES.keys() | _DTYPES.keys() | _DTYPES_OF_TORCH.keys()

Storages: TypeAlias = Callable[[Reference], memoryview]  # the bytes of a storage


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """A tensor as it is stored: a view of a storage. `bits` is the dtype, where NumPy does not know it."""

    storage: Reference
    dtype: str
    bits: str | None
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    conj: bool
    neg: bool


def read_checkpoint(file: OpenFile) -> Array | Bits:
    """A tensor of a .pt file."""
    if file.file.read(len(_ZIP)) != _ZIP:
        return _read_old(file)
    with archive_of(file) as archive:
        names = [name for name in archive.names() if name.endswith(_DATA) and name.count("/") == 1]
        if len(names) != 1:
            raise file.damaged(LookupError())
        prefix = names[0].removesuffix(_DATA)
        if f"{prefix}/constants.pkl" in archive.names():
            raise _holds_objects(file, "this file holds a program (TorchScript), not just tensors")
        pickle = io.BytesIO(archive.read(names[0], _MAX_PICKLE))
        order = ">" if _is_big_endian(archive, prefix) else "<"
        pickled = _checked(file, pickle)
        return _array(
            file, _chosen(file, pickled.value), order, lambda reference: _member(file, archive, prefix, reference)
        )


def _is_big_endian(archive: Archive, prefix: str) -> bool:
    name = f"{prefix}/byteorder"
    return name in archive.names() and archive.read(name, len("little")).tobytes() == b"big"


def _member(file: OpenFile, archive: Archive, prefix: str, reference: Reference) -> memoryview:
    name = f"{prefix}/data/{_key(reference)}"
    if (found := archive.view(name)) is not None:
        return found
    file.check_inflated(archive.size(name))
    return archive.read(name, file.limits.memory)


def _checked(file: OpenFile, source: io.BytesIO) -> Pickled:
    """The next pickle of `source`, checked to name nothing but what tensors, and containers of them, are made of."""

    def check_step(step: int) -> None:
        if step >= file.limits.steps:
            raise _too_many(file)

    pickled = read_pickle(source, check_step)
    if not pickled.names <= _KNOWN:
        raise _holds_objects(file, "this file holds Python objects beside tensors, and agx does not unpickle them")
    return pickled


def _holds_objects(file: OpenFile, message: str) -> Exception:
    return file.error("bad-file", message, fix="save the tensors alone: torch.save(model.state_dict(), FILE)")


def _too_many(file: OpenFile) -> Exception:
    message = f"the file takes more than {file.limits.steps:,} steps to read"
    return limit_reached("steps", message, source=file.spec.source, span=file.place)


def _chosen(file: OpenFile, value: object) -> _Stored:
    """The tensor that the input names, or the only one there is."""
    if isinstance(value, dict):
        tensors = _flattened(file, value)
        return tensors[file.choose_key(tensors)]
    file.refuse_key()
    tensor = _stored(value)
    if tensor is None:
        raise file.error("bad-file", "there is no plain dense tensor in this file")
    return tensor


def _flattened(file: OpenFile, outer: dict[Any, Any]) -> dict[str, _Stored]:
    """The tensors of nested dicts, by the path of their keys (`model.layer.weight`); the outer ones go first."""
    found: dict[str, _Stored] = {}
    waiting = deque([("", outer, 0)])
    steps = 0
    while waiting:
        prefix, inner, level = waiting.popleft()
        for key, value in inner.items():
            steps += 1 + len(prefix) // 64
            if steps > file.limits.steps:
                raise _too_many(file)
            if isinstance(value, dict) and level < _MAX_LEVELS:
                waiting.append((f"{prefix}{key}.", value, level + 1))
            elif (tensor := _stored(value)) is not None:
                found.setdefault(f"{prefix}{key}", tensor)
    return found


def _stored(value: object) -> _Stored | None:
    """The dense tensor that a call makes; None where it makes something else."""
    for _ in range(_MAX_WRAPPERS):
        if not isinstance(value, Call):
            return None
        match value.arguments:
            case (inner, *_) if value.function in _WRAPPERS:
                value = inner
            case (Name(text=function), Name(), tuple(arguments), _) if value.function.endswith("_from_type_v2"):
                value = Call(function=function, arguments=arguments)
            case (Reference() as storage, offset, shape, strides, *rest) if value.function in {
                f"{_REBUILD}tensor",
                f"{_REBUILD}tensor_v2",
            }:
                return _view(storage, _part(storage, 1), offset, shape, strides, rest[2:])
            case (Reference() as storage, offset, shape, strides, _, _, Name(text=dtype), *rest) if (
                value.function == f"{_REBUILD}tensor_v3"
            ):
                return _view(storage, Name(text=dtype), offset, shape, strides, rest)
            case _:
                return None
    return None


def _view(
    storage: Reference, dtype: object, offset: object, shape: object, strides: object, rest: list[Any]
) -> _Stored | None:
    kind = dtype.text if isinstance(dtype, Name) else ""
    stored = _STORAGES.get(kind) or _DTYPES.get(kind) or _DTYPES_OF_TORCH.get(kind)
    if stored is None:
        return None
    metadata = rest[0] if rest and isinstance(rest[0], dict) else {}
    bits = {"torch.BFloat16Storage": "bfloat16"}.get(kind, kind.removeprefix("torch."))
    return _Stored(
        storage=storage,
        dtype=stored,
        bits=bits if kind in _DTYPES_OF_TORCH else None,
        offset=_sizes([offset])[0],
        shape=_sizes(shape),
        strides=_sizes(strides),
        conj=bool(metadata.get("conj")),
        neg=bool(metadata.get("neg")),
    )


def _sizes(sizes: object) -> tuple[int, ...]:
    if isinstance(sizes, Call) and sizes.function == "torch.Size" and len(sizes.arguments) == 1:
        sizes = sizes.arguments[0]
    if (
        not isinstance(sizes, tuple | list)
        or len(sizes) > _MAX_DIMENSIONS
        or any(type(size) is not int or size < 0 for size in sizes)
    ):
        raise ValueError("not a shape")
    return tuple(sizes)


def _part(reference: Reference, index: int) -> Any:  # noqa: ANN401 - what the pickle holds there
    if (
        len(reference.parts) not in {5, 6}
        or reference.parts[0] != "storage"
        or any(part is not None for part in reference.parts[5:])
    ):
        raise ValueError("not a storage")
    return reference.parts[index]


def _key(reference: Reference) -> str:
    key = _part(reference, 2)
    if type(key) is not str:
        raise TypeError("not a key")
    return key


def _array(file: OpenFile, tensor: _Stored, order: str, storages: Storages) -> Array | Bits:
    import numpy as np

    file.check_elements(tensor.shape)
    dtype = np.dtype(f"{order}{tensor.dtype}")
    content = storages(tensor.storage)[tensor.offset * dtype.itemsize :]
    strides = tuple(stride * dtype.itemsize for stride in tensor.strides)
    array = file.array(content, dtype.str, tensor.shape, strides=strides)
    if tensor.bits is not None:
        return Bits(array=array, dtype=tensor.bits)
    array = np.conj(array) if tensor.conj else array
    return np.asarray(-array if tensor.neg else array)


def _read_old(file: OpenFile) -> Array | Bits:
    """A tensor of a file in the format before PyTorch 1.6."""
    source = io.BytesIO(file.content(0, _MAX_PICKLE))
    if _checked(file, source).value != _MAGIC:
        raise file.damaged(ValueError())
    _checked(file, source)
    system = _checked(file, source).value
    pickled = _checked(file, source)
    keys = _checked(file, source).value
    sizes = {_key(each): int(_STORAGES[_part(each, 1).text][1:]) for each in pickled.references}
    places = _old_places(file, source.tell(), keys, sizes)
    order = "<" if system.get("little_endian", True) else ">"
    return _array(file, _chosen(file, pickled.value), order, lambda reference: file.content(*places[_key(reference)]))


def _old_places(file: OpenFile, start: int, keys: Iterable[str], sizes: dict[str, int]) -> dict[str, tuple[int, int]]:
    """Where each storage begins, and how many bytes it has."""
    places = {}
    for key in keys:
        size = int.from_bytes(file.content(start, 8), "little") * sizes[key]
        places[key] = (start + 8, size)
        start += 8 + size
    return places
