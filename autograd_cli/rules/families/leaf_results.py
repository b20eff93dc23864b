"""Rules of the family "leaf": the result of an operation, where a leaf was meant."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from autograd_cli.diagnostic import Diagnostic, Edit, Severity, Span, as_edits
from autograd_cli.modes import GradMode
from autograd_cli.rules.causes.untracked import untracked_roots
from autograd_cli.rules.cures.moved import earlier
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.graph import ancestors
from autograd_cli.rules.evidence.rebinding import Rebinding, rebindings, update_of, was_leaf
from autograd_cli.rules.evidence.symptoms import (
    FLAG,
    RETAIN_GRAD,
    Look,
    Seen,
    flattened,
    is_flagged,
    is_leaf,
    is_plain,
    is_result,
    is_switch,
    looks,
    makes_optimizer,
    name_of,
    origins,
    passes,
    places,
    seen_in,
    seen_refused,
)
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Kind, Step, Value

_SHOWING = frozenset({Kind.PRINT, Kind.TEXT, Kind.CONTAINER})
_SHOWS = frozenset({"builtins.str", "operator.is_", "operator.is_not"})
_NO_LEAF = "the result of an operation, not a leaf"


def _find_non_leaf(evidence: Evidence) -> Iterator[Diagnostic]:
    for look in looks(evidence):
        if is_result(look.asked.tensor) and not _retains(evidence, look) and _has_run(evidence, look):
            if update_of(evidence, look.asked) is None:
                found = _non_leaf(evidence, look.asked, seen_in(evidence, look), look.read.span)
                yield replace(found, severity=Severity.WARNING) if _is_only_shown(evidence, look) else found
            return
    refusal = evidence.trace.refusal
    if refusal is not None and makes_optimizer(refusal):
        for value in flattened(evidence.trace, refusal.operands):
            if is_result(evidence.tensor(value)) and update_of(evidence, evidence.trace.values[value]) is None:
                yield _non_leaf(evidence, evidence.trace.values[value], seen_refused(evidence), refusal.span)
                return


def _non_leaf(evidence: Evidence, value: Value, found: Seen, used: Span | None) -> Diagnostic:
    made = evidence.trace.values[evidence.origin(value.id)]
    victim = name_of(evidence, value.id)
    called = victim or evidence.called(value.id)
    leaf = _hidden_leaf(evidence, made)
    is_looked_at = evidence.trace.refusal is None or evidence.trace.refusal.span != used
    is_hidden = leaf is not None and not evidence.names(leaf.id)
    piece = evidence.piece(made.span)
    related = [] if leaf is None or leaf.span in {None, made.span} else [(leaf.span, "the leaf that it was made of")]
    return Diagnostic(
        rule="non-leaf",
        severity=Severity.ERROR,
        message=f"{called} is not a leaf, so torch keeps no .grad for it: it is the result of `{piece}`",
        span=made.span,
        label=_NO_LEAF,
        related=places(*related, (used, f"{called}.grad is read here" if is_looked_at else "used here")),
        victim=victim,
        fix=_fix_of_result(evidence, called, leaf, is_hidden=is_hidden, is_looked_at=is_looked_at),
        edits=_edits_of_result(evidence, made, is_hidden=is_hidden or not is_looked_at),
        **found,
    )


def _fix_of_result(evidence: Evidence, called: str, leaf: Value | None, *, is_hidden: bool, is_looked_at: bool) -> str:
    if is_looked_at and not is_hidden:
        return f"{called}.retain_grad() before backward()"
    name = None if leaf is None else name_of(evidence, leaf.id)
    if is_hidden or name is None:
        return "set the flag after the last operation: requires_grad_()"
    return f"pass the leaf itself: {name}"


def _is_only_shown(evidence: Evidence, look: Look) -> bool:
    """Whether the program does no more with that `.grad`, wherever it reads it, than print it."""
    origin = evidence.origin(look.asked.id)
    pending = [read.id for asked, read in evidence.grad_reads if evidence.origin(asked.id) == origin]
    refusal = evidence.trace.refusal
    while pending:
        number = pending.pop()
        if refusal is not None and number in refusal.operands:
            return False
        for user in evidence.users.get(number, ()):
            if user.kind not in _SHOWING and user.function not in _SHOWS:
                return False
            pending.append(user.id)
    return True


def _edits_of_result(evidence: Evidence, made: Value, *, is_hidden: bool) -> tuple[Edit, ...]:
    text = evidence.text
    if not is_hidden:
        names = evidence.names(made.id)
        step = next((step for name in names for step, bound in evidence.bindings(name) if bound == made.id), None)
        return () if step is None else (text.after(step.span, f"{names[0]}.retain_grad()"),)
    flag = _flag_within(evidence, made.span)
    if flag is None or made.span is None or made.span.line != made.span.end_line:
        return as_edits(text.with_method(made.span, ".detach().requires_grad_()"))
    whole = evidence.piece_whole(made.span)
    start, end = flag.column - made.span.column, flag.end_column - made.span.column
    head, tail = whole[:start].rstrip(), whole[end:]
    rest = head[:-1] + tail if head.endswith(",") else head + tail.lstrip(", ")
    is_atom = isinstance(text.expression_at(made.span), ast.Call)
    return (text.replaced(made.span, f"{rest}.requires_grad_()" if is_atom else f"({rest}).requires_grad_()"),)


def _flag_within(evidence: Evidence, span: Span | None) -> Span | None:
    """Where `requires_grad=True` stands in an expression, on its first line."""
    whole = evidence.text.expression_at(span)
    for node in () if whole is None else ast.walk(whole):
        for keyword in node.keywords if isinstance(node, ast.Call) else ():
            place = evidence.text.span_of(keyword)
            if keyword.arg == FLAG and span is not None and place.line == place.end_line == span.line:
                return place
    return None


def _hidden_leaf(evidence: Evidence, made: Value) -> Value | None:
    """The leaf that a result was made of, where there is only one."""
    found = [
        value
        for number in sorted(ancestors(evidence.trace, [made.id]))
        if is_leaf((value := evidence.trace.values[number]).tensor) and value.previous is None
    ]
    return found[0] if len(found) == 1 else None


def _find_non_leaf_after_update(evidence: Evidence) -> Iterator[Diagnostic]:
    for look in looks(evidence):
        if not is_result(look.asked.tensor) or _retains(evidence, look):
            continue
        found = update_of(evidence, look.asked)
        if found is None:
            return
        name, step = found.name, found.step
        made = evidence.trace.values[evidence.origin(look.asked.id)]
        yield Diagnostic(
            rule="non-leaf-after-update",
            severity=Severity.ERROR,
            message=f"{name} no longer has a .grad: `{evidence.piece(step.span)}` made it the result of an operation",
            span=made.span or step.span,
            label="a new tensor, not a leaf",
            related=places((look.read.span, f"{name}.grad is None here")),
            victim=name,
            fix="change the leaf in place under torch.no_grad(), or detach the new tensor and set requires_grad on it",
            edits=as_edits(evidence.text.with_method(made.span, ".detach().requires_grad_()")),
            **seen_in(evidence, look),
        )
        return


def _find_rebound_under_no_grad(evidence: Evidence) -> Iterator[Diagnostic]:
    trace = evidence.trace
    roots = untracked_roots(trace)
    lost = {
        evidence.origin(look.asked.id): look for look in reversed(looks(evidence)) if not is_flagged(look.asked.tensor)
    }
    behind = origins(evidence, roots)
    for each in sorted(_rebound(evidence), key=lambda each: each.step.id):
        name, value = each.name, trace.values[each.value]
        look = lost.get(evidence.origin(value.id))
        if (look is None and value.id not in behind) or not was_leaf(evidence, name, value.id):
            continue
        yield Diagnostic(
            rule="rebound-under-no-grad",
            severity=Severity.ERROR,
            message=f"{name} was a leaf, and `{evidence.piece(each.step.span)}` under {_call_of(evidence, value)} "
            f"gave its name to a new tensor, which does not require grad",
            span=value.span or each.step.span,
            label="a new tensor with requires_grad=False",
            related=places((value.grad_mode_span, "tracking is off from here"), _place(evidence, look)),
            victim=name,
            fix=f"change {name} in place, as with {name} -= …",
            edits=_kept_leaves(evidence, value.grad_mode_span),
            **(seen_refused(evidence) if look is None else seen_in(evidence, look)),
        )
        return


def _rebound(evidence: Evidence) -> list[Rebinding]:
    """The names that got an untracked tensor under no_grad."""
    values = evidence.trace.values
    return [
        each
        for found in rebindings(evidence).values()
        for each in found
        if values[each.value].grad_mode != GradMode.GRAD
        and values[each.value].grad_mode_span is not None
        and is_plain(values[each.value].tensor)
    ]


def _kept_leaves(evidence: Evidence, mode: Span | None) -> tuple[Edit, ...]:
    """In-place updates for all names that lose their leaf in that block, or requires_grad_() on the new tensors."""
    lost: dict[Span, list[Rebinding]] = {}
    seen: set[Span | None] = set()
    for each in _rebound(evidence):
        value = evidence.trace.values[each.value]
        is_new = value.grad_mode_span == mode and value.span not in seen
        seen.add(value.span)
        if is_new and was_leaf(evidence, each.name, value.id):
            lost.setdefault(each.step.span, []).append(each)
    return tuple(edit for found in lost.values() if (edit := _kept(evidence, found)) is not None)


def _kept(evidence: Evidence, found: list[Rebinding]) -> Edit | None:
    """The statement that rebinds these, so that they stay leaves or become new ones."""
    if len(found) == 1 and (changed := _in_place(evidence, found[0].step, found[0].name)) is not None:
        return changed
    spans = [evidence.trace.values[each.value].span for each in found]
    return evidence.text.with_methods([span for span in spans if span is not None], ".requires_grad_()")


def _in_place(evidence: Evidence, step: Step, name: str) -> Edit | None:
    """`w -= …` for `w = w - …`, and a reset of its gradient, which the leaf keeps, where the program has none."""
    text = evidence.text
    match text.statement_around(step.span):
        case ast.Assign(
            targets=[ast.Name()], value=ast.BinOp(left=ast.Name(id=left), op=ast.Sub() | ast.Add()) as value
        ) if left == name:
            op = "-=" if isinstance(value.op, ast.Sub) else "+="
            changed = text.replaced(step.span, f"{name} {op} {text.cut(value.right)}")
            reset = "" if _resets_in_text(evidence) else f"\n{text.indent(step.span.line)}{name}.grad = None"
            return replace(changed, text=f"{changed.text}{reset}")
    return None


def _resets_in_text(evidence: Evidence) -> bool:
    """Whether the program resets gradients anywhere, even in parts that did not run."""
    return any(
        isinstance(node, ast.Attribute)
        and (
            node.attr == "zero_grad"
            or (node.attr == "grad" and isinstance(node.ctx, ast.Store))
            or node.attr == "zero_"
        )
        for node in evidence.text.expressions()
    )


def _find_flag_on_non_leaf(evidence: Evidence) -> Iterator[Diagnostic]:
    refusal = evidence.trace.refusal
    if refusal is None or not is_switch(refusal) or not refusal.operands:
        return
    value = evidence.trace.values[evidence.origin(refusal.operands[0])]
    if not is_result(evidence.tensor(refusal.operands[0])):
        return
    called = name_of(evidence, value.id) or evidence.piece(value.span)
    yield Diagnostic(
        rule="flag-on-non-leaf",
        severity=Severity.ERROR,
        message=f"requires_grad cannot be set on {called}: it is the result of `{evidence.piece(value.span)}`",
        span=value.span,
        label=_NO_LEAF,
        related=places((refusal.span, "torch refused here")),
        victim=name_of(evidence, value.id),
        fix="detach() the result: that is a leaf again",
        edits=as_edits(evidence.text.with_method(value.span, ".detach()")),
        **seen_refused(evidence),
    )


def _find_retain_grad_late(evidence: Evidence) -> Iterator[Diagnostic]:
    for look in looks(evidence):
        call = _retains(evidence, look)
        if call is None or not is_result(look.asked.tensor):
            continue
        earlier = [each for each in passes(evidence) if each.at < call.id]
        between = [each for each in passes(evidence) if call.id < each.at < look.read.id]
        if not earlier or between:
            continue
        called = name_of(evidence, look.asked.id) or evidence.called(look.asked.id)
        ran = earlier[-1].call
        yield Diagnostic(
            rule="retain-grad-late",
            severity=Severity.ERROR,
            message=f"retain_grad() was called on {called} after the backward pass: its gradient is gone",
            span=call.span,
            label="too late",
            related=places((None if ran is None else ran.span, "the backward pass ran here")),
            victim=name_of(evidence, look.asked.id),
            fix="call it before backward()",
            edits=_allearlier(evidence, call),
            **seen_in(evidence, look),
        )
        return


def _allearlier(evidence: Evidence, call: Value) -> tuple[Edit, ...]:
    """The call moved up, for all tensors that this place of the program called retain_grad() on."""
    edits: dict[Edit, None] = {}
    for look in looks(evidence):
        other = _retains(evidence, look)
        if other is not None and other.span == call.span and is_result(look.asked.tensor):
            edits |= dict.fromkeys(earlier(evidence, other, evidence.origin(look.asked.id), "retain_grad()"))
    return tuple(edits)


def _retains(evidence: Evidence, look: Look) -> Value | None:
    """The call of retain_grad() on the tensor before it was asked."""
    origin = evidence.origin(look.asked.id)
    calls = [
        value for value in evidence.trace.values[: look.read.id] if value.function == RETAIN_GRAD and value.operands
    ]
    return next((call for call in calls if evidence.origin(call.operands[0]) == origin), None)


def _has_run(evidence: Evidence, look: Look) -> bool:
    """Whether a backward pass came before the look, or none at all."""
    ran = [each.at for each in passes(evidence)]
    return not ran or min(ran) < look.read.id


def _place(evidence: Evidence, look: Look | None) -> tuple[Span | None, str]:
    refusal = evidence.trace.refusal
    if look is not None:
        return look.read.span, f"{evidence.piece(look.read.span)} is None here"
    return None if refusal is None else refusal.span, "torch refused here"


def _call_of(evidence: Evidence, value: Value) -> str:
    return evidence.piece(value.grad_mode_span).removeprefix("@")


RULES: tuple[Rule, ...] = (
    Rule(
        slug="non-leaf",
        family=Family.LEAF,
        summary="A variable was taken for a leaf, but it is the result of an operation: torch keeps no `.grad` for "
        "results.",
        why="backward() writes `.grad` on leaves, the tensors that were not computed from others. Everything else "
        "only passes gradients on. `torch.randn(3, requires_grad=True) * 0.1` is a result; the leaf that it came "
        "from has no name. Where the None is only printed this is a warning, as torch's own is.",
        example="""
            x = torch.tensor([1., 2., 3., 4.], requires_grad=True).view(2, 2)
            (x ** 2).sum().backward()
            print(x.grad)
        """,
        cure="Set the flag after the last operation, `torch.tensor([…]).view(2, 2).requires_grad_()`, or ask torch to "
        "keep the gradient of a result: `x.retain_grad()` before backward().",
        find=_find_non_leaf,
        generality=5,
    ),
    Rule(
        slug="non-leaf-after-update",
        family=Family.LEAF,
        summary="An update gave a leaf's name to a result: from then on `.grad` of that name is None.",
        why="`w = w - lr * w.grad` does not change the leaf `w`. It computes a new tensor, which torch records, and "
        "binds the name to it; the new tensor is not a leaf, and its graph leads back through the old one.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            for step in range(2):
                loss = (w ** 2).sum()
                loss.backward()
                w = w - 0.1 * w.grad
        """,
        cure="Change the leaf itself, `with torch.no_grad(): w -= 0.1 * w.grad`, and reset `w.grad` after it; or start "
        "a new leaf, `w = (w - 0.1 * w.grad).detach().requires_grad_()`.",
        find=_find_non_leaf_after_update,
    ),
    Rule(
        slug="rebound-under-no-grad",
        family=Family.LEAF,
        summary="An update under no_grad gave a leaf's name to a new tensor, which does not require grad.",
        why="What `w = w - lr * w.grad` computes under `torch.no_grad()` is not tracked. The name `w` now means that "
        "tensor, and the leaf that required grad is gone. `w -= lr * w.grad` would have changed the leaf itself.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            for step in range(2):
                loss = (w ** 2).sum()
                loss.backward()
                with torch.no_grad():
                    w = w - 0.1 * w.grad
        """,
        cure="Change it in place: `w -= 0.1 * w.grad`.",
        find=_find_rebound_under_no_grad,
    ),
    Rule(
        slug="flag-on-non-leaf",
        family=Family.LEAF,
        summary="requires_grad was set on the result of an operation, but torch lets it be changed only on leaves.",
        why="Whether a result is tracked follows from what it was computed from. A name that was bound to a new "
        "result, as in `x = x + step`, no longer means the leaf; what is missing is a `detach()` at that place.",
        example="""
            x = torch.tensor([0.5, -0.5])
            for step in range(2):
                x.requires_grad = True
                (x ** 3).sum().backward()
                x = x + 0.1 * x.grad
        """,
        cure="Detach the result where it gets the name: `x = (x + 0.1 * x.grad).detach()`.",
        find=_find_flag_on_non_leaf,
    ),
    Rule(
        slug="retain-grad-late",
        family=Family.LEAF,
        summary="retain_grad() was called after backward(): it keeps the gradients of later passes, not of one that is "
        "over.",
        why="`retain_grad()` registers a hook on the result, which stores the gradient as it passes by. After "
        "backward() the gradient of a result is gone.",
        example="""
            x = torch.tensor([1., 2.], requires_grad=True)
            h = x ** 2
            h.sum().backward()
            h.retain_grad()
            print(h.grad)
        """,
        cure="Call `h.retain_grad()` before backward().",
        find=_find_retain_grad_late,
    ),
)
