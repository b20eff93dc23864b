"""Two worlds in one process: the modules and the path that a script imports from, and our own.

A script may have a `trace.py` or a `rich/` beside it. It must not get ours, and we must not get its.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder
from pathlib import Path
from types import ModuleType


class OurWorld:
    """What the process imports from before the script begins."""

    def __init__(self) -> None:
        self._path = list(sys.path)
        self._modules: dict[str, ModuleType] = {}

    def make_way_for(self, directory: str) -> None:
        """Forget the modules that a script would find in its own directory."""
        self._modules |= _set_aside(lambda _: True, [directory])

    @contextlib.contextmanager
    def back(self, is_own: Callable[[Path], bool]) -> Iterator[None]:
        """Our modules and our path again, for a while."""

        def is_file_of_theirs(module: ModuleType) -> bool:
            file = getattr(module, "__file__", None)
            return isinstance(file, str) and is_own(Path(file))

        theirs, their_path = _set_aside(is_file_of_theirs, self._path), sys.path
        sys.modules.update(self._modules)
        sys.path = list(self._path)
        try:
            yield
        finally:
            sys.path = their_path
            for name in self._modules:
                sys.modules.pop(name, None)
            sys.modules.update(theirs)


def _set_aside(is_meant: Callable[[ModuleType], bool], path: Sequence[str]) -> dict[str, ModuleType]:
    """Take out of `sys.modules` what an import along `path` would find elsewhere, with its submodules."""
    names = {
        name
        for name, module in sys.modules.items()
        if "." not in name and is_meant(module) and _is_elsewhere(name, module, path)
    }
    aside = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in names}
    for name in aside:
        del sys.modules[name]
    return aside


def _is_elsewhere(name: str, module: ModuleType, path: Sequence[str]) -> bool:
    """Whether an import along `path` would find another file than that of the module."""
    if name == "__main__" or BuiltinImporter.find_spec(name) or FrozenImporter.find_spec(name):
        return False
    found = PathFinder.find_spec(name, path)
    if found is None or not found.has_location or found.origin is None:
        return False
    return os.path.realpath(found.origin) != os.path.realpath(getattr(module, "__file__", None) or "")
