"""What a call does, by what is called: a function of the vocabulary, a method, a module, a function of the program."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from autograd_cli.diagnostic import Span
from autograd_cli.engine.interpret import attributes, backward, callbacks, containers, functions
from autograd_cli.engine.interpret.builtins import PythonFunctions
from autograd_cli.engine.interpret.machine import Machine
from autograd_cli.engine.record import naming
from autograd_cli.engine.values import Box, Derived, Function, GraphNode, Iteration, Named, class_of
from autograd_cli.lang import kinds, vocabulary
from autograd_cli.trace import Operation

_NO_GRAD = "torch.no_grad"
_NODE_NAME = naming.method(torch.autograd.graph.Node, "name")
_GRAD_SWITCHES = frozenset({"torch.set_grad_enabled", "torch.autograd.set_grad_enabled"})


class Calls:
    """The calls of one run."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._performer = machine.performer
        self._recording = machine.performer.recording
        self._spans = machine.spans
        self._resolved = machine.resolved
        self._python = PythonFunctions(machine)

    def call(self, node: ast.Call) -> Box:
        """The value of a call."""
        span = self._spans.of(node)
        full_name = self._resolved.get(id(node.func))
        if full_name == _NO_GRAD and len(node.args) == 1 and not node.keywords:
            return self._under_no_grad(node.args[0], span)
        if full_name is not None:
            arguments, keywords = self._arguments(node)
            return self.call_named(full_name, self._spans.text_of(node.func), arguments, keywords, span)
        if isinstance(node.func, ast.Attribute):
            return self._call_attribute(node, node.func, span)
        callee = self._machine.evaluate(node.func)
        arguments, keywords = self._arguments(node)
        return self.call_value(callee, arguments, keywords, span)

    def _under_no_grad(self, inner: ast.expr, span: Span) -> Box:
        self._recording.grad_mode_spans.append(span)
        try:
            with torch.no_grad():
                return self._machine.evaluate(inner)
        finally:
            self._recording.grad_mode_spans.pop()

    def _arguments(self, node: ast.Call) -> tuple[list[Box], dict[str, Box]]:
        arguments = self._machine.elements(node.args)
        keywords = {
            keyword.arg: self._machine.evaluate(keyword.value) for keyword in node.keywords if keyword.arg is not None
        }
        return arguments, keywords

    def grad_mode(self, node: ast.Call) -> contextlib.AbstractContextManager[Any]:
        """The context manager of a `with` or a decorator, whose arguments can only be bools.

        Raises:
            RefusedError: its argument is something else.
        """
        span = self._spans.of(node)
        arguments, keywords = self._arguments(node)
        full_name = self._resolved[id(node.func)]
        try:
            plain = [_truth(argument) for argument in arguments]
            named = {name: _truth(keyword) for name, keyword in keywords.items()}
            manager: contextlib.AbstractContextManager[Any] = functions.function_of(full_name)(*plain, **named)
        except Exception as error:  # noqa: BLE001 - whatever torch raises is a refusal of the arguments
            raise self._performer.refused(error, span) from None
        return manager

    # Functions of the vocabulary.

    def call_named(self, full_name: str, path: str, arguments: list[Box], keywords: dict[str, Box], span: Span) -> Box:
        """Call a function or class of the vocabulary; `path` is how the program writes it."""
        home, _, name = full_name.rpartition(".")
        operation = naming.call(full_name, path)
        self._check_keywords(operation, keywords, span)
        if home == "builtins":
            return self._python.call(name, arguments, keywords, span)
        if full_name in backward.CALLS:
            return backward.CALLS[full_name](self._machine, arguments, keywords, span)
        if full_name in _GRAD_SWITCHES:
            self._recording.grad_mode_spans[-1] = span
        arguments = [self._plain(argument) for argument in arguments]
        function = self._function(full_name, [*arguments, *keywords.values()])
        return self._perform(operation, function, arguments, span, keywords)

    def _perform(
        self,
        operation: Operation,
        function: Callable[..., Any],
        arguments: Sequence[Box],
        span: Span,
        keywords: Mapping[str, Box],
        *,
        also: Sequence[Box] = (),
    ) -> Box:
        """Run an operation of torch; where it takes functions of the program, it gets them as Callbacks."""
        if operation.function in kinds.CALLBACKS:
            end = self._recording.end_of(arguments[0]) if operation.function == callbacks.REGISTER_HOOK else None
            arguments = [callbacks.handed(self._machine, each, span, end) for each in arguments]
            keywords = {name: callbacks.handed(self._machine, each, span) for name, each in keywords.items()}
            function = callbacks.deriving(operation, function)
        return self._performer.perform(operation, function, arguments, span, keywords, also=also)

    def _check_keywords(self, operation: Operation, keywords: dict[str, Box], span: Span) -> None:
        row = vocabulary.operation(operation.function or "")
        for name in keywords:
            if row is not None and name not in row.keywords:
                error = TypeError(f"{operation.verb}() got an unexpected keyword argument '{name}'")
                raise self._performer.refused(error, span, operation=operation, operands=[*keywords.values()])

    def _function(self, full_name: str, arguments: Sequence[Box]) -> Callable[..., Any]:
        name = full_name.rpartition(".")[2]
        only_numbers = bool(arguments) and all(isinstance(each.payload, int | float) for each in arguments)
        if only_numbers and full_name == f"torch.{name}":
            scalar_function = functions.scalar_function_of(name)
            if scalar_function is not None:
                return scalar_function
        return functions.function_of(full_name)

    def _plain(self, argument: Box) -> Box:
        """An iteration, such as `zip(…)`, as the list that torch takes."""
        if isinstance(argument.payload, Iteration):
            elements = list(argument.payload.boxes)
            return self._recording.add(elements, naming.LIST, operands=[argument, *elements])
        return argument

    # Methods.

    def _call_attribute(self, node: ast.Call, func: ast.Attribute, span: Span) -> Box:
        owner = self._machine.evaluate(func.value)
        arguments, keywords = self._arguments(node)
        return self.call_method(owner, func.attr, arguments, keywords, span)

    def call_method(self, owner: Box, name: str, arguments: list[Box], keywords: dict[str, Box], span: Span) -> Box:
        """Call a method of a value, by its kind.

        Raises:
            RefusedError: it has none of this name, or torch refuses the call.
        """
        payload = owner.payload
        match payload:
            case torch.Tensor():
                return self._call_tensor_method(owner, name, arguments, keywords, span)
            case list() | dict():
                self._performer.tick(f".{name}", span)
                try:
                    return containers.call_method(self._performer, owner, name, arguments, keywords, span)
                except Exception as error:  # noqa: BLE001 - comparing tensors may raise anything
                    raise self._performer.refused(error, span) from None
            case torch.nn.Module():
                return self._call_module_method(owner, name, arguments, keywords, span)
            case GraphNode() if name == "name":
                return self._performer.perform(_NODE_NAME, payload.node.name, arguments, span, keywords)
        operation = naming.method(class_of(payload), name)
        method = attributes.method_of_object(payload, name)
        if method is None:
            missing = AttributeError(f"'{owner.type_name}' object has no attribute '{name}'")
            raise self._performer.refused(missing, span, operation=operation, operands=[owner])
        if isinstance(payload, attributes.Optimizer):
            return self._call_optimizer(owner, name, method, arguments, keywords, span)
        return self._performer.perform(operation, method, arguments, span, keywords, also=[owner])

    def _call_tensor_method(
        self, owner: Box, name: str, arguments: list[Box], keywords: dict[str, Box], span: Span
    ) -> Box:
        full_name = f"torch.Tensor.{name}"
        if name not in vocabulary.METHODS:
            raise self._performer.refused(attributes.no_attribute(owner.payload, name), span)
        operation = naming.method(torch.Tensor, name)
        self._check_keywords(operation, keywords, span)
        if full_name in backward.CALLS:
            return backward.CALLS[full_name](self._machine, [owner, *arguments], keywords, span)
        return self._perform(operation, functions.method_of(name), [owner, *arguments], span, keywords)

    # Modules and optimizers.

    def _call_module_method(
        self, owner: Box, name: str, arguments: list[Box], keywords: dict[str, Box], span: Span
    ) -> Box:
        if name == "forward":
            return self._call_module(owner, arguments, keywords, span, function=owner.payload.forward)
        child = attributes.member(owner.payload, name)
        if isinstance(child, torch.nn.Module):
            box = self._recording.add(
                child, naming.attribute(class_of(owner.payload), name), operands=[owner], span=span
            )
            return self._call_module(box, arguments, keywords, span)
        method = attributes.method_of_object(owner.payload, name)
        if method is None:
            raise self._performer.refused(attributes.no_attribute(owner.payload, name), span)
        if name in _LISTING:
            try:
                items = method(
                    *[each.unwrap() for each in arguments], **{key: keywords[key].unwrap() for key in keywords}
                )
                return self._listed(owner, name, items, span)
            except Exception as error:  # noqa: BLE001 - whatever torch raises is a refusal of the arguments
                raise self._performer.refused(error, span) from None
        operation = naming.method(class_of(owner.payload), name)
        result = self._perform(operation, method, arguments, span, keywords, also=[*self._state(owner, span)])
        return owner if result.payload is owner.payload else result

    def _listed(self, owner: Box, name: str, items: Any, span: Span) -> Box:  # noqa: ANN401 - an iterator of torch's
        """What `parameters()` and its like give, as a list: the parameters are the same boxes each time."""
        self._performer.tick(f".{name}", span)
        operation = naming.method(class_of(owner.payload), name)
        elements: list[Box] = []
        for item in items:
            pair = item if isinstance(item, tuple) else (item,)
            boxes = tuple([self._boxed(each, operation, span) for each in pair])
            is_pair = len(boxes) > 1
            elements.append(
                self._recording.add(boxes, naming.TUPLE, operands=boxes, span=span) if is_pair else boxes[0]
            )
        return self._recording.add(elements, operation, operands=[owner], span=span)

    def _boxed(self, item: object, operation: Operation, span: Span) -> Box:
        if isinstance(item, torch.Tensor):
            return self._recording.box_of(item, operation, span)
        return self._recording.add(item, operation, span=span)

    def child(self, owner: Box, index: Box, span: Span) -> Box:
        """`model[0]`: a child of a container of modules."""
        try:
            found = owner.payload[index.unwrap()]
        except Exception as error:  # noqa: BLE001 - whatever the container raises is a refusal of the index
            raise self._performer.refused(error, span) from None
        return self._boxed(found, naming.index(class_of(owner.payload)), span)

    def _state(self, owner: Box, span: Span) -> list[Box]:
        """The parameters and buffers of a module, which a call of it uses and may change."""
        tensors = [*owner.payload.parameters(), *owner.payload.buffers()]
        return [self._recording.box_of(tensor, naming.PARAMETER, span) for tensor in tensors]

    def _call_module(
        self,
        owner: Box,
        arguments: list[Box],
        keywords: dict[str, Box],
        span: Span,
        function: Callable[..., Any] | None = None,
    ) -> Box:
        module = owner.payload
        is_plain = function is not None or not callbacks.has_hooks(module)
        if type(module) is torch.nn.Sequential and len(arguments) == 1 and not keywords and is_plain:
            box = arguments[0]
            for layer in module:
                box = self._call_module(self._boxed(layer, naming.index(class_of(module)), span), [box], {}, span)
            return box
        operation = naming.module(class_of(module))
        return self._performer.perform(
            operation, function or module, arguments, span, keywords, also=[owner, *self._state(owner, span)]
        )

    def _call_optimizer(
        self,
        owner: Box,
        name: str,
        method: Callable[..., Any],
        arguments: list[Box],
        keywords: dict[str, Box],
        span: Span,
    ) -> Box:
        parameters = [parameter for group in owner.payload.param_groups for parameter in group["params"]]
        boxes = [self._recording.box_of(parameter, naming.PARAMETER, span) for parameter in parameters]
        if name != "step":
            operation = naming.method(class_of(owner.payload), name)
            return self._performer.perform(operation, method, arguments, span, keywords, also=[*boxes, owner])
        for parameter in parameters:
            boxes += self._recording.roots_of(parameter)
            grad = None if parameter.grad is None else self._recording.known(parameter.grad)
            boxes += [] if grad is None else [grad]
        operation = naming.step(class_of(owner.payload))
        return self._performer.perform(operation, method, arguments, span, keywords, also=[*boxes, owner])

    # Values that can be called.

    def call_value(self, callee: Box, arguments: list[Box], keywords: dict[str, Box], span: Span) -> Box:
        """Call what an expression gave.

        Raises:
            RefusedError: it cannot be called.
        """
        match callee.payload:
            case Function():
                return self._machine.call_function(callee.payload, arguments, keywords, span)
            case Named(full_name=full_name):
                return self.call_named(full_name, full_name, arguments, keywords, span)
            case torch.nn.Module():
                return self._call_module(callee, arguments, keywords, span)
            case Derived(operation=operation, function=made):
                return self._performer.perform(operation, made, arguments, span, keywords, also=[callee])
        raise self._performer.refused(TypeError(f"'{callee.type_name}' object is not callable"), span)

    def bind(
        self, function: Function, arguments: Sequence[Box], keywords: dict[str, Box], span: Span
    ) -> dict[str, Box]:
        """The variables that a call of a function of the program starts with.

        Raises:
            TypeError: too many arguments, too few, or one with a wrong name.
        """
        parameters = function.node.args
        positional = [parameter.arg for parameter in (*parameters.posonlyargs, *parameters.args)]
        names = dict(zip(positional, arguments, strict=False))
        rest = list(arguments[len(positional) :])
        if parameters.vararg is not None:
            names[parameters.vararg.arg] = self._recording.add(tuple(rest), naming.TUPLE, operands=rest, span=span)
        elif rest:
            raise TypeError(f"{function.name}() takes {len(positional)} arguments but {len(arguments)} were given")
        accepted = {parameter.arg for parameter in (*parameters.args, *parameters.kwonlyargs)}
        for name, box in keywords.items():
            if name not in accepted or name in names:
                kind = "multiple values for" if name in names else "an unexpected keyword"
                raise TypeError(f"{function.name}() got {kind} argument '{name}'")
            names[name] = box
        defaults = dict(zip(reversed(positional), reversed(function.defaults), strict=False))
        only = zip([each.arg for each in parameters.kwonlyargs], function.keyword_defaults, strict=True)
        defaults |= {name: box for name, box in only if box is not None}
        for name in (*positional, *[each.arg for each in parameters.kwonlyargs]):
            if name not in names and name not in defaults:
                raise TypeError(f"{function.name}() missing 1 required argument: '{name}'")
            names.setdefault(name, defaults.get(name, Box(0, None)))
        return names

    # The graph that torch recorded.

    def grad_fn(self, owner: Box, span: Span) -> Box:
        """`y.grad_fn`: a node, or None."""

        def read(tensor: object) -> object:
            if not isinstance(tensor, torch.Tensor):
                raise attributes.no_attribute(tensor, "grad_fn")
            return None if tensor.grad_fn is None else GraphNode(tensor.grad_fn)

        return self._performer.perform(naming.attribute(torch.Tensor, "grad_fn"), read, [owner], span)

    def attribute_of_node(self, owner: Box, name: str, span: Span) -> Box:
        """`y.grad_fn.next_functions`: pairs of a node, or None, and the number of its input."""
        if name not in kinds.NODE_ATTRIBUTES:
            error = AttributeError(f"'{type(owner.payload.node).__name__}' object has no attribute '{name}'")
            raise self._performer.refused(error, span)

        def read() -> object:
            return tuple(
                [(None if node is None else GraphNode(node), nr) for node, nr in owner.payload.node.next_functions]
            )

        operation = naming.attribute(torch.autograd.graph.Node, name)
        return self._performer.perform(operation, read, [], span, also=[owner])


_LISTING = kinds.MODULE_DICT_METHODS | {
    "parameters",
    "named_parameters",
    "children",
    "named_children",
    "modules",
    "buffers",
}


def _truth(argument: Box) -> bool:
    if not isinstance(argument.payload, bool):
        raise TypeError(f"a grad mode takes True or False, not {argument.type_name}")
    return argument.payload
