"""Values of inputs: numbers, nested lists, expressions and files, and what is wrong with them, at its place."""

from __future__ import annotations

import json
import math
import os
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from safetensors.torch import save_file

from autograd_cli import explore
from autograd_cli.diagnostic import AgxError, Diagnostic, Span, Status
from autograd_cli.lang.inputs import Creation, FileReference, parse_input
from autograd_cli.lang.numbers import MAX_DIMENSIONS, Literal
from autograd_cli.lang.program import normalise
from autograd_cli.render.parts.numbers import shell_text
from autograd_cli.trace import TensorInfo
from conftest import Agx

SECRET = "hunter2"  # noqa: S105 - a word that no error may quote
PROPERTY = settings(max_examples=150, deadline=None)
nan, inf = math.nan, math.inf


def literal(text: str) -> Literal:
    content = parse_input("x", text).content
    assert isinstance(content, Literal), content
    return content


def tensor(value: object, program: str = "x*1") -> TensorInfo:
    """The tensor that the input became."""
    report = explore(program, x=value)
    assert report.traces, report.diagnostics
    return next(variable.tensor for variable in report.trace.variables if variable.name == "x")


def values(value: object) -> tuple[Any, ...]:
    found = tensor(value).values
    assert found is not None
    return found


def refused(value: object) -> Diagnostic:
    """The one diagnostic that an input is answered with."""
    report = explore("x*1", x=value)
    assert report.status is Status.BAD_REQUEST
    (found,) = report.diagnostics
    assert found.source == "--x"
    assert SECRET not in str(found)
    return found


def piece(text: str, found: Diagnostic) -> str | None:
    """What stands under the caret; the place must lie inside the text as reports show it."""
    text = normalise(text).strip()
    if found.span is None:
        return None
    assert is_inside(found.span, text), (found.span, text)
    return found.span.cut(text)


def is_inside(span: Span, text: str) -> bool:
    lines = text.split("\n")
    start, end = (span.line, span.column), (span.end_line, span.end_column)
    return (
        start <= end
        and 1 <= span.line <= span.end_line <= len(lines)
        and 0 <= span.column <= len(lines[span.line - 1])
        and 0 <= span.end_column <= len(lines[span.end_line - 1]) + 1  # a caret may stand right after the end
    )


# Text.


@pytest.mark.parametrize(
    ("text", "shape", "expected"),
    [
        ("3", (), [3]),
        ("+3", (), [3]),
        ("-3", (), [-3]),
        ("3.", (), [3.0]),
        ("-.5", (), [-0.5]),
        ("1E-3", (), [0.001]),
        ("1e400", (), [inf]),
        ("-inf", (), [-inf]),
        ("Infinity", (), [inf]),
        ("NaN", (), [nan]),
        ("true", (), [True]),
        ("true,FALSE", (2,), [True, False]),
        ("true,1", (2,), [True, 1]),
        ("9223372036854775807", (), [2**63 - 1]),
        ("-9223372036854775808", (), [-(2**63)]),
        ("1,2", (2,), [1, 2]),
        ("1,2,", (2,), [1, 2]),
        ("1,", (1,), [1]),
        ("1;2", (2, 1), [1, 2]),
        ("1,2;3,4", (2, 2), [1, 2, 3, 4]),
        ("1,2;3,4;", (2, 2), [1, 2, 3, 4]),
        ("1,2;", (1, 2), [1, 2]),
        ("1;", (1, 1), [1]),
        ("  1 ,\t2 ; 3,\n4 ", (2, 2), [1, 2, 3, 4]),
        ("[]", (0,), []),
        ("[1]", (1,), [1]),
        ("[1,]", (1,), [1]),
        ("[[]]", (1, 0), []),
        ("[[],[]]", (2, 0), []),
        ("[[1, 2], [3, 4],]", (2, 2), [1, 2, 3, 4]),
        ("[[[1],[2]]]", (1, 2, 1), [1, 2]),
        ("[ -inf , +nan ]", (2,), [-inf, nan]),
        ("[" * MAX_DIMENSIONS + "7" + "]" * MAX_DIMENSIONS, (1,) * MAX_DIMENSIONS, [7]),
        ("1+2j", (), [1 + 2j]),
        ("-1-2J", (), [-1 - 2j]),
        ("j", (), [1j]),
        ("-j,1+j,1-j", (3,), [complex(0, -1), 1 + 1j, 1 - 1j]),
        ("1e-3+2e-4j", (), [0.001 + 0.0002j]),
        ("inf+nanj", (), [complex(inf, nan)]),
        ("-infj", (), [complex(0, -inf)]),
        ("-0.0", (), [-0.0]),
    ],
)
def test_numbers_are_read_as_written(text: str, shape: tuple[int, ...], expected: list[Any]) -> None:
    found = literal(text)
    assert found.shape == shape
    assert repr(list(found.values)) == repr(expected)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("1.5," * 100_000, (100_000,)),
        ("1.5,2;" * 50_000, (50_000, 2)),
        (f"[{'[1, -inf],' * 50_000}]", (50_000, 2)),
        (f"[{','.join(['[1,2.5]'] * 50_000)}]", (50_000, 2)),
        (";".join(["1,NaN"] * 50_000), (50_000, 2)),
        (f"[{' ' * 100_000}]", (0,)),
        (f"1,{'1' * 100_000}", (2,)),
        (f"1,0.{'1' * 100_000}", (2,)),
        (f"1,2{' ' * 100_000}:float64", (2,)),
    ],
    ids=range(9),
)
def test_a_long_text_is_read_as_a_short_one(text: str, shape: tuple[int, ...]) -> None:
    assert literal(text).shape == shape


@PROPERTY
@given(
    st.lists(
        st.lists(st.sampled_from("0 -0 1 1.5 -2e3 1e400 NaN -Infinity true 99999999999999999999".split()), min_size=1)
    ),
    st.sampled_from(["1,2;3,4", "[[1,2],[3,4]]"]),
)
def test_many_numbers_are_read_as_few(rows: list[list[str]], form: str) -> None:
    """Long texts are read in a faster way, which must give the same numbers."""
    separators = (",", ";", "", "") if form == "1,2;3,4" else (", ", "], [", "[[", "]]")
    assume(len(rows) != 1 or len(rows[0]) > 1)  # one number alone is not long
    text = separators[2] + separators[1].join(separators[0].join(row) for row in rows) + separators[3]
    with pytest.MonkeyPatch.context() as patch:
        found = []
        for least in (0, 10**9):
            patch.setattr("autograd_cli.lang.numbers._LONG", least)
            try:
                found.append(repr(literal(text)))
            except AgxError as error:
                found.append(repr(error.diagnostic))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("text", "dtype", "expected"),
    [
        ("1,2", "float32", (1.0, 2.0)),
        ("0.1", "float32", (0.10000000149011612,)),
        ("true,false", "bool", (True, False)),
        ("true,2", "float32", (1.0, 2.0)),
        ("[]", "float32", ()),
        ("1+2j", "complex64", (1 + 2j,)),
        ("1,2j", "complex64", (1, 2j)),
        ("1,2:int64", "int64", (1, 2)),
        ("[1,2] : uint8 ", "uint8", (1, 2)),
        ("9223372036854775807:int64", "int64", (2**63 - 1,)),
        ("0.1:double", "float64", (0.1,)),
        ("0.1:half", "float16", (0.0999755859375,)),
        ("0,2:bool", "bool", (False, True)),
        ("0.1+0.2j:complex128", "complex128", (0.1 + 0.2j,)),
        ("zeros(2)", "float32", (0.0, 0.0)),
        ("arange(3)", "int64", (0, 1, 2)),
        ("arange(3):float64", "float64", (0.0, 1.0, 2.0)),
        ("tensor([1,2])", "int64", (1, 2)),
        ("torch.eye(2)[0]", "float32", (1.0, 0.0)),
        ("[True, False]", "bool", (True, False)),
        ("-pi/2:float64", "float64", (-math.pi / 2,)),
        ("1/3:float64", "float64", (1 / 3,)),
        ("[pi,1/3]:float64", "float64", (math.pi, 1 / 3)),
        ("[(0.1+0.2j)]:complex128", "complex128", (0.1 + 0.2j,)),
        ("(1, 2**3)", "float32", (1.0, 8.0)),
        ("2**53,1/1:float64", "float64", (2.0**53, 1.0)),
        ("2.0,1e3:int64", "int64", (2, 1000)),
        ("0,255:uint8", "uint8", (0, 255)),
        ("-9223372036854775808:int64", "int64", (-(2**63),)),
        ("1_000", "float32", (1000.0,)),
        ("0x10", "float32", (16.0,)),
    ],
)
def test_the_dtype_is_the_one_asked_for_and_no_precision_is_lost(
    text: str, dtype: str, expected: tuple[Any, ...]
) -> None:
    found = tensor(text)
    assert (found.dtype, found.values) == (dtype, expected)


@pytest.mark.parametrize(
    ("text", "path", "kind", "key", "dtype"),
    [
        ("@a.npy", "a.npy", "npy", None, None),
        (" @a.NPY ", "a.NPY", "npy", None, None),
        ("@a.npz#w", "a.npz", "npz", "w", None),
        ("@a.npz#", "a.npz", "npz", None, None),
        ("@a.npz#a#b", "a.npz", "npz", "a#b", None),
        ("@a.npz#a:b", "a.npz", "npz", "a:b", None),
        ("@a.pt#layer.0.weight:float64", "a.pt", "torch", "layer.0.weight", "float64"),
        ("@a:b.npy", "a:b.npy", "npy", None, None),
        ("@C:/x y.csv", "C:/x y.csv", "csv", None, None),
        ("@変数.json", "変数.json", "json", None, None),
        ("@a#b.npz#w", "a#b.npz", "npz", "w", None),
        ("@a#b.npy", "a#b.npy", "npy", None, None),
        ("@a.npz#b.npz", "a.npz", "npz", "b.npz", None),
        ("@~/a b\n.csv", "~/a b\n.csv", "csv", None, None),
    ],
)
def test_a_file_is_a_path_a_key_and_a_dtype(
    text: str, path: str, kind: str, key: str | None, dtype: str | None
) -> None:
    spec = parse_input("x", text)
    assert spec.content == FileReference(path=path, kind=kind, key=key)
    assert spec.dtype == dtype


# text, rule, the piece under the caret, the label beside it
WRONG_TEXTS = [
    ("", "empty-value", None, None),
    (" \n ", "empty-value", None, None),
    (":float32", "empty-value", None, None),
    ("1 2", "syntax", "2", None),
    ("1\n2", "syntax", "2", None),
    ("1]", "syntax", "]", None),
    ("1,,2", "not-a-number", ",", None),
    (",1", "not-a-number", ",", None),
    (";1", "syntax", None, None),
    ("1;;2", "syntax", None, None),
    ("1,2;3", "ragged", "3", None),
    ("1;2,3", "ragged", "2,3", None),
    ("[1 2]", "syntax", "2", None),
    ("[1. 2.]", "syntax", "2.", None),
    ("[1;2]", "syntax", ";", None),
    ("[1,,2]", "syntax", ",", None),
    ("[,1]", "syntax", ",", None),
    ("[1]]", "syntax", "]", None),
    ("[1] 2", "syntax", "2", None),
    ("[1][2]", "syntax", "[", None),
    ("[1,[2]]", "ragged", "2", None),
    ("[[1],2]", "ragged", "2", None),
    ("[[1,2],[3]]", "ragged", "]", None),
    ("[[1],\n [2,3]]", "ragged", "]", None),
    ("[[1],[]]", "ragged", "]", None),
    ("[[[]],[]]", "ragged", "]", None),
    ("[" * 65 + "1" + "]" * 65, "too-deep", "[", None),
    ("[" * 100_000, "too-deep", "[", None),
    ("a", "not-a-number", "a", None),
    ("1,a", "not-a-number", "a", None),
    ("[1,foo]", "not-a-number", "foo", None),
    ("randn(3)*y", "not-a-number", "y", None),
    ("  foo+1", "not-a-number", "foo", None),
    ("\tfoo", "not-a-number", "foo", None),
    ("\n\n  1 + foo\n", "not-a-number", "foo", None),
    ("(1,\r\n foo)", "not-a-number", "foo", None),
    ("naan", "not-a-number", "naan", "did you mean nan?"),
    ("tru", "not-a-number", "tru", "did you mean true?"),
    ("randn", "not-a-number", "randn", "randn is a function: write randn(…)"),
    ("torch", "not-a-number", "torch", None),
    ("2*F", "not-a-number", "F", None),
    ("rand(3).sun()", "unknown-name", "sun", "did you mean .sum?"),
    ("rnadn(3)", "unknown-name", "rnadn", "did you mean randn?"),
    ("1..2", "syntax", "..", "write one"),
    ("1,²", "not-a-number", "²", None),
    ("−1", "syntax", "−", "write -"),
    ("1\x00", "syntax", "\x00", "remove it"),
    ("  1\u202e", "syntax", "\u202e", "remove it"),
    ("\udc80", "syntax", "\udc80", "remove it"),
    ("(1", "syntax", "(", None),
    ("{1}", "not-a-number", "{1}", None),
    ("open('f')", "refused-name", "open", None),
    ("__import__('os')", "refused-name", "__import__", None),
    ("1,2:flaot64", "unknown-dtype", "flaot64", "did you mean float64?"),
    (" 1 : quux", "unknown-dtype", "quux", None),
    ("1+2i", "not-a-number", "1+2i", "write 1+2j"),
    ("[0, 2I]", "not-a-number", "2I", "write 2j"),
    ("1 + 2i", "not-a-number", "2i", "write 2j"),
    ("i", "not-a-number", "i", "write j"),
    ("[[1. 2.]\n [3. 4.]]", "syntax", "2.", None),
    ("1,2]", "syntax", "]", None),
    ("[1,2;3]", "syntax", ";", None),
    ("1.5.5j", "syntax", "1.5.5", None),
    ("١٢", "not-a-number", "١٢", "write 12"),
    ("[1,１２.５]", "not-a-number", "１２.５", "write 12.5"),
    ("−1,2", "not-a-number", "−1", "write -1"),
    ("[1,½]", "not-a-number", "½", None),
    ("1.5:int64", "bad-value", "1.5", None),
    ("1,2.5,3 : int8", "bad-value", "2.5", None),
    ("nan:int64", "bad-value", "nan", None),
    ("[1,-inf]:long", "bad-value", "-inf", None),
    ("1e300:int64", "bad-value", "1e300", None),
    ("0,300:uint8", "bad-value", "300", None),
    ("-1:uint8", "bad-value", "-1", None),
    ("9223372036854775808:int64", "bad-value", "9223372036854775808", None),
    ("1" * 100 + "x", "syntax", None, None),
    ("1," + "1" * 200_000 + "+", "not-a-number", None, None),
    ("[1" + "1" * 200_000 + "+]", "not-a-number", None, None),
    ("1" + " " * 200_000 + ":float33", "unknown-dtype", "float33", "did you mean float32?"),
    ("[" + "[]," * 100_000, "syntax", None, None),
    ("1,2:" + "a" * 100_000, "unknown-dtype", "a" * 100_000, None),
    ("@-", "unknown-file-kind", "-", None),
    ("@a.cſv", "unknown-file-kind", "a.cſv", None),
    ("@", "unknown-file-kind", "", None),
    ("@weights", "unknown-file-kind", "weights", None),
    ("  @a.tar.gz#w", "unknown-file-kind", "a.tar.gz", None),
    ("@.npy", "unknown-file-kind", ".npy", None),
]


@pytest.mark.parametrize(("text", "rule", "wrong", "label"), WRONG_TEXTS, ids=[ascii(c[0])[:40] for c in WRONG_TEXTS])
def test_a_wrong_text_is_an_error_at_its_place(text: str, rule: str, wrong: str | None, label: str | None) -> None:
    with pytest.raises(AgxError) as raised:
        parse_input("x", text)
    found = raised.value.diagnostic
    assert (found.rule, found.source) == (rule, "--x")
    if wrong is not None:
        assert piece(text, found) == wrong
    if label is not None:
        assert found.label == label


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("1/0", "1/0"),
        ("  1/0", "1/0"),
        ("zeros(-1)", "zeros(-1)"),
        ("randn(2)@randn(3)", "randn(2)@randn(3)"),
        ("str(3)", None),
        ("torch.float32", None),
        ("float32", None),
        ("import torch", None),
        ("# nothing", None),
        ("[pi, [2, 3]][1][5]", "[pi, [2, 3]][1][5]"),
        ("1+2j:float32", None),
    ],
)
def test_a_value_that_torch_refuses_is_one_error(text: str, wrong: str | None) -> None:
    found = refused(text)
    assert found.rule == "bad-value"
    assert found.torch_says
    if wrong is not None:
        assert piece(text, found) == wrong


@pytest.mark.parametrize(
    ("text", "rule"),
    [("10**10**10", "limit-integer-bits"), ("zeros(10**13)", "limit-memory"), ("list(range(10**6))", "limit-sequence")],
)
def test_a_value_that_reaches_a_limit_is_one_error(text: str, rule: str) -> None:
    report = explore("x", x=text)
    (found,) = report.diagnostics
    assert (report.status, found.rule, found.source) == (Status.LIMIT, rule, "--x")


@pytest.mark.parametrize(
    "deep",
    [
        pytest.param([[1, 2], [3]], id="ragged"),
        pytest.param([1, [2]], id="depth"),
        pytest.param(["1"], id="text"),
        pytest.param([None], id="None"),
        pytest.param("[[1, pi], [2]]", id="ragged text"),
        pytest.param("[[1], pi]", id="depth in text"),
        pytest.param("[1, 'a'][0:]", id="text in text"),
    ],
)
def test_wrong_nested_lists_are_errors(deep: object) -> None:
    assert refused(deep).rule in {"ragged", "not-a-number"}


def test_a_list_nested_without_end_is_an_error() -> None:
    deep: list[Any] = [1]
    for _ in range(100_000):
        deep = [deep]
    endless: list[Any] = []
    endless.append(endless)
    for value in (deep, endless):
        assert refused(value).rule in {"ragged", "too-deep"}


# Properties.

SHAPES = arrays_of.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)
DTYPES = ["float32", "float64", "float16", "int64", "int32", "uint8", "bool", "complex64", "complex128"]


def bits(numbers: object) -> str:
    """Numbers so that NaN equals NaN and -0.0 is not 0.0."""
    return repr(numbers)


@PROPERTY
@given(st.one_of(st.floats(), st.integers(-(2**63), 2**63 - 1), st.booleans()))
def test_a_number_that_python_writes_is_read_back(number: float) -> None:
    found = literal(repr(number))
    assert found.shape == ()
    assert bits(found.values) == bits((number,))


@PROPERTY
@given(arrays_of.arrays(st.sampled_from(["float64", "int64", "bool"]), SHAPES))
def test_nested_lists_that_python_writes_are_read_back(array: np.ndarray[Any, Any]) -> None:
    nested = array.tolist()
    found = literal(repr(nested))
    assert found.shape == np.array(nested).shape
    assert bits(list(found.values)) == bits(array.ravel().tolist())


@PROPERTY
@given(
    arrays_of.arrays("complex128", SHAPES, elements=st.complex_numbers(allow_nan=False, allow_infinity=False)),
)
def test_complex_numbers_that_python_writes_are_read_back(array: np.ndarray[Any, Any]) -> None:
    found = tensor(f"{array.tolist()!r}:complex128")
    assert found.shape == np.array(array.tolist()).shape
    assert list(found.values or ()) == array.ravel().tolist()


@PROPERTY
@given(st.data())
def test_what_quiet_prints_is_read_back_bit_by_bit(data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(DTYPES))
    array = data.draw(arrays_of.arrays(dtype, SHAPES))
    before = tensor(array)
    after = tensor(f"{shell_text(before)}:{dtype}")
    assert (after.shape, after.dtype) == (before.shape, before.dtype)
    assert bits(after.values).replace("-nan", "nan") == bits(before.values).replace("-nan", "nan")


@PROPERTY
@given(arrays_of.arrays("float32", SHAPES))
def test_default_floats_need_no_dtype(array: np.ndarray[Any, Any]) -> None:
    before = tensor(array)
    after = tensor(shell_text(before))
    assert (after.shape, after.dtype, bits(after.values)) == (before.shape, "float32", bits(before.values))


PIECES = [
    *"0 1 12 .5 1e3 inf nan true j 1+2j -3 [ [ ] ] , , ; : @ # ( ) { + - * / . e _ x = ' \" randn pi zeros(2)".split(),
    *":float64 :int @a.npy @a.csv#k lambda if \\ ² − é 変 １ ٣ \u202e \x00 \udc80".split(),
    *(" ", "\n", "\t", "\r\n", "\u00a0", "  "),
]


@settings(PROPERTY, max_examples=600)
@example("\x85\n0\\")
@example("   0 $ 1")
@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)))
def test_any_text_is_a_value_or_an_error_inside_the_text(text: str) -> None:
    try:
        content = parse_input("x", text).content
    except AgxError as error:
        found = error.diagnostic
        assert (found.source, found.message != "") == ("--x", True)
        piece(text, found)
        return
    if isinstance(content, Literal):
        assert len(content.values) == math.prod(content.shape)
    else:
        assert isinstance(content, Creation | FileReference)


@pytest.mark.parametrize("text", ["   0 $ 1", "\n\n 0 $ 1", "\x85\n0 $ 1  "])
def test_places_count_from_the_first_character_of_a_value(text: str) -> None:
    report = explore("x", inputs={"x": text})
    span = report.diagnostics[0].span
    assert span is not None
    assert span.cut(report.text_of("--x")) == "$"


# Files.


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that file names are relative to."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def npy(name: str, array: object, *, pickled: bool = False) -> None:
    with Path(name).open("wb") as file:
        np.save(file, np.asanyarray(array), allow_pickle=pickled)


MATRIX = [[1.5, -2.0, 3.0], [4.0, 5.0, 6.0]]


@pytest.mark.usefixtures("here")
class TestNpy:
    @pytest.mark.parametrize("dtype", [*DTYPES, "int8", "int16", ">f4", ">f8", ">i8", ">c8", "<f4"])
    def test_every_dtype_keeps_its_values(self, dtype: str) -> None:
        array = np.array([[0, 1, 2], [3, 4, 100]]).astype(dtype)
        npy("a.npy", array)
        found = tensor("@a.npy")
        assert (found.shape, found.dtype) == ((2, 3), array.dtype.newbyteorder("=").name)
        assert found.values == tuple(array.ravel().tolist())

    @pytest.mark.parametrize(
        "array",
        [
            np.asfortranarray(MATRIX),
            np.array(MATRIX)[:, ::-1],
            np.array(3.5),
            np.zeros((0,)),
            np.zeros((0, 3)),
            np.zeros((2, 0)),
            np.array([nan, -inf, -0.0]),
            np.ones((1, 1, 1, 1, 2)),
        ],
        ids=["fortran", "reversed", "0-d", "empty", "no rows", "no columns", "special", "5-d"],
    )
    def test_every_layout_keeps_its_values(self, array: np.ndarray[Any, Any]) -> None:
        npy("a.npy", array)
        found = tensor("@a.npy")
        assert (found.shape, found.dtype) == (array.shape, "float64")
        assert bits(found.values) == bits(tuple(array.ravel().tolist()))

    def test_the_dtype_may_be_another(self) -> None:
        npy("a.npy", [1, 2])
        assert tensor("@a.npy:float64").dtype == "float64"

    def test_the_file_itself_never_changes(self) -> None:
        npy("a.npy", [1.0, 2.0])
        before = Path("a.npy").read_bytes()
        assert tensor("@a.npy", "y = x.detach()\ny.mul_(5)\nx*y").values == (5.0, 10.0)
        assert Path("a.npy").read_bytes() == before

    def test_a_pickle_is_refused_and_does_not_run(self) -> None:
        npy("a.npy", np.array([Bomb("bomb")], dtype=object), pickled=True)
        assert refused("@a.npy").rule == "bad-file"
        assert not Path("bomb").exists()

    @pytest.mark.parametrize("keep", [0, 1, 6, 9, 40, 100, 128, 130, -1])
    def test_a_truncated_file_is_an_error(self, keep: int) -> None:
        npy("a.npy", MATRIX)
        whole = Path("a.npy").read_bytes()
        Path("a.npy").write_bytes(whole[:keep])
        assert refused("@a.npy").rule == "bad-file"

    @pytest.mark.parametrize(
        "header",
        [
            "{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000,), }",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (1",
            "{'descr': '<f8', 'shape': 1\u00c0: ",
            f"{{'{SECRET}': 1}}",
            f"__import__('os').mkdir('{SECRET}')",
            "(" * 5000,
            "",
        ],
        ids=lambda header: header[:30],
    )
    @pytest.mark.parametrize("suffix", ["npy", "npz"])
    def test_a_header_that_lies_is_an_error(self, header: str, suffix: str) -> None:
        encoded = header.encode("latin-1")
        raw = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(encoded)) + encoded + bytes(16)
        if suffix == "npy":
            Path("a.npy").write_bytes(raw)
        else:
            with zipfile.ZipFile("a.npz", "w") as archive:
                archive.writestr("w.npy", raw)
        assert refused(f"@a.{suffix}").rule in {"bad-file", "too-large"}
        assert not Path(SECRET).exists()

    @pytest.mark.parametrize(
        "array",
        [np.array([SECRET]), np.array([(1, 2.0)], dtype="i4,f4"), np.array(["2020-01-01"], dtype="datetime64[D]")],
        ids=["text", "records", "dates"],
    )
    def test_an_array_of_something_else_is_an_error(self, array: np.ndarray[Any, Any]) -> None:
        npy("a.npy", array)
        assert refused("@a.npy").rule == "bad-file"

    def test_long_doubles_are_an_error(self) -> None:
        npy("a.npy", np.ones(2, dtype=np.longdouble))
        assert refused("@a.npy").rule in {"bad-file", "bad-value"}

    def test_an_archive_by_this_name_is_an_error(self) -> None:
        np.savez("a.npz", w=np.ones(2))
        Path("a.npz").rename("a.npy")
        assert refused("@a.npy").rule == "bad-file"

    @pytest.mark.parametrize("text", ["@a.npy#w", "@a.csv#w"])
    def test_a_key_for_a_file_without_keys_is_an_error(self, text: str) -> None:
        npy("a.npy", [1.0])
        Path("a.csv").write_text("1,2\n")
        assert refused(text).rule == "missing-key"


@pytest.mark.usefixtures("here")
class TestNpz:
    @pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
    def test_one_array_needs_no_key_and_several_do(self, save: Callable[..., None]) -> None:
        save("one.npz", w=np.array(MATRIX))
        save("two.npz", weight=np.array([1.0, 2.0]), bias=np.array(3))
        assert tensor("@one.npz").shape == (2, 3)
        assert tensor("@one.npz#w").shape == (2, 3)
        assert values("@two.npz#weight") == (1.0, 2.0)
        assert (tensor("@two.npz#bias").dtype, values("@two.npz#bias:float32")) == ("int64", (3.0,))

    def test_a_missing_key_lists_the_keys(self) -> None:
        np.savez("a.npz", weight=np.ones(2), bias=np.zeros(1))
        found = refused("@a.npz")
        assert (found.rule, piece("@a.npz", found), found.label) == (
            "missing-key",
            "a.npz",
            "choose one: @a.npz#bias",
        )
        assert "bias, weight" in found.message

    def test_a_wrong_key_is_put_right(self) -> None:
        np.savez("a.npz", weight=np.ones(2), bias=np.zeros(1))
        found = refused("@a.npz#wieght")
        assert (found.rule, piece("@a.npz#wieght", found), found.label) == (
            "missing-key",
            "a.npz#wieght",
            "did you mean #weight?",
        )

    def test_of_many_keys_some_are_listed(self) -> None:
        with zipfile.ZipFile("a.npz", "w") as archive:
            for index in range(200):
                archive.writestr(f"k{index:03}.npy", b"")
        assert "k009 and 190 more" in refused("@a.npz").message

    def test_a_pickle_is_refused_and_does_not_run(self) -> None:
        np.savez("a.npz", w=np.array([Bomb("bomb")], dtype=object))
        assert refused("@a.npz").rule == "bad-file"
        assert not Path("bomb").exists()

    def test_a_file_without_arrays_is_an_error(self) -> None:
        np.savez("a.npz")
        assert refused("@a.npz").rule == "bad-file"

    def test_a_single_array_by_this_name_is_an_error(self) -> None:
        npy("a.npz", [1.0])
        assert refused("@a.npz").rule == "bad-file"

    def test_a_member_that_is_no_array_is_an_error(self) -> None:
        with zipfile.ZipFile("a.npz", "w") as archive:
            archive.writestr("w.txt", SECRET)
        assert refused("@a.npz").rule == "bad-file"

    @pytest.mark.parametrize("where", ["header", "data", "deflate", "checksum", "flags", "method"])
    def test_a_damaged_file_is_an_error(self, where: str) -> None:
        numbers = np.arange(1000.0) if where == "deflate" else np.random.default_rng(0).random(1000)
        np.savez_compressed("a.npz", w=numbers)
        raw = bytearray(Path("a.npz").read_bytes())
        directory = raw.index(b"PK\x01\x02")
        if where == "header":
            raw[60:80] = bytes(20)
        elif where == "data":
            raw[3000:3200] = bytes([255]) * 200
        elif where == "deflate":
            raw[800:900] = bytes([255]) * 100
        elif where == "checksum":
            raw[directory + 16] ^= 255
        elif where == "flags":  # as if encrypted
            raw[6] |= 1
            raw[directory + 8] |= 1
        else:  # an unknown compression
            raw[8:10] = raw[directory + 10 : directory + 12] = struct.pack("<H", 99)
        Path("a.npz").write_bytes(raw)
        assert refused("@a.npz").rule == "bad-file"


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, (self.path,)


@pytest.mark.usefixtures("here")
class TestTorch:
    def test_a_tensor_and_a_dict_of_tensors(self) -> None:
        torch.save(torch.tensor(MATRIX, requires_grad=True), "one.pt")
        torch.save({"w": torch.ones(2, dtype=torch.int64), "epoch": 3}, "dict.pth")
        torch.save({"a": torch.ones(2), "b": torch.zeros(3)}, "two.pt")
        assert (tensor("@one.pt").shape, tensor("@one.pt").is_leaf) == ((2, 3), True)
        assert tensor("@dict.pth").dtype == "int64"
        assert values("@two.pt#b") == (0.0, 0.0, 0.0)
        assert (refused("@two.pt").rule, refused("@two.pt#c").rule) == ("missing-key", "missing-key")

    def test_a_state_dict(self) -> None:
        model = torch.nn.Sequential(torch.nn.Linear(3, 2))
        torch.save(model.state_dict(), "model.pt")
        assert tensor("@model.pt#0.weight").shape == (2, 3)
        assert refused("@model.pt#0.wieght").label == "did you mean #0.weight?"

    def test_parameters_views_and_other_dtypes(self) -> None:
        torch.save(torch.nn.Parameter(torch.ones(2)), "parameter.pt")
        torch.save(torch.arange(6.0).view(2, 3).t(), "view.pt")
        torch.save(torch.ones(2, dtype=torch.bfloat16), "bfloat16.pt")
        assert values("@parameter.pt") == (1.0, 1.0)
        assert values("@view.pt") == (0.0, 3.0, 1.0, 4.0, 2.0, 5.0)
        assert tensor("@bfloat16.pt").dtype == "bfloat16"

    def test_the_format_before_zip_is_read(self) -> None:
        torch.save(torch.ones(2), "old.pt", _use_new_zipfile_serialization=False)
        assert values("@old.pt") == (1.0, 1.0)

    @pytest.mark.parametrize("is_zip", [True, False])
    def test_a_malicious_pickle_is_refused_and_does_not_run(self, is_zip: bool) -> None:  # noqa: FBT001 - a case
        torch.save({"w": torch.ones(2), "bomb": Bomb("bomb")}, "a.pt", _use_new_zipfile_serialization=is_zip)
        Path("b.pt").write_bytes(pickle.dumps(Bomb("bomb")))
        for text in ("@a.pt", "@a.pt#w", "@b.pt"):
            assert refused(text).rule == "bad-file"
        assert not Path("bomb").exists()

    @pytest.mark.parametrize("saved", [[], {}, {"epoch": 3}, [torch.ones(2)], SECRET, {1: torch.ones(2)}])
    def test_a_file_without_a_tensor_is_an_error(self, saved: object) -> None:
        torch.save(saved, "a.pt")
        assert refused("@a.pt").rule == "bad-file"

    @pytest.mark.parametrize("saved", [torch.ones(2).to_sparse(), torch.ones(2, device="meta")], ids=["sparse", "meta"])
    def test_a_tensor_without_plain_values_is_an_error(self, saved: torch.Tensor) -> None:
        torch.save(saved, "a.pt")
        assert refused("@a.pt").rule in {"bad-file", "bad-value"}

    @pytest.mark.parametrize("keep", [0, 1, 30, 200, -20])
    def test_a_truncated_file_is_an_error(self, keep: int) -> None:
        torch.save(torch.ones(100), "a.pt")
        Path("a.pt").write_bytes(Path("a.pt").read_bytes()[:keep])
        assert refused("@a.pt").rule == "bad-file"

    def test_a_key_for_a_file_without_keys_is_an_error(self) -> None:
        torch.save(torch.ones(2), "a.pt")
        assert refused("@a.pt#w").rule == "missing-key"


@pytest.mark.usefixtures("here")
class TestSafetensors:
    @pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "int64", "bool", "uint8"])
    def test_every_dtype_keeps_its_values(self, dtype: str) -> None:
        saved = torch.tensor([[0.0, 1.0], [1.0, 1.0]]).to(getattr(torch, dtype))
        save_file({"w": saved}, "a.safetensors")
        found = tensor("@a.safetensors")
        assert (found.shape, found.dtype, found.values) == ((2, 2), dtype, tuple(saved.ravel().tolist()))

    def test_keys_choose_among_several(self) -> None:
        save_file({"weight": torch.ones(2, dtype=torch.bfloat16), "bias": torch.zeros(1)}, "a.safetensors")
        assert tensor("@a.safetensors#weight").dtype == "bfloat16"
        assert tensor("@a.safetensors#weight:float32").values == (1.0, 1.0)
        assert tensor("@a.safetensors#bias").dtype == "float32"
        assert "bias, weight" in refused("@a.safetensors").message
        assert refused("@a.safetensors#wieght").label == "did you mean #weight?"

    def test_eight_bit_floats_are_read_or_refused(self) -> None:
        save_file({"w": torch.ones(2).to(torch.float8_e4m3fn)}, "a.safetensors")
        assert values("@a.safetensors:float32") == (1.0, 1.0)

    def test_a_file_without_tensors_is_an_error(self) -> None:
        save_file({}, "a.safetensors")
        assert refused("@a.safetensors").rule == "bad-file"

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            SECRET.encode() * 10,
            struct.pack("<Q", 2**62) + b"{}",
            struct.pack("<Q", 2) + b"[]",
            struct.pack("<Q", 66) + b'{"w":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}           ',
        ],
    )
    def test_a_damaged_file_is_an_error(self, raw: bytes) -> None:
        Path("a.safetensors").write_bytes(raw)
        assert refused("@a.safetensors").rule == "bad-file"


@pytest.mark.usefixtures("here")
class TestTables:
    @pytest.mark.parametrize(
        ("text", "shape", "expected"),
        [
            ("1,2\n3,4\n", (2, 2), (1, 2, 3, 4)),
            ("1,2\n3,4", (2, 2), (1, 2, 3, 4)),
            ("a,b\n1,2\n3,4\n", (2, 2), (1, 2, 3, 4)),
            ("1,2\r\n3,4\r\n", (2, 2), (1, 2, 3, 4)),
            ("\N{BYTE ORDER MARK}1,2\n3,4\n", (2, 2), (1, 2, 3, 4)),
            ("\N{BYTE ORDER MARK}a,b\n1,2\n3,4\n", (2, 2), (1, 2, 3, 4)),
            ("1, 2\n 3 ,4\n\n", (2, 2), (1, 2, 3, 4)),
            ("1,2,3\n", (3,), (1, 2, 3)),
            ("1\n2\n3\n", (3,), (1, 2, 3)),
            ("x\n1\n2\n", (2,), (1, 2)),
            ("7\n", (), (7,)),
            ("1e3,-inf\nnan,2E-1\n", (2, 2), (1000, -inf, nan, 0.2)),
            ("nan,inf\n1,2\n", (2, 2), (nan, inf, 1, 2)),
            ("NaN,Infinity\n", (2,), (nan, inf)),
            ("größe,長さ\n1,2\n", (2,), (1, 2)),
            ("長さ,高さ\n1,2\n", (2,), (1, 2)),
            ('"a","b"\n1,2\n', (2,), (1, 2)),
        ],
    )
    def test_a_table_of_numbers_with_or_without_a_header(
        self, text: str, shape: tuple[int, ...], expected: tuple[float, ...]
    ) -> None:
        Path("a.csv").write_text(text, encoding="utf-8", newline="")
        Path("a.tsv").write_text(text.replace(",", "\t"), encoding="utf-8", newline="")
        for found in (tensor("@a.csv:float64"), tensor("@a.tsv:float64")):
            assert found.shape == shape
            assert found.values == pytest.approx(expected, nan_ok=True)

    def test_numbers_of_a_table_take_the_default_dtype(self) -> None:
        Path("a.csv").write_text("0.1,2\n")
        assert (tensor("@a.csv").dtype, tensor("@a.csv:int64").dtype) == ("float32", "int64")
        assert explore("x*1", x="@a.csv", dtype="float64").trace.variables[0].tensor.values == (0.1, 2.0)

    @pytest.mark.parametrize(
        ("text", "rule", "words"),
        [
            (f"1,2\n3,{SECRET}\n", "bad-file", "row 2, column 2 is not a number"),
            (f"a,b\n1,2\n{SECRET},4\n", "bad-file", "row 3, column 1 is not a number"),
            ("1,2\n3,\n", "bad-file", "row 2, column 2 is not a number"),
            ("1,2\n3\n", "ragged", "row 2 has 1 columns, the rows before it have 2"),
            ("a,b\n1,2\n3,4,5\n", "ragged", "row 3 has 3 columns, the rows before it have 2"),
            ("1;2\n3;4\n", "bad-file", None),
            ("", "bad-file", None),
            ("\n\n", "bad-file", None),
            ("a,b\n", "bad-file", None),
            (f"{SECRET}\n{SECRET}\n", "bad-file", None),
            ("\x00\x01\x02", "bad-file", None),
        ],
    )
    def test_a_wrong_table_is_an_error_that_says_where(self, text: str, rule: str, words: str | None) -> None:
        Path("a.csv").write_text(text)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            found = refused("@a.csv")
        assert not warned
        assert found.rule == rule
        assert words is None or words in found.message

    def test_a_table_in_another_encoding_is_an_error(self) -> None:
        Path("a.csv").write_bytes("größe\n1\n".encode("latin-1"))
        assert refused("@a.csv").rule == "bad-file"


@pytest.mark.usefixtures("here")
class TestJson:
    @pytest.mark.parametrize(
        ("text", "shape", "expected"),
        [
            ("3", (), [3]),
            ("[]", (0,), []),
            ("[[1, 2], [3, 4.5]]", (2, 2), [1, 2, 3, 4.5]),
            ("[true, false]", (2,), [True, False]),
            ('["NaN", "Infinity", "-Infinity", 1]', (4,), [nan, inf, -inf, 1]),
            ("[NaN, -Infinity]", (2,), [nan, -inf]),
            ('[{"re": 1, "im": -2}, {"re": "NaN", "im": 0}]', (2,), [1 - 2j, complex(nan, 0)]),
            ('{"values": [1, 2], "shape": [2]}', (2,), [1, 2]),
            ("\N{BYTE ORDER MARK}[1]", (1,), [1]),
        ],
    )
    def test_nested_numbers(self, text: str, shape: tuple[int, ...], expected: list[Any]) -> None:
        Path("a.json").write_text(text, encoding="utf-8")
        found = tensor("@a.json")
        assert found.shape == shape
        assert bits([complex(number) for number in found.values or ()]) == bits([complex(one) for one in expected])

    def test_a_dotted_key_goes_down_the_objects(self) -> None:
        Path("a.json").write_text('{"model": {"w": [1, 2], "b": {"values": 3}}, "other": 1}')
        assert values("@a.json#model.w") == (1.0, 2.0)
        assert values("@a.json#model.b") == (3.0,)
        for text in ("@a.json#model.v", "@a.json#modle", "@a.json#model.w.x"):
            found = refused(text)
            assert (found.rule, piece(text, found)) == ("missing-key", text[1:])

    def test_what_agx_wrote_is_read_back(self, agx: Agx) -> None:
        for value, program in [("1,2;3,4", "x**2"), ("nan,inf", "x*x"), ("1+2j", "(x*x).real"), ("zeros(2,0)", "x*2")]:
            agx("grad", program, "--x", value, "-o", "g.json")
            grad = json.loads(Path("g.json").read_text())["grads"]["x"]
            report = agx("grad", "1*x", "--x", "@g.json#grads.x", "--json").report
            assert (report["tensors"]["x"]["values"], report["tensors"]["x"]["shape"]) == (
                grad["values"],
                grad["shape"],
            )
            assert report["tensors"]["x"]["dtype"] == grad["dtype"]

    @pytest.mark.parametrize(
        ("text", "rule"),
        [
            ("", "bad-file"),
            ("[1,", "bad-file"),
            (SECRET, "bad-file"),
            ("[1] 2", "bad-file"),
            ("[" * 100_000, "bad-file"),
            ("[1" + "0" * 5000 + "]", "bad-file"),
            ("[[1], [2, 3]]", "ragged"),
            ("[1, [2]]", "ragged"),
            ("null", "not-a-number"),
            (f'["{SECRET}"]', "not-a-number"),
            ('{"weight": [1]}', "missing-key"),
            ('[{"re": 1}]', "not-a-number"),
            (f'[{{"re": "{SECRET}", "im": 0}}]', "not-a-number"),
            ("[1" + "0" * 400 + "]", "bad-value"),
        ],
        ids=lambda text: ascii(text)[:30],
    )
    def test_wrong_json_is_an_error(self, text: str, rule: str) -> None:
        Path("a.json").write_text(text)
        assert refused("@a.json").rule == rule


KINDS = [".npy", ".npz", ".pt", ".pth", ".safetensors", ".csv", ".tsv", ".json"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("kind", KINDS)
class TestEveryKind:
    def test_a_missing_file(self, kind: str) -> None:
        found = refused(f"@no{kind}:float64")
        assert (found.rule, piece(f"@no{kind}:float64", found)) == ("unreadable-file", f"no{kind}")
        assert found.message == f"there is no file no{kind}"

    def test_an_empty_file(self, kind: str) -> None:
        Path(f"a{kind}").touch()
        assert refused(f"@a{kind}").rule == "bad-file"

    def test_a_file_of_something_else(self, kind: str) -> None:
        Path(f"a{kind}").write_text(f"{SECRET} is no number\n" * 10)
        assert refused(f"@a{kind}").rule == "bad-file"

    def test_a_file_of_bytes(self, kind: str) -> None:
        Path(f"a{kind}").write_bytes(bytes(range(255, 0, -1)) * 4)
        assert refused(f"@a{kind}").rule == "bad-file"

    @pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: Path(path).symlink_to("/dev/zero")])
    def test_what_is_not_a_regular_file(self, kind: str, make: Callable[[str], None]) -> None:
        make(f"a{kind}")
        found = refused(f"@a{kind}")
        assert (found.rule, found.message) == ("unreadable-file", "this is not a regular file")

    @pytest.mark.parametrize("name", ["a\x00b", "a" * 300, "loop", "file/a"])
    def test_a_name_that_cannot_be_opened(self, kind: str, name: str) -> None:
        Path(f"loop{kind}").symlink_to(f"loop{kind}")
        Path("file").touch()
        assert refused(f"@{name}{kind}").rule == "unreadable-file"


@pytest.mark.usefixtures("here")
def test_a_link_to_a_file_and_odd_names_are_read() -> None:
    npy("a.npy", [1.0])
    Path("link.npy").symlink_to("a.npy")
    npy("odd [bold]: 変数.npy", [2.0])
    assert values("@link.npy") == (1.0,)
    assert values("@odd [bold]: 変数.npy") == (2.0,)


@pytest.mark.usefixtures("here")
def test_the_command_line_shows_the_file_name_with_a_caret(agx: Agx) -> None:
    Path("a.npy").write_bytes(SECRET.encode() * 50)
    outcome = agx("grad", "2*x", "--x", "@a.npy")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines() == [
        "error[bad-file]: this is not a readable npy file",
        " --> --x:1:2",
        "  |",
        "1 | @a.npy",
        "  |  ^^^^^",
    ]


@pytest.mark.usefixtures("here")
def test_a_gradient_comes_from_a_file(agx: Agx) -> None:
    npy("g.npy", [1.0, 10.0])
    assert agx("grad", "x**2", "--x", "1,2", "--gradient", "@g.npy", "-q").out == "2,40\n"
    assert "no.npy" in agx("grad", "x**2", "--x", "1,2", "--gradient", "@no.npy").err
