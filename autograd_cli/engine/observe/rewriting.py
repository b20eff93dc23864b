"""Rewrites the syntax tree of a user's file so that it does what it did, and each operation reports what it made.

Every operation stays in the user's own frame, where tracebacks, `super()`, `yield` and `sys._getframe` see it as
before: `a * b` becomes `report(frame, place, a * b, a, b)`. A variable that is an operand is read once more after the
operation, which costs less than a report of its own and can have no effect.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from autograd_cli.engine.observe import helpers, symbols
from autograd_cli.engine.observe.expressions import Expressions, Parts
from autograd_cli.engine.observe.nodes import copied, entered, parameters, placed, stored, values_of
from autograd_cli.engine.observe.sites import Kind, Operand, Source, Write

_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Rewriter(Expressions):
    """Rewrites the statements of a file."""

    def rewrite(self, tree: ast.Module) -> ast.Module:
        """The tree, rewritten in place."""
        head = _head(tree.body)
        tree.body = [*tree.body[:head], *self._body(tree.body[head:])]
        return ast.fix_missing_locations(tree)

    def _body(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        return [new for statement in body for new in self._statement(statement)]

    @contextmanager
    def _inside(self, *, loops: int = 0) -> Iterator[None]:
        self._nesting += 1
        self._loops += loops
        yield
        self._nesting -= 1
        self._loops -= loops

    def _block(self, body: Sequence[ast.stmt], *, loops: int = 0) -> list[ast.stmt]:
        with self._inside(loops=loops):
            return self._body(body)

    def _begins(self, node: ast.stmt) -> ast.stmt:
        return self._stands(self._report(helpers.STATEMENT, self._site(Kind.STATEMENT, node), at=node), node)

    def _stands(self, expression: ast.expr, at: ast.stmt) -> ast.stmt:
        return ast.copy_location(ast.Expr(expression), at)

    def _statement(self, node: ast.stmt) -> list[ast.stmt]:
        self._depth = 0
        rewrite = self._statements().get(type(node))
        if isinstance(node, ast.Global | ast.Nonlocal | ast.Pass | ast.Break | ast.Continue):
            return [node]
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return [node]
        if isinstance(node, ast.AnnAssign) and node.value is None:
            return [node]
        begins = self._begins(node)
        return [begins, *(rewrite(node) if rewrite is not None else [node])]

    def _statements(self) -> dict[type[ast.stmt], Callable[..., list[ast.stmt]]]:
        return {
            ast.Expr: self._expr,
            ast.Assign: self._assign,
            ast.AnnAssign: self._assign,
            ast.AugAssign: self._augmented,
            ast.Return: self._return,
            ast.If: self._if,
            ast.While: self._while,
            ast.For: self._for,
            ast.AsyncFor: self._for,
            ast.With: self._with,
            ast.AsyncWith: self._with,
            ast.Try: self._try,
            ast.TryStar: self._try,
            ast.Match: self._match,
            ast.Assert: self._assert,
            ast.FunctionDef: self._function,
            ast.AsyncFunctionDef: self._function,
            ast.ClassDef: self._class,
            ast.Raise: self._raise,
        }

    # Simple statements.

    def _expr(self, node: ast.Expr) -> list[ast.stmt]:
        with self._operands() as parts:
            value = self._operand(node.value, parts)
        place = self._site(Kind.RESULT, node, "call" if isinstance(node.value, ast.Call) else "", parts)
        node.value = self._report(helpers.RESULT, place, value, *parts.again, at=node.value)
        return [node]

    def _assign(self, node: ast.Assign | ast.AnnAssign) -> list[ast.stmt]:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        assert node.value is not None
        if len(targets) == 1 and isinstance(targets[0], ast.Name):
            with self._operands() as parts:
                value = self._operand(node.value, parts)
            place = self._site(Kind.ASSIGNMENT, node, parts=parts)
            self.sites[place] = replace(self.sites[place], names=(targets[0].id,))
            node.value = self._report(helpers.ASSIGN, place, value, *parts.again, at=node.value)
            return [node]
        with self._operands() as parts:
            node.value = self._operand(node.value, parts)
            writes = [write for target in targets for write in self._target(target, parts)]
        place = self._site(Kind.ASSIGNMENT, node, parts=parts)
        names = tuple(name for target in targets for name in stored(target))
        return [node, self._bound(place, node, names, writes, parts)]

    def _bound(
        self, place: int, node: ast.stmt, names: tuple[str, ...], writes: Sequence[Write], parts: Parts
    ) -> ast.stmt:
        """The report after a statement has bound variables and written to its other targets."""
        self.sites[place] = replace(self.sites[place], names=names, writes=tuple(writes))
        return self._stands(self._report(helpers.BOUND, place, values_of(names), *parts.again, at=node), node)

    def _target(self, target: ast.expr, parts: Parts) -> list[Write]:
        """The writes of a target to something other than a variable; their owners and indices become operands."""
        match target:
            case ast.Tuple() | ast.List():
                return [write for each in target.elts for write in self._target(each, parts)]
            case ast.Starred():
                return self._target(target.value, parts)
            case ast.Attribute():
                owner = len(parts.operands)
                target.value = self._operand(target.value, parts)
                return [Write(attribute=target.attr, span=self._span(target), owner=owner, index=None)]
            case ast.Subscript():
                owner = len(parts.operands)
                target.value = self._operand(target.value, parts)
                target.slice = self._index(target.slice, parts)
                return [Write(attribute=None, span=self._span(target), owner=owner, index=owner + 1)]
        return []

    def _augmented(self, node: ast.AugAssign) -> list[ast.stmt]:
        symbol = f"{symbols.BINARY[type(node.op)]}="
        if not isinstance(node.target, ast.Name):
            return self._augmented_part(node, node.target, symbol)
        with self._operands() as parts:
            read = self._pushed(copied(node.target), parts)
            node.value = self._operand(node.value, parts)
        place = self._site(Kind.AUGMENTED, node, symbol, parts)
        bound = self._bound(place, node, (node.target.id,), (), parts)
        return [self._stands(read, node), node, bound]

    def _augmented_part(
        self, node: ast.AugAssign, target: ast.Attribute | ast.Subscript, symbol: str
    ) -> list[ast.stmt]:
        """`x.data -= y`, `x[i] += y`, in Python's order: owner and index once, the read, the operation, the write."""
        owner, index, value = helpers.TEMPORARIES
        read = "[]" if isinstance(target, ast.Subscript) else target.attr

        def name(of: str, context: ast.expr_context) -> ast.Name:
            return ast.copy_location(ast.Name(of, context), target)

        def put(of: str, what: ast.expr) -> ast.stmt:
            return ast.copy_location(ast.Assign(targets=[name(of, ast.Store())], value=what), node)

        def part(context: ast.expr_context) -> ast.expr:
            whole = name(owner, ast.Load())
            if isinstance(target, ast.Subscript):
                return ast.copy_location(ast.Subscript(whole, name(index, ast.Load()), context), target)
            return ast.copy_location(ast.Attribute(whole, target.attr, context), target)

        with self._operands() as parts:
            made = [put(owner, self._operand(target.value, parts))]
            if isinstance(target, ast.Subscript):
                made.append(put(index, self._index_value(target.slice, parts)))
        kind = Kind.INDEX if isinstance(target, ast.Subscript) else Kind.ATTRIBUTE
        made.append(put(value, self._value(kind, part(ast.Load()), read, parts, target)))
        with self._operands() as parts:
            parts.operands.append(Operand(source=Source.STACK, span=self._span(target)))
            self._depth += 1
            changed = self._operand(node.value, parts)
        place = self._site(Kind.AUGMENTED, node, symbol, parts)
        attribute = None if isinstance(target, ast.Subscript) else target.attr
        write = Write(attribute=attribute, span=self._span(target), owner=0, index=None)
        operation = ast.AugAssign(target=name(value, ast.Store()), op=node.op, value=changed)
        self.sites[place] = replace(self.sites[place], writes=(write,))
        report = self._report(helpers.BOUND, place, values_of((value, owner)), *parts.again, at=node)
        written = ast.Assign(targets=[part(ast.Store())], value=name(value, ast.Load()))
        used = [owner, *([index] if isinstance(target, ast.Subscript) else []), value]
        forget = ast.Delete(targets=[name(each, ast.Del()) for each in used])
        done = [operation, written, self._stands(report, node), forget]
        return [*made, *[ast.copy_location(each, node) for each in done]]

    def _index_value(self, node: ast.expr, parts: Parts) -> ast.expr:
        """An index as a value of its own: slices are made by `slice`, which is what Python hands over."""
        if isinstance(node, ast.Slice):
            bounds = (node.lower, node.upper, node.step)
            taken = [ast.Constant(None) if each is None else self._operand(each, parts) for each in bounds]
            whole = ast.Call(func=ast.Name(helpers.SLICE, ast.Load()), args=taken, keywords=[])
            return placed(whole, node)
        if isinstance(node, ast.Tuple):
            node.elts = [self._index_value(each, parts) for each in node.elts]
            return node
        return self._operand(node, parts)

    def _return(self, node: ast.Return) -> list[ast.stmt]:
        if node.value is not None:
            with self._operands() as parts:
                value = self._operand(node.value, parts)
            place = self._site(Kind.RETURN, node, parts=parts)
            node.value = self._report(helpers.RETURN, place, value, *parts.again, at=node.value)
        return [node]

    def _assert(self, node: ast.Assert) -> list[ast.stmt]:
        node.test = self._test(node.test)
        node.msg = None if node.msg is None else self._test(node.msg)
        return [node]

    def _raise(self, node: ast.Raise) -> list[ast.stmt]:
        node.exc = None if node.exc is None else self._test(node.exc)
        return [node]

    # Statements with a block.

    def _if(self, node: ast.If) -> list[ast.stmt]:
        node.test = self._test(node.test)
        node.body, node.orelse = self._block(node.body), self._block(node.orelse)
        return [node]

    def _while(self, node: ast.While) -> list[ast.stmt]:
        begins = self._report(helpers.TEST, self._site(Kind.LOOP, node), at=node.test)
        test = ast.BoolOp(op=ast.Or(), values=[begins, self._test(node.test)])
        node.test = ast.copy_location(test, node.test)
        place = self._site(Kind.LOOP, node)
        round_ = self._stands(self._report(helpers.ROUND, place, values_of(()), at=node.test), node)
        node.body = [round_, *self._block(node.body, loops=1)]
        node.orelse = self._block(node.orelse)
        return [node]

    def _for(self, node: ast.For | ast.AsyncFor) -> list[ast.stmt]:
        with self._operands() as parts:
            iterated = self._operand(node.iter, parts)
        place = self._site(Kind.LOOP, node.iter, parts=parts)
        node.iter = self._report(helpers.ITERATE, place, iterated, *parts.again, at=node.iter)
        round_ = self._stands(self._round(node.target, self._loops), node)
        node.body = [round_, *self._block(node.body, loops=1)]
        node.orelse = self._block(node.orelse)
        return [node]

    def _with(self, node: ast.With | ast.AsyncWith) -> list[ast.stmt]:
        for item in node.items:
            with self._operands() as parts:
                context = self._operand(item.context_expr, parts)
            place = self._site(Kind.CONTEXT, item.context_expr, parts=parts)
            item.context_expr = self._report(helpers.CONTEXT, place, context, *parts.again, at=item.context_expr)
        names = tuple(name for item in node.items if item.optional_vars for name in stored(item.optional_vars))
        place = self._site(Kind.CONTEXT, node)
        self.sites[place] = replace(self.sites[place], names=names)
        inside = self._stands(self._report(helpers.INSIDE, place, values_of(names), at=node.body[0]), node.body[0])
        node.body = [inside, *self._block(node.body)]
        return [node]

    def _try(self, node: ast.Try | ast.TryStar) -> list[ast.stmt]:
        node.body, node.orelse = self._block(node.body), self._block(node.orelse)
        node.finalbody = self._block(node.finalbody)
        for handler in node.handlers:
            caught = self._report(helpers.CAUGHT, self._site(Kind.STATEMENT, node), at=handler.body[0])
            handler.body = [self._stands(caught, handler.body[0]), *self._block(handler.body)]
        return [node]

    def _match(self, node: ast.Match) -> list[ast.stmt]:
        node.subject = self._test(node.subject)
        for case in node.cases:
            case.guard = None if case.guard is None else self._test(case.guard)
            case.body = self._block(case.body)
        return [node]

    def _function(self, node: _Function) -> list[ast.stmt]:
        self._defaults(node.args)
        names = parameters(node.args)
        place = self._site(Kind.DEFINITION, node, node.name)
        decorators = tuple(self._span(each) for each in node.decorator_list)
        self.sites[place] = replace(self.sites[place], names=names, decorators=decorators)
        head = _head(node.body, is_module=False)
        rest = node.body[head:]
        at = rest[0] if rest else node.body[-1]
        target = ast.Name(helpers.FRAME, ast.Store())
        enter = placed(ast.Assign(targets=[target], value=entered(place, names)), at)
        with self._own_frame():
            node.body = [*node.body[:head], enter, *self._body(rest), *self._ends(node)]
        return [node]

    def _ends(self, node: _Function) -> list[ast.stmt]:
        """The end of a function that comes to it without a `return`."""
        last = node.body[-1]
        if isinstance(last, ast.Return | ast.Raise):
            return []
        place = self._site(Kind.RETURN, last)
        return [self._stands(self._report(helpers.RETURN, place, ast.Constant(None), at=last), last)]

    def _class(self, node: ast.ClassDef) -> list[ast.stmt]:
        head = _head(node.body, is_module=False)
        node.body = [*node.body[:head], *self._block(node.body[head:])] or node.body
        return [node]


def _head(body: Sequence[ast.stmt], *, is_module: bool = True) -> int:
    """How many statements must stay first: a docstring, and in a module imports from `__future__`."""
    count = 0
    for node in body:
        is_text = (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        )
        is_future = is_module and isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not (is_future or (is_text and count == 0)):
            break
        count += 1
    return count
