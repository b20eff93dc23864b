"""The rule of gradients that one pass leaves behind, where another adds to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autograd_cli.diagnostic import Diagnostic, Severity
from autograd_cli.rules.causes import accumulation
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.optimizers import model_names
from autograd_cli.rules.evidence.several import others_of, several
from autograd_cli.rules.evidence.symptoms import Pass, own_passes, places
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Kind, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class _LeftOver:
    """What the pass `left` gave `leaves`, beside the leaf `wanted`, was still there when the pass `adds` came.

    `used` is what used the gradient of the wanted one in between, and `update` what used the sum of the others.
    """

    left: Pass
    adds: Pass
    wanted: int
    used: Value
    update: Value
    leaves: list[int]


def _find_left_over(evidence: Evidence) -> Iterator[Diagnostic]:
    found = _left_over(evidence)
    if found is None or found.left.call is None or found.adds.call is None:
        return
    names = model_names(evidence, found.leaves)
    (wanted,) = model_names(evidence, [found.wanted])
    pronoun = "it" if len(names) == 1 else "them"
    is_updated = found.used.kind is Kind.STEP
    yield Diagnostic(
        rule="gradient-left-over",
        severity=Severity.WARNING,
        message=f"the step of {several(names)} also follows `{evidence.piece(found.left.call.span)}`, which was for "
        f"{wanted}: what it gave {pronoun} was not reset",
        span=found.left.call.span,
        label=f"gives {wanted} its gradient, and {several(names)}, too",
        related=places(
            (found.used.span, f"uses that of {wanted}"),
            (found.adds.call.span, "adds to what was left"),
            (found.update.span, "uses the sum"),
        ),
        victim=names[0],
        others=others_of(names),
        observed=f"{names[0]}.grad is the sum of two losses",
        fix=f"reset {pronoun} before `{evidence.piece(found.adds.call.span)}`"
        if is_updated
        else f"ask for that one alone: torch.autograd.grad(…, {wanted})",
        edits=accumulation.with_reset(evidence, found.adds.call.span, names) if is_updated else (),
    )


def _left_over(evidence: Evidence) -> _LeftOver | None:
    own = own_passes(evidence)
    for place, adds in enumerate(own):
        added = set(accumulation.added_leaves(evidence, adds))
        for left in reversed(own[:place]) if added else ():
            if _is_again(evidence, left, adds):
                break
            shared = added.intersection(accumulation.changed_leaves(evidence, left))
            leaves = [leaf for leaf in shared if _is_left(evidence, leaf, left, adds)]
            updates = [each for leaf in leaves for each in _updates_after(evidence, leaf, adds)]
            wanted = _wanted(evidence, left, adds, shared) if updates else None
            if wanted is not None:
                leaf, used = wanted
                return _LeftOver(left=left, adds=adds, wanted=leaf, used=used, update=updates[0], leaves=leaves)
    return None


def _is_again(evidence: Evidence, left: Pass, adds: Pass) -> bool:
    """Whether the second pass is that of the same loss in the next round: one function may run those of several."""
    spans = [
        (each.call and each.call.span, [evidence.trace.values[root].span for root in each.roots])
        for each in (left, adds)
    ]
    return spans[0] == spans[1]


def _is_left(evidence: Evidence, leaf: int, left: Pass, adds: Pass) -> bool:
    """Whether nothing used or reset the gradient between the two passes."""
    reset = accumulation.next_reset(evidence, leaf, left.at)
    is_reset = reset is not None and reset < adds.at
    return not is_reset and not accumulation.is_used_between(evidence, leaf, left.at, adds.at)


def _updates_after(evidence: Evidence, leaf: int, adds: Pass) -> list[Value]:
    """The update that uses the sum, unless it is reset first."""
    update = next((each for each in accumulation.updates_of(evidence, leaf) if each.id > adds.at), None)
    reset = accumulation.next_reset(evidence, leaf, adds.at)
    return [] if update is None or (reset is not None and reset < update.id) else [update]


def _wanted(evidence: Evidence, left: Pass, adds: Pass, shared: set[int]) -> tuple[int, Value] | None:
    """What the first pass was for: another leaf whose gradient was used before the second, and what used it."""
    for leaf in accumulation.changed_leaves(evidence, left):
        use = next((each for each in accumulation.uses_of(evidence, leaf) if left.at < each < adds.at), None)
        if leaf not in shared and use is not None:
            return leaf, evidence.trace.values[use]
    return None


RULES: tuple[Rule, ...] = (
    Rule(
        slug="gradient-left-over",
        family=Family.OPTIMIZER,
        summary="A step follows the sum of two losses, since what an earlier pass left in `.grad` was not reset.",
        why="backward() gives a gradient to every leaf that the loss was computed from, and not only to the one that "
        "is wanted: the generator's loss to the discriminator, too, and that of an attack on the input to the whole "
        "model. It stays in `.grad`, and the next pass adds to it.",
        example="""
            g = torch.tensor([1., 2.], requires_grad=True)
            d = torch.tensor([3., 4.], requires_grad=True)
            opt_g = torch.optim.SGD([g], lr=0.1)
            opt_d = torch.optim.SGD([d], lr=0.1)
            (g * d).sum().backward()
            opt_g.step()
            (d ** 2).sum().backward()
            opt_d.step()
        """,
        cure="Call zero_grad() right before the backward() that an update follows; or get the one gradient that is "
        "wanted by `torch.autograd.grad(loss, x)`, which leaves `.grad` alone.",
        find=_find_left_over,
        generality=5,
    ),
)
