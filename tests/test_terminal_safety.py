"""Nothing from the user controls the terminal: what is not plainly printable comes out as a visible escape."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from autograd_cli.render.escape import shortened, visible
from conftest import Agx
from thorough import THOROUGH

PIECES = {
    "controls": "".join(chr(code) for code in (*range(32), *range(127, 160))),
    "colour": "\x1b[31mx\x1b[2J\x1b[H",
    "title and clipboard": "\x1b]0;owned\x07\x1b]52;c;aGk=\x1b\\",
    "c1": "\x9b31m\x9d0;x\x9c",
    "return": "safe\rrm -rf\b\b",
    "direction": "\u202eevil\u202c\u2066a\u2067b\u2068c\u2069\u200e\u200f\u061c",
    "nothing to see": "a\u200bb\u200cc\u200dd\u2060e\ufeff\u00ad\u3164\u115f\u1160\uffa0\u2800\u034f",
    "tags": "\U000e0041\U000e0042\U000e007f",
    "selectors": "a\ufe0fb\U000e0100c",
    "piled": "a" + "\u0301" * 40,
    "leading mark": "\u0338x",
    "spaces": "a\u00a0b\u2003c\u3000d",
    "separators": "a\u2028b\u2029c\x85d",
    "surrogates": "\ud800\udfff\udcff\udc9b",
    "unassigned": "\ue000\U0010fffd\u0378\U000e0fff\ufffe\uffff\ufff9\U0001d173",
    "markup": "[red]x[/red]",
    "closing markup": "[/]",
    "open markup": "[link=file:///etc/passwd",
    "emoji code": ":smile:",
    "html": "</text><script>alert(1)</script>&lt;",
}
TELLING = ["colour", "selectors", "surrogates", "separators", "closing markup"]
SHOWN_AS_IT_IS = ["markup", "closing markup", "open markup", "emoji code"]
INVISIBLE = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef\u3164\u115f\u1160\uffa0\u2800\u034f\u180b-\u180f]")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def problems(text: str) -> list[str]:
    """What in a text that was written could do something to a terminal."""
    wrong = [ascii(one) for one in text if one != "\n" and (not one.isprintable() or INVISIBLE.match(one))]
    return wrong + [ascii(found[0]) for found in re.finditer("[\u0300-\u036f]{5}", text)]


# How a piece of text comes in: the words after `agx`.
CHANNELS: dict[str, Callable[[str], list[str]]] = {
    "program": lambda piece: ["grad", f"x*{piece}", "--x", "1"],
    "program alone": lambda piece: ["grad", piece],
    "line": lambda piece: ["grad", f"y = x\n{piece}\ny", "--x", "1"],
    "comment": lambda piece: ["grad", f"x*2 # {piece}", "--x", "1"],
    "text in the program": lambda piece: ["grad", f"x*2 if '{piece}' else x", "--x", "1"],
    "text that is the result": lambda piece: ["grad", f"'{piece}'"],
    "text that torch quotes": lambda piece: ["grad", f"x.norm(p='{piece}')", "--x", "1"],
    "escapes that torch quotes": lambda piece: ["grad", f"x.norm(p={piece!a})", "--x", "1"],
    "escapes that are the result": lambda piece: ["grad", ascii(piece)],
    "escapes beside the result": lambda piece: ["grad", f"(x, {piece!a})", "--x", "1"],
    "call": lambda piece: ["grad", f"{piece}(x)", "--x", "1"],
    "method": lambda piece: ["grad", f"x.{piece}()", "--x", "1"],
    "keyword": lambda piece: ["grad", f"sum(x, {piece}=1)", "--x", "1"],
    "value": lambda piece: ["grad", "x*2", "--x", piece],
    "value among others": lambda piece: ["grad", "x*2", "--x", f"1,{piece},2"],
    "value in brackets": lambda piece: ["grad", "x*2", "--x", f"[1,{piece}"],
    "value in an expression": lambda piece: ["grad", "x*2", "--x", f"zeros({piece})"],
    "escapes in a value": lambda piece: ["grad", "x*2", "--x", f"zeros({piece!a})"],
    "dtype of a value": lambda piece: ["grad", "x*2", "--x", f"1:{piece}"],
    "name in the program": lambda piece: ["grad", f"x{piece}*2", f"--x{piece}", "1"],
    "option": lambda piece: ["grad", "x*2", f"--{piece}", "1"],
    "option with value": lambda piece: ["grad", "x*2", f"--{piece}=1"],
    "assignment": lambda piece: ["grad", "x*2", f"{piece}=1"],
    "name of --var": lambda piece: ["grad", "x*2", "--var", f"{piece}=1"],
    "given twice": lambda piece: ["grad", "x*2", "--x", "1", "--x", piece],
    "gradient": lambda piece: ["grad", "x*2", "--x", "1", "--gradient", piece],
    "wrt": lambda piece: ["grad", "x*2", "--x", "1", "--wrt", piece],
    "--dtype": lambda piece: ["grad", "x*2", "--x", "1", "--dtype", piece],
    "--device": lambda piece: ["grad", "x*2", "--x", "1", "--device", piece],
    "--device of a kind": lambda piece: ["grad", "x*2", "--x", "1", "--device", f"cuda:{piece}"],
    "--seed": lambda piece: ["grad", "x*2", "--x", "1", "--seed", piece],
    "--color": lambda piece: ["grad", "x*2", "--x", "1", "--color", piece],
    "--output": lambda piece: ["grad", "x*2", "--x", "1", "-o", piece],
    "--output in no folder": lambda piece: ["grad", "x*2", "--x", "1", "-o", f"{as_argument(piece)}/a.svg"],
    "command": lambda piece: [piece],
    "after a command": lambda piece: ["schema", piece],
    "file": lambda piece: ["grad", "x*2", "--x", f"@{piece}.npy"],
    "file of no kind": lambda piece: ["grad", "x*2", "--x", f"@{piece}"],
    "key": lambda piece: ["grad", "x*2", "--x", f"@one.npz#{piece}"],
    "keys of a file": lambda piece: ["grad", "x*2", "--x", f"@{keyed(piece)}"],
    "stdin": lambda piece: ["grad", "x*2", "--x", "-", piece],
}
FORMATS = {"page": [], "json": ["--json"], "quiet": ["-q"], "python": ["--python"], "in colour": ["--color", "always"]}


ANSWERING = [
    "comment",
    "text in the program",
    "text that is the result",
    "text that torch quotes",
    "escapes that torch quotes",
    "escapes that are the result",
    "escapes beside the result",
    "name in the program",
]


def as_argument(piece: str) -> str:
    """What of a piece an argument of a process can hold."""
    return re.sub("[\0\ud800-\udc7f\udd00-\udfff]", "", piece)


def keyed(piece: str) -> str:
    """A file of two arrays, of which one has this key."""
    raw = io.BytesIO()
    np.save(raw, np.ones(1))
    with zipfile.ZipFile("keyed.npz", "w") as archive:
        archive.writestr("other.npy", raw.getvalue())
        archive.writestr(f"k{piece.encode('utf-8', 'replace').decode()}.npy", raw.getvalue())
    return "keyed.npz"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("one.npz", weight=np.ones(1), bias=np.ones(1))


@pytest.mark.parametrize(
    ("channel", "form"),
    [
        *((channel, form) for channel in CHANNELS for form in ("page", "json")),
        *((channel, form) for channel in ANSWERING for form in ("quiet", "python", "in colour")),
    ],
)
def test_nothing_that_comes_in_controls_the_terminal(agx: Agx, channel: str, form: str) -> None:
    for label in PIECES if form == "page" and (THOROUGH or channel in ANSWERING) else TELLING:
        piece = PIECES[label]
        words = [*CHANNELS[channel](piece), *FORMATS[form]]
        outcome = agx(*words, stdin=f"1,{piece}")
        assert outcome.code in {0, 1, 2}, (label, outcome)
        out, err = (COLOUR.sub("", text) if form == "in colour" else text for text in (outcome.out, outcome.err))
        assert not problems(out), (label, outcome.out)
        assert not problems(err), (label, outcome.err)
        if form == "json":
            assert out.isascii()
            json.loads(out)


PROGRAMS = {
    "comment": "x*2 # {}",
    "text": "x*2 if '{}' else x",
    "escapes": "(x*2, x*3 if {!a} else x)",
    "refused": "x.norm(p={!a})",
}


@pytest.mark.parametrize("suffix", [".txt", ".svg", ".html", ".json"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_file_that_is_written_holds_no_control_characters(agx: Agx, program: str, suffix: str) -> None:
    for label in (*TELLING, "html"):
        piece = PIECES[label]
        Path(f"out{suffix}").unlink(missing_ok=True)
        agx("grad", PROGRAMS[program].format(piece), "--x", "1", "-o", f"out{suffix}")
        text = Path(f"out{suffix}").read_text(encoding="utf-8") if Path(f"out{suffix}").exists() else ""
        spaces = "\N{NO-BREAK SPACE}" if suffix == ".svg" else ""  # Rich's own, between the words of a picture
        assert not problems(text.translate(dict.fromkeys(map(ord, spaces)))), (label, text)
        if suffix in {".svg", ".html"}:
            assert "<script" not in text


def test_what_looks_like_markup_is_shown_as_it_is(agx: Agx) -> None:
    for label in SHOWN_AS_IT_IS:
        piece = PIECES[label]
        outcome = agx("grad", f"x*2 if {piece!r} else x", "--x", "1")
        assert outcome.code == 0
        assert piece in agx("grad", f"x.norm(p={piece!r})", "--x", "1").out
        assert piece in agx("grad", "x*2", "--x", f"@{piece.replace('/', '|')}.npy").err.replace("|", "/")


@pytest.mark.parametrize("name", ["é", "größe", "δ", "λ_2", "重み", "вес", "وزن", "नमूना", "ñandú"])
def test_letters_of_every_script_stay_readable(agx: Agx, name: str) -> None:
    name = unicodedata.normalize("NFKC", name)
    outcome = agx("grad", f"{name}**2", f"--{name}", "3")
    assert (outcome.code, f"{name}.grad  6." in outcome.out) == (0, True)
    assert agx("grad", f"{name}*x", f"--{name}", "3", "--x", "2", "-q").out == f"{name}=2\nx=3\n"
    np.save(f"{name}.npy", np.ones(1))
    assert f"@{name}.json" in agx("grad", "x", "--x", f"@{name}.json").err
    assert name in agx("grad", f"{name}**2", f"--{name}", "3", "--python").out


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\tb", "a    b"),
        ("a\nb", "a\\nb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x7f\x80\x9b", "\\x7f\\x80\\x9b"),
        ("\u202e", "\\u202e"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("a\u00a0b", "a\\xa0b"),
        ("e\u0301", "e\u0301"),
        ("e\u0301\u0301\u0301\u0301\u0301", "e\u0301\u0301\u0301\u0301\\u0301"),
        ("\u0301", "\\u0301"),
        (" \u0301", " \\u0301"),
        ("\x1b\u0301", "\\x1b\\u0301"),
        ("เก้าอี้", "เก้าอี้"),
        ("변수 größe δ 重み", "변수 größe δ 重み"),
    ],
)
def test_what_is_not_printable_is_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_every_character_is_visible_and_most_stay() -> None:
    kept = 0
    for code in (*range(0x32000), *range(0xE0000, 0xE0400)):
        shown = visible(chr(code))
        assert shown.isprintable()
        assert not INVISIBLE.match(shown)
        kept += shown == chr(code)
    assert kept > 130_000


def test_a_long_text_is_shortened_after_it_is_made_visible() -> None:
    assert shortened("a \n\t b", None) == "a b"
    assert shortened("x" * 100, 11) == "xxxxx…xxxxx"
    assert shortened("\x1b" * 100, 11).isprintable()
    assert shortened("a\u2028b\x85c", None) == "a\\u2028b\\x85c"


def raw_words() -> Iterator[list[bytes]]:
    yield [b"grad", b"x*\xff\x9b31m", b"--x", b"1"]
    yield [b"grad", b"x*2", b"--x", b"@\xff\x1b[31m.npy"]
    yield [b"grad", b"x*2", b"--x", b"1", b"--json", b"--wrt", b"\xff"]


@pytest.mark.parametrize("words", list(raw_words()), ids=ascii)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_bytes_that_are_no_text_are_escapes_for_a_process_too(words: list[bytes], encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "autograd_cli", *words],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert done.returncode == 2
    assert not problems(done.stdout.decode(encoding))
    assert not problems(done.stderr.decode(encoding))
    assert b"\\udcff" in done.stdout + done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["lessons"],
        ["rules"],
        ["ops"],
        ["grad", "x*y", "--x", "1,2", "--y", "3"],
        ["explain", "x.detach()*x", "--x", "1"],
    ],
)
def test_colour_in_a_pipe_changes_colours_only(agx: Agx, words: list[str]) -> None:
    """A pipe has no width, so no spaces may fill its lines up."""
    coloured, plain = agx(*words, "--color", "always").out, agx(*words, "--color", "never").out
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert max(map(len, coloured.splitlines())) < 1_000
