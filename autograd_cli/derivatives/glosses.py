"""What torch's helpers compute, in plain formulas or words: the rows of glosses.tsv, and how one takes a call's place.

A helper of torch's, whose source is not installed, is spelled out by a row. A row is a call (with `[i]` for the i-th of
the gradients that a call gives together), the `when` that must hold (`keepdim=False`; `dim=int` for any integer,
`dim=dims` for one or several, `min=number`; `torch=2.14` for a torch from that version on), and the formula or, where a
formula would not be one, words. `{dim}` stands for the
value of `dim`; `.unsqueeze({dim})` puts several back. A row may name a node instead of a helper: then it speaks of that
node's edges.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

# What `when` may ask for beside a helper's parameters: whether numbers are complex at either end of the edge, and
# whether they are where the gradient arrives and not where it goes.
COMPLEX = "complex"
TO_REAL = "to_real"
ELEMENT = "i"
_CALL = re.compile(r"(\w+)\(([^)]*)\)(?:\[(\d+)\])?")

# What `when` may ask for beside a value. Places of both signs, `(0, -1)`, are not `dims`: their order is not known.
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
    """The version of torch from which on a row is true, and its other conditions."""
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
    """What glosses.tsv says in words of the helper that the whole formula is a call of."""
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        return None
    gloss = _gloss(tree, tree.func.id, index, values)
    return gloss.text if gloss is not None and gloss.is_words else None


def _gloss(call: ast.Call, name: str, index: int, values: Mapping[str, object]) -> Gloss | None:
    """The first row for a call that holds."""
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
        UnknownHelperError: no row holds, or only words do.
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
        """`value.unsqueeze(0).unsqueeze(2)` for (0, 2); places from the end are put back from the end."""
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
