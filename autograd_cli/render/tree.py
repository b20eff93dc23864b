"""The recorded graph as a tree of lines: shared nodes once, long chains folded in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autograd_cli.render.escape import shortened, visible
from autograd_cli.render.look import Look
from autograd_cli.trace import Node, Trace

_CHAIN = 5
_RUN = 9
_RUN_EDGE = 4
_LINES = 60
_LINES_EDGE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeLine:
    """One line: the drawing before the node, the node's name, and the piece of the program that made it."""

    prefix: str
    name: str
    label: str
    is_chain: bool = False
    is_leaf: bool = False
    is_fold: bool = False


def tree_lines(trace: Trace, roots: Sequence[int], source: str, look: Look) -> list[TreeLine]:
    """The graph below each of the nodes `roots`, drawn as far as `look` says."""
    lines: list[TreeLine] = []
    seen: set[int] = set()
    for root in roots:
        lines += _Drawing(trace, source, look, seen).draw(root)
    if not look.full and look.depth is None:
        lines = _fold_lines(_fold_chains(lines, look), look)
    left_out = _reachable(trace, roots) - len(seen)
    if left_out:
        lines.append(_fold_line("", left_out, look, "below (--depth, --full)"))
    return lines


def chain_text(trace: Trace, root: int, look: Look) -> str | None:
    """`MulBackward0 → AccumulateGrad(x)`, where the graph is one short chain."""
    names = [node_name(trace.nodes[root])]
    node = trace.nodes[root]
    while following := _next(node):
        if len(following) > 1 or len(names) >= _CHAIN:
            return None
        node = trace.nodes[following[0]]
        names.append(node_name(node))
    return f" {look.glyphs.arrow.strip()} ".join(names)


def node_name(node: Node) -> str:
    """The name of a node, with the leaf that an AccumulateGrad belongs to."""
    return visible(node.name if node.variable is None else f"{node.name}({node.variable})")


def _next(node: Node) -> list[int]:
    """The nodes that a node leads to, each once: `x*x` has two edges to one leaf."""
    return list(dict.fromkeys(child for child in node.next if child is not None))


def _reachable(trace: Trace, roots: Sequence[int]) -> int:
    seen = set(roots)
    pending = list(roots)
    while pending:
        for child in _next(trace.nodes[pending.pop()]):
            if child not in seen:
                seen.add(child)
                pending.append(child)
    return len(seen)


class _Drawing:
    """Draws one root's graph depth first, without recursion: graphs are deeper than the stack."""

    def __init__(self, trace: Trace, source: str, look: Look, seen: set[int]) -> None:
        self._trace = trace
        self._source = source
        self._look = look
        self._seen = seen

    def draw(self, root: int) -> list[TreeLine]:
        glyphs = self._look.glyphs
        lines: list[TreeLine] = []
        pending = [(root, "", "", 1)]  # node, the drawing before its children, the drawing before itself, level
        while pending:
            number, indent, prefix, level = pending.pop()
            node = self._trace.nodes[number]
            is_chain = prefix.endswith(glyphs.arrow)
            if number in self._seen:
                lines.append(self._line(node, prefix, is_chain, again=True))
                continue
            self._seen.add(number)
            lines.append(self._line(node, prefix, is_chain, again=False))
            children = _next(node)
            if self._look.depth is not None and level >= self._look.depth:
                continue
            if len(children) == 1:
                pending.append((children[0], indent, indent + glyphs.arrow, level + 1))
                continue
            for child in reversed(children):
                is_last = child == children[-1]
                below = indent + (glyphs.blank if is_last else glyphs.bar)
                pending.append((child, below, indent + (glyphs.last if is_last else glyphs.fork), level + 1))
        return lines

    def _line(self, node: Node, prefix: str, is_chain: bool, *, again: bool) -> TreeLine:  # noqa: FBT001 - a fact of the line
        limit = None if self._look.width is None else max(self._look.width // 2, 20)
        label = "" if node.span is None else shortened(node.span.cut(self._source), limit)
        if again:
            label = f"{label}  (shown above)".strip() if _next(node) else "(shown above)"
        is_leaf = node.variable is not None or not node.next
        return TreeLine(prefix=prefix, name=node_name(node), label=label, is_chain=is_chain, is_leaf=is_leaf)


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
            middle = _fold_line(run[1].prefix, count, look, "(--full shows all)")
            folded += [*run[:_RUN_EDGE], middle, *run[-_RUN_EDGE:]]
        else:
            folded += run
        start = end
    return folded


def _fold_lines(lines: list[TreeLine], look: Look) -> list[TreeLine]:
    if len(lines) <= _LINES:
        return lines
    count = len(lines) - 2 * _LINES_EDGE
    middle = _fold_line("", count, look, "in between (--full shows all)")
    return [*lines[:_LINES_EDGE], middle, *lines[-_LINES_EDGE:]]


def _fold_line(prefix: str, count: int, look: Look, words: str) -> TreeLine:
    text = f"{look.glyphs.fold} {count:,} more {'node' if count == 1 else 'nodes'} {words}"
    return TreeLine(prefix=prefix, name=text, label="", is_fold=True)
