"""The rule of results that are only kept, each with the whole graph that it came from, so that memory grows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from autograd_cli.diagnostic import Diagnostic, Edit, Severity, Span
from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.rules.evidence.graph import ancestors
from autograd_cli.rules.evidence.symptoms import is_result, own_passes, reach
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Kind, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What the list of an `append` holds: `graph` is how many operations torch keeps for its tensors."""

    append: Value
    tensors: int
    graph: int


def _find_graph_kept(evidence: Evidence) -> Iterator[Diagnostic]:
    told = set[object]()
    for kept in _lists(evidence):
        given = evidence.trace.values[kept.append.operands[1]]
        if kept.append.span in told:
            continue
        told.add(kept.append.span)
        yield Diagnostic(
            rule="graph-kept",
            severity=Severity.NOTE,
            message=f"`{evidence.piece(kept.append.span)}` keeps the graph of every round: {kept.tensors} tensors hold "
            f"{kept.graph:,} operations that no backward() goes through",
            span=kept.append.span,
            label="memory grows in each round",
            victim=evidence.text.receiver_at(kept.append.span),
            fix="keep the number: .item(), or .detach() for a tensor; compute what is only looked at under no_grad",
            edits=_detached(evidence, given),
        )


def _lists(evidence: Evidence) -> Iterator[_Kept]:
    """The lists that hold tracked results of several rounds, which no pass came by."""
    trace = evidence.trace
    passes = [each.at for each in own_passes(evidence)]
    for append in _appends(evidence):
        held = _latest(evidence)[evidence.origin(append.operands[0])]
        tensors = [each for each in held.elements if is_result(evidence.tensor(each))]
        is_of_rounds = any(tensors[0] < each < tensors[-1] for each in passes) if tensors else False
        seen = [each for each in tensors if trace.values[each].kind is not Kind.CONSTANT]
        if is_of_rounds and append.operands[1] in tensors and _used(evidence).isdisjoint(seen):
            graph = _reachable(evidence, tensors)
            if not graph & _visited(evidence):
                yield _Kept(append=append, tensors=len(tensors), graph=len(graph))


def _appends(evidence: Evidence) -> Iterable[Value]:
    """The last `append` of a tracked result at each place, to each list."""
    found: dict[tuple[Span | None, int], Value] = {}
    for value in evidence.trace.values:
        is_append = value.kind is Kind.METHOD and value.function == "builtins.list.append" and len(value.operands) > 1
        if is_append and is_result(evidence.tensor(value.operands[1])):
            found[value.span, evidence.origin(value.operands[0])] = value
    return found.values()


@remembered
def _latest(evidence: Evidence) -> dict[int, Value]:
    """The last version of each value, by the first."""
    return {evidence.origin(value.id): value for value in evidence.trace.values}


@remembered
def _used(evidence: Evidence) -> frozenset[int]:
    """What a root of a backward pass was computed from."""
    return ancestors(evidence.trace, evidence.trace.roots)


@remembered
def _visited(evidence: Evidence) -> frozenset[int]:
    """The nodes that a backward pass came by, without those of leaves."""
    walked = {visit.node for walk in evidence.trace.walks for visit in walk.visits}
    return frozenset(each for each in walked if evidence.trace.nodes[each].leaf is None)


def _reachable(evidence: Evidence, values: list[int]) -> frozenset[int]:
    """The operations that torch keeps for these values."""
    return frozenset(each for each in reach(evidence.trace, values) if evidence.trace.nodes[each].leaf is None)


def _detached(evidence: Evidence, given: Value) -> tuple[Edit, ...]:
    edit = None if given.span is None else evidence.text.with_method(given.span, "detach()")
    return () if edit is None else (edit,)


RULES: tuple[Rule, ...] = (
    Rule(
        slug="graph-kept",
        family=Family.BACKWARD,
        summary="Results that are only kept hold the whole graph that they came from: memory grows in each round.",
        why="A result that requires gradients refers to the operation that made it, and that to the ones before it and "
        "to the tensors that they saved. backward() lets these go; where it does not run, as in an evaluation, they "
        "stay as long as the result does.",
        cure="Append `loss.item()` or `loss.detach()`, and evaluate under `torch.no_grad()`.",
        find=_find_graph_kept,
        generality=5,
    ),
)
