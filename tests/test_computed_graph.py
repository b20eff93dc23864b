"""The computed graph: a result has a path from just the inputs that change it, whatever torch recorded of it.

The oracle is Python: the same program run with one input changed gives another result, or does not.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from autograd_cli import explore
from autograd_cli.rules import explain
from autograd_cli.trace import Kind, Trace, Value

INPUTS = {"a": [1.0, 2.0], "b": [3.0, 5.0], "c": [7.0, 11.0]}
CHANGED = {"a": [1.5, 2.25], "b": [2.0, 9.0], "c": [4.0, 1.0]}
PROGRAMS = [
    "a*b",
    "a*b + c.detach()",
    "s = a.sum().item()\ns*b",
    "s = float(a[0]) + 1\n[s, 2.0][0]*b",
    "n = a.tolist()\ntorch.tensor(n)*b",
    "with torch.no_grad():\n    y = a*2\ny + b",
    "y = a.data\ny + c",
    "y = a.clone()\ny.mul_(b)\ny",
    "y = a.clone()\nv = y[0:1]\nv.mul_(b[0])\ny",
    "y = a.clone()\nd = y.detach()\nd.add_(c)\ny",
    "y = a.clone()\ny[0] = b[1]\ny",
    "y = a.clone()\ny += b\nz = y\ny *= c\nz",
    "y = torch.zeros(2)\ny.copy_(a)\ny*1",
    "ys = []\nys.append(a)\nys.append(b)\ntorch.stack(ys)",
    "ys = [a, b]\nys[1] = c\ntorch.stack(ys)",
    "ys = [a.clone(), b]\nys[0].add_(c)\nsum(ys)",
    "d = {'k': a}\nd['m'] = b\nd['k'] + d['m']",
    "def f(x, y=b):\n    return x*y\nf(a)",
    "f = lambda x: x*c\nf(a)",
    "def f(x):\n    t = x\n    for i in range(3):\n        t = t*b\n    return t\nf(a)",
    "y = a\nfor z in [b, c]:\n    y = y + z\ny",
    "y = a\nfor p, q in zip([b, b], [1, 2]):\n    y = y + p*q\ny",
    "y = sum([row*2 for row in torch.stack([a, b])])\ny",
    "y, z = torch.stack([a, b]).unbind()\ny",
    "y, (z, w) = a, (b, c)\nz",
    "first, *rest = [a, b, c]\nrest[0]*1",
    "i = a.argmax()\nb*1.0 + i",
    "m = (a > 1.2).float()\nm*b",
    "torch.where(a > 1.2, b, c)",
    "l = nn.Linear(2, 1)\nl.weight.data = torch.stack([a])\nl(b)",
    "l = nn.Linear(2, 1)\nwith torch.no_grad():\n    l.weight.copy_(a)\nl(b)",
    "w = a.clone().detach().requires_grad_()\no = torch.optim.SGD([w], lr=0.5)\n(w*b).sum().backward()\no.step()\nw*1",
    "y = (a**2*b).sum()\ng = torch.autograd.grad(y, a)[0]\ng*1",
    "w = a.clone().detach().requires_grad_()\n(w*b).sum().backward()\nw.grad*1",
    "torch.distributions.Normal(a, b).log_prob(c)",
    "k = len([a, b])\nc*k",
    "y = a.view(2)\na = b\ny*1",
    "y = torch.cat([a, b])[:2]\ny*c",
    "torch.einsum('i,j->ij', a, b)",
    "x = a if c[0] > 0 else b\nx*1",
]


def by_python(program: str, values: dict[str, list[float]]) -> torch.Tensor:
    torch.manual_seed(0)
    names: dict[str, Any] = {name: torch.tensor(value, requires_grad=True) for name, value in values.items()}
    *lines, last = program.split("\n")
    exec("\n".join(["import torch", "from torch import nn", *lines, f"result = {last}"]), names)  # noqa: S102 - the oracle is Python
    result: torch.Tensor = names["result"]
    return result.detach()


def reached(trace: Trace) -> set[str]:
    """The inputs that the result has a path from, by the operands alone."""
    assert trace.result is not None
    pending, found = [trace.result, *trace.outputs], set[int]()
    while pending:
        value = pending.pop()
        if value not in found:
            found.add(value)
            pending.extend(trace.values[value].operands)
    return {str(value.name) for value in trace.values if value.kind is Kind.INPUT and value.id in found}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_result_has_a_path_from_the_inputs_that_change_it(program: str) -> None:
    given = {name: value for name, value in INPUTS.items() if name in used(program)}
    report = explore(program, inputs=dict(given))
    base = by_python(program, INPUTS)
    changing = {name for name in given if not torch.equal(by_python(program, {**INPUTS, name: CHANGED[name]}), base)}
    assert report.traces, report.diagnostics
    assert reached(report.trace) >= changing


def used(program: str) -> set[str]:
    return set(re.findall(r"\b[abc]\b", program))


@pytest.mark.parametrize(
    ("program", "inputs"),
    [
        ("y = a*b\ny = c\ny*1", {"c"}),
        ("y = [a, b]\ny[0]*1", {"a"}),
        ("d = {'k': a, 'm': b}\nd['m']*1", {"b"}),
        ("y, z = torch.stack([a, b]), c\nz*1", {"c"}),
        ("y = a.clone()\nz = a*1\ny.mul_(b)\nz", {"a"}),
        ("t = torch.stack([a, b])\nu = t[0]\nv = t[1]\nv.mul_(c)\nu*1", {"a", "b"}),
    ],
)
def test_and_from_no_other(program: str, inputs: set[str]) -> None:
    given = {name: value for name, value in INPUTS.items() if name in used(program)}
    assert reached(explore(program, inputs=dict(given)).trace) == inputs


def value_of(trace: Trace, name: str) -> Value:
    return next(value for value in reversed(trace.values) if value.name == name)


def test_an_in_place_change_makes_a_new_version_of_every_alias() -> None:
    trace = explore("y = x*1\nv = y[0]\nv.mul_(2)\ny.sum()", x=[1.0, 2.0]).trace
    ops = [value.op for value in trace.values]
    written = trace.values[ops.index(".mul_")]
    alias = trace.values[ops.index("alias =")]
    assert written.previous == ops.index("[]")
    assert alias.previous == ops.index("*")
    assert alias.operands == (alias.previous, written.id)
    assert alias.tensor is not None
    assert alias.tensor.values == (2.0, 2.0)
    before = trace.values[ops.index("*")].tensor
    assert before is not None
    assert (before.values, before.version, alias.tensor.version) == ((1.0, 2.0), 0, 1)


def test_data_changes_a_leaf_without_a_version_of_torchs() -> None:
    trace = explore("y = 2*x\nd = x.data\nd *= 100\ny", x=[1.0]).trace
    leaf = trace.values[next(value.id for value in trace.values if value.kind is Kind.ALIAS)]
    assert leaf.tensor is not None
    assert (leaf.name, leaf.tensor.values, leaf.tensor.version) == ("x", (100.0,), 0)


def test_every_value_knows_its_place_and_the_mode_in_force() -> None:
    source = "with torch.no_grad():\n    s = (x + 1).item()\ny = s * x\ny"
    trace = explore(source, x=[2.0]).trace
    pieces = {value.op: value.span.cut(source) for value in trace.values if value.span is not None}
    modes = {value.op: (value.grad_mode, value.grad_mode_span) for value in trace.values}
    assert (pieces["+"], pieces[".item"], pieces["*"]) == ("x + 1", "(x + 1).item()", "s * x")
    assert modes["+"][0] == "no_grad"
    assert modes["+"][1] is not None
    assert modes["+"][1].cut(source) == "torch.no_grad()"
    assert modes["*"] == ("grad", None)
    assert value_of(trace, "s").scalar == 3.0


def test_steps_know_the_rounds_of_their_loops() -> None:
    trace = explore("for i in range(2):\n    for j in [1, 2, 3]:\n        y = x*j\ny", x=1).trace
    rounds = [step.iteration for step in trace.steps if step.binds == ("y",)]
    assert rounds == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]


def test_a_backward_pass_of_the_program_is_the_one_that_is_told() -> None:
    trace = explore("y = x**2\ny.backward(torch.tensor([1.0, 10.0]))\n(3*x).sum().backward()", x=[1.0, 2.0]).trace
    first, second = trace.backwards
    assert [backward.step for backward in trace.backwards] == [1, 2]
    (leaf,) = first.leaves
    assert (leaf.name, leaf.before) == ("x", None)
    assert leaf.after is not None
    assert leaf.after.values == (2.0, 40.0)
    assert second.leaves[0].before is not None
    assert second.leaves[0].after is not None
    assert (second.leaves[0].before.values, second.leaves[0].after.values) == ((2.0, 40.0), (5.0, 43.0))
    assert first.given
    assert first.gradients[0] is not None
    assert first.gradients[0].values == (1.0, 10.0)
    assert not second.given


@pytest.mark.parametrize("write", ["torch.relu_(y)", "F.relu(y, inplace=True)", "nn.ReLU(inplace=True)(y)"])
def test_a_write_is_told_by_what_it_changed_whatever_it_is_called(write: str) -> None:
    y = torch.tensor([1.0, -2.0], requires_grad=True) * 2
    before = y.grad_fn
    with torch.no_grad():
        torch.relu_(y)
    assert y.grad_fn is before  # torch did not record it
    trace = explore(f"y = x * 2\nwith torch.no_grad():\n    {write}\n(y * y).sum()", x=[1.0, -2.0]).trace
    (cut,) = explain(trace, ()).cuts
    written = trace.values[cut.value]
    assert written.previous is not None
    assert written.span is not None
    assert written.span.line == 3


def test_a_state_dict_holds_what_torch_does_not_record() -> None:
    net = torch.nn.Linear(2, 1)
    assert not net.state_dict()["weight"].requires_grad
    (cut,) = explain(explore('net = nn.Linear(2, 1)\nd = net.state_dict()\nd["weight"] * 1').trace, ()).cuts
    assert cut.why == ".state_dict() gives tensors that torch does not record"
