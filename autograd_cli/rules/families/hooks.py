"""Rules about hooks of the program, which replace a gradient on its way."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Severity, Span
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.optimizers import model_names
from autograd_cli.rules.evidence.passage import Passage, has_nan, is_finite, is_same, is_zero
from autograd_cli.rules.evidence.several import gradients_of, others_of
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Hooked, TensorInfo, TensorValues


def _find_stored(evidence: Evidence) -> Iterator[Diagnostic]:
    """The hooks that gave back the same gradient in every pass, though they were handed others."""
    found: dict[Span | None, dict[int, list[tuple[TensorInfo, TensorInfo]]]] = {}
    for leaf, hooked in evidence.hooked_leaves():
        handed, returned = evidence.tensor(hooked.handed), evidence.tensor(hooked.returned)
        if handed is not None and returned is not None:
            place = evidence.trace.values[hooked.returned].span
            found.setdefault(place, {}).setdefault(leaf, []).append((handed, returned))
    for span, leaves in found.items():
        stale = [leaf for leaf, pairs in leaves.items() if _is_stored(pairs)]
        if span is not None and stale:
            names = model_names(evidence, stale)
            yield Diagnostic(
                rule="changed-by-hook",
                severity=Severity.WARNING,
                message=f"{gradients_of(names)} the same in every pass: a hook returns what it has kept",
                span=span,
                label="what the hook returns takes the place of the gradient",
                victim=names[0],
                others=others_of(names),
                observed=f"{names[0]}.grad is that of an earlier pass",
                fix="let the hook return None: a lambda returns the value of its expression",
            )


def _is_stored(pairs: list[tuple[TensorInfo, TensorInfo]]) -> bool:
    """Whether several gradients that differed were all replaced by the same one, which is not zero."""
    handed, returned = zip(*pairs, strict=True)
    return (
        len(pairs) > 1
        and not is_zero(returned[0])
        and all(is_same(each, returned[0]) for each in returned)
        and not any(is_same(one, other) for one, other in itertools.pairwise(handed))
    )


def _find(evidence: Evidence) -> Iterator[Diagnostic]:
    yield from _find_hook(evidence)
    yield from _find_stored(evidence)


def _find_hook(evidence: Evidence) -> Iterator[Diagnostic]:
    """The hooks that made a gradient zero, NaN or infinite, where the gradient of a leaf became the same."""
    told: set[object] = set()
    for passage in evidence.passages:
        for visit in passage.walk.visits:
            for hooked in visit.hooked:
                found = _finding(evidence, passage, visit.node, hooked)
                if found is not None and found.span not in told:
                    told.add(found.span)
                    yield found


def _finding(evidence: Evidence, passage: Passage, node: int, hooked: Hooked) -> Diagnostic | None:
    before, returned = evidence.tensor(hooked.handed), evidence.trace.values[hooked.returned]
    after = returned.tensor
    if before is None or after is None or not is_finite(before) or is_zero(before):
        return None
    is_broken = not is_finite(after)
    if not is_broken and not is_zero(after):
        return None
    victims = _victims(evidence, passage, node, is_broken=is_broken)
    if not victims:
        return None
    state, what = ("zero", "zeros") if not is_broken else ("NaN", "NaN") if has_nan(after) else ("infinite", "infinity")
    return Diagnostic(
        rule="changed-by-hook",
        severity=Severity.ERROR if is_broken else Severity.WARNING,
        message=f"{gradients_of(victims)} {state}: a hook returned {what}, `{evidence.piece(returned.span)}`",
        span=returned.span,
        label="torch uses this instead of the gradient",
        victim=victims[0],
        others=others_of(victims),
        observed=f"{victims[0]}.grad is {state}",
        fix="return the gradient as it should be, or None to leave it as it is",
    )


def _victims(evidence: Evidence, passage: Passage, start: int, *, is_broken: bool) -> list[str]:
    """The leaves behind a node whose gradient is broken, or all zero, as is what the hook returned there."""

    def is_bad(arrived: TensorValues) -> bool:
        return not is_finite(arrived) if is_broken else is_zero(arrived)

    bad = [end for end in passage.behind(start) if all(map(is_bad, passage.arrived_at(end)))]
    names = [evidence.end_name(end) for end in sorted(bad, key=evidence.end_order) if evidence.has_name(end)]
    return [name for name in names if name is not None]


RULES: tuple[Rule, ...] = (
    Rule(
        slug="changed-by-hook",
        family=Family.ZERO,
        summary="The gradient is zero, NaN, infinite or an old one because a hook returned that in its place.",
        why="What a tensor's hook returns takes the place of the gradient, for all that comes behind it in the "
        "backward pass, and a lambda returns the value of its expression: of `seen.setdefault(name, grad)`, that is "
        "the first gradient for ever. A hook that returns None leaves the gradient as it is.",
        example="""
            x = torch.tensor([1., 2.], requires_grad=True)
            y = x * 3
            y.register_hook(lambda grad: grad * 0)
            (y ** 2).sum().backward()
            print(x.grad)
        """,
        cure="Return the gradient as it should be, or None.",
        find=_find,
        needs_walks=True,
        generality=-1,
    ),
)
