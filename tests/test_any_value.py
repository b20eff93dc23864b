"""Any kind of value in any place: there is an answer, if only that torch or Python refuses it, and never a crash."""

from __future__ import annotations

import itertools

import pytest

from autograd_cli import explore
from thorough import THOROUGH

VALUES = """
f | torch.sin | torch.no_grad() | (x*2).grad_fn | map(f, [1]) | iter([1]) | range(3) | torch.func.grad(f) | lambda a: a
[f] | (f,) | {'a': f} | nn.ReLU() | None | 's' | 2.5 | x | torch.float32 | ...
""".strip().replace("\n", " | ")
PLACES = """
x[@] | x[0:@] | x[@:, None] | y = x*1; y[@] = 1; y | y = x*1; y[0:@] += 1; y | y = [1]; y[@] += 1; x | y = [1]; y[@:]
y = {'a': x}; y[@] = 2; x | {@: 1}; x | {@: 1 for a in [0]}; x | {**@}; x | [*@]; x | f(*@) | f(**@)
x if @ else x*2 | not @; x | @ and x | assert @; x | [x for a in [1] if @] | for a in @: pass; x | a, *b = @; x
x in [@] | @ == x | x < @ < x | x is @ | x**@ | -@; x | x @ @ | f'{@}'; x | f'{x:{@}}'; x | print(@); x | str(@); x
y = x*2; y.grad = @; y | x.requires_grad = @; x | x.data = @; x | x.backward(@) | x.sum(@) | x.sum(dim=@) | x.reshape(@)
[1, 2].index(@); x | {'a': 1}.get(@); x | [1].insert(@, 1); x | [1]*@; x | len(@); x | float(@); x | bool(@); x
sorted([@, 1]); x | max([@, @]); x | sum([@]); x | round(x, @) | isinstance(@, int); x | list(zip(@, [1])); x
list(map(@, [1])); x | list(filter(@, [1])); x | range(@); x | torch.stack([x, @]) | torch.zeros(@)*x | raise @
""".strip().replace("\n", " | ")
ALL = list(itertools.product(VALUES.split(" | "), PLACES.split(" | ")))
STEP = 1 if THOROUGH else 7  # no divisor of the number of places: each place and each value has its turn


@pytest.mark.parametrize("chunk", range(4))
def test_there_is_an_answer(chunk: int) -> None:
    for value, place in ALL[chunk * STEP :: 4 * STEP]:
        report = explore(f"def f(x): return x\n{place.replace('@', value)}", inputs={"x": [1.0, 2.0, 3.0]})
        assert report.traces or report.diagnostics, place
        assert all(each.rule != "bug" for each in report.diagnostics)
