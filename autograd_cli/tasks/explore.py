"""The use case: a program and inputs in, a Report out. It does not raise on bad input: errors are diagnostics."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from autograd_cli import position, rules
from autograd_cli.diagnostic import AgxError, Diagnostic, Severity, Status
from autograd_cli.limits import memory_error
from autograd_cli.position import Phase
from autograd_cli.report import Explained, Explored, Report
from autograd_cli.tasks.diagnosis import Rerun, diagnosed, explained
from autograd_cli.tasks.maker import Interpreted
from autograd_cli.tasks.problem import Problem, understood
from autograd_cli.tasks.request import Request, unanswered
from autograd_cli.trace import Explanation, Trace


def nothing() -> None:
    """Do nothing: the default for what is to be done before a run."""


def explore(request: Request, before_run: Callable[[], None] = nothing) -> Report:
    """Run a program and backward on its result, and report both graphs.

    `before_run` is called when torch and all files are loaded. A request that cannot be understood does not raise:
    `Report.status` and `Report.diagnostics` say what is wrong.
    """
    started = time.monotonic()
    try:
        problem = understood(request)
        trace, rerun = _run(problem, started, before_run)
        trace, diagnostics, explanation = _diagnosed(trace, rerun, request)
        if request.of is not None:
            trace, explanation, diagnostics = rules.narrow(trace, explanation, diagnostics, request.of)
        return replace(
            unanswered(request),
            status=_status(diagnostics),
            body=_body(trace, rules.outcome(trace, problem.program.text, request.of), explanation),
            diagnostics=diagnostics,
        )
    except (AgxError, MemoryError, RuntimeError) as error:
        found = error if isinstance(error, AgxError) else memory_error(error)
        if found is None:
            raise
        return replace(unanswered(request), status=found.status, diagnostics=(found.diagnostic,))


def _run(problem: Problem, started: float, before_run: Callable[[], None]) -> tuple[Trace, Rerun]:
    """The Trace of the program, and how to run it again."""
    from autograd_cli.engine.run import run  # torch is imported here, after all that can fail without it

    before_run()
    began = time.monotonic()
    trace = problem.trace(run, problem.program)
    took = time.monotonic() - began
    position.enter(Phase.REVIEW)
    return trace, Rerun(
        maker=Interpreted(problem=problem, engine=run),
        took=took,
        started=started,
        limit=problem.request.settings.limits.time,
    )


def _diagnosed(
    trace: Trace, rerun: Rerun, request: Request
) -> tuple[Trace, tuple[Diagnostic, ...], Explanation | None]:
    """The run, watched where that is asked for; what is wrong with it; and both graphs of one that was watched."""
    if request.watch:
        return explained(trace, rerun, counterfactuals=request.counterfactuals)
    if request.watch is None:
        return trace, diagnosed(trace, rerun), None
    return trace, rules.verdict(trace, rerun.maker.text), None


def _body(trace: Trace, outcome: str, explanation: Explanation | None) -> Explored:
    if explanation is None:
        return Explored(trace=trace, outcome=outcome)
    return Explained(trace=trace, outcome=outcome, explanation=explanation)


def _status(diagnostics: tuple[Diagnostic, ...]) -> Status:
    is_bad_news = any(found.severity is Severity.ERROR for found in diagnostics)
    return Status.BAD_NEWS if is_bad_news else Status.ANSWER
