"""What other libraries and mathematics call a function → what torch calls it, for those who come from there."""

from __future__ import annotations

import re

from autograd_cli.lang import vocabulary

# The names that these libraries usually have in a program.
LIBRARIES = {
    "np": "NumPy",
    "numpy": "NumPy",
    "cp": "CuPy",
    "scipy": "SciPy",
    "jnp": "JAX",
    "jax": "JAX",
    "tf": "TensorFlow",
    "tensorflow": "TensorFlow",
    "keras": "Keras",
    "sp": "SymPy",
    "sympy": "SymPy",
    "plt": "matplotlib",
    "matplotlib": "matplotlib",
    "pd": "pandas",
    "pandas": "pandas",
}
NO_GRADIENT = "gradients cannot pass through NumPy"
_ARRAYS = frozenset({"NumPy", "CuPy", "SciPy", "SymPy", "JAX", "TensorFlow", "Keras"})
_INSTEAD_OF_GRADIENT = "write the expression itself: agx computes the gradient for you"

_DIFFERENTIAL = re.compile(r"d[a-zA-Z]")
_OF_LIBRARIES = {
    "GradientTape": _INSTEAD_OF_GRADIENT,
    "Symbol": "write x alone, and give it a value: x=1",
    "Variable": "torch.tensor(…, requires_grad=True)",
    "array": "torch.tensor",
    "asarray": "torch.tensor",
    "average": "torch.mean",
    "concatenate": "torch.cat",
    "constant": "torch.tensor",
    "convert_to_tensor": "torch.tensor",
    "copy": "x.clone()",
    "diff": _INSTEAD_OF_GRADIENT,
    "expand_dims": "torch.unsqueeze",
    "grad": _INSTEAD_OF_GRADIENT,
    "hessian": _INSTEAD_OF_GRADIENT,
    "jacfwd": _INSTEAD_OF_GRADIENT,
    "jacrev": _INSTEAD_OF_GRADIENT,
    "math.log": "torch.log",
    "mod": "torch.remainder",
    "ndarray": "torch.tensor",
    "newaxis": "None",
    "power": "torch.pow",
    "random.normal": "torch.randn",
    "random.permutation": "torch.randperm",
    "random.seed": "torch.manual_seed",
    "random.uniform": "torch.rand",
    "reduce_max": "torch.max",
    "reduce_mean": "torch.mean",
    "reduce_sum": "torch.sum",
    "symbols": "write x alone, and give it a value: x=1",
    "value_and_grad": _INSTEAD_OF_GRADIENT,
    "vectorize": "write operations on whole tensors",
}
_OF_MATHEMATICS = {
    "arcsen": "asin",
    "arcsh": "asinh",
    "arctg": "atan",
    "arcth": "atanh",
    "array": "tensor",
    "average": "mean",
    "cbrt": "x**(1/3)",
    "ch": "cosh",
    "concatenate": "cat",
    "cosec": "1/sin(x)",
    "cot": "1/tan(x)",
    "coth": "1/tanh(x)",
    "csc": "1/sin(x)",
    "ctg": "1/tan(x)",
    "derivative": _INSTEAD_OF_GRADIENT,
    "derive": _INSTEAD_OF_GRADIENT,
    "differentiate": _INSTEAD_OF_GRADIENT,
    "exponential": "exp",
    "factorial": "exp(lgamma(x + 1))",
    "lg": "log10",
    "ln": "log",
    "log_10": "log10",
    "log_2": "log2",
    "log_e": "log",
    "mod": "remainder",
    "power": "pow",
    "printf": "print",
    "raiz": "sqrt",
    "root": "sqrt",
    "sec": "1/cos(x)",
    "sech": "1/cosh(x)",
    "sen": "sin",
    "senh": "sinh",
    "sh": "sinh",
    "sqr": "square",
    "step": "heaviside",
    "tg": "tan",
    "tgh": "tanh",
    "th": "tanh",
}


def in_torch(path: str) -> str | None:
    """What torch has for a function of another library, named without the library: `linalg.norm`, `reduce_sum`."""
    last = path.rpartition(".")[2]
    for name in (path, last):
        if name in _OF_LIBRARIES:
            return _OF_LIBRARIES[name]
    for dotted in (f"torch.{path}", f"torch.{last}", f"torch.nn.functional.{last}", f"torch.linalg.{last}"):
        full_name = vocabulary.resolve(dotted)
        if full_name is not None:
            return full_name
    return None


def of_mathematics(name: str) -> str | None:
    """What is meant by a function that torch has under another name: `ln` is log."""
    return _OF_MATHEMATICS.get(name.lower())


def of_derivative(name: str) -> str | None:
    """What is meant by the `dx(…)` of `d/dx(x**2)`."""
    return _INSTEAD_OF_GRADIENT if _DIFFERENTIAL.fullmatch(name) else None


def refusal_of(library: str) -> str:
    """Why a program cannot call a library."""
    if library not in _ARRAYS:
        return f"agx does not run {library}"
    return NO_GRADIENT if library == "NumPy" else f"agx runs PyTorch, not {library}"
