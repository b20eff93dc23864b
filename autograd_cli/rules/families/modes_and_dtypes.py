"""Rules of tensors that autograd cannot take: made in inference mode, or of integers."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Edit, Severity, Span, as_edits
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.graph import ancestors
from autograd_cli.rules.evidence.symptoms import flattened, is_flagged, is_leaf, is_plain, name_of, places, seen_refused
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Phase, TensorInfo

_INTEGERS = ("'Long'", "'Int'", "'Short'", "'Char'", "'Byte'", "'Bool'")


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
        edits=as_edits(edit),
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
        return as_edits(text.with_method(span, ".float()"))
    given = next((keyword for keyword in call.keywords if keyword.arg == "dtype"), None)
    if given is not None:
        return (text.replaced(text.span_of(given), "dtype=torch.float32"),)
    name = text.cut(call.func).rpartition(".")[2]
    if name == "tensor" and call.args and span.line == span.end_line:
        return (_floats_written(evidence, call, span),)
    if name in {"arange", "ones", "zeros", "full", "randint", "eye", "tensor"}:
        return (text.with_keyword(call, "dtype=torch.float32"),)
    return as_edits(text.with_method(span, ".float()"))


def _floats_written(evidence: Evidence, call: ast.Call, span: Span) -> Edit:
    words = evidence.piece_whole(span)
    numbers = [node for node in ast.walk(call.args[0]) if isinstance(node, ast.Constant) and type(node.value) is int]
    if not numbers:
        return evidence.text.with_keyword(call, "dtype=torch.float32")
    for end in sorted((evidence.text.span_of(node).end_column - span.column for node in numbers), reverse=True):
        words = f"{words[:end]}.{words[end:]}"
    return evidence.text.replaced(span, words)


RULES: tuple[Rule, ...] = (
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
