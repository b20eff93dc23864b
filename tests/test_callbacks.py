"""Functions of a program that torch calls: interpreted within the limits, recorded as made inside of torch's call."""

from __future__ import annotations

import gc

import pytest
import torch

from autograd_cli import explore
from autograd_cli.diagnostic import Status
from autograd_cli.engine import run as engine
from autograd_cli.engine.interpret.callbacks import Callback
from autograd_cli.lang.program import parse
from autograd_cli.limits import DEFAULT_LIMITS, Limits
from autograd_cli.modes import DEFAULT_MODE, MODES
from autograd_cli.report import Report
from autograd_cli.settings import DEFAULT_SETTINGS

X = "x = torch.tensor([1., 2.], requires_grad=True)\ny = x * 3\n"
WALKS_AGAIN = "def f(g):\n    with torch.enable_grad():\n        (x * 2).sum().backward()\nx.register_hook(f)\n"


def run(program: str, limits: Limits = DEFAULT_LIMITS) -> Report:
    return explore(program, watch=True, limits=limits)


@pytest.mark.parametrize(
    ("program", "function", "made"),
    [
        (
            f"{X}y.register_hook(lambda g: g * 2)\ny.sum().backward()",
            "torch.Tensor.backward",
            "handed constant operator",
        ),
        (
            f"{X}torch.utils.checkpoint.checkpoint(lambda t: t.sin().exp(), x, use_reentrant=False).sum()",
            "torch.utils.checkpoint.checkpoint",
            "method method",
        ),
        (
            "x = torch.ones(2)\ntorch.autograd.functional.jacobian(lambda t: t.exp(), x)",
            "torch.autograd.functional.jacobian",
            "handed method",
        ),
        (
            "lin = nn.Linear(1, 1)\nlin.register_forward_hook(lambda m, i, o: o + 1)\nlin(torch.ones(1, 1))",
            "torch.nn.Linear",
            "handed container handed constant operator",
        ),
    ],
    ids=["hook", "checkpoint", "jacobian", "forward hook"],
)
def test_what_it_computes_was_made_inside_of_the_call(program: str, function: str, made: str) -> None:
    values = run(program).trace.values
    insiders = [each for each in values if each.made_inside is not None]
    assert {values[each.made_inside or 0].function for each in insiders} == {function}
    assert " ".join(each.kind.value for each in insiders) == made


def test_what_is_inside_of_a_call_inside() -> None:
    report = run(
        "from torch.func import grad, jacrev\n"
        "f = lambda t: jacrev(torch.sin)(t).sum() * t\n"
        "grad(lambda t: f(t).sum())(torch.ones(2))"
    )
    owners = {each.made_inside for each in report.trace.values} - {None}
    outermost = max(owner for owner in owners if owner is not None)
    assert all(each.id < each.made_inside for each in report.trace.values if each.made_inside is not None)
    assert report.trace.values[outermost].made_inside is None


def test_the_values_of_a_transform_are_opaque() -> None:
    report = run("torch.vmap(lambda t: t.sin())(torch.ones(3, 2))")
    sin = next(each for each in report.trace.values if each.function == "torch.Tensor.sin")
    assert sin.tensor is None
    assert sin.scalar == "<tensor of shape [2] inside torch.func>"


def test_a_wrapper_that_leaks_is_no_variable() -> None:
    report = run(
        "kept = []\ndef f(t):\n    kept.append(t)\n    return t.sum()\n"
        "g = torch.func.grad(f)(torch.ones(2))\nk = kept[0]\ng"
    )
    assert {each.name for each in report.trace.variables} == {"g"}


def test_a_hook_takes_the_place_of_the_gradient() -> None:
    report = run(
        f"{X}y.register_hook(lambda g: g * 2)\ny.register_hook(lambda g: None)\nx.register_hook(lambda g: -g)\n"
        "y.sum().backward()"
    )
    hooked = [each for visit in report.trace.walks[0].visits for each in visit.hooked]
    values = [
        tuple(tensor.values for each in (one.handed, one.returned) if (tensor := report.trace.values[each].tensor))
        for one in hooked
    ]
    assert values == [((1.0, 1.0), (2.0, 2.0)), ((6.0, 6.0), (-6.0, -6.0))]


def test_a_gradient_is_not_copied_because_a_hook_saw_it() -> None:
    """AccumulateGrad copies a gradient that something else holds; the version tells whether it did."""
    program = f"{X}x.register_hook(lambda g: print(g))\n(x * torch.ones(2)).sum().backward()\ny = x.grad"
    names: dict[str, torch.Tensor] = {}
    exec(compile(program, "program", "exec"), {"torch": torch, "print": lambda _: None}, names)  # noqa: S102 - the oracle is Python
    variable = run(program).trace.variables[0]
    assert variable.grad is not None
    assert names["x"].grad is not None
    assert variable.grad.version == names["x"].grad._version  # noqa: SLF001 - torch has no other name for it


def test_a_walk_in_a_hook_is_a_walk_of_its_own() -> None:
    report = run(f"{X}z = (x ** 2).sum()\ny.register_hook(lambda g: z.backward())\ny.sum().backward()")
    trace = report.trace
    assert [walk.backward for walk in trace.walks] == [0, 1]
    for walk in trace.walks:
        assert walk.backward is not None
        (start,) = [trace.values[root].tensor for root in trace.backwards[walk.backward].roots]
        assert start is not None
        assert walk.visits[0].node == start.grad_fn
        assert len({visit.node for visit in walk.visits}) == len(walk.visits)


@pytest.mark.parametrize(
    ("program", "line", "column"),
    [
        (f"{X}def bad(g):\n    return g @ torch.ones(3, 3)\ny.register_hook(bad)\ny.sum().backward()", 4, 11),
        (f"{X}y.register_hook(lambda g: g @ torch.ones(3, 3))\ny.sum()", 3, 26),
        ("torch.func.grad(lambda t: (t @ torch.ones(3, 3)).sum())(torch.ones(2))", 1, 27),
        ("torch.utils.checkpoint.checkpoint(lambda t: t[5], torch.ones(2), use_reentrant=False)", 1, 44),
        (f"{X}y.register_hook(lambda g: (lambda: g))\ny.sum().backward()", 3, 0),
        (f"{X}y.register_hook(lambda g: 'a')\ny.sum().backward()", 4, 0),
        (f"{X}y.register_hook(lambda: None)\ny.sum().backward()", 3, 0),
    ],
)
def test_a_refusal_in_it_has_its_place(program: str, line: int, column: int) -> None:
    refusal = run(program).trace.refusal
    assert refusal is not None
    assert refusal.span is not None
    assert (refusal.span.line, refusal.span.column) == (line, column)


def test_a_refusal_in_it_can_be_caught() -> None:
    report = run(
        f"{X}y.register_hook(lambda g: g @ torch.ones(3, 3))\n"
        "try:\n    y.sum().backward()\nexcept RuntimeError:\n    print('so')"
    )
    assert [each.text for each in report.trace.printed] == ["so\n"]


@pytest.mark.parametrize(
    ("program", "rule"),
    [
        (f"{X}def f(g):\n    while True:\n        g = g + 1\ny.register_hook(f)\ny.sum().backward()", "limit-steps"),
        (f"{X}def f(g):\n    while True:\n        g = g + 1\ny.register_hook(f)\ny.sum()", "limit-steps"),
        (f"{X}y.register_hook(lambda g: torch.zeros(10**12))\ny.sum().backward()", "limit-elements|limit-memory"),
        ("def f(t):\n    return f(t)\ntorch.func.grad(f)(torch.ones(2))", "limit-depth"),
        ("def f(t):\n    return torch.func.grad(f)(t)\ntorch.func.grad(f)(torch.ones(2))", "limit-depth|torch-refused"),
        (f"{X}{WALKS_AGAIN}y.sum().backward()", "limit-depth"),
        (f"{X}y.register_hook(lambda g: print('a' * 1000 * 200))\ny.sum().backward()", "limit-output"),
    ],
)
def test_a_limit_in_it_ends_the_run(program: str, rule: str) -> None:
    report = run(program, Limits(steps=20_000))
    assert report.diagnostics[0].rule in rule.split("|"), report.diagnostics[0]


@pytest.mark.parametrize(
    "program",
    [
        "x.register_hook(x)",
        "x.register_hook(exec)",
        "x.register_hook(torch.load)",
        "nn.Linear(1, 1).register_module('a', x)",
        "nn.Linear(1, 1)._forward_hooks",
        "x._backward_hooks",
        "h = x.register_hook(lambda g: g)\nh.hooks_dict_ref",
        "h = x.register_hook(lambda g: g)\nh.__exit__()",
        "torch.func.functional_call(x, {}, x)",
        "f = torch.func.grad(lambda t: t)\nf.__wrapped__",
        "torch.utils.checkpoint.checkpoint(lambda t: t, x, context_fn=x)",
        "x.map_(x, lambda a, b: a)",
    ],
)
def test_nothing_else_is_reached_by_it(program: str) -> None:
    report = explore(program, x=[1.0])
    assert report.status in {Status.BAD_REQUEST, Status.BAD_NEWS}
    assert report.diagnostics


def test_nothing_of_the_run_stays_behind() -> None:
    """The hooks that torch holds form no reference cycle that keeps a run alive."""
    assert run(f"{X}y.register_hook(lambda g: g * x)\nx.register_hook(lambda g: g)\ny.sum().backward()").ok
    gc.collect()
    assert [each for each in gc.get_objects() if type(each) is Callback] == []


def test_a_derivative_is_the_answer() -> None:
    """A program that asks torch for a derivative is not differentiated once more."""
    report = explore("torch.autograd.functional.jacobian(lambda t: t ** 2, x)", x=[1.0, 2.0])
    assert report.ok
    (output,) = report.trace.output_tensors()
    assert output.values == (2.0, 0.0, 0.0, 4.0)


def test_what_torch_calls_prints_into_the_run(capfd: pytest.CaptureFixture[str]) -> None:
    """Python's own print is never handed to torch."""
    report = explore("y = x * 2\ny.register_hook(print)\ny.sum().backward()", x=[1.0])
    assert [each.text for each in report.trace.printed] == ["tensor([1.])\n"]
    report = explore("torch.vmap(print)(x)", x=[1.0])
    assert [each.text.split("(")[0] for each in report.trace.printed] == ["BatchedTensor"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "block", ["lambda t: print('ran') or t.sin().exp()", "nn.Sequential(nn.Linear(2, 2), nn.Dropout())"]
)
def test_to_watch_a_checkpoint_computes_it_no_more_often(block: str) -> None:
    """What a node under a checkpoint saved is computed again when somebody reads it."""
    program = f"{X}torch.utils.checkpoint.checkpoint({block}, x, use_reentrant=False).sum().backward()"
    plain, watched = (
        engine.run(
            parse(program), [], [], {}, mode=MODES[DEFAULT_MODE], wrt=None, settings=DEFAULT_SETTINGS, watched=each
        )
        for each in (False, True)
    )
    assert [each.text for each in watched.printed] == [each.text for each in plain.printed]
    assert len(watched.printed) == (2 if "print" in block else 0)  # forward, and again for backward
    assert watched.grads == plain.grads
    (walk,) = watched.walks
    assert watched.nodes[walk.visits[0].node].name == "SumBackward0"
    assert all(not visit.saved for visit in walk.visits[1:])
