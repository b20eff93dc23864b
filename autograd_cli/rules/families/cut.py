"""Rules of the family "cut": the way from what backward starts from to a variable is interrupted."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from autograd_cli.diagnostic import Diagnostic, Edit, Related, Severity, Span
from autograd_cli.modes import DEFAULT_MODE
from autograd_cli.rules.causes.cuts import BY_GRAD_MODE, in_torch
from autograd_cli.rules.causes.lost import (
    COMPUTED,
    Culprit,
    Role,
    culprits,
    first_tracked,
    leaves,
    lost_gradients,
    path,
    upstream,
    words,
)
from autograd_cli.rules.causes.unreached import unreached
from autograd_cli.rules.cures import cuts
from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.rules.evidence.graph import is_tracked
from autograd_cli.rules.evidence.several import others_of, several
from autograd_cli.rules.evidence.symptoms import GRAD
from autograd_cli.rules.rule import Family, Lifted, Rule
from autograd_cli.trace import Kind, Phase, Value, Walk
from autograd_cli.translation import marked


def _find_no_grad_view(evidence: Evidence) -> Iterator[Diagnostic]:
    refusal = evidence.trace.refusal
    if refusal is None or refusal.during is not Phase.FORWARD or not refusal.operands or not refusal.is_write:
        return
    value = evidence.trace.values[refusal.operands[0]]
    if value.tensor is not None and value.tensor.requires_grad and not is_tracked(evidence.trace, value.id):
        called = evidence.called(value.id)
        yield Diagnostic(
            rule="no-grad-view",
            severity=Severity.ERROR,
            message=f"{called} is a view that was taken under no_grad: it cannot be written to with grad mode on",
            span=value.span,
            label="taken here",
            related=_places(
                (refusal.span, "torch refuses the write here"), (value.grad_mode_span, "no_grad from here")
            ),
            victim=_leaf_name(evidence, value.id),
            observed=words(refusal),
            torch_says=words(refusal),
            fix="take the view outside no_grad, or do the write inside it, too",
            edits=cuts.grad_mode_on(evidence, value),
        )


def _find_requires_grad_on_loss(evidence: Evidence) -> Iterator[Diagnostic]:
    trace = evidence.trace
    for backward in trace.backwards:
        for root in backward.roots:
            flag = _flag_of(evidence, root)
            if flag is None:
                continue
            found = next((each for each in culprits(evidence) if root in each.lost.roots), None)
            name = found.lost.name if found is not None else _read_in_vain(evidence)
            called = evidence.called(root)
            places = [] if found is None else [(found.cut.span, f"cut off here: {found.cut.why}")]
            statement = evidence.step_of(flag)
            edits: tuple[Edit, ...] = ()
            if found is not None and statement is not None:
                edits = (*cuts.removed_flag(evidence, statement.span), *cuts.edits_of(evidence, found))
            yield Diagnostic(
                rule="requires-grad-on-loss",
                severity=Severity.ERROR,
                message=f"{called} was made to require gradients, but has no history: backward() ends there",
                span=flag.span,
                label="a leaf from here on",
                related=_places(*places, (backward.span, "backward() starts and ends here")),
                victim=name,
                observed=None if name is None else f"{name}.grad is None",
                fix="leave this out, and repair what cut it off"
                if places
                else "set requires_grad on what it is computed from",
                edits=edits,
            )
            return


def _find_cut_by_nondiff_op(evidence: Evidence) -> Iterator[Diagnostic]:
    walk = _refused_walk(evidence)
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
                related=_places((refusal.span, "torch refuses here")),
                victim=_leaf_name(evidence, node.value),
                observed=words(refusal),
                torch_says=words(refusal),
                fix="use an operation that has a derivative",
                edits=cuts.smoothed(evidence, evidence.trace.values[node.value]),
            )
            return


def _find_cut_by_factory(evidence: Evidence) -> Iterator[Diagnostic]:
    refusal = evidence.trace.refusal
    if refusal is None or refusal.verb not in _FILLED:
        return
    given = [number for number in refusal.operands if _is_number(evidence, number)]
    if given and refusal.span is not None:
        yield Diagnostic(
            rule="cut-by-factory",
            severity=Severity.ERROR,
            message=f"`{evidence.piece(refusal.span)}` takes numbers: {evidence.called(given[0])} is a tracked tensor",
            span=refusal.span,
            label="torch refuses here",
            victim=_leaf_name(evidence, given[0]),
            observed=words(refusal),
            torch_says=words(refusal),
            fix="make the tensor from plain numbers, and compute with it: `x * torch.ones(3)`",
            edits=cuts.edits_of_factory(evidence, refusal.span),
        )


# What is told of a cut.


def _find_cut(evidence: Evidence) -> Iterator[Diagnostic]:
    """What explains the first gradient that somebody missed; and those that nobody looked for, each place once."""
    if evidence.trace.mode != DEFAULT_MODE or any(_find_requires_grad_on_loss(evidence)):
        return
    looked_for = list(itertools.islice(culprits(evidence), _MOST))
    refused = [each for each in looked_for[1:] if each.lost.refusal is not None]
    missed = [*looked_for[:1], *refused, *unreached(evidence)]
    by_cut: dict[tuple[str, Span | None], list[Culprit]] = {}
    for each in missed:
        if (rule := _rule(evidence, each)) is not None:
            by_cut.setdefault((rule, each.cut.span), []).append(each)
    for (rule, _), alike in by_cut.items():
        yield _diagnostic(evidence, rule, alike)
    told = None if missed else _from_gradient(evidence) or _silently_first_order(evidence)
    if told is not None:
        yield told


def _diagnostic(evidence: Evidence, rule: str, alike: Sequence[Culprit]) -> Diagnostic:
    """What is said of lost gradients, foremost of the first, and of the cut that is to blame."""
    found = alike[0]
    lost, cut = found.lost, found.cut
    value = evidence.trace.values[cut.value]
    span, since = cut.span, cut.since or value.grad_mode_span
    label = "not tracked"
    if rule == "cut-by-grad-mode-off" and since is not None and cuts.is_statement(evidence, since):
        span, since, label = since, cut.span, "nothing is recorded from here on"
    elif rule not in BY_GRAD_MODE:
        since = None
    why = {Role.CONDITION: "only decides", Role.INDEX: "is only an index"}.get(found.role, cut.why)
    names = [each.lost.name or evidence.called(each.lost.start) for each in alike]
    name, pronoun = several(names), "it" if len(set(names)) == 1 else "each"
    message = f"{name} got no gradient: `{evidence.piece(cut.span)}` cut it off: {cut.why}"
    if rule in {"used-only-in-condition", "used-only-as-index"}:
        message = f"{name} got no gradient: in `{evidence.piece(cut.span)}` {pronoun} {why}"
    elif rule == "constant-derivative":
        message = f"the derivative `{evidence.piece(cut.span)}` is constant: there is nothing in it to differentiate"
        label = "recorded, but it depends on no variable"
    beside = {each.span: f"cut off here, too: {each.why}" for each in found.others if each.span != cut.span}
    others = [*beside.items()][:3]
    return Diagnostic(
        rule=rule,
        severity=Severity.ERROR,
        message=message,
        span=span,
        label=label,
        related=_places(
            (since, "tracking is off from here" if span == cut.span else "computed here, but not recorded"),
            (found.use, f"here it {why}"),
            *others,
            (lost.span, lost.label),
        ),
        victim=lost.name,
        others=others_of(names),
        observed=lost.observed,
        torch_says=None if lost.refusal is None else words(lost.refusal),
        fix=in_torch(evidence.trace, cut),
        edits=cuts.edits_of(evidence, found),
    )


def _rule(evidence: Evidence, found: Culprit) -> str | None:
    """The slug of a cut, by what the variable still is to the result, and by what switched tracking off."""
    cut = found.cut
    if cut.rule == "requires-grad-missing":
        return None
    if found.role is Role.CONDITION:
        return "used-only-in-condition"
    if found.role is Role.INDEX and cut.rule not in {"cut-by-index-op", "cut-by-sampling"}:
        return "used-only-as-index"
    if cut.rule == "cut-by-no-grad" and "no_grad" not in evidence.piece(cut.since):
        return "cut-by-grad-mode-off"
    if cut.rule == "missing-create-graph" and _is_recorded_walk(evidence, cut.value):
        return "constant-derivative"
    return cut.rule


def _is_recorded_walk(evidence: Evidence, value: int) -> bool:
    """Whether the `autograd.grad` whose answer a value is (or is part of) was told create_graph=True."""
    starts = {value, *evidence.trace.values[value].operands}
    return any(walk.create_graph for walk in evidence.trace.walks if walk.start in starts)


def _from_gradient(evidence: Evidence) -> Diagnostic | None:
    """Torch refused to start from what was computed of a `.grad`, which has no history."""
    refusal = evidence.trace.refusal
    if refusal is None or refusal.during is not Phase.BACKWARD:
        return None
    roots = evidence.trace.backwards[-1].roots
    if not roots or any(is_tracked(evidence.trace, root) for root in roots):
        return None
    reads = [(owner, answer) for owner, answer in evidence.grad_reads if answer.tensor is not None]
    before = upstream(evidence, roots, COMPUTED)
    for owner, answer in reads:
        walk = _last_walk(evidence, answer.id)
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
            related=_places((answer.span, "used here"), (refusal.span, "torch refuses here")),
            victim=_leaf_name(evidence, owner.id) or name,
            observed=words(refusal),
            torch_says=words(refusal),
            edits=() if walk.create_graph else cuts.with_create_graph(evidence, walk.span),
        )
    return None


def _last_walk(evidence: Evidence, value: int) -> Walk | None:
    """The last backward pass into `.grad` before a value."""
    walks = [walk for walk in evidence.trace.walks if walk.backward is not None and walk.start <= value]
    return walks[-1] if walks else None


def _silently_first_order(evidence: Evidence) -> Diagnostic | None:
    """A gradient without history went into what a later pass started from, and that pass lacks what depends on it."""
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
        name = evidence.names(leaf)[0]
        return Diagnostic(
            rule="missing-create-graph",
            severity=Severity.WARNING,
            message=f"{name}.grad lacks a part: `{evidence.piece(answer.span)}` depends on {name}, but has no history",
            span=answer.span,
            label="numbers, without a graph",
            related=_places((later.span, "this pass treats it as a constant")),
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
    starts = [leaf for leaf in leaves(evidence) if upstream(evidence, tuple(outputs), COMPUTED) >= {leaf}]
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
        for leaf in curved:
            is_input = any(first_tracked(evidence, each) == leaf for each in inputs)
            if leaf in got and (is_penalty or (is_input and leaf in _looked_at(evidence))):
                return leaf, later
    return None


def _joins(evidence: Evidence, answer: int, roots: tuple[int, ...]) -> Value | None:
    """The first tracked value that the answer of `autograd.grad` went into on its way to `roots`, meant as it stands.

    Nothing where it went through detach() and its like, or through a function of steps: then a constant is meant.
    """
    values = evidence.trace.values
    for number in sorted(path(evidence, answer, roots, COMPUTED) - {answer}):
        value = values[number]
        if value.verb in _MEANT or value.grad_mode != "grad" or value.scalar is not None:
            return None
        if value.tensor is not None and value.tensor.requires_grad:
            return value if is_tracked(evidence.trace, number) and not value.tensor.is_leaf else None
    return None


def _is_added(evidence: Evidence, joined: Value, roots: tuple[int, ...]) -> bool:
    """Whether a scalar made of gradients alone was added to the loss: as a constant it changes no gradient at all."""
    tensor = joined.tensor
    return (
        joined.verb in _ADDITIVE
        and tensor is not None
        and tensor.numel == 1
        and (joined.id in roots or any(user.verb in _ADDITIVE for user in evidence.users.get(joined.id, ())))
    )


def _is_curved(evidence: Evidence, walk: Walk, leaf: int) -> bool:
    """Whether a node of the walk kept something that depends on the variable: else its derivative is constant."""
    for visit in walk.visits:
        made = evidence.trace.values[evidence.trace.nodes[visit.node].value]
        kept = [saved.tensor for saved in visit.saved if saved.tensor is not None]
        for number in (made.id, *made.operands):
            tensor = evidence.tensor(number)
            if tensor is None or not any((each.shape, each.values) == (tensor.shape, tensor.values) for each in kept):
                continue
            if leaf in upstream(evidence, (number,), COMPUTED):
                return True
    return False


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


# What the rules share.


def _flag_of(evidence: Evidence, root: int) -> Value | None:
    """The value at which a computed tensor without history was told to require gradients, if `root` is one."""
    first = evidence.trace.values[first_tracked(evidence, root)]
    tensor = first.tensor
    if tensor is None or not (tensor.requires_grad and tensor.is_leaf and is_tracked(evidence.trace, first.id)):
        return None
    made_of = first.operands if first.previous is None else evidence.trace.values[evidence.origin(root)].operands
    if any(is_tracked(evidence.trace, each) for each in made_of):
        return None
    is_computed = any(evidence.tensor(each) is not None for each in made_of)
    is_missed = _read_in_vain(evidence) is not None or any(root in lost.roots for lost in lost_gradients(evidence))
    return first if is_computed and is_missed else None


def _read_in_vain(evidence: Evidence) -> str | None:
    """The name of the first tensor whose `.grad` was read after a backward pass and was None."""
    for owner, answer in evidence.grad_reads:
        if answer.tensor is None and owner.tensor is not None and _last_walk(evidence, answer.id) is not None:
            return evidence.called(owner.id)
    return None


def _refused_walk(evidence: Evidence) -> Walk | None:
    """The walk that torch did not finish."""
    refusal = evidence.trace.refusal
    if refusal is None or refusal.during is not Phase.BACKWARD or not evidence.trace.walks:
        return None
    return evidence.trace.walks[-1]


def _leaf_name(evidence: Evidence, value: int) -> str | None:
    """The first variable that a value was computed from."""
    before = upstream(evidence, (value,), frozenset(Role))
    return next((evidence.names(leaf)[0] for leaf in leaves(evidence) if leaf in before), None)


def _is_number(evidence: Evidence, number: int) -> bool:
    tensor = evidence.tensor(number)
    return tensor is not None and tensor.requires_grad and not tensor.shape


def _places(*pairs: tuple[Span | None, str]) -> tuple[Related, ...]:
    return tuple(Related(span=span, label=label) for span, label in pairs if span is not None)


_MOST = 64  # gradients that are told apart
_FILLED = frozenset("full full_like new_full arange range eye linspace logspace".split())
_ADDITIVE = frozenset("add add_ sub sub_ sum mean mul mul_ div".split())
_MEANT = frozenset("detach detach_ data item float int tolist sign sgn tensor no_grad round".split())

RULES: tuple[Rule, ...] = (
    Rule(
        slug="requires-grad-on-loss",
        family=Family.CUT,
        summary="The loss was not tracked, and was made to require gradients afterwards.",
        why="`loss.requires_grad = True` turns the loss into a leaf: backward() then runs, and gives the loss itself "
        "a gradient of 1. If the loss had no grad_fn, something was cut further up, and it still is.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            loss = (w.detach() * 3).sum()
            loss.requires_grad = True
            loss.backward()
            print(w.grad)
        """,
        cure="Remove the flag, and repair what cut the loss off.",
        find=_find_requires_grad_on_loss,
    ),
    Rule(
        slug="cut-by-detach",
        family=Family.CUT,
        summary="`detach()` stands between the variable and what backward starts from.",
        why="`y.detach()` is a tensor with the numbers of y and without its history. What is computed from it is "
        "recorded from there on, so no gradient finds its way back to what y was computed from.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            h = (3 * w).detach()
            (h ** 2).sum().backward()
        """,
        cure="Leave out detach() where you want the gradient; use `h.detach()` only for what is looked at or printed.",
        find=_find_cut,
        advice="leave out detach()",
        short="cut by detach()",
        lifted=Lifted.CALL,
    ),
    Rule(
        slug="cut-by-no-grad",
        family=Family.CUT,
        summary="A value on the way to the result is computed under `torch.no_grad()`.",
        why="Inside the block torch computes but records nothing, whatever the operands are. The result does not "
        "require gradients, and nothing computed from it later leads back to them.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            with torch.no_grad():
                h = w * 3
            (h ** 2).sum().backward()
        """,
        cure="Compute it outside the block; keep no_grad for evaluation and for updates of parameters.",
        find=_find_cut,
        generality=4,
        advice="compute it outside no_grad",
        short="cut by no_grad",
        margin="no_grad",
        margin_since=marked("no_grad from line {n}"),
        lifted=Lifted.GRAD_MODE,
    ),
    Rule(
        slug="cut-by-grad-mode-off",
        family=Family.CUT,
        summary="Grad mode is off: `set_grad_enabled(False)` or inference mode is in force where the value is "
        "computed.",
        why="`torch.set_grad_enabled(False)` turns grad mode off until somebody turns it on again, in this function "
        "and in all others. Meanwhile torch records nothing.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            torch.set_grad_enabled(False)
            loss = (w * 3).sum()
            loss.backward()
        """,
        cure="Use `with torch.no_grad():`, which ends by itself, or turn it on again: `torch.set_grad_enabled(True)`.",
        find=_find_cut,
        generality=4,
        advice="turn grad mode on where it is computed",
        short="cut by inference_mode",
        margin="inference_mode",
        margin_since=marked("inference_mode from line {n}"),
        lifted=Lifted.GRAD_MODE,
    ),
    Rule(
        slug="no-grad-view",
        family=Family.CUT,
        summary="A view that was taken under no_grad looks tracked, but leads nowhere.",
        why="A view (`x[0]`, `x.view(…)`, `x.T`) of a tracked tensor says requires_grad=True even under no_grad, but "
        "torch did not record how it was taken. It counts as a leaf, and the gradient ends there.",
        example="""
            w = torch.tensor([[1., 2.], [3., 4.]], requires_grad=True)
            with torch.no_grad():
                flat = w.view(4)
            (flat ** 2).sum().backward()
            print(w.grad)
        """,
        cure="Take the view outside no_grad.",
        find=_find_no_grad_view,
        generality=4,
        advice="take the view outside no_grad",
        short="a no_grad view",
        margin=marked("a view made without grad mode"),
        lifted=Lifted.GRAD_MODE,
    ),
    Rule(
        slug="cut-by-data",
        family=Family.CUT,
        summary="`.data` stands between the variable and what backward starts from.",
        why="`y.data` shares the memory of y, but torch does not track it. It is detach() without the version check: "
        "what is computed from it does not lead back to y.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            h = (3 * w).data
            (h ** 2).sum().backward()
        """,
        cure="Leave out .data.",
        find=_find_cut,
        generality=4,
        advice="leave out .data",
        short="cut by .data",
        margin=".data",
        lifted=Lifted.CALL,
    ),
    Rule(
        slug="cut-by-item",
        family=Family.CUT,
        summary="A tensor became a Python number on the way: `.item()`, `float()`, `.tolist()`, a function of `math`.",
        why="Python's numbers know nothing of torch. What is computed from them starts afresh, and a number has no "
        "backward().",
        example="""
            w = torch.tensor(2., requires_grad=True)
            loss = (w ** 2).item()
            loss.backward()
        """,
        cure="Keep the tensor in the computation, and call .item() only to print or store the number.",
        find=_find_cut,
        advice="keep the tensor; call .item() only to print",
        short="became a number",
        margin=marked("{call}: a Python number"),
        lifted=Lifted.CALL,
    ),
    Rule(
        slug="cut-by-rewrap",
        family=Family.CUT,
        summary="The tensor was put into a new one: `torch.tensor(…)`, `nn.Parameter(…)`, `Variable(…)`.",
        why="These take the numbers and make a leaf of them, which has no history. `torch.stack` and `torch.cat` put "
        "tensors together and are recorded.",
        example="""
            a = torch.tensor(0.5, requires_grad=True)
            point = torch.tensor([torch.cos(a), torch.sin(a)])
            point.sum().backward()
        """,
        cure="Use the tensor itself, or `torch.stack([…])` to put several together.",
        find=_find_cut,
        advice="use the tensor itself, or torch.stack([…]) to put several together",
        short="copied into a leaf",
        margin=marked("{call}: a copy"),
    ),
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
        find=_find_cut,
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
        find=_find_cut,
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
        find=_find_cut_by_nondiff_op,
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
        find=_find_cut,
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
        find=_find_cut,
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
        find=_find_cut,
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
        find=_find_cut_by_factory,
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
        find=_find_cut,
        advice="use rsample() where the distribution has it, else weight log_prob(…)",
        short="was drawn",
        margin=marked("{call}: drawn at random"),
    ),
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
        find=_find_cut,
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
        find=_find_cut,
        advice="nothing is missing: the next derivative is zero",
    ),
)
