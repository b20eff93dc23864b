"""The words of one call, where each stands in the line as it was typed, and what a command declares of them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from autograd_cli.diagnostic import COMMAND_LINE, AgxError, Diagnostic, Span, bad_request
from autograd_cli.report import Report

_SAFE = re.compile(r"[\w@%+=:,./-]+")
_SPECIAL_IN_QUOTES = frozenset('"$`\\!')


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The options that a command declares: those that take a value (some more than once) and those that do not.

    `valued` maps every spelling of an option to its long one, `elsewhere` each option of other commands to them.
    """

    valued: Mapping[str, str]
    repeatable: frozenset[str]
    flags: frozenset[str]
    elsewhere: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def all(self) -> frozenset[str]:
        """Every option."""
        return self.flags.union(self.valued)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenValue:
    """The name and the text of an input or option, and which word of the command line gave it."""

    name: str
    text: str
    word: int


class CommandLine:
    """The words of one call, and the places of each in the line as a person typed it."""

    def __init__(self, words: Sequence[str], command: str | None) -> None:
        self.words = list(words)
        self._command = command
        self._before = "agx" if command is None else f"agx {quoted(command)}"
        self.text = " ".join([self._before, *map(quoted, self.words)])

    @property
    def all_words(self) -> list[str]:
        """The words of the process, the command's own included."""
        return [*([] if self._command is None else [self._command]), *self.words]

    def after(self, command: str) -> str:
        """These words as a line of another command."""
        return " ".join([f"agx {command}", *map(quoted, self.words)])

    def span(self, word: int) -> Span:
        """Where the word with this index stands in `text`."""
        start = len(" ".join([self._before, *map(quoted, self.words[:word])])) + 1
        return Span.of_offsets(self.text, start, start + len(quoted(self.words[word])))

    def error(
        self, rule: str, message: str, word: int, *, label: str | None = None, fix: str | None = None
    ) -> AgxError:
        """The error for one word."""
        return bad_request(rule, message, source=COMMAND_LINE, span=self.span(word), label=label, fix=fix)

    def with_option_placed(self, report: Report) -> Report:
        """The Report, with each diagnostic about an option's value, such as --dtype's, at its place in the line."""
        placed = tuple([self._placed(each) for each in report.diagnostics])
        return report if placed == report.diagnostics else replace(report, diagnostics=placed, command_line=self.text)

    def _placed(self, diagnostic: Diagnostic) -> Diagnostic:
        places = [index for index, word in enumerate(self.words) if word.partition("=")[0] == diagnostic.source]
        if diagnostic.span is not None or not places:
            return diagnostic
        word = places[-1] if "=" in self.words[places[-1]] else places[-1] + 1
        return replace(diagnostic, source=COMMAND_LINE, span=self.span(word))


def quoted(word: str) -> str:
    """The word as one would type it: in quotes where a shell would not leave it as it is."""
    if _SAFE.fullmatch(word):
        return word
    return f'"{word}"' if word and not _SPECIAL_IN_QUOTES & set(word) else shlex.quote(word)


def value_at(line: CommandLine, index: int) -> str:
    """The word with this index, as the value of the option before it.

    Raises:
        AgxError: there is none.
    """
    if index >= len(line.words) or line.words[index].startswith("--"):
        name = line.words[index - 1]
        message = f"{name} needs a value"
        fix = f"write {name} VALUE, or {name}=VALUE for a value that begins with --"
        raise line.error("missing-value", message, index - 1, label="no value follows", fix=fix)
    return line.words[index]


def check_flag(line: CommandLine, index: int) -> str:
    """The word with this index, a flag.

    Raises:
        AgxError: it comes with a value.
    """
    name, equals, _ = line.words[index].partition("=")
    if equals:
        raise line.error("usage", f"{name} takes no value", index, fix=f"write {name}")
    return name
