"""Rewrites the expressions of a user's file: each reports what it made, and leaves one entry on its frame's stack."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from autograd_cli.diagnostic import Span
from autograd_cli.engine.observe import helpers, symbols
from autograd_cli.engine.observe.nodes import copied, entered, parameters, placed, stored, values_of
from autograd_cli.engine.observe.sites import Kind, Operand, Site, Source
from autograd_cli.lang.spans import SpanFinder

_DISPLAYS = {ast.Tuple: "tuple", ast.List: "list", ast.Set: "set", ast.Dict: "dict"}
_NAMESPACES = frozenset({"locals", "vars", "dir"})
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_COMPREHENSIONS = {ast.ListComp: "list", ast.SetComp: "set", ast.DictComp: "dict", ast.GeneratorExp: "generator"}


class Parts:
    """The operands of one operation, in order of evaluation; `again` are the variables to read once more after it."""

    def __init__(self) -> None:
        self.operands: list[Operand] = []
        self.again: list[ast.expr] = []


class Expressions:
    """Rewrites expressions. `sites` are the places found so far; a place is called by its index there.

    `first_line` is where the file begins in the text of all files, one below the other.
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
        return placed(call, at)

    def _site(self, kind: Kind, node: ast.AST, symbol: str = "", parts: Parts | None = None) -> int:
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
    def _operands(self) -> Iterator[Parts]:
        """Collect the operands of an operation: after it the stack is as high as before."""
        depth = self._depth
        yield Parts()
        self._depth = depth

    def _value(self, kind: Kind, node: ast.expr, symbol: str, parts: Parts, at: ast.expr | None = None) -> ast.expr:
        place = self._site(kind, at or node, symbol, parts)
        return self._report(helpers.VALUE, place, node, *parts.again, at=at or node)

    # Operands.

    def _operand(self, node: ast.expr, parts: Parts, keyword: str | None = None) -> ast.expr:
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
            parts.again.append(copied(node))
            return node
        new = self.expression(node)
        parts.operands.append(Operand(source=Source.STACK, span=span, keyword=keyword))
        self._depth += 1
        return new

    def _pushed(self, node: ast.expr, parts: Parts) -> ast.expr:
        """An operand that may be skipped, as in `a and b`: it leaves an entry on the stack and is not read again."""
        if not isinstance(node, ast.Constant) and not self._is_plain(node):
            return self._operand(node, parts)
        parts.operands.append(Operand(source=Source.STACK, span=self._span(node)))
        new = self._left(node)
        self._depth += 1
        return new

    def _left(self, node: ast.expr) -> ast.expr:
        """A variable or a constant with a report of its own, which leaves an entry on the stack."""
        if isinstance(node, ast.Constant):
            parts = Parts()
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
        return self._value(Kind.TEXT, node, "f-string", Parts())

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

    def _index(self, node: ast.expr, parts: Parts) -> ast.expr:
        """The rewritten index; the parts of its slices and tuples are operands one by one."""
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
            return self._value(Kind.TEXT, placed(own, node), symbol, Parts(), at=node)
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

    def _items(self, node: ast.Dict, parts: Parts) -> None:
        for index, (key, value) in enumerate(zip(node.keys, node.values, strict=True)):
            node.keys[index] = None if key is None else self._operand(key, parts, "key")
            node.values[index] = self._operand(value, parts, "**" if key is None else None)

    def _comprehension(self, node: _Comprehension) -> ast.expr:
        """The rewritten comprehension: its rounds report to a frame of their own, which a new outermost loop binds."""
        first = node.generators[0]
        symbol = _COMPREHENSIONS[type(node)]
        with self._operands() as parts, self._in_iterable():
            iterated = self._operand(first.iter, parts)
        place = self._site(Kind.LOOP, first.iter, symbol, parts)
        if not first.is_async:  # Python calls iter() at once, which may raise
            name = ast.Name(helpers.ITER, ast.Load())
            iterated = placed(ast.Call(func=name, args=[iterated], keywords=[]), first.iter)
        start = self._report(helpers.GENERATE, place, iterated, *parts.again, at=first.iter)
        with self._own_frame():
            self._generators(node.generators)
            if isinstance(node, ast.DictComp):
                node.key, node.value = self._test(node.key), self._element(node.value)
            else:
                node.elt = self._element(node.elt)
        both = (helpers.FRAME, helpers.ITERATOR)
        frames = ast.Tuple(elts=[ast.Name(each, ast.Store()) for each in both], ctx=ast.Store())
        outer = ast.comprehension(target=placed(frames, first.target), iter=start, ifs=[], is_async=0)
        first.iter = placed(ast.Name(helpers.ITERATOR, ast.Load()), start)
        node.generators.insert(0, outer)
        kind = Kind.GENERATOR if isinstance(node, ast.GeneratorExp) else Kind.COMPREHENSION
        return self._value(kind, node, symbol, Parts())

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
        """In what a comprehension iterates over: Python allows no `:=` there, so a lambda in it stays unrewritten."""
        outer, self._is_iterable = self._is_iterable, True
        yield
        self._is_iterable = outer

    def _test(self, node: ast.expr) -> ast.expr:
        return node if isinstance(node, ast.Constant) or self._is_plain(node) else self.expression(node)

    def _element(self, node: ast.expr) -> ast.expr:
        """The element that a round of a comprehension gives, reported to the frame of its rounds."""
        with self._operands() as parts:
            new = self._operand(node, parts)
        place = self._site(Kind.RETURN, node, parts=parts)
        return self._report(helpers.RETURN, place, new, *parts.again, at=node)

    @contextmanager
    def _own_frame(self) -> Iterator[None]:
        """In code that runs in a frame of its own, which the rewritten code binds."""
        outer = self._frame, self._depth, self._nesting, self._loops
        self._frame, self._depth, self._nesting, self._loops = helpers.FRAME, 0, 0, 0
        yield
        self._frame, self._depth, self._nesting, self._loops = outer

    def _lambda(self, node: ast.Lambda) -> ast.expr:
        if self._is_iterable:
            return self._value(Kind.FUNCTION, node, "lambda", Parts())
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
        enter = ast.NamedExpr(target=ast.Name(helpers.FRAME, ast.Store()), value=entered(place, names))
        pair = ast.Call(func=ast.Name(helpers.LEAVE, ast.Load()), args=[enter, ended], keywords=[])
        node.body = placed(pair, body)
        return self._value(Kind.FUNCTION, node, "lambda", Parts())

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
        return self._report(helpers.ROUND, place, values_of(names), at=target)


def _imported(tree: ast.Module) -> frozenset[str]:
    """The names that only imports bind, so that their attributes are members of a module."""
    bound = {
        (alias.asname or alias.name.partition(".")[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    others = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load)}
    others |= {each.arg for each in ast.walk(tree) if isinstance(each, ast.arg)}
    return frozenset(bound - others)
