"""Rules of the family "cut": a derivative that is differentiated again, and was not recorded."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Severity
from autograd_cli.rules.causes.lost import COMPUTED, first_tracked, leaf_name, leaves, path, upstream, words
from autograd_cli.rules.cures import cuts
from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.rules.evidence.graph import is_tracked
from autograd_cli.rules.evidence.optimizers import model_name
from autograd_cli.rules.evidence.symptoms import GRAD, is_leaf, places
from autograd_cli.rules.evidence.traits import Trait, has
from autograd_cli.rules.families.cut_off import is_to_be_explained, missed
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Kind, Phase, Value, Walk
from autograd_cli.translation import marked


def _find_unrecorded(evidence: Evidence) -> Iterator[Diagnostic]:
    """A derivative that was used and not recorded, where that is all that there is to say."""
    if not missed(evidence) and is_to_be_explained(evidence):
        told = _from_gradient(evidence) or _silently_first_order(evidence)
        yield from () if told is None else (told,)


def _from_gradient(evidence: Evidence) -> Diagnostic | None:
    """Torch refused to start from what was computed from a `.grad`, which has no history."""
    refusal = evidence.trace.refusal
    if refusal is None or refusal.during is not Phase.BACKWARD:
        return None
    roots = evidence.trace.backwards[-1].roots
    if not roots or any(is_tracked(evidence.trace, root) for root in roots):
        return None
    reads = [(owner, answer) for owner, answer in evidence.grad_reads if answer.tensor is not None]
    before = upstream(evidence, roots, COMPUTED)
    for owner, answer in reads:
        walk = evidence.last_walk(answer.id)
        if answer.id not in before or walk is None or walk.span is None:
            continue
        name = evidence.called(owner.id)
        rule = "constant-derivative" if walk.create_graph else "missing-create-graph"
        why = "it is constant" if walk.create_graph else "backward() was not given create_graph=True"
        return Diagnostic(
            rule=rule,
            severity=Severity.ERROR,
            message=f"{name}.grad has no history: {why}",
            span=walk.span,
            label="this pass was not recorded" if not walk.create_graph else "the derivative is constant",
            related=places((answer.span, "used here"), (refusal.span, "torch refuses here")),
            victim=leaf_name(evidence, owner.id) or name,
            observed=words(refusal),
            torch_says=words(refusal),
            edits=() if walk.create_graph else cuts.with_create_graph(evidence, walk.span),
        )
    return None


def _silently_first_order(evidence: Evidence) -> Diagnostic | None:
    """A gradient without history went into the root of a later pass, which lacks the part that leads through it."""
    for walk in evidence.trace.walks:
        if walk.backward is not None or walk.create_graph or walk.start >= len(evidence.trace.values):
            continue
        answer = evidence.trace.values[walk.start]
        if answer.function != GRAD or answer.tensor is not None or not answer.operands:
            continue
        victim = _lacking(evidence, walk, answer)
        if victim is None:
            continue
        leaf, later = victim
        name = model_name(evidence, leaf)
        return Diagnostic(
            rule="missing-create-graph",
            severity=Severity.WARNING,
            message=f"{name}.grad lacks a part: `{evidence.piece(answer.span)}` depends on {name}, but has no history",
            span=answer.span,
            label="numbers, without a graph",
            related=places((later.span, "this pass treats it as a constant")),
            victim=name,
            observed=f"{name}.grad is that of a constant derivative",
            edits=() if answer.span is None else cuts.with_create_graph(evidence, answer.span),
        )
    return None


def _lacking(evidence: Evidence, walk: Walk, answer: Value) -> tuple[int, Walk] | None:
    """The variable whose gradient in a later pass lacks a part, and that pass."""
    trace = evidence.trace
    outputs, inputs = [
        frozenset(part.id for part in trace.parts([operand]) if part.tensor is not None)
        for operand in (*answer.operands, answer.id)[:2]
    ]
    called = {first_tracked(evidence, each.leaf): None for each in trace.variables if each.leaf is not None}
    before = upstream(evidence, tuple(outputs), COMPUTED)
    starts = [leaf for leaf in {**dict.fromkeys(leaves(evidence)), **called} if leaf in before]
    curved = [leaf for leaf in starts if _is_curved(evidence, walk, leaf)]
    for later in trace.walks:
        if later.start <= walk.start or later.backward is None:
            continue
        backward = trace.backwards[later.backward]
        joined = _joins(evidence, answer.id, backward.roots)
        if joined is None:
            continue
        got = {leaf.value for leaf in backward.leaves if leaf.after is not None}
        is_penalty = _is_added(evidence, joined, backward.roots)
        recorded = _recorded_leaves(evidence, outputs) if _is_residual(evidence, joined, inputs) else frozenset()
        points = {first_tracked(evidence, each) for each in inputs}
        for leaf in sorted(curved, key=lambda leaf: leaf not in _looked_at(evidence)):  # first what is trained
            is_input = leaf in points
            if leaf in got and (is_penalty or leaf in recorded or (is_input and leaf in _looked_at(evidence))):
                return leaf, later
    return None


def _joins(evidence: Evidence, answer: int, roots: tuple[int, ...]) -> Value | None:
    """The first tracked value that the answer of `autograd.grad` went into on its way to `roots`.

    None where it went through detach() and the like, or through a step function: then a constant is meant.
    """
    values = evidence.trace.values
    for number in sorted(path(evidence, answer, roots, COMPUTED) - {answer}):
        value = values[number]
        if has(value.verb, Trait.CONSTANT) or value.grad_mode != "grad" or value.scalar is not None:
            return None
        if value.tensor is not None and value.tensor.requires_grad:
            return value if is_tracked(evidence.trace, number) and not value.tensor.is_leaf else None
    return None


def _is_added(evidence: Evidence, joined: Value, roots: tuple[int, ...]) -> bool:
    """Whether a scalar made of gradients was added to the loss, as a penalty: as a constant it changes no gradient."""
    tensor = joined.tensor
    return (
        has(joined.verb, Trait.ADDITIVE)
        and tensor is not None
        and tensor.numel == 1
        and (joined.id in roots or any(has(user.verb, Trait.ADDITIVE) for user in evidence.users.get(joined.id, ())))
    )


def _is_residual(evidence: Evidence, joined: Value, inputs: frozenset[int]) -> bool:
    """Whether a derivative by given points went into arithmetic with results, as in the residual of an equation.

    A direction in which points or parameters are moved is not one: it is added to a leaf, or a layer is called with it.
    """
    data = [each for each in inputs if is_leaf(evidence.tensor(each))]
    is_by_points = len(data) == len(inputs) and not any(
        first_tracked(evidence, each) in _looked_at(evidence) for each in data
    )
    is_arithmetic = has(joined.verb, Trait.ADDITIVE, Trait.PRODUCT, Trait.DIVISION)
    return is_by_points and is_arithmetic and not any(is_leaf(evidence.tensor(each)) for each in joined.operands)


def _is_curved(evidence: Evidence, walk: Walk, leaf: int) -> bool:
    """Whether a node of the walk kept something that depends on the variable: else its derivative is constant."""
    for visit in walk.visits:
        made = evidence.trace.values[evidence.trace.nodes[visit.node].value]
        kept = [saved.tensor for saved in visit.saved if saved.tensor is not None]
        if made.kind is Kind.MODULE and kept and leaf in _own_leaves(evidence, made):
            return True  # what a layer keeps has no place in the program: it is its input, and its weight
        for number in (made.id, *made.operands):
            tensor = evidence.tensor(number)
            if tensor is None or not any((each.shape, each.values) == (tensor.shape, tensor.values) for each in kept):
                continue
            if leaf in upstream(evidence, (number,), COMPUTED):
                return True
    return False


def _recorded_leaves(evidence: Evidence, values: frozenset[int]) -> frozenset[int]:
    """The leaves that torch's own graph of these values leads to."""
    ends = [node.leaf for node in evidence.nodes_below(values)]
    return frozenset(first_tracked(evidence, leaf) for leaf in ends if leaf is not None)


def _own_leaves(evidence: Evidence, module: Value) -> frozenset[int]:
    return frozenset(first_tracked(evidence, each) for each in module.operands if is_leaf(evidence.tensor(each)))


@remembered
def _looked_at(evidence: Evidence) -> frozenset[int]:
    """The leaves whose gradient was read, asked for, or taken by an optimizer's step."""
    read = {first_tracked(evidence, owner.id) for owner, _ in evidence.grad_reads}
    asked = {
        value.id for value in evidence.trace.values if value.kind is Kind.INPUT and value.name in evidence.trace.asked
    }
    stepped = {
        first_tracked(evidence, number)
        for value in evidence.trace.values
        if value.kind is Kind.STEP
        for number in value.operands
    }
    return frozenset(read | asked | stepped)


RULES: tuple[Rule, ...] = (
    Rule(
        slug="missing-create-graph",
        family=Family.CUT,
        summary="A gradient is used in a further computation, but torch did not record how it was computed.",
        why="`autograd.grad` and `backward` return untracked gradients unless they are given `create_graph=True`. A "
        "second derivative is then refused, and a loss that depends on a gradient silently loses that part of its "
        "own gradient.",
        example="""
            x = torch.tensor(2., requires_grad=True)
            y = x ** 3
            dy = torch.autograd.grad(y, x)[0]
            torch.autograd.grad(dy, x)
        """,
        cure="Pass `create_graph=True` to the first of the two calls.",
        find=_find_unrecorded,
        advice="record the first derivative, too: create_graph=True",
        short="without create_graph",
        margin=marked("without create_graph=True"),
    ),
    Rule(
        slug="constant-derivative",
        family=Family.CUT,
        summary="The derivative was recorded, but does not depend on the variable: it is constant.",
        why="The derivative of `3*x` is 3, whatever x is. With `create_graph=True` torch records how it is computed, "
        "but there is nothing in it to differentiate: the next derivative is zero, and torch raises an error "
        "instead of saying so.",
        example="""
            x = torch.tensor(2., requires_grad=True)
            dy = torch.autograd.grad(3 * x, x, create_graph=True)[0]
            torch.autograd.grad(dy, x)
        """,
        cure="Nothing is wrong with the graph; the second derivative is zero.",
        find=_find_unrecorded,
        advice="nothing is missing: the next derivative is zero",
    ),
)
