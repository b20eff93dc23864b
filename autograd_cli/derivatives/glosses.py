"""What torch's C++ helpers compute, as plain formulas or in words: the rows of glosses.tsv, put in place of the calls.

The source of these helpers is not installed, so each row spells one out. A row has the call (with `[i]` for the i-th of
the gradients that it returns), the conditions `when` under which the row applies (`keepdim=False`; `dim=int` for any
integer, `dim=dims` for one or several, `min=number`; `torch=2.14` for torch 2.14 and later), and a formula or, where no
plain formula exists, words. `{dim}` stands for the value of `dim`; `.unsqueeze({dim})` puts back several dimensions
where `dim` has several. A row may name a node instead of a helper: then it describes the edges of that node.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

# Conditions of `when` beside a helper's parameters. COMPLEX: the gradient is complex where it arrives at the node, or
# where it leaves along any edge. TO_REAL: it is complex where it arrives, and real where it leaves along this edge.
COMPLEX = "complex"
TO_REAL = "to_real"
ELEMENT = "i"
_CALL = re.compile(r"(\w+)\(([^)]*)\)(?:\[(\d+)\])?")

# What a condition may have instead of a value. `(0, -1)` is not `dims`: the order of dims of both signs is not known.
_KINDS: dict[str, object] = {"int": int, "dims": tuple, "number": float}


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
    """A call of a helper that glosses.tsv has no formula for."""


@functools.cache
def glosses() -> Mapping[str, tuple[Gloss, ...]]:
    """The rows of glosses.tsv by the name of what is called, in the order of the file."""
    lines = Path(__file__).with_name("glosses.tsv").read_text(encoding="utf-8").splitlines()[1:]
    found: dict[str, list[Gloss]] = {}
    for line in lines:
        call, when, formula, words = line.split("\t")
        matched = _CALL.fullmatch(call)
        assert matched is not None, call
        since, conditions = _since(when)
        if _installed() < since:
            continue
        gloss = Gloss(
            name=matched[1],
            parameters=tuple(re.findall(r"\w+", matched[2])),
            index=int(matched[3] or 0),
            when=tuple(map(_condition, conditions)),
            text=formula or words,
            is_words=not formula,
        )
        found.setdefault(gloss.name, []).append(gloss)
    return {name: tuple(rows) for name, rows in found.items()}


def _since(when: str) -> tuple[tuple[int, ...], list[str]]:
    """The first version of torch that a row is true of, and the row's other conditions."""
    words = when.split()
    versions = [word.removeprefix("torch=") for word in words if word.startswith("torch=")]
    return _numbers(versions[0]) if versions else (), [word for word in words if not word.startswith("torch=")]


@functools.cache
def _installed() -> tuple[int, ...]:
    from importlib.metadata import version

    return _numbers(version("torch"))


def _numbers(version: str) -> tuple[int, ...]:
    """The first two numbers of a version."""
    return tuple(int(number) for number in version.split(".")[:2])


def _condition(word: str) -> tuple[str, object]:
    name, _, value = word.partition("=")
    return name, _KINDS[value] if value in _KINDS else ast.literal_eval(value)


def holds(gloss: Gloss, values: Mapping[str, object]) -> bool:
    """Whether a row's `when` is true of these values."""
    return all(name in values and _is(values[name], wanted) for name, wanted in gloss.when)


def _is(value: object, wanted: object) -> bool:
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if wanted is float:
        return isinstance(value, int | float)
    if wanted is tuple:
        return _is(value, int) or (isinstance(value, tuple) and len({place < 0 for place in value}) == 1)
    return (value is None) == (wanted is None) and value == wanted


def names_in(tree: ast.AST) -> Iterator[str]:
    """The names that an expression reads."""
    return (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


def arguments_of(call: ast.Call) -> list[ast.expr]:
    """The arguments of a call, those by keyword last."""
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def words_for(tree: ast.expr, index: int, values: Mapping[str, object]) -> str | None:
    """The words of glosses.tsv, where the whole formula is one call of a helper that has words instead of a formula."""
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        return None
    gloss = _gloss(tree, tree.func.id, index, values)
    return gloss.text if gloss is not None and gloss.is_words else None


def _gloss(call: ast.Call, name: str, index: int, values: Mapping[str, object]) -> Gloss | None:
    """The first row of glosses.tsv that applies to a call."""
    arguments = arguments_of(call)
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


def expanded(tree: ast.expr, index: int, values: Mapping[str, object]) -> ast.AST:
    """The expression with the formula of glosses.tsv in the place of each call of a helper.

    Raises:
        UnknownHelperError: no row applies to a call of a helper, or the first that does has only words.
    """
    spelled: ast.AST = _Expanded(index, values).visit(tree)
    return spelled


class _Expanded(ast.NodeTransformer):
    """Puts the formula of glosses.tsv in the place of each call of a helper, or raises UnknownHelperError."""

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
        arguments = dict(zip(gloss.parameters, arguments_of(node), strict=True))
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
        """`value.unsqueeze(0).unsqueeze(2)` for (0, 2); negative dims are put back from the end, -1 first."""
        several = places if isinstance(places, tuple) else (places,)
        for place in sorted(several, key=abs):
            value = ast.Call(ast.Attribute(value, "unsqueeze", ast.Load()), [ast.Constant(place)], [])
        return value

    def visit_Set(self, node: ast.Set) -> ast.AST:
        name = next(names_in(node))
        return ast.parse(repr(self._literals[name]), mode="eval").body

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        node.value = self.visit(node.value)
        return node
