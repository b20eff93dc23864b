"""Every command of an installed agx, tried once: `.ci/run` runs this with the Python of an environment that has no more
than the built wheel. It needs no pytest, and imports nothing of the checkout.

    python tests/smoke.py WHEEL
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "autograd_cli"
BIN = Path(sys.executable).parent
CHINESE = {"LANG": "zh_CN.UTF-8"}
PLAIN = {"LANG": "C"}
HAN = range(0x4E00, 0x9FFF)


@dataclass(frozen=True)
class Call:
    """A command line, and what must come of it: its exit code, and pieces of its stdout or of the file that it wrote.

    `is_chinese` says whether that has Chinese characters in it.
    """

    words: tuple[str, ...]
    says: tuple[str, ...] = ()
    code: int = 0
    stdin: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    is_chinese: bool = False
    file: str | None = None
    program: tuple[str, ...] = (str(BIN / "agx"),)

    def __str__(self) -> str:
        assignments = [f"{name}={value}" for name, value in self.environment.items()]
        return " ".join([*assignments, Path(self.program[0]).name, *self.program[1:], *self.words])


def agx(*words: str, says: tuple[str, ...] = (), code: int = 0, stdin: str = "") -> Call:
    """A call of agx in English."""
    return Call(words, says, code, stdin)


SCRIPT = "train.py"
TEXT = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = torch.nn.Linear(2, 2), torch.nn.Linear(2, 1)

    def forward(self, x):
        return self.last(self.first(x).detach())

net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
net(torch.ones(3, 2)).sum().backward()
optimizer.step()
"""
COMMANDS = [
    agx("--version", says=("agx 0.",)),
    agx("--help", says=("grad", "explain", "compare")),
    agx("grad", "x**2", "--x", "1,2", says=("x.grad", "PowBackward0")),
    agx("grad", "x**2", "--x", "1,2", "-q", says=("2,4",)),
    agx("grad", "x**2", "--x", "1,2", "--json", says=('"schema"', '"PowBackward0"')),
    agx("grad", "x**2", "--x", "1,2", "--python", says=("import torch",)),
    agx("grad", "x*", "--x", "1,2", code=2),
    agx("grad", "x.detach()", "--x", "1,2", says=("cut-by-detach",), code=1),
    agx("grad", "-", "--x", "3", stdin="x**2\n", says=("x.grad",)),
    agx("explain", "--lang", "en", says=("agx explain --leaf",)),
    agx("explain", "y = x.detach(); (x*y).sum()", "--x", "1,2", says=("what it would have been",)),
    agx("check", "x.relu().sum()", "--x=-1,-2", says=("zero-grad-relu",)),
    agx("explain", "x.relu().sum()", "--x=-1,-2", "--json", says=('"explanation"',)),
    agx("compare", says=("y.data.add_(1)",)),
    agx("compare", "(x*x).sum()", "--x", "1,2", says=("inference-mode",)),
    agx("run", "--json", SCRIPT, says=('"course"', "cut-by-detach", '"optimizer": 0'), code=1),
    agx("batch", stdin='{"id": 1, "expr": "(2*x).sum()", "inputs": {"x": [1, 2]}}\n', says=('"id": 1', "2.0")),
    agx("lessons", "--lang", "en", says=("agx explain --leaf",)),
    agx("rules", says=("cut-by-detach",)),
    agx("rules", "cut-by-detach", says=("detach()",)),
    agx("rules", "--markdown", says=("cut-by-detach",)),
    agx("ops", says=("sin",)),
    agx("ops", "sin", says=("cos",)),
    agx("schema", says=('"$schema"',)),
]

FORMATS = {".json": '"schema"', ".txt": "PowBackward0", ".svg": "</svg>", ".html": "</html>"}
FILES = [
    Call(("grad", "x**2", "--x", "1,2", "-o", f"page{suffix}"), (piece,), file=f"page{suffix}")
    for suffix, piece in FORMATS.items()
]

SHELLS = {
    "bash": {"COMP_WORDS": "agx gr", "COMP_CWORD": "1"},
    "zsh": {"_TYPER_COMPLETE_ARGS": "agx gr"},
    "fish": {"_TYPER_COMPLETE_ARGS": "agx gr", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
}
COMPLETION = [
    Call((), ("grad",), environment={"_AGX_COMPLETE": f"complete_{shell}", **asked}) for shell, asked in SHELLS.items()
]

MODULE = [Call(("grad", "2*x", "--x", "1", "-q"), ("2",), program=(sys.executable, "-m", "autograd_cli"))]

API = """
import autograd_cli
report = autograd_cli.explore("2*x", x=[1, 2])
print(report.grads["x"].values)
print(report)
print(report._repr_html_()[:4])
print(autograd_cli.explain("x.detach()*x", x=2).explanation.cuts[0].rule)
print(len(autograd_cli.compare("2*x", x=1).columns), "modes")
"""
PYTHON = [
    Call(
        ("-c", API),
        ("(2.0, 2.0)", "MulBackward0", "<pre", "cut-by-detach", "6 modes"),
        program=(sys.executable,),
    )
]


def lessons() -> Iterator[Call]:
    """Every lesson, in the language that the environment asks for."""
    from autograd_cli.lessons import LESSONS

    yield Call(("explain",), ("agx explain --leaf",), environment=CHINESE, is_chinese=True)
    for name in LESSONS:
        yield Call(("explain", f"--{name}"), ("torch.tensor",), environment=CHINESE, is_chinese=True)
        yield Call(("explain", f"--{name}"), ("torch.tensor",), environment=PLAIN)
    yield Call(("explain", "--leaf", "--lang", "zh"), ("x.grad",), environment=CHINESE, is_chinese=True)
    yield Call(("explain", "--leaf", "--lang", "en"), ("x.grad",), environment=CHINESE)


def without_call() -> set[str]:
    """The commands of the app that no call above tries."""
    from typer.main import get_command

    from autograd_cli.cli.app import app

    commands = set(getattr(get_command(app), "commands", {}))
    assert commands, "the app has no commands"
    return commands - {call.words[0] for call in COMMANDS}


def not_the_package(wheel: Path) -> set[str]:
    """The files that the wheel lacks, and those that it has beyond the package and its own metadata."""
    sources = (file for file in PACKAGE.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    expected = {file.relative_to(PACKAGE.parent).as_posix() for file in sources}
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    return expected ^ packed


def complaint(call: Call) -> str | None:
    """What is wrong with the outcome of the call, run in a folder of its own; None where nothing is."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, SCRIPT).write_text(TEXT, "utf-8")
        done = subprocess.run(
            [*call.program, *call.words],
            input=call.stdin,
            capture_output=True,
            encoding="utf-8",
            check=False,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": folder, "LANG": "en_US.UTF-8", **call.environment},
        )
        written = Path(folder, call.file).read_text("utf-8") if call.file and done.returncode == 0 else done.stdout
    missing = [piece for piece in call.says if piece not in written]
    is_chinese = any(ord(character) in HAN for character in written)
    if (done.returncode, missing, is_chinese) == (call.code, [], call.is_chinese):
        return None
    wrong = f"exit code {done.returncode} (not {call.code}); lacks {missing}; Chinese: {is_chinese}"
    return f"{call}\n  {wrong}\n{done.stdout[-2_000:]}{done.stderr[-2_000:]}"


def main() -> int:
    """Print what is wrong; the exit code of the process."""
    import autograd_cli

    assert PACKAGE not in Path(autograd_cli.__file__).parents, "this is the checkout, and not what is installed"
    calls = list(chain(COMMANDS, FILES, COMPLETION, MODULE, PYTHON, lessons()))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = [found for found in pool.map(complaint, calls) if found is not None]
    complaints += [f"no smoke test calls agx {name}" for name in sorted(without_call())]
    complaints += [f"not the same in the wheel: {name}" for name in sorted(not_the_package(Path(sys.argv[1])))]
    for found in complaints:
        print(found)  # noqa: T201 - it is a script
    print(f"smoke test: {len(calls)} calls of the installed agx, {len(complaints)} complaints")  # noqa: T201 - it is a script
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
