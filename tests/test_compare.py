"""`agx compare`: every cell against plain torch, run by hand in each mode; what is asked wrongly; how it looks."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style

from autograd_cli.modes import MODES
from autograd_cli.render.look import ASCII, BAD, Look
from autograd_cli.render.pages.comparison import comparison
from autograd_cli.render.parts.compared import Section, sections
from autograd_cli.report import Report
from autograd_cli.tasks.comparison import LESSON, compare, lesson
from autograd_cli.tasks.request import Request
from conftest import Agx, Outcome

Cells = dict[tuple[str, str], str]

PROGRAMS = [
    "2*x",
    "(x*x).sum()",
    "x",
    "x.view(2, 1)",
    "x[0]",
    "x.clone()",
    "x.detach()",
    "x**2 + (x**3).detach()",
    "x > 1",
    "torch.ones(2)",
    "y = x*2\ny.add_(1)\n(y*y).sum()",
    "y = x.exp()\ny.add_(1)\ny.sum()",
    "y = x.exp()\ny.detach().add_(1)\ny.sum()",
    "y = x.exp()\ny.data.add_(1)\ny.sum()",
    "x.add_(1)\nx*x",
    "y = x.view(-1)\nz = y.t()\nz*3",
    "with torch.enable_grad():\n    y = x*3\nz = y*x\nz.sum()",
    "with torch.no_grad():\n    y = x**3\nx**2 + y",
    "y = x*x\nloss = y.sum()\nloss.backward()",
    "loss = (x*3).sum()\nloss.backward()\nloss.backward()",
    "w = torch.ones(2, requires_grad=True)\nloss = (x*w).sum()\nloss.backward()",
    "x = x*2\n(x*x).sum()",
    "y = x.sum()\ny.backward(retain_graph=True)\nz = y*y\nz.backward()",
    "y = (x*x).sum()\ntorch.autograd.grad(y, x)[0]",
]
GRAD = "autograd.grad"


class ByHand:
    """A program in one mode, by plain torch: what is named `tensors` in the end, the root, and who refused."""

    def __init__(self, mode: str, program: str) -> None:
        self.x = torch.tensor([1.0, 2.0], requires_grad=mode != "no-requires-grad")
        self.entered = {"detach": self.x.detach(), "data": self.x.data}.get(mode, self.x)
        self.as_it_entered = facts(self.entered)
        self.names: dict[str, Any] = {"torch": torch, "x": self.entered}
        self.roots: list[torch.Tensor] = []
        self.result: torch.Tensor | None = None
        self.forward, self.backward = "ok", "not called"
        with self.spied(), GRAD_MODES.get(mode, contextlib.nullcontext)():
            self.run(program)
        self.pull_result()

    def run(self, program: str) -> None:
        *lines, last = ast.parse(program).body
        try:
            exec(compile(ast.Module(lines, []), "<oracle>", "exec"), self.names)  # noqa: S102 - the oracle is Python
            if isinstance(last, ast.Expr):
                code = compile(ast.Expression(last.value), "<oracle>", "eval")
                self.result = eval(code, self.names)  # noqa: S307 - the oracle is Python
            else:
                exec(compile(ast.Module([last], []), "<oracle>", "exec"), self.names)  # noqa: S102 - the oracle is Python
            if GRAD in program:
                self.backward = "autograd.grad"
        except RuntimeError as error:
            if GRAD in program:
                self.backward = str(error)
            elif self.backward in {"ok", "not called"}:
                self.forward = str(error)
                self.backward = "ok" if self.roots else "not reached"

    def pull_result(self) -> None:
        """Go backward from the result, as agx does where the program calls no backward() itself."""
        if self.result is not None and not self.roots and self.backward == "not called" and self.forward == "ok":
            self.pull(self.result, torch.ones_like(self.result))

    @contextlib.contextmanager
    def spied(self) -> Any:
        """Within it, the backward passes of the program are seen."""
        real = torch.Tensor.backward

        def backward(root: torch.Tensor, *arguments: Any, **more: Any) -> None:
            self.roots.append(root)
            self.pull(root, *arguments, again=True, real=real, **more)

        torch.Tensor.backward = backward  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            torch.Tensor.backward = real  # type: ignore[method-assign]

    def pull(self, root: torch.Tensor, *arguments: Any, again: bool = False, real: Any = None, **more: Any) -> None:
        try:
            (real or torch.Tensor.backward)(root, *arguments, **more)
            self.backward = "ok"
        except RuntimeError as error:
            self.backward = str(error)
            if again:
                raise

    def cells(self) -> Cells:
        """(section, row) → what must stand there."""
        found: Cells = {("the run", "backward"): self.backward}
        found |= {("the run", "forward"): self.forward}
        for row in ("value", "requires_grad", "is_leaf", "is_inference"):
            found["x", row] = self.as_it_entered[row]
        found["x", "version"] = version(self.x)
        found["x", ".grad"] = "None" if self.x.grad is None else numbers(self.x.grad)
        found["x", "value at the end"] = numbers(self.x)
        shown = self.roots[-1] if self.roots else self.result
        if isinstance(shown, torch.Tensor) and (self.roots or self.forward == "ok"):
            found |= {("result", row): text for row, text in self.tensor(shown).items()}
        for name, tensor in self.names.items():
            if isinstance(tensor, torch.Tensor) and tensor is not self.entered:
                found |= {(name if name != "x" else "own x", row): text for row, text in self.tensor(tensor).items()}
        return found

    def tensor(self, tensor: torch.Tensor) -> dict[str, str]:
        is_shared = tensor.untyped_storage().data_ptr() == self.x.untyped_storage().data_ptr()
        return {**facts(tensor), "shares memory with": "x" if is_shared else "no input"}


GRAD_MODES: dict[str, Callable[[], Any]] = {"no-grad": torch.no_grad, "inference-mode": torch.inference_mode}


def facts(tensor: torch.Tensor) -> dict[str, str]:
    grad = tensor.grad if tensor.is_leaf else None
    return {
        "value": numbers(tensor),
        "requires_grad": str(tensor.requires_grad),
        "is_leaf": str(tensor.is_leaf),
        "grad_fn": "None" if tensor.grad_fn is None else type(tensor.grad_fn).__name__,
        ".grad": "None" if grad is None else numbers(grad),
        "version": version(tensor),
        "is_inference": str(tensor.is_inference()),
    }


def version(tensor: torch.Tensor) -> str:
    return "none" if tensor.is_inference() else str(tensor._version)  # noqa: SLF001 - torch has no other name for it


def numbers(tensor: torch.Tensor) -> str:
    text = np.array2string(tensor.detach().numpy(), precision=4, separator=", ")
    return re.sub(r"(?<=\[) +| +(?=[,\]])", "", " ".join(text.split())).replace(",  ", ", ")


def key_of(section: Section) -> str:
    """What the oracle calls a section."""
    if section.title == "result" or section.about == "where backward() started":
        return "result"
    return "own x" if section.title == "x" and section.about != "as it enters" else section.title


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_cell_is_what_torch_says(program: str) -> None:
    inputs = {"x": [1, 2]} if "x" in program.replace("exp", "") else {}
    report = compare(Request(program=program, inputs=inputs), tuple(MODES))
    assert [column.name for column in report.columns] == list(MODES)
    notes: dict[str, int] = {}
    checked = 0
    for section in sections(report, Look(), notes):
        for row in section.rows:
            for mode, cell in zip(MODES, row.cells, strict=True):
                expected = ByHand(mode, program).cells().get((key_of(section), row.name), "-")
                text = cell.text
                if cell.is_bad:
                    text = next(words for words, number in notes.items() if text == f"refused [{number}]")
                    text = text.removeprefix("RuntimeError: ")
                assert text == expected, (mode, section.title, row.name)
                checked += 1
    assert checked >= 6 * (8 if inputs else 6)


def test_rows_are_marked_where_the_modes_differ(agx: Agx) -> None:
    for line in agx("compare", "x.clone()", "--x", "1,2").out.splitlines():
        cells = re.split(r"  +", line.strip("* "))[1:]
        if len(cells) == len(MODES) and cells != list(MODES):
            assert line.startswith("* ") is (len(set(cells)) > 1)


def test_the_variables_in_which_no_mode_differs_are_left_out(agx: Agx) -> None:
    out = agx("compare", "k = torch.ones(2)\ny = x*k\n(y*y).sum()", "--x", "1,2", "--modes", "no-grad,detach").out
    assert not re.search("^(k|y)$", out, re.MULTILINE)
    out = agx("compare", "k = torch.ones(2)\n(x*k).sum()", "--x", "1,2", "--of", "k").out
    assert re.findall("^[a-z].*$", out, re.MULTILINE) == ["k", "the run"]


# The lesson.


def test_the_lesson_is_what_torch_does(agx: Agx) -> None:
    x = torch.tensor([0.0, 1.0])
    outcome = agx("compare", "--json")
    assert outcome.code == 0
    runs = outcome.report["modes"]
    assert list(runs) == list(LESSON)
    grads = [run["grads"]["x"] and run["grads"]["x"]["values"] for run in runs.values()]
    assert grads[0] == pytest.approx(x.exp().tolist())
    assert grads[1] == pytest.approx((x.exp() + 1).tolist())
    assert grads[2] is None
    leaf = x.clone().requires_grad_()
    y = leaf.exp()
    y.detach().add_(1)
    with pytest.raises(RuntimeError) as refused:
        y.sum().backward()
    assert runs["y.detach().add_(1)"]["refusal"]["message"] == str(refused.value)
    assert [run["tensors"]["y"]["version"] for run in runs.values()] == [0, 0, 1]


def test_the_commands_of_the_lesson_run(agx: Agx) -> None:
    lines = [line.strip() for line in agx("compare").out.splitlines() if line.startswith("  agx ")]
    assert len(lines) == 3
    for line in lines:
        assert agx(*shlex.split(line)[1:]).code == 0


@pytest.mark.parametrize("words", ["--x 1", "--modes detach", "--of x", "--wrt x", "--gradient 1"])
def test_the_lesson_is_for_a_call_that_asks_for_nothing_else(agx: Agx, words: str) -> None:
    assert agx("compare", "--json", *words.split()).report["diagnostics"][0]["message"] == "there is no expression"


def test_the_lesson_is_no_answer_to_a_request_that_cannot_be_understood(agx: Agx) -> None:
    outcome = agx("compare", "--dtype", "float3", "--json")
    assert outcome.code == 2
    assert outcome.report["status"] == "bad-request"


# What scripts read.


def test_json_has_for_each_mode_what_grad_has(agx: Agx) -> None:
    outcome = agx("compare", "(x*x).sum()", "--x", "1,2", "--json", "--dtype", "float64")
    report = outcome.report
    assert (outcome.code, outcome.err, report["ok"], report["mode"]) == (0, "", True, None)
    assert report["settings"]["dtype"] == "float64"
    assert list(report["modes"]) == list(MODES)
    for mode, run in report["modes"].items():
        flags = [] if mode == "requires-grad" else [f"--{mode}"]
        alone = agx("grad", "(x*x).sum()", "--x", "1,2", "--json", "--dtype", "float64", *flags).report
        assert run == {key: alone[key] for key in run}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("x*w --x 1,2 --w 3 --modes requires-grad", "requires-grad x=3,3\nrequires-grad w=3\n"),
        ("2*x --x 1 --modes requires-grad,detach", "requires-grad x=2\ndetach x=None\n"),
        ("x*w --x 1,2 --w 3 --modes requires-grad --of w", "requires-grad w=3\n"),
        ("x.requires_grad --x 1 --modes requires-grad,data", "requires-grad result=True\ndata result=False\n"),
    ],
)
def test_quiet_is_a_line_for_each_gradient(agx: Agx, words: str, expected: str) -> None:
    assert agx("compare", "-q", *words.split()).out == expected


@pytest.mark.parametrize("suffix", [".json", ".txt", ".svg", ".html"])
def test_it_is_written_to_files(agx: Agx, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    outcome = agx("compare", "2*x", "--x", "1,2", "-o", str(path))
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    text = path.read_text(encoding="utf-8")
    assert "inference" in text
    assert "MulBackward0" in text
    if suffix == ".txt":
        assert text == agx("compare", "2*x", "--x", "1,2").out
    if suffix == ".json":
        Outcome(code=0, out=text, err="").report  # noqa: B018 - reading it checks it by the schema


# Exit codes and errors.


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("2*x --x 1", 0),
        ("2*x --x 1 --modes detach,requires-grad", 0),
        ("2*x --x 1 --modes detach,data", 1),
        ("x.detach() --x 1", 1),
        ("sqrt(-x) --x 1 --modes requires-grad", 1),
        ("2*x --x 1 --modes detach --of x", 1),
        ("2* --x 1", 2),
        ("2*x --x 1,a", 2),
        ("2*x", 2),
        ("2*x --x 1 --device gpu", 2),
        ("2*x --x 1 --wrt y", 2),
        ("2*x --x 1 --gradient 1,2,3", 2),
        ("2*x --x 1 --of z", 2),
        ("sin(sin(sin(x))) --x 1 --limit steps=6", 3),
    ],
)
def test_the_exit_code(agx: Agx, words: str, code: int) -> None:
    for_people, for_scripts = agx("compare", *words.split()), agx("compare", "--json", *words.split())
    report = for_scripts.report
    assert for_people.code == for_scripts.code == code
    assert report["ok"] is (code == 0)
    if code >= 2:
        assert (for_people.out, report["modes"]) == ("", {})
        assert for_people.err.count("error[") == len(report["diagnostics"]) == 1, "one error, not six"


@pytest.mark.parametrize(
    ("words", "rule", "piece", "told"),
    [
        ("--modes nograd,detach", "unknown-mode", "nograd", "did you mean no-grad?"),
        ("--modes detach,no_grad", "unknown-mode", "no_grad", "did you mean no-grad?"),
        ("--modes=detach,zzz", "unknown-mode", "zzz", "the modes are requires-grad,"),
        ("--modes detach,no-grad,detach", "usage", "detach", "the second time here"),
        ("--modes ''", "unknown-mode", "''", "the modes are requires-grad,"),
        ("--modes ,", "unknown-mode", ",", "the modes are requires-grad,"),
        ("--modes", "missing-value", "--modes", "no value follows"),
        ("--mode detach", "unknown-option", "--mode", "did you mean --modes?"),
        ("--modes detach --modes data", "usage", "--modes", "the second time here"),
        ("--no-grad", "usage", "--no-grad", "--modes requires-grad,no-grad"),
        ("--inference-mode", "usage", "--inference-mode", "--modes requires-grad,inference-mode"),
        ("--data", "usage", "--data", "--var data=VALUE"),
        ("--jsn", "unknown-option", "--jsn", "did you mean --json?"),
        ("--python", "unknown-option", "--python", "--python belongs to agx grad"),
    ],
)
def test_what_is_asked_wrongly_is_told_at_its_place(agx: Agx, words: str, rule: str, piece: str, told: str) -> None:
    report = agx("compare", "2*x", "--x", "1", "--json", *shlex.split(words)).report
    found = report["diagnostics"][0]
    assert found["rule"] == rule
    span = found["span"]
    assert report["command_line"][span["column"] : span["end_column"]].startswith(piece)
    assert told in f"{found['label']} {found['fix']}"


def test_an_option_that_is_the_name_of_a_variable(agx: Agx) -> None:
    found = agx("compare", "x*data", "--x", "1", "--var", "data=3", "--json")
    assert found.code == 0
    assert "write --var data=VALUE" in agx("compare", "x*data", "--x", "1").err


# How it looks.

WIDE = [
    ("2*x", {"x": "1,2"}),
    ("y = 変数*2\nz = (y*x).exp()\nz.sum()", {"変数": "1,2", "x": "3,4"}),
    ("(x@w).softmax(0)", {"x": "randn(3,4)", "w": "randn(4)"}),
    ("y = x.exp()\ny.add_(1)\ny.sum()", {"x": "1,2"}),
]


def drawn(report: Report, look: Look) -> list[str]:
    console = Console(file=io.StringIO(), width=look.width or 10_000, color_system=None)
    console.print(comparison(report, look))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [60, 80, 120, None])
@pytest.mark.parametrize(("program", "inputs"), WIDE, ids=[program[:20] for program, _ in WIDE])
def test_the_columns_fit_the_width_in_blocks(program: str, inputs: dict[str, object], width: int | None) -> None:
    report = compare(Request(program=program, inputs=inputs), tuple(MODES))
    lines = drawn(report, Look(width=width, glyphs=ASCII))
    assert width is None or max(map(cell_len, lines)) <= width
    headings = [line.split() for line in lines if set(line.split()) <= set(MODES) and line]
    first, *others = MODES
    assert all(names[0] == first for names in headings), "the reference stands in every block"
    assert [name for names in headings for name in names[1:]] == others
    if program == "2*x":
        assert len(headings) == {None: 1, 120: 1, 80: 2, 60: 5}[width]
    assert not any("…" in line or "..." in line for line in lines)


def test_cells_stand_under_their_headings_whatever_the_width_of_a_name(agx: Agx) -> None:
    out = agx("compare", "y = 変数*2\ny.sum()", "--変数", "1,2").out.splitlines()
    starts = [out[0].index(mode) for mode in MODES]
    for line in out:
        if line.startswith(("* ", "  ")) and line.count("  ") >= len(MODES):
            assert all(line[start - 1] == " " and line[start] != " " for start in starts), line


def test_nothing_is_cut_in_a_pipe(agx: Agx) -> None:
    values = ",".join(f"{number}.125" for number in range(30))
    out = agx("compare", "x*1", "--x", values, "--modes", "requires-grad").out
    assert values.replace(",", ", ") in " ".join(out.split()).replace("[ ", "[")
    assert max(map(len, out.splitlines())) < 120


def test_matrices_are_whole_once_and_then_the_same() -> None:
    inputs = {"x": "arange(15.).reshape(3,5)/7", "w": "arange(20.).reshape(5,4)/9"}
    report = compare(Request(program="y = torch.tanh(x @ w); y.sum()", inputs=inputs), tuple(MODES))
    for width in (60, 80, 120, None):
        lines = drawn(report, Look(width=width))
        assert width is None or max(map(cell_len, lines)) <= width
        text = " ".join(lines)
        assert text.count("2.1111") == 1, "the last number of w"
        assert len(re.findall(r"the same", text)) == 5 * 2


def test_a_wrong_gradient_is_marked_and_red() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system="standard", highlight=False)
    console.print(comparison(lesson(), Look(width=100)))
    assert isinstance(console.file, io.StringIO)
    rows = console.file.getvalue().splitlines()
    red = Style.parse(BAD).render("[2., 3.7183] ✗", color_system=ColorSystem.STANDARD)
    assert [red in row for row in rows if "3.7183" in row] == [True, True]
    assert any("✗ not the gradient of y = y + 1" in row for row in drawn(lesson(), Look(width=100)))


def test_help_tells_all(agx: Agx) -> None:
    out = agx("compare", "--help").out
    for words in ("--modes", "--of", "agx compare -f", *MODES):
        assert words in out
    assert "--no-grad " not in out
    assert json.loads(agx("schema").out)["$defs"]["answer"]["properties"]["modes"]
