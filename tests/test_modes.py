"""Each tracking mode against the same thing written by hand in torch, and the reason that agx gives."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from autograd_cli import explore
from autograd_cli.modes import MODES
from autograd_cli.trace import Report
from conftest import Agx

Compute = Callable[[torch.Tensor], torch.Tensor]

PROGRAMS: list[tuple[str, Compute]] = [
    ("2*x", lambda x: 2 * x),
    ("(x*x).sum()", lambda x: (x * x).sum()),
    ("x.sin().exp()", lambda x: x.sin().exp()),
    ("x.view(2, 1)", lambda x: x.view(2, 1)),
]


def by_hand(mode: str, compute: Compute) -> tuple[torch.Tensor, torch.Tensor, str | None]:
    """The input, the result, and what backward said."""
    x = torch.tensor([1.0, 2.0], requires_grad=mode != "no-requires-grad")
    if mode == "no-grad":
        with torch.no_grad():
            result = compute(x)
    elif mode == "inference-mode":
        with torch.inference_mode():
            result = compute(x)
    else:
        result = compute({"detach": x.detach(), "data": x.data}.get(mode, x))
    try:
        result.backward(torch.ones_like(result))
    except RuntimeError as error:
        return x, result, str(error)
    return x, result, None


@pytest.mark.parametrize(("program", "compute"), PROGRAMS, ids=[program for program, _ in PROGRAMS])
@pytest.mark.parametrize("mode", MODES)
def test_a_mode_does_what_torch_does(mode: str, program: str, compute: Compute) -> None:
    x, result, refused = by_hand(mode, compute)
    report = explore(program, x=[1, 2], mode=mode)
    (told,) = report.trace.output_tensors()
    assert told.values == tuple(result.flatten().tolist())
    assert told.requires_grad is result.requires_grad
    assert told.is_leaf is result.is_leaf
    assert told.is_inference is result.is_inference()
    name = None if told.grad_fn is None else report.trace.nodes[told.grad_fn].name
    assert name == (None if result.grad_fn is None else type(result.grad_fn).__name__)
    grad = report.grads["x"]
    assert (grad and grad.values) == (None if x.grad is None else tuple(x.grad.tolist()))
    assert (report.trace.refusal and report.trace.refusal.message) == refused
    assert report.ok is (refused is None and x.grad is not None)


def found(report: Report) -> list[tuple[str, str, str | None]]:
    """Severity, rule and piece of the program of each finding."""
    return [
        (each.severity.value, each.rule, None if each.span is None else each.span.cut(report.source))
        for each in report.diagnostics
    ]


@pytest.mark.parametrize(
    ("mode", "program", "rule", "piece"),
    [
        ("no-requires-grad", "2*x", "requires-grad-missing", None),
        ("no-grad", "(2*x).sin()", "cut-by-no-grad", "2*x"),
        ("no-grad", "x.view(2, 1)", "cut-by-no-grad", "x.view(2, 1)"),
        ("inference-mode", "(2*x).sin()", "cut-by-grad-mode-off", "2*x"),
        ("detach", "(2*x).sin()", "cut-by-detach", "2*x"),
        ("data", "(2*x).sin()", "cut-by-data", "2*x"),
    ],
)
def test_the_reason_is_the_mode(mode: str, program: str, rule: str, piece: str | None) -> None:
    report = explore(program, x=[1, 2], mode=mode)
    assert found(report) == [("error", rule, piece)]
    if mode != "no-requires-grad":
        assert report.diagnostics[0].fix == f"leave out --{mode}"


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        # A part is left out: the gradient is there, and a note says what it leaves out.
        ("x**2 + no_grad(x**3)", ("note", "cut-by-no-grad", "x**3")),
        ("x**2 + (x**3).detach()", ("note", "cut-by-detach", "(x**3).detach()")),
        ("x**2 + torch.detach(x)", ("note", "cut-by-detach", "torch.detach(x)")),
        ("x**2 + x.data", ("note", "cut-by-data", "x.data")),
        ("x**2 * x.sum().item()", ("note", "cut-by-item", "x.sum().item()")),
        ("x**2 + tensor(x.tolist())", ("note", "cut-by-item", "x.tolist()")),
        ("with torch.no_grad():\n    y = x**3\nx**2 + y", ("note", "cut-by-no-grad", "x**3")),
        # All of it is cut: torch refuses.
        ("y = x.detach()\ny*2", ("error", "cut-by-detach", "x.detach()")),
        ("x.sum().item()*2", ("error", "cut-by-item", "x.sum().item()")),
        ("x.argmax()", ("error", "cut-by-index-op", "x.argmax()")),
        ("(x > 1)", ("error", "cut-by-comparison", "x > 1")),
        ("x.long()*2", ("error", "cut-by-int-cast", "x.long()")),
        ("x.to(torch.int64)", ("error", "cut-by-int-cast", "x.to(torch.int64)")),
        ("with no_grad():\n    y = x.view(2)\ny.sum()", ("error", "cut-by-no-grad", "x.view(2)")),
        ("zeros_like(x)", ("error", "not-in-graph", None)),
        ("0*x.shape[0]*ones(2)", ("error", "not-in-graph", None)),
        ("with torch.inference_mode():\n    y = x*2\ny.sum()", ("error", "cut-by-grad-mode-off", "x*2")),
    ],
)
def test_the_reason_is_in_the_program(program: str, expected: tuple[str, str, str | None]) -> None:
    assert found(explore(program, x=[1, 2])) == [expected]


@pytest.mark.parametrize(
    "program",
    [
        "where(x > 1, x, 2*x).sum()",
        "x[x.argmax()] * 2 + x.sum()",
        "x / x.shape[0]",
        "x - x.max(0).values",
        "x if x.sum() > 1 else 2*x",
        "with torch.no_grad():\n    n = 3.0\nx*n",
        "y = x*1\nz = y.detach()\ny*2",
        "clamp(x, 0, 1) + ones_like(x)",
        "x.softmax(0)[x.argmax()]",
        "x.data *= 3\nx*2",
        "with torch.no_grad():\n    x -= 0.1*x\nx*2",
    ],
)
def test_a_healthy_program_gets_no_remark(program: str) -> None:
    report = explore(program, x=[1, 2])
    assert report.ok
    assert report.diagnostics == ()


def test_only_the_inputs_of_wrt_require_gradients(agx: Agx) -> None:
    report = agx("grad", "x*w", "--x", "2", "--w", "3", "--wrt", "w", "--json").report
    assert {name: grad["values"] for name, grad in report["grads"].items()} == {"w": 2.0}
    assert report["tensors"]["x"]["requires_grad"] is False


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["2*x"], 0),
        (["2*x", "--no-grad"], 1),
        (["x.detach()"], 1),
        (["x + w.detach()", "--w", "1"], 1),
        (["x + w.detach()", "--w", "1", "--wrt", "x"], 0),
        (["sqrt(x*0)*0"], 1),
        (["x @ x"], 1),
        (["2*x +"], 2),
    ],
)
def test_the_exit_code_tells_bad_news(agx: Agx, words: list[str], code: int) -> None:
    assert agx("grad", *words, "--x", "1").code == code
    assert agx("grad", *words, "--x", "1", "--json").code == code
    assert agx("grad", *words, "--x", "1", "-q").code == code
