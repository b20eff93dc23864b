"""Why a worker ended without an answer, and where it was, in a person's words."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from dataclasses import replace

from autograd_cli.diagnostic import AgxError, Diagnostic, Related, Severity, Status
from autograd_cli.limits import Limits, limit_reached
from autograd_cli.position import Phase, Position

# Below this, torch may crash where an allocation fails.
_LITTLE_MEMORY = 512 * 1024**2

_DOING = {
    Phase.LOADING: "loading torch",
    Phase.INPUTS: "making the inputs",
    Phase.PROGRAM: "starting the program",
    Phase.BACKWARD: "running backward() from the result",
    Phase.REVIEW: "examining the run: the program itself had ended",
}


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, and where the worker was."""

    def __init__(self, where: Position) -> None:
        super().__init__()
        self.where = where


def whereabouts(where: Position, place: Callable[[int], str] = "line {}".format) -> str:
    """What is being done, to follow a time: `at line 12, in round 40 …`. `place` names a line to the reader."""
    if where.phase is Phase.PROGRAM and where.span is not None:
        return ", ".join([f"at {place(where.span.line)}", *_rounds(where.rounds)])
    return f"while {_DOING[where.phase]}"


def too_slow(limits: Limits, where: Position | None) -> AgxError:
    """The error for work that was stopped at its deadline, at the line that was running."""
    message = f"stopped after {limits.time:g} s"
    if where is None:
        return limit_reached("time", message)
    if where.phase is not Phase.PROGRAM or where.span is None:
        return limit_reached("time", f"{message} {whereabouts(where)}")
    done = f"({where.steps:,} step{'s' if where.steps != 1 else ''} done)"
    error = limit_reached("time", " ".join([message, *_rounds(where.rounds), done]), span=where.span)
    label = f"`{where.op}` was running" if where.op else "this was running"
    return AgxError(replace(error.diagnostic, label=label, related=_printed(where)), error.status)


def death(exit_code: int, limits: Limits, where: Position | None) -> AgxError:
    """The error for a worker that ended without an answer; by a signal, where `exit_code` is negative."""
    span = where.span if where else None
    how = _name_of(exit_code)
    if how == "SIGKILL":
        return limit_reached("memory", "the system ran out of memory and stopped the run", span=span)
    if how == "SIGXCPU":
        return too_slow(limits, where)
    place = f" in `{where.op}` at {where.span.line}:{where.span.column + 1}" if where and where.span else ""
    fix = None
    if limits.memory < _LITTLE_MEMORY:
        fix = "torch may crash when memory runs out: --limit memory=4G allows more"
    diagnostic = Diagnostic(
        rule="torch-crashed",
        severity=Severity.ERROR,
        message=f"torch crashed ({how}){place}; that is torch's bug, not yours",
        span=span,
        fix=fix,
    )
    return AgxError(diagnostic, Status.BAD_NEWS)


def _rounds(rounds: Sequence[int]) -> list[str]:
    numbers = [f"{number:,}" for number in rounds]
    match numbers:
        case []:
            return []
        case [only]:
            return [f"in round {only} of its loop"]
        case [outer, inner]:
            return [f"in round {outer} of the outer loop and {inner} of the inner"]
    return [f"in rounds {', '.join(numbers[:-1])} and {numbers[-1]} of its loops, outermost first"]


def _printed(where: Position) -> tuple[Related, ...]:
    if where.printed_span is None:
        return ()
    return (Related(span=where.printed_span, label=f"printed last: {where.printed}"),)


def _name_of(exit_code: int) -> str:
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f"exit code {exit_code}"
