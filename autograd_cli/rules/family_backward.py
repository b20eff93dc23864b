"""Rules of the family "backward call, mode and dtype"."""

from __future__ import annotations

from autograd_cli.rules.evidence import Find

FAMILY = "backward call, mode and dtype"
RULES: dict[str, Find] = {}
