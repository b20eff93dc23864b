"""Every rule that agx can name has a page, and every page is of a rule that agx names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import autograd_cli
from autograd_cli.rules import CATALOGUE
from autograd_cli.rules.rule import Rule
from told import SCRIPTS, told_in


@cache
def nodes() -> tuple[ast.AST, ...]:
    """All that the package is written of: parsed where a test asks, and not in each process that collects tests."""
    files = sorted(Path(autograd_cli.__file__).parent.rglob("*.py"))
    return tuple(node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8"))))


def places_of_rule() -> dict[str, set[int]]:
    """The functions that take a `rule`, each with its places among the arguments."""
    found: dict[str, set[int]] = {}
    for node in nodes():
        if isinstance(node, ast.FunctionDef):
            names = [each.arg for each in (*node.args.posonlyargs, *node.args.args) if each.arg != "self"]
            if "rule" in names:
                found.setdefault(node.name, set()).add(names.index("rule"))
    return found


def written(node: ast.expr) -> Iterator[str]:
    """The texts that an expression can be, as far as they are written there."""
    match node:
        case ast.Constant(value=str() as text):
            yield text
        case ast.IfExp(body=body, orelse=other):
            yield from written(body)
            yield from written(other)


def said_in_calls() -> Iterator[str]:
    places = places_of_rule()
    for node in nodes():
        match node:
            case ast.Call(func=ast.Name(id="limit_reached"), args=[limit, *_]):
                yield from (f"limit-{text.replace('_', '-')}" for text in written(limit))
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args):
                for place in places.get(name, ()):
                    yield from written(args[place]) if place < len(args) else ()
            case ast.keyword(arg="rule", value=value) | ast.Assign(targets=[ast.Name(id="rule")], value=value):
                yield from written(value)


def said_by_default() -> Iterator[str]:
    for node in nodes():
        if isinstance(node, ast.FunctionDef):
            for each, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
                if each.arg == "rule" and default is not None:
                    yield from written(default)


SCRIPTED = {told.rule for each in SCRIPTS if (told := told_in(each)) is not None}


@cache
def said() -> frozenset[str]:
    """A text with a space in it is no slug: it is the message that another function of the same name takes."""
    return frozenset(slug for slug in (*said_in_calls(), *said_by_default()) if " " not in slug)


def test_whatever_agx_says_has_a_page() -> None:
    assert {"torch-refused", "not-watched", "usage", "bad-line", "unsupported-import", "limit-steps"} < said()
    assert said() - CATALOGUE.keys() == set()


@pytest.mark.parametrize("rule", CATALOGUE.values(), ids=CATALOGUE)
def test_a_page_is_whole_and_of_something_that_agx_says(rule: Rule) -> None:
    assert rule.summary
    assert rule.why
    assert rule.cure
    # The language has no classes: what only a script with one can do is shown by a script.
    assert rule.slug in said() if rule.find is None else rule.example or rule.slug in SCRIPTED
