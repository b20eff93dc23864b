"""A graph as a tree of lines: shared nodes once, long chains and long drawings folded in the middle.

Without recursion: graphs are deeper than the stack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from autograd_cli.render.look import Look
from autograd_cli.spelling import spelled, spelled_full

_RUN = 9
_RUN_EDGE = 4
_DEEPEST = 30  # columns of forks within forks, such as a sum made in a loop has
_LINES = 60
_LINES_EDGE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeLine:
    """One line: the drawing before the node, the node's name, the piece of the program that made it, and a remark."""

    prefix: str
    name: str
    label: str
    remark: str = ""
    is_chain: bool = False
    is_leaf: bool = False
    is_cut: bool = False
    is_fold: bool = False


class Graph(Protocol):
    """What is drawn: nodes by number, joined by edges that are solid or dashed."""

    def children(self, node: int) -> Sequence[int]:
        """The nodes that a node leads to, each once."""

    def is_dashed(self, node: int, child: int) -> bool:
        """Whether the edge between them is dashed."""

    def line(self, node: int, prefix: str, *, is_chain: bool, again: bool) -> TreeLine:
        """The node's line; `again` where it stands for what was drawn above."""


def draw(graph: Graph, roots: Sequence[int], look: Look) -> list[TreeLine]:
    """The graph below each of `roots`, drawn as far as `look` says."""
    lines: list[TreeLine] = []
    seen: set[int] = set()
    for root in roots:
        lines += _draw_from(graph, root, look, seen)
    if not look.full and look.depth is None:
        lines = _fold_lines(_fold_chains(lines, look), look)
    left_out = _reachable(graph, roots) - len(seen)
    if left_out:
        lines.append(
            _fold_line("", left_out, look, f"below ({spelled(option='--depth, --full', argument='full=True')})")
        )
    return lines


def _draw_from(graph: Graph, root: int, look: Look, seen: set[int]) -> list[TreeLine]:
    glyphs = look.glyphs
    lines: list[TreeLine] = []
    pending = [(root, "", "", 1, False)]  # node, what is drawn before its children, before itself, level, in a chain
    while pending:
        node, indent, prefix, level, is_chain = pending.pop()
        again = node in seen
        lines.append(graph.line(node, prefix, is_chain=is_chain, again=again))
        if again:
            continue
        seen.add(node)
        children = graph.children(node)
        if look.depth is not None and level >= look.depth:
            continue
        if children and look.depth is None and not look.full and len(indent) > _DEEPEST:
            lines.append(TreeLine(prefix=indent, name=glyphs.fold, label="", is_fold=True))
            continue
        if len(children) == 1:
            arrow = glyphs.dashed_arrow if graph.is_dashed(node, children[0]) else glyphs.arrow
            pending.append((children[0], indent, indent + arrow, level + 1, True))
            continue
        for child in reversed(children):
            is_last, is_dashed = child == children[-1], graph.is_dashed(node, child)
            below = indent + (glyphs.blank if is_last else glyphs.bar)
            last, fork = (glyphs.dashed_last, glyphs.dashed_fork) if is_dashed else (glyphs.last, glyphs.fork)
            pending.append((child, below, indent + (last if is_last else fork), level + 1, False))
    return lines


def _reachable(graph: Graph, roots: Sequence[int]) -> int:
    seen = set(roots)
    pending = list(roots)
    while pending:
        for child in graph.children(pending.pop()):
            if child not in seen:
                seen.add(child)
                pending.append(child)
    return len(seen)


def _fold_chains(lines: Sequence[TreeLine], look: Look) -> list[TreeLine]:
    """Each long run of one-child nodes, with its middle as a count."""
    folded: list[TreeLine] = []
    start = 0
    while start < len(lines):
        end = start + 1
        while end < len(lines) and lines[end].is_chain and lines[end].prefix == lines[start + 1].prefix:
            end += 1
        run = lines[start:end]
        if len(run) > _RUN:
            count = len(run) - 2 * _RUN_EDGE
            middle = _fold_line(run[1].prefix, count, look, f"({spelled_full()} shows all)")
            folded += [*run[:_RUN_EDGE], middle, *run[-_RUN_EDGE:]]
        else:
            folded += run
        start = end
    return folded


def _fold_lines(lines: list[TreeLine], look: Look) -> list[TreeLine]:
    if len(lines) <= _LINES:
        return lines
    count = len(lines) - 2 * _LINES_EDGE
    middle = _fold_line("", count, look, f"in between ({spelled_full()} shows all)")
    return [*lines[:_LINES_EDGE], middle, *lines[-_LINES_EDGE:]]


def _fold_line(prefix: str, count: int, look: Look, words: str) -> TreeLine:
    text = f"{look.glyphs.fold} {count:,} more {'node' if count == 1 else 'nodes'} {words}"
    return TreeLine(prefix=prefix, name=text, label="", is_fold=True)
