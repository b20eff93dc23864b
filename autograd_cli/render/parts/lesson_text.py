"""The sentences of a lesson, with what they say of the run taken from its Trace. `lessons` tells what can be asked."""

from __future__ import annotations

import re
from dataclasses import replace

from autograd_cli.render.look import Look
from autograd_cli.render.parts.numbers import array_text
from autograd_cli.trace import LeafGradient, TensorInfo, Trace, Variable

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_QUESTION = re.compile(r"(?P<name>\w+)(\.(?P<fact>\w+))?(@(?P<line>line )?(?P<number>\d+))?")


def sentence(template: str, trace: Trace) -> str:
    """The template, with an answer in place of each placeholder.

    Raises:
        LookupError: the run has no answer to one of them.
    """
    return _PLACEHOLDER.sub(lambda found: _answer(found[1], trace), template)


def _answer(placeholder: str, trace: Trace) -> str:
    question = _QUESTION.fullmatch(placeholder)
    if question is None:
        raise LookupError(f"{placeholder} asks for nothing that is known")
    name, fact = question["name"], question["fact"]
    number = int(question["number"] or 0)
    if question["line"] is not None:
        return _fact(_after_line(trace, name, number), fact, trace)
    if question["number"] is not None:
        return _numbered(trace, name, fact, number)
    if name == "refusal":
        return _refusal(trace)
    variable = _variable(trace, name)
    return _numbers(variable.grad) if fact == "grad" else _fact(variable.tensor, fact, trace)


def _numbered(trace: Trace, name: str, fact: str | None, number: int) -> str:
    """What is asked for by the number of a backward pass."""
    match fact:
        case "added":
            return _numbers(_added(_leaf(trace, name, number)))
        case "grad" if number == 0:
            return _numbers(_leaf(trace, name, 1).before)
        case "grad":
            return _numbers(_leaf(trace, name, number).after)
    raise LookupError(f"{fact} of {name} has no number")


def _fact(tensor: TensorInfo, fact: str | None, trace: Trace) -> str:
    match fact:
        case None:
            return _numbers(tensor)
        case "grad_fn":
            return "None" if tensor.grad_fn is None else trace.nodes[tensor.grad_fn].name
        case "requires_grad" | "is_leaf" | "dtype" | "version" | "retains_grad" | "is_inference":
            return str(getattr(tensor, fact))
    raise LookupError(f"{fact} is not a fact of a tensor")


def _numbers(tensor: TensorInfo | None) -> str:
    if tensor is None:
        return "None"
    text = array_text(tensor, Look(), None)
    return text if tensor.shape else text.removesuffix(".")  # which would be taken for a full stop


def _refusal(trace: Trace) -> str:
    if trace.refusal is None:
        raise LookupError("nothing was refused")
    return trace.refusal.message.partition(" Hint:")[0].rstrip(".")


def _variable(trace: Trace, name: str) -> Variable:
    for variable in trace.variables:
        if variable.name == name:
            return variable
    raise LookupError(f"no tensor is called {name}")


def _leaf(trace: Trace, name: str, number: int) -> LeafGradient:
    """What a backward pass, counted from 1, did to a leaf."""
    for leaf in trace.backwards[number - 1].leaves:
        if leaf.name == name:
            return leaf
    raise LookupError(f"backward pass {number} has no leaf {name}")


def _added(leaf: LeafGradient) -> TensorInfo | None:
    """What one backward pass added to `.grad`."""
    before, after = leaf.before, leaf.after
    if before is None or after is None or before.values is None or after.values is None:
        return after
    pairs = zip(before.values, after.values, strict=True)
    return replace(after, values=tuple([new - old for old, new in pairs]))


def _after_line(trace: Trace, name: str, line: int) -> TensorInfo:
    """The tensor that a name was bound to when a line had run, as it was then. Of a loop, its last round counts."""
    steps = [step for step in trace.steps if step.span.end_line <= line]
    bound = [value for step in steps for each, value in zip(step.binds, step.bound, strict=True) if each == name]
    if not bound:
        raise LookupError(f"no tensor is called {name} after line {line}")
    ran = {step.id for step in steps}
    latest = trace.values[bound[-1]]
    for value in trace.values[latest.id :]:
        if value.previous == latest.id and value.step in ran:
            latest = value
    if latest.tensor is None:
        raise LookupError(f"{name} is not a tensor")
    return latest.tensor
