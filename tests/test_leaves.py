"""Every leaf that a program makes is shown once, by the name that its reader knows, and with torch's gradient.

The oracle is Python: it runs the same text, and at every line the test looks for leaves in all that the variables of
the program and of its functions hold.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch

from autograd_cli import explore
from autograd_cli.trace import TensorInfo, Trace
from conftest import Agx

HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n"
NAMES = {
    "def main():\n    w = torch.tensor(2., requires_grad=True)\n    y = w*3\n    y.backward()\nmain()": "main.w",
    "def f(w):\n    (w*3).backward()\nf(torch.tensor(2., requires_grad=True))": "f.w",
    "def f():\n    ws = []\n    for i in range(2):\n        ws.append(torch.ones(2, requires_grad=True))\n"
    "    return sum((w*i).sum() for i, w in enumerate(ws))\nf().backward()": "f.ws[0] f.ws[1]",
    "def f(x):\n    w = torch.ones(2, requires_grad=True)\n    return w*x\n(f(1) + f(2)).sum().backward()": "f.w f.w#2",
    "def f():\n    net = nn.Linear(2, 1)\n    net(torch.ones(2)).sum().backward()\nf()": "net.weight net.bias",
    "def f():\n    net = nn.Linear(2, 1)\n    net(torch.ones(2)).sum().backward()\nf()\nf()": (
        "f.net.bias f.net.weight net.bias net.weight"
    ),
    "f = lambda w: w*2\nf(torch.tensor(2., requires_grad=True)).backward()": "lambda.w",
    "ws = [torch.ones(2, requires_grad=True) for i in range(2)]\n(ws[0]*ws[1]).sum().backward()": "ws[0] ws[1]",
    "params = {'w': torch.ones(2, requires_grad=True), 2: (torch.ones(2, requires_grad=True),)}\n"
    "(params['w']*params[2][0]).sum().backward()": 'params["w"] params[2][0]',
    "nets = [nn.Linear(2, 1, bias=False), nn.Sequential(nn.Linear(2, 1, bias=False))]\n"
    "sum(net(torch.ones(2)).sum() for net in nets).backward()": "nets[0].weight nets[1].0.weight",
    "nn.Linear(3, 2)(torch.ones(3)).sum()": "Linear.weight Linear.bias",
    "x = torch.ones(2)\n(nn.Linear(2, 1)(x) + nn.Linear(2, 1, bias=False)(x)).sum().backward()": (
        "Linear.weight Linear.bias Linear#2.weight"
    ),
    "w = torch.ones(2, requires_grad=True)\nw = w*2\nw.sum().backward()": "w_(old)",
    "def f():\n    w = torch.ones(2, requires_grad=True)\n    y = (w.detach()*2).requires_grad_()\n"
    "    y.sum().backward()\nf()": "f.w f.y",
    "w = torch.ones(2, requires_grad=True)\nv = w\n(v*2).sum().backward()\ndel w": "v",
    "w = torch.ones(2, requires_grad=True)\n(w*2).sum().backward()\ndel w": "w",
    "w = torch.ones(2, requires_grad=True)\nv = w\nws = [w, v]\nfor p in ws:\n    p.sum().backward()": "w",
    "net = nn.Linear(2, 1, bias=False)\nfor p in net.parameters():\n    p.sum().backward()": "net.weight",
    "ws = nn.ParameterList([nn.Parameter(torch.ones(2))])\n(ws[0]*2).sum().backward()": "ws.0",
    "(torch.ones(2, requires_grad=True)*2).sum().backward()": "torch.ones(2,_requires_grad=True)",
}


@pytest.mark.parametrize("program", NAMES)
def test_the_name_of_a_leaf(program: str, agx: Agx) -> None:
    trace = explore(HEAD + program).trace
    expected = sorted(NAMES[program].split())
    names = sorted(name.replace(" ", "_") for name, _ in trace.grads)
    assert names == expected
    leaves = [variable for variable in trace.variables if variable.leaf is not None]
    assert {name for name, _ in trace.grads} <= {variable.name for variable in leaves}
    found = agx("explain", HEAD + program)
    assert found.code in {0, 1}, found.err
    page = found.out[found.out.index("at the end") :]
    assert all(re.split("[_(]", name)[0] in page for name in names)


def leaves_by_python(text: str) -> list[torch.Tensor]:
    """The leaves that the program's variables ever held, at any depth, and the parameters of its layers."""
    found: dict[int, Any] = {}

    def look(frame: FrameType, _event: str, _argument: object) -> Any:
        if frame.f_code.co_filename != "program":
            return None
        for tensor in _tensors_in(list(frame.f_locals.values()), found):
            found[id(tensor)] = tensor
        return look

    torch.manual_seed(0)
    code = compile(text, "program", "exec", dont_inherit=True)
    before = sys.gettrace()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sys.settrace(look)
        try:
            exec(code, {"__name__": "__main__"})  # noqa: S102 - the oracle is Python
        finally:
            sys.settrace(before)
            torch.set_grad_enabled(True)
    tensors = [each for each in found.values() if isinstance(each, torch.Tensor)]
    return [tensor for tensor in tensors if tensor.is_leaf and (tensor.requires_grad or tensor.grad is not None)]


def _tensors_in(payloads: list[Any], known: dict[int, Any]) -> Iterator[torch.Tensor]:
    seen: set[int] = set()
    while payloads:
        payload = payloads.pop()
        if id(payload) in seen:
            continue
        seen.add(id(payload))
        if isinstance(payload, torch.Tensor):
            yield payload
        elif isinstance(payload, torch.nn.Module):
            known[id(payload)] = payload
            payloads += payload.parameters()
        elif isinstance(payload, list | tuple):
            payloads += payload
        elif isinstance(payload, dict) and "__builtins__" not in payload:
            payloads += payload.values()


def assert_same_gradients(trace: Trace, leaves: list[torch.Tensor]) -> None:
    """Each gradient that a leaf has in Python is told once."""
    are_leaves = {variable.name for variable in trace.variables if variable.tensor.is_leaf}
    told = sorted(_numbers(grad) for name, grad in trace.grads if grad is not None and name in are_leaves)
    expected = sorted(
        (tuple(grad.shape), tuple(grad.to_dense().reshape(-1).tolist()))
        for leaf in leaves
        if (grad := leaf.grad) is not None
    )
    assert repr(told) == repr(expected)


def _numbers(grad: TensorInfo) -> tuple[tuple[int, ...], tuple[Any, ...]]:
    assert grad.values is not None
    return grad.shape, grad.values


PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_the_gradients_of_all_leaves(path: Path) -> None:
    text = path.read_bytes().decode()
    assert_same_gradients(explore(text).trace, leaves_by_python(text))


ORDINARY = (Path(__file__).parent / "ordinary_programs.txt").read_text().split("\n\n")


@pytest.mark.parametrize("program", ORDINARY)
def test_an_ordinary_program(program: str, agx: Agx) -> None:
    """The gradients of all leaves, and a whole page: the listing, the computed graph, the passes, and the end."""
    text = HEAD + program
    assert_same_gradients(explore(text).trace, leaves_by_python(text))
    found = agx("explain", text)
    assert found.code in {0, 1}, found.err
    for section in ("\ncomputed graph", "\nbackward pass", "\nat the end"):
        assert section in found.out


LOOP = """import torch
x = torch.tensor([1., 2.], requires_grad=True)
for i in range(COUNT):
    (x ** 2).sum().backward()
    x = (x - 0.1 * x.grad).detach().requires_grad_()
"""


def test_many_leaves_of_one_name(agx: Agx) -> None:
    """A page shows the first and the last of them; `--full` and JSON all, but for the middle of very many."""
    text = LOOP.replace("COUNT", "12")
    names = ["x", "x (old)", *[f"x (old)#{n}" for n in range(2, 13)]]
    assert [name for name, _ in explore(text).trace.grads] == names
    for command in ("grad", "explain"):
        found = agx(command, text).out
        assert "x (old)#12" in found
        assert "10 more called x (old)" in found
        assert "x (old)#7" not in found
        assert "x (old)#7" in agx(command, "--full", text).out
        assert found.count("note[cut-by-detach]") == 1
    many = explore(LOOP.replace("COUNT", "150")).trace
    assert len(many.grads) == len(many.variables) == 101
    assert many.grads[-1][0] == "x (old)#150"
