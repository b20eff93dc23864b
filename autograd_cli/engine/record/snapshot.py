"""A tensor → TensorInfo: what is true of it at this moment, read without changing it."""

from __future__ import annotations

import functools
import math

import torch

from autograd_cli.trace import Number, Summary, TensorInfo, TensorValues, edge_indices

MAX_VALUES = 1_000_000
MAX_INTERMEDIATE_VALUES = 1_000
MAX_VALUES_OF_SCRIPT = 10_000  # a script has many tensors, and larger ones
_NO_DISPATCH = torch.Tensor.__torch_dispatch__


def snapshot(tensor: torch.Tensor, *, grad_fn: int | None, storage: int, max_values: int | None) -> TensorInfo:
    """The state of `tensor`; above `max_values` elements (None: no limit) only a Summary of what is in it."""
    complete = max_values is None or tensor.numel() <= max_values
    is_leaf, retains_grad = leaf_facts(tensor)
    return TensorInfo(
        shape=tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        device=str(tensor.device),
        values=_numbers(tensor) if complete else None,
        summary=None if complete else _summary(tensor),
        requires_grad=tensor.requires_grad,
        is_leaf=is_leaf,
        grad_fn=grad_fn,
        output_nr=tensor.output_nr,
        retains_grad=retains_grad,
        is_inference=tensor.is_inference(),
        version=version_of(tensor),
        storage=storage,
    )


def version_of(tensor: torch.Tensor) -> int | None:
    """How often a tensor was written to; None under inference mode, where torch does not count."""
    return None if tensor.is_inference() else tensor._version  # noqa: SLF001 - torch has no public name for it


def values_of(tensor: torch.Tensor, max_values: int | None) -> TensorValues:
    """What is in `tensor`; above `max_values` elements (None: no limit) only a Summary of it."""
    tensor = tensor.detach() if tensor.layout is torch.strided else tensor.detach().to_dense()
    complete = max_values is None or tensor.numel() <= max_values
    return TensorValues(
        shape=tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        values=_numbers(tensor) if complete else None,
        summary=None if complete else _summary(tensor),
    )


def is_opaque(tensor: torch.Tensor) -> bool:
    """Whether `torch.func` wrapped the tensor for a transform: it has neither numbers nor memory of its own."""
    return torch._C._functorch.is_functorch_wrapped_tensor(tensor)  # noqa: SLF001 - torch has no public name for it


def is_plain(tensor: torch.Tensor) -> bool:
    """Whether a tensor has memory to look at: it is not of functorch, fake, lazy, meta, sparse, nested or quantized."""
    if tensor.layout is not torch.strided or tensor.is_meta or tensor.is_nested or tensor.is_quantized:
        return False
    if type(tensor).__torch_dispatch__ is not _NO_DISPATCH:  # it has other tensors in it, or only their shapes
        return False
    if torch.nn.parameter.is_lazy(tensor) or is_opaque(tensor):
        return False
    try:
        tensor.untyped_storage()
    except (NotImplementedError, RuntimeError):
        return False
    return True


def leaf_facts(tensor: torch.Tensor) -> tuple[bool, bool]:
    """`is_leaf` and `retains_grad`.

    Torch refuses to tell them for a view that was made without grad mode and then written to: that counts as a leaf.
    """
    try:
        return tensor.is_leaf, tensor.retains_grad
    except RuntimeError:
        return True, False


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor outside autograd, with what torch keeps lazily (conjugation, sign, zeros) written out."""
    plain = tensor.detach()
    if plain._is_zerotensor():  # noqa: SLF001 - tolist() raises on these, and only this tells
        plain = plain.clone()
    return plain.resolve_conj().resolve_neg()


def _numbers(tensor: torch.Tensor) -> tuple[Number, ...]:
    if tensor.dim() == 0 and not tensor._is_zerotensor():  # noqa: SLF001 - as in `_plain`; this takes a third of the time
        return (tensor.item(),)
    return tuple(_plain(tensor).reshape(-1).tolist())


def _summary(tensor: torch.Tensor) -> Summary:
    plain = _plain(tensor)
    return _summary_of_finite(plain) or _summary_of_any(plain)


def _summary_of_finite(plain: torch.Tensor) -> Summary | None:
    """The summary of real floating point numbers that are all finite, in a third of the time; None for others."""
    if not plain.is_floating_point() or plain.dtype is torch.float64:  # squares of float64 may be infinite
        return None
    minimum, maximum = (float(each) for each in torch.aminmax(plain))
    if not (math.isfinite(minimum) and math.isfinite(maximum)):
        return None
    return Summary(
        corners=_corners(plain),
        minimum=minimum,
        maximum=maximum,
        mean=float(plain.mean(dtype=torch.float64)),
        norm=float(torch.linalg.vector_norm(plain, dtype=torch.float64)),
        nan_count=0,
        inf_count=0,
    )


def _summary_of_any(plain: torch.Tensor) -> Summary:
    finite = (plain.byte() if plain.dtype is torch.bool else plain)[torch.isfinite(plain)]
    ordered = not plain.is_complex() and finite.numel() > 0
    return Summary(
        corners=_corners(plain),
        minimum=finite.min().item() if ordered else None,
        maximum=finite.max().item() if ordered else None,
        mean=finite.double().mean().item() if ordered else None,
        norm=_norm(plain),
        nan_count=int(torch.isnan(plain).sum().item()),
        inf_count=int(torch.isinf(plain).sum().item()),
    )


def _corners(plain: torch.Tensor) -> tuple[Number, ...]:
    corners = plain
    for dimension, size in enumerate(plain.shape):
        if len(edge_indices(size)) < size:
            corners = corners.index_select(dimension, _edges(size, plain.device))
    return tuple(corners.reshape(-1).tolist())


@functools.lru_cache(maxsize=256)
def _edges(size: int, device: torch.device) -> torch.Tensor:
    return torch.tensor(edge_indices(size), device=device)


def _norm(plain: torch.Tensor) -> float:
    """The 2-norm, by way of the largest element: the squares of large elements are infinite."""
    sizes = plain.to(torch.complex128 if plain.is_complex() else torch.float64).abs()
    largest = sizes.max()
    if largest == 0 or not torch.isfinite(largest):
        return float(largest.item())
    return float((largest * torch.linalg.vector_norm(sizes / largest)).item())
