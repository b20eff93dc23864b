"""What a gradient would have been without one cut: what plain torch gives for the text with that cut edited out."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from autograd_cli import explore
from autograd_cli.report import Report
from autograd_cli.trace import Counterfactual, TensorInfo
from random_programs import CHUNKS, INPUTS, Made, backward, by_torch, chunk, gradients, run, same

IMPORTS = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n"
X = [1.5, -2.0]
W = [0.5, 3.0]

# A program, and the same with one cut edited out; one for each cut that changes a gradient.
TABLE: dict[str, tuple[str, list[str]]] = {
    "detach, the method": ("y = x.detach() * w\ny.sum()", ["y = x * w\ny.sum()"]),
    "detach, the function": ("y = torch.detach(x * 2) * w\ny.sum()", ["y = (x * 2) * w\ny.sum()"]),
    "detach, by keyword": ("y = torch.detach(input=x * 2) * w\ny.sum()", ["y = (x * 2) * w\ny.sum()"]),
    "detach of what a sum is": (
        "((x * w).sum() + x.sin()).detach().sum() * w.sum()",
        ["((x * w).sum() + x.sin()).sum() * w.sum()"],
    ),
    "two detaches in one line": (
        "(x.detach() * w + w.detach() * x).sum()",
        ["(x * w + w.detach() * x).sum()", "(x.detach() * w + w * x).sum()"],
    ),
    "one detach in another line's value": (
        "y = x.detach()\nz = w * y\n(z + x).sum()",
        ["y = x\nz = w * y\n(z + x).sum()"],
    ),
    "detach behind detach": ("y = x.detach().detach() * w\ny.sum()", []),
    "a detach that changes nothing": ("y = (x.detach() > 0).float() * x * w\ny.sum()", []),
    "a detach that leads nowhere": ("y = x.detach()\n(x * w).sum()", []),
    "detach of a slice": ("(x[0].detach() * x[1] * w).sum()", ["(x[0] * x[1] * w).sum()"]),
    "detach as an argument": ("F.mse_loss(x, (w * 2).detach())", ["F.mse_loss(x, (w * 2))"]),
    "detach in a lambda": ("f = lambda t: t.detach() * t\n(f(x) + w).sum()", ["f = lambda t: t * t\n(f(x) + w).sum()"]),
    "detach in a function called twice": (
        "def f(t):\n    return t.detach() * 2\n(f(x) * w + f(w) * x).sum()",
        ["def f(t):\n    return t * 2\n(f(x) * w + f(w) * x).sum()"],
    ),
    "detach in a loop": (
        "h = x\nfor i in range(3):\n    h = h.detach() * w + x\nh.sum()",
        ["h = x\nfor i in range(3):\n    h = h * w + x\nh.sum()"],
    ),
    "detach in a comprehension": (
        "sum([p.detach() * w.sum() for p in x])",
        ["sum([p * w.sum() for p in x])"],
    ),
    "detach_": ("y = x * 2\ny.detach_()\n(y * w).sum()", ["y = x * 2\n(y * w).sum()"]),
    "detach of a chain over two lines": (
        "y = (\n    (x * 2)\n    .detach()\n    * w\n)\ny.sum()",
        ["y = (x * 2) * w\ny.sum()"],
    ),
    "no_grad": ("with torch.no_grad():\n    y = x * 2\n(y * w).sum()", ["y = x * 2\n(y * w).sum()"]),
    "no_grad, nested": (
        "with torch.no_grad():\n    y = x * 2\n    with torch.no_grad():\n        z = w * y\n(z * y + x).sum()",
        ["y = x * 2\nwith torch.no_grad():\n    z = w * y\n(z * y + x).sum()"],  # the inner one alone changes nothing
    ),
    "no_grad, one of two": (
        "with torch.no_grad():\n    y = x * 2\nwith torch.no_grad():\n    z = w * 3\n(y * z + x * w).sum()",
        [
            "y = x * 2\nwith torch.no_grad():\n    z = w * 3\n(y * z + x * w).sum()",
            "with torch.no_grad():\n    y = x * 2\nz = w * 3\n(y * z + x * w).sum()",
        ],
    ),
    "no_grad in a loop": (
        "h = x\nfor i in range(3):\n    with torch.no_grad():\n        g = h * w\n    h = h + g\nh.sum()",
        ["h = x\nfor i in range(3):\n    g = h * w\n    h = h + g\nh.sum()"],
    ),
    "no_grad, the decorator": (
        "@torch.no_grad()\ndef f(t):\n    return t * t\n(f(x) * w).sum()",
        ["def f(t):\n    return t * t\n(f(x) * w).sum()"],
    ),
    "no_grad, of an expression": ("(no_grad(x**3) * x + w).sum()", ["(x**3 * x + w).sum()"]),
    "no_grad with enable_grad in it": (
        "with torch.no_grad():\n    y = x * 2\n    with torch.enable_grad():\n        z = x * w\n(y * z).sum()",
        ["y = x * 2\nz = x * w\n(y * z).sum()"],
    ),
    "no_grad over an in-place change": (
        "y = x * 2\nwith torch.no_grad():\n    y.mul_(w)\n(y * 3).sum()",
        ["y = x * 2\ny.mul_(w)\n(y * 3).sum()"],
    ),
    "no_grad over a function of the program": (
        "def f(t):\n    return t.sin() * w\nwith torch.no_grad():\n    y = f(x)\n(y + x).sum()",
        ["def f(t):\n    return t.sin() * w\ny = f(x)\n(y + x).sum()"],
    ),
    "set_grad_enabled, with": (
        "with torch.set_grad_enabled(False):\n    y = x * 2\n(y * w).sum()",
        ["y = x * 2\n(y * w).sum()"],
    ),
    "inference_mode": (
        "with torch.inference_mode():\n    y = x * 2\n(y + w).sum()",
        ["y = x * 2\n(y + w).sum()"],
    ),
    "data, read": ("(x.data * w).sum()", ["(x * w).sum()"]),
    "data of a chain": ("(x.sin().data * w + x).sum()", ["(x.sin() * w + x).sum()"]),
    "data, in place": ("y = x * 2\ny.data *= 2\n(y * w).sum()", ["y = x * 2\ny *= 2\n(y * w).sum()"]),
    "data, an element": ("y = x * 2\ny.data[0] = 1\n(y * w).sum()", ["y = x * 2\ny[0] = 1\n(y * w).sum()"]),
    "data, by a method": ("y = x * 2\ny.data.mul_(w)\n(y * 3).sum()", ["y = x * 2\ny.mul_(w)\n(y * 3).sum()"]),
    "data of a leaf that torch does not let be changed": ("x.data *= 2\n(x * w).sum()", []),
    "data of what backward needs": ("y = x.exp()\ny.data *= 2\n(y * w).sum()", []),
    "item": ("(x.sum().item() * w).sum()", ["(x.sum() * w).sum()"]),
    "item in a formula": ("s = (x * w).sum().item() + 1\n(s * x).sum()", ["s = (x * w).sum() + 1\n(s * x).sum()"]),
    "item that torch cannot do without": ("n = x.abs().sum().item()\n(w * int(n)).sum()", []),
    "with backward in the program": (
        "y = (x.detach() * w).sum()\ny.backward()",
        ["y = (x * w).sum()\ny.backward()"],
    ),
    "with two backward passes": (
        "(x * w).sum().backward()\n(x.detach() * w.exp()).sum().backward()",
        ["(x * w).sum().backward()\n(x * w.exp()).sum().backward()"],
    ),
    "where the program without it is refused": ("y = x.detach()\ny[0] = 5\n(y * w).sum()", []),
    "where the value of the cut is changed in place": (
        "y = (x * 1).detach()\ny.mul_(w)\n(y * x).sum()",
        ["y = (x * 1)\ny.mul_(w)\n(y * x).sum()"],
    ),
    "names beyond ASCII": ("张量 = x.detach() * w; 张量.sum()", ["张量 = x * w; 张量.sum()"]),
    "a string before the cut": ("print('不'); y = x.detach() * w\ny.sum()", ["print('不'); y = x * w\ny.sum()"]),
}  # fmt: skip


def by_python(text: str) -> dict[str, torch.Tensor | None] | None:
    """The gradients by plain torch, backward on the last line's value included; None where torch refuses."""
    names: dict[str, Any] = {"x": torch.tensor(X, requires_grad=True), "w": torch.tensor(W, requires_grad=True)}
    names["no_grad"] = torch.no_grad
    torch.manual_seed(0)
    *lines, last = text.split("\n")
    try:
        if last.endswith("backward()"):
            run("\n".join([IMPORTS, *lines, last]), names)
        else:
            head, _, tail = last.rpartition("; ")
            run("\n".join([IMPORTS, *lines, head, f"result = {tail}"]), names)
            backward(names["result"])
    except RuntimeError:
        return None
    return {name: names[name].grad for name in ("x", "w")}


def tensor(told: TensorInfo | None) -> torch.Tensor | None:
    return None if told is None else torch.tensor(told.values, dtype=getattr(torch, told.dtype)).reshape(told.shape)


Changes = list[tuple[str, torch.Tensor | None, torch.Tensor | None]]


def changes(actual: dict[str, torch.Tensor | None], edited: dict[str, torch.Tensor | None] | None) -> Changes:
    if edited is None:
        return []
    return [(name, grad, edited[name]) for name, grad in actual.items() if not same(grad, edited[name])]


def told(report: Report) -> dict[object, list[Counterfactual]]:
    """The counterfactuals, by the cut."""
    assert report.explanation is not None
    found: dict[object, list[Counterfactual]] = {}
    for each in report.explanation.counterfactuals:
        found.setdefault(each.span, []).append(each)
    return found


def assert_same(found: list[Counterfactual], expected: Changes) -> None:
    assert [each.name for each in found] == [name for name, _, _ in expected]
    for each, (_, actual, would_be) in zip(found, expected, strict=True):
        assert same(tensor(each.actual), actual)
        assert same(tensor(each.would_be), would_be)


@pytest.mark.parametrize("program", TABLE)
def test_each_cut_edited_out(program: str) -> None:
    text, edited = TABLE[program]
    report = explore(text, x=X, w=W, watch=True)
    assert report.traces, report.diagnostics
    actual = {name: tensor(grad) for name, grad in report.grads.items() if name in {"x", "w"}}
    if program != "no_grad, of an expression" and (plain := by_python(text)) is not None:
        assert all(same(actual[name], plain[name]) for name in plain)
    found = list(told(report).values())
    expected = [changed for each in edited if (changed := changes(actual, by_python(each)))]
    assert len(expected) == len(edited)  # each edit of the table changes a gradient
    assert len(found) == len(expected), report.explanation
    for one, other in zip(found, expected, strict=True):
        assert_same(one, other)


@pytest.mark.parametrize("mode", ["no-grad", "detach", "data", "inference-mode"])
@pytest.mark.parametrize("text", ["(x * w).sum()", "y = x.sin()\n(y * w + x).sum()"])
def test_a_mode_of_the_whole_program(text: str, mode: str) -> None:
    report = explore(text, x=X, w=W, mode=mode, watch=True)
    assert report.explanation is not None
    assert {each.span for each in report.explanation.counterfactuals} == {None}
    assert_same(list(report.explanation.counterfactuals), changes({"x": None, "w": None}, by_python(text)))


def test_a_mode_beside_a_cut_of_the_programs_own() -> None:
    report = explore("(x.detach() * w).sum()", x=X, w=W, mode="no-grad", watch=True)
    (found,) = told(report).values()
    assert_same(found, changes({"x": None, "w": None}, by_python("(x.detach() * w).sum()")))


@pytest.mark.parametrize("number", range(CHUNKS))
def test_of_programs_made_at_random(number: int) -> None:
    found_any = False
    for made in chunk(number):
        report = explore(made.text, inputs=dict(INPUTS), watch=True)
        actual = by_torch(made.text)
        if not ended(actual["result"]):
            continue
        found = by_statement(made, told(report))
        cuts = [place for place, statement in enumerate(made.statements) if statement.whole is not None]
        for place in cuts:
            expected = changes(gradients(actual), without(made, place))
            assert_same([each for each in found.pop(place, []) if each.name in gradients(actual)], expected)
            found_any = found_any or bool(expected)
        assert not found
    assert found_any


def ended(result: torch.Tensor) -> bool:
    try:
        backward(result)
    except RuntimeError:
        return False
    return True


def without(made: Made, place: int) -> dict[str, torch.Tensor | None] | None:
    """The gradients by plain torch of a program without one cut."""
    try:
        names = by_torch(made.without(place))
    except (RuntimeError, TypeError):
        return None
    return gradients(names) if ended(names["result"]) else None


def by_statement(made: Made, found: dict[object, list[Counterfactual]]) -> dict[int, list[Counterfactual]]:
    """The counterfactuals, by the statement that makes the cut."""
    return {
        place: each
        for place, statement in enumerate(made.statements)
        for span, each in found.items()
        if getattr(span, "line", None) in statement.lines
    }
