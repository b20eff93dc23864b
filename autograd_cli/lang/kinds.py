"""What the values of a program that are not tensors can do: their attributes and methods, by kind.

A name that is in no list of its kind is refused: no attribute is ever read just because a user wrote its name.
"""

from __future__ import annotations

LIST_METHODS = frozenset("append extend insert pop reverse copy index count clear".split())
DICT_METHODS = frozenset("get items keys values update copy".split())
HOOK_METHODS = frozenset(
    f"register_{kind}_hook" for kind in ("forward_pre", "forward", "full_backward_pre", "full_backward")
)
MODULE_METHODS = HOOK_METHODS | frozenset(
    """
    parameters named_parameters children named_children modules buffers train eval zero_grad requires_grad_ state_dict
    load_state_dict to double float half bfloat16 cpu append forward
    """.split()
)
MODULE_LIST_METHODS = frozenset("append extend insert pop".split())
MODULE_DICT_METHODS = frozenset("items keys values".split())
OPTIMIZER_METHODS = frozenset("zero_grad step".split())
DISTRIBUTION_METHODS = frozenset("sample rsample log_prob entropy cdf icdf perplexity".split())
NODE_METHODS = frozenset({"name"})
HANDLE_METHODS = frozenset({"remove"})

# Attributes that hold a plain number, string or bool; a module's parameters, buffers and children are found by name.
MODULE_ATTRIBUTES = frozenset(
    """
    training in_features out_features in_channels out_channels kernel_size stride padding dilation groups p eps momentum
    affine num_features normalized_shape num_groups num_channels num_embeddings embedding_dim hidden_size input_size
    num_layers bidirectional batch_first dropout embed_dim num_heads head_dim negative_slope
    """.split()
)
MODULE_MEMBERS = frozenset(
    """
    weight bias running_mean running_var num_batches_tracked in_proj_weight in_proj_bias out_proj weight_ih weight_hh
    bias_ih bias_hh linear1 linear2 norm1 norm2 norm3 self_attn multihead_attn layers encoder decoder
    """.split()
) | frozenset(
    f"{kind}_{gate}_l{layer}{direction}"
    for kind in ("weight", "bias")
    for gate in ("ih", "hh", "hr")
    for layer in range(8)
    for direction in ("", "_reverse")
)
DISTRIBUTION_ATTRIBUTES = frozenset(
    """
    mean variance stddev mode loc scale probs logits rate concentration concentration0 concentration1 low high df
    total_count covariance_matrix scale_tril precision_matrix batch_shape event_shape has_rsample temperature
    """.split()
)
NODE_ATTRIBUTES = frozenset({"next_functions"})
DTYPE_ATTRIBUTES = frozenset({"is_floating_point", "is_complex", "itemsize"})

ATTRIBUTES = MODULE_ATTRIBUTES | MODULE_MEMBERS | DISTRIBUTION_ATTRIBUTES | NODE_ATTRIBUTES | {"type", "index"}
METHODS = (
    LIST_METHODS
    | DICT_METHODS
    | MODULE_METHODS
    | OPTIMIZER_METHODS
    | DISTRIBUTION_METHODS
    | NODE_METHODS
    | HANDLE_METHODS
    | HOOK_METHODS
)

# The keyword arguments of these methods, beyond those of the tensor methods of the same names.
KEYWORDS = {
    "parameters": frozenset({"recurse"}),
    "named_parameters": frozenset({"prefix", "recurse"}),
    "zero_grad": frozenset({"set_to_none"}),
    "requires_grad_": frozenset({"requires_grad"}),
    "train": frozenset({"mode"}),
    "load_state_dict": frozenset({"strict"}),
    "sample": frozenset({"sample_shape"}),
    "rsample": frozenset({"sample_shape"}),
    "log_prob": frozenset({"value"}),
    "cdf": frozenset({"value"}),
    "icdf": frozenset({"value"}),
    "forward": frozenset({"input", "query", "key", "value", "hx", "src", "tgt"}),
}

# What `with` takes, and what decorates a def: the grad modes.
CONTEXTS = frozenset(
    f"torch.{home}{name}"
    for home in ("", "autograd.")
    for name in ("no_grad", "enable_grad", "inference_mode", "set_grad_enabled", "detect_anomaly", "set_detect_anomaly")
)
EXCEPTIONS = frozenset(
    """
    Exception RuntimeError ValueError TypeError IndexError KeyError AttributeError ZeroDivisionError OverflowError
    AssertionError NotImplementedError NameError ArithmeticError LookupError
    """.split()
)

# Functions of Python that take a function.
CALLERS = frozenset({"filter", "map", "print", "sorted"})

# Functions of torch that call a function of the program.
TRANSFORMS = frozenset(
    [f"torch.func.{name}" for name in "grad grad_and_value hessian jacfwd jacrev jvp vjp vmap".split()]
    + [f"torch.autograd.functional.{name}" for name in "hessian hvp jacobian jvp vhp vjp".split()]
    + "torch.vmap torch.autograd.gradcheck torch.autograd.gradgradcheck torch.utils.checkpoint.checkpoint".split()
)
DERIVATIVES = TRANSFORMS - {"torch.vmap", "torch.func.vmap", "torch.utils.checkpoint.checkpoint"}
CALLBACKS = TRANSFORMS | {
    "torch.Tensor.register_hook",
    "torch.Tensor.register_post_accumulate_grad_hook",
    *[f"torch.nn.Module.{name}" for name in HOOK_METHODS],
}

# Scripts ask whether they are the program: `if __name__ == "__main__"`.
NAME_OF_PROGRAM = "__name__"
