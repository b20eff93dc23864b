"""One answer: what was asked, what came of it, and what there is to say. Frozen; `--json` writes it out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from autograd_cli.diagnostic import COMMAND_LINE, PROGRAM, Cell, Diagnostic, Edit, Span, Status
from autograd_cli.settings import Settings
from autograd_cli.trace import Explanation, TensorInfo, Trace

SCHEMA = "agx/1"
_SHORT = 40
_Piece = TypeVar("_Piece", Span, Edit)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenInput:
    """An input as the user gave it: `text` is what stood on the command line, or a description of a Python object."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What came of a request: there is a type for each use case. `outcome` says in a sentence what became of gradients.

    In JSON its fields stand beside those of the Report.
    """

    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored(Body):
    """The answer of `agx grad`: one run."""

    trace: Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained(Explored):
    """The answer of `agx explain`: where the two graphs of the run part, and why."""

    explanation: Explanation


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught(Explained):
    """The answer of `agx explain --NAME`: the lesson of this name."""

    lesson: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A parameter of a script that ran: its gradient at the end, and how far the last step moved it, as 2-norms.

    `optimizer` is the number of the optimizer that has it, None where none does. `gradient` is None where there is
    none, and `change` where no step was taken.
    """

    name: str
    shape: tuple[int, ...]
    optimizer: int | None
    gradient: float | None
    change: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a script went.

    `passes` counts its backward passes, and `losses` are what the first and the last of them started from, where these
    were single numbers. `ended` says what ended it, in a few words; `unseen` what could not be observed.
    """

    passes: int
    losses: tuple[float, ...]
    parameters: tuple[Trained, ...]
    ended: str
    unseen: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran(Explained):
    """The answer of `agx run`: a script that Python ran, observed."""

    course: Course


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked(Body):
    """The answer of `agx check`: the diagnostics alone, without the run, which is a thousand times as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One of the runs that stand side by side: what tells it from the others, and its Report."""

    name: str
    report: Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared(Body):
    """The answer of `agx compare`: several runs, side by side. The outcome is of the first."""

    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Report:
    """The answer to one request: what was asked, what came of it, what there is to say, and how it ended.

    The `body` is what came of it; there is none where the request could not be answered. `source` begins at line
    `source_line` of what `source_name` names, such as a file. Where `source` is not exactly what was given, `written`
    has its lines as they were given: with prompts, say. `cells` are those of a notebook, or the files of a script. `of`
    is the one variable that the answer is narrowed to.
    """

    schema: str
    status: Status
    source: str
    inputs: tuple[GivenInput, ...]
    gradients: tuple[GivenInput, ...]
    command_line: str | None
    settings: Settings
    diagnostics: tuple[Diagnostic, ...]
    body: Body | None = None
    source_name: str = PROGRAM
    source_line: int = 1
    of: str | None = None
    written: str | None = None
    cells: tuple[Cell, ...] = ()

    def __repr__(self) -> str:
        """One line, for a prompt: the program, how it ended, its gradients and findings."""
        line, _, more = self.source.partition("\n")
        program = f"{line[:_SHORT]}…" if more or len(line) > _SHORT else line
        grads = ", ".join(f"{name}.grad" for name in self.grads)
        found = ", ".join(dict.fromkeys(each.rule for each in self.diagnostics))
        told = "; ".join(filter(None, [self.status.value, grads, found]))
        return f"<Report of {program!r}: {told}>"

    @property
    def is_answered(self) -> bool:
        """Whether there is more to show than what is wrong with the request."""
        return self.body is not None

    @property
    def ok(self) -> bool:
        """Whether this is an answer without bad news."""
        return self.status is Status.ANSWER

    @property
    def traces(self) -> tuple[Trace, ...]:
        """The run, where the answer is about a single one; else nothing."""
        return (self.body.trace,) if isinstance(self.body, Explored) else ()

    @property
    def trace(self) -> Trace:
        """The run."""
        return self.traces[0]

    @property
    def grads(self) -> dict[str, TensorInfo | None]:
        """The gradients that were asked for, by name."""
        return dict(self.trace.grads) if self.traces else {}

    @property
    def explanation(self) -> Explanation | None:
        """Where the two graphs of the run part, if that was asked for."""
        return self.body.explanation if isinstance(self.body, Explained) else None

    @property
    def explained(self) -> Explained:
        """The body, of a report that has an explanation."""
        assert isinstance(self.body, Explained)
        return self.body

    @property
    def ran(self) -> Ran:
        """The body, of the report on a script."""
        assert isinstance(self.body, Ran)
        return self.body

    @property
    def columns(self) -> tuple[Column, ...]:
        """The runs that stand side by side, in a comparison."""
        return self.body.columns if isinstance(self.body, Compared) else ()

    @property
    def outcome(self) -> str | None:
        """What became of the gradients, in a sentence; None where nothing ran."""
        return None if self.body is None else self.body.outcome

    def files(self) -> Iterator[tuple[str, str]]:
        """The name and the text of each file of a script."""
        rows = self.source.split("\n")
        cells = self.cells or (Cell(number=1, line=1, file=self.source_name),)
        ends = [*[cell.line - 1 for cell in cells[1:]], len(rows)]
        for cell, end in zip(cells, ends, strict=True):
            yield cell.file or self.source_name, "\n".join(rows[cell.line - 1 : end])

    @property
    def is_notebook(self) -> bool:
        """Whether the program is the cells of a notebook."""
        return self.source_name.endswith(".ipynb") or any(cell.file is None for cell in self.cells)

    def cell_of(self, line: int) -> tuple[Cell | None, int]:
        """The cell or file that a line of `source` stands in, if it has any, and the number of the line there."""
        line += self.source_line - 1
        cell = next((cell for cell in reversed(self.cells) if cell.line <= line), None)
        return (None, line) if cell is None else (cell, line - cell.line + 1)

    def number_of(self, line: int) -> str:
        """The number of a line of `source` as its reader counts: `12`, or `3:2` for line 2 of a notebook's cell 3."""
        cell, number = self.cell_of(line)
        return f"{number}" if cell is None or cell.file is not None else f"{cell.number}:{number}"

    def place_of(self, line: int) -> str:
        """The place of a line of `source` in words: `line 12`, or `cell 3, line 2`."""
        cell, number = self.cell_of(line)
        if cell is None:
            return f"line {number}"
        return f"cell {cell.number}, line {number}" if cell.file is None else f"{cell.file}, line {number}"

    def file_of(self, line: int) -> str:
        """The name of the file that a line of `source` stands in."""
        cell, _ = self.cell_of(line)
        return self.source_name if cell is None or cell.file is None else cell.file

    def placed(self, piece: _Piece) -> _Piece:
        """A span or an edit with the file of the script that it stands in, and its lines there."""
        _, line = self.cell_of(piece.line)
        return replace(piece, file=self.file_of(piece.line), line=line, end_line=line + piece.end_line - piece.line)

    def written_row(self, source: str, line: int) -> tuple[str, int]:
        """A line of a text as it was written, and how many columns of its beginning `source` leaves out."""
        row = self.text_of(source).split("\n")[line - 1]
        if source != PROGRAM or self.written is None:
            return row, 0
        written = self.written.split("\n")[line - 1]
        return written, max(len(written.rstrip()) - len(row.rstrip()), 0)

    def text_of(self, source: str) -> str:
        """The text that a diagnostic's `source` names."""
        texts = {
            PROGRAM: self.source,
            COMMAND_LINE: self.command_line or "",
            **{f"--{given.name}": given.text for given in self.inputs},
            **{f"--{given.name}": given.text for given in self.gradients},
        }
        return texts.get(source, "")
