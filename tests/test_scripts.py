"""What `agx run` says of scripts as people write them: in `scripts`, `#: RULE VICTIM` ends the line of the cause.

A script without such a line is healthy: no warning, and no more than two notes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Agx
from told import SCRIPTS, Told, told_in

BROKEN = [each for each in SCRIPTS if told_in(each) is not None]
HEALTHY = [each for each in SCRIPTS if told_in(each) is None]
MOST_NOTES = 2


def named(file: Path) -> str:
    return file.stem


@pytest.mark.parametrize("file", BROKEN, ids=named)
def test_the_cause_the_line_and_the_victim(supervised_agx: Agx, file: Path) -> None:
    report = supervised_agx("run", "--json", str(file)).report
    first = next(iter(report["diagnostics"]), None)
    found = None if first is None else Told(first["rule"], first["victim"], first["span"]["line"])
    assert found == told_in(file), report["diagnostics"]


@pytest.mark.parametrize("file", HEALTHY, ids=named)
def test_a_healthy_script_gets_no_warning(supervised_agx: Agx, file: Path) -> None:
    said = supervised_agx("run", str(file)).err
    assert "warning[" not in said
    assert "error[" not in said
    assert said.count("note[") <= MOST_NOTES
