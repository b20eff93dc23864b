"""The answer to one line of a batch, as one line of JSON: what scripts ask for most, and what there is to say.

    {"id": …, "ok": true, "result": {"shape": [], "dtype": "float32", "values": 3.0}, "grads": {"x": {…}},
     "diagnostics": []}

A line with bad news also has its number: {"id": …, "ok": false, "line": 7, …}.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from autograd_cli.diagnostic import Diagnostic
from autograd_cli.render.parts.plain import plain, tensor_values
from autograd_cli.report import Report
from autograd_cli.trace import TensorInfo, Trace

_ENCODER = json.JSONEncoder(allow_nan=False)


class Tensor(Protocol):
    """What is used of a tensor of torch, which is not imported here."""

    @property
    def shape(self) -> Iterable[int]:
        """Its sizes."""

    @property
    def dtype(self) -> object:
        """Its dtype, which is written `torch.float32`."""

    def tolist(self) -> Any:  # noqa: ANN401 - as torch types it
        """Its elements in nested lists."""


def answer_line(identity: object, number: int, report: Report) -> bytes:
    """The line for a Report."""
    outcome: dict[str, Any] = {"id": identity, "ok": report.ok}
    if not report.ok:
        outcome["line"] = number
    outcome |= _results(report.trace) if report.traces else {"result": None}
    outcome["grads"] = {name: _tensor(grad) for name, grad in report.grads.items()}
    if printed := _printed(report):
        outcome["printed"] = printed
    outcome["diagnostics"] = plain(report.diagnostics)
    return _line(outcome)


def error_line(identity: object, number: int, diagnostic: Diagnostic) -> bytes:
    """The line for a request that has no Report."""
    return _line(
        {
            "id": identity,
            "ok": False,
            "line": number,
            "result": None,
            "grads": {},
            "diagnostics": [plain(diagnostic)],
        }
    )


def quick_line(identity: object, result: Tensor, grads: Mapping[str, Tensor]) -> bytes | None:
    """The line for a result and gradients as torch has them; None where JSON has no such number, as for NaN."""
    outcome = {
        "id": identity,
        "ok": True,
        "result": _quick_tensor(result),
        "grads": {name: _quick_tensor(grad) for name, grad in grads.items()},
        "diagnostics": [],
    }
    try:
        return _line(outcome)
    except (TypeError, ValueError):
        return None


def _line(outcome: dict[str, Any]) -> bytes:
    return _ENCODER.encode(outcome).encode() + b"\n"


def _results(trace: Trace) -> dict[str, Any]:
    outputs = [_output(trace, output) for output in trace.outputs]
    if trace.result is not None and trace.outputs != (trace.result,):
        return {"results": outputs}
    return {"result": outputs[0] if outputs else None}


def _output(trace: Trace, output: int) -> Any:  # noqa: ANN401 - a JSON value
    value = trace.values[output]
    return {"number": plain(value.scalar)} if value.tensor is None else _tensor(value.tensor)


def _tensor(tensor: TensorInfo | None) -> dict[str, Any] | None:
    if tensor is None:
        return None
    found = {"shape": list(tensor.shape), "dtype": tensor.dtype, "values": tensor_values(tensor)}
    return found if tensor.values is not None else {**found, "truncated": True}


def _quick_tensor(tensor: Tensor) -> dict[str, Any]:
    return {
        "shape": list(tensor.shape),
        "dtype": str(tensor.dtype).removeprefix("torch."),
        "values": tensor.tolist(),
    }


def _printed(report: Report) -> str:
    return "".join([printed.text for trace in report.traces for printed in trace.printed])
