"""Changes of the program's text: pieces of it written in another way, as the lines that come of it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache

from autograd_cli.diagnostic import Edit, Span
from autograd_cli.rules.evidence import Evidence


def replaced(evidence: Evidence, pieces: Iterable[tuple[Span, str]]) -> tuple[Edit, ...]:
    """The lines with each of these pieces written as the text beside it; pieces of one line make one edit."""
    edits: list[Edit] = []
    for span, text in sorted(pieces, key=lambda piece: (piece[0].line, piece[0].column), reverse=True):
        last = edits[-1] if edits else None
        if last is not None and last.line <= span.end_line:
            if (last.line, last.end_line) != (span.line, span.end_line):
                return ()  # pieces that share a line and are not on one line alone
            head, tail = last.text[: span.column], last.text[span.end_column :]
            edits[-1] = Edit(line=last.line, end_line=last.end_line, text=f"{head}{text}{tail}")
            continue
        head = evidence.lines[span.line - 1][: span.column]
        tail = evidence.lines[span.end_line - 1][span.end_column :]
        edits.append(Edit(line=span.line, end_line=span.end_line, text=f"{head}{text}{tail}"))
    return tuple(reversed(edits))


def inserted_before(evidence: Evidence, span: Span, text: str) -> tuple[Edit, ...]:
    """A line more before the one that a piece stands in, as far indented."""
    line = evidence.lines[span.line - 1]
    indent = line[: len(line) - len(line.lstrip())]
    if ";" in line or line[: span.column].strip():
        return ()
    return (Edit(line=span.line, end_line=span.line, text=f"{indent}{text}\n{line}"),)


def removed(evidence: Evidence, span: Span) -> tuple[Edit, ...]:
    """A statement taken out: where its line holds no other, and its block another one."""
    node = _statement_at(evidence.source, span)
    line = evidence.lines[span.line - 1]
    if node is None or line[: span.column].strip() or evidence.lines[span.end_line - 1][span.end_column :].strip():
        return ()
    return (Edit(line=span.line, end_line=span.end_line, text=line[: span.column] + "pass" if span.column else ""),)


def node_at(evidence: Evidence, span: Span | None) -> ast.expr | None:
    """The expression that stands at a place."""
    return None if span is None else _expressions(evidence.source).get(span)


def parent_of(evidence: Evidence, node: ast.expr) -> ast.AST | None:
    """What an expression is a part of."""
    parents = (each for each in ast.walk(_tree(evidence.source)) if node in ast.iter_child_nodes(each))
    return next(parents, None)


def text_of(evidence: Evidence, node: ast.AST) -> str:
    """The text of a node, with parentheses around what is not one piece."""
    text = ast.get_source_segment(evidence.source, node) or ""
    is_piece = isinstance(
        node, ast.Name | ast.Constant | ast.Call | ast.Attribute | ast.Subscript | ast.List | ast.Tuple
    )
    return text if is_piece or text.startswith("(") else f"({text})"


def argument_texts(evidence: Evidence, call: ast.Call) -> list[str]:
    """The texts of a call's arguments, the owner of a method first."""
    given = [*call.args]
    if isinstance(call.func, ast.Attribute) and not is_home(call.func.value):
        given = [call.func.value, *given]
    return [text_of(evidence, each) for each in given]


def owner_of(call: ast.expr | None) -> ast.expr | None:
    """What a call is made on: `y` of `y.detach()` and of `torch.detach(y)`; `y` of `y.data`."""
    if isinstance(call, ast.Attribute):
        return call.value
    if not isinstance(call, ast.Call):
        return None
    if isinstance(call.func, ast.Attribute) and not is_home(call.func.value):
        return call.func.value
    return call.args[0] if call.args else None


def is_home(node: ast.expr) -> bool:
    """Whether an expression is where torch keeps functions: `torch`, `torch.nn.functional`, `F`."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in _HOMES


_HOMES = frozenset("torch F nn autograd functional math optim dist distributions np numpy".split())


def span_of(evidence: Evidence, node: ast.expr | ast.stmt) -> Span:
    """Where a node stands."""
    return _span(evidence.source, node)


def statement_at(evidence: Evidence, span: Span) -> ast.stmt | None:
    """The statement that stands at a place."""
    return _statement_at(evidence.source, span)


def statement_around(evidence: Evidence, span: Span) -> ast.stmt | None:
    """The innermost statement that holds what stands at a place."""
    found = [node for node in _statements(evidence.source) if _holds(_span(evidence.source, node), span)]
    return max(found, key=lambda node: (node.lineno, node.col_offset), default=None)


def block_around(evidence: Evidence, statement: ast.stmt) -> ast.stmt | None:
    """The statement, or the `with` that holds nothing else."""
    for node in _statements(evidence.source):
        if isinstance(node, ast.With) and node.body == [statement]:
            return node
    return statement


def _holds(outer: Span, inner: Span) -> bool:
    starts = (outer.line, outer.column) <= (inner.line, inner.column)
    return starts and (inner.end_line, inner.end_column) <= (outer.end_line, outer.end_column)


@lru_cache(maxsize=2)
def _tree(source: str) -> ast.Module:
    return ast.parse(source)


@lru_cache(maxsize=2)
def _expressions(source: str) -> dict[Span, ast.expr]:
    found: dict[Span, ast.expr] = {}
    for node in ast.walk(_tree(source)):
        if isinstance(node, ast.expr):
            found.setdefault(_span(source, node), node)
    return found


def _statement_at(source: str, span: Span) -> ast.stmt | None:
    return next((node for node in _statements(source) if _span(source, node) == span), None)


def _statements(source: str) -> Iterator[ast.stmt]:
    return (node for node in ast.walk(_tree(source)) if isinstance(node, ast.stmt))


def _span(source: str, node: ast.expr | ast.stmt) -> Span:
    lines = _lines(source)
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return Span(
        line=node.lineno,
        column=len(lines[node.lineno - 1][: node.col_offset].decode()),
        end_line=node.end_lineno,
        end_column=len(lines[node.end_lineno - 1][: node.end_col_offset].decode()),
    )


@lru_cache(maxsize=2)
def _lines(source: str) -> list[bytes]:
    return source.encode().split(b"\n")
