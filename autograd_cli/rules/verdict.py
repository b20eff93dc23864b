"""What all rules found → what is said: the cause of what the user sees first, consequences folded into it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from autograd_cli.diagnostic import Diagnostic, Severity
from autograd_cli.lang.source import Source
from autograd_cli.rules.catalogue import CATALOGUE, CAUSES
from autograd_cli.rules.causes import refused
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.families import nan
from autograd_cli.trace import Trace

_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}

# Causes that say less than another of the same trouble, and give way to it: the most general last.
_GENERAL = (
    *("nan-zero-times-nan", "nan-sqrt-at-zero", "nan-log-of-zero", "nan-overflow", "nan-pow-zero-base"),
    *("zero-grad-constant", "zero-grad-saturated"),
    *("cut-by-comparison", "cut-by-index-op", "cut-by-nondiff-op", "cut-by-int-cast"),
    *("cut-by-no-grad", "cut-by-grad-mode-off", "no-grad-view", "cut-by-data"),
    *("discarded-result", "non-leaf", "requires-grad-missing", "not-in-graph", "grad-used-before-backward"),
    "grad-accumulated",
)


# What can be told without a look at what flowed: for one who sees just the result of a run.
_SYMPTOMS = (
    refused.check_refused_operation,
    refused.check_refused_backward,
    refused.check_missing_gradient,
    refused.check_nan_gradient,
    refused.check_infinite_gradient,
    refused.check_partly_cut,
)


def verdict(trace: Trace, text: Source) -> tuple[Diagnostic, ...]:
    """The findings in a run of the program `text`, first what explains what its reader sees.

    Of a run that was watched all causes are found; of another one those that need no walk.
    """
    evidence = Evidence(trace, text)
    checked = [diagnostic for find in _SYMPTOMS for diagnostic in find(evidence)]
    found = [diagnostic for find in CAUSES for diagnostic in find(evidence)]
    kept: list[Diagnostic] = []
    for diagnostic in sorted(found, key=_rank):
        if not any(_folds(earlier, diagnostic) for earlier in kept):
            kept.append(diagnostic)
    symptoms = {
        (diagnostic.rule, diagnostic.span, diagnostic.victim): diagnostic
        for diagnostic in checked
        if not any(_explains(cause, diagnostic) for cause in kept)
    }
    return _documented(sorted([*kept, *symptoms.values()], key=lambda diagnostic: _ORDER[diagnostic.severity]))


def _documented(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple([replace(each, is_documented=each.rule in CATALOGUE) for each in found])


def _rank(diagnostic: Diagnostic) -> tuple[int, bool, int]:
    """The gravest first; of these what torch refused, where the program stopped; the particular before the general."""
    general = 1 + _GENERAL.index(diagnostic.rule) if diagnostic.rule in _GENERAL else 0
    return _ORDER[diagnostic.severity], diagnostic.torch_says is None, general


def _folds(cause: Diagnostic, other: Diagnostic) -> bool:
    """Whether `other` tells of the same trouble as `cause`, which ranks before it.

    A gradient is missing once, and a program is refused once. One place of the program is one cause, for
    however many variables.
    """
    if cause.severity is Severity.ERROR and other.severity is Severity.ERROR:
        is_refusal = cause.torch_says is not None and other.torch_says is not None
        return is_refusal or cause.victim == other.victim or cause.span == other.span
    if cause.severity is Severity.ERROR and other.severity is Severity.NOTE and cause.victim == other.victim:
        return True
    return cause.span == other.span and (cause.rule == other.rule or cause.victim == other.victim)


def _explains(cause: Diagnostic, symptom: Diagnostic) -> bool:
    """Whether a finding of the catalogue takes the place of what `agx grad` says."""
    victims = {cause.victim, *cause.others}
    if cause.rule == symptom.rule and symptom.victim in victims:
        return True
    if symptom.severity is not Severity.ERROR:
        is_there = cause.span == symptom.span and cause.span is not None
        return is_there or (cause.severity is Severity.ERROR and symptom.victim in victims)
    if cause.severity is not Severity.ERROR:
        return False
    if symptom.torch_says is not None:
        return cause.torch_says is not None
    if symptom.rule in {"nan-gradient", "infinite-gradient"} and CATALOGUE[cause.rule].family == nan.FAMILY:
        return True  # one NaN spreads to the gradients of many
    return symptom.victim is None or symptom.victim in victims
