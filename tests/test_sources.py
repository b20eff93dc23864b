"""Programs from files and stdin, and limits from options and the environment: what is understood, and what is not."""

from __future__ import annotations

import io
import os
import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

from autograd_cli.cli.app import main
from autograd_cli.cli.limit_options import limits_of
from autograd_cli.diagnostic import COMMAND_LINE, AgxError, Span, bad_request
from autograd_cli.limits import DEFAULT_LIMITS, Limits
from conftest import Agx

ROOT = Path(__file__).parent.parent
PROGRAM = "y = x*w\ny.sum()\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "content",
    [
        PROGRAM.encode(),
        f"\ufeff{PROGRAM}".encode(),
        PROGRAM.replace("\n", "\r\n").encode(),
        PROGRAM.rstrip().encode(),
        f"\n \n# \u2202y/\u2202x\n{PROGRAM}\n".encode(),
        b"    y = x*w\n    y.sum()\n",
    ],
    ids=["plain", "BOM", "CRLF", "no newline", "comment", "indented"],
)
@pytest.mark.parametrize("line", ["-f a.py", "--file a.py", "-f=a.py", "--file=a.py", "-", "-f -"])
@pytest.mark.usefixtures("here")
def test_a_program_comes_from_a_file_or_stdin(agx: Agx, line: str, content: bytes) -> None:
    Path("a.py").write_bytes(content)
    words = shlex.split(line)
    outcome = agx("grad", *words, "--x", "1,2", "w=3", "--json", stdin=content.decode())
    assert (outcome.code, outcome.err) == (0, "")
    report = outcome.report
    assert report["grads"]["x"]["values"] == [3, 3]
    assert report["source_name"] == ("a.py" if "a.py" in line else "stdin")
    assert report["source_line"] == (3 if b"#" in content else 1)


@pytest.mark.usefixtures("here")
def test_a_file_without_inputs_and_inputs_that_look_like_programs(agx: Agx) -> None:
    Path("a.py").write_text("x = tensor([1.0, 2.0], requires_grad=True)\n2*x")
    assert agx("grad", "-f", "a.py", "-q").out == "2,2\n"
    Path("a.py").write_text("2*y")
    assert agx("grad", "y=3*x", "-f", "a.py").err.startswith("error[not-a-number]: ")


@pytest.mark.usefixtures("here")
def test_errors_name_the_file_and_its_own_line(agx: Agx) -> None:
    Path("a.py").write_text("\n\ny = 2*x\ny.smu()\n")
    assert "\n --> a.py:4:3\n  |\n4 | y.smu()\n  |   ^^^ " in agx("grad", "-f", "a.py", "--x", "1").err
    assert "\n --> stdin:4:3\n" in agx("grad", "-", "--x", "1", stdin=Path("a.py").read_text()).err
    Path("b.py").write_text("\n" * 8 + "a = x + 1\nb = a.detach()\nb.sum()\n")
    page = agx("grad", "-f", "b.py", "--x", "1").out
    assert "\n  --> b.py:10:5\n" in page
    assert "\n10 | b = a.detach()\n" in page


# the words, the rule, the piece of the command line under the caret, and what is said
WRONG = [
    ("-f nowhere.py", "unreadable-file", "nowhere.py", "there is no file nowhere.py"),
    ("-f .", "unreadable-file", ".", ". is a directory"),
    ("--file=fifo", "unreadable-file", "--file=fifo", "fifo is not a regular file"),
    ("-f /dev/zero", "unreadable-file", "/dev/zero", "/dev/zero is not a regular file"),
    ("-f latin.py", "unreadable-file", "latin.py", "latin.py is not UTF-8: byte 0xe9 at 2:4"),
    ("-f utf16.py", "unreadable-file", "utf16.py", "utf16.py is not UTF-8: byte 0xff at 1:1"),
    (".", "unreadable-file", ".", ". is a directory"),
    ("-f huge.py", "unreadable-file", "huge.py", "huge.py is too large: more than 262,148 bytes"),
    ("-f a.py -f a.py", "usage", "-f", "-f is given twice"),
    ("-f a.py --file a.py", "usage", "--file", "--file is given twice"),
    ("-o a.svg --output b.svg 2*x", "usage", "--output", "--output is given twice"),
    ("2*x -f a.py", "usage", '"2*x"', "there is one program too many"),
    ("- -f a.py", "usage", "-", "there is one program too many"),
    ("- 2*x", "usage", '"2*x"', "unexpected argument `2*x`"),
    ("-f a.py --zzz 3", "unknown-option", "--zzz", "unknown option --zzz; the expression has no variable zzz (only x)"),
    ("-f empty.py", "empty-program", None, "there is no expression"),
    ("- --w -", "usage", None, "the program and w cannot both come from stdin"),
    # Limits.
    ("2*x --timeout soon", "bad-limit", "soon", "the limit time takes a number of seconds, such as 10 or 0.5"),
    ("2*x --timeout 0", "bad-limit", "0", "the limit time takes a number of seconds, such as 10 or 0.5"),
    ("2*x --timeout=-1", "bad-limit", "--timeout=-1", "the limit time takes a number of seconds, such as 10 or 0.5"),
    ("2*x --limit tim=3", "bad-limit", "tim=3", "there is no limit tim"),
    ("2*x --limit steps", "bad-limit", "steps", "the limit steps takes a positive integer"),
    ("2*x --limit steps=1e3", "bad-limit", "steps=1e3", "the limit steps takes a positive integer"),
    ("2*x --limit memory=1", "bad-limit", "memory=1", "the limit memory takes a number of bytes from 16M"),
    ("2*x --limit memory=1M", "bad-limit", "memory=1M", "the limit memory takes a number of bytes from 16M"),
    ("2*x --limit time=0", "bad-limit", "time=0", "the limit time takes a number of seconds, such as 10 or 0.5"),
    ("2*x --limit memory=4X", "bad-limit", "memory=4X", "the limit memory takes a number of bytes"),
    ("2*x --timeout 1 --limit time=1", "bad-limit", "time=1", "the limit time is given twice"),
    ("2*x --limit steps=1 --limit steps=2", "bad-limit", "steps=2", "the limit steps is given twice"),
    # Formats.
    ("2*x --json -o a.svg", "usage", None, "--json and --output a.svg are two formats: choose one"),
    ("2*x -q -o a.txt", "usage", None, "--quiet and --output a.txt are two formats: choose one"),
    ("2*x --python -o a.json", "usage", None, "--python and --output a.json are two formats: choose one"),
]


@pytest.mark.parametrize(("line", "rule", "piece", "says"), WRONG, ids=[line for line, *_ in WRONG])
def test_what_cannot_be_read_is_one_error_at_its_place(
    agx: Agx, here: Path, line: str, rule: str, piece: str | None, says: str
) -> None:
    os.mkfifo("fifo")
    Path("a.py").write_text("2*x")
    Path("empty.py").write_text("\n")
    Path("latin.py").write_bytes("x\nx·é".encode("latin-1").replace(b"\xb7", b"+ "))
    Path("utf16.py").write_bytes("\ufeff2*x".encode("utf-16-le"))
    Path("huge.py").write_text("#" * 300_000)
    before = sorted(here.iterdir())
    words = [*shlex.split(line), *(["--json"] if "--json" not in line and "-o" not in line else [])]
    outcome = agx("grad", *words, "--x", "1", stdin="2*x*w")
    assert (outcome.code, outcome.err.startswith(f"error[{rule}]: {says}")) == (2, True), outcome.err
    if piece is not None:
        found = outcome.report["diagnostics"][0] if "--json" in words else None
        assert found is None or Span(**found["span"]).cut(outcome.report["command_line"]) == piece
    assert sorted(here.iterdir()) == before


def test_stdin_that_is_not_utf8_is_an_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in (["-", "--x", "1"], ["2*x", "--x", "-"]):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"1\n\xff"), encoding="utf-8"))
        assert main(["grad", *words]) == 2
        assert capsys.readouterr().err == "error[unreadable-file]: stdin is not UTF-8: byte 0xff at 2:1\n"


def _blame(message: str, label: str | None) -> AgxError:
    return bad_request("bad-limit", message, source=COMMAND_LINE, label=label)


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ("time=2.5", Limits(time=2.5)),
        ("memory=512M", Limits(memory=512 * 1024**2)),
        ("memory=4GiB", Limits(memory=4 * 1024**3)),
        ("memory=17000000b", Limits(memory=17_000_000)),
        ("steps=7", Limits(steps=7)),
        ("elements=7", Limits(elements=7)),
        ("integer-bits=7", Limits(integer_bits=7)),
        ("integer_bits= 7", Limits(integer_bits=7)),
        ("sequence=7", Limits(sequence=7)),
        ("output=7", Limits(output=7)),
        ("source=7", Limits(source=7)),
        ("depth=7", Limits(depth=7)),
    ],
)
def test_a_limit_is_set_by_an_option_above_a_variable(pair: str, expected: Limits) -> None:
    name, _, text = pair.partition("=")
    variable = f"AGX_LIMIT_{name.upper().replace('-', '_')}"
    assert limits_of([(pair, _blame)], {}) == expected
    assert limits_of([], {variable: text}) == expected
    assert limits_of([(pair, _blame)], {variable: "20000000"}) == expected
    assert limits_of([], {variable: ""}) == DEFAULT_LIMITS


@pytest.mark.parametrize(
    ("variable", "text", "says"),
    [
        ("AGX_LIMIT_TIME", "soon", "AGX_LIMIT_TIME: the limit time takes a number of seconds, such as 10 or 0.5"),
        ("AGX_LIMIT_TIEM", "1", "AGX_LIMIT_TIEM: there is no limit tiem"),
    ],
)
def test_a_wrong_variable_is_named(
    agx: Agx, monkeypatch: pytest.MonkeyPatch, variable: str, text: str, says: str
) -> None:
    monkeypatch.setenv(variable, text)
    outcome = agx("grad", "2*x", "--x", "1", "--json")
    assert (outcome.code, outcome.report["diagnostics"][0]["message"]) == (2, says)


def test_the_readme_has_every_limit_with_its_default() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (\S+) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    found = {name: value for name, value in rows if name in {field.name.replace("_", "-") for field in fields(Limits)}}
    assert limits_of([(f"{name}={value}", _blame) for name, value in found.items()], {}) == DEFAULT_LIMITS
    assert len(found) == len(fields(Limits))


@pytest.mark.usefixtures("here")
def test_a_file_in_another_encoding_has_a_remedy(agx: Agx) -> None:
    Path("a.py").write_bytes("2*x  # caf\xe9".encode("latin-1"))
    assert "^^^^ save it as UTF-8" in agx("grad", "a.py", "--x", "1").err
