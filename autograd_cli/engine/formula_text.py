"""A formula of torch's derivative table → Python that a person can read, and the same without torch's own helpers.

The table is written in C++. What only C++ needs is left out (`_symint`, `std::move`, for real numbers `.conj()`). A
helper of torch's, whose source is not installed, is spelled out by glosses.tsv beside this file. A row of it is a call
(with `[i]` for the i-th of the gradients that a call gives together), the `when` that must hold (`keepdim=False`;
`dim=int` for any integer, `dim=dims` for one or several), and the formula or, where a formula would not be one, words.
`{dim}` stands for the value of `dim`; `.unsqueeze({dim})` puts several back. A row may name a node instead of a helper:
then it speaks of that node's edges.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from autograd_cli.lang import vocabulary

# What `when` may ask for beside a helper's parameters: whether numbers are complex at either end of the edge, and
# whether they are where the gradient arrives and not where it goes.
COMPLEX = "complex"
TO_REAL = "to_real"
ELEMENT = "i"
_CALL = re.compile(r"(\w+)\(([^)]*)\)(?:\[(\d+)\])?")

# C++ → Python, in this order.
_SPELLINGS = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"/\* *(\w+)= *\*/ *", r"\1="),
        (r"/\*.*?\*/ *", ""),
        (r"std::tuple<[^()]*>\(\)", "None"),
        (r"std::move\((\w+)\)", r"\1"),
        (r"std::get<0>\(at::_unique\((\w+), *\w+=\w+\)\)", r"\1.unique()"),
        (r"\bat::(real|imag)\((\w+)\)", r"\2.\1"),
        (r"\bat::linalg_cross\((.*), dim\)", r"linalg.cross(\1, dim=dim)"),
        (r"\bat::linalg_lu_solve\((.*), left, !adjoint\)", r"linalg.lu_solve(\1, left=left, adjoint=not adjoint)"),
        (r"\bat::linalg_(?=\w+\()", "linalg."),
        (r"(?:at::|\b)special_(?=\w+\()", "special."),
        (r"(?:at|std|c10|torch|GradMode)::", ""),
        (r"->", "."),
        (r"_symint\b", ""),
        (r"\.(?:sym_)?sizes\(\)", ".shape"),
        (r"\.sym_strides\(\)", ".stride()"),
        (r"\.sym_(size|numel)\(", r".\1("),
        (r"\.scalar_type\(\)", ".dtype"),
        (r"\.(mH|mT)\(\)", r".\1"),
        (r"\.index\((\w+)\)", r"[\1]"),
        (r"scalar_tensor\(0\., grad\.options\(\)\)", "0"),
        (r", grad\.options\(\)\)", ")"),
        (r"\bsqrt\(((?:2 \* )?)M_PI\)", r"math.sqrt(\1pi)"),
        (r"\bM_PI\b", "pi"),
        (r"\bM_LN2\b", "math.log(2)"),
        (r"\btrue\b", "True"),
        (r"\bfalse\b", "False"),
        (r"&&", " and "),
        (r"\|\|", " or "),
        (r"!(?!=)", " not "),
        (r"\{", "["),
        (r"\}", "]"),
    )
]
# What `when` may ask for beside a value. Places of both signs, `(0, -1)`, are not `dims`: their order is not known.
_KINDS: dict[str, object] = {"int": int, "dims": tuple}
_NOISE = {"contiguous", "resolve_conj", "toDouble", "toFloat", "toComplexDouble"}


class Told(NamedTuple):
    """A formula as a person reads it, and what it says without torch's helpers (None where it has none)."""

    formula: str
    gloss: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gloss:
    """A row of glosses.tsv."""

    name: str
    parameters: tuple[str, ...]
    index: int
    when: tuple[tuple[str, object], ...]
    text: str
    is_words: bool


class UnknownHelperError(Exception):
    """A helper that no row of glosses.tsv spells out."""


@functools.cache
def glosses() -> Mapping[str, tuple[Gloss, ...]]:
    """The rows of glosses.tsv by the name of what is called, in the order of the file."""
    lines = Path(__file__).with_name("glosses.tsv").read_text(encoding="utf-8").splitlines()[1:]
    found: dict[str, list[Gloss]] = {}
    for line in lines:
        call, when, formula, words = line.split("\t")
        matched = _CALL.fullmatch(call)
        assert matched is not None, call
        gloss = Gloss(
            name=matched[1],
            parameters=tuple(re.findall(r"\w+", matched[2])),
            index=int(matched[3] or 0),
            when=tuple(_condition(word) for word in when.split()),
            text=formula or words,
            is_words=not formula,
        )
        found.setdefault(gloss.name, []).append(gloss)
    return {name: tuple(rows) for name, rows in found.items()}


def _condition(word: str) -> tuple[str, object]:
    name, _, value = word.partition("=")
    return name, _KINDS[value] if value in _KINDS else ast.literal_eval(value)


def holds(gloss: Gloss, values: Mapping[str, object]) -> bool:
    """Whether a row's `when` is true of these values."""
    return all(name in values and _is(values[name], wanted) for name, wanted in gloss.when)


def _is(value: object, wanted: object) -> bool:
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if wanted is tuple:
        return _is(value, int) or (isinstance(value, tuple) and len({place < 0 for place in value}) == 1)
    return (value is None) == (wanted is None) and value == wanted


@functools.cache
def parsed(formula: str) -> ast.expr | None:
    """The formula as a Python expression, or None where it is more than a change of spelling away from one."""
    text = formula
    for pattern, replacement in _SPELLINGS:
        text = pattern.sub(replacement, text)
    try:
        return ast.parse(_with_python_conditions(text).strip(), mode="eval").body
    except SyntaxError:
        return None


def _with_python_conditions(text: str) -> str:
    """`a ? b : c` as `b if a else c`, in brackets and between commas, too."""
    pieces, start, depth = [], 0, 0
    for place, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            pieces.append(text[start:place])
            start = place + 1
    pieces.append(text[start:])
    return ",".join(map(_with_python_condition, pieces))


def _with_python_condition(text: str) -> str:
    marks: dict[str, int] = {}
    inside, depth, converted = 0, 0, []
    for character in text:
        if character in "([":
            depth += 1
            if depth == 1:
                converted.append(character)
                inside = len(converted)
                continue
        if character in ")]":
            depth -= 1
            if depth == 0:
                converted[inside:] = [_with_python_conditions("".join(converted[inside:]))]
        if depth == 0 and character in "?:":
            marks.setdefault(character, len(converted))
        converted.append(character)
    if set(marks) != {"?", ":"}:
        return "".join(converted)
    test, then, other = (
        "".join(converted[first:last]).strip()
        for first, last in ((0, marks["?"]), (marks["?"] + 1, marks[":"]), (marks[":"] + 1, None))
    )
    return f"(({then}) if {test} else ({_with_python_condition(other)}))"


def consulted(formula: str) -> frozenset[str]:
    """The arguments whose values decide what `tell` says of a formula."""
    tree = parsed(formula)
    return frozenset(_consulted(tree)) if tree is not None else frozenset()


def _consulted(tree: ast.expr) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.IfExp):
            yield from _names(node.test)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for gloss in glosses().get(node.func.id, ()):
                deciding = {name for name, _ in gloss.when} | set(re.findall(r"\{(\w+)\}", gloss.text))
                for parameter, argument in zip(gloss.parameters, _arguments(node), strict=False):
                    if parameter in deciding:
                        yield from _names(argument)


def _names(tree: ast.AST) -> Iterator[str]:
    return (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def tell(formula: str, index: int, values: Mapping[str, object]) -> Told:
    """What an entry of the table says of the `index`-th of its arguments.

    `values` are those of the operation's options, of COMPLEX and TO_REAL, and ELEMENT where the argument is a list.
    """
    tree = parsed(formula)
    if tree is None:
        return Told(formula=formula, gloss=None)
    plain = _Plain(values).visit(_copy(tree))
    text = ast.unparse(plain)
    words = _words(plain, index, values)
    if words is not None:
        return Told(formula=text, gloss=words)
    try:
        expanded = _Plain(values).visit(_Expanded(index, values).visit(_copy(plain)))
    except UnknownHelperError:
        return Told(formula=text, gloss=None)
    gloss = ast.unparse(expanded)
    return Told(formula=text, gloss=None if gloss == text or not is_plain(expanded) else gloss)


def _copy(tree: ast.expr) -> ast.expr:
    return ast.parse(ast.unparse(tree), mode="eval").body


def is_plain(tree: ast.expr) -> bool:
    """Whether an expression calls nothing but functions and methods of torch that a program may call."""
    for call in ast.walk(tree):
        match call:
            case ast.Call(func=ast.Name(name)) if vocabulary.resolve(name) is None:
                return False
            case ast.Call(func=ast.Attribute(ast.Name(home), name)) if home in vocabulary.NAMESPACES:
                if vocabulary.resolve(f"{home}.{name}") is None:
                    return False
            case ast.Call(func=ast.Attribute(attr=name)) if name not in vocabulary.METHODS:
                return False
            case ast.Attribute(attr="options"):
                return False
    return True


class _Plain(ast.NodeTransformer):
    """Leaves out what does nothing to the values: what only C++ needs, and what only complex numbers need."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute):
            name = node.func.attr
            if name in _NOISE or (name == "conj" and not self._may_be_complex(node.func.value)):
                return node.func.value
            if name == "to" and isinstance(node.args[0], ast.Attribute) and not self._values[COMPLEX]:
                return node.func.value
            node.func.attr = name.rstrip("_")
        if isinstance(node.func, ast.Name) and node.func.id == "zeros" and self._values[COMPLEX]:
            node.func = ast.Attribute(ast.Name("grad"), "new_zeros")  # zeros() would be real
        return node

    def _may_be_complex(self, tree: ast.expr) -> bool:
        is_real = isinstance(tree, ast.Name) and isinstance(self._values.get(tree.id), int | float)
        return bool(self._values[COMPLEX]) and not is_real

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if node.attr == "mH" and not self._values[COMPLEX]:
            node.attr = "mT"
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        truth = self._truth(node.test)
        if truth is None:
            return node
        return node.body if truth else node.orelse

    def _truth(self, test: ast.expr) -> bool | None:
        """Whether the test is true in an ordinary backward pass; None where that is not known."""
        match test:
            case ast.Call(func=ast.Name("is_enabled")):  # grad mode, which create_graph=True switches on
                return False
            case ast.Call(func=ast.Attribute(ast.Name("grad"), "defined")):
                return True
            case ast.Call(func=ast.Attribute(attr="is_complex" | "isComplex")):
                return bool(self._values[COMPLEX])
            case ast.Name(name) if isinstance(self._values.get(name), bool):
                return bool(self._values[name])
        return None


def _words(tree: ast.expr, index: int, values: Mapping[str, object]) -> str | None:
    """What glosses.tsv says in words of the helper that the whole formula is a call of."""
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        return None
    gloss = _gloss(tree, tree.func.id, index, values)
    return gloss.text if gloss is not None and gloss.is_words else None


def _gloss(call: ast.Call, name: str, index: int, values: Mapping[str, object]) -> Gloss | None:
    """The first row for a call that holds."""
    arguments = _arguments(call)
    for gloss in glosses().get(name, ()):
        if len(gloss.parameters) == len(arguments) and gloss.index == index:
            bound = {
                parameter: _value(argument, values)
                for parameter, argument in zip(gloss.parameters, arguments, strict=True)
                if _has_value(argument, values)
            }
            if holds(gloss, {**bound, COMPLEX: values[COMPLEX], TO_REAL: values[TO_REAL]}):
                return gloss
    return None


def _has_value(argument: ast.expr, values: Mapping[str, object]) -> bool:
    return isinstance(argument, ast.Constant) or (isinstance(argument, ast.Name) and argument.id in values)


def _value(argument: ast.expr, values: Mapping[str, object]) -> object:
    return argument.value if isinstance(argument, ast.Constant) else values[getattr(argument, "id", "")]


class _Expanded(ast.NodeTransformer):
    """Puts the formula of glosses.tsv in the place of each call of a helper.

    Raises:
        UnknownHelperError: no row holds, or only words do.
    """

    def __init__(self, index: int, values: Mapping[str, object]) -> None:
        self._index = index
        self._values = values

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if not isinstance(node.func, ast.Name) or node.func.id not in glosses():
            self.generic_visit(node)
            return node
        gloss = _gloss(node, node.func.id, self._index, self._values)
        if gloss is None or gloss.is_words:
            raise UnknownHelperError
        arguments = dict(zip(gloss.parameters, _arguments(node), strict=True))
        literals = {
            name: _value(argument, self._values)
            for name, argument in arguments.items()
            if _has_value(argument, self._values)
        }
        literals[ELEMENT] = self._values.get(ELEMENT)
        filled = _Filled(arguments, literals).visit(ast.parse(gloss.text, mode="eval").body)
        # The arguments may call helpers, too; the index was that of the outer call.
        inner: ast.AST = _Expanded(0, self._values).visit(filled)
        return inner


class _Filled(ast.NodeTransformer):
    """Puts arguments in the place of parameters, and values in the place of `{parameter}`."""

    def __init__(self, arguments: Mapping[str, ast.expr], literals: Mapping[str, object]) -> None:
        self._arguments = arguments
        self._literals = literals

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self._arguments.get(node.id, node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        match node:
            case ast.Call(func=ast.Attribute(value, "unsqueeze"), args=[ast.Set([ast.Name(name)])]):
                return self._unsqueezed(self.visit(value), self._literals[name])
        self.generic_visit(node)
        return node

    def _unsqueezed(self, value: ast.expr, places: object) -> ast.expr:
        """`value.unsqueeze(0).unsqueeze(2)` for (0, 2); places from the end are put back from the end."""
        several = places if isinstance(places, tuple) else (places,)
        for place in sorted(several, key=abs):
            value = ast.Call(ast.Attribute(value, "unsqueeze", ast.Load()), [ast.Constant(place)], [])
        return value

    def visit_Set(self, node: ast.Set) -> ast.AST:
        name = next(_names(node))
        return ast.parse(repr(self._literals[name]), mode="eval").body

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        node.value = self.visit(node.value)
        return node
