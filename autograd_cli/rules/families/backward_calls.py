"""Rules of the call of backward(): what it starts from, with which weights, how often."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Edit, Severity, Span, as_edits
from autograd_cli.rules.causes import accumulation, freed_graph
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.graph import describe
from autograd_cli.rules.evidence.symptoms import (
    GRAD,
    flattened,
    is_flagged,
    leaves_of,
    name_of,
    passes,
    reach,
    refused_roots,
    seen_refused,
)
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Kind, TensorInfo, Trace

_AUTOGRAD = frozenset({"torch.autograd", "autograd"})


def _find_non_scalar_backward(evidence: Evidence) -> Iterator[Diagnostic]:
    trace = evidence.trace
    roots = refused_roots(trace)
    if trace.refusal is None or not roots or trace.backwards[-1].given or not _is_about_shape(trace):
        return
    root = next((root for root in roots if _is_several(evidence.tensor(root))), None)
    if root is None:
        return
    node = _root_node(evidence)
    called = name_of(evidence, root) or evidence.called(root)
    tensor = evidence.tensor(root)
    assert tensor is not None
    yield Diagnostic(
        rule="non-scalar-backward",
        severity=Severity.ERROR,
        message=f"backward() of {called} needs one number, and {called} has {tensor.numel:,} elements",
        span=trace.refusal.span if node is None else evidence.text.span_of(node),
        label=describe(tensor),
        victim=_asked_of_refused(evidence) or _first_leaf(evidence, roots),
        fix=f"reduce it first: {called}.sum().backward(), or .mean()",
        edits=as_edits(None if node is None else evidence.text.with_method(evidence.text.span_of(node), ".sum()")),
        **seen_refused(evidence),
    )


def _is_about_shape(trace: Trace) -> bool:
    return trace.refusal is not None and "scalar outputs" in trace.refusal.message


def _is_several(tensor: TensorInfo | None) -> bool:
    return is_flagged(tensor) and tensor is not None and tensor.numel != 1


def _find_gradient_argument(evidence: Evidence) -> Iterator[Diagnostic]:
    trace = evidence.trace
    refusal = trace.refusal
    if refusal is not None and refusal.kind is Kind.BACKWARD:
        yield from _refused_argument(evidence)
        return
    for each in passes(evidence):
        if each.call is None or each.backward is None or not each.backward.given:
            continue
        weights = [gradient.values for gradient in each.backward.gradients if gradient is not None]
        if all(values is None or all(value == 1 for value in values) for values in weights):
            continue
        node = _gradient_node(evidence, each.call.span)
        leaf = next((leaf.name for leaf in each.backward.leaves if accumulation.is_changed(leaf)), None)
        is_zero = all(values is not None and not any(values) for values in weights)
        yield Diagnostic(
            rule="gradient-argument",
            severity=Severity.WARNING if is_zero else Severity.NOTE,
            message=f"the gradient of {leaf} is weighted by the argument of backward()"
            + (", which is zero" if is_zero else ": a vector-Jacobian product, not the plain derivative"),
            span=each.call.span if node is None else evidence.text.span_of(node),
            label="a weight for each element",
            victim=leaf,
            fix="backward() of the sum gives the plain derivative",
            edits=_plain_call(evidence, each.call.span),
            observed=f"{leaf}.grad is weighted",
        )
        return


def _refused_argument(evidence: Evidence) -> Iterator[Diagnostic]:
    trace = evidence.trace
    refusal, backward = trace.refusal, trace.backwards[-1]
    node = None if refusal is None else _gradient_node(evidence, refusal.span)
    if refusal is None or node is None or not any(is_flagged(evidence.tensor(root)) for root in backward.roots):
        return
    pairs = list(zip(backward.roots, backward.gradients, strict=False))
    wrong = next(
        ((root, grad) for root, grad in pairs if grad is not None and grad.shape != _shape(evidence, root)), None
    )
    if wrong is None and (backward.given or refusal.exception != "TypeError"):
        return
    root = backward.roots[0] if wrong is None else wrong[0]
    called = name_of(evidence, root) or evidence.called(root)
    expected = f"{called} has shape {list(_shape(evidence, root))}"
    given = evidence.text.cut(node)
    was = "is no gradient" if wrong is None or wrong[1] is None else f"has shape {list(wrong[1].shape)}"
    yield Diagnostic(
        rule="gradient-argument",
        severity=Severity.ERROR,
        message=f"the argument of backward() is a weight for each element of {called}: `{given}` {was}, {expected}",
        span=evidence.text.span_of(node),
        label=was,
        victim=_first_leaf(evidence, backward.roots),
        fix="backward() of the sum needs no argument",
        edits=_plain_call(evidence, refusal.span),
        **seen_refused(evidence),
    )


def _shape(evidence: Evidence, value: int) -> tuple[int, ...]:
    tensor = evidence.tensor(value)
    return () if tensor is None else tensor.shape


def _gradient_node(evidence: Evidence, span: Span | None) -> ast.expr | None:
    """The argument of a call of `backward` that is the gradient."""
    call = evidence.text.call_at(span)
    if call is None:
        return None
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    place = 0 if _is_method(evidence, call) else 1
    positional = call.args[place] if len(call.args) > place else None
    return named.get("gradient", named.get("grad_tensors", positional))


def _plain_call(evidence: Evidence, span: Span | None) -> tuple[Edit, ...]:
    """`y.sum().backward()` for a call of the method with a gradient."""
    call = evidence.text.call_at(span)
    node = _root_node(evidence, span)
    if call is None or span is None or node is None or not _is_method(evidence, call):
        return ()
    kept = [evidence.text.cut(each) for each in call.keywords if each.arg != "gradient"]
    match call.args:
        case [ast.Constant(value=bool()) as truth]:
            return (evidence.text.replaced(evidence.text.span_of(truth), f"retain_graph={truth.value!r}"),)
    return (evidence.text.replaced(span, f"{evidence.text.cut(node)}.sum().backward({', '.join(kept)})"),)


def _is_method(evidence: Evidence, call: ast.Call) -> bool:
    """Whether it is `y.backward()`, not `torch.autograd.backward(y)`."""
    return isinstance(call.func, ast.Attribute) and evidence.text.cut(call.func.value) not in _AUTOGRAD


def _root_node(evidence: Evidence, span: Span | None = None) -> ast.expr | None:
    """What a call differentiates, as the program writes it; without a span, the call that torch refused."""
    refusal = evidence.trace.refusal
    call = evidence.text.call_at(span or (None if refusal is None else refusal.span))
    if call is None:
        return None
    if isinstance(call.func, ast.Attribute) and _is_method(evidence, call):
        return call.func.value
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    return call.args[0] if call.args else named.get("outputs", named.get("tensors"))


def _asked_of_refused(evidence: Evidence) -> str | None:
    """The first input of a call of `autograd.grad` that torch refused."""
    refusal = evidence.trace.refusal
    if refusal is None or refusal.function != GRAD:
        return None
    inputs = flattened(evidence.trace, refusal.operands[1:2])
    return name_of(evidence, inputs[0]) if inputs else None


def _first_leaf(evidence: Evidence, roots: tuple[int, ...]) -> str | None:
    """The first leaf that roots were recorded to depend on."""
    return next(iter(leaves_of(evidence, reach(evidence.trace, roots))), None)


RULES: tuple[Rule, ...] = (
    Rule(
        slug="graph-freed",
        family=Family.BACKWARD,
        summary="A second backward pass reached a part of the graph that the first one had freed.",
        why="backward() frees what the operations saved as it goes, to make room for the next round. A second pass "
        "fails if it shares a part of the graph with the first: the same loss twice, two losses with a common "
        "part, or a value that carries the graph of one round into the next.",
        example="""
            w = torch.tensor(0.5, requires_grad=True)
            state = torch.tensor(1.)
            for x in [0.3, -0.2]:
                state = torch.tanh(w * state + x)
                loss = (state - 1) ** 2
                loss.backward()
        """,
        cure="Detach what goes from one round into the next, `state = state.detach()`; compute inside the loop what "
        "belongs to each round; add up the losses and call backward() once; or keep the graph with "
        "`backward(retain_graph=True)`.",
        find=freed_graph.graph_freed,
    ),
    Rule(
        slug="non-scalar-backward",
        family=Family.BACKWARD,
        summary="backward() was called on a tensor of several elements, and torch does not know how to weight them.",
        why="backward() computes the gradient of one number. For a tensor of several elements it needs a weight for "
        "each, the `gradient` argument; for a scalar the weight is 1.",
        example="""
            x = torch.tensor([1., 2.], requires_grad=True)
            y = x * 2
            y.backward()
        """,
        cure="Reduce it first, `y.sum().backward()` or `y.mean().backward()`, or give the weights, "
        "`y.backward(torch.ones(2))`.",
        find=_find_non_scalar_backward,
    ),
    Rule(
        slug="gradient-argument",
        family=Family.BACKWARD,
        summary="The argument of backward() weights the elements: what arrives in `.grad` is not the plain derivative.",
        why="`y.backward(v)` computes the vector-Jacobian product: the derivative of `(y * v).sum()`. With ones it is "
        "the derivative of the sum. `v` has the shape of `y`; it is not a learning rate, nor `retain_graph`.",
        example="""
            x = torch.tensor([1., 2., 3.], requires_grad=True)
            y = x ** 2
            y.backward(torch.tensor([0.1, 1., 10.]))
            print(x.grad)
        """,
        cure="Use `y.sum().backward()` for the derivative of the sum; pass a weight for each element of `y` only if "
        "that is what you mean.",
        find=_find_gradient_argument,
    ),
)
