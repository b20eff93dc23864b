"""Each tracking mode against the same thing written by hand in torch, and the reason that agx gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import ANY

import pytest
import torch

from autograd_cli import explore
from autograd_cli.modes import DEFAULT_MODE, MODES
from autograd_cli.render.formats.json_text import json_object
from autograd_cli.report import Report
from autograd_cli.tasks.explore import explore as asked_from_a_shell
from autograd_cli.tasks.request import Request
from conftest import Agx
from observed import observe

Compute = Callable[[torch.Tensor], torch.Tensor]


def partly_untracked(x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        cube = x**3
    return x**2 + cube


def tracked_again(x: torch.Tensor) -> torch.Tensor:
    with torch.enable_grad():
        return x * 3


PROGRAMS: list[tuple[str, Compute]] = [
    ("x", lambda x: x),
    ("2*x", lambda x: 2 * x),
    ("(x*x).sum()", lambda x: (x * x).sum()),
    ("x.sin().exp()", lambda x: x.sin().exp()),
    ("x.view(2, 1)", lambda x: x.view(2, 1)),
    ("x[0]", lambda x: x[0]),
    ("x.clone()", lambda x: x.clone()),
    ("x.detach()", lambda x: x.detach()),
    ("x > 1", lambda x: x > 1),
    ("x.argmax()", lambda x: x.argmax()),
    ("x**2 + (x**3).detach()", lambda x: x**2 + (x**3).detach()),
    ("x**2 + no_grad(x**3)", partly_untracked),
    ("with torch.no_grad():\n    y = x**3\nx**2 + y", partly_untracked),
    ("with torch.enable_grad():\n    y = x*3\ny", tracked_again),
    ("ones(2)", lambda _: torch.ones(2)),
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
    inputs = {"x": [1, 2]} if "x" in program else {}
    report = explore(program, inputs=inputs, mode=mode)
    (told,) = report.trace.output_tensors()
    assert told.values == tuple(result.flatten().tolist())
    assert told.requires_grad is result.requires_grad
    assert told.is_leaf is result.is_leaf
    assert told.is_inference is result.is_inference()
    name = None if told.grad_fn is None else report.trace.nodes[told.grad_fn].name
    assert name == (None if result.grad_fn is None else type(result.grad_fn).__name__)
    grad = report.grads.get("x")
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
        ("no-grad", "x.view(2, 1)", "no-grad-view", "x.view(2, 1)"),
        ("inference-mode", "(2*x).sin()", "cut-by-grad-mode-off", "2*x"),
        ("detach", "(2*x).sin()", "cut-by-detach", "2*x"),
        ("data", "(2*x).sin()", "cut-by-data", "2*x"),
    ],
)
def test_the_reason_is_the_mode(mode: str, program: str, rule: str, piece: str | None) -> None:
    report = explore(program, x=[1, 2], mode=mode)
    assert found(report) == [("error", rule, piece)]
    if mode != "no-requires-grad":
        assert report.diagnostics[0].fix == f'leave out mode="{mode}"'


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
        ("y = x*2\nwith torch.no_grad():\n    y *= 3\ny.sum()", ("note", "cut-by-no-grad", "y *= 3")),
        # All of it is cut: torch refuses.
        ("y = x*2\ny.detach_()", ("error", "cut-by-detach", "y.detach_()")),
        ("x.requires_grad_(False)\nx*2", ("error", "requires-grad-missing", "x.requires_grad_(False)")),
        ("y = x.detach()\ny*2", ("error", "cut-by-detach", "x.detach()")),
        ("x.sum().item()*2", ("error", "cut-by-item", "x.sum().item()")),
        ("x.argmax()", ("error", "cut-by-index-op", "x.argmax()")),
        ("(x > 1)", ("error", "cut-by-comparison", "x > 1")),
        ("x.long()*2", ("error", "cut-by-int-cast", "x.long()")),
        ("x.to(torch.int64)", ("error", "cut-by-int-cast", "x.to(torch.int64)")),
        ("with no_grad():\n    y = x.view(2)\ny.sum()", ("error", "no-grad-view", "x.view(2)")),
        ("zeros_like(x)", ("error", "not-in-graph", None)),
        ("0*x.shape[0]*ones(2)", ("error", "not-in-graph", None)),
        ("with torch.inference_mode():\n    y = x*2\ny.sum()", ("error", "cut-by-grad-mode-off", "x*2")),
    ],
)
def test_the_reason_is_in_the_program(program: str, expected: tuple[str, str, str | None]) -> None:
    assert found(explore(program, x=[1, 2])) == [expected]


def test_a_write_that_torch_allows_is_not_refused() -> None:
    report = explore("with torch.no_grad():\n    x.view(-1).zero_()\nx*2", x=[1, 2])
    assert report.ok
    assert report.trace.output_tensors()[0].values == (0.0, 0.0)


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
        "clamp(x, 0, 1.5) + ones_like(x)",
        "x.softmax(0)[x.argmax()]",
        "x.data *= 3\nx*2",
        "with torch.no_grad():\n    x -= 0.1*x\nx*2",
    ],
)
def test_a_healthy_program_gets_no_remark(program: str) -> None:
    report = explore(program, x=[1, 2])
    assert report.ok
    assert report.diagnostics == ()


MADE_IN_INFERENCE_MODE = """
w = torch.ones(2, requires_grad=True)
with torch.inference_mode():
    given = torch.ones(2)
w.grad = given
loss = (w * 3).sum()
"""


def test_torch_refuses_to_add_to_a_gradient_of_inference_mode() -> None:
    names: dict[str, Any] = {"torch": torch}
    with pytest.raises(RuntimeError) as plainly:
        exec(f"{MADE_IN_INFERENCE_MODE}loss.backward()", names)  # noqa: S102 - a program of a test's
    report = explore(f"{MADE_IN_INFERENCE_MODE}loss.backward()")
    refusal = report.trace.refusal
    assert refusal is not None
    assert (refusal.exception, refusal.message) == ("RuntimeError", str(plainly.value))
    assert observe(f"import torch{MADE_IN_INFERENCE_MODE}loss.backward()").unseen == ()


def test_a_gradient_of_inference_mode_gives_way_to_one_with_a_graph() -> None:
    report = explore(f"{MADE_IN_INFERENCE_MODE}loss.backward(create_graph=True)\nw.grad")
    assert report.trace.output_tensors()[0].values == (4.0, 4.0)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("program", ["x**2 + no_grad(x**3)", "y = x*2\ny.sin().sum()", "x.detach()", "x.split(1)"])
def test_the_command_line_has_a_flag_for_each_mode(agx: Agx, program: str, mode: str) -> None:
    flag = [] if mode == DEFAULT_MODE else [f"--{mode}"]
    outcome = agx("grad", program, "--x", "1,2", *flag, "--json")
    assert outcome.report == {
        **json_object(asked_from_a_shell(Request(program=program, inputs={"x": "1,2"}, mode=mode))),
        "command_line": ANY,
    }
    assert outcome.report["mode"] == mode
    assert outcome.code == (0 if all(outcome.report["grads"].values()) and not outcome.report["refusal"] else 1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wrt", [None, ["x"], ["w"], ["w", "x"], []])
def test_only_the_inputs_of_wrt_require_gradients_and_pass_the_mode(mode: str, wrt: list[str] | None) -> None:
    report = explore("x*w + i", x=[1, 2], w=[3, 4], i="0,1:int64", wrt=wrt, mode=mode)
    asked = {"x", "w"} if wrt is None else set(wrt)
    tensors = {variable.name: variable.tensor for variable in report.trace.variables}
    cuts = {name.partition(".")[2] for name in tensors} - {""}
    assert set(report.grads) == asked
    assert {name for name in "xwi" if tensors[name].requires_grad} == (asked if mode != "no-requires-grad" else set())
    assert cuts == ({MODES[mode].entry.value[1:]} if asked and mode in {"detach", "data"} else set())
    if mode == DEFAULT_MODE and asked:
        expected = {"x": (3.0, 4.0), "w": (1.0, 2.0)}
        assert {name: grad and grad.values for name, grad in report.grads.items()} == {
            name: expected[name] for name in asked
        }
        assert report.ok


def test_an_input_enters_cut_off_from_a_leaf_that_is_shown_beside_it(agx: Agx) -> None:
    for flag, name in (("--detach", "x.detach()"), ("--data", "x.data")):
        tensors = agx("grad", "2*x", "--x", "1,2", flag, "--json").report["tensors"]
        facts = {each: (told["requires_grad"], told["is_leaf"], told["grad"]) for each, told in tensors.items()}
        assert facts == {"x": (True, True, None), name: (False, True, None)}
        assert tensors["x"]["storage"] == tensors[name]["storage"]


def test_a_mode_does_not_keep_the_program_from_tracking_again() -> None:
    grads = {
        mode: explore("y = (x*2).requires_grad_()\n(y*y).sum()", x=[1, 2], mode=mode).grads
        for mode in ("no-requires-grad", "detach", "data")
    }
    for found_grads in grads.values():
        assert found_grads["x"] is None
        assert found_grads["y"] is not None
        assert found_grads["y"].values == (4.0, 8.0)


@pytest.mark.parametrize(
    ("program", "piece", "line", "since"),
    [
        ("x**2 + no_grad(x**3)", "x**3", 1, "no_grad(x**3)"),
        ("y = 1\nx + no_grad(  x.sin() )", "x.sin()", 2, "no_grad(  x.sin() )"),
        ("with torch.no_grad():\n    y = x**3\nx**2 + y", "x**3", 2, "torch.no_grad()"),
        ("with no_grad():\n    with no_grad():\n        y = x + 1\ny * x", "x + 1", 3, "no_grad()"),
        ("y = (x**2\n  ).detach()\ny * x", "(x**2\n  ).detach()", 1, None),
        ("é = x.sum()\né.data * x", "é.data", 2, None),
    ],
)
def test_the_span_of_a_cut_is_the_piece_to_change(program: str, piece: str, line: int, since: str | None) -> None:
    (note,) = explore(program, x=[1, 2]).diagnostics
    assert note.span is not None
    assert (note.span.cut(program), note.span.line) == (piece, line)
    assert [related.span.cut(program) for related in note.related] == ([] if since is None else [since])


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (["--no-grad", "--detach"], "usage"),
        (["--data", "--inference-mode"], "usage"),
        (["--wrt", "y"], "unknown-name"),
        (["--wrt", "i"], "int-dtype"),
    ],
)
def test_a_request_that_contradicts_itself_is_refused(agx: Agx, words: list[str], rule: str) -> None:
    outcome = agx("grad", "x*i", "--x", "1", "--i", "2:int64", *words, "--json")
    assert (outcome.code, outcome.report["diagnostics"][0]["rule"]) == (2, rule)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["2*x"], 0),
        (["2*x", "--no-requires-grad"], 1),
        (["2*x", "--no-grad"], 1),
        (["2*x", "--inference-mode"], 1),
        (["2*x", "--detach"], 1),
        (["2*x", "--data"], 1),
        (["x**2 + no_grad(x**3)"], 0),
        (["x**2 + (x**3).detach()"], 0),
        (["no_grad(x**3)"], 1),
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


def test_a_tensor_that_begins_tracking_in_the_program_is_an_answer() -> None:
    report = explore("a = x*3\na.requires_grad_(True)\n(a*a).sum()", x=[1, 2], mode="no-requires-grad")
    assert report.ok
    assert report.grads["a"] is not None
