"""Two makers, one Trace: Python, observed, finds in a program what the interpreter finds in it."""

from __future__ import annotations

import pytest

from autograd_cli import explore
from diagnoses_table import Case, read_tables
from observed import first, of_language, verdict
from thorough import THOROUGH

CASES = [case for case in read_tables() if not case.inputs]
EVERY = 1 if THOROUGH else 6
# Where they differ today, and why.
DIFFERENT = {
    "zero_grad of wrong optimizer": "the first of its rounds is forgotten",
    "the optimizer holds another tensor": "a cut of the same line is told first",
    "pixel warp with floor coords": "an index is not a value of its own, so that the cast before it is blamed",
    "update with a dict of params": "the keys of a dict that a loop goes through are no values",
    **dict.fromkeys(
        (
            "a hook that zeroes the gradient of an activation",
            "a hook that normalises a gradient by what is zero",
        ),
        "a hook is told where it is registered, and not where it returns what it has made",
    ),
}


@pytest.mark.parametrize("case", CASES[::EVERY], ids=lambda case: f"{case.family}: {case.name}")
def test_the_first_finding_is_the_same(case: Case) -> None:
    told = explore(case.program, watch=True, counterfactuals=False)
    seen = verdict(of_language(case.program))
    assert (first(seen) == first(told.diagnostics)) == (case.name not in DIFFERENT)
