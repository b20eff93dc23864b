"""The table of broken and healthy programs beside this file, read, and what agx says of each of them.

`python tests/diagnoses_table.py` prints how many are right, by family; `--cases FOLDER` those of a folder with programs
and a `cases.json` that says of each the cause, the line and the victim.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from autograd_cli import explore
from autograd_cli.diagnostic import Diagnostic, Severity
from autograd_cli.report import Report

TABLES = Path(__file__).parent / "diagnoses"


@dataclass(frozen=True, kw_only=True)
class Case:
    family: str
    name: str
    program: str
    cause: str | None = None
    also_cause: tuple[str, ...] = ()
    line: int | None = None
    also_line: tuple[int, ...] = ()
    victim: str | None = None
    healthy: bool = False
    fails: bool | None = None
    inputs: tuple[tuple[str, str], ...] = ()

    @property
    def causes(self) -> frozenset[str]:
        return frozenset(() if self.cause is None else (self.cause, *self.also_cause))

    @property
    def lines(self) -> frozenset[int]:
        return frozenset(() if self.line is None else (self.line, *self.also_line))


@dataclass(frozen=True, kw_only=True)
class Score:
    cause: bool
    line: bool
    victim: bool
    fix: bool | None
    said: str


def read_tables() -> list[Case]:
    return [case for path in sorted(TABLES.glob("*.toml")) for case in read_table(path)]


def read_table(path: Path) -> Iterator[Case]:
    for row in tomllib.loads(path.read_text(encoding="utf-8"))["case"]:
        row["program"] = row["program"].strip("\n")
        for name in ("also_cause", "also_line"):
            row[name] = tuple(row.get(name, ()))
        yield Case(family=path.stem, **{**row, "inputs": tuple(row.get("inputs", {}).items())})


def read_folder(folder: Path) -> Iterator[Case]:
    """The cases of a folder; lines count from the first line of the program that is not blank."""
    found = json.loads((folder / "cases.json").read_text(encoding="utf-8"))
    for row in found["cases"]:
        yield Case(
            family=row["group"],
            name=row["file"],
            program=(folder / row["file"]).read_text(encoding="utf-8"),
            cause=row["cause"],
            also_cause=tuple(row.get("also_cause", ())),
            line=row["line"],
            also_line=tuple(row.get("also_line", ())),
            victim=row["victim"],
        )
    for row in found["controls"]:
        text = (folder / row["file"]).read_text(encoding="utf-8")
        yield Case(family="healthy", name=row["file"], program=text, healthy=True)


def explained(case: Case) -> Report:
    return explore(case.program, inputs=dict(case.inputs), watch=True)


def story(report: Report) -> tuple[object, ...]:
    """A report in short: how it ended, and each alarm with how bad it is."""
    return report.status, frozenset((found.rule, found.severity) for found in alarms(report))


def alarms(report: Report) -> list[Diagnostic]:
    return [found for found in report.diagnostics if found.severity is not Severity.NOTE]


def score(case: Case, report: Report | None = None) -> Score:
    report = report or explained(case)
    found = alarms(report)
    if case.healthy:
        said = ", ".join(each.rule for each in found)
        return Score(cause=not found, line=not found, victim=not found, fix=None, said=said)
    # What is said first; a remark may be all that there is to say of an accumulation.
    first = next(iter([*found, *report.diagnostics]), None)
    if first is None:
        return Score(cause=False, line=False, victim=False, fix=False, said="nothing")
    line = None if first.span is None else first.span.line
    return Score(
        cause=first.rule in case.causes,
        line=line in case.lines,
        victim=first.victim == case.victim,
        fix=first.edits_work,
        said=f"{first.rule} at line {line} of {first.victim}",
    )


def main(cases: Iterable[Case]) -> int:
    rows: dict[str, list[tuple[Case, Score]]] = {}
    for case in cases:
        rows.setdefault("healthy" if case.healthy else case.family, []).append((case, score(case)))
    wrong = 0
    print(f"{'family':<16}{'cases':>6}{'cause+line':>12}{'victim':>8}{'fix':>6}")  # noqa: T201 - what it is for
    for family, scored in rows.items():
        right = [each for _, each in scored if each.cause and each.line]
        victims = [each for _, each in scored if each.victim]
        fixes = [each for _, each in scored if each.fix]
        print(f"{family:<16}{len(scored):>6}{len(right):>12}{len(victims):>8}{len(fixes):>6}")  # noqa: T201 - what it is for
        for case, each in scored:
            if not (each.cause and each.line and each.victim):
                wrong += 1
                expected = "nothing" if case.healthy else f"{case.cause} at line {case.line} of {case.victim}"
                print(f"    {case.name}: {each.said}; expected {expected}")  # noqa: T201 - what it is for
    return 1 if wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--family")
    parser.add_argument("--mutated", action="store_true", help="each program in every other dress, too")
    asked = parser.parse_args()
    chosen = list(read_tables()) if asked.cases is None else list(read_folder(asked.cases))
    chosen = [case for case in chosen if asked.family in {None, case.family}]
    if asked.mutated:
        from mutations import MUTATIONS

        chosen = [mutate(case) for case in chosen for mutate in MUTATIONS]
    sys.exit(main(chosen))
