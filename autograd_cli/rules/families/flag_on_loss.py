"""The rule of a loss that was made a leaf, so that backward() runs, and ends there."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Edit, Severity
from autograd_cli.rules.causes.lost import culprits, first_tracked, lost_gradients
from autograd_cli.rules.cures import cuts
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.graph import is_tracked
from autograd_cli.rules.evidence.symptoms import places
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Value


def find_flag_on_loss(evidence: Evidence) -> Iterator[Diagnostic]:
    """The first loss that was made a leaf."""
    trace = evidence.trace
    for backward in trace.backwards:
        for root in backward.roots:
            flag = _flag_of(evidence, root)
            if flag is None:
                continue
            found = next((each for each in culprits(evidence) if root in each.lost.roots), None)
            name = found.lost.name if found is not None else _read_in_vain(evidence)
            called = evidence.called(root)
            cut_at = [] if found is None else [(found.cut.span, f"cut off here: {found.cut.why}")]
            statement = evidence.step_of(flag)
            edits: tuple[Edit, ...] = ()
            if found is not None and statement is not None:
                edits = (*cuts.removed_flag(evidence, statement.span), *cuts.edits_of(evidence, found))
            yield Diagnostic(
                rule="requires-grad-on-loss",
                severity=Severity.ERROR,
                message=f"{called} was made to require gradients, but has no history: backward() ends there",
                span=flag.span,
                label="a leaf from here on",
                related=places(*cut_at, (backward.span, "backward() starts and ends here")),
                victim=name,
                observed=None if name is None else f"{name}.grad is None",
                fix="leave this out, and repair what cut it off"
                if cut_at
                else "set requires_grad on what it is computed from",
                edits=edits,
            )
            return


def _flag_of(evidence: Evidence, root: int) -> Value | None:
    """The value at which a computed tensor without history was told to require gradients, if `root` is one."""
    first = evidence.trace.values[first_tracked(evidence, root)]
    tensor = first.tensor
    if tensor is None or not (tensor.requires_grad and tensor.is_leaf and is_tracked(evidence.trace, first.id)):
        return None
    made_of = first.operands if first.previous is None else evidence.trace.values[evidence.origin(root)].operands
    if any(is_tracked(evidence.trace, each) for each in made_of):
        return None
    is_computed = any(evidence.tensor(each) is not None for each in made_of)
    is_missed = _read_in_vain(evidence) is not None or any(root in lost.roots for lost in lost_gradients(evidence))
    return first if is_computed and is_missed else None


def _read_in_vain(evidence: Evidence) -> str | None:
    """The name of the first tensor whose `.grad` was read after a backward pass and was None."""
    for owner, answer in evidence.grad_reads:
        if answer.tensor is None and owner.tensor is not None and evidence.last_walk(answer.id) is not None:
            return evidence.called(owner.id)
    return None


RULES: tuple[Rule, ...] = (
    Rule(
        slug="requires-grad-on-loss",
        family=Family.CUT,
        summary="The loss was not tracked, and was made to require gradients afterwards.",
        why="`loss.requires_grad = True` turns the loss into a leaf: backward() then runs, and gives the loss itself "
        "a gradient of 1. If the loss had no grad_fn, something was cut further up, and it still is.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            loss = (w.detach() * 3).sum()
            loss.requires_grad = True
            loss.backward()
            print(w.grad)
        """,
        cure="Remove the flag, and repair what cut the loss off.",
        find=find_flag_on_loss,
    ),
)
