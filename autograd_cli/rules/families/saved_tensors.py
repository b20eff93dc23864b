"""Rules of the family "in-place": a tensor that backward needs was changed, noticed by torch or not."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Severity
from autograd_cli.rules.causes.lost import words
from autograd_cli.rules.cures import writes
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.symptoms import places
from autograd_cli.rules.evidence.writes import noticed_write, numbers_of, silent_write, tensors_in
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Node, Refusal, TensorInfo, Value, Visit, Walk


def _find_saved_tensor_modified(evidence: Evidence) -> Iterator[Diagnostic]:
    refusal, walk = evidence.trace.refusal, evidence.refused_walk
    if refusal is None or walk is None or not walk.changed:
        return
    node, saved = _stopped_at(evidence, walk)
    made = evidence.trace.values[node.value]
    found = _written(evidence, walk, made, saved, refusal)
    if found is None:
        return
    kept, writer = found
    kept_name, piece = evidence.called(kept.id), evidence.piece(evidence.line_of(writer))
    yield Diagnostic(
        rule="saved-tensor-modified",
        severity=Severity.ERROR,
        message=f"`{piece}` changed {kept_name}, which backward() needs as it was",
        span=writer.span,
        label=f"changes {kept_name} in place",
        related=places(
            (made.span, f"{node.name} saved {kept_name} here"),
            (refusal.span, "torch refuses here"),
        ),
        victim=_leaf_below(evidence, node),
        observed=words(refusal),
        torch_says=words(refusal),
        fix="write into a copy, or compute a new tensor instead",
        edits=writes.out_of_place(evidence, writer, refusal.span),
    )


def _find_silent_data_mutation(evidence: Evidence) -> Iterator[Diagnostic]:
    for walk in evidence.trace.walks:
        for visit in walk.visits:
            found = _silently_changed(evidence, walk, visit)
            if found is not None:
                yield _silent(evidence, walk, visit, *found)
                return


def _stopped_at(evidence: Evidence, walk: Walk) -> tuple[Node, tuple[str, ...]]:
    """The node at which the walk stopped, with torch's names for the saved tensors that were changed.

    Of the nodes with a changed tensor it is the last made of those that were ready: all that leads to them had run.
    """
    visited = {visit.node for visit in walk.visits}
    waiting: set[int] = set()
    roots = evidence.trace.backwards[-1].roots
    for node in evidence.nodes_below(roots):
        if node.id not in visited:
            waiting.update(child for child in node.next if child is not None)
    changed = [number for number, _ in walk.changed]
    ready = [number for number in changed if number not in waiting] or changed
    number = max(ready)
    return evidence.trace.nodes[number], tuple([name for each, name in walk.changed if each == number])


def _written(
    evidence: Evidence, walk: Walk, made: Value, saved: tuple[str, ...], refusal: Refusal
) -> tuple[Value, Value] | None:
    """What the operation saved and what wrote to it; of several candidates, the one that torch's message fits."""
    given = [*tensors_in(evidence, *made.operands), *tensors_in(evidence, made.id)]
    if saved == ("result",):
        given.reverse()
    found = [
        (value, writer)
        for value in given
        if (writer := noticed_write(evidence, value.id, walk.start)) is not None and writer.id != made.id
    ]
    told = [pair for pair in found if _is_told(pair[0].tensor, refusal.message)]
    return next(iter([*told, *found]), None)


def _is_told(tensor: TensorInfo | None, message: str) -> bool:
    """Whether torch's message means this operand: it has the shape, and the version that was expected."""
    if tensor is None:
        return False
    return f"{list(tensor.shape)}]" in message and f"expected version {tensor.version} instead" in message


def _silently_changed(evidence: Evidence, walk: Walk, visit: Visit) -> tuple[Value, Value] | None:
    """What a node saved whose numbers are no longer those of the forward pass, and who wrote to it."""
    kept = {numbers_of(saved.tensor) for saved in visit.saved if saved.tensor is not None}
    if not kept:
        return None
    made = evidence.trace.values[evidence.trace.nodes[visit.node].value]
    for value in (*tensors_in(evidence, *made.operands), *tensors_in(evidence, made.id)):
        found = silent_write(evidence, value.id, walk.start)
        if found is None or value.tensor is None:
            continue
        writer, now = found
        if numbers_of(now) in kept and numbers_of(value.tensor) not in kept and writer.id > made.id:
            return value, writer
    return None


def _silent(evidence: Evidence, walk: Walk, visit: Visit, kept: Value, writer: Value) -> Diagnostic:
    node = evidence.trace.nodes[visit.node]
    made = evidence.trace.values[node.value]
    name = evidence.called(kept.id)
    victim = _leaf_below(evidence, node)
    piece = evidence.piece(evidence.line_of(writer))
    wrong = "a gradient" if victim is None else f"{victim}.grad"
    alias = evidence.trace.values[evidence.origin(writer.id)]
    return Diagnostic(
        rule="silent-data-mutation",
        severity=Severity.WARNING,
        message=f"{wrong} is wrong: `{piece}` changed {name} behind torch's back, and backward() used the new numbers",
        span=writer.span,
        label=f"changes {name}, but not its version",
        related=places(
            (made.span, f"{node.name} saved {name} here"),
            (alias.span if alias.span != writer.span else None, "the same memory, without its version"),
            (walk.span, "backward() uses it here"),
        ),
        victim=victim,
        observed=None if victim is None else f"{victim}.grad is not the gradient of what was computed",
        fix="work on a copy: .detach().clone()",
        edits=writes.on_copy(evidence, writer, alias),
    )


def _leaf_below(evidence: Evidence, node: Node) -> str | None:
    """The first variable that gradients reach through a node."""
    pending, found = [node.id], set[int]()
    leaves_found: dict[int, str] = {}
    while pending:
        number = pending.pop()
        if number in found:
            continue
        found.add(number)
        each = evidence.trace.nodes[number]
        if each.leaf is not None and (names := evidence.names_of_leaf(each.leaf)):
            leaves_found[each.leaf] = names[0]
        pending += [child for child in each.next if child is not None]
    return leaves_found[min(leaves_found)] if leaves_found else None


RULES: tuple[Rule, ...] = (
    Rule(
        slug="saved-tensor-modified",
        family=Family.IN_PLACE,
        summary="A tensor that backward() needs was changed in place after it had been saved.",
        why="To differentiate `sigmoid`, torch keeps its result; for a product, both factors. Each write to a tensor "
        "raises its version, and backward() refuses if the version is no longer the one that was saved.",
        example="""
            raw = torch.tensor([0.4, -1.2], requires_grad=True)
            gate = torch.sigmoid(raw)
            gate[0] = 0.0
            gate.sum().backward()
        """,
        cure="Write into a copy (`gate = gate.clone()` before it), or compute a new tensor instead of writing.",
        find=_find_saved_tensor_modified,
        needs_walks=True,
    ),
    Rule(
        slug="silent-data-mutation",
        family=Family.IN_PLACE,
        summary="A tensor that backward() needs was changed through `.data`, and torch does not notice.",
        why="`.data` shares the memory of the tensor, but not its version counter. After a write through it, "
        "backward() computes with numbers that are not those of the forward pass: there is no error, but the "
        "gradient is wrong.",
        example="""
            w = torch.tensor([0.9, -0.1], requires_grad=True)
            p = w.sigmoid()
            p.data.zero_()
            p.sum().backward()
            print(w.grad)
        """,
        cure="Work on a copy, `p.detach().clone()`; with `p.detach()` alone torch notices the write, and says so.",
        find=_find_silent_data_mutation,
        needs_walks=True,
    ),
)
