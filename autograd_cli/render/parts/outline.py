"""Which lines of a long program are shown: comments go first, and what made, cut or walked the graph never goes."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from enum import IntEnum

from autograd_cli.diagnostic import PROGRAM, Span
from autograd_cli.lang.source import Source
from autograd_cli.report import Report

LINES = 100  # a program that is no longer is shown whole


class Rank(IntEnum):
    """What a line is to the graph: the lower ranks are left out first."""

    PROSE = 0  # comments, docstrings, blank lines
    IDLE = 1  # statements that did not run, imports
    PLAIN = 2  # statements that ran, and left nothing in the graph
    GRAPH = 3  # what made, cut or walked the graph, and what a finding points at


class Outline:
    """The lines of the program of a report that is an explanation, each with its rank."""

    def __init__(self, report: Report) -> None:
        self._report = report
        source = Source(report.source)
        self._statements = list(source.statements())
        self._rows = source.lines
        self._ranks = self._rank_all()

    def rank(self, line: int) -> Rank:
        """The rank of a line, 1-based."""
        return self._ranks[line]

    def kept(self, lines: Iterable[int]) -> list[int]:
        """The lines to show: all where they are few, else without those of the lowest ranks."""
        kept = list(lines)
        for rank in (Rank.PROSE, Rank.IDLE, Rank.PLAIN):
            if len(kept) > LINES:
                kept = [line for line in kept if self.rank(line) > rank]
        return kept

    def _rank_all(self) -> dict[int, Rank]:
        """The rank of each line: the highest, where statements share it."""
        ranks: dict[int, Rank] = {}
        graph = _lines_of(_graph_spans(self._report))
        ran = {step.span.line for step in self._report.trace.steps}
        for span, statement in self._statements:
            is_graph = not graph.isdisjoint(range(span.line, span.end_line + 1))
            rank = Rank.PROSE if _is_docstring(statement) else Rank.GRAPH if is_graph else Rank.PLAIN
            if rank is Rank.PLAIN and (_is_import(statement) or ran.isdisjoint(_telling_lines(span, statement))):
                rank = Rank.IDLE
            for line in self._own_lines(span, statement):
                ranks[line] = max(rank, ranks.get(line, rank))
        for line, row in enumerate(self._rows, start=1):
            ranks.setdefault(line, Rank.PROSE if _is_prose(row) else Rank.IDLE)  # such as `else:`
        return ranks

    def _own_lines(self, span: Span, statement: ast.stmt) -> Iterator[int]:
        """The lines of a statement; of one that holds other statements, the lines of its head."""
        body: list[ast.stmt] = getattr(statement, "body", [])
        end = max(body[0].lineno - 1, span.line) if body else span.end_line
        return (line for line in range(span.line, end + 1) if not body or not _is_prose(self._rows[line - 1]))


def _is_prose(row: str) -> bool:
    return not row.strip() or row.lstrip().startswith("#")


def _telling_lines(span: Span, statement: ast.stmt) -> range:
    """The lines that tell whether a statement ran: for a function those of its body, which runs when it is called."""
    is_function = isinstance(statement, ast.FunctionDef) and span.end_line > span.line
    return range(span.line + 1, span.end_line + 1) if is_function else range(span.line, span.line + 1)


def _is_import(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _graph_spans(report: Report) -> Iterator[Span | None]:
    """The places where the graph was made, cut or walked, and those that findings point at."""
    trace = report.trace
    recorded = {value for value, _ in report.explained.explanation.recorded}
    for value in trace.values:
        is_leaf = value.tensor is not None and value.tensor.requires_grad and value.tensor.is_leaf
        if value.id in recorded or is_leaf:
            yield value.span
            yield value.grad_mode_span
    for cut in report.explained.explanation.cuts:
        yield from (cut.span, cut.since)
    yield from (backward.span for backward in trace.backwards)
    yield from (walk.span for walk in trace.walks)
    yield None if trace.refusal is None else trace.refusal.span
    for diagnostic in report.diagnostics:
        if diagnostic.source == PROGRAM:
            yield diagnostic.span
            yield from (place.span for place in diagnostic.related)


def _lines_of(spans: Iterable[Span | None]) -> set[int]:
    different = {span for span in spans if span is not None}
    return {line for span in different for line in range(span.line, span.end_line + 1)}
