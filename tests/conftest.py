"""The harness that all tests share: `agx`, in this process or supervised; its JSON is always checked by the schema."""

from __future__ import annotations

import gc
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from agx_server import AgxServer, Done
from autograd_cli.cli.app import main
from autograd_cli.render.formats.json_text import schema_text
from compiled_schema import CompiledSchema

VALIDATOR = CompiledSchema(json.loads(schema_text()))


@dataclass(frozen=True)
class Outcome:
    """How one call of `agx` ended."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """What --json printed, valid against the schema."""
        found: dict[str, Any] = json.loads(self.out, parse_constant=_not_json)
        VALIDATOR.validate(found)
        return found


def _not_json(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


Agx = Callable[..., Outcome]


def _ask_for_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the environment asks for colours or a width."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def agx(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Agx:
    """`agx("grad", "2*x", "--x", "1,2")` as in a pipe; `stdin` is what it would read there."""
    _ask_for_no_colour(monkeypatch)

    def run(*words: str, stdin: str = "") -> Outcome:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = main(list(words))
        captured = capsys.readouterr()
        return Outcome(code=code, out=captured.out, err=captured.err)

    return run


@pytest.fixture(scope="session")
def agx_server() -> Iterator[AgxServer]:
    """What starts `agx` in a process of its own."""
    server = AgxServer()
    yield server
    server.close()


@pytest.fixture
def supervised_agx(agx_server: AgxServer, monkeypatch: pytest.MonkeyPatch) -> Agx:
    """The same as `agx`, in a process that supervises a worker, as it is for users; it takes twice as long."""
    _ask_for_no_colour(monkeypatch)
    return lambda *words, stdin="": _outcome(agx_server.run(*words, stdin=stdin.encode(), ends_early=True))


@pytest.fixture
def supervised_agx_to_its_end(agx_server: AgxServer, monkeypatch: pytest.MonkeyPatch) -> Agx:
    """The same, and after a script Python takes all modules apart, torch too: it takes a quarter of a second more."""
    _ask_for_no_colour(monkeypatch)
    return lambda *words, stdin="": _outcome(agx_server.run(*words, stdin=stdin.encode()))


def _outcome(done: Done) -> Outcome:
    return Outcome(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="write what agx prints now into the transcripts")


def pytest_configure() -> None:
    """Set, for this process and those that the tests start, what Python and OpenMP read when they begin.

    Each file is compiled once and not in each process, as for users. The threads of torch sleep while they have nothing
    to do: they would wait in a loop, on cores that the other workers of pytest need.
    """
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def pytest_collection() -> None:
    """Collect no garbage while tests are collected: almost all that is made then stays."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Spare the garbage collector the thousands of tests that there are: it would look at them again and again."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Benchmarks need the machine for themselves."""
    if "benchmarks" in item.path.parts and "PYTEST_XDIST_WORKER" in os.environ:
        pytest.fail("benchmarks run one at a time: pytest -n 0 tests/benchmarks", pytrace=False)
