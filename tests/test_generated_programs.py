"""Programs made at random: a Report comes back, and where Python runs the same text, its values and gradients."""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import Any

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograd_cli import Report, explore
from autograd_cli.limits import Limits
from autograd_cli.render.formats.json_text import json_object
from autograd_cli.trace import TensorInfo
from conftest import VALIDATOR

LIMITS = Limits(steps=3_000, elements=100_000, sequence=2_000, output=20_000)
START = """import torch
a = torch.tensor([0.5, -1.5, 2.0], requires_grad=True)
b = torch.tensor([1.0, 2.0, -0.5], requires_grad=True)
c = torch.arange(3.0)
n = 2
s = [a * 2, b + 1]
def f(p, q=2): return p * q + 1
g = lambda p: p.sin() if p.sum() > 0 else p.cos()
"""

TENSORS = st.sampled_from(["a", "b", "c", "d", "s[0]", "s[-1]", "a[:1]", "b[1:]", "c.view(3, 1)", "d.T"])
NUMBERS = st.sampled_from(["2", "0.5", "-1", "n", "1.5", "n + 1"])


def _extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operator = st.sampled_from(["+", "-", "*", "/", "**", "@", ">", "%"])
    method = st.sampled_from(
        """
        .sum() .mean() .sin() .exp() .clone() .detach() .abs() .view(-1) .reshape(-1, 1) .t() .unsqueeze(0) .squeeze()
        .max() .max(0).values .sort().values .item() .tolist() .expand(3,3) .add(1) [0] [::2] [None] .cumsum(0) .norm()
        .shape .requires_grad .is_leaf .grad .data .unbind()[0] .flatten() .relu() .double() .long() .dim()
        """.split()
    )
    return st.one_of(
        st.builds("({} {} {})".format, inner, operator, inner),
        st.builds("({} {} {})".format, inner, operator, NUMBERS),
        st.builds("({}){}".format, inner, method),
        st.builds("-{}".format, inner),
        st.builds(
            "torch.{}({})".format, st.sampled_from(["relu", "sigmoid", "sum", "ones_like", "stack", "square"]), inner
        ),
        st.builds("torch.{}([{}, {}])".format, st.sampled_from(["stack", "cat"]), inner, inner),
        st.builds("torch.where({} > 0, {}, {})".format, inner, inner, inner),
        st.builds("f({}, {})".format, inner, NUMBERS),
        st.builds("g({})".format, inner),
        st.builds("[{} for i in range(2)][0]".format, inner),
        st.builds("sum([{} * i for i in range(3)])".format, inner),
        st.builds("({} if n > 1 else {})".format, inner, inner),
        st.builds("(lambda p: p * {})({})".format, inner, inner),
    )


EXPRESSIONS = st.recursive(st.one_of(TENSORS, NUMBERS), _extend, max_leaves=6)


def _indented(block: str) -> str:
    return "".join(f"    {line}\n" for line in block.splitlines())


def _blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    blocks = st.lists(inner, min_size=1, max_size=3).map("".join).map(_indented)
    mode = st.sampled_from(["torch.no_grad()", "torch.enable_grad()", "torch.set_grad_enabled(n > 2)"])
    return st.one_of(
        inner,
        st.builds("for i in range({}):\n{}".format, st.sampled_from(["2", "3", "n"]), blocks),
        st.builds(
            "for e in {}:\n{}".format, st.sampled_from(["s", "a", "[c, b]", "zip(a, b)", "enumerate(s)"]), blocks
        ),
        st.builds("while n > 0:\n    n -= 1\n{}".format, blocks),
        st.builds("if {} > 0:\n{}else:\n{}".format, st.sampled_from(["n", "a.sum()", "b.mean()"]), blocks, blocks),
        st.builds("with {}:\n{}".format, mode, blocks),
        st.builds("try:\n{}except {}:\n{}".format, blocks, st.sampled_from(["Exception", "RuntimeError"]), blocks),
        st.builds("try:\n{}finally:\n{}".format, blocks, blocks),
        st.builds("def h(a, d=c):\n{}    return a\nd = h(b)\n".format, blocks),
    )


_TARGETS = st.sampled_from(["d", "c", "n", "d", "e", "s[0]", "d, e", "c[0]", "a.data"])
_CHANGED = st.sampled_from(["c", "d", "n", "c[1]", "b.data", "s[1]"])
_IN_PLACE = st.sampled_from(["add_(1)", "mul_(2)", "zero_()", "requires_grad_()", "retain_grad()", "detach_()"])
_PLAIN = st.sampled_from(["a.grad = None", "b.requires_grad = False", "del d", "n = 0", "pass", "c = c.clone()"])
_LEAVES = st.sampled_from(["a", "b", "[a, b]"])
STATEMENTS = st.recursive(
    st.one_of(
        st.builds("{} = {}\n".format, _TARGETS, EXPRESSIONS),
        st.builds("{} {}= {}\n".format, _CHANGED, st.sampled_from("+-*/"), EXPRESSIONS),
        st.builds("{}\n".format, EXPRESSIONS),
        st.builds("print({})\n".format, EXPRESSIONS),
        st.builds("s.append({})\n".format, EXPRESSIONS),
        st.builds("({}).sum().backward({})\n".format, EXPRESSIONS, st.sampled_from(["", "retain_graph=True"])),
        st.builds("d = torch.autograd.grad(({}).sum(), {})[0]\n".format, EXPRESSIONS, _LEAVES),
        st.builds("{}.{}\n".format, TENSORS, _IN_PLACE),
        st.builds("{}\n".format, _PLAIN),
        st.builds("e = d = {}\n".format, EXPRESSIONS),
        st.builds("assert {} is not None, n\n".format, EXPRESSIONS),
    ),
    _blocks,
    max_leaves=4,
)
PROGRAMS = st.lists(STATEMENTS, min_size=1, max_size=6).map(
    lambda statements: START + "d = a * b\n" + "".join(statements)
)


def by_python(text: str) -> tuple[str, dict[str, Any], Exception | None]:
    """What Python prints, its variables at the end, and the exception that ended it."""
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = io.StringIO()
    raised = None
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(compile(text, "program", "exec", dont_inherit=True), names)  # noqa: S102 - the oracle is Python
        except Exception as error:  # noqa: BLE001 - whatever the program raises
            raised = error
    torch.set_grad_enabled(True)
    return printed.getvalue(), names, raised


def printed_by(report: Report) -> str:
    return "".join(printed.text for printed in report.trace.printed)


def assert_same(told: TensorInfo, tensor: torch.Tensor) -> None:
    assert (told.shape, told.requires_grad, told.is_leaf) == (tuple(tensor.shape), tensor.requires_grad, tensor.is_leaf)
    assert told.version == tensor._version  # noqa: SLF001 - torch has no other name for it
    values = torch.tensor(told.values, dtype=tensor.dtype).reshape(told.shape)
    torch.testing.assert_close(values, tensor.detach(), rtol=0, atol=0, equal_nan=True)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(PROGRAMS)
def test_agx_and_python_come_to_the_same(text: str) -> None:
    report = explore(text + "print('end')\n", limits=LIMITS)
    VALIDATOR.validate(json_object(report))
    if not report.traces:
        return
    printed, names, raised = by_python(text + "print('end')\n")
    trace = report.trace
    refusal = None if trace.backwards and trace.backwards[-1].step is None else trace.refusal
    assert (None if refusal is None else refusal.exception) == (None if raised is None else type(raised).__name__), (
        raised
    )
    assert printed_by(report) == printed
    for variable in trace.variables:
        tensor = names.get(variable.name)
        if isinstance(tensor, torch.Tensor):
            assert_same(variable.tensor, tensor)
            grad = tensor.grad if tensor.is_leaf or tensor.retains_grad else None
            assert (variable.grad is None) is (grad is None)
            if variable.grad is not None and grad is not None:
                assert_same(variable.grad, grad)
