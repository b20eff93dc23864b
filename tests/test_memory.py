"""What one run leaves behind for the next: nothing."""

from __future__ import annotations

import gc

from autograd_cli import explore
from autograd_cli.trace import Trace

RUNS = 30
PROGRAMS = (
    "w = torch.tensor([1., 2.], requires_grad=True)\nh = (3 * w).detach()\n(h ** 2).sum().backward()",  # a cut
    "x = torch.zeros(2, requires_grad=True)\ny = x.sqrt() * 0\ny.sum().backward()",  # NaN
    "x = torch.full((2,), -1., requires_grad=True)\nx.relu().sum().backward()",  # zero
    "x = torch.ones(2, requires_grad=True)\nx.add_(1)",  # a refused write
    "x = torch.ones(2, requires_grad=True)\ny = x.exp()\ny.mul_(2)\ny.sum().backward()",  # a changed saved tensor
    "x = torch.ones(2, requires_grad=True)\n(x * 2).sum().backward()\nx.grad",
)


def traces() -> list[Trace]:
    gc.collect()
    return [each for each in gc.get_objects() if type(each) is Trace]


def test_no_trace_outlives_its_report() -> None:
    before = traces()  # of other tests, which hold theirs
    for run in range(RUNS):
        program = f"{PROGRAMS[run % len(PROGRAMS)]}\nk = {run}"  # no two are the same text
        assert explore(program, watch=True).traces
    assert [each for each in traces() if not any(each is other for other in before)] == []
