"""The text of a program, parsed once: what stands where, what encloses what, and changes to it as Edits."""

from __future__ import annotations

import ast
import itertools
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from autograd_cli.diagnostic import Edit, Span
from autograd_cli.lang.blocks import blocks
from autograd_cli.lang.spans import SpanFinder
from autograd_cli.lang.stack import deep_stack

_ATOMS = (ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.List)
_HOMES = frozenset("torch F nn autograd functional math optim dist distributions np numpy".split())


class Source:
    """The text of a program that was checked. It is parsed when it is first asked for more than its lines."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        self._spans = SpanFinder(text)

    @cached_property
    def _tree(self) -> ast.Module:
        """The syntax tree; empty where Python cannot parse the text: then nothing is found in it or edited."""
        try:
            with warnings.catch_warnings(), deep_stack():
                warnings.simplefilter("ignore")  # Python's style is not our subject
                tree = ast.parse(self.text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return ast.Module(body=[], type_ignores=[])
        self._spans.cover(tree)
        return tree

    @cached_property
    def _nodes(self) -> list[tuple[Span, ast.expr | ast.stmt]]:
        """All expressions and statements with their places, the outer ones first."""
        found = (node for node in ast.walk(self._tree) if isinstance(node, ast.expr | ast.stmt))
        return [(self._spans.of(node), node) for node in found]

    @cached_property
    def _expressions(self) -> dict[Span, ast.expr]:
        found: dict[Span, ast.expr] = {}
        for span, node in self._nodes:
            if isinstance(node, ast.expr):
                found.setdefault(span, node)
        return found

    @cached_property
    def _parents(self) -> dict[int, ast.AST]:
        return {id(child): node for node in ast.walk(self._tree) for child in ast.iter_child_nodes(node)}

    # What stands where.

    def span_of(self, node: ast.expr | ast.stmt | ast.keyword) -> Span:
        """Where a piece of the program stands."""
        return self._spans.of(node)

    def cut(self, node: ast.expr | ast.stmt | ast.keyword) -> str:
        """The words of a piece of the program."""
        return self._spans.of(node).cut_lines(self.lines)

    def one_line(self, node: ast.expr | ast.stmt) -> str:
        """The words of a piece of the program on one line."""
        return " ".join(self.cut(node).split())

    def operand(self, node: ast.expr) -> str:
        """The words of an expression on one line, in parentheses where it needs them as a part of another one."""
        words = self.one_line(node)
        is_whole = isinstance(node, (*_ATOMS, ast.Constant)) or (words.startswith("(") and words.endswith(")"))
        return words if is_whole else f"({words})"

    def statements(self) -> Iterator[tuple[Span, ast.stmt]]:
        """All statements with their places, the outer ones first."""
        return ((span, node) for span, node in self._nodes if isinstance(node, ast.stmt))

    def expressions(self) -> Iterator[ast.expr]:
        """All expressions of the program."""
        return (node for _, node in self._nodes if isinstance(node, ast.expr))

    def expression_at(self, span: Span | None) -> ast.expr | None:
        """The expression that stands exactly there."""
        return None if span is None else self._expressions.get(span)

    def call_at(self, span: Span | None) -> ast.Call | None:
        """The call that stands exactly there."""
        node = self.expression_at(span)
        return node if isinstance(node, ast.Call) else None

    def statement_at(self, span: Span) -> ast.stmt | None:
        """The statement that stands exactly there."""
        return next((node for found, node in self._nodes if found == span and isinstance(node, ast.stmt)), None)

    # What a call is made of.

    def operands(self, span: Span | None, *, of_method: bool) -> list[ast.expr]:
        """The operands of the operation at a place, without keywords; for a method, its owner comes first."""
        node = self.expression_at(span)
        if isinstance(node, ast.BinOp):
            return [node.left, node.right]
        if not isinstance(node, ast.Call):
            return []
        owner = [node.func.value] if of_method and isinstance(node.func, ast.Attribute) else []
        return [*owner, *node.args]

    def argument_texts(self, call: ast.Call) -> list[str]:
        """The words of a call's arguments, the owner of a method first."""
        given = [*call.args]
        if isinstance(call.func, ast.Attribute) and not is_home(call.func.value):
            given = [call.func.value, *given]
        return [self.operand(each) for each in given]

    def keyword(self, span: Span | None, name: str) -> ast.expr | None:
        """The value of a keyword of the call at a place."""
        node = self.call_at(span)
        return None if node is None else next((each.value for each in node.keywords if each.arg == name), None)

    def method(self, class_: str, name: str) -> ast.FunctionDef | None:
        """A method of a class that the program defines."""
        for _, node in self._nodes:
            if isinstance(node, ast.ClassDef) and node.name == class_:
                return next(
                    (each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == name), None
                )
        return None

    def receiver_at(self, span: Span | None) -> str | None:
        """What the program writes before the method that it calls at a place: `self.opt` of `self.opt.step()`."""
        node = self.call_at(span)
        return self.cut(node.func.value) if node is not None and isinstance(node.func, ast.Attribute) else None

    def heading_of(self, function: ast.FunctionDef) -> Span:
        """Where the words `def NAME` of a function stand."""
        span = self.span_of(function)
        return replace(span, end_line=span.line, end_column=span.column + len(f"def {function.name}"))

    # What encloses what.

    def parent_of(self, node: ast.expr) -> ast.AST | None:
        """What an expression is a part of."""
        return self._parents.get(id(node))

    def statement_around(self, span: Span | None) -> ast.stmt | None:
        """The innermost statement that has the place in it."""
        around = [node for found, node in self._nodes if isinstance(node, ast.stmt) and span and found.holds(span)]
        return around[-1] if around else None

    def function_around(self, span: Span | None) -> ast.FunctionDef | None:
        """The innermost function that has the place in it."""
        around = [
            node for found, node in self._nodes if isinstance(node, ast.FunctionDef) and span and found.holds(span)
        ]
        return around[-1] if around else None

    def block_of(self, statement: ast.stmt | None) -> list[ast.stmt]:
        """The statements of the block that a statement stands in."""
        return next((block for block in blocks(self._tree) if statement in block), [])

    def block_around(self, statement: ast.stmt) -> ast.stmt:
        """The statement, or the `with` that holds nothing else."""
        around = self._parents.get(id(statement))
        return around if isinstance(around, ast.With) and around.body == [statement] else statement

    def target_at(self, span: Span | None) -> str | None:
        """The first name that the statement around a place gives to its value."""
        match self.statement_around(span):
            case ast.Assign(targets=[ast.Name(id=name), *_]):
                return name
            case ast.Assign(targets=[ast.Tuple(elts=[ast.Name(id=name), *_]), *_]):
                return name
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.AugAssign(target=ast.Name(id=name)):
                return name
        return None

    def is_tested(self, span: Span | None) -> bool:
        """Whether the expression there only decides something, as the test of an `if` does."""
        here = self.expression_at(span)
        for _, node in self._nodes:
            if isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert) and node.test is here:
                return here is not None
            if isinstance(node, ast.BoolOp) and here in node.values[:-1]:
                return True
        return False

    def is_alone(self, statement: Span) -> bool:
        """Whether a statement is the only one of its block, or shares its lines."""
        words = statement.cut_lines(self.lines)
        if "\n".join(self.lines[statement.line - 1 : statement.end_line]).strip() != words:
            return True
        _, *inner = blocks(self._tree)
        return any([self.span_of(each) for each in block] == [statement] for block in inner)

    def indent(self, line: int) -> str:
        """What a line begins with."""
        text = self.lines[line - 1]
        return text[: len(text) - len(text.lstrip())]

    # Edits.

    def replaced(self, span: Span, words: str) -> Edit:
        """The change that writes `words` in the place of a piece."""
        before = self.lines[span.line - 1][: span.column]
        after = self.lines[span.end_line - 1][span.end_column :]
        return Edit(line=span.line, end_line=span.end_line, text=f"{before}{words}{after}")

    def rewritten(self, node: ast.expr, words: str) -> Edit:
        """The change that writes `words` in the place of an expression."""
        return self.replaced(self.span_of(node), words)

    def replaced_all(self, pieces: Iterable[tuple[Span, str]]) -> tuple[Edit, ...]:
        """The changes that replace each piece by the words beside it; pieces on one line make one change.

        No changes where a piece that shares a line with another one goes on over several lines.
        """
        edits: list[Edit] = []
        for span, words in sorted(pieces, key=lambda piece: (piece[0].line, piece[0].column), reverse=True):
            last = edits[-1] if edits else None
            if last is None or last.line > span.end_line:
                edits.append(self.replaced(span, words))
                continue
            if (last.line, last.end_line) != (span.line, span.end_line):
                return ()
            text = f"{last.text[: span.column]}{words}{last.text[span.end_column :]}"
            edits[-1] = Edit(line=last.line, end_line=last.end_line, text=text)
        return tuple(reversed(edits))

    def spliced(self, pieces: Iterable[tuple[Span, str]]) -> str:
        """The whole text with words in the place of each piece, or put in where the piece is an empty one."""
        text = self.text
        lines = [0, *itertools.accumulate(len(line) + 1 for line in self.lines)]
        places = [
            (lines[span.line - 1] + span.column, lines[span.end_line - 1] + span.end_column, words)
            for span, words in pieces
        ]
        for start, end, words in sorted(places, reverse=True):
            text = f"{text[:start]}{words}{text[end:]}"
        return text

    def without(self, statement: Span) -> Edit:
        """The change that takes out a statement that has its lines for itself."""
        return Edit(line=statement.line, end_line=statement.end_line, text="")

    def removed(self, statement: Span) -> tuple[Edit, ...]:
        """The change that takes out a statement, or in a block writes `pass`; none where it shares its lines."""
        before = self.lines[statement.line - 1][: statement.column]
        after = self.lines[statement.end_line - 1][statement.end_column :]
        if self.statement_at(statement) is None or before.strip() or after.strip():
            return ()
        return (self.replaced(statement, "pass") if statement.column else self.without(statement),)

    def before(self, statement: Span, *lines: str) -> Edit:
        """The change that writes lines before a statement, indented as it is."""
        indent = self.indent(statement.line)
        first = self.lines[statement.line - 1]
        text = "\n".join([*(indent + each for each in lines), first])
        return Edit(line=statement.line, end_line=statement.line, text=text)

    def line_before(self, span: Span, line: str) -> tuple[Edit, ...]:
        """The change that writes a statement before one that begins there: on a line of its own, or before a `;`."""
        first = self.lines[span.line - 1]
        before, rest = first[: span.column], first[span.column :]
        if ";" not in first and not before.strip():
            return (self.before(span, line),)
        if all((each.line, each.column) != (span.line, span.column) for each, _ in self.statements()):
            return ()
        return (Edit(line=span.line, end_line=span.line, text=f"{before}{line}; {rest}"),)

    def after(self, statement: Span, *lines: str) -> Edit:
        """The change that writes lines after a statement, indented as it is."""
        indent = self.indent(statement.line)
        last = self.lines[statement.end_line - 1]
        text = "\n".join([last, *(indent + each for each in lines)])
        return Edit(line=statement.end_line, end_line=statement.end_line, text=text)

    def with_method(self, span: Span | None, call: str) -> Edit | None:
        """The change that calls a method on the expression there: `.detach()` makes `(a + b).detach()` of `a + b`."""
        words = None if span is None else self._called_on(span, call)
        return None if span is None or words is None else self.replaced(span, words)

    def with_methods(self, spans: list[Span], call: str) -> Edit | None:
        """The change that calls a method on each of several expressions of one line."""
        if len(spans) == 1:
            return self.with_method(spans[0], call)
        edits = self.replaced_all([(span, self._called_on(span, call) or "") for span in spans])
        return edits[0] if len(edits) == 1 and edits[0].line == edits[0].end_line else None

    def _called_on(self, span: Span, call: str) -> str | None:
        node = self.expression_at(span)
        if node is None:
            return None
        words = span.cut_lines(self.lines)
        return f"{words}{call}" if isinstance(node, _ATOMS) else f"({words}){call}"

    def with_keyword(self, call: ast.Call, keyword: str) -> Edit:
        """The change that gives a call one more argument."""
        words = self.cut(call)
        given = [*call.args, *call.keywords]
        head = words[:-1].rstrip().removesuffix(",")
        return self.rewritten(call, f"{head}, {keyword})" if given else f"{head}{keyword})")


def owner_of(call: ast.expr | None) -> ast.expr | None:
    """What a call is made on: `y` of `y.detach()` and of `torch.detach(y)`; `y` of `y.data`."""
    if isinstance(call, ast.Attribute):
        return call.value
    if not isinstance(call, ast.Call):
        return None
    if isinstance(call.func, ast.Attribute) and not is_home(call.func.value):
        return call.func.value
    return call.args[0] if call.args else None


def is_home(node: ast.expr) -> bool:
    """Whether an expression is where torch keeps functions: `torch`, `torch.nn.functional`, `F`."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in _HOMES
