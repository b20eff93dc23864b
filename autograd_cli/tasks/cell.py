"""The use case of running a cell of a live notebook, observed."""

from __future__ import annotations

from typing import Any

from autograd_cli.engine.observe.stopping import Enough, Stopping
from autograd_cli.report import Report
from autograd_cli.tasks.run import RunRequest, how_it_ended, report_of

_OF_IPYTHON = frozenset({"In", "Out", "exit", "quit", "get_ipython"})


def run_cell(request: RunRequest, text: str, names: dict[str, Any], name: str) -> tuple[Report, BaseException | None]:
    """Run a cell among the `names` of its notebook: what there is to say, and what it raised, if anything.

    Raises:
        SyntaxError: it is no Python.
    """
    from autograd_cli.engine.observe.cells import run_cell as run
    from autograd_cli.engine.observe.functions import ALL
    from autograd_cli.engine.observe.tracebacks import take_out_ours

    code = ALL.make_code(text, name)
    stopping = Stopping(after=request.stop_after, until=request.until)
    with ALL.observation(stopping, kept=request.passes) as observation:
        error = run(code, names)
        known = {key: each for key, each in names.items() if not key.startswith("_") and key not in _OF_IPYTHON}
        observed = observation.end(known, error if isinstance(error, Exception) else None)
    if error is not None:
        take_out_ours(error)
    if isinstance(error, Enough):
        error = None
    return report_of(observed, name=name, ended=how_it_ended(stopping, error), of=request.of), error
