"""Parts of a gradient that cancel one another where they meet, but for rounding errors, in every pass."""

from __future__ import annotations

import math
from dataclasses import dataclass

from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.passage import NEGLIGIBLE, Departure, Passage, is_finite, norm
from autograd_cli.rules.evidence.traits import Trait, has
from autograd_cli.trace import Value

_ALIKE = 1e-4  # how far from one another two ways of computing one number may come out


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The leaves whose gradient cancels: `largest` is the norm of one part, `left` that of the sum.

    `fork` is the operation at which the ways of the two largest parts begin to differ.
    """

    victims: tuple[str, ...]
    fork: Value
    largest: float
    left: float


def find_cancelled(evidence: Evidence) -> Cancelled | None:
    """The leaves whose gradient cancels in all passes that reach them."""
    found: dict[str, list[tuple[Passage, int] | None]] = {}
    for passage in [each for each in evidence.passages if each.walk.backward is not None]:
        for end in sorted(passage.ends, key=evidence.end_order):
            name = evidence.end_name(end)
            if name is None or not evidence.has_name(end):
                continue
            found.setdefault(name, []).append((passage, end) if _is_cancelled(passage, end) else None)
    victims = {name: each for name, each in found.items() if None not in each}
    for turns in victims.values():
        passage, end = max((each for each in turns if each is not None), key=lambda each: _left(*each))
        if not _left(passage, end):
            continue  # exactly 0 in every pass, as at a minimum: another rule says so
        fork = _fork(evidence, passage, end)
        if fork is not None:
            parts = [norm(each.gradient) for each in passage.into[end] if each.gradient is not None]
            return Cancelled(victims=tuple(victims), fork=fork, largest=max(parts), left=_left(passage, end))
    return None


def _is_cancelled(passage: Passage, end: int) -> bool:
    parts = [each.gradient for each in passage.into.get(end, ()) if each.gradient is not None]
    if len(parts) < 2 or not all(map(is_finite, parts)):  # noqa: PLR2004 - one has nothing to meet
        return False
    largest = max(map(norm, parts))
    return largest > 0 and _left(passage, end) <= NEGLIGIBLE * largest


def _left(passage: Passage, end: int) -> float:
    """The norm of what arrives at the leaf."""
    return math.hypot(*map(norm, passage.arrived_at(end)))


def _fork(evidence: Evidence, passage: Passage, end: int) -> Value | None:
    """The nearest operation from which both of the two largest parts came, on different ways, if it made them equal."""
    parts = sorted(passage.into[end], key=lambda each: -_size(each))
    node = passage.fork(parts[0], parts[1])
    fork = None if node is None else evidence.trace.values[passage.nodes[node].value]
    return fork if fork is not None and _compares_the_same(evidence, fork) else None


def _compares_the_same(evidence: Evidence, fork: Value) -> bool:
    """Whether it is a difference or a quotient of equal numbers.

    Other parts cancel, too, where a training has come to its minimum: those of the samples, or of two terms of a loss.
    """
    if not has(fork.stem, Trait.DIFFERENCE, Trait.DIVISION) or len(fork.operands) < 2:  # noqa: PLR2004 - it has two
        return False
    one, other = (evidence.tensor(each) for each in fork.operands[:2])
    if one is None or other is None or one.numel != other.numel:
        return False
    if one.values is None or other.values is None:
        return math.isclose(norm(one), norm(other), rel_tol=_ALIKE)
    apart = max((abs(a - b) for a, b in zip(one.values, other.values, strict=True)), default=0.0)
    return apart <= _ALIKE * max(map(abs, one.values), default=0.0)


def _size(departure: Departure) -> float:
    return 0.0 if departure.gradient is None else norm(departure.gradient)
