"""Evaluates expressions, with real torch, and tells the Recording of every value.

Nothing is ever compiled or evaluated by Python itself: each kind of syntax has its handler here, each name comes from
the vocabulary's table, and what has no handler was refused by `lang.check`. `calls` says what a call does.
"""

from __future__ import annotations

import ast
import operator
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeAlias

import torch

from autograd_cli.diagnostic import Span
from autograd_cli.engine.interpret import attributes, functions, operators, texts
from autograd_cli.engine.interpret.builtins import iterate, listed
from autograd_cli.engine.interpret.calls import Calls
from autograd_cli.engine.interpret.performer import Performer, length_of
from autograd_cli.engine.record import naming
from autograd_cli.engine.values import Box, Function, GraphNode, Iteration, Named, Scope, class_of
from autograd_cli.lang.program import Program
from autograd_cli.lang.scope import assigned, is_constant
from autograd_cli.trace import Operation

_Comprehension: TypeAlias = ast.ListComp | ast.GeneratorExp | ast.DictComp


class Expressions(ABC):
    """The expressions of one run. `scope` are the variables where the run is: the inputs at first."""

    def __init__(self, program: Program, performer: Performer, names: dict[str, Box]) -> None:
        self.names = names
        self.scope = Scope(names)
        self.recording = performer.recording
        self.performer = performer
        self.spans = program.spans
        self.resolved = program.resolved
        self.iterations = 0  # nested iterations of `map` and the like that are under way
        self.callbacks = 0  # nested calls by torch that are under way
        self._constants: dict[int, Box] = {}
        self.calls = Calls(self)

    @abstractmethod
    def assign(self, target: ast.expr, box: Box, place: ast.AST) -> dict[str, int]:
        """Bind or write what a target stands for, and tell the names that it bound."""

    @abstractmethod
    def call_function(self, function: Function, arguments: Sequence[Box], keywords: dict[str, Box], span: Span) -> Box:
        """Run a function of the program."""

    @abstractmethod
    def print(self, text: str, span: Span) -> None:
        """Keep what the program printed."""

    def call_value(self, callee: Box, arguments: list[Box], keywords: dict[str, Box], span: Span) -> Box:
        """Call what a name holds."""
        return self.calls.call_value(callee, arguments, keywords, span)

    def evaluate(self, node: ast.expr) -> Box:  # noqa: C901, PLR0912 - one case for each kind of expression
        """The box of an expression.

        Raises:
            RefusedError: torch or Python refused an operation in it.
            AgxError: a limit was reached.
        """
        match node:
            case ast.Name():
                return self._name(node)
            case ast.Constant():
                return self._constant(node)
            case ast.BinOp():
                op, function = operators.BINARY[type(node.op)]
                left, right = self.evaluate(node.left), self.evaluate(node.right)
                return self.arithmetic(op, function, left, right, self.spans.of(node))
            case ast.UnaryOp():
                op, function = operators.UNARY[type(node.op)]
                operand = self.evaluate(node.operand)
                operation = naming.operator(op, operand.payload)
                return self.performer.perform(operation, function, [operand], self.spans.of(node))
            case ast.Call():
                return self.calls.call(node)
            case ast.Attribute():
                full_name = self.resolved.get(id(node))
                if full_name is not None:
                    return self._of_vocabulary(node, full_name)
                return self.attribute(self.evaluate(node.value), node.attr, self.spans.of(node))
            case ast.Subscript():
                return self.index(self.evaluate(node.value), self.evaluate(node.slice), self.spans.of(node))
            case ast.Tuple() | ast.List():
                return self._display(node)
            case ast.Dict():
                return self._dict(node)
            case ast.Slice():
                return self._slice(node)
            case ast.Compare():
                return self._compare(node)
            case ast.BoolOp():
                return self._bool_op(node)
            case ast.IfExp():
                return self._if_else(node)
            case ast.Lambda():
                return self.recording.add(self.function("lambda", node), naming.LAMBDA, span=self.spans.of(node))
            case ast.ListComp() | ast.GeneratorExp() | ast.DictComp():
                return self._comprehension(node)
            case ast.JoinedStr():
                return self._text(node)
        raise AssertionError(f"{type(node).__name__} passed the check and has no handler")

    def _name(self, node: ast.Name) -> Box:
        full_name = self.resolved.get(id(node))
        return self.variable(node) if full_name is None else self._of_vocabulary(node, full_name)

    def variable(self, node: ast.Name) -> Box:
        """What a variable holds."""
        box = self.scope.find(node.id)
        if box is None:
            raise self.performer.refused(self.not_defined(node.id), self.spans.of(node))
        return box

    def not_defined(self, name: str) -> NameError:
        """Python's error for a name that is bound nowhere, or not yet."""
        if name in self.scope.local and name not in self.scope.names:
            return UnboundLocalError(f"cannot access local variable '{name}' where it is not associated with a value")
        return NameError(f"name '{name}' is not defined")

    def _of_vocabulary(self, node: ast.expr, full_name: str) -> Box:
        """A constant, a dtype, or a function as a value."""
        box = self._constants.get(id(node))
        if box is None:
            is_value = is_constant(full_name) and not full_name.startswith("builtins.")
            payload = functions.constant_of(full_name) if is_value else Named(full_name)
            box = self._constants[id(node)] = self.recording.add(payload, naming.CONSTANT, span=self.spans.of(node))
        return box

    def _constant(self, node: ast.Constant) -> Box:
        box = self._constants.get(id(node))
        if box is None:
            span = self.spans.of(node)
            self.performer.check_result(node.value, span)
            box = self._constants[id(node)] = self.recording.add(node.value, naming.CONSTANT, span=span)
        return box

    def _none(self, node: ast.AST) -> Box:
        return self.recording.add(None, naming.CONSTANT, span=self.spans.of(node))

    def _display(self, node: ast.Tuple | ast.List) -> Box:
        elements = self.elements(node.elts)
        payload = elements if isinstance(node, ast.List) else tuple(elements)
        operation = naming.LIST if isinstance(node, ast.List) else naming.TUPLE
        return self.recording.add(payload, operation, operands=elements, span=self.spans.of(node))

    def elements(self, nodes: Sequence[ast.expr]) -> list[Box]:
        """The boxes of expressions, those of `*sequence` one by one."""
        elements: list[Box] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                elements += listed(self.performer, self.evaluate(node.value), self.spans.of(node))
                self.performer.check_length(len(elements), self.spans.of(node))
            else:
                elements.append(self.evaluate(node))
        return elements

    def _dict(self, node: ast.Dict) -> Box:
        payload: dict[Any, Box] = {}
        span = self.spans.of(node)
        for key, value in zip(node.keys, node.values, strict=True):
            assert key is not None
            try:
                payload[self.evaluate(key).unwrap()] = self.evaluate(value)
            except TypeError as error:
                raise self.performer.refused(error, span) from None
        return self.recording.add(payload, naming.DICT, operands=list(payload.values()), span=span)

    def _slice(self, node: ast.Slice) -> Box:
        bounds = [node.lower, node.upper, node.step]
        boxes = [None if bound is None else self.evaluate(bound) for bound in bounds]
        operands, span = [box for box in boxes if box is not None], self.spans.of(node)
        try:
            payload = slice(*[None if box is None else box.unwrap() for box in boxes])
        except TypeError as error:
            raise self.performer.refused(error, span) from None
        return self.recording.add(payload, naming.SLICE, operands=operands, span=span)

    def arithmetic(self, op: str, function: operators.Function, left: Box, right: Box, span: Span) -> Box:
        """The value of a binary operator, or of an augmented assignment."""
        payloads = (left.payload, right.payload)
        if any(isinstance(each, torch.Tensor) for each in payloads) and not operators.is_joining(op, *payloads):
            return self.performer.perform(naming.operator(op, *payloads), function, [left, right], span)
        try:
            joined = operators.joined(op, *payloads, self.performer.limits)
        except Exception as error:  # noqa: BLE001 - a limit, or Python's answer
            raise self.performer.refused(error, span) from None
        if joined is None:
            return self.performer.perform(naming.operator(op, *payloads), function, [left, right], span)
        if op == "+=" and isinstance(left.payload, list):
            left.payload[:] = joined
            return left
        return self.recording.add(joined, naming.operator(op, *payloads), operands=[left, right], span=span)

    def _compare(self, node: ast.Compare) -> Box:
        """A < b < c means (a < b) and (b < c), as in Python."""
        span = self.spans.of(node)
        left, result = self.evaluate(node.left), None
        for comparison, comparator in zip(node.ops, node.comparators, strict=True):
            if result is not None and not self.truth(result, span):
                return result
            right = self.evaluate(comparator)
            if isinstance(comparison, ast.Is | ast.IsNot):
                result = self._is(left, right, span, negated=isinstance(comparison, ast.IsNot))
            elif isinstance(comparison, ast.In | ast.NotIn):
                result = self._contains(left, right, span, negated=isinstance(comparison, ast.NotIn))
            else:
                op, function = operators.COMPARISONS[type(comparison)]
                operation = naming.operator(op, left.payload, right.payload)
                result = self.performer.perform(operation, function, [left, right], span)
            left = right
        assert result is not None
        return result

    def _is(self, left: Box, right: Box, span: Span, *, negated: bool) -> Box:
        """`is`, which Python allows for any two objects."""
        pair = [each.payload.node if isinstance(each.payload, GraphNode) else each.payload for each in (left, right)]
        truth = (pair[0] is pair[1]) is not negated
        self.performer.tick("is", span)
        operation = naming.operator("is not" if negated else "is", left.payload, right.payload)
        return self.recording.add(truth, operation, operands=[left, right], span=span)

    def _contains(self, item: Box, container: Box, span: Span, *, negated: bool) -> Box:
        operation = naming.operator("not in" if negated else "in", item.payload, container.payload)

        def contains(one: object, other: Any) -> bool:  # noqa: ANN401 - any container
            return (one in other) is not negated

        if isinstance(container.payload, range) and not isinstance(item.payload, int):
            self.performer.check_length(length_of(container.payload), span)  # Python compares with each

        return self.performer.perform(operation, contains, [item, container], span)

    def _bool_op(self, node: ast.BoolOp) -> Box:
        span = self.spans.of(node)
        stops_at = isinstance(node.op, ast.Or)
        seen: list[Box] = []
        for operand in node.values:
            seen.append(self.evaluate(operand))
            if operand is not node.values[-1] and self.truth(seen[-1], span) == stops_at:
                break
        return self._passed_on(naming.OR if stops_at else naming.AND, seen[-1], seen, span)

    def _if_else(self, node: ast.IfExp) -> Box:
        span = self.spans.of(node)
        test = self.evaluate(node.test)
        chosen = self.evaluate(node.body if self.truth(test, span) else node.orelse)
        return self._passed_on(naming.IF_ELSE, chosen, [chosen, test], span)

    def _passed_on(self, operation: Operation, box: Box, operands: Sequence[Box], span: Span) -> Box:
        """One of the operands, as the value of the expression that chose it."""
        if isinstance(box.payload, tuple | list | dict | Function | Named):
            return box
        return self.recording.add(box.payload, operation, operands=operands, span=span)

    def truth(self, box: Box, span: Span) -> bool:
        """Whether a value counts as true."""
        try:
            if isinstance(box.payload, Function | Named | GraphNode | Iteration | dict | list | tuple):
                return bool(box.payload)
            return bool(box.unwrap())
        except Exception as error:  # noqa: BLE001 - whatever torch raises is its answer
            raise self.performer.refused(error, span) from None

    def _comprehension(self, node: _Comprehension) -> Box:
        span = self.spans.of(node)
        elements: list[Box] = []
        first = self.evaluate(node.generators[0].iter)
        outer, self.scope = self.scope, Scope({}, self.scope, function=self.scope.function)
        try:
            self._generate(node, 0, first, elements)
        finally:
            self.scope = outer
        self.performer.check_result(elements, span)
        if not isinstance(node, ast.DictComp):
            return self.recording.add(elements, naming.LIST, operands=elements, span=span)
        try:
            payload = {key.unwrap(): value for key, value in zip(elements[::2], elements[1::2], strict=True)}
        except TypeError as error:
            raise self.performer.refused(error, span) from None
        return self.recording.add(payload, naming.DICT, operands=elements[1::2], span=span)

    def _generate(self, node: _Comprehension, index: int, source: Box, elements: list[Box]) -> None:
        """The elements of a comprehension, from its generator `index` on; for a dict, keys and values in turn."""
        generator = node.generators[index]
        span = self.spans.of(generator.iter)
        for box in iterate(self.performer, source, span):
            self.performer.tick("for", span)
            self.assign(generator.target, box, generator.iter)
            tests = [self.truth(self.evaluate(test), self.spans.of(test)) for test in generator.ifs]
            if not all(tests):
                continue
            if index + 1 < len(node.generators):
                self._generate(node, index + 1, self.evaluate(node.generators[index + 1].iter), elements)
            else:
                parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
                elements += [self.evaluate(part) for part in parts]
                self.performer.check_length(len(elements), span)

    def _text(self, node: ast.JoinedStr) -> Box:
        span = self.spans.of(node)
        pieces: list[str] = []
        operands: list[Box] = []
        for value in node.values:
            if isinstance(value, ast.Constant):
                pieces.append(str(value.value))
                continue
            assert isinstance(value, ast.FormattedValue)
            operands.append(self.evaluate(value.value))
            spec = "" if value.format_spec is None else texts.text_of(self.evaluate(value.format_spec))
            self.performer.tick("f-string", span)
            try:
                pieces.append(texts.formatted(operands[-1], spec, value.conversion))
            except Exception as error:  # noqa: BLE001 - a specification that does not fit, or torch's refusal to print
                raise self.performer.refused(error, span) from None
        text = "".join(pieces)
        self.performer.check_result(text, span)
        return self.recording.add(text, naming.TEXT, operands=operands, span=span)

    # Attributes and indices.

    def attribute(self, owner: Box, name: str, span: Span) -> Box:
        """The value of `owner.name`."""
        if name in owner.fields:
            element: Box = owner.payload[owner.fields.index(name)]
            return element
        if isinstance(owner.payload, torch.nn.Module) and (found := attributes.member(owner.payload, name)) is not None:
            operation = naming.attribute(class_of(owner.payload), name)
            if isinstance(found, torch.Tensor):
                return self.recording.box_of(found, operation, span)
            return self.recording.add(found, operation, operands=[owner], span=span)
        if isinstance(owner.payload, GraphNode):
            return self.calls.attribute_of_node(owner, name, span)
        if name == "grad_fn":
            return self.calls.grad_fn(owner, span)
        roots = self.recording.roots_of(owner.payload) if name == "grad" else ()
        operation = naming.attribute(class_of(owner.payload), name)
        return self.performer.perform(operation, attributes.getter(name), [owner], span, also=roots)

    def index(self, owner: Box, index: Box, span: Span) -> Box:
        """The value of `owner[index]`."""
        if isinstance(owner.payload, tuple | list | dict):
            return self._element(owner, index, span)
        if isinstance(owner.payload, torch.nn.Module):
            return self.calls.child(owner, index, span)
        if not isinstance(owner.payload, torch.Tensor | range | str):
            error = TypeError(f"'{owner.type_name}' object is not subscriptable")
            raise self.performer.refused(error, span)
        return self.performer.perform(naming.index(class_of(owner.payload)), operator.getitem, [owner, index], span)

    def _element(self, owner: Box, index: Box, span: Span) -> Box:
        """Indexing a Python container gives the element itself, or a sequence of the same elements."""
        try:
            found = owner.payload[index.unwrap()]
        except (IndexError, TypeError, KeyError, ValueError) as error:
            raise self.performer.refused(error, span) from None
        if isinstance(found, Box):
            return found
        return self.recording.add(found, naming.index(class_of(owner.payload)), operands=list(found), span=span)

    def function(self, name: str, node: ast.FunctionDef | ast.Lambda) -> Function:
        """A function of the program, with its defaults as they are now."""
        arguments = node.args
        keyword_defaults = [None if default is None else self.evaluate(default) for default in arguments.kw_defaults]
        local = frozenset(assigned(node.body)) if isinstance(node, ast.FunctionDef) else frozenset[str]()
        return Function(
            name=name,
            node=node,
            scope=self.scope,
            defaults=tuple([self.evaluate(default) for default in arguments.defaults]),
            keyword_defaults=tuple(keyword_defaults),
            local=local,
        )
