"""`agx run`: scripts as people write them, with classes and functions, run by Python and observed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

import pytest

from agx_server import AgxServer
from autograd_cli.engine.observe.guard import Guard
from autograd_cli.engine.observe.script import Script
from autograd_cli.engine.observe.tracebacks import take_out_ours
from conftest import Agx, Outcome

HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\ntorch.manual_seed(0)\n"
NET = """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.last = nn.Linear(3, 1)

    def forward(self, x):
        h = torch.relu(self.first(x))
{between}        return self.last(h)

"""
TRAIN = """\
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
x, y = torch.randn(4, 2), torch.randn(4, 1)
for step in range(3):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
    print(step, round(loss.item(), 4))
"""
MAIN = """\
def main():
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        net(torch.ones(4, 2)).sum().backward()
        optimizer.step()

if __name__ == "__main__":
    main()
"""


@dataclass(frozen=True)
class Broken:
    """A script: which rule must come first, at which piece of it, and about which parameter."""

    script: str
    rule: str
    piece: str
    victim: str


AGENT = """\
class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(2, 1)
        self.target = {target}

    def loss(self, x):
        return (self.net(x) - 0.9 * self.target(x + 1)).pow(2).mean()

agent = Agent()
optimizer = torch.optim.SGD(agent.net.parameters(), lr=0.1)
for step in range({steps}):
    optimizer.zero_grad()
    agent.loss(torch.randn(4, 2)).backward()
    optimizer.step()
"""
STACK = """\
class Stack(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = {layers}
        self.out = nn.Linear(2, 1)

    def forward(self, x):
        for layer in {through}:
            x = torch.tanh(layer(x))
        return self.out(x)

net = Stack()
optimizer = torch.optim.Adam(net.parameters())
for step in range(8):
    optimizer.zero_grad()
    net(torch.randn(4, 2)).pow(2).mean().backward()
    optimizer.step()
"""
SMOOTH = """\
class Field(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, 8), {activation}, nn.Linear(8, 1))
        self.k = nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        return self.body(x)

def slope(y, x):
    return torch.autograd.grad(y, x, torch.ones_like(y), create_graph=True)[0]

field = Field()
optimizer = torch.optim.Adam(field.parameters())
for step in range(3):
    x = torch.rand(5, 1).requires_grad_()
    u = field(x)
    u_xx = slope(slope(u, x), x)
    optimizer.zero_grad()
    (u - field.k * u_xx).pow(2).mean().backward()
    optimizer.step()
"""
CARRIED = """\
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = {rnn}
        self.out = nn.Linear(3, 1)
        self.state = None

    def forward(self, x):
        seen, self.state = self.rnn(x, self.state)
        return self.out(seen[:, -1])

net = Model()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(3):
    optimizer.zero_grad()
    net(torch.randn(2, 4, 2)).pow(2).mean().backward()
    optimizer.step()
"""
BROKEN = {
    "the state of an LSTM, kept on the module": Broken(
        HEAD + CARRIED.format(rnn="nn.LSTM(2, 3, batch_first=True)"),
        "graph-freed",
        "seen, self.state =",
        "net.rnn.weight_ih_l0",
    ),
    "the state of a GRU, kept on the module": Broken(
        HEAD + CARRIED.format(rnn="nn.GRU(2, 3, batch_first=True)"),
        "graph-freed",
        "seen, self.state =",
        "net.rnn.weight_ih_l0",
    ),
    "layers in a plain list": Broken(
        HEAD + STACK.format(layers="[nn.Linear(2, 2), nn.Linear(2, 2)]", through="self.layers"),
        "not-in-optimizer",
        "[nn.Linear(2, 2)",
        "net.layers[0].weight",
    ),
    "layers in a plain dict": Broken(
        HEAD + STACK.format(layers="{'a': nn.Linear(2, 2)}", through="self.layers.values()"),
        "not-in-optimizer",
        "{'a': nn",
        'net.layers["a"].weight',
    ),
    "a target that is the net": Broken(
        HEAD + AGENT.format(target="self.net", steps=3), "same-network", "self.target = self.net", "agent.net.weight"
    ),
    "a field of relus": Broken(
        HEAD + SMOOTH.format(activation="nn.ReLU()"), "zero-second-derivative", "nn.ReLU()", "u_xx"
    ),
    "a detach in forward": Broken(
        HEAD + NET.format(between="        h = h.detach()\n") + TRAIN, "cut-by-detach", "h.detach()", "net.first.weight"
    ),
    "NumPy in forward": Broken(
        HEAD + NET.format(between="        h = torch.from_numpy(h.detach().numpy() * 2)\n") + TRAIN,
        "cut-by-detach",
        "h.detach()",
        "net.first.weight",
    ),
    "in a main() of its own": Broken(
        HEAD + NET.format(between="        h = h.data\n") + MAIN, "cut-by-data", "h.data", "net.first.weight"
    ),
    "a feature extractor under no_grad": Broken(
        HEAD
        + NET.format(between="")
        + "class Head(nn.Module):\n"
        + "    def __init__(self, net):\n"
        + "        super().__init__()\n"
        + "        self.net = net\n"
        + "        self.out = nn.Linear(1, 1)\n"
        + "    @torch.no_grad()\n"
        + "    def features(self, x):\n"
        + "        return self.net(x)\n"
        + "    def forward(self, x):\n"
        + "        return self.out(self.features(x))\n"
        + TRAIN.replace("net = Net()", "net = Head(Net())"),
        "cut-by-no-grad",
        "self.first(x)",
        "net.net.first.weight",
    ),
    "a layer of one's own in a container": Broken(
        HEAD
        + "class Scale(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        + "        self.s = nn.Parameter(torch.ones(1))\n    def forward(self, x):\n        return x * self.s.item()\n"
        + "net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU(), Scale()), nn.Tanh())\n"
        + "net(torch.ones(1, 2)).sum().backward()\n",
        "cut-by-item",
        "self.s.item()",
        "net.1.1.s",
    ),
    "a detach between two layers of a container": Broken(
        HEAD
        + "class Stop(nn.Module):\n    def forward(self, x):\n        return x.detach()\n"
        + TRAIN.replace("Net()", "nn.Sequential(nn.Linear(2, 3), nn.Tanh(), Stop(), nn.Linear(3, 1))"),
        "cut-by-detach",
        "x.detach()",
        "net.0.weight",
    ),
    "a sum of what a generator gives": Broken(
        HEAD
        + NET.format(between="")
        + TRAIN.replace(
            "F.mse_loss(net(x), y)", "torch.tensor(sum(each.item() for each in net(x)), requires_grad=True)"
        ),
        "cut-by-item",
        "each.item()",
        "net.first.weight",
    ),
    "a forward hook that detaches": Broken(
        HEAD
        + "from functools import partial\n"
        + NET.format(between="")
        + TRAIN.replace(
            "optimizer =",
            "def stop(name, module, args, out):\n    return out.detach()\n"
            "net.first.register_forward_hook(partial(stop, 'first'))\noptimizer =",
        ),
        "cut-by-detach",
        "out.detach()",
        "net.first.weight",
    ),
    "a loss made of a float": Broken(
        HEAD
        + NET.format(between="")
        + TRAIN.replace("loss.backward()", "loss = torch.tensor(loss.item())\n    loss.backward()"),
        "cut-by-item",
        "loss.item()",
        "net.first.weight",
    ),
    "a leaf written in place": Broken(
        HEAD
        + "w = torch.ones(2, requires_grad=True)\ndef scale(t):\n    t *= 2\n    return t\nscale(w).sum().backward()\n",
        "inplace-on-leaf",
        "t *= 2",
        "w",
    ),
    "backward twice": Broken(
        HEAD
        + "w = torch.ones(2, requires_grad=True)\nloss = (w ** 2).sum()\nfor _ in range(2):\n    loss.backward()\n",
        "graph-freed",
        "loss.backward()",
        "w",
    ),
    "NaN from a square root at 0": Broken(
        HEAD
        + "class Norm(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        + "        self.w = nn.Parameter(torch.zeros(2))\n    def forward(self):\n"
        + "        return torch.sqrt((self.w ** 2).sum())\nnet = Norm()\nnet().backward()\n",
        "nan-sqrt-at-zero",
        "torch.sqrt((self.w ** 2).sum())",
        "net.w",
    ),
}


def run(agx: Agx, tmp_path: Path, script: str, *words: str) -> Outcome:
    file = tmp_path / "train.py"
    file.write_text(script, encoding="utf-8")
    return agx("run", *words, str(file))


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN)
def test_the_cause_is_told(supervised_agx: Agx, tmp_path: Path, case: Broken) -> None:
    report = run(supervised_agx, tmp_path, case.script, "--json").report
    first = report["diagnostics"][0]
    line = 1 + case.script[: case.script.index(case.piece)].count("\n")
    assert (first["rule"], first["span"]["line"], first["victim"]) == (case.rule, line, case.victim)


HEALTHY = {
    "layers in a ModuleList": HEAD + STACK.format(layers="nn.ModuleList([nn.Linear(2, 2)])", through="self.layers"),
    "a target of its own, a long run": HEAD
    + AGENT.format(target="nn.Linear(2, 1)", steps=40)
    + "    if step == 2:\n        agent.target.load_state_dict(agent.net.state_dict())\n",
    "a field of tanhs": HEAD + SMOOTH.format(activation="nn.Tanh()"),
    "a net in a class": HEAD + NET.format(between="") + TRAIN,
    "a net in a main()": HEAD + NET.format(between="") + MAIN,
    "a loader, a scheduler, a state dict": HEAD
    + NET.format(between="")
    + "from torch.utils.data import DataLoader, TensorDataset\n"
    + "data = DataLoader(TensorDataset(torch.randn(8, 2), torch.randn(8, 1)), batch_size=4)\n"
    + "net = Net()\nopt = torch.optim.Adam(net.parameters())\n"
    + "schedule = torch.optim.lr_scheduler.StepLR(opt, 1)\n"
    + "for epoch in range(2):\n    for x, y in data:\n        opt.zero_grad()\n"
    + "        F.mse_loss(net(x), y).backward()\n        opt.step()\n    schedule.step()\n"
    + "net.load_state_dict(net.state_dict())\nnet.eval()\n"
    + "with torch.no_grad():\n    print(net(torch.ones(1, 2)).shape)\n",
    "a function of its own": HEAD
    + "class Square(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
    + "        ctx.save_for_backward(x)\n        return x * x\n    @staticmethod\n    def backward(ctx, g):\n"
    + "        (x,) = ctx.saved_tensors\n        return 2 * x * g\n"
    + "w = torch.ones(2, requires_grad=True)\nSquare.apply(w).sum().backward()\nprint(w.grad)\n",
    "objects that do something when they are asked": HEAD
    + "from unittest import mock\n"
    + "class Shy:\n    def __getattribute__(self, name):\n        print('asked for', name)\n"
    + "        return object.__getattribute__(self, name)\n    def __eq__(self, other):\n        raise ValueError\n"
    + "    def __hash__(self):\n        raise ValueError\n    def __bool__(self):\n        raise ValueError\n"
    + "    def __repr__(self):\n        raise ValueError\n"
    + "class Loud(dict):\n    def __getitem__(self, key):\n        print('key', key)\n"
    + "        return super().__getitem__(key)\n    def values(self):\n        raise ValueError\n"
    + "def use(shy, held):\n    shy.w = torch.ones(2, requires_grad=True)\n    return shy.w * held['b']\n"
    + "shy, held = Shy(), Loud(a=Shy(), b=torch.ones(2))\nboth = [shy, held]\nuse(*both).sum().backward()\n"
    + "for thing in mock.Mock(spec=nn.Module), mock.Mock(spec=torch.Tensor):\n"
    + "    held = [thing]\n    held[0].cpu(1)\n    print(isinstance(thing, torch.Tensor), thing.mock_calls)\n"
    + "try:\n    print([x for x in 5])\nexcept TypeError as error:\n    print(error)\n",
    "what sees each operation of torch": HEAD
    + "from torch.utils._python_dispatch import TorchDispatchMode\n"
    + "class Told(torch.Tensor):\n    @classmethod\n"
    + "    def __torch_function__(cls, function, types, args=(), kwargs=None):\n"
    + "        print(function.__name__)\n"
    + "        return super().__torch_function__(function, types, args, kwargs or {})\n"
    + "class Mode(TorchDispatchMode):\n"
    + "    def __torch_dispatch__(self, function, types, args=(), kwargs=None):\n"
    + "        print(function)\n        return function(*args, **(kwargs or {}))\n"
    + "w = torch.ones(2, requires_grad=True)\nt = torch.ones(2).as_subclass(Told)\n(w * t).sum().backward()\n"
    + "with Mode():\n    v = w * 2\n    v.sum().backward()\nprint(w.grad)\n"
    + "def double(x):\n    y = x * 2\n    return y\nprint(torch.jit.trace(double, torch.ones(2)).graph)\n",
    "an optimizer that calls a closure": HEAD
    + NET.format(between="")
    + "net = Net()\nopt = torch.optim.LBFGS(net.parameters(), max_iter=2)\nx = torch.randn(4, 2)\n"
    + "def closure():\n    opt.zero_grad()\n    loss = net(x).pow(2).mean()\n    loss.backward()\n    return loss\n"
    + "for _ in range(2):\n    print(opt.step(closure).item())\n",
    "tensors without memory, lists without end": HEAD
    + "from torch._subclasses import FakeTensorMode\n"
    + "class Slow(torch.optim.Optimizer):\n    def __init__(self, held):\n        super().__init__(held, {'lr': 0.1})\n"
    + "    @torch.no_grad()\n    def step(self):\n        for p in self.param_groups[0]['params']:\n"
    + "            p -= 0.1 * p.grad.to_dense()\n"
    + "table = nn.Embedding(4, 2, sparse=True)\nopt = Slow(table.parameters())\n"
    + "table(torch.tensor([1])).sum().backward()\nopt.step()\nprint(table.weight)\n"
    + "with FakeTensorMode():\n    fake = torch.ones(3) + 1\nprint(fake.shape)\n"
    + "with torch.device('meta'):\n    void = nn.Linear(2, 2)\nprint(void(torch.ones(1, 2, device='meta')).shape)\n"
    + "lazy = nn.LazyLinear(2)\nprint(lazy(torch.ones(1, 3)).shape)\n"
    + "a, b = [], [1]\na.append(a)\nb.append([b, a])\nb[1].append(b)\nprint(a, b)\nchain = ()\n"
    + "for i in range(200):\n    chain = (i, chain)\nprint(chain[0])\n"
    + "def down(n):\n    return down(n + 1)\ntry:\n    down(0)\nexcept RecursionError:\n    print('deep')\n",
    "objects that end when the script lets them": HEAD
    + "class R:\n    def __init__(self, t):\n        self.t = t\n    def __del__(self):\n        print('gone')\n"
    + "def f():\n    r = R(torch.ones(2, requires_grad=True))\n    return (r.t * 2).sum()\n"
    + "f().backward()\nx = R(1)\nx = None\nprint('after')\n"
    + "def g():\n    try:\n        yield 1\n    finally:\n        print('closed')\n"
    + "it = g()\nnext(it)\ndel it\nprint('end')\n",
    "no torch at all": "import json\nprint(json.dumps({'a': 1}))\n",
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    """The file of each of the healthy scripts, and what Python alone prints for it."""
    folder = tmp_path_factory.mktemp("plain")
    files = {script: folder / f"script{number}.py" for number, script in enumerate(HEALTHY.values())}
    for script, file in files.items():
        file.write_text(script, encoding="utf-8")
    runner = Path(__file__).with_name("run_plainly.py")
    subprocess.run([sys.executable, str(runner), *map(str, files.values())], check=True, capture_output=True)
    return {script: (file, Path(f"{file}.out").read_text(encoding="utf-8")) for script, file in files.items()}


@pytest.mark.parametrize("script", HEALTHY.values(), ids=HEALTHY)
def test_a_healthy_script_does_what_it_does(
    supervised_agx_to_its_end: Agx, plain: dict[str, tuple[Path, str]], script: str
) -> None:
    file, printed = plain[script]
    outcome = supervised_agx_to_its_end("run", str(file))
    assert (outcome.code, outcome.out) == (0, printed)
    assert "error[" not in outcome.err
    assert "warning[" not in outcome.err
    assert "not observed" not in outcome.err
    assert "autograd_cli" not in outcome.err


def test_the_page(supervised_agx: Agx, tmp_path: Path) -> None:
    outcome = run(supervised_agx, tmp_path, BROKEN["a detach in forward"].script)
    assert outcome.code == 1
    assert outcome.out.count("\n") == 3
    head, _, table, *rows = outcome.err.split("\n")
    assert head.endswith("ran to its end: 3 backward passes, loss 1.481 → 0.5239")
    assert table.split() == ["parameter", "shape", "optimizer", "‖grad‖", "‖last", "change‖"]
    assert [row.split()[0] for row in rows[:4]] == [
        "net.first.weight",
        "net.first.bias",
        "net.last.weight",
        "net.last.bias",
    ]
    assert "cut: line 13, `h.detach()`" in outcome.err
    assert outcome.err.endswith(
        "1 problem: net.first.weight and net.first.bias got no gradient (line 13, cut-by-detach)\n"
    )


def test_modules_beside_the_script_are_looked_into(supervised_agx: Agx, tmp_path: Path) -> None:
    net = "import torch\nfrom torch import nn\n" + NET.format(between="        h = h.detach()\n")
    (tmp_path / "model.py").write_text(net, encoding="utf-8")
    script = HEAD + "from model import Net\n" + TRAIN
    outcome = run(supervised_agx, tmp_path, script)
    assert f"--> {tmp_path / 'model.py'}:11:13" in outcome.err
    assert "11 |         h = h.detach()" in outcome.err


def test_the_exit_code_is_the_scripts_own(supervised_agx: Agx, tmp_path: Path) -> None:
    assert run(supervised_agx, tmp_path, "import sys\nsys.exit(7)\n").code == 7
    assert run(supervised_agx, tmp_path, "raise ValueError('no')\n").code == 1


def test_what_it_raises_is_told_as_python_tells_it_and_explained(supervised_agx: Agx, tmp_path: Path) -> None:
    outcome = run(supervised_agx, tmp_path, HEAD + "def f(x):\n    return x @ x\nf(torch.ones(2, 3))\n")
    assert outcome.code == 1
    assert outcome.err.startswith("Traceback (most recent call last):\n")
    assert "observe" not in outcome.err.split("RuntimeError")[0]
    assert "error[torch-refused]: torch refused `x @ x`" in outcome.err


def test_a_script_that_is_not_there(agx: Agx) -> None:
    outcome = agx("run", "no_such_script.py")
    assert outcome.code == 2
    assert "there is no file no_such_script.py" in outcome.err
    assert "there is no script" in agx("run").err


def test_arguments_belong_to_the_script(supervised_agx: Agx, tmp_path: Path) -> None:
    file = tmp_path / "show.py"
    file.write_text("import sys\nprint(sys.argv[1:], __name__)\n", encoding="utf-8")
    assert supervised_agx("run", str(file), "--json", "-x", "1").out == "['--json', '-x', '1'] __main__\n"


def test_it_is_stopped_after_so_many_passes(supervised_agx: Agx, tmp_path: Path) -> None:
    outcome = run(supervised_agx, tmp_path, HEAD + NET.format(between="") + TRAIN, "--stop-after", "2")
    assert outcome.code == 0
    assert outcome.out.count("\n") == 2
    assert "stopped after 2 backward passes, as was asked: 2 backward passes, loss" in outcome.err


def test_it_is_stopped_at_the_first_nan(supervised_agx: Agx, tmp_path: Path) -> None:
    script = HEAD + "w = torch.ones(2, requires_grad=True)\nfor i in range(9):\n    w.grad = None\n"
    script += "    torch.sqrt(w - w * min(i / 3, 1)).sum().backward()\n    print(i)\n"
    outcome = run(supervised_agx, tmp_path, script, "--until", "nan")
    assert outcome.out == "0\n1\n2\n"
    assert "stopped in backward pass 4: a gradient is not finite" in outcome.err
    assert "error[inf-" in outcome.err or "error[nan-" in outcome.err


def test_it_is_stopped_at_an_error_of_torch_that_it_catches(supervised_agx: Agx, tmp_path: Path) -> None:
    script = HEAD + NET.format(between="") + "net = Net()\ntry:\n    int('a')\nexcept ValueError:\n    print('a')\n"
    script += "for i in range(9):\n    try:\n        net(torch.ones(1, 2 + i)).sum().backward()\n"
    script += "    except Exception:\n        print('caught')\n    print(i)\n"
    plain = run(supervised_agx, tmp_path, script)
    outcome = run(supervised_agx, tmp_path, script, "--until", "error")
    assert outcome.code == 1
    assert plain.out.startswith(outcome.out)
    assert plain.out.count("caught") == 8
    assert "caught" not in outcome.out
    assert "torch refused an operation, and the script caught it: RuntimeError: mat1 and mat2" in outcome.err
    assert "error[torch-refused]" in outcome.err


def test_the_last_line_alone(supervised_agx: Agx, tmp_path: Path) -> None:
    outcome = run(supervised_agx, tmp_path, HEAD + NET.format(between="        h = h.detach()\n") + TRAIN, "-q")
    page = run(supervised_agx, tmp_path, HEAD + NET.format(between="        h = h.detach()\n") + TRAIN)
    assert outcome.out == f"{page.err.splitlines()[-1]}\n"
    assert outcome.err == page.out
    assert outcome.code == page.code == 1


@pytest.mark.parametrize("option", ["-q", "--json"])
def test_the_answer_goes_to_a_file_while_the_script_writes_into_a_pipe(
    agx_server: AgxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    script = tmp_path / "train.py"
    program = HEAD + NET.format(between="        h = h.detach()\n") + TRAIN
    script.write_text(program + "import sys\nprint('done', sys.stdout.name)\n")
    answer = tmp_path / "answer"
    monkeypatch.chdir(tmp_path)
    reader, writer = os.pipe()
    with answer.open("w") as file:
        done = agx_server.run("run", option, script.name, stdout=file.fileno(), stderr=writer)
    said = os.read(reader, 65_536).decode()
    os.close(reader)
    os.close(writer)
    assert done.returncode == 1
    assert "\ndone <stdout>\n" in said
    assert "net.first.weight" in answer.read_text()


def test_an_installed_module_is_looked_into_where_it_is_asked_for(supervised_agx: Agx, tmp_path: Path) -> None:
    installed = tmp_path / "site-packages" / "layers"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    (installed / "cut.py").write_text("def half(x):\n    return x.detach() / 2\n")
    script = HEAD + f"import sys\nsys.path.insert(0, {str(installed.parent)!r})\nfrom layers.cut import half\n"
    script += "w = torch.ones(2, requires_grad=True)\n(half(w) + w * 0).sum().backward()\n"
    places: tuple[list[str], ...] = ([], ["--observe", str(installed)], ["--observe", str(installed / "cut.py")])
    told = [run(supervised_agx, tmp_path, script, *place).err for place in places]
    assert "x.detach()" not in told[0]
    assert "x.detach()" in told[1]
    assert "x.detach()" in told[2]
    assert Script(target="train.py").module_files("json.decoder") == json.decoder.__file__
    assert Script(target="train.py").module_files("json.no") is None
    assert run(supervised_agx, tmp_path, script, "--observe", "no.such").code == 2
    assert run(supervised_agx, tmp_path, script, "--observe", "torch.nn").code == 2


LONG = (
    HEAD
    + NET.format(between="")
    + TRAIN.replace("range(3)", "range(60)")
    + "import weakref\ngone = weakref.ref(net(x))\nprint(gone())\n"
)


def test_of_a_long_run_the_last_rounds_are_kept(supervised_agx: Agx, tmp_path: Path) -> None:
    outcome = run(supervised_agx, tmp_path, LONG, "--json")
    report = outcome.report
    assert report["course"]["passes"] == 60
    assert 3 <= len(report["backwards"]) <= 7
    assert len(report["values"]) < 250
    assert report["diagnostics"] == []
    assert outcome.err.endswith("None\n")  # a tensor lives no longer than the script lets it
    ids = [value["id"] for value in report["values"]]
    assert ids == list(range(len(ids)))
    assert all(operand < value["id"] for value in report["values"] for operand in value["operands"])


def test_more_rounds_are_kept_where_they_are_asked_for(supervised_agx: Agx, tmp_path: Path) -> None:
    report = run(supervised_agx, tmp_path, LONG, "--json", "--passes", "20").report
    assert len(report["backwards"]) >= 20


def test_what_is_not_observed_is_said(supervised_agx: Agx, tmp_path: Path) -> None:
    script = (
        HEAD
        + "import os, threading\n"
        + "def work(x):\n    return x * 2\n"
        + "thread = threading.Thread(target=work, args=(1,))\nthread.start()\nthread.join()\n"
        + "child = os.fork()\nif not child:\n    os._exit(0)\nos.waitpid(child, 0)\n"
        + "torch.compile(work, backend='eager')(torch.ones(2))\n"
    )
    said = run(supervised_agx, tmp_path, script).err
    assert "not observed: what happens inside a function or module compiled by torch.compile" in said
    assert "not observed: what ran in other threads" in said
    assert "not observed: what ran in other processes" in said


def test_an_exception_that_cannot_say_what_it_is(supervised_agx: Agx, tmp_path: Path) -> None:
    script = HEAD + "class Bad(Exception):\n    def __str__(self):\n        raise ValueError\nraise Bad\n"
    outcome = run(supervised_agx, tmp_path, script)
    assert outcome.code == 1
    assert "the program raised Bad: <exception str() failed>" in outcome.err


def test_ctrl_c_is_no_refusal_of_torch(supervised_agx: Agx, tmp_path: Path) -> None:
    script = HEAD + "def stop(gradient):\n    raise KeyboardInterrupt\nw = torch.ones(2, requires_grad=True)\n"
    outcome = run(supervised_agx, tmp_path, script + "w.register_hook(stop)\n(w * 2).sum().backward()\n")
    assert outcome.code == -signal.SIGINT
    assert "ended by KeyboardInterrupt" in outcome.err
    assert "refused" not in outcome.err


def test_what_agx_did_when_ctrl_c_came_is_not_in_the_traceback() -> None:
    def helper() -> None:
        json.loads("[1]", parse_int=stop)

    def stop(_: str) -> None:
        raise KeyboardInterrupt

    def work(guard: Guard) -> None:
        with guard.ours():
            helper()

    guard = Guard(lambda bug: pytest.fail(str(bug)))
    with pytest.raises(KeyboardInterrupt) as of_helper:
        guard.helper(helper, lambda: None)()
    with pytest.raises(KeyboardInterrupt) as of_ours:
        work(guard)
    for raised in (of_helper, of_ours):
        take_out_ours(raised.value)
        assert {each.filename for each in traceback.extract_tb(raised.value.__traceback__)} == {__file__}


OTHER_PATHS = (
    HEAD
    + """\
net, spare = nn.Linear(2, 1), nn.Linear(2, 1)
opt = torch.optim.SGD([*net.parameters(), *spare.parameters()], lr=0.1)
def train(i):
    opt.zero_grad()
    out = net(torch.ones(3, 2))
    if i == 2:
        out = out.detach() + spare(torch.ones(3, 2))
    loss = out.square().mean()
    loss.backward()
    for p in net.parameters():
        if p.grad is not None:
            p.grad.clamp_(-1, 1)
    opt.step()
    return loss
for epoch in range(2):
    for i in range(3):
        loss = train(i)
print(loss)
"""
)


def test_the_round_of_any_pass_can_be_shown(supervised_agx: Agx, tmp_path: Path) -> None:
    """With the step that follows the pass, and though a loop of its own stands between them."""
    last = run(supervised_agx, tmp_path, OTHER_PATHS)
    found = run(supervised_agx, tmp_path, OTHER_PATHS, "--step", "3")
    assert found.out == last.out
    rows = {line.split()[0]: line.split() for line in found.err.splitlines() if line.startswith(("net.", "spare."))}
    assert (rows["net.weight"][4:], rows["spare.weight"][5] != "0") == (["None", "0"], True)
    assert "not observed: what ran after the round of backward pass 3" in found.err
    assert "3 backward passes" in found.err
    report = run(supervised_agx, tmp_path, OTHER_PATHS, "--step", "2", "--json").report
    assert report["grads"]["spare.weight"] is None
    assert len(report["backwards"]) == report["course"]["passes"] == 2


def test_a_pass_that_there_was_not(supervised_agx: Agx, tmp_path: Path) -> None:
    found = run(supervised_agx, tmp_path, OTHER_PATHS, "--step", "7")
    assert "not observed: backward pass 7: there were only 6" in found.err


def test_of_several_processes_one_is_observed(
    supervised_agx: Agx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = HEAD + "w = torch.ones(2, requires_grad=True)\n(w.detach() * w).sum().backward()\nprint(w.grad)\n"
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, words, is_observed in (("0", (), True), ("1", (), False), ("1", ("--rank", "1"), True)):
        monkeypatch.setenv("RANK", rank)
        outcome = run(supervised_agx, tmp_path, script, *words)
        assert (outcome.code, outcome.out, bool(outcome.err)) == (0, "tensor([1., 1.])\n", is_observed)


READS_A_GRADIENT = """import torch
from torch import nn
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
net[0].bias.requires_grad_({flag})
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range({rounds}):
    optimizer.zero_grad(set_to_none=False)
    net(torch.ones(4, 3)).pow(2).mean().backward()
    g = net[0].weight.grad
    g.norm()
    optimizer.step()
"""


@pytest.mark.parametrize("rounds", [2, 9])
def test_what_is_frozen_in_an_optimizer_is_counted_without_gradients(
    supervised_agx: Agx, tmp_path: Path, rounds: int
) -> None:
    script = tmp_path / "train.py"
    script.write_text(READS_A_GRADIENT.format(flag=True, rounds=rounds))
    assert supervised_agx("run", "--json", str(script)).report["verdict"] == "all 4 parameters got gradients"
    script.write_text(READS_A_GRADIENT.format(flag=False, rounds=rounds))
    verdict = supervised_agx("run", "--json", str(script)).report["verdict"]
    assert verdict == "net.0.weight, net.1.weight and net.1.bias got gradients; 1 in an optimizer is frozen"


def test_an_optimizer_goes_by_its_name_in_the_function(supervised_agx: Agx) -> None:
    script = Path(__file__).with_name("scripts") / "scheduler_steps_in_place_of_the_optimizer.py"
    said = supervised_agx("run", str(script)).err
    assert "call optimizer.step() after backward()" in said
    assert "+             optimizer.step()" in said


SAYS = {  # what the page says of a script, and what it does not
    "a running mean cuts nothing": (
        (
            "net = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))\n"
            "for _ in range(2):\n    net(torch.randn(16, 2)).pow(2).mean().backward()\n"
        ),
        "all 6 parameters got gradients",
        "cut:",
    ),
    "nothing is cut where nothing is differentiated": (
        "net = nn.Linear(2, 1)\nnet.load_state_dict(net.state_dict())\n",
        "backward() did not run",
        "cut:",
    ),
    "a counter is no tensor's number": (
        "w, s = torch.ones(3, requires_grad=True), 0\nfor i, x in enumerate(w * 2):\n    s = s + x * i\ns.backward()\n",
        "w got a gradient",
        "cut:",
    ),
    "a shape cuts nothing": (
        "w = torch.ones(3, requires_grad=True)\n(torch.ones(1).expand_as(w) * w).sum().backward()\n",
        "w got a gradient",
        "cut:",
    ),
    "leaves that a loop makes anew are one": (
        (
            "w = torch.ones(3, requires_grad=True)\n"
            "for _ in range(40):\n    z = torch.ones(3, requires_grad=True)\n    (w * z).sum().backward()\n"
        ),
        "all 3 leaves got gradients",  # w, z, and z of the rounds before
        "note",
    ),
    "the loss in the headline is one": (
        (
            "a, b = (torch.ones(1, requires_grad=True) for _ in range(2))\n"
            "for step in range(4):\n    ((a - 1) * step).sum().backward()\n    (b * (100 + step)).sum().backward()\n"
        ),
        "loss 100 → 103",
        "loss 0",
    ),
    "autograd.grad of what is no leaf": (
        "x = torch.ones(3).requires_grad_(True) * 2\ntorch.autograd.grad((x ** 2).sum(), x)\n",
        "autograd.grad() gave the gradients that it was asked for",
        "requires a gradient",
    ),
}


@pytest.mark.parametrize("case", SAYS.values(), ids=SAYS.keys())
def test_the_page_says(supervised_agx: Agx, tmp_path: Path, case: tuple[str, str, str]) -> None:
    script, says, unsaid = case
    said = run(supervised_agx, tmp_path, f"import torch\nfrom torch import nn\n{script}").err
    assert says in said
    assert unsaid not in said


def test_that_a_process_is_started_anew_is_said(supervised_agx: Agx, tmp_path: Path) -> None:
    script = (
        "import torch.multiprocessing as mp\n"
        "def work(rank):\n    torch.ones(1, requires_grad=True).sum().backward()\n"
        "if __name__ == '__main__':\n    mp.spawn(work, nprocs=1)\n"
    )
    assert "not observed: what ran in other processes" in run(supervised_agx, tmp_path, f"import torch\n{script}").err
