"""All rules, by family and file: in this order `agx rules` lists them, and findings of equal rank are reported."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from autograd_cli.rules import families
from autograd_cli.rules.rule import Family, Rule


def _rules() -> list[Rule]:
    """The rows of every file of `families`: a new file needs no other to know it."""
    names = sorted(module.name for module in iter_modules(families.__path__, f"{families.__name__}."))
    return [rule for name in names for rule in getattr(import_module(name), "RULES", ())]


_ORDER = list(Family)
CATALOGUE: dict[str, Rule] = {rule.slug: rule for rule in sorted(_rules(), key=lambda rule: _ORDER.index(rule.family))}
