"""What torch, or Python, said when it refused an operation."""

from __future__ import annotations

from collections.abc import Sequence

from autograd_cli.diagnostic import Span
from autograd_cli.engine.record import naming
from autograd_cli.engine.values import Entry
from autograd_cli.trace import Operation, Phase, Refusal


def refusal(
    error: BaseException,
    operation: Operation = naming.NOTHING,
    operands: Sequence[Entry] = (),
    *,
    span: Span | None,
    during: Phase = Phase.FORWARD,
) -> Refusal:
    """An operation on these operands, which raised `error`."""
    return Refusal(
        kind=operation.kind,
        function=operation.function,
        op=operation.op,
        exception=type(error).__name__,
        message=_words_of(error),
        span=span,
        during=during,
        operands=tuple([each.value for each in operands]),
    )


def _words_of(error: BaseException) -> str:
    """What an exception says, where its own code can tell."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - whatever a class of the user's does there
        return "<exception str() failed>"  # as Python has it
