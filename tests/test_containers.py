"""Random programs about what holds tensors: whatever they do, there is an answer in every form, and never a crash."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch

from autograd_cli import Report, explore, rules
from autograd_cli.cli.delivery import Delivery, render
from autograd_cli.cli.terminal import Screen
from autograd_cli.diagnostic import AgxError
from autograd_cli.limits import Limits
from autograd_cli.render.formats.json_text import json_object
from autograd_cli.render.formats.table import FORMATS
from autograd_cli.render.look import Look
from autograd_cli.report import Checked, Explained, Explored
from autograd_cli.trace import Trace
from conftest import VALIDATOR, Agx
from container_programs import Maker
from test_programs import by_python
from test_walks import assert_leads_back
from thorough import THOROUGH

COUNT = 2_000 if THOROUGH else 24
CHUNKS = 6
LIMITS = Limits(steps=3_000, elements=100_000, sequence=2_000, output=20_000)
# What a message would say if it told of agx's own insides.
OURS = re.compile(
    r"autograd_cli|PythonFunctions|\bBox\b|GraphNode|\bIteration\b|\b_[A-Z]\w+|\bNamed\b|<locals>|at 0x[0-9a-f]"
)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_whatever_a_program_holds(chunk: int) -> None:
    for seed in range(chunk, COUNT, CHUNKS):
        check(Maker(seed).program(), str(seed))


def check(text: str, seed: str) -> None:
    """Every form of the answer to a program."""
    report = explore(text, watch=True, limits=LIMITS)
    VALIDATOR.validate(json_object(report))
    assert torch.is_grad_enabled()
    shown = [*forms(report), *[form for narrowed in narrowings(report) for form in forms(narrowed)]]
    for form in shown:
        found = OURS.search(form)
        assert found is None, (seed, form[max(found.start() - 200, 0) : found.end() + 100])
    for trace in report.traces:
        assert_leads_back(trace)
        assert_each_leaf_once(trace)


def forms(report: Report) -> list[str]:
    """What stdout and stderr get, in each format."""
    screens = [Screen(width=width, is_terminal=False, encoding="utf-8") for width in (80, None)]
    deliveries = [Delivery(format=each, stdout=screens[0], stderr=screens[0]) for each in FORMATS.values()]
    deliveries += [Delivery(format=FORMATS["page"], page=Look(full=True), stdout=screens[1], stderr=screens[1])]
    answers = [render(report, each) for each in deliveries]
    if isinstance(report.body, Explained):
        bodies = (Explored(trace=report.trace, outcome=report.body.outcome), Checked(outcome=report.body.outcome))
        answers += [render(replace(report, body=body), deliveries[0]) for body in bodies]
    return [text for answer in answers for text in (answer.stdout, answer.stderr)]


def narrowings(report: Report) -> list[Report]:
    """The answer narrowed to one of its variables and one that is none."""
    if not isinstance(report.body, Explained):
        return []
    names = [variable.name for variable in report.trace.variables]
    found: list[Report] = []
    for name in (*names[:1], *names[-1:]):
        trace, explanation, diagnostics = rules.narrow(report.trace, report.explanation, report.diagnostics, name)
        assert explanation is not None
        body = replace(report.body, trace=trace, explanation=explanation)
        found.append(replace(report, body=body, diagnostics=diagnostics, of=name))
    with pytest.raises(AgxError):
        rules.narrow(report.trace, report.explanation, report.diagnostics, "no such name")
    return found


def assert_each_leaf_once(trace: Trace) -> None:
    names = [variable.name for variable in trace.variables]
    assert len(names) == len(set(names))
    grads = [name for name, _ in trace.grads]
    assert len(grads) == len(set(grads))
    leaves = [variable.leaf for variable in trace.variables if variable.name in grads and variable.leaf is not None]
    assert len(leaves) == len(set(leaves))


WORDS = {
    "print(zip([1], [2]).sum())": "'zip' object has no attribute 'sum'",
    "x = [1]\nx.append()": "list.append() takes 1 argument (0 given)",
    "x = [1]\nx.append(1, 2)": "list.append() takes 1 argument (2 given)",
    "d = {}\nd.get()": "dict.get() takes 1 to 2 arguments (0 given)",
    "print([1] + map(abs, [1]))": "unsupported operand type(s) for +: 'list' and 'map'",
    "sum([1], 2, 3)": "sum() takes from 1 to 2 positional arguments but 3 were given",
    "float(1, 2)": "float() takes from 0 to 1 positional arguments but 2 were given",
    "sum([1], foo=2)": "sum() got an unexpected keyword argument 'foo'",
    "dict([1, 2])": "'int' object is not iterable",
    "dict([(1, 2, 3)])": "dictionary update sequence element #0 has length 3; 2 is required",
    "i = zip([1], [1])\ni[0]": "'zip' object is not subscriptable",
    "f = lambda q: q\nf[0]": "'function' object is not subscriptable",
    "f = lambda q: q\nfor i in f:\n    pass": "'function' object is not iterable",
    "def back_sum(dl):\n    return sum(p for p in dl)\nback_sum(lambda q: q)": "'function' object is not iterable",
    "x = torch.ones(2, requires_grad=True)\n(x*2).grad_fn[0]": "'MulBackward0' object is not subscriptable",
    "x = torch.ones(2, requires_grad=True)\n(x*2).grad_fn.sum()": "'MulBackward0' object has no attribute 'sum'",
}


@pytest.mark.parametrize("program", WORDS)
def test_python_says_what_it_says(program: str, agx: Agx) -> None:
    found = agx("grad", program)
    said = " ".join((found.out + found.err).split())
    assert "Python refused" in said
    assert WORDS[program] in said


MODULES = {
    'm = nn.ModuleDict({"a": nn.ReLU()})\nfor k in m:\n    print(k, m[k])': "a ReLU()",
    'm = nn.ModuleDict({"a": nn.ReLU()})\nfor k, v in m.items():\n    print(k, v, len(m), "a" in m)': "a ReLU() 1 True",
    'm = nn.ModuleDict({"a": nn.ReLU()})\nm["b"] = nn.Tanh()\nprint(list(m.keys()), list(m.values()))': (
        "['a', 'b'] [ReLU(), Tanh()]"
    ),
    "m = nn.Sequential(nn.ReLU())\nm[0] = nn.Tanh()\nprint(m[0], len(m))": "Tanh() 1",
    "m = nn.ModuleList()\nm.extend([nn.ReLU()])\nm.insert(0, nn.Tanh())\nprint(m.pop(1), m[0])": "ReLU() Tanh()",
    "m = nn.Sequential(nn.Linear(1, 1))\nprint(list(m.parameters(recurse=False)))": "[]",
    'm = nn.Linear(1, 1)\nprint([n for n, p in m.named_parameters(prefix="q")])': "['q.weight', 'q.bias']",
}


@pytest.mark.parametrize("program", MODULES)
def test_containers_of_modules(program: str) -> None:
    trace = explore(f"from torch import nn\n{program}").trace
    assert "".join(printed.text for printed in trace.printed) == f"{MODULES[program]}\n"


KEYS = """
d = {(x, 1): 2.0}; print([k[1] for k in d], [k[0] is x for k in d.keys()], [k[1] for k, v in d.items()])
a, *b = {i: 1 for i in zip([x], [2])}; print(a[1], b)
d = {}; d[(1, (2, x))] = x; print([len(k) for k in d], sorted([k[0] for k in d]))
"""


@pytest.mark.parametrize("program", KEYS.strip().splitlines())
def test_keys_that_hold_tensors(program: str) -> None:
    text = f"import torch\nx = torch.ones(2, requires_grad=True)\n{program}"
    printed, _, raised = by_python(text)
    trace = explore(text, watch=True).trace
    assert raised is None
    assert "".join(each.text for each in trace.printed) == printed


WEIGHTS = ("[w, None]", "[None, w]", "[w]", "w", "[w, w, w]", "[]", "None", "(w, w)", "[[w], w]")


@pytest.mark.parametrize("weights", WEIGHTS)
def test_a_pass_from_two_roots(weights: str, agx: Agx) -> None:
    """Its gradients are those of its roots, one for each, whatever it was given."""
    text = (
        "import torch\nx = torch.ones(2, requires_grad=True)\nw = torch.tensor(5.)\n"
        f"torch.autograd.backward([x.sum(), (x*2).sum()], {weights})\nprint(x.grad)"
    )
    printed, _, raised = by_python(text)
    trace = explore(text, watch=True).trace
    assert "".join(each.text for each in trace.printed) == printed
    assert (trace.refusal is None) is (raised is None)
    for backward in trace.backwards:
        assert len(backward.gradients) == len(backward.roots)
    assert agx("explain", text).code in {0, 1}
