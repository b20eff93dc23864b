"""The gradients alone, as `-q` prints them: what `--x` reads, so that one call's output is another's input."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_cli.diagnostic import bad_request
from autograd_cli.render.escape import visible
from autograd_cli.render.parts.numbers import shell_text
from autograd_cli.report import Column, Report
from autograd_cli.trace import TensorValues, Trace


def values_text(report: Report, *, named: bool = False) -> str:
    """The gradient; a line `name=values` for each where there are several or if `named`; no line for a missing one.

    For a program without a backward pass, it is the result, or each of several on a line; for an answer that is
    narrowed to one variable, the gradient that arrived there; for a comparison, `mode name=values` for each gradient of
    each mode, with None for one that is missing, or `mode result=values`.

    Raises:
        AgxError: a gradient is too large to be written out.
    """
    if report.columns:
        return "".join(line for column in report.columns for line in _column(column))
    if report.traces and report.of is not None and not report.trace.grads:
        return _arrived(report.trace, report.of)
    if report.traces and not report.trace.backwards:
        return "".join(_results(report.trace))
    with_name = named or len(report.grads) > 1
    lines = []
    for name, grad in report.grads.items():
        if grad is None:
            continue
        text = _written_out(name, grad)
        lines.append(f"{visible(name)}={text}\n" if with_name else f"{text}\n")
    return "".join(lines)


def result_text(report: Report) -> str:
    """The result of the program as `--x` reads it, or each of several on a line.

    Raises:
        AgxError: it is too large to be written out.
    """
    return "".join(_results(report.trace))


def _arrived(trace: Trace, name: str) -> str:
    gradient = trace.arrived(name)
    return "" if gradient is None else f"{_written_out(name, gradient)}\n"


def _written_out(name: str, gradient: TensorValues) -> str:
    return _as_shell_takes_it(gradient, f"the gradient of {name}")


def _as_shell_takes_it(tensor: TensorValues, what: str) -> str:
    if tensor.values is None:
        raise bad_request("too-large", f"{what} has {tensor.numel:,} elements", fix="--full writes out all of them")
    return shell_text(tensor)


def _results(trace: Trace) -> Iterator[str]:
    for output in trace.outputs if trace.refusal is None else ():
        value = trace.values[output]
        if value.tensor is None:
            yield f"{visible(str(value.scalar))}\n"
        else:
            yield f"{_as_shell_takes_it(value.tensor, 'the result')}\n"


def _column(column: Column) -> Iterator[str]:
    trace = column.report.trace
    if trace.backwards or trace.refusal is not None:
        for name, grad in trace.grads:
            yield f"{visible(column.name)} {visible(name)}={None if grad is None else _written_out(name, grad)}\n"
    else:
        for text in _results(trace):
            yield f"{visible(column.name)} result={text}"
