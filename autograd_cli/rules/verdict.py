"""What all rules found → what is said: the cause of what the user sees first, consequences folded into it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from autograd_cli.diagnostic import Diagnostic, Severity
from autograd_cli.lang.source import Source
from autograd_cli.rules.catalogue import CATALOGUE
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Trace

_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
_PLACE = {slug: place for place, slug in enumerate(CATALOGUE)}


def verdict(trace: Trace, text: Source) -> tuple[Diagnostic, ...]:
    """The findings in a run of the program `text`, those first that explain what its reader sees.

    Rules that need walks are asked only if the run was watched.
    """
    evidence = Evidence(trace, text)
    asked = [rule for rule in CATALOGUE.values() if trace.walks or not rule.needs_walks]
    found = _found(evidence, [rule for rule in asked if rule.family is not Family.SYMPTOM])
    checked = _found(evidence, [rule for rule in asked if rule.family is Family.SYMPTOM])
    kept: list[Diagnostic] = []
    for diagnostic in sorted(found, key=_rank):
        if not any(_folds(earlier, diagnostic) for earlier in kept):
            kept.append(diagnostic)
    symptoms = {
        (diagnostic.rule, diagnostic.span, diagnostic.victim): diagnostic
        for diagnostic in checked
        if not any(_explains(cause, diagnostic) for cause in kept)
    }
    said = [*map(_advised, kept), *map(_advised_on_errors, symptoms.values())]
    return tuple(sorted(said, key=lambda diagnostic: _ORDER[diagnostic.severity]))


def _found(evidence: Evidence, rules: Iterable[Rule]) -> list[Diagnostic]:
    """What the finders of these rules find, each asked once."""
    finders = dict.fromkeys(rule.find for rule in rules if rule.find is not None)
    return [diagnostic for find in finders for diagnostic in find(evidence)]


def _advised(diagnostic: Diagnostic) -> Diagnostic:
    """A finding that names its page, with the advice of its rule where it has no fix of its own."""
    return replace(diagnostic, is_documented=True, fix=diagnostic.fix or CATALOGUE[diagnostic.rule].advice)


def _advised_on_errors(symptom: Diagnostic) -> Diagnostic:
    """The same for a symptom; one that is no error may be meant, and gets no advice."""
    is_error = symptom.severity is Severity.ERROR
    return _advised(symptom) if is_error else replace(symptom, is_documented=True)


def _rank(diagnostic: Diagnostic) -> tuple[int, bool, int, int]:
    """The sort key: the gravest first, then what torch refused, then the particular before the general."""
    generality, place = CATALOGUE[diagnostic.rule].generality, _PLACE[diagnostic.rule]
    return _ORDER[diagnostic.severity], diagnostic.torch_says is None, generality, place


def _folds(cause: Diagnostic, other: Diagnostic) -> bool:
    """Whether `other` tells of the same trouble as `cause`, which ranks before it.

    A gradient is missing only once, and a program is refused only once. One place of the program is one cause, however
    many variables it affects.
    """
    if cause.severity is Severity.ERROR and other.severity is Severity.ERROR:
        is_refusal = cause.torch_says is not None and other.torch_says is not None
        return is_refusal or cause.victim == other.victim or cause.span == other.span
    if cause.severity is Severity.ERROR and other.severity is Severity.NOTE and cause.victim == other.victim:
        return True
    return cause.span == other.span and (cause.rule == other.rule or cause.victim == other.victim)


def _explains(cause: Diagnostic, symptom: Diagnostic) -> bool:
    """Whether a finding with a known cause takes the place of a symptom."""
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
    if symptom.rule in {"nan-gradient", "infinite-gradient"} and CATALOGUE[cause.rule].family is Family.NUMBERS:
        return True  # one NaN spreads to the gradients of many
    return symptom.victim is None or symptom.victim in victims
