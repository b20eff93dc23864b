"""How a cut is mended: the changes of the lines it stands in."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograd_cli.diagnostic import Edit, Span, as_edits
from autograd_cli.lang.source import owner_of
from autograd_cli.rules.causes.cuts import BY_GRAD_MODE, REWRAP
from autograd_cli.rules.causes.lost import COMPUTED, Culprit, Role, path
from autograd_cli.rules.cures import smooth
from autograd_cli.rules.evidence.evidence import Evidence, encloses
from autograd_cli.trace import Kind, Value


def edits_of(evidence: Evidence, found: Culprit) -> tuple[Edit, ...]:
    """The cure as changes of lines, where there is one that is short."""
    value = evidence.trace.values[found.cut.value]
    rule = found.cut.rule
    if rule == "cut-by-sampling":
        return smooth.expected(evidence, found)
    if found.role is Role.CONDITION:
        return smooth.choice(evidence, found)
    if found.role is Role.INDEX:
        return smooth.interpolated(evidence, found)
    if rule in BY_GRAD_MODE:
        return grad_mode_on(evidence, value)
    if rule == "missing-create-graph":
        return _recorded(evidence, found, value)
    if rule == "cut-by-index-op" and (edits := smooth.unpacked_values(evidence, value)):
        return edits
    node = evidence.text.expression_at(value.span)
    if node is None or value.span is None:
        return ()
    if value.function == "torch.Tensor.detach_" and is_statement(evidence, value.span):
        return evidence.text.removed(value.span)
    text = _instead(evidence, rule, node, value)
    return () if text is None else evidence.text.replaced_all([(value.span, text), *_behind(evidence, found)])


def _recorded(evidence: Evidence, found: Culprit, value: Value) -> tuple[Edit, ...]:
    """create_graph=True for the first derivative and for the refused one; for a constant, a term to differentiate."""
    refusal = found.lost.refusal
    again = None if refusal is None else refusal.span
    if value.span is None:
        return ()
    if any(walk.create_graph for walk in evidence.trace.walks if walk.span == value.span):
        return () if again is None else _with_zero(evidence, again, found.lost.name)
    is_grad = refusal is not None and refusal.kind is not Kind.BACKWARD
    behind = with_create_graph(evidence, again) if again is not None and is_grad else ()
    return (*with_create_graph(evidence, value.span), *behind)


def _with_zero(evidence: Evidence, span: Span, name: str | None) -> tuple[Edit, ...]:
    """What is differentiated, plus `0 * x.sum()`: torch then gives the derivative 0 instead of an error."""
    node = evidence.text.expression_at(span)
    root = owner_of(node) if isinstance(node, ast.Call) else None
    if root is None or name is None or "." in name:
        return ()
    text = evidence.text.cut(root)
    instead = f"{text} + 0 * {name}.sum()"
    is_method = isinstance(node, ast.Call) and not node.args
    return evidence.text.replaced_all([(evidence.text.span_of(root), f"({instead})" if is_method else instead)])


def _behind(evidence: Evidence, found: Culprit) -> Iterator[tuple[Span, str]]:
    """The edits of what would still cut once this cut is mended, such as numbers made a tensor again."""
    cut = evidence.trace.values[found.cut.value]
    seen = {cut.span}
    for number in sorted(path(evidence, cut.id, found.lost.roots, COMPUTED)):
        value = evidence.trace.values[number]
        node = evidence.text.expression_at(value.span)
        if value.span is None or value.span in seen or node is None or encloses(value.span, cut.span):
            continue
        seen.add(value.span)
        text = None
        if value.verb in REWRAP and isinstance(node, ast.Call) and node.args:
            was_edited = any(evidence.trace.values[each].span == cut.span for each in value.operands[:1])
            text = evidence.text.operand(node.args[0]) if was_edited else _stacked(evidence, node)
        elif isinstance(node, ast.Compare) or (value.tensor is not None and value.tensor.dtype == "bool"):
            text = smooth.step(evidence, node)
        if text is not None:
            yield value.span, text


def _instead(evidence: Evidence, rule: str, node: ast.expr, value: Value) -> str | None:
    """What to write for the expression that cuts."""
    match rule:
        case "cut-by-detach" | "cut-by-data" | "cut-by-int-cast" | "cut-by-item":
            owner = owner_of(node)
            return None if owner is None else evidence.text.operand(owner)
        case "cut-by-rewrap":
            return _stacked(evidence, node)
        case "cut-by-comparison":
            return smooth.step(evidence, node)
        case "cut-by-index-op":
            return smooth.position(evidence, node, value)
        case "cut-by-nondiff-op":
            return smooth.smooth(evidence, node, value)
        case "cut-by-factory":
            return _scaled(evidence, node)
    return None


def grad_mode_on(evidence: Evidence, value: Value) -> tuple[Edit, ...]:
    """The edit by which the place that switched grad mode off switches it on."""
    span = value.grad_mode_span
    if span is None:
        return ()
    node, text = evidence.text.expression_at(span), evidence.piece_whole(span)
    if isinstance(node, ast.Call) and is_checkpoint(evidence, span):
        given = evidence.text.keyword(span, "use_reentrant")
        return as_edits(
            evidence.text.with_keyword(node, "use_reentrant=False")
            if given is None
            else evidence.text.replaced(evidence.text.span_of(given), "False")
        )
    if isinstance(node, ast.Call) and node.args and "no_grad" in text and "set_grad" not in text:
        return evidence.text.replaced_all([(span, evidence.text.operand(node.args[0]))])
    if "set_grad_enabled" in text and isinstance(node, ast.Call) and node.args:
        return evidence.text.replaced_all([(evidence.text.span_of(node.args[0]), "True")])
    for old, new in (("inference_mode", "enable_grad"), ("no_grad", "enable_grad"), ("False", "True")):
        if old in text:
            new_text = text.replace(old, new)
            if new == "enable_grad" and "(" in new_text:
                new_text = new_text[: new_text.index("(")] + "()"
            if new_text.startswith("enable_grad"):  # the program imported no_grad alone
                new_text = f"torch.{new_text}"
            return evidence.text.replaced_all([(span, new_text)])
    return ()


def is_checkpoint(evidence: Evidence, span: Span | None) -> bool:
    """Whether what stands at a place calls a function of torch.utils.checkpoint."""
    call = evidence.text.call_at(span)
    return call is not None and ast.unparse(call.func).rpartition(".")[2].startswith("checkpoint")


def smoothed(evidence: Evidence, value: Value) -> tuple[Edit, ...]:
    """The operation that has no derivative, written as one that has one."""
    node = evidence.text.expression_at(value.span)
    text = None if node is None else smooth.smooth(evidence, node, value)
    return () if text is None or value.span is None else evidence.text.replaced_all([(value.span, text)])


def is_statement(evidence: Evidence, span: Span) -> bool:
    """Whether what stands at a place is a whole statement."""
    return isinstance(evidence.text.statement_at(span), ast.Expr)


def removed_flag(evidence: Evidence, span: Span) -> tuple[Edit, ...]:
    """The edit that takes out a statement that only sets a flag."""
    node = evidence.text.statement_at(span)
    is_flag = isinstance(node, ast.Expr) or (
        isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute)
    )
    return evidence.text.removed(span) if is_flag else ()


def with_create_graph(evidence: Evidence, span: Span) -> tuple[Edit, ...]:
    """The call with `create_graph=True`."""
    node = evidence.text.expression_at(span)
    if not isinstance(node, ast.Call):
        return ()
    for keyword in node.keywords:
        if keyword.arg == "create_graph":
            return evidence.text.replaced_all([(evidence.text.span_of(keyword.value), "True")])
    text = evidence.piece_whole(span).rstrip()
    head = text[:-1].rstrip().removesuffix(",")
    return evidence.text.replaced_all([(span, f"{head}{'' if head.endswith('(') else ', '}create_graph=True)")])


def edits_of_factory(evidence: Evidence, span: Span) -> tuple[Edit, ...]:
    """A call that fills a new tensor with a tracked number, as a product."""
    node = evidence.text.expression_at(span)
    text = None if node is None else _scaled(evidence, node)
    return () if text is None else evidence.text.replaced_all([(span, text)])


def _scaled(evidence: Evidence, node: ast.expr) -> str | None:
    if not isinstance(node, ast.Call):
        return None
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    texts = [evidence.text.operand(each) for each in node.args]
    texts += [evidence.text.operand(each.value) for each in node.keywords if each.arg in {"steps", "fill_value"}]
    match name, texts:
        case "arange", [start, end, step]:
            return f"({start} + {step} * torch.arange(float(({end} - {start}) / {step})))"
        case "linspace", [start, end, steps]:
            return f"({start} + ({end} - {start}) * torch.linspace(0, 1, {steps}))"
        case "logspace", [start, end, steps]:
            return f"(10 ** ({start} + ({end} - {start}) * torch.linspace(0, 1, {steps})))"
        case "full", [size, number]:
            return f"({number} * torch.ones({size}))"
        case "full_like", [like, number]:
            return f"({number} * torch.ones_like({like}))"
        case "new_full", [size, number] if isinstance(node.func, ast.Attribute):
            return f"({number} * {evidence.text.operand(node.func.value)}.new_ones({size}))"
    return None


def _stacked(evidence: Evidence, node: ast.expr) -> str | None:
    """The tensors that a new one was made of, put together by an operation that is recorded."""
    if not isinstance(node, ast.Call) or not node.args:
        return None
    given = node.args[0]
    if not isinstance(given, ast.List | ast.Tuple | ast.ListComp | ast.Name | ast.Call | ast.BinOp | ast.Attribute):
        return None
    text = evidence.text.cut(given)
    if isinstance(given, ast.List | ast.Tuple):
        if any(isinstance(each, ast.List | ast.Tuple) for each in given.elts):
            rows = [_row(evidence, each) for each in given.elts]
            return f"torch.stack([{', '.join(rows)}])"
        return _row(evidence, given)
    numbers = [value for value in evidence.trace.values if value.span == evidence.text.span_of(given)]
    is_list = isinstance(given, ast.ListComp) or any(value.elements for value in numbers)
    if isinstance(given, ast.Name):
        bound = [evidence.trace.values[value] for _, value in evidence.bindings(given.id)]
        is_list = bool(bound) and (bool(bound[-1].elements) or bound[-1].container == "list")
    return f"torch.stack({text})" if is_list else f"({text})"


def _row(evidence: Evidence, node: ast.expr) -> str:
    if not isinstance(node, ast.List | ast.Tuple):
        return evidence.text.operand(node)
    elements = [
        f"torch.tensor({float(each.value)})"
        if isinstance(each, ast.Constant) and isinstance(each.value, int | float)
        else evidence.text.cut(each)
        for each in node.elts
    ]
    return f"torch.stack([{', '.join(elements)}])"
