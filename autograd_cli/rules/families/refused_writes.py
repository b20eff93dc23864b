"""Rules of the family "in-place": a write that torch refuses."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Severity, Span
from autograd_cli.rules.causes.lost import first_tracked, leaf_name, words
from autograd_cli.rules.cures import writes
from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.rules.evidence.graph import is_tracked
from autograd_cli.rules.evidence.symptoms import places
from autograd_cli.rules.evidence.writes import base_of, source_of_several
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Phase, Refusal, Value

# These can be told only by torch's message: the trace has no strides.
_REPEATED = "more than one element of the written-to tensor"
_SHARED = "some elements of the input tensor and the written-to tensor"
_IN_PLACE = "in-place operation"


def _find_inplace_on_leaf(evidence: Evidence) -> Iterator[Diagnostic]:
    found = _refused_write(evidence)
    if found is None or not found.is_of_leaf or found.is_of_several or not found.is_tracked:
        return
    leaf, refusal = found.leaf, found.refusal
    name = evidence.called(leaf.id)
    what = name if leaf.id == first_tracked(evidence, found.value.id) else f"a view of {name}"
    others = [number for number in refusal.operands if number != found.value.id]
    yield Diagnostic(
        rule="inplace-on-leaf",
        severity=Severity.ERROR,
        message=f"`{evidence.piece(_whole(evidence, refusal.span))}` writes to {what}, a leaf that requires gradients",
        span=refusal.span,
        label="torch refuses the write",
        related=places((leaf.span, f"{name} is made here")),
        victim=_name(evidence, leaf.id),
        observed=words(refusal),
        torch_says=words(refusal),
        fix="do updates under torch.no_grad(); otherwise compute a new tensor",
        edits=(() if refusal.is_write else writes.not_in_place(evidence, refusal.operands, refusal.span))
        or writes.update(
            evidence, refusal.span, is_computed=any(is_tracked(evidence.trace, number) for number in others)
        ),
    )


def _find_inplace_on_multi_view(evidence: Evidence) -> Iterator[Diagnostic]:
    found = _refused_write(evidence)
    if found is None or not found.is_of_several or not found.is_tracked:
        return
    base = found.source
    name = None if base is None else _name(evidence, base.id)
    called = "the tensor" if base is None else evidence.called(base.id)
    yield Diagnostic(
        rule="inplace-on-multi-view",
        severity=Severity.ERROR,
        message=f"`{evidence.piece(found.refusal.span)}` writes to one of several views of {called}",
        span=found.refusal.span,
        label="torch refuses the write",
        related=places((found.value.span, "one operation returned the views here")),
        victim=name or found.victim,
        observed=words(found.refusal),
        torch_says=words(found.refusal),
        fix="compute a new tensor for the whole, or write by index",
        edits=() if found.whole is None or base is None else writes.single_views(evidence, found.whole, base),
    )


def _find_inplace_on_expanded(evidence: Evidence) -> Iterator[Diagnostic]:
    found = _refused_write(evidence)
    if found is None or not found.is_expanded:
        return
    yield Diagnostic(
        rule="inplace-on-expanded",
        severity=Severity.ERROR,
        message=f"`{evidence.piece(found.refusal.span)}` writes to repeated elements, which share one place in memory",
        span=found.refusal.span,
        label="torch refuses the write",
        related=places((found.value.span, "repeated here, without a copy")),
        victim=found.victim,
        observed=words(found.refusal),
        torch_says=words(found.refusal),
        fix="make a copy first: clone()",
        edits=writes.copied(evidence, found.refusal.span),
    )


def _find_inplace_overlap(evidence: Evidence) -> Iterator[Diagnostic]:
    found = _refused_write(evidence)
    if found is None or not found.is_overlapping:
        return
    yield Diagnostic(
        rule="inplace-overlap",
        severity=Severity.ERROR,
        message=f"`{evidence.piece(_whole(evidence, found.refusal.span))}` reads from the memory that it writes to",
        span=found.refusal.span,
        label="torch refuses the write",
        victim=found.victim,
        observed=words(found.refusal),
        torch_says=words(found.refusal),
        fix="read from a copy: clone()",
        edits=writes.read_from_copy(evidence, found.refusal.span),
    )


def _find_detach_view_inplace(evidence: Evidence) -> Iterator[Diagnostic]:
    refusal = evidence.trace.refusal
    if refusal is None or refusal.verb != "detach_" or not refusal.operands:
        return
    value = evidence.trace.values[refusal.operands[0]]
    base = base_of(evidence, value.id)
    if base is None:
        return
    yield Diagnostic(
        rule="detach-view-inplace",
        severity=Severity.ERROR,
        message=f"`{evidence.piece(refusal.span)}` detaches a view of {evidence.called(base.id)} in place",
        span=refusal.span,
        label="torch refuses here",
        related=places((value.span, "the view is taken here")),
        victim=_name(evidence, base.id) or leaf_name(evidence, value.id),
        observed=words(refusal),
        torch_says=words(refusal),
        fix="use detach(), which returns a new tensor",
        edits=writes.detached(evidence, refusal.span),
    )


class _RefusedWrite:
    """A write that torch refused, and what it was to be written to."""

    def __init__(self, evidence: Evidence, refusal: Refusal) -> None:
        self._evidence = evidence
        self.refusal = refusal
        self.value = evidence.trace.values[refusal.operands[0]]
        self.victim = leaf_name(evidence, self.value.id)

    @property
    def is_tracked(self) -> bool:
        """Whether torch records what is done to it."""
        return is_tracked(self._evidence.trace, self.value.id)

    @property
    def leaf(self) -> Value:
        """The leaf that lives in the memory, or the tensor itself."""
        tensor = self.value.tensor
        same = [
            value
            for value in self._evidence.trace.values
            if value.tensor is not None
            and tensor is not None
            and value.tensor.storage == tensor.storage
            and value.tensor.requires_grad
            and value.tensor.is_leaf
        ]
        return same[0] if same else self.value

    @property
    def is_of_leaf(self) -> bool:
        """Whether it is a leaf, or a view of one."""
        tensor = self.leaf.tensor
        return tensor is not None and tensor.is_leaf and tensor.requires_grad and not self.is_overlapping

    @property
    def is_of_several(self) -> bool:
        """Whether it is one of several views, or a view of one."""
        return self.source is not None

    @property
    def source(self) -> Value | None:
        """What the several views were taken of."""
        found = source_of_several(self._evidence, self.value.id)
        return None if found is None else found[0]

    @property
    def whole(self) -> Value | None:
        """The value that is all of the several views."""
        found = source_of_several(self._evidence, self.value.id)
        return None if found is None else found[1]

    @property
    def is_expanded(self) -> bool:
        """Whether it has more elements than the memory that it is a view of, so that some are repeated."""
        base = base_of(self._evidence, self.value.id)
        first = None
        while base is not None:
            first, base = base, base_of(self._evidence, base.id)
        tensor = self.value.tensor
        is_larger = first is not None and first.tensor is not None and tensor is not None
        is_larger = is_larger and tensor.numel > first.tensor.numel  # type: ignore[union-attr]
        return (is_larger or _REPEATED in self.refusal.message) and not self.is_of_leaf

    @property
    def is_overlapping(self) -> bool:
        """Whether another operand lies in the same memory."""
        return _SHARED in self.refusal.message


@remembered
def _refused_write(evidence: Evidence) -> _RefusedWrite | None:
    refusal = evidence.trace.refusal
    if refusal is None or refusal.during is not Phase.FORWARD or not refusal.operands:
        return None
    if refusal.verb == "detach_":
        return None
    if evidence.tensor(refusal.operands[0]) is None or not (refusal.is_write or _IN_PLACE in refusal.message):
        return None
    found = _RefusedWrite(evidence, refusal)
    is_known = found.is_of_several or found.is_of_leaf or found.is_expanded or found.is_overlapping
    return found if is_known and refusal.exception == "RuntimeError" else None


def _whole(evidence: Evidence, span: Span | None) -> Span | None:
    """The statement that torch refused a piece of."""
    refused = [step.span for step in evidence.trace.steps if step.refusal is not None]
    return refused[-1] if refused and refused[-1].line == refused[-1].end_line else span


def _name(evidence: Evidence, value: int) -> str | None:
    names = evidence.names(value)
    return names[0] if names else None


RULES: tuple[Rule, ...] = (
    Rule(
        slug="inplace-on-leaf",
        family=Family.IN_PLACE,
        summary="A leaf that requires gradients, or a view of one, is written to with grad mode on.",
        why="A leaf is where gradients arrive. If torch recorded a write to it, the variable that you hold would no "
        "longer be the leaf; so it refuses.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            w += 1
            (w ** 2).sum().backward()
        """,
        cure="An update belongs under `with torch.no_grad():`; else compute a new tensor, `y = w + 1`.",
        find=_find_inplace_on_leaf,
    ),
    Rule(
        slug="inplace-on-multi-view",
        family=Family.IN_PLACE,
        summary="A write goes to one of several views that one operation returned.",
        why="`unbind`, `split`, `chunk`, and `for row in x` return all their views at once. torch could not rewrite "
        "the history of one of them without the others, so it refuses.",
        example="""
            raw = torch.ones(2, 2, requires_grad=True)
            rows = raw * 1.0
            for row in rows:
                row.mul_(2)
            rows.sum().backward()
        """,
        cure="Compute a new tensor for the whole, or write by index: `rows[i] *= 2`.",
        find=_find_inplace_on_multi_view,
    ),
    Rule(
        slug="inplace-on-expanded",
        family=Family.IN_PLACE,
        summary="A write goes to a tensor in which several elements share one place in memory.",
        why="`expand` and `broadcast_to` repeat without copying. A write would change each of the repeated elements "
        "several times, so torch refuses.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            grid = (w * 2).expand(3, 2)
            grid.add_(1.0)
            grid.sum().backward()
        """,
        cure="Write into a copy (`grid = grid.clone()`), use `repeat` instead of `expand`, or compute a new tensor.",
        find=_find_inplace_on_expanded,
    ),
    Rule(
        slug="inplace-overlap",
        family=Family.IN_PLACE,
        summary="What is written and what is read overlap in memory.",
        why="`x[1:] += x[:-1]` reads elements that have already been written to. The result would depend on the "
        "order, so torch refuses.",
        example="""
            w = torch.tensor([1., 2., 3.], requires_grad=True)
            x = w * 2
            x[1:] += x[:-1]
            x.sum().backward()
        """,
        cure="Read from a copy: `x[1:] += x[:-1].clone()`.",
        find=_find_inplace_overlap,
    ),
    Rule(
        slug="detach-view-inplace",
        family=Family.IN_PLACE,
        summary="`detach_()` was called on a view.",
        why="A view shares its history with the tensor that it is a view of; torch cannot remove it from one of them "
        "in place.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            h = w * 2
            h[0].detach_()
            h.sum().backward()
        """,
        cure="Use `detach()`, which returns a new tensor: `first = h[0].detach()`.",
        find=_find_detach_view_inplace,
    ),
)
