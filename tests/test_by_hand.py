"""Rules and renderers on runs that are written down by hand: no torch is needed, and what they find is in the data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autograd_cli.render.formats.json_text import json_object
from autograd_cli.render.formats.table import FORMATS
from autograd_cli.render.look import Look
from autograd_cli.report import Body, Explained, Explored
from by_hand import CUT, WELL, report, reports
from conftest import VALIDATOR


@pytest.mark.parametrize(("source", "found"), [(WELL, []), (CUT, ["cut-by-detach"])])
def test_the_rules_find_it_in_the_data(source: str, found: list[str]) -> None:
    told = report(source)
    assert [each.rule for each in told.diagnostics] == found
    assert [cut.rule for cut in told.explained.explanation.cuts] == found
    assert dict(told.explained.explanation.missing).get("x") == (None if source == WELL else "cut by detach()")


@pytest.mark.parametrize("source", [WELL, CUT])
def test_json_is_as_the_schema_says(source: str) -> None:
    for told in reports(source):
        VALIDATOR.validate(json_object(told))


@pytest.mark.parametrize(
    ("format_", "body", "source", "pieces"),
    [
        ("quiet", Explored, WELL, ["2.5,7.5\n"]),
        ("result", Explored, WELL, ["10\n"]),
        ("python", Explored, WELL, ["x = torch.tensor([1.0, 2.0], requires_grad=True)", "y = x.exp()"]),
        ("txt", Explored, WELL, ["x.grad  [2.5, 7.5]", "SumBackward0", "→ ExpBackward0"]),
        ("txt", Explained, WELL, ["1 ● y = x.exp()   y       [2.5, 7.5]", "● recorded by torch"]),
        ("txt", Explained, CUT, ["○ y = x.detach()", "cut by detach()", "leave out detach()"]),
        ("github", Explained, CUT, ["::error line=1,endLine=1,col=5,endColumn=14,title=agx cut-by-detach::"]),
        ("diff", Explained, WELL, [""]),
        ("svg", Explained, CUT, ["<svg", "x.detach()"]),
        ("html", Explained, CUT, ["<pre", "x.detach()"]),
    ],
)
def test_a_format_says_it(format_: str, body: type[Body], source: str, pieces: list[str]) -> None:
    write = FORMATS[format_].text
    assert write is not None
    text = write(next(told for told in reports(source) if type(told.body) is body), Look())
    for piece in pieces:
        assert piece in text, text


def test_it_needs_no_torch() -> None:
    program = """
import sys
from autograd_cli.render.formats.table import FORMATS
from autograd_cli.render.look import Look
from by_hand import CUT, WELL, reports
for told in (*reports(WELL), *reports(CUT)):
    FORMATS["json"].text(told, Look())
    FORMATS["txt"].text(told, Look())
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parent)
