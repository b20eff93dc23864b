"""Programs made at random from a seed, about what holds tensors: lists, dicts, modules, functions, optimizers, nodes.

They need not make sense: torch and Python may refuse any of them, and many are refused before they run.
"""

from __future__ import annotations

import random

START = """import torch
from torch import nn
import torch.nn.functional as F
x = torch.tensor([0.5, -1.0, 2.0], requires_grad=True)
w = torch.randn(3, 3, requires_grad=True)
n = 2
xs = [x * 2, w, torch.ones(3)]
ws = [torch.randn(3, requires_grad=True) for i in range(3)]
d = {"a": x, "b": {"c": [w, 1.5]}, 3: ws}
p = nn.Parameter(torch.ones(3))
lin = nn.Linear(3, 3)
seq = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3))
ml = nn.ModuleList([nn.Linear(3, 3), nn.Sequential(nn.Linear(3, 3), nn.Tanh())])
md = nn.ModuleDict({"up": nn.Linear(3, 3), "act": nn.GELU()})
pl = nn.ParameterList([nn.Parameter(torch.ones(3)), nn.Parameter(torch.zeros(3))])
opt = torch.optim.SGD(lin.parameters(), lr=0.1)
dist = torch.distributions.Normal(x, 1.0)
y = lin(x)
e = None
a, b, z, i, k, v, layer = x, w, y, 1, "a", ws, lin
def f(a, b=w, *rest, c=2): return a * c
def g(a, k=3): return a if k == 0 else g(a * 1.1, k - 1)
def make(k):
    hidden = torch.ones(3, requires_grad=True)
    inner = [nn.Linear(3, 3) for i in range(k)]
    return {"h": hidden * 2, "net": inner, "t": (hidden, [hidden])}
def outer(a):
    total = []
    def inner(b):
        total.append(b)
        return b * len(total)
    return inner(a) + inner(a)
h = lambda a: a * 2
"""

TENSORS = """
x w y p xs[0] xs[-1] ws[1] d["a"] d["b"]["c"][0] d[3][0] lin.weight seq[0].weight ml[1][0].bias
md["up"].weight pl[0] x.detach() x.data y.clone() w[0] w[:,1] x.view(3,1) x.grad y.grad lin.weight.grad
torch.ones(3) e
""".split()
HOLDERS = """
xs ws d d["b"] d[3] (x,y) [x,[y,(w,)]] {"k":x} seq ml md pl lin opt dist y.grad_fn y.grad_fn.next_functions
lin.parameters() seq.named_parameters() ml.children() lin.state_dict() seq.named_children() seq.modules()
md.keys() md.values() md.items() d.keys() d.values() d.items() zip(xs,ws) enumerate(ws) reversed(xs) map(h,xs)
filter(None,[1,0]) sorted([2,1]) range(3) w.unbind() w.max(0) torch.sort(x) w.shape make(1) make(2)["net"]
make(1)["t"] [f,g] torch.linalg.svd(w) "text" None e nn.LSTM(3,2) nn.LSTM(3,2)(w) dist.loc seq[:2] seq[0:1]
ml[::2] pl[:1] xs[1:] nn.ModuleList([seq,seq]) nn.Sequential(lin,lin) {} [] () [[]] {"a":{}} [seq] {"m":lin}
(None,) nn.Sequential() nn.ModuleList() w.split(1) torch.meshgrid(x,x) nn.MultiheadAttention(4,2) list(seq)
tuple(ml) dict(d) [*xs,*ws] x w y print
""".split()
METHODS = """
.sum() .mean() .sin() .relu() .detach() .clone() .abs() .view(-1) .t() .max() .item() .tolist() .unbind()
.shape .requires_grad .is_leaf .grad .data .grad_fn .float() .long() [0] [-1] [:2] [None] .requires_grad_()
.retain_grad() .weight .bias .copy() .pop() .cpu() .to(torch.float64) .squeeze() .backward() .zero_grad()
.parameters() .keys() .items() .append(x) .step() .log_prob(x) .rsample() .next_functions .name() .eval()
.train() .weight.data .sum().backward() .type .index(x) .count(x) .values .indices .extend(xs) .update(d)
.get("a") .double() .half() .bool() .T .mT .norm() .size() .dim() .numel()
""".split()
FUNCTIONS = """
f g h make outer print len list tuple dict str sum max min sorted enumerate zip reversed float int bool abs
lin seq md["up"] ml[0] torch.stack torch.cat torch.sum torch.tensor torch.as_tensor nn.Parameter nn.Sequential
nn.ModuleList nn.ParameterList torch.exp F.relu F.softmax torch.zeros_like torch.broadcast_tensors
torch.atleast_1d torch.is_tensor torch.autograd.grad torch.autograd.backward torch.optim.Adam torch.optim.SGD
any all torch.distributions.Normal nn.utils.clip_grad_norm_ nn.init.zeros_ torch.where torch.block_diag
""".split()
# What the language refuses, and says so.
REFUSED = """
opt.param_groups y.grad_fn.metadata x.numpy() x.data_ptr() x.__class__ lin.__dict__ lin.apply(h)
isinstance(x,int) type(x) id(x) repr(x) torch.save(x,"a") copy.deepcopy(x) nn.ParameterDict({})
""".split()
NAMES = "x w y e xs ws d lin seq ml md pl opt n h z a b".split()


class Maker:
    """Makes one program."""

    _HOLDER, _OFTEN, _GUARDED = 2, 0.01, 0.6

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - no secret

    def program(self) -> str:
        """The text; most of its statements stand in a `try`, so that it goes on after what torch refuses."""
        return (
            START + "".join(self._guarded(self._statement(2)) for _ in range(self._random.randint(1, 6))) + "print(n)\n"
        )

    def _guarded(self, statement: str) -> str:
        if self._random.random() > self._GUARDED:
            return statement
        return "try:\n" + "".join(f"    {line}\n" for line in statement.splitlines()) + "except Exception:\n    pass\n"

    def _any(self, *choices: str) -> str:
        return self._random.choice(choices)

    def _expression(self, depth: int) -> str:
        kind = self._random.randrange(16 if depth else 3)
        inner = depth - 1
        if kind < self._HOLDER:
            return self._any(*TENSORS)
        if kind == self._HOLDER:
            return self._any(*HOLDERS) if self._random.random() > self._OFTEN else self._any(*REFUSED)
        one, other = self._expression(inner), self._expression(inner)
        name = self._any("i", "a", "k, v")
        return self._any(
            f"({one} {self._any(*'+ - * / @ ** % > =='.split())} {other})",
            f"({one} + 1)",
            f"{one}{self._any(*METHODS)}",
            f"{one}{self._any(*METHODS)}",
            f"{self._any(*FUNCTIONS)}({one})",
            f"{self._any(*FUNCTIONS)}({one}, {other})",
            f"{self._any(*FUNCTIONS)}([{one}, {other}])",
            f"[{one}, {other}]",
            f"({one}, {other})",
            f'{{"a": {one}, "b": {other}}}',
            f"[{name.split(',')[0]} for {name} in {one}]",
            f"[{other} for {name} in {one}]",
            f"{{{name.split(',')[0]}: {other} for {name} in {one}}}",
            f"sum({other} for {name} in {one})",
            f"({one} if {other} else n)",
            f"({one} {self._any('is', 'is not', 'in', 'and', 'or', 'not in')} {other})",
            f"{one}[{other}]",
            f"{one}[{self._any('0', '-1', '1:', '::2', repr('a'), repr('up'), 'n', 'None', '...')}]",
            f"f({one}, c={other})",
            f"f(*{one})",
            f"(lambda q, r={one}: q)({other})",
            f'f"{{{one}}}"',
        )

    def _block(self, depth: int) -> str:
        lines = "".join(self._statement(depth) for _ in range(self._random.randint(1, 2)))
        return "".join(f"    {line}\n" for line in lines.splitlines())

    def _statement(self, depth: int) -> str:
        one = self._expression(2)
        name = self._any(*NAMES)
        choices = [
            f"{name} = {one}\n",
            f"{name} = {one}\n",
            f"{name}, b = {one}\n",
            f"a, *{name} = {one}\n",
            f"{name} = z = {one}\n",
            f"{name} += {one}\n",
            f"{self._any('xs[0]', 'd[3]', 'd', 'ws[-1]', 'x[0]', 'w[1]')} = {one}\n",
            f"{self._any('x.data', 'x.grad', 'lin.weight', 'lin.bias.data', 'p.requires_grad', 'y.foo')} = {one}\n",
            f"{one}\n",
            f"print({one})\n",
            f"print({one}, sep={self._any('None', repr(', '), 'x')})\n",
            f"{self._any('xs', 'ws', 'a', 'd[3]', 'ml')}.append({self._any(one, 'xs', 'd', 'ml', 'nn.ReLU()')})\n",
            f"d[{self._any('d', 'x', '(1, x)', repr('z'), 'lin', '1.5')}] = {one}\n",
            f"{self._any('x', 'w', 'ws[0]', 'y', 'p')}.{self._any('add_(1)', 'mul_(2)', 'zero_()', 'detach_()')}\n",
            f"({one}).sum().backward({self._any('', 'retain_graph=True')})\n",
            f"{self._any('y', 'h(x)', 'seq(x)', 'g(x)', 'outer(w)')}.sum().backward()\n",
            f"{name} = torch.autograd.grad({self._any('y.sum()', 'seq(x).sum()', one)}, {self._any('x', 'ws', one)})\n",
            "opt.step()\n",
            "opt.zero_grad()\n",
            f"del {name}\n",
            f"assert {one}, {one}\n",
        ]
        if depth:
            block = self._block(depth - 1)
            over = self._any(*HOLDERS, one)
            choices += [
                f"for {self._any('i', 'a', 'i, a', 'k, v', 'layer', 'x')} in {over}:\n{block}",
                f"for i, (a, b) in enumerate(zip(xs, {over})):\n{block}    if i > 0: break\n",
                f"for layer in {self._any('seq', 'ml', 'md', 'pl', 'lin.parameters()')}:\n    y = layer(y)\n{block}",
                f"while n > 0:\n    n -= 1\n{block}",
                f"if {one}:\n{block}else:\n{block}",
                f"with {self._any('torch.no_grad()', 'torch.enable_grad()', 'torch.inference_mode()')}:\n{block}",
                f"try:\n{block}except {self._any('Exception', 'RuntimeError as e', 'TypeError')}:\n{block}",
                f"def t(a, b={self._any(*TENSORS)}):\n    z = a\n{block}    return {one}\ny = t(x)\n",
                f"def t():\n    w = torch.ones(3, requires_grad=True)\n{block}    w.sum().backward()\nt()\n",
            ]
        return self._any(*choices)
