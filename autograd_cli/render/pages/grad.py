"""The Report as a page for a person: values, tensors, the grad_fn tree, and what there is to say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autograd_cli.modes import DEFAULT_MODE, MODES
from autograd_cli.render.escape import shortened, visible
from autograd_cli.render.look import BAD, GRADIENT, HEADING, LEAF, NODE, QUIET, Look
from autograd_cli.render.parts.alike import with_few_alike
from autograd_cli.render.parts.drawing import TreeLine
from autograd_cli.render.parts.findings import in_brief
from autograd_cli.render.parts.numbers import array_text, is_shortened, statistics_text
from autograd_cli.render.parts.printed import printed_lines
from autograd_cli.render.parts.recorded_tree import chain_text, node_name, tree_lines
from autograd_cli.render.parts.short import block_text, short_value
from autograd_cli.report import Report
from autograd_cli.spelling import spelled, spelled_full
from autograd_cli.trace import Backward, Kind, TensorInfo, Trace, Value

_SHORT = 18
_ABOVE = "above"
_ROWS = 40
_LABEL = 20
_SHORT_LABEL = 14  # one that is shortened further tells little
_GAP = 2
_UNLIMITED = 1_000_000
_GIVEN = frozenset({Kind.INPUT, Kind.PARAMETER, Kind.RESULT, Kind.HANDED})
_VERSIONS = frozenset({Kind.AUGMENTED, Kind.ASSIGNMENT, Kind.ITEM_ASSIGNMENT, Kind.STEP})  # made by no expression
_WIDE = 120
_Facts: TypeAlias = tuple[str, TensorInfo, TensorInfo | None]  # label, state, gradient
_DTYPE = 2
_HEADINGS = ("tensor", "shape", "dtype", "requires_grad", "is_leaf", "grad_fn", ".grad")


def page(report: Report, look: Look) -> Group:
    """The whole page, without a final empty line."""
    parts = [part for section in _sections(report, report.trace, look) for part in (section, Text())][:-1]
    told = in_brief(report, look)
    return Group(*parts, *([Text()] if parts and told else []), *told)


def _sections(report: Report, trace: Trace, look: Look) -> Iterator[RenderableType]:
    trace, left_out = with_few_alike(trace, look)
    yield Group(_values(trace, look), *[Text(line, style=QUIET) for line in left_out])
    if trace.printed:
        yield _printed(trace, look)
    if any(value.tensor is not None for value in trace.values):
        yield _tensors(report, trace, look)
    if trace.result is not None or trace.roots:
        yield _graph(report, trace, look)


def _values(trace: Trace, look: Look) -> Table:
    """Name and value of the inputs, the program's variables, the results and the gradients."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    names = [(variable.name, variable.tensor) for variable in trace.variables]
    width = max((len(name) for name, _ in [*names, *trace.grads]), default=0) + len(".grad")
    room = None if look.width is None else look.width - max(width, len("result")) - 2
    if trace.mode != DEFAULT_MODE:
        grid.add_row(Text("mode", style=HEADING), Text(f"the program runs {MODES[trace.mode].summary}"))
    for name, tensor in names:
        grid.add_row(Text(visible(name), style=HEADING), _array(tensor, look, room))
    for label, value in _results(trace):
        shown = _array(value.tensor, look, room) if value.tensor is not None else Text(short_value(trace, value, look))
        grid.add_row(Text(label, style=HEADING), shown)
    for name, grad in trace.grads if trace.backwards else ():
        shown = Text("None", style=BAD) if grad is None else _array(grad, look, room, style=GRADIENT)
        grid.add_row(Text(f"{visible(name)}.grad", style=HEADING), shown)
    for backward in trace.backwards:
        for words in _quiet_words(trace, backward):
            grid.add_row("", Text(words, style=QUIET))
    return grid


def _results(trace: Trace) -> Iterator[tuple[str, Value]]:
    for output, path in zip(trace.outputs, trace.output_paths(), strict=True):
        yield f"result{path}", trace.values[output]


def _quiet_words(trace: Trace, backward: Backward) -> Iterator[str]:
    """The line that says which gradient backward() started from, where the user gave none."""
    if backward.given or backward.refusal is not None or backward.step is not None:
        return
    shapes = [str(list(gradient.shape)) for gradient in backward.gradients if gradient is not None]
    if shapes:
        yield _ones_words(shapes)
    left_out = len(trace.outputs) - len(backward.roots)
    if left_out > 0:
        some = f"{len(backward.roots)} of {len(trace.outputs)} outputs"
        yield f"backward() started from {some}: the others are not tracked"


def _ones_words(shapes: Sequence[str]) -> str:
    """What agx passed to backward() for results of these shapes, for which the user gave nothing."""
    how = spelled(option="--gradient", argument="gradient=")
    if len(shapes) > 1:
        return f"agx weighted the results with ones, of shape {', '.join(shapes)}; choose other weights with {how}"
    kind, sizes = ("complex", "()") if shapes[0] == "[]" else ("not a scalar", shapes[0].strip("[]"))
    return f"the result is {kind}, so agx called backward(torch.ones({sizes})); choose other weights with {how}"


def _printed(trace: Trace, look: Look) -> RenderableType:
    """What the program printed, each line beside the line that printed it."""
    lines = list(printed_lines(trace))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, justify="right")
    grid.add_column(overflow="fold")
    edge = _ROWS // 2
    is_folded = len(lines) > _ROWS and not look.full
    for index, (number, line) in enumerate(lines):
        if is_folded and index == edge:
            grid.add_row(
                "", Text(f"{look.glyphs.fold} {len(lines) - 2 * edge:,} more lines ({spelled_full()})", style=QUIET)
            )
        if not is_folded or index < edge or index >= len(lines) - edge:
            grid.add_row(Text(f"line {number}", style=QUIET), Text(visible(line)))
    return Group(Text("printed", style=HEADING), grid)


def _array(tensor: TensorInfo, look: Look, room: int | None, style: str = "") -> Text:
    text = Text(block_text(tensor, look, room), style=style)
    if is_shortened(tensor, look):
        statistics = statistics_text(tensor, look)
        text.append(f"\n{statistics}", style=QUIET if statistics.endswith("NaN 0  inf 0") else BAD)
    return text


def _tensors(report: Report, trace: Trace, look: Look) -> RenderableType:
    """What torch knows about every tensor of the run, with as many of the facts in a row as fit."""
    facts = list(_rows(report, trace))
    columns: list[_Columns] = [
        _Columns(trace, facts, look, grad=_SHORT),
        _Columns(trace, facts, look, grad=len(_ABOVE)),
        _Columns(trace, facts, look, grad=len(_ABOVE), common_dtype=True),
    ]
    return next((found.table() for found in columns if found.is_fitting()), columns[1].stacked())


class _Columns:
    """The table of tensors, with gradients of up to `grad` characters written out.

    Where there is a `common_dtype`, only other dtypes stand beside their shapes.
    """

    def __init__(
        self, trace: Trace, facts: Sequence[_Facts], look: Look, *, grad: int, common_dtype: bool = False
    ) -> None:
        self._look = look
        self._headings = [Text(heading, style=HEADING) for heading in _HEADINGS]
        self._rows = [_cells(trace, *fact, look, grad) for fact in facts]
        if common_dtype and facts:
            self._drop_dtype(facts)

    def _drop_dtype(self, facts: Sequence[_Facts]) -> None:
        common = Counter(tensor.dtype for _, tensor, _ in facts).most_common(1)[0][0]
        self._headings[0].append(f" ({common})", style=QUIET)
        del self._headings[_DTYPE]
        for row, (_, tensor, _) in zip(self._rows, facts, strict=True):
            dtype = row.pop(_DTYPE)
            if tensor.dtype != common:
                row[_DTYPE - 1].append(f" {dtype}")

    def _room(self) -> int:
        """The room that there is for labels."""
        columns = zip(self._headings[1:], *(row[1:] for row in self._rows), strict=True)
        return (self._look.width or _UNLIMITED) - sum(max(map(len, column)) + _GAP for column in columns)

    def is_fitting(self) -> bool:
        """Whether there is room enough for labels, even if they must be shortened."""
        longest = max((len(row[0]) for row in self._rows), default=0)
        least = _LABEL if len(self._headings) == len(_HEADINGS) else _SHORT_LABEL
        return self._room() >= max(min(longest, least), len(self._headings[0]))

    def table(self) -> Table:
        """One row for each tensor."""
        table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style=HEADING)
        for index, heading in enumerate(self._headings):
            table.add_column(heading, no_wrap=index > 0, overflow="fold")
        room = None if self._look.width is None else self._room()
        for label, *facts in _folded(self._rows, self._look):
            table.add_row(Text(shortened(label.plain, room), style=label.style), *facts)
        return table

    def stacked(self) -> Group:
        """For a narrow terminal: each label on a line of its own, above the facts."""
        columns = zip(self._headings[1:], *(row[1:] for row in self._rows), strict=True)
        widths = [max(map(len, column)) for column in columns]
        lines: list[Text] = []
        for label, *facts in [self._headings, *_folded(self._rows, self._look)]:
            lines.append(label)
            cells = [_padded(cell, width) for cell, width in zip(facts, widths, strict=False)]
            lines += [Text(" " * _GAP).append(Text(" " * _GAP).join(cells))] if cells else []
        return Group(*lines)


def _folded(rows: list[list[Text]], look: Look) -> list[list[Text]]:
    """The rows, with the middle of many as a count."""
    if look.full or len(rows) <= _ROWS:
        return rows
    edge = _ROWS // 2
    count = Text(f"{look.glyphs.fold} {len(rows) - 2 * edge:,} more ({spelled_full()})", style=QUIET)
    return [*rows[:edge], [count], *rows[-edge:]]


def _padded(cell: Text, width: int) -> Text:
    padded = cell.copy()
    padded.pad_right(width - len(cell))
    return padded


def _rows(report: Report, trace: Trace) -> Iterator[_Facts]:
    """Label, state and gradient: the variables as they are at the end, then what has no name, in order."""
    variables = {variable.value: variable for variable in trace.variables}
    for variable in sorted(trace.variables, key=lambda each: trace.values[each.value].kind is not Kind.INPUT):
        yield variable.name, variable.tensor, variable.grad
    for value in _last_rounds(trace):
        is_made = value.kind not in _GIVEN | _VERSIONS and not value.is_consequence
        if value.tensor is not None and value.id not in variables and is_made:
            yield _label(report, value), value.tensor, None


def _last_rounds(trace: Trace) -> list[Value]:
    """The values in order; of those that one piece of a loop or function made again and again, only the last.

    The same holds for a function that torch called many times within one step.
    """
    last: dict[tuple[object, ...], Value] = {}
    counts: dict[tuple[object, ...], int] = {}
    for value in trace.values:
        in_step = (value.step, value.span, value.op)
        counts[in_step] = 0 if value.made_inside is not None else counts.get(in_step, -1) + 1
        key = (value.id,) if value.span is None else (value.span, value.op, counts[in_step])
        last.pop(key, None)
        last[key] = value
    return list(last.values())


def _label(report: Report, value: Value) -> str:
    """The piece of the program that made a value; for an element of a sequence, with its index."""
    piece = "" if value.span is None else value.span.cut(report.source)
    return f"{piece}{value.op}" if value.kind is Kind.ELEMENT else piece


def _cells(trace: Trace, label: str, tensor: TensorInfo, grad: TensorInfo | None, look: Look, room: int) -> list[Text]:
    grad_fn = "None" if tensor.grad_fn is None else node_name(trace.nodes[tensor.grad_fn])
    return [
        Text(shortened(label, None)),
        Text(str(list(tensor.shape))),
        Text(tensor.dtype),
        _truth(tensor.requires_grad),
        _truth(tensor.is_leaf),
        Text(grad_fn, style=QUIET if tensor.grad_fn is None else NODE),
        _short_grad(grad, look, room),
    ]


def _truth(truth: bool) -> Text:  # noqa: FBT001 - the truth is what is shown
    return Text(str(truth), style="" if truth else QUIET)


def _short_grad(grad: TensorInfo | None, look: Look, room: int) -> Text:
    if grad is None:
        return Text("None", style=QUIET)
    text = array_text(grad, look, None)
    fits = len(text) <= room and "\n" not in text
    return Text(text if fits else _ABOVE, style=GRADIENT)


def _graph(report: Report, trace: Trace, look: Look) -> RenderableType:
    """The graph that torch recorded for the result, from its grad_fn to the leaves."""
    tensors = _roots(trace)
    roots = list(dict.fromkeys([info.grad_fn for info in tensors if info.grad_fn is not None]))
    heading = Text("grad_fn", style=HEADING)
    if not roots:
        is_leaf = any(info.is_leaf and info.requires_grad for info in tensors)
        why = "the result is a leaf" if is_leaf else "torch recorded nothing for the result"
        return Text.assemble(heading, f"  None: {why}")
    if len(roots) == 1 and (chain := chain_text(trace, roots[0], look)) is not None and _fits(chain, look):
        return heading.append(f"  {chain}", style="not bold")
    grid = Table.grid(padding=(0, 3))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for line in tree_lines(trace, roots, report.source, look):
        grid.add_row(_tree_cell(line), Text(line.label))
    return Group(heading, grid)


def _roots(trace: Trace) -> tuple[TensorInfo, ...]:
    """The results, or, of a program that calls backward() itself, what the last of its passes started from."""
    own = [backward for backward in trace.backwards if backward.step is not None]
    if not own:
        return trace.output_tensors()
    return tuple([info for root in own[-1].roots if (info := trace.values[root].tensor) is not None])


def _fits(chain: str, look: Look) -> bool:
    return len(chain) + len("grad_fn  ") <= (look.width or _WIDE)


def _tree_cell(line: TreeLine) -> Text:
    style = QUIET if line.is_fold else LEAF if line.is_leaf else NODE
    return Text.assemble((line.prefix, QUIET), (line.name, style))
