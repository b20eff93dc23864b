"""A rule as one row: what agx calls a finding, all that it says of it, and the function that finds it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from autograd_cli.diagnostic import Diagnostic, Span
from autograd_cli.rules.evidence.evidence import Evidence

Find: TypeAlias = Callable[[Evidence], Iterator[Diagnostic]]


class Family(StrEnum):
    """What rules have in common, in the words of the headings of `agx rules`."""

    LEAF = "leaf"
    CUT = "cut"
    IN_PLACE = "in-place"
    BACKWARD = "backward call, mode and dtype"
    OPTIMIZER = "the step of an optimizer"
    NUMBERS = "NaN and inf"
    ZERO = "zero and wrong value"
    SYMPTOM = "without a known cause"
    PROGRAM = "a program that agx does not run"
    REQUEST = "a request that is not understood"
    FILE = "a file that cannot be read or written"
    LIMIT = "a run that did not come to its end"


class Lifted(StrEnum):
    """What to take out of the program to see what a cut changed."""

    CALL = "the call that cuts"
    GRAD_MODE = "what switched grad mode off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A row.

    `summary`, `why`, `example` (a program that shows it) and `cure` are its page. `find` yields what it finds in a run;
    rules that only the end of one search tells apart share it. With `needs_walks` it is asked only where the run was
    watched. A rule of the family `SYMPTOM` speaks only where no other rule knows the cause. A rule without `find` is
    found by other code, mostly before there is a run, or in place of one.

    Of two findings of the same trouble, the one with the smaller `generality` is reported: it knows more.

    The words of a finding that has none of its own: `blame` completes "`piece of the program` …", and `advice` is the
    cure in a few words. For a cut, `short` says in a table cell why there is no gradient, and `margin` what cuts,
    beside the line: `{call}` in it is the operation, and `{n}` in `margin_since` the line that switched tracking off.
    `lifted` is what to take out of the program to see what the cut changed.
    """

    slug: str
    family: Family
    summary: str
    why: str
    cure: str
    example: str = ""
    find: Find | None = None
    needs_walks: bool = False
    generality: int = 0
    blame: str = ""
    advice: str | None = None
    short: str | None = None
    margin: str = "{call}"
    margin_since: str | None = None
    lifted: Lifted | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "example", inspect.cleandoc(self.example))

    def beside(self, since: Span | None) -> str:
        """What stands beside the line of a cut; `since` is the place that switched tracking off, if that is another."""
        return self.margin if since is None else self.margin_since or self.margin
