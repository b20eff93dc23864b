"""How to cure a gradient that is zero, or of another loss: in words, and as a change of the program's text."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograd_cli.diagnostic import Edit
from autograd_cli.rules.causes.flow import CANCELLED, GENERAL, Stop
from autograd_cli.rules.causes.stops import origin_of_zero
from autograd_cli.rules.cures.numbers import Fix
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.operations import module_of
from autograd_cli.rules.evidence.traits import Trait, has
from autograd_cli.trace import Kind, Value

_PAIR = 2
_AS_A_CONSTANT = "draw it by sample(), or detach() it where it is compared"
_SEVERAL = "normalise over several elements, or leave the normalisation out here"
_WITH_A_SLOPE = "scale its operands, start elsewhere, or use an operation that has a slope there"


def fix(evidence: Evidence, stop: Stop) -> Fix:
    """The cure of a stop."""
    if stop.slug == CANCELLED:
        return Fix(words=_AS_A_CONSTANT, edits=tuple(_drawn_without_graph(evidence, stop.value)))
    is_fault = stop.slug == GENERAL and not stop.is_meant
    words = _WITH_A_SLOPE if is_fault else _SEVERAL if has(stop.value.stem, Trait.NORMALISING) else None
    return Fix(words=words, edits=tuple(_edits(evidence, stop)))


def _edits(evidence: Evidence, stop: Stop) -> Iterator[Edit]:
    if stop.slug in {"zero-grad-step", "zero-grad-clamp"}:
        yield from _straight_through(evidence, stop.value)
    elif stop.slug == "sampling-not-reparameterised":
        yield from _from_noise(evidence, stop.value)
    elif stop.slug == "zero-grad-relu":
        yield from _leaky(evidence, stop.value)
    elif stop.slug == "zero-grad-padding-idx":
        yield from fix_of_padding(evidence, stop.value)
    elif stop.slug == "zero-grad-zero-init" and stop.by is not None:
        yield from _random(evidence, beginning(evidence, stop.by))
    elif stop.slug == "zero-grad-constant":
        yield from _other_axis(evidence, stop.value)
        yield from _of_one_class(evidence, stop.value)
    elif stop.slug == "zero-grad-saturated":
        yield from _scaled_down(evidence, stop.value)
    elif stop.slug == "zero-grad-kink":
        origins = [origin_of_zero(evidence, evidence.trace.values[each]) for each in stop.value.operands]
        yield from (edit for each in origins if each for edit in _random(evidence, beginning(evidence, each[1])))


def _drawn_without_graph(evidence: Evidence, value: Value) -> Iterator[Edit]:
    """`sample()` in place of `rsample()`."""
    call = evidence.text.call_at(value.span)
    if call is not None and isinstance(call.func, ast.Attribute) and call.func.attr == "rsample":
        owner = evidence.text.cut(call.func.value)
        yield evidence.text.rewritten(call.func, f"{owner}.sample")


def beginning(evidence: Evidence, value: Value) -> Value:
    """The version of a leaf that torch.nn.init wrote, or else the first one whose place is known."""
    chain = [value]
    while chain[-1].previous is not None:
        chain.append(evidence.trace.values[chain[-1].previous])
    placed = [each for each in chain if each.span is not None and each.kind is not Kind.STEP]
    written = [each for each in placed if (each.function or "").startswith("torch.nn.init.")]
    return next(iter([*written, *placed[-1:]]), value)


def _straight_through(evidence: Evidence, value: Value) -> Iterator[Edit]:
    """The same value, with the gradient of the operand."""
    node = evidence.text.expression_at(value.span)
    given = evidence.given(value)
    if node is not None and given:
        operand = evidence.text.operand(given[0])
        yield evidence.text.rewritten(node, f"({operand} + ({evidence.text.operand(node)} - {operand}).detach())")


def _from_noise(evidence: Evidence, value: Value) -> Iterator[Edit]:
    node = evidence.text.expression_at(value.span)
    given = evidence.given(value)
    if node is None or not given:
        return
    if value.stem != "normal" or value.is_write:
        yield from _straight_through(evidence, value)
        return
    mean = evidence.text.operand(given[0])
    spread = evidence.text.operand(given[1]) if len(given) > 1 else "1."
    shaped = mean if evidence.tensor(value.operands[0]) is not None else spread
    yield evidence.text.rewritten(node, f"({mean} + {spread} * torch.randn_like({shaped}))")


def _leaky(evidence: Evidence, value: Value) -> Iterator[Edit]:
    """A leaky relu in its place; of a module, where it is made."""
    module = module_of(evidence.trace, value, "ReLU")
    node = evidence.text.expression_at(value.span if module is None else module.span)
    given = evidence.given(value)
    if module is not None and isinstance(node, ast.Call):
        yield evidence.text.rewritten(node, evidence.text.one_line(node.func).replace("ReLU", "LeakyReLU") + "()")
    elif (
        module is None
        and node is not None
        and given
        and value.kind is not Kind.MODULE
        and value.stem in {"relu", "clamp", "clamp_min", "maximum"}
    ):
        yield evidence.text.rewritten(node, f"F.leaky_relu({evidence.text.one_line(given[0])}, 0.01)")


def fix_of_padding(evidence: Evidence, value: Value) -> tuple[Edit, ...]:
    """The look-up, or the module, without its padding."""
    for each in (value, module_of(evidence.trace, value, "Embedding")):
        given = None if each is None else evidence.text.keyword(each.span, "padding_idx")
        if given is not None:
            return (evidence.text.rewritten(given, "None"),)
    return ()


def _random(evidence: Evidence, value: Value) -> Iterator[Edit]:
    """Small random numbers in place of zeros, where the call that makes them says zeros."""
    node = evidence.text.expression_at(value.span)
    if not isinstance(node, ast.Call):
        return
    called = evidence.text.one_line(node.func)
    if value.function == "torch.nn.init.zeros_":
        yield evidence.text.rewritten(node.func, called.replace("zeros_", "normal_"))
    elif value.stem in {"zeros", "zeros_like"}:
        yield evidence.text.rewritten(node.func, called.replace("zeros", "randn"))


def _other_axis(evidence: Evidence, value: Value) -> Iterator[Edit]:
    """The axis that has more than one element."""
    module = module_of(evidence.trace, value, "Softmax")
    given = evidence.text.keyword(value.span if module is None else module.span, "dim")
    operand = evidence.tensor(value.operands[0]) if value.operands else None
    longer = [] if operand is None else [dim for dim, size in enumerate(operand.shape) if size > 1]
    if given is not None and len(longer) == 1 and evidence.text.one_line(given) != str(longer[0]):
        yield evidence.text.rewritten(given, str(longer[0]))


def _of_one_class(evidence: Evidence, value: Value) -> Iterator[Edit]:
    """The loss for one output in place of the one for several classes."""
    node = evidence.text.expression_at(value.span)
    given = evidence.given(value)
    if (
        isinstance(node, ast.Call)
        and value.stem in {"cross_entropy", "crossentropyloss"}
        and len(given) == len(node.args) == _PAIR
    ):
        logits, target = (evidence.text.operand(each) for each in given)
        text = f"F.binary_cross_entropy_with_logits({logits}.squeeze(1), {target}.float())"
        yield evidence.text.rewritten(node, text)


def _scaled_down(evidence: Evidence, value: Value) -> Iterator[Edit]:
    """What goes in, divided by a round number of about its size."""
    given = evidence.given(value)
    operand = evidence.tensor(value.operands[0]) if value.operands else None
    if given and operand is not None and operand.values:
        size = max(abs(each) for each in operand.values)
        text = f"{evidence.text.operand(given[0])} / {size:.0e}".replace("e+0", "e")
        yield evidence.text.rewritten(given[0], f"({text})")


def fix_of_tie(evidence: Evidence, value: Value) -> tuple[Edit, ...]:
    """The reduction that gives the whole gradient to one element, where all elements are reduced to one."""
    node = evidence.text.expression_at(value.span)
    given = evidence.given(value)
    if node is None or len(given) != 1 or value.stem not in {"max", "min"} or len(value.operands) != 1:
        return ()
    text = f"{evidence.text.operand(given[0])}.flatten().{value.stem}(dim=0).values"
    return (evidence.text.rewritten(node, text),)


def fix_of_broadcast(evidence: Evidence, value: Value) -> Fix:
    """Both operands in the shape of the one with fewer dimensions."""
    given = evidence.given(value)
    words = "bring both to one shape, with squeeze(-1) or unsqueeze(-1)"
    for node, operand in zip(given, value.operands, strict=False):
        tensor = evidence.tensor(operand)
        if tensor is not None and tensor.shape and 1 in tensor.shape:
            dim = -1 if tensor.shape[-1] == 1 else tensor.shape.index(1)
            text = f"{evidence.text.operand(node)}.squeeze({dim})"
            return Fix(words=f"bring both to one shape: {text}", edits=(evidence.text.rewritten(node, text),))
    return Fix(words=words)
