"""The computed graph as a tree: what torch recorded of it is solid, and each cut has its reason beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autograd_cli.render.escape import shortened
from autograd_cli.render.look import BAD, HEADING, LEAF, NODE, QUIET, Look
from autograd_cli.render.parts.drawing import TreeLine, draw
from autograd_cli.render.parts.names import Names
from autograd_cli.render.parts.reasons import short_reason
from autograd_cli.render.parts.recorded_tree import node_name
from autograd_cli.report import Report
from autograd_cli.trace import Cut, Kind, Value


def computed_graph(report: Report, look: Look) -> RenderableType | None:
    """The graph of what the last backward passes started from, or of the result; None where nothing was computed."""
    graph = Computed(report, look.language)
    roots = graph.roots()
    if not roots:
        return None
    lines = draw(graph, roots, look)
    heading = Text.assemble(("computed graph", HEADING))
    if any(_is_dashed(line, look) for line in lines):
        heading.append(f"  {look.glyphs.cut} torch did not record it", style=QUIET)
    return Group(heading, _table(lines, look))


def _table(lines: Sequence[TreeLine], look: Look) -> Table:
    """The drawing, the pieces of the program as far as there is room for them, and the remarks."""
    grid = Table.grid(padding=(0, 3, 0, 0))
    for _ in range(3):
        grid.add_column(no_wrap=True)
    trees = [_tree_cell(line) for line in lines]
    room = None
    if look.width is not None:
        taken = max(tree.cell_len for tree in trees) + max(len(line.remark) for line in lines) + 6
        room = max(look.width - taken, _NARROWEST)
    for tree, line in zip(trees, lines, strict=True):
        label = shortened(line.label, room) if line.label else ""
        grid.add_row(tree, Text(label), Text(line.remark, style=_style(line)))
    return grid


_PASSES = 3
_NARROWEST = 12


class Computed:
    """The values as a graph to draw. Lists and tuples are looked through."""

    def __init__(self, report: Report, language: str) -> None:
        self._trace = report.trace
        explanation = report.explained.explanation
        self._related = None if explanation.related is None else frozenset(explanation.related)
        self._names = Names(report)
        self._recorded = frozenset(explanation.recorded)
        self._cuts = {cut.value: cut for cut in explanation.cuts}
        self._report = report
        self._language = language
        self._solid: dict[tuple[int, int], bool] = {}
        self._of_cut: set[int] = set()  # numbers that were made of a tensor that torch records
        self._of_input: set[int] = set()  # what is made of an input or a leaf: the rest is data
        for value in self._trace.values:
            if value.id in self._cuts or not self._of_cut.isdisjoint(value.operands):
                self._of_cut.add(value.id)
            is_start = value.kind is Kind.INPUT or (value.tensor is not None and value.tensor.requires_grad)
            if is_start or not self._of_input.isdisjoint(value.operands):
                self._of_input.add(value.id)

    def roots(self) -> tuple[int, ...]:
        """What to draw: the roots of the last passes, one for each call; or else the result, or the last tensor."""
        trace = self._trace
        passes = {backward.span: backward.roots for backward in trace.backwards if backward.step is not None}
        shown = list(passes.values())[-_PASSES:]
        roots = tuple([root for each in shown for root in each]) or trace.outputs
        if not roots:
            made = [value.id for value in trace.values if value.tensor is not None and value.kind is not Kind.INPUT]
            roots = tuple(made[-1:])
        roots = tuple([self._as_given(root) for root in roots])
        return tuple(dict.fromkeys(root for root in roots if self._is_kept(root)))

    def _as_given(self, root: int) -> int:
        """The root; the input itself where the program returned an input as its result."""
        value = self._trace.values[root]
        return value.operands[0] if value.kind is Kind.RESULT else root

    def children(self, node: int) -> Sequence[int]:
        """The operands of a value that are tensors, or numbers made of one that torch records."""
        found: dict[int, bool] = {}
        for operand, is_recorded in self._operands(node):
            child = self._shown(operand)
            found[child] = found.get(child, False) or is_recorded
        self._solid.update({(node, child): is_recorded for child, is_recorded in found.items()})
        return list(found)

    def is_dashed(self, node: int, child: int) -> bool:
        """Whether torch recorded no edge between the value and its operand."""
        return not self._solid[node, child] and not self._is_same_leaf(node, child)

    def _is_same_leaf(self, node: int, child: int) -> bool:
        """Whether the operation handed its operand back, as `x.to("cpu")` does: there is nothing to record."""
        one, other = self._trace.values[node].tensor, self._trace.values[child].tensor
        if one is None or other is None or not (one.requires_grad and one.is_leaf and other.requires_grad):
            return False
        return (one.storage, one.shape, one.dtype) == (other.storage, other.shape, other.dtype)

    def line(self, node: int, prefix: str, *, is_chain: bool, again: bool) -> TreeLine:
        """The value's line: its names, the piece that made it, and what torch has of it."""
        value = self._trace.values[node]
        bound = self._names.bound(node)
        piece = "" if value.kind is Kind.INPUT else self._names.piece(node)
        if again:
            return TreeLine(prefix=prefix, name=bound or piece, label="", remark="(shown above)", is_chain=is_chain)
        cut = self._cuts.get(node)
        tensor = value.tensor
        return TreeLine(
            prefix=prefix,
            name=bound or piece,
            label=piece if bound else "",
            remark=self._remark(value, cut),
            is_chain=is_chain,
            is_leaf=tensor is not None and tensor.requires_grad and tensor.grad_fn is None,
            is_cut=cut is not None,
        )

    def _operands(self, node: int) -> Iterator[tuple[int, bool]]:
        if node not in self._of_input or self._is_anew(self._trace.values[node]):
            return
        pending = [(operand, (node, operand) in self._recorded) for operand in reversed(self._operands_of(node))]
        while pending:
            operand, is_recorded = pending.pop()
            value = self._trace.values[operand]
            if value.is_passed_through:
                pending += [
                    (each, is_recorded and (operand, each) in self._recorded)
                    for each in reversed(self._operands_of(operand))
                ]
            elif (value.tensor is not None or operand in self._of_cut) and self._is_kept(operand):
                yield operand, is_recorded

    def _operands_of(self, node: int) -> tuple[int, ...]:
        return self._trace.values[node].operands

    def _shown(self, node: int) -> int:
        """The value, or what it was before the program assigned to its `.grad`, which leaves its numbers alone."""
        value = self._trace.values[node]
        while value.assigns("grad") and value.previous is not None:
            value = self._trace.values[value.previous]
        return value.id

    def _is_kept(self, node: int) -> bool:
        return self._related is None or node in self._related

    def _is_anew(self, value: Value) -> bool:
        """Whether it is a leaf that was written to, as by an optimizer: the graph begins anew with it."""
        tensor = value.tensor
        return value.previous is not None and tensor is not None and tensor.requires_grad and tensor.is_leaf

    def _remark(self, value: Value, cut: Cut | None) -> str:
        tensor = value.tensor
        if cut is not None:
            since = None if cut.since is None else self._report.number_of(cut.since.line)
            return f"not recorded: {short_reason(cut, since, value, self._language)}"
        if tensor is None:
            return "a Python number" if value.elements == () else ""
        if tensor.grad_fn is not None:
            return node_name(self._trace.nodes[tensor.grad_fn])
        if tensor.requires_grad:
            return "leaf, changed in place" if self._is_anew(value) else "leaf"
        return "not tracked"


def _tree_cell(line: TreeLine) -> Text:
    style = QUIET if line.is_fold else LEAF if line.is_leaf else HEADING if line.label else ""
    return Text.assemble((line.prefix, QUIET), (line.name, style))


def _style(line: TreeLine) -> str:
    if line.is_cut:
        return BAD
    if line.is_leaf:
        return LEAF
    return NODE if line.remark[:1].isupper() else QUIET


def _is_dashed(line: TreeLine, look: Look) -> bool:
    glyphs = look.glyphs
    return line.prefix.endswith((glyphs.dashed_arrow, glyphs.dashed_fork, glyphs.dashed_last))
