"""The user's own files are compiled by a function of ours; the rest of an import is Python's."""

from __future__ import annotations

import _imp
import contextlib
import re
import warnings
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from importlib.util import decode_source
from pathlib import Path
from types import CodeType

from autograd_cli.engine.observe.tracebacks import disguised

INSTALLED = frozenset({"site-packages", "dist-packages"})
"""The directories of installed packages, whose files are not the user's own."""

MakeCode = Callable[[str, Path], CodeType]
IsOwn = Callable[[Path], bool]

_IMPORTLIB = "<frozen importlib._bootstrap_external>"


def compile_own_files(make_code: MakeCode, is_own: IsOwn) -> None:
    """From here on each file of the user's own that is imported, in whichever way, is compiled by `make_code`.

    Python compiles it first, so that its cached bytecode, its warnings and its syntax errors are the usual ones. The
    loader and the finder of a module stay the same, too, so it does not matter how it was found: by the path, as a
    package installed as editable, by `runpy` or `spec_from_file_location`.
    """
    as_ever = SourceFileLoader.get_code

    def get_code(loader: SourceFileLoader, name: str) -> CodeType | None:
        code = as_ever(loader, name)
        file = loader.get_filename(name)
        if code is None or not is_own(Path(file)):
            return code
        return own_code(loader.get_data(file), file, make_code)

    # Python leaves frames of importlib out of the traceback of an import; it is to leave this one out, too.
    get_code.__code__ = get_code.__code__.replace(co_filename=_IMPORTLIB)
    disguised.add(get_code.__code__)
    SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]


def own_code(data: bytes, file: str, make_code: MakeCode) -> CodeType:
    """The code that `make_code` makes of a file, which Python has compiled before."""
    with _warned_before(file):
        code = make_code(decode_source(data), Path(file))
    if code.co_filename != file:  # pathlib shortens it, Python does not; importlib does the same for moved files
        _imp._fix_co_filename(code, file)  # type: ignore[attr-defined]  # noqa: SLF001 - as importlib does
    return code


@contextlib.contextmanager
def _warned_before(file: str) -> Iterator[None]:
    """Keep back the warnings about the text of a file: Python gave them when it compiled it.

    `catch_warnings` would make Python forget which of the script's own warnings were shown, and hold for all threads.
    """
    name = re.compile(re.escape(file.removesuffix(".py")) + r"\Z")
    ignored = ("ignore", None, Warning, name, 0)
    warnings.filters.insert(0, ignored)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        warnings.filters.remove(ignored)  # type: ignore[attr-defined]
