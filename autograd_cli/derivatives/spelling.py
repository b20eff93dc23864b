"""A formula of torch's derivative table → Python that a person can read, and the same without torch's own helpers.

The table is written in C++. What only C++ needs (`_symint`, `std::move`) is left out, and so is `.conj()` where numbers
are real. Helpers are spelled out by `glosses`.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from autograd_cli.derivatives.glosses import (
    COMPLEX,
    UnknownHelperError,
    arguments_of,
    expanded,
    glosses,
    names_in,
    words_for,
)
from autograd_cli.lang import vocabulary

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
        (r"\bM_PI_(2|4)\b", r"(pi / \1)"),
        (r"\bM_2_SQRTPI\b", "(2 / math.sqrt(pi))"),
        (r"\bM_SQRT2\b", "math.sqrt(2)"),
        (r"\bM_LN(2|10)\b", r"math.log(\1)"),
        (r"\btrue\b", "True"),
        (r"\bfalse\b", "False"),
        (r"&&", " and "),
        (r"\|\|", " or "),
        (r"!(?!=)", " not "),
        (r"\{", "["),
        (r"\}", "]"),
    )
]
_NOISE = {"contiguous", "resolve_conj", "toDouble", "toFloat", "toComplexDouble"}


class Told(NamedTuple):
    """A formula in readable Python, and the same without torch's helpers: None where it calls none, or unknown ones."""

    formula: str
    gloss: str | None


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
            yield from names_in(node.test)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for gloss in glosses().get(node.func.id, ()):
                deciding = {name for name, _ in gloss.when} | set(re.findall(r"\{(\w+)\}", gloss.text))
                for parameter, argument in zip(gloss.parameters, arguments_of(node), strict=False):
                    if parameter in deciding:
                        yield from names_in(argument)


def tell(formula: str, index: int, values: Mapping[str, object]) -> Told:
    """What a formula of the table says of the `index`-th of the arguments that share it.

    `values` has the operation's options, COMPLEX and TO_REAL, and as ELEMENT the place in a list of tensors, or None.
    """
    tree = parsed(formula)
    if tree is None:
        return Told(formula=formula, gloss=None)
    plain = _Plain(values).visit(_copy(tree))
    text = ast.unparse(plain)
    words = words_for(plain, index, values)
    if words is not None:
        return Told(formula=text, gloss=words)
    try:
        plainer = _Plain(values).visit(expanded(_copy(plain), index, values))
    except UnknownHelperError:
        return Told(formula=text, gloss=None)
    gloss = ast.unparse(plainer)
    return Told(formula=text, gloss=None if gloss == text or not is_plain(plainer) else gloss)


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
    """Leaves out what only C++ or only complex numbers need, and decides the conditions whose answer is known."""

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
