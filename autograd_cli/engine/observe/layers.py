"""A module of a library's that calls what is the script's: `nn.Sequential(Mine(), nn.ReLU())`, a layer with a hook.

What it calls is observed layer by layer, as the script's own modules are; the place of each layer is the whole call.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any, cast
from weakref import WeakKeyDictionary

import torch
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from autograd_cli.engine.observe import helpers
from autograd_cli.engine.observe.frames import Call
from autograd_cli.engine.observe.seen import Seen
from autograd_cli.engine.observe.sites import Site
from autograd_cli.engine.observe.state import State
from autograd_cli.engine.record import naming

Module = torch.nn.Module


def is_own(function: object) -> bool:
    """Whether a function is rewritten code of the script's, perhaps under a decorator of a library's."""
    if type(function) is functools.partial:
        function = function.func
    if type(function) not in {types.FunctionType, types.MethodType}:
        return False  # another object may run code of the script's when it is asked
    code = getattr(inspect.unwrap(cast("Callable[..., Any]", function)), "__code__", None)
    return code is not None and helpers.FRAME in code.co_varnames


def calls_own(module: Module) -> bool:
    """Whether a module is a library's, but has modules or hooks of the script's in it."""
    if type(module).__module__.startswith("torch._dynamo") or isinstance(module, torch.jit.ScriptModule):
        return False
    return not _runs_own(type(module)) and any(_is_own_layer(each) for each in module.modules())


def _is_own_layer(module: Module) -> bool:
    hooks = (*module._forward_hooks.values(), *module._forward_pre_hooks.values())  # noqa: SLF001 - torch has no public name for them
    return _runs_own(type(module)) or any(is_own(hook) for hook in hooks)


def _runs_own(kind: type[Module]) -> bool:
    known = _own.get(kind)
    if known is None:
        known = _own[kind] = is_own(kind.forward)
    return known


_own: WeakKeyDictionary[type[Module], bool] = WeakKeyDictionary()


def layer_by_layer(state: State, site: Site, call: Call, held: Callable[[Module], list[Seen]]) -> Callable[..., Any]:
    """What calls the module of `call` layer by layer; `held` gives a layer's parameters and buffers.

    Afterwards `call.also` is what the layers made.
    """
    module = call.function
    layers = _Layers(state, site, held)

    def through(*arguments: Any, **keywords: Any) -> object:  # noqa: ANN401 - as the module takes them
        with layers.watched():
            result = module(*arguments, **keywords)
        call.also = layers.made
        return result

    return through


class _Layers:
    """The layers that run in one call of a module: those that are under way, and the values that they `made`."""

    def __init__(self, state: State, site: Site, held: Callable[[Module], list[Seen]]) -> None:
        self._state = state
        self._site = site
        self._held = held
        self._step = state.recorded.step
        self._grad_mode_spans = state.recorded.grad_mode_spans
        self._under_way: list[Module] = []
        self.made: list[Seen] = []

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Torch tells of every module that is called while the context lasts."""
        guard = self._state.guard
        handles = [
            register_module_forward_pre_hook(guard.hook(self._begin)),
            register_module_forward_hook(guard.hook(self._end)),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _begin(self, module: Module, arguments: tuple[Any, ...]) -> None:
        if not self._under_way:
            self.made = [self._box(each) for each in _tensors(arguments)]
        self._under_way.append(module)

    def _end(self, module: Module, arguments: tuple[Any, ...], result: object) -> None:
        while self._under_way and self._under_way.pop() is not module:
            pass  # one that raised, and whoever called it went on
        if self._state.quiet or (self._under_way and not calls_own(self._under_way[-1])):
            return  # a module of the script's reports its own calls
        if not _runs_own(type(module)) and not any(
            calls_own(each) or _runs_own(type(each)) for each in module.children()
        ):
            recorded = self._state.recorded
            recorded.step, recorded.grad_mode_spans = self._step, self._grad_mode_spans
            given = [self._box(each) for each in _tensors(arguments)]
            self._perform(result, module, [*given, *self._held(module)])
        self.made += [self._box(each) for each in _tensors(result)]

    def _box(self, tensor: torch.Tensor) -> Seen:
        """The value of a tensor; a new one was made by the library's module, from what was made so far."""
        found = self._state.objects.find(tensor)
        if found is not None:
            return found
        if self._under_way:
            return self._perform(tensor, self._under_way[-1], self.made)
        return self._state.objects.add(tensor, naming.CONSTANT, (), self._site.span)

    def _perform(self, result: object, module: Module, operands: list[Seen]) -> Seen:
        return self._state.objects.add_performed(result, naming.module(type(module)), operands, self._site.span)


def _tensors(things: object) -> list[torch.Tensor]:
    """The tensors among the arguments or results of a layer."""
    if isinstance(things, torch.Tensor):
        return [things]
    return [each for each in things if isinstance(each, torch.Tensor)] if isinstance(things, tuple | list) else []
