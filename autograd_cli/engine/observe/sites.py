"""The places of a user's file that report to the recorder when they run: what stands there, and where its operands are.

A frame of the user's code has a stack of its own, on which each expression that reports leaves one entry. How high the
stack is before an expression is known from the text alone, so a place carries its `depth` and nothing is counted while
the program runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from autograd_cli.diagnostic import Span


class Source(StrEnum):
    """Where an operand is when its operation has run."""

    STACK = "stack"  # left there by an expression that reports itself
    GIVEN = "given"  # read once more from its variable, and handed over
    CONSTANT = "constant"  # written in the text
    CALLEE = "callee"  # what is called: its entry lies between its owner's and its arguments'


@dataclass(frozen=True, slots=True, kw_only=True)
class Operand:
    """One operand: a constant has its `value`, a variable its `name`; `keyword` is that of an argument, if any."""

    source: Source
    span: Span
    name: str = ""
    value: object = None
    keyword: str | None = None
    is_starred: bool = False


class Kind(StrEnum):
    """What stands at a place."""

    OPERATOR = "operator"
    COMPARISON = "comparison"
    ATTRIBUTE = "attribute"
    INDEX = "index"
    CALL = "call"
    CHOICE = "choice"  # `a and b`, `a if c else b`: one of its operands
    DISPLAY = "display"  # `[a, b]`, `{k: a}`
    COMPREHENSION = "comprehension"
    GENERATOR = "generator"
    FUNCTION = "function"  # a lambda
    TEXT = "text"  # an f-string
    RECEIVED = "received"  # what `await` and `yield` give
    NAME = "name"
    CONSTANT = "constant"
    STATEMENT = "statement"
    RESULT = "result"  # the value of a statement that is an expression
    ASSIGNMENT = "assignment"
    AUGMENTED = "augmented"
    LOOP = "loop"
    CONTEXT = "context"  # of a `with`
    DEFINITION = "definition"
    RETURN = "return"


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A target of an assignment that is no variable: `x.data`, with its `attribute`, or `x[i]`, which has none.

    `owner` and `index` are positions among the operands.
    """

    attribute: str | None
    span: Span
    owner: int
    index: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One place. `symbol` is the operator, the attribute, the callee as written, the variable.

    `names` are the variables that it binds, `writes` its other targets; `nesting` counts the statements around it in
    its function, and `loops` those of them that are loops. `callee` is the span of what is called,
    and `called_at` how high the stack is before its entry; `decorators` are those of a function.
    """

    kind: Kind
    span: Span
    symbol: str = ""
    depth: int = 0
    operands: tuple[Operand, ...] = ()
    names: tuple[str, ...] = ()
    writes: tuple[Write, ...] = ()
    nesting: int = 0
    loops: int = 0
    callee: Span | None = None
    called_at: int = 0
    decorators: tuple[Span, ...] = ()
