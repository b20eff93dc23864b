"""Text → Program: let through the gate, parsed by Python's own `ast`, checked to be in the subset that agx walks.

The subset (anything else is one error, at its place):

    program     statement (newline or ";" statement)*
    statement   expression | target = expression | target op= expression | del name | assert expression | pass
                | with mode: block | if … elif … else | for target in expression: block | while expression: block
                | break | continue | def name(…): block | return expression | try … except … | import torch …
    target      name | target, target | expression.data | .grad | .requires_grad | expression[index]
    mode        no_grad() enable_grad() inference_mode() set_grad_enabled(b), with or without `torch.`
    expression  numbers, strings, f-strings, True False None, names, + - * / // % ** @ & | ^ ~ << >>, comparisons,
                and or not, a if c else b, x[i, j:k, ...], f(x, *y, key=z), x.method(y), x.attribute, (a, b), [a, b],
                {key: a}, [a for b in c if d], {k: a for b in c}, lambda a: b,
                "…{}".format(a)

The last line, when it is an expression, is the result.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from autograd_cli.diagnostic import PROGRAM, Span
from autograd_cli.lang import vocabulary
from autograd_cli.lang.check import Checker
from autograd_cli.lang.gate import check_text, too_deep
from autograd_cli.lang.harmless import leave_out
from autograd_cli.lang.paste import pasted
from autograd_cli.lang.rewrite import rewrite
from autograd_cli.lang.source import Source
from autograd_cli.lang.spans import SpanFinder
from autograd_cli.lang.stack import deep_stack
from autograd_cli.lang.syntax import parse_text
from autograd_cli.limits import DEFAULT_LIMITS, Limits, limit_reached

MAX_NODES = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A checked program.

    `names` are the names that it reads without having bound them, in order of appearance, with the first place of
    each. Those that the language does not define are `free`: each needs an input. `bound` are the names that it binds
    at its top level, `imported` those that its imports bind (but for `*`). `resolved` maps the id of a node of `tree`
    to the full name of the vocabulary that it stands for. `text` answers questions about the program as it was
    written, for those who edit it or quote pieces of it.
    """

    source: str
    tree: ast.Module
    spans: SpanFinder
    text: Source
    names: tuple[tuple[str, Span], ...]
    bound: frozenset[str]
    imported: frozenset[str]
    resolved: Mapping[int, str]

    @property
    def free(self) -> tuple[str, ...]:
        """The names that need a value."""
        return tuple(name for name, _ in self.names if not is_defined(name))

    def reads(self, name: str) -> bool:
        """Whether a value given for `name` would be used."""
        return any(read == name for read, _ in self.names)


def is_defined(name: str) -> bool:
    """Whether `name`, read as a value, means something without an input."""
    return name in vocabulary.CONSTANTS or name in vocabulary.DTYPES


def parse(
    text: str, *, source: str = PROGRAM, given: frozenset[str] = frozenset(), limits: Limits = DEFAULT_LIMITS
) -> Program:
    """Parse and check a program.

    `given` are the names that have a value: they hide what the language defines under these names. `source` names the
    text in diagnostics.

    Raises:
        AgxError: the text is not a program of the subset, or too large a one; with the exact place.
    """
    text = pasted(text).text
    check_text(text, source, limits)
    tree = parse_text(text, source)
    _check_size(tree, source, limits)
    spans = SpanFinder(text)
    spans.cover(tree)
    rewrite(tree)
    leave_out(tree)
    checker = Checker(tree, spans, source, given)
    try:
        with deep_stack():
            checker.check()
    except RecursionError:
        raise too_deep(source) from None
    return Program(
        source=text,
        tree=tree,
        spans=spans,
        text=Source(text),
        names=tuple(checker.names.items()),
        bound=checker.bound,
        imported=frozenset(checker.imported),
        resolved=checker.resolved,
    )


def normalise(text: str) -> str:
    """The text of an input as it is parsed and shown: without common indentation and surrounding blank lines."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = textwrap.dedent(text).strip("\n")
    return text if "\n" in text else text.strip()


def _check_size(tree: ast.Module, source: str, limits: Limits) -> None:
    """Refuse a tree that is too deep or too large, without recursion."""
    pending: list[tuple[ast.AST, int]] = [(tree, 0)]
    count = 0
    while pending:
        node, depth = pending.pop()
        count += 1
        if depth > limits.depth:
            raise too_deep(source)
        pending.extend((child, depth + 1) for child in ast.iter_child_nodes(node))
    if count > MAX_NODES:
        message = f"the program has {count:,} pieces; at most {MAX_NODES:,} are read"
        raise limit_reached("source", message, source=source)
