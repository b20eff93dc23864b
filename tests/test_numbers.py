"""How tensors are shown: small ones whole, large ones by their range, and NaN and infinities are always mentioned."""

from __future__ import annotations

import math
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_cli.engine.record.snapshot import values_of
from autograd_cli.render.look import Look
from autograd_cli.render.parts.numbers import SHOWN_WHOLE, norm_text, range_text, statistics
from autograd_cli.render.parts.short import tensor_text
from autograd_cli.trace import TensorValues
from conftest import Agx

KEPT = 1_000  # of larger tensors there is a summary
NUMBER = re.compile(r"-?(?:inf|nan|\d+\.?\d*(?:e[+-]\d+)?)")
SPECIAL = [math.nan, math.inf, -math.inf, 0.0, 1e-30, 1e30, -1.5]


def held(tensor: torch.Tensor) -> TensorValues:
    return values_of(tensor, KEPT)


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    """Of any shape and size, some of its elements special."""
    shape = draw(
        st.sampled_from(
            [(), (1,), (7,), (36,), (2, 3), (3, 5), (6, 6), (16, 1), (4, 8, 1), (2, 3, 4), (37,), (40, 50), (1001,)]
        )
    )
    tensor = torch.randn(shape, generator=torch.Generator().manual_seed(draw(st.integers(0, 99))), dtype=torch.float64)
    flat = tensor.reshape(-1)
    for place, number in draw(st.lists(st.tuples(st.integers(0, flat.numel() - 1), st.sampled_from(SPECIAL)))):
        flat[place] = number
    return flat.reshape(shape)


@given(tensor=tensors(), width=st.integers(20, 120), full=st.booleans())
@settings(max_examples=150, deadline=None)
def test_every_number_of_a_small_tensor_is_shown(tensor: torch.Tensor, width: int, full: bool) -> None:  # noqa: FBT001 - drawn
    values = held(tensor)
    text = tensor_text(values, Look(full=full), width=width)
    if tensor.numel() <= SHOWN_WHOLE or (full and values.values is not None):
        numbers = [float(word) for word in NUMBER.findall(text)]
        numbers *= tensor.numel() if text.startswith("all ") else 1
        shown = torch.tensor(numbers, dtype=torch.float64)
        expected = tensor.reshape(-1)
        assert torch.allclose(shown, expected, rtol=1e-4, atol=6e-5, equal_nan=True)
        assert all(len(row) <= max(width, 28) for row in text.split("\n"))
    else:
        assert "\n" not in text


@given(tensor=tensors())
@settings(max_examples=150, deadline=None)
def test_a_summary_counts_what_is_no_number(tensor: torch.Tensor) -> None:
    found = statistics(held(tensor))
    assert (found.nan_count, found.inf_count) == (int(tensor.isnan().sum()), int(tensor.isinf().sum()))
    assert found.norm == pytest.approx(float(tensor.norm()), nan_ok=True)
    text = range_text(held(tensor))
    if not text.startswith("all "):
        assert (f"NaN {found.nan_count:,}" in text) == bool(found.nan_count)
        assert (f"inf {found.inf_count:,}" in text) == bool(found.inf_count)
    elif found.nan_count or found.inf_count:
        assert tensor.numel() in {found.nan_count, found.inf_count}


@pytest.mark.parametrize("size", [3, KEPT + 1])
def test_a_norm_of_nan_is_nan_and_one_of_infinity_infinite(size: int) -> None:
    plain = torch.ones(size)
    for number, expected in ((math.nan, "nan, NaN 1"), (math.inf, "inf, inf 1"), (-math.inf, "inf, inf 1")):
        plain[1] = number
        assert norm_text(held(plain), Look()) == f"[{size}] norm {expected}"
    huge = torch.full((size,), 1e200, dtype=torch.float64)
    assert statistics(held(huge)).norm == pytest.approx(1e200 * math.sqrt(size))


@pytest.mark.parametrize("size", [40, KEPT + 1])
def test_true_is_counted(size: int) -> None:
    assert range_text(held(torch.arange(size) < 5)) == f"5 of {size:,} True"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("v = []", "[]"),
        ("v = ()", "()"),
        ("v = {}", "{}"),
        ("v = [[], ()]", "2 elements"),
        ("v = [1, 2.5, True]", "[1, 2.5, True]"),
        ("v = (1,)", "(1,)"),
        ("v = {'a': 1}", "1 element"),
        ("v = None", "None"),
        ("v = False", "False"),
        ("v = 3+0j", "(3+0j)"),
        ("v = x.shape", "(2,)"),
        ("v = x.tolist()", "[1.0, 2.0]"),
        ("v = torch.zeros(0)", "[]"),
        ("v = torch.zeros(2, 0)", "[]"),
        ("v = torch.tensor(5)", "5"),
        ("v = torch.tensor([True, False])", "[True, False]"),
        ("v = torch.tensor(1+2j)", "1.+2.j"),
        ("v = torch.tensor([1e-30, 1e30])", "[1.e-30, 1.e+30]"),
        ("v = torch.tensor([2**62, 1])", "[4611686018427387904, 1]"),
        ("v = torch.tensor([-float('inf'), 0.])", "[-inf, 0.]"),
        ("v = torch.full((50,), float('inf'))", "all inf"),
        ("v = torch.full((50,), -float('inf'))", "all -inf"),
        ("v = torch.full((2000,), -float('inf'))", "inf 2,000"),
        ("v = torch.full((2000,), float('nan'))", "all NaN"),
        ("v = torch.arange(50.).log()", "min 0 max 3.89, inf 1"),
    ],
)
def test_a_value_beside_its_line(agx: Agx, line: str, shown: str) -> None:
    out = agx("explain", f"{line}\n(x*1).sum()", "--x", "1,2").out
    assert re.search(rf"{re.escape(line)} +v +{re.escape(shown)}(  |$)", out, re.MULTILINE), out


def test_a_matrix_is_whole_in_each_part_of_the_page(agx: Agx) -> None:
    out = agx("explain", "y = x/3; y.sum()", "--x", "arange(15.).reshape(3,5)", "--gradient", "2").out
    (rows,) = {tuple(re.findall(r"\d\.\d+", block)) for block in re.findall(r"\[\[0\. .*\n.*\n.*\]\]", out)} - {()}
    assert rows
    for part in ("y   ", "at the end", "backward pass"):
        assert part in out
    assert "min " not in out


def test_full_shows_all_of_what_was_computed_on_the_way(agx: Agx) -> None:
    program = "y = x.exp(); y.sum()"
    words = ("explain", program, "--x", "arange(1100.)/1000")
    number = "1.6487"  # exp(0.5), from the middle
    assert number not in agx(*words).out
    full = agx(*words, "--full").out
    assert "..." not in full
    assert full.count(number) == 5  # y beside the line, to x, x.grad, y and x.grad at the end
