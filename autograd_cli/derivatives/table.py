"""Torch's own derivative formulas, read from the table that the installed torch was generated from."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import resources
from typing import Any

import yaml

from autograd_cli.lang.documentation import Formulas, short_name

# The native functions that torch calls for a function, where its name does not show them.
_CALLS = {
    "F.fold": "col2im",
    "F.linear": "addmm mm",
    "F.unfold": "im2col",
    "chunk": "split",
    "conv1d": "convolution",
    "conv2d": "convolution",
    "conv3d": "convolution",
    "conv_transpose1d": "convolution",
    "conv_transpose2d": "convolution",
    "conv_transpose3d": "convolution",
    "linalg.cholesky": "linalg_cholesky_ex",
    "linalg.inv": "linalg_inv_ex",
    "linalg.solve": "_linalg_solve_ex",
    "matmul": "mm mv dot bmm",
    "max_pool2d": "max_pool2d_with_indices",
    "norm": "linalg_vector_norm",
    "special.expit": "sigmoid",
    "special.gammainc": "igamma",
    "special.gammaincc": "igammac",
    "special.gammaln": "lgamma",
    "special.multigammaln": "mvlgamma",
    "special.psi": "digamma",
    "unique": "_unique2",
}
_NO_GRADIENT = {"non_differentiable", "not_differentiable"}


@functools.cache
def _table() -> dict[str, tuple[Formulas, ...]]:
    """The entries of each native function by its name without the overload, in the order of the file."""
    table = resources.files("torchgen").joinpath("packaged/autograd/derivatives.yaml")
    try:
        text = table.read_text(encoding="utf-8")
    except OSError:  # a torch that does not ship it
        return {}
    counter: Counter[str] = Counter()
    found: dict[str, list[Formulas]] = {}
    for entry in yaml.load(text, yaml.CSafeLoader):
        for formulas in _formulas(entry, counter):
            found.setdefault(re.split(r"[.(]", formulas.schema)[0], []).append(formulas)
    return {name: tuple(entries) for name, entries in found.items()}


def _formulas(entry: dict[str, Any], counter: Counter[str]) -> Iterator[Formulas]:
    """The formulas of an entry for ordinary (strided) tensors; `counter` numbers the nodes of the same class name."""
    schema = entry["name"]
    arguments = set(re.findall(r"(\w+)(?==|,|\)|$)", schema.partition("(")[2].rpartition(" -> ")[0]))
    by_key = entry.get("dispatch", {"Default": entry})
    for key, formulas in by_key.items():
        pairs = tuple(
            (names, " ".join(str(formula).split()))
            for names, formula in formulas.items()
            if set(re.split(r",\s*", names)) <= arguments and formula not in _NO_GRADIENT
        )
        if pairs:
            stem = _node_stem(schema) + ("" if key == "Default" else key)
            if key == "Default":
                yield Formulas(schema=schema, node=f"{stem}{counter[stem]}", formulas=pairs)
            counter[stem] += 1


def _node_stem(schema: str) -> str:
    """The class name of a node without its number: `max_pool2d` makes MaxPool2DBackward."""
    base = re.split(r"[.(]", schema)[0]
    camel = "".join(piece.title() for piece in base.split("_"))
    return f"{camel}Backward".replace("ForwardBackward", "Backward")


def formulas_of(full_name: str, alias: str | None) -> tuple[Formulas, ...]:
    """The entries of the operation, of what it calls, or of its alias; none where torch composes it of others."""
    for name in filter(None, (full_name, alias)):
        for native_names in _native_names(name):
            found = tuple(entry for native_name in native_names for entry in _table().get(native_name, ()))
            if found:
                is_copy = full_name.endswith("_copy") and not native_names[0].endswith("_copy")
                return tuple(map(_copied, found)) if is_copy else found
    return ()


def formulas_of_node(name: str) -> Formulas | None:
    """The entry that makes nodes of this class, or None where the table has none (AccumulateGrad, CopySlices)."""
    return _by_node().get(name.removesuffix("_copy"))


@functools.cache
def _by_node() -> dict[str, Formulas]:
    return {entry.node: entry for entries in _table().values() for entry in entries}


def _copied(entry: Formulas) -> Formulas:
    """The entry of a view function, with the node that its `_copy` variant makes."""
    return replace(entry, node=f"{entry.node}_copy")


def _native_names(full_name: str) -> Iterator[Sequence[str]]:
    """The names that the native functions behind a Python function may have, the likeliest first."""
    home, _, name = full_name.rpartition(".")
    short = short_name(full_name).lstrip(".")
    yield from (_CALLS[known].split() for known in (short, name) if known in _CALLS)
    module = home.rpartition(".")[2]
    prefix = f"{module}_" if module in {"linalg", "fft", "special"} else ""
    stripped = name.rstrip("_")
    for base in dict.fromkeys((name, stripped, stripped.removesuffix("_copy"))):
        yield [f"{prefix}{base}"]
        yield [f"_{prefix}{base}"]
        if module != "linalg":
            yield [base]
