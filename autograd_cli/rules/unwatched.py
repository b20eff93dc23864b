"""What is said of a run whose backward passes were not watched."""

from __future__ import annotations

from autograd_cli.diagnostic import Diagnostic, Severity
from autograd_cli.spelling import spelled


def not_watched(took: float) -> Diagnostic:
    """The remark that the program took so long that there is no time to run it again and watch it."""
    return Diagnostic(
        rule="not-watched",
        severity=Severity.NOTE,
        message=f"the program took {took:.1f} s: too long to run it again and watch its backward passes",
        fix=spelled(option="--timeout SECONDS allows more", argument="limits=Limits(time=SECONDS) allows more"),
        is_documented=True,
    )
