"""What a command is asked to run, as one small frozen object, and the way from there to an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from autograd_cli.cli.arguments import STDIN, Sorted
from autograd_cli.cli.command_line import CommandLine
from autograd_cli.cli.delivery import Delivery, render, render_error, write
from autograd_cli.cli.options import Given
from autograd_cli.cli.sign_of_life import SignOfLife
from autograd_cli.cli.sources import STDIN_NAME, GivenProgram, read_stdin
from autograd_cli.diagnostic import COMMAND_LINE, PROGRAM, AgxError, Diagnostic, bad_request
from autograd_cli.interrupt import STOPPED
from autograd_cli.lang.inputs import separated
from autograd_cli.modes import DEFAULT_MODE
from autograd_cli.process.answer import Answer
from autograd_cli.process.endings import Interrupted, whereabouts
from autograd_cli.process.spawn import Respawn
from autograd_cli.process.supervise import Ready, supervise
from autograd_cli.report import Report
from autograd_cli.settings import Settings
from autograd_cli.tasks.request import Request, unanswered

UseCase: TypeAlias = Callable[[Ready], Report]  # one of tasks.* with its request, such as partial(explore, request)
_NOT_RUN = frozenset({"unsupported-syntax", "unsupported-import", "refused-name"})
_SCRIPTS = (".py", ".ipynb")
ANSWER = "autograd_cli.answer"  # in the `meta` of a command's context: what is called in place of `answer`


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request of the command line: where its program stands, and the words that ask the same of another process."""

    request: Request
    program: GivenProgram
    respawn: Respawn

    def placed(self, report: Report) -> Report:
        """The Report with where the program stands, and with the way to run a file that agx itself does not."""
        program = self.program
        told = tuple(_with_way_to_run(each, program.name) for each in report.diagnostics)
        return replace(
            report,
            source_name=program.name,
            source_line=program.first_line,
            cells=program.cells,
            diagnostics=told,
        )

    def unanswered(self) -> Report:
        """The Report that says only what was asked."""
        return self.placed(unanswered(self.request))


def _with_way_to_run(found: Diagnostic, file: str) -> Diagnostic:
    if found.rule not in _NOT_RUN or found.source != PROGRAM or not file.endswith(_SCRIPTS):
        return found
    way = f"if you trust this file, let Python run it: agx run {file}"
    return replace(found, fix=f"{found.fix}\n{way}" if found.fix else way)


def check_program(asked: Sorted) -> GivenProgram:
    """The program that was given.

    Raises:
        AgxError: none was.
    """
    if asked.program is None:
        raise bad_request(
            "usage",
            "there is no expression",
            source=COMMAND_LINE,
            fix='write one, such as "2*x", or name a file: train.py',
        )
    return asked.program


def call_of(
    asked: Sorted, given: Given, settings: Settings, *, mode: str = DEFAULT_MODE, of: str | None = None
) -> Call:
    """The call that the words and the options mean; stdin is read where one of them is `-`.

    Raises:
        AgxError: there is no program, --wrt is empty, two texts come from stdin, or it cannot be read.
    """
    program = check_program(asked)
    wrt, gradients = given.wrt, given.gradient or ()
    if wrt is not None and not wrt.strip(" ,"):
        raise bad_request("usage", "--wrt names no input", source=COMMAND_LINE, fix="write --wrt x,w")
    said = _read_stdin(asked, gradients)
    pairs = [pair.partition("=") for pair in given.var or ()]
    request = Request(
        program=program.text,
        inputs={name: _text(value, said) for name, _, value in pairs},
        gradients=[_text(value, said) for value in gradients],
        wrt=None if wrt is None else [name.strip() for name in wrt.split(",") if name.strip()],
        mode=mode,
        settings=settings,
        of=of,
    )
    stdin = program.text if program.name == STDIN_NAME else said
    return Call(request=request, program=program, respawn=Respawn(words=asked.line.all_words, stdin=stdin))


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is to be done for a call, and where the answer goes: all that a worker must know."""

    call: Call
    use_case: UseCase
    delivery: Delivery
    debug: bool = False

    def perform(self, ready: Ready) -> Answer:
        """The answer of the use case."""
        return self._rendered(self.call.placed(self.use_case(ready)))

    def failed(self, error: Exception) -> Answer:
        """What there is to say of the error that kept it from an answer."""
        unanswered = self.call.unanswered()
        if isinstance(error, AgxError):
            return self._rendered(replace(unanswered, status=error.status, diagnostics=(error.diagnostic,)))
        return render_error(error, unanswered, self.delivery, debug=self.debug)

    def _rendered(self, report: Report) -> Answer:
        command, *words = self.call.respawn.words
        return render(CommandLine(words, command).with_option_placed(report), self.delivery)


def answer(call: Call, use_case: UseCase, delivery: Delivery, *, debug: bool = False) -> int:
    """Do what is asked where it can be stopped, write what came of it, and return the exit code."""
    task = Task(call=call, use_case=use_case, delivery=delivery, debug=debug)
    place, limits = call.unanswered().place_of, call.request.settings.limits
    sign = SignOfLife(sys.stderr, place)
    try:
        found = supervise(task, limits, respawn=call.respawn, waiting=sign.show, debug=debug)
    except Interrupted as stop:
        found = Answer(exit_code=STOPPED, stderr=f"stopped by Ctrl-C {whereabouts(stop.where, place)}\n")
        sign.clear_line()
    finally:
        sign.erase()
    return write(found, task.failed)


def _is_stdin(text: str) -> bool:
    return text.strip() == STDIN


def _text(value: str, said: str | None) -> str:
    """The text of an input or gradient, which may be what stdin said."""
    return said if said is not None and _is_stdin(value) else value


def _read_stdin(asked: Sorted, gradients: Sequence[str]) -> str | None:
    """What stdin says, where an input or a gradient is a `-`; None where none is."""
    users = [given.name for given in asked.inputs if _is_stdin(given.text)]
    users += ["--gradient" for text in gradients if _is_stdin(text)]
    if not users:
        return None
    if asked.program is not None and asked.program.name == STDIN_NAME:
        users.insert(0, "the program")
    if len(users) > 1:
        message = f"{' and '.join(users)} cannot both come from stdin"
        raise bad_request("usage", message, source=COMMAND_LINE)
    return separated(read_stdin().strip())
