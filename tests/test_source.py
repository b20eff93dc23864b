"""The program's text, understood once: what stands where, and changes that leave the rest as it was."""

from __future__ import annotations

import ast
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_cli import explore
from autograd_cli.diagnostic import Span, edited
from autograd_cli.lang.program import normalise
from autograd_cli.lang.source import Source

PROGRAM = """\
é = x.detach() + (a, b)[0]
with torch.no_grad():
    y = é * 2
print(f"{é + 1:.2f}")"""


def at(line: int, column: int, end_column: int) -> Span:
    return Span(line=line, column=column, end_line=line, end_column=end_column)


def expression(text: str) -> tuple[Source, ast.expr]:
    source = Source(text)
    return source, next(iter(source.expressions()))


@pytest.mark.parametrize(
    ("text", "operand"),
    [
        ("a + b", "(a + b)"),
        ("a", "a"),
        ("f(x)", "f(x)"),
        ("x.y[0]", "x.y[0]"),
        ("3.5", "3.5"),
        ("-x", "(-x)"),
        ("(1, 2)", "(1, 2)"),
        ("1, 2", "(1, 2)"),
        ("lambda: 1", "(lambda: 1)"),
        ("f(a,\n  b)", "f(a, b)"),
    ],
)
def test_an_operand_is_in_parentheses_where_it_needs_them(text: str, operand: str) -> None:
    source, node = expression(text)
    assert source.operand(node) == operand
    assert ast.dump(ast.parse(f"{operand} * 2")) == ast.dump(ast.parse(f"({text}) * 2"))


@pytest.mark.parametrize(
    ("span", "call", "line"),
    [
        (at(1, 4, 14), ".clone()", "é = x.detach().clone() + (a, b)[0]"),
        (at(1, 4, 26), ".sum()", "é = (x.detach() + (a, b)[0]).sum()"),
        (at(3, 8, 13), ".sum()", "    y = (é * 2).sum()"),
    ],
)
def test_a_method_is_called_on_what_stands_there(span: Span, call: str, line: str) -> None:
    edit = Source(PROGRAM).with_method(span, call)
    assert edit is not None
    assert edited(PROGRAM, [edit]).split("\n")[span.line - 1] == line


def test_what_stands_where() -> None:
    source = Source(PROGRAM)
    assert isinstance(source.call_at(at(1, 4, 14)), ast.Call)
    assert source.expression_at(at(1, 5, 14)) is None
    assert isinstance(source.statement_around(at(3, 8, 9)), ast.Assign)
    assert source.target_at(at(3, 8, 9)) == "y"
    assert source.is_alone(at(3, 4, 13))
    block = source.statement_around(at(3, 8, 9))
    assert block is not None
    assert isinstance(source.block_around(block), ast.With)
    assert isinstance(source.expression_at(at(4, 6, 20)), ast.JoinedStr)  # and what is in it has no place of its own


def test_pieces_of_a_line_make_one_change() -> None:
    source = Source("a = b + c\nd = e")
    edits = source.replaced_all([(at(1, 4, 5), "(b.x)"), (at(2, 4, 5), "0"), (at(1, 8, 9), "C")])
    assert edited(source.text, edits) == "a = (b.x) + C\nd = 0"
    assert len(edits) == 2


def test_words_are_put_in_before_the_piece_that_begins_there() -> None:
    source = Source("sin(x)\ny")
    first = at(1, 0, 3)
    assert source.spliced([(first.start, "r = "), (first, "torch.sin"), (at(2, 0, 1), "z")]) == "r = torch.sin(x)\nz"
    assert source.spliced([(first, "torch.sin"), (first.start, "r = ")]) == "r = torch.sin(x)\ny"


def test_a_statement_that_is_taken_out_leaves_a_block_behind() -> None:
    source = Source("if a:\n    b()\nc(); d()")
    assert edited(source.text, source.removed(at(2, 4, 7))) == "if a:\n    pass\nc(); d()"
    assert source.removed(at(3, 0, 3)) == ()  # it shares its line


@given(st.text(max_size=60))
def test_a_text_that_is_no_program_has_no_places_and_raises_nothing(text: str) -> None:
    source = Source(normalise(text))
    for node in source.expressions():
        assert source.expression_at(source.span_of(node)) is not None
    assert source.expression_at(at(1, 0, 0)) is None
    assert source.statement_around(None) is None


def test_pythons_warnings_about_a_text_are_not_raised_from_it() -> None:
    program = 's = "\\d"\nx = torch.zeros(1, requires_grad=True)\n(x.sqrt() * 0).sum().backward()\nprint(x.grad)'
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = explore(program, watch=True)
    assert [found.rule.partition("-")[0] for found in report.diagnostics] == ["nan"]
