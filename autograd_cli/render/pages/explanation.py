"""A Report with an explanation as a page: the listing, both graphs in one, the backward pass, and the end state."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autograd_cli.modes import DEFAULT_MODE, MODES
from autograd_cli.render.escape import shortened, visible
from autograd_cli.render.look import BAD, GRADIENT, HEADING, NODE, QUIET, Look
from autograd_cli.render.parts.alike import with_few_alike
from autograd_cli.render.parts.backward_pass import backward_passes
from autograd_cli.render.parts.blocks import flowing, hanging
from autograd_cli.render.parts.computed_tree import computed_graph
from autograd_cli.render.parts.findings import findings
from autograd_cli.render.parts.listing import Listing
from autograd_cli.render.parts.names import Names
from autograd_cli.render.parts.recorded_tree import node_name
from autograd_cli.render.parts.short import tensor_text
from autograd_cli.report import Report
from autograd_cli.spelling import spelled_mode
from autograd_cli.trace import Counterfactual, Kind, TensorInfo, Trace, Variable

_HEADINGS = ("name", "value", "requires_grad", "is_leaf", "grad_fn", "version", ".grad")
_NAME = 24
_CUT_OFF = 3
_GAP = 2
_BLOCK = 72  # columns for the numbers of a matrix


def explanation(report: Report, look: Look) -> Group:
    """The whole page, without a final empty line."""
    parts = [part for section in _sections(report, look) for part in (section, Text())][:-1]
    told = findings(report, look)
    return Group(*parts, *([Text()] if parts and told else []), *told)


def _sections(report: Report, look: Look) -> Iterator[RenderableType]:
    trace = report.trace
    if trace.mode != DEFAULT_MODE:
        yield Text.assemble(("mode", HEADING), f"  the program runs {MODES[trace.mode].summary}")
    listing = Listing(report, look)
    legend = listing.legend()
    yield Group(listing.show(listing.lines), legend) if legend else listing.show(listing.lines)
    graph = computed_graph(report, look)
    if graph is not None:
        yield graph
    yield from backward_passes(report, look)
    if report.of is not None and (arrived := trace.arrived(report.of)) is not None:
        shown = (tensor_text(arrived, look, room=60), GRADIENT)
        yield flowing((f"the gradient that arrived at {visible(report.of)}  ", HEADING), shown)
    if trace.variables:
        yield end_state(report, look)
    would_be = list(_would_be(report, look))
    if would_be:
        yield Group(Text("what it would have been", style=HEADING), *would_be)


def end_state(report: Report, look: Look) -> RenderableType:
    """What every name means at the end, and its `.grad`, or why it has none."""
    missing = dict(report.explained.explanation.missing)
    trace, left_out = with_few_alike(report.trace, look)
    rows = [_cells(trace, variable, missing, look) for variable in trace.variables]
    columns = zip([Text(heading) for heading in _HEADINGS], *rows, strict=True)
    needed = sum(max(map(_width, column)) + 2 for column in columns)
    heading, folds = Text("at the end", style=HEADING), [Text(line, style=QUIET) for line in left_out]
    if look.width is not None and needed > look.width:
        room = look.width - max(row[0].cell_len for row in rows) - _GAP
        rows = [_cells(trace, variable, missing, look, room) for variable in trace.variables]
        return Group(heading, *_stacked(rows, look.width), *folds)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=QUIET)
    for name in _HEADINGS:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return Group(heading, table, *folds)


def _width(text: Text) -> int:
    return max((line.cell_len for line in text.split("\n")), default=0)


def _stacked(rows: list[list[Text]], width: int) -> Iterator[Text]:
    """For a narrow terminal: the numbers in one line or block, what torch knows in the next."""
    column = max(row[0].cell_len for row in rows)
    for name, value, requires_grad, is_leaf, grad_fn, version, grad in rows:
        head = name.copy()
        head.pad_right(column - cell_len(name.plain) + _GAP)
        label = (".grad ", QUIET)
        beside = Text.assemble(head, value, "   ", label, grad)
        if "\n" in beside.plain or beside.cell_len > width:
            yield hanging(Text.assemble(head), value)
            yield hanging(Text.assemble("  ", label), grad)
        else:
            yield beside
        facts = f"requires_grad={requires_grad}  is_leaf={is_leaf}  grad_fn={grad_fn}  version {version}"
        yield Text(f"  {facts}", style=QUIET)


def _cells(trace: Trace, variable: Variable, missing: dict[str, str], look: Look, room: int = _BLOCK) -> list[Text]:
    tensor = variable.tensor
    grad_fn = "None" if tensor.grad_fn is None else node_name(trace.nodes[tensor.grad_fn])
    if variable.grad is not None:
        grad = Text(tensor_text(variable.grad, look, width=room), style=GRADIENT)
    else:
        is_bad = tensor.requires_grad and tensor.is_leaf
        grad = Text.assemble(("None", BAD if is_bad else QUIET), (f"  {missing.get(variable.name, '')}", QUIET))
    return [
        Text(shortened(variable.name, _NAME), style=HEADING),
        Text(tensor_text(tensor, look, width=room)),
        Text(str(tensor.requires_grad), style="" if tensor.requires_grad else QUIET),
        Text(str(tensor.is_leaf), style="" if tensor.is_leaf else QUIET),
        Text(grad_fn, style=QUIET if tensor.grad_fn is None else NODE),
        Text("none" if tensor.version is None else str(tensor.version)),
        grad,
    ]


def _would_be(report: Report, look: Look) -> Iterator[Text]:
    names = Names(report)
    for found in report.explained.explanation.counterfactuals:
        yield flowing(
            f"{visible(found.name)}.grad is ",
            _gradient(found.actual, look),
            f"; {_lifted(report, found, names)} it would be ",
            _gradient(found.would_be, look),
            width=look.width,
        )


def _gradient(gradient: TensorInfo | None, look: Look) -> tuple[str, str]:
    return ("None", BAD) if gradient is None else (tensor_text(gradient, look, room=40), GRADIENT)


def _lifted(report: Report, found: Counterfactual, names: Names) -> str:
    """`with y2 tracked`: what the cut that was lifted had cut off."""
    if found.span is None:
        return f"without {spelled_mode(report.trace.mode)}"
    made = [report.trace.values[cut.value] for cut in report.explained.explanation.cuts]
    values = [
        value
        for cut, value in zip(report.explained.explanation.cuts, made, strict=True)
        if found.span in {cut.since, value.span} and value.kind is not Kind.ALIAS
    ]
    cut_off = list(
        dict.fromkeys(names.of(each.id) if each.previous is None else names.piece(each.id) for each in values)
    )
    left_out = len(cut_off) - _CUT_OFF
    shown = ", ".join(cut_off[:_CUT_OFF]) + (f" and {left_out:,} more" if left_out > 0 else "")
    return f"with {shown} tracked" if shown else "without the cut"
