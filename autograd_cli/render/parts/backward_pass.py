"""A backward pass node by node: what arrives, what leaves along each edge by which formula, what `.grad` becomes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autograd_cli.diagnostic import Span
from autograd_cli.render.escape import shortened
from autograd_cli.render.look import BAD, GRADIENT, HEADING, LEAF, NODE, QUIET, Look
from autograd_cli.render.parts.blocks import flowing
from autograd_cli.render.parts.formula import equation
from autograd_cli.render.parts.names import Names
from autograd_cli.render.parts.short import short_tensor, tensor_text
from autograd_cli.report import Report
from autograd_cli.spelling import spelled_full
from autograd_cli.trace import Flow, Kind, LeafGradient, Node, TensorValues, Visit, Walk

_VISITS = 30
_VISITS_EDGE = 15
_PARTS = 4
_PARTS_EDGE = 2
_BLOCK = 72
_INDENT = 2
_LEAST = 20
_ROOM = 40  # for a tensor in a sentence


def backward_passes(report: Report, look: Look) -> Iterator[RenderableType]:
    """The backward passes of the run: the first and the last of those that one call made, and one of those alike."""
    names = Names(report)
    walks = report.trace.walks
    calls: dict[Span | None, list[int]] = {}
    for number, walk in enumerate(walks):
        calls.setdefault(walk.span, []).append(number)
    passes = {
        number: _Pass(report, look, names, walks[number], number=number + 1 if len(walks) > 1 else None)
        for numbers in calls.values()
        for number in (numbers if look.full else dict.fromkeys((numbers[0], numbers[-1])))
    }
    alike: dict[tuple[str, ...], list[int]] = {}
    nearly: dict[tuple[str, ...], int] = {}
    for number, each in passes.items():
        alike.setdefault(each.key(), []).append(number)
        nearly.setdefault(each.key(leaves=False), number)
    for numbers in calls.values():
        for number in numbers:
            if number not in passes:
                if number == numbers[1]:
                    yield _more_passes(len(numbers) - 2, look)
                continue
            shown = passes[number]
            if alike[shown.key()][0] == number:
                yield shown.show(alike=alike[shown.key()], like=nearly[shown.key(leaves=False)])


def _more_passes(count: int, look: Look) -> Text:
    words = "1 more backward pass" if count == 1 else f"{count:,} more backward passes"
    return Text(f"{look.glyphs.fold} {words} ({spelled_full()})", style=QUIET)


class _Pass:
    """One backward pass, its `number` counted from 1 where there are several."""

    def __init__(self, report: Report, look: Look, names: Names, walk: Walk, *, number: int | None) -> None:
        self._report = report
        self._trace = report.trace
        self._look = look
        self._names = names
        self._walk = walk
        self._number = number
        self._backward = None if walk.backward is None else report.trace.backwards[walk.backward]
        related = report.explained.explanation.related
        self._related = None if related is None else frozenset(related)
        # What was handed to each input of a node, and by which node: None where the pass starts.
        self._received: dict[tuple[int, int], list[tuple[int | None, TensorValues]]] = {}
        self._keep_starts()
        self._width = self._room()
        self._rows = list(self._find_rows())

    def _room(self) -> int:
        """The columns for numbers that take several lines."""
        if self._look.width is None:
            return _BLOCK + _INDENT
        nodes = [visit.node for visit in self._walk.visits]
        name = max((len(self._trace.nodes[node].name) for node in nodes), default=0)
        label = max((cell_len(self._label(node)) for node in nodes), default=0)
        return max(self._look.width - name - label - 4, _LEAST)

    def key(self, *, leaves: bool = True) -> tuple[str, ...]:
        """Passes with the same key are alike. Without `leaves`, what became of the leaves does not count."""
        rows = [row for is_leaf, row in self._rows if leaves or not is_leaf]
        return (self._start(), *[cell.plain for row in rows for cell in row])

    def show(self, *, alike: Sequence[int], like: int) -> RenderableType:
        """The pass, which stands for those with the indices `alike`.

        Where only the leaves differ from an earlier pass `like`, only what became of the leaves is shown.
        """
        is_like = like != alike[0] and any(not is_leaf for is_leaf, _ in self._rows)
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for is_leaf, row in self._rows:
            if is_leaf or not is_like:
                grid.add_row(*row)
        above = [Text(f"the same as pass {like + 1:,}, except at the leaves", style=QUIET)] if is_like else []
        return Group(self._heading(alike), *above, grid)

    def _find_rows(self) -> Iterator[tuple[bool, tuple[Text, ...]]]:
        """The rows as pairs: whether it is about a leaf, and its cells."""
        shown = self._shown()
        for index, visit in enumerate(self._walk.visits):
            if index in shown:
                is_leaf = not self._trace.nodes[visit.node].next
                yield from ((is_leaf, row) for row in self._visit(visit))
            elif index == 0 or index - 1 in shown:
                yield False, (self._fold(index, shown),)
            self._keep(visit)
        if not self._walk.visits:
            yield from ((False, row) for row in self._without_nodes())
        elif self._backward is not None and self._backward.refusal is not None:
            yield False, self._stopped_at()

    def _fold(self, start: int, shown: frozenset[int]) -> Text:
        """How many visits from `start` on are left out."""
        end = min([index for index in shown if index > start], default=len(self._walk.visits))
        nodes = "1 more node" if end - start == 1 else f"{end - start:,} more nodes"
        why = f" ({spelled_full()})" if self._related is None else ""
        return Text(f"{self._look.glyphs.fold} {nodes}{why}", style=QUIET)

    def _without_nodes(self) -> Iterator[tuple[Text, ...]]:
        """What a pass did that began at leaves, and so visited no node."""
        leaves: Sequence[LeafGradient] = () if self._backward is None else self._backward.leaves
        changed = [leaf for leaf in leaves if leaf.before != leaf.after]
        for leaf in changed:
            yield Text("the start is a leaf", style=QUIET), Text(), self._change(f"{leaf.name}.grad", leaf, None)
        if not changed:
            yield (Text("backward() did not run", style=QUIET),)

    def _stopped_at(self) -> tuple[Text, ...]:
        """The node that torch refused to run: a gradient was handed to it, and it had no turn."""
        visited = {visit.node for visit in self._walk.visits}
        waiting = sorted({node for node, _ in self._received if node not in visited}, reverse=True)
        if not waiting:
            return (Text("refused", style=BAD),)
        return (
            Text(self._trace.nodes[waiting[0]].name, style=BAD),
            Text(self._label(waiting[0])),
            Text("refused", style=BAD),
        )

    def _shown(self) -> frozenset[int]:
        """Which visits are shown: those related to the one variable, if the answer is narrowed; of many, both ends."""
        indices = [index for index, visit in enumerate(self._walk.visits) if self._is_related(visit)]
        if self._look.full or len(indices) <= _VISITS:
            return frozenset(indices)
        return frozenset(indices[:_VISITS_EDGE] + indices[-_VISITS_EDGE:])

    def _is_related(self, visit: Visit) -> bool:
        node = self._trace.nodes[visit.node]
        return self._is_of_related(node)

    def _is_of_related(self, node: Node) -> bool:
        made_for = node.value if node.leaf is None else node.leaf
        return self._related is None or made_for in self._related

    def _keep(self, visit: Visit) -> None:
        """Keep what a node hands on for those that receive it."""
        node = self._trace.nodes[visit.node]
        for child, number, flow in zip(node.next, node.input_nrs, visit.flows, strict=True):
            if child is not None and flow.gradient is not None:
                self._received.setdefault((child, number), []).append((visit.node, flow.gradient))

    def _keep_starts(self) -> None:
        """Keep what the pass starts with."""
        backward = self._backward
        if backward is None:
            return
        accumulators = {node.leaf: node.id for node in self._trace.nodes if node.leaf is not None}
        for root, gradient in zip(backward.roots, backward.gradients, strict=True):
            value = self._trace.values[root]
            if value.tensor is not None:
                leaf = value.operands[0] if value.kind is Kind.RESULT else root
                node = accumulators.get(leaf) if value.tensor.grad_fn is None else value.tensor.grad_fn
                start = gradient or TensorValues(shape=(), dtype=value.tensor.dtype, values=(1.0,), summary=None)
                if node is not None:
                    self._received.setdefault((node, value.tensor.output_nr), []).append((None, start))

    def _heading(self, alike: Sequence[int]) -> Text:
        number = "" if self._number is None else f" {self._number}"
        heading = Text(f"backward pass{number}", style=HEADING)
        span = self._walk.span
        if span is None:
            heading.append("  of the result", style="not bold")
        else:
            heading.append(f"  {shortened(span.cut(self._report.source), 40)}", style="not bold")
            heading.append(f"  {self._report.place_of(span.line)}", style=f"not bold {QUIET}")
        heading.append(self._start(), style=f"not bold {QUIET}")
        if len(alike) > 1:
            heading.append(f"  {_numbers(alike)} alike", style="not bold")
        return heading

    def _start(self) -> str:
        """What the pass starts from."""
        backward = self._backward
        if backward is None:
            return ""
        if not any(backward.gradients):
            return "  from 1"
        weights = ["1" if each is None else short_tensor(each, self._look) for each in backward.gradients]
        return f"  from {'' if backward.given else 'ones: '}{', '.join(weights)}"

    def _visit(self, visit: Visit) -> Iterator[tuple[Text, ...]]:
        """The lines of one node."""
        node = self._trace.nodes[visit.node]
        label = self._label(visit.node)
        is_leaf = not node.next
        head = Text(node.name, style=LEAF if is_leaf else NODE)
        rows = [
            *self._sums(visit),
            *self._hooks(visit),
            *(self._accumulation(visit) if is_leaf else self._edges(visit)),
        ]
        for index, row in enumerate(rows):
            yield (head, Text(label), row) if index == 0 else (Text(), Text(), row)

    def _sums(self, visit: Visit) -> Iterator[Text]:
        """Where several contributions meet: the sum that arrives."""
        for number, arrived in enumerate(visit.arrived):
            received = self._received.get((visit.node, number), [])
            if arrived is not None and len(received) > 1:
                shown = received if len(received) <= _PARTS else received[:_PARTS_EDGE]
                parts = [f"{self._short(gradient)} from {self._sender(node)}" for node, gradient in shown]
                parts += [f"{len(received) - len(shown):,} more"] if len(shown) < len(received) else []
                yield self._flowing(f"receives {' and '.join(parts)}: ", self._whole(arrived))

    def _hooks(self, visit: Visit) -> Iterator[Text]:
        """What hooks of the program made of what arrives."""
        for hooked in visit.hooked:
            before, after = (self._trace.values[each].tensor for each in (hooked.handed, hooked.returned))
            if before is not None and after is not None:
                piece = self._names.piece(hooked.returned)
                yield self._flowing(f"a hook made of {self._short(before)}, by {piece}: ", self._whole(after))

    def _sender(self, node: int | None) -> str:
        return "the start" if node is None else self._label(node)

    def _edges(self, visit: Visit) -> Iterator[Text]:
        node = self._trace.nodes[visit.node]
        for child, flow in zip(node.next, visit.flows, strict=True):
            if child is None or not self._is_of_related(self._trace.nodes[child]):
                continue
            yield self._edge(self._label(child), flow, visit)

    def _edge(self, target: str, flow: Flow, visit: Visit) -> Text:
        start = (f"to {target}: ", QUIET)
        if flow.gradient is None:
            return Text.assemble(start, ("nothing", QUIET))
        formula, gradient = equation(flow, visit, self._look, self._width - _INDENT)
        return self._flowing(start, formula, (gradient, GRADIENT))

    def _accumulation(self, visit: Visit) -> Iterator[Text]:
        """What the pass did to the leaf's `.grad`: before, added, after."""
        node = self._trace.nodes[visit.node]
        arrived = next((gradient for gradient in visit.arrived if gradient is not None), None)
        if arrived is None:
            yield Text("receives nothing", style=QUIET)
            return
        leaf = self._leaf(node)
        name = f"{self._leaf_label(visit.node, leaf)}.grad"
        if leaf is None or leaf.after is None:
            yield self._flowing(f"{name} is left unchanged; it receives ", self._whole(arrived))
        else:
            yield self._change(name, leaf, arrived)

    def _change(self, name: str, leaf: LeafGradient, arrived: TensorValues | None) -> Text:
        """What became of a leaf's `.grad`: before, what was added where that is known, after."""
        after = ("None", GRADIENT) if leaf.after is None else self._whole(leaf.after)
        if leaf.before is None:
            return self._flowing(f"{name} was None, now ", after)
        before = self._short(leaf.before)
        if arrived is None:
            return self._flowing(f"{name} was {before}, now ", after)
        added = self._short(arrived)
        is_sum = before.startswith("[") or leaf.before.shape == ()
        return self._flowing(
            f"{name} = {before} + {added} = " if is_sum else f"{name} was {before}; added {added}; now ", after
        )

    def _leaf(self, node: Node) -> LeafGradient | None:
        leaves: Sequence[LeafGradient] = () if self._backward is None else self._backward.leaves
        return next((leaf for leaf in leaves if leaf.value is not None and leaf.value == node.leaf), None)

    def _leaf_label(self, node: int, leaf: LeafGradient | None) -> str:
        """The label of a leaf's node, or what the leaf is called where its name means another tensor."""
        called = None if leaf is None or self._backward is None else self._names.of_leaf(leaf, self._backward.step)
        return self._label(node) if leaf is None or called in {None, leaf.name} else f"{called}"

    def _label(self, node: int) -> str:
        room = None if self._look.width is None else max(self._look.width // 5, 12)
        return shortened(self._names.of_node(node), room)

    def _short(self, tensor: TensorValues) -> str:
        return short_tensor(tensor, self._look, _ROOM)

    def _flowing(self, *pieces: str | tuple[str, str]) -> Text:
        return flowing(*pieces, width=None if self._look.width is None else self._width)

    def _whole(self, tensor: TensorValues) -> tuple[str, str]:
        return tensor_text(tensor, self._look, room=_ROOM, width=self._width - _INDENT), GRADIENT


def _numbers(alike: Sequence[int]) -> str:
    """`passes 1, 2 and 5`."""
    words = [f"{index + 1:,}" for index in alike]
    return f"passes {', '.join(words[:-1])} and {words[-1]}"
