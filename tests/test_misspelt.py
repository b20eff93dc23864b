"""Attributes that torch knows nothing of: set as Python sets them, read by nobody, of no use against the process."""

from __future__ import annotations

import pytest

from autograd_cli import explore
from autograd_cli.diagnostic import Severity, Status


def rules_of(program: str) -> list[tuple[str, Severity]]:
    return [(found.rule, found.severity) for found in explore(program, watch=True).diagnostics]


@pytest.mark.parametrize("name", ["requires_gard", "required_grad", "require_grad", "label", "requires_grad_flag", "ñ"])
def test_it_changes_nothing(name: str) -> None:
    plain = explore("x = torch.tensor([1., 2.], requires_grad=True)\ny = (x**2).sum()\ny.backward()\nprint(x.grad)")
    marked = explore(
        f"x = torch.tensor([1., 2.], requires_grad=True)\nx.{name} = False\n"
        "y = (x**2).sum()\ny.backward()\nprint(x.grad)"
    )
    assert marked.status is Status.ANSWER
    assert [each.text for each in marked.trace.printed] == [each.text for each in plain.trace.printed]
    assert [each.tensor for each in marked.trace.variables] == [each.tensor for each in plain.trace.variables]
    (mark,) = [value for value in marked.trace.values if value.assigns(name)]
    assert (mark.tensor, mark.scalar) == (None, None)


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("x.__class__ = 3", "unknown-attribute"),
        ("x._requires_grad = True", "unknown-attribute"),
        ("x.shape = 3", "unknown-attribute"),
        ("x.backward = 3", "unknown-attribute"),
        ("x.grad_fn = None", "unknown-attribute"),
        ("x.label = 3\nx.label", "unknown-attribute"),
        ("x.label = 3\nx.label()", "unknown-name"),
        ("x.is_mkldnn = True", "torch-refused"),
        ("[x].label = 3", "torch-refused"),
        ("(3).label = 3", "torch-refused"),
        ("m = torch.nn.Linear(1, 1)\nm.extra = x", "torch-refused"),
        ("m = torch.nn.Linear(1, 1)\nm.extra = m", "torch-refused"),
        ("m = torch.nn.Linear(1, 1)\nm.call_super_init = True", "torch-refused"),
        ("x.requires_grad_(require_grad=True)", "unknown-keyword"),
        ("x.new_tensor([1.], require_grad=True)", "unknown-keyword"),
        ("torch.sin(x, require_grad=True)", "unknown-keyword"),
    ],
)
def test_what_is_refused(statement: str, rule: str) -> None:
    report = explore(f"x = torch.ones(2)\n{statement}\nprint(1)")
    assert [found.rule for found in report.diagnostics] == [rule]


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("x.requires_gard = True", [("requires-grad-typo", Severity.WARNING)]),
        ("torch.nn.Linear(1, 1).requires_grad = False", [("requires-grad-typo", Severity.WARNING)]),
        ("torch.ones(2, require_grad=True)", [("requires-grad-typo", Severity.ERROR)]),
        ("torch.nn.Parameter(x, requires_grads=True)", [("requires-grad-typo", Severity.ERROR)]),
        ("x.label = True", []),
        ("x.requires_grad = False", []),
    ],
)
def test_what_is_told(statement: str, found: list[tuple[str, Severity]]) -> None:
    assert rules_of(f"x = torch.ones(2)\n{statement}\nprint(1)") == found


def test_a_refusal_tells_what_was_refused() -> None:
    refusal = explore("a = torch.ones(2)\nb = torch.ones(3)\na + b").trace.refusal
    assert refusal is not None
    assert refusal.op == "+"
    values = explore("a = torch.ones(2)\nb = torch.ones(3)\na + b").trace.values
    assert [values[number].name for number in refusal.operands] == ["a", "b"]
