"""Programs as people write them: agx prints, computes and refuses what Python itself does with the same file."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from autograd_cli import Report, explore
from autograd_cli.render.formats.json_text import json_object
from autograd_cli.render.formats.pytorch import pytorch_text
from autograd_cli.trace import TensorInfo
from conftest import VALIDATOR

SMALL = 300
PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))


def by_python(text: str) -> tuple[str, dict[str, Any], Exception | None]:
    """What Python prints, its variables at the end, and the exception that ended it."""
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = io.StringIO()
    raised = None
    torch.manual_seed(0)
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(text, "program", "exec", dont_inherit=True), names)  # noqa: S102 - the oracle is Python
        except Exception as error:  # noqa: BLE001 - whatever the program raises
            raised = error
    torch.set_grad_enabled(True)
    return printed.getvalue(), names, raised


def printed_by(report: Report) -> str:
    return "".join(printed.text for printed in report.trace.printed)


def assert_same(told: TensorInfo, tensor: torch.Tensor) -> None:
    assert told.shape == tuple(tensor.shape)
    assert told.requires_grad is tensor.requires_grad
    assert told.is_leaf is tensor.is_leaf
    assert told.version is None if tensor.is_inference() else told.version == tensor._version  # noqa: SLF001 - torch has no other name for it
    values = torch.tensor(told.values, dtype=tensor.dtype).reshape(told.shape)
    torch.testing.assert_close(values, tensor.detach(), rtol=0, atol=0, equal_nan=True)


@dataclass(frozen=True)
class Run:
    """What agx and Python make of the same text."""

    report: Report
    printed: str
    names: dict[str, Any]
    raised: Exception | None


@pytest.fixture(scope="module", params=PROGRAMS, ids=lambda path: path.stem)
def run(request: pytest.FixtureRequest) -> Run:
    """One for each program: pytest runs all the tests of a program one after the other."""
    text = request.param.read_bytes().decode()  # its line ends as they are
    return Run(explore(text), *by_python(text))


def test_a_program_as_it_stands(run: Run) -> None:
    report, printed, names, raised = run.report, run.printed, run.names, run.raised
    assert report.traces, report.diagnostics
    if len(report.trace.values) < SMALL:  # the validator takes a minute for a training loop
        VALIDATOR.validate(json_object(report))
    assert printed_by(report) == printed
    refusal = report.trace.refusal
    if raised is None:
        assert refusal is None
    else:
        assert refusal is not None
        assert (refusal.exception, refusal.message) == (type(raised).__name__, str(raised))
    for variable in report.trace.variables:
        tensor = names.get(variable.name)
        if isinstance(tensor, torch.Tensor):
            assert_same(variable.tensor, tensor)
            grad = tensor.grad if tensor.is_leaf or tensor.retains_grad else None
            assert (variable.grad is None) is (grad is None)
            if variable.grad is not None and grad is not None:
                assert_same(variable.grad, grad)


def test_the_program_that_agx_prints_does_the_same(run: Run) -> None:
    again, _, raised_again = by_python(pytorch_text(run.report))
    assert again.startswith(run.printed)
    assert str(raised_again) == str(run.raised)
