"""A Jupyter notebook → the text of its code cells, and where each of them begins. Nothing of it is run."""

from __future__ import annotations

import json
from dataclasses import dataclass

from autograd_cli.diagnostic import Cell
from autograd_cli.lang.paste import cell_lines
from autograd_cli.lang.stack import shallow_stack

SUFFIX = ".ipynb"
MAX_BYTES = 64 * 1024**2


class NotebookError(Exception):
    """Why a text is not a notebook with code: a message that goes on from the name of its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """The code of a notebook: its cells one below the other."""

    text: str
    cells: tuple[Cell, ...]


def is_notebook(text: str) -> bool:
    """Whether a text of unknown kind is a notebook."""
    return text.lstrip().startswith("{") and '"cell_type"' in text


def read_notebook(text: str) -> Notebook:
    """The code cells of a notebook that are not empty, numbered from 1.

    Raises:
        NotebookError: it is not JSON, no notebook, not in Python, or has no code.
    """
    found = _json(text)
    language = _language(found)
    if language not in {"python", ""}:
        raise NotebookError(f"is a notebook in {language}, not in Python")
    codes = [code for cell in _cells(found) if (code := _code(cell)).strip()]
    if not codes:
        raise NotebookError("is a notebook without code cells")
    rows: list[str] = []
    cells: list[Cell] = []
    for number, code in enumerate(codes, 1):
        cells.append(Cell(number=number, line=len(rows) + 1))
        rows += cell_lines(code.rstrip("\n"))
    return Notebook(text="\n".join(rows), cells=tuple(cells))


def _json(text: str) -> dict[str, object]:
    try:
        with shallow_stack():
            found = json.loads(text)
    except json.JSONDecodeError as error:
        raise NotebookError(f"is not a notebook: no JSON at {error.lineno}:{error.colno}") from None
    except (ValueError, RecursionError):
        raise NotebookError("is not a notebook: its JSON cannot be read") from None
    if not isinstance(found, dict):
        raise NotebookError("is not a notebook: it has no cells")
    return found


def _cells(notebook: dict[str, object]) -> list[object]:
    """The cells: newer formats have them at the top level, older ones in sheets."""
    sheets = notebook.get("worksheets")
    cells = notebook.get("cells")
    if isinstance(sheets, list):
        cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in _listed(sheet.get("cells"))]
    if not isinstance(cells, list):
        raise NotebookError("is not a notebook: it has no cells")
    return cells


def _code(cell: object) -> str:
    """The text of a code cell; nothing for any other."""
    if not isinstance(cell, dict) or cell.get("cell_type") != "code":
        return ""
    source = cell.get("source", cell.get("input", ""))
    text = "".join(piece for piece in _listed(source) if isinstance(piece, str)) if source else ""
    return (source if isinstance(source, str) else text).replace("\r\n", "\n").replace("\r", "\n")


def _language(notebook: dict[str, object]) -> str:
    """What the notebook is written in, in lower case; empty where it does not say."""
    metadata = notebook.get("metadata")
    for name, key in (("language_info", "name"), ("kernelspec", "language")):
        about = metadata.get(name) if isinstance(metadata, dict) else None
        language = about.get(key) if isinstance(about, dict) else None
        if isinstance(language, str):
            return language.lower()
    return ""


def _listed(found: object) -> list[object]:
    return found if isinstance(found, list) else []
