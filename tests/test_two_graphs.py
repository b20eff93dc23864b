"""Both graphs of programs made at random: what was computed, by the maker's own dataflow, and what torch recorded.

The oracle of the recorded graph is torch's own, walked by `next_functions` after Python ran the same text.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import torch

from autograd_cli import explore, rules
from autograd_cli.trace import Kind, Trace, Value
from random_programs import (
    CHANGED,
    CHUNKS,
    INPUTS,
    Made,
    below,
    by_torch,
    chunk,
    matched,
    names_at_start,
    run,
    same,
)


@cache
def explored(made: Made) -> Trace:
    """The Trace of a program, made once for all the tests that look at it."""
    report = explore(made.text, inputs=dict(INPUTS))
    assert report.traces, report.diagnostics
    return report.trace


def ancestors(trace: Trace) -> list[int]:
    """For each value, all the values that it was computed from, as the bits of a number."""
    found: list[int] = []
    for value in trace.values:
        above = 1 << value.id
        for operand in value.operands:
            above |= found[operand]
        found.append(above)
    return found


def definitions(trace: Trace, made: Made) -> dict[tuple[int, str], int]:
    """The value that each statement bound to each name; that of an input at the start."""
    found = {(-1, str(value.name)): value.id for value in trace.values if value.kind is Kind.INPUT}
    for number, statement in enumerate(made.statements):
        for step in trace.steps:
            if step.span.line in statement.lines:
                found |= {(number, name): value for name, value in zip(step.binds, step.bound, strict=True)}
    return found


@pytest.mark.parametrize("number", range(CHUNKS))
def test_every_path_of_the_program_is_a_path_of_the_computed_graph(number: int) -> None:
    for made in chunk(number):
        trace = explored(made)
        above, defined = ancestors(trace), definitions(trace, made)
        for place, statement in enumerate(made.statements):
            for name in statement.binds:
                for seen in statement.sees:
                    if (place, name) in defined:
                        assert above[defined[place, name]] >> defined[seen] & 1, (made.text, statement.text, seen)
        assert trace.result is not None
        for seen in made.result_sees:
            assert above[trace.result] >> defined[seen] & 1, (made.text, seen)


@pytest.mark.parametrize("number", range(CHUNKS))
def test_a_result_is_reached_from_the_inputs_that_change_it_and_from_no_stranger(number: int) -> None:
    for made in chunk(number):
        trace = explored(made)
        assert trace.result is not None
        above = ancestors(trace)[trace.result]
        reached = {value.name for value in trace.values if value.kind is Kind.INPUT and above >> value.id & 1}
        base = by_torch(made.text)["result"].detach()
        for name in INPUTS:
            changed = by_torch(made.text, {**INPUTS, name: CHANGED[name]})["result"].detach()
            assert name in reached or same(changed, base), (made.text, name)
        assert reached <= made.sources, made.text


def test_the_programs_have_paths_to_miss() -> None:
    programs = [made for number in range(CHUNKS) for made in chunk(number)]
    assert sum(len(made.sources) < len(INPUTS) for made in programs) > len(programs) / 10
    assert sum(bool(statement.changes) for made in programs for statement in made.statements) > len(programs) / 3


# What torch recorded.


@pytest.mark.parametrize("number", range(CHUNKS))
def test_the_recorded_graph_is_torchs_node_for_node(number: int) -> None:
    for made in chunk(number):
        trace = explored(made)
        names = by_torch(made.text)
        assert trace.result is not None
        told = trace.values[trace.result].tensor
        assert told is not None
        root = names["result"].grad_fn
        assert (told.grad_fn is None) is (root is None), made.text
        if root is not None:
            assert told.grad_fn is not None
            assert len(matched(trace, told.grad_fn, root, names)) == len(below(root))


# Which edges of the computed graph torch recorded.


def node_of(tensor: torch.Tensor) -> Any:
    """A tensor's grad_fn, the accumulator of a leaf, or None: a view made without grad mode has neither."""
    try:
        if tensor.grad_fn is not None or not tensor.requires_grad:
            return tensor.grad_fn
    except RuntimeError:  # a view of several, which torch has forbidden
        return None
    view = tensor.view_as(tensor).grad_fn
    return None if view is None else view.next_functions[0][0]


def leads(start: Any, ends: Any, window: range) -> bool:
    """Whether torch has a path from one node to another through nodes whose sequence numbers are in the window."""
    pending, found = [start], set[Any]()
    while pending:
        node = pending.pop()
        if node is ends and node is not start:
            return True
        if node is None or node in found or node._sequence_nr() not in window:  # noqa: SLF001 - torch has no other name for it
            continue
        found.add(node)
        pending += [child for child, _ in node.next_functions]
    return False


def has_two_names(names: dict[str, Any], name: str) -> bool:
    return sum(value is names[name] for value in names.values()) > 1


def edges_by_torch(made: Made) -> Iterator[tuple[int, str, str, bool]]:
    """Statement, the name that it binds or changes, a name that it reads, and whether torch recorded that."""
    names = names_at_start()
    for number, statement in enumerate(made.statements):
        is_looked_at = statement.is_single and not any(has_two_names(names, read) for read in statement.reads)
        before = {name: (names[name], node_of(names[name])) for name in statement.reads if is_looked_at}
        first = torch.autograd._get_sequence_nr()  # type: ignore[attr-defined]  # noqa: SLF001
        run(statement.text, names)
        window = range(first, torch.autograd._get_sequence_nr())  # type: ignore[attr-defined]  # noqa: SLF001
        for read, (tensor, node) in before.items():
            target = statement.binds[0] if statement.binds else statement.reads[0]
            if statement.binds and names[target] is tensor:
                continue  # the operation handed it back as it was
            yield number, target, read, leads(node_of(names[target]), node, window) if node is not None else False


def version_before(trace: Trace, value: int, end: int) -> int:
    """The last version of a value before value `end`."""
    for later in trace.values[:end]:
        if later.previous == value:
            value = later.id
    return value


def made_by(trace: Trace, made: Made, number: int, name: str, bound: dict[str, int]) -> Value:
    """The value that a statement bound to a name, or the version of it that it made."""
    lines = made.statements[number].lines
    steps = {step.id for step in trace.steps if step.span.line in lines}
    if name in made.statements[number].binds:
        return trace.values[bound[name]]
    versions = {bound[name]}
    for value in trace.values:
        if value.previous in versions:
            versions.add(value.id)
    return next(trace.values[each] for each in sorted(versions) if trace.values[each].step in steps)


@pytest.mark.parametrize("number", range(CHUNKS))
def test_an_edge_counts_as_recorded_where_torch_has_a_path(number: int) -> None:
    outcomes = set[bool]()
    for made in chunk(number):
        trace = explored(made)
        recorded = frozenset(rules.explain(trace, ()).recorded)
        defined = definitions(trace, made)
        for place, target, read, is_recorded in edges_by_torch(made):
            bound = {name: value for (line, name), value in sorted(defined.items()) if line < place}
            after = {name: value for (line, name), value in sorted(defined.items()) if line <= place}
            value = made_by(trace, made, place, target, after)
            operand = version_before(trace, bound[read], value.id)
            assert operand in value.operands, (made.text, made.statements[place].text)
            assert ((value.id, operand) in recorded) is is_recorded, (made.text, made.statements[place].text, read)
            outcomes.add(is_recorded)
    assert outcomes == {False, True}
