"""Walks a checked program statement by statement, with real torch, and tells the Recording of every value.

Nothing is ever compiled or evaluated by Python itself: each kind of syntax has its handler here, each name comes from
the vocabulary's table, and what has no handler was refused by `lang.check`. `calls` says what a call does.
"""

from __future__ import annotations

import ast
import contextlib
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from autograd_cli.diagnostic import Span
from autograd_cli.engine import arithmetic, containers, objects, operations, texts
from autograd_cli.engine.calls import Calls
from autograd_cli.engine.performer import Performer, RefusedError
from autograd_cli.engine.python_functions import iterate
from autograd_cli.engine.recording import Recording
from autograd_cli.engine.values import Box, Function, GraphNode, Iteration, Named, Scope
from autograd_cli.lang.check import assigned, is_constant
from autograd_cli.lang.program import Program
from autograd_cli.limits import Limits
from autograd_cli.trace import Backward, Step

_MAX_CALLS = 400


class _Break(Exception):  # noqa: N818 - a way out of a loop, not an error
    pass


class _Continue(Exception):  # noqa: N818 - as above
    pass


class _Return(Exception):  # noqa: N818 - as above
    def __init__(self, box: Box) -> None:
        super().__init__()
        self.box = box


class Interpreter:
    """One run of one program. `scope` are the variables where the run is: the inputs at first."""

    def __init__(self, program: Program, recording: Recording, names: dict[str, Box], limits: Limits) -> None:
        self.names = names
        self.steps: list[Step] = []
        self.backwards: list[Backward] = []
        self.called_grad = False
        self.printed = False
        self.performer = Performer(recording, limits)
        self.scope = Scope(names)
        self.spans = program.spans
        self.resolved = program.resolved
        self.roots_of_gradients: dict[int, list[Box]] = {}
        self._recording = recording
        self._tree = program.tree
        self._constants: dict[int, Box] = {}
        self._iterations: list[int] = []
        self._texts: dict[int, str] = {}
        self._calls = Calls(self)
        self._depth = 0
        self._output = 0

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
            result = self._step(statement)
        return result

    def _step(self, statement: ast.stmt) -> Box | None:
        number = len(self.steps)
        outer, self._recording.step = self._recording.step, number
        span = self.spans.of(statement)
        self.performer.tick("", span)
        rounds = tuple(self._iterations)
        self.steps.append(Step(id=number, span=span, iteration=rounds, binds=(), value=None, printed=None, refusal=None))
        binds: tuple[str, ...] = ()
        box, refusal = None, None
        try:
            box, binds = self._statement(statement)
        except RefusedError as error:
            refusal = error.refusal
            raise
        finally:
            self._recording.step = outer
            self.steps[number] = Step(
                id=number,
                span=span,
                iteration=rounds,
                binds=binds,
                value=None if box is None else box.value,
                printed=self._texts.get(number),
                refusal=refusal,
            )
        return box

    # Statements.

    def _statement(self, node: ast.stmt) -> tuple[Box | None, tuple[str, ...]]:  # noqa: C901, PLR0912 - one case for each kind of statement
        """The value of a statement and the names that it bound."""
        match node:
            case ast.Expr():
                return self._result(self.evaluate(node.value), node.value), ()
            case ast.Assign():
                box = self.evaluate(node.value)
                binds = [self._assign(target, box, node) for target in node.targets]
                return box, sum(binds, ())
            case ast.AnnAssign(value=ast.expr() as value):
                box = self.evaluate(value)
                return box, self._assign(node.target, box, node)
            case ast.AugAssign():
                return None, self._augmented(node)
            case ast.With():
                return self._with(node), ()
            case ast.If():
                chosen = node.body if self._truth(self.evaluate(node.test), self.spans.of(node.test)) else node.orelse
                return self._block(chosen), ()
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
            case ast.Assert():
                self._assert(node)
            case ast.Delete():
                for target in node.targets:
                    self._delete(target)
            case ast.Try():
                return self._try(node), ()
        return None, ()

    def _result(self, box: Box, node: ast.expr) -> Box | None:
        """The value of an expression statement: None where that is None, as of `print(x)` and `y.backward()`."""
        if isinstance(box.payload, Named | Function):
            raise self.performer.refused(TypeError("a function is not a result: call it"), self.spans.of(node))
        return None if box.payload is None and isinstance(node, ast.Call) else box

    def _with(self, node: ast.With) -> Box | None:
        with contextlib.ExitStack() as modes:
            for item in node.items:
                assert isinstance(item.context_expr, ast.Call)
                modes.enter_context(self._grad_mode(item.context_expr))
            return self._block(node.body)

    @contextlib.contextmanager
    def _grad_mode(self, call: ast.Call) -> Iterator[None]:
        span = self.spans.of(call)
        context = self._calls.grad_mode(call)
        self._recording.grad_mode_spans.append(span)
        try:
            with context:
                yield
        finally:
            self._recording.grad_mode_spans.pop()

    def _for(self, node: ast.For) -> None:
        span = self.spans.of(node.iter)
        boxes = iterate(self.performer, self.evaluate(node.iter), span)
        self._iterations.append(-1)
        try:
            for box in boxes:
                self._iterations[-1] += 1
                self._assign(node.target, box, node)
                try:
                    self._block(node.body)
                except _Continue:
                    continue
        except _Break:
            pass
        finally:
            self._iterations.pop()

    def _while(self, node: ast.While) -> None:
        span = self.spans.of(node.test)
        self._iterations.append(-1)
        try:
            while self._truth(self.evaluate(node.test), span):
                self.performer.tick("while", span)
                self._iterations[-1] += 1
                try:
                    self._block(node.body)
                except _Continue:
                    continue
        except _Break:
            pass
        finally:
            self._iterations.pop()

    def _define(self, node: ast.FunctionDef) -> tuple[str, ...]:
        function = self._function(node.name, node)
        self.scope.names[node.name] = self._recording.add(function, op="def", span=self.spans.of(node))
        return (node.name,)

    def _assert(self, node: ast.Assert) -> None:
        span = self.spans.of(node)
        if self._truth(self.evaluate(node.test), span):
            return
        words = "" if node.msg is None else texts.text_of(self.evaluate(node.msg))
        raise self.performer.refused(AssertionError(words), span)

    def _delete(self, target: ast.expr) -> None:
        assert isinstance(target, ast.Name)
        if target.id not in self.scope.names:
            raise self.performer.refused(_not_defined(target.id), self.spans.of(target))
        del self.scope.names[target.id]

    def _try(self, node: ast.Try) -> Box | None:
        try:
            result = self._block(node.body)
        except RefusedError as error:
            handler = _handler(node, error.refusal.exception)
            if handler is None:
                raise
            if handler.name is not None:
                words = error.refusal.message
                box = self._recording.add(words, op="except", span=self.spans.of(handler))
                self.scope.names[handler.name] = box
            result = self._block(handler.body)
        else:
            result = self._block(node.orelse) if node.orelse else result
        finally:
            self._block(node.finalbody)
        return result

    # Assignment.

    def _assign(self, target: ast.expr, box: Box, statement: ast.AST) -> tuple[str, ...]:
        match target:
            case ast.Name():
                self.scope.names[target.id] = box
                self._recording.give_name(box, target.id)
                return (target.id,)
            case ast.Tuple() | ast.List():
                return self._unpack(target, box, statement)
            case ast.Attribute():
                self._assign_attribute(target, box)
            case ast.Subscript():
                self._assign_item(target, box)
        return ()

    def _unpack(self, target: ast.Tuple | ast.List, box: Box, statement: ast.AST) -> tuple[str, ...]:
        span = self.spans.of(statement)
        if isinstance(box.payload, torch.Tensor):
            box = self.performer.perform("unpack", tuple, [box], span)
        elements = list(iterate(self.performer, box, span))
        stars = [index for index, element in enumerate(target.elts) if isinstance(element, ast.Starred)]
        if stars and len(elements) >= len(target.elts) - 1:
            first, behind = stars[0], len(target.elts) - stars[0] - 1
            middle = elements[first : len(elements) - behind]
            rest = self._recording.add(middle, op="list", operands=middle, span=span)
            elements = [*elements[:first], rest, *elements[len(elements) - behind :]]
        if len(elements) != len(target.elts):
            message = f"{len(elements)} values for {len(target.elts)} names"
            raise self.performer.refused(ValueError(message), span)
        names: tuple[str, ...] = ()
        for each, value in zip(target.elts, elements, strict=True):
            names += self._assign(each.value if isinstance(each, ast.Starred) else each, value, statement)
        return names

    def _assign_attribute(self, target: ast.Attribute, box: Box) -> None:
        owner = self.evaluate(target.value)
        function = objects.setter(target.attr)
        self.performer.perform(f".{target.attr} =", function, [owner, box], self.spans.of(target))

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
        self.performer.perform("[] =", _set_tensor_item, [owner, index, box], span)

    def _augmented(self, node: ast.AugAssign) -> tuple[str, ...]:
        op, function = arithmetic.IN_PLACE[type(node.op)]
        span = self.spans.of(node)
        target = node.target
        if isinstance(target, ast.Name):
            before = self._variable(target)
            return self._assign(target, self._arithmetic(op, function, before, self.evaluate(node.value), span), node)
        owner = self.evaluate(target.value)
        if isinstance(target, ast.Attribute):
            before = self._attribute(owner, target.attr, self.spans.of(target))
            result = self._arithmetic(op, function, before, self.evaluate(node.value), span)
            self.performer.perform(f".{target.attr} =", objects.setter(target.attr), [owner, result], span)
            return ()
        index = self.evaluate(target.slice)
        before = self._index(owner, index, self.spans.of(target))
        result = self._arithmetic(op, function, before, self.evaluate(node.value), span)
        self._set_item(owner, index, result, span)
        return ()

    # Expressions.

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
                op, function = arithmetic.BINARY[type(node.op)]
                left, right = self.evaluate(node.left), self.evaluate(node.right)
                return self._arithmetic(op, function, left, right, self.spans.of(node))
            case ast.UnaryOp():
                op, function = arithmetic.UNARY[type(node.op)]
                return self.performer.perform(op, function, [self.evaluate(node.operand)], self.spans.of(node))
            case ast.Call():
                return self._calls.call(node)
            case ast.Attribute():
                full_name = self.resolved.get(id(node))
                if full_name is not None:
                    return self._of_vocabulary(node, full_name)
                return self._attribute(self.evaluate(node.value), node.attr, self.spans.of(node))
            case ast.Subscript():
                return self._index(self.evaluate(node.value), self.evaluate(node.slice), self.spans.of(node))
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
                return self._recording.add(self._function("lambda", node), op="lambda", span=self.spans.of(node))
            case ast.ListComp() | ast.GeneratorExp():
                return self._comprehension(node)
            case ast.JoinedStr():
                return self._text(node)
        raise AssertionError(f"{type(node).__name__} passed the check and has no handler")

    def _name(self, node: ast.Name) -> Box:
        full_name = self.resolved.get(id(node))
        return self._variable(node) if full_name is None else self._of_vocabulary(node, full_name)

    def _variable(self, node: ast.Name) -> Box:
        box = self.scope.find(node.id)
        if box is None:
            raise self.performer.refused(_not_defined(node.id), self.spans.of(node))
        return box

    def _of_vocabulary(self, node: ast.expr, full_name: str) -> Box:
        """A constant, a dtype, or a function as a value."""
        box = self._constants.get(id(node))
        if box is None:
            payload = operations.constant_of(full_name) if is_constant(full_name) else Named(full_name)
            box = self._constants[id(node)] = self._recording.add(payload, op="constant", span=self.spans.of(node))
        return box

    def _constant(self, node: ast.Constant) -> Box:
        box = self._constants.get(id(node))
        if box is None:
            span = self.spans.of(node)
            self.performer.check_result(node.value, span)
            box = self._constants[id(node)] = self._recording.add(node.value, op="constant", span=span)
        return box

    def _none(self, node: ast.AST) -> Box:
        return self._recording.add(None, op="constant", span=self.spans.of(node))

    def _display(self, node: ast.Tuple | ast.List) -> Box:
        elements = self.elements(node.elts)
        payload = elements if isinstance(node, ast.List) else tuple(elements)
        op = "list" if isinstance(node, ast.List) else "tuple"
        return self._recording.add(payload, op=op, operands=elements, span=self.spans.of(node))

    def elements(self, nodes: Sequence[ast.expr]) -> list[Box]:
        """The boxes of expressions, those of `*sequence` one by one."""
        elements: list[Box] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                elements += iterate(self.performer, self.evaluate(node.value), self.spans.of(node))
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
        return self._recording.add(payload, op="dict", operands=list(payload.values()), span=span)

    def _slice(self, node: ast.Slice) -> Box:
        bounds = [node.lower, node.upper, node.step]
        boxes = [None if bound is None else self.evaluate(bound) for bound in bounds]
        payload = slice(*[None if box is None else box.unwrap() for box in boxes])
        operands = [box for box in boxes if box is not None]
        return self._recording.add(payload, op="slice", operands=operands, span=self.spans.of(node))

    def _arithmetic(self, op: str, function: arithmetic.Function, left: Box, right: Box, span: Span) -> Box:
        if isinstance(left.payload, torch.Tensor) or isinstance(right.payload, torch.Tensor):
            return self.performer.perform(op, function, [left, right], span)
        try:
            joined = arithmetic.joined(op, left.payload, right.payload, self.performer.limits)
        except Exception as error:  # noqa: BLE001 - a limit, or Python's answer
            raise self.performer.refused(error, span) from None
        if joined is None:
            return self.performer.perform(op, function, [left, right], span)
        if op == "+=" and isinstance(left.payload, list):
            left.payload[:] = joined
            return left
        return self._recording.add(joined, op=op, operands=[left, right], span=span)

    def _compare(self, node: ast.Compare) -> Box:
        """A < b < c means (a < b) and (b < c), as in Python."""
        span = self.spans.of(node)
        left, result = self.evaluate(node.left), None
        for comparison, comparator in zip(node.ops, node.comparators, strict=True):
            if result is not None and not self._truth(result, span):
                return result
            right = self.evaluate(comparator)
            if isinstance(comparison, ast.In | ast.NotIn):
                result = self._contains(left, right, span, negated=isinstance(comparison, ast.NotIn))
            else:
                op, function = arithmetic.COMPARISONS[type(comparison)]
                result = self.performer.perform(op, function, [left, right], span)
            left = right
        assert result is not None
        return result

    def _contains(self, item: Box, container: Box, span: Span, *, negated: bool) -> Box:
        op = "not in" if negated else "in"

        def contains(one: object, other: Any) -> bool:  # noqa: ANN401 - any container
            return (one in other) is not negated

        return self.performer.perform(op, contains, [item, container], span)

    def _bool_op(self, node: ast.BoolOp) -> Box:
        span = self.spans.of(node)
        stops_at = isinstance(node.op, ast.Or)
        seen: list[Box] = []
        for operand in node.values:
            seen.append(self.evaluate(operand))
            if operand is not node.values[-1] and self._truth(seen[-1], span) == stops_at:
                break
        return self._passed_on("or" if stops_at else "and", seen[-1], seen, span)

    def _if_else(self, node: ast.IfExp) -> Box:
        span = self.spans.of(node)
        test = self.evaluate(node.test)
        chosen = self.evaluate(node.body if self._truth(test, span) else node.orelse)
        return self._passed_on("if-else", chosen, [chosen, test], span)

    def _passed_on(self, op: str, box: Box, operands: Sequence[Box], span: Span) -> Box:
        """One of the operands, as the value of the expression that chose it."""
        if isinstance(box.payload, tuple | list | dict | Function | Named):
            return box
        return self._recording.add(box.payload, op=op, operands=operands, span=span)

    def _truth(self, box: Box, span: Span) -> bool:
        try:
            if isinstance(box.payload, Function | Named | GraphNode | Iteration | dict | list | tuple):
                return bool(box.payload)
            return bool(box.unwrap())
        except Exception as error:  # noqa: BLE001 - torch raises what it likes, and all of it is its answer
            raise self.performer.refused(error, span) from None

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp) -> Box:
        span = self.spans.of(node)
        elements: list[Box] = []
        first = self.evaluate(node.generators[0].iter)
        outer, self.scope = self.scope, Scope({}, self.scope)
        try:
            self._generate(node, 0, first, elements)
        finally:
            self.scope = outer
        self.performer.check_result(elements, span)
        return self._recording.add(elements, op="list", operands=elements, span=span)

    def _generate(self, node: ast.ListComp | ast.GeneratorExp, index: int, source: Box, elements: list[Box]) -> None:
        """The elements of a comprehension, from its generator `index` on."""
        generator = node.generators[index]
        for box in iterate(self.performer, source, self.spans.of(generator.iter)):
            self._assign(generator.target, box, generator.iter)
            tests = [self._truth(self.evaluate(test), self.spans.of(test)) for test in generator.ifs]
            if not all(tests):
                continue
            if index + 1 < len(node.generators):
                self._generate(node, index + 1, self.evaluate(node.generators[index + 1].iter), elements)
            else:
                elements.append(self.evaluate(node.elt))

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
        return self._recording.add(text, op="f-string", operands=operands, span=span)

    # Attributes and indices.

    def _attribute(self, owner: Box, name: str, span: Span) -> Box:
        if name in owner.fields:
            element: Box = owner.payload[owner.fields.index(name)]
            return element
        if isinstance(owner.payload, torch.nn.Module) and (found := objects.member(owner.payload, name)) is not None:
            if isinstance(found, torch.Tensor):
                return self._recording.box_of(found, f".{name}", span)
            return self._recording.add(found, op=f".{name}", operands=[owner], span=span)
        if isinstance(owner.payload, GraphNode):
            return self._calls.attribute_of_node(owner, name, span)
        if name == "grad_fn":
            return self._calls.grad_fn(owner, span)
        roots = self.roots_of_gradients.get(id(owner.payload), ()) if name == "grad" else ()
        return self.performer.perform(f".{name}", objects.getter(name), [owner], span, also=roots)

    def _index(self, owner: Box, index: Box, span: Span) -> Box:
        if isinstance(owner.payload, tuple | list | dict):
            return self._element(owner, index, span)
        if isinstance(owner.payload, torch.nn.Module):
            return self._calls.child(owner, index, span)
        if not isinstance(owner.payload, torch.Tensor | range | str):
            error = TypeError(f"'{owner.type_name}' object is not subscriptable")
            raise self.performer.refused(error, span)
        return self.performer.perform("[]", operator.getitem, [owner, index], span)

    def _element(self, owner: Box, index: Box, span: Span) -> Box:
        """Indexing a Python container gives the element itself, or a sequence of the same elements."""
        try:
            found = owner.payload[index.unwrap()]
        except (IndexError, TypeError, KeyError, ValueError) as error:
            raise self.performer.refused(error, span) from None
        if isinstance(found, Box):
            return found
        return self._recording.add(found, op="[]", operands=list(found), span=span)

    # Functions of the program.

    def _function(self, name: str, node: ast.FunctionDef | ast.Lambda) -> Function:
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

    def call_function(self, function: Function, arguments: Sequence[Box], keywords: dict[str, Box], span: Span) -> Box:
        """Run a function of the program.

        Raises:
            RefusedError: the arguments do not fit its parameters, or an operation in it was refused.
            AgxError: a limit was reached.
        """
        self.performer.tick(function.name, span)
        try:
            names = self._calls.bind(function, arguments, keywords, span)
        except TypeError as error:
            raise self.performer.refused(error, span) from None
        outer, self.scope = self.scope, Scope(names, function.scope, function.local)
        self._depth += 1
        try:
            if self._depth > _MAX_CALLS:
                raise self.performer.refused(RecursionError("maximum recursion depth exceeded"), span)
            return self._body(function, span)
        finally:
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
        return self._recording.add(None, op="constant", span=span)

    def watched_leaves(self) -> dict[str, torch.Tensor]:
        """The leaves so far, by name, or by the piece of the program that made them."""
        leaves: dict[str, torch.Tensor] = {}
        for tensor in self._recording.leaves.values():
            name = self._recording.name_of(tensor)
            if name is None:
                box = self._recording.known(tensor)
                span = None if box is None else self._recording.values[box.value].span
                name = "" if span is None else span.cut(self.spans.text)
            while name in leaves:
                name += "'"
            leaves[name] = tensor
        return leaves

    # What the program prints.

    def print(self, text: str, span: Span) -> None:
        """Keep what the program printed, with the step that printed it.

        Raises:
            AgxError: it printed too much.
        """
        self.printed = True
        self._output += len(text)
        self.performer.check_result(" " * min(self._output, self.performer.limits.output + 1), span)
        step = self._recording.step
        assert step is not None
        self._texts[step] = self._texts.get(step, "") + text

    @property
    def calls(self) -> Calls:
        """What calls do in this run."""
        return self._calls


def _set_tensor_item(tensor: Any, key: object, value: object) -> object:  # noqa: ANN401 - indexed as the program says
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"'{type(tensor).__name__}' object does not support item assignment")
    tensor[key] = value
    return tensor


def _not_defined(name: str) -> NameError:
    return NameError(f"name '{name}' is not defined")


def _handler(node: ast.Try, exception: str) -> ast.ExceptHandler | None:
    """The handler for an exception of this name, as Python would choose it."""
    bases = operations.bases_of(exception)
    for handler in node.handlers:
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        if any(kind is None or (isinstance(kind, ast.Name) and kind.id in bases) for kind in kinds):
            return handler
    return None
