"""Why torch does not track a value, in few words: for the margin of a listing and the edges of a picture."""

from __future__ import annotations

from autograd_cli.trace import Cut, Operation
from autograd_cli.translation import translate


def short_reason(cut: Cut, line: str | None, operation: Operation, language: str) -> str:
    """The reason of a cut: with the line that switched tracking off, and the operation that made the value.

    The operation is code: `.item()`, `torch.tensor()`, `>`.
    """
    return translate(cut.margin, language).format(call=operation.as_code, n=line)
