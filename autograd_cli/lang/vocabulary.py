"""The names that a program may use, by where torch keeps them. What is not here is refused: see `resolve`.

What torch offers stands in two tables beside this file: operations.tsv holds what a program may call or read, made by
tests/make_operations.py; refused.tsv, kept by hand, says why a name is not there and what to use instead.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A row of operations.tsv: a function, method, attribute or class of torch that a program may use.

    `keywords` are the arguments that may be given by name. `precondition` names the check of
    `engine.interpret.preconditions` before a call that could crash the process or never end.
    """

    name: str
    group: str
    differentiable: bool
    keywords: frozenset[str]
    precondition: str | None


def _table(name: str) -> dict[str, str]:
    """The lines of a table: what follows the first column, by the first column."""
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    pairs = (line.partition("\t") for line in text.splitlines()[1:])
    return {first: rest for first, _, rest in pairs}


_OPERATIONS = _table("operations.tsv")
_REFUSED = _table("refused.tsv")


@functools.cache
def operation(full_name: str) -> Operation | None:
    """The operation of a full name (`torch.sin`, `torch.Tensor.sin`), or None where the table does not hold it."""
    row = _OPERATIONS.get(full_name)
    if row is None:
        return None
    group, differentiable, keywords, precondition = row.split("\t")
    return Operation(
        name=full_name,
        group=group,
        differentiable=differentiable == "yes",
        keywords=frozenset(keywords.split()),
        precondition=precondition or None,
    )


@functools.cache
def keywords() -> frozenset[str]:
    """Every argument that some operation takes by name."""
    return frozenset(word for row in _OPERATIONS.values() for word in row.split("\t")[2].split())


def operation_names() -> tuple[str, ...]:
    """The full names of all operations, sorted."""
    return tuple(_OPERATIONS)


def _names_by_home() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for full_name in _OPERATIONS:
        home, _, name = full_name.rpartition(".")
        found.setdefault(home, set()).add(name)
    return {home: frozenset(names) for home, names in found.items()}


_BY_HOME = _names_by_home()
_OF_TENSOR = _BY_HOME.pop("torch.Tensor")

# Attributes that are read off a tensor, and those that a program may assign to.
ATTRIBUTES = frozenset(name for name in _OF_TENSOR if _OPERATIONS[f"torch.Tensor.{name}"].startswith("attribute\t"))
ASSIGNABLE_ATTRIBUTES = frozenset({"data", "grad", "requires_grad"})
METHODS = _OF_TENSOR - ATTRIBUTES

# Fields of the named tuples that torch's functions return.
RESULT_FIELDS = frozenset(
    """
    L LD LU P Q R S U V Vh a bin_edges cloned_coefficient eigenvalues eigenvectors exponent hist idx indices info
    inverse logabsdet loss mantissa max min output pivots rank residuals result sign singular_values solution tau values
    """.split()
)

DTYPES = frozenset(
    """
    bfloat16 bool cdouble cfloat complex128 complex64 double float float16 float32 float64 half int int16 int32 int64
    int8 long short uint8
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
    """
    abs all any bool dict enumerate filter float int len list map max min print range reversed round sorted str sum
    tuple zip
    """.split()
)

# The names of namespaces in a program, after the usual imports.
NAMESPACES = {
    "torch": "torch",
    "F": "torch.nn.functional",
    "functional": "torch.nn.functional",
    "nn": "torch.nn",
    "linalg": "torch.linalg",
    "fft": "torch.fft",
    "special": "torch.special",
    "optim": "torch.optim",
    "distributions": "torch.distributions",
    "autograd": "torch.autograd",
    "math": "math",
}
MEMBERS = {
    **_BY_HOME,
    "torch": _BY_HOME["torch"] | DTYPES | CONSTANTS,
    "math": MATH | CONSTANTS,
}

_PLACES = frozenset(MEMBERS) | {home.rpartition(".")[0] for home in MEMBERS}

# What an import may name.
MODULES = _PLACES - {""}

# Where a name without a prefix is looked for, in order. A builtin keeps Python's meaning, as in a pasted program.
_BARE = (
    ("builtins", BUILTINS),
    ("torch", MEMBERS["torch"]),
    *((home, MEMBERS[home]) for home in ("torch.nn.functional", "torch.linalg", "torch.fft", "torch.special", "math")),
)

# Why a name that torch or Python has is not in the language, and what to use; by the last piece of the name.
REFUSED = {full_name.rpartition(".")[2]: reason for full_name, reason in _REFUSED.items()}


def resolve(dotted: str) -> str | None:
    """The full name (`torch.nn.functional.relu`) of what a program's `F.relu` or `relu` stands for, or None."""
    first, _, rest = dotted.partition(".")
    if not rest:
        return next((f"{home}.{first}" for home, names in _BARE if first in names), None)
    home = NAMESPACES.get(first)
    while home is not None and "." in rest:
        piece, _, rest = rest.partition(".")
        home = f"{home}.{piece}" if f"{home}.{piece}" in _PLACES else None
    if home is None or rest not in MEMBERS.get(home, ()):
        return None
    return f"{home}.{rest}"


def bare_names() -> frozenset[str]:
    """Every name that a program may use without a prefix."""
    return frozenset(NAMESPACES).union(*(names for _, names in _BARE))


def refusal(name: str) -> str | None:
    """Why a name is not in the language, and what to use: by the full name, its namespace, or its last piece."""
    full_name = name
    while full_name:
        if full_name in _REFUSED:
            return _REFUSED[full_name]
        full_name = full_name.rpartition(".")[0]
    return REFUSED.get(name.rpartition(".")[2])
