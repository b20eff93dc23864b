"""Second derivatives that are zero because what was differentiated is made of straight lines, as a relu network is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.rules.evidence.passage import Departure, Passage, is_zero
from autograd_cli.rules.evidence.symptoms import GRAD
from autograd_cli.trace import Kind, Value

_FUNCTIONS = {"thresholdbackward": "relu", "sgn": "abs"}  # whose derivative torch computes by another function


@dataclass(frozen=True, slots=True, kw_only=True)
class Flat:
    """A `call` of `autograd.grad` whose `answer` is zero, and the `function` of straight lines that makes it so.

    `use` is where the function was called, `made` where its module was made, if it is one; `passage` is the walk.
    """

    call: Value
    answer: Value
    function: str
    use: Value
    made: Value | None
    passage: Passage


@remembered
def flat(evidence: Evidence) -> tuple[Flat, ...]:
    """The second derivatives that are zero, each call once."""
    found: dict[object, Flat] = {}
    for passage in evidence.passages:
        if passage.walk.backward is None and passage.walk.span not in found:
            for each in _flat(evidence, passage):
                found[passage.walk.span] = each
                break
    return tuple(found.values())


def _flat(evidence: Evidence, passage: Passage) -> Iterator[Flat]:
    trace = evidence.trace
    later = trace.values[passage.walk.start :]
    call = next((each for each in later if each.function == GRAD and each.span == passage.walk.span), None)
    if call is None or not call.elements:
        return
    if not passage.ends or not all(is_zero(each) for end in passage.ends for each in passage.arrived_at(end)):
        return
    for departure in (each for end in passage.ends for each in passage.stops(end)):
        function = _function(evidence, passage, departure)
        use = None if function is None else _use(evidence, passage, function)
        if function is not None and use is not None:
            answer = trace.values[call.elements[0]]
            made = _made(evidence, function)
            yield Flat(call=call, answer=answer, function=function, use=use, made=made, passage=passage)


def _function(evidence: Evidence, passage: Passage, departure: Departure) -> str | None:
    """The function that has no second derivative, where it is the derivative of one that lets only zeros through."""
    node = passage.nodes[departure.visit.node]
    value = evidence.trace.values[node.value]
    is_of_derivative = any(evidence.trace.values[each].function == GRAD for each in (value.id, *value.operands))
    if not is_of_derivative or not (node.stem.endswith("backward") or node.stem in _FUNCTIONS):
        return None
    return _FUNCTIONS.get(node.stem, node.stem.removesuffix("backward"))


def _use(evidence: Evidence, passage: Passage, function: str) -> Value | None:
    """Where the program called it, among what was differentiated."""
    trace = evidence.trace
    walks = [passage.walk, *[each for each in trace.walks if each.start < passage.walk.start][::-1]]
    nodes = (trace.nodes[visit.node] for walk in walks for visit in walk.visits)
    return next((trace.values[node.value] for node in nodes if node.stem == function), None)


def _made(evidence: Evidence, function: str) -> Value | None:
    """Where its module was made, if there is one such place."""
    made = [
        value
        for value in evidence.trace.values
        if value.kind is Kind.CALL
        and (value.function or "").startswith("torch.nn.")
        and value.verb.lower() == function
        and value.tensor is None
    ]
    return made[0] if len({value.span for value in made}) == 1 else None
