"""The worker and its supervisor, as processes: deadlines, crashes, full memory, Ctrl-C, and what is left of them."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agx_server import AgxServer, Call, Done
from autograd_cli.cli import request as request_module
from autograd_cli.cli.app import main
from autograd_cli.diagnostic import bad_request
from autograd_cli.process.answer import Answer
from autograd_cli.process.supervise import Task
from conftest import VALIDATOR

WITHOUT_FORK = (sys.executable, "-c", "import os; del os.fork; from autograd_cli.__main__ import run; run()")
# One long call into torch, that nothing inside its process can stop; in one thread, as there are others who compute.
LONG = ["linalg.matrix_exp(x)", "--x", "randn(3000,3000)", "--dtype", "float64", "--threads", "1"]
IN_TIME = 60


def spawned_agx(*words: str, stdin: bytes = b"", **environment: str) -> Done:
    """`agx` where there is no fork: a process starts another."""
    done = subprocess.run(
        [*WITHOUT_FORK, *words],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=IN_TIME,
        env={**os.environ, **environment},
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(params=["fork", "spawn"])
def agx(request: pytest.FixtureRequest, agx_server: AgxServer) -> Callable[..., Done]:
    """`agx` by each way to start a worker."""
    return agx_server.run if request.param == "fork" else spawned_agx


def supervised(body: str) -> Any:
    """A process that supervises `work`, which a test writes, under `limits`."""
    program = f"""
import os, signal, sys, time
from autograd_cli.diagnostic import AgxError, Span
from autograd_cli.limits import Limits
from autograd_cli.position import Phase, enter, mark
from autograd_cli.process import role
from autograd_cli.process.answer import Answer
from autograd_cli.process.spawn import Respawn
from autograd_cli.process.worker import fork_worker
from autograd_cli.process.supervise import supervise

role.only_supervise()

class Task:
    def __init__(self, work):
        self.perform = work

    def failed(self, error):
        assert isinstance(error, AgxError), repr(error)
        found = error.diagnostic
        return Answer(exit_code=error.status.exit_code, stderr=f"{{found.rule}}: {{found.message}}")

def run(work, **limits):
    answer = supervise(Task(work), Limits(**limits), respawn=Respawn(words=[], stdin=None))
    print(answer.exit_code, answer.stdout or answer.stderr, answer.file)

HERE = Span(line=1, column=3, end_line=1, end_column=9)
{body}
"""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=IN_TIME)


def children_of(pid: int) -> set[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child) for child in found}


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def until(condition: Any) -> bool:
    end = time.monotonic() + IN_TIME
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def is_in_torch(pid: int) -> bool:
    """Whether the worker has computed for half a second: the inputs are made in less."""
    ticks = sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK") > 0.5


@pytest.fixture
def long_run(agx_server: AgxServer) -> Iterator[tuple[Call, int]]:
    """A supervisor, and the pid of its worker inside a long call."""
    with agx_server.started("grad", *LONG) as call:
        assert until(lambda: children_of(call.pid))
        (worker,) = children_of(call.pid)
        assert until(lambda: is_in_torch(worker))
        yield call, worker


def test_a_deadline_is_one_line_and_a_report(agx: Callable[..., Done], tmp_path: Path) -> None:
    seconds = "3" if agx is spawned_agx else "1"  # the time to load torch counts
    done = agx("grad", *LONG, "--json", AGX_LIMIT_TIME=seconds, TMPDIR=str(tmp_path))
    assert (done.returncode, b"error[limit-time]: stopped after %s s" % seconds.encode() in done.stderr) == (3, True)
    report = json.loads(done.stdout)
    VALIDATOR.validate(report)
    assert (report["status"], report["source"], report["inputs"][0]["name"]) == ("limit", LONG[0], "x")
    assert list(tmp_path.iterdir()) == []


def test_a_deadline_leaves_no_half_file(agx_server: AgxServer, tmp_path: Path) -> None:
    done = agx_server.run("grad", *LONG, "--timeout", "1", "-o", str(tmp_path / "out.svg"))
    assert (done.returncode, done.stdout, b"error[limit-time]" in done.stderr) == (3, b"", True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["program", "input", "elements"])
def test_full_memory_is_told_with_the_amount(agx: Callable[..., Done], where: str) -> None:
    words = {
        "program": ["zeros(10000000000)*x", "--x", "1"],
        "input": ["2*x", "--x", "zeros(10000000000)"],
        "elements": ["(x+x).sum()", "--x", "zeros(300000000)", "--limit", "memory=1G"],
    }[where]
    done = agx("grad", *words, "--json", "--limit", "elements=1000000000000")
    report = json.loads(done.stdout)
    VALIDATOR.validate(report)
    amount = "1,200,000,000" if where == "elements" else "40,000,000,000"
    found = report["diagnostics"][0]
    assert (done.returncode, report["status"], found["rule"]) == (3, "limit", "limit-memory")
    assert f"{amount} bytes" in found["message"]


def test_a_worker_computes_with_all_threads_though_torch_was_loaded_before(agx_server: AgxServer) -> None:
    """It would hang if the process that forked it had run a large operation itself."""
    done = agx_server.run("grad", "(x @ x).sum()", "--x", "ones(800,800)", "--threads", "2", "--result")
    assert (done.returncode, done.stdout) == (0, b"5.12e+08\n")


@pytest.mark.parametrize("end", ["SIGSEGV", "SIGABRT", "SIGFPE", "SIGBUS", "SIGILL"])
def test_a_crash_names_the_operation_and_its_place(end: str) -> None:
    done = supervised(f"run(lambda ready: (mark('linalg.eigvals', HERE), os.kill(os.getpid(), signal.{end})))")
    expected = f"torch crashed ({end}) in `linalg.eigvals` at 1:4; that is torch's bug, not yours"
    assert done.stdout == f"1 torch-crashed: {expected} None\n", done.stderr


@pytest.mark.parametrize(
    ("body", "says"),
    [
        # A death that is nobody's crash.
        ("run(lambda ready: os.kill(os.getpid(), signal.SIGKILL))", "3 limit-memory: the system ran out of memory"),
        ("run(lambda ready: os.kill(os.getpid(), signal.SIGXCPU), time=9)", "3 limit-time: stopped after 9 s"),
        ("run(lambda ready: os._exit(3))", "1 torch-crashed: torch crashed (exit code 3)"),
        # What Python can still catch.
        ("def work(ready):\n ready()\n bytearray(2**40)\nrun(work)", "3 limit-memory: there is not enough memory"),
        # Ctrl-C of the whole group reaches the supervisor only.
        ("run(lambda ready: (os.kill(os.getpid(), 2), Answer(exit_code=0, stdout='on'))[1])", "0 on"),
        # The deadline names what ran.
        (
            "run(lambda ready: (enter(Phase.PROGRAM), mark('sum', HERE), sum(range(10**15))), time=1)",
            "3 limit-time: stopped after 1 s (1 step done)",
        ),
        # Natives print past the answer; the answer comes whole, whatever its size and its characters.
        ("run(lambda ready: (os.write(1, b'MKL'), os.write(2, b'MKL'), Answer(exit_code=0, stdout='ok'))[2])", "0 ok"),
        ("run(lambda ready: Answer(exit_code=0, stdout='\\u2202'*10**6, file=('f', '\\ud800')))", "0 \u2202\u2202"),
    ],
)
def test_a_worker_that_ends_so(body: str, says: str) -> None:
    done = supervised(body)
    assert done.stdout.startswith(says), done.stderr
    assert done.stderr == ""


def test_a_worker_answers_many_requests_and_is_stopped_at_its_deadline() -> None:
    done = supervised("""
def target(channel):
    for request in channel:
        if request == b"stop":
            time.sleep(1000)
        channel.send(request[::-1])
worker = fork_worker(target)
other = fork_worker(target)
big = b"ab" * 500_000
for request in (b"one", b"", big):
    worker.send(request)
later = time.monotonic() + 50
assert [worker.receive(later), worker.receive(later), worker.receive(later)] == [b"eno", b"", big[::-1]]
worker.send(b"stop")
assert worker.receive(time.monotonic() + 0.2) is None
print(worker.end(Limits()).diagnostic.rule)
other.send(b"two")
assert other.receive(later) == b"owt"
os.kill(other.pid, signal.SIGSEGV)
other.send(b"three")
assert other.receive(later) is None
print(other.end(Limits()).diagnostic.rule)
other.kill()
""")
    assert done.stdout.split() == ["limit-time", "torch-crashed"], done.stderr


def test_each_worker_tells_its_own_position() -> None:
    done = supervised("""
def target(channel):
    for request in channel:
        mark(request.decode(), HERE)
        channel.send(b"")
workers = [fork_worker(target) for _ in range(3)]
for number, worker in enumerate(workers):
    worker.send(b"op%d" % number)
later = time.monotonic() + 50
assert [worker.receive(later) for worker in workers] == [b"", b"", b""]
mark("this process's own", HERE)
print([worker.position().op for worker in workers])
for worker in workers:
    worker.kill()
""")
    assert done.stdout == "['op0', 'op1', 'op2']\n", done.stderr


def test_a_worker_may_have_workers() -> None:
    done = supervised("""
def inner(channel):
    for request in channel:
        channel.send(request[::-1])
def outer(channel):
    workers = [fork_worker(inner), fork_worker(inner)]
    for request in channel:
        for worker in workers:
            worker.send(request)
        channel.send(*[worker.receive(time.monotonic() + 50) for worker in workers])
before = fork_worker(inner)
before.let_go()
worker = fork_worker(outer)
worker.send(b"abc")
later = time.monotonic() + 50
print(worker.receive(later), worker.receive(later))
worker.kill()
""")
    assert done.stdout == "b'cba' b'cba'\n", done.stderr


def test_ctrl_c_in_a_hook_of_fork_is_not_lost() -> None:
    done = supervised("""
os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGINT))
try:
    fork_worker(lambda channel: None)
except KeyboardInterrupt:
    print("stopped")
""")
    assert (done.stdout, done.stderr) == ("stopped\n", "")


@pytest.mark.parametrize(
    "words",
    [
        ["grad", "x.detach()*w", "--x", "1,2", "--w", "3", "--wrt", "w", "-o", "page.html"],
        ["explain", "x.exp().add_(1)", "--x", "1", "--of", "x"],
        ["explain", "--no-grad"],
        ["compare", "2*x", "--x", "1", "--json"],
        ["compare"],
        ["check", "log(x)", "--x", "0", "--strict", "--format", "github"],
    ],
)
def test_a_task_is_data(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """It can be sent to a process that did not see it made."""
    answers = []

    def sent(task: Task, *_: object, **_options: object) -> Answer:
        again = pickle.loads(pickle.dumps(task))  # noqa: S301 - it was written in the same line
        answers.append((again.perform(lambda: None), again.failed(bad_request("usage", "no", source="here"))))
        return task.perform(lambda: None)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(request_module, "supervise", sent)
    code = main(words)
    ((performed, failed),) = answers
    shown = capsys.readouterr()
    assert (performed.exit_code, performed.stdout, performed.stderr) == (code, shown.out, shown.err)
    assert performed.file is None or Path(performed.file[0]).read_text() == performed.file[1]
    assert failed.exit_code == 2


def test_who_only_uses_the_package_gets_the_work_done_in_his_own_process() -> None:
    done = supervised("""
role.work_here()
run(lambda ready: Answer(exit_code=0, stdout=str(os.getpid())))
print(os.getpid())
""")
    answered, own = done.stdout.splitlines()
    assert answered == f"0 {own} None", done.stderr


def test_ctrl_c_ends_both_with_130(long_run: tuple[Call, int]) -> None:
    call, worker = long_run
    os.kill(call.pid, signal.SIGINT)
    done = call.done()
    assert (done.stdout, done.stderr) in [
        (b"", b"stopped by Ctrl-C at line 1\n"),
        (b"", b"stopped by Ctrl-C while making the inputs\n"),
        (b"", b"stopped by Ctrl-C while starting the program\n"),
    ]
    assert done.returncode == 130
    assert until(lambda: not is_running(worker))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the limit of processor time ends it")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_ends_with_its_supervisor(long_run: tuple[Call, int], end: signal.Signals) -> None:
    call, worker = long_run
    os.kill(call.pid, end)
    assert call.done().returncode == -end
    assert until(lambda: not is_running(worker))


def test_all_ways_to_start_give_the_same_answer(agx: Callable[..., Done], tmp_path: Path) -> None:
    file = tmp_path / "out.txt"
    page = agx("grad", "x*w", "--x", "1,2", "--w", "-", stdin=b"3")
    assert (page.returncode, page.stderr) == (0, b"")
    assert page.stdout.startswith(b"x       [1., 2.]\nw       3.\n")
    assert agx("grad", "-", "--x", "3", "-o", str(file), stdin=b"y = x*x\ny\n").stdout == b""
    assert file.read_text().startswith("x       3.\n")
    refused = agx("grad", "x.detach()", "--x", "3")
    assert (refused.returncode, b"error[cut-by-detach]" in refused.stdout) == (1, True)


@pytest.mark.parametrize("closed", [(0,), (0, 1), (0, 1, 2), (2,)])
def test_closed_streams_are_not_taken_for_the_channel(agx_server: AgxServer, closed: tuple[int, ...]) -> None:
    done = agx_server.run("grad", "2*x", "--x", "1", "-q", closed=closed)
    assert (done.returncode, done.stdout) == (0, b"" if 1 in closed else b"2\n")


def test_a_progress_bar_on_a_terminal_leaves_stdout_to_the_answers(agx_server: AgxServer) -> None:
    reader, terminal = os.openpty()
    line = b'{"expr": "2*x", "inputs": {"x": 1}}\n'
    done = agx_server.run("batch", stdin=3 * line, stderr=terminal)
    os.close(terminal)
    shown = os.read(reader, 65_536).decode()
    os.close(reader)
    assert [json.loads(each)["result"]["values"] for each in done.stdout.splitlines()] == [2.0, 2.0, 2.0]
    assert "lines" in shown
    assert "expr" not in shown
    assert "grads" not in shown
