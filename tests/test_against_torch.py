"""`explore` against plain torch: Python's own eval runs the same text on tensors that were made independently."""

from __future__ import annotations

import ast
import builtins
import math
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
from torch import Tensor

# The inputs that the tables below use, by name. Truth values and whole numbers are given as such.
REAL: dict[str, Any] = {
    "s": 1.5,
    "r": -0.75,
    "x": [0.5, -1.25, 2.0, 3.0],  # any numbers
    "w": [1.5, 0.25, -2.0, 0.7],
    "p": [0.5, 1.25, 2.0, 3.5],  # positive
    "u": [-0.9, -0.25, 0.4, 0.8],  # between -1 and 1
    "g": [1.25, 1.5, 3.0, 4.75],  # greater than 1
    "v": [0.3, -1.7, 0.9],
    "o": [0.0, -0.0, math.inf, -math.inf, math.nan],
    "m": [[1.0, -2.0, 3.0], [0.25, 0.5, -0.75]],
    "d": [[0.1, 0.2, 0.3], [-0.4, 1.1, 0.6]],
    "n": [[1.0, 2.0], [3.0, -4.0], [0.5, 0.1]],
    "q": [[4.0, 1.0, 0.5], [1.5, 3.0, -1.0], [0.25, -0.5, 2.0]],  # invertible
    "h": [[4.0, 1.0, 0.5], [1.0, 3.0, -1.0], [0.5, -1.0, 2.0]],  # symmetric, positive definite
    "batch": [[[1.0, 0.5], [2.0, -1.0]], [[0.1, 0.2], [0.3, 0.4]]],
    "image": [[[[1.0, 2.0, 0.5, -1.0], [0.1, 3.0, 4.0, 0.2], [2.5, 1.5, -0.5, 0.3], [0.7, 0.9, 1.1, 1.3]]]],
    "kernel": [[[[0.5, -1.0], [2.0, 0.25]]]],
    "signal": [[[1.0, 2.0, -1.0, 0.5, 3.0], [0.3, 0.2, 0.1, 0.7, -0.6]]],
    "tap": [[[1.0, -0.5, 0.25], [0.1, 0.9, -0.3]]],
}
WHOLE: dict[str, Any] = {
    "i": [0, 3, 1],
    "j": [[2, 0], [1, 1]],
    "label": [2, 0],
}
TRUTH: dict[str, Any] = {
    "k": [True, False, True, True],
}
COMPLEX: dict[str, Any] = {
    "z": [1 + 2j, -0.5j, 3 + 0j, -1.5 + 0.25j],
    "y": [0.5 - 1j, 2 + 2j, -1 + 0j, 0.3 + 0.7j],
    "c": 1 - 2j,
    "b": [[2 + 1j, 1 - 1j], [0.5j, 3 + 0j]],
    "a": [[1 + 1j, 2 + 0j], [-1j, 0.5 - 0.5j]],
}
ALL_INPUTS = REAL | WHOLE | TRUTH | COMPLEX

EXPRESSIONS = {
    "arithmetic": """
        x
        +x
        -x
        2*x
        x*2 + 1
        x + w
        x - w
        x*w
        x/w
        x/4
        3/p
        1 - x
        x + x
        x - x
        x*x*x
        -(x + w)*(x - w)
        x % 0.75
        p % w
        x*True
        s*x + r
        (x + 1)*(x - 1)/(p + 2)
        ((x*2 + w)*3 - x)/(1 + p)
        o*2
        1/o
        x*1e-40
        x*3000000000
        x*pi + e
        x + inf
        x*nan
        3
        2.5
        x // 2
    """,
    "powers": """
        x**2
        x**3
        x**0
        x**1
        x**-1
        x**2.5
        p**0.5
        p**-0.5
        2**x
        e**x
        p**w
        o**2
        (x**2)**2
        -x**2
        pow(x, 3)
        torch.pow(2.0, x)
        x.pow(2)
        x.square()
        float_power(p, 1.5)
    """,
    "matmul": """
        m @ n
        m @ v
        v @ n
        v @ v
        (m @ n) @ (m @ n)
        n.T @ m.T
        q @ v
        batch @ batch
        batch @ batch[0]
        torch.matmul(m, n)
        m.mm(n)
        m.mv(v)
        dot(x, w)
        outer(x, v)
        torch.addmm(m @ n, m, n, beta=0.5, alpha=2)
        bmm(batch, batch)
        inner(m, d)
        kron(m, d)
        torch.chain_matmul(m, n, m)
    """,
    "functions": """
        sin(x)
        torch.cos(x)
        tan(x)
        exp(x)
        torch.exp(x)
        expm1(x)
        log(p)
        log(x)
        log2(p)
        log10(p)
        log1p(p)
        sqrt(p)
        torch.sqrt(x)
        rsqrt(p)
        tanh(x)
        sinh(x)
        cosh(x)
        asin(u)
        acos(u)
        atan(x)
        atan2(x, w)
        asinh(x)
        acosh(g)
        atanh(u)
        sigmoid(x)
        torch.erf(x)
        erfc(x)
        erfinv(u)
        lgamma(p)
        digamma(p)
        abs(x)
        torch.abs(o)
        sign(x)
        floor(x)
        torch.round(x)
        trunc(x)
        frac(x)
        clamp(x, -1, 2)
        clamp(x, min=0)
        reciprocal(p)
        hypot(x, w)
        logaddexp(x, w)
        maximum(x, w)
        fmin(x, w)
        lerp(x, w, 0.3)
        addcmul(x, w, p, value=0.5)
        addcdiv(x, w, p)
        nan_to_num(o)
        copysign(x, w)
        xlogy(p, g)
        sinc(x)
        torch.logit(sigmoid(x))
        exp2(x)
        deg2rad(x)
        sin(cos(tan(x)))
        log(1 + exp(x))
    """,
    "methods": """
        x.sin()
        x.exp().log()
        x.mul(w)
        x.add(w, alpha=3)
        x.sub(1)
        x.div(p)
        x.neg()
        x.clamp(0, 1)
        x.abs().sqrt()
        x.sigmoid().log()
        x.clone()
        x.tanh().square().sum()
        x.relu()
        x.fmod(0.75)
        x.remainder(0.75)
        x.lerp(w, 0.25)
        x.double()
        x.float()
        x.half()
        x.bfloat16()
        x.to(torch.float64)
        x.to(float16)
        x.type_as(p)
        x.masked_fill(k, 0)
        x.requires_grad
        x.shape
        x.shape[0]
        x.numel()
        x.sum().item()
        x * x.sum().item()
        x.tolist()
    """,
    "in-place on a copy": """
        x.clone().add_(1)
        x.clone().mul_(w)
        (x*1).exp_()
        (x + 0).sigmoid_()
        x.clone().fill_(s)
        x.clone().zero_()
        x.clone().clamp_(0, 1)
    """,
    "reductions": """
        x.sum()
        sum(x)
        torch.sum(x)
        m.sum(0)
        m.sum(1, keepdim=True)
        m.sum(dim=(0, 1))
        x.mean()
        m.mean(-1)
        x.prod()
        m.prod(1)
        x.var()
        x.std()
        x.var(unbiased=False)
        m.std(dim=0)
        x.max()
        x.min()
        max(x)
        m.amax(1)
        aminmax(x)
        x.norm()
        x.norm(p=1)
        torch.norm(m, dim=1)
        logsumexp(m, 1)
        m.logsumexp(dim=0)
        cumsum(x, 0)
        x.cumprod(0)
        logcumsumexp(x, 0)
        x.median()
        quantile(x, 0.3)
        o.nansum()
        nanmean(o)
        x.dist(w)
        trace(q)
        x.argmax()
        m.argmin(1)
        x.all()
        count_nonzero(x)
        std_mean(x)
    """,
    "indexing": """
        x[0]
        x[-1]
        x[1:3]
        x[::2]
        x[:]
        x[None]
        x[...]
        m[0]
        m[1, 2]
        m[:, 1]
        m[..., 0]
        m[0, 1:]
        m[:, None, :]
        batch[0, 1, 0]
        batch[1:, :, ::1]
        x[i]
        m[:, label]
        x[j]
        x[[0, 2]]
        x[k]
        x[x > 0]
        x[k] * w[k]
        m[(m > 0) & (d > 0)]
        x[x.argmax()]
        x[4:]
        gather(m, 1, j)
        x.index_select(0, i)
        take(m, label)
        masked_select(x, k)
        x[i].sum() * x[0]
        m[0][1]
        m[[0, 1], [2, 0]]
    """,
    "shapes": """
        x.view(2, 2)
        x.reshape(2, -1)
        m.reshape(6)
        m.flatten()
        m.T
        m.t()
        m.mT
        transpose(m, 0, 1)
        batch.permute(2, 0, 1)
        x.unsqueeze(1)
        image.squeeze()
        x.unsqueeze(0).expand(3, 4)
        x.repeat(2)
        x.repeat(2, 1)
        tile(x, (2,))
        cat([x, w])
        torch.cat((m, d), dim=1)
        stack([x, w])
        stack([x[0], s, r])
        hstack([x, w])
        flip(x, [0])
        roll(x, 1)
        m.tril()
        triu(q)
        diag(x)
        diagonal(q)
        diag_embed(x)
        movedim(batch, 0, 2)
        broadcast_to(s, (2, 3))
        x.unfold(0, 2, 1)
        repeat_interleave(x, 2)
        rot90(m)
        block_diag(m, q)
        zeros_like(x) + x
        ones(2, 2) * s
        x + zeros(4)
        arange(4) * x
        linspace(0, 1, 4) * x
        eye(3) * v
        cartesian_prod(v, x)
        torch.nn.functional.pad(x, (1, 2))
        scatter(zeros(4), 0, i, v)
        zeros(4).index_add(0, i, v)
        m.contiguous().view(-1)
    """,
    "comparisons": """
        x > 0
        x == w
        x != 1
        (x > 0) & (w > 0)
        ~(x > 0)
        (x > 0).float()
        (x > 0) * x
        (x > w).sum()
        where(x > 0, x, 0)
        where(x > 0, x, w)
        torch.where(k, x*2, x**2)
        where(x > 0, x, 0.1*x)
        where(p > 1, p.log(), p - 1)
        isnan(o)
        heaviside(x, w)
        torch.isclose(x, x)
        x is x
        2 < 3
        not True
    """,
    "nn.functional": """
        relu(x)
        F.relu(x)
        F.leaky_relu(x, 0.1)
        F.elu(x)
        F.gelu(x)
        F.silu(x)
        F.mish(x)
        F.softplus(x)
        F.softsign(x)
        F.hardtanh(x)
        F.hardswish(x)
        F.relu6(x)
        F.logsigmoid(x)
        F.softmax(x, dim=0)
        softmax(m, -1)
        F.log_softmax(m, dim=1)
        F.normalize(m, dim=1)
        F.mse_loss(x, w)
        F.l1_loss(x, w)
        F.smooth_l1_loss(x, w)
        F.huber_loss(x, w, reduction="sum")
        F.binary_cross_entropy(sigmoid(x), sigmoid(w))
        F.binary_cross_entropy_with_logits(x, sigmoid(w))
        F.cross_entropy(m, label)
        F.nll_loss(F.log_softmax(m, 1), label)
        F.kl_div(F.log_softmax(m, 1), softmax(d, 1), reduction="batchmean")
        F.linear(v, m)
        F.conv2d(image, kernel)
        F.conv2d(image, kernel, stride=2, padding=1)
        F.conv1d(signal, tap)
        F.conv_transpose2d(image, kernel)
        F.max_pool2d(image, 2)
        F.avg_pool2d(image, 2)
        F.adaptive_avg_pool2d(image, (1, 1))
        F.layer_norm(m, (3,))
        F.layer_norm(m, (3,), v, v)
        F.batch_norm(m, None, None, training=True)
        F.cosine_similarity(x, w, dim=0)
        F.pairwise_distance(m, d)
        F.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)
        F.scaled_dot_product_attention(batch, batch, batch)
        F.one_hot(label) * m
        F.embedding(label, q)
        F.dropout(x, 0.5, training=False)
        F.pixel_shuffle(image.reshape(1, 4, 2, 2), 2)
        F.unfold(image, 2)
        F.glu(x)
        nn.functional.tanh(x)
        torch.nn.functional.sigmoid(x)
    """,
    "linalg": """
        linalg.det(q)
        det(q)
        logdet(h)
        linalg.slogdet(q)
        linalg.inv(q)
        inverse(q)
        linalg.solve(q, v)
        torch.linalg.solve(q, n)
        linalg.cholesky(h)
        linalg.norm(m)
        linalg.vector_norm(x, 3)
        linalg.matrix_norm(m)
        linalg.eigvalsh(h)
        linalg.eigh(h).eigenvalues
        linalg.svdvals(m)
        linalg.svd(q).S
        linalg.qr(q)
        linalg.qr(q).R
        linalg.matrix_power(q, 3)
        matrix_exp(q)
        linalg.pinv(m)
        linalg.cross(v, v*v)
        linalg.multi_dot([m, q, n])
        linalg.solve_triangular(q, n, upper=True)
        linalg.lu_factor(q).LU
        torch.linalg.vecdot(x, w)
        linalg.cond(q)
        cdist(m, d)
    """,
    "fft": """
        fft.fft(x).abs()
        fft.rfft(x)
        torch.fft.rfft(x).real
        fft.irfft(fft.rfft(x))
        fft.fft(x)
        fft.fft2(m).imag
        fft.fftshift(x)
        fft.ifft(x).abs().sum()
        fft.hfft(x)
    """,
    "special": """
        special.expit(x)
        special.logit(sigmoid(x))
        special.erf(x)
        torch.special.gammaln(p)
        special.digamma(p)
        special.i0(x)
        special.i1e(x)
        special.ndtr(x)
        special.log_ndtr(x)
        special.entr(p)
        special.xlog1py(x, p)
        special.xlogy(x, p)
        special.zeta(2.0, p)
        special.psi(p)
        special.polygamma(1, p)
        special.sinc(x)
        special.erfcx(x)
        special.softmax(x, 0)
        special.bessel_j0(x)
        special.logsumexp(x, 0)
    """,
    "einsum": """
        einsum("i,i->", x, w)
        einsum("i,j->ij", x, v)
        einsum("ij,jk->ik", m, n)
        torch.einsum("ij,jk", m, n)
        einsum("ii->i", q)
        einsum("ii", q)
        einsum("bij,bjk->bik", batch, batch)
        einsum("ij->ji", m)
        einsum("i->", x)
        einsum("ij,ij->i", m, d)
        tensordot(m, n, dims=1)
    """,
    "broadcasting": """
        s*x
        m + v
        m*v - d
        v[:, None] * x
        m * m.sum(1, keepdim=True)
        x[:, None] - w[None, :]
        batch + batch[0]
        s + r
        m / s
        (v[:, None] - v)**2
        m - m.mean(0)
        broadcast_tensors(v, s)
        image * kernel[..., :1, :1]
    """,
    "conditionals": """
        x if s > 0 else -x
        x if s < 0 else -x
        x*2 if x.sum() > 100 else x*3
        sin(x) if True else cos(x)
        x if k.any() else w
        x if 0 < s < 2 else w
        x if s > 0 and r > 0 else w
        x if s > 0 or r > 0 else w
        x and w if False else w
        s > 0 and x
        s < 0 or x
        (x if s > 0 else w) * (w if r > 0 else x)
        x if x.shape[0] == 4 else x.sum()
        1 if s > 0 else 0
    """,
    "several results": """
        x.split(2)
        x.chunk(4)
        m.max(dim=1)
        m.max(1).values
        m.min(0)[0]
        torch.max(m, 1)[1]
        x.topk(2)
        topk(x, 2).values.sum()
        x.sort()
        x.sort(descending=True).values
        m.unbind()
        m.unbind(1)[2]
        x, w
        (x*2, x**2, 3)
        [x, w.sum()]
        var_mean(x)
        meshgrid(x, v, indexing="ij")
        x.kthvalue(2)
        x.median(0)
        x.cummax(0)
        frexp(x)
        x.mode()
        x > 0, x
        linalg.slogdet(h).logabsdet
        tensor_split(x, 3)
        (x, w)[0]
        [x, w, p][1:]
        (x, x)
    """,
    ".detach() and others that cut": """
        x.detach()
        x**2 + (x**3).detach()
        x * x.detach()
        x.data * x
        x - (x - sign(x)).detach()
        x.sum().detach() * x
        x / x.detach().norm()
        x.exp() / x.exp().sum().detach()
        (x.detach()**2).sum()
        x + tensor([1.0, 2.0, 3.0, 4.0])
        x.int() * x
        x.long()
        x.argsort()
        x.to(int)
        x.bool()
    """,
}

# What the language has and plain Python has not, and the same written out.
WRITTEN_OUT = {
    "no_grad(x)": "with torch.no_grad():\n    result = x",
    "no_grad(x**3)": "with torch.no_grad():\n    result = x**3",
    "x**2 + no_grad(x**3)": "with torch.no_grad():\n    cut = x**3\nresult = x**2 + cut",
    "no_grad(x.sum()) * x": "with torch.no_grad():\n    total = x.sum()\nresult = total * x",
    "x / no_grad(x.norm())": "with torch.no_grad():\n    size = x.norm()\nresult = x / size",
    "torch.no_grad(w) * x": "with torch.no_grad():\n    cut = w\nresult = cut * x",
    "no_grad(no_grad(x) * w) + x*w": "with torch.no_grad():\n    cut = x*w\nresult = cut + x*w",
    "sin(x) * no_grad(cos(x)) + no_grad(sin(x)) * cos(x)": (
        "with torch.no_grad():\n    c, s_ = cos(x), sin(x)\nresult = sin(x) * c + s_ * cos(x)"
    ),
    "no_grad(x)[0] * x[1]": "with torch.no_grad():\n    result = x\nresult = result[0] * x[1]",
    "no_grad(x[1:]).sum()": "with torch.no_grad():\n    view = x[1:]\nresult = view.sum()",
    "no_grad(x.split(2))[0] * x[:2]": "with torch.no_grad():\n    parts = x.split(2)\nresult = parts[0] * x[:2]",
    "sqrt(2) * x": "result = math.sqrt(2) * x",
    "x * sin(pi/4)": "result = x * math.sin(math.pi/4)",
    "exp(-x**2/2) / sqrt(2*pi)": "result = torch.exp(-x**2/2) / math.sqrt(2*math.pi)",
    "log(e) + x": "result = math.log(math.e) + x",
    "sqrt(4)": "result = math.sqrt(4)",
    "range(3)": "result = list(range(3))",
}

RANDOM = """
    randn(4) * x
    rand(4) + x
    F.dropout(x)
    F.dropout(x, 0.3) * F.dropout(w, 0.7)
    bernoulli(sigmoid(x)) * x
    x + 0.1*randn_like(x)
    normal(x, 1.0)
    x[randperm(4)]
    F.gumbel_softmax(x, dim=0)
    torch.randint(0, 4, (3,)) * v
    F.rrelu(x, training=True)
    multinomial(p, 2)
"""

COMPLEX_EXPRESSIONS = """
    z
    2*z
    z + y
    z*y
    z/y
    z**2
    z**-1
    z**y
    2**z
    c*z + 1j
    1j*z
    z*x
    z - x
    z.conj()
    z*z.conj()
    abs(z)
    z.abs().sum()
    z.angle()
    z.real
    z.imag
    z.real**2 + z.imag**2
    exp(z)
    sin(z)
    tanh(z)
    log(z)
    sqrt(z)
    z.sum()
    z.mean()
    z.prod()
    z.norm()
    vdot(z, y)
    dot(z, y)
    a @ b
    b.T
    b.H
    b.mH @ a
    linalg.det(b)
    linalg.inv(b)
    linalg.solve(b, a)
    linalg.norm(a)
    fft.fft(z)
    fft.ifft(z).real
    view_as_real(z)
    view_as_complex(n)
    torch.complex(x, w)
    polar(p, x)
    z[1:3]
    z[i]
    z.view(2, 2) @ a
    stack([z, y])
    where(k, z, y)
    z.reshape(2, 2).T.conj()
    einsum("ij,jk->ik", a, b)
    cumsum(z, 0)
    sgn(z)
    z.detach() * z
    z == y
    z.conj().imag
    reciprocal(z)
    z if c.real > 0 else y
    z.real, z
"""

REFUSED_OPERATIONS = """
    x + v
    m @ m
    x @ q
    x.view(3)
    x[7]
    x.reshape(5)
    log(-1) + x
    1/0 + x
    linalg.inv(m)
    linalg.cholesky(-h)
    x if x > 0 else w
    cat([m, x])
    softmax(x, dim=3)
    x.shape[9]
    x.T.item()
    x & 1
    ~x
    gather(x, 0, k)
"""


def lines(table: str) -> list[str]:
    return [line.strip() for line in table.strip().splitlines()]


GROUPED = [(group, text) for group, table in EXPRESSIONS.items() for text in lines(table)]
TEXTS = [text for _, text in GROUPED]
DTYPES = ["float32", "float64"]

Numbers: TypeAlias = list[Any]


@dataclass(frozen=True)
class Plain:
    """What plain torch makes of a program: its result, the leaves that it began with, and backward's refusal."""

    result: Any
    leaves: dict[str, Tensor]
    roots: list[Tensor]
    refusal: str | None


@contextmanager
def plain_settings(dtype: str) -> Iterator[None]:
    """Torch's default dtype and random numbers for a while."""
    before = torch.get_default_dtype()
    try:
        with torch.random.fork_rng(devices=[]):
            torch.set_default_dtype(getattr(torch, dtype))
            torch.manual_seed(0)
            yield
    finally:
        torch.set_default_dtype(before)


def names_in(text: str) -> list[str]:
    """The inputs of the tables that a program reads."""
    found = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    return [name for name in ALL_INPUTS if name in found]


def leaf(name: str) -> Tensor:
    """An input of the tables as a person would make it, with the default dtype of the moment."""
    if name in WHOLE or name in TRUTH:
        return torch.tensor(ALL_INPUTS[name])
    return torch.tensor(ALL_INPUTS[name], requires_grad=True)


def inputs_for(text: str) -> dict[str, object]:
    """The same inputs as agx takes them."""
    return {name: f"{ALL_INPUTS[name]}:int64" if name in WHOLE else ALL_INPUTS[name] for name in names_in(text)}


def namespace(leaves: Mapping[str, Tensor]) -> ChainMap[str, Any]:
    """The leaves, the usual imports, Python's builtins, and torch's functions without a prefix, in this order."""
    imported = {"torch": torch, "F": F, "math": math}
    python = {name: getattr(builtins, name) for name in "abs bool float int len list max min range round sum".split()}
    return ChainMap({}, dict(leaves), imported, python, vars(torch), vars(F))


def outputs_of(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple | list | torch.Size) else [result]


def roots_of(result: Any) -> list[Any]:
    """What backward starts from: the result, or of several results those that torch tracks."""
    if not isinstance(result, tuple | list | torch.Size):
        return [result]
    tensors = [each for each in result if isinstance(each, Tensor)]
    return [each for each in tensors if each.requires_grad] or [each for each in tensors if each.is_floating_point()]


def run_plain(text: str, dtype: str, weights: Callable[[Tensor], Tensor] = torch.ones_like) -> Plain:
    """Run a program, an expression or statements that bind `result`, and backward with explicit weights."""
    with plain_settings(dtype):
        leaves = {name: leaf(name) for name in ALL_INPUTS}
        names = namespace(leaves)
        if text.startswith(("result = ", "with ")):
            exec(text, {"__builtins__": {}}, names)  # noqa: S102 - the oracle: the tables are our own
            result = names["result"]
        else:
            result = eval(text, {"__builtins__": {}}, names)  # noqa: S307 - the oracle: the tables are our own
        roots = roots_of(result)
        refusal = None
        try:
            if isinstance(roots[0], Tensor):
                torch.autograd.backward(roots, [weights(root) for root in roots])
            else:
                roots[0].backward()
        except (RuntimeError, AttributeError) as error:
            refusal = f"{type(error).__name__}: {error}"
    return Plain(result=result, leaves=leaves, roots=roots, refusal=refusal)


def bits(numbers: Tensor | Sequence[Any]) -> list[str]:
    """Numbers as words that are equal where the bits are equal, and any NaN equals any NaN."""
    if isinstance(numbers, Tensor):
        plain = numbers.detach().clone().resolve_conj().resolve_neg()
        numbers = plain.reshape(-1).tolist()
    return [repr(number) for number in numbers]
