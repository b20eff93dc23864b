"""What the names of the vocabulary call: torch's and Python's own functions, looked up by the table alone."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import torch

from autograd_cli.engine.interpret.preconditions import check
from autograd_cli.engine.record import naming
from autograd_cli.lang import kinds, vocabulary

Function: TypeAlias = Callable[..., Any]

CONSTANTS = {"e": math.e, "inf": math.inf, "nan": math.nan, "pi": math.pi}


def function_of(full_name: str) -> Function:
    """The function of a full name that `vocabulary.resolve` returned, or the class of a layer or distribution."""
    home, _, name = full_name.rpartition(".")
    assert vocabulary.operation(full_name) is not None or home in {"builtins", "math"}
    return _checked(full_name, getattr(naming.HOMES[home], name))


def _checked(full_name: str, function: Function) -> Function:
    """The function, which first checks the precondition that the table names, if any."""
    operation = vocabulary.operation(full_name)
    if operation is None or operation.precondition is None:
        return function

    def checked(*arguments: object, **keywords: object) -> object:
        check(full_name, arguments, keywords)
        return function(*arguments, **keywords)

    return checked


def member_of(full_name: str) -> Any:  # noqa: ANN401 - a function, method, attribute or class of torch
    """What the table's row stands for in torch."""
    assert vocabulary.operation(full_name) is not None
    home, _, name = full_name.rpartition(".")
    return getattr(naming.HOMES[home], name)


def scalar_function_of(name: str) -> Function | None:
    """Python's function for plain numbers where torch's takes tensors only: `sqrt(2)`."""
    return getattr(math, name) if name in vocabulary.MATH else None


def method_of(name: str) -> Function:
    """The Tensor method of a name in the vocabulary."""
    assert name in vocabulary.METHODS
    return _checked(f"torch.Tensor.{name}", getattr(torch.Tensor, name))


def constant_of(full_name: str) -> object:
    """The value of a constant or dtype of the vocabulary."""
    if full_name == kinds.NAME_OF_PROGRAM:
        return "__main__"
    name = full_name.rpartition(".")[2]
    return CONSTANTS[name] if name in CONSTANTS else getattr(torch, name)


def bases_of(exception: str) -> frozenset[str]:
    """The names of an exception's class and of those that it derives from."""
    kind = getattr(builtins, exception, RuntimeError)
    return frozenset([base.__name__ for base in kind.__mro__] if isinstance(kind, type) else [exception, "Exception"])
