"""Rules of the family "cut": what a value became on the way has no derivative."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Severity
from autograd_cli.rules.causes.lost import leaf_name, words
from autograd_cli.rules.cures import cuts
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.symptoms import places
from autograd_cli.rules.evidence.traits import Trait, has
from autograd_cli.rules.families.cut_off import find_cut
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.translation import marked


def _find_not_implemented(evidence: Evidence) -> Iterator[Diagnostic]:
    walk = evidence.refused_walk
    refusal = evidence.trace.refusal
    if walk is None or refusal is None or walk.changed:
        return
    visited = {visit.node for visit in walk.visits}
    missing = [
        node for node in evidence.nodes_below(evidence.trace.backwards[-1].roots) if node.name == "NotImplemented"
    ]
    for node in missing:
        if node.id not in visited:
            yield Diagnostic(
                rule="cut-by-nondiff-op",
                severity=Severity.ERROR,
                message=f"torch has no derivative for `{evidence.piece(node.span)}`",
                span=node.span,
                label="recorded, but of no use to backward()",
                related=places((refusal.span, "torch refuses here")),
                victim=leaf_name(evidence, node.value),
                observed=words(refusal),
                torch_says=words(refusal),
                fix="use an operation that has a derivative",
                edits=cuts.smoothed(evidence, evidence.trace.values[node.value]),
            )
            return


def _find_refused_factory(evidence: Evidence) -> Iterator[Diagnostic]:
    refusal = evidence.trace.refusal
    if refusal is None or not has(refusal.verb, Trait.FILLING):
        return
    given = [number for number in refusal.operands if _is_number(evidence, number)]
    if given and refusal.span is not None:
        yield Diagnostic(
            rule="cut-by-factory",
            severity=Severity.ERROR,
            message=f"`{evidence.piece(refusal.span)}` takes numbers: {evidence.called(given[0])} is a tracked tensor",
            span=refusal.span,
            label="torch refuses here",
            victim=leaf_name(evidence, given[0]),
            observed=words(refusal),
            torch_says=words(refusal),
            fix="make the tensor from plain numbers, and compute with it: `x * torch.ones(3)`",
            edits=cuts.edits_of_factory(evidence, refusal.span),
        )


def _is_number(evidence: Evidence, number: int) -> bool:
    tensor = evidence.tensor(number)
    return tensor is not None and tensor.requires_grad and not tensor.shape


RULES: tuple[Rule, ...] = (
    Rule(
        slug="cut-by-int-cast",
        family=Family.CUT,
        summary="The tensor was cast to an integer dtype on the way.",
        why="Only floating point and complex numbers have derivatives. `.long()`, `.int()` and `.to(torch.int64)` "
        "give a tensor that torch does not track, even after it is made a float again.",
        example="""
            w = torch.tensor([1.4, 2.6], requires_grad=True)
            n = w.long()
            (n * 2.0).sum().backward()
        """,
        cure="Keep the floating point dtype.",
        find=find_cut,
        generality=3,
        advice="keep a floating point dtype",
        short="became an integer",
        margin=marked("integer dtype"),
    ),
    Rule(
        slug="cut-by-index-op",
        family=Family.CUT,
        summary="Positions were computed from the tensor: `argmax`, `max(dim)[1]`, `topk` indices, `argsort`.",
        why="A position is an integer. A small change of the numbers does not change it, so it has no derivative.",
        example="""
            w = torch.tensor([0.1, 0.7, 0.2], requires_grad=True)
            best = torch.argmax(w)
            (best.float() - 1.0).abs().backward()
        """,
        cure="Use the values instead of the positions, or a soft position: `(softmax(w, 0) * positions).sum()`.",
        find=find_cut,
        generality=3,
        advice="use the values instead of their positions, or a soft position",
        short="became an index",
        margin=marked("{call}: integers"),
    ),
    Rule(
        slug="cut-by-nondiff-op",
        family=Family.CUT,
        summary="An operation that torch has no derivative for.",
        why="Some functions return floating point numbers that are not recorded (`histc`, Bessel functions); for "
        "others, torch says only in backward() that the derivative is not implemented (`//`).",
        example="""
            w = torch.tensor([0.1, 0.7, 0.2], requires_grad=True)
            counts = torch.histc(w, bins=4)
            counts.sum().backward()
        """,
        cure="Use another operation, a soft version of this one, or a derivative written by hand.",
        find=_find_not_implemented,
        generality=3,
        advice="use an operation that has a derivative",
        short="has no derivative",
        margin=marked("{call}: no derivative"),
    ),
    Rule(
        slug="cut-by-comparison",
        family=Family.CUT,
        summary="A comparison stands between the variable and what backward starts from.",
        why="`x > 0` is true or false: a small change of x does not change it, so it has no derivative, even when it "
        "is made a float.",
        example="""
            w = torch.tensor([0.3, -0.2], requires_grad=True)
            on = (w > 0.1).float()
            on.sum().backward()
        """,
        cure="Use a soft step, `torch.sigmoid(w - 0.1)`, or multiply the mask by w itself.",
        find=find_cut,
        generality=3,
        advice="use a soft step, such as torch.sigmoid",
        short="became a boolean",
        margin=marked("{call}: true or false"),
    ),
    Rule(
        slug="used-only-in-condition",
        family=Family.CUT,
        summary="The variable only decides: a mask, the condition of `where`, an `if`.",
        why="A mask chooses among other values, and the result changes with those. With the threshold it changes only "
        "in jumps, so the threshold gets no gradient.",
        example="""
            a = torch.tensor([0.5, 1.5, 2.5], requires_grad=True)
            limit = torch.tensor(1.0, requires_grad=True)
            a[a > limit].sum().backward()
            print(limit.grad)
        """,
        cure="Weight by a soft step instead of choosing: `(a * torch.sigmoid(a - limit)).sum()`.",
        find=find_cut,
        advice="weight by a soft step instead of choosing",
    ),
    Rule(
        slug="used-only-as-index",
        family=Family.CUT,
        summary="The variable only says where to look.",
        why="An index is an integer. What is found there gets a gradient; the position gets none.",
        example="""
            position = torch.tensor(1.2, requires_grad=True)
            table = torch.tensor([1., 2., 4.])
            table[position.long()].backward()
        """,
        cure="Interpolate between the neighbouring entries, with weights computed from the position.",
        find=find_cut,
        advice="interpolate between neighbours, with weights computed from it",
    ),
    Rule(
        slug="cut-by-factory",
        family=Family.CUT,
        summary="A function that makes new tensors was given a tracked one as a number.",
        why="`linspace`, `logspace`, `arange` and `full` read the number and fill a new tensor: some of them silently "
        "drop the history, others refuse a tensor that requires gradients.",
        example="""
            end = torch.tensor(2., requires_grad=True)
            grid = torch.linspace(0, end, 5)
            (grid ** 2).sum().backward()
        """,
        cure="Make the tensor from plain numbers, and compute with it: `end * torch.linspace(0, 1, 5)`.",
        find=_find_refused_factory,
        advice="make the tensor from plain numbers, and compute with it",
        short="filled a tensor",
        margin=marked("{call}: a new tensor"),
    ),
    Rule(
        slug="cut-by-sampling",
        family=Family.CUT,
        summary="Numbers were drawn at random: `multinomial`, `sample()` of a distribution.",
        why="A draw is not a function of the parameters that torch could differentiate. `sample()` runs under no_grad.",
        example="""
            mean = torch.tensor(0.5, requires_grad=True)
            draw = torch.distributions.Normal(mean, 1.0).sample()
            (draw ** 2).backward()
        """,
        cure="Use `rsample()` where the distribution has it; else weight `log_prob(action)` by the reward.",
        find=find_cut,
        advice="use rsample() where the distribution has it, else weight log_prob(…)",
        short="was drawn",
        margin=marked("{call}: drawn at random"),
    ),
)
