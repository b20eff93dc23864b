"""A lesson as a page: its sentences, its lines as they ran, and how to go on; and the list of all lessons."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autograd_cli.lessons import LESSONS, Lesson
from autograd_cli.render.look import CODE, HEADING, Look
from autograd_cli.render.parts import words
from autograd_cli.render.parts.lesson_text import sentence
from autograd_cli.render.parts.listing import Listing
from autograd_cli.render.parts.paragraph import paragraph
from autograd_cli.report import Report, Taught
from autograd_cli.translation import translate

SCHEMA = "agx-lessons/1"
_WIDTH = 84


def lesson(report: Report, look: Look) -> Group:
    """The page of the lesson that the report names, without a final empty line."""
    assert isinstance(report.body, Taught)
    found = LESSONS[report.body.lesson]
    sections = [Text(translate(found.title, look.language), style=HEADING), *_parts(found, report, look)]
    listing = Listing(report, look)
    sections += [listing.legend(), _onward(found, look)]
    return Group(*[part for section in sections for part in (section, Text())][:-1])


def _parts(found: Lesson, report: Report, look: Look) -> Iterator[RenderableType]:
    listing = Listing(report, look)
    width = min(look.width or _WIDTH, _WIDTH)
    line = 1
    for part in found.parts:
        yield paragraph(sentence(translate(part.text, look.language), report.trace), width)
        if part.code:
            count = len(part.code.split("\n"))
            yield listing.show(range(line, line + count))
            line += count


def _onward(found: Lesson, look: Look) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(translate(words.NOW_TRY, look.language), style=HEADING), Text(found.now_try, style=CODE))
    if found.next is not None:
        following = f"agx explain --{found.next}"
        grid.add_row(Text(translate(words.NEXT_LESSON, look.language), style=HEADING), Text(following, style=CODE))
    return grid


def lessons_list(language: str) -> RenderableType:
    """The lessons, each with the command that shows it."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for found in LESSONS.values():
        grid.add_row(Text(f"agx explain --{found.name}", style=CODE), Text(translate(found.title, language)))
    return Group(
        Text(translate(words.LESSONS, language), style=HEADING), Padding(grid, (0, 0, 0, 2)), Text(), _usage(language)
    )


def _usage(language: str) -> Text:
    return paragraph(translate(words.EXPLAIN_A_PROGRAM, language), _WIDTH)


def lessons_json(language: str) -> str:
    """The same as one JSON object."""
    rows: Sequence[dict[str, str]] = [
        {"name": found.name, "title": translate(found.title, language), "program": found.program}
        for found in LESSONS.values()
    ]
    return json.dumps({"schema": SCHEMA, "lessons": rows}, ensure_ascii=False)
