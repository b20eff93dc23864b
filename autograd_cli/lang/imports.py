"""What an import binds: names of the vocabulary. Nothing is imported; other modules are told apart by what to do."""

from __future__ import annotations

import ast

from autograd_cli.lang import vocabulary

# Modules that programs often import and do not need for what agx runs: their names are refused where they are used.
_HARMLESS = frozenset(
    """
    numpy matplotlib pandas scipy sklearn torchvision tqdm random time copy typing warnings collections itertools
    functools dataclasses __future__ torchviz seaborn
    """.split()
)


def binds(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> tuple[str, str | None] | None:
    """The name that one clause of an import binds and the full name that it stands for.

    The full name is None for a module that is not here and may yet be imported, as long as it is not used. None
    instead of a pair: this import is refused.
    """
    if isinstance(node, ast.Import):
        called = alias.asname or alias.name.partition(".")[0]
        means = alias.name if alias.asname else called
        is_known = alias.name in vocabulary.MODULES
    else:
        called, means = alias.asname or alias.name, f"{node.module}.{alias.name}"
        is_known = not node.level and (means in vocabulary.MODULES or vocabulary.resolve(means) is not None)
    if is_known:
        return called, means
    top = (alias.name if isinstance(node, ast.Import) else node.module or "").partition(".")[0]
    return (called, None) if top in _HARMLESS and called != "*" else None
