"""What became of the gradients of a run, in one sentence: which leaves there were, and which of them got one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autograd_cli.lang.source import Source
from autograd_cli.modes import DEFAULT_MODE, MODES
from autograd_cli.rules.difference.missing import reasons
from autograd_cli.rules.evidence.edges import handed_back
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.graph import is_metadata, is_tracked
from autograd_cli.rules.evidence.optimizers import parameters_of, step_calls
from autograd_cli.rules.evidence.symptoms import Pass, flattened, is_leaf, name_of, passes
from autograd_cli.trace import Kind, TensorInfo, Trace, Value, without_number

_NAMED = 3
_KINDS = {Kind.INPUT: "inputs", Kind.PARAMETER: "parameters"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaf:
    """A leaf of the run: what it is called, which kind of value it is, and the gradient that it got last."""

    name: str
    kind: Kind
    got: bool
    gradient: TensorInfo | None


def outcome(trace: Trace, text: Source, of: str | None = None) -> str:
    """The sentence, of all leaves that were used or got a gradient, or of the one variable `of`."""
    evidence = Evidence(trace, text)
    leaves = [each for each in _leaves(evidence) if of is None or each.name == of]
    if of is not None and not leaves:
        return _of_result(trace, of)
    ran = passes(evidence)
    if trace.mode != DEFAULT_MODE and not any(each.got for each in leaves):
        return f"no gradient: the program runs {MODES[trace.mode].summary}"
    if not ran:
        why = "backward() did not run" if trace.refusal is None else "torch refused before backward() ran"
        return why if leaves else f"{why}, and nothing requires a gradient"
    if not leaves and any(each.backward is not None for each in ran):
        return "nothing that was used requires a gradient"
    told = _told(leaves, dict(reasons(trace)), ran)
    frozen = 0 if of is not None else _frozen(evidence)
    return f"{told}; {frozen} in an optimizer {'is' if frozen == 1 else 'are'} frozen" if frozen else told


def _frozen(evidence: Evidence) -> int:
    """How many parameters an optimizer has at its last step that do not require gradients."""
    held = [evidence.tensor(each) for step in step_calls(evidence)[-1:] for each in parameters_of(evidence, step)]
    return sum(each is not None and not each.requires_grad for each in held)


def _of_result(trace: Trace, name: str) -> str:
    """The sentence about a variable that is no leaf."""
    variable = next((each for each in trace.variables if each.name == name), None)
    if variable is not None and not variable.tensor.requires_grad:
        return f"{name} does not require a gradient"
    return f"a gradient arrived at {name}" if trace.arrived(name) is not None else f"no gradient arrived at {name}"


def _told(leaves: Sequence[_Leaf], why: dict[str, str], ran: Sequence[Pass]) -> str:
    got = [each for each in leaves if each.got]
    lacking = [each for each in leaves if not each.got]
    zero = [each.name for each in got if each.gradient is not None and _is_zero(each.gradient)]
    if not got and all(each.backward is None for each in ran):
        return "autograd.grad() gave the gradients that it was asked for"
    if not lacking:
        parts = [_all(leaves)]
    elif not got:
        parts = [f"{_names(lacking)} got no gradient"]
    else:
        parts = [f"{_number(got)} of {_counted(got, lacking)} got gradients"]
        for reason in dict.fromkeys(why.get(each.name, "") for each in lacking):
            alike = dict.fromkeys(each.name for each in lacking if why.get(each.name, "") == reason)
            names = _listed(list(alike))
            parts.append(f"{names} did not{': ' if reason else ''}{reason}")
    if zero:
        which = "it is" if len(leaves) == 1 else "all of them are" if len(zero) == len(leaves) else None
        parts.append(f"{which or f'that of {_listed(zero)} is'} 0")
    return "; ".join(parts)


def _all(leaves: Sequence[_Leaf]) -> str:
    return f"{_names(leaves)} got {'a gradient' if len(leaves) == 1 else 'gradients'}"


def _counted(*groups: Sequence[_Leaf]) -> str:
    kinds = {_KINDS.get(each.kind, "leaves") for leaves in groups for each in leaves}
    return f"{sum(map(_number, groups))} {kinds.pop() if len(kinds) == 1 else 'leaves'}"


def _number(leaves: Sequence[_Leaf]) -> int:
    """How many leaves there are, where those that a loop makes anew in each round are one."""
    return len({without_number(each.name).partition(" (value ")[0] for each in leaves})


def _names(leaves: Sequence[_Leaf]) -> str:
    names = list(dict.fromkeys(each.name for each in leaves))
    return _listed(names) if len(names) == len(leaves) <= _NAMED else f"all {_counted(leaves)}"


def _listed(names: Sequence[str]) -> str:
    if len(names) > _NAMED:
        names = [*names[:_NAMED], f"{len(names) - _NAMED} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def _is_zero(gradient: TensorInfo) -> bool:
    if gradient.values is not None:
        return bool(gradient.values) and not any(gradient.values)
    summary = gradient.summary
    is_finite = summary is not None and not summary.nan_count and not summary.inf_count
    return summary is not None and is_finite and summary.minimum == 0 == summary.maximum


def _leaves(evidence: Evidence) -> list[_Leaf]:
    """The leaves that were used or got a gradient, in the order in which the program came to them."""
    trace = evidence.trace
    given: dict[int, TensorInfo | None] = dict.fromkeys(_taken(evidence))
    called: dict[int, str] = {}
    for backward in trace.backwards:
        for each in backward.leaves:
            if each.value is not None and each.after is not None:
                given[evidence.origin(each.value)] = each.after
                called[evidence.origin(each.value)] = each.name
    found: dict[int, _Leaf] = {}
    handed = {each.id for each in trace.values if each.previous is None and handed_back(trace, each) is not None}
    for value in trace.values:
        key = evidence.origin(value.id)
        if key in found or value.id in handed or not is_leaf(value.tensor) or not is_tracked(trace, value.id):
            continue
        name = called.get(key) or name_of(evidence, value.id)
        is_used = any(_is_use(user, value.id) for user in evidence.users.get(value.id, ()))
        if name is not None and not name.startswith(" ") and (key in given or is_used):  # a name of its own
            found[key] = _Leaf(name=name, kind=value.kind, got=key in given, gradient=given.get(key))
    return list(found.values())


def _is_use(user: Value, leaf: int) -> bool:
    """Whether something was computed from a leaf: not when it was written to, put into a list, or asked its shape."""
    return not is_metadata(user) and user.previous != leaf and leaf not in user.elements


def _taken(evidence: Evidence) -> Iterable[int]:
    """The leaves whose gradient `autograd.grad` gave."""
    for each in passes(evidence):
        if each.backward is None and each.call is not None:
            for value in flattened(evidence.trace, each.call.operands[1:2]):
                if is_leaf(evidence.tensor(value)):
                    yield evidence.origin(value)
