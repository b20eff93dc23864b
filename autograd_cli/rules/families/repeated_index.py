"""The rule of `out[index] += …` with an index that has an element twice."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Edit, Severity, Span
from autograd_cli.rules.causes.lost import given_behind
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.optimizers import model_names
from autograd_cli.rules.evidence.several import gradients_of, others_of
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Kind, TensorInfo, Value


def _find_repeated_index(evidence: Evidence) -> Iterator[Diagnostic]:
    values = evidence.trace.values
    for sums in [value for value in values if value.kind is Kind.AUGMENTED and value.previous is not None]:
        looked_up = values[evidence.origin(sums.id)]
        index = evidence.tensor(looked_up.operands[1]) if len(looked_up.operands) > 1 else None
        if looked_up.kind is not Kind.INDEX or sums.verb not in {"add_", "sub_"} or index is None:
            continue
        twice = _repeats(index)
        victims = given_behind(evidence, sums.operands[1])
        if not twice or not victims or not _is_written_back(evidence, sums):
            continue
        names = model_names(evidence, victims)
        yield Diagnostic(
            rule="repeated-index",
            severity=Severity.WARNING,
            message=f"{gradients_of(names)} wrong: `{evidence.piece(_whole(evidence, sums))}` adds only one of several "
            "numbers with the same index",
            span=sums.span,
            label=f"{twice} of {index.numel} are overwritten, and get a gradient all the same",
            victim=names[0],
            others=others_of(names),
            observed=f"{names[0]}.grad is that of another sum",
            fix="index_add_() adds all of them",
            edits=_added(evidence, sums),
        )
        return


def _repeats(index: TensorInfo) -> int:
    """How many elements of an index stand there already; at least so many, where not all are known."""
    if index.dtype == "bool" or not index.dtype.removeprefix("u").startswith("int"):
        return 0
    if index.values is not None:
        return len(index.values) - len(set(index.values))
    summary = index.summary
    if summary is None or summary.minimum is None or summary.maximum is None:
        return 0
    return max(0, index.numel - (int(summary.maximum) - int(summary.minimum) + 1))


def _is_written_back(evidence: Evidence, sums: Value) -> bool:
    """Whether the sum replaces what was looked up."""
    return any(user.kind is Kind.ITEM_ASSIGNMENT for user in evidence.users.get(sums.id, ()))


def _whole(evidence: Evidence, sums: Value) -> Span | None:
    statement = evidence.text.statement_around(sums.span)
    return sums.span if statement is None else evidence.text.span_of(statement)


def _added(evidence: Evidence, sums: Value) -> tuple[Edit, ...]:
    """`out[index] += x` as `out.index_add_(0, index, x)`."""
    text = evidence.text
    match text.statement_around(sums.span):
        case ast.AugAssign(target=ast.Subscript(value=out, slice=ast.Name() as index), value=added, op=op) as statement:
            factor = "" if isinstance(op, ast.Add) else ", alpha=-1"
            words = f"{text.operand(out)}.index_add_(0, {text.cut(index)}, {text.one_line(added)}{factor})"
            return (text.replaced(text.span_of(statement), words),)
    return ()


RULES: tuple[Rule, ...] = (
    Rule(
        slug="repeated-index",
        family=Family.ZERO,
        summary="`out[index] += x` with an index that has an element twice adds only one of the numbers.",
        why="It looks up `out[index]`, adds x to the copy, and writes the copy back: where an index comes twice, the "
        "last one wins. backward() does not know which that was, and gives a gradient to all of them: neither the "
        "sum nor its gradient is what was meant.",
        example="""
            w = torch.tensor([1., 2., 3.], requires_grad=True)
            index = torch.tensor([0, 1, 1])
            out = torch.zeros(2)
            out[index] += w
            (out ** 2).sum().backward()
            print(w.grad)
        """,
        cure="`out.index_add_(0, index, x)`, `scatter_add`, or `index_put_(…, accumulate=True)`.",
        find=_find_repeated_index,
    ),
)
