"""What a call of a script is recorded as: what runs inside a library is one operation, at the user's call."""

from __future__ import annotations

import builtins
import inspect
import types
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial, wraps
from typing import Any

import torch

from autograd_cli.diagnostic import Span
from autograd_cli.engine.observe.frames import Call, Frame
from autograd_cli.engine.observe.layers import calls_own, is_own, layer_by_layer
from autograd_cli.engine.observe.objects import is_elusive, is_followed
from autograd_cli.engine.observe.seen import Seen
from autograd_cli.engine.observe.sites import Site, Source
from autograd_cli.engine.observe.state import State
from autograd_cli.engine.observe.training import parameters_of
from autograd_cli.engine.record import naming
from autograd_cli.engine.record.passes import Pass
from autograd_cli.engine.record.refusals import refusal
from autograd_cli.engine.values import elements_of
from autograd_cli.trace import Operation, Phase

Module = torch.nn.Module
Optimizer = torch.optim.Optimizer
REFUSAL = "__agx_refusal__"
_METHODS = (types.MethodType, types.BuiltinMethodType, types.MethodWrapperType)
GRAD_MODES = (torch.no_grad, torch.enable_grad, torch.inference_mode, torch.set_grad_enabled)
_LISTING = frozenset(
    {
        "buffers",
        "children",
        "modules",
        "named_children",
        "named_modules",
        "named_parameters",
        "parameters",
        "state_dict",
    }
)
_CHOOSING = (max, min, getattr, next)  # they return something that they were given
_LISTS = {list: naming.LIST, tuple: naming.TUPLE, dict: naming.DICT, sorted: naming.LIST, set: naming.LIST}


def begun(state: State, site: Site, function: Any) -> tuple[Call, Any]:  # noqa: ANN401 - whatever the script calls
    """A call is about to run: what is known of it, and what to call in its place."""
    owner = getattr(function, "__self__", None) if type(function) in _METHODS else None
    call = Call(
        function=function,
        owner=owner,
        span=site.span,
        entered=state.entered,
        grad_enabled=torch.is_grad_enabled(),
        also=[],
    )
    name = getattr(function, "__name__", "") if type(function) in (*_METHODS, types.FunctionType) else ""
    if is_elusive(type(function)):
        return call, function
    state.is_compiled = state.is_compiled or _is_compiled(function)
    if isinstance(function, Module):
        call.also = state_of(state, function)
        if calls_own(function):
            return call, layer_by_layer(state, site, call, partial(state_of, state))
    elif isinstance(owner, Optimizer):
        call.also = trained(state, owner, is_step=name == "step")
        state.training.use(owner)
    elif _is_backward(owner, name, function):
        return call, _backward(state, site, call)
    elif function is torch.autograd.grad:
        return call, _grad(state, site)
    elif isinstance(owner, type) and issubclass(owner, torch.autograd.Function):
        return call, _as_one(state, function)
    elif name == "register_hook" and isinstance(owner, torch.Tensor):
        return call, _hooking(state, owner, function, site.span)
    return call, function


def _is_compiled(function: Any) -> bool:  # noqa: ANN401 - whatever the script calls
    """Whether `torch.compile` made it."""
    if type(function) is types.FunctionType:
        return "_torchdynamo_orig_callable" in vars(function)
    return type(function).__module__.startswith("torch._dynamo")


def _is_backward(owner: object, name: str, function: object) -> bool:
    return function is torch.autograd.backward or (isinstance(owner, torch.Tensor) and name == "backward")


def state_of(state: State, module: Module) -> list[Seen]:
    """The parameters and buffers of a module, which a call of it uses and may change."""
    return [_held(state, each) for each in (*module.parameters(), *module.buffers())]


def _held(state: State, tensor: torch.Tensor) -> Seen:
    found = state.objects.find(tensor)
    if found is None:
        return state.objects.add(tensor, naming.PARAMETER, (), None)
    return found


def trained(state: State, optimizer: Optimizer, *, is_step: bool) -> list[Seen]:
    """What an optimizer trains; for a step also what the gradients came from."""
    parameters = list(parameters_of(optimizer))
    boxes = [_held(state, each) for each in parameters]
    for each in parameters if is_step else ():
        boxes += state.recorded.roots_of(each)
        grad = None if each.grad is None else state.objects.find(each.grad)
        boxes += [] if grad is None else [grad]
    return boxes


def _as_one(state: State, function: Callable[..., Any]) -> Callable[..., Any]:
    """A call whose inside counts as one operation, though it is code of the user's."""

    @wraps(function)
    def quietly(*arguments: object, **keywords: object) -> object:
        state.quiet = True
        try:
            return function(*arguments, **keywords)
        finally:
            state.quiet = False

    return quietly


# Backward passes.


def _backward(state: State, site: Site, call: Call) -> Callable[..., Any]:
    """`backward()`, looked into while it runs."""
    function = call.function
    is_method = isinstance(call.owner, torch.Tensor)

    def backward(*arguments: Any, **keywords: Any) -> object:  # noqa: ANN401 - as torch takes them
        tensors = call.owner if is_method else _argument(arguments, keywords, 0, "tensors")
        weights = _argument(arguments, keywords, 0 if is_method else 1, "gradient" if is_method else "grad_tensors")
        roots: list[Seen] = []
        given: list[Seen] = []

        def begin() -> AbstractContextManager[Pass]:
            roots.extend(_boxes(state, tensors, site.span))
            given.extend(_boxes(state, weights, site.span))
            return state.recorded.backward(roots, given, site.span)

        if state.stopping.is_shown:
            with state.guard.ours():
                state.shown()
            return function(*arguments, **keywords)
        state.stopping.begin_pass()
        with state.guard.around(begin) as one:
            state.quiet = True
            try:
                result = function(*arguments, **keywords)
            except Exception as error:
                with state.guard.ours():
                    _refused(one, error, site.span, naming.backward("torch.Tensor.backward"), [*roots, *given])
                raise
            finally:
                state.quiet = False
        with state.guard.ours():
            place = (site.span, *[state.recorded.values[each.value].span for each in roots])
            state.training.passed([each.payload for each in roots], state.recorded.leaves.values(), place)
        state.stopping.end_pass(state.recorded.leaves.values())
        return result

    return backward


def _grad(state: State, site: Site) -> Callable[..., Any]:
    """`torch.autograd.grad`, looked into while it runs."""

    def grad(*arguments: Any, **keywords: Any) -> object:  # noqa: ANN401 - as torch takes them
        def begin() -> AbstractContextManager[Pass]:
            roots = _boxes(state, _argument(arguments, keywords, 0, "outputs"), site.span)
            given = _boxes(state, _argument(arguments, keywords, 2, "grad_outputs"), site.span)
            return state.recorded.grad(roots, given=bool(given), span=site.span)

        with state.guard.around(begin) as one:
            state.quiet = True
            try:
                return torch.autograd.grad(*arguments, **keywords)
            except Exception as error:
                with state.guard.ours():
                    all_of_it = [state.objects.box(each, site.span) for each in (*arguments, *keywords.values())]
                    operands = [each for each in all_of_it if each is not None]
                    _refused(one, error, site.span, naming.call("torch.autograd.grad", site.symbol), operands)
                raise
            finally:
                state.quiet = False

    return grad


def _hooking(state: State, owner: torch.Tensor, function: Callable[..., Any], span: Span) -> Callable[..., Any]:
    """`register_hook` of a tensor, such that what the hook puts in the place of a gradient is noted."""
    box = state.objects.box(owner, span)

    def register(hook: Callable[..., Any]) -> object:
        @wraps(hook, updated=())
        def observed(gradient: torch.Tensor) -> object:
            result = hook(gradient)
            if isinstance(result, torch.Tensor) and result is not gradient and box is not None:
                with state.guard.ours():
                    state.recorded.replaced(box, gradient, result, span)
            return result

        return function(observed)

    return register


def _refused(one: Pass | None, error: Exception, span: Span, operation: Operation, operands: Sequence[Seen]) -> None:
    """Note that a pass was refused, also on the exception; `one` is None for a pass that is no longer observed."""
    if one is not None:
        one.refusal = refusal(error, operation, operands, span=span, during=Phase.BACKWARD)
        vars(error)[REFUSAL] = one.refusal  # to be found where the run ends


def _argument(arguments: Sequence[object], keywords: dict[str, object], place: int, name: str) -> object:
    return keywords.get(name, arguments[place] if len(arguments) > place else None)


def _boxes(state: State, things: object, span: Span) -> list[Seen]:
    each = things if isinstance(things, tuple | list) else [things]
    found = [state.objects.box(thing, span) for thing in each if isinstance(thing, torch.Tensor)]
    return [box for box in found if box is not None]


# What has run.


def recorded(
    state: State, frame: Frame, site: Site, call: Call | None, operands: Sequence[Seen | None], value: object
) -> Seen | None:
    """The value of a call that has run."""
    if call is None or is_elusive(type(call.function)):
        return state.objects.box(value, site.span)
    first = 1 if site.operands and site.operands[0].source is not Source.CALLEE else 0
    given = [each for each in operands[first:] if each is not None]
    given += [made for each in given for made in state.generated.get(each, ()) if made is not None]
    _switched(state, frame, call, site.span)
    if isinstance(call.function, type) and issubclass(call.function, GRAD_MODES):
        return None
    if state.entered > call.entered and not isinstance(call.owner, Optimizer):
        return _returned(state, call, site, given, value)
    if value is None and call.stepped is not None:
        return call.stepped
    if not is_followed(value):
        return None
    return _of_library(state, call, given, site, value)


def _of_library(state: State, call: Call, given: Sequence[Seen], site: Site, value: object) -> Seen | None:
    """The value of a call that ran no code of the user's; whose method it is decides how it is recorded."""
    function, owner, span = call.function, call.owner, site.span
    if isinstance(function, Module):
        also = [_box_of(state, function, span), *call.also]
        return state.objects.add_performed(value, naming.module(type(function)), [*given, *also], span)
    match owner:
        case Module():
            return _of_module(state, owner, call, given, site, value)
        case Optimizer():
            return _of_optimizer(state, owner, call, given, site, value)
        case torch.Tensor():
            return _of_tensor(state, call, [_box_of(state, owner, span), *given], site, value)
        case list() | dict():
            return _of_list(state, owner, call, given, site, value)
    if owner is not None and is_followed(owner):
        operation = naming.method(type(owner), function.__name__)
        return state.objects.add_performed(value, operation, [*given, _box_of(state, owner, span)], span)
    return _of_function(state, call, given, site, value)


def _of_optimizer(
    state: State, owner: Optimizer, call: Call, given: Sequence[Seen], site: Site, value: object
) -> Seen | None:
    if call.stepped is not None:  # the step is recorded already; the call returned what its closure returned
        return state.objects.box(value, site.span)
    name = call.function.__name__
    operation = naming.step(type(owner)) if name == "step" else naming.method(type(owner), name)
    also = [*call.also, _box_of(state, owner, site.span)]
    return state.objects.add_performed(value, operation, [*given, *also], site.span)


def _switched(state: State, frame: Frame, call: Call, span: Span) -> None:
    """Note which call switched the grad mode, such as `torch.set_grad_enabled(False)`: the script's innermost."""
    if torch.is_grad_enabled() == call.grad_enabled:
        return
    entered, inner = state.switched
    if entered <= call.entered:
        inner = span
        state.switched = (state.entered + 1, span)
    frame.grad_mode_spans[-1] = inner


def _returned(state: State, call: Call, site: Site, given: Sequence[Seen], value: object) -> Seen | None:
    """The value of a call that ran code of the user's: what that returned."""
    thing, box = state.returned
    if thing is value and box is not None:
        return box
    known = state.objects.find(value)
    if known is not None or not is_followed(value):
        return known
    function = call.function
    is_class = isinstance(function, type)
    if is_class and not is_own(inspect.getattr_static(function, "__init__")):  # of a scheduler that calls a lambda
        return _of_function(state, call, given, site, value)
    if is_class or is_own(function) or not isinstance(value, torch.Tensor):
        return state.objects.box(value, site.span)
    if isinstance(function, Module):
        return state.objects.add_performed(value, naming.module(type(function)), [*given, *call.also], site.span)
    operation = naming.call(_full_name(function), site.symbol)
    operands = [*given, *([] if box is None else [box])]
    return state.objects.add_performed(value, operation, operands, site.span)


def _box_of(state: State, thing: object, span: Span) -> Seen:
    found = state.objects.box(thing, span)
    assert found is not None
    return found


def _of_module(
    state: State, owner: Module, call: Call, given: Sequence[Seen], site: Site, value: object
) -> Seen | None:
    name = call.function.__name__
    operation = naming.method(type(owner), name)
    box = _box_of(state, owner, site.span)
    if name in _LISTING:
        return state.objects.add(value, operation, [box], site.span)
    result = state.objects.add_performed(
        None if value is owner else value, operation, [*given, *state_of(state, owner)], site.span
    )
    return box if value is owner else result


def _of_tensor(state: State, call: Call, operands: Sequence[Seen], site: Site, value: object) -> Seen:
    name = call.function.__name__
    if name == "backward":
        return state.recorded.add(None, naming.backward("torch.Tensor.backward"), operands=operands[:1], span=site.span)
    if name.endswith("_"):
        return state.objects.add_performed(value, naming.method(torch.Tensor, name), operands, site.span)
    return state.perform(value, naming.method(torch.Tensor, name), operands, site.span)


def _of_list(
    state: State, owner: list[Any] | dict[Any, Any], call: Call, given: Sequence[Seen], site: Site, value: object
) -> Seen | None:
    box = _box_of(state, owner, site.span)
    held = [element for each in given for element in elements_of(each.payload)]
    state.objects.synchronise(owner, box, site.span, [*given, *held])
    known = state.objects.find(value)
    if known is not None:
        return known
    return state.objects.add(value, naming.method(type(owner), call.function.__name__), [box, *given], site.span)


def _of_function(state: State, call: Call, given: Sequence[Seen], site: Site, value: object) -> Seen:
    function, span = call.function, site.span
    if function is torch.autograd.backward:
        roots = [element for each in given[:1] for element in elements_of(each.payload)] or given[:1]
        return state.recorded.add(None, naming.backward("torch.autograd.backward"), operands=roots, span=span)
    if function is builtins.print:
        return state.recorded.add(None, naming.PRINT, operands=given, span=span)
    if any(function is each for each in _LISTS):
        held = [element for each in given for element in elements_of(each.payload)]
        return state.objects.add(value, _LISTS[function], [*given, *held], span)
    known = state.objects.find(value) if any(function is each for each in _CHOOSING) else None
    if known is not None:
        return known
    if isinstance(value, Optimizer):
        given = [*given, *trained(state, value, is_step=False)]
    operation = naming.call(_full_name(function), site.symbol)
    is_pure = isinstance(function, types.BuiltinFunctionType) and not operation.is_write
    perform = state.perform if is_pure and not any(each.keyword == "out" for each in site.operands) else None
    return (perform or state.objects.add_performed)(value, operation, given, span)


def _full_name(function: Any) -> str:  # noqa: ANN401 - whatever can be called
    kind = type(function)
    is_asking = is_elusive(kind) or isinstance(getattr(kind, "__getattr__", None), types.FunctionType)
    if not is_asking and hasattr(function, "__module__") and hasattr(function, "__qualname__"):
        return naming.full_name(function)
    return f"{kind.__module__}.{kind.__qualname__}"


def record_uncalled(state: State, site: Site, value: Any) -> None:  # noqa: ANN401 - whatever the script computes
    """A method that stands alone: the program has named it, and not called it."""
    if type(value) in _METHODS and is_followed(value.__self__):
        owner = _box_of(state, value.__self__, site.span)
        operation = naming.uncalled(type(value.__self__), value.__name__)
        state.recorded.add(f"<method {value.__name__}>", operation, operands=[owner], span=site.span)


def operation_of(call: Call, site: Site) -> Operation:
    """What a refused call would have been recorded as."""
    function, owner = call.function, call.owner
    if isinstance(function, Module):
        return naming.module(type(function))
    if isinstance(owner, torch.Tensor):
        return naming.method(torch.Tensor, function.__name__)
    if owner is not None and is_followed(owner):
        return naming.method(type(owner), function.__name__)
    return naming.call(_full_name(function), site.symbol)
