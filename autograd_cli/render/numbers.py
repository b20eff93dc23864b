"""The numbers of a tensor for a reader (NumPy's printer), and for the shell (what `--x` reads back)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from autograd_cli.render.look import Look
from autograd_cli.trace import EDGE_ITEMS, TensorValues, edge_indices

if TYPE_CHECKING:
    import numpy as np

_SHOWN_WHOLE = 36
_ANY_WIDTH = 1_000_000


def array_text(tensor: TensorValues, look: Look, width: int | None) -> str:
    """The tensor's values, aligned, in the middle shortened where there are many; several lines for a matrix."""
    import numpy as np

    array = _array(tensor)
    threshold = _ANY_WIDTH * _ANY_WIDTH if look.full and tensor.values is not None else _SHOWN_WHOLE
    text = np.array2string(
        array,
        precision=look.precision,
        separator=", ",
        threshold=0 if tensor.summary is not None else threshold,
        edgeitems=EDGE_ITEMS,
        max_line_width=max(width or _ANY_WIDTH, 20),
    )
    # NumPy fills numbers up to one width; only in columns is that of use.
    return text if "\n" in text else re.sub(r" +(?=[,\]])|(?<=[\[ ]) +", "", text)


def is_shortened(tensor: TensorValues, look: Look) -> bool:
    """Whether `array_text` leaves elements out."""
    return tensor.summary is not None or (tensor.numel > _SHOWN_WHOLE and not look.full)


def statistics_text(tensor: TensorValues, look: Look) -> str:
    """Minimum, maximum, mean, and how many elements are NaN or infinite."""
    minimum, maximum, mean, nan_count, inf_count = statistics(tensor)
    words = [f"{tensor.numel:,} elements"]
    if minimum is not None and maximum is not None and mean is not None:
        digits = look.precision
        words += [f"min {minimum:.{digits}g}", f"max {maximum:.{digits}g}", f"mean {mean:.{digits}g}"]
    words += [f"NaN {nan_count:,}", f"inf {inf_count:,}"]
    return "  ".join(words)


def statistics(tensor: TensorValues) -> tuple[float | None, float | None, float | None, int, int]:
    """Minimum, maximum and mean of the finite elements (None where there are none), the counts of NaN and infinity."""
    import numpy as np

    if (summary := tensor.summary) is not None:
        return summary.minimum, summary.maximum, summary.mean, summary.nan_count, summary.inf_count
    array = np.array(tensor.values)
    nan_count, inf_count = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    finite = array[np.isfinite(array)]
    if not finite.size or np.iscomplexobj(finite):
        return None, None, None, nan_count, inf_count
    return float(finite.min()), float(finite.max()), float(finite.mean()), nan_count, inf_count


def norm_of(tensor: TensorValues) -> float:
    """The 2-norm of the finite elements."""
    import numpy as np

    if tensor.summary is not None:
        return tensor.summary.norm
    array = np.array(tensor.values, dtype=np.complex128)
    return float(np.linalg.norm(array[np.isfinite(array)]))


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
    # float32 holds every bfloat16, and its shortest decimal is one for bfloat16, too; complex64 every complex32
    return {"bfloat16": "float32", "complex32": "complex64"}.get(dtype, dtype)


def shell_text(tensor: TensorValues) -> str:
    """The values as `--x` reads them, shortest decimals that give the same tensor.

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
