"""Torch's own table of derivatives, as the installed torch has it: its formulas, spelled for people. No torch."""
