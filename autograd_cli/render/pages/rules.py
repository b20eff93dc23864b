"""Rules → what `agx rules` prints: the list by families, one in full with its example run live, and both as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autograd_cli.render.look import CODE, HEADING, QUIET, Look
from autograd_cli.render.parts.diagnostics import diagnostic_block
from autograd_cli.render.parts.paragraph import paragraph
from autograd_cli.render.parts.plain import plain
from autograd_cli.report import Report

SCHEMA = "agx-rules/1"
_WIDTH = 84


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePage:
    """What a rule says of itself."""

    slug: str
    family: str
    summary: str
    why: str
    example: str
    fix: str


def rules_list(pages: Iterable[RulePage]) -> RenderableType:
    """The rules by families, each with what it means."""
    parts: list[RenderableType] = []
    for family, members in groupby(pages, key=lambda page: page.family):
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for page in members:
            grid.add_row(Text(f"  {page.slug}", style=CODE), Text(page.summary))
        parts += [Text(family, style=HEADING), grid, Text()]
    return Group(*parts, Text("for details, and an example that runs: agx rules SLUG", style=QUIET))


def rule_page(page: RulePage, report: Report | None, look: Look) -> Group:
    """All of a rule, and what agx says of its example now, where it has one."""
    width = min(look.width or _WIDTH, _WIDTH)
    parts: list[RenderableType] = [Text(page.slug, style=HEADING), paragraph(page.summary, width), Text()]
    parts += [paragraph(page.why, width), Text()]
    if page.example:
        parts.append(Text("Example", style=HEADING))
        parts += [Text(f"    {line}") for line in page.example.split("\n")]
        parts.append(Text())
    parts += [Text("Fix", style=HEADING), paragraph(page.fix, width)]
    if report is None:
        return Group(*parts)
    for diagnostic in report.diagnostics[:1]:
        parts += [Text(), Text("agx explain says of the example", style=HEADING)]
        parts.append(diagnostic_block(replace(diagnostic, is_documented=False), report, look.width))
    return Group(*parts)


def rules_json(pages: Iterable[RulePage]) -> str:
    """The rules as one JSON object."""
    return json.dumps({"schema": SCHEMA, "rules": [plain(page) for page in pages]}, ensure_ascii=False)


def rule_json(page: RulePage, report: Report | None) -> str:
    """One rule, with what agx says of its example."""
    found = [] if report is None else plain(report.diagnostics)
    return json.dumps({"schema": SCHEMA, "rule": plain(page), "diagnostics": found}, ensure_ascii=False)


def rules_markdown(pages: Iterable[RulePage]) -> str:
    """The page of all rules in the documentation."""
    return "".join(_markdown(list(pages)))


def _markdown(pages: list[RulePage]) -> Iterator[str]:
    yield "# Rules\n\nWhat `agx explain` finds and what else agx says, made by `agx rules --markdown` from the rules.\n"
    for family, members in groupby(pages, key=lambda page: page.family):
        yield f"\n## {family[:1].upper()}{family[1:]}\n"
        for page in members:
            yield f"\n### {page.slug}\n\n{page.summary}\n\n{page.why}\n\n"
            if page.example:
                yield f"```python\n{page.example}\n```\n\n"
            yield f"{page.fix}\n"
