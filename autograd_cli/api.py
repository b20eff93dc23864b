"""The Python API: the use cases, with hints that name Python's arguments, and Reports that show themselves."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec

from autograd_cli import spelling
from autograd_cli.limits import DEFAULT_LIMITS, Limits
from autograd_cli.modes import DEFAULT_MODE, MODES
from autograd_cli.render.formats.repaired import repaired
from autograd_cli.render.look import Look
from autograd_cli.report import Report
from autograd_cli.settings import Settings
from autograd_cli.tasks import comparison
from autograd_cli.tasks import explore as use_case
from autograd_cli.tasks.request import Request

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

P = ParamSpec("P")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ShownReport(Report):
    """A Report that shows itself: as a page in a notebook, in a Rich console, and as `str`.

    `look` says how it is drawn, `is_for_python` whether its hints name Python's arguments or the options of the shell.
    """

    look: Look
    is_for_python: bool

    @property
    def fixed(self) -> str:
        """The program with the first fix that was tried and works; unchanged where nothing is wrong with it.

        Raises:
            AgxError: something is wrong, and no fix is known to work.
        """
        return repaired(self)

    def __str__(self) -> str:
        from autograd_cli.render.formats import picture

        with spelling.for_python(is_on=self.is_for_python):
            return picture.plain_text(self, self.look).rstrip("\n")

    def _repr_html_(self) -> str:
        from autograd_cli.render.formats import picture

        with spelling.for_python(is_on=self.is_for_python):
            return picture.html_fragment(self, self.look)

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: ANN401, FBT001 - as IPython calls it
        is_alone = len(printer.stack) == 1  # and not in a list, say
        printer.text(str(self) if is_alone else repr(self))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from autograd_cli.render.pages.choose import page_of

        with spelling.for_python(is_on=self.is_for_python):
            yield page_of(self, replace(self.look, width=options.max_width))


def shown(report: Report, look: Look, *, is_for_python: bool = True) -> ShownReport:
    """The same Report, as one that shows itself."""
    told = {field.name: getattr(report, field.name) for field in fields(report)}
    return ShownReport(**told, look=look, is_for_python=is_for_python)


def _request(  # noqa: PLR0913 - the options of `agx grad`, by the same names
    program: str,
    /,
    *,
    inputs: Mapping[str, object] | None = None,
    gradient: object = None,
    gradients: Sequence[object] = (),
    wrt: Sequence[str] | None = None,
    mode: str = DEFAULT_MODE,
    seed: int = 0,
    dtype: str = "float32",
    device: str = "cpu",
    threads: int | None = None,
    full: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    watch: bool | None = None,
    counterfactuals: bool = True,
    of: str | None = None,
    **named: object,
) -> Request:
    """What the arguments of `explore` ask for."""
    return Request(
        program=program,
        inputs={**(inputs or {}), **named},
        gradients=gradients if gradient is None else [gradient, *gradients],
        wrt=wrt,
        mode=mode,
        settings=Settings(seed=seed, dtype=dtype, device=device, threads=threads, full=full, limits=limits),
        watch=watch,
        counterfactuals=counterfactuals,
        of=of,
    )


def _answered(answer: Callable[[Request], Report], request: Request) -> ShownReport:
    with spelling.for_python():
        return shown(answer(request), Look(full=request.settings.full))


def _with_arguments_of(
    request: Callable[P, Request],
) -> Callable[[Callable[[Request], Report]], Callable[P, ShownReport]]:
    """A decorator: a function that answers a Request takes the arguments of `request` instead."""

    def taking_them(answer: Callable[[Request], Report]) -> Callable[P, ShownReport]:
        @functools.wraps(answer)
        def answered(*args: P.args, **arguments: P.kwargs) -> ShownReport:
            return _answered(answer, request(*args, **arguments))

        signature = inspect.signature(request).replace(return_annotation="ShownReport")
        answered.__signature__ = signature  # type: ignore[attr-defined]  # what help() shows
        return answered

    return taking_them


@_with_arguments_of(_request)
def explore(request: Request) -> Report:
    """Run a program and backward on its result, and report both graphs.

    Inputs are keyword arguments (or items of `inputs`, for names that are arguments here): text as on the command line,
    numbers, nested lists, NumPy arrays or tensors. `gradient` is one such value of the result's shape; `gradients` are
    those of a result with several outputs. `wrt` are the inputs that require gradients (default: all of a
    floating or complex dtype), `mode` is a name of `modes.MODES`, `seed` seeds torch's generator for the run alone,
    `limits` says how much the run may take (time and memory are enforced only in a worker of the command line). With
    `watch=True` the program runs again, to look into its backward passes and (unless `counterfactuals=False`) to see
    what each of its cuts changed: that is the Report's `explanation`. By default it runs again only where something
    looks wrong, to name the cause; with `watch=False` it never does. `of` is the variable that the answer is narrowed
    to.

    A request that cannot be understood does not raise: `Report.status` and `Report.diagnostics` say what is wrong.
    """
    return use_case.explore(request)


@_with_arguments_of(_request)
def explain(request: Request) -> Report:
    """`explore` with reasons: the lines as they ran, each cut and what it changed, each backward pass node by node.

    It takes the arguments of `explore`; `of="y"` narrows the answer to one variable.
    """
    return use_case.explore(replace(request, watch=True))


def compare(program: str, /, *, modes: Sequence[str] = tuple(MODES), **arguments: Any) -> ShownReport:  # noqa: ANN401 - the arguments of `explore`
    """`explore` under each of the modes, side by side: a Report with a column for each.

    It takes the arguments of `explore`. `limits` are those of all runs together. `of` is the variable or input that
    the answer is narrowed to.
    """
    return _answered(partial(comparison.compare, modes=modes), _request(program, **arguments))
