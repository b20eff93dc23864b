"""The fixes of a script: shown as a patch of its file, and tried, where that is asked for, by running it again."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from conftest import Agx

NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 2)
        self.b = nn.Linear(2, 1)

    def forward(self, x):
        h = self.a(x).detach()
        return self.b(h)
"""
TRAIN = """\
import os
import sys
import torch
from net import Net

print("run", sys.argv[1:], os.path.basename(os.getcwd()), os.environ.get("COLOUR"))
os.chdir("/")
os.environ["COLOUR"] = "blue"
torch.manual_seed(0)
net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(2):
    opt.zero_grad()
    net(torch.ones(3, 2)).square().mean().backward()
    opt.step()
with open(sys.argv[1], "a") as file:
    print(os.environ["COLOUR"], *(p.grad is None for p in net.parameters()), file=file)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a script and a module beside it, and the cause in the module."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "net.py").write_text(NET, encoding="utf-8")
    (folder / "train.py").write_text(TRAIN, encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


def test_a_patch_is_of_the_file_that_the_fix_is_in(supervised_agx: Agx, project: Path) -> None:
    outcome = supervised_agx("run", "--diff", "train.py", str(project / "log"))
    assert outcome.code == 0
    assert "not tried, for: net.a.weight and net.a.bias got no gradient (net.py, line 12" in outcome.err
    assert (project / "net.py").read_text(encoding="utf-8") == NET
    subprocess.run(["patch", "-p1"], input=outcome.out.encode(), cwd=project, check=True, capture_output=True)  # noqa: S607 - where it is installed
    assert (project / "net.py").read_text(encoding="utf-8") == NET.replace(".detach()", "")


def test_a_fix_is_tried_by_running_the_script_again(supervised_agx: Agx, project: Path) -> None:
    """As it was begun: its arguments, its directory and its environment; what it prints is seen once."""
    log = project / "log"
    outcome = supervised_agx("run", "--try", "train.py", str(log), "more")
    assert outcome.out == f"run [{str(log)!r}, 'more'] project None\n"
    assert "= fix: verified by running the script with it:" in outcome.err
    assert "12 - " in outcome.err
    assert log.read_text(encoding="utf-8").splitlines() == [
        "blue True True False False",
        "blue False False False False",
    ]
    assert (project / "net.py").read_text(encoding="utf-8") == NET


def test_a_fix_that_ends_the_script_early_is_none(supervised_agx: Agx, tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text(
        "import torch\nw = torch.ones(2, requires_grad=True)\nb = torch.ones(2, requires_grad=True)\n"
        "h = (w * 2).detach()\nassert not h.requires_grad\n(h * b).sum().backward()\nprint(w.grad)\n",
        encoding="utf-8",
    )
    told = supervised_agx("run", "--json", "--try", str(script)).report["diagnostics"][0]
    assert (told["rule"], told["edits_work"], told["edits"][0]["line"]) == ("cut-by-detach", False, 4)
    outcome = supervised_agx("run", "--try", "--diff", str(script))
    assert outcome.out == ""
    assert "error[no-fix]" in outcome.err


def test_a_fix_that_was_not_asked_for_is_not_tried(supervised_agx: Agx, project: Path) -> None:
    outcome = supervised_agx("run", "train.py", str(project / "log"))
    assert "= fix: --try runs the script with it:" in outcome.err
    assert len((project / "log").read_text(encoding="utf-8").splitlines()) == 1


def test_the_cells_of_a_notebook(supervised_agx: Agx, tmp_path: Path) -> None:
    cells = [NET, TRAIN.replace("from net import Net\n", "").replace("sys.argv[1]", "os.devnull")]
    file = tmp_path / "n.ipynb"
    code = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]
    file.write_text(json.dumps({"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), "utf-8")
    assert "verified by running the script with it" in supervised_agx("run", "--try", str(file)).err
    outcome = supervised_agx("run", "--diff", str(file))
    assert "error[no-fix]: a patch cannot be made for a notebook" in outcome.err


def test_each_place_has_its_file(supervised_agx: Agx, project: Path) -> None:
    found = supervised_agx("run", "--json", "train.py", str(project / "log")).report
    told = found["diagnostics"][0]
    assert (told["span"]["file"], told["span"]["line"], told["edits"][0]["file"]) == ("net.py", 12, "net.py")
    assert [(each["span"]["file"], each["span"]["line"]) for each in told["related"]] == [("train.py", 17)]
    files = {"net.py": NET.splitlines(), "train.py": TRAIN.splitlines()}
    for value in found["values"]:
        span = value["span"]
        if span is not None and span["line"] == span["end_line"] and value["op"] == "detach":
            assert files[span["file"]][span["line"] - 1][span["column"] : span["end_column"]] == "self.a(x).detach()"
    page = supervised_agx("run", "train.py", str(project / "log")).err
    assert "  --> net.py:12:13\n" in page
    assert "  ::: train.py:17:" in page


def test_a_script_of_one_file_has_its_name_too(supervised_agx: Agx, project: Path) -> None:
    (project / "one.py").write_text("import torch\nw = torch.ones(2, requires_grad=True)\n(w * 2).sum().backward()\n")
    found = supervised_agx("run", "--json", "one.py").report
    assert {each["span"]["file"] for each in found["values"] if each["span"] is not None} == {"one.py"}


def test_a_patch_of_a_file_whose_last_line_has_no_end(supervised_agx: Agx, project: Path) -> None:
    script = "import torch\nw = torch.ones(2, requires_grad=True)\nb = torch.ones(2, requires_grad=True)\n"
    last = "((w * 2).detach() * b).sum().backward(); assert w.grad is None or True; print(w.grad)"
    (project / "one.py").write_text(script + last, encoding="utf-8")
    outcome = supervised_agx("run", "--diff", "one.py")
    subprocess.run(["patch", "-p1"], input=outcome.out.encode(), cwd=project, check=True, capture_output=True)  # noqa: S607 - where it is installed
    assert (project / "one.py").read_text(encoding="utf-8") == script + last.replace("(w * 2).detach()", "(w * 2)")


@pytest.mark.parametrize("text", ["[{", "3", '[{"line": 1}]', "[1]"])
def test_the_option_of_a_trial_is_not_for_users(agx: Agx, project: Path, text: str) -> None:
    outcome = agx("run", "--edits", text, str(project / "train.py"))
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error[usage]: --edits is for agx's own use: --try\n")
