"""The four passages of PyTorch teaching that agx exists for: its answers beside the same lines of plain torch."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from autograd_cli import explore
from conftest import Agx

REFUSED = "element 0 of tensors does not require grad and does not have a grad_fn"


def tensors(agx: Agx, program: str, *words: str) -> dict[str, Any]:
    """The named tensors of a program, by --json."""
    found: dict[str, Any] = agx("grad", program, *words, "--json").report["tensors"]
    return found


def node_name(report: dict[str, Any], tensor: dict[str, Any]) -> str | None:
    """The name of a tensor's grad_fn."""
    number = tensor["grad_fn"]
    return None if number is None else str(report["nodes"][number]["name"])


def name_of(tensor: torch.Tensor) -> str | None:
    return None if tensor.grad_fn is None else type(tensor.grad_fn).__name__


def test_passage_1_a_tensor_that_was_computed_has_a_grad_fn(agx: Agx) -> None:
    x = torch.ones(2, 2, requires_grad=True)
    y = x + 2
    report = agx("grad", "y = x + 2\ny", "--x", "ones(2,2)", "--json").report
    for name, expected in (("x", x), ("y", y)):
        told = report["tensors"][name]
        assert told["values"] == expected.tolist()
        assert told["is_leaf"] is expected.is_leaf
        assert node_name(report, told) == name_of(expected)
    assert (name_of(x), name_of(y)) == (None, "AddBackward0")


def test_passage_1_what_is_computed_from_an_untracked_tensor_has_no_grad_fn(agx: Agx) -> None:
    x = torch.ones(2, 2)
    y = x + 2
    report = agx("grad", "y = x + 2\ny", "--x", "ones(2,2)", "--no-requires-grad", "--json").report
    for name, expected in (("x", x), ("y", y)):
        told = report["tensors"][name]
        assert told["requires_grad"] is expected.requires_grad is False
        assert told["is_leaf"] is expected.is_leaf is True
        assert told["grad_fn"] is expected.grad_fn is None
        assert told["values"] == expected.tolist()


def test_passage_1_tracking_begins_with_requires_grad(agx: Agx) -> None:
    a = torch.tensor([[2.0, 3.0], [4.0, 5.0]])
    a = (a * 3) / (a - 1)
    before = a.requires_grad
    a.requires_grad_(True)  # noqa: FBT003 - as the passage writes it
    b = (a * a).sum()
    program = "c = (a * 3) / (a - 1)\nd = c.requires_grad\nc.requires_grad_(True)\nb = (c * c).sum()\nb"
    report = agx("grad", program, "--a", "2,3;4,5", "--no-requires-grad", "--json").report
    assert before is False
    assert [value["scalar"] for value in report["values"] if value["op"] == ".requires_grad"] == [False]
    assert report["tensors"]["c"]["requires_grad"] is True
    assert report["result"]["values"] == b.item()
    assert node_name(report, report["tensors"]["b"]) == name_of(b) == "SumBackward0"
    b.backward()
    assert a.grad is not None
    assert report["grads"]["c"]["values"] == a.grad.tolist()


def test_passage_2_backward_on_a_scalar() -> None:
    x = torch.ones(2, 2, requires_grad=True)
    ((x + 2) * (x + 2) * 3).mean().backward()
    report = explore("y = x + 2; z = y * y * 3; z.mean()", x="ones(2,2)")
    assert x.grad is not None
    assert report.grads["x"] is not None
    assert report.grads["x"].values == tuple(x.grad.flatten().tolist()) == (4.5,) * 4


def test_passage_2_backward_on_a_matrix_needs_weights(agx: Agx) -> None:
    x = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    weights = torch.tensor([[1.0, 0.1], [0.01, 0.001]])
    (2 * x).view(2, 2).backward(weights)
    words = ("--x", "1,2,3,4", "--gradient", "[[1,0.1],[0.01,0.001]]")
    outcome = agx("grad", "(2*x).view(2,2)", *words, "--json")
    assert x.grad is not None
    assert outcome.report["grads"]["x"]["values"] == x.grad.tolist()
    assert agx("grad", "(2*x).view(2,2)", *words, "-q").out == "2,0.2,0.02,0.002\n"
    wrong = agx("grad", "(2*x).view(2,2)", "--x", "1,2,3,4", "--gradient", "1,2,3,4", "--json")
    assert wrong.code == 2
    assert "[4]" in wrong.report["diagnostics"][0]["message"]
    assert "[2, 2]" in wrong.report["diagnostics"][0]["message"]


def test_passage_2_weights_scale_each_row_of_the_derivative() -> None:
    x = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    weights = [[1.0, 0.1], [0.01, 0.001]]
    (2 * x).view(2, 2).backward(torch.tensor(weights))
    report = explore("(2*x).view(2,2)", x=[1, 2, 3, 4], gradient=weights)
    by_definition = [2 * weight for row in weights for weight in row]
    assert x.grad is not None
    assert report.grads["x"] is not None
    assert report.grads["x"].values == tuple(x.grad.tolist())
    assert report.grads["x"].values == pytest.approx(by_definition)
    assert report.trace.backwards[0].given is True
    assert report.trace.backwards[0].gradients[0] is not None
    assert report.trace.backwards[0].gradients[0].values == tuple(torch.tensor(weights).flatten().tolist())


def test_passage_3_no_grad_cuts_a_part(agx: Agx) -> None:
    x = torch.tensor(1.0, requires_grad=True)
    y1 = x**2
    with torch.no_grad():
        y2 = x**3
    y3 = y1 + y2
    y3.backward()
    program = "y1 = x**2\nwith torch.no_grad():\n    y2 = x**3\ny3 = y1 + y2\ny3"
    report = agx("grad", program, "--x", "1", "--json").report
    for name, expected in (("y1", y1), ("y2", y2), ("y3", y3)):
        assert report["tensors"][name]["requires_grad"] is expected.requires_grad
        assert node_name(report, report["tensors"][name]) == name_of(expected)
    assert x.grad is not None
    assert report["grads"]["x"]["values"] == x.grad.item() == 2.0
    assert report["tensors"]["y2"]["requires_grad"] is False


def test_passage_3_in_one_expression() -> None:
    x = torch.tensor(1.0, requires_grad=True)
    with torch.no_grad():
        cut = x**3
    (x**2 + cut).backward()
    for program in ("x**2 + no_grad(x**3)", "x**2 + (x**3).detach()"):
        report = explore(program, x=1)
        assert x.grad is not None
        assert report.grads["x"] is not None
        assert report.grads["x"].values == (x.grad.item(),) == (2.0,)
        assert report.ok
    refused = explore("no_grad(x**3)", x=1)
    assert refused.trace.refusal is not None
    assert refused.trace.refusal.message == REFUSED
    with pytest.raises(RuntimeError, match=REFUSED):
        cut.backward()


def test_passage_3_backward_on_the_cut_part_is_refused(agx: Agx) -> None:
    outcome = agx("grad", "with torch.no_grad():\n    y2 = x**3\ny2", "--x", "1", "--json")
    (found,) = outcome.report["diagnostics"]
    assert outcome.code == 1
    assert outcome.report["refusal"]["message"] == REFUSED
    assert found["torch_says"] == f"RuntimeError: {REFUSED}"
    assert found["rule"] == "cut-by-no-grad"
    assert (found["span"]["line"], found["related"][0]["span"]["line"]) == (2, 1)


def test_passage_4_data_changes_values_behind_autograds_back(agx: Agx) -> None:
    x = torch.ones(1, requires_grad=True)
    tracked = x.data.requires_grad
    y = 2 * x
    x.data *= 100
    y.backward()
    report = agx("grad", "y = 2*x\nx.data *= 100\ny", "--x", "ones(1)", "--json").report
    assert report["tensors"]["x"]["values"] == x.tolist() == [100.0]
    assert x.grad is not None
    assert report["grads"]["x"]["values"] == x.grad.tolist() == [2.0]
    assert report["tensors"]["x"]["version"] == x._version == 0  # noqa: SLF001 - torch has no other name for it
    data = next(value for value in report["values"] if value["op"] == ".data")
    assert data["tensor"]["requires_grad"] is tracked is False
    assert tensors(agx, "y = 2*x\nx.data *= 100\nz = x.data\ny", "--x", "1")["z"]["values"] == 100.0
