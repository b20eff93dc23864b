"""Rules of the family "in-place": a tensor was written to that backward needs, or that cannot be written to."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Related, Severity, Span
from autograd_cli.lang import vocabulary
from autograd_cli.rules.causes.lost import COMPUTED, Role, first_tracked, leaves, lost_gradients, upstream, words
from autograd_cli.rules.cures import writes
from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.rules.evidence.graph import is_tracked
from autograd_cli.rules.evidence.writes import (
    base_of,
    content,
    noticed_write,
    numbers_of,
    silent_write,
    source_of_several,
    tensors_in,
)
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Kind, Node, Phase, Refusal, TensorInfo, Value, Visit, Walk


def _find_saved_tensor_modified(evidence: Evidence) -> Iterator[Diagnostic]:
    refusal, walk = evidence.trace.refusal, _refused_walk(evidence)
    if refusal is None or walk is None or not walk.changed:
        return
    node, saved = _stopped_at(evidence, walk)
    made = evidence.trace.values[node.value]
    found = _written(evidence, walk, made, saved, refusal)
    if found is None:
        return
    kept, writer = found
    kept_name, piece = evidence.called(kept.id), evidence.piece(_statement(evidence, writer))
    yield Diagnostic(
        rule="saved-tensor-modified",
        severity=Severity.ERROR,
        message=f"`{piece}` changed {kept_name}, which backward() needs as it was",
        span=writer.span,
        label=f"changes {kept_name} in place",
        related=_places(
            (made.span, f"{node.name} saved {kept_name} here"),
            (refusal.span, "torch refuses here"),
        ),
        victim=_leaf_below(evidence, node),
        observed=words(refusal),
        torch_says=words(refusal),
        fix="write into a copy, or compute a new tensor instead",
        edits=writes.out_of_place(evidence, writer, refusal.span),
    )


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
        related=_places((leaf.span, f"{name} is made here")),
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
        related=_places((found.value.span, "one operation returned the views here")),
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
        related=_places((found.value.span, "repeated here, without a copy")),
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


def _find_silent_data_mutation(evidence: Evidence) -> Iterator[Diagnostic]:
    for walk in evidence.trace.walks:
        for visit in walk.visits:
            found = _silently_changed(evidence, walk, visit)
            if found is not None:
                yield _silent(evidence, walk, visit, *found)
                return


def _find_write_to_temporary(evidence: Evidence) -> Iterator[Diagnostic]:
    for value in evidence.trace.values:
        if value.previous is None or value.kind is Kind.ALIAS or not value.is_write or not _is_dropped(evidence, value):
            continue
        first = evidence.trace.values[evidence.origin(value.id)]
        meant = next(iter(tensors_in(evidence, *first.operands[:1])), None)
        if meant is None or first.verb == "clone" or not evidence.names(meant.id):
            continue
        symptom = _symptom_of_temporary(evidence, value, meant)
        if symptom is None:
            continue
        severity, victim, observed, place = symptom
        span = _statement(evidence, value)
        yield Diagnostic(
            rule="write-to-temporary",
            severity=severity,
            message=f"`{evidence.piece(span)}` writes to a copy: {evidence.called(meant.id)} stays as it is",
            span=value.span,
            label=f"`{evidence.piece(first.span)}` is a copy",
            related=_places(place),
            victim=victim,
            observed=observed,
            fix="assign by index instead",
            edits=writes.assigned(evidence, first.span, span, is_data=value.assigns("data")),
        )
        return


def _find_discarded_result(evidence: Evidence) -> Iterator[Diagnostic]:
    uncalled = list(_uncalled(evidence))
    yield from uncalled
    if uncalled or evidence.trace.refusal is not None:
        return
    for step in evidence.trace.steps:
        value = None if step.value is None else evidence.trace.values[step.value]
        if value is None or step.binds or not _is_pure(evidence, value, step.span):
            continue
        operand = evidence.trace.values[value.operands[0]]
        found = _expected(evidence, value, operand)
        if found is None:
            continue
        victim, used = found
        name = value.verb
        yield Diagnostic(
            rule="discarded-result",
            severity=Severity.WARNING,
            message=f"`{evidence.piece(value.span)}` is dropped: {evidence.called(operand.id)} stays as it is",
            span=value.span,
            label=f"{name}() returns a new tensor",
            related=_places((used.span, "used here, unchanged")),
            victim=victim,
            observed=f"{evidence.called(operand.id)} is unchanged",
            fix="assign the result, or use the method that ends in _",
            edits=writes.assigned_result(evidence, value, operand),
        )
        return


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
        related=_places((value.span, "the view is taken here")),
        victim=_name(evidence, base.id) or _leaf_name(evidence, value.id),
        observed=words(refusal),
        torch_says=words(refusal),
        fix="use detach(), which returns a new tensor",
        edits=writes.detached(evidence, refusal.span),
    )


# The tensor that backward needs as it was.


def _refused_walk(evidence: Evidence) -> Walk | None:
    refusal = evidence.trace.refusal
    if refusal is None or refusal.during is not Phase.BACKWARD or not evidence.trace.walks:
        return None
    return evidence.trace.walks[-1]


def _stopped_at(evidence: Evidence, walk: Walk) -> tuple[Node, tuple[str, ...]]:
    """The node that refused its turn, with torch's names for what was changed: the last made of those that had to run.

    That are those to which all that leads to them had run.
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
    """What the operation saved and who wrote to it: of several the one whose versions torch tells."""
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
    """Whether torch means this one of several operands: only its words tell shape and version of what it expected."""
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
    piece = evidence.piece(_statement(evidence, writer))
    wrong = "a gradient" if victim is None else f"{victim}.grad"
    alias = evidence.trace.values[evidence.origin(writer.id)]
    return Diagnostic(
        rule="silent-data-mutation",
        severity=Severity.WARNING,
        message=f"{wrong} is wrong: `{piece}` changed {name} behind torch's back, and backward() used the new numbers",
        span=writer.span,
        label=f"changes {name}, but not its version",
        related=_places(
            (made.span, f"{node.name} saved {name} here"),
            (alias.span if alias.span != writer.span else None, "the same memory, without its version"),
            (walk.span, "backward() uses it here"),
        ),
        victim=victim,
        observed=None if victim is None else f"{victim}.grad is not the gradient of what was computed",
        fix="work on a copy: .detach().clone()",
        edits=writes.on_copy(evidence, writer, alias),
    )


# A write that was refused.


class _RefusedWrite:
    """A write that torch refused, and what it was to be written to."""

    def __init__(self, evidence: Evidence, refusal: Refusal) -> None:
        self._evidence = evidence
        self.refusal = refusal
        self.value = evidence.trace.values[refusal.operands[0]]
        self.victim = _leaf_name(evidence, self.value.id)

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
        """Whether it has more elements than the memory it was taken of."""
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


# Only torch's words tell these, for it alone knows the strides.
_REPEATED = "more than one element of the written-to tensor"
_SHARED = "some elements of the input tensor and the written-to tensor"
_IN_PLACE = "in-place operation"


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


# What is dropped.


def _is_dropped(evidence: Evidence, value: Value) -> bool:
    """Whether what was written to is held by no name and used no more."""
    trace = evidence.trace
    chain = {value.id}
    current = value
    while current.previous is not None:
        current = trace.values[current.previous]
        chain.add(current.id)
    if any(evidence.names(number) for number in chain) or value.id in {trace.result, *trace.outputs}:
        return False
    users = evidence.users.get(value.id, ())
    if any(user.id not in chain and not (value.assigns("data") and user.kind is Kind.ALIAS) for user in users):
        return False
    if value.assigns("data"):
        return True
    storage = None if value.tensor is None else value.tensor.storage
    return not any(
        other.tensor is not None and other.tensor.storage == storage and other.id not in chain for other in trace.values
    )


def _symptom_of_temporary(
    evidence: Evidence, value: Value, meant: Value
) -> tuple[Severity, str | None, str | None, tuple[Span | None, str]] | None:
    """What is missed for a dropped write: the gradient of what was to be written, or the change itself."""
    before = upstream(evidence, (value.id,), COMPUTED)
    for lost in lost_gradients(evidence):
        if lost.start in before:
            return Severity.ERROR, lost.name, lost.observed, (lost.span, lost.label)
    later = [user for user in evidence.users.get(meant.id, ()) if user.id > value.id]
    if not later:
        return None
    observed = f"{evidence.called(meant.id)} is unchanged"
    return Severity.WARNING, _leaf_name(evidence, meant.id), observed, (later[0].span, "used here, unchanged")


def _uncalled(evidence: Evidence) -> Iterator[Diagnostic]:
    """A method that was named and not called, alone on its line."""
    for value in evidence.trace.values:
        if value.kind is not Kind.UNCALLED or value.span is None:
            continue
        name = value.verb
        owner = evidence.trace.values[value.operands[0]]
        read = next(
            (answer for _, answer in evidence.grad_reads if answer.tensor is None and answer.id > value.id), None
        )
        is_missed = name == "backward" and read is not None
        yield Diagnostic(
            rule="discarded-result",
            severity=Severity.ERROR if is_missed else Severity.WARNING,
            message=f"`{evidence.piece(value.span)}` names the method but does not call it: nothing happens",
            span=value.span,
            label="without parentheses",
            related=_places((read.span, "None here")) if is_missed and read is not None else (),
            victim=_leaf_name(evidence, owner.operands[0] if owner.reads("grad") else owner.id),
            observed="nothing happens on this line",
            fix=f"call it: {name}()",
            edits=writes.called(evidence, value.span),
        )
        return


def _is_pure(evidence: Evidence, value: Value, span: Span) -> bool:
    """Whether a statement is nothing but an operation that has a sister in place, and its result is dropped."""
    name = value.verb
    trace = evidence.trace
    if value.tensor is None or value.previous is not None or not value.operands or evidence.users.get(value.id):
        return False
    if value.id in {trace.result, *trace.outputs} or value.span != span or evidence.names(value.id):
        return False
    operand = evidence.tensor(value.operands[0])
    if operand is None or vocabulary.operation(f"torch.Tensor.{name}_") is None:
        return False
    return content(operand) != content(value.tensor) or operand.requires_grad != value.tensor.requires_grad


def _expected(evidence: Evidence, value: Value, operand: Value) -> tuple[str | None, Value] | None:
    """The variable that is affected, and where the program goes on as if the operand had changed.

    A gradient that was to be changed is used; what was to be detached still leads back from a later pass.
    """
    trace = evidence.trace
    if operand.reads("grad"):
        owner = operand.operands[0]
        start = first_tracked(evidence, owner)
        for later in trace.values[value.id + 1 :]:
            reads = later.reads("grad") and first_tracked(evidence, later.operands[0]) == start
            steps = later.kind is Kind.STEP and any(first_tracked(evidence, each) == start for each in later.operands)
            if reads or steps:
                return evidence.called(start), later
        return None
    if value.verb != "detach" or not is_tracked(trace, operand.id) or not evidence.names(operand.id):
        return None
    if operand.tensor is None or operand.tensor.is_leaf:
        return None
    for walk in trace.walks:
        if walk.start <= value.id or walk.backward is None:
            continue
        before = upstream(evidence, trace.backwards[walk.backward].roots, COMPUTED)
        for user in evidence.users.get(operand.id, ()):
            if user.id > value.id and user.id in before and is_tracked(trace, user.id):
                return _leaf_name(evidence, operand.id), user
    return None


# What the rules share.


def _statement(evidence: Evidence, value: Value) -> Span | None:
    """The statement that a value was made in, where that is one line; else its own place."""
    step = evidence.step_of(value)
    return step.span if step is not None and step.span.line == step.span.end_line else value.span


def _whole(evidence: Evidence, span: Span | None) -> Span | None:
    """The statement that torch refused a piece of."""
    refused = [step.span for step in evidence.trace.steps if step.refusal is not None]
    return refused[-1] if refused and refused[-1].line == refused[-1].end_line else span


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
        if each.leaf is not None and (names := evidence.names(each.leaf)):
            leaves_found[each.leaf] = names[0]
        pending += [child for child in each.next if child is not None]
    return leaves_found[min(leaves_found)] if leaves_found else None


def _leaf_name(evidence: Evidence, value: int) -> str | None:
    before = upstream(evidence, (value,), frozenset(Role))
    return next((evidence.names(leaf)[0] for leaf in leaves(evidence) if leaf in before), None)


def _name(evidence: Evidence, value: int) -> str | None:
    names = evidence.names(value)
    return names[0] if names else None


def _places(*pairs: tuple[Span | None, str]) -> tuple[Related, ...]:
    return tuple(Related(span=span, label=label) for span, label in pairs if span is not None)


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
    Rule(
        slug="write-to-temporary",
        family=Family.IN_PLACE,
        summary="A write goes to a temporary copy.",
        why="Indexing with a mask or a list of positions copies (`x[0]` and `x[1:3]` are views, `x[mask]` is not). In "
        "`x[mask].add_(y)` the copy is changed, and then dropped.",
        example="""
            base = torch.ones(4, requires_grad=True)
            bump = torch.tensor([1., 2.], requires_grad=True)
            canvas = base * 2
            canvas[[0, 2]].add_(bump)
            canvas.sum().backward()
            print(bump.grad)
        """,
        cure="Assign by index: `canvas[spots] += bump`.",
        find=_find_write_to_temporary,
    ),
    Rule(
        slug="discarded-result",
        family=Family.IN_PLACE,
        summary="The result of an operation was dropped, and the program goes on as if the operand had been changed.",
        why="`g.clamp(-1, 1)` and `h.detach()` return a new tensor and leave the old one as it is; the methods that "
        "change it end in `_`. Likewise, a method without parentheses is not called at all.",
        example="""
            w = torch.tensor([3., -4.], requires_grad=True)
            (w ** 2).sum().backward()
            w.grad.clamp(-1.0, 1.0)
            with torch.no_grad():
                w -= 0.1 * w.grad
        """,
        cure="Assign the result, or use the method that ends in `_`.",
        find=_find_discarded_result,
        generality=5,
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
