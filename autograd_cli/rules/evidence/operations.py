"""The operation that made a value: what torch recorded for it, whether it is data, the module that it called."""

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
    """The module of a kind, such as `Embedding`, whose call made a value: the value at which the module was made.

    Of a module that a container called only the kind is known: then it is the only such module of the program, or None.
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
