"""The program as a text: what stands at a place of it, and changes of it as Edits."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from functools import cached_property

from autograd_cli.diagnostic import Edit, Span
from autograd_cli.lang.spans import SpanFinder
from autograd_cli.lang.stack import deep_stack

_ATOMS = (ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.List)


class Text:
    """The program `source`."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.lines = source.split("\n")
        self._spans = SpanFinder(source)

    @cached_property
    def _body(self) -> list[ast.stmt]:
        """The statements of the program."""
        try:
            with warnings.catch_warnings(), deep_stack():
                warnings.simplefilter("ignore")  # Python's style is not our subject
                return ast.parse(self.source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return []

    @cached_property
    def _nodes(self) -> list[tuple[Span, ast.expr | ast.stmt]]:
        """All expressions and statements with their places, the outer ones first."""
        found = [node for statement in self._body for node in ast.walk(statement)]
        return [(self._spans.of(node), node) for node in found if isinstance(node, ast.expr | ast.stmt)]

    def span_of(self, node: ast.expr | ast.stmt | ast.keyword) -> Span:
        """Where a piece of the program stands."""
        return self._spans.of(node)

    def cut(self, node: ast.expr | ast.stmt | ast.keyword) -> str:
        """The words of a piece of the program."""
        return self._spans.of(node).cut(self.source)

    def expression_at(self, span: Span | None) -> ast.expr | None:
        """The expression that stands exactly there."""
        return next((node for found, node in self._nodes if found == span and isinstance(node, ast.expr)), None)

    def call_at(self, span: Span | None) -> ast.Call | None:
        """The call that stands exactly there."""
        node = self.expression_at(span)
        return node if isinstance(node, ast.Call) else None

    def statement_around(self, span: Span | None) -> ast.stmt | None:
        """The innermost statement that has the place in it."""
        around = [node for found, node in self._nodes if isinstance(node, ast.stmt) and span and _holds(found, span)]
        return around[-1] if around else None

    def block_of(self, statement: ast.stmt | None) -> list[ast.stmt]:
        """The statements of the block that a statement stands in."""
        bodies = [self._body, *[body for _, node in self._nodes for body in _bodies(node)]]
        return next((body for body in bodies if statement in body), [])

    def target_at(self, span: Span | None) -> str | None:
        """The first name that the statement around a place gives to its value."""
        match self.statement_around(span):
            case ast.Assign(targets=[ast.Name(id=name), *_]):
                return name
            case ast.Assign(targets=[ast.Tuple(elts=[ast.Name(id=name), *_]), *_]):
                return name
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.AugAssign(target=ast.Name(id=name)):
                return name
        return None

    def expressions(self) -> Iterator[ast.expr]:
        """All expressions of the program."""
        return (node for _, node in self._nodes if isinstance(node, ast.expr))

    def is_tested(self, span: Span | None) -> bool:
        """Whether the expression there only decides something, as that of an `if`."""
        here = self.expression_at(span)
        for _, node in self._nodes:
            if isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert) and node.test is here:
                return here is not None
            if isinstance(node, ast.BoolOp) and here in node.values[:-1]:
                return True
        return False

    # Edits.

    def replaced(self, span: Span, words: str) -> Edit:
        """The change that writes `words` in the place of a piece."""
        before = self.lines[span.line - 1][: span.column]
        after = self.lines[span.end_line - 1][span.end_column :]
        return Edit(line=span.line, end_line=span.end_line, text=f"{before}{words}{after}")

    def is_alone(self, statement: Span) -> bool:
        """Whether it is all that its block holds, or shares its lines."""
        words = statement.cut(self.source)
        if "\n".join(self.lines[statement.line - 1 : statement.end_line]).strip() != words:
            return True
        blocks = [body for _, node in self._nodes for body in _bodies(node)]
        return any([self.span_of(each) for each in body] == [statement] for body in blocks)

    def without(self, statement: Span) -> Edit:
        """The change that takes out a statement that has its lines for itself."""
        return Edit(line=statement.line, end_line=statement.end_line, text="")

    def before(self, statement: Span, *lines: str) -> Edit:
        """The change that writes lines before a statement, indented as it is."""
        indent = self.indent(statement.line)
        first = self.lines[statement.line - 1]
        return Edit(
            line=statement.line, end_line=statement.line, text="\n".join([*(indent + each for each in lines), first])
        )

    def after(self, statement: Span, *lines: str) -> Edit:
        """The change that writes lines after a statement, indented as it is."""
        indent = self.indent(statement.line)
        last = self.lines[statement.end_line - 1]
        return Edit(
            line=statement.end_line,
            end_line=statement.end_line,
            text="\n".join([last, *(indent + each for each in lines)]),
        )

    def indent(self, line: int) -> str:
        """What a line begins with."""
        text = self.lines[line - 1]
        return text[: len(text) - len(text.lstrip())]

    def with_method(self, span: Span | None, call: str) -> Edit | None:
        """The change that calls a method on the expression there: `.detach()` makes `(a + b).detach()` of `a + b`."""
        words = None if span is None else self._called_on(span, call)
        return None if span is None or words is None else self.replaced(span, words)

    def with_methods(self, spans: list[Span], call: str) -> Edit | None:
        """The change that calls a method on each of several expressions of one line."""
        if len(spans) == 1:
            return self.with_method(spans[0], call)
        if len({line for span in spans for line in (span.line, span.end_line)}) != 1:
            return None
        text = self.lines[spans[0].line - 1]
        for span in sorted(spans, key=lambda each: -each.column):
            text = f"{text[: span.column]}{self._called_on(span, call) or ''}{text[span.end_column :]}"
        return Edit(line=spans[0].line, end_line=spans[0].line, text=text)

    def _called_on(self, span: Span, call: str) -> str | None:
        node = self.expression_at(span)
        if node is None:
            return None
        words = span.cut(self.source)
        return f"{words}{call}" if isinstance(node, _ATOMS) else f"({words}){call}"

    def with_keyword(self, call: ast.Call, keyword: str) -> Edit:
        """The change that gives a call one more argument."""
        span = self.span_of(call)
        words = span.cut(self.source)
        given = [*call.args, *call.keywords]
        head = words[:-1].rstrip().removesuffix(",")
        return self.replaced(span, f"{head}, {keyword})" if given else f"{head}{keyword})")


def _bodies(node: ast.AST) -> list[list[ast.stmt]]:
    """The blocks of a statement."""
    match node:
        case ast.If() | ast.For() | ast.While():
            return [node.body, node.orelse]
        case ast.Try():
            return [node.body, node.orelse, node.finalbody, *[handler.body for handler in node.handlers]]
        case ast.With() | ast.FunctionDef():
            return [node.body]
    return []


def _holds(outer: Span, inner: Span) -> bool:
    starts = (outer.line, outer.column) <= (inner.line, inner.column)
    return starts and (inner.end_line, inner.end_column) <= (outer.end_line, outer.end_column)
