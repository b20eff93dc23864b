"""All that a program needs and agx does not run, told as one error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autograd_cli.diagnostic import AgxError, Diagnostic, Related

_MOST_PLACES = 12


class OutsideError(AgxError):
    """Something that torch or Python has and agx does not run; `kind` names it in a list of such things."""

    def __init__(self, diagnostic: Diagnostic, kind: str) -> None:
        super().__init__(diagnostic)
        self.kind = kind


def together(errors: Sequence[AgxError]) -> AgxError:
    """The errors of one program as one: the first of what agx does not run with the places of all others.

    Where there is none of these, the first error: a name that is misspelt, say.
    """
    outside = [error for error in errors if isinstance(error, OutsideError)]
    if not outside:
        return errors[0]
    outside.sort(key=lambda error: (_line(error), error.diagnostic.span is None))
    first, *others = outside
    kinds = list(dict.fromkeys(error.kind for error in outside))
    related = tuple(_place(error) for error in others if error.diagnostic.span is not None)
    fixes = dict.fromkeys(error.diagnostic.fix for error in outside if error.diagnostic.fix)
    lines = [*fixes, *([_sum(kinds)] if len(kinds) > 1 else [])]
    return AgxError(
        replace(first.diagnostic, related=related[:_MOST_PLACES], fix="\n".join(lines) or None), first.status
    )


def _line(error: AgxError) -> int:
    return 0 if error.diagnostic.span is None else error.diagnostic.span.line


def _place(error: OutsideError) -> Related:
    assert error.diagnostic.span is not None
    return Related(span=error.diagnostic.span, label=error.diagnostic.label or error.diagnostic.message)


def _sum(kinds: Sequence[str]) -> str:
    return f"this program needs {len(kinds)} things that agx does not run: {', '.join(kinds)}"
