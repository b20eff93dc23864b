"""A program without one of its cuts: the same text with one `no_grad`, `detach()`, `.data` or `.item()` edited out."""

from __future__ import annotations

import ast

from autograd_cli.diagnostic import Span
from autograd_cli.lang.program import Program
from autograd_cli.lang.spans import SpanFinder
from autograd_cli.lang.stack import deep_stack


def edit_out(program: Program, span: Span) -> bool:
    """Edit the cut at `span` out of the program's tree; whether there was one.

    `y.detach()`, `y.item()` and `y.data` become `y`, `no_grad(y)` too. A `with no_grad():` becomes its block, a
    decorator is left out, and so is a call of `set_grad_enabled`. The nodes that stay keep their places, and what
    `resolved` says of them.
    """
    editor = _Editor(program.spans, span)
    with deep_stack():
        editor.visit(program.tree)
    return editor.is_done


class _Editor(ast.NodeTransformer):
    def __init__(self, spans: SpanFinder, span: Span) -> None:
        self._spans = spans
        self._span = span
        self.is_done = False

    def _is_here(self, node: ast.AST) -> bool:
        found = not self.is_done and self._spans.of(node) == self._span
        self.is_done = self.is_done or found
        return found

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if self._is_here(node):
            return _argument(node)
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if node.attr == "data" and self._is_here(node):
            return _placed_as(node, node.value)
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if isinstance(node.value, ast.Call) and _is_switch(node.value) and self._is_here(node.value):
            return ast.copy_location(ast.Pass(), node)
        return self.generic_visit(node)

    def visit_With(self, node: ast.With) -> ast.AST | list[ast.stmt]:
        node.items = [item for item in node.items if not self._is_here(item.context_expr)]
        self.generic_visit(node)
        return node if node.items else node.body

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = [decorator for decorator in node.decorator_list if not self._is_here(decorator)]
        return self.generic_visit(node)


def _argument(node: ast.Call) -> ast.expr:
    """What a cutting call is made on: its argument, or the owner of the method."""
    given = [*node.args, *[keyword.value for keyword in node.keywords]]
    return given[0] if given or not isinstance(node.func, ast.Attribute) else node.func.value


def _is_switch(node: ast.Call) -> bool:
    name = node.func
    return (name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "")) == "set_grad_enabled"


def _placed_as(node: ast.expr, inner: ast.expr) -> ast.expr:
    """What takes the place of `node`: an assignment to `y.data` becomes one to `y`."""
    context = getattr(node, "ctx", None)
    if isinstance(context, ast.Store) and isinstance(inner, ast.Name | ast.Attribute | ast.Subscript):
        inner.ctx = context
    return inner
