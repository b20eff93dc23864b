"""What agx does not load, and what its installation says: run in processes of their own."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agx_server import AgxServer

ROOT = Path(__file__).parent.parent
PROBE = """
import sys
from autograd_cli.cli.app import main
from autograd_cli.process import role
role.only_supervise()
try:
    code = main(sys.argv[1:])
except SystemExit as exit:
    code = exit.code
heavy = sorted({"torch", "numpy", "sympy", "safetensors"} & set(sys.modules))
sys.stderr.write(f"\\n{code} {','.join(heavy)}")
"""
# One process that has loaded what every call of agx loads: each line of its stdin is a call, that a fork of it makes.
PROBES = f"""
import json, os, sys, tempfile
import autograd_cli.cli.app
for line in sys.stdin:
    call = json.loads(line)
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(said.fileno(), 2)
            os.environ.update(call["environment"])
            sys.argv[1:] = call["words"]
            exec({PROBE!r})
            sys.stderr.flush()
            os._exit(0)
        os.waitpid(child, 0)
        said.seek(0)
        print(said.read().decode().rpartition("\\n")[2], flush=True)
"""
Loaded = Callable[..., tuple[str, set[str]]]
COMPLETED = ["agx grad x@w --", "agx explain x@w --of ", "agx rules cut", "agx ops F."]


@pytest.fixture(scope="module")
def loaded() -> Iterator[Loaded]:
    """The exit code of `agx WORDS`, and which of the heavy libraries its process has imported."""
    command = [sys.executable, "-c", PROBES]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        requests, answers = process.stdin, process.stdout
        assert requests is not None
        assert answers is not None

        def ask(words: list[str], **environment: str) -> tuple[str, set[str]]:
            requests.write(json.dumps({"words": words, "environment": environment}) + "\n")
            return told(answers.readline())

        yield ask
        requests.close()


def told(line: str) -> tuple[str, set[str]]:
    code, heavy = line.rstrip("\n").split(" ")
    return code, set(filter(None, heavy.split(",")))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--help"], "0"),
        (["--version"], "0"),
        (["grad", "--help"], "0"),
        (["schema"], "0"),
        (["grad", "2*x +", "--x", "1"], "2"),
        (["grad", "2*x", "--x", "1,a"], "2"),
        (["grad", "2*x", "--x", "1", "--jsn"], "2"),
        (["grad", "2*x", "--x", "1", "--json", "--w", "3"], "2"),
        (["grad", "2*x"], "2"),
        (["grad", "2*x", "--x", "@nowhere.pt"], "2"),
        (["grad", "2*x", "--x", "1", "--dtype", "float3"], "2"),
        (["grad", "2*x", "--x", "1", "--device", "the moon"], "2"),
        (["grad", "2*x", "--x", "1", "-o", "f.docx"], "2"),
        (["nonsense"], "2"),
        (["grad", "2*x", "--x", "1", "--timeout", "soon"], "2"),
        (["grad", "-f", "nowhere.py"], "2"),
        (["grad", "2*x", "--x", "1,2", "--gradient", "3,4", "--json"], "0"),  # that is the worker's business
    ],
)
def test_what_needs_no_torch_loads_none(loaded: Loaded, words: list[str], code: str) -> None:
    assert loaded(words) == (code, set())


@pytest.mark.parametrize("line", COMPLETED)
def test_completion_loads_no_torch(loaded: Loaded, line: str) -> None:
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    assert loaded([], _AGX_COMPLETE="complete_bash", **words) == ("0", set())


def test_importing_the_package_loads_no_torch() -> None:
    code = "import sys, autograd_cli; autograd_cli.watch(), autograd_cli.explore; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_cold_path_imports_no_sympy() -> None:
    """A gradient tensor passed to backward() would: half a second for every call of a script."""
    words = ["grad", "2*x", "--x", "1,2", "--gradient", "3,4", "--json"]
    command = [sys.executable, "-c", f"import torch{PROBE}", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told(done.stderr.rpartition("\n")[2]) == ("0", {"torch", "numpy"})


@pytest.mark.parametrize("command", [["agx"], [sys.executable, "-m", "autograd_cli"]], ids=["agx", "python -m"])
def test_the_installed_command(command: list[str]) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*command, "grad", "2*x", "--x", "1,2,3,4", "-q"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PATH": path},
    )
    assert (done.stdout, done.stderr) == ("2,2,2,2\n", "")


def test_a_closed_pipe_is_no_error() -> None:
    line = f"{shlex.quote(sys.executable)} -m autograd_cli grad '2*x' --x 1,2 --json | head -c 1"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=True)  # noqa: S602 - a pipe is a shell's
    assert (done.stdout, done.stderr) == ("{", "")


def test_a_stream_that_is_closed_or_full_is_no_crash(agx_server: AgxServer) -> None:
    words = ["grad", "x*w", "--x", "1", "--w"]
    with Path("/dev/full").open("wb") as full:
        unwritten = agx_server.run(*words, "2", stdout=full.fileno())
    for done, code, says in (
        (agx_server.run(*words, "2", closed=[1]), 0, b""),
        (unwritten, 1, b"the answer cannot be written: No space left on device"),
        (agx_server.run(*words, "-", closed=[0]), 2, b"stdin is closed"),
    ):
        assert (done.returncode, says in done.stderr, b"Traceback" in done.stderr) == (code, True, False)


@pytest.mark.parametrize("words", ["", "--help", "lessons", "rules", "schema"])
def test_a_full_disk_is_told_of_by_every_command(words: str) -> None:
    line = f"{shlex.quote(sys.executable)} -m autograd_cli {words} >/dev/full"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)  # noqa: S602 - redirection is a shell's
    assert (done.returncode, "cannot be written: No space left" in done.stderr) == (1, True)


@pytest.mark.parametrize(("name", "code"), [("/usr/bin/agx", 130), ("-m", 130), ("/usr/bin/notebook", -signal.SIGINT)])
def test_ctrl_c_while_the_package_loads_ends_the_command_and_interrupts_others(name: str, code: int) -> None:
    program = f"import os, sys; sys.argv = [{name!r}]; import autograd_cli; os.kill(os.getpid(), {signal.SIGINT:d})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (code, code != 130)


def test_ci_installs_by_the_line_of_the_readme() -> None:
    readme, ci = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    line = re.search(r"^(pip install .*) && pytest$", readme, re.MULTILINE)
    assert line is not None
    assert line[1] in ci.replace("python -m pip install --quiet", "pip install")


ENDS = {
    "its end": "print('here')",
    "an exception": "print('here')\n1/0",
    "an exit": "import sys\nsys.exit('words')",
    "Ctrl-C": "print('here', flush=True)\nraise KeyboardInterrupt",
    "Ctrl-C that a handler of its own sees": (
        "import atexit, sys\natexit.register(print, 'bye')\nsys.excepthook = lambda *_: print('mine')\n"
        "raise KeyboardInterrupt"
    ),
}


@pytest.mark.parametrize("script", ENDS.values(), ids=ENDS)
def test_a_script_without_torch_ends_as_it_does_without_agx(tmp_path: Path, script: str) -> None:
    """In a process that has not loaded torch, and does not load it."""
    file = tmp_path / "main.py"
    file.write_text(f"{script}\n", encoding="utf-8")
    plain, seen = (
        subprocess.run([sys.executable, *words, str(file)], capture_output=True, text=True, check=False)
        for words in ([], ["-X", "importtime", "-m", "autograd_cli", "run"])
    )
    assert (seen.returncode, seen.stdout) == (plain.returncode, plain.stdout)
    shown = "".join(line for line in seen.stderr.splitlines(keepends=True) if not line.startswith("import time:"))
    assert shown.startswith(plain.stderr)
    assert "0 backward passes" in shown
    assert " torch\n" not in seen.stderr


LAST_WORDS = """\
import torch
class A:
    def __init__(self, n):
        self.n = n
        self.t = torch.ones(2, requires_grad=True)
        self.loss = (self.t * 2).sum()
    def __del__(self):
        for i in range(2):
            x = [j for j in range(3)]
        print("gone", self.n, x, self.t.tolist())
a = A(1)
a.loss.backward()
b = A(2)
b.me = b
def generator():
    try:
        yield 1
    finally:
        print("closed", dir())
waiting = generator()
next(waiting)
torch.optim.SGD([a.t], lr=0.5).step()
c = A(3)
"""


def test_what_a_script_leaves_behind_ends_with_python(tmp_path: Path) -> None:
    """Its `__del__` and generators run when Python has given the builtins back their first names."""
    file = tmp_path / "main.py"
    file.write_text(LAST_WORDS, encoding="utf-8")
    plain, seen = (
        subprocess.run([sys.executable, *words, str(file)], capture_output=True, text=True, check=True)
        for words in ([], ["-m", "autograd_cli", "run"])
    )
    assert "closed []" in plain.stdout
    assert (sorted(seen.stdout.splitlines())) == sorted(plain.stdout.splitlines())
    assert "__agx" not in seen.stderr


COLLECTED = """
import atexit, gc, os, sys
own = int(sys.argv[1])
import torch
if own:
    gc.set_threshold(own)
def tell():
    print(gc.get_threshold()[0])
atexit.register(tell)
(torch.ones(2, requires_grad=True) * 2).sum().backward()
child = os.fork()
if child:
    os.waitpid(child, 0)
"""


@pytest.mark.parametrize("own", ["0", "500"])
def test_the_garbage_collector_is_left_as_the_script_has_set_it(own: str, tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text(COLLECTED, encoding="utf-8")
    usual = subprocess.run(
        [sys.executable, "-c", "import gc; print(gc.get_threshold()[0])"], capture_output=True, text=True, check=True
    )
    seen = subprocess.run(
        [sys.executable, "-m", "autograd_cli", "run", str(file), own], capture_output=True, text=True, check=True
    )
    threshold = usual.stdout if own == "0" else f"{own}\n"
    assert seen.stdout == threshold * 2  # its own, and its child's
