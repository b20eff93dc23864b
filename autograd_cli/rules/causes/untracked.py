"""Tensors that were never tracked, though their gradient was wanted."""

from __future__ import annotations

import ast

from autograd_cli.diagnostic import Diagnostic, Edit, Severity, Span
from autograd_cli.lang.suggest import closest
from autograd_cli.modes import DEFAULT_MODE
from autograd_cli.rules.causes.cuts import cuts_before_roots
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.graph import ancestors
from autograd_cli.rules.evidence.symptoms import (
    FLAG,
    GRAD,
    RETAIN_GRAD,
    Seen,
    flattened,
    is_flagged,
    is_plain,
    is_switch,
    looks,
    makes_optimizer,
    may_be_tracked,
    name_of,
    passes,
    places,
    refused_roots,
    seen_in,
    seen_refused,
)
from autograd_cli.trace import Kind, Trace, Value


def marks(evidence: Evidence) -> list[Value]:
    """The assignments to attributes that look like requires_grad and mean nothing."""
    return [value for value in evidence.trace.values if value.tensor is None and is_mark(evidence, value)]


def is_mark(evidence: Evidence, value: Value) -> bool:
    """Whether a value is an assignment to a misspelt requires_grad, or to requires_grad of a module."""
    if value.kind is not Kind.ASSIGNMENT or not value.operands:
        return False
    of_tensor = evidence.tensor(value.operands[0]) is not None
    return closest(value.verb, {FLAG}) is not None and not (of_tensor and value.verb == FLAG)


class Untracked:
    """A tensor whose gradient was wanted, though torch tracked neither it nor anything that it was computed from.

    `value` is that tensor (or a root), `source` what it was made of: the piece of the program to mark.
    """

    def __init__(self, evidence: Evidence, value: Value, source: Value, seen: Seen) -> None:
        self._evidence = evidence
        self._seen = seen
        self.value = value
        self.source = source
        origin = evidence.origin(source.id)
        switches = [each for each in evidence.trace.values if is_switch(each) and each.tensor is not None]
        own = [each for each in switches if evidence.origin(each.id) == origin]
        self.late = next((each for each in own if is_flagged(each.tensor) and self._is_used_before(each)), None)
        self.switched_off = next((each for each in own if not is_flagged(each.tensor) and self._was_on(each)), None)
        self.mark = next((each for each in marks(evidence) if evidence.origin(each.operands[0]) == origin), None)

    @classmethod
    def find(cls, evidence: Evidence) -> Untracked | None:
        """The untracked tensor behind what the reader sees first: torch's refusal, or a `.grad` that is None."""
        if cls not in evidence.memory:
            evidence.memory[cls] = cls._find(evidence)
        found: Untracked | None = evidence.memory[cls]
        return found

    @classmethod
    def _find(cls, evidence: Evidence) -> Untracked | None:
        trace = evidence.trace
        if trace.mode != DEFAULT_MODE:
            return None
        for value in _wanted_of_refused(trace):
            source = _source(evidence, value)
            if source is not None and source.kind is not Kind.INPUT:
                is_asked = trace.refusal is not None and trace.refusal.function in {RETAIN_GRAD, GRAD}
                return cls(evidence, trace.values[value if is_asked else source.id], source, seen_refused(evidence))
        ran = [each.at for each in passes(evidence)]
        for look in looks(evidence):
            if not any(at < look.read.id for at in ran):
                continue
            source = _source(evidence, look.asked.id)
            if source is not None and source.kind is not Kind.INPUT:
                found = cls(evidence, look.asked, source, seen_in(evidence, look))
                is_missing = is_plain(look.asked.tensor) and found.switched_off is None  # off on purpose
                if is_missing or found.late is not None:
                    return found
        return None

    @property
    def sources(self) -> list[Value]:
        """All tensors that the program asks the gradient of and that lack requires_grad as `source` does."""
        if self.value.id != self.source.id:
            return [self.source]
        behind = sorted(ancestors(self._evidence.trace, refused_roots(self._evidence.trace)))
        hinted = _asked_in_text(self._evidence)
        found = _likeliest(self._evidence, _first_named(self._evidence, behind))
        others = [each for each in found if hinted.intersection(self._evidence.names(each.id))]
        return [self.source, *[each for each in others if each.id != self.source.id]]

    def _is_used_before(self, switch: Value) -> bool:
        return self._use_before(switch) is not None

    def _use_before(self, switch: Value) -> Value | None:
        """The first operation that used the tensor before the switch and that what was differentiated depends on."""
        trace = self._evidence.trace
        roots = (
            untracked_roots(trace)
            or [root for each in passes(self._evidence) for root in each.roots]
            or [self.value.id]
        )
        needed = ancestors(trace, roots)
        origin = self._evidence.origin(switch.id)
        for value in trace.values[: switch.id]:
            is_other = value.id in needed and self._evidence.origin(value.id) != origin
            if is_other and any(self._evidence.origin(each) == origin for each in value.operands):
                return value
        return None

    def _was_on(self, switch: Value) -> bool:
        return switch.previous is not None and is_flagged(self._evidence.tensor(switch.previous))

    @property
    def first_use(self) -> Value:
        """The operation that used it before it was switched on."""
        found = None if self.late is None else self._use_before(self.late)
        return found or self.value

    @property
    def called(self) -> str:
        """What a reader calls the tensor."""
        return name_of(self._evidence, self.value.id) or self._evidence.called(self.value.id)

    @property
    def whose(self) -> str:
        """The tensor that was made without the flag, as the subject of a sentence: `it was`, `x was`."""
        if self.source.id == self.value.id:
            return "it was"
        return f"{name_of(self._evidence, self.source.id) or self._evidence.called(self.source.id)} was"

    def diagnostic(
        self,
        rule: str,
        *,
        message: str,
        span: Span | None,
        label: str,
        fix: str,
        related: tuple[tuple[Span | None, str], ...] = (),
        edits: tuple[Edit, ...] = (),
    ) -> Diagnostic:
        """The finding, with what was seen of it."""
        refusal = self._evidence.trace.refusal
        stopped = None if refusal is None else refusal.span
        return Diagnostic(
            rule=rule,
            severity=Severity.ERROR,
            message=message,
            span=span,
            label=label,
            related=places(*related, (stopped, "torch refused here"), but=span),
            victim=name_of(self._evidence, self.value.id),
            fix=fix,
            edits=edits,
            **self._seen,
        )


def _wanted_of_refused(trace: Trace) -> list[int]:
    """The untracked values that torch refused to differentiate, or to keep the gradient of."""
    refusal = trace.refusal
    if refusal is None:
        return []
    if refusal.function == RETAIN_GRAD:
        return [each for each in refusal.operands[:1] if is_plain(trace.values[each].tensor)]
    asked = flattened(trace, refusal.operands[1:2]) if refusal.function == GRAD else []
    return [each for each in asked if is_plain(trace.values[each].tensor)] or list(untracked_roots(trace))


def untracked_roots(trace: Trace) -> tuple[int, ...]:
    """The roots of the pass that torch refused, where none of them is tracked."""
    roots = refused_roots(trace)
    return roots if all(is_plain(trace.values[root].tensor) for root in roots) else ()


def _source(evidence: Evidence, value: int) -> Value | None:
    """The tensor that lacks requires_grad, `value` or what it was computed from; None where torch tracked any."""
    trace = evidence.trace
    behind = ancestors(trace, [value])
    origin = evidence.origin(value)
    tracked = [each for each in behind if is_flagged(evidence.tensor(each)) and evidence.origin(each) != origin]
    switched = {cut.rule for cut in cuts_before_roots(trace, trace.leaves)} == {"requires-grad-missing"}
    if tracked and not switched:
        return None
    first = _first_named(evidence, sorted(behind))
    inputs = {each for each in behind if trace.values[each].kind is Kind.INPUT}
    if inputs and not any(inputs.isdisjoint(ancestors(trace, [each.id])) for each in first):
        return trace.values[min(inputs)]  # of an integer dtype, or of bool
    if not first:
        return next((trace.values[each] for each in sorted(behind) if may_be_tracked(evidence.tensor(each))), None)
    return _likeliest(evidence, first)[0]


def _first_named(evidence: Evidence, behind: list[int]) -> list[Value]:
    """The named values of `behind`, in the order of the computation, that were computed from no other named value."""
    values = evidence.trace.values
    found: list[Value] = []
    covered: set[int] = set()
    for number in behind:
        value = values[number]
        if not covered.isdisjoint((number, *value.operands, value.previous)):
            covered.add(number)
        elif may_be_tracked(value.tensor) and evidence.names(number):
            covered |= {number, evidence.origin(number)}
            found.append(values[evidence.origin(number)] if value.previous is not None else value)
    return found


def _likeliest(evidence: Evidence, found: list[Value]) -> list[Value]:
    """Those that the program tried to mark; else those whose gradient it asks for; else all."""
    hinted = _asked_in_text(evidence)
    marked = {evidence.origin(each.id) for each in evidence.trace.values if is_switch(each)}
    marked |= {evidence.origin(each.operands[0]) for each in marks(evidence)}
    tried = [each for each in found if evidence.origin(each.id) in marked]
    return tried or [each for each in found if hinted.intersection(evidence.names(each.id))] or found


def _asked_in_text(evidence: Evidence) -> frozenset[str]:
    """The names whose `.grad` stands in the program, even in parts that did not run, or that an optimizer was given."""
    found = [
        node.value.id
        for node in evidence.text.expressions()
        if isinstance(node, ast.Attribute) and node.attr == "grad" and isinstance(node.value, ast.Name)
    ]
    given = [value for value in evidence.trace.values if makes_optimizer(value)]
    for value in given:
        for each in flattened(evidence.trace, value.operands):
            found += evidence.names(each) if evidence.tensor(each) is not None else ()
    return frozenset(found)
