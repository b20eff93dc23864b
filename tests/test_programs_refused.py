"""Programs that are not in the language: each is one error at its place, whatever the text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_cli import Report, explore
from autograd_cli.diagnostic import Status
from autograd_cli.limits import Limits
from autograd_cli.modes import MODES
from autograd_cli.render.formats.json_text import json_object
from autograd_cli.render.formats.picture import plain_text
from autograd_cli.render.formats.pytorch import pytorch_text
from autograd_cli.render.formats.values import values_text
from autograd_cli.render.look import Look
from autograd_cli.render.parts.diagnostics import diagnostic_block
from conftest import VALIDATOR


def check(report: Report) -> None:
    """What every Report owes: valid JSON, diagnostics that can be drawn, places inside the text."""
    VALIDATOR.validate(json_object(report))
    for found in report.diagnostics:
        diagnostic_block(found, report, 80)
        if (span := found.span) is not None:
            rows = report.text_of(found.source).split("\n")
            assert (span.line, span.column) <= (span.end_line, span.end_column)
            assert 1 <= span.line <= span.end_line <= len(rows)
            assert 0 <= span.column <= len(rows[span.line - 1])
            assert 0 <= span.end_column <= len(rows[span.end_line - 1]) + 1  # a caret may stand right after the end


def inputs_of(program: str) -> dict[str, object]:
    """An x, where the program has a use for it."""
    return {"x": [1.0]} if re.search(r"\bx\b", program) else {}


def blamed(report: Report) -> str | None:
    span = report.diagnostics[0].span
    return None if span is None else span.cut(report.source)


@pytest.mark.parametrize(
    ("program", "rule", "piece", "remedy"),
    [
        ("", "empty-program", None, "write one"),
        ("  \n ", "empty-program", None, "write one"),
        ("2x", "syntax", "2", "2*x"),
        ("2 x", "syntax", "x", "2*x"),
        ("x +", "syntax", "", None),
        ("(x", "syntax", "(", None),
        ("x)", "syntax", ")", None),
        ("x..y", "syntax", "..", "write one"),
        ("sin x", "syntax", "x", "write sin(x)"),
        ("x = = 2", "syntax", "=", None),
        ("x × 2", "syntax", "×", "write *"),
        ("x − 2", "syntax", "−", "write -"),
        ("x²", "syntax", "²", "write **2"),
        ("x\x00", "syntax", "\x00", "remove it"),
        ("x\x1b[31m", "syntax", "\x1b", "remove it"),
        ("x\u202e", "syntax", "\u202e", "remove it"),
        ("x.sun()", "unknown-name", "sun", "did you mean .sum?"),
        ("x.sum", "unknown-attribute", "sum", "write .sum()"),
        ("sine(x)", "unknown-name", "sine", "did you mean"),
        ("F.rel(x)", "unknown-name", "F.rel", "did you mean F.relu?"),
        ("torch.nope.sin(x)", "unknown-name", "torch.nope.sin", None),
        ("x.sum(dimm=0)", "unknown-keyword", "dimm=0", "did you mean dim?"),
        ("torch.sin(x, out=x)", "unknown-keyword", "out=x", None),
        ("x(3)", "not-a-function", "x", "multiplication"),
        ("sin", "missing-value", "sin", "write sin(…)"),
        ("xx", "missing-value", "xx", "did you mean x?"),
        ("x if x else (y := 2)", "unsupported-syntax", "y := 2", None),
        ("sin(**x)", "unsupported-syntax", "**x", None),
        ("with open('f'): x", "unsupported-syntax", "open('f')", "x=@data.npy"),
        ("import os\nos.getcwd()", "unsupported-import", "os.getcwd", "torch alone"),
        ("from torch import load\nload('f')", "unsupported-import", "load", "x=@FILE"),
        ("x.__class__", "unknown-attribute", "__class__", None),
        ("().__class__", "unknown-attribute", "__class__", None),
        ("__import__('os')", "refused-name", "__import__", None),
        ("eval('1')", "refused-name", "eval", "write the expression itself"),
        ("open('f')", "refused-name", "open", "x=@FILE"),
        ("torch.load('f')", "refused-name", "torch.load", "x=@FILE"),
        ("x.numpy()", "refused-name", "numpy", "stay in torch"),
        ("x.shape = 3", "unknown-attribute", "shape", None),
        ("sin(x) = 3", "syntax", "sin(x)", "compares"),
        ("y = x\nz = y +\ny", "syntax", "", None),
        ("y = x\r\nyy.sum()", "missing-value", "yy", "did you mean"),
        ("x.data *= 2", "no-result", None, "end it"),
        ("y = x\nz = y*2\nz.sun()", "unknown-name", "sun", "did you mean .sum?"),
        ("y = x\r\n\r\ny.sun()", "unknown-name", "sun", "did you mean .sum?"),
        ("\ty = x\n\ty.sun()", "unknown-name", "sun", "did you mean .sum?"),
        ("x\t*\tfoo", "missing-value", "foo", "foo=[1, 2, 3]"),
        ("  y = x\n y", "syntax", " ", None),
        ("y = (x\n + 2x)", "syntax", "2", "2*x"),
        ("α = x\n変数 + α", "missing-value", "変数", "変数=[1, 2, 3]"),
        ("'é変' and x.sun()", "unknown-name", "sun", "did you mean .sum?"),
        ("y = 'é\\n変' and x.sun()", "unknown-name", "sun", "did you mean .sum?"),
        ("x if x", "syntax", "x if x", None),
        ("x[0", "syntax", "[", None),
        ("x[0)", "syntax", ")", None),
        ("2(x)", "not-a-function", "2", None),
        ("x · 2", "syntax", "·", "write *"),
        ("x\u200b+1", "syntax", "\u200b", "remove it"),
        ("x\udc80", "syntax", "\udc80", "remove it"),
        ("return x", "unsupported-syntax", "return x", None),
        ("with torch.no_grad() as f:\n  x", "unsupported-syntax", "torch.no_grad()", "leave out `as"),
        ("from numpy import *", "unsupported-import", "*", "by name"),
        ("b'x'", "unsupported-syntax", "b'x'", None),
        ("__builtins__", "refused-name", "__builtins__", None),
        ("x.sum.__globals__", "unknown-attribute", "sum", None),
        ("torch.os.system('id')", "unknown-name", "torch.os.system", None),
        ("torch*x", "missing-value", "torch", None),
        ("x*" + "9" * 5_000, "syntax", "9" * 5_000, None),
        ("class A: pass", "unsupported-syntax", "class A: pass", "plain functions"),
        ("global x", "unsupported-syntax", "global x", "return"),
        ("raise x", "unsupported-syntax", "raise x", "leave it out"),
        ("{x}", "unsupported-syntax", "{x}", "list"),
        ("{y for y in x}", "unsupported-syntax", "{y for y in x}", "list"),
        ("{y: z for y in x}", "missing-value", "z", "z=[1, 2, 3]"),
        ("{y: y.__class__ for y in x}", "unknown-attribute", "__class__", None),
        ("def f(**k): return x\nf()", "unsupported-syntax", "k", None),
        ("def f():\n  yield x", "unsupported-syntax", "yield x", "append"),
        ("async def f(): pass", "unsupported-syntax", "async def f(): pass", "def"),
        ("for i in range(3): x\nelse: x", "unsupported-syntax", "for i in range(3): x\nelse: x", "after it"),
        ("break", "syntax", "break", None),
        ("for i in x:\n  def f(): continue", "syntax", "continue", None),
        ("del x[0]", "unsupported-syntax", "x[0]", None),
        ("@f\ndef g(): return x\ng()", "unsupported-syntax", "f", "torch.no_grad()"),
        ("try: x\nexcept SystemExit: x", "unsupported-syntax", "SystemExit", "RuntimeError"),
        ("import numpy as np\nnp.array(x)", "unsupported-import", "np.array", "write torch.tensor"),
        ("import os\nos.system('id')", "unsupported-import", "os.system", "torch alone"),
        ("from os import path\npath", "unsupported-import", "path", "torch alone"),
        ("'{0.__class__}'.format(x)", "unknown-name", "format", "f-string"),
        ("'{0[0]}'.format(x)", "unknown-name", "format", "f-string"),
        ("'{:{}}'.format(x, 3)", "unknown-name", "format", "f-string"),
        ("'{} {}'.format(x)", "unknown-name", "format", "f-string"),
        ("'{0} {0}'.format(x.pop())", "unknown-name", "format", "f-string"),
        ("'{} {1}'.format(x, x)", "unknown-name", "format", "f-string"),
        ("'{'.format(x)", "unknown-name", "format", "f-string"),
        ("'{}'.format(*x)", "unknown-name", "format", "f-string"),
        ("'{}'.format(x.__class__)", "unknown-attribute", "__class__", None),
        ("s = '{}'\ns.format(x)", "refused-name", "format", "f-strings"),
        ("import time\ntime.time()", "unsupported-import", "time.time", "leave the timing out"),
        (
            "from torch.utils.data import DataLoader\nDataLoader(x)",
            "unsupported-import",
            "DataLoader",
            "write the loop",
        ),
        ("from torch.func import functional_call\nfunctional_call(x)", "unsupported-import", "functional_call", "ops"),
        ("import argparse\nargparse.ArgumentParser()", "unsupported-import", "argparse.ArgumentParser", "--lr 0.1"),
        ("opt = torch.optim.SGD([x], lr=1.)\nopt.param_groups[0]", "unknown-attribute", "param_groups", "another lr"),
        ("set(x)", "refused-name", "set", "list"),
        ("@staticmethod\ndef g(): return x\ng()", "unsupported-syntax", "staticmethod", "torch.no_grad()"),
        ("f'{x}'.join(x)", "unknown-name", "join", "f-string"),
        ("x.__dict__", "unknown-attribute", "__dict__", None),
        ("x._version", "unknown-attribute", "_version", None),
        ("f'{x.__class__}'", "unknown-attribute", "f'{x.__class__}'", None),
        ("(lambda: x).__globals__", "unknown-attribute", "__globals__", None),
        ("torch.nn.functional.F", "unknown-name", "torch.nn.functional.F", None),
        ("µ + x", "syntax", "µ", "write μ"),
    ],
)
def test_a_refused_program(program: str, rule: str, piece: str | None, remedy: str | None) -> None:
    report = explore(program, x=[1.0])
    check(report)
    (found,) = report.diagnostics
    assert (report.status, found.rule) == (Status.BAD_REQUEST, rule)
    assert blamed(report) == piece
    if remedy is not None:
        assert remedy in f"{found.label} {found.fix}"


@pytest.mark.parametrize(
    ("program", "rule"),
    [
        ("x" * 70_000, "limit-source"),
        ("(" * 100_000, "limit-source"),
        ("[" * 60_000, "limit-depth"),
        ("(" * 1_000 + "x" + ")" * 1_000, "limit-depth"),
        ("x" + "+x" * 2_999, "limit-depth"),
        ("x" + "+x" * 20_000, "limit-depth"),
        ("x" + ".sin()" * 2_000, "limit-depth"),
        ("x" + "[0]" * 2_000, "limit-depth"),
        ("-" * 5_000 + "x", "limit-depth"),
        ("-" * 20_000 + "x", "limit-depth"),
        ("not " * 5_000 + "x", "limit-depth"),
        ("lambda: " * 5_000 + "x", "limit-depth"),
        ("x**" * 5_000 + "x", "limit-depth"),
        ("x if x else " * 4_000 + "x", "limit-depth"),
        (f"f'{{{'-' * 5_000}x}}'", "limit-depth"),
        (f"f'{{{'(' * 5_000}x}}'", "limit-depth"),
        ("if x: pass\n" + "elif x: pass\n" * 4_000, "limit-depth"),
        ("x * 9**9**9", "limit-integer-bits"),
        ("x * (1 << 99999)", "limit-integer-bits"),
        ("y = 2\nfor i in range(20): y = y*y\nx*y", "limit-integer-bits"),
        ("list(range(200000))", "limit-sequence"),
        ("sum(range(10**12))*x", "limit-sequence"),
        ("torch.tensor(range(10**9))", "limit-sequence"),
        ("x * ('a' * 10**10)", "limit-output"),
        ("x*((1,)*10**10)", "limit-sequence"),
        ("y = [x]\nfor i in range(40): y += y\nx", "limit-sequence"),
        ("y = 'a'\nfor i in range(40): y += y\nx", "limit-output"),
        ("while True: x", "limit-steps"),
        ("for i in range(10**9): pass", "limit-steps"),
        ("while True: print('a' * 1000)", "limit-output"),
        ("def f(n): return f(n + 1)\nf(x)", "limit-depth"),
        ("f = lambda n: f(n)\nf(x)", "limit-depth"),
        ("y = x\nfor i in range(30000): y = [y]\ny", "limit-depth"),
        ("zeros(1).expand(10**12)", "limit-elements"),
    ],
)
def test_a_limit_that_a_program_reaches(program: str, rule: str) -> None:
    report = explore(program, inputs=inputs_of(program), limits=Limits(steps=100_000))
    check(report)
    (found,) = report.diagnostics
    assert (report.status, found.rule) == (Status.LIMIT, rule)
    assert "allows more" in str(found.fix)


@pytest.mark.parametrize(
    ("program", "exception"),
    [
        ("x[0](3)", "TypeError"),
        ("y = 2*x\ny(3)", "TypeError"),
        ("f'{1:>999999999}'", "ValueError"),
        ("'%999999999d' % 3", "ValueError"),
        ("round(3, -10**9)", "ValueError"),
        ("float('1_000')", "ValueError"),
        ("float('\u0661')", "ValueError"),
        ("y = []\ny.append(y)\nx", "ValueError"),
        ("torch.sin(lambda y: y)", "TypeError"),
        ("torch.stack([x, lambda: x])", "TypeError"),
        ("[].data", "AttributeError"),
        ("x + 'a'", "TypeError"),
        ("assert x > 2, f'too small: {x.item()}'", "AssertionError"),
        ("if x > 5: z = 1\nz*x", "NameError"),
        ("def f():\n  y += x\n  return y\ny = 1\nf()", "UnboundLocalError"),
        ("'a' - 'b'", "TypeError"),
        ("len(3)", "TypeError"),
        ("zip()[0]", "TypeError"),
        ("a, b = x", "ValueError"),
        ("{}['k']", "KeyError"),
        ("x.append(3)", "AttributeError"),
        ("[].sum()", "AttributeError"),
        ("x.log_prob(x)", "AttributeError"),
        ("x.to('meta')", "TypeError"),
    ],
)
def test_what_python_or_torch_refuses_while_it_runs(program: str, exception: str) -> None:
    report = explore(program, inputs=inputs_of(program))
    check(report)
    assert report.trace.refusal is not None
    assert report.trace.refusal.exception == exception
    assert report.status is Status.BAD_NEWS


@pytest.mark.parametrize(
    "program",
    [
        "for i in range(3):\n  x = x*2\nx",
        "def f(): return x*2\nx = f()\nx",
        "x" + "+x" * 300,
        "x" + ".sin()" * 200,
        "(" * 90 + "x" + ")" * 90,
        "-" * 90 + "x",
        "  x\n",
        "\n\nx # note\n",
    ],
)
def test_an_honest_program_is_not_refused(program: str) -> None:
    assert explore(program, x=[1.0]).ok


TOKENS = st.sampled_from(
    """x y 2 .5 1e3 + - * / ** @ // % & | ^ ~ << < == ( ) [ ] , : . ; \n = += if else and or not in is None True no_grad
    torch F sin sum x.sum() .detach() .data with lambda for \\ ' " # é × \x00 \u202e e pi import __class__""".split(" ")
)


@settings(deadline=None, max_examples=300)
@given(st.lists(TOKENS, max_size=12).map(" ".join))
def test_any_tokens_come_to_a_report(text: str) -> None:
    check(explore(text, x=[1.0]))


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=20))
def test_any_text_comes_to_a_report(text: str) -> None:
    check(explore(text, x=[1.0]))


def test_xor_is_not_power() -> None:
    (found,) = explore("2*x^2", x=[1.0]).diagnostics
    assert (found.rule, found.label) == ("syntax", "write x**2")
    (found,) = explore("[x][0]^2", x=[1.0]).diagnostics  # told by torch, as nobody knew before
    assert (found.rule, found.fix) == ("torch-refused", "power is **; ^ is bitwise xor")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "program",
    [
        "x.view(-1).zero_()",
        "with torch.no_grad():\n  x.view(-1).zero_()\nx.sum()",
        "with torch.inference_mode():\n  x.T.add_(1)\nx*2",
        "y = x.detach()\ny.zero_()\nx*y",
        "x.shape",
        "range(3), x",
        "x, x.shape, [x, (x,)]",
        "x.requires_grad",
        "zeros_like(x, device='meta')",
        "[x.grad, x.dtype, ...]",
        "x[:0]",
    ],
)
def test_an_odd_program_comes_to_a_report_in_every_format(program: str, mode: str) -> None:
    report = explore(program, x=[[1.0, 2.0]], mode=mode)
    check(report)
    assert report.traces
    assert plain_text(report, Look())
    assert pytorch_text(report)
    values_text(report)


def test_no_table_names_what_reaches_out() -> None:
    from autograd_cli.lang import vocabulary

    everything = vocabulary.bare_names().union(vocabulary.METHODS, vocabulary.ATTRIBUTES, *vocabulary.MEMBERS.values())
    assert not [name for name in everything if name.startswith("_")]
    assert everything.isdisjoint(
        {"load", "save", "eval", "exec", "open", "compile", "getattr", "apply_", "map_", "numpy"}
    )
    assert vocabulary.keywords().isdisjoint({"out", "generator", "pin_memory"})


def test_the_tables_hold_what_the_installed_torch_has() -> None:
    import torch

    from autograd_cli.engine.interpret.functions import function_of, method_of
    from autograd_cli.lang import vocabulary

    for home, names in vocabulary.MEMBERS.items():
        if home not in {"math", "torch.nn"}:
            for name in names - vocabulary.CONSTANTS - vocabulary.DTYPES:
                assert callable(function_of(f"{home}.{name}"))
    assert all(callable(method_of(name)) for name in vocabulary.METHODS)
    assert all(hasattr(torch.Tensor, name) for name in vocabulary.ATTRIBUTES)
