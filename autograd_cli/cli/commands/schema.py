"""`agx schema`: the JSON Schema of what `--json` prints."""

from __future__ import annotations

import sys


def schema() -> None:
    """Print the JSON Schema of what --json prints."""
    from autograd_cli.render.json_text import schema_text

    sys.stdout.write(schema_text())
