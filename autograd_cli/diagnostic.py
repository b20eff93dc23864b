"""What agx has to say about a text: one type for a syntax error, a bad input, torch's refusal and a remark."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

PROGRAM = "program"
COMMAND_LINE = "command line"


_PYTHON_SAYS = (
    "AttributeError",
    "AssertionError",
    "KeyError",
    "NameError",
    "OverflowError",
    "UnboundLocalError",
    "ZeroDivisionError",
)


_PYTHON_WORDS = re.compile(
    r"""TypeError:\ (?:
        (?:list|dict|str|tuple)\.\w+\(\)\ takes
        | [\w.]+\(\)\ (?:takes|missing|got\ (?:an\ unexpected|multiple))
        | '[\w.]+'\ object\ (?:is\ not\ (?:callable|iterable|subscriptable)|does\ not\ support)
        | (?:unsupported\ operand|bad\ operand|can\ only\ concatenate|unhashable\ type)
    )
    | ValueError:\ (?:\d+\ values\ for|not\ enough\ values|dictionary\ update|too\ many\ values|a\ list\ or\ dict)
    """,
    re.VERBOSE,
)


def speaker(words: str) -> str:
    """Who raised an exception, told by its type and its words: torch, or Python itself."""
    return "Python" if words.startswith(_PYTHON_SAYS) or _PYTHON_WORDS.match(words) else "torch"


class Severity(StrEnum):
    """How bad it is. An ERROR means that what was asked for could not be given."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Status(StrEnum):
    """How a request ended. `exit_code` is what the process ends with."""

    ANSWER = "answer"
    BAD_NEWS = "bad-news"
    BAD_REQUEST = "bad-request"
    LIMIT = "limit"

    @property
    def exit_code(self) -> int:
        """The exit code of a process whose request ended this way."""
        return _EXIT_CODES[self]


_EXIT_CODES = {Status.ANSWER: 0, Status.BAD_NEWS: 1, Status.BAD_REQUEST: 2, Status.LIMIT: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A piece of a text: 1-based lines, 0-based columns in characters, half-open.

    In a Report of a script, whose files stand in one text, `file` is None; in its JSON it is the file that the piece
    stands in, and the lines are those of this file.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    file: str | None = None

    @classmethod
    def of_offsets(cls, text: str, start: int, end: int) -> Span:
        """The span of `text[start:end]`."""
        line, column = _position(text, start)
        end_line, end_column = _position(text, end)
        return cls(line=line, column=column, end_line=end_line, end_column=end_column)

    def shifted(self, lines: int) -> Span:
        """The same piece when this many lines are put above its text."""
        return replace(self, line=self.line + lines, end_line=self.end_line + lines)

    @property
    def start(self) -> Span:
        """The empty piece that stands where this one begins."""
        return Span(line=self.line, column=self.column, end_line=self.line, end_column=self.column)

    def before(self, part: Span) -> Span:
        """The text of this piece before `part`, which lies in it."""
        return Span(line=self.line, column=self.column, end_line=part.line, end_column=part.column)

    def behind(self, part: Span) -> Span:
        """The text of this piece after `part`, which lies in it."""
        return Span(line=part.end_line, column=part.end_column, end_line=self.end_line, end_column=self.end_column)

    def holds(self, other: Span) -> bool:
        """Whether the other piece is this one or a part of it."""
        starts = (self.line, self.column) <= (other.line, other.column)
        return starts and (other.end_line, other.end_column) <= (self.end_line, self.end_column)

    def cut(self, text: str) -> str:
        """The piece of `text` that this span covers."""
        return self.cut_lines(text.split("\n"))

    def cut_lines(self, lines: Sequence[str]) -> str:
        """The piece that this span covers of a text of these lines."""
        lines = [*lines[self.line - 1 : self.end_line]]
        if not lines:
            return ""
        lines[-1] = lines[-1][: self.end_column]
        lines[0] = lines[0][self.column :]
        return "\n".join(lines)


def _position(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A code cell of a notebook: its number among those that are not empty, and the line that it begins with.

    Lines are counted through all cells, one below the other. Where a program has several files, each file is a cell,
    with its name as `file`.
    """

    number: int
    line: int
    file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """Another place that matters for a diagnostic, and what happened there."""

    span: Span
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Lines of the program, `line` to `end_line` inclusive, and what to write in their place: "" takes them out.

    `file` is as that of a Span.
    """

    line: int
    end_line: int
    text: str
    file: str | None = None


def as_edits(*edits: Edit | None) -> tuple[Edit, ...]:
    """The edits that are not None."""
    return tuple([edit for edit in edits if edit is not None])


def edited(text: str, edits: Sequence[Edit]) -> str:
    """The text with the edits made."""
    lines = text.split("\n")
    for edit in sorted(edits, key=lambda each: each.line, reverse=True):
        lines[edit.line - 1 : edit.end_line] = edit.text.split("\n") if edit.text else []
    return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding.

    `rule` is a stable slug. `span` is a place in the text that `source` names: the program, an input's value
    (`--x`) or the command line. `label` stands beside the caret. `victim` is the variable that is affected, and
    `others` are those that the same cause affects, too. `torch_says` holds torch's own words where torch spoke, and
    `fix` says what to write instead. `observed` is what a reader sees of it (`x.grad is None`), `edits` are the fix as
    changes of lines, and `edits_work` whether the program, run with them, had neither this finding nor an error: None
    where it was not run. `is_documented` says whether the rule has a page: `agx rules RULE`.
    """

    rule: str
    severity: Severity
    message: str
    source: str = PROGRAM
    span: Span | None = None
    label: str | None = None
    related: tuple[Related, ...] = ()
    victim: str | None = None
    others: tuple[str, ...] = ()
    torch_says: str | None = None
    fix: str | None = None
    observed: str | None = None
    edits: tuple[Edit, ...] = ()
    edits_work: bool | None = None
    is_documented: bool = False


class AgxError(Exception):
    """A request that cannot be carried out, as data: raised below `explore`, which makes a Report of it."""

    def __init__(self, diagnostic: Diagnostic, status: Status = Status.BAD_REQUEST) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic
        self.status = status


def bad_request(
    rule: str,
    message: str,
    *,
    source: str = PROGRAM,
    span: Span | None = None,
    label: str | None = None,
    torch_says: str | None = None,
    fix: str | None = None,
) -> AgxError:
    """The error for a request that could not be understood."""
    return AgxError(
        Diagnostic(
            rule=rule,
            severity=Severity.ERROR,
            message=message,
            source=source,
            span=span,
            label=label,
            torch_says=torch_says,
            fix=fix,
        )
    )
