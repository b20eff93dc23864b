"""The use case of running a script: Python runs it, observed, and a Report says what happened to its gradients."""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

from autograd_cli import rules
from autograd_cli.diagnostic import Cell, Edit, Severity, Status
from autograd_cli.engine.observe.frames import KEPT
from autograd_cli.engine.observe.imports import INSTALLED
from autograd_cli.engine.observe.stopping import Stopping, Until
from autograd_cli.lang.source import Source
from autograd_cli.report import Course, Ran, Report
from autograd_cli.settings import DEFAULT_SETTINGS
from autograd_cli.tasks.request import Request, unanswered
from autograd_cli.tasks.trial import Start, tried

if TYPE_CHECKING:
    from autograd_cli.engine.observe.endings import Ending
    from autograd_cli.engine.observe.maker import Observation, Observed
    from autograd_cli.engine.observe.script import Script


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A script to run, and which of its files are looked into: those at or below the `places`.

    Of the processes that torchrun starts, the one with this `rank` is observed.
    It runs with `edits` made in its files; where it `tries` the fixes, the script is run again for each.
    The last `passes` backward passes are kept whole, and what led to them. The script is stopped after `stop_after`
    passes, or when one of `until` is seen; else it runs to its end. What follows pass number `step` is not observed.
    """

    script: Script
    places: tuple[str, ...]
    of: str | None = None
    passes: int = KEPT
    stop_after: int | None = None
    step: int | None = None
    until: frozenset[Until] = frozenset()
    rank: int = 0
    tries: bool = False
    edits: tuple[Edit, ...] = ()

    @property
    def words(self) -> list[str]:
        """The words of `agx run` that ask for the same."""
        words = ["--passes", str(self.passes)]
        words += [] if self.stop_after is None else ["--stop-after", str(self.stop_after)]
        words += [] if self.step is None else ["--step", str(self.step)]
        words += ["--rank", str(self.rank)]
        words += [word for each in sorted(self.until) for word in ("--until", each.value)]
        words += [word for each in self.places for word in ("--observe", each)]
        return [*words, "-m" if self.script.is_module else "--", self.script.target, *self.script.arguments]

    @property
    def is_of_another_rank(self) -> bool:
        """Whether this is one of several processes that run the script, and not the one to be observed."""
        rank = os.environ.get("RANK", "")
        return "WORLD_SIZE" in os.environ and rank.isdecimal() and int(rank) != self.rank

    def is_own(self, file: Path) -> bool:
        """Whether a file is to be looked into: what is installed below one of the places is not."""
        if str(file).startswith(_AGX):
            return False
        is_installed = not INSTALLED.isdisjoint(file.parts)  # asked first: of each module of torch's, too
        places = [each for each in self.places if not is_installed or not INSTALLED.isdisjoint(Path(each).parts)]
        real = os.path.realpath(file) if places else ""
        return any(_belongs(real, each) for each in places) and not real.startswith(_home_of_torch())


_AGX = str(Path(__file__).parent.parent) + os.sep


@functools.cache
def _home_of_torch() -> str:
    """The directory of torch, found without importing it: torch is observed from outside."""
    spec = importlib.util.find_spec("torch")
    assert spec is not None
    assert spec.origin is not None
    return os.path.join(os.path.dirname(os.path.realpath(spec.origin)), "")  # noqa: PTH118, PTH120 - texts


def _belongs(file: str, place: str) -> bool:
    """Whether a file is the place or below it, and in no environment of Python's that is below it, too."""
    inside = os.path.join(place, "")  # noqa: PTH118 - Path drops a final slash
    if not file.startswith(inside):
        return file == place
    prefix = os.path.join(sys.prefix, "")  # noqa: PTH118 - as above
    is_in_environment = file.startswith(prefix) and not place.startswith(prefix)
    return INSTALLED.isdisjoint(Path(file.removeprefix(inside)).parts) and not is_in_environment


def run(request: RunRequest, tell: Callable[[Report], int]) -> tuple[Ending, int]:
    """Run a script to its end, and `tell` what was seen, before the process ends and atexit callbacks run.

    What `tell` returns is the exit code that the answer asks for.

    Raises:
        OSError: there is no such file.
        NotebookError: it is no notebook with code in Python.
    """
    if request.is_of_another_rank:
        return _run_alone(request.script), 0
    from autograd_cli.engine.observe.maker import Observation  # torch is imported here
    from autograd_cli.engine.observe.rewritten import Rewritten
    from autograd_cli.engine.observe.script import run_script

    stopping, start = Stopping(after=request.stop_after, until=request.until, shown=request.step), Start()
    observation = Observation(stopping, kept=request.passes, rewritten=Rewritten(request.edits))
    codes: list[int] = []

    def at_end(ending: Ending) -> None:
        report = _report(request, observation, ending, vars(sys.modules["__main__"]), start)
        if request.tries:
            report = replace(report, diagnostics=tuple(tried(report, request.words, start)))
        codes.append(tell(report))

    observation.begin()
    ending = run_script(request.script, make_code=observation.make_code, is_own=request.is_own, at_end=at_end)
    observation.forget()
    return ending, codes[0] if codes else 0


def _run_alone(script: Script) -> Ending:
    """Run a script without a look at it."""
    from autograd_cli.engine.observe.script import run_script

    def make_code(text: str, file: Path) -> CodeType:
        return compile(text, str(file), "exec", dont_inherit=True)

    return run_script(script, make_code=make_code, is_own=lambda _: False, at_end=lambda _: None)


def _report(
    request: RunRequest, observation: Observation, ending: Ending, names: Mapping[str, Any], start: Start
) -> Report:
    observed = observation.end(names, ending.exception)
    ended = how_it_ended(observation.stopping, ending.exception, ending.exit_code)
    report = report_of(observed, name=request.script.target, ended=ended, of=request.of)
    return replace(report, cells=tuple([_named_from(start.directory, cell) for cell in report.cells]))


def _named_from(directory: str, cell: Cell) -> Cell:
    """The file, named as from a directory that it is below."""
    assert cell.file is not None
    inside = os.path.join(directory, "")  # noqa: PTH118 - texts
    return replace(cell, file=cell.file.removeprefix(inside))


def report_of(observed: Observed, *, name: str, ended: str, of: str | None = None) -> Report:
    """The Report of what was observed: `name` is that of the file, `ended` says what ended it."""
    text = Source(observed.text)
    trace = observed.trace
    diagnostics = rules.verdict(trace, text)
    explanation = rules.explain(trace, ())
    if of is not None:
        trace, narrowed, diagnostics = rules.narrow(trace, explanation, diagnostics, of)
        assert narrowed is not None
        explanation = narrowed
    is_bad_news = any(found.severity is Severity.ERROR for found in diagnostics)
    body = Ran(
        trace=trace,
        outcome=rules.outcome(trace, text, of),
        explanation=explanation,
        course=Course(
            passes=observed.passes,
            losses=observed.losses,
            parameters=observed.parameters,
            ended=ended,
            unseen=observed.unseen,
        ),
    )
    blank = unanswered(Request(program="", settings=DEFAULT_SETTINGS, of=of))
    return replace(
        blank,
        status=Status.BAD_NEWS if is_bad_news else Status.ANSWER,
        source=observed.text,
        source_name=name,
        cells=observed.files,
        body=body,
        diagnostics=diagnostics,
    )


def how_it_ended(stopping: Stopping, error: BaseException | None, exit_code: int = 0) -> str:
    """What ended a script, or a cell."""
    if stopping.why is not None:
        return f"stopped {stopping.why}"
    if error is not None:
        return f"ended by {type(error).__name__}"
    return "ran to its end" if exit_code == 0 else f"ended with exit code {exit_code}"
