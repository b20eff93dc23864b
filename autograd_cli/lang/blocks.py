"""The blocks of a program: nested lists of statements. There are far fewer of them than there are expressions."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator


def blocks(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    """All blocks, the outermost first. Whoever gets a block may change it before asking for the next."""
    pending: deque[ast.AST] = deque([tree])
    while pending:
        for block in _blocks_of(pending.popleft()):
            yield block
            pending.extend(block)


def statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """All statements, those inside others too."""
    for block in blocks(tree):
        yield from block


def _blocks_of(node: ast.AST) -> Iterator[list[ast.stmt]]:
    parts = [node, *getattr(node, "handlers", ()), *getattr(node, "cases", ())]
    for part in parts:
        for field in ("body", "orelse", "finalbody"):
            block = getattr(part, field, None)
            if isinstance(block, list):
                yield block
