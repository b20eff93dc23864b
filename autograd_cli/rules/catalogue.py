"""All rules, in the order in which `agx rules` lists them and findings of one rank are told."""

from __future__ import annotations

from autograd_cli.rules.families import (
    backward,
    cut,
    in_place,
    leaf,
    limits,
    nan,
    programs,
    requests,
    symptoms,
    zero,
)
from autograd_cli.rules.rule import Rule

_FAMILIES = (leaf, cut, in_place, backward, nan, zero, symptoms, programs, requests, limits)
CATALOGUE: dict[str, Rule] = {rule.slug: rule for family in _FAMILIES for rule in family.RULES}
