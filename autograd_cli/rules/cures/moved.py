"""A call of a method moved to where it helps."""

from __future__ import annotations

from autograd_cli.diagnostic import Edit
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.trace import Value


def earlier(evidence: Evidence, call: Value, made: int, method: str) -> tuple[Edit, ...]:
    """The call of the method, right behind the statement that made the value, and not where it was."""
    text = evidence.text
    step = evidence.step_of(call)
    names = evidence.names(made)
    bound = next((step for name in names for step, value in evidence.bindings(name) if value == made), None)
    if step is None or bound is None:
        return ()
    earlier = text.after(bound.span, f"{names[0]}.{method}")
    is_same = evidence.piece_whole(step.span).startswith(f"{names[0]}.")
    return (earlier, text.without(step.span)) if is_same and not text.is_alone(step.span) else (earlier,)
