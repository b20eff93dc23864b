"""A cell of a live notebook, run among the notebook's own names."""

from __future__ import annotations

from types import CodeType
from typing import Any


def run_cell(code: CodeType, names: dict[str, Any]) -> BaseException | None:
    """Run the code of a cell; the exception that ended it, if one did."""
    try:
        exec(code, names)  # noqa: S102 - the user's own, trusted
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is told of, and raised again by the caller
        return error
    return None
