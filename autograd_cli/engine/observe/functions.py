"""Functions of a running program, rewritten where they stand: each keeps its identity, its closure and its defaults."""

from __future__ import annotations

import builtins
import contextlib
import inspect
import linecache
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import torch

from autograd_cli.engine.observe import helpers
from autograd_cli.engine.observe.frames import KEPT, Frame
from autograd_cli.engine.observe.maker import Observation, let_run
from autograd_cli.engine.observe.rewritten import Rewritten
from autograd_cli.engine.observe.stopping import Stopping

is_compiling = torch.compiler.is_compiling

_NO_FILE = "<string>"  # all texts that are run by exec have this name; Python 3.13 knows one of them, that of `-c`


class Functions:
    """The rewritten functions of this process. A file is read when the first of its functions is rewritten."""

    def __init__(self) -> None:
        self.is_observed = False  # whether an observation lasts: what runs in it is a part of it
        self._rewritten: Rewritten | None = None
        self._codes: dict[str, tuple[str, dict[tuple[str, int], CodeType]]] = {}  # by file: its text, and what is in it

    def rewrite(self, function: FunctionType) -> None:
        """Rewrite a function in place.

        Raises:
            OSError: its source is not available, or has changed since.
        """
        code = function.__code__
        if is_rewritten(function):
            return
        is_named = code.co_filename != _NO_FILE
        text = "".join(linecache.getlines(code.co_filename, function.__globals__)) if is_named else ""
        found = self._in_file(code.co_filename, text).get((code.co_qualname, code.co_firstlineno)) if text else None
        if found is None or found.co_freevars != code.co_freevars:
            what = "is not available" if not text else "has changed since it was run"
            raise OSError(f"the source of {function.__qualname__} {what}: {code.co_filename}")
        function.__code__ = found

    def make_code(self, text: str, name: str) -> CodeType:
        """The code of a text, such as a cell, that is to run as the top level of the program."""
        rewritten = self._begin()
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        code = rewritten.make_code(text, Path(name))
        if name in rewritten.files:  # else it was nested too deeply to be rewritten
            frame = getattr(builtins, helpers.module_frame(rewritten.files[name].number))
            assert isinstance(frame, Frame)
            rewritten.main = frame
        return code

    def _begin(self) -> Rewritten:
        if self._rewritten is None:
            self._rewritten = Rewritten()
            let_run()
        return self._rewritten

    def _in_file(self, name: str, text: str) -> dict[tuple[str, int], CodeType]:
        rewritten = self._begin()
        known = self._codes.get(name)
        if known is None or known[0] != text:
            try:
                whole = rewritten.make_code(text, Path(name))
            except SyntaxError:  # the file has changed since it was run
                return {}
            known = self._codes[name] = (
                text,
                {(each.co_qualname, each.co_firstlineno): each for each in _within(whole)},
            )
        return known[1]

    @contextlib.contextmanager
    def observation(self, stopping: Stopping | None = None, *, kept: int = KEPT) -> Iterator[Observation]:
        """An observation of the functions that run while the context lasts; its `end` is to be called inside."""
        observation = Observation(stopping, kept=kept, rewritten=self._rewritten)
        self.is_observed = True
        observation.begin_at_once()
        try:
            yield observation
        finally:
            self.is_observed = False
            observation.release()


def is_rewritten(function: FunctionType) -> bool:
    """Whether it is rewritten already, as every function of a script under `agx run` is."""
    return helpers.ENTER in function.__code__.co_names


def functions_of(thing: Any) -> list[FunctionType]:  # noqa: ANN401 - whatever is decorated
    """The function below all decorators, or those that a class defines."""
    if not isinstance(thing, type):
        below = inspect.unwrap(thing)
        return [below] if isinstance(below, FunctionType) else []
    found: list[FunctionType] = []
    for each in list(vars(thing).values()):
        members: tuple[Any, ...] = (each.fget, each.fset, each.fdel) if isinstance(each, property) else (each,)
        for member in members:
            below = inspect.unwrap(member.__func__ if isinstance(member, staticmethod | classmethod) else member)
            if isinstance(below, FunctionType) and below.__module__ == thing.__module__:
                found.append(below)
    return found


def _within(code: CodeType) -> Iterator[CodeType]:
    pending = [code]
    while pending:
        one = pending.pop()
        yield one
        pending += [each for each in one.co_consts if isinstance(each, CodeType)]


ALL = Functions()
"""Those of this process: the places of all of them stand in one text."""
