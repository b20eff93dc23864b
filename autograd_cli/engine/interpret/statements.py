"""Walks a checked program statement by statement; `expressions` evaluates what stands in them."""

from __future__ import annotations

import ast
import builtins
import contextlib
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.hooks import RemovableHandle

from autograd_cli import position
from autograd_cli.diagnostic import Span
from autograd_cli.engine.interpret import attributes, containers, functions, operators, texts
from autograd_cli.engine.interpret.builtins import iterate, listed
from autograd_cli.engine.interpret.expressions import Expressions
from autograd_cli.engine.interpret.performer import Performer, RefusedError
from autograd_cli.engine.record import naming
from autograd_cli.engine.values import Box, Derived, Function, Named, Scope, class_of, type_name
from autograd_cli.lang import kinds
from autograd_cli.lang.blocks import statements
from autograd_cli.lang.program import Program
from autograd_cli.lang.scope import is_uncalled

_MAX_CALLS = 400
_MODULES = torch.nn.ModuleList | torch.nn.ModuleDict | torch.nn.Sequential | torch.nn.ParameterList
_EXCEPTIONS: dict[str, type[Exception]] = {name: getattr(builtins, name) for name in kinds.EXCEPTIONS}


class _Break(Exception):  # noqa: N818 - a way out of a loop, not an error
    pass


class _Continue(Exception):  # noqa: N818 - a way to the next round, not an error
    pass


class _Return(Exception):  # noqa: N818 - a way out of a function, not an error
    def __init__(self, box: Box) -> None:
        super().__init__()
        self.box = box


class Interpreter(Expressions):
    """One run of one program."""

    def __init__(self, program: Program, performer: Performer, names: dict[str, Box]) -> None:
        super().__init__(program, performer, names)
        self._tree = program.tree
        self._iterations: list[int] = []
        self._rounds: list[int] = []
        self._depth = 0
        self._output = 0

    @functools.cached_property
    def of_loops(self) -> frozenset[str]:
        """The names that a `for` of the program binds."""
        return _loop_variables(self._tree)

    def run(self) -> Box | None:
        """The value of the last statement: None where that neither is an expression nor assigns one.

        Raises:
            RefusedError: torch refused an operation. The steps up to it are recorded, its own included.
            AgxError: a limit was reached.
        """
        return self._block(self._tree.body)

    def _block(self, body: Sequence[ast.stmt]) -> Box | None:
        result = None
        for statement in body:
            result = self.step(statement)
        return result

    def step(self, statement: ast.stmt) -> Box | None:
        """Run one statement, as a Step."""
        span = self.spans.of(statement)
        self.performer.tick("", span)
        number = self.recording.begin_step(span, tuple(self._iterations))
        bound: dict[str, int] = {}
        box, refusal = None, None
        try:
            box, bound = self.statement(statement)
        except RefusedError as error:
            refusal = error.refusal
            raise
        finally:
            self.recording.end_step(number, box, bound, refusal)
        return box

    # Statements.

    def statement(self, node: ast.stmt) -> tuple[Box | None, dict[str, int]]:  # noqa: C901, PLR0912 - one case for each kind of statement
        """The value of a statement, and the names that it bound, each with the value."""
        match node:
            case ast.Expr(value=ast.Attribute() as named) if id(named) not in self.resolved and is_uncalled(named):
                self._uncalled(named)
            case ast.Expr():
                return self._result(self.evaluate(node.value), node.value), {}
            case ast.Assign():
                box = self.evaluate(node.value)
                bound: dict[str, int] = {}
                for target in node.targets:
                    bound |= self.assign(target, box, node)
                return box, bound
            case ast.AnnAssign(value=ast.expr() as value):
                box = self.evaluate(value)
                return box, self.assign(node.target, box, node)
            case ast.AugAssign():
                return None, self._augmented(node)
            case ast.With():
                return self._with(node), {}
            case ast.If():
                chosen = node.body if self.truth(self.evaluate(node.test), self.spans.of(node.test)) else node.orelse
                return self._block(chosen), {}
            case ast.For():
                self._for(node)
            case ast.While():
                self._while(node)
            case ast.FunctionDef():
                return None, self._define(node)
            case ast.Return():
                raise _Return(self._none(node) if node.value is None else self.evaluate(node.value))
            case ast.Break():
                raise _Break
            case ast.Continue():
                raise _Continue
            case ast.Raise():
                self._raise(node)
            case ast.Assert():
                self._assert(node)
            case ast.Delete():
                for target in node.targets:
                    self._delete(target)
            case ast.Try():
                return self._try(node), {}
        return None, {}

    def _result(self, box: Box, node: ast.expr) -> Box | None:
        """The value of an expression statement; None for a call that gives None, such as `y.backward()`."""
        if isinstance(box.payload, RemovableHandle):
            return None  # a line that registers a hook
        if isinstance(box.payload, Named | Function | Derived):
            raise self.performer.refused(TypeError("a function is not a result: call it"), self.spans.of(node))
        return None if box.payload is None and isinstance(node, ast.Call) else box

    def _uncalled(self, node: ast.Attribute) -> None:
        """Record a method that is named and not called, as a value that is not used."""
        owner = self.evaluate(node.value)
        span = self.spans.of(node)
        if not attributes.has_method(owner.payload, node.attr):
            raise self.performer.refused(attributes.no_attribute(owner.payload, node.attr), span)
        self.performer.tick(node.attr, span)
        operation = naming.uncalled(class_of(owner.payload), node.attr)
        self.recording.add(f"<method {node.attr}>", operation, operands=[owner], span=span)

    def _with(self, node: ast.With) -> Box | None:
        with contextlib.ExitStack() as modes:
            for item in node.items:
                assert isinstance(item.context_expr, ast.Call)
                modes.enter_context(self._grad_mode(item.context_expr))
            return self._block(node.body)

    @contextlib.contextmanager
    def _grad_mode(self, call: ast.Call) -> Iterator[None]:
        span = self.spans.of(call)
        context = self.calls.grad_mode(call)
        self.recording.grad_mode_spans.append(span)
        try:
            with context:
                yield
        finally:
            self.recording.grad_mode_spans.pop()

    def _for(self, node: ast.For) -> None:
        boxes = iterate(self.performer, self.evaluate(node.iter), self.spans.of(node.iter))
        with self._loop():
            for box in boxes:
                self._next_round()
                self.assign(node.target, box, node)
                self._round(node.body)

    def _while(self, node: ast.While) -> None:
        span = self.spans.of(node.test)
        with self._loop():
            while self.truth(self.evaluate(node.test), span):
                self.performer.tick("while", span)
                self._next_round()
                self._round(node.body)

    @contextlib.contextmanager
    def _loop(self) -> Iterator[None]:
        """Count the rounds of one more loop, which a `break` ends."""
        self._iterations.append(-1)
        self._rounds.append(0)
        try:
            with contextlib.suppress(_Break):
                yield
        finally:
            self._iterations.pop()
            self._rounds.pop()
            position.mark_rounds(self._rounds)

    def _next_round(self) -> None:
        """Count a round. The supervisor hears of the rounds of all loops, also of those around the running function."""
        self._iterations[-1] += 1
        self._rounds[-1] += 1
        position.mark_rounds(self._rounds)

    def _round(self, body: Sequence[ast.stmt]) -> None:
        """Run a loop's body once; a `continue` ends it."""
        with contextlib.suppress(_Continue):
            self._block(body)

    def _define(self, node: ast.FunctionDef) -> dict[str, int]:
        function = self.function(node.name, node)
        box = self.scope.names[node.name] = self.recording.add(function, naming.DEF, span=self.spans.of(node))
        return {node.name: box.value}

    def _assert(self, node: ast.Assert) -> None:
        span = self.spans.of(node)
        if self.truth(self.evaluate(node.test), span):
            return
        try:
            words = "" if node.msg is None else texts.text_of(self.evaluate(node.msg))
        except Exception as error:  # noqa: BLE001 - torch may refuse to print a tensor
            raise self.performer.refused(error, span) from None
        raise self.performer.refused(AssertionError(words), span)

    def _raise(self, node: ast.Raise) -> None:
        raised = node.exc
        call = raised if isinstance(raised, ast.Call) else None
        kind = raised if call is None else call.func
        assert isinstance(kind, ast.Name)
        span = self.spans.of(node)
        try:
            words = texts.text_of(self.evaluate(call.args[0])) if call is not None and call.args else ""
        except Exception as error:  # noqa: BLE001 - torch may refuse to print a tensor
            raise self.performer.refused(error, span) from None
        raise self.performer.refused(_EXCEPTIONS[kind.id](words), span)

    def _delete(self, target: ast.expr) -> None:
        assert isinstance(target, ast.Name)
        if target.id not in self.scope.names:
            raise self.performer.refused(self.not_defined(target.id), self.spans.of(target))
        del self.scope.names[target.id]

    def _try(self, node: ast.Try) -> Box | None:
        try:
            result = self._tried(node)
        except (RefusedError, _Break, _Continue, _Return):  # but no limit: after one, nothing of the program runs
            self._block(node.finalbody)
            raise
        self._block(node.finalbody)
        return result

    def _tried(self, node: ast.Try) -> Box | None:
        try:
            result = self._block(node.body)
        except RefusedError as error:
            handler = _handler(node, error.refusal.exception)
            if handler is None:
                raise
            if handler.name is not None:
                words = error.refusal.message
                box = self.recording.add(words, naming.EXCEPTION, span=self.spans.of(handler))
                self.scope.names[handler.name] = box
            return self._block(handler.body)
        return self._block(node.orelse) if node.orelse else result

    # Assignment.

    def assign(self, target: ast.expr, box: Box, place: ast.AST) -> dict[str, int]:
        """Bind or write what a target stands for, and tell the names that it bound, each with the value."""
        match target:
            case ast.Name():
                self.scope.names[target.id] = box
                self.recording.give_name(box, target.id, self.scope.function)
                return {target.id: box.value}
            case ast.Tuple() | ast.List():
                return self._unpack(target, box, place)
            case ast.Attribute():
                self._assign_attribute(target, box)
            case ast.Subscript():
                self._assign_item(target, box)
        return {}

    def _unpack(self, target: ast.Tuple | ast.List, box: Box, place: ast.AST) -> dict[str, int]:
        span = self.spans.of(place)
        if isinstance(box.payload, torch.Tensor):
            box = self.performer.perform(naming.unpack(class_of(box.payload)), tuple, [box], span)
        elements = listed(self.performer, box, span)
        stars = [index for index, element in enumerate(target.elts) if isinstance(element, ast.Starred)]
        if stars and len(elements) >= len(target.elts) - 1:
            first, behind = stars[0], len(target.elts) - stars[0] - 1
            middle = elements[first : len(elements) - behind]
            rest = self.recording.add(middle, naming.LIST, operands=middle, span=span)
            elements = [*elements[:first], rest, *elements[len(elements) - behind :]]
        if len(elements) != len(target.elts):
            message = f"{len(elements)} values for {len(target.elts)} names"
            raise self.performer.refused(ValueError(message), span)
        names: dict[str, int] = {}
        for each, value in zip(target.elts, elements, strict=True):
            names |= self.assign(each.value if isinstance(each, ast.Starred) else each, value, place)
        return names

    def _assign_attribute(self, target: ast.Attribute, box: Box) -> None:
        owner = self.evaluate(target.value)
        function = attributes.setter(target.attr)
        self.performer.perform(
            naming.assignment(class_of(owner.payload), target.attr), function, [owner, box], self.spans.of(target)
        )

    def _assign_item(self, target: ast.Subscript, box: Box) -> None:
        owner, index = self.evaluate(target.value), self.evaluate(target.slice)
        self._set_item(owner, index, box, self.spans.of(target))

    def _set_item(self, owner: Box, index: Box, box: Box, span: Span) -> None:
        if isinstance(owner.payload, list | dict):
            self.performer.tick("[] =", span)
            try:
                containers.check_cycle(owner, [box])
                owner.payload[index.unwrap()] = box
            except (IndexError, TypeError, ValueError) as error:
                raise self.performer.refused(error, span) from None
            return
        self.performer.perform(naming.item_assignment(class_of(owner.payload)), _set_item_of, [owner, index, box], span)

    def _augmented(self, node: ast.AugAssign) -> dict[str, int]:
        op, function = operators.IN_PLACE[type(node.op)]
        span = self.spans.of(node)
        target = node.target
        if isinstance(target, ast.Name):
            before = self.variable(target)
            return self.assign(target, self.arithmetic(op, function, before, self.evaluate(node.value), span), node)
        owner = self.evaluate(target.value)
        if isinstance(target, ast.Attribute):
            before = self.attribute(owner, target.attr, self.spans.of(target))
            result = self.arithmetic(op, function, before, self.evaluate(node.value), span)
            operation = naming.assignment(class_of(owner.payload), target.attr)
            self.performer.perform(operation, attributes.setter(target.attr), [owner, result], span)
            return {}
        index = self.evaluate(target.slice)
        before = self.index(owner, index, self.spans.of(target))
        result = self.arithmetic(op, function, before, self.evaluate(node.value), span)
        self._set_item(owner, index, result, span)
        return {}

    # Functions of the program.

    def call_function(self, function: Function, arguments: Sequence[Box], keywords: dict[str, Box], span: Span) -> Box:
        """Run a function of the program.

        Raises:
            RefusedError: the arguments do not fit its parameters, or an operation in it was refused.
            AgxError: a limit was reached.
        """
        self.performer.tick(function.name, span)
        try:
            names = self.calls.bind(function, arguments, keywords, span)
        except TypeError as error:
            raise self.performer.refused(error, span) from None
        outer, self.scope = self.scope, Scope(names, function.scope, function.local, function.name)
        entered = self.recording.enter(names, function.name)
        self._depth += 1
        try:
            if self._depth > _MAX_CALLS:
                raise self.performer.refused(RecursionError("maximum recursion depth exceeded"), span)
            return self._body(function, span)
        finally:
            self.recording.leave(names, function.name, entered)
            self.scope = outer
            self._depth -= 1

    def _body(self, function: Function, span: Span) -> Box:
        node = function.node
        if isinstance(node, ast.Lambda):
            return self.evaluate(node.body)
        iterations, self._iterations = self._iterations, []
        try:
            with contextlib.ExitStack() as modes:
                for decorator in node.decorator_list:
                    assert isinstance(decorator, ast.Call)
                    modes.enter_context(self._grad_mode(decorator))
                self._block(node.body)
        except _Return as found:
            return found.box
        finally:
            self._iterations = iterations
        return self.recording.add(None, naming.CONSTANT, span=span)

    # What the program prints.

    def print(self, text: str, span: Span) -> None:
        """Keep what the program printed, with the step that printed it.

        Raises:
            AgxError: it printed too much.
        """
        self._output += len(text)
        self.performer.check_result(" " * min(self._output, self.performer.limits.output + 1), span)
        self.recording.add_printed(text, span)
        position.mark_printed(text, span)


def _loop_variables(tree: ast.Module) -> frozenset[str]:
    """The names that a `for` of the program binds."""
    targets = [loop.target for loop in statements(tree) if isinstance(loop, ast.For)]
    return frozenset([name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)])


def _set_item_of(owner: Any, key: Any, value: Any) -> object:  # noqa: ANN401 - indexed as the program says
    if not isinstance(owner, torch.Tensor | _MODULES):
        raise TypeError(f"'{type_name(owner)}' object does not support item assignment")
    owner[key] = value
    return owner


def _handler(node: ast.Try, exception: str) -> ast.ExceptHandler | None:
    """The handler for an exception of this name, as Python would choose it."""
    bases = functions.bases_of(exception)
    for handler in node.handlers:
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        if any(kind is None or (isinstance(kind, ast.Name) and kind.id in bases) for kind in kinds):
            return handler
    return None
