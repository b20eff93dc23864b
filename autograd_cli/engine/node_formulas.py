"""A node → the formulas of its edges, and what it saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autograd_cli.trace import Saved


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    argument: str | None
    formula: str | None
    gloss: str | None


def saved_of(node: Any) -> tuple[Saved, ...]:
    return ()


def edges_of(node: Any) -> tuple[Edge, ...]:
    return tuple([Edge(argument=None, formula=None, gloss=None) for _ in node.next_functions])
