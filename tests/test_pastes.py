"""Programs as people paste them: what a copy brings along is taken off, and every caret stands under the user's own."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_cli import explore
from autograd_cli.lang.paste import pasted
from conftest import Agx

# What was pasted (`x` is given as 3), and the gradient of x.
PASTES = {
    "doctest": ">>> y = x*2\n>>> y\ntensor(6.)\n>>> y.sum()\ntensor(6.)\n",
    "doctest with a loop": ">>> y = x\n>>> for i in range(2):\n...     y = y*2\n...\n>>> y/2",
    "doctest, indented": "    >>> y = x*2\n    >>> y\n    tensor(6.)",
    "ipython": "In [1]: y = x*2\n\nIn [2]: y\nOut[2]: tensor(6.)\n\nIn [3]: y.sum()\n",
    "ipython with a loop": "In [1]: y = x\n   ...: for i in range(2):\n   ...:     y = y*2\n   ...: \n\nIn [2]: y/2",
    "jupyter": "In [1]:\ny = x*2\ny\nOut[1]:\ntensor(6.)\nIn [2]:\ny.sum()",
    "magics": "%matplotlib inline\n!pip install torch\n%load_ext autoreload\ny = x*2\ny.sum?\n?torch.sum\ny.sum()",
    "cell magics": "%%time\ny = x*2\ny.sum()",
    "a timed statement": "%time y = x*2\ny",
    "a magic in a block": "if True:\n    !pip install torch\ny = x*2\ny",
    "curly quotes": "y = x*2\nprint(“it is”, ‘y’)\ny",
    "no-break spaces": "y\u00a0=\u00a0x*2\ny\u3000+\u20030",
    "a fence": "Try this:\n\n```python\ny = x*2\ny\n```\nand see.",
    "an open fence": "~~~\nx*2",
    "quoted in a mail": "> y = x*2\n>\n> y",
    "a doctest quoted in a mail": "> >>> y = x*2\n> >>> y\n> tensor(6.)",
    "line numbers": "1  y = x*2\n2  for i in range(1):\n3      y = y + 0\n4\n5  y",
    "line numbers with dots": " 9. y = x*2\n10. y",
    "an indented block": "        y = x*2\n        if True:\n            y = y + 0\n        y",
    "all but the first line indented": "y = x*2\n    y = y + 0\n    y",
    "zero width in a comment": "y = x*2  # \u200bnote\u200d\ufeff\u00ad\ny",
    "emoji in a string": "print('\u2705\ufe0f')\nx*2",
    "a byte order mark": "\ufeffx*2",
    "CRLF": ">>> y = x*2\r\n>>> y\r\ntensor(6.)\r\n",
}


@pytest.mark.parametrize("text", PASTES.values(), ids=PASTES)
def test_a_paste_is_understood(agx: Agx, text: str) -> None:
    outcome = agx("grad", "-", "--x", "3", "-q", stdin=text)
    assert (outcome.code, outcome.out, outcome.err) == (0, "2\n", "")


@pytest.mark.parametrize(
    "text",
    [
        "x = (3\n%d\n)",
        "y = '''\n>>> z\n%time w\n'''\ny",
        "y = (x\n!=w\n)",
        "print('“q”')",
        "def f():\n  return 1",
        "",
        " \n\t\n",
    ],
)
def test_a_program_that_stands_for_itself_is_left_alone(text: str) -> None:
    assert pasted(text).text == text.strip("\n \t")


@pytest.mark.parametrize(
    ("text", "place", "row", "marks"),
    [
        (">>> y = x\n>>> y.sun()\n", "stdin:2:7", ">>> y.sun()", "      ^^^ "),
        (">>> y = x\n>>> y\ntensor(1.)\n>>> y.sun()", "stdin:4:7", ">>> y.sun()", "      ^^^ "),
        ("In [1]: x\nOut[1]: 3\n\nIn [12]: x.sun()", "stdin:4:12", "In [12]: x.sun()", "           ^^^ "),
        ("    x\n    x.sun()", "stdin:2:7", "    x.sun()", "      ^^^ "),
        ("1 y = x\n2 y.sun()", "stdin:2:5", "2 y.sun()", "    ^^^ "),
        ("%matplotlib inline\nx.sun()", "stdin:2:3", "x.sun()", "  ^^^ "),
        ("“a”; x.sun()", "stdin:1:8", "“a”; x.sun()", "       ^^^ "),
        ("\n>>>\n>>> x.sun()", "stdin:3:7", ">>> x.sun()", "      ^^^ "),
    ],
)
def test_a_caret_stands_under_what_was_written(agx: Agx, text: str, place: str, row: str, marks: str) -> None:
    lines = agx("grad", "-", "--x", "1", stdin=text).err.splitlines()
    assert lines[1].strip() == f"--> {place}"
    assert lines[3].partition(" | ")[2] == row
    assert lines[4].partition(" | ")[2].startswith(marks)


@given(st.text(alphabet="x=2 \n\t>.%!?`“”’\u00a0\u200b1:In[]Out\"'", max_size=60))
def test_every_line_stays_a_line(text: str) -> None:
    found = pasted(text)
    assert found.text.count("\n") == found.written.count("\n")
    assert pasted(found.text).text.count("\n") <= found.text.count("\n")
    rows = text.replace("\r", "\n").split("\n")
    assert rows[found.first_line - 1 :][: found.written.count("\n") + 1] == found.written.split("\n")


@pytest.mark.parametrize(
    "text", ["\n" * 60_000, ">>> " * 15_000, "x? " * 20_000, "1 " * 30_000, "`" * 60_000, " \n" * 30_000]
)
def test_cleaning_takes_no_time(text: str) -> None:
    begun = time.process_time()
    pasted(text)
    assert time.process_time() - begun < 5


# Notebooks.


def notebook(*cells: tuple[str, str], **more: object) -> str:
    made = [{"cell_type": kind, "source": source.splitlines(keepends=True)} for kind, source in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more})


TRAIN = notebook(
    ("markdown", "# Training"),
    ("code", "%matplotlib inline\nimport torch"),
    ("code", ""),
    ("code", "%%bash\nls"),
    ("code", "\ny = 2*x\ny.sun()"),
)


def test_a_finding_in_a_notebook_names_its_cell(agx: Agx) -> None:
    Path("train.ipynb").write_text(TRAIN)
    try:
        outcome = agx("grad", "train.ipynb", "--x", "1")
        report = agx("grad", "-f", "train.ipynb", "--x", "1", "--json").report
    finally:
        Path("train.ipynb").unlink()
    assert "--> train.ipynb, cell 3, line 3, column 3" in outcome.err
    assert "\n3:3 | y.sun()\n    |   ^^^ " in outcome.err
    span = report["diagnostics"][0]["span"]
    assert report["source"].split("\n")[span["line"] - 1] == "y.sun()"
    line = report["source_line"] - 1 + span["line"]
    cell = [cell for cell in report["cells"] if cell["line"] <= line][-1]
    assert (cell["number"], line - cell["line"] + 1) == (3, 3)


def test_a_notebook_comes_from_stdin_too(agx: Agx) -> None:
    text = notebook(("code", "y = 2*x"), ("code", "y.sum()"))
    assert agx("grad", "-", "--x", "1", "-q", stdin=text).out == "2\n"
    page = agx("explain", "--x", "1", stdin=text).out
    assert "1:1" in page
    assert "2:1" in page


def old(*codes: str) -> str:
    """A notebook of format 3."""
    cells = [{"cell_type": "code", "input": [code]} for code in codes]
    return json.dumps({"nbformat": 3, "metadata": {}, "worksheets": [{"cells": cells}]})


def test_a_notebook_of_the_old_format(agx: Agx) -> None:
    assert agx("grad", "-", "--x", "1", "-q", stdin=old("y = 2*x\n", "y")).out == "2\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("not json", "is not a notebook: no JSON at 1:1"),
        ("[]", "is not a notebook: it has no cells"),
        ("{}", "is not a notebook: it has no cells"),
        ('{"cells": 3}', "is not a notebook: it has no cells"),
        ("[" * 100_000, "is not a notebook: its JSON cannot be read"),
        (notebook(("markdown", "x")), "is a notebook without code cells"),
        (notebook(("code", "  \n")), "is a notebook without code cells"),
        (notebook(("code", "y"), metadata={"kernelspec": {"language": "R"}}), "is a notebook in r, not in Python"),
        ('{"cells": [1, {"cell_type": "code", "source": 3}, null]}', "is a notebook without code cells"),
    ],
)
def test_a_bad_notebook_is_one_error(agx: Agx, tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "bad.ipynb"
    path.write_text(content)
    outcome = agx("grad", str(path))
    assert outcome.code == 2
    assert outcome.err.splitlines()[0] == f"error[unreadable-file]: {path} {says}"


def test_the_python_interface_takes_a_paste() -> None:
    report: Any = explore(">>> y = 2*x\n>>> y.sum()", x=[1.0])
    assert report.ok
    assert report.source == "y = 2*x\ny.sum()"


@pytest.mark.parametrize("prefix", [">>> ", "    ", "In [1]: ", ""])
def test_a_patch_fits_what_was_given(agx: Agx, tmp_path: Path, prefix: str) -> None:
    lines = ["x = torch.tensor(2., requires_grad=True)", "y = x.detach()", "y.backward()"]
    path = tmp_path / "given.py"
    path.write_text("".join(f"{prefix}{line}\n" for line in lines))
    patch = agx("explain", str(path), "--diff").out
    patch_program = shutil.which("patch")
    assert patch_program is not None
    command = [patch_program, "-p1", "given.py"]
    subprocess.run(command, input=patch, text=True, cwd=tmp_path, check=True, capture_output=True)
    lines[1] = "y = x"
    assert path.read_text() == "".join(f"{prefix}{line}\n" for line in lines)


def test_a_notebook_has_no_patch(agx: Agx) -> None:
    text = notebook(("code", "x = torch.tensor(2., requires_grad=True)\ny = x.detach()\ny.backward()"))
    outcome = agx("explain", "-", "--diff", stdin=text)
    assert (outcome.code, outcome.out) == (2, "")
    assert "a patch cannot be made for a notebook" in outcome.err
    assert agx("explain", "-", "--fix", stdin=text).out.splitlines()[1] == "y = x"
