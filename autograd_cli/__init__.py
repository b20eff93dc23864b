"""agx: PyTorch's autograd from the shell; `explore`, `explain` and `compare` are the same from Python.

Importing this package loads no torch.
"""

from autograd_cli import interrupt  # noqa: F401 - first, so that Ctrl-C ends the rest of the start
from autograd_cli.api import compare, explain, explore
from autograd_cli.diagnostic import Diagnostic, Severity, Span, Status
from autograd_cli.limits import Limits
from autograd_cli.report import Report
from autograd_cli.trace import TensorInfo, Trace

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
]


def load_ipython_extension(ipython: object) -> None:
    """`%load_ext autograd_cli`: from there on a cell that begins with %%agx holds a program to explain."""
    from autograd_cli.cli import notebook

    notebook.register(ipython)
