"""The user's lines, numbered and coloured: beside each what it made, before it whether torch recorded that.

Under a line stand the marks of what it cut, with the reason, and what it printed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Group
from rich.style import Style
from rich.syntax import ANSISyntaxTheme, Syntax
from rich.text import Text

from autograd_cli.diagnostic import Span
from autograd_cli.render.escape import visible
from autograd_cli.render.look import BAD, BLUE, CYAN, GRADIENT, GREEN, HEADING, LEAF, NODE, QUIET, Look
from autograd_cli.render.parts import words
from autograd_cli.render.parts.facts import Fact, Facts, Kind
from autograd_cli.render.parts.names import Names
from autograd_cli.render.parts.outline import LINES, Outline, Rank
from autograd_cli.render.parts.printed import printed_lines
from autograd_cli.render.parts.reasons import short_reason
from autograd_cli.render.parts.short import tensor_text
from autograd_cli.report import Report
from autograd_cli.spelling import spelled_full
from autograd_cli.trace import Cut
from autograd_cli.translation import translate

_NARROWEST = 24  # columns: with less room than this for the code, facts stand under it
_PRINTED = 5
_WRAPPED = 3  # lines of a terminal that one line of the program takes at most
_GAP = 2
_BESIDE = 3  # between the code and the facts
_UNDER = 2  # how far facts under the code are indented
_VALUE = 2  # how many cells come before that of the value
_BLOCK = 48  # columns for the numbers of a matrix
_STYLES = {
    Kind.RECORDED: NODE,
    Kind.LEAF: LEAF,
    Kind.UNTRACKED: QUIET,
    Kind.CUT: BAD,
    Kind.GRADIENT: QUIET,
    Kind.OTHER: QUIET,
}
_THEME = ANSISyntaxTheme(
    {
        ("Comment",): Style(dim=True),
        ("Keyword",): Style(color=BLUE, bold=True),
        ("Operator", "Word"): Style(color=BLUE, bold=True),
        ("Literal", "Number"): Style(color=CYAN),
        ("Literal", "String"): Style(color=GREEN),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A piece of a line that was cut or that torch refused, and why. It is `quiet` where the cut does no harm."""

    start: int
    end: int
    reason: str
    quiet: bool = False


class Listing:
    """The lines of a report that is an explanation, ready to be shown in whole or in part."""

    def __init__(self, report: Report, look: Look) -> None:
        self._report = report
        self._explanation = report.explained.explanation
        self._look = look
        self._rows = report.source.split("\n")
        self._facts = Facts(report, look, Names(report))
        self._marks = self._find_marks()
        self._glyphs = self._find_glyphs()
        self._printed = _printed_by_line(report)
        self._outline = Outline(report)
        self._number_width = max(len(report.number_of(line)) for line in self.lines)

    @property
    def lines(self) -> range:
        """The numbers of all lines, 1-based."""
        return range(1, len(self._rows) + 1)

    def legend(self) -> Text:
        """What the marks in the gutter mean."""
        glyphs = self._look.glyphs
        said = [
            (glyphs.recorded, NODE, words.RECORDED),
            (glyphs.cut, BAD, words.NOT_RECORDED),
            (glyphs.unused, QUIET, words.NOT_NEEDED),
            (glyphs.partly, BAD, words.PARTLY_RECORDED),
            (glyphs.refused, BAD, words.REFUSED),
        ]
        shown = set(self._glyphs.values())
        parts = [
            Text.assemble((glyph, style), (f" {translate(meaning, self._look.language)}", QUIET))
            for glyph, style, meaning in said
            if glyph in shown
        ]
        return _in_lines(parts, self._look.width)

    def show(self, lines: Sequence[int]) -> Group:
        """The lines with these numbers, in order, in columns that fit all lines; those left out between as a count."""
        kept = self._kept(lines)
        facts = {line: self._facts.of_line(line) for line in self._kept(self.lines)}
        code = dict(zip(kept, _coloured([self._rows[line - 1] for line in kept]), strict=True))
        every = [fact for found in facts.values() for fact in found]
        widths = _widths(every)
        facts_width = _joined_width(widths)
        if any(fact.block is not None for fact in every):
            facts_width = max(facts_width, _joined_width(widths[:_VALUE]) + _GAP + _BLOCK)
        code_width = max((cell_len(visible(self._rows[line - 1])) for line in facts), default=0)
        gutter = self._number_width + 3
        room = code_width if self._look.width is None else self._look.width - gutter - _BESIDE - facts_width
        parts: list[Text] = []
        previous = 0
        for line in kept:
            if previous and self._is_fold(range(previous + 1, line)):
                parts.append(self._fold(line - previous - 1))
            previous = line
            column = min(code_width, room) if room >= min(code_width, _NARROWEST) else None
            parts += self._line(line, code[line], facts[line], column, widths)
        return Group(*parts, *self._without_prose(lines, kept))

    def _kept(self, lines: Sequence[int]) -> list[int]:
        """The lines to show: those related to the one variable, if there is one; of many, those that tell most."""
        if self._look.full or len(self._rows) <= LINES:
            return self._related(lines)
        shown = set(self._outline.kept(self._related(self.lines)))
        return [line for line in lines if line in shown]

    def _related(self, lines: Sequence[int]) -> list[int]:
        if self._explanation.related is None:
            return list(lines)
        values = [self._report.trace.values[number] for number in self._explanation.related]
        spans = [span for value in values for span in (value.span, value.grad_mode_span) if span is not None]
        related = {line for span in spans for line in range(span.line, span.end_line + 1)}
        return [line for line in lines if line in related]

    def _is_fold(self, lines: range) -> bool:
        """Whether to say that these lines are left out: for comments alone, the gap in the line numbers is enough."""
        return any(self._outline.rank(line) > Rank.PROSE for line in lines)

    def _without_prose(self, lines: Sequence[int], kept: Sequence[int]) -> Iterator[Text]:
        """The line that says that comments are left out, if they are."""
        if self._explanation.related is None and len(kept) < len(lines):
            count = sum(self._outline.rank(line) is Rank.PROSE for line in lines)
            words = f"without {count:,} lines of comments, docstrings and blank lines ({spelled_full()})"
            yield Text(f"{' ' * self._number_width} {self._look.glyphs.fold} {words}", style=QUIET)

    def _fold(self, count: int) -> Text:
        lines = "1 more line" if count == 1 else f"{count:,} more lines"
        return Text(f"{' ' * self._number_width} {self._look.glyphs.fold} {lines}", style=QUIET)

    def _line(
        self, line: int, code: Text, found: Sequence[Fact], column: int | None, widths: Sequence[int]
    ) -> Iterator[Text]:
        """A line with its facts: beside it where `column` is the width of the code, else under it."""
        glyph = self._glyphs.get(line, " ")
        glyphs = self._look.glyphs
        style = {glyphs.recorded: NODE, glyphs.unused: QUIET}.get(glyph, BAD)
        number = self._report.number_of(line).rjust(self._number_width)
        if self._look.width is not None and line not in self._marks and not self._look.full:
            code.truncate(self._look.width * _WRAPPED, overflow="ellipsis")
        head = Text.assemble((f"{number} ", QUIET), (glyph, style), " ", code)
        blank = " " * (self._number_width + 3)
        widths = widths if column is not None else _widths(found)
        start = len(blank) + (_UNDER if column is None else column + _BESIDE)
        facts = [text for fact in found for text in self._fact_lines(fact, widths, start)]
        beside = column is not None and bool(facts) and cell_len(visible(self._rows[line - 1])) <= column
        if beside and column is not None:
            head.append(" " * (start - head.cell_len)).append_text(facts[0])
            facts = facts[1:]
        yield head
        marks = [Text(f"{blank}{row}", style=style) for row, style in self._mark_rows(line, len(blank))]
        if column is None:
            yield from [*marks, *(Text(" " * start).append_text(fact) for fact in facts)]
        else:
            yield from _side_by_side(marks, facts, start)
        for text in self._printed_rows(line):
            yield Text.assemble((f"{blank}> ", QUIET), text)

    def _fact_lines(self, fact: Fact, widths: Sequence[int], start: int) -> Iterator[Text]:
        """What is known, from the column `start` on, and under it the numbers that need lines of their own."""
        yield _fact_text(fact, widths)
        if fact.block is None:
            return
        indent = _joined_width(widths[:_VALUE]) + _GAP
        room = _BLOCK if self._look.width is None else self._look.width - start - indent
        style = GRADIENT if fact.kind is Kind.GRADIENT else ""
        for row in tensor_text(fact.block, self._look, width=max(room, 1)).split("\n"):
            yield Text(" " * indent).append(row, style=style)

    def _mark_rows(self, line: int, margin: int) -> Iterator[tuple[str, str]]:
        """The marks under a line, each row with its style: pieces that share a reason in one row, before it."""
        by_reason: dict[tuple[str, bool], list[Mark]] = {}
        for mark in self._marks.get(line, ()):
            by_reason.setdefault((mark.reason, mark.quiet), []).append(mark)
        for (reason, quiet), marks in by_reason.items():
            style = QUIET if quiet else BAD
            row = ""
            for mark in sorted(marks, key=lambda each: each.start):
                row = row.ljust(mark.start) + "^" * max(mark.end - max(mark.start, len(row)), 0)
            fits = self._look.width is None or margin + len(row) + 1 + cell_len(reason) <= self._look.width
            yield f"{row} {reason}" if fits else row, style
            if not fits:
                yield reason, style

    def _find_marks(self) -> dict[int, list[Mark]]:
        found: dict[int, dict[Mark, None]] = {}
        trace = self._report.trace
        for cut in self._explanation.cuts:
            if cut.span is not None:
                mark = self._mark(cut.span, self._reason(cut), quiet=not cut.feeds_backward)
                found.setdefault(cut.span.line, {})[mark] = None
        refusal = trace.refusal
        if refusal is not None and refusal.span is not None:
            reason = translate(words.REFUSED, self._look.language)
            found.setdefault(refusal.span.line, {})[self._mark(refusal.span, reason)] = None
        return {line: list(marks) for line, marks in found.items()}

    def _reason(self, cut: Cut) -> str:
        value = self._report.trace.values[cut.value]
        if value.span is None:
            return cut.why  # how an input enters
        since = None if cut.since is None else self._report.number_of(cut.since.line)
        return short_reason(cut, since, value, self._look.language)

    def _mark(self, span: Span, reason: str, *, quiet: bool = False) -> Mark:
        row = self._rows[span.line - 1]
        end = span.end_column if span.end_line == span.line else len(row)
        start = cell_len(visible(row[: span.column]))
        width = max(cell_len(visible(row[span.column : end])), 1)
        return Mark(start=start, end=start + width, reason=reason, quiet=quiet)

    def _find_glyphs(self) -> dict[int, str]:
        trace, glyphs = self._report.trace, self._look.glyphs
        values = [trace.values[number] for number, _ in self._explanation.recorded]
        recorded = {
            value.span.line
            for value in values
            if value.span is not None and value.tensor is not None and value.tensor.grad_fn is not None
        }
        cuts = [(found.span.line, found.feeds_backward) for found in self._explanation.cuts if found.span is not None]
        cut = {line for line, feeds_backward in cuts if feeds_backward}
        shown = {line: glyphs.unused for line, _ in cuts}
        shown |= dict.fromkeys(cut, glyphs.cut)
        shown |= {line: glyphs.partly if line in cut else glyphs.recorded for line in recorded}
        if trace.refusal is not None and trace.refusal.span is not None:
            shown[trace.refusal.span.line] = glyphs.refused
        return shown

    def _printed_rows(self, line: int) -> Iterator[Text]:
        texts = self._printed.get(line, [])
        edge = _PRINTED // 2
        is_folded = len(texts) > _PRINTED and not self._look.full
        for index, text in enumerate(texts):
            if is_folded and index == edge:
                count = len(texts) - 2 * edge
                yield Text(f"{self._look.glyphs.fold} {count:,} more lines ({spelled_full()})", style=QUIET)
            if not is_folded or index < edge or index >= len(texts) - edge:
                yield Text(visible(text))


def _in_lines(parts: Sequence[Text], width: int | None) -> Text:
    """The parts beside one another, in as many lines as they need."""
    lines: list[Text] = []
    for part in parts:
        if lines and (width is None or lines[-1].cell_len + _BESIDE + part.cell_len <= width):
            lines[-1] = Text.assemble(lines[-1], " " * _BESIDE, part)
        else:
            lines.append(part)
    return Text("\n").join(lines)


def _printed_by_line(report: Report) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for line, text in printed_lines(report.trace):
        found.setdefault(line, []).append(text)
    return found


def _coloured(rows: Sequence[str]) -> list[Text]:
    """Lines of a program, coloured as Python."""
    text = "\n".join(map(visible, rows))
    lines = list(Syntax("", "python", theme=_THEME).highlight(text).split("\n", allow_blank=True))[: len(rows)]
    for line in lines:
        line.rstrip()
    return lines + [Text()] * (len(rows) - len(lines))


def _cells(fact: Fact) -> tuple[str, ...]:
    return fact.when, fact.name, fact.value, fact.shape, f"{fact.words}{fact.version}"


def _joined_width(widths: Sequence[int]) -> int:
    """The columns that cells of these widths take beside one another."""
    return sum(widths) + _GAP * max(sum(width > 0 for width in widths) - 1, 0)


def _widths(facts: Sequence[Fact]) -> list[int]:
    return [max((cell_len(cell) for cell in column), default=0) for column in zip(*map(_cells, facts), strict=True)]


def _side_by_side(marks: Sequence[Text], facts: Sequence[Text], start: int) -> Iterator[Text]:
    """The marks, and from the column `start` on the facts; a mark that is too long has a line of its own."""
    pending = list(facts)
    for mark in marks:
        if pending and mark.cell_len < start:
            yield Text.assemble(mark, " " * (start - mark.cell_len), pending.pop(0))
        else:
            yield mark
    for fact in pending:
        yield Text(" " * start).append_text(fact)


def _fact_text(fact: Fact, widths: Sequence[int]) -> Text:
    styles = (QUIET, HEADING, GRADIENT if fact.kind is Kind.GRADIENT else "", QUIET, _STYLES[fact.kind])
    pieces = []
    for cell, width, style in zip(_cells(fact), widths, styles, strict=True):
        if width:
            pieces.append(Text(cell, style=style).append(" " * (width - cell_len(cell))))
    text = Text("  ").join(pieces)
    text.rstrip()
    return text
