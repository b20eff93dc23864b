"""A script does under agx what it does without: Python itself is the oracle, to the byte and the exit code."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import pytest

from thorough import THOROUGH, at_length

Job = dict[str, Any]
HERE = Path(__file__).parent
SLOW = {"forkserver", "a training"}
UNFLUSHED = 120  # what Python ends with when stdout cannot be flushed
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV_", "COVERAGE"))}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A command line, the files that it finds, and what must be told of its end."""

    name: str
    words: tuple[str, ...]
    files: dict[str, bytes]
    stdin: bytes = b""
    is_mixed: bool = False
    how: str = ""
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a run came to."""

    code: int
    out: bytes
    err: bytes
    files: dict[str, bytes]


def read_cases(text: str) -> Iterator[Case]:
    for block in text.split("\n==== ")[1:]:
        head, *parts = block.split("\n---- ")
        name, *commands = head.strip().split("\n")
        split = [part.partition("\n") for part in parts]
        files = {file: body.encode() + b"\n" * bool(body) for file, _, body in split}
        for command in commands:
            line, _, end = command.removeprefix("$ ").partition("  # ")
            line, _, stdin = line.partition(" < ")
            is_mixed = line.endswith(" 2>&1")
            how, _, place = end.partition(" ")
            yield Case(
                name=name,
                words=tuple(shlex.split(line.removesuffix(" 2>&1"))),
                files=files,
                stdin=stdin.encode().decode("unicode-escape").encode(),
                is_mixed=is_mixed,
                how=how,
                place=place,
            )


ODD = [
    (
        "latin-1",
        {"main.py": '# coding: latin-1\nimport helper\nprint("é", ascii(helper.x))\n"é"/0\n'.encode("latin-1")},
    ),
    ("BOM and CRLF", {"main.py": b'\xef\xbb\xbfx = """a\r\nb"""\r\nprint(ascii(x))\r\n"\xc3\xa9"; 1/0\r\n'}),
    ("bytes that are no UTF-8", {"main.py": b'print("never")\nx = "\xff"\n'}),
    ("a null byte", {"main.py": b"x = 1\0\n"}),
    ("an import of what is no UTF-8", {"main.py": b"import helper\n", "helper.py": b'x = "\xff"\n'}),
    ("nothing", {"main.py": b""}),
]
LATIN = "# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1")
CASES = [
    *read_cases((HERE / "scripts.txt").read_text()),
    *(Case(name=name, words=("main.py",), files={"helper.py": LATIN} | files) for name, files in ODD),
]


@dataclass
class Runner:
    """Runs scripts under agx, without starting a process for each."""

    process: subprocess.Popen[bytes]
    requests: IO[bytes]
    statuses: IO[bytes]

    def __call__(self, job: Job) -> int:
        self.requests.write(json.dumps(job).encode() + b"\n")
        self.requests.flush()
        return int(self.statuses.readline())


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    command = [sys.executable, str(HERE / "run_scripts.py")]
    environment = ENVIRONMENT | {"PYTHONPATH": str(HERE.parent)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Runner(process, process.stdin, process.stdout)
        process.stdin.close()


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A directory in which a case is run, first without agx and then with it."""

    root: Path
    runner: Runner

    def plainly(self, case: Case, *flags: str) -> Done:
        self._lay_out(case)
        with ExitStack() as opened:
            given, out, err = (
                opened.enter_context(self._stream(name).open(mode))
                for name, mode in [("stdin", "rb"), ("stdout", "ab"), ("stderr", "ab")]
            )
            done = subprocess.run(
                [sys.executable, *flags, *case.words],
                cwd=self.directory,
                env=ENVIRONMENT | {"PYTHONPATH": str(HERE.parent)},
                stdin=given,
                stdout=out,
                stderr=out if case.is_mixed else err,
                check=False,
                timeout=60,
            )
        return self._done(done.returncode)

    def observed(self, case: Case, *, runner: Callable[[Job], int] | None = None, **options: object) -> Done:
        self._lay_out(case)
        job: Job = {"redirected": False, "answer": "", "exit_code": None} | options
        job |= {name: str(self._stream(name)) for name in ("stdin", "stdout", "stderr")}
        if case.is_mixed:
            job["stderr"] = job["stdout"]
        job |= {"directory": str(self.directory), "words": case.words, "told": str(self._stream("told"))}
        return self._done((runner or self.runner)(job))

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._stream("told").read_text().splitlines()]

    @property
    def directory(self) -> Path:
        return self.root / "case"

    def _stream(self, name: str) -> Path:
        return self.root / name

    def _lay_out(self, case: Case) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
        for name, body in case.files.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        for name in ("stdin", "stdout", "stderr", "told"):
            self._stream(name).write_bytes(case.stdin if name == "stdin" else b"")

    def _done(self, code: int) -> Done:
        files = {
            str(path.relative_to(self.directory)): b"" if path.suffix == ".pyc" else path.read_bytes()
            for path in sorted(self.directory.rglob("*"))
            if path.is_file()
        }
        return Done(
            code=code, out=self._stream("stdout").read_bytes(), err=self._stream("stderr").read_bytes(), files=files
        )


@pytest.fixture
def bench(tmp_path: Path, runner: Runner) -> Bench:
    return Bench(root=tmp_path, runner=runner)


@pytest.mark.parametrize("case", CASES, ids=[f"{case.name}: {' '.join(case.words)}" for case in CASES])
def test_a_script_does_what_it_does_without_agx(bench: Bench, case: Case) -> None:
    if case.name in SLOW and not THOROUGH:
        pytest.skip("AGX_THOROUGH=1 runs it")
    expected = bench.plainly(case)
    assert bench.observed(case) == expected
    told = bench.told()
    if expected.code == -signal.SIGTERM or "os._exit(5)" in case.words:
        assert not told
        return
    [end] = told  # also where a child came to the end of the script
    assert end["code"] == (130 if end["how"] == "interrupt" else expected.code) or expected.code == UNFLUSHED
    if case.how:
        assert (end["how"], end["place"]) == (case.how, case.place)


@at_length
@pytest.mark.parametrize("case", CASES, ids=[f"{case.name}: {' '.join(case.words)}" for case in CASES])
def test_the_same_in_a_process_of_its_own(bench: Bench, case: Case) -> None:
    assert bench.observed(case, runner=run_alone) == bench.plainly(case)


@at_length
@pytest.mark.parametrize("flags", ["-O", "-OO", "-W error", "-X dev", "-B", "-P", "-u", "-X no_debug_ranges", "-bb"])
def test_flags_of_python_are_those_of_the_script(bench: Bench, flags: str) -> None:
    case = next(case for case in CASES if case.name == "flags")
    expected = bench.plainly(case, *flags.split())
    assert bench.observed(case, runner=lambda job: run_alone(job, *flags.split())) == expected


def run_alone(job: Job, *flags: str) -> int:
    command = [sys.executable, *flags, str(HERE / "run_scripts.py"), json.dumps(job)]
    return subprocess.run(command, env=ENVIRONMENT | {"PYTHONPATH": str(HERE.parent)}, check=False).returncode


def case_of(text: str, *words: str, **files: str) -> Case:
    bodies = {name.replace("_py", ".py"): body.encode() for name, body in files.items()}
    return Case(name="", words=("main.py", *words), files={"main.py": text.encode()} | bodies)


def test_only_files_of_the_users_own_are_compiled_by_us(bench: Bench) -> None:
    case = next(case for case in CASES if case.name == "imports")
    bench.observed(case)
    [end] = bench.told()
    own = {str(bench.directory / name) for name in case.files}
    assert sorted(end["compiled"]) == sorted(own)


def test_stdout_is_left_for_the_answer(bench: Bench) -> None:
    text = "import os\nprint('one', flush=True)\nos.write(1, b'two\\n')\nos.system('echo three')\nprint('four')\n"
    done = bench.observed(case_of(text), redirected=True, answer="the answer")
    assert (done.out, done.err) == (b"the answer", b"one\ntwo\nthree\nfour\n")


def test_the_answer_comes_before_what_is_left_for_the_end(bench: Bench) -> None:
    text = """
import atexit, threading, time
def late():
    time.sleep(0.05)
    print("thread", flush=True)
threading.Thread(target=late).start()
atexit.register(print, "atexit")
"""
    assert bench.observed(case_of(text), answer="answer\n").out == b"thread\nanswer\natexit\n"


@pytest.mark.parametrize("text", ["", "1/0", "raise KeyboardInterrupt", "raise SystemExit(3)"])
def test_the_command_may_choose_the_exit_code(bench: Bench, text: str) -> None:
    assert bench.observed(case_of(text), exit_code=7).code == 7


def test_a_script_is_found_where_its_link_leads(bench: Bench) -> None:
    case = case_of("import helper, sys\nprint(sys.argv, helper.__file__, __file__)", helper_py="x = 1")
    linked = replace(case, words=("../link.py",))
    (bench.root / "link.py").symlink_to(bench.directory / "main.py")
    expected = bench.plainly(linked)
    assert expected.code == 0
    assert bench.observed(linked) == expected


CELLS = [
    "%matplotlib inline\nimport inspect, sys\ndisplay(__name__, sys.argv)",
    "def f(x):\n    return 1 / x\n",
    "!pip install nothing\nprint(inspect.getsource(f))",
]


def notebook(*codes: str) -> Case:
    cells = [{"cell_type": "markdown", "source": "text"}]
    cells += [{"cell_type": "code", "source": code} for code in codes]
    return Case(name="", words=("n.ipynb", "a"), files={"n.ipynb": json.dumps({"cells": cells}).encode()})


def test_the_cells_of_a_notebook_are_run(bench: Bench) -> None:
    done = bench.observed(notebook(*CELLS))
    assert (done.code, done.err) == (0, b"")
    assert done.out.decode() == "__main__ ['n.ipynb', 'a']\ndef f(x):\n    return 1 / x\n\n"
    [end] = bench.told()
    assert end["compiled"] == [f"{bench.directory}/n.ipynb, cell {number}" for number in (1, 2, 3)]


def test_an_exception_shows_the_lines_of_cells(bench: Bench) -> None:
    done = bench.observed(notebook(*CELLS, "f(\n0)"))
    assert done.code == 1
    assert f'File "{bench.directory}/n.ipynb, cell 2", line 2, in f\n    return 1 / x\n' in done.err.decode()
    assert bench.told()[0]["place"] == "n.ipynb, cell 2:2:11-2:16"


def test_cells_before_one_that_is_not_python_have_run(bench: Bench) -> None:
    done = bench.observed(notebook("print('first')", "x = = 1"))
    assert done.out == b"first\n"
    assert done.err.decode() == (
        f'  File "{bench.directory}/n.ipynb, cell 2", line 1\n    x = = 1\n        ^\nSyntaxError: invalid syntax\n'
    )
    assert bench.told()[0]["place"] == "n.ipynb, cell 2:1:4-1:5"
