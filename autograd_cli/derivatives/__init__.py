"""The derivative table of the installed torch, its formulas spelled for people. Nothing here imports torch."""
