"""Rules of the family "leaf"."""

from __future__ import annotations

from autograd_cli.rules.evidence import Find

FAMILY = "leaf"
RULES: dict[str, Find] = {}
