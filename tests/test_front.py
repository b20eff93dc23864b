"""The first screen and the help of every command: that they fit, and that what they offer works."""

from __future__ import annotations

import re
import shlex

import pytest

from autograd_cli.cli.app import app
from conftest import Agx

COMMANDS = [str(command.name) for command in app.registered_commands]
LONGEST_SUMMARY = 50


def test_the_first_screen_fits_and_names_every_command(agx: Agx) -> None:
    outcome = agx()
    lines = outcome.out.splitlines()
    assert (outcome.code, outcome.err) == (0, "")
    assert len(lines) <= 12
    assert max(map(len, lines)) <= 80
    assert outcome.out.isascii()
    for command in COMMANDS:
        assert re.search(rf"(^| ){command} ", outcome.out, re.MULTILINE), command


def test_what_the_first_screen_offers_to_copy_works(agx: Agx) -> None:
    offered = re.findall(r"^  agx (.*?)   ", agx().out, re.MULTILINE)
    assert len(offered) == 4
    for line in offered:
        if "train.py" not in line:
            assert agx(*shlex.split(line)).code == 0, line


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_a_terminal_and_leaks_no_type(agx: Agx, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    outcome = agx(*[command][: len(command)], "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert outcome.out.isascii()
    assert not re.search(r"<\w+>|<=x|int range|\w\.\.\.$", outcome.out, re.MULTILINE)
    texts = re.findall(r"^  -.*?  +(.*)$", outcome.out, re.MULTILINE)
    assert len(texts) == len(set(texts)), "two options say the same"


def test_every_command_has_a_summary_that_is_never_cut(agx: Agx) -> None:
    shown = agx("--help").out
    for command in app.registered_commands:
        assert command.short_help
        assert len(command.short_help) <= LONGEST_SUMMARY
        assert f"{command.name} " in shown
        assert command.short_help in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_help_by_every_way_to_ask_for_it(agx: Agx, command: str) -> None:
    assert agx("help", command) == agx(command, "-h") == agx(command, "--help")


def test_help_and_version_as_words(agx: Agx) -> None:
    assert agx("help") == agx("--help")
    assert agx("version") == agx("--version")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_a_language(agx: Agx, command: str) -> None:
    assert "--lang LANGUAGE" in agx(command, "--help").out
    wrong = agx(command, "--lang", "?!")
    assert wrong.code == 2
    assert "--lang takes a language such as en or zh_CN" in wrong.err


@pytest.mark.parametrize(
    "words",
    [["grad", "2*x", "--x", "1"], ["compare", "2*x", "--x", "1"], ["explain", "2*x", "--x", "1"], ["rules"], ["ops"]],
)
def test_a_language_without_translation_is_english(agx: Agx, words: list[str]) -> None:
    assert agx(*words, "--lang", "tlh") == agx(*words, "--lang", "en") == agx(*words)
    assert agx(*words, "--lang", "zh") == agx(*words)  # until these pages have a translation


@pytest.mark.parametrize(
    ("words", "same"),
    [
        (["detach"], ["--detach"]),
        (["no_grad"], ["--no-grad"]),
        (["in-place", "--lang", "zh"], ["--in-place", "--lang", "zh"]),
        (["--lang", "zh", "Leaf"], ["--leaf", "--lang", "zh"]),
    ],
)
def test_a_lesson_goes_by_its_bare_name(agx: Agx, words: list[str], same: list[str]) -> None:
    assert agx("explain", *words) == agx("explain", *same)
    assert agx("explain", *words).code == 0


def test_a_bare_name_beside_an_input_is_a_program(agx: Agx) -> None:
    assert agx("explain", "leaf", "--leaf", "1").code == 2
    assert "leaf=1" not in agx("explain", "data", "data=1").err
    assert agx("explain", "leaf", "leaf=1", "-q").out == "1\n"


def test_a_mistyped_lesson(agx: Agx) -> None:
    assert "did you mean agx explain --detach?" in agx("explain", "detahc").err
    assert "did you mean" not in agx("explain", "x").err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--json grad 2*x --x 1", "write agx grad 2*x --x 1 --json"),
        ("batch --json requests.ndjson", "leave it out: all that this command writes is JSON"),
        ("schema --json", "leave it out: all that this command writes is JSON"),
        ("rules --markdown --json", "--json and --markdown are two formats: choose one"),
    ],
)
def test_json_where_it_cannot_be(agx: Agx, words: str, says: str) -> None:
    outcome = agx(*words.split())
    assert (outcome.code, outcome.report["status"]) == (2, "bad-request")
    assert says in outcome.err.replace('"', "")


def test_a_short_option_of_another_command(agx: Agx) -> None:
    outcome = agx("check", "2*x", "--x", "1", "-q")
    assert outcome.code == 2
    assert "-q belongs to agx grad" in outcome.err
    assert "--q" not in outcome.err
