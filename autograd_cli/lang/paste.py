"""A program as people paste it → the program itself, line for line.

Prompts are taken off; what a session printed, magics, shell commands and the text around a fence become comments;
typographic quotes and spaces become plain ones. A text that Python can parse as it stands is left alone.
"""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from autograd_cli.diagnostic import PROGRAM, AgxError
from autograd_cli.lang.gate import check_text
from autograd_cli.lang.syntax import parse_text
from autograd_cli.limits import DEFAULT_LIMITS

_QUOTES = {**dict.fromkeys("\u201c\u201d\u201e\u201f", '"'), **dict.fromkeys("\u2018\u2019\u201a\u201b", "'")}
_SPACES = dict.fromkeys(
    "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "
)
_PLAIN = str.maketrans({**_QUOTES, **_SPACES})

_FENCE = re.compile(r"\s*(?:```|~~~)")
_DOCTEST = re.compile(r"\s*>>>(?: |$)")
_DOCTEST_MORE = re.compile(r"\s*\.\.\.(?: |$)")
_IPYTHON = re.compile(r"\s*In \[[\d ]*\]: ?")
_IPYTHON_MORE = re.compile(r"\s*\.{3,}: ?")
_IPYTHON_OUT = re.compile(r"\s*Out\[[\d ]*\]:")
_QUOTED = re.compile(r"\s*> ?")
_NUMBERED = re.compile(r"\s*(\d{1,6})(?:[.:|)] ?| |\t|$)")
_TIMED = re.compile(r"\s*%time +(?=\S)")
_MAGIC = re.compile(r"\s*(?:%{1,2}[A-Za-z_]|!(?!=)|\?{1,2}\w|[\w.]+\?{1,2}\s*$)")
_CELL_OF_ANOTHER_LANGUAGE = re.compile(
    r"\s*%%(?:!|bash|cmd|cython|file|html|HTML|javascript|js|latex|markdown|perl|R|ruby|script|sh|sql|svg|SVG|system|writefile)\b"
)
_TRACE = re.compile(
    rf"^[^\S\n]*(?:>|In \[|[%!?`~]|\d)|\?[^\S\n]*$|[{''.join(_QUOTES)}{''.join(_SPACES)}]|\A\S.*[^:\s]\n[ \t]",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pasted:
    """A program, and the same lines as they were written, which begin at line `first_line` of the whole text."""

    text: str
    written: str
    first_line: int


def pasted(text: str) -> Pasted:
    """The program that a text holds, without common indentation and surrounding blank lines."""
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    plain = _dedented(rows)
    if _TRACE.search(text) and (any(map(_IPYTHON.match, rows)) or not _parses(plain)):  # `In [1]: y = x` is Python, too
        plain = _cleaned(rows)
    filled = [index for index, row in enumerate(plain) if row.strip()] or [0]
    first, last = filled[0], filled[-1] + 1
    if last - first == 1:
        plain[first] = plain[first].strip()
    return Pasted(text="\n".join(plain[first:last]), written="\n".join(rows[first:last]), first_line=first + 1)


def cell_lines(code: str) -> list[str]:
    """The lines of a notebook's cell; those that only IPython understands become comments."""
    rows = code.split("\n")
    return rows if _parses(rows) else _without_magics(rows)


def _without_magics(rows: Sequence[str]) -> list[str]:
    first = next((row for row in rows if row.strip()), "")
    if _CELL_OF_ANOTHER_LANGUAGE.match(first):
        return [_comment(row) for row in rows]
    return [_without_magic(row) for row in rows]


def _dedented(rows: Sequence[str]) -> list[str]:
    return textwrap.dedent("\n".join(rows)).split("\n")


def _parses(rows: Sequence[str]) -> bool:
    text = "\n".join(rows).strip("\n")
    try:
        check_text(text, PROGRAM, DEFAULT_LIMITS)
        parse_text(text, PROGRAM)
    except AgxError:
        return False
    return True


def _cleaned(rows: Sequence[str]) -> list[str]:
    """The lines without what copying brought along; each step changes only lines with its own marks."""
    cleaned = [row.translate(_PLAIN) for row in rows]
    for step in _STEPS:
        cleaned = list(step(cleaned))
    if not any(row.strip() and not row.lstrip().startswith("#") for row in cleaned):
        return _dedented(rows)  # nothing but comments would be left
    cleaned = _dedented(cleaned)
    levelled = _with_first_line_level(cleaned)
    return levelled if levelled != cleaned and _parses(levelled) else cleaned


def _without_quote_marks(rows: Sequence[str]) -> Iterator[str]:
    """The lines without the `> ` of a mail or of Markdown, where every line has it."""
    found = [_QUOTED.match(row) for row in rows if row.strip()]
    is_quoted = bool(found) and all(found) and not any(map(_DOCTEST.match, rows))
    for row in rows:
        match = _QUOTED.match(row) if is_quoted else None
        yield row[match.end() :] if match else row


def _without_fences(rows: Sequence[str]) -> Iterator[str]:
    is_fenced, is_code = any(map(_FENCE.match, rows)), False
    for row in rows:
        if is_fenced and _FENCE.match(row):
            is_code = not is_code
            yield _comment(row)
        else:
            yield row if is_code or not is_fenced else _comment(row)


def _without_prompts(rows: Sequence[str]) -> Iterator[str]:
    """The lines after `>>> ` and `... `: the others are what the session printed."""
    is_session, is_code = any(map(_DOCTEST.match, rows)), False
    for row in rows:
        prompt = _DOCTEST.match(row) or (_DOCTEST_MORE.match(row) if is_code else None)
        is_code = prompt is not None
        yield row[prompt.end() :] if prompt else _comment(row) if is_session else row


def _without_ipython_prompts(rows: Sequence[str]) -> Iterator[str]:
    """The lines after `In [1]: ` and `   ...: `, and those under an `In [1]:` that stands alone."""
    is_session, is_code = any(map(_IPYTHON.match, rows)), False
    for row in rows:
        prompt = _IPYTHON.match(row) or (_IPYTHON_MORE.match(row) if is_session else None)
        if prompt:
            is_code = prompt.end() >= len(row.rstrip())
            yield row[prompt.end() :]
        else:
            is_code = is_code and not _IPYTHON_OUT.match(row)
            yield row if is_code or not is_session else _comment(row)


def _without_numbers(rows: Sequence[str]) -> Iterator[str]:
    """The lines without the numbers of a listing, where every line has the next one."""
    found = [_NUMBERED.match(row) for row in rows if row.strip()]
    numbers = [int(match[1]) for match in found if match]
    is_listing = len(numbers) == len(found) > 1 and all(
        after - before == 1 for before, after in itertools.pairwise(numbers)
    )
    for row in rows:
        match = _NUMBERED.match(row) if is_listing else None
        yield row[match.end() :] if match else row


def _without_magic(row: str) -> str:
    timed = _TIMED.match(row)
    if timed:
        return row[: len(row) - len(row.lstrip())] + row[timed.end() :]
    return _comment(row, is_statement=True) if _MAGIC.match(row) else row


def _with_first_line_level(rows: Sequence[str]) -> list[str]:
    """The lines as they are if the first was copied without its indentation, and the others with theirs."""
    return [rows[0], *_dedented(rows[1:])]


def _comment(row: str, *, is_statement: bool = False) -> str:
    """The line as a comment; within a block it stays a statement, so that the block has one."""
    words = row.lstrip()
    indent = row[: len(row) - len(words)]
    if not words:
        return ""
    return f"{indent}pass  # {words}" if is_statement and indent else f"# {words}"


_STEPS: tuple[Callable[[Sequence[str]], Iterator[str] | list[str]], ...] = (
    _without_quote_marks,
    _without_fences,
    _without_prompts,
    _without_ipython_prompts,
    _without_numbers,
    _without_magics,
)
