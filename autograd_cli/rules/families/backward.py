"""Rules of the family "backward call, mode and dtype": what was differentiated, when, how often, and what could be."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Edit, Severity, Span
from autograd_cli.rules.causes import accumulation, freed_graph
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.graph import ancestors, describe
from autograd_cli.rules.evidence.symptoms import (
    GRAD,
    Look,
    Pass,
    Seen,
    flattened,
    is_flagged,
    is_leaf,
    is_plain,
    leaves_of,
    looks,
    name_of,
    origins,
    passes,
    places,
    reach,
    refused_roots,
    seen_in,
    seen_refused,
)
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Kind, Phase, Step, TensorInfo, Trace, Value

_AUTOGRAD = frozenset({"torch.autograd", "autograd"})
_INTEGERS = ("'Long'", "'Int'", "'Short'", "'Char'", "'Byte'", "'Bool'")


# The call.


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
        edits=_edits(None if node is None else evidence.text.with_method(evidence.text.span_of(node), ".sum()")),
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
    """What a call (torch's refused one) differentiates, as the program writes it."""
    refusal = evidence.trace.refusal
    call = evidence.text.call_at(span or (None if refusal is None else refusal.span))
    if call is None:
        return None
    if isinstance(call.func, ast.Attribute) and _is_method(evidence, call):
        return call.func.value
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    return call.args[0] if call.args else named.get("outputs", named.get("tensors"))


def _asked_of_refused(evidence: Evidence) -> str | None:
    """What autograd.grad, which torch refused, was to differentiate with respect to."""
    refusal = evidence.trace.refusal
    if refusal is None or refusal.function != GRAD:
        return None
    inputs = flattened(evidence.trace, refusal.operands[1:2])
    return name_of(evidence, inputs[0]) if inputs else None


def _first_leaf(evidence: Evidence, roots: tuple[int, ...]) -> str | None:
    """The first leaf that roots were recorded to depend on."""
    return next(iter(leaves_of(evidence, reach(evidence.trace, roots))), None)


# The order of things.


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
    """The statement that uses it, under `if … is not None:`."""
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


# What is not there.


def _find_not_in_graph(evidence: Evidence) -> Iterator[Diagnostic]:
    trace = evidence.trace
    refusal = trace.refusal
    if refusal is not None and refusal.function == GRAD:
        yield from _unused_input(evidence)
        return
    ran = [each for each in passes(evidence) if each.backward is not None and each.call is not None]
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
        message=f"{root} was not computed from {called}"
        if base is None
        else f"{root} was computed from {base} itself, not from `{called}`, which is a new tensor",
        span=refusal.span if node is None else evidence.text.span_of(node),
        label="nothing was computed from this one" if base else f"{root} does not depend on it",
        related=places((trace.values[roots[0]].span, f"{root} was computed here")),
        victim=base or name_of(evidence, value.id),
        fix=f"differentiate with respect to {base}" if base else "allow_unused=True gives None for it",
        edits=_other_inputs(evidence, unused, bases),
        **seen_refused(evidence),
    )


def _base(evidence: Evidence, value: Value, used: frozenset[int]) -> str | None:
    """The name of what an input was made of, that the result was computed from, too."""
    behind = sorted(ancestors(evidence.trace, [value.id]), reverse=True)
    return next((name_of(evidence, each) for each in behind if _is_base(evidence, each, used)), None)


def _is_base(evidence: Evidence, value: int, used: frozenset[int]) -> bool:
    return (
        is_flagged(evidence.tensor(value)) and evidence.origin(value) in used and name_of(evidence, value) is not None
    )


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
    """The call with what the inputs were made of in their place; with allow_unused where that is not known of each."""
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


def _module_made_anew(evidence: Evidence, name: str, leaf: Value) -> tuple[Step, int] | None:
    """The statement that gave the name of the leaf's module to another module."""
    module, dot, _ = name.partition(".")
    later = [pair for pair in evidence.bindings(module) if pair[1] > leaf.id] if dot else []
    return later[-1] if later else None


# Mode and dtype.


def _find_inference_tensor(evidence: Evidence) -> Iterator[Diagnostic]:
    trace = evidence.trace
    refusal = trace.refusal
    if refusal is None or "inference" not in refusal.message.lower():
        return
    given = flattened(trace, refusal.operands)
    number = next(
        (each for each in given if (tensor := evidence.tensor(each)) is not None and tensor.is_inference), None
    )
    if number is None:
        return
    made = trace.values[evidence.origin(number)]
    called = name_of(evidence, number) or evidence.called(number)
    tracked = [each for each in given if is_flagged(evidence.tensor(each))]
    leaves = [each for each in sorted(ancestors(trace, tracked)) if is_leaf(evidence.tensor(each))]
    named = [name for each in leaves if (name := name_of(evidence, each)) is not None]
    mode = made.grad_mode_span
    call = evidence.text.call_at(mode)
    edit = None
    if mode is not None and call is not None and not call.args and not call.keywords:
        edit = evidence.text.replaced(mode, evidence.piece(mode).replace("inference_mode", "no_grad"))
    yield Diagnostic(
        rule="inference-tensor",
        severity=Severity.ERROR,
        message=f"{called} was made in inference mode, and cannot be used where torch records",
        span=made.span or refusal.span,
        label="an inference tensor",
        related=places((mode, "inference mode from here"), (refusal.span, "torch refused here")),
        victim=named[0] if named else name_of(evidence, number),
        fix="use torch.no_grad() in place of inference_mode(), or clone() it outside",
        edits=_edits(edit),
        **seen_refused(evidence),
    )


def _find_int_dtype(evidence: Evidence) -> Iterator[Diagnostic]:
    trace = evidence.trace
    refusal = trace.refusal
    if refusal is None or refusal.during is not Phase.FORWARD:
        return
    whole = [each for each in flattened(trace, refusal.operands) if _is_integer(evidence.tensor(each))]
    asks = "dtype can require gradients" in refusal.message
    if not asks and not (whole and _needs_floats(refusal.message)):
        return
    made = trace.values[evidence.origin(whole[0])] if whole else None
    span = refusal.span if made is None else made.span
    target = evidence.text.target_at(refusal.span) if asks else None
    victim = (None if made is None else name_of(evidence, made.id)) or target
    dtype = "integers" if made is None or made.tensor is None else made.tensor.dtype
    called = victim or evidence.piece(span)
    what = "cannot require gradients" if asks else "does not mix with floating point numbers here"
    yield Diagnostic(
        rule="int-dtype",
        severity=Severity.ERROR,
        message=f"{called} holds {dtype}, which {what}" if made is None else f"{called} is {dtype}, which {what}",
        span=span,
        label="whole numbers give an integer dtype",
        related=places((refusal.span, "torch refused here"), but=span),
        victim=victim,
        fix="write floats, such as 1. for 1, or give dtype=torch.float32",
        edits=_with_floats(evidence, span),
        **seen_refused(evidence),
    )


def _is_integer(tensor: TensorInfo | None) -> bool:
    return is_plain(tensor) and tensor is not None and not tensor.is_differentiable


def _needs_floats(message: str) -> bool:
    return (
        any(f"not implemented for {kind}" in message for kind in _INTEGERS)
        or "must have the same dtype" in message
        or "expected m1 and m2 to have the same dtype" in message
        or "dtype must be either a floating point or complex" in message
    )


def _with_floats(evidence: Evidence, span: Span | None) -> tuple[Edit, ...]:
    """The call that made the tensor, with floats in it or with a dtype."""
    text = evidence.text
    call = text.call_at(span)
    if call is None or span is None:
        return _edits(text.with_method(span, ".float()"))
    given = next((keyword for keyword in call.keywords if keyword.arg == "dtype"), None)
    if given is not None:
        return (text.replaced(text.span_of(given), "dtype=torch.float32"),)
    name = text.cut(call.func).rpartition(".")[2]
    if name == "tensor" and call.args and span.line == span.end_line:
        return (_floats_written(evidence, call, span),)
    if name in {"arange", "ones", "zeros", "full", "randint", "eye", "tensor"}:
        return (text.with_keyword(call, "dtype=torch.float32"),)
    return _edits(text.with_method(span, ".float()"))


def _floats_written(evidence: Evidence, call: ast.Call, span: Span) -> Edit:
    words = evidence.piece_whole(span)
    numbers = [node for node in ast.walk(call.args[0]) if isinstance(node, ast.Constant) and type(node.value) is int]
    if not numbers:
        return evidence.text.with_keyword(call, "dtype=torch.float32")
    for end in sorted((evidence.text.span_of(node).end_column - span.column for node in numbers), reverse=True):
        words = f"{words[:end]}.{words[end:]}"
    return evidence.text.replaced(span, words)


def _edits(edit: Edit | None) -> tuple[Edit, ...]:
    return () if edit is None else (edit,)


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
    Rule(
        slug="inference-tensor",
        family=Family.BACKWARD,
        summary="A tensor made in inference mode was used where torch records: it has no version counter, so it "
        "cannot be "
        "saved.",
        why="`torch.inference_mode()` drops everything that autograd would need of a tensor, for good, even after the "
        "block. backward() could not tell whether it was changed, so torch refuses to save it.",
        example="""
            with torch.inference_mode():
                features = torch.tensor([1., 2., 3.]) * 2
            w = torch.tensor([0.1, 0.2, 0.3], requires_grad=True)
            (features * w).sum().backward()
        """,
        cure="Use `torch.no_grad()` in place of `torch.inference_mode()`, or use `features.clone()`.",
        find=_find_inference_tensor,
    ),
    Rule(
        slug="int-dtype",
        family=Family.BACKWARD,
        summary="A tensor of integers (or booleans) was asked to require gradients: only floating point and complex "
        "tensors can.",
        why="A derivative is a limit of small changes, and integers have none. `torch.tensor([1, 2])` is int64, "
        "because its numbers are written without a decimal point.",
        example="""
            x = torch.tensor([1, 2], requires_grad=True)
            (x * 2).sum().backward()
        """,
        cure="Write floats, `torch.tensor([1., 2.])`, or give the dtype, `dtype=torch.float32`.",
        find=_find_int_dtype,
    ),
)
