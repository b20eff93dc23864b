"""Checks before calls whose arguments torch does not check itself: they could crash the process, or never end.

One function for each name in the column `precondition` of operations.tsv. Each was seen on torch 2.13.0 to end the
process or to run on (tests/test_preconditions.py shows which); torch checks nearly everything else by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from autograd_cli.lang import vocabulary

MAX_DEGREE = 100_000
MAX_ITERATIONS = 10_000
MAX_CONCENTRATION = 1e10
_INT64_MIN = -(2**63)


def check(name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    """Look at the arguments of a call of the operation with this full name; a method's receiver is the first.

    Raises:
        ValueError: torch would crash, read foreign memory or not come to an end.
    """
    operation = vocabulary.operation(name)
    if operation is not None and operation.precondition is not None:
        _CHECKS[operation.precondition](_Call(arguments, keywords))


class _Call:
    """The arguments of one call, by place or by name."""

    def __init__(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        self.arguments = arguments
        self._keywords = keywords

    def get(self, place: int | None, *names: str, default: object = None) -> Any:  # noqa: ANN401 - whatever the program gave
        for name in names:
            if name in self._keywords:
                return self._keywords[name]
        if place is None or place >= len(self.arguments):
            return default
        return self.arguments[place]

    def tensor(self, place: int | None, *names: str) -> torch.Tensor | None:
        value = self.get(place, *names)
        return value.detach() if isinstance(value, torch.Tensor) else None


def _is_finite(tensor: torch.Tensor | None) -> bool:
    return tensor is None or tensor.is_meta or bool(tensor.isfinite().all())


def _is_within(tensor: torch.Tensor | None, low: int, high: int) -> bool:
    """Whether all elements are in low..high, both included."""
    if tensor is None or tensor.is_meta or tensor.numel() == 0:
        return True
    return bool(tensor.min() >= low) and bool(tensor.max() <= high)


def _numbers(value: object) -> list[Any]:
    """The numbers in an argument that is one, or a sequence of them."""
    if isinstance(value, tuple | list):
        return [number for element in value for number in _numbers(element)]
    return [value] if isinstance(value, int | float) else []


def _eigvals(call: _Call) -> None:
    if not _is_finite(call.tensor(0, "input", "x", "a", "x1")):
        raise ValueError("eigvals crashes on a matrix that holds NaN or an infinity")


def _ctc_loss(call: _Call) -> None:
    log_probs, targets = call.tensor(0, "log_probs"), call.tensor(1, "targets")
    lengths = call.get(3, "target_lengths")
    blank = call.get(4, "blank", default=0)
    if log_probs is None or targets is None or log_probs.dim() < 2:  # noqa: PLR2004 - time and class
        return
    classes = log_probs.shape[-1]
    if not _is_within(targets, 0, classes - 1):
        raise ValueError(f"a target of ctc_loss is a class from 0 to {classes - 1}")
    if isinstance(blank, int) and not 0 <= blank < classes:
        raise ValueError(f"the blank of ctc_loss is a class from 0 to {classes - 1}")
    longest = targets.shape[-1] if targets.dim() > 1 else targets.numel()
    if not _is_within(_as_tensor(lengths), 0, longest):
        raise ValueError(f"a target length of ctc_loss is from 0 to {longest}")
    if not _is_within(_as_tensor(call.get(2, "input_lengths")), 0, log_probs.shape[0]):
        raise ValueError(f"an input length of ctc_loss is from 0 to {log_probs.shape[0]}")


def _as_tensor(value: object) -> torch.Tensor | None:
    if isinstance(value, torch.Tensor):
        return value.detach()
    numbers = _numbers(value)
    return torch.tensor(numbers) if numbers else None


def _grid_sample(call: _Call) -> None:
    padding = call.get(3, "padding_mode", default="zeros")
    if padding not in {"zeros", 0} and not _is_finite(call.tensor(1, "grid")):
        raise ValueError("grid_sample crashes on a grid that holds NaN or an infinity, unless padding_mode is 'zeros'")


def _grid_sampler(call: _Call) -> None:
    for value in (call.get(2, "interpolation_mode"), call.get(3, "padding_mode")):
        if value not in {0, 1, 2}:
            raise ValueError("the modes of grid_sampler are 0, 1 and 2; grid_sample takes their names")
    _grid_sample(call)


def _pdist(call: _Call) -> None:
    tensor = call.tensor(0, "input", "x", "a", "x1")
    if tensor is not None and tensor.dim() > 0 and tensor.shape[0] == 0:
        raise ValueError("the backward of pdist crashes on a matrix without rows")


def _embedding_bag(call: _Call) -> None:
    offsets = call.tensor(2, "offsets")
    if offsets is not None and offsets.numel() == 0:
        raise ValueError("embedding_bag crashes on offsets without an element")


def _truncated_division(call: _Call) -> None:
    if call.get(None, "rounding_mode") != "trunc":
        return
    dividend, divisor = (_integers(call.get(place, *names)) for place, names in ((0, ("input", "x")), (1, ("other",))))
    if dividend is None or divisor is None:
        return
    lowest = torch.iinfo(dividend.dtype).min
    if bool((dividend == lowest).any()) and bool((divisor == -1).any()):
        raise ValueError(f"{lowest} / -1 does not fit {str(dividend.dtype).removeprefix('torch.')}, and torch crashes")


def _integers(value: object) -> torch.Tensor | None:
    """A tensor of integers, or an integer as a tensor; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return torch.tensor(value) if _INT64_MIN <= value < 2**63 else None
    if not isinstance(value, torch.Tensor) or value.is_meta:
        return None
    is_integral = not (value.is_floating_point() or value.is_complex() or value.dtype == torch.bool)
    return value.detach() if is_integral else None


def _pivots(call: _Call) -> None:
    _check_pivots(call.tensor(0, "LU_data", "LU", "LD"), call.tensor(1, "LU_pivots", "pivots"))


def _lu_solve(call: _Call) -> None:
    """torch.lu_solve takes the right-hand side first."""
    _check_pivots(call.tensor(1, "LU_data"), call.tensor(2, "LU_pivots"))


def _check_pivots(matrix: torch.Tensor | None, pivots: torch.Tensor | None) -> None:
    if matrix is None or pivots is None or matrix.dim() < 2:  # noqa: PLR2004 - a matrix
        return
    if not _is_within(pivots.abs(), 1, matrix.shape[-2]):
        raise ValueError(f"a pivot is a row from 1 to {matrix.shape[-2]}")
    if pivots.dim() == 0 or pivots.shape[-1] != min(matrix.shape[-2:]):
        raise ValueError(f"there is one pivot for each of {min(matrix.shape[-2:])} columns")


def _segment_reduce(call: _Call) -> None:
    if call.get(None, "unsafe"):
        raise ValueError("segment_reduce(unsafe=True) crashes on wrong lengths; leave unsafe out")
    data, offsets = call.tensor(0, "data"), call.tensor(None, "offsets")
    axis = call.get(None, "axis", default=0)
    if data is None or offsets is None or offsets.numel() == 0 or axis not in range(data.dim()):
        return
    if not _is_within(offsets, 0, data.shape[axis]) or bool((offsets.diff() < 0).any()):
        raise ValueError(
            f"the offsets of segment_reduce must not decrease and must lie between 0 and {data.shape[axis]}"
        )


def _matrix_power(call: _Call) -> None:
    exponent = call.get(1, "n")
    if isinstance(exponent, int) and abs(exponent) > 2**62:
        raise ValueError("the exponent of matrix_power is at most 2**62")


def _fractional_max_pool(call: _Call) -> None:
    if any(number < 1 for number in _numbers(call.get(1, "kernel_size"))):
        raise ValueError("the kernel_size of fractional_max_pool is at least 1")


def _polynomial(call: _Call) -> None:
    degree = call.get(1, "n", "other", "x2")
    if isinstance(degree, torch.Tensor) and not degree.is_meta and degree.numel():
        degree = degree.detach().max().item()
    if isinstance(degree, int | float) and degree > MAX_DEGREE:
        raise ValueError(f"the degree of the polynomial is at most {MAX_DEGREE:,} here: torch goes through them all")


def _recurrent(call: _Call) -> None:
    """Check the form for packed sequences alone: (data, batch_sizes, hx, ...)."""
    data, sizes = call.tensor(0, "data", "input"), call.tensor(1, "batch_sizes")
    hx = call.get(2, "hx")
    is_packed = sizes is not None and (isinstance(hx, torch.Tensor) or _is_state(hx))
    if not is_packed or data is None or sizes is None:
        return
    positive = sizes.numel() > 0 and _is_within(sizes, 1, max(data.shape[:1], default=0))
    if not positive or bool((sizes.diff() > 0).any()) or int(sizes.sum()) != data.shape[0]:
        raise ValueError("batch_sizes must not increase, must be at least 1, and must add up to the number of rows")


def _is_state(value: object) -> bool:
    """Whether this is the pair of states of an LSTM, and not the list of its weights."""
    return isinstance(value, tuple) and all(isinstance(element, torch.Tensor) for element in value)


def _binomial(call: _Call) -> None:
    count = call.tensor(0, "count", "total_count")
    if count is not None and bool(count.isnan().any()):
        raise ValueError("drawing from a binomial distribution does not end on a count of NaN")


def _von_mises(call: _Call) -> None:
    concentration = call.get(1, "concentration")
    tensor = _as_tensor(concentration)
    if tensor is not None and (not _is_finite(tensor) or bool((tensor > MAX_CONCENTRATION).any())):
        raise ValueError(f"sampling from VonMises may not end on a concentration above {MAX_CONCENTRATION:,.0f}")


def _low_rank(call: _Call) -> None:
    _check_iterations(call.get(2, "niter"))


def _pca(call: _Call) -> None:
    _check_iterations(call.get(3, "niter"))


def _lobpcg(call: _Call) -> None:
    _check_iterations(call.get(6, "niter"))


def _check_iterations(niter: object) -> None:
    if isinstance(niter, int) and niter > MAX_ITERATIONS:
        raise ValueError(f"niter is at most {MAX_ITERATIONS:,} here")


def _legacy_tensor(call: _Call) -> None:
    is_data = len(call.arguments) == 1 and (
        isinstance(call.arguments[0], torch.Tensor | list)
        or (isinstance(call.arguments[0], tuple) and not isinstance(call.arguments[0], torch.Size))
    )
    if call.arguments and not is_data:
        raise ValueError("a tensor of a given size would hold whatever was in memory; use torch.zeros, or give a list")


def _type(call: _Call) -> None:
    wanted = call.get(1, "dtype")
    if isinstance(wanted, str) and vocabulary.operation(wanted) is None:
        raise ValueError(f"there is no type {wanted!r} here; give a dtype, such as torch.float64")


_CHECKS: dict[str, Callable[[_Call], None]] = {
    "binomial": _binomial,
    "ctc_loss": _ctc_loss,
    "eigvals": _eigvals,
    "embedding_bag": _embedding_bag,
    "fractional_max_pool": _fractional_max_pool,
    "grid_sample": _grid_sample,
    "grid_sampler": _grid_sampler,
    "legacy_tensor": _legacy_tensor,
    "lobpcg": _lobpcg,
    "low_rank": _low_rank,
    "lu_solve": _lu_solve,
    "matrix_power": _matrix_power,
    "pca": _pca,
    "pdist": _pdist,
    "pivots": _pivots,
    "polynomial": _polynomial,
    "recurrent": _recurrent,
    "segment_reduce": _segment_reduce,
    "truncated_division": _truncated_division,
    "type": _type,
    "von_mises": _von_mises,
}
