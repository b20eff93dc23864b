"""The fixes of a script, tried: it is run again for each, in a process of its own, with the fix in place of its lines.

The files stay as they are. The script does again what it does: only who asks for it gets it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from autograd_cli.diagnostic import COMMAND_LINE, Diagnostic, Edit, Severity, bad_request
from autograd_cli.report import Report

MAX_TRIED = 3
# agx is imported from its own home: the directory that Python puts first may hold a `typing.py` of the user's.
_START = """\
import sys
if not sys.flags.safe_path:
    sys.path[0] = {home!r}
from autograd_cli.__main__ import run
run()
"""
_HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))  # noqa: PTH120 - a text


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a script starts with, which it may change."""

    directory: str = field(default_factory=os.getcwd)
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))


def edits_text(edits: Iterable[Edit]) -> str:
    """Edits, as the option of a trial has them."""
    return json.dumps([asdict(edit) for edit in edits])


def read_edits(text: str) -> tuple[Edit, ...]:
    """The reverse of `edits_text`.

    Raises:
        AgxError: the text is no such text.
    """
    try:
        return tuple([Edit(**edit) for edit in json.loads(text)])
    except (TypeError, ValueError):
        raise bad_request("usage", "--edits is for agx's own use: --try", source=COMMAND_LINE) from None


def tried(report: Report, words: Sequence[str], start: Start) -> Iterator[Diagnostic]:
    """The findings; for the first few with a fix, whether the script, run again with it, is rid of them.

    `words` are those of `agx run` that say what is to run, and how.
    """
    left = MAX_TRIED
    for diagnostic in report.diagnostics:
        if not diagnostic.edits or not left:
            yield diagnostic
            continue
        left -= 1
        edits = [_absolute(report.placed(edit), start) for edit in diagnostic.edits]
        yield replace(diagnostic, edits_work=_is_cured(diagnostic, report, _run_with(edits, words, start)))


def _absolute(edit: Edit, start: Start) -> Edit:
    assert edit.file is not None
    return replace(edit, file=os.path.join(start.directory, edit.file))  # noqa: PTH118 - a text


def _run_with(edits: Iterable[Edit], words: Sequence[str], start: Start) -> dict[str, Any] | None:
    """The JSON of another run; None where it gave none. What the script itself prints is not shown again."""
    done = subprocess.run(  # noqa: S603 - the script that has just run
        [sys.executable, "-c", _START.format(home=_HOME), "run", "--json", "--edits", edits_text(edits), *words],
        cwd=start.directory,
        env=start.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return None
    return told


def _is_cured(diagnostic: Diagnostic, report: Report, again: dict[str, Any] | None) -> bool:
    """Whether another run came as far, without this finding and without an error that the first had not."""
    if again is None or again["course"] is None or again["status"] == "limit":
        return False
    known = {(each.rule, each.victim) for each in report.diagnostics} - {(diagnostic.rule, diagnostic.victim)}
    wrong = {
        (each["rule"], each["victim"])
        for each in again["diagnostics"]
        if each["severity"] == Severity.ERROR.value or each["rule"] == diagnostic.rule
    }
    return wrong <= known and again["course"]["passes"] >= report.ran.course.passes
