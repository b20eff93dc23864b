"""All rules: each finds one cause of a broken gradient, and documents it in its docstring."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass

from autograd_cli.rules import family_backward, family_cut, family_in_place, family_leaf, family_nan, family_zero
from autograd_cli.rules.evidence import Find


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A cause: its slug, its family, and the function that finds it in a run."""

    slug: str
    family: str
    find: Find

    @property
    def documentation(self) -> str:
        """What it means, why torch does so, a minimal program, how to fix it."""
        return inspect.getdoc(self.find) or ""


def _rules() -> Iterator[Rule]:
    for module in (family_leaf, family_cut, family_in_place, family_backward, family_nan, family_zero):
        for slug, find in module.RULES.items():
            yield Rule(slug=slug, family=module.FAMILY, find=find)


CATALOGUE: dict[str, Rule] = {rule.slug: rule for rule in _rules()}
