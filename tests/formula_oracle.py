"""A formula of a node, evaluated as text by agx's own language, beside what torch's node hands on when it is called."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import torch

from autograd_cli import explore
from autograd_cli.derivatives import spelling
from autograd_cli.engine.record.saved import Edge, edges_of, saved_of
from autograd_cli.trace import Phase

TOLERANCE = 1e-6  # hardsigmoid divides by a 6 that torch keeps in float32


def nodes_of(root: torch.Tensor) -> list[Any]:
    """Every node of the graph, each once."""
    found: dict[Any, None] = {}
    waiting = [root.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in found:
            found[node] = None
            waiting += [function for function, _ in node.next_functions]
    return list(found)


def told(edge: Edge) -> str | None:
    """What a person is shown of an edge."""
    return edge.gloss or edge.formula


def is_formula(text: str | None) -> bool:
    """Whether a text is Python that calls nothing but torch."""
    if text is None:
        return False
    try:
        return spelling.is_plain(ast.parse(text, mode="eval").body)
    except SyntaxError:
        return False


def handed_on(node: Any) -> tuple[list[torch.Tensor | None], list[torch.Tensor | None]]:
    """Random gradients for the node's outputs, and what torch's own code makes of them.

    What torch does afterwards with a gradient of a broadcast argument is left aside.
    """
    arrived = [
        torch.randn(end.shape, dtype=end.dtype) if end.dtype.is_floating_point or end.dtype.is_complex else None
        for end in node._input_metadata  # noqa: SLF001 - torch has no other name for it
    ]
    left = node(*arrived)
    return arrived, list(left) if isinstance(left, tuple) else [left]


def names_in(text: str) -> set[str]:
    return {found.id for found in ast.walk(ast.parse(text, mode="eval")) if isinstance(found, ast.Name)}


def arguments_of(node: Any) -> dict[str, torch.Tensor]:
    """The leaves that are the node's arguments, by the names of the arguments."""
    ends = zip(edges_of(node), node.next_functions, strict=True)
    return {
        edge.argument: function.variable.detach()
        for edge, (function, _) in ends
        if edge.argument is not None and hasattr(function, "variable")
    }


def evaluated(text: str, node: Any, arrived: list[torch.Tensor | None]) -> torch.Tensor:
    """The value of a formula by agx: tensors are inputs, options are assigned before it."""
    tensors: dict[str, torch.Tensor] = {}
    lines = []
    arguments = arguments_of(node)
    options = {saved.name: saved.text for saved in saved_of(node) if saved.text is not None}
    for name in sorted(names_in(text)):
        value = getattr(node, f"_saved_{name}", None)
        if name == "grad" and arrived[0] is not None:
            tensors[name] = arrived[0]
        elif name == "grads":
            lines.append(f"grads = [{', '.join(_inputs('grads', arrived, tensors))}]")
        elif isinstance(value, torch.Tensor):
            tensors[name] = value.detach()
        elif isinstance(value, tuple) and any(isinstance(element, torch.Tensor) for element in value):
            lines.append(f"{name} = ({', '.join(_inputs(name, value, tensors))},)")
        elif name in options:
            lines.append(f"{name} = {options[name]}")
        elif name in arguments:
            tensors[name] = arguments[name]
        elif f"{name}_sym_sizes" in options:
            tensors[name] = torch.zeros(ast.literal_eval(options[f"{name}_sym_sizes"]), dtype=torch.float64)
        elif f"_saved_{name}" in dir(type(node)):
            lines.append(f"{name} = None")
    return value_of("\n".join([*lines, text]), tensors)


def _inputs(name: str, values: Any, tensors: dict[str, torch.Tensor]) -> Iterator[str]:
    for index, value in enumerate(values):
        if value is None:
            yield "None"
        else:
            tensors[f"{name}_{index}"] = value.detach()
            yield f"{name}_{index}"


def value_of(program: str, tensors: dict[str, torch.Tensor]) -> torch.Tensor:
    report = explore(program, inputs=tensors, mode="no-grad", dtype="float64", full=True)
    refusal = report.trace.refusal if report.traces else None
    is_computed = refusal is None or refusal.during is Phase.BACKWARD  # refused if it needs no input
    if not report.traces or report.trace.result is None or not is_computed:
        raise AssertionError(f"{program}: {[found.message for found in report.diagnostics]}")
    result = report.trace.values[report.trace.result]
    if result.tensor is None:
        assert not isinstance(result.scalar, str | None)
        return torch.tensor(result.scalar)
    assert result.tensor.values is not None
    dtype = getattr(torch, result.tensor.dtype)
    return torch.tensor(result.tensor.values, dtype=dtype).reshape(result.tensor.shape)


def agree(mine: torch.Tensor, torchs: torch.Tensor, tolerance: float = TOLERANCE) -> bool:
    """Whether two gradients are the same, where torch has yet to add up what was broadcast."""
    mine = mine.broadcast_to(torchs.shape) if mine.dim() == 0 else mine
    wide = torch.complex128 if torchs.is_complex() or mine.is_complex() else torch.float64
    if mine.shape != torchs.shape:
        return False
    return torch.allclose(
        mine.to(wide), torchs.detach().clone().to(wide), rtol=tolerance, atol=tolerance, equal_nan=True
    )
