"""A program's result and gradients alone, without a recording: for many requests a second.

It answers only where there is nothing else to say. Whatever is out of the ordinary (a program that calls backward()
itself, cuts a gradient off or draws random numbers; an input that is not plain numbers; a refusal; a missing gradient)
is left to `run`, which records everything.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

import torch

from autograd_cli.engine.function import Function
from autograd_cli.lang import vocabulary
from autograd_cli.lang.program import Program
from autograd_cli.limits import Limits

_STATEMENTS = (ast.Expr, ast.Assign)
_GROUPS = frozenset({"autograd", "cast", "distribution", "factory", "init", "module", "optimizer", "query", "random"})
_CUTS = frozenset({"data", "detach", "detach_", "grad", "grad_fn", "item", "requires_grad", "tolist"})
_PLAIN_BUILTINS = frozenset({"abs", "max", "min", "sum"})
_SYNTAX = (
    ast.Attribute,
    ast.BinOp,
    ast.Call,
    ast.Constant,
    ast.List,
    ast.Name,
    ast.Slice,
    ast.Subscript,
    ast.Tuple,
    ast.UnaryOp,
)


def is_quick(program: Program) -> bool:
    """Whether a program is an expression, after assignments, and all its operations only compute tracked values."""
    if not all(isinstance(statement, _STATEMENTS) for statement in program.tree.body):
        return False
    return isinstance(program.tree.body[-1], ast.Expr) and all(
        _is_quick_node(node, program) for node in ast.walk(program.tree)
    )


def _is_quick_node(node: ast.AST, program: Program) -> bool:
    if not isinstance(node, ast.expr):
        return True
    full_name = program.resolved.get(id(node))
    if full_name is not None:
        operation = vocabulary.operation(full_name)
        name = full_name.rpartition(".")[2]
        if operation is not None:
            return operation.differentiable and operation.group not in _GROUPS
        return name in vocabulary.CONSTANTS or full_name.startswith("math.") or name in _PLAIN_BUILTINS
    if isinstance(node, ast.Attribute):
        operation = vocabulary.operation(f"torch.Tensor.{node.attr}")
        if operation is None:
            return node.attr in vocabulary.RESULT_FIELDS
        is_plain = operation.differentiable and operation.group not in _GROUPS
        return is_plain and node.attr not in _CUTS and not node.attr.endswith("_")
    return isinstance(node, _SYNTAX)


class Quick:
    """A program for which `is_quick` holds, ready to run with one set of inputs after another."""

    def __init__(self, program: Program, limits: Limits) -> None:
        self._function = Function(program, limits)

    def run(
        self, inputs: Mapping[str, object], wrt: Sequence[str] | None, gradient: object
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]] | None:
        """The result and the gradients; None where only `run.run` can answer.

        `inputs` are numbers or nested lists of them. `gradient` is None or the same.
        """
        try:
            leaves = {
                name: _plain_tensor(value, requires_grad=wrt is None or name in wrt) for name, value in inputs.items()
            }
            result = self._result(leaves)
            grads = _gradients(result, leaves, None if gradient is None else _plain_tensor(gradient))
        except Exception:  # noqa: BLE001 - whatever it is, `run.run` meets it again and reports it
            return None
        return None if grads is None else (result, grads)

    def _result(self, leaves: Mapping[str, torch.Tensor]) -> torch.Tensor:
        box = self._function.run(leaves)
        if box is None or not isinstance(box.payload, torch.Tensor) or not box.payload.requires_grad:
            raise TypeError("not one tracked tensor")
        return box.payload


def _plain_tensor(value: object, *, requires_grad: bool = False) -> torch.Tensor:
    """Numbers as a tensor of the default dtype.

    Raises:
        TypeError, ValueError: they are not plain numbers of one shape, but bools, complex numbers or texts.
    """
    first = value
    while type(first) is list and first:
        first = first[0]
    if type(first) not in {int, float}:
        raise TypeError("not plain numbers")
    return torch.tensor(value, dtype=torch.get_default_dtype(), requires_grad=requires_grad)


def _gradients(
    result: torch.Tensor, leaves: Mapping[str, torch.Tensor], gradient: torch.Tensor | None
) -> dict[str, torch.Tensor] | None:
    if gradient is not None and gradient.shape != result.shape:
        return None
    if result.is_complex() or result.is_leaf:
        return None
    weighted = result if gradient is None else result * gradient.to(result.dtype)
    (weighted.sum() if weighted.shape else weighted).backward()
    grads: dict[str, torch.Tensor] = {}
    for name, leaf in leaves.items():
        if not leaf.requires_grad:
            continue
        grad = leaf.grad
        if grad is None:
            return None
        grads[name] = grad
    return grads
