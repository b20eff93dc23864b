"""The numbers of a tensor for a reader (NumPy's printer), and for the shell (what `--x` reads back)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autograd_cli.render.look import Look
from autograd_cli.trace import EDGE_ITEMS, TensorValues, edge_indices

if TYPE_CHECKING:
    import numpy as np

SHOWN_WHOLE = 36
_ANY_WIDTH = 1_000_000


def array_text(tensor: TensorValues, look: Look, width: int | None) -> str:
    """The tensor's values, aligned, without the middle where there are many; several lines for a matrix."""
    import numpy as np

    array = _array(tensor)
    threshold = _ANY_WIDTH * _ANY_WIDTH if look.full and tensor.values is not None else SHOWN_WHOLE
    text = np.array2string(
        array,
        precision=look.precision,
        separator=", ",
        threshold=0 if tensor.summary is not None else threshold,
        edgeitems=EDGE_ITEMS,
        max_line_width=max(width or _ANY_WIDTH, 20),
    )
    # NumPy pads numbers to one width, which is of use only in columns.
    return text if "\n" in text else re.sub(r" +(?=[,\]])|(?<=[\[ ]) +", "", text)


def is_shortened(tensor: TensorValues, look: Look) -> bool:
    """Whether `array_text` leaves elements out."""
    return tensor.summary is not None or (tensor.numel > SHOWN_WHOLE and not look.full)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """A tensor in a few numbers: minimum, maximum and mean of its finite elements, None where there are none.

    `norm` is the 2-norm of all elements: NaN or infinite where one of them is.
    """

    minimum: float | None
    maximum: float | None
    mean: float | None
    norm: float
    nan_count: int
    inf_count: int


def statistics(tensor: TensorValues) -> Statistics:
    """The statistics of a tensor, of which there may be only a summary."""
    import numpy as np

    if (summary := tensor.summary) is not None:
        return Statistics(
            minimum=summary.minimum,
            maximum=summary.maximum,
            mean=summary.mean,
            norm=summary.norm,
            nan_count=summary.nan_count,
            inf_count=summary.inf_count,
        )
    array = np.array(tensor.values, dtype=_numpy_dtype(tensor.dtype))
    finite = array[np.isfinite(array)]
    has_order = finite.size > 0 and not np.iscomplexobj(finite)
    return Statistics(
        minimum=float(finite.min()) if has_order else None,
        maximum=float(finite.max()) if has_order else None,
        mean=float(finite.mean(dtype=np.float64)) if has_order else None,
        norm=_norm(array),
        nan_count=int(np.isnan(array).sum()),
        inf_count=int(np.isinf(array).sum()),
    )


def statistics_text(tensor: TensorValues, look: Look) -> str:
    """Minimum, maximum, mean, and how many elements are NaN or infinite."""
    found = statistics(tensor)
    words = [f"{tensor.numel:,} elements"]
    if found.minimum is not None and found.maximum is not None and found.mean is not None:
        digits = look.precision
        words += [f"min {found.minimum:.{digits}g}", f"max {found.maximum:.{digits}g}", f"mean {found.mean:.{digits}g}"]
    words += [f"NaN {found.nan_count:,}", f"inf {found.inf_count:,}"]
    return "  ".join(words)


def range_text(tensor: TensorValues) -> str:
    """The range that the finite elements span, and what else there is: `min 0 max 3, NaN 2, inf 9`."""
    found = statistics(tensor)
    if tensor.dtype == "bool" and found.mean is not None:
        return f"{round(found.mean * tensor.numel):,} of {tensor.numel:,} True"
    if found.nan_count == tensor.numel > 0:
        return "all NaN"
    if tensor.values and found.inf_count == tensor.numel and len(set(tensor.values)) == 1:
        return f"all {tensor.values[0]}"
    words = _other_numbers(found)
    if found.minimum is not None and found.maximum is not None:
        is_one = found.minimum == found.maximum and not words
        shown = f"all {found.minimum:.4g}" if is_one else f"min {found.minimum:.3g} max {found.maximum:.3g}"
        words.insert(0, shown)
    return ", ".join(words) or f"{tensor.numel:,} elements"


def norm_text(tensor: TensorValues, look: Look) -> str:
    """The shape and the 2-norm, and what is no finite number: `[64, 10] norm 3.162`."""
    found = statistics(tensor)
    return ", ".join([f"{list(tensor.shape)} norm {found.norm:.{look.precision}g}", *_other_numbers(found)])


def _other_numbers(found: Statistics) -> list[str]:
    """How many elements are no finite numbers, where there are any."""
    counts = (("NaN", found.nan_count), ("inf", found.inf_count))
    return [f"{name} {count:,}" for name, count in counts if count]


def _norm(array: np.ndarray[Any, np.dtype[Any]]) -> float:
    """The 2-norm, scaled by the largest element: the squares of large elements would be infinite."""
    import numpy as np

    sizes = np.abs(array.astype(np.complex128))
    largest = float(sizes.max(initial=0.0))
    if largest == 0 or not np.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm(sizes / largest))


def _array(tensor: TensorValues) -> np.ndarray[Any, np.dtype[Any]]:
    """The values as an array. Of a summary, one index stands for all that each long dimension leaves out."""
    import numpy as np

    dtype = _numpy_dtype(tensor.dtype)
    if tensor.summary is None:
        return np.array(tensor.values, dtype=dtype).reshape(tensor.shape)
    kept = [len(edge_indices(size)) for size in tensor.shape]
    array = np.array(tensor.summary.corners, dtype=dtype).reshape(kept)
    for dimension, size in enumerate(tensor.shape):
        if size > kept[dimension]:
            array = np.insert(array, EDGE_ITEMS, array.take(0, dimension), axis=dimension)
    return array


def _numpy_dtype(dtype: str) -> str:
    # float32 holds every bfloat16, and its shortest decimal gives the same bfloat16; complex64 holds every complex32
    return {"bfloat16": "float32", "complex32": "complex64"}.get(dtype, dtype)


def shell_text(tensor: TensorValues) -> str:
    """The values as `--x` reads them: the shortest decimals that give the same tensor.

    Raises:
        ValueError: there are only summarised values.
    """
    import numpy as np

    if tensor.values is None:
        raise ValueError(f"{tensor.numel:,} elements are not written out")
    array = np.array(tensor.values, dtype=_numpy_dtype(tensor.dtype))
    words = [_word(number) for number in array]
    if not tensor.shape:
        return words[0]
    if len(tensor.shape) == 1 and len(words) > 1:
        return ",".join(words)
    if not words and len(tensor.shape) > 1:
        return f"zeros({','.join(map(str, tensor.shape))})"
    return _bracketed(words, tensor.shape, ",")


def _bracketed(words: list[str], shape: tuple[int, ...], separator: str) -> str:
    """Row-major words in brackets, nested as the shape says."""
    for size in reversed(shape[1:]):
        words = [f"[{separator.join(words[start : start + size])}]" for start in range(0, len(words), size)]
    return f"[{separator.join(words)}]"


def _word(number: Any) -> str:  # noqa: ANN401 - a NumPy scalar of any kind
    import numpy as np

    if isinstance(number, np.complexfloating):
        imaginary = _word(number.imag)
        return f"{_word(number.real)}{'' if imaginary.startswith('-') else '+'}{imaginary}j"
    text = str(number)
    return text if text == "-0.0" else text.removesuffix(".0")


def python_text(tensor: TensorValues) -> str:
    """The values as nested Python lists, with `math.inf` and `math.nan` for what has no literal."""
    import numpy as np

    if tensor.values is None:
        raise ValueError(f"{tensor.numel:,} elements are not written out")
    array = np.array(tensor.values, dtype=_numpy_dtype(tensor.dtype))
    words = [_python_word(number) for number in array]
    if not tensor.shape:
        return words[0]
    return _bracketed(words, tensor.shape, ", ")


def _python_word(number: Any) -> str:  # noqa: ANN401 - a NumPy scalar of any kind
    import numpy as np

    if isinstance(number, np.complexfloating):
        return f"complex({_python_word(number.real)}, {_python_word(number.imag)})"
    return re.sub("(nan|inf)", r"math.\1", str(number))
