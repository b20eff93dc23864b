"""How to cure a gradient that is no number: in words, and as a change of the program's text."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from autograd_cli.diagnostic import Edit
from autograd_cli.rules.causes.not_a_number import Birth, divides_by_zero, first_infinite
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.graph import ancestors
from autograd_cli.rules.evidence.passage import is_finite
from autograd_cli.trace import Kind, TensorInfo, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """What to do: `edits`, empty where no change of lines does it, and `words`, where the rule's own are not enough."""

    words: str | None = None
    edits: tuple[Edit, ...] = ()


def fix(evidence: Evidence, birth: Birth) -> Fix:
    """The cure of a birth."""
    cure = _clean if divides_by_zero(evidence, birth.value) else _FIXES[birth.slug]
    return next(cure(evidence, birth), Fix())


def fix_of_normalize(evidence: Evidence, value: Value) -> Fix:
    """The cure of a division of zeros by almost nothing."""
    words = "leave out vectors of zeros, or give a larger eps"
    node = evidence.text.expression_at(value.span)
    if isinstance(node, ast.Call) and value.stem in {"normalize", "cosine_similarity"}:
        given = evidence.text.keyword(value.span, "eps")
        text = evidence.text.one_line(node)
        edit = evidence.text.rewritten(node, f"{text[:-1]}, eps=1e-3)") if given is None else None
        edit = edit or (evidence.text.rewritten(given, "1e-3") if given is not None else None)
        return Fix(words=words, edits=() if edit is None else (edit,))
    operands = evidence.given(value)
    if len(operands) > 1:
        text = f"{evidence.text.operand(operands[1])}.clamp(min=1e-3)"
        return Fix(words=words, edits=(evidence.text.rewritten(operands[1], text),))
    return Fix(words=words)


def _keep_above_zero(evidence: Evidence, birth: Birth) -> Iterator[Fix]:
    """A small number added to the operand, or a lower bound where the operand is below 0."""
    yield from _inside(evidence, birth.value, 0)


def _log(evidence: Evidence, birth: Birth) -> Iterator[Fix]:
    """The function that torch has for the logarithm of a softmax or a sigmoid, or a bound inside."""
    node = evidence.text.expression_at(birth.value.span)
    given = evidence.given(birth.value)
    made = evidence.trace.values[birth.value.operands[0]] if birth.value.operands else None
    together = {"softmax": "F.log_softmax", "sigmoid": "F.logsigmoid"}.get("" if made is None else made.stem)
    if node is not None and given and together and isinstance(given[0], ast.Call) and made is not None:
        inner = evidence.given(made)
        if inner and evidence.text.expression_at(made.span) is given[0]:
            rest = [evidence.text.one_line(each) for each in inner]
            rest += [f"{each.arg}={evidence.text.one_line(each.value)}" for each in given[0].keywords]
            text = f"{together}({', '.join(rest)})"
            yield Fix(words=f"write {text}", edits=(evidence.text.rewritten(node, text),))
    yield from _inside(evidence, birth.value, 0, bound=True)


def _inside(evidence: Evidence, value: Value, number: int, *, bound: bool = False) -> Iterator[Fix]:
    """An operand kept away from 0."""
    given = evidence.given(value)
    if len(given) <= number or len(value.operands) <= number:
        return
    tensor = evidence.tensor(value.operands[number])
    negative = tensor is not None and any(not isinstance(each, complex) and each < 0 for each in tensor.values or ())
    text = evidence.text.operand(given[number])
    text = f"{text}.clamp(min=1e-12)" if bound or negative else f"({text} + 1e-12)"
    yield Fix(words=f"keep it above 0: {text}", edits=(evidence.text.rewritten(given[number], text),))


def _apart(evidence: Evidence, value: Value) -> Iterator[Fix]:
    """A divisor kept so far from 0 that the gradient, which is 1 / divisor, is not huge in its turn."""
    given = evidence.given(value)
    if len(given) < 2 or len(value.operands) < 2:  # noqa: PLR2004 - what is divided, and by what
        return
    tensor = evidence.tensor(value.operands[1])
    text = evidence.text.operand(given[1])
    if isinstance(given[1], ast.Constant):
        yield Fix(words="leave out what is divided by 0")
        return
    if tensor is None:
        text = f"({text} or 1e-3)"
    elif _reaches_below_zero(tensor):
        text = f"torch.where({text} == 0, 1e-3, {text})"
    else:
        text = f"{text}.clamp(min=1e-3)"
    words = f"leave out what is divided by 0, or keep the divisor away from it: {text}"
    yield Fix(words=words, edits=(evidence.text.rewritten(given[1], text),))


def _reaches_below_zero(tensor: TensorInfo) -> bool:
    least = () if tensor.summary is None else (tensor.summary.minimum,)
    return any(isinstance(each, int | float) and each < 0 for each in tensor.values or least)


def _where(evidence: Evidence, birth: Birth) -> Iterator[Fix]:
    """The same choice made before the operation."""
    choice = birth.masker
    bad = evidence.given(birth.value)
    number = 1 if birth.value.stem == "div" else 0
    if choice is None or choice.stem != "where" or len(bad) <= number:
        yield from _apart(evidence, birth.value) if number else _inside(evidence, birth.value, number)
        return
    given = evidence.given(choice)
    if len(given) != len(_PARTS) or len(choice.operands) < len(_PARTS):
        return
    condition, taken = (1, 0) if choice.kind is Kind.METHOD else (0, 1)
    safe = "0.5" if birth.value.stem in {"acos", "asin", "atanh"} else "1.0"
    operand = evidence.text.one_line(bad[number])
    is_taken = birth.value.id in ancestors(evidence.trace, [choice.operands[taken]])
    order = f"{operand}, {safe}" if is_taken else f"{safe}, {operand}"
    text = f"torch.where({evidence.text.one_line(given[condition])}, {order})"
    yield Fix(words=f"choose before the operation: {text}", edits=(evidence.text.rewritten(bad[number], text),))


_PARTS = ("condition", "input", "other")


def _clean(evidence: Evidence, birth: Birth) -> Iterator[Fix]:
    """nan_to_num around the operand that has NaN or infinity in it, or an operand kept away from 0."""
    given = evidence.given(birth.value)
    for node, operand in zip(given, birth.value.operands, strict=False):
        if not is_finite(evidence.tensor(operand)):
            text = f"torch.nan_to_num({evidence.text.one_line(node)}, posinf=0., neginf=0.)"
            yield Fix(words=f"clean what goes in: {text}", edits=(evidence.text.rewritten(node, text),))
    name = birth.value.stem
    if name in {"log", "sqrt", "log2", "log10"}:
        yield from _inside(evidence, birth.value, 0, bound=True)
    elif name == "div":
        yield from _apart(evidence, birth.value)


def _softmax(evidence: Evidence, birth: Birth) -> Iterator[Fix]:
    """A large number in place of each -inf on the line that has them."""
    infinite = first_infinite(evidence, birth.value)
    span = None if infinite is None else infinite.span
    if span is None:
        return
    found = {
        value.span: "-1e9" if value.scalar == -math.inf else "1e9"
        for value in evidence.trace.values
        if isinstance(value.scalar, float)
        and math.isinf(value.scalar)
        and value.span is not None
        and value.span.line == span.line == value.span.end_line
        and not any(math.isinf(_scalar(evidence, each)) for each in value.operands)
    }
    edits = evidence.text.replaced_all(found.items())
    if edits:
        yield Fix(words="mask with -1e9 instead of -inf, or leave one element of each row unmasked", edits=edits)


def _scalar(evidence: Evidence, value: int) -> float:
    scalar = evidence.trace.values[value].scalar
    return scalar if isinstance(scalar, float) else 0.0


def _arc(evidence: Evidence, birth: Birth) -> Iterator[Fix]:
    given = evidence.given(birth.value)
    if given:
        text = f"{evidence.text.operand(given[0])}.clamp(-1 + 1e-6, 1 - 1e-6)"
        yield Fix(words=f"keep it inside: {text}", edits=(evidence.text.rewritten(given[0], text),))


def _smaller(evidence: Evidence, birth: Birth) -> Iterator[Fix]:
    """An exponent that does not overflow."""
    given = evidence.given(birth.value)
    bounds = {"exp": "max=80.", "expm1": "max=80.", "cosh": "-80., 80.", "sinh": "-80., 80."}.get(birth.value.stem)
    if given and bounds is not None:
        text = f"{evidence.text.operand(given[0])}.clamp({bounds})"
        words = (
            "use torch's function for the whole expression (softplus, sigmoid, logsumexp), or keep the exponent small"
        )
        yield Fix(words=words, edits=(evidence.text.rewritten(given[0], text),))
    elif given and birth.value.tensor is not None and birth.value.tensor.dtype == "float16":
        text = f"{evidence.text.operand(given[0])}.float()"
        yield Fix(words="compute it in float32", edits=(evidence.text.rewritten(given[0], text),))


def _noise(evidence: Evidence, birth: Birth) -> Iterator[Fix]:
    given = evidence.given(birth.value)
    if given:
        matrix = evidence.text.operand(given[0])
        text = f"({matrix} + 1e-3 * torch.randn_like({matrix}))"
        yield Fix(edits=(evidence.text.rewritten(given[0], text),))


def _correction(evidence: Evidence, birth: Birth) -> Iterator[Fix]:
    node = evidence.text.expression_at(birth.value.span)
    if not isinstance(node, ast.Call):
        return
    given = [evidence.text.one_line(each) for each in node.args]
    given += [
        f"{each.arg}={evidence.text.one_line(each.value)}"
        for each in node.keywords
        if each.arg not in {"unbiased", "correction"}
    ]
    text = f"{evidence.text.one_line(node.func)}({', '.join([*given, 'correction=0'])})"
    if any(user.stem == "div" for user in evidence.users.get(birth.value.id, ())):
        text = f"({text} + 1e-6)"
    yield Fix(edits=(evidence.text.rewritten(node, text),))


_FIXES: dict[str, Callable[[Evidence, Birth], Iterator[Fix]]] = {
    "nan-where-branch": _where,
    "nan-zero-times-nan": _clean,
    "nan-sqrt-at-zero": _keep_above_zero,
    "nan-log-of-zero": _log,
    "nan-overflow": _smaller,
    "nan-masked-softmax": _softmax,
    "nan-acos-at-one": _arc,
    "nan-svd-degenerate": _noise,
    "nan-variance-of-one": _correction,
    "nan-pow-zero-base": _keep_above_zero,
}
