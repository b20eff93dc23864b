"""What agx says of broken programs, and that it says nothing of healthy ones: the tables in `diagnoses`."""

from __future__ import annotations

import pytest

from autograd_cli.diagnostic import Severity
from diagnoses_table import Case, alarms, explained, read_tables, score

CASES = read_tables()
BROKEN = [case for case in CASES if not case.healthy]
HEALTHY = [case for case in CASES if case.healthy]


def named(case: Case) -> str:
    return f"{case.family}: {case.name}"


@pytest.mark.parametrize("case", BROKEN, ids=named)
def test_the_cause_the_line_and_the_victim(case: Case) -> None:
    report = explained(case)
    found = score(case, report)
    assert (found.cause, found.line, found.victim) == (True, True, True), found.said
    if case.fails is not None:
        assert any(each.severity is Severity.ERROR for each in report.diagnostics) is case.fails
        assert report.ok is not case.fails


@pytest.mark.parametrize("case", HEALTHY, ids=named)
def test_a_healthy_program_gets_no_warning(case: Case) -> None:
    report = explained(case)
    assert [each.rule for each in alarms(report)] == []
    assert report.ok
