"""The scripts in `scripts`, and what agx is to say of each: `#: RULE VICTIM` ends the line of the cause."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = sorted(Path(__file__).with_name("scripts").glob("*.py"))
_MARK = re.compile(r"  #: (?P<rule>\S+) (?P<victim>.+)")


@dataclass(frozen=True, slots=True)
class Told:
    rule: str
    victim: str
    line: int


def told_in(file: Path) -> Told | None:
    """What the mark in a script says; None for a healthy one."""
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if found := _MARK.search(line):
            return Told(found["rule"], found["victim"], number)
    return None
