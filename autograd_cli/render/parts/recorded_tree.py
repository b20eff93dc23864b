"""The recorded graph as a tree: torch's nodes, each beside the piece of the program that it was made for."""

from __future__ import annotations

from collections.abc import Sequence

from autograd_cli.render.escape import shortened, visible
from autograd_cli.render.look import Look
from autograd_cli.render.parts.drawing import TreeLine, draw
from autograd_cli.trace import Node, Trace

_CHAIN = 5


def tree_lines(trace: Trace, roots: Sequence[int], source: str, look: Look) -> list[TreeLine]:
    """The graph below each of the nodes `roots`, drawn as far as `look` says."""
    return draw(_Recorded(trace, source, look), roots, look)


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


class _Recorded:
    def __init__(self, trace: Trace, source: str, look: Look) -> None:
        self._trace = trace
        self._source = source
        self._room = None if look.width is None else max(look.width // 2, 20)

    def children(self, node: int) -> Sequence[int]:
        return _next(self._trace.nodes[node])

    def is_dashed(self, node: int, child: int) -> bool:  # noqa: ARG002 - all edges here are recorded
        return False

    def line(self, node: int, prefix: str, *, is_chain: bool, again: bool) -> TreeLine:
        found = self._trace.nodes[node]
        label = "" if found.span is None else shortened(found.span.cut(self._source), self._room)
        if again:
            label = f"{label}  (shown above)".strip() if _next(found) else "(shown above)"
        is_leaf = found.variable is not None or not found.next
        return TreeLine(prefix=prefix, name=node_name(found), label=label, is_chain=is_chain, is_leaf=is_leaf)
