"""Makes autograd_cli/lang/operations.tsv from the installed torch: `python tests/make_operations.py`.

What is public and is not in refused.tsv becomes a row; a name that has no group here is an error, for a person to give
it one or to refuse it. Keywords come from torch's schemas and signatures. Whether an operation can be differentiated is
tried out, on the samples of torch's operator database or on a call of ours. Read the diff before committing it.
"""

from __future__ import annotations

import functools
import inspect
import keyword
import re
import sys
import types
import warnings
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import torch
import torch.utils.checkpoint
import yaml
from torch.overrides import get_testing_overrides

LANG = Path(__file__).parent.parent / "autograd_cli" / "lang"
TABLE = LANG / "operations.tsv"
HEADER = "name\tgroup\tdifferentiable\tkeywords\tprecondition\n"

HOMES = {
    "torch": torch,
    "torch.Tensor": torch.Tensor,
    "torch.nn.functional": torch.nn.functional,
    "torch.linalg": torch.linalg,
    "torch.fft": torch.fft,
    "torch.special": torch.special,
    "torch.nn": torch.nn,
    "torch.nn.init": torch.nn.init,
    "torch.nn.utils": torch.nn.utils,
    "torch.optim": torch.optim,
    "torch.distributions": torch.distributions,
    "torch.autograd": torch.autograd,
}
# Names of other namespaces that programs of every kind hold.
ELSEWHERE = {
    "torch.cuda.is_available": torch.cuda.is_available,
    "torch.utils.checkpoint.checkpoint": torch.utils.checkpoint.checkpoint,
    **{
        f"torch.autograd.functional.{name}": getattr(torch.autograd.functional, name)
        for name in "hessian hvp jacobian jvp vhp vjp".split()
    },
    **{
        f"torch.func.{name}": getattr(torch.func, name)
        for name in "grad grad_and_value hessian jacfwd jacrev jvp vjp vmap".split()
    },
}
_FOREIGN = {"collections", "enum", "functools", "importlib", "math", "typing", "typing_extensions"}

# Groups: by namespace, and for the other three by the name without the `_` of an in-place variant.
GROUP_OF_HOME = {
    "torch.linalg": "linalg",
    "torch.fft": "fft",
    "torch.special": "special",
    "torch.nn": "module",
    "torch.nn.init": "init",
    "torch.nn.utils": "module",
    "torch.optim": "optimizer",
    "torch.distributions": "distribution",
    "torch.autograd": "autograd",
    "torch.autograd.functional": "autograd",
    "torch.cuda": "query",
    "torch.func": "autograd",
    "torch.utils.checkpoint": "autograd",
}
GROUPS = {
    "factory": """
        Tensor BFloat16Tensor BoolTensor ByteTensor CharTensor DoubleTensor FloatTensor HalfTensor IntTensor
        LongTensor ShortTensor arange as_tensor asarray bartlett_window blackman_window complex eye full full_like
        hamming_window hann_window kaiser_window linspace logspace new_full new_ones new_tensor new_zeros ones
        ones_like range polar scalar_tensor tensor tril_indices triu_indices vander zeros zeros_like
    """,
    "random": """
        bernoulli binomial cauchy_ exponential_ geometric_ log_normal_ multinomial normal normal_ poisson rand
        rand_like randint randint_like randn randn_like random_ randperm uniform_
    """,
    "cast": """
        bfloat16 bool byte cdouble cfloat char clone contiguous cpu detach detach_copy double float half int long
        resolve_conj resolve_neg short to to_dense type type_as
    """,
    "query": """
        Size can_cast device dim dim_order element_size get_default_dtype get_device is_complex is_conj
        is_contiguous is_floating_point is_inference is_neg is_nonzero is_same_size is_set_to is_signed is_tensor
        item ndimension nelement numel promote_types result_type size storage_offset stride tolist broadcast_shapes
    """,
    "autograd": """
        backward detect_anomaly enable_grad inference_mode is_grad_enabled is_inference_mode_enabled manual_seed
        no_grad register_hook register_post_accumulate_grad_hook requires_grad_ retain_grad set_detect_anomaly
        set_grad_enabled vmap
    """,
    "comparison": """
        allclose bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor eq equal ge
        greater greater_equal gt isclose isfinite isin isinf isnan isneginf isposinf isreal le less less_equal
        logical_and logical_not logical_or logical_xor lt ne not_equal signbit
    """,
    "reduction": """
        all amax amin aminmax any argmax argmin bincount count_nonzero cummax cummin cumprod cumsum
        cumulative_trapezoid dist hash_tensor histc histogram histogramdd kthvalue logcumsumexp logsumexp max mean
        median min mode nanmean nanmedian nanquantile nansum norm norm_except_dim nuclear_norm frobenius_norm prod
        quantile segment_reduce std std_mean sum sum_to_size trapezoid trapz unique unique_consecutive var var_mean
        corrcoef cov gradient diff
    """,
    "index": """
        argsort argwhere bucketize diagonal diagonal_copy diagonal_scatter fill_diagonal_ gather index_add
        index_copy index_fill index_put index_reduce index_select masked_fill masked_scatter masked_select msort
        narrow narrow_copy nonzero nonzero_static put scatter scatter_add scatter_reduce searchsorted select
        select_copy select_scatter slice_copy slice_scatter sort take take_along_dim topk tril triu unravel_index
        where diag
    """,
    "shape": """
        adjoint alias_copy atleast_1d atleast_2d atleast_3d block_diag broadcast_tensors broadcast_to cartesian_prod
        cat chunk column_stack combinations concat concatenate constant_pad_nd diag_embed diagflat dsplit dstack
        expand expand_as expand_copy flatten flip fliplr flipud hsplit hstack meshgrid moveaxis movedim permute
        permute_copy ravel repeat repeat_interleave reshape reshape_as roll rot90 row_stack split split_copy
        split_with_sizes split_with_sizes_copy squeeze squeeze_copy stack swapaxes swapdims t t_copy tensor_split
        tile transpose transpose_copy unbind unbind_copy unflatten unfold unfold_copy unsafe_chunk unsafe_split
        unsafe_split_with_sizes unsqueeze unsqueeze_copy view view_as view_as_complex view_as_complex_copy
        view_as_real view_as_real_copy view_copy vsplit vstack
    """,
    "linalg": """
        addbmm addmm addmv addr baddbmm bmm cdist chain_matmul cholesky cholesky_inverse cholesky_solve cross det
        dot einsum geqrf ger inner inverse kron lobpcg logdet lu lu_solve lu_unpack matmul matrix_exp matrix_power
        mm mv orgqr ormqr outer pca_lowrank pinverse qr slogdet svd svd_lowrank tensordot trace triangular_solve
        vdot
    """,
    "fft": "istft stft",
    "activation": """
        celu elu gelu glu gumbel_softmax hardshrink hardsigmoid hardswish hardtanh leaky_relu log_softmax logsigmoid
        mish prelu relu relu6 rrelu selu silu softmax softmin softplus softshrink softsign tanhshrink threshold
    """,
    "loss": """
        binary_cross_entropy binary_cross_entropy_with_logits cosine_embedding_loss cross_entropy ctc_loss
        gaussian_nll_loss hinge_embedding_loss huber_loss kl_div l1_loss linear_cross_entropy margin_ranking_loss
        mse_loss multi_margin_loss multilabel_margin_loss multilabel_soft_margin_loss nll_loss poisson_nll_loss
        smooth_l1_loss soft_margin_loss triplet_margin_loss triplet_margin_with_distance_loss
    """,
    "layer": """
        adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d
        adaptive_max_pool3d adaptive_max_pool1d_with_indices adaptive_max_pool2d_with_indices
        adaptive_max_pool3d_with_indices affine_grid affine_grid_generator alpha_dropout avg_pool1d avg_pool2d
        avg_pool3d batch_norm bilinear channel_shuffle conv1d conv2d conv3d conv_tbc conv_transpose1d
        conv_transpose2d conv_transpose3d convolution cosine_similarity dropout dropout1d dropout2d dropout3d
        embedding embedding_bag embedding_renorm_ fake_quantize_per_channel_affine fake_quantize_per_tensor_affine
        feature_alpha_dropout feature_dropout fold fractional_max_pool2d fractional_max_pool2d_with_indices
        fractional_max_pool3d fractional_max_pool3d_with_indices grid_sample grid_sampler grid_sampler_2d
        grid_sampler_3d group_norm grouped_mm gru gru_cell instance_norm interpolate layer_norm linear
        local_response_norm lp_pool1d lp_pool2d lp_pool3d lstm lstm_cell max_pool1d max_pool1d_with_indices
        max_pool2d max_pool2d_with_indices max_pool3d max_pool3d_with_indices max_unpool1d max_unpool2d max_unpool3d
        multi_head_attention_forward native_channel_shuffle native_dropout native_layer_norm normalize one_hot pad
        pairwise_distance pdist pixel_shuffle pixel_unshuffle rms_norm rnn_relu rnn_relu_cell rnn_tanh rnn_tanh_cell
        scaled_dot_product_attention upsample upsample_bilinear upsample_nearest
    """,
    "elementwise": """
        abs absolute acos acosh add addcdiv addcmul angle arccos arccosh arcsin arcsinh arctan arctan2 arctanh asin
        asinh atan atan2 atanh ceil clamp clamp_max clamp_min clip conj conj_physical copy_ copysign cos cosh
        deg2rad digamma div divide erf erfc erfinv exp exp2 expm1 fill fix float_power floor floor_divide fmax fmin
        fmod frac frexp gcd heaviside hypot i0 igamma igammac imag lcm ldexp lerp lgamma log log10 log1p log2
        logaddexp logaddexp2 logit maximum minimum mul multiply mvlgamma nan_to_num neg negative nextafter polygamma
        positive pow rad2deg real reciprocal remainder renorm round rsqrt rsub sgn sigmoid sign sin sinc sinh sqrt
        square sub subtract tan tanh true_divide trunc xlogy zero_
    """,
}

# Keywords that no program may give: memory, hooks, callables, layouts, and what belongs to torch itself.
NEVER = frozenset(
    """
    out generator pin_memory names layout memory_format is_grads_batched hook tracker distance_function
    custom_encoder custom_decoder unsafe capturable fused differentiable ort_params iparams fparams bparams
    grad_variables orig_func args kwargs input_dtype self cls context_fn determinism_check debug early_stop
""".split()
)
# Torch's parser takes these names of NumPy for its own.
NUMPY_NAMES = {"dim": "axis", "keepdim": "keepdims", "input": "a x x1", "other": "x2"}

_RECURRENT = "batch_first bias bidirectional device dropout dtype hidden_size input_size num_layers"
# Where neither a schema nor a signature says what torch's own parser takes.
KEYWORDS = {
    "torch.nn.LinearCrossEntropyLoss": """
        bias device dtype ignore_index in_features label_smoothing num_classes out_features reduction weight
    """,
    "torch.nn.functional.linear_cross_entropy": """
        ignore_index input label_smoothing linear_bias linear_weight reduction target weight
    """,
    "torch.Size": "",
    "torch.utils.checkpoint.checkpoint": "function preserve_rng_state use_reentrant",
    **dict.fromkeys(
        (f"torch.{kind}Tensor" for kind in " BFloat16 Bool Byte Char Double Float Half Int Long Short".split(" ")), ""
    ),
    "torch.Tensor.to": "copy device dtype non_blocking other tensor",
    "torch.Tensor.type": "dtype non_blocking",
    "torch.autograd.Variable": "data requires_grad",
    "torch.device": "index type",
    "torch.nn.GRU": _RECURRENT,
    "torch.nn.LSTM": f"{_RECURRENT} proj_size",
    "torch.nn.NLLLoss2d": "ignore_index reduce reduction size_average weight",
    "torch.nn.Parameter": "data requires_grad",
    "torch.nn.RNN": f"{_RECURRENT} nonlinearity",
}

# The check in engine/preconditions.py of each operation that needs one.
PRECONDITIONS = {
    "binomial": "torch.binomial torch.distributions.Binomial",
    "ctc_loss": "torch.ctc_loss torch.nn.functional.ctc_loss",
    "eigvals": "torch.linalg.eigvals",
    "embedding_bag": "torch.embedding_bag torch.nn.functional.embedding_bag",
    "fractional_max_pool": """
        torch.nn.functional.fractional_max_pool2d torch.nn.functional.fractional_max_pool2d_with_indices
        torch.nn.functional.fractional_max_pool3d torch.nn.functional.fractional_max_pool3d_with_indices
    """,
    "grid_sample": "torch.nn.functional.grid_sample",
    "grid_sampler": "torch.grid_sampler torch.grid_sampler_2d torch.grid_sampler_3d",
    "legacy_tensor": """
        torch.BFloat16Tensor torch.BoolTensor torch.ByteTensor torch.CharTensor torch.DoubleTensor torch.FloatTensor
        torch.HalfTensor torch.IntTensor torch.LongTensor torch.ShortTensor torch.Tensor
    """,
    "lobpcg": "torch.lobpcg",
    "low_rank": "torch.svd_lowrank",
    "lu_solve": "torch.lu_solve torch.Tensor.lu_solve",
    "matrix_power": "torch.matrix_power torch.Tensor.matrix_power torch.linalg.matrix_power",
    "pca": "torch.pca_lowrank",
    "pdist": "torch.pdist torch.nn.functional.pdist",
    "pivots": "torch.lu_unpack torch.linalg.lu_solve torch.linalg.ldl_solve",
    "polynomial": """
        torch.special.chebyshev_polynomial_t torch.special.chebyshev_polynomial_u
        torch.special.chebyshev_polynomial_v torch.special.chebyshev_polynomial_w torch.special.hermite_polynomial_h
        torch.special.hermite_polynomial_he torch.special.laguerre_polynomial_l torch.special.legendre_polynomial_p
        torch.special.shifted_chebyshev_polynomial_t torch.special.shifted_chebyshev_polynomial_u
        torch.special.shifted_chebyshev_polynomial_v torch.special.shifted_chebyshev_polynomial_w
    """,
    "recurrent": "torch.gru torch.lstm torch.rnn_relu torch.rnn_tanh",
    "segment_reduce": "torch.segment_reduce",
    "truncated_division": """
        torch.div torch.divide torch.Tensor.div torch.Tensor.div_ torch.Tensor.divide torch.Tensor.divide_
    """,
    "type": "torch.Tensor.type",
    "von_mises": "torch.distributions.VonMises",
}


def public_names(home: str) -> Iterator[tuple[str, Any]]:
    """What a namespace offers: its functions, classes, attributes and dtypes, without modules and imports."""
    owner = HOMES[home]
    for name in sorted(dir(owner)):
        if name.startswith("_"):
            continue
        value = inspect.getattr_static(owner, name) if isinstance(owner, type) else getattr(owner, name)
        if isinstance(owner, type):
            is_ours = True
        elif isinstance(value, types.ModuleType | str | int | float | list | tuple | dict) or (
            value is torch.Tensor and home != "torch"
        ):
            is_ours = False
        else:
            is_ours = (getattr(value, "__module__", None) or "torch").partition(".")[0] not in _FOREIGN
        if is_ours:
            yield name, value


def candidates() -> Iterator[tuple[str, Any]]:
    """The full name and the value of everything that has to stand in one of the two tables."""
    allowed_dtypes = _dtypes()
    for home in HOMES:
        for name, value in public_names(home):
            if not (isinstance(value, torch.dtype) and name in allowed_dtypes):
                yield f"{home}.{name}", value
    yield from ELSEWHERE.items()


def _dtypes() -> frozenset[str]:
    from autograd_cli.lang.vocabulary import DTYPES

    return DTYPES


def refused_names() -> frozenset[str]:
    """The names in refused.tsv."""
    lines = (LANG / "refused.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return frozenset(line.partition("\t")[0] for line in lines)


def is_attribute(value: object) -> bool:
    """Whether a member of Tensor is read, and not called."""
    return inspect.isdatadescriptor(value) or isinstance(value, property)


# The group.


@functools.cache
def _group_of_name() -> dict[str, str]:
    return {name: group for group, names in GROUPS.items() for name in names.split()}


def group_of(full_name: str, value: object) -> str:
    """The group of an operation.

    Raises:
        KeyError: nobody has given it one yet.
    """
    home, _, name = full_name.rpartition(".")
    if home == "torch.Tensor" and is_attribute(value):
        return "attribute"
    if home in GROUP_OF_HOME:
        return GROUP_OF_HOME[home]
    groups = _group_of_name()
    return groups[name] if name in groups else groups[name.removesuffix("_")]


# The keywords.


@functools.cache
def _schemas() -> dict[tuple[str, str], tuple[str, ...]]:
    """For each Python module and name the argument names of torch's native functions, all overloads together."""
    text = resources.files("torchgen").joinpath("packaged/ATen/native/native_functions.yaml").read_text()
    found: dict[tuple[str, str], set[str]] = {}
    for entry in yaml.load(text, yaml.CSafeLoader):
        name, arguments = entry["func"].split("(", 1)
        base = name.partition(".")[0]
        arguments = arguments.rpartition(" -> ")[0]
        if "Dimname" in arguments or "!)" in arguments.partition("*,")[2]:  # a keyword that is written to is `out=`
            continue
        names = _argument_names(arguments)
        if {"layout", "device", "pin_memory"} <= names:
            names.add("requires_grad")
        homes = [entry.get("python_module", "torch")] if "function" in entry.get("variants", "function") else []
        homes += ["Tensor"] if "method" in entry.get("variants", "") else []
        for home in homes:
            found.setdefault((home, base), set()).update(names)
    return {key: tuple(names) for key, names in found.items()}


def _argument_names(arguments: str) -> set[str]:
    pieces = re.sub(r"\[[^\]]*\]", "", arguments.rstrip(")")).split(",")
    return {piece.partition("=")[0].split()[-1] for piece in pieces if piece.strip() not in {"", "*"}}


def keywords_of(full_name: str, value: Any) -> frozenset[str]:
    """The names of the arguments that a call may give by keyword."""
    home, _, name = full_name.rpartition(".")
    if full_name in KEYWORDS:
        return frozenset(KEYWORDS[full_name].split())
    if home == "torch.Tensor" and is_attribute(value):
        return frozenset()
    names = _names_of_builtin(home, name, value) if _is_builtin(value) else _names_of_signature(value)
    return frozenset(name for name in names - NEVER if not name.startswith("_") and not keyword.iskeyword(name))


def _is_builtin(value: object) -> bool:
    return isinstance(value, types.BuiltinFunctionType | types.MethodDescriptorType)


def _names_of_builtin(home: str, name: str, value: Any) -> set[str]:
    module = {"torch.nn.functional": "nn"}.get(home, home.rpartition(".")[2])
    prefix = f"{module}_" if module in {"linalg", "fft", "special"} else ""
    schema = _schemas().get((module, f"{prefix}{name}"))
    if schema is None and home == "torch.nn.functional":
        schema = _schemas().get(("torch", name))
    names = set(schema) if schema is not None else _names_of_docstring(value, name)
    if "self" in names and home != "torch.Tensor":
        names.add("input")
    for torch_name, numpy_names in NUMPY_NAMES.items():
        if torch_name in names:
            names.update(numpy_names.split())
    return names


def _names_of_docstring(value: Any, name: str) -> set[str]:
    """The arguments of the signatures with which torch's docstrings begin."""
    names: set[str] = set()
    for found in re.finditer(rf"^\s*(?:torch\.)?{name}\(([^\n]*?)\)\s*->", value.__doc__ or "", re.MULTILINE):
        names |= {re.split(r"[=:\[]", piece.strip())[0].strip() for piece in found[1].split(",")} - {"*", ""}
    return {found for found in names if found.isidentifier()}


def _names_of_signature(value: Any) -> set[str]:
    override = get_testing_overrides().get(value)
    signature = inspect.signature(value)
    if override is not None and any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values()):
        signature = inspect.signature(override)
    kinds = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    return {name for name, parameter in signature.parameters.items() if parameter.kind in kinds}


def table(*, every: int = 1) -> Iterator[str]:
    """The rows, sorted. `differentiable` is probed in each `every`-th row; in the others it is what the table says."""
    from probe_operations import differentiable

    refused = refused_names()
    checks = {full_name: check for check, names in PRECONDITIONS.items() for full_name in names.split()}
    known = {} if every == 1 else _known_differentiable()
    rows = {}
    for index, (full_name, value) in enumerate(candidates()):
        if full_name not in refused:
            is_differentiable = known.get(full_name) if index % every else None
            yes_or_no = is_differentiable or ("yes" if differentiable(full_name) else "no")
            keywords = " ".join(sorted(keywords_of(full_name, value)))
            precondition = checks.get(full_name, "")
            rows[full_name] = "\t".join((full_name, group_of(full_name, value), yes_or_no, keywords, precondition))
    yield from (rows[name] for name in sorted(rows))


def _known_differentiable() -> dict[str, str]:
    lines = TABLE.read_text(encoding="utf-8").splitlines()[1:]
    return {name: yes_or_no for name, _, yes_or_no, _, _ in (line.split("\t") for line in lines)}


def main() -> int:
    """Write the table."""
    warnings.simplefilter("ignore")
    rows = list(table())
    TABLE.write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    sys.stdout.write(f"{len(rows)} operations\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
