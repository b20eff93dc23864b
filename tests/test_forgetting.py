"""A long run whose older rounds are forgotten is still whole: ids are ordinals, and every page can be drawn."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from autograd_cli.render.formats.json_text import json_text
from autograd_cli.render.look import Look
from autograd_cli.render.pages.choose import page_of
from autograd_cli.tasks.run import report_of
from autograd_cli.trace import Trace
from diagnoses_table import Case, read_tables
from observed import of_language
from thorough import THOROUGH

CASES = [case for case in read_tables() if not case.inputs and "__future__" not in case.program]
EVERY = 1 if THOROUGH else 17
ROUNDS = 5


def looped(program: str) -> str:
    lines = "\n".join(f"    {line}" for line in program.split("\n"))
    return f"for _round in range({ROUNDS}):\n{lines}\n"


def check_numbers(trace: Trace) -> None:
    """Every id is an ordinal, and all that something refers to exists and came before it."""
    for number, value in enumerate(trace.values):
        assert value.id == number
        assert all(operand < number for operand in value.operands)
        assert value.previous is None or value.previous < number
        assert value.step is None or trace.steps[value.step].id == value.step
        assert value.tensor is None or value.tensor.grad_fn is None or value.tensor.grad_fn < len(trace.nodes)
    for number, node in enumerate(trace.nodes):
        assert node.id == number
        assert all(each is None or each < number for each in node.next)
        assert node.value < len(trace.values)
    for walk in trace.walks:
        assert walk.start <= len(trace.values)
        assert walk.backward is None or walk.backward < len(trace.backwards)
        assert all(visit.node < len(trace.nodes) for visit in walk.visits)
    for backward in trace.backwards:
        assert all(root < len(trace.values) for root in backward.roots)


@pytest.mark.parametrize("case", CASES[::EVERY], ids=lambda case: f"{case.family}: {case.name}")
def test_what_is_left_is_whole(case: Case) -> None:
    observed = of_language(looped(case.program), kept=1)
    assert not observed.unseen
    check_numbers(observed.trace)
    report = report_of(observed, name="train.py", ended="ran to its end", of=None)
    for look in (Look(width=80), Look(whole=True)):
        Console(file=io.StringIO(), width=80).print(page_of(report, look))
    assert json_text(report)
