"""The lessons: what their sentences say of a run is what plain Python and torch say of the same lines."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pytest
import torch

from autograd_cli import Report, explore
from autograd_cli.lessons import LESSONS, Lesson
from autograd_cli.render.parts.lesson_text import sentence
from autograd_cli.translation import LANGUAGES, translate
from conftest import Agx

PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
CODE = re.compile(r"`[^`]+`")

# How each lesson ends: what torch refuses, and where.
REFUSALS = {
    "requires-grad": "n.requires_grad_()",
    "in-place": "y.sum().backward()",
    "inference-mode": "p = x * y",
}
# The point of each lesson, as its sentences must bring it.
POINTS = [
    ("requires-grad", "`b.grad_fn` is None"),
    ("requires-grad", "`y.grad_fn` is MulBackward0"),
    ("requires-grad", "dtype of `n` is int64"),
    ("leaf", "`x.grad` became [3., 3.]"),
    ("leaf", "`y.grad` is None"),
    ("leaf", "The pass ran, and yet `x.grad` is None"),
    ("leaf", "`leaf.grad` is [6., 6.]"),
    ("backward", "`y` is 14."),
    ("backward", "so `x.grad` is [2., 4., 6.]"),
    ("backward", "Now `x.grad` is [2., 0.4, 0.06]"),
    ("accumulate", "Before: [2., 4.]. Added: [3., 3.]. After: [5., 7.]."),
    ("accumulate", "`x.grad` is [3., 3.]"),
    ("retain-grad", "`y.grad` was kept: [6., 12.]"),
    ("retain-grad", "`z.grad` is None"),
    ("in-place", "its version is 0"),
    ("in-place", "its version is 1"),
    ("in-place", "is at version 1; expected version 0 instead”"),
    ("detach", "`x.grad` is [1., 2.], the numbers of `d`"),
    ("detach", "`x.grad` is [2., 4.]"),
    ("detach", "changed `x`, which is now [10., 20.]"),
    ("no-grad", "`z` is 27, the right number, but `z.requires_grad` is False"),
    ("no-grad", "`x.grad` is 6."),
    ("no-grad", "`x.grad` is 33."),
    ("inference-mode", "It has no version counter (its version is None)"),
    ("inference-mode", "`s.grad_fn` is AddBackward0"),
    ("data", "`x.grad` is [20., 40.]. It should be [2., 4.]"),
    ("data", "the version of `x` is still 0"),
]
# What the sentences say beyond the run: the words, the lines by which plain torch shows it, and what is then true.
CLAIMS = [
    ("requires-grad", "`n.float()`", "n = torch.tensor([1, 2]).float(); n.requires_grad_()", "n.requires_grad"),
    (
        "leaf",
        "`with torch.no_grad(): x -= 0.1 * x.grad`",
        "x = torch.ones(2, requires_grad=True)\nx.sum().backward()\nwith torch.no_grad(): x -= 0.1 * x.grad",
        "x.is_leaf and x.requires_grad and x.grad is not None and x[0] < 1",
    ),
    ("backward", "`z.backward()`, without weights, is an error", "z = 2 * x", "refused(z.backward)"),
    ("backward", "gives all rows the same weight", "(x * x).sum().backward()", "torch.equal(x.grad, 2 * x)"),
    (
        "backward",
        "it computes the gradient of the scalar `(v * z).sum()`",
        "v = torch.tensor([1., .1, .01]); (v * x * x).sum().backward(); g = x.grad; x.grad = None; (x * x).backward(v)",
        "torch.equal(g, x.grad)",
    ),
    (
        "backward",
        "each row times its weight, and the rows added up",
        "z = torch.stack([x.sum(), x.prod()]); z.backward(torch.tensor([1., 10.]))",
        "torch.equal(x.grad, 1 * torch.tensor([1., 1., 1.]) + 10 * torch.tensor([6., 3., 2.]))",
    ),
    (
        "accumulate",
        "`optimizer.zero_grad()`",
        "optimizer = torch.optim.SGD([x]); x.sum().backward(); optimizer.zero_grad()",
        "x.grad is None",
    ),
    ("in-place", "Write `y = y + 1`", "y = x.exp(); y = y + 1; y.sum().backward()", "x.grad is not None"),
    (
        "in-place",
        "An addition, for example, saves nothing",
        "y = x + 1; y.mul_(3); y.sum().backward()",
        "x.grad[0] == 3",
    ),
    (
        "detach",
        "refuse a backward pass that needs the old numbers",
        "y = (x * x).sum(); x.detach().mul_(10)",
        "refused(y.backward)",
    ),
    (
        "detach",
        "For a copy, write `x.detach().clone()`",
        "c = x.detach().clone(); c.mul_(10)",
        "x[0] == 1 and not c.requires_grad",
    ),
    (
        "inference-mode",
        "Outside the block, `y.clone()` makes an ordinary tensor",
        "with torch.inference_mode(): y = x * 3\nz = x * y.clone()",
        "y.is_inference() and not y.clone().is_inference() and z.requires_grad",
    ),
    (
        "data",
        "`x.detach()` shares the version counter, too",
        "d = x.detach(); d.mul_(10)",
        "d._version == x._version == 1 and x.data._version == 0",
    ),
]
EACH = pytest.mark.parametrize("lesson", LESSONS.values(), ids=LESSONS)


@cache
def report_of(name: str) -> Report:
    return explore(LESSONS[name].program)


@cache
def text_of(name: str, language: str) -> str:
    """All sentences of a lesson."""
    trace = report_of(name).trace
    return "\n".join(sentence(translate(part.text, language), trace) for part in LESSONS[name].parts)


def placeholders(lesson: Lesson) -> list[str]:
    return [found for part in lesson.parts for found in PLACEHOLDER.findall(part.text)]


@dataclass
class ByPython:
    """A program as Python runs it: after each line and each backward pass, what the names were then."""

    lines: dict[int, dict[str, dict[str, Any]]] = field(default_factory=dict)
    passes: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    refusal: str | None = None


def facts(tensor: torch.Tensor) -> dict[str, Any]:
    """The state of a tensor, as values that later lines do not change."""
    is_inference = tensor.is_inference()
    return {
        "": tensor.tolist(),
        "requires_grad": tensor.requires_grad,
        "is_leaf": tensor.is_leaf,
        "grad_fn": None if tensor.grad_fn is None else type(tensor.grad_fn).__name__,
        "dtype": str(tensor.dtype).removeprefix("torch."),
        "version": None if is_inference else tensor._version,  # noqa: SLF001 - torch has no other name for it
        "retains_grad": tensor.retains_grad,
        "is_inference": is_inference,
        "grad": tensor.grad.tolist() if _has_grad(tensor) and tensor.grad is not None else None,
    }


def _has_grad(tensor: torch.Tensor) -> bool:
    return tensor.is_leaf or tensor.retains_grad  # reading .grad of another one warns


def by_python(program: str) -> ByPython:
    told = ByPython()
    names: dict[str, Any] = {"torch": torch}

    def state() -> dict[str, dict[str, Any]]:
        return {name: facts(value) for name, value in names.items() if isinstance(value, torch.Tensor)}

    for statement in ast.parse(program).body:
        before = {name: fact["grad"] for name, fact in state().items()}
        try:
            exec(compile(ast.Module([statement], []), "program", "exec"), names)  # noqa: S102 - the oracle is Python
        except RuntimeError as error:
            told.refusal = str(error)
        now = state()
        told.lines[statement.end_lineno or 0] = now
        if "backward(" in ast.unparse(statement):
            told.passes.append((before, {name: fact["grad"] for name, fact in now.items()}))
    return told


def expected(placeholder: str, told: ByPython) -> Any:
    """What a placeholder stands for, by plain torch."""
    if placeholder == "refusal":
        assert told.refusal is not None
        return told.refusal.split(" Hint:")[0].rstrip(".")
    path, _, moment = placeholder.partition("@")
    name, _, fact = path.partition(".")
    if moment.startswith("line "):
        return told.lines[int(moment.removeprefix("line "))][name][fact]
    if fact == "added":
        before, after = (torch.tensor(each[name]) for each in told.passes[int(moment) - 1])
        return (after - before).tolist()
    if moment == "0":
        return told.passes[0][0][name]
    if moment:
        return told.passes[int(moment) - 1][1][name]
    return told.lines[max(told.lines)][name][fact]


@EACH
def test_every_number_is_that_of_plain_torch(lesson: Lesson) -> None:
    told = by_python(lesson.program)
    trace = report_of(lesson.name).trace
    for placeholder in placeholders(lesson):
        said, meant = sentence(f"{{{placeholder}}}", trace), expected(placeholder, told)
        if isinstance(meant, list | float):
            numbers = torch.tensor(ast.literal_eval(said), dtype=torch.float64)
            torch.testing.assert_close(numbers, torch.tensor(meant, dtype=torch.float64), rtol=1e-4, atol=1e-6)
        else:
            assert said == str(meant)


@EACH
def test_a_lesson_ends_as_meant(lesson: Lesson) -> None:
    report = report_of(lesson.name)
    refusal = report.trace.refusal
    assert report.traces, report.diagnostics
    assert by_python(lesson.program).refusal == (None if refusal is None else refusal.message)
    if refusal is None:
        assert lesson.name not in REFUSALS
    else:
        assert refusal.span is not None
        assert lesson.program.splitlines()[refusal.span.line - 1] == REFUSALS[lesson.name]
        assert refusal.span.line == len(lesson.program.splitlines())


@pytest.mark.parametrize(("name", "point"), POINTS)
def test_the_point_of_a_lesson(name: str, point: str) -> None:
    assert point in text_of(name, "en")


@pytest.mark.parametrize(("name", "words", "lines", "claim"), CLAIMS)
def test_what_a_lesson_says_beyond_its_run(name: str, words: str, lines: str, claim: str) -> None:
    def refused(call: Callable[[], object]) -> bool:
        with pytest.raises(RuntimeError):
            call()
        return True

    assert words in text_of(name, "en")
    names = {"torch": torch, "x": torch.tensor([1.0, 2.0, 3.0], requires_grad=True), "refused": refused}
    exec(lines, names)  # noqa: S102 - the oracle is Python
    assert eval(claim, names)  # noqa: S307 - a claim of this file


@EACH
def test_no_number_is_typed(lesson: Lesson) -> None:
    """A sentence has no numbers but those of the run and those in code."""
    for part in lesson.parts:
        for language in LANGUAGES:
            prose = PLACEHOLDER.sub("", CODE.sub("", translate(part.text, language)))
            assert not re.search(r"\d|\b(True|False|None|\w+Backward)\b", prose)


@EACH
@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_a_translation_has_the_same_numbers(lesson: Lesson, language: str) -> None:
    trace = report_of(lesson.name).trace
    for part in lesson.parts:
        translation = translate(part.text, language)
        assert translation != part.text
        for answer in (sentence(f"{{{each}}}", trace) for each in PLACEHOLDER.findall(part.text)):
            assert answer in sentence(part.text, trace)
            assert answer in sentence(translation, trace)


@EACH
def test_the_page_of_a_lesson_stays_small(lesson: Lesson) -> None:
    lines = lesson.program.splitlines()
    assert 3 <= len(lines) <= 10
    assert max(map(len, lines)) <= 60
    assert "import" not in lesson.program
    assert all(part.code for part in lesson.parts[:-1])
    assert not lesson.parts[-1].code
    assert all(part.text.endswith(":") for part in lesson.parts[:-1])


@EACH
def test_what_to_try_works(agx: Agx, lesson: Lesson) -> None:
    program, *words = shlex.split(lesson.now_try)
    outcome = agx(*words)
    assert program == "agx"
    assert outcome.code == lesson.exit_code
    assert outcome.out
    assert len(lesson.now_try) <= 88


def test_the_lessons_lead_to_one_another() -> None:
    name: str | None = next(iter(LESSONS))
    met = []
    while name is not None:
        met.append(name)
        name = LESSONS[name].next
    assert met == list(LESSONS)
    assert set(met) == set(
        "requires-grad leaf backward accumulate detach no-grad inference-mode data retain-grad in-place".split()
    )


@pytest.mark.parametrize(
    "template",
    [
        "{w}",
        "{x.colour}",
        "{x.grad@9}",
        "{w.grad@1}",
        "{x.version@1}",
        "{x@line 0}",
        "{z@line 2}",
        "{refusal}",
        "{x y}",
        "{x.__class__}",
        "{0}",
    ],
)
def test_a_placeholder_without_an_answer_is_a_bug(template: str) -> None:
    with pytest.raises(LookupError):
        sentence(template, report_of("no-grad").trace)


def test_sentence_takes_names_as_they_were_after_a_line() -> None:
    program = "x = torch.tensor([1., 2.], requires_grad=True)\ny = x * 2\ny += 1\nz = y\nz.mul_(3)\ny = x.sum()"
    trace = explore(program).trace
    told = {line: sentence(f"{{y@line {line}}} {{y.version@line {line}}}", trace) for line in (2, 3, 4, 5, 6)}
    assert told == {2: "[2., 4.] 0", 3: "[3., 5.] 1", 4: "[3., 5.] 1", 5: "[9., 15.] 2", 6: "3 0"}


def test_sentence_leaves_the_rest_alone() -> None:
    trace = report_of("no-grad").trace
    assert sentence("`x[0]` {{}} 100 % {x.requires_grad} \\1 [bold]", trace) == "`x[0]` {{}} 100 % True \\1 [bold]"


def test_what_a_first_pass_added_is_all_of_it() -> None:
    trace = report_of("accumulate").trace
    assert sentence("{x.added@1}", trace) == sentence("{x.grad@1}", trace) == "[2., 4.]"
    emptied = replace(trace, backwards=trace.backwards[2:])
    assert sentence("{x.grad@0}", emptied) == "None"
