"""What was written in place: which values came of a tensor, by which statement, and whether torch could notice."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.trace import Kind, TensorInfo, TensorValues, Value


def later_versions(evidence: Evidence, value: int, end: int) -> Iterator[Value]:
    """The later versions of a tensor, one for each write, before the value `end`, in order."""
    following = _following(evidence)
    while (found := following.get(value)) is not None and found.id < end:
        yield found
        value = found.id


@remembered
def _following(evidence: Evidence) -> dict[int, Value]:
    return {value.previous: value for value in evidence.trace.values if value.previous is not None}


def writer_of(evidence: Evidence, version: Value) -> Value:
    """The value of the operation that wrote; for an alias that changed with it, the value that was written to."""
    while version.kind is Kind.ALIAS and len(version.operands) > 1:
        version = evidence.trace.values[version.operands[1]]
    return version


def noticed_write(evidence: Evidence, value: int, end: int) -> Value | None:
    """The first write to a tensor before `end` that raised its version."""
    before = evidence.tensor(value)
    for version in later_versions(evidence, value, end):
        if before is None or version.tensor is None or version.tensor.version is None or before.version is None:
            return None
        if version.tensor.version > before.version:
            return writer_of(evidence, version)
    return _write_to_memory(evidence, value, end)


def _write_to_memory(evidence: Evidence, value: int, end: int) -> Value | None:
    """The same for a view that the program does not hold, such as `h[t]` in an expression: it has no new versions."""
    before = evidence.tensor(value)
    if before is None or before.version is None:
        return None
    for version in _versions_by_storage(evidence).get(before.storage, ()):
        after = version.tensor
        if value < version.id < end and after is not None and (after.version or 0) > before.version:
            return writer_of(evidence, version)
    return None


@remembered
def _versions_by_storage(evidence: Evidence) -> dict[int, list[Value]]:
    found: dict[int, list[Value]] = {}
    for value in evidence.trace.values:
        if value.previous is not None and value.tensor is not None:
            found.setdefault(value.tensor.storage, []).append(value)
    return found


def silent_write(evidence: Evidence, value: int, end: int) -> tuple[Value, TensorInfo] | None:
    """The first write that changed a tensor's numbers and not its version, and the tensor as it is at `end`."""
    before = evidence.tensor(value)
    if before is None:
        return None
    first, last = None, before
    for version in later_versions(evidence, value, end):
        if version.tensor is None or version.tensor.version != before.version:
            return None
        if first is None and content(version.tensor) != content(before):
            first = version
        last = version.tensor
    return None if first is None else (writer_of(evidence, first), last)


def content(tensor: TensorValues) -> str:
    """What is in a tensor, as text: NaN equals NaN in it."""
    return repr((tensor.shape, tensor.values, tensor.summary))


def numbers_of(tensor: TensorValues) -> str:
    """The numbers in a tensor, in whatever order: a view of it has the same."""
    if tensor.values is not None:
        return repr(sorted(map(repr, tensor.values)))
    summary = tensor.summary
    return repr(None if summary is None else (tensor.numel, summary.minimum, summary.maximum, summary.nan_count))


def tensors_in(evidence: Evidence, *numbers: int) -> Iterator[Value]:
    """The tensors among some values, and in sequences of them."""
    return (part for part in evidence.trace.parts(numbers) if part.tensor is not None)


def base_of(evidence: Evidence, value: int) -> Value | None:
    """The tensor that a view was taken of, if it is a view: the nearest one that has a name, else the first."""
    found = None
    current = evidence.trace.values[value]
    while current.tensor is not None:
        same = _sharing(evidence, current)
        if not same:
            break
        found = current = same[0]
        if evidence.names(found.id):
            break
    return found


def _sources(evidence: Evidence, value: Value) -> tuple[int, ...]:
    """What a value was made of: for one of several elements, what all were; for a new version, the one before."""
    if value.previous is not None:
        return (value.previous,)
    return evidence.trace.values[value.operands[0]].operands if _is_element(evidence, value) else value.operands


def source_of_several(evidence: Evidence, value: int) -> tuple[Value, Value] | None:
    """The source and the whole of several views that one operation took, if a tensor is one, or a view of one."""
    current = evidence.trace.values[value]
    while current.tensor is not None:
        same = _sharing(evidence, current)
        if not same:
            return None
        if _is_element(evidence, current):
            return same[0], evidence.trace.values[current.operands[0]]
        current = same[0]
    return None


def _sharing(evidence: Evidence, value: Value) -> list[Value]:
    """What a value was made of that lives in the same memory."""
    storage = None if value.tensor is None else value.tensor.storage
    sources = tensors_in(evidence, *_sources(evidence, value))
    return [each for each in sources if each.tensor is not None and each.tensor.storage == storage]


def _is_element(evidence: Evidence, value: Value) -> bool:
    """Whether a value is one of several that an operation returned."""
    return value.kind is Kind.ELEMENT and value.id in evidence.trace.values[value.operands[0]].elements
