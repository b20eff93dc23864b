"""The command line: every way to give options, expression and inputs, and every way to get them wrong."""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_cli.cli.app import main
from autograd_cli.diagnostic import Span
from conftest import VALIDATOR, Agx, Outcome

EXIT_CODE = {"answer": 0, "bad-news": 1, "bad-request": 2, "limit": 3}


def values_of(grads: dict[str, Any]) -> dict[str, Any]:
    return {name: grad and grad["values"] for name, grad in grads.items()}


def blamed(report: dict[str, Any]) -> str | None:
    """The piece of the user's text under the caret of the first diagnostic; None where it has no caret."""
    found = report["diagnostics"][0]
    if found["span"] is None:
        return None
    given = {f"--{one['name']}": one["text"] for one in (*report["inputs"], *report["gradients"])}
    texts = {"program": report["source"], "command line": report["command_line"], **given}
    assert texts.get(found["source"]), f"the report does not say what the text of {found['source']} is"
    return Span(**found["span"]).cut(texts[found["source"]])


def underlined(stderr: str) -> str | None:
    """The piece of the excerpt above the ^^^^ of a block on stderr."""
    rows = stderr.splitlines()
    for above, row in pairwise(rows):
        if (start := row.find("^")) >= 0:
            length = len(row[start:]) - len(row[start:].lstrip("^"))
            return above[start : start + length]
    return None


def is_plain(text: str | None) -> bool:
    return text is None or (text.isascii() and text.isprintable())


def check_error(agx: Agx, words: Sequence[str], stdin: str = "") -> dict[str, Any]:
    """The report of a call that fails, after checking all that every error owes to people and to scripts."""
    for_scripts = agx("grad", "--json", *words, stdin=stdin)
    for_people = agx("grad", *words, stdin=stdin)
    report = for_scripts.report
    rule = report["diagnostics"][0]["rule"]
    assert report["ok"] is False
    assert for_scripts.code == for_people.code == EXIT_CODE[report["status"]]
    assert for_people.out == "" or for_people.code == 1
    on_terminal = for_people.err or for_people.out
    for text in (for_scripts.err, on_terminal):
        assert f"error[{rule}]: " in text
        assert "Traceback" not in text
        if is_plain(blamed(report)):
            assert underlined(text) == blamed(report)
    return report


# Lines are as typed after `agx grad`.

ANSWERS = [
    # Options and inputs stand before or after the expression.
    ("2*x --x 1,2", {"x": [2, 2]}),
    ("--x 1,2 2*x", {"x": [2, 2]}),
    ("--seed 3 2*x --x 1", {"x": 2}),
    ("2*x --seed 3 --x 1", {"x": 2}),
    ("--full --x 1 --depth 2 2*x --precision 3", {"x": 2}),
    ("2*x --seed=3 --x=1 --dtype=float64", {"x": 2}),
    ("2*x --x 1 --color never --threads 1 --device cpu", {"x": 2}),
    ("2*x --x 1 --full --full", {"x": 2}),
    # An input is --x V, --x=V, x=V or --var x=V.
    ("x*y --x=1,2 y=3,4", {"x": [3, 4], "y": [1, 2]}),
    ("x=1 x*y y=3", {"x": 3, "y": 1}),
    ("x*y --var x=1 --var=y=3", {"x": 3, "y": 1}),
    ("2*x 'x= 1, 2'", {"x": [2, 2]}),
    # A value may begin with a minus.
    ("2*x --x -1,2", {"x": [2, 2]}),
    ("x**2 --x=-1,2", {"x": [-2, 4]}),
    ("a*b --a 1,2 --b -1e-3,2", {"a": [-0.001, 2], "b": [1, 2]}),
    ("x**2 x=-.5", {"x": -1}),
    ("2*x --x -inf,nan", {"x": [2, 2]}),
    ("2*x --x=--1", {"x": 2}),
    # So may the expression.
    ("-x**2 --x 3", {"x": -6}),
    ("--x 3 -x**2", {"x": -6}),
    ("-x+-y --x 3 --y -4", {"x": -1, "y": -1}),
    ("--x 3 -- -x**2", {"x": -6}),
    ("x=3 -- -x", {"x": -1}),
    ("-- -x x=3", {"x": -1}),
    ("--x 3 -- --x", {"x": 1}),
    # A name that an option has goes by --var or without dashes.
    ("x*seed --x 2 --var seed=3", {"x": 3, "seed": 2}),
    ("x*depth --x 2 --var depth=3", {"x": 3, "depth": 2}),
    ("x*full --x 2 --var full=3", {"x": 3, "full": 2}),
    ("x*data --x 2 --var=data=3", {"x": 3, "data": 2}),
    ("x*json --x 2 json=3", {"x": 3, "json": 2}),
    ("x*help --x 2 help=3", {"x": 3, "help": 2}),
    ("x*seed --x 2 --seed 7 seed=3", {"x": 3, "seed": 2}),
    ("o*q --o 2 --q 3", {"o": 3, "q": 2}),
    # Names of any script, with digits and underscores; a value hides torch's name.
    ("α*2 --α 1,2", {"α": [2, 2]}),
    ("naïve*2 --naïve 1", {"naïve": 2}),
    ("変数**2 変数=3", {"変数": 6}),
    ("変数**2 --var 変数=3", {"変数": 6}),
    ("x1*x_2*_y --x1 1 --x_2 2 --_y 3", {"x1": 6, "x_2": 3, "_y": 2}),
    ("e*pi --e 2 --pi 3", {"e": 3, "pi": 2}),
    ("sin*x --sin 2 --x 3", {"sin": 3, "x": 2}),
    # The name of a value is read as Python reads identifiers, in NFKC form.
    ("naïve*2 --nai\N{COMBINING DIAERESIS}ve 1", {"naïve": 2}),
    # A program that looks like an assignment is a program, if its right side is no value.
    ("y=2*x --x 1", {"x": 2}),
    ("y=2*x x=1", {"x": 2}),
    ("x=1 y=2*x", {"x": 2}),
    ("'y = 2*x\ny.sum()' --x 1,2", {"x": [2, 2]}),
    ("'y = 2*x; y*x' --x 3", {"x": 12}),
    # Values with spaces, newlines and brackets.
    ("2*x --x '1, 2'", {"x": [2, 2]}),
    ("2*x --x ' 1 ,2 '", {"x": [2, 2]}),
    ("2*x --x '[[1, 2],\n [3, 4]]'", {"x": [[2, 2], [2, 2]]}),
    ("2*x --x 'randn(2, 1)'", {"x": [[2], [2]]}),
    ("2*x --x 'full((2,), 3.0)'", {"x": [2, 2]}),
    # --wrt and --gradient.
    ("x*y --x 1 --y 2 --wrt x", {"x": 2}),
    ("x*y --x 1 --y 2 --wrt 'y, x'", {"x": 2, "y": 1}),
    ("x*y --x 1 --y 2 --wrt x,", {"x": 2}),
    ("x*y --x 1.5 --y 2:int64", {"x": 2}),
    ("2*x --x 1,2 --gradient 3,-4", {"x": [6, -8]}),
    ("2*x --x 1,2 --gradient=-3,4", {"x": [-6, 8]}),
    ("--gradient -3,4 2*x --x 1,2", {"x": [-6, 8]}),
]


@pytest.mark.parametrize(("line", "grads"), ANSWERS, ids=[line for line, _ in ANSWERS])
def test_a_line_is_understood(agx: Agx, line: str, grads: dict[str, Any]) -> None:
    outcome = agx("grad", "--json", *shlex.split(line))
    assert (outcome.code, outcome.err) == (0, "")
    found = values_of(outcome.report["grads"])
    assert found.keys() == grads.keys()
    for name, expected in grads.items():
        assert _flat(found[name]) == pytest.approx(_flat(expected)), name


def _flat(nested: Any) -> list[float]:
    return [number for item in nested for number in _flat(item)] if isinstance(nested, list) else [nested]


# line, rule, the piece under the caret, the label beside it
WRONG_LINES = [
    # Typos of options and of names.
    ("2*x --x 1 --jsn", "unknown-option", "--jsn", "did you mean --json?"),
    ("2*x --jsn --x 1", "unknown-option", "--jsn", "did you mean --json?"),
    ("--jsn 2*x", "unknown-option", "--jsn", "did you mean --json?"),
    ("2*x --x 1 --Json", "unknown-option", "--Json", "did you mean --json?"),
    ("2*x --x 1 --quite", "unknown-option", "--quite", "did you mean --quiet?"),
    ("2*x --x 1 --no_grad", "unknown-option", "--no_grad", "did you mean --no-grad?"),
    ("2*x --x 1 --inference-mod", "unknown-option", "--inference-mod", "did you mean --inference-mode?"),
    ("2*x --x 1 --presicion 3", "unknown-option", "--presicion", "did you mean --precision?"),
    ("2*x --x 1 --presicion=3", "unknown-option", "--presicion=3", "did you mean --precision?"),
    ("2*x --X 1", "unknown-option", "--X", "did you mean --x?"),
    ("weight*x --x 1 --wieght 3", "unknown-option", "--wieght", "did you mean --weight?"),
    ("weight*x --x 1 wieght=3", "unused-input", "wieght=3", "did you mean weight?"),
    ("weight*x --x 1 --var wieght=3", "unused-input", "wieght=3", "did you mean weight?"),
    ("True*x --x 2 --True 1", "unknown-option", "--True", None),
    ("2*x --x 1 --grad 3", "unknown-option", "--grad", "did you mean --gradient?"),
    ("2*x --x 1 --grad", "unknown-option", "--grad", "did you mean --gradient?"),
    ("2*x --x 1 --prec 3", "unknown-option", "--prec", "did you mean --precision?"),
    # Options of other commands and of other tools are not taken for inputs, wherever they stand.
    ("2*x --x 1 --fix", "unknown-option", "--fix", "--fix belongs to agx explain and agx check"),
    ("--fix 2*x --x 1", "unknown-option", "--fix", "--fix belongs to agx explain and agx check"),
    ("2*x --x 1 --of x", "unknown-option", "--of", "--of belongs to agx explain, agx check, agx compare and agx run"),
    ("2*x --x 1 --jobs=3", "unknown-option", "--jobs=3", "--jobs belongs to agx batch"),
    ("2*x --modes no-grad --x 1", "unknown-option", "--modes", "--modes belongs to agx compare"),
    ("2*x --x 1 --plot", "unknown-option", "--plot", "-o picture.svg draws the graph"),
    ("--plot 2*x --x 1", "unknown-option", "--plot", "-o picture.svg draws the graph"),
    ("2*x --plot --x 1", "unknown-option", "--plot", "-o picture.svg draws the graph"),
    ("2*x --x 1 --no-color", "unknown-option", "--no-color", "write --color never"),
    ("2*x --x 1 --cpu", "unknown-option", "--cpu", "write --device cpu"),
    ("2*x --x 1 --grad-output 1", "unknown-option", "--grad-output", "did you mean --gradient?"),
    ("2*x --x 1 --retain-graph", "unknown-option", "--retain-graph", "write y.backward(retain_graph=True)"),
    (
        "2*x --x 1 --create-graph",
        "unknown-option",
        "--create-graph",
        "write torch.autograd.grad(y, x, create_graph=True)",
    ),
    ("2*x --x 1 --verbose", "unknown-option", "--verbose", "agx explain shows more"),
    ("2*x --x 1 --memory 3G", "unknown-option", "--memory", "write --limit memory=VALUE"),
    (
        "2*x --x 1 --requires-grad",
        "unknown-option",
        "--requires-grad",
        "inputs require gradients unless you say --no-requires-grad",
    ),
    ("--whatever 2*x --x 1", "unknown-option", "--whatever", None),
    # Names that the expression does not use.
    ("2*x --x 1 --zzz 3", "unknown-option", "--zzz", None),
    ("2*x --x 1 --zzz=3", "unknown-option", "--zzz=3", None),
    ("2*x --x 1 zzz=3", "unused-input", "zzz=3", "it uses x"),
    ("x*y --x 1 --y 2 --zzz 3", "unknown-option", "--zzz", None),
    ("3.0 zzz=3", "unused-input", "zzz=3", "it uses no inputs"),
    ("y=2*x x=1 y=2", "unused-input", "y", "leave this line out, or the input"),
    # Words that are no names.
    ("x-1*2 --x-1 3", "unknown-option", "--x-1", None),
    ("2*x '--x 1'", "unknown-option", '"--x 1"', None),
    ("2*x -x 3", "unknown-option", "-x", None),
    ("2*x -v --x 1", "unknown-option", "-v", None),
    ("2*x --x 1 -Q", "unknown-option", "-Q", None),
    # Missing values.
    ("2*x --x", "missing-value", "--x", "no value follows"),
    ("--x", "missing-value", "--x", "no value follows"),
    ("2*x --x --seed 1", "missing-value", "--x", "no value follows"),
    ("2*x --x --1", "missing-value", "--x", "no value follows"),
    ("2*x --x 1 --seed", "missing-value", "--seed", "no value follows"),
    ("2*x --var", "missing-value", "--var", "no value follows"),
    ("2*x --x 1 --wrt", "missing-value", "--wrt", "no value follows"),
    ("2*x --x 1 --gradient", "missing-value", "--gradient", "no value follows"),
    ("-o --x 3", "missing-value", "-o", "no value follows"),
    ("2*x --x 1 --zzz", "unknown-option", "--zzz", None),
    ("x*zzz --x 1 --zzz", "missing-value", "--zzz", "no value follows"),
    ("2*x --var x", "usage", "x", "write --var x=1,2,3"),
    ("2*x --var =1", "usage", "=1", "write --var x=1,2,3"),
    ("2*x --var 1x=1", "usage", "1x=1", "write --var x=1,2,3"),
    # Duplicates.
    ("2*x --x 1 --x 2", "usage", "--x", "the second time here"),
    ("2*x --x 1 x=2", "usage", "x=2", "the second time here"),
    ("2*x x=1 --x=2", "usage", "--x=2", "the second time here"),
    ("2*x --var x=1 --x 2", "usage", "--x", "the second time here"),
    ("µ*2 --µ 3 μ=4", "usage", "μ=4", "the second time here"),
    # One expression, no more.
    ("2*x 3*x --x 1", "usage", '"3*x"', None),
    ("2*x --x 1 extra", "usage", "extra", None),
    ("2*x --x 1, 2", "usage", "2", None),
    ("2*x --x '[1,' '2]'", "usage", '"2]"', None),
    ("2*x 'x =1'", "usage", '"x =1"', None),
    ("2*x x==2", "usage", "x==2", None),
    ("y=x z=2*y x=1", "usage", '"z=2*y"', None),
    ("-- --x --x 3", "usage", "--x", None),
    # The program itself.
    ("'' --x 1", "empty-program", None, None),
    ("' ' x=1", "empty-program", None, None),
    ("'2*x --x 1'", "syntax", " --x 1", "end the quotes before --x"),
    ("x² --x 3", "syntax", "²", "write **2"),
    ("2*x", "missing-value", "x", None),
    ("y=2*x", "missing-value", "x", None),
    ("sin*2", "missing-value", "sin", "sin is a function: write sin(…)"),
    ("'x.sum + 1' --x 1", "unknown-attribute", "sum", "write .sum()"),
    # A name that an option has: what looks like its value is the option's.
    ("x*seed --x 2 --seed 3", "missing-value", "--seed", "write --var seed=VALUE"),
    ("x*depth --x 2 --depth=3", "missing-value", "--depth=3", "write --var depth=VALUE"),
    ("x*data --x 2 --data", "missing-value", "--data", "write --var data=VALUE"),
    ("x*full --x 2 --full 3", "usage", "3", None),
    # --wrt.
    ("x*y --x 1 --y 2 --wrt z", "unknown-name", "z", None),
    ("xx*y --xx 1 --y 2 --wrt x", "unknown-name", "x", "did you mean xx?"),
    ("x*y --x 1 --y 2:int64 --wrt y", "int-dtype", "2:int64", None),
    # Values of options.
    ("2*x --x 1 --seed 1 --seed 2", "usage", "--seed", "the second time here"),
    ("2*x --x 1 --dtype float3", "unknown-dtype", "float3", "did you mean float32?"),
    ("2*x --x 1 --dtype int64", "unknown-dtype", "int64", None),
    ("2*x --x 1 --device gpu", "unknown-device", "gpu", None),
    ("2*x --x 1 --device meta", "unknown-device", "meta", None),
    ("2*x --x 1 --device cuda:99999999999999999999", "unknown-device", "cuda:99999999999999999999", None),
    ("2*x --x 1 --device ''", "unknown-device", "''", None),
    ("2*x --x 1 --gradient 1,2", "gradient-shape", "1,2", None),
    ("2*x --x 1 -o out", "unknown-file-kind", None, None),
    ("2*x --x 1 -o out.pdf", "unknown-file-kind", None, None),
    ("2*x --x 1 --output ''", "unknown-file-kind", None, None),
    # Control characters and what is no Unicode reach no terminal.
    ("x\x1b[31m --x 1", "syntax", "\x1b", "remove it"),
    ("2*x --\x1b 1", "unknown-option", '"--\x1b"', None),
    ("2*\udc80 --x 1", "syntax", "\udc80", "remove it"),
]


@pytest.mark.parametrize(("line", "rule", "piece", "label"), WRONG_LINES, ids=[ascii(case[0]) for case in WRONG_LINES])
def test_a_wrong_line_is_one_error_at_its_place(
    agx: Agx, line: str, rule: str, piece: str | None, label: str | None
) -> None:
    report = check_error(agx, shlex.split(line))
    found = report["diagnostics"][0]
    assert (report["status"], found["rule"], blamed(report)) == ("bad-request", rule, piece)
    if label is not None:
        assert found["label"] == label


@pytest.mark.parametrize(
    ("line", "message", "fix"),
    [
        ("x**2 --x [1, 2, 3]", "unexpected argument `2,`", 'quote the value: --x "[1, 2, 3]"'),
        ("x**2 --x=[1, 2, 3]", "unexpected argument `2,`", 'quote the value: --x "[1, 2, 3]"'),
        ("--x [1, 2, 3] x**2", "unexpected argument `2,`", 'quote the value: --x "[1, 2, 3]"'),
        ("x**2 --x 1, 2", "unexpected argument `2`", 'quote the value: --x "1, 2"'),
        ("x**2 --x 1 2 3 --seed 1", "unexpected argument `2`", 'quote the value: --x "1 2 3"'),
        ("2 '*' x --x 3", "unexpected argument `*`", 'quote the expression: "2 * x"'),
        ("x + y --x 3 --y 4", "unexpected argument `+`", 'quote the expression: "x + y"'),
        ("x**2 -x 3", "unknown option -x", "an input is --x 3"),
        ("x*y --x=1 y", "unexpected argument `y`", "quote the expression; an input is --x VALUE"),
        ("x**2 --x= 1,2", "unexpected argument `1,2`", "leave out the space: --x=1,2"),
        ("x**2 —x 3", "unknown option —x", "two plain dashes begin an option: --x"),
        ("x**2 –x=3", "unknown option –x=3", "two plain dashes begin an option: --x=3"),
        ("x*y --x 1 --y 2 --wrt x y", "unexpected argument `y`", "separate the names by commas: --wrt x,y"),
        ("2*x '--x 1'", "unknown option --x 1", "leave out the quotes: --x 1"),
    ],
)
def test_what_lacks_its_quotes_is_written_with_them(agx: Agx, line: str, message: str, fix: str) -> None:
    found = check_error(agx, shlex.split(line))["diagnostics"][0]
    assert (found["message"], found["fix"]) == (message, fix)


@pytest.mark.parametrize(
    ("line", "rule", "piece"),
    [
        ("2*x --x '1 2'", "syntax", "2"),
        ("2*x --x '1,2\n3,4'", "syntax", "3"),
        ("2*x --x 1,2,x", "not-a-number", "x"),
        ("2*x --x 'randn(3)*y'", "not-a-number", "y"),
        ("2*x --x 1,2:flaot64", "unknown-dtype", "flaot64"),
        ("2*x --x '[1,[2]]'", "ragged", "2"),
        ("2*x --x 1/0", "bad-value", "1/0"),
        ("2*x --x @weights.zip", "unknown-file-kind", "weights.zip"),
        ("2*x --x @no.npy", "unreadable-file", "no.npy"),
        ("x*y --x 1 --y '1 2'", "syntax", "2"),
        ("2*x --x 1,2 --gradient 1,y", "not-a-number", "y"),
        ("2*x --x \x1b[31m", "syntax", "\x1b"),
        ("2*x --x ==2", "syntax", "=="),
    ],
)
def test_a_wrong_value_is_shown_with_a_caret(agx: Agx, line: str, rule: str, piece: str) -> None:
    report = check_error(agx, shlex.split(line))
    found = report["diagnostics"][0]
    assert (report["status"], found["rule"], blamed(report)) == ("bad-request", rule, piece)


@pytest.mark.parametrize("line", ["2*x --x ''", "2*x --x ' '", "2*x --x=", "2*x x=", "2*x --x :float64"])
def test_an_empty_value_is_an_error(agx: Agx, line: str) -> None:
    found = check_error(agx, shlex.split(line))["diagnostics"][0]
    assert (found["rule"], found["fix"]) == ("empty-value", "write --x 1,2,3")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("2*x --x 1 --seed a", "--seed"),
        ("2*x --x 1 --seed 1.5", "--seed"),
        ("2*x --x 1 --seed -1", "--seed"),
        ("2*x --x 1 --seed=", "--seed"),
        ("2*x --x 1 --seed 9223372036854775808", "--seed"),
        ("2*x --x 1 --precision abc", "--precision"),
        ("2*x --x 1 --precision 0", "--precision"),
        ("2*x --x 1 --precision 99", "--precision"),
        ("2*x --x 1 --depth 0", "--depth"),
        ("2*x --x 1 --threads 0", "--threads"),
        ("2*x --x 1 --threads 9999999999", "--threads"),
        ("2*x --x 1 --color purple", "--color"),
        ("2*x --x 1 --full=1", "--full"),
        ("2*x --x 1 --no-grad --detach", "--no-grad and --detach"),
        ("2*x --x 1 --data --inference-mode", "--inference-mode and --data"),
        ("2*x --x 1 --no-requires-grad --no-grad", "--no-requires-grad and --no-grad"),
        ("2*x --x 1 -q --python", "--quiet and --python"),
        ("x*y --x - --y -", "x and y"),
        ("--x 1", "expression"),
        ("x=1 y=2", "expression"),
        ("--", "expression"),
        ("", "expression"),
    ],
)
def test_a_usage_error_says_which_option(agx: Agx, line: str, words: str) -> None:
    found = check_error(agx, shlex.split(line))["diagnostics"][0]
    assert found["rule"] == "usage"
    assert words in found["message"]


@pytest.mark.parametrize("name", ["seed", "depth", "full", "data", "json", "wrt", "output", "help", "var", "gradient"])
def test_a_name_that_an_option_has_is_asked_for_by_var(agx: Agx, name: str) -> None:
    outcome = agx("grad", f"x*{name}", "--x", "2")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"error[missing-value]: `{name}` has no value")
    assert f"write --var {name}=VALUE" in outcome.err
    assert agx("grad", f"x*{name}", "--x", "2", "--var", f"{name}=3", "-q").out == f"x=3\n{name}=2\n"


def test_a_name_that_no_option_has_is_asked_for_by_its_own_option(agx: Agx) -> None:
    found = check_error(agx, ["x*no_grad_", "--x", "2"])["diagnostics"][0]
    assert (found["rule"], found["fix"]) == ("missing-value", "give it one: --no_grad_ 1,2,3")


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("x/x --x 0", "nan-zero-times-nan"),
        ("1/x --x 0", "nan-overflow"),
        ("x.detach() --x 1", "cut-by-detach"),
        ("x*y.detach() --x 1 --y 2", "cut-by-detach"),
        ("2*x --x 1 --no-grad", "cut-by-no-grad"),
        ("x==y --x 2 --y 2", "cut-by-comparison"),
        ("x@y --x 1,2 --y 1,2,3", "refused"),
    ],
)
def test_bad_news_is_exit_code_1_and_not_ok(agx: Agx, line: str, rule: str) -> None:
    report = check_error(agx, shlex.split(line))
    assert report["status"] == "bad-news"
    assert rule in {found["rule"] for found in report["diagnostics"]} or rule == "refused"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["graf", "2*x"], "grad"),
        (["Grad", "2*x"], "grad"),
        (["2*x", "--x", "1"], 'agx grad "2*x"'),
        (["graph"], "agx explain PROGRAM"),
        (["fix"], "agx explain PROGRAM --fix"),
        (["lint"], "agx check FILE"),
        (["jacobian"], "--gradient VECTOR"),
        (["train.py"], "agx explain train.py"),
        (["detach"], "agx explain --detach"),
        (["no_grad"], "agx explain --no-grad"),
        (["cut-by-detach"], "agx rules cut-by-detach"),
        (["--x", "1", "2*x"], 'agx grad --x 1 "2*x"'),
        (["--fix", "2*x"], 'agx explain --fix "2*x"'),
        (["-x**2", "--x", "1"], 'agx grad "-x**2" --x 1'),
        (["help", "gard"], "did you mean agx grad?"),
        (["nonsense"], "agx shows the commands"),
        (["\x1b[31m"], "\\x1b"),
        ([""], "agx shows the commands"),
    ],
)
def test_an_unknown_command_is_a_usage_error(agx: Agx, words: list[str], hint: str) -> None:
    for_people, for_scripts = agx(*words), agx(*words, "--json")
    assert (for_people.code, for_people.out) == (2, "")
    assert for_people.err.startswith("error[usage]: ")
    assert hint in for_people.err
    assert "\x1b" not in for_people.err
    assert (for_scripts.code, for_scripts.report["ok"]) == (2, False)
    assert for_scripts.err.splitlines()[0] == for_people.err.splitlines()[0]


def test_a_wrong_option_of_agx_itself(agx: Agx) -> None:
    assert "error[unknown-option]: unknown option --verson" in agx("--verson").err
    for name in ("--verson", "-v", "-V"):
        assert "did you mean --version?" in agx(name).err


@pytest.mark.parametrize("line", ["--x 1", "2*x --x 1 --seed a", "2*x --x 1 --full=1", "2*x --x 1 --jsn", "2* --x 1"])
def test_debug_shows_no_traceback_of_a_wrong_line(agx: Agx, line: str) -> None:
    plain, debug = agx("grad", *shlex.split(line)), agx("grad", *shlex.split(line), "--debug")
    assert (debug.code, debug.out) == (plain.code, plain.out) == (2, "")
    assert debug.err.splitlines()[0] == plain.err.splitlines()[0]


def test_help_and_version_are_answers(agx: Agx) -> None:
    for words in (["--help"], ["-h"], ["grad", "--help"], ["grad", "2*x", "-h"], ["schema", "-h"], ["--version"]):
        outcome = agx(*words)
        assert (outcome.code, outcome.err) == (0, ""), words
        assert outcome.out


def test_a_value_of_minus_minus_can_be_given_as_the_error_says(agx: Agx) -> None:
    fix = check_error(agx, ["2*x", "--x", "--1"])["diagnostics"][0]["fix"]
    assert "--x=VALUE" in fix
    assert agx("grad", "2*x", "--x=--1", "-q").out == "2\n"


WORDS = [
    *"2*x x**2 x*y y=2*x y==x x -x --x --y --x=1,2 -1 --y=3 x=1 y=2 1,2 [1,2] randn(2) @no.npy -- -q --quiet".split(),
    *"--json --python --wrt x,y --wrt= --gradient --seed 3 --seed=a --dtype float64 --dtype=int8 --depth=0".split(),
    *"--full --full=1 --no-grad --detach --data --color never --color=x --precision=0 --device=gpu --threads".split(),
    *"--var --var=x=1 --debug -qx --jsn --zzz α=1 --α --=1 = == =1 x= -=2 --x-1 \x00 \udc80 \x1b[31m".split(),
    *("", " ", "\n", "x y", "--x 1"),
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=7))
def test_any_words_come_to_an_exit_code_and_one_error(words: list[str]) -> None:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["grad", *words])
    assert code in {0, 1, 2}
    assert "Traceback" not in out.getvalue() + err.getvalue()
    assert not set("\x00\x1b") & set(out.getvalue() + err.getvalue())
    if out.getvalue().startswith('{"schema"'):
        report = json.loads(out.getvalue())
        VALIDATOR.validate(report)
        assert EXIT_CODE[report["status"]] == code
    if code == 2:
        assert err.getvalue().startswith("error[")
        assert err.getvalue().count("error[") == 1


# stdin.


@pytest.mark.parametrize(
    ("words", "stdin", "grads"),
    [
        (["--x", "-"], "1,2\n", "2,4"),
        (["--x=-"], "1,2", "2,4"),
        (["x=-"], "\n 1,2 \n\n", "2,4"),
        (["--var", "x=-"], "[1,\n 2]\n", "2,4"),
        (["--x", "-"], "-1,-2\n", "-2,-4"),
        (["--x", "-"], "1,2:float64\n", "2,4"),
        (["--x", "-"], "zeros(2)+1\n", "2,2"),
        (["--x", "-"], "\N{BYTE ORDER MARK}1,2\r\n", "2,4"),
    ],
)
def test_an_input_comes_from_stdin(agx: Agx, words: list[str], stdin: str, grads: str) -> None:
    outcome = agx("grad", "x**2", *words, "-q", stdin=stdin)
    assert (outcome.code, outcome.out, outcome.err) == (0, f"{grads}\n", "")


@pytest.mark.parametrize(
    ("stdin", "rule", "source", "piece"),
    [
        ("", "empty-value", "command line", "-"),
        ("\n \n", "empty-value", "command line", "-"),
        ("1,2,a\n", "not-a-number", "--x", "a"),
        ("-\n", "syntax", "--x", ""),
        ("@/etc/passwd\n", "unknown-file-kind", "--x", "/etc/passwd"),
        ("\x00\n", "syntax", "--x", "\x00"),
    ],
)
def test_wrong_stdin_is_an_error_of_that_input(agx: Agx, stdin: str, rule: str, source: str, piece: str | None) -> None:
    report = check_error(agx, ["2*x", "--x", "-"], stdin=stdin)
    found = report["diagnostics"][0]
    assert (report["status"], found["rule"], found["source"]) == ("bad-request", rule, source)
    assert (blamed(report) or None) == (piece or None)


def test_gradient_comes_from_stdin(agx: Agx) -> None:
    assert agx("grad", "x**2", "--x", "1,2", "--gradient", "-", "-q", stdin="1,10\n").out == "2,40\n"


# -q.


@pytest.mark.parametrize(
    ("value", "expression", "shown"),
    [
        ("1,2", "x**2", "2,4"),
        ("1,2;3,4", "x**2", "[[2,4],[6,8]]"),
        ("[[[1,2]]]", "x**2", "[[[2,4]]]"),
        ("3", "x**2", "6"),
        ("[3]", "x**2", "[6]"),
        ("[[3]]", "x**2", "[[6]]"),
        ("-0.5,0.1", "x**2", "-1,0.2"),
        ("[]", "x**2", "[]"),
        ("[[]]", "x**2", "zeros(1,0)"),
        ("zeros(2,0,3)", "x**2", "zeros(2,0,3)"),
        ("1+2j,3-4j", "(x*x.conj()).real", "2+4j,6-8j"),
        ("1+2j", "(x*x).real", "2-4j"),
        ("1e-20,3e38,1e-7", "x*x/2", "1e-20,3e+38,1e-07"),
        ("0,4", "1/x", "-inf,-0.0625"),
        ("0", "1/x", "-inf"),
        ("-0.0,1", "x**2", "-0.0,2"),
        ("1e-300:float64", "x**2/2", "1e-300"),
    ],
)
def test_quiet_output_is_another_calls_input(agx: Agx, value: str, expression: str, shown: str) -> None:
    first = agx("grad", expression, "--x", value, "-q")
    assert (first.code, first.out) == (int("inf" in shown), f"{shown}\n")  # an infinite gradient is bad news
    grad = agx("grad", expression, "--x", value, "--json").report["grads"]["x"]
    suffix = ":float64" if grad["dtype"] == "float64" else ""
    for word, stdin in [(first.out.strip() + suffix, ""), ("-", first.out.strip() + suffix)]:
        given = agx("grad", "1*y", "--y", word, "--json", stdin=stdin).report["tensors"]["y"]
        assert repr(given["values"]) == repr(grad["values"])
        assert (given["shape"], given["dtype"]) == (grad["shape"], grad["dtype"])


def test_quiet_prints_nan_with_its_bad_news_on_stderr(agx: Agx) -> None:
    outcome = agx("grad", "x*x", "--x", "nan,inf,1", "-q")
    assert (outcome.code, outcome.out) == (1, "nan,inf,2\n")
    assert outcome.err.startswith("error[nan-zero-times-nan]: the gradient of x is NaN: ")
    given = agx("grad", "1*y", "--y", outcome.out.strip(), "--json").report["tensors"]["y"]
    assert given["values"] == ["NaN", "Infinity", 2]


def test_several_gradients_are_lines_that_are_words_of_the_next_call(agx: Agx) -> None:
    first = agx("grad", "x*y", "--x", "1,2", "--y", "3,-4", "-q")
    assert (first.code, first.out, first.err) == (0, "x=3,-4\ny=1,2\n", "")
    second = agx("grad", "x*y", *first.out.split(), "-q")
    assert second.out == "x=1,2\ny=3,-4\n"


def test_names_stand_before_one_gradient_as_before_several(agx: Agx) -> None:
    one = agx("grad", "x**2", "--x", "1,2", "--names")
    assert (one.code, one.out, one.err) == (0, "x=2,4\n", "")
    assert agx("grad", "3*x", *one.out.split(), "--names", "-q").out == "x=3,3\n"
    assert agx("grad", "x*y", "--x", "1,2", "--y", "3,-4", "--names").out == "x=3,-4\ny=1,2\n"
    assert agx("grad", "x*y", "--x", "1,2", "--y", "3,-4", "-q", "--wrt", "y").out == "1,2\n"


@pytest.mark.parametrize(
    ("program", "shown"),
    [("x**2", "1,4\n"), ("(x**2).sum()", "5\n"), ("x.view(2,1)*x", "[[1,2],[2,4]]\n"), ("x*2, x.sum()", "2,4\n3\n")],
)
def test_the_result_is_another_calls_input(agx: Agx, program: str, shown: str) -> None:
    first = agx("grad", program, "--x", "1,2", "--result")
    assert (first.code, first.out, first.err) == (0, shown, "")
    line = first.out.splitlines()[0]
    assert agx("grad", "1*y", "--y", line, "--result").out == f"{line}\n"


def test_a_result_too_large_to_write_is_an_error_with_a_way_on(agx: Agx) -> None:
    outcome = agx("grad", "x*2", "--x", "zeros(1000001)", "--result")
    assert (outcome.code, outcome.out) == (2, "")
    assert "the result has 1,000,001 elements" in outcome.err
    assert "--full" in outcome.err


def test_two_ways_to_print_values_are_one_too_many(agx: Agx) -> None:
    assert "--names and --result are two formats" in agx("grad", "x", "--x", "1", "--names", "--result").err


def test_quiet_leaves_out_a_gradient_that_is_missing(agx: Agx) -> None:
    outcome = agx("grad", "x*y.detach()", "--x", "1", "--y", "3", "-q")
    assert (outcome.code, outcome.out) == (1, "x=3\n")
    assert outcome.err.startswith("error[cut-by-detach]: y got no gradient: ")


# -o.


class _Html(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - HTMLParser's
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def words_in(path: Path) -> str:
    """What a person would read in a written file, after checking that it is well formed."""
    text = path.read_text(encoding="utf-8")
    match path.suffix:
        case ".json":
            VALIDATOR.validate(json.loads(text))
            return text
        case ".svg":
            root = ET.fromstring(text)  # noqa: S314 - agx wrote it
            assert root.tag == "{http://www.w3.org/2000/svg}svg"
            assert ">&#160;" not in text  # which some readers of SVG leave out
            return " ".join("".join(root.itertext()).split())
        case ".html":
            page = _Html(text)
            assert page.tags[:2] == ["html", "head"]
            return " ".join(page.text.split())
    return " ".join(text.split())


SUFFIXES = [".json", ".txt", ".svg", ".html"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_output_goes_to_a_file_instead_of_stdout(agx: Agx, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    outcome = agx("grad", "7*x", "--x", "1,2,3", "-o", str(path))
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert "MulBackward0" in words_in(path)
    grad = "[7.0, 7.0, 7.0]" if suffix == ".json" else "[7., 7., 7.]"
    assert grad in words_in(path).replace("\xa0", " ")


def test_a_written_file_is_what_stdout_would_have_got(agx: Agx, tmp_path: Path) -> None:
    for suffix, words in [(".json", ["--json"]), (".txt", [])]:
        agx("grad", "x**2", "--x", "1,2", "-o", str(tmp_path / f"out{suffix}"))
        text = (tmp_path / f"out{suffix}").read_text(encoding="utf-8")
        assert text == agx("grad", "x**2", "--x", "1,2", *words).out


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "program",
    ['x * (1 if "<&]]>" else 2)', "x*α変数", "y = 2*x\ny*y  # <b>&amp;", 'x*2 if "[red]" else x', 'x if "🎉" else x'],
)
def test_a_written_file_is_well_formed_whatever_the_program_says(
    agx: Agx, tmp_path: Path, program: str, suffix: str
) -> None:
    path = tmp_path / f"out{suffix}"
    more = ["--α変数", "2"] if "α" in program else []
    assert agx("grad", program, "--x", "1", *more, "-o", str(path)).code == 0
    assert "result" in words_in(path)


def test_an_existing_file_is_replaced_whole(agx: Agx, tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old\n" * 10_000)
    assert agx("grad", "2*x", "--x", "1", "-o", str(path)).code == 0
    assert "old" not in path.read_text()


@pytest.mark.parametrize("form", ["-o={}", "--output={}"])
def test_the_file_is_the_one_named_after_the_equals_sign(agx: Agx, tmp_path: Path, form: str) -> None:
    path = tmp_path / "out.json"
    assert agx("grad", "2*x", "--x", "1", form.format(path)).code == 0
    assert [one.name for one in tmp_path.iterdir()] == ["out.json"]


def test_bad_news_is_written_too(agx: Agx, tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        path = tmp_path / f"out{suffix}"
        outcome = agx("grad", "x.detach()", "--x", "1", "-o", str(path))
        assert (outcome.code, outcome.out) == (1, "")
        assert outcome.err.startswith("error[cut-by-detach]: ")
        assert "backward() has no graph to follow" in words_in(path).replace("\xa0", " ")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "line",
    ["2*", "2*x", "x.sun() --x 1", "2*x --x 1,a", "2*x --x 1 --jsn", "2*x --x 1 --seed a", "2*x --x 1 --device gpu"],
)
def test_an_error_leaves_the_file_as_it_was(agx: Agx, tmp_path: Path, line: str, suffix: str) -> None:
    new, old = tmp_path / f"new{suffix}", tmp_path / f"old{suffix}"
    old.write_text("precious")
    for path in (new, old):
        outcome = agx("grad", *shlex.split(line), "-o", str(path))
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err.startswith("error[")
    assert old.read_text() == "precious"
    assert [one.name for one in tmp_path.iterdir()] == [old.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("where", ["missing/out", "file/out", "directory"])
def test_a_file_that_cannot_be_written_is_an_error_and_leaves_nothing(
    agx: Agx, tmp_path: Path, where: str, suffix: str
) -> None:
    (tmp_path / "file").write_text("precious")
    (tmp_path / f"directory{suffix}").mkdir()
    before = sorted(tmp_path.rglob("*"))
    outcome = agx("grad", "2*x", "--x", "1", "-o", str(tmp_path / f"{where}{suffix}"))
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error[unwritable-file]: ")
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_text() == "precious"


def _call_with_json(agx: Agx, *words: str) -> Outcome:
    return agx("grad", "2*x", "--x", "1", "--json", *words)


def test_json_on_stdout_says_that_the_file_could_not_be_written(agx: Agx, tmp_path: Path) -> None:
    outcome = _call_with_json(agx, "-o", str(tmp_path / "missing" / "out.json"))
    assert outcome.code == 2
    assert outcome.err.startswith("error[unwritable-file]: ")
    assert outcome.report["ok"] is False
    assert outcome.report["diagnostics"][0]["rule"] == "unwritable-file"


def test_a_file_of_an_unknown_kind_lists_the_kinds(agx: Agx, tmp_path: Path) -> None:
    outcome = _call_with_json(agx, "-o", str(tmp_path / "out.png"))
    assert outcome.report["diagnostics"][0]["fix"] == "use one of .json .txt .svg .html"
    assert list(tmp_path.iterdir()) == []
