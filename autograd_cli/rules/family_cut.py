"""Rules of the family "cut"."""

from __future__ import annotations

from autograd_cli.rules.evidence import Find

FAMILY = "cut"
RULES: dict[str, Find] = {}
