"""Rules of the family "zero and wrong value"."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Severity, Span
from autograd_cli.rules.causes.broadcasts import find_broadcast
from autograd_cli.rules.causes.flow import Stop
from autograd_cli.rules.causes.stops import find_stop
from autograd_cli.rules.causes.ties import find_padding, find_tie
from autograd_cli.rules.cures import zeros
from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.rules.evidence.operations import module_of
from autograd_cli.rules.evidence.passage import is_finite, is_zero
from autograd_cli.rules.evidence.several import gradients_of, others_of
from autograd_cli.rules.evidence.symptoms import places
from autograd_cli.rules.evidence.traits import Trait, has
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Kind, Value


def _find_padding(evidence: Evidence) -> Iterator[Diagnostic]:
    stop = _stop(evidence)
    padding = None if stop is not None and stop.slug == "zero-grad-padding-idx" else find_padding(evidence)
    if padding is not None:
        value, victim, row = padding
        yield Diagnostic(
            rule="zero-grad-padding-idx",
            severity=Severity.NOTE,
            message=f"row {row} of {victim} gets no gradient: it is the padding of `{evidence.piece(value.span)}`",
            span=_place(evidence, value),
            victim=victim,
            observed=f"{victim}.grad[{row}] is zero",
            fix="leave out padding_idx if the row is to be learned",
            edits=zeros.fix_of_padding(evidence, value),
        )


def _find_tie_split(evidence: Evidence) -> Iterator[Diagnostic]:
    tie = find_tie(evidence)
    if tie is not None:
        value, victim, share = tie
        yield Diagnostic(
            rule="tie-split",
            severity=Severity.NOTE,
            message=f"the gradient of {victim} is shared: several elements of `{evidence.piece(value.span)}` are equal",
            span=value.span,
            label=share,
            victim=victim,
            observed=f"{victim}.grad has parts of it in several places",
            fix="max(dim=…) gives all of it to one element",
            edits=zeros.fix_of_tie(evidence, value),
        )


def _find_broadcast_shape(evidence: Evidence) -> Iterator[Diagnostic]:
    found = find_broadcast(evidence)
    if found is not None:
        fix = zeros.fix_of_broadcast(evidence, found.value)
        those = "those" if found.victims[1:] else "that"
        left, right, result = (f"[{', '.join(map(str, shape))}]" for shape in found.shapes)
        yield Diagnostic(
            rule="broadcast-shape",
            severity=Severity.WARNING,
            message=f"{gradients_of(found.victims)} {those} of another loss: {left} and {right} broadcast to {result}",
            span=found.value.span,
            label=f"{left} with {right} makes {result}: every pair",
            victim=found.victims[0],
            others=others_of(found.victims),
            observed=f"{found.victims[0]}.grad is wrong",
            fix=fix.words,
            edits=fix.edits,
        )


_SUMMED = "has the same sum in each group that it normalises, whatever goes in"
_OTHER_LOSS = "another loss than that sum: compare with a target, or weigh the elements differently"


@remembered
def _stop(evidence: Evidence) -> Stop | None:
    """What stopped a gradient; None in a run with NaN or infinity in a gradient, which is to be cured first."""
    ends = ((passage, end) for passage in evidence.passages for end in passage.ends)
    if not all(is_finite(each) for passage, end in ends for each in passage.arrived_at(end)):
        return None
    return find_stop(evidence)


def _find_stopped(evidence: Evidence) -> Iterator[Diagnostic]:
    stop = _stop(evidence)
    if stop is None:
        return
    culprit = stop.by or stop.value
    fix = zeros.fix(evidence, stop)
    is_summed = _is_of_several(stop)
    span = (None if is_summed else _place(evidence, culprit)) or stop.value.span
    called = "the gradient is multiplied by zeros here" if stop.by is not None else "called here"
    related = places((stop.value.span, called), but=span)
    yield Diagnostic(
        rule=stop.slug,
        severity=Severity.NOTE if stop.is_meant else Severity.WARNING,
        message=f"{gradients_of(stop.victims)} zero: `{_called(evidence, culprit)}` "
        f"{stop.how or (_SUMMED if is_summed else _BY_SLUG[stop.slug].blame)}",
        span=span,
        label=_label(stop),
        related=related,
        victim=stop.victim,
        others=others_of(stop.victims),
        observed=f"{stop.victim}.grad is zero",
        fix=_OTHER_LOSS if is_summed else fix.words,
        edits=fix.edits,
    )


def _is_of_several(stop: Stop) -> bool:
    """Whether it is a normalisation over more than one element: then only their plain sum is the same for all."""
    kept = {saved.name: saved.tensor for saved in stop.visit.saved}
    given, means = kept.get("input"), kept.get("result1")
    if given is None or means is None or not has(stop.value.stem, Trait.NORMALISING):
        return False
    return given.numel > means.numel


def _label(stop: Stop) -> str | None:
    if stop.by is not None:
        return None
    if stop.numbers is not None:
        return stop.numbers
    arrives = any(not is_zero(each) for each in stop.visit.arrived if each is not None)
    return "a gradient arrives here, but only zeros leave" if arrives else "only zeros leave here, whatever arrives"


def _called(evidence: Evidence, value: Value) -> str:
    """The zeros by their name, an operation by its piece of the program."""
    return (
        evidence.called(value.id) if value.tensor is not None and value.tensor.is_leaf else evidence.piece(value.span)
    )


def _place(evidence: Evidence, value: Value) -> Span | None:
    """Where to change it: of a module that normalises or looks up padding, where it is made; of a leaf, its start."""
    if value.tensor is not None and value.tensor.is_leaf and not value.stem.startswith("embedding"):
        return zeros.beginning(evidence, value).span
    is_layer = value.kind is Kind.MODULE and has(value.stem, Trait.NORMALISING)
    module = module_of(evidence.trace, value, value.verb if is_layer else "Embedding")
    return value.span if module is None else module.span


RULES: tuple[Rule, ...] = (
    Rule(
        slug="broadcast-shape",
        family=Family.ZERO,
        summary="A loss is taken over every pair, because [n, 1] and [n] broadcast to [n, n].",
        why="Broadcasting aligns shapes from the right: a column and a row make a matrix. The mean of it is a number "
        "like any other, and its gradient is wrong. torch warns about it in F.mse_loss, but not in a plain "
        "difference.",
        example="""
            w = torch.tensor(0.5, requires_grad=True)
            x = torch.tensor([[1.], [2.], [3.]])
            y = torch.tensor([2., 4., 6.])
            loss = ((x * w - y) ** 2).mean()
            loss.backward()
            print(w.grad)
        """,
        cure="Bring both to one shape: pred.squeeze(-1), or y.unsqueeze(-1).",
        find=_find_broadcast_shape,
    ),
    Rule(
        slug="zero-grad-step",
        family=Family.ZERO,
        summary="The gradient is zero because it had to pass through a step function: round, floor, ceil, sign, trunc.",
        why="A step function is flat everywhere but at its jumps. Torch records it, and its backward returns zeros "
        "whatever arrives, without an error.",
        example="""
            x = torch.tensor([1.4, 2.6], requires_grad=True)
            y = torch.round(x)
            ((y - 5.) ** 2).sum().backward()
            print(x.grad)
        """,
        cure="Use the value before the step, or a straight-through estimator: x + (torch.round(x) - x).detach().",
        find=_find_stopped,
        needs_walks=True,
        blame="is a step function: its derivative is 0 everywhere",
        advice="use the value before the step, or let the gradient pass straight through",
    ),
    Rule(
        slug="sampling-not-reparameterised",
        family=Family.ZERO,
        summary="The gradient is zero because it had to pass through a random draw: torch.normal, bernoulli, poisson.",
        why="A drawn number is not a function of the parameters that torch could differentiate. Torch records the "
        "draw, and its backward returns zeros.",
        example="""
            mu = torch.tensor([1.], requires_grad=True)
            draw = torch.normal(mu, torch.tensor([1.]))
            (draw ** 2).sum().backward()
            print(mu.grad)
        """,
        cure="Draw noise, and compute the sample from it: mu + sigma * torch.randn_like(mu), which is what rsample() "
        "does.",
        find=_find_stopped,
        needs_walks=True,
        blame="draws at random: torch gives it a gradient of zeros",
        advice="compute the sample from noise: mu + sigma * torch.randn_like(mu)",
    ),
    Rule(
        slug="zero-grad-clamp",
        family=Family.ZERO,
        summary="The gradient is zero because every element is outside the range that it is clamped to.",
        why="Outside the range the result is the bound, whatever the operand: the derivative is 0.",
        example="""
            x = torch.tensor([3., -4.], requires_grad=True)
            y = torch.clamp(x, -1, 1)
            (y * 2).sum().backward()
            print(x.grad)
        """,
        cure="Clamp after the loss, or not at all; tanh or sigmoid keep some gradient; or start inside the range.",
        find=_find_stopped,
        needs_walks=True,
        blame="bounds every element: outside the range the derivative is 0",
        advice="start inside the range, or let the gradient pass straight through",
    ),
    Rule(
        slug="zero-grad-relu",
        family=Family.ZERO,
        summary="The gradient is zero because no unit of a relu is active: a dead relu.",
        why="Where its operand is negative, relu is 0 and so is its derivative. When that holds for all units and all "
        "data, nothing before it can learn.",
        example="""
            w = torch.tensor([-1., -2.], requires_grad=True)
            h = torch.relu(w * 3)
            ((h.sum() - 1) ** 2).backward()
            print(w.grad)
        """,
        cure="F.leaky_relu keeps a gradient; a smaller learning rate or another initialisation keeps units active.",
        find=_find_stopped,
        needs_walks=True,
        blame="is off for every unit: below 0 the derivative is 0",
        advice="use F.leaky_relu, which keeps a gradient, or start where some units are active",
    ),
    Rule(
        slug="zero-grad-zero-init",
        family=Family.ZERO,
        summary="The gradient is zero because it is multiplied by weights that are all zero.",
        why="The derivative of a product with respect to one factor is the other. If a layer starts with all zeros, "
        "no gradient gets through it to what is before it.",
        example="""
            w1 = torch.ones(2, 2, requires_grad=True)
            w2 = torch.zeros(2, 1, requires_grad=True)
            y = (torch.ones(1, 2) @ w1) @ w2
            ((y - 1) ** 2).sum().backward()
            print(w1.grad)
        """,
        cure="Start with small random numbers; zeros are for biases.",
        find=_find_stopped,
        needs_walks=True,
        blame="is all zero, and the gradient is multiplied by it",
        advice="start with small random numbers",
    ),
    Rule(
        slug="zero-grad-saturated",
        family=Family.ZERO,
        summary="The gradient is zero because a sigmoid, tanh or softmax is so far out that its curve is flat.",
        why="The derivative of sigmoid is p * (1 - p). In float32 sigmoid(20) is exactly 1, and the product exactly 0.",
        example="""
            x = torch.tensor([40.], requires_grad=True)
            p = torch.sigmoid(x)
            ((p - 0.5) ** 2).sum().backward()
            print(x.grad)
        """,
        cure="Keep what goes in small (normalise, scale down), or use a loss that takes the value before the sigmoid "
        "or softmax.",
        find=_find_stopped,
        needs_walks=True,
        generality=2,
        blame="is so far out that it is flat: its derivative is 0 there",
        advice="keep the operand small, or use a loss that takes logits (…_with_logits)",
    ),
    Rule(
        slug="zero-grad-constant",
        family=Family.ZERO,
        summary="The gradient is zero because the result is always the same: a softmax over one element, or x - x.",
        why="A softmax over an axis of size 1 is 1, whatever goes in; the sum of a softmax is 1, too. A constant has "
        "the derivative 0.",
        example="""
            x = torch.tensor([[0.3], [2.0]], requires_grad=True)
            p = torch.softmax(x, dim=1)
            ((p - 0.5) ** 2).sum().backward()
            print(x.grad)
        """,
        cure="Use another axis (dim), or for a single output a sigmoid with binary_cross_entropy_with_logits.",
        find=_find_stopped,
        needs_walks=True,
        generality=2,
        blame="is the same whatever goes in: its derivative is 0",
        advice="take it over another axis; for a single output use a sigmoid",
    ),
    Rule(
        slug="zero-grad-stopped",
        family=Family.ZERO,
        summary="The gradient is zero because one operation of the program hands back nothing but zeros.",
        why="A gradient is multiplied by the derivative of each operation that it comes through. One that is 0 there, "
        "or so small that the dtype cannot hold the product, ends it, whatever the operation is called: a mask made of "
        "what it masks, a curve that is flat so far out, a division by a huge number. Where the zero is right, as at "
        "the minimum of a loss, this is a note.",
        example="""
            x = torch.tensor([1., 2.], requires_grad=True)
            y = x / 1e30
            (y ** 2).sum().backward()
            print(x.grad)
        """,
        cure="Look at what arrives there and at the operands: scale them, start elsewhere, or write a function with a "
        "slope. torch.float64 holds smaller numbers.",
        find=_find_stopped,
        needs_walks=True,
        generality=2,
        blame="hands back nothing but zeros",
    ),
    Rule(
        slug="zero-grad-padding-idx",
        family=Family.ZERO,
        summary="The row of an embedding that stands for padding gets no gradient.",
        why="padding_idx says that this row is not to be learned: torch leaves it out of the gradient.",
        example="""
            table = torch.randn(4, 2, requires_grad=True)
            out = F.embedding(torch.tensor([0, 0]), table, padding_idx=0)
            out.sum().backward()
            print(table.grad)
        """,
        cure="Leave out padding_idx, or use an index for padding that no word has.",
        find=_find_padding,
        needs_walks=True,
        blame="looks up nothing but padding, which gets no gradient",
        advice="leave out padding_idx if the row is to be learned",
    ),
    Rule(
        slug="zero-grad-kink",
        family=Family.ZERO,
        summary="The gradient is zero because abs, relu or a norm is exactly at its kink, at 0.",
        why="There is no derivative at a kink. Torch takes 0, which lies between the slopes on both sides.",
        example="""
            x = torch.zeros(3, requires_grad=True)
            x.abs().sum().backward()
            print(x.grad)
        """,
        cure="Start anywhere but at exactly 0.",
        find=_find_stopped,
        needs_walks=True,
        blame="is at its kink, at exactly 0, where torch takes the derivative as 0",
        advice="start anywhere but at exactly 0",
    ),
    Rule(
        slug="tie-split",
        family=Family.ZERO,
        summary="Several elements are the largest (or smallest): each gets a part of the gradient.",
        why="Where elements are equal, max(), amax() and maximum() share the gradient evenly among them. max(dim=…) "
        "gives it to one.",
        example="""
            x = torch.tensor([2., 5., 5.], requires_grad=True)
            x.max().backward()
            print(x.grad)
        """,
        cure="Nothing is wrong; x.max(dim=0).values gives all of it to one element.",
        find=_find_tie_split,
        needs_walks=True,
    ),
)

_BY_SLUG = {rule.slug: rule for rule in RULES}
