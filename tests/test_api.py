"""The Python API: the same Report as the command line's, from text, numbers, arrays and tensors."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from autograd_cli import Limits, Report, Severity, Status, compare, explain, explore


def values(report: Report, name: str) -> Any:
    """The values of a gradient."""
    grad = report.grads[name]
    assert grad is not None
    return grad.values


@pytest.mark.parametrize(
    "x",
    [
        "1,2,3",
        [1, 2, 3],
        (1.0, 2.0, 3.0),
        np.array([1.0, 2.0, 3.0], dtype=np.float32),
        np.array([3.0, 2.0, 1.0])[::-1],
        np.array([1.0, 2.0, 3.0]).astype(">f8"),
        torch.tensor([1.0, 2.0, 3.0]),
        torch.tensor([1.0, 2.0, 3.0], dtype=torch.float16),
    ],
    ids=lambda x: type(x).__name__,
)
def test_an_input_is_text_numbers_an_array_or_a_tensor(x: object) -> None:
    report = explore("x**2", x=x)
    assert report.ok
    assert values(report, "x") == (2.0, 4.0, 6.0)


def test_the_dtype_of_an_array_or_tensor_is_kept() -> None:
    grads = explore("x*w*c", x=torch.ones(1, dtype=torch.float64), w=np.ones(1), c=[1]).grads
    assert [grad and grad.dtype for grad in grads.values()] == ["float64", "float64", "float32"]


def test_the_callers_tensors_and_settings_stay_as_they_were() -> None:
    x = torch.ones(2, requires_grad=True)
    array = np.ones(2)
    torch.manual_seed(7)
    state = torch.get_rng_state()
    with torch.no_grad():
        report = explore("x.data *= 2; a.data *= 3; (x*a*rand(2)).sum()", x=x, a=array, dtype="float64", threads=1)
        assert report.ok, report.diagnostics
        assert not torch.is_grad_enabled()
    assert x.tolist() == [1.0, 1.0]
    assert x.grad is None
    assert array.tolist() == [1.0, 1.0]
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_default_dtype() == torch.float32


def test_the_input_of_a_report_is_what_came_in() -> None:
    report = explore("y = x.data\ny += 1\nx", x=[1, 2])
    first = report.trace.values[0].tensor
    assert first is not None
    assert first.values == (1.0, 2.0)
    assert report.trace.output_tensors()[0].values == (2.0, 3.0)


def test_the_input_among_several_results_is_what_came_in_too() -> None:
    report = explore("y = x.data\ny += 1\n(x, x*2)", x=[1, 2])
    first = report.trace.values[0].tensor
    assert first is not None
    assert first.values == (1.0, 2.0)
    assert [output.values for output in report.trace.output_tensors()] == [(2.0, 3.0), (4.0, 6.0)]


@pytest.mark.parametrize("mode", ["no-grad", "inference-mode"])
def test_a_named_view_that_torch_tells_nothing_of_is_no_crash(mode: str) -> None:
    report = explore("y = x.view(-1)\nx.add_(1)\ny += 1\nx*1", x=[1, 2], mode=mode)
    assert [output.values for output in report.trace.output_tensors()] == [(3.0, 4.0)]


def test_a_complex_gradient_is_what_torch_makes_of_it() -> None:
    x = torch.tensor([1 + 2j], requires_grad=True)
    weight = torch.tensor([complex(float("inf"), 0)])
    x.clone().backward(weight)
    assert x.grad is not None
    assert repr(values(explore("x.clone()", x=[1 + 2j], gradient=[complex("inf")]), "x")) == repr(
        tuple(x.grad.tolist())
    )
    refused = explore("2*x", x=[1, 2], gradient=[1 + 2j, 3])
    assert refused.trace.refusal is not None
    assert "same dtype" in refused.trace.refusal.message


def test_names_that_are_arguments_go_through_inputs() -> None:
    assert values(explore("seed*mode", inputs={"seed": 2, "mode": 3}), "seed") == (3.0,)


def test_an_input_may_be_called_gradient() -> None:
    given = {"x": torch.ones(2), "gradient": torch.tensor([3.0, 4.0])}
    report = explore("x*gradient", inputs=given, gradient=torch.tensor([1.0, 10.0]))
    assert values(report, "x") == (3.0, 40.0)
    assert values(report, "gradient") == (1.0, 10.0)


def test_gradients_of_several_outputs() -> None:
    report = explore("x.split(2)", x=[1, 2, 3, 4], gradients=["1,2", [3, 4]])
    assert values(report, "x") == (1.0, 2.0, 3.0, 4.0)
    report = explore("x.split(2)", x=[1, 2, 3, 4], gradient="1,2")
    assert report.status is Status.BAD_REQUEST
    assert report.diagnostics[0].rule == "gradient-shape"


@pytest.mark.parametrize(
    ("program", "arguments", "rule"),
    [
        ("2*", {}, "syntax"),
        (lambda x: 2 * x, {"x": [1]}, "usage"),
        (2, {}, "usage"),
        (Path("train.py"), {}, "usage"),
        ("models/train.py", {}, "usage"),
        ("2*x", {}, "missing-value"),
        ("2*x", {"x": [1], "w": 2}, "unused-input"),
        ("2*x", {"x": [[1], [1, 2]]}, "ragged"),
        ("2*x", {"x": ["a"]}, "not-a-number"),
        ("2*x", {"x": object()}, "bad-value"),
        ("2*x", {"x": np.array(["a"])}, "bad-value"),
        ("2*x", {"x": torch.ones(2).to_sparse()}, "bad-value"),
        ("2*x", {"x": [1], "seed": "a"}, "bad-value"),
        ("2*x", {"x": [1], "threads": 0}, "bad-value"),
        ("2*x", {"x": [1], "mode": "nograd"}, "unknown-mode"),
        ("2*x", {"x": [1], "dtype": "int64"}, "unknown-dtype"),
        ("2*x", {"x": [1], "device": "cuda:77"}, "unknown-device"),
        ("2*x", {"x": [1], "wrt": ["y"]}, "unknown-name"),
        ("x*k", {"x": [1], "k": "1:int64", "wrt": ["k"]}, "int-dtype"),
        ("x = 3.0", {}, None),
        ("x.data *= 2", {"x": [1]}, "no-result"),
    ],
)
def test_a_request_that_cannot_be_understood_does_not_raise(
    program: Any, arguments: dict[str, Any], rule: str | None
) -> None:
    report = explore(program, **arguments)
    assert not report.ok
    if rule is not None:
        assert report.status is Status.BAD_REQUEST
        assert [found.rule for found in report.diagnostics] == [rule]
        assert report.diagnostics[0].severity is Severity.ERROR


def test_torch_warnings_do_not_leak() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert explore("y = 2*x; float(y.sum()) * y.mean()", x=[1, 2]).ok


def test_it_shows_itself_in_a_notebook_and_in_a_rich_console() -> None:
    report = explore("2*x", x=[1, 2])
    html = report._repr_html_()
    assert "MulBackward0" in html
    assert html.startswith("<pre")
    console = Console(file=io.StringIO(), width=80)
    console.print(report)
    assert isinstance(console.file, io.StringIO)
    assert "AccumulateGrad(x)" in console.file.getvalue()


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What Rich displays in a notebook, which it takes this process to be."""
    seen: list[object] = []
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr("rich.jupyter.display", lambda *what: seen.append(what))
    return seen


@pytest.mark.parametrize("show", [str, repr, lambda report: report._repr_html_()], ids=["str", "repr", "html"])
@pytest.mark.parametrize("program", ["2*pi", "2*"])
def test_nothing_is_displayed_beside_what_a_notebook_asks_for(
    show: Callable[[Report], str], program: str, displayed: list[object]
) -> None:
    assert show(explore(program))
    assert displayed == []


@pytest.mark.parametrize(
    ("report", "piece"),
    [
        (lambda: explore("2*x", x=[1, 2]), "x.grad"),
        (lambda: explain("y = x.detach(); (x*y).sum()", x=[1, 2]), "what it would have been"),
        (lambda: compare("2*x", x=1), "inference-mode"),
        (lambda: explore("2*"), "error[syntax]"),
    ],
    ids=["explore", "explain", "compare", "error"],
)
def test_printed_it_is_its_page(report: Callable[[], Report], piece: str) -> None:
    page = str(report())
    assert piece in page
    assert "\x1b" not in page
    assert page == page.strip("\n")


def test_at_a_prompt_it_is_one_line() -> None:
    report = explain("y = x.detach()\n(y*2).sum()", x=list(range(1_000)))
    assert repr(report) == "<Report of 'y = x.detach()…': bad-news; x.grad; cut-by-detach>"
    assert len(repr(report.trace)) < 100
    assert len(repr(compare("2*x", x=[1, 2]))) < 100


def test_explain_is_explore_with_its_reasons() -> None:
    report = explain("y = x.detach(); z = x*y; z.sum()", x=[1, 2], of="y")
    assert report.explanation is not None
    assert [cut.rule for cut in report.explanation.cuts] == ["cut-by-detach"]
    assert report.trace.walks
    assert report.of == "y"


def test_compare_runs_every_mode() -> None:
    report = compare("2*x", x=1, modes=["requires-grad", "no-grad"])
    assert [(column.name, column.report.ok) for column in report.columns] == [
        ("requires-grad", True),
        ("no-grad", False),
    ]


def test_fixed_is_the_program_with_the_fix_made() -> None:
    program = "y = torch.sigmoid(x)\ny[0] = 0.0\ny.sum().backward()"
    report = explain(program, x=[1, 2])
    assert not report.ok
    assert explore(report.fixed, x=[1, 2]).ok
    assert "report.fixed is the program" in str(report)


@pytest.mark.parametrize(
    ("program", "fixed"),
    [
        (
            "y = x.sigmoid(); y[0] = 0; y.sum().backward()",
            "y = x.sigmoid(); y = y.clone(); y[0] = 0; y.sum().backward()",
        ),
        ("y = x.sigmoid()\nif True: y[0] = 0\ny.sum().backward()", "if True: y = y.clone(); y[0] = 0"),
        ("y = x.sigmoid(); y.mul_(2); y.sum().backward()", "y = y.clone(); y.mul_(2)"),
    ],
)
def test_a_fix_fits_into_a_line_of_several_statements(program: str, fixed: str) -> None:
    report = explain(program, x=[1, 2])
    assert not report.ok
    assert fixed in report.fixed
    assert explain(report.fixed, x=[1, 2]).ok


@pytest.mark.parametrize(
    ("report", "hint"),
    [
        (lambda: explain("model.py"), 'read the file: Path("model.py").read_text()'),
        (lambda: compare("2*x", x=1, modes=["eager"]), "the modes are requires-grad, no-requires-grad"),
        (lambda: explain("x.detach()", x=1), "more: agx rules cut-by-detach, in a shell"),
        (lambda: explore("x*w", x=1), "give it one: w=[1, 2, 3]"),
        (lambda: explore("2*x", x=""), "write x=[1, 2, 3]"),
        (lambda: explore("2*x", x="1,a"), "--> x:1:3"),
        (lambda: explore("2*x", x=1, mode="no-grad"), 'leave out mode="no-grad"'),
        (lambda: explore("x*k", x=1, k="1:int64", wrt=["k"]), "leave k out of wrt"),
        (lambda: explore("2*x", x=[1, 2]), "choose other weights with gradient="),
        (lambda: explore("x.split(1)", x=[1, 2], gradient=[1]), "give gradients=[…], one for each output"),
        (lambda: explore("2*x", x=[1, 2], gradient=[1, 2, 3]), "give gradient a value of shape [2]"),
        (lambda: explore("import numpy as np\nnp.load('a.npy')"), "a file is an input: x=@FILE.npy"),
        (lambda: explore("x*x*x", x=1, limits=Limits(steps=1)), "limits=Limits(steps=N) allows more"),
        (lambda: explore("for i in range(50): print(i)\nx", x=1), "more lines (full=True)"),
    ],
)
def test_hints_are_in_the_words_of_python(report: Callable[[], Report], hint: str) -> None:
    page = str(report())
    assert hint in page
    assert " --" not in page.replace("-->", "")


def test_full_leaves_nothing_out_of_the_page() -> None:
    assert "more lines" not in str(explore("for i in range(50): print(i)\nx", x=1, full=True))


def test_markup_in_the_html_of_a_notebook_is_text() -> None:
    html = explore("x # <script>alert(1)</script> [bold]", x=[1])._repr_html_()
    assert "<script>" not in html
