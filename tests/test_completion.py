"""Completion, as each shell asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograd_cli.cli.app import main

Capture = pytest.CaptureFixture[str]


def offered(capsys: Capture, monkeypatch: pytest.MonkeyPatch, shell: str, line: str) -> list[str]:
    """What a shell is offered at the end of the line."""
    words = line.split(" ")
    monkeypatch.setenv("_AGX_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("agx grad x@w --", ["--x", "--w", "--var"]),
        ("agx grad x@w --w", ["--w", "--wrt"]),
        ("agx grad --x 1,2 x@w --", ["--w", "--var"]),
        ("agx grad x@w x=3 --", ["--w", "--var"]),
        ("agx grad sin(α)*pi --", ["--α", "--var"]),
        ("agx grad x@ --", ["--var", "--gradient"]),
        ("agx compare x@w --", ["--x", "--w", "--var"]),
        ("agx compare x@w --mo", ["--modes"]),
        ("agx compare x@w --no", []),
        ("agx gr", ["grad"]),
        # Values of options.
        ("agx explain --lang ", ["en", "zh_CN"]),
        ("agx grad x@w --dtype ", ["float32", "float64", "float16", "bfloat16"]),
        ("agx grad x@w --dtype b", ["bfloat16"]),
        ("agx batch --device c", ["cpu", "cuda"]),
        ("agx grad x@w --color ", ["auto", "always", "never"]),
        ("agx ops --color n", ["never"]),
        ("agx check --format g", ["github"]),
        ("agx grad x --limit m", ["memory="]),
        ("agx compare x --modes in", ["inference-mode"]),
        ("agx compare x --modes detach,no-", ["detach,no-requires-grad", "detach,no-grad"]),
        ("agx compare --modes no-grad,detach,d", ["no-grad,detach,data"]),
        # Names of the program.
        ("agx grad x@w --wrt ", ["x", "w"]),
        ("agx grad --x 1,2 x@w --wrt x,", ["x,w"]),
        ("agx explain y=x*w;z=y*y;z --of ", ["x", "w", "y", "z"]),
        ("agx explain y=x*w;z=y*y;z --of y", ["y"]),
        ("agx explain x* --of ", []),
        # Arguments.
        ("agx rules cut-by-d", ["cut-by-detach", "cut-by-data"]),
        ("agx rules cut-by-detach inplace-on-l", ["inplace-on-leaf"]),
        ("agx ops F.relu", ["F.relu", "F.relu6"]),
        ("agx lessons no", ["no-grad"]),
        # Files are the shell's to complete.
        ("agx explain -f ", []),
        ("agx explain tra", []),
        ("agx grad 2*x -o ", []),
    ],
)
def test_bash(capsys: Capture, monkeypatch: pytest.MonkeyPatch, line: str, first: list[str]) -> None:
    assert offered(capsys, monkeypatch, "bash", line)[: len(first)] == first


@pytest.mark.parametrize("line", ["agx explain -f ", "agx explain tra", "agx grad 2*x -o "])
def test_where_nothing_is_offered_the_shell_offers_files(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    assert offered(capsys, monkeypatch, "bash", line) == [""]  # that is nothing, and then bash completes file names
    assert offered(capsys, monkeypatch, "zsh", line) == ["_files"]


def test_names_come_from_the_file_of_the_program(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "a.py"
    path.write_text("loss = (x @ w).sum()\nloss.backward()\n")
    assert offered(capsys, monkeypatch, "bash", f"agx explain {path} --of ") == ["x", "w", "loss"]
    assert offered(capsys, monkeypatch, "bash", f"agx explain -f {path} --")[:2] == ["--x", "--w"]


def test_zsh_and_fish(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    zsh = offered(capsys, monkeypatch, "zsh", "agx grad x@w --")
    assert zsh[:2] == ['_arguments \'*: :(("--x"', '"--w"']
    fish = offered(capsys, monkeypatch, "fish", "agx grad x@w --")
    assert fish[:2] == ["--x", "--w"]
    assert all(line.startswith("--") for line in fish), "fish takes each line for a word"
