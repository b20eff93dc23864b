"""An answer narrowed to one variable of the program."""

from __future__ import annotations

from dataclasses import replace

from autograd_cli.diagnostic import Diagnostic, Severity, bad_request
from autograd_cli.rules.causes.cuts import find_cuts
from autograd_cli.rules.evidence.graph import ancestors, dependents
from autograd_cli.trace import Explanation, Trace


def narrow(
    trace: Trace, explanation: Explanation | None, diagnostics: tuple[Diagnostic, ...], name: str
) -> tuple[Trace, Explanation | None, tuple[Diagnostic, ...]]:
    """What there is to say of the variable `name`: both graphs stay whole, for values refer to one another by number.

    Raises:
        AgxError: the program has no tensor of this name.
    """
    variables = tuple([variable for variable in trace.variables if variable.name == name])
    if not variables:
        names = ", ".join(variable.name for variable in trace.variables)
        fix = f"there are {names}" if names else None
        raise bad_request("unknown-name", f"the program has no tensor {name} at its end", source="--of", fix=fix)
    narrowed = replace(
        trace,
        variables=variables,
        asked=tuple([asked for asked in trace.asked if asked == name]),
        grads=tuple([(leaf, grad) for leaf, grad in trace.grads if leaf == name]),
    )
    kept = tuple([found for found in diagnostics if found.victim in {None, name} or name in found.others])
    if explanation is not None:
        if not variables[0].tensor.is_leaf or not variables[0].tensor.requires_grad:
            kept += _unreached(trace, name)
        explanation = replace(
            explanation,
            missing=tuple([each for each in explanation.missing if each[0] == name]),
            related=tuple(sorted(_related(trace, name))),
            counterfactuals=tuple([each for each in explanation.counterfactuals if each.name == name]),
        )
    return narrowed, explanation, kept


def _related(trace: Trace, name: str) -> frozenset[int]:
    """The values that any version of the variable was computed from, and those computed from its first."""
    versions = [value.id for value in trace.values if value.name == name]
    versions += [variable.value for variable in trace.variables if variable.name == name]
    return ancestors(trace, versions) | dependents(trace, min(versions))


def _unreached(trace: Trace, name: str) -> tuple[Diagnostic, ...]:
    """The error that no gradient arrives at a variable that is no leaf, where none does."""
    if trace.arrived(name) is not None or trace.refusal is not None:
        return ()
    variable = next(each for each in trace.variables if each.name == name)
    line = ancestors(trace, [variable.value]) | (dependents(trace, variable.value) & ancestors(trace, trace.roots))
    cut = next(iter(find_cuts(trace, line)), None)
    return (
        Diagnostic(
            rule="not-in-graph" if cut is None else cut.rule,
            severity=Severity.ERROR,
            message=f"no gradient arrives at {name}",
            span=None if cut is None else cut.span,
            label=None if cut is None else f"not tracked: {cut.why}",
            victim=name,
            is_documented=True,
        ),
    )
