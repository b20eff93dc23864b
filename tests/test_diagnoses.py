"""What agx says of broken programs, and that it says nothing of healthy ones: the tables in `diagnoses`."""

from __future__ import annotations

import pytest
import torch

from autograd_cli import explore
from autograd_cli.diagnostic import Severity
from autograd_cli.rules import CATALOGUE
from autograd_cli.rules.causes.refused import find_symptoms
from diagnoses_table import Case, alarms, explained, read_tables, score, story
from mutations import MUTATIONS
from told import SCRIPTS, told_in

CASES = read_tables()
BROKEN = [case for case in CASES if not case.healthy]
SCRIPTED = [told.rule for each in SCRIPTS if (told := told_in(each)) is not None]
WITH_EXAMPLE = [rule.slug for rule in CATALOGUE.values() if rule.example]
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


def test_a_clamp_at_exactly_its_bounds_is_told_of_where_torch_gives_zeros() -> None:
    """Torch gives zeros there from 2.14 on."""
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    x.clamp(0, 1).sum().backward()
    assert x.grad is not None
    report = explore("x = torch.tensor([0., 1.], requires_grad=True)\nx.clamp(0, 1).sum().backward()", watch=True)
    assert [each.rule for each in alarms(report)] == ([] if x.grad.any() else ["zero-grad-clamp"])


@pytest.mark.parametrize(
    ("number", "case"), list(enumerate(CASES)), ids=lambda each: named(each) if isinstance(each, Case) else ""
)
def test_the_same_program_in_another_dress(number: int, case: Case) -> None:
    mutated = MUTATIONS[number % len(MUTATIONS)](case)
    if mutated == case:
        return  # it does not fit this program, which another test looks at as it stands
    found = score(mutated)
    assert (found.cause, found.line, found.victim) == (True, True, True), f"{found.said}\n{mutated.program}"


@pytest.mark.parametrize("slug", WITH_EXAMPLE)
def test_a_rule_finds_its_own_example(slug: str) -> None:
    report = explained(Case(family="", name=slug, program=CATALOGUE[slug].example))
    assert next(iter(report.diagnostics)).rule == slug, report.diagnostics


@pytest.mark.parametrize("slug", [rule.slug for rule in CATALOGUE.values() if rule.find not in {None, find_symptoms}])
def test_a_rule_has_cases(slug: str) -> None:
    assert sum(case.cause == slug for case in CASES) + SCRIPTED.count(slug) > 1


MASKED = """w = torch.ones(60, 40)
w[:20] = {start}
w.requires_grad_()
mask = torch.ones(60, 1)
mask[:20] = 0
w.register_hook(lambda g: g * mask)
optimizer = torch.optim.AdamW([w], lr=0.01)
((w + 1) ** 2).sum().backward()
optimizer.step()
w
"""


@pytest.mark.parametrize(("start", "rules"), [(1, ["frozen-moves"]), (0, [])])
def test_what_a_hook_masks_of_a_tensor_that_is_written_out(start: int, rules: list[str]) -> None:
    """The result is kept whole, and gradients of this size are not: they are compared at the corners."""
    report = explore(MASKED.format(start=start), watch=True, counterfactuals=False)
    assert [each.rule for each in alarms(report)] == rules
