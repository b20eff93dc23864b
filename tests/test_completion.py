"""Completion, as each shell asks for it."""

from __future__ import annotations

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
    ],
)
def test_bash(capsys: Capture, monkeypatch: pytest.MonkeyPatch, line: str, first: list[str]) -> None:
    assert offered(capsys, monkeypatch, "bash", line)[: len(first)] == first


def test_zsh_and_fish(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    zsh = offered(capsys, monkeypatch, "zsh", "agx grad x@w --")
    assert zsh[:2] == ['_arguments \'*: :(("--x"', '"--w"']
    fish = offered(capsys, monkeypatch, "fish", "agx grad x@w --")
    assert fish[:2] == ["--x", "--w"]
    assert all(line.startswith("--") for line in fish), "fish takes each line for a word"
