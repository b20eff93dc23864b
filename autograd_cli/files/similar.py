"""Which file was probably meant by the name of a file that does not exist."""

from __future__ import annotations

import os
from collections.abc import Iterable

from autograd_cli.lang.suggest import did_you_mean

_MOST_ENTRIES = 5_000


def similar_file(path: str) -> str | None:
    """The question "did you mean …?" with a file of the same folder, or None where no name is close."""
    folder, name = os.path.split(path)
    return did_you_mean(name, _names_in(folder or "."), prefix=path.removesuffix(name))


def _names_in(folder: str) -> Iterable[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry, _ in zip(entries, range(_MOST_ENTRIES), strict=False)]
    except (OSError, ValueError):
        return []
