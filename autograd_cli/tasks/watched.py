"""The use case of observing the calls of a function that was rewritten where it stands."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from autograd_cli.report import Report
from autograd_cli.tasks.run import report_of

if TYPE_CHECKING:
    from autograd_cli.engine.observe.maker import Observed


class Calls:
    """Rewrites a function, or the functions of a class, and observes its calls: the report is that of the last one.

    Raises:
        OSError: the source is not available.
        TypeError: it is no function that can be observed.
    """

    def __init__(self, thing: Any) -> None:  # noqa: ANN401 - a function or a class
        from autograd_cli.engine.observe.functions import ALL, functions_of, is_compiling, is_rewritten

        self.is_compiling = is_compiling
        functions = functions_of(thing)
        self._name = getattr(thing, "__qualname__", type(thing).__name__)
        if not functions:
            raise TypeError(f"{self._name} is no function or class with functions of its own")
        for each in functions:
            if each.__code__.co_flags & (inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR):
                if isinstance(thing, type):
                    continue
                why = "whose body does not run during the call: it cannot be observed"
                raise TypeError(f"{self._name} is a generator or a coroutine, {why}")
            self._is_run = is_rewritten(each)
            ALL.rewrite(each)
        self._file = functions[0].__code__.co_filename
        self._observed: Observed | None = None
        self._report: Report | None = None
        self._ended = ""

    def call(self, function: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever the user's function takes and returns
        """Call the function, observed unless the call is a part of what is observed already."""
        from autograd_cli.engine.observe.functions import ALL

        if self.is_compiling() or ALL.is_observed or self._is_run:
            return function(*arguments, **keywords)
        error: BaseException | None = None
        with ALL.observation() as observation:
            try:
                return function(*arguments, **keywords)
            except BaseException as raised:
                error = raised
                raise
            finally:
                names = _variables(function, arguments, keywords)
                self._observed = observation.end(names, error if isinstance(error, Exception) else None)
                self._report = None
                how = "to its end" if error is None else f"until {type(error).__name__}"
                self._ended = f"ran {self._name} {how}"

    @property
    def report(self) -> Report:
        """What there is to say of the last call.

        Raises:
            RuntimeError: there was none that was observed.
        """
        if self._report is None:
            if self._observed is None:
                why = f"there is no report yet: no call of {self._name} has been observed"
                raise RuntimeError("agx run observes it already" if self._is_run else why)
            self._report = report_of(self._observed, name=self._file, ended=self._ended)
        return self._report


def _variables(function: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Mapping[str, Any]:
    """What the parameters of the function were given, by name."""
    try:
        return inspect.signature(function).bind(*arguments, **keywords).arguments
    except (TypeError, ValueError):  # it was called with arguments that it does not take
        return {}
