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
    rules that are told apart only at the end of one search share one. With `needs_walks` it is asked only where the run
    was watched. What a rule of the family `SYMPTOM` finds is said where no other rule knows the cause; what has
    no `find` is said before there is a run, or in place of one.

    Of two findings that tell of the same trouble the one with the smaller `generality` is said: it knows more.

    What findings say, where there is nothing better to say of one: `blame` completes "`piece of the program` …", and
    `advice` is the cure in a few words. Of a cut, `short` says in a cell why there is no gradient, and `margin` what
    cuts, beside the line: `{call}` in it is the operation, and `{n}` in `margin_since` the line that switched tracking
    off. `lifted` is what is taken out to see what it changed.
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
        """What stands beside the line of a cut, where tracking was switched off at a place of its own or was not."""
        return self.margin if since is None else self.margin_since or self.margin
