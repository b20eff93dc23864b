"""The exit codes that the README documents, one case for each kind, with every way to have the answer written."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from conftest import Agx

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")

ANSWER, BAD_NEWS, BAD_REQUEST, LIMIT = 0, 1, 2, 3

CASES = [
    ("grad 2*x --x 1", ANSWER),
    ("grad x*y.detach() --x 1 --y 2 --wrt x", ANSWER),
    ("grad x@y --x 1,2 --y 1,2,3", BAD_NEWS),
    ("grad x.detach() --x 1", BAD_NEWS),
    ("grad x*y.detach() --x 1 --y 2", BAD_NEWS),
    ("grad sqrt(x)*0 --x 0", BAD_NEWS),
    ("grad 2*x --x 1 --no-grad", BAD_NEWS),
    ("grad 2x --x 1", BAD_REQUEST),
    ("grad 2*x --x 1,a", BAD_REQUEST),
    ("grad 2*x", BAD_REQUEST),
    ("grad 2*x --x 1 --plot", BAD_REQUEST),
    ("grad 2*x --x 1 --precision 99", BAD_REQUEST),
    ("grad nowhere.py", BAD_REQUEST),
    ("grad 2*x+x --x 1 --limit steps=1", LIMIT),
    ("grad zeros(100)*x --x 1 --limit elements=10", LIMIT),
    ("explain 2*x --x 1", ANSWER),
    ("explain x.detach() --x 1", BAD_NEWS),
    ("explain --detach", ANSWER),
    ("explain --in-place", ANSWER),
    ("explain 2x --x 1", BAD_REQUEST),
    ("explain 2*x+x --x 1 --limit steps=1", LIMIT),
    ("check 2*x --x 1", ANSWER),
    ("check x.detach() --x 1", BAD_NEWS),
    ("check 2x --x 1", BAD_REQUEST),
    ("check 2*x+x --x 1 --limit steps=1", LIMIT),
    ("compare 2*x --x 1", ANSWER),
    ("compare x.detach() --x 1", BAD_NEWS),
    ("compare 2x --x 1", BAD_REQUEST),
    ("compare 2*x+x --x 1 --limit steps=1", LIMIT),
]
WITHOUT_A_RUN = [
    ("", ANSWER),
    ("--help", ANSWER),
    ("--version", ANSWER),
    ("help grad", ANSWER),
    ("lessons", ANSWER),
    ("rules in-place", ANSWER),
    ("ops conv", ANSWER),
    ("schema", ANSWER),
    ("gard", BAD_REQUEST),
    ("help gard", BAD_REQUEST),
    ("lessons nosuch", BAD_REQUEST),
    ("rules nosuch", BAD_REQUEST),
    ("ops nosuch", BAD_REQUEST),
    ("schema nosuch", BAD_REQUEST),
    ("batch nowhere.ndjson", BAD_REQUEST),
    ("batch --jobs 0", BAD_REQUEST),
]


@pytest.mark.parametrize(("line", "code"), CASES, ids=[line for line, _ in CASES])
def test_a_run_ends_with_its_exit_code_in_every_format(agx: Agx, line: str, code: int) -> None:
    words = shlex.split(line)
    page, machine = agx(*words), agx(*words, "--json")
    assert page.code == machine.code == code
    assert json.loads(machine.out)["ok"] is (code == ANSWER)
    assert bool(page.err) == (code in {BAD_REQUEST, LIMIT})
    if words[0] != "check" and not words[1].startswith("--"):
        assert agx(*words, "-q").code == code


@pytest.mark.parametrize(("line", "code"), WITHOUT_A_RUN, ids=[line or "agx" for line, _ in WITHOUT_A_RUN])
def test_what_runs_nothing_ends_with_its_exit_code(agx: Agx, line: str, code: int) -> None:
    outcome = agx(*shlex.split(line))
    assert (outcome.code, bool(outcome.out), bool(outcome.err)) == (code, code == ANSWER, code != ANSWER)
    if code == BAD_REQUEST:
        assert "= help: " in outcome.err or "^" in outcome.err, "an error without a way on"


def test_help_says_the_exit_codes_of_the_readme(agx: Agx) -> None:
    shown = agx("--help").out
    for code in (0, 1, 2, 3, 130):
        assert f"\n    {code}  " in shown
        assert f"\n| {code} | " in README
