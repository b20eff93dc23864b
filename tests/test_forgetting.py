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
from observed import observe, of_language
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


META = """
from collections import OrderedDict
import torch
from torch import nn
net, learner = nn.Linear(2, 2), nn.Linear(2, 2)
for task in range({rounds}):
    weights = OrderedDict(net.named_parameters())
    for _ in range(2):
        loss = torch.func.functional_call(net, weights, (torch.ones(1, 2),)).pow(2).sum()
        grads = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
        weights = OrderedDict((name, w - 0.1 * g) for (name, w), g in zip(weights.items(), grads))
    learner.load_state_dict(weights)
    learner(torch.ones(1, 2)).sum().backward()
"""


def test_what_the_script_lets_go_of_is_not_held() -> None:
    kept = [len(observe(META.format(rounds=rounds)).trace.values) for rounds in (20, 60)]
    assert kept[1] < 1.5 * kept[0]  # it depends on when it was time to forget


def test_rounds_are_kept_and_not_passes() -> None:
    program = """
import torch
w = torch.ones(2, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for step in range({rounds}):
    for part in range({parts}):
        (w * part).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
"""
    several = observe(program.format(rounds=40, parts=3)).trace
    assert 9 <= len(several.backwards) <= 18 + 3  # of three rounds, before twice as many are there
    very_many = observe(program.format(rounds=2, parts=400)).trace
    assert len(very_many.backwards) <= 100
