"""Functions of the program that torch calls, such as hooks: interpreted like any other, within the same limits.

Torch gets a callable of ours. Its arguments become boxes, and what the function returns is unwrapped again; the values
in between are recorded as made inside the call that torch was in.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import torch

from autograd_cli.diagnostic import Span
from autograd_cli.engine.interpret.machine import Machine
from autograd_cli.engine.record.watch import End
from autograd_cli.engine.values import Box, Derived, Function, Named
from autograd_cli.lang.kinds import TRANSFORMS
from autograd_cli.limits import limit_reached
from autograd_cli.trace import Operation

REGISTER_HOOK = "torch.Tensor.register_hook"
_MAX_NESTED = 50  # torch hands backward passes that are nested more than 60 deep to other threads
_CHECKPOINT = "torch.utils.checkpoint.checkpoint"


class Callback:
    """A callable for torch that runs a function of the program, or one of the vocabulary.

    Torch is never given Python's own function: `print`, for one, is to record what it prints. `span` is the call that
    the function was handed to. For a tensor's hook, `end` is where the gradient arrives that torch calls it with.
    """

    __slots__ = ("__name__", "_end", "_function", "_machine", "_span")

    def __init__(self, machine: Machine, function: Box, span: Span, end: End | None) -> None:
        self._machine = machine
        self._function = function
        self._span = span
        self._end = end
        called = function.payload
        self.__name__ = called.name if isinstance(called, Function) else called.full_name.rpartition(".")[2]

    def __repr__(self) -> str:  # torch's errors show it
        return str(self._function.payload)

    def __call__(self, *arguments: object, **keywords: object) -> Any:  # noqa: ANN401 - whatever the program computed
        """Run the function of the program, and give torch what it returned.

        Raises:
            RefusedError: an operation in it was refused, or it returned what torch cannot take.
            AgxError: a limit was reached.
        """
        performer = self._machine.performer
        if self._machine.callbacks >= _MAX_NESTED:
            raise limit_reached("depth", f"torch calls functions of the program more than {_MAX_NESTED} deep")
        with self._counted(), performer.recording.called():
            boxes = [performer.recording.handed(each, self._span) for each in arguments]
            named = {name: performer.recording.handed(each, self._span) for name, each in keywords.items()}
            box = self._machine.call_value(self._function, boxes, named, self._span)
            performer.recording.returned(box, boxes, self._end)
            try:
                return box.unwrap()
            except TypeError as error:
                raise performer.refused(error, self._span) from None

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        self._machine.callbacks += 1
        try:
            yield
        finally:
            self._machine.callbacks -= 1


def handed(machine: Machine, argument: Box, span: Span, end: End | None = None) -> Box:
    """An argument for torch: a function of the program, or one of the vocabulary, becomes a Callback."""
    if isinstance(argument.payload, Function | Named):
        return Box(argument.value, Callback(machine, argument, span, end))
    return argument


def deriving(operation: Operation, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of an operation that takes functions: any function that it returns becomes a Derived."""
    if operation.function == _CHECKPOINT:
        return _checkpoint
    if operation.function not in TRANSFORMS:
        return function

    def derive(*arguments: object, **keywords: object) -> object:
        found = function(*arguments, **keywords)
        if isinstance(found, tuple):
            return tuple([Derived(operation, each) if isinstance(each, FunctionType) else each for each in found])
        return Derived(operation, found) if callable(found) and not isinstance(found, torch.Tensor) else found

    return derive


def _checkpoint(function: Callable[..., Any], *arguments: object, use_reentrant: object = None, **keywords: Any) -> Any:  # noqa: ANN401 - as torch's own
    """`checkpoint` that recomputes the whole function: torch would stop it early, by an exception in the function."""
    if use_reentrant is not False:
        raise ValueError("agx runs checkpoint with use_reentrant=False, which torch recommends")
    with torch.utils.checkpoint.set_checkpoint_early_stop(False):
        return torch.utils.checkpoint.checkpoint(function, *arguments, use_reentrant=False, **keywords)


def has_hooks(module: torch.nn.Module) -> bool:
    """Whether the module has hooks, which a call of it calls, too."""
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)  # noqa: SLF001 - torch has no public name for them
    return any(hooks)
