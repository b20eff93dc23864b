"""The page for people: it fits the terminal, is whole in a pipe, and nothing of the user's controls the terminal."""

from __future__ import annotations

import io
import json
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from autograd_cli import explore
from autograd_cli.render.escape import shortened, visible
from autograd_cli.render.look import ASCII, Look
from autograd_cli.render.pages.grad import page
from autograd_cli.render.parts.recorded_tree import tree_lines
from conftest import Agx

PROGRAMS = [
    ("2*x", {"x": "1,2,3,4"}),
    ("(x*w + x).softmax(0).log().sum()", {"x": "1,2;3,4", "w": "2"}),
    ("(x@x.T).exp().sum(0)", {"x": "randn(20,30)"}),
    ("x" + ".sin()" * 60, {"x": "1"}),
    ("x" + "+x*x" * 40, {"x": "1,2"}),
    ("(α変数 * 2).detach() + x", {"α変数": "1,2", "x": "1"}),
    ("layer_norm(x, [3]).split(1)", {"x": "1,2;3,4"}),
]


def drawn(program: str, look: Look, **inputs: object) -> list[str]:
    """The lines of a page without colour."""
    console = Console(file=io.StringIO(), width=look.width or 10_000, color_system=None)
    console.print(page(explore(program, inputs=inputs), look))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize(("program", "inputs"), PROGRAMS, ids=[program[:20] for program, _ in PROGRAMS])
def test_it_fits_the_terminal(program: str, inputs: dict[str, object], width: int) -> None:
    lines = drawn(program, Look(width=width), **inputs)
    assert max(map(cell_len, lines)) <= width
    if width >= 80:
        facts = " ".join(lines)
        assert all(node.name in facts for node in explore(program, inputs=inputs).trace.nodes[:5]), "no name is broken"
        assert "requires_grad" in facts
    assert not any("…" in line for line in lines[:3])


def test_nothing_is_cut_in_a_pipe(agx: Agx) -> None:
    program = "x" + ".sin()" * 60
    outcome = agx("grad", program, "--x", "1")
    assert re.search(rf"^SinBackward0 +{re.escape(program)}$", outcome.out, re.MULTILINE)
    assert "…" not in outcome.out


def test_full_unfolds_all(agx: Agx) -> None:
    program = "x" + ".sin()" * 60
    folded, full = agx("grad", program, "--x", "1").out, agx("grad", program, "--x", "1", "--full").out
    assert "⋮ 53 more nodes (--full shows all)" in folded
    assert full.count("→ SinBackward0") == 59
    assert "⋮" not in full


def test_depth_draws_so_many_levels() -> None:
    report = explore("x" + "+x*x" * 3, x="1,2")
    (root,) = [info.grad_fn for info in report.trace.output_tensors()]
    assert root is not None
    lines = tree_lines(report.trace, [root], report.source, Look(depth=2))
    assert [line.name for line in lines[:-1]] == ["AddBackward0", "AddBackward0", "MulBackward0"]
    assert lines[-1].name.startswith(f"⋮ {len(report.trace.nodes) - 3} more nodes")


def test_every_node_is_drawn_once_and_then_referred_to() -> None:
    report = explore("y = x*x; (y*y + y).sum()", x="1,2")
    (root,) = [info.grad_fn for info in report.trace.output_tensors()]
    assert root is not None
    lines = tree_lines(report.trace, [root], report.source, Look())
    once = [line for line in lines if "shown above" not in line.label]
    assert len(once) == len(report.trace.nodes)
    assert [line.name for line in lines if line not in once] == ["MulBackward0"]


def test_a_deep_graph_is_drawn_without_recursion() -> None:
    report = explore("\n".join(["y = x"] + ["y = y.sin()"] * 3_000 + ["y"]), x="1")
    assert report.ok
    assert len(report.trace.nodes) == 3_001
    lines = drawn("\n".join(["y = x"] + ["y = y.sin()"] * 3_000 + ["y"]), Look(width=80), x="1")
    assert "→ ⋮ 2,993 more nodes (--full shows all)" in "\n".join(lines)


def test_a_large_tensor_shows_corners_and_counts() -> None:
    lines = drawn("x/x", Look(width=80), x="arange(10000.).reshape(100,100)")
    text = "\n".join(lines)
    assert "[[0.000e+00, 1.000e+00" in text or "[[   0.,    1.," in text
    assert "10,000 elements  min 1  max 1  mean 1  NaN 1  inf 0" in text


def test_above_a_million_elements_there_is_a_summary(agx: Agx) -> None:
    words = ("grad", "x.sum()", "--x", "arange(1000001.)", "--json")
    told = agx(*words).report["tensors"]["x"]
    assert (told["truncated"], told["values"]) == (True, None)
    assert told["summary"]["corners"] == [0.0, 1.0, 2.0, 999998.0, 999999.0, 1000000.0]
    assert (told["summary"]["minimum"], told["summary"]["maximum"]) == (0.0, 1000000.0)
    full = json.loads(agx(*words, "--full").out)["tensors"]["x"]  # a validator takes minutes for it
    assert (full["truncated"], full["summary"], len(full["values"])) == (False, None, 1000001)
    quiet = agx("grad", "x.sum()", "--x", "arange(1000001.)", "-q")
    assert quiet.code == 2
    assert "--full" in quiet.err


HOSTILE = ["\x1b[31mred", "\x07", "\x9b31m", "\u202eevil", "a\rb", "\x7f", "[bold]x[/]", "[/]", ":smile:"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_the_user_controls_the_terminal(agx: Agx, text: str) -> None:
    for words in (
        [text, "--x", "1"],
        ["x", "--x", text],
        ["x", f"--{text}", "1"],
        ["x", "--x", f"@{text}.npy"],
        [f"x if '{text}' else x", "--x", "1"],
        ["x", "--x", "1", "-o", f"{text}/a.txt"],
        ["x", "--x", "1", "--device", text],
        ["x", "--x", "1", "--seed", text],
        [text],
    ):
        for more in ([], ["--json"]):
            outcome = agx("grad", *words, *more)
            shown = outcome.out + outcome.err
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", shown)
            assert outcome.code in {0, 1, 2}
            assert "agx failed" not in shown


def test_brackets_are_shown_as_they_are(agx: Agx) -> None:
    assert "x[i]   " in agx("grad", "x[i]*1", "--x", "1,2", "--i", "0:int64").out


def test_visible() -> None:
    assert visible("a\tb\x1b\u202e\udc80é変") == "a    b\\x1b\\u202e\\udc80é変"
    assert shortened("x.sin().cos().exp()", 11) == "x.sin…exp()"


def test_colour_is_for_terminals_unless_asked_for(agx: Agx, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = agx("grad", "2*x", "--x", "1").out
    assert "\x1b" not in plain
    coloured = agx("grad", "2*x", "--x", "1", "--color", "always").out
    assert "\x1b[" in coloured
    assert [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", coloured).splitlines()] == plain.splitlines()
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in agx("grad", "2*x", "--x", "1").out
    assert "\x1b" not in agx("grad", "2*x", "--x", "1", "--color", "never").out


def test_without_unicode_the_glyphs_are_ascii() -> None:
    assert all(line.isascii() for line in drawn("(x*w).sin() + x", Look(glyphs=ASCII), x="1", w="2"))


def test_a_refused_operation_has_no_result_on_its_page(agx: Agx) -> None:
    outcome = agx("grad", "x@w", "--x", "1,2", "--w", "1,2,3")
    assert outcome.code == 1
    assert "result" not in outcome.out
    assert "x is float32 of shape [2], w is float32 of shape [3]" in outcome.out


def test_a_chain_is_drawn_once(agx: Agx) -> None:
    out = agx("grad", "x.sin().sum()", "--x", "1,2").out
    assert out.count("AccumulateGrad(x)") == 1
    assert "grad_fn  SumBackward0 → SinBackward0 → AccumulateGrad(x)\n" in out


LONG = [
    ("((x*w).sin().exp() + (x - w).tanh()*torch.sigmoid(x*w*3)).sum()", {"x": "1,2,3", "w": "2,3,4"}),
    ("torch.log_softmax(((((x@w)))+b), dim=1).mean()", {"x": "ones(3,4)", "w": "ones(4,5)", "b": "ones(5)"}),
    ("sum([" + ", ".join(f"a{index}" for index in range(12)) + "])", {f"a{index}": "1" for index in range(12)}),
    ("nn.functional.cross_entropy(nn.Linear(4,3)(x), torch.tensor([0,2]))", {"x": "ones(2,4)"}),
]


@pytest.mark.parametrize(("program", "inputs"), LONG, ids=[program[:20] for program, _ in LONG])
def test_a_tensor_takes_one_line_at_80_columns(program: str, inputs: dict[str, object]) -> None:
    lines = drawn(program, Look(width=80), **inputs)
    heading = next(index for index, line in enumerate(lines) if line.startswith("tensor"))
    table = lines[heading : lines.index("", heading)]
    starts = [table[0].index(name) for name in ("shape", "requires_grad", "is_leaf", "grad_fn", ".grad")]
    for line in table[1:]:
        assert all(line[start - 1] == " " and line[start] != " " for start in starts), line
    assert max(map(cell_len, lines)) <= 80


@pytest.mark.parametrize("width", [80, 120])
def test_a_sum_that_a_loop_has_made_does_not_fill_the_terminal(width: int) -> None:
    program = "y = x\nfor k in range(500):\n    y = y + x.sin()\ny.sum()"
    lines = drawn(program, Look(width=width), x="1,2")
    tree = lines[lines.index("grad_fn") :]
    assert len(tree) < 60
    assert max(map(cell_len, tree)) <= width
    assert any("AccumulateGrad(x)" in line or "more nodes below" in line for line in tree)
    assert sum("AddBackward0" in line for line in tree) >= 10
