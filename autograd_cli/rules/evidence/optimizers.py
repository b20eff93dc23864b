"""What the optimizers of a run did: their steps, where each was made, and the parameters by their names in a model."""

from __future__ import annotations

from collections.abc import Iterable

from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.rules.evidence.passage import is_same
from autograd_cli.rules.evidence.symptoms import makes_optimizer
from autograd_cli.rules.evidence.traits import Trait, has
from autograd_cli.trace import Kind, Value


@remembered
def steps_of(evidence: Evidence) -> tuple[Value, ...]:
    """The steps: of each, one value for every parameter that it changed, and then one for the call."""
    return tuple([value for value in evidence.trace.values if value.kind is Kind.STEP])


@remembered
def step_calls(evidence: Evidence) -> tuple[Value, ...]:
    """The values of the calls of a step, one for each."""
    return tuple([step for step in steps_of(evidence) if step.previous is None])


@remembered
def clips_of(evidence: Evidence) -> tuple[Value, ...]:
    """The calls that scale or bound gradients."""
    calls = (value for value in evidence.trace.values if value.kind is Kind.CALL)
    return tuple([value for value in calls if has(value.verb, Trait.CLIPPING)])


def parameters_of(evidence: Evidence, step: Value) -> list[int]:
    """The operands of a step that are parameters, frozen ones too, and not the loss or a gradient."""
    return [each for each in step.operands if _is_parameter(evidence, evidence.trace.values[each])]


def _is_parameter(evidence: Evidence, value: Value) -> bool:
    tensor = value.tensor
    is_gradient = value.reads("grad") or (tensor is not None and tensor.storage in _storages_of_gradients(evidence))
    return tensor is not None and tensor.is_leaf and not is_gradient


@remembered
def _storages_of_gradients(evidence: Evidence) -> frozenset[int]:
    leaves = [leaf for backward in evidence.trace.backwards for leaf in backward.leaves]
    return frozenset(leaf.after.storage for leaf in leaves if leaf.after is not None)


def class_of(step: Value) -> str:
    """The class of the optimizer of a step: `Adam`."""
    return (step.function or "").split(".")[-2]


def optimizer_of(evidence: Evidence, step: Value) -> Value | None:
    """Where the optimizer of a step was made, where that is known."""
    found = [evidence.trace.values[each] for each in step.operands[::-1]]
    return next((each for each in found if makes_optimizer(each)), None)


def model_name(evidence: Evidence, leaf: int) -> str:
    """What a parameter is called at the end, which is its name in its model."""
    return evidence.name_at_end(leaf) or evidence.called(leaf)


def model_names(evidence: Evidence, leaves: Iterable[int]) -> list[str]:
    """What parameters are called, in the order of their model."""
    places = {variable.leaf: place for place, variable in enumerate(evidence.trace.variables)}
    return [model_name(evidence, leaf) for leaf in sorted(leaves, key=lambda leaf: places.get(leaf, len(places)))]


def is_moved(evidence: Evidence, step: Value) -> bool:
    """Whether a step changed its parameter."""
    before = None if step.previous is None else evidence.tensor(step.previous)
    now = step.tensor
    return before is not None and now is not None and not is_same(before, now)


def schedules(evidence: Evidence, value: Value, optimizer: Value) -> bool:
    """Whether a value is a scheduler of the optimizer."""
    is_made = value.kind is Kind.CALL and (value.function or "").startswith("torch.optim.lr_scheduler.")
    return is_made and any(part.id == optimizer.id for part in evidence.trace.parts(value.operands))
