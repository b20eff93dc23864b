"""What all rules found → what is said: the cause of what the user sees first, consequences folded into it."""

from __future__ import annotations

from collections.abc import Iterable

from autograd_cli.diagnostic import Diagnostic, Severity
from autograd_cli.rules.catalogue import CATALOGUE
from autograd_cli.rules.evidence import Evidence
from autograd_cli.trace import Trace

# What `agx grad` says of a symptom. A finding of the catalogue that explains it takes its place.
_SYMPTOMS = frozenset({"torch-refused", "nan-gradient"})
_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def verdict(trace: Trace, source: str, checked: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The findings in a watched run, gravest first; `checked` are those that `agx grad` has of it."""
    evidence = Evidence(trace, source)
    found = [diagnostic for rule in CATALOGUE.values() for diagnostic in rule.find(evidence)]
    errors = [diagnostic for diagnostic in found if diagnostic.severity is Severity.ERROR]
    said = {(diagnostic.rule, diagnostic.victim) for diagnostic in found}
    for diagnostic in checked:
        is_symptom = diagnostic.severity is Severity.ERROR and (diagnostic.rule in _SYMPTOMS or bool(errors))
        is_explained = is_symptom and any(_explains(error, diagnostic) for error in errors)
        if not is_explained and (diagnostic.rule, diagnostic.victim) not in said:
            found.append(diagnostic)
    return tuple(sorted(found, key=lambda diagnostic: _ORDER[diagnostic.severity]))


def _explains(error: Diagnostic, symptom: Diagnostic) -> bool:
    """Whether both are about the same variable, or the symptom about none or about the refusal."""
    return symptom.victim is None or error.victim == symptom.victim or symptom.torch_says is not None
