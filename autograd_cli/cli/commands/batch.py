"""`agx batch`: requests in, one JSON object a line; results out, one a line, in order."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

import typer

from autograd_cli.cli import option_values, options
from autograd_cli.cli.limit_options import limits_of
from autograd_cli.cli.progress import Progress, progress_of
from autograd_cli.diagnostic import COMMAND_LINE, AgxError, bad_request
from autograd_cli.files.similar import similar_file
from autograd_cli.interrupt import STOPPED, end_line
from autograd_cli.process import role
from autograd_cli.process.caps import settle
from autograd_cli.process.relay import Lines, Relay, one_by_one, serve
from autograd_cli.process.worker import Channel
from autograd_cli.settings import Settings
from autograd_cli.tasks.batch import answer, failure, prepared

SUMMARY = "many requests, as JSON lines"
HELP = """Answer many requests: one JSON object per line in, one per line out.

\b
A request:
  {"id": 1, "expr": "(x*k).sum()", "inputs": {"x": [1, 2],
   "k": {"values": [0, 1], "dtype": "int64", "shape": [2]}},
   "wrt": ["x"], "gradient": 1, "mode": "no-grad"}
Only expr is needed. Its answer:
  {"id": 1, "ok": true, "result": {"shape": [], "dtype": "float32",
   "values": 2.0}, "grads": {"x": {...}}, "diagnostics": []}

\b
A line that is no request, crashes torch or takes too long is answered with
"ok": false and its "line"; the other lines are still answered.
The exit code is 1 if any answer has "ok": false.

\b
Examples:
  agx batch requests.ndjson > answers.ndjson
  generate | agx batch --jobs 4 | jq -c .grads.x.values
"""
_STDIN = "-"
_MAX_JOBS = 256
_LINES_AT_ONCE = 64


def batch(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A file of requests (default: stdin).", show_default=False)
    ] = _STDIN,
    *,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N",
            help="How many processes work (default: 1).",
            parser=option_values.whole_number(1, _MAX_JOBS),
            show_default=False,
            rich_help_panel=options.RUN,
        ),
    ] = 1,
    flush: Annotated[
        bool,
        typer.Option(
            "--flush", help="Write each answer at once, not when there is a lull.", rich_help_panel=options.OUTPUT
        ),
    ] = False,
    lang: options.Lang = None,  # noqa: ARG001 - it writes JSON
    run: options.Run,
) -> None:
    """Run `agx batch`; HELP is what a user reads."""
    given = [*(run.limit or []), *([] if run.timeout is None else [f"time={run.timeout}"])]
    limits = limits_of([(pair, _bad_limit) for pair in given], os.environ)
    settings = replace(run.settings(limits), threads=run.threads or 1)
    lines = Lines(_open(file))
    with progress_of(sys.stderr, _size(lines.descriptor)) as progress:
        writer = _Writer(lines, progress, flush=flush)
        relay = Relay(_target(settings, at_once=flush), failure, limits, jobs, debug=run.debug)
        try:
            if role.only_supervises() and hasattr(os, "fork"):
                relay.run(lines, writer.write, writer.idle)
            else:
                _answer_here(lines, settings, writer.write)
        except KeyboardInterrupt:
            writer.idle()
            end_line()
            first = relay.unanswered or lines.count + 1
            sys.stderr.write(f"stopped by Ctrl-C at line {first:,}: the lines before it are answered\n")
            raise typer.Exit(STOPPED) from None
        writer.idle()
    raise typer.Exit(1 if writer.failed else 0)


def _target(settings: Settings, *, at_once: bool) -> Callable[[Channel], None]:
    def target(channel: Channel) -> None:
        with prepared(settings):
            settle(settings.limits)
            serve(channel, lambda line, number: answer(line, number, settings), at_once=at_once)

    return target


def _answer_here(lines: Lines, settings: Settings, write: Callable[[bytes, bool], None]) -> None:
    with prepared(settings):
        for number, line in one_by_one(lines):
            write(*answer(line, number, settings))


class _Writer:
    """Writes results to stdout: when there is nothing else to do, or each at once."""

    def __init__(self, lines: Lines, progress: Progress, *, flush: bool) -> None:
        self.failed = False
        self._lines = lines
        self._progress = progress
        self._flush = flush
        self._pending: list[bytes] = []

    def write(self, result: bytes, is_ok: bool) -> None:  # noqa: FBT001 - as Relay calls it
        self.failed = self.failed or not is_ok
        self._pending.append(result)
        self._progress(self._lines.bytes_taken)
        if self._flush or len(self._pending) >= _LINES_AT_ONCE:
            self.idle()

    def idle(self) -> None:
        if not self._pending:
            return
        text = b"".join(self._pending).decode("ascii")
        self._pending.clear()  # first: Ctrl-C may come while it is written, and nothing is written twice
        sys.stdout.write(text)
        sys.stdout.flush()


def _bad_limit(message: str, label: str | None) -> AgxError:
    return bad_request("bad-limit", message, source=COMMAND_LINE, label=label)


def _open(file: str) -> int:
    """The descriptor of the requests."""
    if file == _STDIN:
        if sys.stdin is None:
            raise bad_request("usage", "stdin is closed", source=COMMAND_LINE)
        return sys.stdin.fileno()
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else str(error)
        fix = similar_file(file) or "give a file with a request on each line, or - for stdin"
        raise bad_request("unreadable-file", f"{file} cannot be read: {words}", source=COMMAND_LINE, fix=fix) from None
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        raise bad_request("unreadable-file", f"{file} is a directory", source=COMMAND_LINE)
    return descriptor


def _size(descriptor: int) -> int | None:
    """The bytes to read, where that is known."""
    found = os.fstat(descriptor)
    return found.st_size if stat.S_ISREG(found.st_mode) else None
