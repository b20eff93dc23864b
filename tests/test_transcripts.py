"""What agx prints, to the letter: the transcripts beside this file, and every console block of the README.

A transcript is `$ agx …`, what stdout and then stderr said, and `[exit N]` where N is not 0. After a change that is
meant, `pytest tests/test_transcripts.py --accept` writes the new output in; read the diff.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from conftest import Agx

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
FILES = sorted((HERE / "transcripts").glob("*.txt"))
CONSOLE = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)

INNER = re.compile(r"\$\(agx ([^()]*)\)")


@pytest.fixture
def agx(supervised_agx: Agx) -> Agx:
    return supervised_agx


def command_at(lines: Sequence[str]) -> str:
    """The command that begins with the first of these lines: a backslash or an open quotation mark continues it."""
    for count in range(1, len(lines) + 1):
        command = "\n".join(lines[:count])
        if not command.endswith("\\") and is_complete(command):
            return command
    raise AssertionError(f"no end to {lines[0]}")


def is_complete(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:
        return False
    return True


def words_of(command: str) -> list[str]:
    """The words after `$ agx`."""
    return shlex.split(command.replace("\\\n", " "))[2:]


def replay(agx: Agx, transcript: str) -> str:
    """The transcript with what its commands print now."""
    pieces = re.split(r"^(?=\$ agx\b)", transcript, flags=re.MULTILINE)
    played = [pieces[0]]
    for piece in pieces[1:]:
        command = command_at(piece.split("\n"))
        line = INNER.sub(lambda inner: agx(*shlex.split(inner[1])).out.rstrip("\n"), command)
        outcome = agx(*words_of(line))
        code = f"[exit {outcome.code}]\n" if outcome.code else ""
        played.append(f"{command}\n{outcome.out}{outcome.err}{code}\n")
    return "".join(played).rstrip("\n") + "\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_transcript(agx: Agx, path: Path, request: pytest.FixtureRequest) -> None:
    transcript = path.read_text(encoding="utf-8")
    played = replay(agx, transcript)
    if request.config.getoption("--accept"):
        path.write_text(played, encoding="utf-8")
    else:
        assert played == transcript


def test_readme(agx: Agx, request: pytest.FixtureRequest) -> None:
    text = README.read_text(encoding="utf-8")
    played = CONSOLE.sub(lambda block: replay(agx, block[0]), text)
    assert "$ agx" in text
    if request.config.getoption("--accept"):
        README.write_text(played, encoding="utf-8")
    else:
        assert played == text


def test_the_picture_in_the_readme(agx: Agx, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    text = README.read_text(encoding="utf-8")
    command = re.search(r"^agx explain \"[^`]*-o (docs/explain.svg)$", text, re.MULTILINE)
    assert command is not None
    assert f"]({command[1]})" in text
    picture, drawn = HERE.parent / command[1], tmp_path / "explain.svg"
    words = shlex.split(command[0].replace(command[1], str(drawn)))
    assert agx(*words[1:]).code == 0
    if request.config.getoption("--accept"):
        picture.write_text(drawn.read_text(encoding="utf-8"), encoding="utf-8")
    else:
        assert drawn.read_text(encoding="utf-8") == picture.read_text(encoding="utf-8")


def test_the_page_of_rules(agx: Agx, request: pytest.FixtureRequest) -> None:
    page = HERE.parent / "docs" / "rules.md"
    made = agx("rules", "--markdown").out
    if request.config.getoption("--accept"):
        page.write_text(made, encoding="utf-8")
    else:
        assert made == page.read_text(encoding="utf-8")
