"""agx: PyTorch's autograd from the shell. `explore` is the Python API; importing this package loads no torch."""

from autograd_cli import interrupt  # noqa: F401 - first, so that Ctrl-C ends the rest of the start
from autograd_cli.diagnostic import Diagnostic, Severity, Span, Status
from autograd_cli.explore import explore
from autograd_cli.limits import Limits
from autograd_cli.trace import Report, TensorInfo, Trace

__all__ = ["Diagnostic", "Limits", "Report", "Severity", "Span", "Status", "TensorInfo", "Trace", "explore"]
