"""What kind of operation a value or a node is of, in one word that is the same however it was written."""

from __future__ import annotations

import functools
import re

from autograd_cli.trace import Kind, Node, Trace, Value

_BACKWARD = re.compile(r"Backward\d*$")
_PREFIXES = ("linalg", "special", "native")


def kind_of(node: Node) -> str:
    """The operation that a node is the derivative of: `sqrt` of `SqrtBackward0`, `svd` of `LinalgSvdBackward0`."""
    return _kind(node.name)


@functools.cache
def _kind(name: str) -> str:
    name = re.sub(_BACKWARD, "", name).lower().lstrip("_")
    for prefix in _PREFIXES:
        if name != prefix:
            name = name.removeprefix(prefix)
    return name


def name_of(value: Value) -> str:
    """The operation that made a value, as `kind_of` has it: `sqrt` of `torch.sqrt`, `.sqrt` and `sqrt_`."""
    name = value.verb.rstrip("_").lower()
    for prefix in _PREFIXES:
        name = name.removeprefix(f"{prefix}_")
    return name


def kinds_of(trace: Trace, value: Value) -> frozenset[str]:
    """What the operation is called, and all that torch recorded for it."""
    parts = {value.id, *value.elements}
    return frozenset([name_of(value), *[kind_of(node) for node in trace.nodes if node.value in parts]])


def is_data(trace: Trace, value: Value) -> bool:
    """Whether the value was given or written down, not computed from a tensor."""
    return all(part.tensor is None for part in trace.parts(value.operands))


def module_of(trace: Trace, value: Value, kind: str) -> Value | None:
    """The module of a kind, such as `Embedding`, by whose call a value was made, as it was when it was made.

    What a container calls is known by its kind alone: then it is the only one that the program made, or None.
    """
    operands = [trace.values[each] for each in value.operands]
    used = next((each for each in operands if each.tensor is None and _is_module(each, kind)), None)
    if used is None or _makes(used, kind):
        return used
    made = [each for each in trace.values if _makes(each, kind) and _is_module(each, kind)]
    return made[0] if len({each.span for each in made}) == 1 else None


def _makes(value: Value, kind: str) -> bool:
    return value.kind is Kind.CALL and value.function == f"torch.nn.{kind}"


def _is_module(value: Value, kind: str) -> bool:
    return isinstance(value.scalar, str) and value.scalar.startswith(f"{kind}(")
