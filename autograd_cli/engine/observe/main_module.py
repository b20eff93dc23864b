"""The module `__main__`: as Python makes it, and the text of a file, or of cells, run in it."""

from __future__ import annotations

import builtins
import contextlib
import linecache
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import BuiltinImporter, SourceFileLoader
from types import ModuleType

from autograd_cli.engine.observe.imports import MakeCode, own_code

_FILE_INPUT = 257  # Py_file_input


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A file, or a cell of a notebook as a file of its own."""

    file: str
    data: bytes
    is_cell: bool = False


def fresh_main() -> ModuleType:
    """The module before anything runs in it."""
    main = ModuleType("__main__")
    main.__loader__ = BuiltinImporter  # the class itself, as in Python
    if sys.version_info < (3, 14):
        main.__annotations__ = {}
    main.__dict__["__builtins__"] = builtins
    return main


def run_in_main(pieces: Sequence[Piece], main: ModuleType, make_code: MakeCode) -> None:
    """Run a file, or cells one after the other."""
    try:
        for piece in pieces:
            if piece.is_cell:
                main.__dict__.setdefault("display", print)  # what Jupyter gives to cells
                lines = piece.data.decode().splitlines(keepends=True)
                linecache.cache[piece.file] = (len(piece.data), None, lines, piece.file)
            else:
                main.__file__ = piece.file
                main.__dict__["__cached__"] = None
                main.__loader__ = SourceFileLoader("__main__", piece.file)
            if not _is_python(piece):
                _refuse(piece.file, main)
            exec(own_code(piece.data, piece.file, make_code), main.__dict__)  # noqa: S102 - the user's own, trusted
    finally:
        for stream in (sys.stderr, sys.stdout):
            with contextlib.suppress(Exception):
                stream.flush()


def forget_file(main: ModuleType) -> None:
    """Take out what Python takes out when a file has run: atexit callbacks do not see it."""
    for name in ("__file__", "__cached__"):
        main.__dict__.pop(name, None)


def _is_python(piece: Piece) -> bool:
    """Whether Python compiles the text, with its warnings; the SyntaxError of a cell is raised."""
    try:
        compile(piece.data, piece.file, "exec", dont_inherit=True)
    except SyntaxError:
        if piece.is_cell:
            raise
        return False
    return True


def _refuse(file: str, main: ModuleType) -> None:
    """Have Python refuse the file itself: its words sometimes differ from those for the same text."""
    import ctypes

    c_open = ctypes.CDLL(None).fopen
    c_open.argtypes, c_open.restype = [ctypes.c_char_p, ctypes.c_char_p], ctypes.c_void_p
    run = ctypes.pythonapi.PyRun_FileExFlags
    pointer, name, number, value = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.py_object
    run.argtypes, run.restype = [pointer, name, number, value, value, number, pointer], value
    path = os.fsencode(file)
    run(c_open(path, b"rb"), path, _FILE_INPUT, main.__dict__, main.__dict__, 1, None)
