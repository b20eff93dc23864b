"""What agx does not run is told all at once, in plain words, with the way around; nothing else is refused for it."""

from __future__ import annotations

import textwrap

import pytest

from autograd_cli import explore
from autograd_cli.diagnostic import Status
from conftest import Agx
from test_programs_refused import blamed, check

SCRIPT = textwrap.dedent(
    """
    import os
    import numpy as np
    import torch
    import torch.nn as nn
    import matplotlib.pyplot as plt
    from torch.utils.data import DataLoader, TensorDataset

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 1)

        def forward(self, x):
            return self.fc(x)

    X = torch.tensor(np.random.randn(10, 2))
    loader = DataLoader(TensorDataset(X, X), batch_size=2)
    net = Net()
    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    for xb, yb in loader:
        loss = ((net.predict(xb) - yb.somehow) ** 2).mean()
        loss.backward()
        opt.step()
    with open("log.txt", "w") as f:
        f.write("done")
    print(plt.imshow(X.detach().numpy()))
    print({1, 2})
    """
)


def test_all_that_agx_does_not_run_is_one_error() -> None:
    report = explore(SCRIPT)
    check(report)
    (found,) = report.diagnostics
    assert (report.status, found.message) == (Status.BAD_REQUEST, "agx does not run classes")
    assert str(blamed(report)).startswith("class Net(nn.Module):")
    pieces = [place.span.cut(report.source) for place in found.related]
    assert pieces == ["np.random.randn", "DataLoader", 'open("log.txt", "w")', "plt.imshow", "{1, 2}"]
    assert found.related[0].label == "write torch.randn"
    lines = str(found.fix).split("\n")
    assert "nn.Sequential" in lines[0]
    assert lines[-1] == (
        "this program needs 6 things that agx does not run: "
        "classes, NumPy, torch.utils.data.DataLoader, files, matplotlib, sets"
    )


def test_each_way_around_has_its_line(agx: Agx) -> None:
    err = agx("explain", "-", stdin=SCRIPT).err
    assert err.count(" = help: ") == 6
    assert "--> stdin:9:1" in err
    assert "\n16 | X = torch" not in err
    assert "\n17 | X = torch.tensor(np.random.randn(10, 2))" in err


@pytest.mark.parametrize(
    ("program", "message", "remedy"),
    [
        (
            "torch.from_numpy(np.sin(x.detach().numpy()))",
            "gradients cannot pass through NumPy",
            "torch.sin in place of",
        ),
        ("import numpy\ny = x.detach().numpy()\nnumpy.exp(y)", "gradients cannot pass through NumPy", "torch.exp"),
        ("x.numpy()", "gradients cannot pass through NumPy", "stay in torch"),
        ("np.sin(x)", "gradients cannot pass through NumPy", "write torch.sin"),
        ("np.linalg.norm(x)", "gradients cannot pass through NumPy", "write torch.linalg.norm"),
        ("np.concatenate([x, x])", "gradients cannot pass through NumPy", "write torch.cat"),
        ("x * np.pi", "gradients cannot pass through NumPy", "write torch.pi"),
        ("tf.reduce_sum(x)", "agx runs PyTorch, not TensorFlow", "write torch.sum"),
        ("tf.nn.softmax(x)", "agx runs PyTorch, not TensorFlow", "write torch.softmax"),
        ("jnp.sin(x)", "agx runs PyTorch, not JAX", "write torch.sin"),
        ("jax.grad(f)(x)", "agx runs PyTorch, not JAX", "computes the gradient for you"),
        ("sp.diff(x**2, x)", "agx runs PyTorch, not SymPy", "computes the gradient for you"),
        ("from sympy import symbols\nx = symbols('x')", "agx runs PyTorch, not SymPy", "x=1"),
        ("import os\nos.getcwd()", "agx does not run `os`", "leave it out"),
        ("class A: pass", "agx does not run classes", "write its fields as variables, and its methods"),
        ("class Net(nn.Module): pass", "agx does not run classes", "nn.Sequential"),
        ("class Sq(torch.autograd.Function): pass", "agx does not run classes", "its forward as a plain function"),
        ("class Data(Dataset): pass", "agx does not run classes", "the data as tensors"),
        ("import argparse\nargparse.ArgumentParser()", "agx does not run `argparse`", "give them as inputs: --lr 0.1"),
        ("import pandas as pd\npd.read_csv('a')", "agx does not run pandas", "--x data.csv"),
        ("from mine import Net\nNet()", "agx does not run `mine.Net`", "copy what it does into the program"),
        (
            "from torch.utils.tensorboard import SummaryWriter\nSummaryWriter()",
            "agx does not run `torch.utils.tensorboard.SummaryWriter`",
            "print(…) shows a value",
        ),
        (
            "from torch.utils.data import DataLoader\nDataLoader(x)",
            "agx does not run `torch.utils.data.DataLoader`",
            "for i in range(0, len(X), 4)",
        ),
        ("torch.load('f')", "agx does not run `torch.load`", "x=@FILE.pt#KEY"),
        ("with open('f') as f: f.read()", "agx opens no files", "x=@data.npy"),
        ("with torch.autograd.profiler.profile() as p: x.sum()", "agx runs `with` only for grad modes", "no_grad"),
        ("match x:\n  case _: x", "agx does not run match", "if and elif"),
        ("@jit\ndef f(x): return x\nf(x)", "agx runs only grad modes as decorators", "leave it out"),
    ],
)
def test_one_refusal_in_plain_words(program: str, message: str, remedy: str) -> None:
    report = explore(program, inputs={"x": [1.0]} if "x" in program else {})
    check(report)
    (found,) = report.diagnostics
    assert (report.status, found.message) == (Status.BAD_REQUEST, message)
    assert remedy in f"{found.label} {found.fix}"


@pytest.mark.parametrize(
    "program",
    [
        "import os, sys, tqdm\nfrom utils import helper\nfrom . import data\nx.sum()",
        "nn = 3\nfrom torch import nn\nnn.functional.relu(x)",
        "sin = 3*x\nfrom torch import sin\nsin(x)",
        "import torch.utils.data\ntorch.sin(x)",
        "from torch import *\nfrom torch.nn import *\nReLU()(sin(x))",
        "from math import *\nsqrt(pi)*x",
        "def f():\n  import torch as t\n  return t.sin(x)\nf()",
        "#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\n'''Docs.'''\nfrom __future__ import annotations\nx.sum()",
        "def f(t: torch.Tensor, n: int = 2) -> torch.Tensor:\n  '''Docs.'''\n  y: torch.Tensor = t*n\n  return y\nf(x)",
        "if __name__ == '__main__':\n  y = x*2\n  y.sum().backward()",
        "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot(x.detach().numpy())\nplt.show()\nx.sum()",
        "import matplotlib.pyplot as plt\nfor i in range(2):\n  plt.plot([i])\nx.sum()",
        "import numpy as np, random\nnp.random.seed(0)\nrandom.seed(0)\nx.sum()",
        "torch.backends.cudnn.benchmark = True\ntorch.set_printoptions(precision=3)\nx.sum()",
        "from tqdm import tqdm, trange\nfor i in tqdm(range(2), desc='a'): y = x*i\nfor i in trange(2): y\ny.sum()",
        "from tqdm import tqdm\nbar = tqdm(range(2), desc='a')\nfor i in bar: bar.set_postfix(loss=i)\nx.sum()",
        "from tqdm import tqdm\nfor i, y in enumerate(tqdm([x, x])): y*i\ny.sum()",
        "import warnings, os\nwarnings.filterwarnings('ignore')\nos.environ['A'] = '1'\nx.sum()",
        "try:\n  raise ValueError(f'no {x.sum()}')\nexcept ValueError as e:\n  print(e)\nx.sum()",
        "def f(t):\n  if t.dim() > 3: raise NotImplementedError\n  return t\nf(x)",
    ],
)
def test_what_does_no_harm_is_not_refused(program: str) -> None:
    assert explore(program, x=[1.0]).ok


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import matplotlib.pyplot as plt\nfig = plt.figure()\nprint(fig)\nx.sum()", "agx does not run matplotlib"),
        ("import matplotlib.pyplot as plt\nx.sum() + plt.plot(3)", "agx does not run matplotlib"),
        ("import numpy as np\nnp.random.shuffle(x)\nx.sum()", "gradients cannot pass through NumPy"),
        ("import os\nos.system('id')\nx.sum()", "agx does not run `os`"),
        ("from tqdm import tqdm\nbar = tqdm(total=3)\nx.sum()", "agx does not run `tqdm.tqdm`"),
        ("raise x", "agx does not run raise"),
        ("raise ValueError('a') from x", "agx does not run raise"),
    ],
)
def test_what_something_depends_on_is_refused(program: str, message: str) -> None:
    report = explore(program, x=[1.0])
    check(report)
    assert (report.status, report.diagnostics[0].message) == (Status.BAD_REQUEST, message)


def test_an_exception_of_the_program_is_its_own() -> None:
    report = explore("if x.dim() != 1:\n  raise ValueError(f'{x.dim()}-D')\nx", x=1.0)
    (found,) = report.diagnostics
    assert (report.status, found.message) == (Status.BAD_NEWS, "the program raised ValueError: 0-D")
