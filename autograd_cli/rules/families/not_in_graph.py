"""The rule of what was differentiated with respect to something that it was not computed from."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Edit, Severity, Span
from autograd_cli.rules.causes import accumulation
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.graph import ancestors, dependents
from autograd_cli.rules.evidence.optimizers import model_name
from autograd_cli.rules.evidence.passage import is_zero
from autograd_cli.rules.evidence.symptoms import (
    GRAD,
    Pass,
    Seen,
    flattened,
    is_flagged,
    is_leaf,
    is_result,
    looks,
    name_of,
    origins,
    own_passes,
    passes,
    places,
    reach,
    refused_roots,
    seen_in,
    seen_refused,
    unanswered,
)
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Kind, Step, Value


def _find_not_in_graph(evidence: Evidence) -> Iterator[Diagnostic]:
    trace = evidence.trace
    refusal = trace.refusal
    if refusal is not None and refusal.function == GRAD:
        yield from _unused_input(evidence)
        return
    ran = own_passes(evidence)
    for look in looks(evidence):
        earlier = [each for each in ran if each.at < look.read.id]
        is_filled = accumulation.was_filled(evidence, look.asked.id, ran)
        if earlier and is_leaf(look.asked.tensor) and not is_filled:
            roots = [root for each in earlier for root in each.roots]
            is_used = evidence.origin(look.asked.id) in origins(evidence, roots)
            if is_used or accumulation.is_pending(evidence, look.asked.id, look.read.id):
                continue
            yield _unreached(evidence, look.asked, earlier[-1], seen_in(evidence, look), look.read.span)
            return
    for step in accumulation.steps_in_vain(evidence):
        earlier = [each for each in ran if each.at < step.id]
        used = origins(evidence, [root for each in earlier for root in each.roots])
        for value in flattened(trace, step.operands):
            is_held = is_leaf(evidence.tensor(value)) and not accumulation.was_filled(evidence, value, ran)
            if (
                earlier
                and is_held
                and not accumulation.is_pending(evidence, value, step.id)
                and (evidence.origin(value) not in used or _newer(evidence, value, used))
            ):
                found: Seen = {"observed": f"{evidence.piece(step.span)} changed nothing", "torch_says": None}
                yield _unreached(evidence, trace.values[value], earlier[-1], found, step.span)
                return
    yield from _unanswered(evidence)
    yield from _unused_arguments(evidence)


def _unanswered(evidence: Evidence) -> Iterator[Diagnostic]:
    """A call of `autograd.grad` that gave None for all that it was asked for, as allow_unused=True lets it."""
    trace = evidence.trace
    for each in unanswered(evidence):
        used = origins(evidence, each.roots)
        if not each.is_all or evidence.origin(each.asked) in used or each.asked in each.roots:
            continue
        asked = trace.values[each.asked]
        whole = _whole(evidence, asked, used)
        base = _base(evidence, asked, used) or whole
        called = name_of(evidence, each.asked) or evidence.called(each.asked)
        made = _computed(evidence, each.roots[0])
        root = name_of(evidence, each.roots[0]) or evidence.called(made.id)
        span = made.span if whole is None else asked.span
        yield Diagnostic(
            rule="not-in-graph",
            severity=Severity.WARNING,
            message=f"autograd.grad gave None: {_not_from(root, called, base)}",
            span=span,
            label=f"{called} is not in it" if span == made.span else f"nothing that leads to {root} uses this one",
            related=places((made.span, f"{root} was computed here"), (each.call.span, f"None for {called}"), but=span),
            victim=called,
            observed=f"autograd.grad gave None for {called}",
            fix=f"differentiate with respect to {base}" if base else f"compute it from {called}",
        )
        return


def _unused_arguments(evidence: Evidence) -> Iterator[Diagnostic]:
    """A derivative that is zero since the function that torch called has computed its result without its argument."""
    trace = evidence.trace
    for value in trace.values:
        is_derivative = (value.function or "").startswith("torch.autograd.functional.")
        if not is_derivative or len(value.operands) < 2:  # noqa: PLR2004 - what it was given, and what the function gave
            continue
        given, *results = value.operands
        tensor = evidence.tensor(given)
        made = ancestors(trace, results)
        is_used = any(_is_alias(evidence, each, given) for each in made if given < each < value.id)
        parts = [part.tensor for part in trace.parts([value.id]) if part.tensor is not None]
        if tensor is None or not results or is_used or not parts or not all(map(is_zero, parts)):
            continue
        called = name_of(evidence, given) or evidence.called(given)
        result = _computed(evidence, results[-1])
        uses = given in made
        yield Diagnostic(
            rule="not-in-graph",
            severity=Severity.WARNING,
            message=f"the derivative by {called} is zero: the function does not use its argument"
            + (f", but {called} from outside" if uses else ""),
            span=result.span,
            label=f"made of the {called} outside" if uses else "does not depend on the argument",
            related=places((value.span, "differentiated here"), but=result.span),
            victim=called,
            observed=f"the derivative by {called} is zero",
            fix="compute it from the argument of the function",
        )
        return


def _is_alias(evidence: Evidence, value: int, given: int) -> bool:
    """Whether a value may be the tensor that torch handed to the function in place of what it was given."""
    one, other = evidence.tensor(value), evidence.tensor(given)
    is_like_it = one is not None and other is not None and one.shape == other.shape and one.requires_grad
    return is_like_it and not evidence.trace.values[value].operands


def _not_from(root: str, called: str, base: str | None) -> str:
    """That a result has nothing to do with a tensor; `base` is what that was made of, if the result was, too."""
    if base is None:
        return f"{root} was not computed from {called}"
    return f"{root} was computed from {base} itself, not from `{called}`, which is a new tensor"


def _computed(evidence: Evidence, root: int) -> Value:
    """The operation that made a root, and not what only took an element out of its result."""
    value = evidence.trace.values[root]
    while value.operands and (value.kind in {Kind.ELEMENT, Kind.UNPACK, Kind.ITEM, Kind.INDEX}):
        value = evidence.trace.values[value.operands[0]]
    return value


def _newer(evidence: Evidence, leaf: int, used: frozenset[int]) -> bool:
    """Whether the name of a leaf means a newer leaf, which was used."""
    made = evidence.origin(leaf)
    name = name_of(evidence, leaf)
    newer = [value for _, value in evidence.bindings(name or "") if value > made]
    return any(is_leaf(evidence.tensor(value)) and evidence.origin(value) in used - {made} for value in newer)


def _unused_input(evidence: Evidence) -> Iterator[Diagnostic]:
    trace = evidence.trace
    refusal = trace.refusal
    roots = refused_roots(trace)
    if refusal is None or not any(is_flagged(evidence.tensor(root)) for root in roots):
        return
    used, nodes = origins(evidence, roots), reach(trace, roots)
    unused = [
        trace.values[number]
        for number in flattened(trace, refusal.operands[1:2])
        if is_flagged(evidence.tensor(number))
        and evidence.origin(number) not in used
        and not _is_reached(evidence, number, nodes)
    ]
    if not unused:
        return
    value, bases = unused[0], [_base(evidence, each, used) for each in unused]
    base, node = bases[0], _input_node(evidence, unused[0])
    called = name_of(evidence, value.id) or evidence.called(value.id)
    root = name_of(evidence, roots[0]) or evidence.called(roots[0])
    yield Diagnostic(
        rule="not-in-graph",
        severity=Severity.ERROR,
        message=_not_from(root, called, base),
        span=refusal.span if node is None else evidence.text.span_of(node),
        label="nothing was computed from this one" if base else f"{root} does not depend on it",
        related=places((trace.values[roots[0]].span, f"{root} was computed here")),
        victim=base or name_of(evidence, value.id),
        fix=f"differentiate with respect to {base}" if base else "allow_unused=True gives None for it",
        edits=_other_inputs(evidence, unused, bases),
        **seen_refused(evidence),
    )


def _base(evidence: Evidence, value: Value, used: frozenset[int]) -> str | None:
    """The name of a tensor that both the input and the result were computed from."""
    behind = sorted(ancestors(evidence.trace, [value.id]), reverse=True)
    return next((name_of(evidence, each) for each in behind if _is_base(evidence, each, used)), None)


def _is_base(evidence: Evidence, value: int, used: frozenset[int]) -> bool:
    return (
        is_flagged(evidence.tensor(value)) and evidence.origin(value) in used and name_of(evidence, value) is not None
    )


def _whole(evidence: Evidence, value: Value, used: frozenset[int]) -> str | None:
    """What a tensor was taken out of, as the program writes it there, if the result was computed from the whole."""
    node = evidence.text.expression_at(value.span)
    is_of_result = bool(value.operands) and evidence.origin(value.operands[0]) in used
    return evidence.text.one_line(node.value) if isinstance(node, ast.Subscript) and is_of_result else None


def _is_reached(evidence: Evidence, value: int, nodes: frozenset[int]) -> bool:
    node = evidence.node_of(value)
    return node is not None and node.id in nodes


def _input_node(evidence: Evidence, value: Value) -> ast.expr | None:
    """Where the call of autograd.grad that was refused names the input."""
    refusal = evidence.trace.refusal
    call = evidence.text.call_at(None if refusal is None else refusal.span)
    if call is None:
        return None
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    node = named.get("inputs", call.args[1] if len(call.args) > 1 else None)
    inside = node.elts if isinstance(node, ast.List | ast.Tuple) else [] if node is None else [node]
    names = evidence.names(value.id)
    for each in inside:
        if evidence.text.span_of(each) == value.span or (isinstance(each, ast.Name) and each.id in names):
            return each
    return node


def _other_inputs(evidence: Evidence, unused: list[Value], bases: list[str | None]) -> tuple[Edit, ...]:
    """The call with their bases in place of the unused inputs; with allow_unused=True where a base is not known."""
    refusal = evidence.trace.refusal
    call = evidence.text.call_at(None if refusal is None else refusal.span)
    if call is None or refusal is None or refusal.span is None:
        return ()
    places_ = [(_input_node(evidence, value), base) for value, base in zip(unused, bases, strict=True)]
    spans = [(evidence.text.span_of(node), base) for node, base in places_ if node is not None and base is not None]
    if len(spans) < len(unused) or refusal.span.line != refusal.span.end_line:
        return (evidence.text.with_keyword(call, "allow_unused=True"),)
    words, start = evidence.piece_whole(refusal.span), refusal.span.column
    for span, base in sorted(spans, key=lambda pair: -pair[0].column):
        words = f"{words[: span.column - start]}{base}{words[span.end_column - start :]}"
    return (evidence.text.replaced(refusal.span, words),)


def _unreached(evidence: Evidence, leaf: Value, last: Pass, found: Seen, looked: Span | None) -> Diagnostic:
    """No gradient arrived at a leaf, for what was differentiated was not computed from it."""
    trace = evidence.trace
    name = name_of(evidence, leaf.id)
    called = name or evidence.called(leaf.id)
    used = origins(evidence, last.roots)
    made = trace.values[evidence.origin(leaf.id)]
    root = trace.values[last.roots[0]]
    said = name_of(evidence, root.id) or evidence.called(root.id)
    bindings = [] if name is None else evidence.bindings(name)
    if name is not None and (replaced := _module_made_anew(evidence, name, made)) is not None:
        return Diagnostic(
            rule="not-in-graph",
            severity=Severity.ERROR,
            message=f"{name} got no gradient: {said} was computed from another module of this name",
            span=trace.values[replaced[1]].span or replaced[0].span,
            label="a new module, with parameters of its own",
            related=places((root.span, f"{said} was computed here"), (looked, "no gradient here")),
            victim=name,
            fix=f"make {name.partition('.')[0]} once, before everything that uses it",
            edits=() if evidence.text.is_alone(replaced[0].span) else (evidence.text.without(replaced[0].span),),
            **found,
        )
    for step, value in [pair for pair in bindings if evidence.origin(pair[1]) in used - {made.id}]:
        later = made.id > value  # the leaf is the newer tensor of this name, or the older
        anew = next((other for other, bound in bindings if bound == made.id), None) if later else step
        return Diagnostic(
            rule="not-in-graph",
            severity=Severity.ERROR,
            message=f"{called} got no gradient: {said} was computed from {'an older' if later else 'a newer'} {called}",
            span=made.span if later else trace.values[evidence.origin(value)].span,
            label="a new tensor of the same name",
            related=places((root.span, f"{said} was computed here"), (looked, "no gradient here"), but=made.span),
            victim=name,
            fix=f"make {called} once, before everything that uses it",
            edits=() if anew is None or evidence.text.is_alone(anew.span) else (evidence.text.without(anew.span),),
            **found,
        )
    if (end := _dead_end(evidence, leaf)) is not None:
        return Diagnostic(
            rule="not-in-graph",
            severity=Severity.ERROR,
            message=f"{called} got no gradient: what is computed from it ends in `{evidence.piece(end.span)}`, "
            "which hands on its numbers alone",
            span=end.span,
            label="returns nothing: what it writes the numbers into does not depend on them",
            related=places((root.span, f"{said} was computed here"), (looked, "None here"), but=end.span),
            victim=name,
            fix="hand the tensors themselves on: torch.func.functional_call(module, parameters, …) takes them",
            **found,
        )
    if name is not None and (copy := _copied(evidence, leaf, name, last)) is not None:
        return Diagnostic(
            rule="not-in-graph",
            severity=Severity.ERROR,
            message=f"{called} got no gradient: {said} was computed from a copy, which has parameters of its own",
            span=copy.span,
            label="the copy is no function of the original: no gradient leads back",
            related=places((root.span, f"{said} was computed here"), (looked, "None here"), but=copy.span),
            victim=name,
            fix="compute with new weights instead: torch.func.functional_call, and inner steps by "
            "torch.autograd.grad(…, create_graph=True)",
            **found,
        )
    return Diagnostic(
        rule="not-in-graph",
        severity=Severity.ERROR,
        message=f"{called} got no gradient: {said} was not computed from it",
        span=root.span,
        label=f"does not depend on {called}",
        related=places((made.span, f"{called} was made here"), (looked, "None here"), but=root.span),
        victim=name,
        fix=f"compute {said} with {called}, or do not ask for its gradient",
        **found,
    )


def _dead_end(evidence: Evidence, leaf: Value) -> Value | None:
    """The last call of a function that was given what was computed from a leaf, together with others, for no result."""
    made = dependents(evidence.trace, evidence.origin(leaf.id)) - {leaf.id, evidence.origin(leaf.id)}
    ends = [
        user
        for each in sorted(made)
        if is_result(evidence.tensor(each))
        for user in evidence.users.get(each, ())
        if user.kind is Kind.CALL and user.tensor is None and not user.elements and user.scalar is None
    ]
    return next((end for end in reversed(ends) if len(end.operands) > 1), None)


def _copied(evidence: Evidence, leaf: Value, name: str, last: Pass) -> Value | None:
    """Where the module of a parameter was copied, or what was computed from it was copied into another module.

    It is only told if a pass of this place started from parameters of the copy.
    """
    span = None if last.call is None else last.call.span
    alike = [each for each in passes(evidence) if each.call is not None and each.call.span == span]
    leaves = origins(evidence, [root for each in alike for root in each.roots])
    used = {model_name(evidence, leaf) for leaf in leaves if is_leaf(evidence.tensor(leaf))}
    for value in evidence.trace.values:
        if value.verb not in _COPYING or not value.operands:
            continue
        source = evidence.trace.values[value.operands[0]]
        owners = [f"{each}." for number in (source.id, *source.operands) for each in evidence.names(number)]
        copies = [f"{each}." for each in evidence.names(value.id)]
        is_used = any(each.startswith(tuple(copies)) for each in used) or leaves.intersection(
            evidence.origin(each) for each in value.operands[1:]
        )
        if is_used and (name.startswith(tuple(owners)) or _is_behind(evidence, leaf, source)):
            return value
    return None


def _is_behind(evidence: Evidence, leaf: Value, source: Value) -> bool:
    """Whether a value, or something that it holds, was computed from a leaf."""
    parts = [part.id for part in evidence.trace.parts([source.id])]
    return evidence.origin(leaf.id) in origins(evidence, parts)


_COPYING = frozenset({"deepcopy", "load_state_dict"})


def _module_made_anew(evidence: Evidence, name: str, leaf: Value) -> tuple[Step, int] | None:
    """The statement that gave the name of the leaf's module to another module."""
    module, dot, _ = name.partition(".")
    later = [pair for pair in evidence.bindings(module) if pair[1] > leaf.id] if dot else []
    return later[-1] if later else None


RULES: tuple[Rule, ...] = (
    Rule(
        slug="not-in-graph",
        family=Family.BACKWARD,
        summary="What was differentiated was not computed from this tensor: there is no path between them.",
        why="torch goes from the result back along the operations that made it. `x[0]` makes a new tensor each time, "
        "and so do `cat`, `clone` and `view`: a result that was computed from `x` does not depend on that new "
        "tensor.",
        example="""
            x = torch.tensor([[1., 2.], [3., 4.]], requires_grad=True)
            y = (x ** 2).sum()
            torch.autograd.grad(y, x[0])
        """,
        cure="Differentiate with respect to the tensor that was used, `torch.autograd.grad(y, x)[0][0]`, or compute "
        "the result from the tensor that you pass to `torch.autograd.grad`.",
        find=_find_not_in_graph,
        generality=5,
    ),
)
