"""The steps of optimizers: each is one operation and known with its last change, whoever takes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from autograd_cli.engine.observe.maker import Observed
from autograd_cli.trace import Kind
from observed import first, observe, verdict, watch

HEAD = """\
import functools
import torch
from torch import nn
torch.manual_seed(0)
encoder, head = nn.Linear(2, 3), nn.Linear(3, 1)
opt = torch.optim.SGD([*encoder.parameters(), *head.parameters()], lr=0.1)
"""
ROUND = """\
    opt.zero_grad()
    with torch.no_grad():
        h = encoder(torch.ones(4, 2))
    loss = (head(h) - 1).square().mean()
    before = head.weight.detach().clone()
    loss.backward()
"""
MOVED = "moved = float((head.weight.detach() - before).norm())\n"
LOOP = f"for step in range(3):\n{ROUND}    {{step}}\n{MOVED}"
SCALED = """\
scaler = torch.amp.GradScaler("cpu")
{loop}"""
CLOSURE = f"""\
def closure():
    global before
{ROUND}    return loss
for step in range(3):
    loss = opt.step(closure)
{MOVED}"""
WAYS = {
    "the script": HEAD + LOOP.format(step="opt.step()"),
    "a scheduler around it": HEAD
    + "schedule = torch.optim.lr_scheduler.StepLR(opt, 2)\n"
    + LOOP.format(step="opt.step(); schedule.step()"),
    "two schedulers around it": HEAD
    + "one, other = (torch.optim.lr_scheduler.StepLR(opt, each) for each in (2, 3))\n"
    + LOOP.format(step="opt.step(); one.step(); other.step()"),
    "a GradScaler": HEAD
    + SCALED.format(
        loop=LOOP.replace("loss.backward", "scaler.scale(loss).backward").format(
            step="scaler.step(opt); scaler.update()"
        )
    ),
    "functools.partial": HEAD + LOOP.format(step="functools.partial(opt.step)()"),
    "map": HEAD + LOOP.format(step="list(map(torch.optim.SGD.step, [opt]))"),
    "a function of the script": HEAD + "def go(of):\n    of.step()\n" + LOOP.format(step="go(opt)"),
    "with a closure": HEAD + CLOSURE,
}


def watched_block(text: str) -> Observed:
    return watch(text, {})


@pytest.mark.parametrize("look", [observe, watched_block], ids=["run", "watch"])
@pytest.mark.parametrize("way", WAYS)
def test_a_step_is_one_whoever_takes_it(way: str, look: Callable[[str], Observed]) -> None:
    text = WAYS[way]
    names: dict[str, Any] = {}
    with torch.random.fork_rng():
        exec(text, names)  # noqa: S102 - a program of a test's: what plain Python comes to
    observed = look(text)
    trained = {each.name: each for each in observed.parameters}
    assert observed.unseen == ()
    assert trained["head.weight"].optimizer == 0
    assert trained["head.weight"].change == pytest.approx(names["moved"])
    assert trained["encoder.weight"].change == 0
    steps = [value for value in observed.trace.values if value.kind is Kind.STEP and value.previous is None]
    assert len({value.step for value in steps}) == len(steps) == observed.passes == 3
    assert {name for value in steps if (name := value.function)} == {"torch.optim.SGD.step"}
    last = [value for value in observed.trace.values if value.kind is Kind.STEP and value.previous is not None]
    assert len(last) == 2 * len(steps)  # of the weight and the bias
    rule, _, victim = first(verdict(observed)) or (None, None, None)
    assert (rule, victim) == ("cut-by-no-grad", "encoder.weight")
