"""Programs that are not in the language: each is one error at its place, whatever the text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_cli import Report, explore
from autograd_cli.render.diagnostics import diagnostic_block
from autograd_cli.render.json_text import json_object
from conftest import VALIDATOR


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
        ("x..y", "syntax", ".", None),
        ("sin x", "syntax", "x", "write sin(…)"),
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
        ("x[0](3)", "not-a-function", "x[0]", None),
        ("sin", "missing-value", "sin", "write sin(…)"),
        ("xx", "missing-value", "xx", "did you mean x?"),
        ("lambda: x", "unsupported-syntax", "lambda: x", "write"),
        ("[x for x in x]", "unsupported-syntax", "[x for x in x]", None),
        ("f'{x}'", "unsupported-syntax", "f'{x}'", None),
        ("def f(): pass", "unsupported-syntax", "def f(): pass", None),
        ("while x: x", "unsupported-syntax", "while x: x", None),
        ("x if x else (y := 2)", "unsupported-syntax", "y := 2", None),
        ("sin(*x)", "unsupported-syntax", "*x", None),
        ("sin(**x)", "unsupported-syntax", "**x", None),
        ("{x: x}", "unsupported-syntax", "{x: x}", None),
        ("with open('f'): x", "unsupported-syntax", "open('f')", "torch.no_grad()"),
        ("import os", "unsupported-import", "os", "torch"),
        ("from torch import load", "unsupported-import", "load", "torch"),
        ("x.__class__", "unknown-attribute", "__class__", None),
        ("().__class__", "unknown-attribute", "__class__", None),
        ("x.grad_fn.next_functions", "unknown-attribute", "grad_fn", None),
        ("__import__('os')", "refused-name", "__import__", None),
        ("eval('1')", "refused-name", "eval", "outside the language"),
        ("open('f')", "refused-name", "open", "--x @FILE"),
        ("torch.load('f')", "refused-name", "torch.load", "--x @FILE"),
        ("x.backward()", "refused-name", "backward", "--gradient"),
        ("x.numpy()", "refused-name", "numpy", ".detach()"),
        ("x.shape = 3", "unknown-attribute", "shape", None),
        ("sin(x) = 3", "syntax", "sin(x)", "compares"),
        ("y = x\nz = y +\ny", "syntax", "", None),
        ("y = x\r\nyy.sum()", "missing-value", "yy", "did you mean"),
        ("x.data *= 2", "no-result", None, "end it"),
        ("x" * 70_000, "too-long", None, None),
        ("-" * 20_000 + "x", "too-deep", None, None),
        ("(" * 1_000 + "x" + ")" * 1_000, "syntax", "(", None),
        ("x" + "+x" * 20_000, "too-deep", None, None),
    ],
)
def test_a_refused_program(program: str, rule: str, piece: str | None, remedy: str | None) -> None:
    report = explore(program, x=[1.0])
    (found,) = report.diagnostics
    assert found.rule == rule
    assert blamed(report) == piece
    if remedy is not None:
        assert remedy in f"{found.label} {found.fix}"


@pytest.mark.parametrize(
    "program",
    ["x" + "+x" * 300, "x" + ".sin()" * 200, "(" * 90 + "x" + ")" * 90, "-" * 90 + "x", "  x\n", "\n\nx # note\n"],
)
def test_an_honest_program_is_not_refused(program: str) -> None:
    assert explore(program, x=[1.0]).ok


TOKENS = st.sampled_from(
    """x y 2 .5 1e3 + - * / ** @ // % & | ^ ~ << < == ( ) [ ] , : . ; \n = += if else and or not in is None True no_grad
    torch F sin sum x.sum() .detach() .data with lambda for \\ ' " # é × \x00 \u202e e pi import __class__""".split(" ")
)


def check(report: Report) -> None:
    VALIDATOR.validate(json_object(report))
    for found in report.diagnostics:
        diagnostic_block(found, report.text_of(found.source), 80)
        if found.span is not None:
            rows = report.text_of(found.source).split("\n")
            assert 1 <= found.span.line <= found.span.end_line <= len(rows)
            assert 0 <= found.span.column <= len(rows[found.span.line - 1])


@settings(deadline=None, max_examples=300)
@given(st.lists(TOKENS, max_size=12).map(" ".join))
def test_any_tokens_come_to_a_report(text: str) -> None:
    check(explore(text, x=[1.0]))


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=20))
def test_any_text_comes_to_a_report(text: str) -> None:
    check(explore(text, x=[1.0]))


def test_what_python_would_compute_without_bound_is_refused() -> None:
    for program in ("x * 9**9**9", "x * (1 << 99999)", "x * range(10**12)[0]", "x * ('a' * 10**10)", "x*((1,)*10**10)"):
        report = explore(program, x=[1.0])
        assert [found.rule for found in report.diagnostics] == ["torch-refused"], program


def test_no_table_names_what_reaches_out() -> None:
    from autograd_cli.lang import vocabulary

    everything = vocabulary.bare_names().union(vocabulary.METHODS, vocabulary.ATTRIBUTES, *vocabulary.MEMBERS.values())
    assert not [name for name in everything if name.startswith("_")]
    assert everything.isdisjoint(
        {"load", "save", "eval", "exec", "open", "compile", "getattr", "apply_", "map_", "numpy"}
    )
    assert vocabulary.KEYWORDS.isdisjoint({"out", "generator", "pin_memory"})


def test_the_tables_hold_what_the_installed_torch_has() -> None:
    import torch

    from autograd_cli.engine.operations import function_of, method_of
    from autograd_cli.lang import vocabulary

    for home, names in vocabulary.MEMBERS.items():
        if home not in {"math", "torch.nn"}:
            for name in names - vocabulary.CONSTANTS - vocabulary.DTYPES:
                assert callable(function_of(f"{home}.{name}"))
    assert all(callable(method_of(name)) for name in vocabulary.METHODS)
    assert all(hasattr(torch.Tensor, name) for name in vocabulary.ATTRIBUTES)
