"""A line of a batch → a Line, and the values of its inputs → InputSpecs. No value names a file.

    {"id": any, "expr": "(x*k).sum()", "inputs": {"x": [1, 2], "k": {"values": [0, 1], "dtype": "int64", "shape": [2]}},
     "wrt": ["x"], "gradient": [1, 1], "mode": "no-grad"}

A value is a number, true or false, "NaN", "Infinity" or "-Infinity", {"re": 1, "im": 2}, nested lists of these, or an
object with such `values` (flat, where there is a `shape`) and a `dtype`. Any other text is read as `--x` reads it:
"randn(3)", "1,2:float64".
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autograd_cli.diagnostic import AgxError, bad_request
from autograd_cli.lang import vocabulary
from autograd_cli.lang.inputs import FileReference, InputSpec, parse_input
from autograd_cli.lang.numbers import literal_of_nested
from autograd_cli.lang.stack import shallow_stack
from autograd_cli.lang.suggest import did_you_mean
from autograd_cli.modes import DEFAULT_MODE

LINE = "line"
_FIELDS = ("id", "expr", "inputs", "wrt", "gradient", "mode")
_VALUE_FIELDS = ("values", "dtype", "shape")
_DESCRIPTION_FIELDS = frozenset({"truncated"})
_MAX_DIMENSIONS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one line asks for; its values are as JSON gave them."""

    id: object
    expr: str
    inputs: Mapping[str, object]
    wrt: tuple[str, ...] | None
    gradient: object
    mode: str


def parse_line(line: bytes) -> Line:
    """The request of one line.

    Raises:
        AgxError: it is not JSON, or not a request.
    """
    found = _object_of(line)
    for name in found:
        if name not in _FIELDS:
            raise _error(f"a request has no `{name}`", did_you_mean(name, _FIELDS) or f"it has {', '.join(_FIELDS)}")
    expr, inputs, wrt = found.get("expr"), found.get("inputs", {}), found.get("wrt")
    mode = found.get("mode", DEFAULT_MODE)
    if not isinstance(expr, str):
        raise _error("`expr` must be a string", 'such as {"expr": "2*x", "inputs": {"x": [1, 2]}}')
    if not isinstance(inputs, dict):
        raise _error("`inputs` must be an object", 'such as {"x": [1, 2]}')
    if wrt is not None and not (isinstance(wrt, list) and all(isinstance(name, str) for name in wrt)):
        raise _error("`wrt` must be a list of names", 'such as ["x"]')
    if not isinstance(mode, str):
        raise _error("`mode` must be a string", 'such as "no-grad"')
    for name in inputs:
        if not name.isidentifier():
            raise _error("the name of an input must be a variable name", "such as x, w1 or learning_rate")
    return Line(
        id=_echo(found.get("id")),
        expr=expr,
        inputs=inputs,
        wrt=None if wrt is None else tuple(wrt),
        gradient=found.get("gradient"),
        mode=mode,
    )


def id_of(line: bytes) -> object:
    """The `id` of a line that may not be a request; None where it has none."""
    try:
        return _echo(_object_of(line).get("id"))
    except AgxError:
        return None


def _echo(identity: object) -> object:
    """The id as it stands in the answer, where NaN and the infinities are texts.

    Raises:
        AgxError: it is nested too deeply.
    """
    if not _is_shallow(identity, _MAX_DIMENSIONS):
        raise _error(f"an `id` may be nested at most {_MAX_DIMENSIONS} deep")
    return (
        json.loads(json.dumps(identity), parse_constant=str) if isinstance(identity, float | list | dict) else identity
    )


def _is_shallow(value: object, levels: int) -> bool:
    inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return levels > 0 and all(_is_shallow(each, levels - 1) for each in inner)


def _object_of(line: bytes) -> dict[str, object]:
    try:
        with shallow_stack():
            found = json.loads(line)
    except json.JSONDecodeError as error:
        message = f"this is not JSON: {error.msg[:1].lower()}{error.msg[1:]} at column {error.colno}"
        raise _error(message) from None
    except (ValueError, RecursionError):
        raise _error("this is not JSON: not UTF-8, too deep, or a number that is too long") from None
    if not isinstance(found, dict):
        raise _error("a request must be an object", 'such as {"expr": "2*x", "inputs": {"x": [1, 2]}}')
    return found


def input_of_json(name: str, value: object) -> InputSpec:
    """The input that a JSON value means.

    Raises:
        AgxError: it is no value, ragged, or its `shape` or `dtype` does not fit.
    """
    source = f"--{name}"
    dtype, shape = None, None
    if isinstance(value, dict) and "values" in value:
        for field in value:
            if field not in _VALUE_FIELDS and field not in _DESCRIPTION_FIELDS:
                raise _error(f"a value has no `{field}`", f"it has {', '.join(_VALUE_FIELDS)}", source)
        dtype, shape, value = value.get("dtype"), value.get("shape"), value["values"]
    if dtype is not None and not (isinstance(dtype, str) and dtype in vocabulary.DTYPES):
        label = did_you_mean(dtype, vocabulary.DTYPES) if isinstance(dtype, str) else None
        raise _error("there is no such dtype", label, source, rule="unknown-dtype")
    if isinstance(value, str) and value not in {"NaN", "Infinity", "-Infinity"}:
        if dtype is not None or shape is not None:
            message = "a string goes without dtype and shape: it has its own"
            raise _error(message, 'such as "randn(2,3)" or "1,2:float64"', source)
        spec = None if value.lstrip().startswith("@") else parse_input(name, value)
        if spec is None or isinstance(spec.content, FileReference):
            raise _error("a batch reads no files", "write the numbers here, as lists", source)
        return spec
    literal = literal_of_nested(value, source)
    if shape is not None:
        wanted = _shape(shape, source)
        if math.prod(wanted) != len(literal.values) or (len(literal.shape) > 1 and literal.shape != wanted):
            message = f"{len(literal.values):,} values of shape {list(literal.shape)} are not of shape {list(wanted)}"
            raise _error(message, None, source, rule="ragged")
        literal = type(literal)(shape=wanted, values=literal.values)
    return InputSpec(name=name, text="", content=literal, dtype=str(dtype) if dtype is not None else None)


def gradients_of_json(value: object) -> Sequence[object]:
    """The gradients that a JSON value means: one, or one for each object of a list of them."""
    if value is None:
        return ()
    if isinstance(value, list) and value and all(isinstance(each, dict) and "values" in each for each in value):
        return [input_of_json("gradient", each) for each in value]
    return [input_of_json("gradient", value)]


def _shape(shape: object, source: str) -> tuple[int, ...]:
    if not isinstance(shape, list) or len(shape) > _MAX_DIMENSIONS or not all(_is_size(size) for size in shape):
        raise _error("`shape` must be a list of sizes", "such as [2, 3]", source)
    return tuple(shape)


def _is_size(size: object) -> bool:
    return isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**40


def _error(message: str, label: str | None = None, source: str = LINE, *, rule: str = "bad-line") -> AgxError:
    return bad_request(rule, message, source=source, label=label)
