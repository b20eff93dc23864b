"""Walks over what a program made come to an end, however long its chains are and however often a list is held."""

from __future__ import annotations

import pytest

from autograd_cli import explore
from autograd_cli.trace import Trace
from conftest import Agx

START = "import torch\nfrom torch import nn\nx = torch.tensor([1., 2.], requires_grad=True)\n"
PROGRAMS = f"""
net = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 1)])
for stage in net:
    x = stage(x)
x.sum().backward()

net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
for layer in net:
    x = layer(x)
x.sum().backward()

z = x*3 + 1
print(z.grad_fn.next_functions[0][0].next_functions)
z.sum().backward()

s = ''
for i in range(1100):
    s = s + 'a'
(x*len(s)).sum().backward()

z = x*0
for i in range(1100):
    z = z*1.0
(z*x).sum().backward()

d = torch.distributions.Normal(x, 1.)
for i in range(3):
    d = torch.distributions.Normal(d.rsample(), 1.)
d.rsample().sum().backward()

s = [x[0].item()]
for i in range(60):
    s = [s, s]
(x*2).sum().backward()

a = []
top = a
for i in range(300):
    b = []
    a.append(b)
    a = b
(x*len(top)).sum().backward()

a = [x]
a.append(a)

y = {" + ".join(["x"] * 900)}
y.sum().backward()

def f(x, n):
    return x if n == 0 else f(x*1.01, n - 1)
f(x, 300).sum().backward()
""".strip().split("\n\n")


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_page_comes_to_an_end(agx: Agx, program: str) -> None:
    for words in ("explain", "grad --python"):
        found = agx(*words.split(), START + program)
        assert found.code in {0, 1}, (words, found.err)


@pytest.mark.parametrize("program", PROGRAMS)
def test_values_lead_back(program: str) -> None:
    trace = explore(START + program).trace
    assert_leads_back(trace)


def assert_leads_back(trace: Trace) -> None:
    """The operands of a value came before it; so did each of its elements, unless that was made from the whole."""
    for value in trace.values:
        before = value.operands if value.previous is None else (*value.operands, value.previous)
        assert all(each < value.id for each in before)
        for element in value.elements:
            assert element < value.id or trace.values[element].operands == (value.id,)
    for node in trace.nodes:
        assert all(each is None or each < node.id for each in node.next)
