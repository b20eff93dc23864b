"""Several runs → rows of facts, grouped by tensor: what was computed and what torch knows of it, run by run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from autograd_cli.render.escape import shortened, visible
from autograd_cli.render.look import Look
from autograd_cli.render.parts.names import Names
from autograd_cli.render.parts.numbers import range_text
from autograd_cli.render.parts.short import CELL, tensor_text
from autograd_cli.report import Column, Report
from autograd_cli.trace import Backward, Kind, Phase, TensorInfo, Trace, Value, Variable

_PIECE = 60
_NOT_THERE = "-"
GRADIENT_ROW = ".grad"
_LABELS = 22  # columns for the names of the rows
_GAP = 2
_LEAST = 16
_WIDEST = 72
_ON_ENTRY = frozenset({"value", "requires_grad", "is_leaf", "is_inference"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one run has for a row. Cells with the same `key` agree. `short` is the gist of a `text` of several lines."""

    text: str
    key: object
    short: str = ""
    is_bad: bool = False


ABSENT = Cell(text=_NOT_THERE, key=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fact, run by run."""

    name: str
    cells: tuple[Cell, ...]

    @property
    def differs(self) -> bool:
        """Whether the runs that have the fact differ."""
        return len({cell.key for cell in self.cells if cell is not ABSENT}) > 1

    @property
    def is_gradient(self) -> bool:
        """Whether the fact is a gradient: then the first run has the right one."""
        return self.name.startswith(GRADIENT_ROW)

    def is_wrong(self, index: int) -> bool:
        """Whether a run has a gradient that is not the first run's."""
        first, cell = self.cells[0], self.cells[index]
        return self.is_gradient and cell.key not in {None, "None", first.key} and first.key not in {None, "None"}

    def is_missing(self, index: int) -> bool:
        """Whether a run has no gradient, and the first has one."""
        return self.is_gradient and self.cells[index].key == "None" and self.cells[0].key not in {None, "None"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The rows of one tensor."""

    title: str
    about: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """A tensor in one run: as it is, and its `.grad`."""

    tensor: TensorInfo
    grad: TensorInfo | None = None


def sections(report: Report, look: Look, notes: dict[str, int]) -> Iterator[Section]:
    """The result, the inputs, the other variables, and how it went. `notes` gets what torch said, numbered."""
    rows = _Rows(report, look)
    if report.of is None:
        yield from _results(report, rows)
    for given in report.inputs:
        if report.of in {None, given.name}:
            yield _input(report, given.name, rows)
    yield from _others(report, rows)
    yield Section(title="the run", about="", rows=tuple(_outcome(report, notes)))


class _Rows:
    """Makes the rows of a tensor."""

    def __init__(self, report: Report, look: Look) -> None:
        self._traces = [column.report.trace for column in report.columns]
        self._inputs = [given.name for given in report.inputs]
        self._look = look
        # Numbers that take several lines leave room for the reference and one more column.
        self._width = _WIDEST if look.width is None else max((look.width - _LABELS) // 2 - _GAP, _LEAST)

    def of(self, states: Sequence[_State | None], *, whole: bool) -> Iterator[Row]:
        """What there is to say of a tensor, run by run; a state is None where the run does not have it.

        Without `whole`, `is_inference` is left out.
        """
        yield self.row("value", states, lambda state, _: self.value(state.tensor))
        yield self.row("requires_grad", states, lambda state, _: _plain(state.tensor.requires_grad))
        yield self.row("is_leaf", states, lambda state, _: _plain(state.tensor.is_leaf))
        yield self.row("grad_fn", states, lambda state, trace: _plain(_grad_fn(state.tensor, trace)))
        if any(state is not None and state.grad is not None for state in states):
            yield self.row(".grad", states, lambda state, _: self.value(state.grad))
        yield self.row("version", states, lambda state, _: _version(state.tensor))
        if whole and any(state is not None and state.tensor.is_inference for state in states):
            yield self.row("is_inference", states, lambda state, _: _plain(state.tensor.is_inference))

    def shared(self, states: Sequence[_State | None]) -> Row:
        """Which inputs a tensor shares memory with."""
        return self.row("shares memory with", states, lambda state, trace: _plain(self._sharing(state.tensor, trace)))

    def row(self, name: str, states: Sequence[_State | None], fact: Callable[[_State, Trace], Cell]) -> Row:
        """One fact of each run's state."""
        cells = [
            ABSENT if state is None else fact(state, trace) for state, trace in zip(states, self._traces, strict=True)
        ]
        return Row(name=name, cells=tuple(cells))

    def value(self, tensor: TensorInfo | None) -> Cell:
        """The numbers, in the room that there is."""
        if tensor is None:
            return Cell(text="None", key="None")
        text = tensor_text(tensor, self._look, room=min(CELL, self._width), width=self._width)
        return Cell(
            text=text, short=range_text(tensor), key=repr((tensor.shape, tensor.dtype, tensor.values, tensor.summary))
        )

    def _sharing(self, tensor: TensorInfo, trace: Trace) -> str:
        entered = [(name, _entered(trace, name)) for name in self._inputs]
        names = [name for name, value in entered if value and value.tensor and value.tensor.storage == tensor.storage]
        return visible(", ".join(names)) or "no input"


def _plain(fact: bool | str) -> Cell:  # noqa: FBT001 - the fact is what is shown
    return Cell(text=str(fact), key=fact)


def _grad_fn(tensor: TensorInfo, trace: Trace) -> str:
    return "None" if tensor.grad_fn is None else visible(trace.nodes[tensor.grad_fn].name)


def _version(tensor: TensorInfo) -> Cell:
    return _plain("none" if tensor.version is None else str(tensor.version))


# The result.


def _results(report: Report, rows: _Rows) -> Iterator[Section]:
    """The outputs; of a program that calls backward() itself, what the last of its passes started from."""
    per_run = _shown(report)
    titles = list(dict.fromkeys(title for shown in per_run for title in shown))
    for title in titles:
        values = [shown.get(title) for shown in per_run]
        text = next(_text(column, value) for column, value in zip(report.columns, values, strict=True) if value)
        states = [None if value is None or value.tensor is None else _State(tensor=value.tensor) for value in values]
        if any(states):
            found = (*rows.of(states, whole=True), *([rows.shared(states)] if report.inputs else []))
        else:
            cells = [ABSENT if value is None else _plain(visible(str(value.scalar))) for value in values]
            found = (Row(name="value", cells=tuple(cells)),)
        if title.startswith("root"):
            yield Section(title=text, about="where backward() started", rows=found)
        else:
            yield Section(title=title, about=text, rows=found)


def _shown(report: Report) -> list[dict[str, Value]]:
    """What the section of the result shows of each run, by title."""
    traces = [column.report.trace for column in report.columns]
    if any(trace.refusal is None and not _own_passes(trace) for trace in traces):
        return [_outputs(trace) for trace in traces]
    return [_roots(trace) for trace in traces]


def _outputs(trace: Trace) -> dict[str, Value]:
    titles = [f"result{path}" for path in trace.output_paths()]
    return {title: trace.values[output] for title, output in zip(titles, trace.outputs, strict=True)}


def _roots(trace: Trace) -> dict[str, Value]:
    """What the last of the program's own passes started from; without one, the result."""
    own = _own_passes(trace)
    if not own:
        return _outputs(trace)
    return {f"root {index}": trace.values[number] for index, number in enumerate(own[-1].roots)}


def _own_passes(trace: Trace) -> list[Backward]:
    return [backward for backward in trace.backwards if backward.step is not None]


def _text(column: Column, value: Value) -> str:
    """The names of a value, or the piece of the program that made it."""
    names = Names(column.report)
    return shortened(names.bound(value.id) or names.piece(value.id, _PIECE), _PIECE)


# The inputs.


def _input(report: Report, name: str, rows: _Rows) -> Section:
    """An input as the program got it, and what became of the tensor that was given."""
    traces = [column.report.trace for column in report.columns]
    ends = [_end(trace, name) for trace in traces]
    states = [
        None if (value := _entered(trace, name)) is None or value.tensor is None else _State(tensor=value.tensor)
        for trace in traces
    ]
    found = [row for row in rows.of(states, whole=True) if row.name in _ON_ENTRY]
    final = [None if end is None else _State(tensor=end.tensor, grad=end.grad) for end in ends]
    value_row = rows.row("value at the end", final, lambda state, _: rows.value(state.tensor))
    if any(new is not ABSENT and new.key != old.key for new, old in zip(value_row.cells, found[0].cells, strict=True)):
        found.append(value_row)
    found += [
        rows.row(".grad", final, lambda state, _: rows.value(state.grad)),
        rows.row("version", final, lambda state, _: _version(state.tensor)),
    ]
    inside = [_inside(trace, name) for trace in traces]
    if any(variable is not None and variable.grad is not None for variable in inside):
        own = [None if each is None else _State(tensor=each.tensor, grad=each.grad) for each in inside]
        found.append(rows.row(".grad of the one inside", own, lambda state, _: rows.value(state.grad)))
    return Section(title=visible(name), about="as it enters", rows=tuple(found))


def _entered(trace: Trace, name: str) -> Value | None:
    """The input as the program got it: in some modes cut off from the tensor that was given."""
    given = next((value for value in trace.values if value.kind is Kind.INPUT and value.name == name), None)
    if given is None:
        return None
    cut = (
        value
        for value in trace.values
        if value.span is None and value.verb in {"detach", "data"} and value.operands == (given.id,)
    )
    return next(cut, given)


def _end(trace: Trace, name: str) -> Variable | None:
    """The tensor that was given, at the end: the program may have given its name to another."""
    found = {variable.name: variable for variable in trace.variables}
    return found.get(f"{name} (input)", found.get(name))


def _inside(trace: Trace, name: str) -> Variable | None:
    """What the program got in place of the tensor that was given, at the end."""
    names = {f"{name}.detach()", f"{name}.data"}
    return next((variable for variable in trace.variables if variable.name in names), None)


# The other variables.


def _others(report: Report, rows: _Rows) -> Iterator[Section]:
    """The other variables: the rows in which the runs differ, or all rows of the one variable that is asked for."""
    traces = [column.report.trace for column in report.columns]
    shown = {value.id for run in _shown(report) for value in run.values()} if report.of is None else set()
    per_run = [_own_variables(report, trace) for trace in traces]
    for name in dict.fromkeys(name for variables in per_run for name in variables):
        found = [variables.get(name) for variables in per_run]
        if any(variable is not None and variable.value in shown for variable in found):
            continue
        states = [None if each is None else _State(tensor=each.tensor, grad=each.grad) for each in found]
        about = [*rows.of(states, whole=report.of is not None), *([rows.shared(states)] if report.inputs else [])]
        kept = tuple([row for row in about if row.differs or report.of is not None])
        is_input = any(given.name == name for given in report.inputs)
        yield Section(title=visible(name), about="as the program bound it" if is_input else "", rows=kept)


def _own_variables(report: Report, trace: Trace) -> dict[str, Variable]:
    """The variables of the program: all but the inputs, except for an input's name that it gave to another tensor."""
    inputs = {given.name for given in report.inputs}
    taken = {variable.name.removesuffix(" (input)") for variable in trace.variables if " (input)" in variable.name}
    entered = {f"{name}{cut}" for name in inputs for cut in (".detach()", ".data", " (input)")}
    return {variable.name: variable for variable in trace.variables if variable.name not in (inputs - taken) | entered}


# How it went.


def _outcome(report: Report, notes: dict[str, int]) -> Iterator[Row]:
    traces = [column.report.trace for column in report.columns]
    if any(trace.refusal is not None and trace.refusal.during is Phase.FORWARD for trace in traces):
        yield Row(name="forward", cells=tuple([_forward(trace, notes) for trace in traces]))
    yield Row(name="backward", cells=tuple([_backward(trace, notes) for trace in traces]))


def _forward(trace: Trace, notes: dict[str, int]) -> Cell:
    refusal = trace.refusal
    if refusal is None or refusal.during is not Phase.FORWARD:
        return _plain("ok")
    return _refused(f"{refusal.exception}: {refusal.message}", notes)


def _backward(trace: Trace, notes: dict[str, int]) -> Cell:
    refusal = trace.refusal
    if refusal is not None and refusal.during is Phase.BACKWARD:
        return _refused(f"{refusal.exception}: {refusal.message}", notes)
    if trace.backwards:
        return _plain("ok")
    if any(value.function == "torch.autograd.grad" for value in trace.values):
        return _plain("autograd.grad")
    return _plain("not called" if refusal is None else "not reached")


def _refused(words: str, notes: dict[str, int]) -> Cell:
    number = notes.setdefault(words, len(notes) + 1)
    return Cell(text=f"refused [{number}]", key=words, is_bad=True)
