"""What can be given as a program or an input: a word, a file, stdin; and what is told where it is not there."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from conftest import Agx


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text("y = x*w\ny.sum()\n")
    Path("snippet").write_text("3*x")
    Path("x").write_text("5*x")
    Path("my program.txt").write_text("4*x")
    Path("sub").mkdir()
    Path("sub/deep.py").write_text("7*x")
    np.save("a.npy", np.array([1.0, 2.0]))
    np.savez("b.npz", w=np.array([3.0]))
    return tmp_path


@pytest.mark.parametrize(
    ("words", "stdin", "gradients"),
    [
        (["train.py", "--x", "1", "--w", "3"], "", "x=3\nw=1\n"),
        (["--x", "1", "train.py", "w=3"], "", "x=3\nw=1\n"),
        (["./train.py", "--x", "1", "--w", "3", "--wrt", "x"], "", "3\n"),
        (["sub/deep.py", "--x", "1"], "", "7\n"),
        (["my program.txt", "--x", "1"], "", "4\n"),
        (["snippet", "--x", "1"], "", "3\n"),
        (["x", "--x", "1"], "", "1\n"),  # a program, although a file has that name
        (["x/x**2", "--x", "2"], "", "-0.25\n"),
        (["--x", "1"], "6*x", "6\n"),
        (["--x=1"], "\n6*x\n", "6\n"),
        (["-", "--x", "1"], "6*x", "6\n"),
        (["2*x", "--x", "1"], "6*x", "2\n"),
        (["x**2", "--x", "-"], "1\n2\n3\n", "2,4,6\n"),
        (["x**2", "--x", "-"], "1\r\n2\r\n3\r\n", "2,4,6\n"),
        (["x**2", "--x", "-"], "1 2  3", "2,4,6\n"),
        (["x**2", "--x", "-"], "1 2\n3 -4\n", "[[2,4],[6,-8]]\n"),
        (["x**2", "--x", "-"], "1, 2\n3,\t4\n\n", "[[2,4],[6,8]]\n"),
        (["x**2", "--x", "-"], "[[1,2],\n[3,4]]", "[[2,4],[6,8]]\n"),
        (["x**2", "--x", "-"], "1,2;3,4", "[[2,4],[6,8]]\n"),
        (["x**2", "--x", "-"], "2 * pi / pi", "4\n"),
        (["x**2", "--x", "a.npy"], "", "2,4\n"),
        (["x**2", "--x", "./a.npy"], "", "2,4\n"),
        (["x**2", "--x", "b.npz#w"], "", "[6]\n"),
    ],
)
def test_a_program_or_value_is_found(agx: Agx, words: list[str], stdin: str, gradients: str) -> None:
    outcome = agx("grad", *words, "-q", stdin=stdin)
    assert (outcome.code, outcome.out, outcome.err) == (0, gradients, "")


@pytest.mark.parametrize(
    ("words", "says", "remedy"),
    [
        (["trian.py"], "there is no file trian.py", "did you mean train.py?"),
        (["-f", "trian.py"], "there is no file trian.py", "did you mean train.py?"),
        (["sub/dep.py"], "there is no file sub/dep.py", "did you mean sub/deep.py?"),
        (["lost.ipynb"], "there is no file lost.ipynb", ""),
        (["./sub"], "./sub is a directory", ""),
        (["a.npy"], "a.npy holds data, not a program", "--x a.npy"),
        (["2*x", "--x", "c.npy"], "there is no file c.npy", "did you mean a.npy?"),
        (["2*x", "--x", "@c.npy"], "there is no file c.npy", "did you mean a.npy?"),
        (["--x", "1"], "there is no expression", "name a file: train.py"),
    ],
)
@pytest.mark.parametrize("command", ["grad", "explain", "compare"])
def test_what_is_not_there_is_told(agx: Agx, command: str, words: list[str], says: str, remedy: str) -> None:
    if command == "explain" and words == ["--x", "1"]:
        return  # its lessons take no inputs, and it says so
    outcome = agx(command, *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines()[0].partition(": ")[2] == says
    assert remedy in outcome.err


def test_explain_and_compare_take_a_file_and_a_pipe(agx: Agx) -> None:
    assert agx("explain", "train.py", "--x", "1", "--w", "2", "-q").out == "x=2\nw=1\n"
    assert agx("explain", "--x", "1", "--w", "2", "-q", stdin=Path("train.py").read_text()).out == "x=2\nw=1\n"
    assert "requires-grad x=3" in agx("compare", "--x", "1", "-q", stdin="3*x").out
    assert agx("explain", stdin=" \n").out.startswith("Lessons\n")
    assert "no_grad" in agx("explain", "--no-grad", stdin="3*x").out
    assert ".detach()" in agx("compare", stdin="").out


def _explain(stdin: int | IO[bytes]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "autograd_cli", "explain"]
    return subprocess.run(command, stdin=stdin, capture_output=True, text=True, timeout=60, check=False)


def test_stdin_that_holds_nothing_for_agx_is_left_alone() -> None:
    assert _explain(stdin=subprocess.DEVNULL).stdout.startswith("Lessons\n")
    with Path("train.py").open("rb") as file:  # as a shell's loop hands on the file that it reads
        os.lseek(file.fileno(), 4, os.SEEK_SET)
        assert _explain(stdin=file).stdout.startswith("Lessons\n")
        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == 4
    inner, outer = pty.openpty()
    assert _explain(stdin=outer).stdout.startswith("Lessons\n")
    os.close(inner)
    os.close(outer)


def test_a_file_as_stdin_is_the_program() -> None:
    Path("wrong.py").write_text("x.sun()")
    with Path("wrong.py").open("rb") as file:
        assert "did you mean .sum?" in _explain(stdin=file).stderr


def test_a_terminal_is_told_what_agx_waits_for() -> None:
    inner, outer = pty.openpty()
    os.write(inner, b"2x\n\x04")
    command = [sys.executable, "-m", "autograd_cli", "grad", "-"]
    done = subprocess.run(command, stdin=outer, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.startswith("agx reads from the terminal; end with Ctrl-D")
    assert "write * between them" in done.stderr
    os.close(inner)
    os.close(outer)
