"""Rules of the family "in-place"."""

from __future__ import annotations

from autograd_cli.rules.evidence import Find

FAMILY = "in-place"
RULES: dict[str, Find] = {}
