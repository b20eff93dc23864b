"""agx: PyTorch's autograd from the shell; `explore`, `explain`, `compare` and `watch` are the same from Python.

Importing this package loads no torch, and its own modules only when they are used: pytest imports it for everybody's
tests.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from autograd_cli import interrupt  # noqa: F401 - imported first, so that Ctrl-C ends the start from here on

if TYPE_CHECKING:
    from autograd_cli.api import compare, explain, explore
    from autograd_cli.diagnostic import Diagnostic, Severity, Span, Status
    from autograd_cli.limits import Limits
    from autograd_cli.observing import watch, watched
    from autograd_cli.report import Report
    from autograd_cli.trace import TensorInfo, Trace

_HOMES = {
    "Diagnostic": "diagnostic",
    "Limits": "limits",
    "Report": "report",
    "Severity": "diagnostic",
    "Span": "diagnostic",
    "Status": "diagnostic",
    "TensorInfo": "trace",
    "Trace": "trace",
    "compare": "api",
    "explain": "api",
    "explore": "api",
    "watch": "observing",
    "watched": "observing",
}

__all__ = [
    "Diagnostic",
    "Limits",
    "Report",
    "Severity",
    "Span",
    "Status",
    "TensorInfo",
    "Trace",
    "compare",
    "explain",
    "explore",
    "watch",
    "watched",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(ipython: object) -> None:
    """`%load_ext autograd_cli`: from there on a cell that begins with %%agx holds a program to explain."""
    from autograd_cli.cli import notebook

    notebook.register(ipython)
