"""Rules of `.grad` and the order of things: used before it is there, or added to."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Edit, Severity
from autograd_cli.rules.causes import accumulation
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.symptoms import Look, is_leaf, looks, name_of, passes, seen_in
from autograd_cli.rules.rule import Family, Rule


def _find_grad_used_before_backward(evidence: Evidence) -> Iterator[Diagnostic]:
    trace = evidence.trace
    ran = [each for each in passes(evidence) if each.backward is not None]
    for look in looks(evidence):
        stopped = trace.refusal is not None and look.read.id in trace.refusal.operands
        if not is_leaf(look.asked.tensor) or not (stopped or not accumulation.was_filled(evidence, look.asked.id, ran)):
            continue
        earlier = [each for each in ran if each.at < look.read.id]
        was_reset = accumulation.was_filled(evidence, look.asked.id, earlier)
        if earlier and not was_reset and not accumulation.is_pending(evidence, look.asked.id, look.read.id):
            continue
        called = evidence.piece(look.read.span)
        why = "was reset after the last backward pass" if was_reset else "no backward() has run"
        yield Diagnostic(
            rule="grad-used-before-backward",
            severity=Severity.ERROR,
            message=f"{called} is used while it is None: {'it ' if was_reset else ''}{why}",
            span=look.read.span,
            label="None here",
            victim=name_of(evidence, look.asked.id),
            fix="use it before it is reset" if was_reset else "call backward() first",
            edits=_moved_up(evidence, look) or _guarded(evidence, look)
            if stopped
            else accumulation.with_backward(evidence, look.asked.id, look.read),
            **seen_in(evidence, look),
        )
        return
    yield from accumulation.idle_steps(evidence)


def _moved_up(evidence: Evidence, look: Look) -> tuple[Edit, ...]:
    """The call of backward() that stands further down in the block, moved before the statement that needs it."""
    text = evidence.text
    statement = text.statement_around(look.read.span)
    block = text.block_of(statement)
    if statement is None:
        return ()
    between: set[str] = set()
    for each in block[block.index(statement) :]:
        match each:
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr="backward")) as call):
                if between.isdisjoint(node.id for node in ast.walk(call) if isinstance(node, ast.Name)):
                    return (text.before(text.span_of(statement), text.cut(each)), text.without(text.span_of(each)))
                return ()
        between |= {
            node.id for node in ast.walk(each) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
    return ()


def _guarded(evidence: Evidence, look: Look) -> tuple[Edit, ...]:
    """The statement that uses the gradient, under `if … is not None:`."""
    text = evidence.text
    statement = text.statement_around(look.read.span)
    if statement is None or look.read.span is None:
        return ()
    span = text.span_of(statement)
    whole = text.cut(statement)
    if "\n" in whole or text.lines[span.line - 1].strip() != whole:
        return ()
    indent = text.indent(span.line)
    guard = f"{indent}if {evidence.piece_whole(look.read.span)} is not None:\n{indent}    {whole}"
    return (Edit(line=span.line, end_line=span.end_line, text=guard),)


RULES: tuple[Rule, ...] = (
    Rule(
        slug="grad-accumulated",
        family=Family.BACKWARD,
        summary="backward() added to a gradient that was there already: `.grad` is the sum of several passes.",
        why="torch adds to `.grad` and never resets it. In a training loop each update then uses the gradients of all "
        "earlier rounds, too. The sum is right where it is intended, as over micro-batches with a single update.",
        example="""
            w = torch.tensor(1., requires_grad=True)
            for step in range(3):
                loss = (w - 3) ** 2
                loss.backward()
                with torch.no_grad():
                    w -= 0.1 * w.grad
        """,
        cure="Reset it in each round, `optimizer.zero_grad()` or `w.grad = None`, after the update and before the next "
        "backward().",
        find=accumulation.grad_accumulated,
        generality=6,
    ),
    Rule(
        slug="grad-used-before-backward",
        family=Family.BACKWARD,
        summary="`.grad` was used while it was None: no backward pass has filled it, or it was reset since.",
        why="`.grad` is None until the first backward() reaches the tensor, and again after `zero_grad()`. Neither "
        "computing a loss nor `torch.autograd.grad` fills it.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            loss = (w ** 2).sum()
            w.grad.zero_()
            loss.backward()
        """,
        cure="Call backward() first, and reset gradients right before it or after their use; or check `if w.grad is "
        "not None`.",
        find=_find_grad_used_before_backward,
        generality=5,
    ),
)
