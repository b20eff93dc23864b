"""Files that Python runs, observed → a Trace of all of them."""

from __future__ import annotations

import builtins
import functools
import gc
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from autograd_cli.diagnostic import Cell, Span
from autograd_cli.engine.observe import helpers
from autograd_cli.engine.observe.collector import Collector
from autograd_cli.engine.observe.frames import KEPT, Frame
from autograd_cli.engine.observe.rewritten import Rewritten
from autograd_cli.engine.observe.silent import SILENT
from autograd_cli.engine.observe.stopping import Stopping
from autograd_cli.engine.observe.texts import Texts
from autograd_cli.modes import DEFAULT_MODE
from autograd_cli.report import Trained
from autograd_cli.trace import Refusal, Trace

if TYPE_CHECKING:
    import torch

    from autograd_cli.engine.observe.observer import Observer
    from autograd_cli.engine.observe.seen import Seen
    from autograd_cli.engine.observe.state import State
    from autograd_cli.engine.observe.steps import Steps
    from autograd_cli.engine.observe.training import Training

# Python imports these to start a process that is no fork.
_SPAWNING = frozenset({"multiprocessing.popen_spawn_posix", "multiprocessing.popen_forkserver"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was seen of a run: its Trace, whose places stand in the `text` of all files, one below the other.

    `files` say which lines are of which, and are empty where there is only one. `losses` are the single numbers
    that the first and the last of the `passes` started from; `unseen` says what could not be observed.
    """

    trace: Trace
    text: str
    files: tuple[Cell, ...]
    passes: int
    losses: tuple[float, ...]
    parameters: tuple[Trained, ...]
    unseen: tuple[str, ...]


class Observation:
    """What is observed of one run of code of the user's, which may be several files.

    It begins when the script has imported torch: what is set in the environment before that counts.
    """

    def __init__(
        self,
        stopping: Stopping | None = None,
        *,
        kept: int = KEPT,
        watched: bool = True,
        rewritten: Rewritten | None = None,
    ) -> None:
        self._kept = kept  # backward passes, of a long run
        self._watched = watched
        self.stopping = stopping or Stopping()
        self._rewritten = rewritten or Rewritten()
        self._observer: Observer | None = None
        self._steps: Steps | None = None
        self._collector: Collector | None = None
        self._builtins: tuple[dict[str, Any], ...] = ()
        self._shown: Observed | None = None  # what was seen up to the pass that is to be shown
        self._failure: str | None = None
        self._has_forked = False
        self.make_code = self._rewritten.make_code

    # Observing.

    def begin(self) -> None:
        """Observe from here on. The helpers stay installed: code of the script may run until the process ends."""
        self._builtins = _first_builtins()
        os.register_at_fork(after_in_child=self._let_go, after_in_parent=self._forked)
        waiting: dict[str, Callable[..., Any]] = {helpers.STATEMENT: self._wait, helpers.ENTER: self._enter}
        _install(SILENT | waiting)

    def begin_at_once(self) -> None:
        """Observe from here on, without waiting for torch: it is loaded, and what runs was rewritten before."""
        self._start()

    def _wait(self, frame: Frame, number: int) -> None:
        """A statement begins: torch may have been imported by the one before it."""
        spec = getattr(sys.modules.get("torch"), "__spec__", None)
        if spec is not None and not getattr(spec, "_initializing", False):
            self._start().statement(frame, number)

    def _enter(self, number: int, _values: tuple[object, ...]) -> Frame:
        return Frame(self._rewritten.sites[number].symbol, None, quiet=False)

    def _start(self) -> Observer:
        from autograd_cli.engine.observe.guard import Guard
        from autograd_cli.engine.observe.observer import Observer
        from autograd_cli.engine.observe.steps import Steps

        guard, rewritten = Guard(self._fail), self._rewritten
        self._observer = Observer(
            rewritten.sites, rewritten.main, self.stopping, guard, kept=self._kept, watched=self._watched
        )
        self._observer.shown = self._show
        self._observer.refused = self._refused
        self._steps = Steps(guard.hook(self._observer.before_step), guard.hook(self._observer.after_step))
        self._collector = Collector()
        told = self._observer.helpers()
        _install(SILENT | {name: guard.helper(helper, SILENT[name]) for name, helper in told.items()})
        return self._observer

    def _show(self) -> None:
        """All that is to be shown has been seen; the script goes on."""
        observer = self._observer
        if observer is not None and self._shown is None:
            self._let_go()
            self._shown = self._seen(observer, vars(sys.modules["__main__"]), None)

    def _fail(self, error: Exception) -> None:
        if self._failure is None:
            steps = [] if self._observer is None else self._observer.recorded.steps
            where = f"line {steps[-1].span.line}, where " if steps else ""
            self._failure = f"everything after {where}agx itself failed with {type(error).__name__}: {error}"
        self._let_go()

    def _forked(self) -> None:
        self._has_forked = True

    def _let_go(self) -> None:
        """Report no more: in a child process, and when the script has ended."""
        _install(SILENT)
        _outlive(self._builtins)
        if self._steps is not None:
            self._steps.is_over = True
        if self._collector is not None:
            self._collector.restore()

    # Telling.

    def end(self, names: Mapping[str, Any], error: BaseException | None) -> Observed:
        """Observe no more, and tell what was seen. `names` are the variables of the script at its end."""
        if self._observer is None and "torch" not in sys.modules:  # it cannot be imported once the threads have ended
            self._let_go()
            return _nothing_seen(self._rewritten, tuple(self._unseen()))
        if self._shown is not None:
            assert self._steps is not None
            self._steps.remove()
            return self._shown
        try:
            return self._told(self._observer or self._start(), names, error)
        except Exception as bug:
            if self._failure is None:
                raise
            self._failure = f"{self._failure}, and then {type(bug).__name__}: {bug}"
            return self._told(self._start(), {}, None)  # what was recorded before the failure is of no use

    def forget(self) -> None:
        """Let go of the script's objects: it has ended, and they end as without agx."""
        if self._observer is not None:
            from autograd_cli.engine.record import naming

            self._observer.guard.forget()
            naming.forget()
        self._observer = self._steps = self._shown = None
        for frame in [each for each in vars(builtins).values() if isinstance(each, Frame)]:
            frame.forget()

    def release(self) -> None:
        """Let go of all that was recorded."""
        if self._observer is not None:
            self._observer.recorded.release()

    def _told(self, observer: Observer, names: Mapping[str, Any], error: BaseException | None) -> Observed:
        self._let_go()
        if self._steps is not None:
            self._steps.remove()
        from autograd_cli.engine.observe.guard import as_torch_alone

        with as_torch_alone():
            return self._seen(observer, names, error)

    def _seen(self, observer: Observer, names: Mapping[str, Any], error: BaseException | None) -> Observed:
        if not isinstance(error, Exception):  # stopped, as by Ctrl-C, and not refused
            error = None
        refusal = observer.refusal if error is None else self._refused(error)
        observer.leave_all()
        return told(
            observer,
            self._rewritten,
            names=self._boxes(observer, names),
            result=self._result(observer) if error is None else None,
            refusal=refusal,
            unseen=tuple(self._unseen()),
        )

    def _refused(self, error: Exception) -> Refusal:
        from autograd_cli.engine.observe.refused import refusal_of

        assert self._observer is not None
        return refusal_of(self._observer, error, self._rewritten.files)

    def _unseen(self) -> Iterator[str]:
        observer = self._observer
        if self.stopping.shown is not None:
            yield self.stopping.unshown
        if observer is not None and observer.is_compiled:
            yield "what happens inside a function or module compiled by torch.compile: it is shown as one operation"
        if observer is not None and observer.guard.is_threaded:
            yield "what ran in other threads"
        if self._has_forked or not _SPAWNING.isdisjoint(sys.modules):
            yield "what ran in other processes"
        if self._failure is not None:
            yield self._failure
        for name, why in self._rewritten.unread.items():
            yield f"{name}: {why}"

    def _result(self, observer: Observer) -> Seen | None:
        """The value of the last statement of the script, where that is an expression."""
        result, steps = observer.result, self._rewritten.main.steps
        return result[1] if result is not None and steps and result[0] == steps[0] else None

    def _boxes(self, observer: Observer, names: Mapping[str, Any]) -> dict[str, Seen]:
        span = Span(line=1, column=0, end_line=1, end_column=0)
        found: dict[str, Seen] = {}
        for name, thing in names.items():
            if name.startswith("__") or issubclass(type(thing), ModuleType):
                continue
            box = observer.variable(self._rewritten.main, name, thing, span)
            if box is not None:
                found[name] = box
        return found


def let_run() -> None:
    """Let rewritten code run, here and in child processes, while it is not observed."""
    os.register_at_fork(after_in_child=lambda: _install(SILENT))
    _install(SILENT)


def _install(them: Mapping[str, Callable[..., Any]]) -> None:
    for name, helper in them.items():
        setattr(builtins, name, helper)


@functools.cache
def _first_builtins() -> tuple[dict[str, Any], ...]:
    """The copies of the builtins; Python puts one back at its end, before it lets the objects of the script go."""
    dicts = (each for each in gc.get_objects() if type(each) is dict and each is not vars(builtins))
    return tuple([each for each in dicts if each.get("__build_class__") is builtins.__build_class__])


def _outlive(copies: Sequence[dict[str, Any]]) -> None:
    """Let a `__del__` or a generator of the script, which Python ends at its own end, find the helpers."""
    for each in copies:
        each.update({name: value for name, value in vars(builtins).items() if name.startswith(helpers.PREFIX)})


def _nothing_seen(texts: Texts, unseen: tuple[str, ...]) -> Observed:
    """What was seen of a run without torch."""
    nothing = Trace(
        mode=DEFAULT_MODE,
        steps=(),
        printed=(),
        values=(),
        nodes=(),
        backwards=(),
        variables=(),
        result=None,
        outputs=(),
        asked=(),
        grads=(),
        refusal=None,
    )
    return Observed(
        trace=nothing,
        text="\n".join(texts.lines),
        files=tuple(texts.cells()),
        passes=0,
        losses=(),
        parameters=(),
        unseen=unseen,
    )


def told(
    state: State,
    texts: Texts,
    *,
    names: Mapping[str, Seen],
    result: Seen | None,
    refusal: Refusal | None,
    unseen: tuple[str, ...],
    asked: Mapping[str, Seen] | None = None,
) -> Observed:
    """What was seen of a run that has ended.

    `names` are its variables then, `result` is the value of its last line; `asked` are leaves that must have gradients.
    """
    from autograd_cli.engine.record.assemble import Ended, assemble, leaves_of
    from autograd_cli.engine.record.snapshot import MAX_VALUES_OF_SCRIPT

    state.recorded.step = None
    ended = Ended(
        mode=DEFAULT_MODE,
        names=names,
        of_loops=state.of_loops,
        text=lambda span: span.cut_lines(texts.lines),
        shown=asked or {},
        asked=tuple(asked or ()),
        result=result,
        refusal=refusal,
        max_values=MAX_VALUES_OF_SCRIPT,
    )
    leaves = leaves_of(state.recorded, ended)
    trace = assemble(state.recorded, ended)
    return Observed(
        trace=trace,
        text="\n".join(texts.lines),
        files=tuple(texts.cells()),
        passes=state.training.passes,
        losses=state.training.losses,
        parameters=tuple(_parameters(state.training, leaves)),
        unseen=unseen,
    )


def _parameters(training: Training, leaves: Mapping[str, torch.Tensor]) -> Iterator[Trained]:
    """The leaves that are parameters, or that an optimizer changes."""
    import torch

    from autograd_cli.engine.observe.training import norm

    for name, leaf in leaves.items():
        optimizer = training.number_of(leaf)
        if optimizer is None and not isinstance(leaf, torch.nn.Parameter):
            continue
        yield Trained(
            name=name,
            shape=tuple(leaf.shape),
            optimizer=optimizer,
            gradient=None if leaf.grad is None else norm(leaf.grad),
            change=training.change(leaf),
        )
