"""The gradients alone, as `-q` prints them: what `--x` reads, so that one call's output is another's input."""

from __future__ import annotations

from autograd_cli.diagnostic import bad_request
from autograd_cli.render.escape import visible
from autograd_cli.render.numbers import shell_text
from autograd_cli.trace import Report


def values_text(report: Report) -> str:
    """The gradient, or one `name=values` a line where several were asked for; a missing one has no line.

    Raises:
        AgxError: a gradient is too large to be written out.
    """
    several = len(report.grads) > 1
    lines = []
    for name, grad in report.grads.items():
        if grad is None:
            continue
        if grad.values is None:
            message = f"the gradient of {name} has {grad.numel:,} elements"
            raise bad_request("too-large", message, fix="--full writes out all of them")
        text = shell_text(grad)
        lines.append(f"{visible(name)}={text}\n" if several else f"{text}\n")
    return "".join(lines)
