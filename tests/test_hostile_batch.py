"""`agx batch` on lines from strangers: each bad line is one result with its number, and the rest goes on."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agx_server import AgxServer, Done
from autograd_cli.diagnostic import bad_request
from autograd_cli.settings import Settings
from autograd_cli.tasks.batch import answer, failure, prepared
from conftest import Agx

IN_TIME = 120
GOOD = b'{"id": "good", "expr": "2*x", "inputs": {"x": 1}}'
HANGS = b'{"id": "hangs", "expr": "while True: pass"}'


def asking(fields: str, identity: str = "7") -> bytes:
    return f'{{"id": {identity}, "expr": "2*x", {fields}}}'.encode()


def giving(value: str) -> bytes:
    return asking(f'"inputs": {{"x": {value}}}')


def nested(depth: int, inside: str = "") -> str:
    return "[" * depth + inside + "]" * depth


# What is wrong with a line → its rule. None: nothing is.
LINES: dict[str, list[tuple[bytes, str | None]]] = {
    "not JSON": [
        (line, "bad-line")
        for line in (
            *(b"nan", b"{", b"[", b'"', b"{'id': 1}", b'{"expr": "2*x",}', b'{"expr": "2*x"} {}', b"\x00", b"\x1b[31m"),
            *(b"#", b'{"id": 1 \x00}', b'{"id": "\xff"}', b"\xff\xfe\x00", b"\xc0\xaf", b"[" * 100_000, b"{" * 100_000),
            *(b'{"id":' * 50_000, b'{"id": 1' + b"0" * 5_000 + b"}", b'{"id": "a\nb"}', b'{"expr": "\\x"}', b"\x85"),
        )
    ],
    "not a request": [
        (line, "bad-line")
        for line in (
            *(b"null", b"true", b"1", b'"2*x"', b"[]", b"{}", b'[{"expr": "x"}]', b'{"id": 1}', b'{"expr": null}'),
            *(b'{"expr": 2}', b'{"expr": ["2*x"]}', b'{"expr": {"x": 1}}', b'{"Expr": "2*x"}', b'{"": 1, "expr": "2"}'),
            *(asking('"inputs": ["x"]'), asking('"inputs": null'), asking('"inputs": "x"'), asking('"inputs": 1')),
            *(
                asking('"input": {"x": 1}'),
                asking('"file": "/etc/passwd"'),
                asking('"__class__": 1'),
                asking('"-f": 1'),
            ),
            *(asking('"wrt": "x"'), asking('"wrt": [1]'), asking('"wrt": {"x": 1}'), asking('"wrt": [["x"]]')),
            *(asking('"mode": 1'), asking('"mode": ["no-grad"]'), asking('"mode": null'), asking('"limits": {}')),
            *(
                asking(f'"inputs": {{"{name}": 1}}')
                for name in ("", " ", "x y", "--x", "-x", "1x", "x.y", "x[0]", "x=1")
            ),
            *(asking(f'"inputs": {{"{name}": 1}}') for name in ("\\u0000", "\\u001b[31m", "\\u202e", "\\ud800", "@f")),
        )
    ],
    "names": [
        (asking('"inputs": {"x": 1, "__class__": 1}'), "unused-input"),
        (asking('"inputs": {"x": 1, "if": 1}'), "unused-input"),
        (asking('"inputs": {"x": 1, "\\ufb01": 1}'), "unused-input"),
        (asking('"inputs": {"y": 1}'), "missing-value"),
        (asking('"inputs": {' + ", ".join(f'"x{number}": 1' for number in range(5_000)) + "}"), "missing-value"),
        (asking('"inputs": {"x": 1}, "wrt": ["y"]'), "unknown-name"),
        (asking('"inputs": {"x": 1}, "wrt": ["--x"]'), "unknown-name"),
        (asking('"inputs": {"x": 1}, "wrt": ["\\u001b"]'), "unknown-name"),
        (asking('"inputs": {"x": 1}, "mode": "\\u001b"'), "unknown-mode"),
        (asking('"inputs": {"x": 1}, "mode": ""'), "unknown-mode"),
        (b'{"expr": "__class__ * 2", "inputs": {"__class__": 1}}', "refused-name"),
        (b'{"expr": "\\ufb01 * 2", "inputs": {"\\ufb01": 1}}', "syntax"),
        (b'{"expr": "sin * 2", "inputs": {"sin": 1}}', None),
        (b'{"expr": "torch * 2", "inputs": {"torch": 1}}', None),
        (b'{"expr": "seed * 2 + mode", "inputs": {"seed": 1, "mode": 2}}', None),
    ],
    "values": [
        *((giving(value), None) for value in ('"randn(3)"', '"1,2"', '" 1, 2:float64"', '"pi/2"')),
        *(
            (giving(value), "bad-line")
            for value in ('"@/etc/passwd"', '" @a.npy#x"', '"a.npy"', '{"values": "ones(2)", "dtype": "float64"}')
        ),
        *((giving(value), "not-a-number") for value in ('"a"', '"y+1"', '["randn(3)"]')),
        *((giving(value), "syntax") for value in ('"-"', '"1 2"')),
        (giving('"__import__"'), "refused-name"),
        (giving('""'), "empty-value"),
        (giving('"nan"'), None),
        (giving('"torch.load(1)"'), "refused-name"),
        *((giving(value), "not-a-number") for value in ("null", "{}", '{"re": 1}', '{"re": "a", "im": 1}', '["a", 1]')),
        *(
            (giving(value), "not-a-number")
            for value in ("[null]", "[{}]", '{"values": null}', '{"values": {"values": 1}}')
        ),
        *((giving(value), "ragged") for value in ("[[1], 2]", "[[1], [1, 2]]", "[[], [1]]", "[1, [2]]")),
        *(
            (giving(f'{{"values": [1], "shape": {shape}}}'), "bad-line")
            for shape in ("[-1]", "[1.0]", "[true]", '"1"', "1")
        ),
        *(
            (giving(f'{{"values": [1], "shape": {shape}}}'), "bad-line")
            for shape in ("[[1]]", "{}", "[null]", f"[{2**70}]")
        ),
        *(
            (giving(f'{{"values": [1], "shape": {shape}}}'), "ragged")
            for shape in ("[2]", "[0]", f"[{2**39}, {2**39}]")
        ),
        (giving(f'{{"values": [], "shape": [0, {2**39}, {2**39}]}}'), "torch-refused"),
        (giving(f'{{"values": [1], "shape": [{"1, " * 99}1]}}'), "bad-line"),
        *((giving(f'{{"values": [1], "dtype": {dtype}}}'), "unknown-dtype") for dtype in ("1", "[1]", "{}")),
        *(
            (giving(f'{{"values": [1], "dtype": "{dtype}"}}'), "unknown-dtype")
            for dtype in ("", "os", "__class__", "qint8")
        ),
        (giving('{"values": [1], "device": "cuda"}'), "bad-line"),
        (giving('{"values": [300], "dtype": "int8"}'), "bad-value"),
        (giving('{"values": [{"re": 1, "im": 2}], "dtype": "float32"}'), "bad-value"),
        (giving("1" + "0" * 400), "bad-value"),
        (giving(nested(40_000)), "bad-line"),
        (giving(nested(900, "1")), "ragged"),
        *(
            (giving(value), None)
            for value in ("1", "[1, 2]", "1e999", "-0.0", "NaN", "[Infinity]", '"NaN"', '["-Infinity", 1]')
        ),
        *(
            (giving(value), None)
            for value in ('{"re": 1, "im": "NaN"}', '[{"re": 1, "im": 2}, 3]', "[]", "[[], []]", "1e-999")
        ),
        (giving(str(list(range(50_000)))), None),
        *(
            (asking(f'"inputs": {{"x": 1}}, "gradient": {value}'), "gradient-shape")
            for value in ("[1]", "[1, 2]", "[[1]]")
        ),
        *(
            (asking(f'"inputs": {{"x": 1}}, "gradient": {value}'), "not-a-number")
            for value in ("{}", "[null]", '{"re": 1}')
        ),
        (asking('"inputs": {"x": 1}, "gradient": "a"'), "not-a-number"),
    ],
    "identities": [
        *(
            (asking('"inputs": {"x": 1}', identity), None)
            for identity in ("null", "true", '""', "1e5", "[]", "{}", '"é"')
        ),
        *(
            (asking('"inputs": {"x": 1}', identity), None)
            for identity in ("NaN", "-Infinity", "[1e999]", '{"a": [NaN]}')
        ),
        *(
            (asking('"inputs": {"x": 1}', identity), None)
            for identity in ('"\\ud800"', '"\\u0000\\u001b"', "1" * 4_000)
        ),
        *(
            (asking('"inputs": {"x": 1}', identity), None)
            for identity in ('"' + "a" * 10**6 + '"', nested(60), '{"id": 1}')
        ),
        *((asking('"inputs": {"x": 1}', nested(depth)), "bad-line") for depth in (65, 300, 960, 990)),
        (asking('"inputs": {"x": 1}, "id": "last"'), None),
    ],
    "programs": [
        (b'{"expr": ""}', "empty-program"),
        (b'{"expr": "2*x\\u0000", "inputs": {"x": 1}}', "syntax"),
        (b'{"expr": "2*x\\ud800", "inputs": {"x": 1}}', "syntax"),
        (b'{"expr": "x.__class__", "inputs": {"x": 1}}', "unknown-attribute"),
        (b'{"expr": "open(\'/etc/passwd\')"}', "refused-name"),
        (b'{"expr": "' + b"x+" * 3_000 + b'x", "inputs": {"x": 1}}', "limit-depth"),
        (b'{"expr": "' + b"x" * 100_000 + b'"}', "limit-source"),
        (b'{"expr": "zeros(10**13) * x", "inputs": {"x": 1}}', "limit-memory"),
        (b'{"expr": "9**9**9 * x", "inputs": {"x": 1}}', "limit-integer-bits"),
        (b'{"expr": "[x].index(ones(3))", "inputs": {"x": [1, 2, 3]}}', "torch-refused"),
        (b'{"expr": "x @ x", "inputs": {"x": 1}}', "torch-refused"),
        (b'{"expr": "torch.set_grad_enabled(False)\\nx", "inputs": {"x": 1}}', None),
        (b'{"expr": "x.gather(0, torch.tensor([0]), sparse_grad=True).sum()", "inputs": {"x": [1, 2]}}', None),
        (b'{"expr": "print(\'\\\\x1b[31m\') or 2*x", "inputs": {"x": 1}}', None),
        (b'\xef\xbb\xbf{"expr": "2*x", "inputs": {"x": 1}}', None),
        (b'  {"expr": "2*x", "inputs": {"x": 1}}  \r', None),
    ],
}


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> Iterator[None]:
    with prepared(Settings()):
        yield


@pytest.mark.parametrize(
    ("line", "rule"),
    [pytest.param(*each, id=f"{group}: {each[0][:70]!r}") for group, lines in LINES.items() for each in lines],
)
def test_a_line(line: bytes, rule: str | None) -> None:
    result, is_ok = answer(line, 17, Settings())
    assert result.endswith(b"\n")
    assert result.isascii()
    assert result.count(b"\n") == 1
    found = json.loads(result, parse_constant=_not_json)
    rules = [each["rule"] for each in found["diagnostics"] if each["severity"] == "error"]
    if rule is None:
        assert (found["ok"], rules) == (True, [])
    else:
        assert (found["ok"], found["line"], rules) == (False, 17, [rule])
    assert is_ok is found["ok"]
    lost = json.loads(failure(line, 17, bad_request("x", "y")), parse_constant=_not_json)
    assert (lost["id"], lost["line"]) == (found["id"], 17)


def _not_json(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


# As processes.


Batch = Callable[..., Done]


@pytest.fixture
def batch(agx_server: AgxServer) -> Batch:
    """`agx batch` with what it reads, and its options."""
    return lambda stdin, *words: agx_server.run("batch", *words, stdin=stdin)


def test_all_of_them_in_one_stream_and_in_order(batch: Batch) -> None:
    lines = [line for group in LINES.values() for line, _ in group if len(line) < 10**5 and b"\n" not in line]
    stream = b"\n\n".join([*lines, GOOD])
    one, two = batch(stream, "--threads", "1"), batch(stream, "--jobs", "2")
    assert (one.returncode, one.stderr) == (two.returncode, two.stderr) == (1, b"")
    assert one.stdout == two.stdout
    results = [json.loads(result) for result in one.stdout.splitlines()]
    numbers = [number for number, line in enumerate(stream.split(b"\n"), 1) if line.strip()]
    assert len(results) == len(numbers)
    assert [result.get("line", number) for result, number in zip(results, numbers, strict=True)] == numbers
    assert results[-1]["ok"]


def test_a_line_that_hangs_costs_that_line(batch: Batch) -> None:
    done = batch(b"\n".join([GOOD, HANGS, GOOD]), "--timeout", "1", "--limit", "steps=1000000000")
    found = [json.loads(result) for result in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (1, b"")
    assert [(each["id"], each["ok"], each.get("line")) for each in found] == [
        ("good", True, None),
        ("hangs", False, 2),
        ("good", True, None),
    ]
    assert found[1]["diagnostics"][0]["rule"] == "limit-time"


def test_a_line_that_crashes_torch_costs_that_line(agx_server: AgxServer) -> None:
    with agx_server.started("batch", "--flush", "--limit", "steps=1000000000") as call:
        call.stdin.write(b"\n".join([GOOD, HANGS, GOOD, b""]))
        first = json.loads(call.stdout.readline())
        (worker,) = _children(call.pid)
        assert _until(lambda: _seconds_of(worker) > 0.5)  # it is at the line that hangs
        os.kill(worker, signal.SIGSEGV)
        done = call.done()
    lost, last = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, done.stderr) == (1, b"")
    assert (first["ok"], lost["ok"], last["ok"], lost["id"], lost["line"]) == (True, False, True, "hangs", 2)
    assert (lost["diagnostics"][0]["rule"], last["id"]) == ("torch-crashed", "good")


BOMBS = {
    "limit-memory limit-elements limit-sequence limit-time": """
        torch.ones(10**11)
        torch.full((10**11,), 1.)
        torch.arange(10**11)
        torch.eye(10**6)
        torch.randn(10**6, 10**6)
        torch.randperm(10**11)
        torch.ones(10**6, 1) @ torch.ones(1, 10**6)
        torch.ones(10**5).expand(10**6, 10**5).contiguous()
        torch.ones(10**6).repeat(10**6)
        torch.ones(3).repeat_interleave(10**11)
        torch.kron(torch.ones(10**6), torch.ones(10**6))
        torch.cartesian_prod(*[torch.ones(1000)] * 4)
        torch.combinations(torch.ones(2000), 4)
        torch.vander(torch.ones(1000), 10**9)
        torch.einsum('i,j,k->ijk', *[torch.ones(10**4)] * 3)
        torch.fft.fft(torch.ones(2), n=10**11)
        torch.nn.functional.pad(torch.ones(2), (0, 10**11))
        torch.nn.functional.one_hot(torch.tensor([10**11]))
        torch.nn.functional.interpolate(torch.ones(1, 1, 2), 10**11)
        torch.nn.Linear(10**6, 10**6)
        torch.nn.Embedding(10**9, 100)
        torch.distributions.Normal(0., 1.).sample((10**11,))
        torch.bincount(torch.tensor([10**11]))
        torch.cdist(torch.ones(10**6, 1), torch.ones(10**6, 1))
        torch.ones(2**27).tolist()
    """,
    "limit-time": """
        torch.linalg.matrix_exp(torch.ones(3000, 3000, dtype=torch.float64))
        while True: y = torch.ones(100, 100) @ torch.ones(100, 100)
    """,
}


def test_bombs_in_a_real_worker(batch: Batch) -> None:
    bombs = [(rules, line.strip()) for rules, lines in BOMBS.items() for line in lines.splitlines() if line.strip()]
    stream = b"\n".join(json.dumps({"expr": bomb}).encode() + b"\n" + GOOD for _, bomb in bombs)
    done = batch(stream, "--timeout", "2", "--limit", "steps=1000000000", "--limit", "memory=2G")
    found = [json.loads(result) for result in done.stdout.splitlines()]
    assert (done.returncode, done.stderr, len(found)) == (1, b"", 2 * len(bombs))
    told = [(each["diagnostics"][0]["rule"], bomb) for each, (_, bomb) in zip(found[::2], bombs, strict=True)]
    assert [pair for pair, (rules, _) in zip(told, bombs, strict=True) if pair[0] not in rules.split()] == []
    assert all(each["ok"] for each in found[1::2])


def test_ends_of_lines(batch: Batch) -> None:
    blank = b"\n \n\r\n\t\n"
    done = batch(blank + GOOD + b"\r\n" + blank + b"\xef\xbb\xbf" + GOOD)
    assert (done.returncode, len(done.stdout.splitlines()), done.stderr) == (0, 2, b"")


def test_a_pipe_that_nobody_reads_any_more_is_no_error(tmp_path: Path) -> None:
    many = tmp_path / "many.ndjson"
    many.write_bytes((GOOD + b"\n") * 3_000)
    line = f"{shlex.quote(sys.executable)} -m autograd_cli batch {many} | head -1"
    done = subprocess.run(line, shell=True, capture_output=True, check=False, timeout=IN_TIME)  # noqa: S602 - a pipe is a shell's
    assert (b'"ok": true' in done.stdout, done.stdout.count(b"\n"), done.stderr) == (True, 1, b"")


def test_streams_that_end(agx_server: AgxServer, tmp_path: Path) -> None:
    many = tmp_path / "many.ndjson"
    many.write_bytes((GOOD + b"\n") * 300)
    with Path("/dev/full").open("wb") as full:
        unwritten = agx_server.run("batch", str(many), stdout=full.fileno())
    assert (unwritten.returncode, unwritten.stderr.count(b"\n")) == (1, 1)
    assert b"No space left on device" in unwritten.stderr
    for says, done in (
        (b"stdin is closed", agx_server.run("batch", closed=[0])),
        (b"is a directory", agx_server.run("batch", "/")),
        (b"cannot be read", agx_server.run("batch", "no-such-file")),
    ):
        assert (done.returncode, says in done.stderr, b"Traceback" in done.stderr) == (2, True, False)
        assert done.stderr.count(b"\n") <= 2
    unheard = agx_server.run("batch", str(many), closed=[1])
    assert (unheard.returncode, unheard.stdout, unheard.stderr) == (0, b"", b"")


def test_a_co_process_is_answered_line_by_line(agx_server: AgxServer) -> None:
    with agx_server.started("batch", "--flush") as call:
        for line in (GOOD, b"{", GOOD):
            call.stdin.write(line + b"\n")
            assert json.loads(call.stdout.readline())["ok"] is (line is GOOD)
        assert call.done().returncode == 1


@pytest.mark.parametrize(("end", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_no_worker_is_left(agx_server: AgxServer, end: signal.Signals, code: int) -> None:
    with agx_server.started("batch", "--jobs", "2", "--limit", "steps=1000000000") as call:
        call.stdin.write(b"\n".join([HANGS, HANGS, b""]))
        assert _until(lambda: len(_children(call.pid)) == 2)
        workers = _children(call.pid)
        os.kill(call.pid, end)
        assert call.wait() == code
    assert _until(lambda: not any(_is_running(worker) for worker in workers))


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def _seconds_of(pid: int) -> float:
    """The processor time that a process has taken."""
    ticks = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _until(condition: Any) -> bool:
    end = time.monotonic() + IN_TIME
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_a_text_is_the_value_that_it_is_on_the_command_line(agx: Agx) -> None:
    given = agx("grad", "2*x", "--x", "randn(2,3)", "--json", "--seed", "5").report
    line, _ = answer(giving('"randn(2,3)"'), 1, Settings(seed=5))
    assert json.loads(line)["result"]["values"] == given["result"]["values"]


@pytest.mark.parametrize("words", [[], ["--jobs", "2"]])
def test_ctrl_c_says_where_it_was_and_takes_no_answer_back(agx_server: AgxServer, words: list[str]) -> None:
    with agx_server.started("batch", "--flush", *words, "--limit", "steps=1000000000") as call:
        call.stdin.write(b"\n".join([GOOD, b"", GOOD, HANGS, b""]))
        answers = [call.stdout.readline(), call.stdout.readline()]  # while the third line runs
        os.killpg(call.pid, signal.SIGINT)
        done = call.done()
    assert ([json.loads(each)["ok"] for each in answers], done.stdout) == ([True, True], b"")
    assert done.stderr == b"stopped by Ctrl-C at line 4: the lines before it are answered\n"
    assert done.returncode == 130
