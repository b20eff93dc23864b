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
from typing import TypeVar

from autograd_cli.diagnostic import Span
from autograd_cli.engine.observe import helpers, symbols
from autograd_cli.engine.observe.sites import Kind, Operand, Site, Source, Write
from autograd_cli.lang.spans import SpanFinder

_Node = TypeVar("_Node", bound=ast.AST)
_DISPLAYS = {ast.Tuple: "tuple", ast.List: "list", ast.Set: "set", ast.Dict: "dict"}
_NAMESPACES = frozenset({"locals", "vars", "dir"})
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_COMPREHENSIONS = {ast.ListComp: "list", ast.SetComp: "set", ast.DictComp: "dict", ast.GeneratorExp: "generator"}
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class _Parts:
    """The operands of one operation, in order of evaluation; `again` are the variables to read once more after it."""

    def __init__(self) -> None:
        self.operands: list[Operand] = []
        self.again: list[ast.expr] = []


class Expressions:
    """Rewrites expressions. `sites` are the places found so far; a place is called by its index there.

    `first_line` is that of the file in the text of all files, one below the other.
    """

    def __init__(self, text: str, tree: ast.Module, sites: list[Site], frame: str, first_line: int = 1) -> None:
        self.sites = sites
        self._above = first_line - 1
        self._spans = SpanFinder(text)
        self._spans.cover(tree)
        self._modules = _imported(tree)
        self._frame = frame
        self._depth = 0  # of the stack of the frame
        self._is_iterable = False
        self._nesting = 0
        self._loops = 0

    def _span(self, node: ast.AST) -> Span:
        """Where a node stands in the text of all files, one below the other."""
        span = self._spans.of(node)
        return span.shifted(self._above) if self._above else span

    # What is built.

    def _report(self, helper: str, site: int, *arguments: ast.expr, at: ast.AST) -> ast.Call:
        """A call of a helper, at the place of the node that it is about."""
        call = ast.Call(
            func=ast.Name(helper, ast.Load()),
            args=[ast.Name(self._frame, ast.Load()), ast.Constant(site), *arguments],
            keywords=[],
        )
        return _placed(call, at)

    def _site(self, kind: Kind, node: ast.AST, symbol: str = "", parts: _Parts | None = None) -> int:
        operands = () if parts is None else tuple(parts.operands)
        self.sites.append(
            Site(
                kind=kind,
                span=self._span(node),
                symbol=symbol,
                depth=self._depth,
                operands=operands,
                nesting=self._nesting,
                loops=self._loops,
            )
        )
        return len(self.sites) - 1

    @contextmanager
    def _operands(self) -> Iterator[_Parts]:
        """Collect the operands of an operation: after it the stack is as high as before."""
        depth = self._depth
        yield _Parts()
        self._depth = depth

    def _value(self, kind: Kind, node: ast.expr, symbol: str, parts: _Parts, at: ast.expr | None = None) -> ast.expr:
        place = self._site(kind, at or node, symbol, parts)
        return self._report(helpers.VALUE, place, node, *parts.again, at=at or node)

    # Operands.

    def _operand(self, node: ast.expr, parts: _Parts, keyword: str | None = None) -> ast.expr:
        """The rewritten operand, noted in the parts of the operation that takes it."""
        if isinstance(node, ast.Starred):
            node.value = self._operand(node.value, parts, keyword)
            parts.operands[-1] = replace(parts.operands[-1], is_starred=True)
            return node
        span = self._span(node)
        if isinstance(node, ast.Constant):
            parts.operands.append(Operand(source=Source.CONSTANT, span=span, value=node.value, keyword=keyword))
            return node
        if self._is_plain(node):
            parts.operands.append(Operand(source=Source.GIVEN, span=span, name=ast.unparse(node), keyword=keyword))
            parts.again.append(_copied(node))
            return node
        new = self.expression(node)
        parts.operands.append(Operand(source=Source.STACK, span=span, keyword=keyword))
        self._depth += 1
        return new

    def _pushed(self, node: ast.expr, parts: _Parts) -> ast.expr:
        """An operand that may not be evaluated at all, so that nothing of it may be read once more."""
        if not isinstance(node, ast.Constant) and not self._is_plain(node):
            return self._operand(node, parts)
        parts.operands.append(Operand(source=Source.STACK, span=self._span(node)))
        new = self._left(node)
        self._depth += 1
        return new

    def _left(self, node: ast.expr) -> ast.expr:
        """A variable or a constant that leaves an entry on the stack itself."""
        if isinstance(node, ast.Constant):
            parts = _Parts()
            self._operand(node, parts)
            return self._report(helpers.CONSTANT, self._site(Kind.CONSTANT, node, parts=parts), node, at=node)
        return self._report(helpers.NAME, self._site(Kind.NAME, node, ast.unparse(node)), node, at=node)

    def _is_plain(self, node: ast.expr) -> bool:
        """Whether reading it once more changes nothing and costs little: a variable, a member of an imported module."""
        is_member = False
        while isinstance(node, ast.Attribute):
            node, is_member = node.value, True
        return isinstance(node, ast.Name) and (not is_member or node.id in self._modules)

    # Expressions.

    def expression(self, node: ast.expr) -> ast.expr:  # noqa: C901, PLR0912 - one case for each kind
        """The rewritten expression; when it has run there is one entry more on the stack."""
        match node:
            case ast.Name() | ast.Constant():
                return self._left(node)
            case ast.BinOp():
                return self._binary(node)
            case ast.UnaryOp():
                return self._unary(node)
            case ast.Compare():
                return self._compare(node)
            case ast.BoolOp() | ast.IfExp():
                return self._choice(node)
            case ast.Attribute():
                return self._left(node) if self._is_plain(node) else self._attribute(node)
            case ast.Subscript():
                return self._subscript(node)
            case ast.Call():
                return self._call(node)
            case ast.Tuple() | ast.List() | ast.Set() | ast.Dict():
                return self._display(node)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                return self._comprehension(node)
            case ast.Lambda():
                return self._lambda(node)
            case ast.NamedExpr():
                return self._named(node)
            case ast.Await() | ast.Yield() | ast.YieldFrom():
                return self._received(node)
        return self._value(Kind.TEXT, node, "f-string", _Parts())

    def _binary(self, node: ast.BinOp) -> ast.expr:
        with self._operands() as parts:
            node.left = self._operand(node.left, parts)
            node.right = self._operand(node.right, parts)
        return self._value(Kind.OPERATOR, node, symbols.BINARY[type(node.op)], parts)

    def _unary(self, node: ast.UnaryOp) -> ast.expr:
        with self._operands() as parts:
            node.operand = self._operand(node.operand, parts)
        return self._value(Kind.OPERATOR, node, symbols.UNARY[type(node.op)], parts)

    def _compare(self, node: ast.Compare) -> ast.expr:
        with self._operands() as parts:
            node.left = self._operand(node.left, parts)
            take = self._operand if len(node.comparators) == 1 else self._pushed
            node.comparators = [take(each, parts) for each in node.comparators]
        return self._value(Kind.COMPARISON, node, symbols.COMPARISONS[type(node.ops[-1])], parts)

    def _choice(self, node: ast.BoolOp | ast.IfExp) -> ast.expr:
        with self._operands() as parts:
            if isinstance(node, ast.BoolOp):
                symbol = "or" if isinstance(node.op, ast.Or) else "and"
                node.values = [self._pushed(each, parts) for each in node.values]
            else:
                symbol = "if-else"
                node.test = self._pushed(node.test, parts)
                node.body = self._pushed(node.body, parts)
                self._depth -= 1  # one of the two
                node.orelse = self._pushed(node.orelse, parts)
        return self._value(Kind.CHOICE, node, symbol, parts)

    def _attribute(self, node: ast.Attribute) -> ast.expr:
        with self._operands() as parts:
            node.value = self._operand(node.value, parts)
        return self._value(Kind.ATTRIBUTE, node, node.attr, parts)

    def _subscript(self, node: ast.Subscript) -> ast.expr:
        with self._operands() as parts:
            node.value = self._operand(node.value, parts)
            node.slice = self._index(node.slice, parts)
        return self._value(Kind.INDEX, node, "[]", parts)

    def _index(self, node: ast.expr, parts: _Parts) -> ast.expr:
        """What stands in the brackets: the operands are those within its slices and commas."""
        if isinstance(node, ast.Tuple):
            node.elts = [self._index(each, parts) for each in node.elts]
            return node
        if isinstance(node, ast.Slice):
            node.lower = None if node.lower is None else self._operand(node.lower, parts)
            node.upper = None if node.upper is None else self._operand(node.upper, parts)
            node.step = None if node.step is None else self._operand(node.step, parts)
            return node
        return self._operand(node, parts)

    def _call(self, node: ast.Call) -> ast.expr:
        symbol = self._spans.text_of(node.func)
        if symbol in _NAMESPACES and not (node.args or node.keywords):
            own = ast.Call(func=ast.Name(helpers.OWN, ast.Load()), args=[node], keywords=[])
            return self._value(Kind.TEXT, _placed(own, node), symbol, _Parts(), at=node)
        span = self._span(node.func)
        with self._operands() as parts:
            if isinstance(node.func, ast.Attribute) and not self._is_plain(node.func):
                node.func.value = self._operand(node.func.value, parts)
            elif not self._is_plain(node.func):
                node.func = self._operand(node.func, parts)
            place = self._site(Kind.CALL, node, symbol)
            node.func = self._report(helpers.CALLEE, place, node.func, at=node.func)
            parts.operands.append(Operand(source=Source.CALLEE, span=span))
            called_at = self._depth
            self._depth += 1
            node.args = [self._operand(each, parts) for each in node.args]
            for keyword in node.keywords:
                keyword.value = self._operand(keyword.value, parts, keyword.arg or "**")
        self.sites[place] = replace(
            self.sites[place], depth=self._depth, operands=tuple(parts.operands), callee=span, called_at=called_at
        )
        return self._report(helpers.VALUE, place, node, *parts.again, at=node)

    def _display(self, node: ast.Tuple | ast.List | ast.Set | ast.Dict) -> ast.expr:
        with self._operands() as parts:
            if isinstance(node, ast.Dict):
                self._items(node, parts)
            else:
                node.elts = [self._operand(each, parts) for each in node.elts]
        return self._value(Kind.DISPLAY, node, _DISPLAYS[type(node)], parts)

    def _items(self, node: ast.Dict, parts: _Parts) -> None:
        for index, (key, value) in enumerate(zip(node.keys, node.values, strict=True)):
            node.keys[index] = None if key is None else self._operand(key, parts, "key")
            node.values[index] = self._operand(value, parts, "**" if key is None else None)

    def _comprehension(self, node: _Comprehension) -> ast.expr:
        """Its rounds run in a frame of its own, which a loop around all others binds."""
        first = node.generators[0]
        symbol = _COMPREHENSIONS[type(node)]
        with self._operands() as parts, self._in_iterable():
            iterated = self._operand(first.iter, parts)
        place = self._site(Kind.LOOP, first.iter, symbol, parts)
        if not first.is_async:  # Python takes the iterator at once, and may fail in that
            name = ast.Name(helpers.ITER, ast.Load())
            iterated = _placed(ast.Call(func=name, args=[iterated], keywords=[]), first.iter)
        start = self._report(helpers.GENERATE, place, iterated, *parts.again, at=first.iter)
        with self._own_frame():
            self._generators(node.generators)
            if isinstance(node, ast.DictComp):
                node.key, node.value = self._test(node.key), self._element(node.value)
            else:
                node.elt = self._element(node.elt)
        both = (helpers.FRAME, helpers.ITERATOR)
        frames = ast.Tuple(elts=[ast.Name(each, ast.Store()) for each in both], ctx=ast.Store())
        outer = ast.comprehension(target=_placed(frames, first.target), iter=start, ifs=[], is_async=0)
        first.iter = _placed(ast.Name(helpers.ITERATOR, ast.Load()), start)
        node.generators.insert(0, outer)
        kind = Kind.GENERATOR if isinstance(node, ast.GeneratorExp) else Kind.COMPREHENSION
        return self._value(kind, node, symbol, _Parts())

    def _generators(self, generators: Sequence[ast.comprehension]) -> None:
        for index, generator in enumerate(generators):
            if index:
                with self._operands() as parts, self._in_iterable():
                    iterated = self._operand(generator.iter, parts)
                place = self._site(Kind.LOOP, generator.iter, "", parts)
                self.sites[place] = replace(self.sites[place], loops=index)
                generator.iter = self._report(helpers.ITERATE, place, iterated, *parts.again, at=generator.iter)
            generator.ifs = [self._round(generator.target, index), *[self._test(each) for each in generator.ifs]]

    @contextmanager
    def _in_iterable(self) -> Iterator[None]:
        """What a comprehension goes through: Python allows no lambda there that binds a name by `:=`."""
        outer, self._is_iterable = self._is_iterable, True
        yield
        self._is_iterable = outer

    def _test(self, node: ast.expr) -> ast.expr:
        return node if isinstance(node, ast.Constant) or self._is_plain(node) else self.expression(node)

    def _element(self, node: ast.expr) -> ast.expr:
        """What a round of a comprehension gives, told to the frame that makes the whole."""
        with self._operands() as parts:
            new = self._operand(node, parts)
        place = self._site(Kind.RETURN, node, parts=parts)
        return self._report(helpers.RETURN, place, new, *parts.again, at=node)

    @contextmanager
    def _own_frame(self) -> Iterator[None]:
        """What stands here runs in a frame that the code itself binds."""
        outer = self._frame, self._depth, self._nesting, self._loops
        self._frame, self._depth, self._nesting, self._loops = helpers.FRAME, 0, 0, 0
        yield
        self._frame, self._depth, self._nesting, self._loops = outer

    def _lambda(self, node: ast.Lambda) -> ast.expr:
        if self._is_iterable:
            return self._value(Kind.FUNCTION, node, "lambda", _Parts())
        self._defaults(node.args)
        names = parameters(node.args)
        place = self._site(Kind.DEFINITION, node, "lambda")
        self.sites[place] = replace(self.sites[place], names=names)
        body = node.body
        with self._own_frame():
            with self._operands() as parts:
                new = self._operand(body, parts)
            result = self._site(Kind.RETURN, body, parts=parts)
            ended = self._report(helpers.RETURN, result, new, *parts.again, at=body)
        enter = ast.NamedExpr(target=ast.Name(helpers.FRAME, ast.Store()), value=_entered(place, names))
        pair = ast.Call(func=ast.Name(helpers.LEAVE, ast.Load()), args=[enter, ended], keywords=[])
        node.body = _placed(pair, body)
        return self._value(Kind.FUNCTION, node, "lambda", _Parts())

    def _defaults(self, arguments: ast.arguments) -> None:
        arguments.defaults = [self._test(each) for each in arguments.defaults]
        arguments.kw_defaults = [None if each is None else self._test(each) for each in arguments.kw_defaults]

    def _named(self, node: ast.NamedExpr) -> ast.expr:
        with self._operands() as parts:
            node.value = self._pushed(node.value, parts)
        new = self._value(Kind.ASSIGNMENT, node, node.target.id, parts)
        self.sites[-1] = replace(self.sites[-1], names=(node.target.id,))
        return new

    def _received(self, node: ast.Await | ast.Yield | ast.YieldFrom) -> ast.expr:
        with self._operands() as parts:
            if node.value is not None:
                node.value = self._operand(node.value, parts)
        return self._value(Kind.RECEIVED, node, "await" if isinstance(node, ast.Await) else "yield", parts)

    def _round(self, target: ast.expr, loops: int) -> ast.expr:
        """The report that a round of a loop begins, with what its variables are now."""
        names = stored(target)
        place = self._site(Kind.LOOP, target)
        self.sites[place] = replace(self.sites[place], names=names, loops=loops)
        return self._report(helpers.ROUND, place, _values_of(names), at=target)


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
        self, place: int, node: ast.stmt, names: tuple[str, ...], writes: Sequence[Write], parts: _Parts
    ) -> ast.stmt:
        """The report after a statement has bound variables and written to its other targets."""
        self.sites[place] = replace(self.sites[place], names=names, writes=tuple(writes))
        return self._stands(self._report(helpers.BOUND, place, _values_of(names), *parts.again, at=node), node)

    def _target(self, target: ast.expr, parts: _Parts) -> list[Write]:
        """What a target writes that is no variable; its owner and index are operands."""
        match target:
            case ast.Tuple() | ast.List():
                return [write for each in target.elts for write in self._target(each, parts)]
            case ast.Starred():
                return self._target(target.value, parts)
            case ast.Attribute():
                owner = len(parts.operands)
                target.value = self._operand(target.value, parts)
                return [Write(symbol=f".{target.attr} =", span=self._span(target), owner=owner, index=None)]
            case ast.Subscript():
                owner = len(parts.operands)
                target.value = self._operand(target.value, parts)
                target.slice = self._index(target.slice, parts)
                return [Write(symbol="[] =", span=self._span(target), owner=owner, index=owner + 1)]
        return []

    def _augmented(self, node: ast.AugAssign) -> list[ast.stmt]:
        symbol = f"{symbols.BINARY[type(node.op)]}="
        if not isinstance(node.target, ast.Name):
            return self._augmented_part(node, node.target, symbol)
        with self._operands() as parts:
            read = self._pushed(_copied(node.target), parts)
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
        store = "[] =" if isinstance(target, ast.Subscript) else f".{target.attr} ="

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
        write = Write(symbol=store, span=self._span(target), owner=0, index=None)
        operation = ast.AugAssign(target=name(value, ast.Store()), op=node.op, value=changed)
        self.sites[place] = replace(self.sites[place], writes=(write,))
        report = self._report(helpers.BOUND, place, _values_of((value, owner)), *parts.again, at=node)
        written = ast.Assign(targets=[part(ast.Store())], value=name(value, ast.Load()))
        used = [owner, *([index] if isinstance(target, ast.Subscript) else []), value]
        forget = ast.Delete(targets=[name(each, ast.Del()) for each in used])
        done = [operation, written, self._stands(report, node), forget]
        return [*made, *[ast.copy_location(each, node) for each in done]]

    def _index_value(self, node: ast.expr, parts: _Parts) -> ast.expr:
        """An index as a value of its own: slices are made by `slice`, which is what Python hands over."""
        if isinstance(node, ast.Slice):
            bounds = (node.lower, node.upper, node.step)
            taken = [ast.Constant(None) if each is None else self._operand(each, parts) for each in bounds]
            whole = ast.Call(func=ast.Name(helpers.SLICE, ast.Load()), args=taken, keywords=[])
            return _placed(whole, node)
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
        round_ = self._stands(self._report(helpers.ROUND, place, _values_of(()), at=node.test), node)
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
        inside = self._stands(self._report(helpers.INSIDE, place, _values_of(names), at=node.body[0]), node.body[0])
        node.body = [inside, *self._block(node.body)]
        return [node]

    def _try(self, node: ast.Try | ast.TryStar) -> list[ast.stmt]:
        node.body, node.orelse = self._block(node.body), self._block(node.orelse)
        node.finalbody = self._block(node.finalbody)
        for handler in node.handlers:
            handler.body = self._block(handler.body)
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
        enter = _placed(ast.Assign(targets=[target], value=_entered(place, names)), at)
        with self._own_frame():
            node.body = [*node.body[:head], enter, *self._body(rest)]
        return [node]

    def _class(self, node: ast.ClassDef) -> list[ast.stmt]:
        head = _head(node.body, is_module=False)
        node.body = [*node.body[:head], *self._block(node.body[head:])] or node.body
        return [node]


def _entered(place: int, names: Sequence[str]) -> ast.expr:
    return ast.Call(
        func=ast.Name(helpers.ENTER, ast.Load()), args=[ast.Constant(place), _values_of(names)], keywords=[]
    )


def _values_of(names: Sequence[str]) -> ast.expr:
    return ast.Tuple(elts=[ast.Name(name, ast.Load()) for name in names], ctx=ast.Load())


def parameters(arguments: ast.arguments) -> tuple[str, ...]:
    """The names of the parameters of a function."""
    rest = [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
    plain = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    return tuple(each.arg for each in (*plain, *rest))


def stored(target: ast.AST) -> tuple[str, ...]:
    """The variables that a target binds."""
    found = (each.id for each in ast.walk(target) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store))
    return tuple(dict.fromkeys(found))


def _head(body: Sequence[ast.stmt], *, is_module: bool = True) -> int:
    """How many statements must stay first: a docstring, and in a module what it takes from `__future__`."""
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


def _imported(tree: ast.Module) -> frozenset[str]:
    """The names that imports bind, and nothing else does: attributes of these are members of a module."""
    bound = {
        (alias.asname or alias.name.partition(".")[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    others = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load)}
    others |= {each.arg for each in ast.walk(tree) if isinstance(each, ast.arg)}
    return frozenset(bound - others)


def _copied(node: ast.expr) -> ast.expr:
    """The same variable or path, to be read at another place of the tree."""
    if isinstance(node, ast.Attribute):
        return ast.copy_location(ast.Attribute(_copied(node.value), node.attr, ast.Load()), node)
    assert isinstance(node, ast.Name)
    return ast.copy_location(ast.Name(node.id, ast.Load()), node)


def _placed(node: _Node, at: ast.AST) -> _Node:
    """Give what was built, where it has no place of its own, that of a node of the user's."""
    pending: list[ast.AST] = [node]
    while pending:
        each = pending.pop()
        if isinstance(each, ast.expr | ast.stmt) and not hasattr(each, "lineno"):
            ast.copy_location(each, at)
            pending.extend(ast.iter_child_nodes(each))
    return node
