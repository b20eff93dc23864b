"""What a command is asked to run, as one small frozen object, and the way from there to an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from autograd_cli.cli.arguments import STDIN, Sorted
from autograd_cli.cli.command_line import CommandLine
from autograd_cli.cli.delivery import Delivery, render, render_error, write
from autograd_cli.cli.sign_of_life import SignOfLife
from autograd_cli.cli.sources import STDIN_NAME, GivenProgram, read_stdin
from autograd_cli.diagnostic import COMMAND_LINE, AgxError, bad_request
from autograd_cli.interrupt import STOPPED
from autograd_cli.lang.inputs import separated
from autograd_cli.limits import Limits
from autograd_cli.modes import DEFAULT_MODE
from autograd_cli.process.answer import Answer
from autograd_cli.process.endings import Interrupted, whereabouts
from autograd_cli.process.spawn import Respawn
from autograd_cli.process.supervise import Ready, supervise
from autograd_cli.tasks.explore import explore, unanswered
from autograd_cli.trace import Report

ANSWER = "autograd_cli.answer"  # in the `meta` of a command's context: what is called in place of `answer`


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A program, its inputs, and how it is to run: the arguments of `explore`, as texts of the command line."""

    program: GivenProgram
    inputs: Mapping[str, str]
    gradients: Sequence[str]
    wrt: Sequence[str] | None
    mode: str
    seed: int
    dtype: str
    device: str
    threads: int | None
    full: bool
    limits: Limits
    respawn: Respawn
    watch: bool | None = None
    counterfactuals: bool = True
    of: str | None = None

    def explored(self, before_run: Ready) -> Report:
        """The Report of the program."""
        return explore(
            self.program.text,
            inputs=self.inputs,
            gradients=self.gradients,
            wrt=self.wrt,
            mode=self.mode,
            seed=self.seed,
            dtype=self.dtype,
            device=self.device,
            threads=self.threads,
            full=self.full,
            limits=self.limits,
            watch=self.watch,
            counterfactuals=self.counterfactuals,
            of=self.of,
            before_run=before_run,
        )

    def placed(self, report: Report) -> Report:
        """The Report with where the program stands."""
        program = self.program
        return replace(report, source_name=program.name, source_line=program.first_line, cells=program.cells)

    def unanswered(self) -> Report:
        """The Report that says only what was asked."""
        return unanswered(
            self.program.text,
            inputs=self.inputs,
            gradients=self.gradients,
            seed=self.seed,
            dtype=self.dtype,
            device=self.device,
        )


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


def make_request(  # noqa: PLR0913 - the options that say what to run
    asked: Sorted,
    *,
    var: Sequence[str] | None,
    gradient: Sequence[str] | None,
    wrt: str | None,
    mode: str = DEFAULT_MODE,
    seed: int,
    dtype: str,
    device: str,
    threads: int | None,
    full: bool,
) -> Request:
    """The Request that the options ask for; stdin is read where one of them is `-`.

    Raises:
        AgxError: there is no program, --wrt is empty, two texts come from stdin, or it cannot be read.
    """
    program = check_program(asked)
    if wrt is not None and not wrt.strip(" ,"):
        raise bad_request("usage", "--wrt names no input", source=COMMAND_LINE, fix="write --wrt x,w")
    said = _read_stdin(asked, gradient or ())
    pairs = [pair.partition("=") for pair in var or ()]
    return Request(
        program=program,
        inputs={name: _text(value, said) for name, _, value in pairs},
        gradients=[_text(value, said) for value in gradient or ()],
        wrt=None if wrt is None else [name.strip() for name in wrt.split(",") if name.strip()],
        mode=mode,
        seed=seed,
        dtype=dtype,
        device=device,
        threads=threads,
        full=full,
        limits=asked.limits,
        respawn=Respawn(words=asked.line.all_words, stdin=program.text if program.name == STDIN_NAME else said),
    )


def answer(
    request: Request,
    delivery: Delivery,
    *,
    explored: Callable[[Request, Ready], Report] = Request.explored,
    debug: bool = False,
) -> int:
    """Run the request where it can be stopped, write what came of it, and return the exit code."""
    command, *words = request.respawn.words
    line = CommandLine(words, command)
    unanswered = request.placed(request.unanswered())

    def work(ready: Ready) -> Answer:
        return render(line.with_option_placed(request.placed(explored(request, ready))), delivery)

    def on_error(error: Exception) -> Answer:
        if isinstance(error, AgxError):
            told = replace(unanswered, status=error.status, diagnostics=(error.diagnostic,))
            return render(line.with_option_placed(told), delivery)
        return render_error(error, unanswered, delivery, debug=debug)

    place = unanswered.place_of
    sign = SignOfLife(sys.stderr, place)
    try:
        found = supervise(work, on_error, request.limits, respawn=request.respawn, waiting=sign.show, debug=debug)
    except Interrupted as stop:
        found = Answer(exit_code=STOPPED, stderr=f"stopped by Ctrl-C {whereabouts(stop.where, place)}\n")
        sign.clear_line()
    finally:
        sign.erase()
    return write(found, on_error)


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
