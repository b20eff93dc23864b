"""Walks a checked program statement by statement, with real torch, and tells the Recording of every value.

Nothing is ever compiled or evaluated by Python itself: each kind of syntax has its handler here, each name comes from
the vocabulary's table, and what has no handler was refused by `lang.program`.
"""

from __future__ import annotations

import ast
import contextlib
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from autograd_cli.diagnostic import AgxError, Span
from autograd_cli.engine import operations
from autograd_cli.engine.recording import Box, Recording
from autograd_cli.lang import vocabulary
from autograd_cli.lang.program import Program, SpanFinder, grad_mode_call, no_grad_argument
from autograd_cli.limits import memory_error
from autograd_cli.trace import Phase, Refusal, Step


class RefusedError(Exception):
    """Torch or Python refused an operation of the program."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Interpreter:
    """One run of one program. `names` are the variables: the inputs at first."""

    def __init__(self, program: Program, recording: Recording, names: dict[str, Box]) -> None:
        self.names = names
        self.steps: list[Step] = []
        self._tree = program.tree
        self._recording = recording
        self._spans = SpanFinder(program.source)

    def run(self) -> Box | None:
        """The value of the last statement: None where that neither is an expression nor assigns one.

        Raises:
            RefusedError: torch refused an operation. The steps up to it are recorded, its own included.
        """
        result = None
        for statement in self._tree.body:
            result = self._step(statement)
        return result

    def _step(self, statement: ast.stmt) -> Box | None:
        number = len(self.steps)
        self._recording.step = number
        span = self._spans.of(statement)
        self.steps.append(Step(id=number, span=span, binds=(), value=None, refusal=None))
        try:
            box, binds = self._statement(statement)
        except RefusedError as error:
            self.steps[number] = Step(id=number, span=span, binds=(), value=None, refusal=error.refusal)
            raise
        value = None if box is None else box.value
        self.steps[number] = Step(id=number, span=span, binds=binds, value=value, refusal=None)
        return box

    def _statement(self, node: ast.stmt) -> tuple[Box | None, tuple[str, ...]]:
        """The value of a statement and the names that it bound."""
        match node:
            case ast.Expr():
                return self._evaluate(node.value), ()
            case ast.Assign():
                box = self._evaluate(node.value)
                return box, tuple(name for target in node.targets for name in self._assign(target, box, node))
            case ast.AugAssign():
                return None, self._augmented(node)
            case ast.With():
                return self._with(node), ()
            case _:
                return None, ()

    def _with(self, node: ast.With) -> Box | None:
        result = None
        with contextlib.ExitStack() as modes:
            for item in node.items:
                name = grad_mode_call(item.context_expr)
                assert name is not None
                modes.enter_context(self._grad_mode(name, self._spans.of(item.context_expr)))
            for statement in node.body:
                result = self._step(statement)
        return result

    @contextlib.contextmanager
    def _grad_mode(self, name: str, span: Span) -> Iterator[None]:
        self._recording.grad_mode_spans.append(span)
        try:
            with operations.GRAD_MODES[name]():
                yield
        finally:
            self._recording.grad_mode_spans.pop()

    # Assignment.

    def _assign(self, target: ast.expr, box: Box, statement: ast.stmt) -> tuple[str, ...]:
        match target:
            case ast.Name():
                self.names[target.id] = box
                self._recording.give_name(box, target.id)
                return (target.id,)
            case ast.Tuple() | ast.List():
                return self._unpack(target, box, statement)
            case ast.Attribute():
                self._assign_attribute(target, box)
            case ast.Subscript():
                self._assign_item(target, box)
        return ()

    def _unpack(self, target: ast.Tuple | ast.List, box: Box, statement: ast.stmt) -> tuple[str, ...]:
        span = self._spans.of(statement)
        elements = self._elements(box, span)
        if len(elements) != len(target.elts):
            message = f"{len(elements)} values for {len(target.elts)} names"
            raise self._refused(ValueError(message), span)
        pairs = zip(target.elts, elements, strict=True)
        return tuple(name for element, value in pairs for name in self._assign(element, value, statement))

    def _elements(self, box: Box, span: Span) -> Sequence[Box]:
        if isinstance(box.payload, tuple | list):
            return box.payload
        elements: Sequence[Box] = self._perform("unpack", tuple, [box], span).payload
        return elements

    def _assign_attribute(self, target: ast.Attribute, box: Box) -> None:
        owner = self._evaluate(target.value)
        result = self._perform(f".{target.attr} =", _setter(target.attr), [owner, box], self._spans.of(target))
        self._changed(owner, result)

    def _assign_item(self, target: ast.Subscript, box: Box) -> None:
        owner, index = self._evaluate(target.value), self._evaluate(target.slice)
        result = self._perform("[] =", _set_item, [owner, index, box], self._spans.of(target))
        self._changed(owner, result)

    def _augmented(self, node: ast.AugAssign) -> tuple[str, ...]:
        op, function = operations.IN_PLACE[type(node.op)]
        span = self._spans.of(node)
        target = node.target
        if isinstance(target, ast.Name):
            before = self.names[target.id]
            result = self._arithmetic(op, function, before, self._evaluate(node.value), span)
            self._changed(before, result)
            return self._assign(target, result, node)
        owner = self._evaluate(target.value)
        if isinstance(target, ast.Attribute):
            before = self._attribute(owner, target.attr, self._spans.of(target))
            result = self._arithmetic(op, function, before, self._evaluate(node.value), span)
            self._changed(owner, self._perform(f".{target.attr} =", _setter(target.attr), [owner, result], span))
            return ()
        index = self._evaluate(target.slice)
        before = self._index(owner, index, self._spans.of(target))
        result = self._arithmetic(op, function, before, self._evaluate(node.value), span)
        self._changed(owner, self._perform("[] =", _set_item, [owner, index, result], span))
        return ()

    def _changed(self, before: Box, after: Box) -> None:
        """An in-place operation made a new version of a value: every name of the same object now means that."""
        if before.payload is not after.payload:
            return
        for name, box in self.names.items():
            if box.payload is after.payload:
                self.names[name] = after
                self._recording.give_name(after, name)

    # Expressions.

    def _evaluate(self, node: ast.expr) -> Box:  # noqa: C901 - one case for each kind of expression
        match node:
            case ast.Name():
                return self._name(node)
            case ast.Constant():
                return self._recording.add(node.value, op="constant", span=self._spans.of(node))
            case ast.BinOp():
                op, function = operations.BINARY[type(node.op)]
                left, right = self._evaluate(node.left), self._evaluate(node.right)
                return self._arithmetic(op, function, left, right, self._spans.of(node))
            case ast.UnaryOp():
                op, function = operations.UNARY[type(node.op)]
                return self._perform(op, function, [self._evaluate(node.operand)], self._spans.of(node))
            case ast.Call():
                return self._call(node)
            case ast.Attribute():
                return self._attribute_or_constant(node)
            case ast.Subscript():
                return self._index(self._evaluate(node.value), self._evaluate(node.slice), self._spans.of(node))
            case ast.Tuple() | ast.List():
                return self._display(node)
            case ast.Slice():
                return self._slice(node)
            case ast.Compare():
                return self._compare(node)
            case ast.BoolOp():
                return self._bool_op(node)
            case ast.IfExp():
                return self._if_else(node)
        raise AssertionError(f"{type(node).__name__} passed the check and has no handler")

    def _name(self, node: ast.Name) -> Box:
        box = self.names.get(node.id)
        if box is not None:
            return box
        full_name = vocabulary.resolve(node.id)
        assert full_name is not None
        return self._recording.add(operations.constant_of(full_name), op="constant", span=self._spans.of(node))

    def _display(self, node: ast.Tuple | ast.List) -> Box:
        elements = [self._evaluate(element) for element in node.elts]
        payload = elements if isinstance(node, ast.List) else tuple(elements)
        op = "list" if isinstance(node, ast.List) else "tuple"
        return self._recording.add(payload, op=op, operands=elements, span=self._spans.of(node))

    def _slice(self, node: ast.Slice) -> Box:
        bounds = [node.lower, node.upper, node.step]
        boxes = [None if bound is None else self._evaluate(bound) for bound in bounds]
        payload = slice(*(None if box is None else box.unwrap() for box in boxes))
        operands = [box for box in boxes if box is not None]
        return self._recording.add(payload, op="slice", operands=operands, span=self._spans.of(node))

    def _arithmetic(self, op: str, function: operations.Function, left: Box, right: Box, span: Span) -> Box:
        def checked(a: object, b: object) -> object:
            if not isinstance(a, torch.Tensor) and not isinstance(b, torch.Tensor):
                operations.check_numbers(op, a, b)
            return function(a, b)

        return self._perform(op, checked, [left, right], span)

    def _compare(self, node: ast.Compare) -> Box:
        """A < b < c means (a < b) and (b < c), as in Python."""
        span = self._spans.of(node)
        left, result = self._evaluate(node.left), None
        for comparison, comparator in zip(node.ops, node.comparators, strict=True):
            if type(comparison) not in operations.COMPARISONS:
                raise self._refused(TypeError("`in` is not available here"), span)
            if result is not None and not self._truth(result, span):
                return result
            op, function = operations.COMPARISONS[type(comparison)]
            right = self._evaluate(comparator)
            result, left = self._perform(op, function, [left, right], span), right
        assert result is not None
        return result

    def _bool_op(self, node: ast.BoolOp) -> Box:
        span = self._spans.of(node)
        stops_at = isinstance(node.op, ast.Or)
        seen: list[Box] = []
        for operand in node.values:
            seen.append(self._evaluate(operand))
            if operand is not node.values[-1] and self._truth(seen[-1], span) == stops_at:
                break
        return self._passed_on("or" if stops_at else "and", seen[-1], seen, span)

    def _if_else(self, node: ast.IfExp) -> Box:
        span = self._spans.of(node)
        test = self._evaluate(node.test)
        chosen = self._evaluate(node.body if self._truth(test, span) else node.orelse)
        return self._passed_on("if-else", chosen, [chosen, test], span)

    def _passed_on(self, op: str, box: Box, operands: Sequence[Box], span: Span) -> Box:
        """One of the operands, as the value of the expression that chose it."""
        if isinstance(box.payload, tuple | list):
            return box
        return self._recording.add(box.payload, op=op, operands=operands, span=span)

    def _truth(self, box: Box, span: Span) -> bool:
        try:
            return bool(box.unwrap())
        except Exception as error:  # noqa: BLE001 - torch raises what it likes, and all of it is its answer
            raise self._refused(error, span) from None

    # Attributes and indices.

    def _attribute_or_constant(self, node: ast.Attribute) -> Box:
        span = self._spans.of(node)
        path = ast.unparse(node) if self._is_namespace(node) else None
        if path is not None and (full_name := vocabulary.resolve(path)) is not None:
            if full_name.rpartition(".")[2] not in vocabulary.CONSTANTS | vocabulary.DTYPES:
                raise self._refused(TypeError(f"{path} is a function: write {path}(…)"), span)
            return self._recording.add(operations.constant_of(full_name), op="constant", span=span)
        return self._attribute(self._evaluate(node.value), node.attr, span)

    def _is_namespace(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in vocabulary.NAMESPACES and node.id not in self.names

    def _attribute(self, owner: Box, name: str, span: Span) -> Box:
        if name in owner.fields:
            element: Box = owner.payload[owner.fields.index(name)]
            return element

        def read(tensor: object) -> object:
            if not isinstance(tensor, torch.Tensor) or name not in vocabulary.ATTRIBUTES:
                raise _no_attribute(tensor, name)
            return getattr(tensor, name)

        return self._perform(f".{name}", read, [owner], span)

    def _index(self, owner: Box, index: Box, span: Span) -> Box:
        if isinstance(owner.payload, tuple | list):
            return self._element(owner, index, span)
        return self._perform("[]", operator.getitem, [owner, index], span)

    def _element(self, owner: Box, index: Box, span: Span) -> Box:
        """Indexing a Python sequence gives the element itself, or a sequence of the same elements."""
        try:
            found = owner.payload[index.unwrap()]
        except (IndexError, TypeError) as error:
            raise self._refused(error, span) from None
        if isinstance(found, Box):
            return found
        return self._recording.add(found, op="[]", operands=list(found), span=span)

    # Calls.

    def _call(self, node: ast.Call) -> Box:
        span = self._spans.of(node)
        if (inner := no_grad_argument(node)) is not None:
            with self._grad_mode("no_grad", span):
                return self._evaluate(inner)
        if isinstance(node.func, ast.Attribute) and not self._is_namespace(node.func):
            return self._call_method(node, node.func, span)
        path = ast.unparse(node.func)
        full_name = vocabulary.resolve(path)
        assert full_name is not None
        arguments, keywords = self._arguments(node)
        function = self._function(path, full_name, [*arguments, *keywords.values()])
        return self._perform(path, function, arguments, span, keywords)

    def _function(self, path: str, full_name: str, arguments: Sequence[Box]) -> operations.Function:
        only_numbers = all(isinstance(argument.payload, int | float) for argument in arguments)
        if only_numbers and full_name == f"torch.{path}":
            scalar_function = operations.scalar_function_of(path)
            if scalar_function is not None:
                return scalar_function
        return operations.function_of(full_name)

    def _call_method(self, node: ast.Call, func: ast.Attribute, span: Span) -> Box:
        owner = self._evaluate(func.value)
        arguments, keywords = self._arguments(node)
        method = operations.method_of(func.attr)

        def call(receiver: object, *rest: object, **named: object) -> object:
            if not isinstance(receiver, torch.Tensor):
                raise _no_attribute(receiver, func.attr)
            return method(receiver, *rest, **named)

        result = self._perform(f".{func.attr}", call, [owner, *arguments], span, keywords)
        if func.attr.endswith("_"):
            self._changed(owner, result)
        return result

    def _arguments(self, node: ast.Call) -> tuple[list[Box], dict[str, Box]]:
        arguments = [self._evaluate(argument) for argument in node.args]
        keywords = {keyword.arg: self._evaluate(keyword.value) for keyword in node.keywords if keyword.arg is not None}
        return arguments, keywords

    def _perform(
        self,
        op: str,
        function: operations.Function,
        arguments: Sequence[Box],
        span: Span,
        keywords: dict[str, Box] | None = None,
    ) -> Box:
        """Run one operation; its result is a new value. What it raises is torch's answer."""
        keywords = keywords or {}
        try:
            result = function(
                *(argument.unwrap() for argument in arguments),
                **{name: keyword.unwrap() for name, keyword in keywords.items()},
            )
            return self._recording.add_result(result, op=op, operands=[*arguments, *keywords.values()], span=span)
        except Exception as error:  # noqa: BLE001 - torch raises what it likes, and all of it is its answer
            raise self._refused(error, span) from None

    def _refused(self, error: Exception, span: Span) -> RefusedError | AgxError:
        if (reached := memory_error(error, span)) is not None:
            return reached
        refusal = Refusal(exception=type(error).__name__, message=str(error), span=span, during=Phase.FORWARD)
        return RefusedError(refusal)


def _no_attribute(owner: object, name: str) -> AttributeError:
    return AttributeError(f"'{type(owner).__name__}' object has no attribute '{name}'")


def _setter(name: str) -> operations.Function:
    def assign(tensor: object, value: object) -> object:
        if not isinstance(tensor, torch.Tensor):
            raise _no_attribute(tensor, name)
        setattr(tensor, name, value)
        return tensor

    return assign


def _set_item(tensor: Any, key: object, value: object) -> object:  # noqa: ANN401 - indexed as the program says
    tensor[key] = value
    return tensor
