"""Why a gradient is missing or not finite, why torch refused, which parts of a result no gradient went through."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from autograd_cli.diagnostic import Diagnostic, Related, Severity, Span, speaker
from autograd_cli.modes import DEFAULT_MODE
from autograd_cli.rules.causes.cuts import (
    cuts_before_roots,
    enters_untracked,
    find_cuts,
    in_torch,
    reaches_roots,
    starts_of,
)
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.graph import ancestors, describe, sources
from autograd_cli.rules.evidence.several import others_of, several
from autograd_cli.spelling import spelled_mode
from autograd_cli.trace import Cut, Kind, Phase, Refusal, Trace, Value, without_number

_REMEDIES = {
    "xor": "power is **; ^ is bitwise xor",
    "size of tensor a": "make the shapes fit: x.unsqueeze(dim) adds a dimension of size 1, which fits any size",
    "shapes cannot be multiplied": "make the inner sizes equal: w.T swaps the two dimensions of a matrix",
    "inconsistent tensor size": "give both vectors the same number of elements",
    "is invalid for input of size": "let the sizes multiply to that number; one of them may be -1, for what is left",
    "Dimension out of range": "dim counts from 0, and from -1 at the end",
    "Boolean value of Tensor": "torch.clamp and torch.maximum work on each element; .any() and .all() give one truth "
    "value",
    "only one element tensors": "float(), int() and math take one number; the functions of torch work on each element",
    "diff(): argument": "write the expression itself: agx computes the gradient for you",
    "got (keepdim": "name the dimension, too: dim=0, keepdim=True",
    "object is not callable": "multiplication is written with *, as in x*(…)",
}
_ARGUMENTS = re.compile(r"(\w+)\(\) received an invalid combination of arguments")
_MOST_NOTES = 2  # of cuts that are meant, before one note tells of all
_UNTRACKED = "does not require grad and does not have a grad_fn"


def find_symptoms(evidence: Evidence) -> Iterator[Diagnostic]:
    """What can be said of a run from its end alone, without watching what flowed in its backward passes."""
    for find in (
        _refused_operation,
        _refused_backward,
        _missing_gradient,
        _nan_gradient,
        _infinite_gradient,
        _partly_cut,
    ):
        yield from find(evidence)


def _refused_operation(evidence: Evidence) -> Iterator[Diagnostic]:
    """The program stopped at an error of torch's or its own: what it was given stands beside it."""
    trace = evidence.trace
    refusal = trace.refusal
    if refusal is None or refusal.during is not Phase.FORWARD:
        return
    piece = "" if refusal.span is None else f" `{_short(evidence.piece_whole(refusal.span))}`"
    operands = _operands_of_refused(evidence, refusal)
    fix = next((fix for words, fix in _REMEDIES.items() if words in refusal.message), None)
    if fix is None and (match := _ARGUMENTS.match(refusal.message)):
        fix = f"agx ops {match[1]} shows its arguments"
    is_raised = piece.startswith((" `raise ", " `raise`"))
    yield Diagnostic(
        rule="torch-refused",
        severity=Severity.ERROR,
        message=f"the program raised {_words(refusal)}" if is_raised else f"{speaker(_words(refusal))} refused{piece}",
        span=refusal.span,
        label=operands,
        torch_says=None if is_raised else _words(refusal),
        fix=None if is_raised else fix,
    )


def _refused_backward(evidence: Evidence) -> Iterator[Diagnostic]:
    """Torch refused backward(): its own words, and beside them what was not tracked, where and why."""
    trace = evidence.trace
    refusal = trace.refusal
    if refusal is None or refusal.during is not Phase.BACKWARD:
        return
    called = "the result" if refusal.span is None else f"`{_short(evidence.piece_whole(refusal.span))}`"
    not_a_tensor = all(trace.values[root].tensor is None for root in trace.roots)
    if not not_a_tensor and _UNTRACKED not in refusal.message:
        yield Diagnostic(
            rule="torch-refused",
            severity=Severity.ERROR,
            message="torch refused backward() on the result" if refusal.span is None else f"torch refused {called}",
            span=refusal.span,
            torch_says=_words(refusal),
        )
        return
    cuts = cuts_before_roots(trace, trace.leaves)
    victim = next((name for name in trace.leaves if reaches_roots(trace, name)), None)
    subject = (
        f"{called} is not a tensor"
        if not_a_tensor
        else f"{_root(evidence)} is not connected to a leaf that requires grad"
    )
    yield _missing(trace, "backward() has no graph to follow", subject, cuts, victim, refusal)


def _missing_gradient(evidence: Evidence) -> Iterator[Diagnostic]:
    """Backward ran, and an input that was asked for got nothing."""
    trace = evidence.trace
    if trace.refusal is not None or enters_untracked(trace) or not trace.backwards:
        return
    for name, grad in trace.grads:
        if grad is None and name in trace.asked:
            yield _lost(trace, name) or _missing(
                trace, f"{name} got no gradient", "", cuts_before_roots(trace, (name,)), name, None
            )


def _lost(trace: Trace, name: str) -> Diagnostic | None:
    """What became of a gradient that backward() had, or could have, computed."""
    got = [leaf for backward in trace.backwards for leaf in backward.leaves if leaf.name == name and leaf.after]
    if got:
        why = "the program threw it away after the backward pass"
    elif reaches_roots(trace, name) and not cuts_before_roots(trace, (name,)):
        why = "backward() was not asked for it"
    else:
        return None
    return Diagnostic(
        rule="not-in-graph", severity=Severity.ERROR, message=f"{name} got no gradient: {why}", victim=name
    )


def _nan_gradient(evidence: Evidence) -> Iterator[Diagnostic]:
    """A gradient is NaN, whatever made it so."""
    trace = evidence.trace
    for name, grad in trace.grads:
        if grad is not None and grad.nan_count:
            message = f"the gradient of {name} is not a number: {_some(grad.nan_count, grad.numel)} NaN"
            yield Diagnostic(rule="nan-gradient", severity=Severity.ERROR, message=message, victim=name)


def _infinite_gradient(evidence: Evidence) -> Iterator[Diagnostic]:
    """A gradient is infinite, whatever made it so."""
    trace = evidence.trace
    for name, grad in trace.grads:
        if grad is not None and grad.inf_count and not grad.nan_count:
            message = f"the gradient of {name} is infinite: {_some(grad.inf_count, grad.numel)} inf"
            yield Diagnostic(rule="infinite-gradient", severity=Severity.ERROR, message=message, victim=name)


def _some(count: int, of: int) -> str:
    """How many elements, as the subject of a sentence: "2 of 3 elements are"."""
    return f"{count:,} of {of:,} elements {'is' if count == 1 else 'are'}" if of > 1 else "it is"


def _partly_cut(evidence: Evidence) -> Iterator[Diagnostic]:
    """The gradient is there, and part of the result did not contribute to it because the program cut it off."""
    trace = evidence.trace
    if trace.refusal is not None:
        return
    families: dict[str, list[str]] = {}
    for name, grad in trace.grads:
        if grad is not None:
            families.setdefault(without_number(name), []).append(name)
    by_cut: dict[tuple[str, Span | None], tuple[Cut, list[str]]] = {}
    starts = starts_of(trace, {name for family in families.values() for name in family})
    for cut in find_cuts(trace, ancestors(trace, trace.roots)):
        if not cut.is_deliberate or _is_for_a_copy(evidence, cut) or _is_written_through(evidence, cut):
            continue
        before = sources(trace, cut.value)
        names = [family[0] for family in families.values() if any(starts.get(each) in before for each in family)]
        if names:
            by_cut.setdefault((cut.rule, cut.span), (cut, []))[1].extend(names)
    if len(by_cut) > _MOST_NOTES:
        yield _many_cuts(evidence, list(by_cut.values()))
        return
    for cut, names in by_cut.values():
        piece = "" if cut.span is None else f" `{_short(evidence.piece_whole(cut.span))}`"
        leave_out = "the gradient of {} leaves out" if len(set(names)) == 1 else "the gradients of {} leave out"
        yield Diagnostic(
            rule=cut.rule,
            severity=Severity.NOTE,
            message=f"{leave_out.format(several(names))}{piece}: {cut.why}",
            span=cut.span,
            related=_since(cut),
            victim=names[0],
            others=others_of(names),
        )


def _is_for_a_copy(evidence: Evidence, cut: Cut) -> bool:
    """Whether the value was only written into parameters of a module, as an average of weights or a soft update is."""
    users = evidence.users.get(cut.value, ())
    written = [each for each in users if each.previous is not None]
    return bool(users) and len(written) == len(users) and all(_is_of_module(evidence, each) for each in written)


def _is_written_through(evidence: Evidence, cut: Cut) -> bool:
    """Whether the value only served to write into the memory of a tensor, as in `x.data.clamp_(0)`."""
    users = evidence.users.get(cut.value, ())
    own = [each for each in users if each.kind is not Kind.ALIAS]
    return bool(own) and all(cut.value == each.previous and each.verb != "requires_grad_" for each in own)


def _is_of_module(evidence: Evidence, value: Value) -> bool:
    """Whether a tensor is a parameter of a module (frozen ones are met as constants), or its `.data`."""
    first = evidence.trace.values[evidence.origin(value.id)]
    if first.operands and (first.reads("data") or first.function == "torch.Tensor.detach"):
        first = evidence.trace.values[evidence.origin(first.operands[0])]
    return first.kind in {Kind.PARAMETER, Kind.CONSTANT}


def _many_cuts(evidence: Evidence, found: Sequence[tuple[Cut, Sequence[str]]]) -> Diagnostic:
    """One note of several cuts, the first of which gives it its name."""
    first = found[0][0]
    names = list(dict.fromkeys(name for _, each in found for name in each))
    pieces = [(cut.span, f"`{_short(evidence.piece_whole(cut.span))}`") for cut, _ in found if cut.span is not None]
    gradients = "gradient" if len(names) == 1 else "gradients"
    return Diagnostic(
        rule=first.rule,
        severity=Severity.NOTE,
        message=f"the {gradients} of {several(names)} leave{'s' if len(names) == 1 else ''} out what is cut off in "
        f"{len(found)} places, as they ask for: {', '.join([piece for _, piece in pieces[:_MOST_NOTES]])}, …",
        span=first.span,
        related=tuple([Related(span=span, label="cut off") for span, _ in pieces if span != first.span]),
        victim=names[0],
        others=others_of(names),
    )


def _missing(
    trace: Trace, message: str, subject: str, cuts: tuple[Cut, ...], victim: str | None, refusal: Refusal | None
) -> Diagnostic:
    torch_says = None if refusal is None else _words(refusal)
    if not cuts:
        return _never_tracked(trace, message, victim, torch_says)
    message = f"{message}: {subject}" if subject else message
    first = cuts[0]
    others = tuple(Related(span=cut.span, label=cut.why) for cut in cuts[1:] if cut.span not in {None, first.span})
    return Diagnostic(
        rule=first.rule,
        severity=Severity.ERROR,
        message=message,
        span=first.span,
        label=f"not tracked: {first.why}",
        related=_since(first) + others,
        victim=victim,
        torch_says=torch_says,
        fix=in_torch(trace, first) if trace.mode == DEFAULT_MODE else f"leave out {spelled_mode(trace.mode)}",
    )


def _never_tracked(trace: Trace, message: str, victim: str | None, torch_says: str | None) -> Diagnostic:
    rule, why, fix = "requires-grad-missing", "no input requires gradients", "give an input of a floating point dtype"
    if enters_untracked(trace):
        fix = f"leave out {spelled_mode('no-requires-grad')}"
    elif victim is not None or trace.leaves:
        rule, why, fix = "not-in-graph", f"the result does not depend on {victim or ', '.join(trace.leaves)}", ""
    return Diagnostic(
        rule=rule,
        severity=Severity.ERROR,
        message=f"{message}: {why}",
        victim=victim,
        torch_says=torch_says,
        fix=fix or None,
    )


def _since(cut: Cut) -> tuple[Related, ...]:
    if cut.since is None or cut.since == cut.span:
        return ()
    return (Related(span=cut.since, label="tracking is off from here"),)


def _root(evidence: Evidence) -> str:
    """What to call the tensor on which the program called backward()."""
    trace = evidence.trace
    if trace.result is not None or not trace.roots:
        return "the result"
    root = trace.values[trace.roots[0]]
    piece = root.name or ("" if root.span is None else _short(evidence.piece_whole(root.span)))
    return f"`{piece}`" if piece else "the result"


def _operands_of_refused(evidence: Evidence, refusal: Refusal) -> str | None:
    """The tensors that the refused operation was given: "x is float32 of shape [2]"."""
    trace = evidence.trace
    if refusal.span is None:
        return None
    given: dict[str, Value] = {}
    for operand in refusal.operands:
        value = trace.values[operand]
        written = "" if value.span is None else evidence.piece_whole(value.span)
        is_inside = value.span is not None and refusal.span.holds(value.span)
        name = written if is_inside or (value.name is None and value.kind is not Kind.HANDED) else value.name
        if value.tensor is not None and name:
            given[_short(name, 20)] = value
    if given:
        return _shapes(given)
    for value in trace.values:
        inside = value.span is not None and refusal.span.holds(value.span)
        if value.tensor is not None and inside and value.span is not None:
            given[_short(evidence.piece_whole(value.span), 20)] = value
    for variable in trace.variables:
        if variable.name in _words_in(evidence.piece_whole(refusal.span)):
            given.setdefault(variable.name, trace.values[variable.value])
    return _shapes(given)


def _shapes(given: Mapping[str, Value]) -> str | None:
    shapes = [f"{name} is {describe(value.tensor)}" for name, value in given.items() if value.tensor is not None]
    return ", ".join(shapes[:3]) or None


def _words_in(text: str) -> set[str]:
    return set(
        "".join(character if character.isidentifier() or character.isdigit() else " " for character in text).split()
    )


def _words(refusal: Refusal) -> str:
    lines = refusal.message.strip().splitlines() or [refusal.exception]
    return f"{refusal.exception}: {lines[0].removesuffix(', but expected one of:')}"


def _short(text: str, limit: int = 40) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
