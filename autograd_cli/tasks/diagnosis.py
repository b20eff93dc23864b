"""A run → what is wrong with it, and why: the program runs again to be watched, to be mended, and without each cut.

All of it within the time that the request may take: where the run was long, less is found out.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from autograd_cli import rules
from autograd_cli.diagnostic import AgxError, Diagnostic, Severity, edited
from autograd_cli.lang.source import Source
from autograd_cli.limits import memory_error
from autograd_cli.modes import DEFAULT_MODE
from autograd_cli.tasks.maker import Maker
from autograd_cli.trace import Counterfactual, Explanation, Trace

MAX_TRIED = 3
WATCHED_TAKES = 1.5  # times what the run took
SHARE_OF_WATCHING = 0.1  # of the time limit: a run that took longer is watched only where that was asked for
SHARE_OF_RERUNS = 0.4  # of the time limit: after it a program is not run again, so that there is an answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """How a program that `took` this long is run again, in the time from `started` to `started + limit`."""

    maker: Maker
    took: float
    started: float
    limit: float

    def watched(self, trace: Trace) -> Trace:
        """The trace with what each node did in the backward passes."""
        return replace(trace, walks=self.maker.run(self.maker.text.text, watched=True).walks)

    def judged(self, text: str) -> tuple[Diagnostic, ...]:
        """What is wrong with another program."""
        return rules.verdict(self.maker.run(text, watched=True), Source(text))

    def has_time(self, share: float) -> bool:
        """Whether not more than a share of the time has passed."""
        return time.monotonic() <= self.started + self.limit * share


def diagnosed(trace: Trace, rerun: Rerun) -> tuple[Diagnostic, ...]:
    """What the rules find in a run for which no explanation was asked: it is watched only where it looks broken."""
    found = rules.verdict(trace, rerun.maker.text)
    if not rules.looks_broken(trace, found):
        return found
    if rerun.took > rerun.limit * SHARE_OF_WATCHING or not rerun.has_time(SHARE_OF_RERUNS):
        return (*found, rules.not_watched(rerun.took))
    try:
        return rules.verdict(rerun.watched(trace), rerun.maker.text)
    except AgxError:  # a limit that only the second run met takes nothing away from the first
        return found
    except (MemoryError, RuntimeError) as error:
        if memory_error(error) is None:
            raise
        return found


def explained(
    trace: Trace, rerun: Rerun, *, counterfactuals: bool
) -> tuple[Trace, tuple[Diagnostic, ...], Explanation]:
    """The run, watched if there is time; what is wrong with it, with fixes tried; and where its graphs differ."""
    unwatched: tuple[Diagnostic, ...] = ()
    if rerun.took * WATCHED_TAKES > rerun.started + rerun.limit - time.monotonic():
        unwatched = (rules.not_watched(rerun.took),)
    else:
        trace = rerun.watched(trace)
    found = rules.verdict(trace, rerun.maker.text)
    tried = (*_with_edits_tried(found, rerun), *unwatched)
    return trace, tried, rules.explain(trace, _counterfactuals(trace, rerun) if counterfactuals else ())


def _with_edits_tried(diagnostics: Sequence[Diagnostic], rerun: Rerun) -> Iterator[Diagnostic]:
    """The findings; for the first few with a fix, whether the program no longer has them once it is made."""
    left = MAX_TRIED
    for diagnostic in diagnostics:
        if not diagnostic.edits or not left or not rerun.has_time(SHARE_OF_RERUNS):
            yield diagnostic
            continue
        left -= 1
        try:
            found = rerun.judged(edited(rerun.maker.text.text, diagnostic.edits))
        except AgxError:
            found = (diagnostic,)
        is_left = any(each.severity is Severity.ERROR or each.rule == diagnostic.rule for each in found)
        yield replace(diagnostic, edits_work=not is_left)


def _counterfactuals(trace: Trace, rerun: Rerun) -> Iterator[Counterfactual]:
    """What each cut of the program changed: it runs once more for each, without that one."""
    for lift in rules.lifts(trace):
        if not rerun.has_time(SHARE_OF_RERUNS):
            return
        with contextlib.suppress(AgxError):  # without the cut it may have no result, or meet a limit
            if lift.span is None:
                lifted: Trace | None = rerun.maker.run(rerun.maker.text.text, in_mode=DEFAULT_MODE)
            else:
                lifted = rerun.maker.run_without(lift.span)
            if lifted is not None:
                yield from rules.differences(trace, lifted, lift)
