"""A rewritten file does what it did: Python's own tests say so, and the stack is as high as the text says."""

from __future__ import annotations

import ast
import builtins
import importlib.util
import io
import types
import unittest
from pathlib import Path
from typing import Any

import pytest

from autograd_cli.engine.observe import helpers
from autograd_cli.engine.observe.rewriting import Rewriter
from autograd_cli.engine.observe.silent import SILENT
from autograd_cli.engine.observe.sites import Kind, Site, Source
from thorough import THOROUGH

# Python's own tests of what is rewritten: expressions, statements, scopes, generators, coroutines, classes.
PYTHONS = [
    *("grammar", "generators", "named_expressions", "with", "augassign", "super", "unpack_ex"),
    *(("patma", "coroutines", "asyncgen", "descr", "exceptions", "fstring", "dataclasses") if THOROUGH else ()),
]
# Tests that see what rewriting adds: a local variable, and one more call on the stack.
NOT_THE_SAME = {"test_funcdef", "test_recursion_in_except_handler"}
BRANCHING = {Kind.CHOICE, Kind.COMPARISON}


class Heights:
    """Stands in for the recorder: keeps the stacks, and notes each that is not as high as its place says."""

    def __init__(self) -> None:
        self.sites: list[Site] = []
        self.wrong: list[tuple[Site, int]] = []

    def take(self, frame: list[object], number: int) -> None:
        site = self.sites[number]
        needed = site.depth + sum(each.source in {Source.STACK, Source.CALLEE} for each in site.operands)
        is_right = len(frame) == needed or needed == site.depth <= len(frame)
        if not is_right and site.kind not in BRANCHING:
            self.wrong.append((site, len(frame)))
        del frame[site.depth :]

    def value(self, frame: list[object], number: int, value: Any, *_: object) -> Any:
        self.take(frame, number)
        frame.append(None)
        return value

    def taken(self, frame: list[object], number: int, value: Any, *_: object) -> Any:
        self.take(frame, number)
        return value

    def callee(self, frame: list[object], number: int, function: Any) -> Any:
        del frame[self.sites[number].called_at :]
        frame.append(None)
        return function

    def round(self, frame: list[object], *_: object) -> bool:
        frame.clear()
        return True

    def generate(self, frame: list[object], number: int, through: Any, *_: object) -> Any:
        self.take(frame, number)
        return (([], through),)

    def helpers(self) -> dict[str, Any]:
        values = dict.fromkeys((helpers.VALUE, helpers.NAME, helpers.CONSTANT), self.value)
        ends = (helpers.RESULT, helpers.ASSIGN, helpers.BOUND, helpers.ITERATE, helpers.CONTEXT, helpers.RETURN)
        return {
            **SILENT,
            **values,
            **dict.fromkeys(ends, self.taken),
            helpers.CALLEE: self.callee,
            helpers.STATEMENT: self.round,
            helpers.ROUND: self.round,
            helpers.GENERATE: self.generate,
        }


@pytest.fixture
def heights(monkeypatch: pytest.MonkeyPatch) -> Heights:
    found = Heights()
    for name, helper in found.helpers().items():
        monkeypatch.setattr(builtins, name, helper, raising=False)
    monkeypatch.setattr(builtins, helpers.module_frame(0), [], raising=False)
    return found


def rewritten(text: str, file: str, sites: list[Site]) -> types.CodeType:
    tree = ast.parse(text, file)
    new = Rewriter(text, tree, sites, helpers.module_frame(0)).rewrite(tree)
    code: types.CodeType = compile(new, file, "exec", dont_inherit=True)
    return code


@pytest.mark.parametrize("name", PYTHONS)
def test_pythons_own_tests_pass(heights: Heights, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.find_spec(f"test.test_{name}")
    if spec is None or spec.origin is None:
        pytest.skip("this Python comes without its tests")
    module = types.ModuleType(spec.name)
    module.__file__, module.__spec__, module.__package__ = spec.origin, spec, "test"
    monkeypatch.setitem(__import__("sys").modules, spec.name, module)
    text = Path(spec.origin).read_text(encoding="utf-8")
    exec(rewritten(text, spec.origin, heights.sites), vars(module))  # noqa: S102 - Python's own tests, rewritten
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    result = unittest.TextTestRunner(stream=io.StringIO()).run(suite)
    failed = {test._testMethodName for test, _ in [*result.failures, *result.errors]}  # noqa: SLF001 - unittest has no other name for it
    assert result.testsRun
    assert failed <= NOT_THE_SAME
    assert not heights.wrong


FUNCTIONS = {
    "the names of a function": "def f(a):\n    b = a + 1\n    return sorted(locals())\nout = f(1)",
    "names that a class mangles": "class A:\n    __x = 2\n    def f(self):\n        return self.__x * 3\nout = A().f()",
    "an element written once": (
        "calls = []\ndef at(i):\n    calls.append(i)\n    return i\nxs = [1, 2, 3]\nxs[at(1)] += at(5)\nout = xs, calls"
    ),
    "a slice written once": "xs = [1, 2, 3, 4]\nxs[1:3] += [9]\nout = xs",
    "a generator that outlives its loop": "g = (x * 2 for x in range(3))\nout = next(g) + next(g), list(g)",
    "a lambda in what a comprehension goes through": "out = [y for y in map(lambda x: x + 1, [1, 2])]",
    "a closure over a loop": "fs = [lambda k=k: k * 2 for k in range(3)]\nout = [f() for f in fs]",
    "choices that are not evaluated": (
        "def no():\n    raise ValueError\nout = (1 or no()), (0 and no()), 3 if True else no()"
    ),
    "a chain of comparisons": "def no():\n    raise ValueError\nout = 3 < 2 < no()",
    "defaults": "def f(a, b=[1] + [2], *c, d={'x': 1 + 1}, **e):\n    return a, b, c, d, e\nout = f(1, k=2)",
}


@pytest.mark.parametrize("text", FUNCTIONS.values(), ids=FUNCTIONS)
def test_it_computes_the_same(heights: Heights, text: str) -> None:
    plain: dict[str, Any] = {}
    exec(compile(text, "plain.py", "exec"), plain)  # noqa: S102 - the text stands above
    observed: dict[str, Any] = {}
    exec(rewritten(text, "plain.py", heights.sites), observed)  # noqa: S102 - the text stands above, rewritten
    assert observed["out"] == plain["out"]
    assert {name for name in observed if not name.startswith("__b")} == {n for n in plain if not n.startswith("__b")}
    assert not heights.wrong
