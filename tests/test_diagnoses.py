"""What agx says of broken programs, and that it says nothing of healthy ones: the tables in `diagnoses`."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from autograd_cli import explore, rules
from autograd_cli.diagnostic import Severity
from autograd_cli.rules import CATALOGUE
from autograd_cli.rules.rule import Family
from diagnoses_table import Case, alarms, explained, read_tables, score, story
from mutations import MUTATIONS

CASES = read_tables()
BROKEN = [case for case in CASES if not case.healthy]
WITH_EXAMPLE = [slug for slug in CATALOGUE if slug != "not-watched"]  # an example of it would take half a minute
HEALTHY = [case for case in CASES if case.healthy]


def named(case: Case) -> str:
    return f"{case.family}: {case.name}"


@pytest.mark.parametrize("case", BROKEN, ids=named)
def test_the_cause_the_line_and_the_victim(case: Case) -> None:
    report = explained(case)
    found = score(case, report)
    assert (found.cause, found.line, found.victim) == (True, True, True), found.said
    assert story(explore(case.program, inputs=dict(case.inputs))) == story(report)
    if case.fails is not None:
        assert any(each.severity is Severity.ERROR for each in report.diagnostics) is case.fails
        assert report.ok is not case.fails


@pytest.mark.parametrize("case", HEALTHY, ids=named)
def test_a_healthy_program_gets_no_warning(case: Case) -> None:
    report = explained(case)
    assert [each.rule for each in alarms(report)] == []
    assert report.ok
    assert story(explore(case.program, inputs=dict(case.inputs))) == story(report)


@pytest.mark.parametrize(
    ("number", "case"), list(enumerate(CASES)), ids=lambda each: named(each) if isinstance(each, Case) else ""
)
def test_the_same_program_in_another_dress(number: int, case: Case) -> None:
    mutated = MUTATIONS[number % len(MUTATIONS)](case)
    found = score(mutated)
    assert (found.cause, found.line, found.victim) == (True, True, True), f"{found.said}\n{mutated.program}"


@pytest.mark.parametrize("slug", WITH_EXAMPLE)
def test_a_rule_documents_itself_and_finds_its_own_example(slug: str) -> None:
    rule = CATALOGUE[slug]
    assert rule.summary
    assert rule.why
    assert rule.cure
    report = explained(Case(family="", name=slug, program=rule.example))
    assert next(iter(report.diagnostics)).rule == slug, report.diagnostics


def test_whatever_the_rules_name_has_a_page() -> None:
    named = {
        keyword.value.value
        for file in Path(rules.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "rule" and isinstance(keyword.value, ast.Constant)
    }
    assert {"torch-refused", "not-watched"} < named
    assert named - CATALOGUE.keys() == set()


@pytest.mark.parametrize("slug", [rule.slug for rule in CATALOGUE.values() if rule.family is not Family.SYMPTOM])
def test_a_rule_has_cases(slug: str) -> None:
    assert sum(case.cause == slug for case in CASES) > 1
