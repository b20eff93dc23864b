"""The names that a program may use, by where torch keeps them. What is not here is refused: see `resolve`."""

from __future__ import annotations

from dataclasses import dataclass

TORCH = frozenset(
    """
    abs absolute acos acosh adaptive_avg_pool1d add addbmm addcdiv addcmul addmm addmv addr adjoint all allclose
    amax amin aminmax angle any arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin
    argsort argwhere as_tensor asarray asin asinh atan atan2 atanh atleast_1d atleast_2d atleast_3d avg_pool1d
    baddbmm bartlett_window batch_norm bernoulli bilinear bincount binomial bitwise_and bitwise_left_shift
    bitwise_not bitwise_or bitwise_right_shift bitwise_xor blackman_window block_diag bmm broadcast_tensors
    broadcast_to bucketize can_cast cartesian_prod cat cdist ceil celu chain_matmul cholesky cholesky_inverse
    cholesky_solve chunk clamp clamp_max clamp_min clip clone column_stack combinations complex concat
    concatenate conj conj_physical conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d
    copysign corrcoef cos cosh cosine_embedding_loss cosine_similarity count_nonzero cov cross ctc_loss cummax
    cummin cumprod cumsum cumulative_trapezoid deg2rad det detach diag diag_embed diagflat diagonal
    diagonal_scatter diff digamma dist div divide dot dropout dsplit dstack einsum embedding eq equal erf erfc
    erfinv exp exp2 expm1 eye fill fix flatten flip fliplr flipud float_power floor floor_divide fmax fmin fmod
    frac frexp full full_like gather gcd ge geqrf ger gradient greater greater_equal group_norm gt
    hamming_window hann_window hardshrink heaviside hinge_embedding_loss histc hsplit hstack hypot i0 igamma
    igammac imag index_add index_copy index_fill index_put index_reduce index_select inner instance_norm inverse
    is_complex is_floating_point is_tensor isclose isfinite isin isinf isnan isneginf isposinf isreal istft
    kaiser_window kl_div kron kthvalue layer_norm lcm ldexp le lerp less less_equal lgamma linspace log log10
    log1p log2 log_softmax logaddexp logaddexp2 logcumsumexp logdet logical_and logical_not logical_or
    logical_xor logit logspace logsumexp lt lu lu_solve margin_ranking_loss masked_fill masked_scatter
    masked_select matmul matrix_exp matrix_power max max_pool1d max_pool2d max_pool3d maximum mean median
    meshgrid min minimum mm mode moveaxis movedim msort mul multinomial multiply mv mvlgamma nan_to_num nanmean
    nanmedian nanquantile nansum narrow ne neg negative nextafter nonzero norm normal not_equal numel ones
    ones_like orgqr ormqr outer pairwise_distance pca_lowrank pdist permute pinverse pixel_shuffle poisson
    poisson_nll_loss polar polygamma positive pow prelu prod put qr quantile rad2deg rand rand_like randint
    randint_like randn randn_like randperm ravel real reciprocal relu remainder renorm repeat_interleave reshape
    result_type rms_norm roll rot90 round row_stack rrelu rsqrt rsub scatter scatter_add scatter_reduce
    searchsorted select select_scatter selu sgn sigmoid sign signbit sin sinc sinh slice_scatter slogdet softmax
    sort split split_with_sizes sqrt square squeeze stack std std_mean stft sub subtract sum svd svd_lowrank
    swapaxes swapdims t take take_along_dim tan tanh tensor tensor_split tensordot threshold tile topk trace
    transpose trapezoid trapz triangular_solve tril tril_indices triplet_margin_loss triu triu_indices
    true_divide trunc unbind unflatten unique unique_consecutive unravel_index unsqueeze vander var var_mean
    vdot view_as_complex view_as_real vsplit vstack where xlogy zeros zeros_like
    """.split()
)
FUNCTIONAL = frozenset(
    """
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d
    adaptive_max_pool3d affine_grid alpha_dropout avg_pool1d avg_pool2d avg_pool3d batch_norm bilinear
    binary_cross_entropy binary_cross_entropy_with_logits celu channel_shuffle conv1d conv2d conv3d
    conv_transpose1d conv_transpose2d conv_transpose3d cosine_embedding_loss cosine_similarity cross_entropy
    ctc_loss dropout dropout1d dropout2d dropout3d elu embedding feature_alpha_dropout fold gaussian_nll_loss
    gelu glu grid_sample group_norm gumbel_softmax hardshrink hardsigmoid hardswish hardtanh
    hinge_embedding_loss huber_loss instance_norm interpolate kl_div l1_loss layer_norm leaky_relu linear
    local_response_norm log_softmax logsigmoid lp_pool1d lp_pool2d margin_ranking_loss max_pool1d max_pool2d
    max_pool3d max_unpool1d max_unpool2d max_unpool3d mish mse_loss multi_margin_loss multilabel_margin_loss
    multilabel_soft_margin_loss nll_loss normalize one_hot pad pairwise_distance pdist pixel_shuffle
    pixel_unshuffle poisson_nll_loss prelu relu relu6 relu_ rms_norm rrelu scaled_dot_product_attention selu
    sigmoid silu smooth_l1_loss soft_margin_loss softmax softmin softplus softshrink softsign tanh tanhshrink
    threshold triplet_margin_loss unfold
    """.split()
)
LINALG = frozenset(
    """
    cholesky cholesky_ex cond cross det diagonal eig eigh eigvals eigvalsh householder_product inv inv_ex
    ldl_factor ldl_factor_ex ldl_solve lstsq lu lu_factor lu_factor_ex lu_solve matrix_exp matrix_norm
    matrix_power matrix_rank multi_dot norm pinv qr slogdet solve solve_ex solve_triangular svd svdvals
    tensorinv tensorsolve vander vecdot vector_norm
    """.split()
)
FFT = frozenset(
    """
    fft fft2 fftfreq fftn fftshift hfft hfft2 hfftn ifft ifft2 ifftn ifftshift ihfft ihfft2 ihfftn irfft irfft2
    irfftn rfft rfft2 rfftfreq rfftn
    """.split()
)
SPECIAL = frozenset(
    """
    airy_ai bessel_j0 bessel_j1 bessel_y0 bessel_y1 digamma entr erf erfc erfcx erfinv exp2 expit expm1 gammainc
    gammaincc gammaln i0 i0e i1 i1e log1p log_ndtr log_softmax logit logsumexp modified_bessel_i0
    modified_bessel_i1 modified_bessel_k0 modified_bessel_k1 multigammaln ndtr ndtri polygamma psi round
    scaled_modified_bessel_k0 scaled_modified_bessel_k1 sinc softmax spherical_bessel_j0 xlog1py xlogy zeta
    """.split()
)
METHODS = frozenset(
    """
    backward abs abs_ absolute absolute_ acos acos_ acosh acosh_ add add_ addbmm addbmm_ addcdiv addcdiv_ addcmul
    addcmul_ addmm addmm_ addmv addmv_ addr addr_ adjoint all allclose amax amin aminmax angle any arccos
    arccos_ arccosh arccosh_ arcsin arcsin_ arcsinh arcsinh_ arctan arctan2 arctan2_ arctan_ arctanh arctanh_
    argmax argmin argsort argwhere asin asin_ asinh asinh_ atan atan2 atan2_ atan_ atanh atanh_ baddbmm baddbmm_
    bernoulli bernoulli_ bfloat16 bincount bitwise_and bitwise_and_ bitwise_left_shift bitwise_left_shift_
    bitwise_not bitwise_not_ bitwise_or bitwise_or_ bitwise_right_shift bitwise_right_shift_ bitwise_xor
    bitwise_xor_ bmm bool broadcast_to cauchy_ ceil ceil_ cholesky cholesky_inverse cholesky_solve chunk clamp
    clamp_ clamp_max clamp_max_ clamp_min clamp_min_ clip clip_ clone conj conj_physical conj_physical_
    contiguous copy_ copysign copysign_ corrcoef cos cos_ cosh cosh_ count_nonzero cov cpu cross cummax cummin
    cumprod cumprod_ cumsum cumsum_ deg2rad deg2rad_ det detach detach_ diag diag_embed diagflat diagonal
    diagonal_scatter diff digamma digamma_ dim dist div div_ divide divide_ dot double dsplit eq eq_ equal erf
    erf_ erfc erfc_ erfinv erfinv_ exp exp2 exp2_ exp_ expand expand_as expm1 expm1_ exponential_ fill_
    fill_diagonal_ fix fix_ flatten flip fliplr flipud float float_power float_power_ floor floor_ floor_divide
    floor_divide_ fmax fmin fmod fmod_ frac frac_ frexp gather gcd gcd_ ge ge_ geometric_ geqrf ger greater
    greater_ greater_equal greater_equal_ gt gt_ half hardshrink heaviside heaviside_ histc hsplit hypot i0 i0_
    igamma igamma_ igammac igammac_ index_add index_add_ index_copy index_copy_ index_fill index_fill_
    index_put index_put_ index_reduce index_reduce_ index_select inner int inverse is_complex is_contiguous
    is_floating_point is_inference isclose isfinite isinf isnan isneginf isposinf isreal istft item kron
    kthvalue lcm lcm_ ldexp ldexp_ le le_ lerp lerp_ less less_ less_equal less_equal_ lgamma lgamma_ log log10
    log10_ log1p log1p_ log2 log2_ log_ log_normal_ log_softmax logaddexp logaddexp2 logcumsumexp logdet
    logical_and logical_and_ logical_not logical_not_ logical_or logical_or_ logical_xor logical_xor_ logit
    logit_ logsumexp long lt lt_ lu lu_solve masked_fill masked_fill_ masked_scatter masked_scatter_
    masked_select matmul matrix_exp matrix_power max maximum mean median min minimum mm mode moveaxis movedim
    msort mul mul_ multinomial multiply multiply_ mv mvlgamma mvlgamma_ nan_to_num nan_to_num_ nanmean nanmedian
    nanquantile nansum narrow ndimension ne ne_ neg neg_ negative negative_ nelement new_full new_ones
    new_tensor new_zeros nextafter nextafter_ nonzero norm normal_ not_equal not_equal_ numel orgqr ormqr outer
    permute pinverse polygamma polygamma_ positive pow pow_ prelu prod put put_ qr quantile rad2deg rad2deg_
    random_ ravel reciprocal reciprocal_ relu relu_ remainder remainder_ renorm renorm_ repeat
    repeat_interleave requires_grad_ reshape reshape_as retain_grad roll rot90 round round_ rsqrt rsqrt_ scatter
    scatter_ scatter_add scatter_add_ scatter_reduce scatter_reduce_ select select_scatter sgn sgn_ short
    sigmoid sigmoid_ sign sign_ signbit sin sin_ sinc sinc_ sinh sinh_ size slice_scatter slogdet softmax sort
    split split_with_sizes sqrt sqrt_ square square_ squeeze squeeze_ std stft stride sub sub_ subtract
    subtract_ sum svd swapaxes swapaxes_ swapdims swapdims_ t t_ take take_along_dim tan tan_ tanh tanh_
    tensor_split tile to tolist topk trace transpose transpose_ triangular_solve tril tril_ triu triu_
    true_divide true_divide_ trunc trunc_ type_as unbind unflatten unfold uniform_ unique unique_consecutive
    unsqueeze unsqueeze_ var vdot view view_as vsplit where xlogy xlogy_ zero_
    """.split()
)

KEYWORDS = frozenset(
    """
    A B L LD LU LU_data LU_pivots M N S U UPLO V Vh a abs accumulate adjoint align_corners align_to_window alpha
    anchor angle antialias append approximate assume_unique atol attn_mask aweights axis axis0 axis1 b base
    batch1 batch2 beta bias bins blank boundaries ceil_mode center check_errors chunks col compute_mode
    compute_uv condition copy correction count count_include_pad d data decimals delta descending destination
    device diagonal dilation dim dim0 dim1 dim2 dimension dimensions dims dims_other dims_self divisor_override
    downscale_factor driver dropout_p dtype dx edge_order eigenvalues eigenvectors eigvals eigvecs element
    elements enable_gqa end end_dim eps equal_nan equation exponent fill_value from from_ full full_matrices
    fweights grid groups hard hermitian high hop_length i idx ignore_index imag implicit include_self increasing
    index indexing indices info inplace input input1 input2 input3 input_lengths inputs interpolation inverse
    invert is_causal k keepdim kernel_size key label_smoothing lambd largest left length log_input log_probs
    log_target logabsdet logits low lower m mantissa margin mask mat mat1 mat2 matrices max max_norm max_val
    max_values maxnorm mean median min min_indices min_val minlength mode momentum n n_fft nan negative
    negative_slope neginf niter non_blocking norm norm_type normalized normalized_shape num_classes num_groups
    num_samples offset onesided ord other out_dtype out_int32 output_dtype output_padding output_size p pad
    pad_mode padding padding_idx padding_mode periodic permutation pivot pivots pos_weight posinf positive pred
    prepend prob q query r rank rcond real recompute_scale_factor reduce reduction repeats replacement
    requires_grad residuals result return_complex return_counts return_inverse reverse right rounding_mode row
    rtol running_mean running_var s scalar scalar1 scalar2 scale scale_factor scale_grad_by_freq sections shape
    shifts side sigma sign singular_values size size_average sizes solution some sorted sorted_sequence sorter
    source spacing sparse sparse_grad split_size split_size_or_sections split_sizes src stable start start_dim
    std step steps stride swap target target_lengths targets tau tensor tensor1 tensor2
    tensor_indices_or_sections tensors test_element test_elements theta threshold train training transpose
    unbiased unitriangular upper upscale_factor use_input_stats v value values var vec vec1 vec2 weight weights
    win_length window window_length with_replacement wrap x x1 x2 y zero_infinity
    """.split()
)
# Attributes that are read off a tensor, and those that a program may assign to.
ATTRIBUTES = frozenset("H T data device dtype grad imag is_leaf mH mT ndim real requires_grad shape grad_fn".split())
ASSIGNABLE_ATTRIBUTES = frozenset({"data", "grad", "requires_grad"})

# Fields of the named tuples that torch's functions return.
RESULT_FIELDS = frozenset(
    """
    L LD LU Q R S U V Vh eigenvalues eigenvectors exponent indices info inverse logabsdet mantissa max min pivots rank
    residuals result sign singular_values solution values
    """.split()
)

DTYPES = frozenset(
    """
    bfloat16 bool complex128 complex64 double float float16 float32 float64 half int int16 int32 int64 int8 long uint8
    """.split()
)
CONSTANTS = frozenset("e inf nan pi".split())
MATH = frozenset(
    """
    acos acosh asin asinh atan atan2 atanh ceil cos cosh degrees erf erfc exp expm1 fabs floor gamma gcd
    hypot isfinite isinf isnan lgamma log log10 log1p log2 radians sin sinh sqrt tan tanh trunc
    """.split()
)
BUILTINS = frozenset(
    "abs all any bool dict enumerate float int len list map max min print range reversed round sorted str sum tuple zip".split()
)
GRAD_MODES = frozenset(
    "enable_grad inference_mode no_grad manual_seed set_grad_enabled is_grad_enabled is_inference_mode_enabled".split()
)

# Names that a program reaches a namespace by, as after the usual imports.
NAMESPACES = {
    "torch": "torch",
    "F": "torch.nn.functional",
    "functional": "torch.nn.functional",
    "nn": "torch.nn",
    "linalg": "torch.linalg",
    "fft": "torch.fft",
    "special": "torch.special",
    "math": "math",
    "optim": "torch.optim",
    "distributions": "torch.distributions",
    "autograd": "torch.autograd",
}
MEMBERS = {
    "torch": TORCH | DTYPES | CONSTANTS | GRAD_MODES,
    "torch.nn": frozenset(
        "Linear Sequential ReLU Tanh Sigmoid Parameter MSELoss CrossEntropyLoss Conv2d Dropout BatchNorm1d LSTM Flatten ModuleList MultiheadAttention Embedding LayerNorm BCELoss BCEWithLogitsLoss L1Loss ModuleDict ParameterList Softmax".split()
    ),
    "torch.nn.init": frozenset("xavier_uniform_ zeros_ ones_ constant_ normal_ uniform_ kaiming_normal_".split()),
    "torch.nn.utils": frozenset("clip_grad_norm_ clip_grad_value_".split()),
    "torch.optim": frozenset("SGD Adam AdamW".split()),
    "torch.distributions": frozenset(
        "Normal Bernoulli Categorical Beta Gamma Uniform MultivariateNormal Independent".split()
    ),
    "torch.autograd": frozenset(
        "grad backward Variable detect_anomaly set_detect_anomaly no_grad enable_grad inference_mode set_grad_enabled".split()
    ),
    "torch.nn.functional": FUNCTIONAL,
    "torch.linalg": LINALG,
    "torch.fft": FFT,
    "torch.special": SPECIAL,
    "math": MATH | CONSTANTS,
}

# Where a name without a prefix is looked for, in order. A builtin keeps Python's meaning, as in a pasted program.
_BARE = (
    ("builtins", BUILTINS),
    ("torch", TORCH | DTYPES | CONSTANTS | GRAD_MODES),
    ("torch.nn.functional", FUNCTIONAL),
    ("torch.linalg", LINALG),
    ("torch.fft", FFT),
    ("torch.special", SPECIAL),
    ("math", MATH),
)

# Why a name that torch or Python has is not in the language, and what to use.
REFUSED = {
    "numpy": "a NumPy array is outside the language; use .detach()",
    "empty": "its elements are whatever was in memory; use zeros",
    "empty_like": "its elements are whatever was in memory; use zeros_like",
    "load": "a file is given as an input: --x @FILE",
    "save": "results are written by -o FILE",
    "from_numpy": "an array is given as an input: --x @FILE.npy",
    "set_default_dtype": "the default dtype is given by --dtype",
    "compile": "Python's internals are outside the language",
    "eval": "Python's internals are outside the language",
    "exec": "Python's internals are outside the language",
    "open": "a file is given as an input: --x @FILE",
    "as_strided": "it reads memory outside the tensor; use indexing, unfold or view",
}


def resolve(dotted: str) -> str | None:
    """The full name (`torch.nn.functional.relu`) of what a program's `F.relu` or `relu` stands for, or None."""
    first, _, rest = dotted.partition(".")
    if not rest:
        return next((f"{home}.{first}" for home, names in _BARE if first in names), None)
    home = NAMESPACES.get(first)
    while home is not None and "." in rest:
        piece, _, rest = rest.partition(".")
        home = f"{home}.{piece}" if f"{home}.{piece}" in MEMBERS else None
    if home is None or rest not in MEMBERS[home]:
        return None
    return f"{home}.{rest}"


def bare_names() -> frozenset[str]:
    """Every name that a program may use without a prefix."""
    return frozenset(NAMESPACES).union(*(names for _, names in _BARE))


MODULES = frozenset(MEMBERS) | {"torch.nn.functional", "torch.nn", "torch.nn.init"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    name: str
    group: str
    differentiable: bool
    keywords: frozenset[str]
    precondition: str | None


def operation(full_name: str) -> Operation | None:
    return Operation(
        name=full_name,
        group="",
        differentiable=True,
        keywords=KEYWORDS
        | frozenset(
            "lr momentum weight_decay gradient retain_graph create_graph inputs outputs grad_outputs allow_unused mode sep end p in_features out_features bias set_to_none probs logits loc scale eps grad_tensors max_norm nesterov betas start reduction num_layers batch_first".split()
        ),
        precondition=None,
    )


def refusal(name: str) -> str | None:
    return REFUSED.get(name.rpartition(".")[2])
