"""A graph that was already freed: what two backward passes shared, and how the second one reached it."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from autograd_cli.diagnostic import Diagnostic, Edit, Severity, Span
from autograd_cli.rules.causes.hidden_leaf import LEAF_LAST, is_made_of_hidden_leaf, leaf_last
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.graph import ancestors
from autograd_cli.rules.evidence.symptoms import (
    Pass,
    flattened,
    is_leaf,
    is_switch,
    leaves_of,
    name_of,
    passes,
    places,
    reach,
    refused_roots,
    seen_refused,
)
from autograd_cli.trace import Kind, Phase, Step, Trace, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """`nodes` that the refused pass shares with `earlier`, which freed them; after that `again` used `carried`."""

    nodes: frozenset[int]
    earlier: Pass
    carried: Value | None
    again: Value | None


def graph_freed(evidence: Evidence) -> Iterator[Diagnostic]:
    """A second backward pass reached a part of the graph that the first one had freed.

    Why: backward() frees what the operations saved as it goes, to make room for the next round. A second pass fails if
    it shares a part of the graph with the first: the same loss twice, two losses with a common part, or a value that
    carries the graph of one round into the next.

    Example:
        w = torch.tensor(0.5, requires_grad=True)
        state = torch.tensor(1.)
        for x in [0.3, -0.2]:
            state = torch.tanh(w * state + x)
            loss = (state - 1) ** 2
            loss.backward()

    Fix: detach what goes from one round into the next, `state = state.detach()`; compute inside the loop what belongs
    to each round; add up the losses and call backward() once; or keep the graph with `backward(retain_graph=True)`.
    """
    trace = evidence.trace
    refusal = trace.refusal
    if refusal is None or refusal.during is not Phase.BACKWARD or "a second time" not in refusal.message:
        return
    shared = _shared(evidence)
    if shared is None:
        return
    if shared.carried is None or shared.again is None:
        yield _twice(evidence, shared, refusal.span)
        return
    meant = _meant_for_others(evidence, shared)
    yield _carried(evidence, shared, refusal.span) if meant is None else _undetached(evidence, shared, meant)


def _twice(evidence: Evidence, shared: _Shared, refused: Span | None) -> Diagnostic:
    """Both passes start from what was there before the first."""
    first = shared.earlier.call
    return Diagnostic(
        rule="graph-freed",
        severity=Severity.ERROR,
        message=f"`{evidence.piece(refused)}` needs a graph that an earlier pass has freed",
        span=refused if first is None else first.span,
        label="this pass freed it",
        related=places((refused, "torch refused here"), but=None if first is None else first.span),
        victim=next(iter(leaves_of(evidence, shared.nodes)), None),
        fix="one backward() of the sum of the losses, or retain_graph=True in the first",
        edits=_retained(evidence, first),
        **seen_refused(evidence),
    )


def _undetached(evidence: Evidence, shared: _Shared, use: Span) -> Diagnostic:
    """The first pass went through a value that it was to treat as a constant."""
    assert shared.carried is not None
    name = name_of(evidence, shared.carried.id)
    first, refusal = shared.earlier.call, evidence.trace.refusal
    return Diagnostic(
        rule="graph-freed",
        severity=Severity.ERROR,
        message=f"the first pass also went through {name}, freed its graph, and trained nothing behind it",
        span=use,
        label=f"a missing {name}.detach()",
        related=places(
            (shared.carried.span, f"{name} was made here"),
            (None if first is None else first.span, "this pass freed its graph"),
            (None if refusal is None else refusal.span, "torch refused here"),
        ),
        victim=_leaf_behind(evidence, shared.carried),
        fix=f"{name}.detach() in what the first pass differentiates",
        edits=(evidence.text.replaced(use, f"{name}.detach()"),),
        **seen_refused(evidence),
    )


def _carried(evidence: Evidence, shared: _Shared, refused: Span | None) -> Diagnostic:
    """A value from before the first pass was used after it."""
    carried, first = shared.carried, shared.earlier.call
    assert carried is not None
    assert shared.again is not None
    thrown = _thrown_away(evidence, carried)
    called = name_of(evidence, carried.id) or _attribute(evidence, carried) or evidence.called(carried.id)
    is_hidden = is_made_of_hidden_leaf(evidence, carried)
    lost = f"; the result of `{evidence.piece(thrown.span)}` is thrown away" if thrown is not None else ""
    return Diagnostic(
        rule="graph-freed",
        severity=Severity.ERROR,
        message=f"{called} carries its graph into the next backward pass, but an earlier pass has freed it{lost}",
        span=carried.span if thrown is None else thrown.span,
        label=f"{called} keeps its graph" if thrown is None else "detach() changes nothing, it returns a new tensor",
        related=places(
            (carried.span if thrown is not None else None, f"{called} was made here"),
            (shared.again.span, "used again here"),
            (None if first is None else first.span, "this pass freed its graph"),
            (None if first is None or first.span == refused else refused, "torch refused here"),
        ),
        victim=called if is_hidden else _leaf_behind(evidence, carried),
        fix=LEAF_LAST
        if is_hidden
        else f"{_detached(carried, called)} before it is used again, or compute it anew in each round",
        edits=leaf_last(evidence, carried) if is_hidden else _cure(evidence, shared, thrown),
        **seen_refused(evidence),
    )


def _leaf_behind(evidence: Evidence, value: Value) -> str | None:
    """The first leaf that a value was recorded to depend on."""
    return next(iter(leaves_of(evidence, reach(evidence.trace, flattened(evidence.trace, [value.id])))), None)


def _meant_for_others(evidence: Evidence, shared: _Shared) -> Span | None:
    """Where the first pass's result uses what was carried, if only other leaves were updated after that pass."""
    carried, again = shared.carried, shared.again
    assert carried is not None
    assert again is not None
    trace = evidence.trace
    behind = {evidence.origin(value) for value in ancestors(trace, [carried.id])}
    updated = {
        evidence.origin(value.id)
        for value in trace.values[shared.earlier.at :]
        if value.previous is not None and not is_switch(value) and is_leaf(value.tensor)
    }
    if not updated or not updated.isdisjoint(behind):
        return None
    nodes = reach(trace, shared.earlier.roots)
    uses = [each for each in evidence.users.get(carried.id, []) if each.id < shared.earlier.at and _node(each) in nodes]
    whole = evidence.text.expression_at(uses[0].span) if uses and uses[0].span != again.span else None
    for node in () if whole is None else ast.walk(whole):
        if isinstance(node, ast.Name) and node.id in evidence.names(carried.id):
            return evidence.text.span_of(node)
    return None


def _shared(evidence: Evidence) -> _Shared | None:
    trace = evidence.trace
    roots = refused_roots(trace)
    mine = reach(trace, roots)
    found = [(each, reach(trace, each.roots) & mine) for each in passes(evidence) if each.call is not None]
    found = [(each, nodes) for each, nodes in found if any(trace.nodes[node].leaf is None for node in nodes)]
    freeing = [pair for pair in found if not _keeps(evidence, pair[0])] or found
    if not freeing:
        return None
    earlier, nodes = freeing[-1]
    leading = _leading_to(trace, mine, nodes)
    carried = [
        (trace.values[operand], value)
        for value in trace.values[earlier.at :]
        if _node(value) in mine - nodes
        for operand in [_unchanged(evidence, each) for each in _given_to(evidence, value)]
        if _node(trace.values[operand]) in leading and operand < earlier.at
    ]
    named = [pair for pair in carried if evidence.names(pair[0].id)]
    named = named or [(_holder(evidence, each), again) for each, again in carried]
    newest = max(named, key=lambda pair: (pair[0].id, -pair[1].id), default=(None, None))
    return _Shared(nodes=nodes, earlier=earlier, carried=newest[0], again=newest[1])


def _unchanged(evidence: Evidence, operand: int) -> int:
    """What a value was before casts that had nothing to do: `x.float()` of float32 is x."""
    values = evidence.trace.values
    while values[operand].operands:
        earlier = values[operand].operands[0]
        if _node(values[operand]) is None or _node(values[earlier]) != _node(values[operand]):
            break
        operand = earlier
    return operand


def _leading_to(trace: Trace, mine: Collection[int], nodes: Collection[int]) -> set[int]:
    """The nodes of `mine` that lead to one of `nodes` that is no leaf: a state need not be on the first pass's way."""
    found: set[int] = set()
    for number in sorted(mine):
        node = trace.nodes[number]
        if (number in nodes and node.leaf is None) or not found.isdisjoint(
            each for each in node.next if each is not None
        ):
            found.add(number)
    return found


def _given_to(evidence: Evidence, value: Value) -> list[int]:
    """What an operation was given, those in a tuple one by one; of an element of a result, what that was made of."""
    while value.kind is Kind.ELEMENT:
        value = evidence.trace.values[value.operands[0]]
    return flattened(evidence.trace, value.operands)


def _holder(evidence: Evidence, part: Value) -> Value:
    """The tuple that a value is carried in, such as the state of an LSTM; else the value itself."""
    holders = [each for each in evidence.trace.values if part.id in each.elements and evidence.names(each.id)]
    held = [each for each in evidence.trace.values if part.id in each.elements and _attribute(evidence, each)]
    return next(iter([*holders, *held]), part)


def _attribute(evidence: Evidence, value: Value) -> str | None:
    """The attribute of an object that a value was put into: `self.state`."""
    made = (each for each in evidence.users.get(value.id, ()) if each.kind is Kind.ASSIGNMENT)
    return next((evidence.piece_whole(each.span) for each in made if value.id in each.operands[1:]), None)


def _detached(value: Value, called: str) -> str:
    """What to write to let go of the history of a value, or of each in a tuple."""
    is_tuple = bool(value.elements)
    return f"{called} = tuple(each.detach() for each in {called})" if is_tuple else f"{called} = {called}.detach()"


def _keeps(evidence: Evidence, each: Pass) -> bool:
    """Whether the call says that the graph is to be kept."""
    call = None if each.call is None else evidence.text.call_at(each.call.span)
    return call is not None and any(keyword.arg in {"retain_graph", "create_graph"} for keyword in call.keywords)


def _node(value: Value) -> int | None:
    return None if value.tensor is None else value.tensor.grad_fn


def _thrown_away(evidence: Evidence, carried: Value) -> Value | None:
    """A detach() of the value whose result was neither bound to a name nor used."""
    for value in evidence.trace.values[carried.id :]:
        step = evidence.step_of(value)
        is_detach = (
            value.verb == "detach"
            and value.kind is not Kind.UNCALLED
            and evidence.origin(value.operands[0]) == evidence.origin(carried.id)
        )
        if (
            is_detach
            and step is not None
            and step.value == value.id
            and not step.binds
            and value.id not in evidence.users
        ):
            return value
    return None


def _cure(evidence: Evidence, shared: _Shared, thrown: Value | None) -> tuple[Edit, ...]:
    carried, again = shared.carried, shared.again
    assert carried is not None
    assert again is not None
    text = evidence.text
    names = evidence.names(carried.id)
    if thrown is not None and thrown.span is not None and names:
        return (text.replaced(thrown.span, f"{names[0]} = {evidence.piece_whole(thrown.span)}"),)
    call = None if shared.earlier.call is None else text.statement_around(shared.earlier.call.span)
    is_carried = any(value > carried.id for _, value in evidence.bindings(names[0])) if names else False
    if is_carried and call is not None:
        return (text.after(text.span_of(call), _detached(carried, names[0])),)
    attribute, statement = _attribute(evidence, carried), text.statement_around(carried.span)
    if attribute is not None and statement is not None:
        return (text.after(text.span_of(statement), _detached(carried, attribute)),)
    return _moved(evidence, shared) or _retained(evidence, shared.earlier.call)


def _is_simple(evidence: Evidence, step: Step) -> bool:
    """Whether a statement has its line to itself."""
    span = step.span
    return span.line == span.end_line and evidence.lines[span.line - 1].strip() == evidence.piece_whole(span)


def _moved(evidence: Evidence, shared: _Shared) -> tuple[Edit, ...]:
    """The statements that computed the shared part outside the loop, moved to the beginning of its body."""
    trace = evidence.trace
    numbers = {trace.values[trace.nodes[node].value].step for node in shared.nodes if trace.nodes[node].leaf is None}
    steps = [trace.steps[number] for number in sorted(number for number in numbers if number is not None)]
    assert shared.again is not None
    again = evidence.step_of(shared.again)
    if again is None or not again.iteration or any(step.iteration or not _is_simple(evidence, step) for step in steps):
        return ()
    body = _first_of_body(evidence, again)
    if body is None or not steps:
        return ()
    moved = evidence.text.before(body, *[evidence.piece_whole(step.span) for step in steps])
    return (*[evidence.text.without(step.span) for step in steps], moved)


def _first_of_body(evidence: Evidence, inside: Step) -> Span | None:
    """The first statement of the loop around a statement."""
    around = [
        step
        for step in evidence.trace.steps
        if step.iteration[:1] == (0,) and len(step.iteration) == 1 and step.span.line <= inside.span.line
    ]
    return around[0].span if around and len(inside.iteration) == 1 else None


def _retained(evidence: Evidence, call: Value | None) -> tuple[Edit, ...]:
    node = None if call is None else evidence.text.call_at(call.span)
    return () if node is None else (evidence.text.with_keyword(node, "retain_graph=True"),)
