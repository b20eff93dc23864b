"""What the operation that made a value was made of: what torch recorded for it, its data, the module that it calls."""

from __future__ import annotations

from autograd_cli.trace import Kind, Trace, Value


def stems_of(trace: Trace, value: Value) -> frozenset[str]:
    """The stem of the operation, and those of all that torch recorded for it."""
    parts = {value.id, *value.elements}
    return frozenset([value.stem, *[node.stem for node in trace.nodes if node.value in parts]])


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
