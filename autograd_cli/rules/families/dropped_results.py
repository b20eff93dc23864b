"""Rules of the family "in-place": a change that was made to something else than what was meant."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Severity, Span
from autograd_cli.lang import vocabulary
from autograd_cli.rules.causes.lost import COMPUTED, first_tracked, leaf_name, lost_gradients, upstream
from autograd_cli.rules.cures import writes
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.graph import is_tracked
from autograd_cli.rules.evidence.symptoms import places
from autograd_cli.rules.evidence.writes import content, tensors_in
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Kind, Value


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
        span = evidence.line_of(value)
        yield Diagnostic(
            rule="write-to-temporary",
            severity=severity,
            message=f"`{evidence.piece(span)}` writes to a copy: {evidence.called(meant.id)} stays as it is",
            span=value.span,
            label=f"`{evidence.piece(first.span)}` is a copy",
            related=places(place),
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
            related=places((used.span, "used here, unchanged")),
            victim=victim,
            observed=f"{evidence.called(operand.id)} is unchanged",
            fix="assign the result, or use the method that ends in _",
            edits=writes.assigned_result(evidence, value, operand),
        )
        return


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
    """What is missing because of a dropped write: the gradient of what was to be written, or the change itself."""
    before = upstream(evidence, (value.id,), COMPUTED)
    for lost in lost_gradients(evidence):
        if lost.start in before:
            return Severity.ERROR, lost.name, lost.observed, (lost.span, lost.label)
    later = [user for user in evidence.users.get(meant.id, ()) if user.id > value.id]
    if not later:
        return None
    observed = f"{evidence.called(meant.id)} is unchanged"
    return Severity.WARNING, leaf_name(evidence, meant.id), observed, (later[0].span, "used here, unchanged")


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
            related=places((read.span, "None here")) if is_missed and read is not None else (),
            victim=leaf_name(evidence, owner.operands[0] if owner.reads("grad") else owner.id),
            observed="nothing happens on this line",
            fix=f"call it: {name}()",
            edits=writes.called(evidence, value.span),
        )
        return


def _is_pure(evidence: Evidence, value: Value, span: Span) -> bool:
    """Whether a statement is only an operation that has an in-place variant, and its result is dropped."""
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
                return leaf_name(evidence, operand.id), user
    return None


RULES: tuple[Rule, ...] = (
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
)
