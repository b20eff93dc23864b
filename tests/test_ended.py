"""How far a run is, as its supervisor reads it: where a run was stopped, and the sign of life meanwhile."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from autograd_cli import explore, position
from autograd_cli.cli.sign_of_life import SignOfLife
from autograd_cli.diagnostic import Span
from autograd_cli.limits import Limits
from autograd_cli.position import Page, Phase
from autograd_cli.process.endings import too_slow, whereabouts

HERE = Span(line=4, column=2, end_line=4, end_column=9)
PRINT = Span(line=2, column=0, end_line=2, end_column=11)


@pytest.fixture
def page() -> Iterator[Page]:
    """The page of this process's runs."""
    page = position.shared_page()
    position.use(page)
    yield page
    position.use(position.shared_page())


def test_a_run_is_followed_operation_by_operation(page: Page) -> None:
    assert page.read().phase is Phase.LOADING
    position.enter(Phase.PROGRAM)
    position.mark("sin", HERE)
    position.mark_rounds([3, 40])
    position.mark_printed("step\nloss 0.5\n", PRINT)
    found = page.read()
    assert (found.op, found.span, found.steps, found.rounds) == ("sin", HERE, 1, (3, 40))
    assert (found.printed, found.printed_span) == ("loss 0.5", PRINT)


def test_the_next_request_begins_with_nothing(page: Page) -> None:
    position.mark("sin", HERE)
    position.mark_rounds([3])
    position.enter(Phase.REVIEW)
    position.begin(7)
    found = page.read()
    assert (found.phase, found.span, found.rounds, found.steps) == (Phase.PROGRAM, None, (), 0)
    assert page.read_request() == 7


@pytest.mark.parametrize(
    ("rounds", "says"),
    [
        ([], "stopped after 3 s (1 step done)"),
        ([1_796], "stopped after 3 s in round 1,796 of its loop (1 step done)"),
        ([3, 40], "stopped after 3 s in round 3 of the outer loop and 40 of the inner (1 step done)"),
        ([3, 4, 5, 6], "stopped after 3 s in rounds 3, 4 and 5 of its loops, outermost first (1 step done)"),
    ],
)
def test_the_time_limit_tells_line_round_and_what_was_printed(page: Page, rounds: list[int], says: str) -> None:
    position.enter(Phase.PROGRAM)
    position.mark("sin", HERE)
    position.mark_rounds(rounds)
    position.mark_printed("loss 0.5", PRINT)
    found = too_slow(Limits(time=3), page.read()).diagnostic
    assert (found.message, found.span, found.label) == (says, HERE, "`sin` was running")
    assert [(each.span, each.label) for each in found.related] == [(PRINT, "printed last: loss 0.5")]


def test_a_statement_without_an_operation_is_no_empty_name(page: Page) -> None:
    position.enter(Phase.PROGRAM)
    position.mark("", HERE)
    assert too_slow(Limits(time=3), page.read()).diagnostic.label == "this was running"


@pytest.mark.parametrize(
    ("phase", "says"),
    [
        (Phase.LOADING, "stopped after 3 s while loading torch"),
        (Phase.INPUTS, "stopped after 3 s while making the inputs"),
        (Phase.BACKWARD, "stopped after 3 s while running backward() from the result"),
        (Phase.REVIEW, "stopped after 3 s while examining the run: the program itself had ended"),
    ],
)
def test_the_time_limit_blames_no_line_that_does_not_run(page: Page, phase: Phase, says: str) -> None:
    position.mark("sin", HERE)
    position.enter(phase)
    found = too_slow(Limits(time=3), page.read()).diagnostic
    assert (found.message, found.span) == (says, None)


def test_a_run_that_is_repeated_is_still_looked_into(page: Page) -> None:
    position.enter(Phase.REVIEW)
    position.enter(Phase.PROGRAM)
    assert page.read().phase is Phase.REVIEW


def test_the_rounds_of_a_real_run(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    program = """
def f(x):
    for i in range(2):
        x = x * 2
    return x
for i in range(2):
    x = f(x)
    print("round", i)
"""
    followed: list[list[int]] = []
    monkeypatch.setattr(position, "mark_rounds", lambda rounds: followed.append([*rounds]))
    assert explore(program, x=1.0).ok
    assert followed == [[1], [1, 1], [1, 2], [1], [2], [2, 1], [2, 2], [2], []]
    assert page.read().printed == "round 1"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError


def shown(stream: io.StringIO, page: Page) -> str:
    sign = SignOfLife(stream, lambda line: f"line {line + 10}")
    for seconds in (0.2, 0.9):
        sign.show(seconds, page.read())
    assert stream.getvalue() == ""
    sign.show(3.2, page.read())
    sign.erase()
    sign.erase()
    return stream.getvalue()


def test_a_sign_of_life_after_a_second_is_gone_in_the_end(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "45")
    position.enter(Phase.PROGRAM)
    position.mark("sin", HERE)
    position.mark_rounds([40])
    line = "running for 3 s, at line 14, in round 40 of its loop"
    assert shown(Terminal(), page) == f"\r\x1b[2K{line[:44]}\r\x1b[2K"


def test_no_sign_of_life_in_a_pipe_nor_on_a_dumb_terminal(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert shown(io.StringIO(), page) == ""
    monkeypatch.setenv("TERM", "dumb")
    assert shown(Terminal(), page) == ""


def test_what_is_being_done_reads_after_a_time(page: Page) -> None:
    assert whereabouts(page.read()) == "while loading torch"
    position.enter(Phase.PROGRAM)
    assert whereabouts(page.read()) == "while starting the program"


def test_a_run_that_leaves_no_time_for_another_is_explained_without_it() -> None:
    watched = explore("y = x.detach() * x", x=3.0, watch=True)
    short = explore("y = x.detach() * x", x=3.0, watch=True, limits=Limits(time=1e-6))
    assert watched.trace.walks
    assert not short.trace.walks
    assert short.trace.steps == watched.trace.steps
    assert short.grads["x"] == watched.grads["x"]
    rules = [found.rule for found in watched.diagnostics]
    assert rules == ["cut-by-detach"]
    assert [found.rule for found in short.diagnostics] == [*rules, "not-watched"]
    assert short.ok
