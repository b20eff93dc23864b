"""The Report as a page for a person: values, tensors, the grad_fn tree, and what there is to say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autograd_cli.modes import DEFAULT_MODE, MODES
from autograd_cli.render.drawing import TreeLine
from autograd_cli.render.escape import shortened, visible
from autograd_cli.render.findings import found
from autograd_cli.render.look import BAD, GRADIENT, HEADING, LEAF, NODE, QUIET, Look
from autograd_cli.render.numbers import array_text, is_shortened, statistics_text
from autograd_cli.render.printed import printed_lines
from autograd_cli.render.short import short_value
from autograd_cli.render.tree import chain_text, node_name, tree_lines
from autograd_cli.spelling import spelled, spelled_full
from autograd_cli.trace import Backward, Report, TensorInfo, Trace, Value

_SHORT = 18
_ABOVE = "see above"
_ROWS = 40
_LABEL = 20
_NARROWEST = 14
_SILENT = frozenset({"input", "parameter"})
_WIDE = 120
_HEADINGS = ("tensor", "shape", "dtype", "requires_grad", "is_leaf", "grad_fn", ".grad")


def page(report: Report, look: Look) -> Group:
    """The whole page, without a final empty line."""
    parts: list[RenderableType] = []
    if report.traces:
        parts = [part for section in _sections(report, report.trace, look) for part in (section, Text())][:-1]
    told = found(report, look)
    return Group(*parts, *([Text()] if parts and told else []), *told)


def _sections(report: Report, trace: Trace, look: Look) -> Iterator[RenderableType]:
    yield _values(trace, look)
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
    text = Text(array_text(tensor, look, room), style=style)
    if is_shortened(tensor, look):
        statistics = statistics_text(tensor, look)
        text.append(f"\n{statistics}", style=QUIET if statistics.endswith("NaN 0  inf 0") else BAD)
    return text


def _tensors(report: Report, trace: Trace, look: Look) -> RenderableType:
    """What torch knows about every tensor of the run."""
    rows, room = _fitting_rows(report, trace, look)
    if room is not None and room < min(max((len(row[0]) for row in rows), default=0), _NARROWEST):
        return _stacked(_folded(rows, look))
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=HEADING)
    for heading in _HEADINGS:
        table.add_column(heading, no_wrap=heading != "tensor", overflow="fold")
    for label, *facts in _folded(rows, look):
        table.add_row(Text(shortened(label.plain, room), style=label.style), *facts)
    return table


def _folded(rows: list[list[Text]], look: Look) -> list[list[Text]]:
    """The rows, with the middle of many as a count."""
    if look.full or len(rows) <= _ROWS:
        return rows
    edge = _ROWS // 2
    count = Text(f"{look.glyphs.fold} {len(rows) - 2 * edge:,} more ({spelled_full()})", style=QUIET)
    return [*rows[:edge], [count], *rows[-edge:]]


def _stacked(rows: Sequence[Sequence[Text]]) -> Group:
    """For a narrow terminal: each label on a line of its own, above the facts."""
    headings = [Text(heading, style=HEADING) for heading in _HEADINGS[1:]]
    columns = zip(headings, *(row[1:] for row in rows if len(row) > 1), strict=True)
    widths = [max(len(cell) for cell in column) for column in columns]
    lines = [Text(_HEADINGS[0], style=HEADING)]
    for label, *facts in [[lines.pop(), *headings], *rows]:
        lines.append(label)
        cells = [_padded(cell, width) for cell, width in zip(facts, widths, strict=False)]
        lines += [Text("  ").append(Text("  ").join(cells))] if cells else []
    return Group(*lines)


def _padded(cell: Text, width: int) -> Text:
    padded = cell.copy()
    padded.pad_right(width - len(cell))
    return padded


def _fitting_rows(report: Report, trace: Trace, look: Look) -> tuple[list[list[Text]], int | None]:
    """The rows, and the room for their labels, which goes before that for gradients written out."""
    facts = list(_rows(report, trace))
    rows = [_cells(trace, *fact, look, _SHORT) for fact in facts]
    if look.width is None or not rows:
        return rows, None
    room = look.width - _width_of_facts(rows)
    if room < min(max(len(row[0]) for row in rows), _LABEL):
        rows = [_cells(trace, *fact, look, len(_ABOVE)) for fact in facts]
        room = look.width - _width_of_facts(rows)
    return rows, room


def _width_of_facts(rows: Sequence[Sequence[Text]]) -> int:
    """The columns that a table of these rows needs beside its labels."""
    columns = zip(*(row[1:] for row in rows), strict=True)
    widths = [max(len(cell) for cell in column) for column in columns]
    return sum(max(width, len(heading)) + 2 for width, heading in zip(widths, _HEADINGS[1:], strict=False)) + 2


def _rows(report: Report, trace: Trace) -> Iterator[tuple[str, TensorInfo, TensorInfo | None]]:
    """Label, state and gradient: the variables as they are at the end, then what has no name, in order."""
    variables = {variable.value: variable for variable in trace.variables}
    for variable in sorted(trace.variables, key=lambda each: trace.values[each.value].op != "input"):
        yield variable.name, variable.tensor, variable.grad
    for value in _last_rounds(trace):
        passing = value.op.endswith("=") and value.op not in {"==", "!=", "<=", ">="}
        if value.tensor is not None and value.id not in variables and value.op not in _SILENT and not passing:
            yield _label(report, trace, value), value.tensor, None


def _last_rounds(trace: Trace) -> list[Value]:
    """The values in order, but of those that one piece of a loop or function made again and again only the last."""
    last: dict[tuple[object, ...], Value] = {}
    counts: dict[tuple[object, ...], int] = {}
    for value in trace.values:
        in_step = (value.step, value.span, value.op)
        counts[in_step] = counts.get(in_step, -1) + 1
        key = (value.id,) if value.span is None else (value.span, value.op, counts[in_step])
        last.pop(key, None)
        last[key] = value
    return list(last.values())


def _label(report: Report, trace: Trace, value: Value) -> str:
    """The piece of the program that made a value; an element of a sequence with its index."""
    piece = "" if value.span is None else value.span.cut(report.source)
    is_element = value.op.startswith("[") and value.op[1:-1].isdigit() and trace.values[value.operands[0]].elements
    return f"{piece}{value.op}" if is_element else piece


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
        heading.append(f"  {chain}", style="not bold")
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
