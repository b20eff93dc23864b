"""Rules of the family "zero and wrong value"."""

from __future__ import annotations

from autograd_cli.rules.evidence import Find

FAMILY = "zero and wrong value"
RULES: dict[str, Find] = {}
