"""The safe language: agx walks the checked tree itself, and records each value as it is computed."""
