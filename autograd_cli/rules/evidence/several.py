"""How a finding names the leaves that share one cause: one or two by name, of more the first and how many more."""

from __future__ import annotations

from collections.abc import Sequence

_BOTH = 2


def several(names: Sequence[str]) -> str:
    """`w`, `w and b`, `net.0.weight and 3 more`."""
    names = list(dict.fromkeys(names))
    if len(names) <= _BOTH:
        return " and ".join(names)
    return f"{names[0]} and {len(names) - 1} more"


def gradients_of(names: Sequence[str]) -> str:
    """The same as the subject of a sentence, with its verb: `the gradients of w and b are`."""
    is_one = len(set(names)) == 1
    return f"the gradient{'' if is_one else 's'} of {several(names)} {'is' if is_one else 'are'}"


def others_of(names: Sequence[str]) -> tuple[str, ...]:
    """All but the first."""
    return tuple(dict.fromkeys(names))[1:]
