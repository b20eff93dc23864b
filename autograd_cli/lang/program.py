"""Text → Program: parsed by Python's own `ast`, then checked to be in the subset of Python that agx walks.

The subset (anything else is one error, at its place):

    program     statement (newline or ";" statement)*
    statement   expression | target = expression | target op= expression | with mode: block | pass | import torch …
    target      name | target, target | expression.data | .grad | .requires_grad | expression[index]
    mode        no_grad() | enable_grad() | inference_mode(), with or without `torch.`
    expression  numbers, strings, True False None, names, + - * / // % ** @ & | ^ ~ << >>, comparisons, and or not,
                a if c else b, x[i, j:k, ...], f(x, key=y), x.method(y), x.attribute, (a, b), [a, b]

The last line, when it is an expression, is the result.
"""

from __future__ import annotations

import ast
import re
import textwrap
import unicodedata
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

from autograd_cli.diagnostic import AgxError, Span, bad_request
from autograd_cli.lang import vocabulary
from autograd_cli.lang.suggest import did_you_mean

MAX_LENGTH = 65_536
MAX_DEPTH = 1_000

_EXPRESSIONS = (
    ast.Attribute,
    ast.BinOp,
    ast.BoolOp,
    ast.Call,
    ast.Compare,
    ast.Constant,
    ast.IfExp,
    ast.List,
    ast.Name,
    ast.Slice,
    ast.Subscript,
    ast.Tuple,
    ast.UnaryOp,
)

# What a node type that is not in the subset is called, and the way around it.
_UNSUPPORTED = {
    ast.FunctionDef: ("def", "write the expression out"),
    ast.Lambda: ("lambda", "write the expression out"),
    ast.For: ("for", "write the steps out"),
    ast.While: ("while", "write the steps out"),
    ast.If: ("if", "write a if condition else b"),
    ast.ListComp: ("a comprehension", "write the elements out"),
    ast.Dict: ("a dict", "use names for the parts"),
    ast.JoinedStr: ("an f-string", "agx shows every value by itself"),
    ast.ClassDef: ("class", "write the computation as expressions"),
    ast.Delete: ("del", "leave the name"),
    ast.Starred: ("unpacking with *", "write the elements out"),
    ast.NamedExpr: (":=", "assign on a line of its own"),
}
_TYPOGRAPHIC = {
    "\N{MULTIPLICATION SIGN}": "*",
    "\N{MIDDLE DOT}": "*",
    "\N{DIVISION SIGN}": "/",
    "\N{MINUS SIGN}": "-",
    "\N{EN DASH}": "-",
    "\N{SUPERSCRIPT TWO}": "**2",
    "\N{SUPERSCRIPT THREE}": "**3",
}


# What the vocabulary has and the interpreter does not perform yet.
_NOT_YET = {
    "backward": "agx calls backward() on the result itself; weights are given by --gradient",
    "manual_seed": "the seed is given by --seed",
    "print": "agx shows every value that a program makes",
}
_GROUPS_NOT_YET = {"autograd", "distribution", "init", "module", "optimizer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A checked program.

    `names` are the names that it reads without having bound them, in order of appearance, with the first place of
    each. Those that the language does not define are `free`: each needs an input. `bound` are the names that it binds.
    """

    source: str
    tree: ast.Module
    names: tuple[tuple[str, Span], ...]
    bound: frozenset[str]

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


def parse(text: str, *, source: str = "program", given: frozenset[str] = frozenset()) -> Program:
    """Parse and check a program.

    `given` are the names that have a value: they hide what the language defines under these names. `source` names the
    text in diagnostics.

    Raises:
        AgxError: the text is not a program of the subset; with the exact place.
    """
    text = normalise(text)
    _check_text(text, source)
    tree = _parse(text, source)
    spans = SpanFinder(text)
    checker = _Checker(spans, source, given)
    try:
        checker.check(tree)
    except RecursionError:
        raise _too_deep(source) from None
    return Program(source=text, tree=tree, names=tuple(checker.names.items()), bound=frozenset(checker.bound))


def normalise(text: str) -> str:
    """The text as it is parsed and shown: without common indentation and surrounding blank lines."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = textwrap.dedent(text).strip("\n")
    return text if "\n" in text else text.strip()


def _check_text(text: str, source: str) -> None:
    if len(text) > MAX_LENGTH:
        message = f"the program has {len(text):,} characters; at most {MAX_LENGTH:,} are read"
        raise bad_request("too-long", message, source=source)
    if not text.strip():
        raise bad_request("empty-program", "there is no expression", source=source, fix='write one, such as "2*x"')
    for offset, character in enumerate(text):
        place = Span.of_offsets(text, offset, offset + 1)
        if character in _TYPOGRAPHIC:
            message = f"{character} is not an operator here"
            label = f"write {_TYPOGRAPHIC[character]}"
            raise bad_request("syntax", message, source=source, span=place, label=label)
        if unicodedata.category(character) in {"Cc", "Cs", "Cf"} and character not in "\n\t\f":
            message = f"the character U+{ord(character):04X} cannot stand in a program"
            raise bad_request("syntax", message, source=source, span=place, label="remove it")


def _parse(text: str, source: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "1and 2" and the like: Python's style is not our subject
            return ast.parse(text)
    except SyntaxError as error:
        raise _syntax_error(error, text, source) from None
    except (RecursionError, MemoryError):
        raise _too_deep(source) from None
    except ValueError as error:
        raise bad_request("syntax", f"this is not a program: {error}", source=source) from None


def _too_deep(source: str) -> AgxError:
    return bad_request("too-deep", "the program is nested too deeply", source=source, fix="give parts of it names")


def _syntax_error(error: SyntaxError, text: str, source: str) -> AgxError:
    """Python's own words, at a place that is always inside the text."""
    lines = text.split("\n")
    line = min(max(error.lineno or 1, 1), len(lines))
    row = lines[line - 1]
    column = min(max((error.offset or len(row) + 1) - 1, 0), len(row))
    same_line = error.end_lineno == error.lineno and (error.end_offset or 0) - 1 > column
    end = min((error.end_offset or 0) - 1, len(row)) if same_line else column + 1
    span = Span(line=line, column=column, end_line=line, end_column=max(end, column + 1))
    message = (error.msg or "invalid syntax").split(" (")[0]
    label = None
    if "invalid decimal literal" in message or _is_number_then_name(row, column):
        message, label = "a number stands right before a name", "write * between them, as in 2*x"
    elif "Exceeds the limit" in message:
        message = "an integer has too many digits"
        if (digits := re.search(r"\d{4000,}", row)) is not None:
            span = replace(span, column=digits.start(), end_column=digits.end())
    elif "cannot assign to" in message or "Maybe you meant '=='" in message:
        label = "= gives a name a value; == compares"
    elif (called := _function_before(row, column)) is not None:
        label = f"write {called}(…)"
    return bad_request("syntax", message, source=source, span=span, label=label)


def _is_number_then_name(row: str, column: int) -> bool:
    rest = row[column:]
    before = row[:column].rstrip()
    return bool(rest[:1].isidentifier() and before[-1:].isdigit())


def _function_before(row: str, column: int) -> str | None:
    """The function whose argument stands after it without parentheses, as in `sin x`."""
    words = row[:column].split()
    is_call = bool(words) and row[column:][:1].isalnum() and vocabulary.resolve(words[-1]) is not None
    return words[-1] if is_call else None


class SpanFinder:
    """Turns the places of `ast`, which count UTF-8 bytes, into Spans, which count characters."""

    def __init__(self, text: str) -> None:
        self._lines = [None if line.isascii() else line.encode() for line in text.split("\n")]

    def of(self, node: ast.AST) -> Span:
        """The span of a node that has a place."""
        assert isinstance(node, ast.expr | ast.stmt | ast.keyword | ast.alias)
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return Span(
            line=node.lineno,
            column=self._characters(node.lineno, node.col_offset),
            end_line=node.end_lineno,
            end_column=self._characters(node.end_lineno, node.end_col_offset),
        )

    def _characters(self, line: int, byte_offset: int) -> int:
        encoded = self._lines[line - 1]
        return byte_offset if encoded is None else len(encoded[:byte_offset].decode())


class _Checker:
    """Walks the tree in the order of evaluation: refuses what is outside the subset, collects the names."""

    def __init__(self, spans: SpanFinder, source: str, given: frozenset[str]) -> None:
        self.names: dict[str, Span] = {}
        self._spans = spans
        self._source = source
        self._given = given
        self.bound: set[str] = set()
        self._depth = 0

    def check(self, tree: ast.Module) -> None:
        for statement in tree.body:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Expr():
                self._expression(node.value)
            case ast.Assign():
                self._expression(node.value)
                for target in node.targets:
                    self._target(target)
            case ast.AugAssign():
                self._expression(_as_load(node.target))
                self._expression(node.value)
                self._target(node.target)
            case ast.With():
                self._with(node)
            case ast.Import() | ast.ImportFrom():
                self._import(node)
            case ast.Pass():
                pass
            case _:
                raise self._unsupported(node)

    def _with(self, node: ast.With) -> None:
        for item in node.items:
            if grad_mode_call(item.context_expr) is None or item.optional_vars is not None:
                message = "`with` takes a grad mode here"
                fix = "write torch.no_grad(), torch.enable_grad() or torch.inference_mode()"
                raise self._error("unsupported-syntax", message, item.context_expr, fix=fix)
        for statement in node.body:
            self._statement(statement)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Imports bind nothing: they pass where what they would bind is there already under that name."""
        for alias in node.names:
            if not _is_there_already(node, alias):
                fix = "torch, torch.nn.functional as F and math are there already"
                raise self._error("unsupported-import", "this import is not available", alias, fix=fix)

    def _target(self, node: ast.expr) -> None:
        match node:
            case ast.Name():
                self._check_name(node, node.id)
                self.bound.add(node.id)
            case ast.Tuple() | ast.List():
                for element in node.elts:
                    self._target(element)
            case ast.Subscript():
                self._expression(node.value)
                self._expression(node.slice)
            case ast.Attribute():
                self._expression(node.value)
                if node.attr not in vocabulary.ASSIGNABLE_ATTRIBUTES:
                    label = did_you_mean(node.attr, vocabulary.ASSIGNABLE_ATTRIBUTES)
                    raise self._error(
                        "unknown-attribute", f"`.{node.attr}` cannot be assigned to", self._member(node), label=label
                    )
            case _:
                raise self._unsupported(node)

    def _expression(self, node: ast.expr) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _too_deep(self._source)
        match node:
            case ast.Name():
                self._read(node)
            case ast.Call():
                self._call(node)
            case ast.Attribute():
                self._attribute(node)
            case ast.Constant():
                self._constant(node)
            case _ if isinstance(node, _EXPRESSIONS):
                for child in _children(node):
                    self._expression(child)
            case _:
                raise self._unsupported(node)
        self._depth -= 1

    def _read(self, node: ast.Name) -> None:
        self._check_name(node, node.id)
        if node.id not in self.bound:
            self.names.setdefault(node.id, self._spans.of(node))

    def _constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bytes):
            raise self._error("unsupported-syntax", "bytes are not part of the language", node)

    def _attribute(self, node: ast.Attribute) -> None:
        path = self.dotted(node)
        if path is not None:
            if vocabulary.resolve(path) is None:
                raise self._unknown_member(path, node)
            return
        self._expression(node.value)
        if node.attr not in (vocabulary.ATTRIBUTES | vocabulary.RESULT_FIELDS) - {"grad_fn"}:
            raise self._unknown_attribute(node)

    def _call(self, node: ast.Call) -> None:
        if (inner := no_grad_argument(node)) is not None:
            self._expression(inner)
            return
        if isinstance(node.func, ast.Attribute) and self.dotted(node.func) is None:
            self._expression(node.func.value)
            if node.func.attr not in vocabulary.METHODS or node.func.attr in _NOT_YET:
                raise self._unknown_method(node.func)
        else:
            self._function(node.func)
        for argument in node.args:
            self._expression(argument)
        for keyword in node.keywords:
            self._keyword(keyword)

    def _function(self, node: ast.expr) -> None:
        path = self.dotted(node) if isinstance(node, ast.Attribute) else None
        if isinstance(node, ast.Name):
            self._check_name(node, node.id)
            path = node.id
            if node.id in self.bound or node.id in self._given:
                label = f"multiplication is {node.id} * (…)"
                raise self._error("not-a-function", f"`{node.id}` is a value, not a function", node, label=label)
        if path is None:
            raise self._error("not-a-function", "only functions and methods can be called", node)
        if vocabulary.resolve(path) is None or _is_not_yet(path):
            raise self._unknown_member(path, node)

    def _keyword(self, keyword: ast.keyword) -> None:
        if keyword.arg is None:
            raise self._error("unsupported-syntax", "** is not available in a call", keyword)
        if keyword.arg not in vocabulary.keywords():
            label = did_you_mean(keyword.arg, vocabulary.keywords())
            raise self._error("unknown-keyword", f"the argument `{keyword.arg}` is not available", keyword, label=label)
        self._expression(keyword.value)

    def dotted(self, node: ast.expr) -> str | None:
        """The text of `torch.nn.functional` and the like, where its first name is a namespace and not a variable."""
        pieces: list[str] = []
        while isinstance(node, ast.Attribute):
            pieces.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or not pieces:
            return None
        if node.id not in vocabulary.NAMESPACES or node.id in self.bound or node.id in self._given:
            return None
        return ".".join((node.id, *reversed(pieces)))

    def _check_name(self, node: ast.expr, name: str) -> None:
        if name.startswith("__"):
            raise self._error("refused-name", f"`{name}` is not available", node, label="names begin with a letter")

    def _unknown_member(self, path: str, node: ast.expr) -> AgxError:
        home, _, last = path.rpartition(".")
        if (reason := _NOT_YET.get(last) or vocabulary.refusal(f"{home}.{last}" if home else last)) is not None:
            message = f"`{path}` is not part of the language"
            return self._error("refused-name", message, node, fix=reason)
        if home:
            full = vocabulary.NAMESPACES.get(home, home)
            label = did_you_mean(last, vocabulary.MEMBERS.get(full, ()), prefix=f"{home}.")
            return self._error("unknown-name", f"there is no `{path}` here", node, label=label)
        label = did_you_mean(path, vocabulary.bare_names())
        return self._error("unknown-name", f"there is no function `{path}` here", node, label=label)

    def _member(self, node: ast.Attribute) -> Span:
        """The span of the name after the last dot."""
        span = self._spans.of(node)
        return Span(
            line=span.end_line,
            column=span.end_column - len(node.attr),
            end_line=span.end_line,
            end_column=span.end_column,
        )

    def _unknown_method(self, node: ast.Attribute) -> AgxError:
        name = node.attr
        if (reason := _NOT_YET.get(name) or vocabulary.refusal(f"torch.Tensor.{name}")) is not None:
            message = f"`.{name}()` is not part of the language"
            return self._error("refused-name", message, self._member(node), fix=reason)
        label = did_you_mean(name, vocabulary.METHODS, prefix=".")
        return self._error("unknown-name", f"there is no method `.{name}()` here", self._member(node), label=label)

    def _unknown_attribute(self, node: ast.Attribute) -> AgxError:
        name = node.attr
        label = (
            f"write .{name}()" if name in vocabulary.METHODS else did_you_mean(name, vocabulary.ATTRIBUTES, prefix=".")
        )
        return self._error(
            "unknown-attribute", f"there is no attribute `.{name}` here", self._member(node), label=label
        )

    def _unsupported(self, node: ast.AST) -> AgxError:
        for kind, (name, fix) in _UNSUPPORTED.items():
            if isinstance(node, kind):
                return self._error("unsupported-syntax", f"{name} is not part of the language", node, fix=fix)
        return self._error("unsupported-syntax", f"{type(node).__name__} is not part of the language", node)

    def _error(
        self, rule: str, message: str, node: ast.AST | Span, *, label: str | None = None, fix: str | None = None
    ) -> AgxError:
        span = node if isinstance(node, Span) else self._spans.of(node)
        return bad_request(rule, message, source=self._source, span=span, label=label, fix=fix)


def grad_mode_call(node: ast.expr) -> str | None:
    """`no_grad`, `enable_grad` or `inference_mode`, where the node calls one of them (also as `torch.…`)."""
    if not isinstance(node, ast.Call) or node.args or node.keywords:
        return None
    name = _name_in_torch(node.func)
    return name if name in vocabulary.GRAD_MODES else None


def no_grad_argument(node: ast.Call) -> ast.expr | None:
    """The expression of `no_grad(expression)`."""
    if _name_in_torch(node.func) == "no_grad" and len(node.args) == 1 and not node.keywords:
        return node.args[0]
    return None


def _is_not_yet(path: str) -> bool:
    operation = vocabulary.operation(vocabulary.resolve(path) or "")
    return operation is not None and operation.group in _GROUPS_NOT_YET


def _name_in_torch(node: ast.expr) -> str | None:
    match node:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="torch"), attr=name):
            return name
    return None


def _is_there_already(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> bool:
    if isinstance(node, ast.Import):
        called = alias.asname or alias.name.partition(".")[0]
        means = alias.name if alias.asname else called
        return vocabulary.NAMESPACES.get(called) == means and alias.name in vocabulary.NAMESPACES.values()
    called, means = alias.asname or alias.name, f"{node.module}.{alias.name}"
    is_constant = node.module == "math" and alias.name in vocabulary.CONSTANTS and called == alias.name
    return vocabulary.NAMESPACES.get(called) == means or vocabulary.resolve(called) == means or is_constant


def _as_load(node: ast.expr) -> ast.expr:
    match node:
        case ast.Name():
            return ast.copy_location(ast.Name(id=node.id, ctx=ast.Load()), node)
        case ast.Attribute():
            return ast.copy_location(ast.Attribute(value=node.value, attr=node.attr, ctx=ast.Load()), node)
        case ast.Subscript():
            return ast.copy_location(ast.Subscript(value=node.value, slice=node.slice, ctx=ast.Load()), node)
    return node


def _children(node: ast.expr) -> Iterator[ast.expr]:
    return (child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr))
