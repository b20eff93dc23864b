"""`agx schema`: the JSON Schema of what `--json` prints."""

from __future__ import annotations

import sys

from autograd_cli.cli import options

SUMMARY = "the JSON Schema of --json"


def schema(*, lang: options.Lang = None) -> None:  # noqa: ARG001 - a schema has no language
    """Print the JSON Schema of what --json prints."""
    from autograd_cli.render.formats.json_text import schema_text

    sys.stdout.write(schema_text())
