"""The Report as one JSON object: the result types written out, and at the top what scripts ask for most."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import fields
from importlib import resources
from typing import Any

from autograd_cli.render.parts.plain import plain
from autograd_cli.render.parts.verdict import verdict
from autograd_cli.report import Body, Ran, Report
from autograd_cli.trace import Trace

Placed = Callable[[Any], Any]


def json_text(report: Report) -> str:
    """The Report as one line of JSON, without what JSON does not know: NaN and the infinities are strings."""
    return json.dumps(json_object(report), allow_nan=False)


def json_object(report: Report) -> dict[str, Any]:
    """The Report as dicts, lists, strings and numbers."""
    told = {
        "schema": report.schema,
        "ok": report.ok,
        "status": report.status.value,
        "source": report.source,
        "source_name": report.source_name,
        "source_line": report.source_line,
        "cells": plain(report.cells),
        "of": report.of,
        "lesson": None,
        "command_line": report.command_line,
        "inputs": plain(report.inputs),
        "gradients": plain(report.gradients),
        "settings": {name: getattr(report.settings, name) for name in ("seed", "dtype", "device")},
        **_no_trace(),
        "explanation": None,
        "course": None,
        "verdict": verdict(report),
        "modes": {},
        "diagnostics": plain(report.diagnostics, _placed_in(report)),
    }
    return told if report.body is None else told | dict(_own(report.body, _placed_in(report)))


def schema_text() -> str:
    """The JSON Schema of what `json_text` returns."""
    return resources.files(__package__).joinpath("report.schema.json").read_text(encoding="utf-8")


def _placed_in(report: Report) -> Placed | None:
    """What gives a span of a script its file; None where the program is one text."""
    return report.placed if isinstance(report.body, Ran) else None


def _own(body: Body, placed: Placed | None) -> Iterator[tuple[str, Any]]:
    """What the body adds: for one run or several what scripts ask for, and every other field as it is."""
    for field in fields(body):
        value = getattr(body, field.name)
        match field.name:
            case "outcome":  # which is in the verdict
                pass
            case "trace":
                yield from _trace_object(value, placed).items()
            case "columns":
                yield "modes", {column.name: _column(column.report) for column in value}
            case name:
                yield name, plain(value, placed)


def _no_trace() -> dict[str, Any]:
    return {
        "mode": None,
        "result": None,
        "results": None,
        "tensors": {},
        "grads": {},
        "values": [],
        "nodes": [],
        "steps": [],
        "printed": [],
        "backwards": [],
        "walks": [],
        "refusal": None,
    }


def _column(report: Report) -> dict[str, Any]:
    """One run of a comparison: the object of a single run, without what all the runs have in common."""
    return {
        "ok": report.ok,
        "status": report.status.value,
        "source": report.source,
        **_trace_object(report.trace, None),
        "diagnostics": plain(report.diagnostics),
    }


def _trace_object(trace: Trace, placed: Placed | None) -> dict[str, Any]:
    outputs = [_output(trace, output) for output in trace.outputs]
    several = trace.result is not None and trace.outputs != (trace.result,)
    return {
        "mode": trace.mode,
        "result": None if several or not outputs else outputs[0],
        "results": outputs if several else None,
        "tensors": {
            variable.name: {**plain(variable.tensor), "value": variable.value, "grad": plain(variable.grad)}
            for variable in trace.variables
        },
        "grads": {name: plain(grad) for name, grad in trace.grads},
        "values": plain(trace.values, placed),
        "nodes": plain(trace.nodes, placed),
        "steps": plain(trace.steps, placed),
        "printed": plain(trace.printed, placed),
        "backwards": plain(trace.backwards, placed),
        "walks": plain(trace.walks, placed),
        "refusal": plain(trace.refusal, placed),
    }


def _output(trace: Trace, output: int) -> Any:  # noqa: ANN401 - a JSON value
    value = trace.values[output]
    return {"number": plain(value.scalar)} if value.tensor is None else plain(value.tensor)
