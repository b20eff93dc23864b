"""`explore` against plain torch: Python's own eval runs the same text on tensors that were made independently."""

from __future__ import annotations

import ast
import builtins
import json
import math
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeAlias

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody writes it
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from autograd_cli import Report, TensorInfo, Trace, explore
from autograd_cli.diagnostic import AgxError
from autograd_cli.modes import DEFAULT_MODE, MODES
from autograd_cli.render.formats.json_text import json_object, json_text
from autograd_cli.render.formats.pytorch import pytorch_text
from autograd_cli.render.parts.numbers import shell_text
from autograd_cli.trace import Kind
from conftest import VALIDATOR

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
    "z": [1 + 2j, 0.25 - 0.5j, 3 + 0j, -1.5 + 0.25j],
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
        tensor(range(4)) * x
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
    "no_grad(x)": "x",
    "no_grad(x**3)": "with torch.no_grad():\n    y = x**3\ny",
    "x**2 + no_grad(x**3)": "with torch.no_grad():\n    y = x**3\nx**2 + y",
    "no_grad(x.sum()) * x": "with torch.no_grad():\n    y = x.sum()\ny * x",
    "x / no_grad(x.norm())": "with torch.no_grad():\n    y = x.norm()\nx / y",
    "torch.no_grad(w*2) * x": "with torch.no_grad():\n    y = w*2\ny * x",
    "no_grad(no_grad(x) * w) + x*w": "with torch.no_grad():\n    y = x * w\ny + x*w",
    "no_grad(x)[0] * x[1]": "x[0] * x[1]",
    "no_grad(x[1:]).sum()": "with torch.no_grad():\n    y = x[1:]\ny.sum()",
    "no_grad(m.T) @ m": "with torch.no_grad():\n    y = m.T\ny @ m",
    "no_grad(x.split(2))[0] * x[:2]": "with torch.no_grad():\n    y = x.split(2)\ny[0] * x[:2]",
    "no_grad((x*2, w))": "with torch.no_grad():\n    y = x*2, w\ny",
    "sqrt(2) * x": "math.sqrt(2) * x",
    "x * sin(pi/4)": "x * math.sin(math.pi/4)",
    "exp(-x**2/2) / sqrt(2*pi)": "torch.exp(-x**2/2) / math.sqrt(2*math.pi)",
    "log(e) + x": "math.log(math.e) + x",
    "sqrt(4)": "math.sqrt(4)",
}

PROGRAMS = [
    "y = 2*x\ny.sum()",
    "y = 2*x; z = y*y; z.mean()",
    "y, z = x, x*2\ny * z",
    "a, b = x.split(2)\n(a*b).sum()",
    "y = z = x.exp()\ny + z",
    "y = x*1\ny += 1\ny *= w\ny.sum()",
    "y = x.clone()\ny[0] = 5\ny * x",
    "y = x.clone()\ny[1:3] *= 2\ny.sum()",
    "y = zeros(4)\ny[k] = x[k]\ny",
    "y = x.detach()\ny[0] = 7\nx * y",
    "y = (x*3).detach()\ny.requires_grad_(True)\n(y*x).sum()",
    "y = (x*3).detach()\ny.requires_grad = True\ny**2",
    "y = x*2\ny.retain_grad()\ny.sum()",
    "y = 2*x\nx.data *= 100\ny",
    "y = x*w\nx.data = ones(4)\ny.sum()",
    "with torch.no_grad():\n    y = x**3\nx**2 + y",
    "with no_grad():\n    y = x[1:]\n    z = y*2\ny.sum() + (x*z[0]).sum()",
    "with torch.no_grad():\n    with torch.enable_grad():\n        y = x*2\n    z = y*3\ny + z",
    "with torch.inference_mode():\n    y = w*2\ny + 1",
    "with torch.no_grad():\n    x.mul_(2)\nx**2",
    "x = x*2\nx = x*x\nx.sum()",
    "n = x.shape[0]\nx.sum() / n",
    "t = x.sum().item()\nx * t",
    "import torch\nimport torch.nn.functional as F\ntorch.sin(x) + F.relu(w)",
    "from math import pi\npi * x",
    "c = tensor([1.0, 2.0], requires_grad=True)\nc * x[:2]",
    "y = x.exp()\nz = y.add_(1)\nz.sum()",
    "y = w.sigmoid()\ny.mul_(2)\n(y*x).sum()",
]

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
    math.log(-1) + x
    1/0 + x
    linalg.inv(m)
    linalg.cholesky(-h)
    x if x > 0 else w
    cat([m, x])
    softmax(x, dim=3)
    x.shape[9]
    x.item()
    x & 1
    ~x
    gather(x, 0, k)
"""


def lines(table: str) -> list[str]:
    return [line.strip() for line in table.strip().splitlines()]


EXPRESSION_TABLE = [(group, text) for group, table in EXPRESSIONS.items() for text in lines(table)]
# What agx runs, and what Python runs.
EVERYTHING = [
    *(pytest.param(text, text, id=f"{group}: {text}") for group, text in EXPRESSION_TABLE),
    *(pytest.param(text, text, id=f"complex: {text}") for text in lines(COMPLEX_EXPRESSIONS)),
    *(pytest.param(text, text, id=f"random: {text}") for text in lines(RANDOM)),
    *(pytest.param(text, text, id=f"program: {text}") for text in PROGRAMS),
    *(pytest.param(text, plainly, id=f"written out: {text}") for text, plainly in WRITTEN_OUT.items()),
]
ALL_TEXTS = [
    *(text for _, text in EXPRESSION_TABLE),
    *lines(COMPLEX_EXPRESSIONS),
    *lines(RANDOM),
]
DTYPES = ["float32", "float64"]

Weigh: TypeAlias = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Plain:
    """What plain torch makes of a program: the result, the tensors by name (the inputs first), backward's refusal."""

    result: Any
    tensors: dict[str, Tensor]
    refusal: str | None


@contextmanager
def torch_settings(dtype: str) -> Iterator[None]:
    """A default dtype and seed 0, for a while."""
    before = torch.get_default_dtype()
    try:
        with torch.random.fork_rng(devices=[]):
            torch.set_default_dtype(getattr(torch, dtype))
            torch.default_generator.manual_seed(0)
            yield
    finally:
        torch.set_default_dtype(before)


def names_in(text: str) -> list[str]:
    """The inputs that a program reads before it binds them, in the order of its lines."""
    bound: set[str] = set()
    read: list[str] = []
    for statement in statements_of(ast.parse(text)):
        names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
        read += [name.id for name in names if isinstance(name.ctx, ast.Load) and name.id not in {*bound, *read}]
        bound |= {name.id for name in names if isinstance(name.ctx, ast.Store)}
    return [name for name in read if name in ALL_INPUTS]


def statements_of(block: ast.Module | ast.With) -> Iterator[ast.stmt]:
    """The statements of a block, those inside `with` in its place."""
    for statement in block.body:
        if isinstance(statement, ast.With):
            yield from statements_of(statement)
        else:
            yield statement


def inputs_for(text: str) -> dict[str, object]:
    """The inputs that a program reads, as agx takes them."""
    return {name: f"{ALL_INPUTS[name]}:int64" if name in WHOLE else ALL_INPUTS[name] for name in names_in(text)}


def leaf(name: str) -> Tensor:
    """An input as a person would make it."""
    return torch.tensor(ALL_INPUTS[name], requires_grad=name not in WHOLE | TRUTH)


def namespace(leaves: Mapping[str, Tensor]) -> ChainMap[str, Any]:
    """The leaves, the usual imports, Python's builtins, and torch's functions without a prefix, in this order."""
    imported = {"torch": torch, "F": F, "math": math}
    python = {name: getattr(builtins, name) for name in "abs bool float int len list max min range round sum".split()}
    return ChainMap({}, dict(leaves), imported, python, vars(torch), vars(F))


def evaluate(text: str, names: ChainMap[str, Any]) -> Any:
    """Run a program by Python itself: the value of its last line, an expression."""
    *statements, last = ast.parse(text).body
    assert isinstance(last, ast.Expr)
    exec(compile(ast.Module(statements, []), "<oracle>", "exec"), {}, names)  # noqa: S102 - the programs of this file
    return eval(compile(ast.Expression(last.value), "<oracle>", "eval"), {}, names)  # noqa: S307 - and their last lines


FACTS = (bool, str, torch.Size, torch.dtype, torch.device, type(None))


def elements_of(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple | list) else [result]


def roots_of(result: Any) -> list[Any]:
    """What backward starts from: the result, or of several results those that torch tracks (else those it could)."""
    tensors = [each for each in elements_of(result) if isinstance(each, Tensor)]
    if not isinstance(result, tuple | list) or not tensors:
        return [result]
    return [each for each in tensors if each.requires_grad] or [each for each in tensors if each.is_floating_point()]


def run_plainly(text: str, dtype: str, weigh: Weigh = torch.ones_like) -> Plain:
    """Run a program, and backward on its result with explicit weights."""
    with torch_settings(dtype):
        inputs = {name: leaf(name) for name in names_in(text)}
        names = namespace(inputs)
        result = evaluate(text, names)
        roots, refusal = roots_of(result), None
        try:
            if isinstance(result, FACTS):
                pass  # a fact, which is only read: agx does not differentiate it
            elif isinstance(roots[0], Tensor):
                torch.autograd.backward(roots, [weigh(root) for root in roots])
            else:
                roots[0].backward()
        except (RuntimeError, AttributeError) as error:
            refusal = f"{type(error).__name__}: {error}"
    bound = {name: item for name, item in names.maps[0].items() if isinstance(item, Tensor) and name not in inputs}
    return Plain(result=result, tensors=inputs | bound, refusal=refusal)


def run(text: str, dtype: str = "float32", **options: Any) -> Report:
    """Run a program by agx, on the same inputs."""
    report = explore(text, inputs=inputs_for(text), dtype=dtype, **options) if options else run_once(text, dtype)
    assert report.traces, report.diagnostics
    return report


@cache
def run_once(text: str, dtype: str) -> Report:
    """The Report of a program that several tests look at, each from its own side."""
    return explore(text, inputs=inputs_for(text), dtype=dtype)


def refusal_of(trace: Trace) -> str | None:
    return None if trace.refusal is None else f"{trace.refusal.exception}: {trace.refusal.message}"


def bits(numbers: Tensor | Sequence[Any] | None) -> list[str] | None:
    """Numbers in words that are the same where the bits are the same (any NaN is as good as any other)."""
    if isinstance(numbers, Tensor):
        numbers = numbers.detach().clone().resolve_conj().resolve_neg().reshape(-1).tolist()
    return None if numbers is None else [repr(number) for number in numbers]


def facts(tensor: Tensor | None) -> dict[str, Any] | None:
    if tensor is None:
        return None
    return {
        "shape": tuple(tensor.shape),
        "dtype": f"{tensor.dtype}".removeprefix("torch."),
        "values": bits(tensor),
        "requires_grad": tensor.requires_grad,
        "is_leaf": tensor.is_leaf,
        "is_inference": tensor.is_inference(),
        "retains_grad": tensor.retains_grad,
        "grad_fn": None if tensor.grad_fn is None else type(tensor.grad_fn).__name__,
    }


def told(info: TensorInfo | None, trace: Trace) -> dict[str, Any] | None:
    """The same facts as agx tells them."""
    if info is None:
        return None
    return {
        "shape": info.shape,
        "dtype": info.dtype,
        "values": bits(info.values),
        "requires_grad": info.requires_grad,
        "is_leaf": info.is_leaf,
        "is_inference": info.is_inference,
        "retains_grad": info.retains_grad,
        "grad_fn": None if info.grad_fn is None else trace.nodes[info.grad_fn].name,
    }


def assert_same_result(trace: Trace, result: Any) -> None:
    assert (trace.outputs == (trace.result,)) != isinstance(result, tuple | list)
    for output, element in zip(trace.outputs, elements_of(result), strict=True):
        value = trace.values[output]
        if isinstance(element, Tensor):
            assert told(value.tensor, trace) == facts(element)
        else:
            assert (value.tensor, type(value.scalar), repr(value.scalar)) == (None, type(element), repr(element))


def assert_same_gradients(trace: Trace, leaves: Mapping[str, Tensor]) -> None:
    """Bit for bit: the same kernels on the same numbers leave no room for a tolerance."""
    for name, grad in trace.grads:
        assert told(grad, trace) == facts(leaves[name].grad), f"the gradient of {name}"


def assert_same_graph(trace: Trace, result: Any, leaves: Mapping[str, Tensor]) -> None:
    """One to one from the results down: the nodes' names, their edges, the input each edge feeds, the leaves."""
    pending: list[tuple[Any, int | None]] = []
    for output, element in zip(trace.outputs, elements_of(result), strict=True):
        info = trace.values[output].tensor
        if info is not None:
            pending.append((element.grad_fn, info.grad_fn))
    pairs: dict[Any, int] = {}
    while pending:
        node, number = pending.pop()
        if node is None or number is None:
            assert (node, number) == (None, None)
        elif node in pairs:
            assert pairs[node] == number
        else:
            pairs[node] = number
            recorded = trace.nodes[number]
            assert recorded.name == type(node).__name__
            assert recorded.input_nrs == tuple(input_nr for _, input_nr in node.next_functions)
            variable = getattr(node, "variable", None)
            assert recorded.variable == next((name for name, leaf in leaves.items() if leaf is variable), None)
            pending += zip((child for child, _ in node.next_functions), recorded.next, strict=True)
    assert len(set(pairs.values())) == len(pairs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("text", "plainly"), EVERYTHING)
def test_result_gradients_and_graph_are_those_of_plain_torch(text: str, plainly: str, dtype: str) -> None:
    expected = run_plainly(plainly, dtype)
    trace = run(text, dtype).trace
    assert refusal_of(trace) == expected.refusal
    assert_same_result(trace, expected.result)
    assert_same_gradients(trace, expected.tensors)
    assert_same_graph(trace, expected.result, expected.tensors)


def slanted(root: Tensor) -> Tensor:
    """Weights that differ from element to element."""
    weights = torch.arange(root.numel(), dtype=torch.float64).reshape(root.shape) * 0.75 - 0.5
    return (weights * (1 - 0.5j) if root.is_complex() else weights).to(root.dtype)


@pytest.mark.parametrize(("text", "plainly"), EVERYTHING)
def test_weights_of_backward_give_the_gradients_of_plain_torch(text: str, plainly: str) -> None:
    expected = run_plainly(plainly, "float64", slanted)
    weights = [slanted(root).tolist() for root in roots_of(expected.result) if isinstance(root, Tensor)]
    report = run(text, "float64", gradients=weights)
    assert refusal_of(report.trace) == expected.refusal
    assert_same_gradients(report.trace, expected.tensors)
    VALIDATOR.validate(json.loads(json_text(report)))


@pytest.mark.parametrize("text", [*(text for _, text in EXPRESSION_TABLE), *lines(COMPLEX_EXPRESSIONS)])
def test_every_value_on_the_way_is_that_of_the_piece_of_text_it_points_to(text: str) -> None:
    with torch_settings("float32"):
        names = namespace({name: leaf(name) for name in names_in(text)})
        for value in run(text).trace.values:
            if value.span is None or value.elements or value.kind in {Kind.ELEMENT, Kind.SLICE}:
                continue
            expected = evaluate(f"({value.span.cut(text)})", names)
            if value.tensor is not None:
                assert bits(value.tensor.values) == bits(expected)
            elif isinstance(value.scalar, bool | int | float | complex):
                assert repr(value.scalar) == repr(expected)


@pytest.mark.parametrize("text", lines(REFUSED_OPERATIONS))
def test_an_operation_that_torch_refuses_is_refused_in_its_words(text: str) -> None:
    with pytest.raises(Exception) as refused:  # noqa: PT011 - the very exception is compared
        run_plainly(text, "float32")
    report = run(text)
    VALIDATOR.validate(json_object(report))
    assert refusal_of(report.trace) == f"{refused.type.__name__}: {refused.value}"
    assert report.diagnostics[0].rule == "torch-refused"
    assert report.status.exit_code == 1


@pytest.mark.parametrize("text", [*ALL_TEXTS, *PROGRAMS, *WRITTEN_OUT, *lines(REFUSED_OPERATIONS)])
def test_the_pytorch_program_gives_the_same_numbers_or_the_same_refusal(text: str) -> None:
    assert_same_as_its_program(run(text))


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != DEFAULT_MODE])
@pytest.mark.parametrize("text", [*ALL_TEXTS[::5], *PROGRAMS, *WRITTEN_OUT])
def test_the_pytorch_program_has_the_mode(text: str, mode: str) -> None:
    assert_same_as_its_program(run(text, mode=mode))


@pytest.mark.parametrize("value", [-0.5j, [1 + 2j, -0.5j], complex(math.nan, -math.inf), [-0.0, 0.0], [math.inf]])
def test_the_pytorch_program_has_every_bit_of_the_inputs(value: object) -> None:
    assert_same_as_its_program(explore("x", x=value))


@pytest.mark.parametrize(
    "text",
    [
        "sqrt(2 if s > 0 else 3) * x",
        "sqrt([2, 3][0]) * x",
        "sqrt(abs(-4)) * x",
        "exp(round(1.4)) + x",
        "log(len(x)) * x",
        "n = x.shape[0]\nsqrt(n) * x",
        "n = max(2, 3)\nsqrt(n) * x",
        "n, i = 2, 3\nsqrt(n) * x * i",
        "n = i = 2\nsqrt(n) * x * i",
        "n = 2\nn = x\nsin(n) * x",
    ],
)
def test_the_pytorch_program_tells_functions_of_numbers_from_those_of_tensors(text: str) -> None:
    assert_same_as_its_program(run(text))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["x_leaf", "result", "gradient", "no_grad", "sum", "e"])
def test_the_pytorch_program_keeps_its_own_names_from_those_of_the_user(name: str, mode: str) -> None:
    report = explore(
        f"x * {name} * sqrt(2)",
        inputs={"x": [1, 2], name: [3, 4]},
        gradient=[1, 10] if mode == DEFAULT_MODE else None,
        mode=mode,
    )
    assert_same_as_its_program(report)


@pytest.mark.parametrize(
    "value",
    [
        "randn(2)",
        "randn(2)*sqrt(2*pi)",
        "2*ones(2)+rand(2)",
        "randn(2).exp()",
        "pi/2",
        "[pi, -sqrt(2)]",
        "arange(2):float64",
    ],
)
def test_the_pytorch_program_makes_its_inputs(value: str) -> None:
    report = explore("x*rand(2) + sin(x)", x=value, gradient="rand(2)", seed=3)
    assert report.ok
    assert_same_as_its_program(report)


@pytest.mark.parametrize("name", ["torch", "math"])
def test_a_variable_that_hides_a_module_has_no_pytorch_program(name: str) -> None:
    report = explore(f"x * {name}", inputs={"x": [1, 2], name: [3, 4]})
    assert report.ok
    with pytest.raises(AgxError, match="hides the module"):
        pytorch_text(report)


@pytest.mark.parametrize("text", ["x*w", "m @ n", "z*y", "x.split(2)", "s*r", "(x > 0) * x", "x[4:]"])
def test_the_pytorch_program_has_the_dtype_the_seed_and_the_weights(text: str) -> None:
    roots = roots_of(run_plainly(text, "float64").result)
    weights = [slanted(root).tolist() for root in roots]
    assert_same_as_its_program(run(text, "float64", gradients=weights))
    assert_same_as_its_program(run(f"randn(1) * ({text})" if "split" not in text else text, "float64", seed=3))
    assert_same_as_its_program(run(text, "float64", wrt=names_in(text)[:1]))


def assert_same_as_its_program(report: Report) -> None:
    """Run the program that agx prints: what it prints is the result and the gradients, or it raises the refusal."""
    trace, printed, refusal = report.trace, dict[str, Any](), None
    with torch_settings("float32"):
        try:
            exec(pytorch_text(report), {"print": printed.__setitem__})  # noqa: S102 - it is made to be run
        except Exception as error:  # noqa: BLE001 - the very exception is compared
            refusal = f"{type(error).__name__}: {error}"
    assert refusal == refusal_of(trace)
    if refusal is None:
        assert list(printed) == ["result", *(f"{name}.grad" for name, _ in trace.grads)]
        assert_same_result(trace, printed["result"])
        for name, grad in trace.grads:
            assert told(grad, trace) == facts(printed[f"{name}.grad"]), f"the gradient of {name}"


# Random expressions.

Tensors: TypeAlias = dict[str, Tensor]
SHAPES = {"x": (3,), "w": (2, 3), "c": ()}


@dataclass(frozen=True)
class Tree:
    """An expression as text and as calls of torch."""

    text: str
    compute: Callable[[Tensors], Tensor]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.compute({name: torch.ones(shape) for name, shape in SHAPES.items()}).shape)

    @property
    def names(self) -> list[str]:
        return [name for name in SHAPES if name in names_in(self.text)]


SMOOTH = {
    "-({})": lambda t: -t,
    "({}) + 1": lambda t: t + 1,
    "2.5*({})": lambda t: 2.5 * t,
    "({})**2": lambda t: t**2,
    "({})**3": lambda t: t**3,
    "sin({})": torch.sin,
    "torch.tanh({})": torch.tanh,
    "exp(tanh({}))": lambda t: t.tanh().exp(),
    "({}).sum()": torch.sum,
    "({}).mean()": torch.mean,
    "({}).reshape(-1)": lambda t: t.reshape(-1),
    "({})[None]": lambda t: t[None],
}
SMOOTH_OF_SEVERAL = {
    "({})[0]": lambda t: t[0],
    "({})[..., -1]": lambda t: t[..., -1],
    "({})[1:]": lambda t: t[1:],
    "({})[::2]": lambda t: t[::2],
    "({}).sum(0)": lambda t: t.sum(0),
    "({}).mean(-1, keepdim=True)": lambda t: t.mean(-1, keepdim=True),
}
SMOOTH_BINARY = {
    "({}) + ({})": lambda a, b: a + b,
    "({}) - ({})": lambda a, b: a - b,
    "({}) * ({})": lambda a, b: a * b,
    "({}) / (2 + sin({}))": lambda a, b: a / (2 + torch.sin(b)),
}
ROUGH = {
    "exp({})": torch.exp,
    "1/({})": lambda t: 1 / t,
    "({})**-1": lambda t: t**-1,
    "({})**0.5": lambda t: t**0.5,
    "({}).detach()": Tensor.detach,
    "no_grad({})": None,
}
ROUGH_BINARY = {"({}) / ({})": lambda a, b: a / b}


@st.composite
def trees(draw: st.DrawFn, *, rough: bool, depth: int = 4) -> Tree:
    """Expressions over x, w and c; `rough` ones have poles, kinks and cuts."""
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        name = draw(st.sampled_from(sorted(SHAPES)))
        return Tree(name, lambda tensors: tensors[name])
    first = draw(trees(rough=rough, depth=depth - 1))
    if draw(st.booleans()):
        return join(draw, first, draw(trees(rough=rough, depth=depth - 1)), rough=rough)
    choices = SMOOTH | (SMOOTH_OF_SEVERAL if first.shape and 0 not in first.shape else {}) | (ROUGH if rough else {})
    text, function = draw(st.sampled_from(sorted(choices.items(), key=lambda item: item[0])))
    if function is None:
        return Tree(text.format(first.text), torch.no_grad()(first.compute))
    return Tree(text.format(first.text), lambda tensors: function(first.compute(tensors)))


def join(draw: st.DrawFn, first: Tree, second: Tree, *, rough: bool) -> Tree:
    """Two trees by an operator that takes their shapes; if none does, the second one's sum is taken."""
    choices = SMOOTH_BINARY | (ROUGH_BINARY if rough else {})
    text, function = draw(st.sampled_from(sorted(choices.items(), key=lambda item: item[0])))
    if first.shape and second.shape and first.shape[-1] == second.shape[-2:][0] and draw(st.booleans()):
        text, function = "({}) @ ({})", torch.matmul
    try:
        torch.broadcast_shapes(first.shape, second.shape)
    except RuntimeError:
        if function is not torch.matmul:
            whole = second
            second = Tree(f"({whole.text}).sum()", lambda tensors: whole.compute(tensors).sum())
    compute = second.compute
    return Tree(
        text.format(first.text, second.text), lambda tensors: function(first.compute(tensors), compute(tensors))
    )


def values_of(shape: tuple[int, ...], numbers: st.SearchStrategy[float]) -> st.SearchStrategy[Any]:
    """Nested lists of numbers."""
    for size in reversed(shape):
        numbers = st.lists(numbers, min_size=size, max_size=size)  # type: ignore[assignment]
    return numbers


ANY_NUMBER = st.one_of(st.floats(-3, 3, width=32), st.integers(-3, 3).map(float), st.floats(width=32))
ANY_VALUES = st.fixed_dictionaries({name: values_of(shape, ANY_NUMBER) for name, shape in SHAPES.items()})
TAME_VALUES = st.fixed_dictionaries({name: values_of(shape, st.floats(-1, 1)) for name, shape in SHAPES.items()})


@settings(max_examples=200, deadline=None, database=None)
@given(tree=trees(rough=True), values=ANY_VALUES, dtype=st.sampled_from(DTYPES))
def test_any_expression_is_what_torch_makes_of_it(tree: Tree, values: dict[str, Any], dtype: str) -> None:
    leaves = {name: torch.tensor(values[name], dtype=getattr(torch, dtype), requires_grad=True) for name in tree.names}
    result, refusal = tree.compute(leaves), None
    try:
        result.backward(torch.ones_like(result))
    except RuntimeError as error:
        refusal = f"RuntimeError: {error}"
    report = explore(tree.text, inputs={name: values[name] for name in tree.names}, dtype=dtype)
    assert refusal_of(report.trace) == refusal
    assert_same_result(report.trace, result)
    assert_same_gradients(report.trace, leaves)
    assert_same_graph(report.trace, result, leaves)
    assert_numbers_survive(report)


def assert_numbers_survive(report: Report) -> None:
    """No bit is lost on the way through JSON, or through what -q prints and --x reads."""
    found = json.loads(json_text(report))
    assert found == json_object(report)
    VALIDATOR.validate(found)
    trace = report.trace
    result = trace.values[trace.outputs[0]].tensor
    assert result is not None
    assert bits(flat(found["result"]["values"])) == bits(result.values)
    for name, grad in trace.grads:
        if grad is not None:
            assert bits(flat(found["grads"][name]["values"])) == bits(grad.values)
            read = explore("x", x=shell_text(grad), dtype=grad.dtype)
            assert told(read.trace.output_tensors()[0], read.trace) == told(replace(grad, requires_grad=True), trace)


def flat(nested: Any) -> list[float]:
    """The numbers in JSON's nested lists."""
    if isinstance(nested, list):
        return [number for item in nested for number in flat(item)]
    return [float(nested)]


@settings(max_examples=100, deadline=None, database=None, derandomize=True)
@given(tree=trees(rough=False), values=TAME_VALUES)
def test_gradients_agree_with_finite_differences(tree: Tree, values: dict[str, Any]) -> None:
    """Central differences of fourth order, where two step sizes agree that they can be trusted."""
    tensors = {name: torch.tensor(values[name], dtype=torch.float64) for name in tree.names}
    report = explore(tree.text, inputs={name: values[name] for name in tree.names}, dtype="float64")
    for name, tensor in tensors.items():
        grad = report.grads[name]
        assert grad is not None
        assert grad.values is not None
        for index, found in enumerate(grad.values):
            slopes = [slope(tree, tensors, name, index, step) for step in (1e-3, 5e-4)]
            scale = 1 + abs(slopes[1]) + float(tree.compute(tensors).abs().sum())
            assume(abs(slopes[0] - slopes[1]) < 1e-8 * scale)
            assert abs(float(found.real) - slopes[1]) < 1e-7 * scale
        assert tensor.numel() == grad.numel


def slope(tree: Tree, tensors: Tensors, name: str, index: int, step: float) -> float:
    def at(offset: float) -> float:
        moved = tensors[name].clone()
        moved.view(-1)[index] += offset
        return float(tree.compute({**tensors, name: moved}).sum())

    return (at(-2 * step) - 8 * at(-step) + 8 * at(step) - at(2 * step)) / (12 * step)
