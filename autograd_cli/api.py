"""The Python API: the use cases, with hints that name Python's arguments, and Reports that show themselves."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ParamSpec

from autograd_cli import spelling
from autograd_cli.render.formats.repaired import repaired
from autograd_cli.render.look import Look
from autograd_cli.tasks import comparison
from autograd_cli.tasks import explore as use_case
from autograd_cli.trace import Report

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

P = ParamSpec("P")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ShownReport(Report):
    """A Report that shows itself: as a page in a notebook, in a Rich console, and as `str`.

    `look` is how, `is_for_python` whether its hints name Python's arguments, or else options of a shell.
    """

    look: Look
    is_for_python: bool

    @property
    def fixed(self) -> str:
        """The program with the fix made that was tried; as it stands, where nothing is wrong with it.

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
    """The same Report, which shows itself."""
    told = {field.name: getattr(report, field.name) for field in fields(report)}
    return ShownReport(**told, look=look, is_for_python=is_for_python)


def _from_python(ask: Callable[P, Report]) -> Callable[P, ShownReport]:
    """The use case for one who asks from Python."""

    @functools.wraps(ask)
    def asked(*args: P.args, **arguments: P.kwargs) -> ShownReport:
        with spelling.for_python():
            report = ask(*args, **arguments)
        return shown(report, Look(full=bool(arguments.get("full"))))

    return asked


explore = _from_python(use_case.explore)
compare = _from_python(comparison.compare)


def explain(program: str, /, **arguments: Any) -> ShownReport:  # noqa: ANN401 - the arguments of `explore`
    """`explore`, and why: the lines as they ran, each cut and what it changed, each backward pass node by node.

    It takes the arguments of `explore`; `of="y"` narrows the answer to one variable.
    """
    return explore(program, watch=True, **arguments)
