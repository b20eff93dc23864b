"""What bare `agx` shows: what it is, four lines to copy, the commands, and where help is."""

from __future__ import annotations

from collections.abc import Mapping

_EXAMPLES = """\
agx shows PyTorch's autograd at work, with real gradients. Four lines to try:
  agx grad "x**2" --x 1,2,3      the gradient of an expression
  agx explain train.py           where a file loses its gradients, and why
  agx explain --detach           one of ten lessons; agx lessons lists them
  agx compare "x**2" --x 3       under no_grad, detach and the other modes
"""
_HELP = "agx COMMAND --help shows options, examples and exit codes.\n"
_COLUMN = 40
_NAME = 9


def welcome(summaries: Mapping[str, str]) -> str:
    """The first screen, at most 80 columns wide; `summaries` are those of the commands."""
    cells = [f"{name:{_NAME}}{summary}" for name, summary in summaries.items()]
    half = (len(cells) + 1) // 2
    rows = [f"{left:{_COLUMN}}{right}".rstrip() for left, right in zip(cells[:half], [*cells[half:], ""], strict=False)]
    return "\n".join([_EXAMPLES, *rows, _HELP])
