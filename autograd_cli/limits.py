"""How much a run may take: defaults that no honest use reaches, each with an option and an environment variable."""

from __future__ import annotations

import re
from dataclasses import dataclass

from autograd_cli.diagnostic import PROGRAM, AgxError, Diagnostic, Severity, Span, Status
from autograd_cli.spelling import spelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """One field for each limit.

    `time` is in seconds of wall time, `memory` in bytes of address space above what torch takes after its import,
    `steps` counts the operations and statements that run, `elements` those of one tensor, `integer_bits` the size of
    a Python integer, `sequence` the elements of a list or range, `output` the characters that a program prints,
    `source` those of its text, and `depth` the levels of its nesting.
    """

    time: float = 30.0
    memory: int = 4 * 1024**3
    steps: int = 1_000_000
    elements: int = 2**28
    integer_bits: int = 4_096
    sequence: int = 100_000
    output: int = 100_000
    source: int = 65_536
    depth: int = 1_000


DEFAULT_LIMITS = Limits()
_ALLOCATION = re.compile(r"[Tt]ried to allocate ([\d.]+) ?(bytes|[KMGT]iB)")


def limit_reached(
    limit: str, message: str, *, source: str = PROGRAM, span: Span | None = None, torch_says: str | None = None
) -> AgxError:
    """The error for a limit that a request has reached; `limit` is a field of Limits."""
    name = limit.replace("_", "-")
    return AgxError(
        Diagnostic(
            rule=f"limit-{name}",
            severity=Severity.ERROR,
            message=message,
            source=source,
            span=span,
            torch_says=torch_says,
            fix=f"{spelled(option=f'--limit {name}=N', argument=f'limits=Limits({limit}=N)')} allows more",
        ),
        Status.LIMIT,
    )


def memory_error(error: BaseException, span: Span | None = None) -> AgxError | None:
    """The error for memory that ran out, where `error` says so (torch does, in its own words); else None."""
    if not isinstance(error, MemoryError | RuntimeError):
        return None
    asked = _ALLOCATION.search(str(error))
    if asked is None and not isinstance(error, MemoryError):
        return None
    message = "there is not enough memory for this"
    if asked is not None:
        amount = f"{int(asked[1]):,}" if asked[1].isdigit() else asked[1]
        message = f"torch tried to allocate {amount} {asked[2]}, more than is left"
    return limit_reached("memory", message, span=span)
