"""Whether an operation of torch can be differentiated, tried out on samples of torch's own operator database.

`differentiable(full_name)` gives the operation tracked floating tensors and looks whether torch recorded the result. An
operation in place counts when torch recorded a node for it: what it returns is tracked anyway.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.utils.checkpoint
from torch import nn
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db

SAMPLES = 6
F: Any = nn.functional  # its stubs know less than it takes
_SEED = 1234  # torch's own, for its samples
_DTYPES = (torch.float64, torch.float32, torch.complex128, torch.int64, torch.bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One call: its arguments, tracked where they are floating."""

    arguments: tuple[Any, ...]
    keywords: dict[str, Any] = field(default_factory=dict)


def t(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """A tracked tensor that is no leaf, with values between 0 and 1."""
    count = torch.Size(shape).numel()
    values = (torch.arange(1, count + 1, dtype=torch.float64) * 0.6180339887) % 1
    return values.reshape(shape).to(dtype).requires_grad_() * 1


def f(*shape: int) -> torch.Tensor:
    """The same in float32, as a module's own weights are."""
    return t(*shape, dtype=torch.float32)


def i(*values: int) -> torch.Tensor:
    """A tensor of integers."""
    return torch.tensor(values)


def parameter() -> torch.Tensor:
    """A leaf that has a gradient."""
    leaf = torch.ones(2, requires_grad=True)
    leaf.sum().backward()
    return leaf


def rnn(gates: int) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
    """The input, the state and the weights of a recurrent layer."""
    return t(5, 2, 3), t(1, 2, 4), [t(gates * 4, 3), t(gates * 4, 4)]


def cell(gates: int) -> tuple[torch.Tensor, ...]:
    """The same for one step."""
    return t(2, 3), t(2, 4), t(gates * 4, 3), t(gates * 4, 4)


_REST: Any = (False, 1, 0.0, True, False, False)


def _gradient() -> tuple[torch.Tensor, ...]:
    x = t(3)
    return torch.autograd.grad(x.sum(), x)


def _twice(x: torch.Tensor) -> torch.Tensor:
    return 2 * x


def _of_functional(name: str) -> Any:
    """A derivative of a sum of cubes, itself to be differentiated."""
    arguments = (t(3),) if name in {"hessian", "jacobian", "vjp"} else (t(3), torch.ones(3, dtype=torch.float64))
    return getattr(torch.autograd.functional, name)(lambda x: (x**3).sum(), *arguments, create_graph=True)


def _of_func(name: str) -> Any:
    """The function that such a function of functions returns: no tensor."""
    return getattr(torch.func, name)(_twice)


# Calls for what the database does not know, or calls by another signature. Some of them look odd: so do the functions.
CALLS: dict[str, Callable[[], Any]] = {
    "torch.Tensor": lambda: torch.Tensor(f(3)),
    "torch.FloatTensor": lambda: torch.FloatTensor(f(3)),
    "torch.DoubleTensor": lambda: torch.DoubleTensor(t(3)),
    "torch.HalfTensor": lambda: torch.HalfTensor(t(3, dtype=torch.float16)),
    "torch.BFloat16Tensor": lambda: torch.BFloat16Tensor(t(3, dtype=torch.bfloat16)),
    "torch.where": lambda: torch.where(t(3) > 0, t(3), t(3)),
    "torch.Tensor.cauchy_": lambda: t(3).cauchy_(),
    "torch.Tensor.exponential_": lambda: t(3).exponential_(),
    "torch.Tensor.geometric_": lambda: t(3).geometric_(0.5),
    "torch.Tensor.log_normal_": lambda: t(3).log_normal_(),
    "torch.Tensor.uniform_": lambda: t(3).uniform_(),
    "torch.Tensor.copy_": lambda: t(3).copy_(t(3)),
    "torch.Tensor.fill_diagonal_": lambda: t(3, 3).fill_diagonal_(1.0),
    "torch.Tensor.imag": lambda: t(3, dtype=torch.complex128).imag,
    "torch.Tensor.new_tensor": lambda: t(3).new_tensor([1.0]),
    "torch.Tensor.random_": lambda: t(3).random_(),
    "torch.Tensor.type": lambda: t(3).type(torch.float32),
    "torch.Tensor.type_as": lambda: t(3).type_as(t(3, dtype=torch.float32)),
    "torch.Tensor.unsafe_split_with_sizes": lambda: t(4).unsafe_split_with_sizes([2, 2]),
    "torch.Tensor.backward": lambda: t(3).sum().backward(),
    "torch.adaptive_max_pool1d": lambda: torch.adaptive_max_pool1d(t(1, 1, 6), [2]),
    "torch.affine_grid_generator": lambda: torch.affine_grid_generator(t(1, 2, 3), [1, 1, 3, 3], False),
    "torch.alpha_dropout": lambda: torch.alpha_dropout(t(4), 0.5, True),
    "torch.alpha_dropout_": lambda: torch.alpha_dropout_(t(4), 0.5, True),
    "torch.autograd.Variable": lambda: torch.autograd.Variable(torch.ones(2)),
    "torch.autograd.backward": lambda: torch.autograd.backward(t(3).sum()),
    "torch.autograd.grad": _gradient,
    "torch.Tensor.register_hook": lambda: t(3).register_hook(_twice),
    "torch.Tensor.register_post_accumulate_grad_hook": lambda: parameter().register_post_accumulate_grad_hook(print),
    "torch.autograd.gradcheck": lambda: torch.autograd.gradcheck(_twice, t(3)),
    "torch.autograd.gradgradcheck": lambda: torch.autograd.gradgradcheck(_twice, t(3)),
    **{
        f"torch.autograd.functional.{name}": functools.partial(_of_functional, name)
        for name in ("hessian", "hvp", "jacobian", "jvp", "vhp", "vjp")
    },
    **{
        f"torch.func.{name}": functools.partial(_of_func, name)
        for name in ("grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "vmap")
    },
    "torch.func.jvp": lambda: torch.func.jvp(_twice, (t(3),), (t(3),)),
    "torch.func.vjp": lambda: torch.func.vjp(_twice, t(3)),
    "torch.utils.checkpoint.checkpoint": lambda: torch.utils.checkpoint.checkpoint(_twice, t(3), use_reentrant=False),
    "torch.vmap": lambda: torch.vmap(_twice),
    "torch.batch_norm": lambda: torch.batch_norm(t(4, 2), None, None, None, None, True, 0.1, 1e-5, False),
    "torch.binary_cross_entropy_with_logits": lambda: torch.binary_cross_entropy_with_logits(t(3), torch.ones(3)),
    "torch.binomial": lambda: torch.binomial(torch.ones(3), t(3, dtype=torch.float32)),
    "torch.can_cast": lambda: torch.can_cast(torch.float32, torch.int64),
    "torch.channel_shuffle": lambda: torch.channel_shuffle(t(1, 4, 2, 2), 2),
    "torch.cosine_embedding_loss": lambda: torch.cosine_embedding_loss(t(2, 3), t(2, 3), torch.ones(2)),
    "torch.conv_tbc": lambda: torch.conv_tbc(t(5, 1, 2), t(3, 2, 4), t(4)),
    "torch.convolution": lambda: torch.convolution(t(1, 1, 5), t(1, 1, 2), None, [1], [0], [1], False, [0], 1),
    "torch.ctc_loss": lambda: torch.ctc_loss(t(5, 1, 3).log_softmax(2), i(1, 2).reshape(1, 2), i(5), i(2)),
    "torch.device": lambda: torch.device("cpu"),
    "torch.distributions.kl_divergence": lambda: torch.distributions.kl_divergence(
        torch.distributions.Normal(t(1), t(1)), torch.distributions.Normal(t(1), t(1))
    ),
    "torch.dropout": lambda: torch.dropout(t(4), 0.5, True),
    "torch.dropout_": lambda: torch.dropout_(t(4), 0.5, True),
    "torch.einsum": lambda: torch.einsum("ij,jk->ik", t(2, 3), t(3, 2)),
    "torch.embedding": lambda: torch.embedding(t(4, 3), i(1, 2)),
    "torch.embedding_bag": lambda: torch.embedding_bag(t(4, 3), i(1, 2), i(0, 1)),
    "torch.embedding_renorm_": lambda: torch.embedding_renorm_(t(4, 3).detach(), i(1, 2), 1.0, 2.0),
    "torch.fake_quantize_per_channel_affine": lambda: torch.fake_quantize_per_channel_affine(
        t(2, 2, dtype=torch.float32), torch.ones(2), torch.zeros(2, dtype=torch.int32), 0, 0, 255
    ),
    "torch.fake_quantize_per_tensor_affine": lambda: torch.fake_quantize_per_tensor_affine(
        t(2, dtype=torch.float32), 0.1, 0, 0, 255
    ),
    "torch.feature_alpha_dropout": lambda: torch.feature_alpha_dropout(t(2, 4), 0.5, True),
    "torch.feature_alpha_dropout_": lambda: torch.feature_alpha_dropout_(t(2, 4), 0.5, True),
    "torch.feature_dropout": lambda: torch.feature_dropout(t(2, 4), 0.5, True),
    "torch.feature_dropout_": lambda: torch.feature_dropout_(t(2, 4), 0.5, True),
    "torch.frobenius_norm": lambda: torch.frobenius_norm(t(3, 3), [0, 1]),
    "torch.grid_sampler": lambda: torch.grid_sampler(t(1, 1, 3, 3), t(1, 2, 2, 2), 0, 0, False),
    "torch.gru": lambda: torch.gru(*rnn(3), *_REST),
    "torch.gru_cell": lambda: torch.gru_cell(*cell(3)),
    "torch.hinge_embedding_loss": lambda: torch.hinge_embedding_loss(t(3), torch.ones(3)),
    "torch.instance_norm": lambda: torch.instance_norm(t(2, 2, 3), None, None, None, None, True, 0.1, 1e-5, False),
    "torch.kl_div": lambda: torch.kl_div(t(3), t(3)),
    "torch.lobpcg": lambda: torch.lobpcg(t(9, 9) @ t(9, 9).mT + 9 * torch.eye(9), 1),
    "torch.lstm": lambda: torch.lstm(t(5, 2, 3), (t(1, 2, 4), t(1, 2, 4)), rnn(4)[2], *_REST),
    "torch.lstm_cell": lambda: torch.lstm_cell(t(2, 3), (t(2, 4), t(2, 4)), *cell(4)[2:]),
    "torch.manual_seed": lambda: torch.manual_seed(0),
    "torch.margin_ranking_loss": lambda: torch.margin_ranking_loss(t(3), t(3) * 2, torch.ones(3)),
    "torch.native_channel_shuffle": lambda: torch.native_channel_shuffle(t(1, 4, 2, 2), 2),
    "torch.native_dropout": lambda: torch.native_dropout(t(4), 0.5, True),
    **{
        f"torch.nn.functional.{name}{n}d_with_indices": functools.partial(
            lambda name, n: getattr(F, f"{name}{n}d_with_indices")(t(1, 1, *(6,) * n), 2), name, n
        )
        for name in ("max_pool", "adaptive_max_pool")
        for n in (1, 2, 3)
    },
    "torch.max_pool1d": lambda: torch.max_pool1d(t(1, 1, 6), 2),
    "torch.max_pool1d_with_indices": lambda: torch.max_pool1d_with_indices(t(1, 1, 6), 2),
    "torch.max_pool2d": lambda: torch.max_pool2d(t(1, 1, 6, 6), 2),
    "torch.max_pool3d": lambda: torch.max_pool3d(t(1, 1, 6, 6, 6), 2),
    "torch.nn.FractionalMaxPool2d": lambda: nn.FractionalMaxPool2d(2, 2)(t(1, 5, 5)),
    "torch.nn.FractionalMaxPool3d": lambda: nn.FractionalMaxPool3d(2, 2)(t(1, 5, 5, 5)),
    "torch.nn.functional.embedding": lambda: F.embedding(i(1, 2), t(4, 3)),
    "torch.is_nonzero": lambda: torch.is_nonzero(t(1)),
    "torch.Tensor.is_nonzero": lambda: t(1).is_nonzero(),
    "torch.polygamma": lambda: torch.polygamma(1, t(3)),
    "torch.special.polygamma": lambda: torch.special.polygamma(1, t(3)),
    "torch.set_grad_enabled": lambda: torch.set_grad_enabled(True),
    "torch.autograd.set_grad_enabled": lambda: torch.autograd.set_grad_enabled(True),
    "torch.autograd.set_detect_anomaly": lambda: torch.autograd.set_detect_anomaly(False),
    "torch.nn.utils.clip_grad_norm_": lambda: nn.utils.clip_grad_norm_([parameter()], 1.0),
    "torch.nn.utils.clip_grad_value_": lambda: nn.utils.clip_grad_value_([parameter()], 1.0),
    "torch.nn.functional.affine_grid": lambda: F.affine_grid(t(1, 2, 3), [1, 1, 3, 3]),
    "torch.nn.functional.conv_tbc": lambda: F.conv_tbc(t(5, 1, 2), t(3, 2, 4), t(4)),
    "torch.nn.functional.dropout1d": lambda: F.dropout1d(t(2, 3, 4)),
    "torch.nn.functional.fold": lambda: F.fold(t(1, 4, 4), (3, 3), (2, 2)),
    "torch.nn.functional.fractional_max_pool2d_with_indices": lambda: F.fractional_max_pool2d_with_indices(
        t(1, 5, 5), 2, output_size=2
    ),
    "torch.nn.functional.fractional_max_pool3d_with_indices": lambda: F.fractional_max_pool3d_with_indices(
        t(1, 5, 5, 5), 2, output_size=2
    ),
    "torch.nn.functional.grouped_mm": lambda: F.grouped_mm(
        t(2, 16, 16, dtype=torch.bfloat16), t(2, 16, 16, dtype=torch.bfloat16)
    ),
    "torch.nn.functional.lp_pool1d": lambda: F.lp_pool1d(t(1, 1, 6), 2, 2),
    "torch.nn.functional.lp_pool2d": lambda: F.lp_pool2d(t(1, 1, 6, 6), 2, 2),
    "torch.nn.functional.lp_pool3d": lambda: F.lp_pool3d(t(1, 1, 6, 6, 6), 2, 2),
    "torch.nn.functional.native_channel_shuffle": lambda: F.native_channel_shuffle(t(1, 4, 2, 2), 2),
    "torch.nn.functional.upsample": lambda: F.upsample(t(1, 1, 4), 8),
    "torch.nn.utils.clip_grads_with_norm_": lambda: torch.nn.utils.clip_grads_with_norm_([parameter()], 1.0, t()),
    "torch.nn.utils.parameters_to_vector": lambda: torch.nn.utils.parameters_to_vector([t(2), t(2)]),
    "torch.nn.utils.vector_to_parameters": lambda: torch.nn.utils.vector_to_parameters(t(2), [t(2)]),
    "torch.nn.utils.get_total_norm": lambda: torch.nn.utils.get_total_norm([t(2)]),
    "torch.norm_except_dim": lambda: torch.norm_except_dim(t(2, 3)),
    "torch.nuclear_norm": lambda: torch.nuclear_norm(t(3, 3)),
    "torch.poisson_nll_loss": lambda: torch.poisson_nll_loss(t(3), t(3), True, False, 1e-8, 1),
    "torch.promote_types": lambda: torch.promote_types(torch.float32, torch.int64),
    "torch.rnn_relu": lambda: torch.rnn_relu(*rnn(1), *_REST),
    "torch.rnn_relu_cell": lambda: torch.rnn_relu_cell(*cell(1)),
    "torch.rnn_tanh": lambda: torch.rnn_tanh(*rnn(1), *_REST),
    "torch.rnn_tanh_cell": lambda: torch.rnn_tanh_cell(*cell(1)),
    "torch.segment_reduce": lambda: torch.segment_reduce(t(4), "sum", lengths=i(2, 2)),
    "torch.select_copy": lambda: torch.select_copy(t(3, 3), 0, 1),
    "torch.slice_copy": lambda: torch.slice_copy(t(3), 0, 0, 2),
    "torch.split_copy": lambda: torch.split_copy(t(4), 2),
    "torch.threshold": lambda: torch.threshold(t(3), 0.1, 0.2),
    "torch.threshold_": lambda: torch.threshold_(t(3), 0.1, 0.2),
    "torch.unsafe_split_with_sizes": lambda: torch.unsafe_split_with_sizes(t(4), [2, 2]),
    "torch.vander": lambda: torch.vander(t(3)),
    "torch.view_as_complex_copy": lambda: torch.view_as_complex_copy(t(3, 2).detach()),
    "torch.view_as_real_copy": lambda: torch.view_as_real_copy(t(3, dtype=torch.complex128)),
    "torch.nn.AdaptiveLogSoftmaxWithLoss": lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2])(f(3, 4), i(0, 1, 5)),
    "torch.nn.AlphaDropout": lambda: nn.AlphaDropout()(t(4)),
    "torch.nn.ChannelShuffle": lambda: nn.ChannelShuffle(2)(t(1, 4, 2, 2)),
    "torch.nn.CosineSimilarity": lambda: nn.CosineSimilarity()(t(2, 3), t(2, 3)),
    "torch.nn.CrossMapLRN2d": lambda: nn.CrossMapLRN2d(2)(t(1, 4, 2, 2)),
    "torch.nn.Dropout": lambda: nn.Dropout()(t(4)),
    "torch.nn.Dropout1d": lambda: nn.Dropout1d()(t(2, 3, 4)),
    "torch.nn.Dropout2d": lambda: nn.Dropout2d()(t(2, 3, 4, 4)),
    "torch.nn.Dropout3d": lambda: nn.Dropout3d()(t(2, 3, 4, 4, 4)),
    "torch.nn.EmbeddingBag": lambda: nn.EmbeddingBag(4, 3)(i(1, 2), i(0)),
    "torch.nn.FeatureAlphaDropout": lambda: nn.FeatureAlphaDropout()(t(2, 3, 4)),
    "torch.nn.Flatten": lambda: nn.Flatten()(t(2, 3, 4)),
    "torch.nn.Fold": lambda: nn.Fold((3, 3), (2, 2))(t(1, 4, 4)),
    "torch.nn.Hardsigmoid": lambda: nn.Hardsigmoid()(t(4)),
    "torch.nn.Identity": lambda: nn.Identity()(t(4)),
    "torch.nn.MaxUnpool1d": lambda: nn.MaxUnpool1d(2)(*F.max_pool1d(t(1, 1, 4), 2, return_indices=True)),
    "torch.nn.MaxUnpool2d": lambda: nn.MaxUnpool2d(2)(*F.max_pool2d(t(1, 1, 4, 4), 2, return_indices=True)),
    "torch.nn.MaxUnpool3d": lambda: nn.MaxUnpool3d(2)(*F.max_pool3d(t(1, 1, 4, 4, 4), 2, return_indices=True)),
    "torch.nn.ModuleDict": lambda: list(nn.ModuleDict({"a": nn.Linear(1, 1)})),
    "torch.nn.ModuleList": lambda: list(nn.ModuleList([nn.Linear(1, 1)])),
    "torch.nn.NLLLoss2d": lambda: nn.NLLLoss2d()(t(1, 3, 2, 2), torch.zeros(1, 2, 2, dtype=torch.int64)),
    "torch.nn.PairwiseDistance": lambda: nn.PairwiseDistance()(t(2, 3), t(2, 3)),
    "torch.nn.Parameter": lambda: nn.Parameter(torch.ones(2)),
    "torch.nn.ParameterList": lambda: list(nn.ParameterList([nn.Parameter(torch.ones(2))])),
    "torch.nn.PixelShuffle": lambda: nn.PixelShuffle(2)(t(1, 4, 2, 2)),
    "torch.nn.PixelUnshuffle": lambda: nn.PixelUnshuffle(2)(t(1, 1, 4, 4)),
    "torch.nn.RReLU": lambda: nn.RReLU()(t(4)),
    "torch.nn.Sequential": lambda: nn.Sequential(nn.Linear(4, 2), nn.ReLU())(f(3, 4)),
    "torch.nn.TransformerDecoder": lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 1), 1)(
        f(3, 1, 4), f(3, 1, 4)
    ),
    "torch.nn.TripletMarginLoss": lambda: nn.TripletMarginLoss()(t(2, 3), t(2, 3), t(2, 3)),
    "torch.nn.TripletMarginWithDistanceLoss": lambda: nn.TripletMarginWithDistanceLoss()(t(2, 3), t(2, 3), t(2, 3)),
    "torch.nn.Unflatten": lambda: nn.Unflatten(1, (2, 2))(t(3, 4)),
    "torch.nn.Unfold": lambda: nn.Unfold(2)(t(1, 1, 3, 3)),
    "torch.nn.Upsample": lambda: nn.Upsample(scale_factor=2)(t(1, 1, 4)),
    "torch.nn.UpsamplingBilinear2d": lambda: nn.UpsamplingBilinear2d(scale_factor=2)(t(1, 1, 4, 4)),
    "torch.nn.UpsamplingNearest2d": lambda: nn.UpsamplingNearest2d(scale_factor=2)(t(1, 1, 4, 4)),
    "torch.nn.init.calculate_gain": lambda: nn.init.calculate_gain("relu"),
}
# Distributions by the arguments of their constructors.
DISTRIBUTIONS: dict[str, Callable[[], tuple[Any, ...]]] = {
    "Bernoulli": lambda: (t(2),),
    "Beta": lambda: (t(2), t(2)),
    "Binomial": lambda: (3, t(2)),
    "Categorical": lambda: (t(3),),
    "Cauchy": lambda: (t(2), t(2)),
    "Chi2": lambda: (t(2),),
    "ContinuousBernoulli": lambda: (t(2),),
    "Dirichlet": lambda: (t(3),),
    "Exponential": lambda: (t(2),),
    "FisherSnedecor": lambda: (t(2), t(2)),
    "Gamma": lambda: (t(2), t(2)),
    "GeneralizedPareto": lambda: (f(2), f(2), f(2)),
    "Geometric": lambda: (t(2),),
    "Gumbel": lambda: (t(2), t(2)),
    "HalfCauchy": lambda: (t(2),),
    "HalfNormal": lambda: (t(2),),
    "Independent": lambda: (torch.distributions.Normal(t(2), t(2)), 1),
    "InverseGamma": lambda: (t(2), t(2)),
    "Kumaraswamy": lambda: (t(2), t(2)),
    "LKJCholesky": lambda: (3, t()),
    "Laplace": lambda: (t(2), t(2)),
    "LogNormal": lambda: (t(2), t(2)),
    "LogisticNormal": lambda: (t(2), t(2)),
    "LowRankMultivariateNormal": lambda: (t(2), t(2, 1), t(2)),
    "MixtureSameFamily": lambda: (torch.distributions.Categorical(t(2)), torch.distributions.Normal(t(2), t(2))),
    "Multinomial": lambda: (3, t(3)),
    "MultivariateNormal": lambda: (t(2), torch.eye(2, dtype=torch.float64)),
    "NegativeBinomial": lambda: (3, t(2)),
    "Normal": lambda: (t(2), t(2)),
    "OneHotCategorical": lambda: (t(3),),
    "OneHotCategoricalStraightThrough": lambda: (t(3),),
    "Pareto": lambda: (t(2), t(2)),
    "Poisson": lambda: (t(2),),
    "RelaxedBernoulli": lambda: (t(), t(2)),
    "RelaxedOneHotCategorical": lambda: (t(), t(3)),
    "StudentT": lambda: (t(2), t(2), t(2)),
    "Uniform": lambda: (t(2), t(2) + 1),
    "VonMises": lambda: (t(2), t(2)),
    "Weibull": lambda: (t(2), t(2)),
    "Wishart": lambda: (t() + 3, torch.eye(2, dtype=torch.float64)),
}
# What is tried in turn where nothing says how an operation is called.
_TRIES: tuple[Callable[[], tuple[Any, ...]], ...] = (
    lambda: (t(3, 3),),
    lambda: (t(3, 3), t(3, 3)),
    lambda: (t(2),),
    lambda: (),
    lambda: ([1.0],),
    lambda: (3,),
    lambda: (1, 3),
    lambda: (2, 3),
    lambda: (t(3, 3), 0.5),
    lambda: (t(3, 3, 3),),
)


def differentiable(full_name: str) -> bool:
    """Whether torch records what the operation computes.

    Raises:
        AssertionError: no call of it is known.
    """
    torch.default_generator.manual_seed(0)
    if full_name in CALLS:
        return any(map(_is_recorded, tensors_in(CALLS[full_name]())))
    home, _, name = full_name.rpartition(".")
    if home == "torch.optim":
        return _steps_are_recorded(name)
    if home == "torch.distributions":
        distribution = getattr(torch.distributions, name)(*DISTRIBUTIONS[name]())
        return _is_recorded(distribution.log_prob(distribution.sample()))
    if home == "torch.nn":
        return _module_is_recorded(name)
    samples = database_samples(full_name)
    tries = (Sample(arguments=make()) for make in _TRIES)
    outcomes = list(_outcomes(full_name, samples)) or list(_outcomes(full_name, tries))
    assert outcomes, f"{full_name}: give it a call in CALLS"
    return any(outcomes)


def function_of(full_name: str) -> Any:
    """What a full name means in torch; for an attribute of Tensor, the function that reads it."""
    home, _, name = full_name.rpartition(".")
    if home == "torch.Tensor" and not callable(getattr(torch.Tensor, name)):
        return lambda tensor: getattr(tensor, name)
    return getattr(torch.Tensor if home == "torch.Tensor" else importlib.import_module(home), name)


def is_removed(full_name: str) -> bool:
    """Whether torch has only an error message in the place of a function, as torch 2.14 has for torch.qr."""
    function = function_of(full_name)
    if not inspect.isfunction(function):
        return False
    try:
        function(torch.eye(2))
    except Exception as error:  # noqa: BLE001 - torch complains in many ways
        return "is now removed" in str(error)
    return False


def _outcomes(full_name: str, samples: Iterator[Sample]) -> Iterator[bool]:
    """Of each call that torch accepts, whether it is recorded; ends at the first that is, or after SAMPLES."""
    function = function_of(full_name)
    answered = 0
    for sample in samples:
        try:
            before = [tensor.grad_fn for tensor in tensors_in(sample.arguments) if tensor.requires_grad]
            results = tensors_in(function(*sample.arguments, **sample.keywords))
        except Exception:  # noqa: BLE001, S112 - torch refuses in any way it likes what is no call of this operation
            continue
        recorded = any(_is_recorded(result) and not _is_old(full_name, result, before) for result in results)
        yield recorded
        answered += 1
        if recorded or answered == SAMPLES:
            return


def _is_recorded(value: torch.Tensor) -> bool:
    return value.grad_fn is not None


def _is_old(full_name: str, value: torch.Tensor, before: list[Any]) -> bool:
    """Whether an operation in place left the node of its argument."""
    return full_name.endswith("_") and value.grad_fn in before


def tensors_in(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    return [tensor for element in value for tensor in tensors_in(element)] if isinstance(value, tuple | list) else []


@functools.cache
def _database() -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for op in op_db:
        for name in (op.name, *(alias.name for alias in op.aliases)):
            found.setdefault(f"torch.{name.removeprefix('torch.')}", []).append(op)
    return found


def _names_in_database(full_name: str) -> list[str]:
    """The operation itself, and those that it is the method or the in-place variant of."""
    home, _, name = full_name.rpartition(".")
    base = name.removesuffix("_")
    homes = ("torch", "torch.special", "torch.linalg", "torch.nn.functional")
    names = [f"{place}.{piece}" for place in dict.fromkeys((home, *homes)) for piece in dict.fromkeys((name, base))]
    return [found for found in names if found in _database()][:1]


def database_samples(full_name: str) -> Iterator[Sample]:
    for name in _names_in_database(full_name):
        for op in _database()[name]:
            dtype = next((dtype for dtype in _DTYPES if dtype in op.supported_dtypes("cpu")), torch.float32)
            tracked = dtype.is_floating_point or dtype.is_complex
            for sample in itertools.islice(_samples_of(op, dtype, requires_grad=tracked), 4 * SAMPLES):
                first, *rest = _not_leaf((sample.input, *sample.args))
                yield Sample(arguments=(first, *rest), keywords=dict(sample.kwargs))


def _samples_of(op: Any, dtype: torch.dtype, *, requires_grad: bool) -> Iterator[Any]:
    """As `op.sample_inputs`, which looks through the whole stack for torch's own test, for longer than a call takes."""
    samples = iter(op.sample_inputs_func(op, "cpu", dtype, requires_grad))
    while True:
        torch.default_generator.manual_seed(_SEED)
        np.random.seed(_SEED)  # noqa: NPY002 - the generator that torch's samples use
        random.seed(_SEED)
        sample = next(samples, None)
        if sample is None:
            return
        yield sample


def _not_leaf(value: Any) -> Any:
    """The same tensors, as results of an operation: a leaf cannot be changed in place."""
    if isinstance(value, torch.Tensor):
        return value * 1 if value.requires_grad else value
    return type(value)(map(_not_leaf, value)) if type(value) in {tuple, list} else value


def _module_is_recorded(name: str) -> bool:
    info = next(info for info in module_db if info.module_cls.__name__ == name)
    inputs = info.module_inputs_func(info, device="cpu", dtype=torch.float32, requires_grad=True, training=True)
    for sample in inputs:
        module = info.module_cls(*sample.constructor_input.args, **sample.constructor_input.kwargs)
        if any(map(_is_recorded, tensors_in(module(*sample.forward_input.args, **sample.forward_input.kwargs)))):
            return True
    return False


def _steps_are_recorded(name: str) -> bool:
    """Whether torch records what a step of the optimizer writes; it writes without grad mode."""
    weight = torch.ones(2, requires_grad=True)
    optimizer = getattr(torch.optim, name)([weight], lr=0.1)
    weight.sum().backward()
    optimizer.step()
    return _is_recorded(weight)
