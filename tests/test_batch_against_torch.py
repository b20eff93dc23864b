"""Calls in the forms that torch's documentation shows, as lines of a batch: what Python itself gets from the same text.

Each line of a table is a program. The oracle hands it to Python with torch's names, as after the usual imports, and
goes backward from ones on every tracked tensor of the result. A backslash and n stand for a new line.
"""

from __future__ import annotations

import ast
import builtins
import json
import math
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.nn import functional

from autograd_cli.lang import vocabulary
from autograd_cli.settings import Settings
from autograd_cli.tasks.batch import answer, prepared

TOLERANCE = {torch.float64: 1e-9, torch.complex128: 1e-9}
SETTINGS = Settings()


def numbers(*shape: int, low: float = -0.9, start: float = 0.0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Numbers from `low` to 0.9, none like another."""
    steps = torch.arange(1, math.prod(shape) + 1, dtype=torch.float64) * 0.6180339887 + start
    return (low + (0.9 - low) * (steps % 1)).round(decimals=3).reshape(shape).to(dtype)


INPUTS = {
    "x": numbers(3, 4),
    "y": numbers(3, 4, start=0.3),
    "p": numbers(4, low=0.1),
    "s": numbers(low=0.1),
    "q": numbers(2, 3, 4),
    "sq": numbers(3, 3, low=0.1) + 2 * torch.eye(3, dtype=torch.float64),
    "img": numbers(1, 2, 6, 6),
    "seq": numbers(5, 2, 3),
    "e0": numbers(0, 3),
    "e1": numbers(0),
    "f": numbers(3, 4, low=0.1, dtype=torch.float32),
    "xf": numbers(3, 4, dtype=torch.float32),
    "seqf": numbers(5, 2, 3, dtype=torch.float32),
    "sigf": numbers(1, 2, 8, dtype=torch.float32),
    "imf": numbers(1, 2, 6, 6, dtype=torch.float32),
    "volf": numbers(1, 2, 4, 4, 4, dtype=torch.float32),
    "z": numbers(3, dtype=torch.complex64) * (1 + 0.5j),
    "k": torch.tensor([0, 2]),
    "t": torch.tensor([0, 2, 1]),
    "n": torch.tensor([[1, 2], [0, 1]]),
    "b": torch.tensor([True, False, True]),
    "m": numbers(3, 4) > 0,
}

PROGRAMS = {
    "index": r"""
        x[:2]
        x[0, 1]
        x[..., 0]
        x[k]
        x[k, :2]
        x[[0, 2], [1, 3]]
        x[m]
        x[x > 0]
        x[b]
        x[torch.tensor([0, 1])]
        x[torch.tensor([[0, 1], [1, 2]])]
        x[(0, 1)]
        x[0][1]
        q[..., 1, :]
        q[:, 1]
        q[:, :, k]
        q[0, k, 1:]
        q[k[:1], :, k[1:]]
        q[:, ::2, 1::2]
        x[t]
        x[t, t]
        x[k[0]]
        x[k[0], k[1]]
        x[x.argmax(0)]
        x.flatten()[m.flatten()]
        x.T[0]
        x[~m]
        x[m | (x > 0.5)]
        x.index_select(0, k)
        x.index_select(dim=1, index=k)
        torch.masked_select(x, m)
        x.take(k)
        torch.where(m, x, y)
        x.where(m, y)
        torch.where(x > 0, x, torch.tensor(0., dtype=torch.float64))
        x.masked_fill(x > 0, 1)
        x.index_fill(0, k, 0.)
        x.index_copy(0, k, y[:2])
        x.index_put((k, k), y[0, :2])
        x.index_put((k,), y[0], accumulate=True)
        x.diagonal()
        q.diagonal(0, 1, 2)
        x.narrow(0, 1, 2)
        x.unbind()
        x.unbind(1)
        x.unbind(dim=1)[0]
        sum(r.prod() for r in x)
        torch.stack([r * i for i, r in enumerate(x)])
        x.tril()[1]
        torch.triu(x, diagonal=1)
        x.take_along_dim(t[:, None], 1)
        x.topk(2)
        x.topk(2, dim=0)
        x.sort()
        x.sort(descending=True)[0]
        torch.sort(x, stable=True, dim=0)[0]
        x.max()
        x.max(dim=1)
        x.max(1)[0]
        x.max(1, True)[0]
        torch.max(x, 1)
        torch.min(x, y)
        torch.minimum(x, y)
        torch.median(x, 1)[0]
        x.kthvalue(2)
        torch.kthvalue(x, 1).values
        x.cummax(0).values
        torch.aminmax(x, dim=0).max
        values, indices = x.max(1); values
        values, indices = torch.topk(x, 2); values * 2
    """,
    "operator": r"""
        x - y
        x ** 2
        2 ** x
        x.abs() ** y
        -x
        abs(x)
        p @ p
        p @ x.T
        x + 1
        x / 2
        x + p
        x - x.mean()
        x * 2 + 1
        x * (x > 0).double()
        (x * y).sum() / x.numel()
        pow(x.abs(), 2)
        sum(x)
        abs(x).sum()
        x * x.shape[0]
        x * x.dim()
        x ** 0.5 * 0 + x
        x * pi
        e ** x
        x @ x.T @ x
        x.mT @ x
        x + 1j
        z.abs()
        z.real
        z.angle()
        z.conj()
        (z * z.conj()).real
        z.abs() ** 2
        torch.abs(z).sum()
        z @ z
        torch.complex(x, y)
        torch.complex(x, y).abs()
        torch.real(z) + torch.imag(z)
        x + torch.ones(4)
        x * torch.arange(4)
        x * torch.linspace(0, 1, 4)
        x + torch.eye(3, 4)
        x * torch.full((4,), 2.)
        x + torch.randn(3, 4)
        x + torch.zeros_like(x)
        x * torch.ones(3, 1)
        x.double() + 1
        x.half().float()
        x.to(torch.float32)
        x.to(dtype=torch.float32)
        x.bfloat16()
        f * x
        f + 1
        f.to(torch.float64)
        f @ x.float().T
        x.cdouble()
        s * 2
        s ** 2
        e1 * 2
        e0.prod()
        torch.cat([e0, e0])
    """,
    "reduction": r"""
        x.sum()
        x.sum(1)
        x.sum(-1)
        x.sum(dim=1)
        x.sum(axis=1)
        x.sum(dim=(0, 1))
        x.sum((0, 1))
        x.sum(0, True)
        x.sum(dim=0, keepdim=True)
        x.sum(axis=0, keepdims=True)
        x.sum(dtype=torch.float32)
        torch.sum(x, 1)
        torch.sum(x, dim=1, keepdim=True)
        torch.sum(x, axis=0)
        torch.sum(input=x, dim=0)
        x.mean()
        x.mean(0)
        torch.mean(x, 0, keepdim=True)
        x.prod(1)
        x.prod(dim=0, keepdim=True)
        x.std()
        x.std(0)
        x.std(dim=0, unbiased=False)
        x.std(unbiased=False)
        x.var()
        x.var(1)
        x.var(0, unbiased=False)
        torch.var(x, dim=0, correction=1, keepdim=True)
        torch.var_mean(x)
        x.norm(1)
        x.norm(p=1)
        x.norm(2, dim=1)
        x.norm(p=2, dim=1, keepdim=True)
        torch.norm(x, 1, 0)
        torch.linalg.norm(x)
        torch.linalg.norm(x, 'fro')
        torch.linalg.norm(x, float('inf'))
        torch.linalg.vector_norm(x, 3, dim=1)
        torch.linalg.matrix_norm(x, 2)
        x.logsumexp(1)
        x.amax()
        x.amax(1)
        torch.amax(x, dim=0, keepdim=True)
        x.amin(0)
        x.nansum()
        x.nanmean(1)
        torch.logcumsumexp(x, 1)
        torch.nanquantile(x, 0.5)
        torch.trapezoid(x)
        torch.trapz(x, dx=0.5)
        torch.cumulative_trapezoid(x, dx=2.)
        torch.diff(x, n=2, dim=0)
        torch.diff(x, prepend=y[:, :1])
        torch.gradient(p)
        torch.gradient(x, dim=0)[0]
        torch.corrcoef(x)
        x.cov(correction=0)
        x.softmax(dim=-1)
        x.softmax(0, dtype=torch.float32)
        torch.softmax(x, dim=0)
        F.softmax(x, dim=1)
        x.log_softmax(-1)
        F.softmin(x, dim=1)
        F.normalize(x, p=1, dim=0)
        F.cosine_similarity(x, y)
        F.pairwise_distance(x, y, p=1, keepdim=True)
        torch.cdist(x, y)
        torch.cdist(x, y, p=1.0)
        F.pdist(x)
        torch.nn.functional.softmax(x, dim=1)
    """,
    "shape": r"""
        torch.view_as_real(torch.complex(e1, e1))
        x.view(4, 3)
        x.view((2, 6))
        x.reshape(2, 6)
        x.reshape(-1)
        torch.reshape(x, (2, 6))
        q.flatten(1)
        q.flatten(start_dim=1)
        torch.flatten(q, 0, 1)
        x.unflatten(1, (2, 2))
        x.t()
        x.T
        x.transpose(0, 1)
        q.transpose(1, 2)
        q.permute(2, 0, 1)
        q.permute((2, 0, 1))
        torch.permute(q, (1, 0, 2))
        torch.permute(q, dims=(1, 0, 2))
        torch.swapdims(q, 0, 2)
        torch.movedim(q, 0, -1)
        torch.moveaxis(q, (0, 1), (1, 0))
        x.unsqueeze(0)
        x.unsqueeze(dim=-1)
        x.unsqueeze(0).squeeze(0)
        x[None, :, None].squeeze((0, 2))
        p.expand(3, -1)
        s.expand(2, 2)
        x.repeat((1, 2))
        torch.tile(x, (2, 1))
        x.repeat_interleave(2)
        x.repeat_interleave(torch.tensor([1, 0, 2]), dim=0)
        torch.cat([x, y])
        torch.cat((x, y), 1)
        torch.cat([x, y], dim=1)
        torch.cat(tensors=(x, y), dim=-1)
        torch.concat([x, y])
        torch.concatenate((x, y), axis=1)
        torch.stack((x, y), dim=1)
        torch.dstack([x, y])
        torch.column_stack((p, p))
        torch.row_stack((p, p))
        x.chunk(2, 1)
        torch.tensor_split(x, 2, dim=1)
        x.flip(0)
        x.fliplr()
        x.roll(1, 0)
        x.roll(shifts=(1, 2), dims=(0, 1))
        torch.roll(x, 1, dims=1)
        x.rot90()
        torch.rot90(x, 2, [0, 1])
        torch.rot90(x, k=1, dims=(0, 1))
        torch.broadcast_to(p, (3, 4))
        torch.broadcast_tensors(x, p)
        torch.meshgrid([p, p], indexing='ij')[1]
        torch.atleast_2d(p)
        torch.atleast_1d(s)
        torch.diag(p)
        torch.diag(x)
        p.diag()
        p.unfold(0, 2, 2)
        x.clone()
        torch.clone(x)
        x.T.contiguous().view(-1)
        x.squeeze()
        torch.adjoint(q)
        torch.t(x)
        torch.narrow(x, 1, 0, 2)
        torch.constant_pad_nd(x, (1, 1))
        F.pad(x, (1, 1), 'constant', 2.0)
        F.pad(x, [1, 0, 0, 1], value=3)
        F.pad(img, (1, 1, 1, 1), mode='reflect')
    """,
    "linalg": r"""
        sq.det()
        torch.det(sq)
        torch.linalg.det(sq)
        sq.logdet()
        torch.slogdet(sq)[1]
        torch.slogdet(sq).logabsdet
        sq.inverse()
        torch.inverse(sq)
        torch.linalg.pinv(x)
        x.pinverse()
        torch.linalg.solve(sq, x)
        torch.linalg.solve(sq, x[:, 0])
        torch.linalg.lstsq(sq, x).solution
        torch.linalg.lstsq(sq, x)[0]
        torch.cholesky_solve(x, torch.linalg.cholesky(sq @ sq.T))
        torch.cholesky_inverse(torch.linalg.cholesky(sq @ sq.T))
        torch.linalg.qr(sq)
        torch.linalg.qr(sq)[1]
        Q, R = torch.linalg.qr(sq); Q
        Q, R = torch.linalg.qr(sq, mode='reduced'); R.sum()
        torch.linalg.svd(sq)[1]
        torch.linalg.svd(sq).S
        torch.linalg.svd(x, full_matrices=False).S
        U, S, Vh = torch.linalg.svd(x, full_matrices=False); S
        U, S, V = torch.svd(x); S
        torch.linalg.eigh(sq @ sq.T)[0]
        torch.linalg.eigh(sq + sq.T).eigenvalues
        torch.linalg.eigvals(sq).abs()
        torch.matrix_exp(sq)
        torch.linalg.matrix_power(sq, 3)
        torch.matrix_power(sq, -1)
        sq.matrix_power(2)
        torch.linalg.multi_dot([x, x.T, x])
        torch.linalg.cross(x[:, :3], y[:, :3])
        torch.cross(x[:, :3], y[:, :3], dim=1)
        torch.linalg.lu(sq)
        torch.triangular_solve(x, sq.triu())[0]
        torch.linalg.tensorsolve(torch.eye(4, dtype=torch.float64).reshape(2, 2, 4) + s, p.view(2, 2))
        torch.linalg.diagonal(sq)
        torch.mm(x, y.T)
        torch.mv(x, p)
        torch.matmul(q, x.T)
        torch.vdot(p, p)
        torch.inner(x, y)
        torch.outer(p, p)
        torch.ger(p, p)
        torch.tensordot(x, y, dims=2)
        torch.addmm(sq, x, y.T, beta=0.5, alpha=2)
        torch.baddbmm(q @ q.mT, q, q.mT, beta=2)
        torch.addbmm(sq, q, q.mT)
        torch.addcmul(x, x, y, value=0.5)
        torch.addcdiv(x, x, y + 2)
        torch.einsum('ij->j', x)
        torch.einsum('ij,ij->', x, y)
        torch.einsum('bij,jk->bik', q, x.T)
        torch.einsum('ii->i', sq)
        torch.einsum('i,j->ij', p, p)
        torch.einsum('ij,jk', x, x.T)
        torch.fft.fft(p)
        torch.fft.fft(p).abs()
        torch.fft.rfft(x, dim=0, norm='ortho')
        torch.fft.fft2(x)
        torch.fft.rfft2(x)
        torch.fft.irfft2(torch.fft.rfft2(x))
        torch.fft.fftn(q)
        torch.fft.fftn(q, dim=(0, 1))
        torch.fft.hfft(z)
        torch.fft.ihfft(p)
        torch.fft.fftshift(p)
        torch.stft(img.flatten(), 8, return_complex=True).abs()
    """,
    "nn": r"""
        nn.Conv2d(2, 3, 3, padding=1, stride=2, bias=False)(imf)
        nn.ConvTranspose1d(2, 1, 3)(sigf)
        nn.ConvTranspose3d(2, 1, 2)(volf)
        nn.MaxPool2d(kernel_size=3, stride=1, padding=1)(imf)
        nn.MaxPool2d(2, return_indices=True)(imf)
        nn.MaxPool3d(2)(volf)
        nn.AvgPool1d(2)(sigf)
        nn.AvgPool2d(2)(imf)
        nn.AvgPool2d(3, stride=2, count_include_pad=False, padding=1)(imf)
        nn.LPPool1d(2, 2)(sigf.abs())
        nn.AdaptiveMaxPool1d(2)(sigf)
        nn.AdaptiveMaxPool2d(2)(imf)
        nn.AdaptiveMaxPool3d(2)(volf)
        nn.BatchNorm1d(4).eval()(xf)
        nn.BatchNorm2d(2)(imf)
        nn.GroupNorm(2, 2)(imf)
        nn.InstanceNorm1d(2)(sigf)
        nn.LayerNorm(4)(xf)
        nn.Dropout(p=0.2).eval()(xf)
        nn.Dropout3d()(volf)
        nn.FeatureAlphaDropout(0.2)(imf)
        nn.ReflectionPad3d(1)(volf)
        nn.ZeroPad3d(1)(volf)
        nn.ConstantPad1d(1, 2.0)(sigf)
        nn.ConstantPad2d(1, 2.0)(imf)
        nn.ConstantPad3d(1, 2.0)(volf)
        nn.CircularPad1d(1)(sigf)
        nn.Upsample(size=(4, 4), mode='bilinear', align_corners=True)(imf)
        nn.UpsamplingBilinear2d(scale_factor=2)(imf)
        nn.Fold(output_size=(4, 5), kernel_size=(2, 2))(imf.flatten()[:48].reshape(1, 4, 12))
        nn.CosineSimilarity(dim=0, eps=1e-6)(xf, f)
        nn.Embedding(5, 3)(t) * xf[:, :3]
        nn.EmbeddingBag(5, 3, mode='mean')(n) * xf[:2, :3]
        nn.RNN(3, 4)(seqf)[1]
        output, (h, c) = nn.LSTM(3, 4)(seqf); h
        output, (hn, cn) = nn.LSTM(3, 4, num_layers=2, bidirectional=True)(seqf); output
        nn.LSTM(3, 4)(seqf)
        nn.GRU(3, 4)(seqf)[0]
        nn.GRUCell(3, 4)(seqf[0])
        nn.MultiheadAttention(4, 2)(xf, xf, xf)
        nn.TransformerEncoderLayer(4, 2, 8)(xf)
        nn.LogSoftmax(1)(xf)
        nn.RReLU()(xf)
        nn.ELU(alpha=0.5)(xf)
        nn.CELU()(xf)
        nn.GELU()(xf)
        nn.GELU('tanh')(xf)
        nn.Mish()(xf)
        nn.LogSigmoid()(xf)
        nn.Tanhshrink()(xf)
        nn.Hardsigmoid()(xf)
        nn.Hardswish()(xf)
        nn.Hardshrink(0.2)(xf)
        nn.Softplus(beta=2)(xf)
        nn.Threshold(0.1, 0)(xf)
        nn.GLU()(xf)
        model = nn.Sequential(nn.Linear(4, 3), nn.Tanh()); model(xf).sum()
        lin = nn.Linear(4, 2); F.linear(xf, lin.weight, lin.bias)
        lin = nn.Linear(4, 2); lin.weight @ xf.T
        nn.Linear(4, 2).double()(x)
    """,
    "loss": r"""
        F.linear_cross_entropy(x, y, t)
        F.linear_cross_entropy(x, y, t, reduction='sum', label_smoothing=0.1)
        nn.LinearCrossEntropyLoss(4, 3)(xf, t)
        nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2, 4])(xf, t).loss
        nn.MSELoss(reduction='sum')(x, y)
        nn.MSELoss(reduction='none')(x, y)
        nn.CrossEntropyLoss()(x, t)
        nn.CrossEntropyLoss(label_smoothing=0.1)(x, t)
        nn.CrossEntropyLoss()(x, y.softmax(1))
        nn.NLLLoss(reduction='none')(F.log_softmax(x, dim=1), t)
        nn.HingeEmbeddingLoss()(x, m.double() * 2 - 1)
        nn.MultiMarginLoss()(x, t)
        nn.MultiLabelMarginLoss()(x, torch.tensor([[0, 1, -1, 0], [2, -1, 0, 0], [1, 2, 3, -1]]))
        nn.SoftMarginLoss()(x, m.double() * 2 - 1)
        nn.CosineEmbeddingLoss()(x, y, torch.tensor([1, -1, 1]))
        F.ctc_loss(seq.log_softmax(2), torch.tensor([[1, 2], [2, 1]]), torch.tensor([5, 5]), torch.tensor([2, 1]))
        F.mse_loss(x, torch.zeros_like(x))
        F.cross_entropy(x, target=t, reduction='none')
        F.cross_entropy(x, t, label_smoothing=0.2)
        F.nll_loss(F.log_softmax(x, 1), t, ignore_index=2)
        F.binary_cross_entropy(torch.sigmoid(x), m.double(), reduction='sum')
        F.binary_cross_entropy_with_logits(x, m.double())
        F.poisson_nll_loss(x, y.abs())
        F.gaussian_nll_loss(x, y, p.expand(3, 4))
        F.cosine_embedding_loss(x, y, torch.ones(3))
        F.triplet_margin_loss(x, y, x * 0.5)
        F.triplet_margin_with_distance_loss(x, y, x * 0.5)
        F.scaled_dot_product_attention(q, q, q, is_causal=True)
        F.scaled_dot_product_attention(q, q, q, scale=0.5)
        F.linear(x, y)
        F.conv2d(img, img[:, :, :3, :3])
        F.conv2d(img, img[:, :, :2, :2], padding=1, stride=2)
        F.conv2d(img, weight=img[:, :, :3, :3], bias=s[None], padding='same')
        F.unfold(img, 2)
        F.unfold(img, kernel_size=(2, 2), stride=2)
        F.max_pool2d(img, 2)
        F.max_pool2d(img, 2, return_indices=True)
        F.adaptive_avg_pool2d(img, 1)
        F.adaptive_max_pool2d(img, (2, 2))
        F.adaptive_avg_pool2d(img, (3, None))
        F.interpolate(img, scale_factor=2)
        F.interpolate(img, size=(3, 3), mode='bilinear')
        F.interpolate(img, 12, mode='area')
        F.affine_grid(x[:2, :3].unsqueeze(0), (1, 1, 3, 3), align_corners=True)
        F.affine_grid(x[:2, :3].unsqueeze(0), [1, 2, 3, 3])
        F.pixel_shuffle(img.repeat(1, 2, 1, 1), 2)
        F.layer_norm(x, (4,))
        F.layer_norm(x, [4], weight=p, bias=p)
        F.layer_norm(x, x.shape)
        F.batch_norm(x, None, None, training=True)
        F.batch_norm(x, torch.zeros(4, dtype=torch.float64), torch.ones(4, dtype=torch.float64))
        F.batch_norm(x, torch.zeros(4).double(), torch.ones(4).double(), weight=p, bias=p, training=True)
        F.group_norm(img, 2)
        F.instance_norm(img)
        F.embedding(t, x)
        F.dropout2d(img)
        F.alpha_dropout(x, training=True)
        F.elu_(x * 1)
        F.prelu(x, p)
        F.prelu(x, s[None])
        F.glu(x)
        F.glu(x, dim=-1)
        F.softplus(x, beta=2, threshold=1)
        F.hardshrink(x, 0.3)
    """,
    "program": r"""
        y1 = x * 2; z1 = y1 + 1; z1.sum()
        y1 = x * 2\nz1 = y1.relu()\nz1.mean()
        a = x.exp()\nb1 = a.sum(1, keepdim=True)\na / b1
        y1 = x.clone(); y1[0] = 0; y1.sum()
        y1 = x * 1; y1 -= y; y1 /= 2; y1
        y1 = x.clone(); y1 **= 2; y1
        y1 = x.clone(); y1.add_(1).mul_(2); y1
        y1 = x.clone(); y1.clamp_(min=0); y1
        y1 = x.clone(); y1.copy_(y); y1 * x
        y1 = x.clone(); y1.fill_(2.0); y1 * x
        y1 = x.clone(); y1.masked_fill_(m, 0.); y1
        y1 = x.clone(); y1.index_fill_(0, k, 0.); y1
        y1 = x.clone(); y1.t_(); y1
        y1 = x.clone(); y1.unsqueeze_(0); y1
        y1 = x.clone(); y1.transpose_(0, 1); y1.squeeze_(); y1
        y1 = x.clone(); v1 = y1[0]; v1.mul_(3); y1.sum()
        y1 = x.clone(); y1.T[0] = 2.; y1 * x
        out = torch.zeros(3, 4, dtype=torch.float64); out[0] = x[0]; out[1:] = x[1:] * 2; out
        out = torch.zeros_like(x); out += x; out
        w = torch.ones(4, dtype=torch.float64, requires_grad=True); (x * w).sum()
        h = x\nfor i in range(3):\n    h = torch.tanh(h)\nh
        total = 0\nfor r in x:\n    total = total + r.sum() ** 2\ntotal
        h = x\nfor _ in range(2): h = h * h\nh.sum()
        if x.sum() > 0:\n    y1 = x * 2\nelse:\n    y1 = x * 3\ny1
        i = 0\nh = x\nwhile i < 3:\n    h = h * 0.5; i += 1\nh
        with torch.no_grad(): c = x.mean()\nx - c
        with torch.set_grad_enabled(False):\n    c = x.sum()\nx * c
        x * x.detach()
        (x - x.mean().detach()) ** 2
        x * x.data
        x * x.sum().item()
        c = x.max().item(); x / c
        (x - x.detach()).abs() + x
        x + (x.round() - x).detach()
        outs = []\nfor i in range(3):\n    outs.append(x[i] * i)\ntorch.stack(outs)
        outs = [x * i for i in range(1, 4)]\nsum(outs)
        a, b1 = x.chunk(2, 1); a * b1
        (a, b1), c = x.split(2, 1), 3; a * b1 * c
        h, w = x.shape; x.view(w, h)
        B, T1, C1 = q.shape; q.view(B * T1, C1)
        x.view(x.size(0), -1)
        x.view(x.shape[0], 2, 2)
        torch.manual_seed(3); x * torch.rand(3, 4, dtype=torch.float64)
        torch.manual_seed(3); F.dropout(x, 0.3)
        noise = torch.randn_like(x); x + 0.1 * noise
        torch.bernoulli(x.abs()) * x
        x.requires_grad_(); (x * 2).sum()
        import torch; torch.sin(x)
        import torch\nimport torch.nn.functional as F\nF.relu(x).sum()
        from torch import nn\nnn.ReLU()(x)
        import math\nx * math.log(2)
        # a comment\nx * 2  # another
        (x\n .sin()\n .sum())
        y1 = x.sin(); g1, = torch.autograd.grad(y1.sum(), x, create_graph=True); g1.pow(2).sum()
        torch.autograd.grad((x ** 3).sum(), [x], create_graph=True)[0]
        torch.cat([r[None] for r in x])
        torch.stack([a * b1 for a, b1 in zip(x, y)])
        all([True, True]) * x
        x * float(2)
        x * int(3.7)
        len(x) * x
        assert x.shape == (3, 4); x * 2
        xs = [x, y]; torch.stack(xs).mean(0)
        torch.stack(list(x.unbind(0)))
        torch.stack(tuple(x)) * 2
        x, y
        (x * 2, y * 3)
        x.sin(), x.cos()
        {'a': x}['a'] * 2
        x[0], x[1:]
    """,
    "distribution": r"""
        torch.distributions.Normal(0., 1.).log_prob(x)
        torch.distributions.Normal(x, 1.).entropy() + x
        d = torch.distributions.Normal(x, y.abs()); d.log_prob(d.sample())
        torch.distributions.Categorical(x.abs()).log_prob(t)
        torch.distributions.Categorical(logits=x).log_prob(t)
        torch.distributions.Gamma(x.abs() + 1, y.abs() + 1).log_prob(torch.tensor(0.3))
        torch.distributions.Exponential(x.abs()).log_prob(torch.tensor(0.3))
        torch.distributions.Cauchy(x, y.abs()).log_prob(torch.tensor(0.3))
        torch.distributions.Dirichlet(x.abs() + 1).rsample()
        torch.distributions.Binomial(5, x.abs()).log_prob(torch.tensor(2.))
        torch.distributions.Binomial(total_count=5, logits=x).log_prob(torch.tensor(2.))
        torch.distributions.Multinomial(4, x.abs()).log_prob(torch.tensor([1., 1., 1., 1.]))
        torch.distributions.RelaxedOneHotCategorical(torch.tensor(0.5), logits=x).rsample()
        torch.distributions.Chi2(x.abs() + 2).log_prob(torch.tensor(0.3))
        torch.distributions.FisherSnedecor(x.abs() + 2, y.abs() + 3).log_prob(torch.tensor(0.3))
        torch.distributions.Pareto(x.abs(), y.abs() + 1).rsample()
        torch.distributions.Weibull(x.abs(), y.abs() + 1).log_prob(torch.tensor(0.3))
        torch.distributions.Kumaraswamy(x.abs() + 1, y.abs() + 1).log_prob(torch.tensor(0.3))
        torch.distributions.InverseGamma(x.abs() + 1, y.abs() + 1).log_prob(torch.tensor(0.3))
        torch.distributions.VonMises(x, y.abs() + 1).log_prob(torch.tensor(0.3))
        torch.distributions.ContinuousBernoulli(x.abs()).log_prob(torch.tensor(0.3))
        torch.distributions.MultivariateNormal(x[0, :3], covariance_matrix=sq @ sq.T).rsample()
        torch.distributions.Independent(torch.distributions.Normal(x, y.abs()), 1).log_prob(torch.zeros(3, 4))
        from torch.distributions import Normal; Normal(x, 1.).log_prob(torch.tensor(0.3))
        import torch.distributions as D; D.Normal(x, 1.).rsample()
    """,
}

# Results with NaN or infinities, which JSON has as texts.
NOT_FINITE = """
    x.nansum()
    x.abs()
    x.nan_to_num(nan=1., posinf=2.)
    x.sigmoid()
    x.softmax(0)
    x.cumsum(0)
    x.log()
    x.max()
    x.fmax(x)
"""
# Results that hold tensors at several depths.
NESTED = """
    nn.LSTM(3, 4)(seqf)
    (x, [x.sin(), (x.cos(), 3)])
    h = [x * 2]; [h, h]
    nn.GRU(3, 4)(seqf), x
"""
# Texts and the gradient that backward() starts from.
GRADIENTS: dict[str, Any] = {
    "x * 2": numbers(3, 4, start=0.7),
    "x.sum()": numbers(start=0.7),
    "x.T": numbers(4, 3, start=0.7),
    "x.max(1)": numbers(3, start=0.7),
    "x.float()": numbers(3, 4, dtype=torch.float32),
    "z.exp()": numbers(3, dtype=torch.complex64) * (1 + 2j),
    "torch.complex(x, y)": numbers(3, 4) * (1 - 2j),
}


def names_of_torch() -> dict[str, Any]:
    """The namespace of a program: torch's functions by their bare names, but Python's own where Python has one."""
    modules = (math, torch.special, torch.fft, torch.linalg, functional, torch)
    names: dict[str, Any] = {
        name: getattr(module, name) for module in modules for name in dir(module) if name[0] != "_"
    }
    names |= {"torch": torch, "F": functional, "nn": torch.nn, "distributions": torch.distributions, "math": math}
    return names | {name: getattr(builtins, name) for name in vocabulary.BUILTINS} | {"pi": math.pi, "e": math.e}


NAMES = names_of_torch()


def lines_of(table: str) -> list[str]:
    return [line.strip().replace("\\n", "\n") for line in table.strip().splitlines()]


def inputs_of(text: str) -> dict[str, torch.Tensor]:
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)]
    stored = {node.id for node in nodes if isinstance(node.ctx, ast.Store)}
    stored |= {node.arg for node in ast.walk(ast.parse(text)) if isinstance(node, ast.arg)}
    read = {node.id for node in nodes} - stored
    return {name: tensor for name, tensor in INPUTS.items() if name in read}


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for element in value:
            yield from tensors_in(element)


def by_python(
    text: str, inputs: dict[str, torch.Tensor], gradient: torch.Tensor | None
) -> tuple[list[torch.Tensor], dict[str, torch.Tensor | None]]:
    """The tensors of the last expression's value, and the gradients by input."""
    leaves = {name: tensor.clone() for name, tensor in inputs.items()}
    for leaf in leaves.values():
        leaf.requires_grad_(leaf.is_floating_point() or leaf.is_complex())
    tree = ast.parse(text)
    assert isinstance(tree.body[-1], ast.Expr)
    tree.body[-1] = ast.Assign([ast.Name("result", ast.Store())], tree.body[-1].value)
    names = {**NAMES, **leaves}
    torch.default_generator.manual_seed(SETTINGS.seed)
    exec(compile(ast.fix_missing_locations(tree), "program", "exec", dont_inherit=True), names)  # noqa: S102 - the oracle is Python
    results = list(tensors_in(names["result"]))
    roots = [result for result in results if result.requires_grad]
    torch.autograd.backward(roots, [torch.ones_like(root) if gradient is None else gradient for root in roots])
    return results, {name: leaf.grad for name, leaf in leaves.items() if leaf.requires_grad}


def json_of(tensor: torch.Tensor) -> dict[str, Any]:
    dtype = str(tensor.dtype).removeprefix("torch.")
    return {"values": _plain(tensor.tolist()), "dtype": dtype, "shape": list(tensor.shape)}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(element) for element in value]
    if isinstance(value, complex):
        return {"re": value.real, "im": value.imag}
    names = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    return names.get(str(value), value)


def _numbers(value: Any) -> Any:
    if isinstance(value, list):
        return [_numbers(element) for element in value]
    if isinstance(value, dict):
        return complex(float(value["re"]), float(value["im"]))
    return float(value) if isinstance(value, str) else value


def is_same(told: Any, tensor: torch.Tensor | None) -> bool:
    if told is None or tensor is None:
        return told is None and tensor is None
    if told["shape"] != list(tensor.shape) or f"torch.{told['dtype']}" != str(tensor.dtype):
        return False
    numbers = torch.tensor(_numbers(told["values"]), dtype=tensor.dtype).reshape(tensor.shape)
    tolerance = TOLERANCE.get(tensor.dtype, 1e-5)
    plain = tensor.detach().clone()
    return torch.allclose(numbers, plain, rtol=tolerance, atol=tolerance, equal_nan=True)


def difference(text: str, gradient: torch.Tensor | None = None, **given: torch.Tensor) -> str | None:
    """Where the answer of the batch is not that of Python; None where they agree."""
    inputs = {**inputs_of(text), **given}
    request: dict[str, Any] = {"expr": text, "inputs": {name: json_of(tensor) for name, tensor in inputs.items()}}
    if gradient is not None:
        request["gradient"] = json_of(gradient)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results, grads = by_python(text, inputs, gradient)
        request["wrt"] = [name for name, grad in grads.items() if grad is not None]
        with prepared(SETTINGS):
            line, _ = answer(json.dumps(request).encode(), 1, SETTINGS)
    found = json.loads(line)
    told = [each for each in found.get("results", [found.get("result")]) if each is not None and "number" not in each]
    if len(told) != len(results):
        return f"{len(told)} tensors for {len(results)}: {found['diagnostics']}"
    if not all(is_same(*pair) for pair in zip(told, results, strict=True)):
        return "another value"
    wrong = [name for name in request["wrt"] if not is_same(found["grads"].get(name), grads[name])]
    return f"another gradient of {', '.join(wrong)}" if wrong else None


@pytest.mark.parametrize("family", PROGRAMS)
def test_a_line_gives_what_python_gives(family: str) -> None:
    found = {text: difference(text) for text in lines_of(PROGRAMS[family])}
    assert {text: words for text, words in found.items() if words is not None} == {}


def test_a_nested_result_is_taken_apart() -> None:
    assert {text: difference(text) for text in lines_of(NESTED)} == dict.fromkeys(lines_of(NESTED))


def test_numbers_that_are_not_finite() -> None:
    x = torch.tensor([math.nan, 1.0, math.inf, -math.inf, 0.0], dtype=torch.float64)
    assert {text: difference(text, x=x) for text in lines_of(NOT_FINITE)} == dict.fromkeys(lines_of(NOT_FINITE))


@pytest.mark.parametrize("text", GRADIENTS)
def test_a_gradient_of_the_request(text: str) -> None:
    assert difference(text, GRADIENTS[text]) is None


def test_a_field_that_a_result_does_not_have_is_an_error_and_not_a_crash() -> None:
    with prepared(SETTINGS):
        line, is_ok = answer(b'{"expr": "torch.max(x, 1).max", "inputs": {"x": [[1, 2]]}}', 1, SETTINGS)
    assert not is_ok
    assert json.loads(line)["diagnostics"][0]["torch_says"] == "AttributeError: 'tuple' object has no attribute 'max'"
