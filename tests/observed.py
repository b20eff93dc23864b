"""A program of the safe language run by Python itself, observed: the second maker of Traces, for tests."""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
import math
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from autograd_cli import rules
from autograd_cli.diagnostic import Diagnostic, Severity
from autograd_cli.engine.interpret import functions
from autograd_cli.engine.observe.frames import KEPT
from autograd_cli.engine.observe.maker import Observation, Observed
from autograd_cli.engine.observe.watching import Watching
from autograd_cli.lang.program import Program, parse
from autograd_cli.lang.scope import is_constant
from autograd_cli.lang.source import Source

_FILE = Path("program.py")


def observe(text: str, names: dict[str, Any] | None = None, *, kept: int = KEPT) -> Observed:
    """What is seen of a text that Python runs, with these names given; an exception ends it."""
    linecache.cache[str(_FILE)] = (len(text), None, text.splitlines(keepends=True), str(_FILE))
    observation = Observation(kept=kept)
    code = observation.make_code(text, _FILE)
    given = {"__name__": "__main__"} | (names or {})
    variables = dict(given)
    error = None
    with _settings():
        observation.begin()
        try:
            exec(code, variables)  # noqa: S102 - a program of a test's, and the subject is that Python runs it
        except BaseException as raised:  # noqa: BLE001 - whatever it is, it is how the program ended
            error = raised
    own = {name: value for name, value in variables.items() if name not in given or value is not given[name]}
    return observation.end(own, error)


def verdict(observed: Observed) -> tuple[Diagnostic, ...]:
    return rules.verdict(observed.trace, Source(observed.text))


def first(diagnostics: tuple[Diagnostic, ...]) -> tuple[str, int | None, str | None] | None:
    """The rule, line and victim of the first finding that is more than a note."""
    for each in diagnostics:
        if each.severity is not Severity.NOTE:
            return each.rule, None if each.span is None else each.span.line, each.victim
    return None


def of_language(text: str, *, kept: int = KEPT) -> Observed:
    """What is seen of a program of the safe language, whose bare names mean something without an import."""
    return observe(text, _vocabulary(parse(text)), kept=kept)


_WATCHED = """
watching = Watching(sys._getframe())
watching.begin()
error = None
try:
    exec(code, names)
except Exception as raised:
    error = raised
"""


def watch(text: str, names: dict[str, Any] | None = None) -> Observed:
    """What `autograd_cli.watch()` sees of a text, where nothing is rewritten.

    It is a program of the safe language unless `names` are given.
    """
    linecache.cache[str(_FILE)] = (len(text), None, text.splitlines(keepends=True), str(_FILE))
    given = {"__name__": "__main__"} | (_vocabulary(parse(text)) if names is None else names)
    variables = dict(given)
    block: dict[str, Any] = {
        "Watching": Watching,
        "sys": sys,
        "code": compile(text, str(_FILE), "exec", dont_inherit=True),
        "names": variables,
    }
    with _settings():
        exec(_WATCHED, block)  # noqa: S102 - Python is to run it, in a frame of no file
        own = {name: value for name, value in variables.items() if name not in given or value is not given[name]}
        observed: Observed = block["watching"].end(own, block["error"])
        block["watching"].leave()
    return observed


def _vocabulary(program: Program) -> dict[str, Any]:
    found: dict[str, Any] = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "math": math}
    found["optim"] = torch.optim
    for node in ast.walk(program.tree):
        full_name = program.resolved.get(id(node))
        if isinstance(node, ast.Name) and full_name is not None and not full_name.startswith("builtins."):
            with contextlib.suppress(AttributeError, AssertionError, KeyError):
                of = functions.constant_of if is_constant(full_name) else functions.function_of
                found.setdefault(node.id, of(full_name))
    return found


@contextlib.contextmanager
def _settings() -> Iterator[None]:
    """Torch as a program finds it, with the seed of agx; afterwards all is as before."""
    state, dtype = torch.get_rng_state(), torch.get_default_dtype()
    torch.manual_seed(0)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            torch.set_rng_state(state)
            torch.set_default_dtype(dtype)
