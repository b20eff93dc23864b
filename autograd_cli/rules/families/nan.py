"""Rules of the family "NaN and inf"."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Related, Severity, Span
from autograd_cli.rules.causes.factors import factor_of
from autograd_cli.rules.causes.not_a_number import Birth, divides_by_zero, find_birth
from autograd_cli.rules.cures import numbers
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.passage import (
    Departure,
    Passage,
    first_broken,
    index,
    is_finite,
    is_number,
    norm,
)
from autograd_cli.rules.evidence.several import gradients_of, others_of
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Kind, Number

_HUGE = 1e6
_TINY = 1e-6
_LARGE = 10.0  # the exponential of what is larger overflows in float16


def _find_huge_normalize_at_zero(evidence: Evidence) -> Iterator[Diagnostic]:
    for passage in evidence.passages:
        for end in sorted(passage.ends, key=evidence.end_order):
            arrived = passage.arrived_at(end)
            is_huge = any(norm(each) >= _HUGE for each in arrived)
            divided = next(_divided_by_little(passage, end), None) if is_huge else None
            if divided is not None:
                yield _huge(evidence, evidence.end_name(end), divided)
                return


def _find_birth(evidence: Evidence) -> Iterator[Diagnostic]:
    birth = find_birth(evidence)
    if birth is None:
        return
    number, short = ("NaN", "nan") if birth.is_nan else ("infinite", "inf")
    subject = gradients_of(birth.victims) if birth.victims else "a gradient is"
    observed = None if birth.victim is None else f"{birth.victim}.grad is {short}"
    if birth.departure is None:
        subject, observed = "the loss is", f"the loss is {short}"
    fix = numbers.fix(evidence, birth)
    blame, advice = _blame(evidence, birth)
    yield Diagnostic(
        rule=birth.slug,
        severity=Severity.ERROR if birth.departure is not None else Severity.WARNING,
        message=f"{subject} {number}: `{evidence.piece(birth.value.span)}` {blame}",
        span=birth.value.span,
        label=_label(evidence, birth),
        related=tuple(_related(evidence, birth)),
        victim=birth.victim,
        others=others_of(birth.victims),
        observed=observed,
        fix=fix.words or advice,
        edits=fix.edits,
    )


def _blame(evidence: Evidence, birth: Birth) -> tuple[str, str | None]:
    """What the operation does, and a cure: judged by its operands, where the rule's own words do not fit."""
    value = birth.value
    parts = evidence.trace.parts(value.operands)
    given = [part.tensor for part in parts if part.tensor is not None]
    written = [part.scalar for part in parts if isinstance(part.scalar, float)]
    is_sound = all(map(is_finite, given)) and all(map(is_number, written))
    is_made_here = is_sound and value.tensor is not None and not is_finite(value.tensor)
    if birth.slug in {"nan-zero-times-nan", "nan-overflow"} and divides_by_zero(evidence, value):
        return "divides by 0", None
    if birth.slug == "nan-zero-times-nan" and is_made_here:
        if any(tensor.numel == 0 for tensor in given):
            return "is computed over zero elements", "look whether there is one before it is computed"
        return "is NaN or infinite, though all its operands are finite", None
    if birth.slug == "nan-overflow" and is_sound and all(norm(each) < _LARGE for each in given):
        return (
            "is infinite there" if is_made_here else "has no finite derivative there",
            "keep its operand away from there",
        )
    return _BY_SLUG[birth.slug].blame, None


def _label(evidence: Evidence, birth: Birth) -> str | None:
    """What arrived and what left at the operation, or what the forward pass made there."""
    value = birth.value
    if birth.departure is not None and evidence.trace.nodes[birth.departure.visit.node].value == value.id:
        return _handed_on(evidence, birth)
    tensor = value.tensor
    place = first_broken(tensor)
    if tensor is None or tensor.values is None or place is None:
        return None
    return f"{_number(tensor.values[place])}{_at(index(tensor.shape, place))} in the forward pass"


def _handed_on(evidence: Evidence, birth: Birth) -> str | None:
    """What arrived at the element in the backward pass, what left, and the factor between them."""
    if birth.left is None or birth.departure is None:
        return None
    where = _at(birth.element)
    if birth.arrived is None:
        return f"backward hands on {_number(birth.left)}{where}"
    factor = factor_of(evidence, birth.departure, birth.element)
    factor = f"({factor})" if factor is not None and " " in factor else factor
    words = f": {_number(birth.arrived)} * {factor}" if factor else ""
    return f"{_number(birth.arrived)} arrives{where}, {_number(birth.left)} leaves{words}"


def _related(evidence: Evidence, birth: Birth) -> Iterator[Related]:
    """The other places: where the value came from, what sent back 0, where the gradient broke, where inf became NaN."""
    nodes, values = evidence.trace.nodes, evidence.trace.values
    said = {birth.value.span, None}
    born = None if birth.departure is None else values[nodes[birth.departure.visit.node].value]
    turned = None if birth.turned is None else values[nodes[birth.turned.visit.node].value]
    for value, label in (
        (birth.source, "NaN or infinity appears here first"),
        (birth.masker, "what is thrown away here gets a gradient of 0"),
        (born, _handed_on(evidence, birth) or "the gradient breaks here, in the backward pass"),
        (turned, "infinity becomes NaN here: inf * 0, or inf - inf"),
    ):
        if value is not None and value.span is not None and value.span not in said:
            said.add(value.span)
            yield Related(span=value.span, label=label)
    if not birth.is_nan and (clip := _clipped(evidence)) is not None:
        yield Related(span=clip, label="makes NaN of it: each gradient is divided by the norm of all, inf / inf")


def _clipped(evidence: Evidence) -> Span | None:
    """Where gradients were clipped by their norm while that was infinite."""
    for value in evidence.trace.values:
        if value.kind is Kind.CALL and value.verb == "clip_grad_norm_" and not is_finite(value.tensor):
            return value.span
    return None


def _at(element: tuple[int, ...] | None) -> str:
    return f" at [{', '.join(map(str, element))}]" if element else ""


def _number(number: Number) -> str:
    return f"{number:.4g}" if isinstance(number, float) else str(number)


# A gradient that is finite, but huge.


def _divided_by_little(passage: Passage, end: int) -> Iterator[Departure]:
    """The divisions of about zero by about zero that a huge gradient came through."""
    into = passage.into.get(end, ())
    for each in (*into, *(earlier for start in into for earlier in passage.before(start))):
        if passage.nodes[each.visit.node].stem != "div":
            continue
        kept = {saved.name: saved.tensor for saved in each.visit.saved if saved.tensor is not None}
        over, under = kept.get("self"), kept.get("other")
        if over is None or under is None or over.values is None or under.values is None:
            continue
        spread = len(over.values) // max(len(under.values), 1) or 1
        if any(
            abs(above) <= _TINY and 0 < abs(under.values[min(place // spread, len(under.values) - 1)]) <= _TINY
            for place, above in enumerate(over.values)
        ):
            yield each


def _huge(evidence: Evidence, victim: str | None, divided: Departure) -> Diagnostic:
    value = evidence.trace.values[evidence.trace.nodes[divided.visit.node].value]
    fix = numbers.fix_of_normalize(evidence, value)
    return Diagnostic(
        rule="huge-normalize-at-zero",
        severity=Severity.WARNING,
        message=f"the gradient of {victim} is huge: `{evidence.piece(value.span)}` divides zeros by almost nothing",
        span=value.span,
        label="the derivative is 1 over that",
        victim=victim,
        observed=f"{victim}.grad is huge",
        fix=fix.words,
        edits=fix.edits,
    )


RULES: tuple[Rule, ...] = (
    Rule(
        slug="nan-masked-softmax",
        family=Family.NUMBERS,
        summary="A softmax of a row in which everything is masked with -inf.",
        why="The exponentials of the row are all 0, and so is their sum: 0 / 0 is NaN. Its gradient is NaN even where "
        "nothing uses the row.",
        example="""
            x = torch.zeros(2, 2, requires_grad=True)
            mask = torch.tensor([[0., 0.], [float("-inf"), float("-inf")]])
            p = torch.softmax(x + mask, dim=-1)
            p[0, 0].backward()
            print(x.grad)
        """,
        cure="Leave at least one element of each row unmasked, or mask with a large negative number, such as -1e9.",
        find=_find_birth,
        needs_walks=True,
        blame="has a row in which everything is -inf",
        advice="leave one element of each row unmasked, or mask with -1e9 instead of -inf",
    ),
    Rule(
        slug="nan-where-branch",
        family=Family.NUMBERS,
        summary="A gradient is NaN although `torch.where`, or a mask, threw the bad value away.",
        why="torch.where computes both branches, and its backward sends a gradient of 0 to the one that was not "
        "taken. If that branch has an infinite derivative, 0 * inf is NaN.",
        example="""
            x = torch.tensor([-1., 4.], requires_grad=True)
            y = torch.where(x > 0, torch.sqrt(x), 0.)
            y.sum().backward()
            print(x.grad)
        """,
        cure="Choose before the operation, so that it never sees a bad value: torch.sqrt(torch.where(x > 0, x, 1.)).",
        find=_find_birth,
        needs_walks=True,
        blame="is computed for the elements that are thrown away, too",
        advice="choose before the operation, so that it never sees a bad value",
    ),
    Rule(
        slug="nan-zero-times-nan",
        family=Family.NUMBERS,
        summary="A gradient is NaN because the values that it is multiplied by contain NaN or inf.",
        why="Masking a result sends a gradient of 0 to what was masked, and backward multiplies it by the values of "
        "the forward pass: 0 * nan is NaN, and 0 * inf, too. In a matrix product it spreads to the whole sum.",
        example="""
            x = torch.tensor([[1.], [float("nan")]])
            w = torch.tensor([[2.]], requires_grad=True)
            y = torch.nan_to_num(x @ w)
            y.sum().backward()
            print(w.grad)
        """,
        cure="Clean what goes into the operation, not what comes out of it: torch.nan_to_num(x) @ w.",
        find=_find_birth,
        needs_walks=True,
        generality=1,
        blame="has NaN or infinity in it, and 0 times that is NaN",
        advice="clean what goes into the operation, not what comes out of it",
    ),
    Rule(
        slug="nan-sqrt-at-zero",
        family=Family.NUMBERS,
        summary="A square root of 0 (or below): its derivative is infinite there, and inf * 0 is NaN.",
        why="The derivative of sqrt(x) is 1 / (2 * sqrt(x)). What the chain rule multiplies it by is often 0 at the "
        "same place, as in sqrt(x**2).",
        example="""
            x = torch.tensor([0., 3.], requires_grad=True)
            torch.sqrt(x**2).sum().backward()
            print(x.grad)
        """,
        cure="Keep the operand away from 0, as in torch.sqrt(x**2 + 1e-12), or use x.abs() or x.norm().",
        find=_find_birth,
        needs_walks=True,
        generality=1,
        blame="has no finite derivative where its operand is not above 0",
        advice="keep the operand above 0: add a small number inside",
    ),
    Rule(
        slug="nan-log-of-zero",
        family=Family.NUMBERS,
        summary="A logarithm of 0 (or below): it is -inf there, and its derivative is infinite.",
        why="A probability that underflows to 0 gives log(0) = -inf and a derivative of 1 / 0; the next "
        "multiplication by 0 makes it NaN.",
        example="""
            x = torch.tensor([0., 500.], requires_grad=True)
            p = torch.softmax(x, dim=0)
            loss = -torch.log(p)[0]
            loss.backward()
            print(x.grad)
        """,
        cure="Use F.log_softmax or F.logsigmoid, which compute both steps in one, or keep the operand away from 0.",
        find=_find_birth,
        needs_walks=True,
        generality=1,
        blame="takes the logarithm of something that is not above 0",
        advice="use F.log_softmax or F.logsigmoid, or keep the operand above 0",
    ),
    Rule(
        slug="nan-overflow",
        family=Family.NUMBERS,
        summary="A value became infinite: it is larger than its dtype can hold, or has a pole there.",
        why="exp(x) is infinite above 88 in float32 and above 11 in float16. A function built from it may still have "
        "a finite value (1 / (1 + inf) is 0), but a derivative of 0 * inf, which is NaN.",
        example="""
            x = torch.tensor([100.], requires_grad=True)
            torch.log(1 + torch.exp(x)).backward()
            print(x.grad)
        """,
        cure="Use torch's function for the whole expression (F.softplus, torch.sigmoid, torch.logsumexp), or smaller "
        "operands.",
        find=_find_birth,
        needs_walks=True,
        generality=1,
        blame="is larger than its dtype can hold",
        advice="use torch's function for the whole expression, or keep the operand small",
    ),
    Rule(
        slug="nan-acos-at-one",
        family=Family.NUMBERS,
        summary="An arc cosine or arc sine at 1 or -1 (or outside): the derivative is infinite there.",
        why="The derivative of acos(x) is -1 / sqrt(1 - x**2). A cosine that was computed from equal vectors is 1 or, "
        "by rounding, a little more.",
        example="""
            a = torch.tensor([1., 0.], requires_grad=True)
            torch.acos(torch.dot(a, a) / (a.norm() * a.norm())).backward()
            print(a.grad)
        """,
        cure="Keep the operand inside: torch.acos(c.clamp(-1 + 1e-6, 1 - 1e-6)).",
        find=_find_birth,
        needs_walks=True,
        blame="has no finite derivative at 1 and -1",
        advice="keep the operand inside: clamp(-1 + 1e-6, 1 - 1e-6)",
    ),
    Rule(
        slug="nan-svd-degenerate",
        family=Family.NUMBERS,
        summary="A decomposition (svd, eigh, eig) of a matrix with equal singular values or eigenvalues.",
        why="The derivative of the vectors has 1 / (s_i - s_j) in it, which is infinite where two values are equal: "
        "the vectors are not unique there.",
        example="""
            x = torch.eye(2, requires_grad=True)
            values, vectors = torch.linalg.eigh(x)
            vectors[0, 0].backward()
            print(x.grad)
        """,
        cure="Use only the values (torch.linalg.svdvals, eigvalsh), or make the values distinct by adding a little "
        "noise.",
        find=_find_birth,
        needs_walks=True,
        blame="has equal values, and divides by their difference, which is 0",
        advice="use only the values (svdvals, eigvalsh), or make the values distinct with a little noise",
    ),
    Rule(
        slug="nan-variance-of-one",
        family=Family.NUMBERS,
        summary="The variance or standard deviation of a single number.",
        why="torch divides by n - 1, which is 0 for one number: 0 / 0 is NaN.",
        example="""
            x = torch.tensor([[1.], [2.]], requires_grad=True)
            (x / x.std(dim=1, keepdim=True)).sum().backward()
            print(x.grad)
        """,
        cure="Take it over more than one number, or with correction=0.",
        find=_find_birth,
        needs_walks=True,
        blame="is taken over a single number, and divides by n - 1 = 0",
        advice="take it over more than one number, or with correction=0",
    ),
    Rule(
        slug="nan-pow-zero-base",
        family=Family.NUMBERS,
        summary="A power whose base is 0 (or below), with an exponent that is below 1 or a fraction.",
        why="The derivative of x**p is p * x**(p - 1). At 0 it is infinite for p below 1, and so is the second "
        "derivative for p below 2; below 0, a fractional power has no real value.",
        example="""
            x = torch.tensor([0., 1.], requires_grad=True)
            (x ** (1/3) * x).sum().backward()
            print(x.grad)
        """,
        cure="Keep the base above 0: (x + 1e-12) ** p, or x.clamp(min=1e-12) ** p.",
        find=_find_birth,
        needs_walks=True,
        generality=1,
        blame="has no finite derivative where its base is not above 0",
        advice="keep the base above 0: add a small number to it",
    ),
    Rule(
        slug="huge-normalize-at-zero",
        family=Family.NUMBERS,
        summary="A vector of zeros is divided by its length, and the gradient is huge.",
        why="F.normalize divides by max(length, 1e-12), so the value is 0, but the derivative there is 1 / 1e-12.",
        example="""
            x = torch.zeros(1, 3, requires_grad=True)
            F.normalize(x).sum().backward()
            print(x.grad)
        """,
        cure="Leave out vectors of zeros, start away from zero, or give a larger eps.",
        find=_find_huge_normalize_at_zero,
        needs_walks=True,
    ),
)

_BY_SLUG = {rule.slug: rule for rule in RULES}
