"""One program has one story, which `grad`, `explain` and `check` tell alike, and no finding of it is lost."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from autograd_cli import explore
from autograd_cli.render.parts.verdict import verdict
from conftest import Agx, Outcome

DETACHED = """
W0 = torch.randn(3, 3, requires_grad=True)
W1 = torch.randn(3, 3, requires_grad=True)
h = torch.tanh(torch.ones(2, 3) @ W0)
h = h.detach()
torch.tanh(h @ W1).sum().backward()
"""
ACCUMULATED = """
w = torch.ones(2, requires_grad=True)
for i in range(3):
    loss = (w**2).sum()
    loss.backward()
    with torch.no_grad():
        w -= 0.1*w.grad
"""
# The words of a call, its exit code, and the rules that it must name.
CALLS = {
    "healthy": (("2*x", "--x", "1,2"), 0, ()),
    "no scalar": (("y = x**2; y.backward()", "--x", "1,2"), 1, ("non-scalar-backward",)),
    "log of zero": (("log(x)", "--x", "0,-1"), 1, ("nan-log-of-zero",)),
    "root of zero": (("sqrt(x)", "--x", "0,1"), 1, ("nan-sqrt-at-zero",)),
    "no reset": ((ACCUMULATED,), 0, ("grad-accumulated",)),
    "nobody looks": ((DETACHED,), 1, ("cut-by-detach",)),
    "dead": (("x.relu()", "--x=-1"), 0, ("zero-grad-relu",)),
    "every pair": (("((x @ w - ones(2))**2).mean()", "--x", "[[1],[2]]", "--w", "[[3]]"), 0, ("broadcast-shape",)),
    "refused": (("x @ w", "--x", "1,2", "--w", "1,2,3"), 1, ("torch-refused",)),
    "printed only": (("y = 2*x\ny.sum().backward()\nprint(y.grad)", "--x", "1,2"), 0, ("non-leaf",)),
    "used": (("y = 2*x\ny.sum().backward()\ny.grad * 2", "--x", "1,2"), 1, ("non-leaf",)),
    "mode": (("2*x", "--x", "1", "--no-grad"), 1, ("cut-by-no-grad",)),
}
NAMED = re.compile(r"^(?:error|warning)\[([a-z-]+)\]", re.MULTILINE)


def named(text: str) -> set[str]:
    return set(NAMED.findall(text))


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("command", ["grad", "explain", "check"])
def test_every_command_tells_the_same_story(agx: Agx, command: str, name: str) -> None:
    words, code, rules = CALLS[name]
    outcome = agx(command, *words)
    assert (outcome.code, named(outcome.out), outcome.err) == (code, set(rules), "")


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("form", [("grad", "-q"), ("grad", "--python"), ("explain", "-q"), ("grad", "--json")])
def test_where_stdout_is_no_page_the_findings_are_on_stderr(agx: Agx, form: tuple[str, str], name: str) -> None:
    words, code, rules = CALLS[name]
    command, option = form
    outcome = agx(command, *words, option)
    assert (outcome.code, named(outcome.err)) == (code, set(rules))
    assert not named(outcome.out)


@pytest.mark.parametrize("command", ["grad", "explain"])
@pytest.mark.parametrize("suffix", ["svg", "txt", "html", "json"])
def test_an_output_file_takes_no_finding_away(agx: Agx, command: str, suffix: str, tmp_path: Path) -> None:
    outcome = agx(command, "x.relu()", "--x=-1", "-o", str(tmp_path / f"page.{suffix}"))
    assert (outcome.code, outcome.out, named(outcome.err)) == (0, "", {"zero-grad-relu"})


def test_a_repair_says_which_problem_it_mends_and_which_are_left(agx: Agx) -> None:
    program = "w = torch.ones(2, requires_grad=True)\nv = torch.ones(2, requires_grad=True)\n"
    program += "(w.detach() * v + v.data).sum().backward()"
    outcome = agx("explain", program, "--fix")
    assert outcome.code == 0
    assert outcome.err.startswith("fixed: w got no gradient (line 3, cut-by-detach)\n")
    assert "w * v" in outcome.out


def test_strict_makes_a_warning_count(agx: Agx) -> None:
    assert agx("check", "x.relu()", "--x=-1").code == 0
    assert agx("check", "x.relu()", "--x=-1", "--strict").code == 1
    assert agx("check", "2*x", "--x=-1", "--strict").code == 0
    assert agx("check", "x +", "--x=-1", "--strict").code == 2


def test_the_json_of_a_check_is_a_report_without_the_run(agx: Agx) -> None:
    report = agx("check", DETACHED, "--json").report
    assert [found["rule"] for found in report["diagnostics"]] == ["cut-by-detach"]
    assert (report["values"], report["explanation"]) == ([], None)
    assert report["verdict"] == "1 problem: W0 got no gradient (line 5, cut-by-detach)"
    assert agx("check", DETACHED, "--format", "json").report == report


# Annotations, read back as GitHub's runner reads them: actions/runner, ActionCommand.cs.

COMMAND = re.compile(r"::(?P<name>\w+)(?: (?P<properties>[^:]*))?::(?P<message>.*)")


def annotated(outcome: Outcome) -> list[dict[str, Any]]:
    found = []
    for line in outcome.out.splitlines():
        command = COMMAND.fullmatch(line)
        if command is not None:
            pairs = dict(pair.split("=", 1) for pair in command["properties"].split(","))
            properties = {name: unescaped(text, ("%3A", ":"), ("%2C", ",")) for name, text in pairs.items()}
            found.append({"level": command["name"], "message": unescaped(command["message"]), **properties})
    return found


def unescaped(text: str, *more: tuple[str, str]) -> str:
    for escape, character in (("%0D", "\r"), ("%0A", "\n"), *more, ("%25", "%")):
        text = text.replace(escape, character)
    return text


def test_annotations_point_at_the_file(agx: Agx, tmp_path: Path) -> None:
    path = tmp_path / "50%, a:b.py"
    path.write_text(f"\n\n{DETACHED.strip()}\n")
    (found,) = annotated(agx("check", "-f", str(path), "--format", "github"))
    assert (found["level"], found["file"], found["title"]) == ("error", str(path), "agx cut-by-detach")
    assert (found["line"], found["endLine"], found["col"], found["endColumn"]) == ("6", "6", "5", "14")
    assert found["message"].startswith("W0 got no gradient: `h.detach()` cut it off")


def test_annotations_of_what_is_not_understood_or_harmless(agx: Agx) -> None:
    (syntax,) = annotated(agx("check", "x +", "--x", "1", "--format", "github"))
    assert (syntax["level"], syntax["title"], syntax["line"], syntax["col"]) == ("error", "agx syntax", "1", "4")
    (note,) = annotated(agx("check", "x + x.detach()", "--x", "1", "--format", "github"))
    assert note["level"] == "notice"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("good.py").write_text("w = torch.ones(2, requires_grad=True)\n(w * 2).sum().backward()\n")
    Path("bad.py").write_text(DETACHED)
    Path("worse.py").write_text("x +\n")


@pytest.mark.usefixtures("files")
def test_several_files_are_checked_one_after_the_other(agx: Agx) -> None:
    outcome = agx("check", "good.py", "bad.py")
    *_, last = outcome.out.splitlines()
    assert outcome.out.startswith("good.py: w got a gradient\n")
    assert (outcome.code, last) == (1, "bad.py: 1 problem: W0 got no gradient (line 5, cut-by-detach)")
    assert agx("check", "good.py", "good.py").code == 0
    assert agx("check", "worse.py", "good.py", "bad.py").code == 2
    found = annotated(agx("check", "bad.py", "good.py", "worse.py", "--format", "github"))
    assert [(each["file"], each["title"]) for each in found] == [
        ("bad.py", "agx cut-by-detach"),
        ("worse.py", "agx syntax"),
    ]
    assert agx("check", "good.py", "bad.py", "--diff").out.startswith("--- a/bad.py\n+++ b/bad.py\n")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["good.py", "bad.py", "--fix"], "--fix prints one program, and there are several files"),
        (["good.py", "2*x", "--x", "1"], "unexpected argument `2*x`"),
        (["good.py", "gone.py"], "there is no file gone.py"),
        (["good.py", "bad.py", "--k", "1"], "unknown option --k"),
    ],
)
def test_what_is_wrong_with_several_files_is_told_at_its_place(agx: Agx, words: list[str], told: str) -> None:
    outcome = agx("check", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert told in outcome.err


# The verdict.

VERDICTS = {
    "2*x": "x got a gradient",
    "x*w": "x and w got gradients",
    "x*w + x*0": "x and w got gradients",
    "(x*w).detach()": "1 problem: backward() has no graph to follow (line 1, cut-by-detach)",
    "x.sum() + w.detach().sum()": "1 problem: w got no gradient (line 1, cut-by-detach)",
    "x > w": "1 problem: backward() has no graph to follow (line 1, cut-by-comparison)",
    "x.is_leaf": "backward() did not run, and nothing requires a gradient",
    "y = x*w\nprint(y)": "backward() did not run",
    'v = torch.ones(2, requires_grad=True).to("cpu")\n(v*2).sum().backward()': "v got a gradient",
    "v = torch.ones(2, requires_grad=True)\nu = v.float().contiguous()\n(u*2).sum().backward()": "v got a gradient",
    "x.relu()*0": "x got a gradient; it is 0",
    "torch.autograd.grad((x*w).sum(), [x, w])": "x and w got gradients",
    "a = torch.ones(2)\nb = a + 1\nprint(b)": "backward() did not run, and nothing requires a gradient",
    "m = nn.Linear(2, 2)\nm(x).sum()": "x, m.weight and m.bias got gradients",
    "m = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))\nm(torch.ones(1, 2)).sum().backward()": (
        "all 4 parameters got gradients"
    ),
    "v = [torch.ones(2, requires_grad=True) for _ in range(5)]\nx.sum().backward()": "x got a gradient",
    "v = [torch.ones(2, requires_grad=True) for _ in range(5)]\nsum(v).sum().backward()": "all 5 leaves got gradients",
    "v = torch.ones(2, requires_grad=True)\nu = v*2\nx.sum().backward()": (
        "1 of 2 leaves got gradients; v did not: not in graph"
    ),
}


@pytest.mark.parametrize("program", VERDICTS)
def test_the_verdict_in_one_line(program: str) -> None:
    inputs = {name: "1,2" for name in ("x", "w") if re.search(rf"\b{name}\b", program)}
    assert verdict(explore(program, inputs=inputs, watch=True)) == VERDICTS[program]


@pytest.mark.parametrize(
    ("program", "of", "told"),
    [
        ("y = 2*x; y.sum()", "x", "x got a gradient"),
        ("y = 2*x; y.sum()", "y", "a gradient arrived at y"),
        ("y = (2*x).detach(); (y*x).sum()", "y", "y does not require a gradient"),
    ],
)
def test_the_verdict_on_one_variable(program: str, of: str, told: str) -> None:
    assert explore(program, x="1,2", watch=True, of=of).outcome == told


def test_the_verdict_ends_the_page_and_stands_in_the_json(agx: Agx) -> None:
    for words, _, _ in CALLS.values():
        last = agx("explain", *words).out.splitlines()[-1]
        assert agx("explain", *words, "--json").report["verdict"] == last
