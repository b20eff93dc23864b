"""Attributes: which may be read off a value or assigned to, by its kind. A name in no list is never looked up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch.utils.hooks import RemovableHandle

from autograd_cli.engine.values import type_name
from autograd_cli.lang import kinds, vocabulary

Function: TypeAlias = Callable[..., Any]
Distribution = torch.distributions.Distribution
Optimizer = torch.optim.Optimizer


def no_attribute(owner: object, name: str) -> AttributeError:
    """Python's error for an attribute that is not there."""
    return AttributeError(f"'{type_name(owner)}' object has no attribute '{name}'")


def getter(name: str) -> Function:
    """The function that reads the attribute `name`."""

    def read(owner: object) -> object:
        if name not in _readable(owner):
            raise no_attribute(owner, name)
        return getattr(owner, name)

    return read


def _readable(owner: object) -> frozenset[str]:
    match owner:
        case torch.Tensor():
            return vocabulary.ATTRIBUTES
        case torch.nn.Module():
            return kinds.MODULE_ATTRIBUTES
        case Distribution():
            return kinds.DISTRIBUTION_ATTRIBUTES
        case torch.dtype():
            return kinds.DTYPE_ATTRIBUTES
        case torch.device():
            return frozenset({"type", "index"})
        case complex() | float() | int():
            return frozenset({"real", "imag"})
    return frozenset()


def member(module: torch.nn.Module, name: str) -> torch.Tensor | torch.nn.Module | None:
    """The parameter, buffer or child of a module that it registered under this name."""
    for members in (module._parameters, module._buffers, module._modules):  # noqa: SLF001 - the registries themselves, never getattr
        found = members.get(name)
        if isinstance(found, torch.Tensor | torch.nn.Module):
            return found
    return None


def setter(name: str) -> Function:
    """The function that assigns to the attribute `name`; it returns the owner, or None where nothing was changed."""

    def assign(owner: object, value: object) -> object:
        if _is_of_no_use(owner, name, value):
            return None
        if isinstance(owner, torch.nn.Module):
            _set_member(owner, name, value)
        elif isinstance(owner, torch.Tensor) and name in vocabulary.ASSIGNABLE_ATTRIBUTES:
            setattr(owner, name, value)
        else:
            raise no_attribute(owner, name)
        return owner

    return assign


def _is_of_no_use(owner: object, name: str, value: object) -> bool:
    """Whether the assignment has no effect: torch does not know the attribute, and no program can read it here."""
    if isinstance(owner, torch.Tensor):
        return name not in _OF_TENSOR | kinds.MODULE_MEMBERS
    if not isinstance(owner, torch.nn.Module) or isinstance(value, torch.Tensor | torch.nn.Module):
        return False
    return name not in _OF_MODULE and member(owner, name) is None


_OF_TENSOR = frozenset(dir(torch.Tensor))
_OF_MODULE = frozenset(dir(torch.nn.Module)) | kinds.MODULE_ATTRIBUTES


def _set_member(module: torch.nn.Module, name: str, value: object) -> None:
    known = name in module._parameters or name in module._buffers  # noqa: SLF001 - the registries themselves, never getattr
    if not known or not (value is None or isinstance(value, torch.Tensor)):
        raise no_attribute(module, name)
    setattr(module, name, value)


def has_method(owner: object, name: str) -> bool:
    """Whether a value has a method of this name here."""
    if isinstance(owner, torch.Tensor):
        return name in vocabulary.METHODS
    if isinstance(owner, list | dict):
        return name in (kinds.LIST_METHODS if isinstance(owner, list) else kinds.DICT_METHODS)
    return method_of_object(owner, name) is not None


def method_of_object(owner: object, name: str) -> Function | None:
    """A method of an object of torch that is not a tensor; None where it has no such method here."""
    match owner:
        case torch.nn.ModuleDict():
            allowed = kinds.MODULE_METHODS | kinds.MODULE_DICT_METHODS
        case torch.nn.ModuleList() | torch.nn.Sequential():
            allowed = kinds.MODULE_METHODS | kinds.MODULE_LIST_METHODS
        case torch.nn.Module():
            allowed = kinds.MODULE_METHODS
        case Optimizer():
            allowed = kinds.OPTIMIZER_METHODS
        case Distribution():
            allowed = kinds.DISTRIBUTION_METHODS
        case RemovableHandle():
            allowed = kinds.HANDLE_METHODS
        case _:
            return None
    function: Function | None = getattr(owner, name, None) if name in allowed else None
    return function
