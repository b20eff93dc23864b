"""Every operation that can be differentiated, in its common forms of call, against the same call on torch itself.

The arguments are samples of torch's own operator database. Tensors become inputs; what else a sample has is written
into the text. What cannot be written (a slice, a sparse tensor) is left to the next sample.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch

import probe_operations
from autograd_cli import Report, TensorInfo, explore
from autograd_cli.lang import vocabulary
from autograd_cli.lang.vocabulary import Operation
from probe_operations import Sample, tensors_in

SAMPLES = 1
TRIED = 12  # samples looked at until SAMPLES of them can be written and are taken by torch
MAX_ELEMENTS = 4_000
SEED = 0

# Rows of which the database has no sample that can be written here, by group; a smaller number is better.
WITHOUT_SAMPLE = {
    "activation": 1,
    "cast": 6,
    "elementwise": 26,
    "factory": 8,
    "index": 6,
    "layer": 51,
    "linalg": 8,
    "loss": 8,
    "random": 3,
    "reduction": 11,
    "shape": 4,
    "special": 4,
}
# Results differ in the last digits where an input lies differently in memory.
TOLERANCE = {"float64": 1e-9, "complex128": 1e-9}

ROWS = [
    row
    for name in vocabulary.operation_names()
    if (row := vocabulary.operation(name)) is not None
    and row.differentiable
    and row.group not in {"autograd", "distribution", "module"}
]
GROUPS = sorted({row.group for row in ROWS})


@dataclass(frozen=True)
class Case:
    """A program, its inputs, and the call that it stands for."""

    text: str
    inputs: dict[str, torch.Tensor]
    row: Operation
    sample: Sample


class UnwritableError(Exception):
    """An argument that has no form in the language."""


class Writer:
    """Writes arguments as text; tensors get the names of inputs."""

    def __init__(self) -> None:
        self.inputs: dict[str, torch.Tensor] = {}
        self._names: dict[int, str] = {}

    def write(self, value: Any) -> str:
        match value:
            case torch.Tensor():
                return self._tensor(value)
            case None | bool() | int() | float() | str():
                return repr(value)
            case complex():
                return f"({value.real!r}{value.imag:+}j)"
            case torch.dtype():
                return str(value)
            case list():
                return f"[{', '.join(map(self.write, value))}]"
            case tuple():
                inside = ", ".join(map(self.write, value))
                return f"({inside}{',' if len(value) == 1 else ''})"
        raise UnwritableError(type(value).__name__)

    def _tensor(self, tensor: torch.Tensor) -> str:
        if tensor.layout is not torch.strided or tensor.numel() > MAX_ELEMENTS:
            raise UnwritableError("tensor")
        name = self._names.setdefault(id(tensor), f"t{len(self._names)}")
        self.inputs[name] = tensor
        return name


def cases_of(row: Operation) -> Iterator[Case]:
    """The forms of call of one operation, with the first samples that can be written and that torch takes."""
    written = 0
    for sample in itertools.islice(probe_operations.database_samples(row.name), TRIED):
        try:
            found = list(forms(row, sample))
        except UnwritableError:
            continue
        if found and answer(found[0]) is not None:
            yield from found
            written += 1
        if written == SAMPLES:
            return


def forms(row: Operation, sample: Sample) -> Iterator[Case]:
    home, _, name = row.name.rpartition(".")
    writer = Writer()
    arguments = [writer.write(argument) for argument in sample.arguments]
    keywords = [f"{key}={writer.write(value)}" for key, value in sample.keywords.items()]
    changed = "" if not name.endswith("_") else f"y = {arguments[0]}*1; "
    first = "y" if changed else arguments[0]
    if row.group == "attribute":
        yield Case(f"{first}.{name}", writer.inputs, row, sample)
    elif home == "torch.Tensor":
        yield Case(f"{changed}{first}.{name}({', '.join([*arguments[1:], *keywords])})", writer.inputs, row, sample)
    else:
        yield Case(f"{changed}{row.name}({', '.join([first, *arguments[1:], *keywords])})", writer.inputs, row, sample)
        names = ("input", "other")[: len(arguments)]
        are_tensors = all(isinstance(argument, torch.Tensor) for argument in sample.arguments)
        if len(names) == len(arguments) and are_tensors and row.keywords.issuperset(names) and not changed:
            named = [f"{key}={value}" for key, value in zip(names, arguments, strict=True)]
            yield Case(f"{row.name}({', '.join([*named, *keywords])})", writer.inputs, row, sample)


@dataclass(frozen=True)
class Answer:
    """What torch gives: the results, and the gradients by input."""

    results: list[torch.Tensor]
    grads: dict[str, torch.Tensor | None]


def answer(case: Case) -> Answer | None:
    """The call on torch itself, on leaves of its own; None where torch does not take it."""
    leaves: dict[int, torch.Tensor] = {}
    by_name = {name: leaf_of(tensor, leaves) for name, tensor in case.inputs.items()}
    arguments, keywords = replaced(case.sample.arguments, leaves), replaced(dict(case.sample.keywords), leaves)
    if case.row.name.endswith("_"):
        arguments = (arguments[0] * 1, *arguments[1:])
    torch.default_generator.manual_seed(SEED)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = tensors_in(probe_operations.function_of(case.row.name)(*arguments, **keywords))
            tracked = [result for result in results if result.requires_grad]
            if not tracked:
                return None
            torch.autograd.backward(tracked, [torch.ones_like(result) for result in tracked])
    except Exception:  # noqa: BLE001 - torch refuses in any way it likes what is no call of this operation
        return None
    return Answer(results, {name: leaf.grad for name, leaf in by_name.items() if leaf.requires_grad})


def leaf_of(tensor: torch.Tensor, leaves: dict[int, torch.Tensor]) -> torch.Tensor:
    leaf = tensor.detach().clone()
    leaves[id(tensor)] = leaf.requires_grad_(leaf.is_floating_point() or leaf.is_complex())
    return leaf


def replaced(value: Any, leaves: dict[int, torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        return leaves[id(value)]
    if isinstance(value, dict):
        return {key: replaced(element, leaves) for key, element in value.items()}
    return type(value)(replaced(element, leaves) for element in value) if type(value) in {tuple, list} else value


def difference(case: Case) -> str | None:
    """Where agx and torch differ; None where they agree in every number."""
    expected = answer(case)
    assert expected is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = explore(
            case.text, inputs={name: tensor.detach() for name, tensor in case.inputs.items()}, seed=SEED, full=True
        )
    if not report.traces or report.trace.refusal is not None:
        return first_words(report)
    results = report.trace.output_tensors()
    if len(results) != len(expected.results):
        return f"{len(results)} results for {len(expected.results)}"
    for mine, torchs in zip(results, expected.results, strict=True):
        if not same(mine, torchs):
            return "another value"
    for name, gradient in expected.grads.items():
        mine_or_none = report.grads.get(name)
        if (mine_or_none is None) != (gradient is None):
            return f"gradient of {name} is missing" if gradient is not None else f"gradient of {name} should be None"
        if mine_or_none is not None and gradient is not None and not same(mine_or_none, gradient):
            return f"another gradient of {name}"
    return None


def first_words(report: Report) -> str:
    found = report.diagnostics[0]
    return f"{found.rule}: {found.message} {found.torch_says or ''}"[:200]


def same(mine: TensorInfo, torchs: torch.Tensor) -> bool:
    if list(mine.shape) != list(torchs.shape) or f"torch.{mine.dtype}" != str(torchs.dtype) or mine.values is None:
        return False
    dense = torchs.detach().to_dense() if torchs.layout is not torch.strided else torchs.detach()
    numbers = torch.tensor(mine.values, dtype=torchs.dtype).reshape(torchs.shape)
    tolerance = TOLERANCE.get(mine.dtype, 1e-4)
    return torch.allclose(numbers, dense.clone(), rtol=tolerance, atol=tolerance, equal_nan=True)


@pytest.mark.parametrize("group", GROUPS)
def test_values_and_gradients_are_torchs_own(group: str) -> None:
    without_sample, wrong = [], {}
    for row in ROWS:
        if row.group == group:
            cases = list(cases_of(row))
            if not cases and not probe_operations.is_removed(row.name):
                without_sample.append(row.name)
            for case in cases:
                found = difference(case)
                if found is not None:
                    wrong[case.text] = found
    assert wrong == {}
    assert len(without_sample) <= WITHOUT_SAMPLE.get(group, 0), without_sample
