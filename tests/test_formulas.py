"""What a node's edges are told to be: the order of arguments, the formula, and the formula with its numbers."""

from __future__ import annotations

import ast
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everyone writes it
from hypothesis import given, settings
from hypothesis import strategies as st

import formula_oracle
import probe_operations
from autograd_cli import explore
from autograd_cli.derivatives import spelling
from autograd_cli.derivatives.glosses import glosses
from autograd_cli.derivatives.table import formulas_of_node
from autograd_cli.engine.record.saved import Edge, edges_of, saved_of
from autograd_cli.engine.record.snapshot import values_of
from autograd_cli.render.look import ASCII, Look
from autograd_cli.render.parts.formula import equation, with_numbers
from autograd_cli.trace import Flow, TensorValues, Visit
from formula_oracle import handed_on, is_formula, nodes_of, told
from test_every_operation import GROUPS, ROWS, leaf_of, replaced
from test_operations_table import of_this_torch
from thorough import THOROUGH, at_length

SAMPLES = 4 if THOROUGH else 1  # of each operation, from torch's own operator database
NODES = 4  # of each class
MAX_ELEMENTS = 200
PRECISE = Look(precision=8)

# Each operation with the node it makes, and for each edge the argument, the leaf it leads to (- for none), and what is
# told of it. A formula is torch's own, and a later torch may write it in another way: from that version on, a line that
# ends in `[torch 2.14]`, say, takes the place of the one before it.
CASES = """
x+y  ->  AddBackward0
    self=x: grad
    other=y: grad
x-y  ->  SubBackward0
    self=x: grad
    other=y: -grad
torch.add(x, y, alpha=3)  ->  AddBackward0
    self=x: grad
    other=y: grad * alpha
torch.rsub(x, y)  ->  RsubBackward0
    self=x: -grad
    other=y: grad
x*y  ->  MulBackward0
    self=x: grad * other
    other=y: grad * self
3*x  ->  MulBackward0
    self=x: grad * other
    other=-: grad * self
x/y  ->  DivBackward0
    self=x: grad / other
    other=y: -grad * self / (other * other)
torch.div(x, y, rounding_mode='floor')  ->  DivBackward2
    self=x: zeros_like(grad)
    other=y: zeros_like(grad)
x**3  ->  PowBackward0
    self=x: grad * exponent * self ** (exponent - 1)
x**0  ->  PowBackward0
    self=x: zeros_like(self)
x**y  ->  PowBackward1
    self=x: where(exponent == 0, 0, grad * exponent * self ** (exponent - 1))
    exponent=y: where((self == 0) & (exponent >= 0), 0, grad * result * log(self))
2**x  ->  PowBackward2
    exponent=x: where((self == 0) & (exponent >= 0), 0, grad * result * log(self))
-x  ->  NegBackward0
    self=x: grad.neg()
x.abs()  ->  AbsBackward0
    self=x: grad * self.sgn()
x.exp()  ->  ExpBackward0
    self=x: grad * result
x.expm1()  ->  Expm1Backward0
    self=x: grad * (result + 1)
x.log()  ->  LogBackward0
    self=x: grad.div(self)
x.log1p()  ->  Log1PBackward0
    self=x: grad / (self + 1)
x.log2()  ->  Log2Backward0
    self=x: grad / (self * 0.6931471805599453)
    self=x: grad / (self * math.log(2))  [torch 2.14]
x.sqrt()  ->  SqrtBackward0
    self=x: grad / (2 * result)
x.rsqrt()  ->  RsqrtBackward0
    self=x: -0.5 * grad * result.pow(3)
x.reciprocal()  ->  ReciprocalBackward0
    self=x: -grad * (result * result)
x.sin()  ->  SinBackward0
    self=x: grad * self.cos()
x.cos()  ->  CosBackward0
    self=x: grad * -self.sin()
x.tan()  ->  TanBackward0
    self=x: grad * (1 + result.pow(2))
x.asin()  ->  AsinBackward0
    self=x: grad * (-self * self + 1).rsqrt()
x.atan()  ->  AtanBackward0
    self=x: grad / (self * self + 1)
torch.atan2(x, y)  ->  Atan2Backward0
    self=x: where((self == 0) & (other == 0), 0, grad * other / (self * self + other * other))
    other=y: where((self == 0) & (other == 0), 0, -grad * self / (self * self + other * other))
x.sinh()  ->  SinhBackward0
    self=x: grad * self.cosh()
x.cosh()  ->  CoshBackward0
    self=x: grad * self.sinh()
x.tanh()  ->  TanhBackward0
    self=x: grad * (1 - result * result)
x.sigmoid()  ->  SigmoidBackward0
    self=x: grad * (1 - result) * result
x.erf()  ->  ErfBackward0
    self=x: 2.0 / math.sqrt(pi) * exp(-self.pow(2)) * grad
    self=x: 2 / math.sqrt(pi) * exp(-self.pow(2)) * grad  [torch 2.14]
torch.hypot(x, y)  ->  HypotBackward0
    self=x: grad * self / result
    other=y: grad * other / result
torch.maximum(x, y)  ->  MaximumBackward0
    self=x: where(self == other, grad / 2, grad).masked_fill(self < other, 0)
    other=y: where(self == other, grad / 2, grad).masked_fill(self > other, 0)
torch.minimum(x, y)  ->  MinimumBackward0
    self=x: where(self == other, grad / 2, grad).masked_fill(self > other, 0)
    other=y: where(self == other, grad / 2, grad).masked_fill(self < other, 0)
torch.fmax(x, y)  ->  FmaxBackward0
    self=x: grad.masked_fill((self >= other).logical_or(other.isnan()).logical_not(), 0)
    self=x: where(self == other, grad / 2, grad).masked_fill(self < other, 0)  [torch 2.14]
    other=y: grad.masked_fill((self >= other).logical_or(other.isnan()), 0)
    other=y: where(self == other, grad / 2, grad).masked_fill(self > other, 0)  [torch 2.14]
torch.logaddexp(x, y)  ->  LogaddexpBackward0
    self=x: grad / (1 + exp(other - self))
    other=y: grad / (1 + exp(self - other))
torch.lerp(x, y, 0.25)  ->  LerpBackward0
    self=x: grad * (1 - weight)
    end=y: grad * weight
torch.addcmul(x, y, z)  ->  AddcmulBackward0
    self=x: grad
    tensor1=y: grad * (tensor2 * value)
    tensor2=z: grad * (tensor1 * value)
torch.addcdiv(x, y, z)  ->  AddcdivBackward0
    self=x: grad
    tensor1=y: grad * (value / tensor2)
    tensor2=z: -grad * (value * tensor1 / (tensor2 * tensor2))
torch.where(c, x, y)  ->  WhereBackward0
    self=x: where(condition, grad, 0)
    other=y: where(condition, 0, grad)
x.masked_fill(c, 2.0)  ->  MaskedFillBackward0
    self=x: grad.masked_fill(mask, 0)
x.clamp(0.2, 0.6)  ->  ClampBackward1
    self=x: where((self >= min) & (self <= max), grad, 0)
    self=x: where((self > min) & (self < max), grad, 0)  [torch 2.14]
x.clamp(min=y)  ->  ClampBackward0
    self=x: where(self >= min, grad, 0)
    self=x: grad inside the range; an element at a bound shares it with the bound  [torch 2.14]
    min=y: where(self < min, grad, 0)
    min=y: grad where min is the result; an element that equals it has its share  [torch 2.14]
    max=-: where((self > max) | (max < min), grad, 0)
    max=-: grad where max is the result; an element that equals it has its share  [torch 2.14]
torch.clamp(x, y, z)  ->  ClampBackward0
    self=x: where((self >= min) & (self <= max), grad, 0)
    self=x: grad inside the range; an element at a bound shares it with the bound  [torch 2.14]
    min=y: where((min < max) & (self < min), grad, 0)
    min=y: grad where min is the result; an element that equals it has its share  [torch 2.14]
    max=z: where((self > max) | (max < min), grad, 0)
    max=z: grad where max is the result; an element that equals it has its share  [torch 2.14]
x.relu()  ->  ReluBackward0
    self=x: where(result <= 0, 0, grad)
F.leaky_relu(x, 0.1)  ->  LeakyReluBackward0
    self=x: where(self > 0, grad, grad * negative_slope)
F.elu(x)  ->  EluBackward0
    self=x: where(self <= 0, grad * alpha * exp(self), grad)
F.gelu(x)  ->  GeluBackward0
    self=x: grad * ((1 + erf(self / math.sqrt(2))) / 2 + self * exp(-self * self / 2) / math.sqrt(2 * pi))
F.silu(x)  ->  SiluBackward0
    self=x: grad * sigmoid(self) * (1 + self * (1 - sigmoid(self)))
F.softplus(x)  ->  SoftplusBackward0
    self=x: where(self * beta > threshold, grad, grad * sigmoid(self * beta))
F.hardtanh(x)  ->  HardtanhBackward0
    self=x: where((self <= min_val) | (self >= max_val), 0, grad)
F.logsigmoid(x)  ->  LogSigmoidBackward0
    self=x: grad * sigmoid(-self)
F.threshold(x, 0.1, 0.0)  ->  ThresholdBackward0
    self=x: where(self <= threshold, 0, grad)
x.softmax(0)  ->  SoftmaxBackward0
    self=x: result * (grad - (grad * result).sum(dim, keepdim=True))
x.log_softmax(0)  ->  LogSoftmaxBackward0
    self=x: grad - exp(result) * grad.sum(dim, keepdim=True)
x.sum()  ->  SumBackward0
    self=x: grad.expand(self.shape)
m.sum(0)  ->  SumBackward1
    self=m: grad.unsqueeze(0).expand(self.shape)
m.sum(1, keepdim=True)  ->  SumBackward1
    self=m: grad.expand(self.shape)
x.mean()  ->  MeanBackward0
    self=x: grad.expand(self.shape) / self.numel()
m.mean(1)  ->  MeanBackward1
    self=m: grad.unsqueeze(1).expand(self.shape) / self.shape[1]
m.mean((0, 1))  ->  MeanBackward1
    self=m: grad.unsqueeze(0).unsqueeze(1).expand(self.shape) * grad.numel() / self.numel()
x.prod()  ->  ProdBackward0
    self=x: grad * the product of the other elements
x.max()  ->  MaxBackward1
    self=x: grad * (self == result) / (self == result).sum()
m.max(1).values  ->  MaxBackward0
    self=m: zeros(self.shape).scatter(dim, indices.unsqueeze(dim), grad.unsqueeze(dim))
m.amax(1)  ->  AmaxBackward0
    self=m: grad.unsqueeze(1) * (result.unsqueeze(1) == self) / (result.unsqueeze(1) == self).sum(dim, keepdim=True)
x.min()  ->  MinBackward1
    self=x: grad * (self == result) / (self == result).sum()
x.median()  ->  MedianBackward0
    self=x: grad * (self == result) / (self == result).sum()
x.norm()  ->  LinalgVectorNormBackward0
    self=x: grad * (self / result).masked_fill(result == 0, 0)
x.norm(1)  ->  LinalgVectorNormBackward0
    self=x: grad * self.sgn()
m.norm(dim=1)  ->  LinalgVectorNormBackward0
    self=m: grad.unsqueeze(1) * (self / result.unsqueeze(1)).masked_fill(result.unsqueeze(1) == 0, 0)
x.var()  ->  VarBackward0
    self=x: grad * 2 * (self - self.mean()) / (self.numel() - 1)
x.std()  ->  StdBackward0
    self=x: (grad / result).masked_fill(result == 0, 0) * (self - self.mean()) / (self.numel() - 1)
m.var(0)  ->  VarBackward0
    self=m: grad.unsqueeze(0) * 2 * (self - self.mean(0, keepdim=True)) / (self.numel() / grad.numel() - correction)
x.logsumexp(0)  ->  LogsumexpBackward0
    self=x: grad.unsqueeze(0) * exp(self - result.unsqueeze(0))
x.cumsum(0)  ->  CumsumBackward0
    self=x: grad.flip(dim).cumsum(dim).flip(dim)
m@n  ->  MmBackward0
    self=m: grad @ mat2.mT
    mat2=n: self.mT @ grad
torch.mv(m, a)  ->  MvBackward0
    self=m: grad.ger(vec)
    vec=a: self.t().mv(grad)
torch.dot(x, y)  ->  DotBackward0
    self=x: grad * tensor
    tensor=y: grad * self
torch.addmm(n, m, n)  ->  AddmmBackward0
    self=n: grad
    mat1=m: grad @ mat2.mT
    mat2=n: mat1.mT @ grad
torch.addmm(n, m, n, beta=2, alpha=3)  ->  AddmmBackward0
    self=n: grad * beta
    mat1=m: grad @ mat2.mT * alpha
    mat2=n: mat1.mT @ grad * alpha
torch.bmm(p, q)  ->  BmmBackward0
    self=p: grad.bmm(mat2.transpose(1, 2))
    mat2=q: self.transpose(1, 2).bmm(grad)
torch.baddbmm(p, p, q)  ->  BaddbmmBackward0
    self=p: grad
    batch1=p: grad.bmm(batch2.transpose(1, 2))
    batch2=q: batch1.transpose(1, 2).bmm(grad)
x[1]  ->  SelectBackward0
    self=x: zeros(self.shape).select_scatter(grad, dim, index)
x[1:3]  ->  SliceBackward0
    self=x: zeros(self.shape).slice_scatter(grad, dim, start, end, step)
x[i]  ->  IndexBackward0
    self=x: zeros(self.shape).index_put(indices, grad, accumulate=True)
x.gather(0, i)  ->  GatherBackward0
    self=x: zeros(self.shape).scatter_add(dim, index, grad)
x.index_select(0, i)  ->  IndexSelectBackward0
    self=x: zeros(self.shape).index_add(dim, index, grad)
x.masked_select(c)  ->  MaskedSelectBackward0
    self=x: zeros(self.shape).masked_scatter(mask, grad)
x.take(i)  ->  TakeBackward0
    self=x: zeros(self.shape).put(index, grad, accumulate=True)
x.topk(2).values  ->  TopkBackward0
    self=x: zeros(self.shape).scatter(dim, indices, grad)
x.sort().values  ->  SortBackward0
    self=x: zeros(self.shape).scatter(dim, indices, grad)
m.t()  ->  TBackward0
    self=m: grad.t()
m.transpose(0, 1)  ->  TransposeBackward0
    self=m: grad.transpose(dim0, dim1)
m.view(4)  ->  ViewBackward0
    self=m: grad.reshape(self.shape)
m.permute(1, 0)  ->  PermuteBackward0
    self=m: grad, its dimensions in their former order
x.unsqueeze(0)  ->  UnsqueezeBackward0
    self=x: grad.squeeze(dim)
m.diagonal()  ->  DiagonalBackward0
    self=m: zeros(self.shape).diagonal_scatter(grad, offset, dim1, dim2)
x.expand(2, 4)  ->  ExpandBackward0
    self=x: grad.sum_to_size(self.shape)
x.flip(0)  ->  FlipBackward0
    self=x: grad.flip(dims)
x.roll(1)  ->  RollBackward0
    self=x: grad.roll([-shift for shift in shifts], dims)
x.repeat(2)  ->  RepeatBackward0
    self=x: the repeats of grad, added up
torch.cat([x, y])  ->  CatBackward0
    tensors[0]=x: the piece of grad that this tensor is
    tensors[1]=y: the piece of grad that this tensor is
torch.stack([x, y])  ->  StackBackward0
    tensors[0]=x: grad.select(dim, 0)
    tensors[1]=y: grad.select(dim, 1)
x.split(2)[0]  ->  SplitBackward0
    self=x: cat(grads, dim)
x.unbind()[0]  ->  UnbindBackward0
    self=x: stack(grads, dim)
F.mse_loss(x, y)  ->  MseLossBackward0
    self=x: grad * 2 * (self - target) / self.numel()
    target=y: grad * 2 * (target - self) / target.numel()
F.smooth_l1_loss(x, y)  ->  SmoothL1LossBackward0
    self=x: grad * clamp((self - target) / beta, -1, 1) / self.numel()
    target=y: grad * clamp((target - self) / beta, -1, 1) / target.numel()
F.huber_loss(x, y)  ->  HuberLossBackward0
    self=x: grad * clamp(self - target, -delta, delta) / self.numel()
    target=y: grad * clamp(target - self, -delta, delta) / target.numel()
F.binary_cross_entropy(x, t)  ->  BinaryCrossEntropyBackward0
    self=x: grad * (self - target) / clamp((1 - self) * self, min=1e-12) / self.numel()
    target=-: grad * (log(1 - self) - log(self)) / target.numel()
F.binary_cross_entropy_with_logits(x, t)  ->  BinaryCrossEntropyWithLogitsBackward0
    self=x: grad * (sigmoid(self) - target) / self.numel()
    target=-: -grad * self / target.numel()
F.nll_loss(m, k)  ->  NllLossBackward0
    self=m: -grad * one_hot(target, self.size(-1)) / total_weight
F.conv1d(u, v)  ->  ConvolutionBackward0
    input=u: the convolution of grad with weight, transposed
    weight=v: the convolution of input with grad
    bias=-: the sum of grad over all but the channels
F.layer_norm(x, [4])  ->  NativeLayerNormBackward0
    input=x: grad / the deviation, less the part that moves the mean or the deviation
    weight=-: the sum over the batch of grad * the normalised input
    bias=-: the sum of grad over the batch
F.embedding(k, m)  ->  EmbeddingBackward0
    weight=m: zeros(weight.size(0), grad.size(-1)).index_add(0, indices.flatten(), grad.reshape(-1, grad.size(-1)))
torch.linalg.inv(m)  ->  LinalgInvExBackward0
    A=m: -matmul(inverse.mT, matmul(grad, inverse.mT))
torch.linalg.solve(m, n)  ->  LinalgSolveExBackward0
    A=m: -solve(A.mT, grad) times result, transposed
    B=n: linalg.solve(A.mT, grad)
torch.linalg.det(m)  ->  LinalgDetBackward0
    A=m: grad * the cofactors of A
x.clone()  ->  CloneBackward0
    self=x: grad
x.to(torch.float32)  ->  ToCopyBackward0
    self=x: grad, in the dtype that the argument has
m.tril()  ->  TrilBackward0
    self=m: grad.tril(diagonal)
"""


INSTALLED = tuple(map(int, torch.__version__.split(".")[:2]))
SINCE = re.compile(r"(.*)  \[torch (\d+)\.(\d+)\]")


def blocks(text: str) -> list[tuple[str, list[str]]]:
    """The lines that begin at the margin, each with the indented lines below it that are for the installed torch."""
    found: list[tuple[str, list[str]]] = []
    for line in text.strip().splitlines():
        since = SINCE.fullmatch(line)
        if not line.startswith(" "):
            found.append((line, []))
        elif since is None:
            found[-1][1].append(line.strip())
        elif (int(since[2]), int(since[3])) <= INSTALLED:
            found[-1][1][-1] = since[1].strip()
    return found


OPERATIONS = [first.partition("  ->  ")[0] for first, _ in blocks(CASES)]


def leaves(dtype: torch.dtype = torch.float64) -> dict[str, torch.Tensor]:
    """Leaves with values between 0.1 and 0.9, and tensors that choose among them."""
    generator = torch.Generator().manual_seed(0)
    shapes = {**dict.fromkeys("xyz", (4,)), **dict.fromkeys("mn", (2, 2)), "a": (2,), **dict.fromkeys("pq", (2, 2, 2))}
    made = {
        name: (torch.rand(shape, generator=generator, dtype=dtype) * 0.8 + 0.1).requires_grad_()
        for name, shape in {**shapes, "u": (1, 1, 4), "v": (1, 1, 2)}.items()
    }
    chosen = {"c": [True, False, True, False], "i": [2, 0], "k": [1, 0]}
    return {**made, **{name: torch.tensor(value) for name, value in chosen.items()}, "t": torch.tensor([1.0, 0, 1, 0])}


def computed(operation: str, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """An operation of the table above, by Python itself."""
    result = eval(operation, {"torch": torch, "F": F}, {**inputs, "t": inputs["t"].to(inputs["x"].dtype)})  # noqa: S307 - the text stands above
    assert isinstance(result, torch.Tensor)
    return result


def shown(node: Any, inputs: dict[str, torch.Tensor]) -> list[str]:
    lines = []
    for edge, (function, _) in zip(edges_of(node), node.next_functions, strict=True):
        leads_to = [name for name, leaf in inputs.items() if getattr(function, "variable", None) is leaf]
        lines.append(f"{edge.argument}={next(iter(leads_to), '-')}: {told(edge)}")
    return lines


@pytest.mark.parametrize(("operation_and_node", "edges"), blocks(CASES))
def test_edges_are_told_in_the_order_of_next_functions(operation_and_node: str, edges: list[str]) -> None:
    operation, _, node = operation_and_node.partition("  ->  ")
    inputs = leaves()
    grad_fn = computed(operation, inputs).grad_fn
    assert type(grad_fn).__name__ == node
    assert shown(grad_fn, inputs) == edges


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize(
    "operation", ["x*y", "x/y", "x+y", "x-y", "x**3", "x.exp()", "x.sin()", "x.tanh()", "x.sigmoid()", "m@n", "x.sum()"]
)
def test_the_formula_is_true_of_complex_numbers_too(operation: str, dtype: torch.dtype) -> None:
    """One side complex, the other real: a gradient that goes to a real argument is the real part."""
    inputs = leaves()
    for name in ("x", "m", "n"):
        inputs[name] = (inputs[name].detach() * (1 + 2j if dtype.is_complex else 1)).requires_grad_()
    node = computed(operation, inputs).grad_fn
    assert list(differences(node)) == []


def differences(node: Any) -> Iterator[str]:
    """What is told of a node's edges and is not what torch hands on."""
    arrived, left = handed_on(node)
    for edge, gradient in zip(edges_of(node), left, strict=True):
        text = told(edge)
        if text is not None and gradient is not None and is_formula(text):
            try:
                mine = formula_oracle.evaluated(text, node, arrived)
            except AssertionError as error:
                yield f"{type(node).__name__} {edge.argument}: {error}"
                continue
            if not formula_oracle.agree(mine, gradient):
                yield f"{type(node).__name__} {edge.argument}: {text} is {mine}, torch hands on {gradient}"


def graphs(full_name: str, samples: int) -> Iterator[torch.Tensor]:
    """Results of an operation on samples of torch's own, from leaves."""
    for sample in itertools.islice(probe_operations.database_samples(full_name), samples):
        fresh: dict[int, torch.Tensor] = {}
        for tensor in probe_operations.tensors_in([*sample.arguments, *sample.keywords.values()]):
            leaf_of(tensor, fresh)
        try:
            arguments, keywords = replaced(sample.arguments, fresh), replaced(dict(sample.keywords), fresh)
            results = probe_operations.tensors_in(probe_operations.function_of(full_name)(*arguments, **keywords))
        except Exception:  # noqa: BLE001, S112 - a sample for another form of the call
            continue
        yield from (result for result in results if result.grad_fn is not None and result.numel() <= MAX_ELEMENTS)


def sampled_nodes(group: str, samples: int) -> Iterator[Any]:
    """Some nodes of each class that the operations of a group make."""
    seen: Counter[str] = Counter()
    for row in ROWS:
        if row.group == group and not row.name.endswith("_"):
            for result in graphs(row.name, samples):
                for node in nodes_of(result):
                    seen[type(node).__name__] += 1
                    if seen[type(node).__name__] <= NODES and not hasattr(node, "variable"):
                        yield node


@pytest.mark.filterwarnings("ignore")  # some samples make torch warn
@pytest.mark.parametrize("group", GROUPS)
def test_formulas_are_true_of_the_nodes_of_every_operation(group: str) -> None:
    """The text itself, evaluated by agx, is what torch's own code for the node makes of random gradients."""
    torch.manual_seed(0)
    wrong: list[str] = []
    for node in sampled_nodes(group, SAMPLES):
        if any(is_formula(told(edge)) for edge in edges_of(node)) and takes_gradients(node):
            wrong += differences(node)
    assert wrong == []


@pytest.mark.parametrize(
    "operation",
    """x.clamp(-1, 1) | x.clamp(min=-1) | x.clamp(max=1) | torch.clamp(x, -y, y) | torch.clamp(x, min=y) | F.relu(x)
    F.relu6(x) | F.hardtanh(x) | F.hardsigmoid(x) | F.hardswish(x) | F.threshold(x, 1, 0) | F.leaky_relu(x) | F.elu(x)
    F.softshrink(x) | F.hardshrink(x) | x.abs() | F.smooth_l1_loss(x, 0*y) | F.huber_loss(x, 0*y) | F.l1_loss(x, y)
    torch.maximum(x, y) | torch.minimum(x, y) | torch.fmax(x, y) | torch.fmin(x, y) | x.abs().max() | x.abs().amax()
    F.softplus(x, threshold=1) | x.clamp_min(0) | x.clamp_max(0) | x.abs().clamp(max=1).logit(eps=0.5)""".replace(
        "\n", "|"
    ).split("|"),
    ids=str.strip,
)
def test_formulas_are_true_at_the_kinks(operation: str) -> None:
    """That is where versions of torch differ, too."""
    kinks = torch.tensor([-6.0, -3, -1, -0.5, 0, 0.5, 1, 3, 6], dtype=torch.float64)
    inputs = {"x": kinks.clone().requires_grad_(), "y": torch.ones_like(kinks).requires_grad_(), "t": kinks}
    assert [told for node in nodes_of(computed(operation.strip(), inputs)) for told in kinked(node)] == []


def kinked(node: Any) -> list[str]:
    return [] if hasattr(node, "variable") else list(differences(node))


@at_length
@of_this_torch
@pytest.mark.filterwarnings("ignore")  # some samples make torch warn
def test_most_classes_of_nodes_are_told_in_full() -> None:
    """A class counts as what is told of its worst edge; a `formula` is one that torch's table says plainly."""
    standing: dict[str, set[str]] = {}
    for node in itertools.chain.from_iterable(sampled_nodes(group, 2) for group in GROUPS):
        assert len(edges_of(node)) == len(node.next_functions)
        standing.setdefault(type(node).__name__, set()).update(map(standing_of, edges_of(node)))
    counts = Counter(worst(found) for found in standing.values())
    assert counts["formula"] > 85, counts
    assert counts["gloss"] > 95, counts
    assert counts["words"] > 30, counts
    assert counts["neither"] < 60, counts


def takes_gradients(node: Any) -> bool:
    try:
        handed_on(node)
    except (RuntimeError, NotImplementedError):  # of the sample's own making: torch has no derivative there
        return False
    return True


def standing_of(edge: Edge) -> str:
    if edge.gloss is not None:
        return "gloss" if is_formula(edge.gloss) else "words"
    return "formula" if is_formula(edge.formula) else "neither"


def worst(standings: set[str]) -> str:
    return next(standing for standing in ("neither", "words", "gloss", "formula") if standing in standings)


def test_a_gloss_is_a_formula_or_marked_as_words() -> None:
    for name, rows in glosses().items():
        for gloss in rows:
            assert gloss.is_words == (spelling.parsed(gloss.text) is None), gloss
            assert gloss.is_words or spelling.is_plain(ast.parse(gloss.text, mode="eval").body), gloss
            assert not spelling.is_plain(ast.parse(f"{name}()", mode="eval").body), name


# -- the numbers


def walked(result: torch.Tensor, gradient: torch.Tensor | None = None) -> list[tuple[str, Visit]]:
    """The visits of one backward pass, as a hook on every node sees them."""
    visits: list[tuple[str, Visit]] = []
    for node in nodes_of(result):
        edges, saved = edges_of(node), saved_of(node)

        def visit(
            left: Any, arrived: Any, name: str = type(node).__name__, edges: Any = edges, saved: Any = saved
        ) -> None:
            flows = [
                Flow(argument=edge.argument, formula=edge.formula, gloss=edge.gloss, gradient=kept(gradient))
                for edge, gradient in zip(edges, left, strict=True)
            ]
            came = tuple(map(kept, arrived))
            visits.append((name, Visit(node=0, arrived=came, flows=tuple(flows), saved=saved)))

        node.register_hook(visit)
    result.backward(torch.ones_like(result) if gradient is None else gradient)
    return [(name, visit) for name, visit in visits if name != "AccumulateGrad"]


def kept(tensor: torch.Tensor | None) -> TensorValues | None:
    return None if tensor is None else values_of(tensor, 1_000)


EQUATIONS = """
2*w
    grad * other = 1. * 2 = 2.
    None
2*x
    grad * other = [1., 1.] * 2 = [2., 2.]
    None
x*w
    grad * other = [1., 1.] * 3. = [3., 3.]
    sum(grad * self) = sum([1., 1.] * [-1., 2.]) = 1.
w + x
    sum(grad) = sum([1., 1.]) = 2.
    grad = [1., 1.]
m*x
    grad * other = [[1., 1.], [1., 1.]] * [-1., 2.] = [[-1., 2.], [-1., 2.]]
    (grad * self).sum_to_size(2) = ([[1., 1.], [1., 1.]] * [[1., 2.], [3., 4.]]).sum_to_size(2) = [4., 6.]
x - w
    grad = [1., 1.]
    sum(-grad) = sum(-[1., 1.]) = -2.
x**2
    grad * exponent * self ** (exponent - 1) = [1., 1.] * 2 * [-1., 2.] ** 1 = [-2., 4.]
(-w)**3
    grad * exponent * self ** (exponent - 1) = 1. * 3 * (-3.) ** 2 = 27.
x.sum()
    grad.expand(self.shape) = (1.).expand([2]) = [1., 1.]
x.sin()
    grad * self.cos() = [1., 1.] * cos([-1., 2.]) = [0.5403, -0.4161]
x.abs()
    grad * self.sgn() = [1., 1.] * sgn([-1., 2.]) = [-1., 1.]
x.relu()
    where(result <= 0, 0, grad) = where([0., 2.] <= 0, 0, [1., 1.]) = [0., 1.]
torch.add(x, x, alpha=-2)
    grad = [1., 1.]
    grad * alpha = [1., 1.] * -2 = [-2., -2.]
x.clamp(0, 5)
    where((self >= min) & (self <= max), grad, 0) = where(([-1., 2.] >= 0) & ([-1., 2.] <= 5), [1., 1.], 0) = [0., 1.]
m@x
    grad.ger(vec) = ger([1., 1.], [-1., 2.]) = [[-1., 2.], [-1., 2.]]
    self.t().mv(grad) = t([[1., 2.], [3., 4.]]).mv([1., 1.]) = [4., 6.]
x[1]
    zeros(self.shape).select_scatter(grad, dim, index) = zeros([2]).select_scatter(1., 0, 1) = [0., 1.]
x.mean()
    grad.expand(self.shape) / self.numel() = (1.).expand([2]) / 2 = [0.5, 0.5]
m.sum(0)
    grad.unsqueeze(0).expand(self.shape) = unsqueeze([1., 1.], 0).expand([2, 2]) = [[1., 1.], [1., 1.]]
x.prod()
    grad * the product of the other elements → [2., -1.]
torch.stack([w, w])
    grad.select(dim, 0) = select([1., 1.], 0, 0) = 1.
    grad.select(dim, 1) = select([1., 1.], 0, 1) = 1.
w*(2+1j)
    (grad * other.conj()).real = ((1.+0.j) * conj(2.+1.j)).real = 2.
    None
w.expand(3, 4)
    grad.sum_to_size(self.shape) = 12.
x.repeat(5)
    the repeats of grad, added up → [5., 5.]
x.repeat(5)*torch.ones(10)
    grad * other = [1., 1., 1., 1., 1., 1., 1., 1., 1., 1.]
    None
"""


def _inside_of_a_clamp() -> tuple[str, str]:
    """How torch compares with the bounds of a clamp: at them, its gradient is 1 before torch 2.14, and 0 since."""
    x = torch.zeros(1, requires_grad=True)
    x.clamp(0, 5).backward()
    assert x.grad is not None
    return (">=", "<=") if x.grad.any() else (">", "<")


@pytest.mark.parametrize(("operation", "equations"), blocks(EQUATIONS))
def test_equations(operation: str, equations: list[str]) -> None:
    if "clamp" in operation:
        above, below = _inside_of_a_clamp()
        equations = [each.replace(">=", above).replace("<=", below) for each in equations]
    names = {"x": torch.tensor([-1.0, 2.0]), "w": torch.tensor(3.0), "m": torch.tensor([[1.0, 2.0], [3.0, 4.0]])}
    inputs = {name: tensor.requires_grad_() for name, tensor in names.items()}
    result = eval(operation, {"torch": torch}, inputs)  # noqa: S307 - the text stands above
    _, visit = walked(result)[0]
    assert ["".join(equation(flow, visit, Look())) for flow in visit.flows] == equations


def test_the_end_of_a_slice_that_has_none_is_written_so() -> None:
    _, visit = walked(torch.tensor([2.0, 3.0], requires_grad=True)[1:])[0]
    assert with_numbers(visit.flows[0], visit, Look()) == "zeros([2]).slice_scatter([1.], 0, 1, None, 1)"


def test_a_helper_of_torchs_own_has_no_numbers() -> None:
    _, visit = walked(torch.special.i1(torch.tensor(2.0, requires_grad=True)))[0]
    assert with_numbers(visit.flows[0], visit, Look()) is None
    assert "".join(equation(visit.flows[0], visit, Look())) == "i1_backward(grad, self, result) = 1.4843"


def test_an_arrow_of_ascii_where_the_terminal_has_no_other() -> None:
    _, visit = walked(torch.tensor([2.0, 3.0], requires_grad=True).prod())[0]
    words = equation(visit.flows[0], visit, Look(glyphs=ASCII))
    assert words == ("grad * the product of the other elements -> ", "[3., 2.]")


def number_of(text: str) -> torch.Tensor:
    """The value of a formula with numbers, by agx: lists of numbers are tensors where they are not sizes."""
    tree = Tensors().visit(ast.parse(text, mode="eval"))
    return formula_oracle.value_of(ast.unparse(tree), {})


class Tensors(ast.NodeTransformer):
    """What stands for a tensor, as a call of `tensor`."""

    _OF_SIZES = frozenset("expand reshape zeros sum_to_size permute flip roll".split())

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if isinstance(node.func, ast.Attribute):
            node.func.value = self.visit(node.func.value)
        if name in self._OF_SIZES:
            first = [self.visit(argument) for argument in node.args[:1] if not isinstance(node.func, ast.Attribute)]
            sizes_are_first = isinstance(node.func, ast.Attribute) or name == "zeros"
            node.args = node.args if sizes_are_first else [*first, *node.args[1:]]
        elif name in {"stack", "index_put"}:
            node.args[0] = ast.List([self.visit(element) for element in getattr(node.args[0], "elts", [])])
            node.args[1:] = [self.visit(argument) for argument in node.args[1:]]
        elif name != "math":
            node.args = [self.visit(argument) for argument in node.args]
        if name == "sum" and isinstance(node.func, ast.Name):
            node.func.id = "torch.sum"
        return node

    def visit_List(self, node: ast.List) -> ast.AST:
        return ast.Call(ast.Name("tensor"), [node], [])

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Call(ast.Name("tensor"), [node], []) if isinstance(node.value, float | complex) else node


def unequal(name: str, visit: Visit) -> Iterator[str]:
    for flow in visit.flows:
        text = with_numbers(flow, visit, PRECISE)
        if text is not None and flow.gradient is not None and flow.gradient.values is not None:
            gradient = torch.tensor(flow.gradient.values).reshape(flow.gradient.shape)
            mine = number_of(text)
            if not formula_oracle.agree(mine, gradient, 1e-4):
                yield f"{name} {flow.argument}: {text} is {mine}, not {gradient}"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_numbers_in_a_formula_make_the_gradient(operation: str) -> None:
    result = computed(operation, leaves(torch.float32))
    for name, visit in walked(result.real if result.is_complex() else result):
        assert list(unequal(name, visit)) == []


def test_many_formulas_have_numbers() -> None:
    """The test above must not pass only because there are none."""
    found = 0
    for operation in OPERATIONS:
        for _, visit in walked(computed(operation, leaves(torch.float32))):
            found += any(with_numbers(flow, visit, Look()) is not None for flow in visit.flows)
    assert found > 50


NUMBERS = st.integers(-8, 8).map(lambda number: number / 2)
TENSORS = st.one_of(
    NUMBERS.map(torch.tensor),
    st.lists(NUMBERS, min_size=3, max_size=3).map(torch.tensor),
    st.lists(NUMBERS, min_size=2, max_size=2).map(lambda numbers: torch.tensor(numbers).reshape(2, 1)),
)


@given(
    left=TENSORS,
    right=TENSORS,
    operation=st.sampled_from(
        ["x + y", "x - y", "x * y", "-x * y", "x * -y", "x / (y.abs() + 1)", "x**3 - y", "(x - y)**2"]
    ),
    weight=st.sampled_from([1.0, -1.0, -0.5]),
)
@settings(max_examples=60, deadline=None)
def test_signs_and_broadcasts_are_written_as_they_are(
    left: torch.Tensor, right: torch.Tensor, operation: str, weight: float
) -> None:
    leaves = {"x": left.clone().float().requires_grad_(), "y": right.clone().float().requires_grad_()}
    result = eval(operation, {}, leaves)  # noqa: S307 - the text stands above
    for name, visit in walked(result, torch.full_like(result, weight)):
        assert list(unequal(name, visit)) == []


# -- what is kept, and nodes that the table does not know


def kept_by(result: torch.Tensor) -> dict[str, object]:
    return {
        saved.name: saved.text if saved.tensor is None else saved.tensor.values for saved in saved_of(result.grad_fn)
    }


def test_what_a_node_kept_is_read_as_python_writes_it() -> None:
    x = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    v = torch.tensor([1.0, 2.0], requires_grad=True)
    assert kept_by(x.sum(-1)) == {"dim": "[-1]", "keepdim": "False", "self_sym_sizes": "[2, 3]"}
    assert kept_by(x.transpose(-1, 0)) == {"dim0": "-1", "dim1": "0"}
    assert kept_by(v**2) == {"exponent": "2", "self": (1.0, 2.0)}
    assert kept_by(v * 3) == {"other": (3,)}
    assert kept_by(v.clamp(min=0.5)) == {"min": "0.5", "self": (1.0, 2.0)}
    assert kept_by(F.gelu(v)) == {"approximate": "'none'", "self": (1.0, 2.0)}
    assert kept_by(x[:, torch.tensor([0, 2])]) == {
        "indices[0]": "None",
        "indices[1]": (0, 2),
        "self_sym_sizes": "[2, 3]",
    }


def test_of_what_was_freed_or_has_changed_nothing_is_told() -> None:
    v = torch.tensor([1.0, 2.0], requires_grad=True)
    squared = v**2
    squared.sum().backward()
    assert kept_by(squared) == {"exponent": "2"}
    grown = v.exp()
    grown.add_(1)
    assert "result" not in {saved.name for saved in saved_of(grown.grad_fn.next_functions[0][0])}  # type: ignore[union-attr]
    changed = v.exp()
    node = changed.grad_fn
    changed.detach().add_(1)
    assert saved_of(node) == ()
    assert edges_of(node)[0].formula == "grad * result"


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:  # noqa: ARG004 - torch calls it so
        return 2 * x

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:  # noqa: ARG004 - torch calls it so
        return 2 * gradients[0]


def test_nodes_that_the_table_does_not_know() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    nothing = Edge(argument=None, formula=None, gloss=None)
    assert edges_of((2 * x).grad_fn.next_functions[0][0]) == ()  # type: ignore[union-attr]
    assert edges_of(Double.apply(x).grad_fn) == (nothing,)  # type: ignore[no-untyped-call]
    written = x * 1
    written[0] = x[1]
    assert type(written.grad_fn).__name__ == "CopySlices"
    assert [edge.argument for edge in edges_of(written.grad_fn)] == ["base", "src"]
    assert all(edge.formula is None and edge.gloss for edge in edges_of(written.grad_fn))
    assert formulas_of_node("AccumulateGrad") is None
    assert formulas_of_node("TBackward0_copy") == formulas_of_node("TBackward0")


def test_explore_knows_every_word_that_a_formula_uses() -> None:
    """A formula that is told can be typed in again."""
    assert explore("grad * self.cos()", grad=[1, 1], self=[0, 0]).ok
