"""The use case of comparing: one program under several tracking modes, or several programs, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from autograd_cli.diagnostic import Diagnostic, Status, bad_request
from autograd_cli.lang.suggest import did_you_mean
from autograd_cli.report import Column, Compared, Explored, Report
from autograd_cli.settings import DEFAULT_SETTINGS, Settings
from autograd_cli.tasks.explore import explore, nothing
from autograd_cli.tasks.request import Request

LESSON_INPUT = "0,1"
# The same change of y, which exp() has saved for its backward pass, by the line that makes it.
LESSON = {
    line: f"y = x.exp(); {line}; y.sum().backward()" for line in ("y = y + 1", "y.data.add_(1)", "y.detach().add_(1)")
}


def compare(request: Request, modes: Sequence[str], before_run: Callable[[], None] = nothing) -> Report:
    """Explore a program under each of the modes: a Report with a column for each.

    The limits are those of all runs together. A request that cannot be understood, or that reaches a limit in one of
    the modes, is one error, as it is for `explore`.
    """
    runs = [(name, replace(request, mode=name, of=None)) for name in modes]
    compared = replace(_columns(runs, before_run), of=request.of)
    return compared if request.of is None else _narrowed(compared, request.of)


def lesson(settings: Settings = DEFAULT_SETTINGS, before_run: Callable[[], None] = nothing) -> Report:
    """The case that teaches: a change in place that torch notices, and the same one that it does not."""
    inputs = {"x": LESSON_INPUT}
    runs = [(line, Request(program=text, inputs=inputs, settings=settings)) for line, text in LESSON.items()]
    report = _columns(runs, before_run)
    return replace(report, status=Status.ANSWER) if report.is_answered else report


def _columns(runs: Sequence[tuple[str, Request]], before_run: Callable[[], None]) -> Report:
    """The Report with a column for each (name, request), or the first that is no answer."""
    columns: list[Column] = []
    for name, request in runs:
        report = explore(replace(request, settings=_share(request.settings, len(runs)), watch=False), before_run)
        if report.body is None:
            return replace(report, diagnostics=tuple([_of_all(found, name, columns) for found in report.diagnostics]))
        columns.append(Column(name=name, report=report))
        before_run = nothing
    first = columns[0].report
    body = Compared(columns=tuple(columns), outcome=first.outcome or "")
    return replace(first, status=_status(columns), body=body, diagnostics=())


def _share(settings: Settings, runs: int) -> Settings:
    """The settings of one of this many runs, which share the limit of steps."""
    return replace(settings, limits=replace(settings.limits, steps=max(settings.limits.steps // runs, 1)))


def _of_all(found: Diagnostic, name: str, before: Sequence[Column]) -> Diagnostic:
    """The error, naming the mode if others went well before it, and saying that a limit is for all modes."""
    message = f"{found.message} (under {name})" if before else found.message
    if found.rule == "limit-steps":
        message = f"{message}: its share of the limit, which is for all modes together"
    return replace(found, message=message)


def _status(columns: Iterable[Column]) -> Status:
    """Bad news only where every mode has it."""
    return Status.ANSWER if any(column.report.ok for column in columns) else Status.BAD_NEWS


def _narrowed(report: Report, name: str) -> Report:
    """The comparison with one variable, where there is one."""
    if not isinstance(report.body, Compared):
        return report
    traces = [column.report.trace for column in report.columns]
    names = dict.fromkeys(variable.name for trace in traces for variable in trace.variables)
    if name not in names:
        label = did_you_mean(name, names)
        fix = f"there are {', '.join(dict.fromkeys(map(_input_of, names)))}" if names and label is None else None
        error = bad_request("unknown-name", f"the program has no tensor {name}", source="--of", label=label, fix=fix)
        return replace(report, status=error.status, body=None, diagnostics=(error.diagnostic,))
    columns = tuple([replace(column, report=_narrowed_column(column.report, name)) for column in report.columns])
    return replace(report, body=replace(report.body, columns=columns))


def _narrowed_column(report: Report, name: str) -> Report:
    """The same with one variable; what there is to say of the run stays."""
    assert isinstance(report.body, Explored)
    trace = report.body.trace
    narrowed = replace(
        trace,
        variables=tuple([each for each in trace.variables if name in {each.name, _input_of(each.name)}]),
        asked=tuple([asked for asked in trace.asked if asked == name]),
        grads=tuple([(leaf, grad) for leaf, grad in trace.grads if leaf == name]),
    )
    return replace(report, body=replace(report.body, trace=narrowed))


def _input_of(name: str) -> str:
    """The input that a variable is or was: `x` for `x.detach()`, in whose place the program got that."""
    return name.removesuffix(" (input)").removesuffix(".detach()").removesuffix(".data")
