"""Rules of the family "NaN and inf"."""

from __future__ import annotations

from autograd_cli.rules.evidence import Find

FAMILY = "NaN and inf"
RULES: dict[str, Find] = {}
