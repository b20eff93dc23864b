"""Rules of the family "NaN and inf"."""

from __future__ import annotations

from collections.abc import Iterator

from autograd_cli.diagnostic import Diagnostic, Related, Severity
from autograd_cli.rules.causes.factors import factor_of
from autograd_cli.rules.causes.not_a_number import Birth, find_birth
from autograd_cli.rules.cures import numbers
from autograd_cli.rules.evidence.evidence import Evidence, Find, remembered
from autograd_cli.rules.evidence.operations import kind_of
from autograd_cli.rules.evidence.passage import Departure, Passage, first_broken, index, norm
from autograd_cli.rules.evidence.several import gradients_of, others_of
from autograd_cli.trace import Number

FAMILY = "NaN and inf"

_HUGE = 1e6
_TINY = 1e-6


def nan_where_branch(evidence: Evidence) -> Iterator[Diagnostic]:
    """A gradient is NaN although `torch.where`, or a mask, threw the bad value away.

    Why: torch.where computes both branches, and its backward sends a gradient of 0 to the one that was not taken. If
    that branch has an infinite derivative, 0 * inf is NaN.

    Example:
        x = torch.tensor([-1., 4.], requires_grad=True)
        y = torch.where(x > 0, torch.sqrt(x), 0.)
        y.sum().backward()
        print(x.grad)

    Fix: choose before the operation, so that it never sees a bad value: torch.sqrt(torch.where(x > 0, x, 1.)).
    """
    yield from _born(evidence, "nan-where-branch", "is computed for the elements that are thrown away, too")


def nan_zero_times_nan(evidence: Evidence) -> Iterator[Diagnostic]:
    """A gradient is NaN because the values that it is multiplied by contain NaN or inf.

    Why: masking a result sends a gradient of 0 to what was masked, and backward multiplies it by the values of the
    forward pass: 0 * nan is NaN, and 0 * inf, too. In a matrix product it spreads to the whole sum.

    Example:
        x = torch.tensor([[1.], [float("nan")]])
        w = torch.tensor([[2.]], requires_grad=True)
        y = torch.nan_to_num(x @ w)
        y.sum().backward()
        print(w.grad)

    Fix: clean what goes into the operation, not what comes out of it: torch.nan_to_num(x) @ w.
    """
    yield from _born(evidence, "nan-zero-times-nan", "has NaN or infinity in it, and 0 times that is NaN")


def nan_sqrt_at_zero(evidence: Evidence) -> Iterator[Diagnostic]:
    """A square root of 0 (or below): its derivative is infinite there, and inf * 0 is NaN.

    Why: the derivative of sqrt(x) is 1 / (2 * sqrt(x)). What the chain rule multiplies it by is often 0 at the same
    place, as in sqrt(x**2).

    Example:
        x = torch.tensor([0., 3.], requires_grad=True)
        torch.sqrt(x**2).sum().backward()
        print(x.grad)

    Fix: keep the operand away from 0, as in torch.sqrt(x**2 + 1e-12), or use x.abs() or x.norm().
    """
    yield from _born(evidence, "nan-sqrt-at-zero", "has no finite derivative where its operand is not above 0")


def nan_log_of_zero(evidence: Evidence) -> Iterator[Diagnostic]:
    """A logarithm of 0 (or below): it is -inf there, and its derivative is infinite.

    Why: a probability that underflows to 0 gives log(0) = -inf and a derivative of 1 / 0; the next multiplication by 0
    makes it NaN.

    Example:
        x = torch.tensor([0., 500.], requires_grad=True)
        p = torch.softmax(x, dim=0)
        loss = -torch.log(p)[0]
        loss.backward()
        print(x.grad)

    Fix: use F.log_softmax or F.logsigmoid, which compute both steps in one, or keep the operand away from 0.
    """
    yield from _born(evidence, "nan-log-of-zero", "takes the logarithm of something that is not above 0")


def nan_overflow(evidence: Evidence) -> Iterator[Diagnostic]:
    """A value became infinite because it is larger than its dtype can hold.

    Why: exp(x) is infinite above 88 in float32 and above 11 in float16. A function built from it may still have a
    finite value (1 / (1 + inf) is 0), but a derivative of 0 * inf, which is NaN.

    Example:
        x = torch.tensor([100.], requires_grad=True)
        torch.log(1 + torch.exp(x)).backward()
        print(x.grad)

    Fix: use torch's function for the whole expression (F.softplus, torch.sigmoid, torch.logsumexp), or smaller
    operands.
    """
    yield from _born(evidence, "nan-overflow", "is larger than its dtype can hold")


def nan_masked_softmax(evidence: Evidence) -> Iterator[Diagnostic]:
    """A softmax of a row in which everything is masked with -inf.

    Why: the exponentials of the row are all 0, and so is their sum: 0 / 0 is NaN. Its gradient is NaN even where
    nothing uses the row.

    Example:
        x = torch.zeros(2, 2, requires_grad=True)
        mask = torch.tensor([[0., 0.], [float("-inf"), float("-inf")]])
        p = torch.softmax(x + mask, dim=-1)
        p[0, 0].backward()
        print(x.grad)

    Fix: leave at least one element of each row unmasked, or mask with a large negative number, such as -1e9.
    """
    yield from _born(evidence, "nan-masked-softmax", "has a row in which everything is -inf")


def nan_acos_at_one(evidence: Evidence) -> Iterator[Diagnostic]:
    """An arc cosine or arc sine at 1 or -1 (or outside): the derivative is infinite there.

    Why: the derivative of acos(x) is -1 / sqrt(1 - x**2). A cosine that was computed from equal vectors is 1 or, by
    rounding, a little more.

    Example:
        a = torch.tensor([1., 0.], requires_grad=True)
        torch.acos(torch.dot(a, a) / (a.norm() * a.norm())).backward()
        print(a.grad)

    Fix: keep the operand inside: torch.acos(c.clamp(-1 + 1e-6, 1 - 1e-6)).
    """
    yield from _born(evidence, "nan-acos-at-one", "has no finite derivative at 1 and -1")


def nan_svd_degenerate(evidence: Evidence) -> Iterator[Diagnostic]:
    """A decomposition (svd, eigh, eig) of a matrix with equal singular values or eigenvalues.

    Why: the derivative of the vectors has 1 / (s_i - s_j) in it, which is infinite where two values are equal: the
    vectors are not unique there.

    Example:
        x = torch.eye(2, requires_grad=True)
        values, vectors = torch.linalg.eigh(x)
        vectors[0, 0].backward()
        print(x.grad)

    Fix: use only the values (torch.linalg.svdvals, eigvalsh), or make the values distinct by adding a little noise.
    """
    yield from _born(evidence, "nan-svd-degenerate", "has equal values, and divides by their difference, which is 0")


def nan_variance_of_one(evidence: Evidence) -> Iterator[Diagnostic]:
    """The variance or standard deviation of a single number.

    Why: torch divides by n - 1, which is 0 for one number: 0 / 0 is NaN.

    Example:
        x = torch.tensor([[1.], [2.]], requires_grad=True)
        (x / x.std(dim=1, keepdim=True)).sum().backward()
        print(x.grad)

    Fix: take it over more than one number, or with correction=0.
    """
    yield from _born(evidence, "nan-variance-of-one", "is taken over a single number, and divides by n - 1 = 0")


def nan_pow_zero_base(evidence: Evidence) -> Iterator[Diagnostic]:
    """A power whose base is 0 (or below), with an exponent that is below 1 or a fraction.

    Why: the derivative of x**p is p * x**(p - 1). At 0 it is infinite for p below 1, and so is the second derivative
    for p below 2; below 0, a fractional power has no real value.

    Example:
        x = torch.tensor([0., 1.], requires_grad=True)
        (x ** (1/3) * x).sum().backward()
        print(x.grad)

    Fix: keep the base above 0: (x + 1e-12) ** p, or x.clamp(min=1e-12) ** p.
    """
    yield from _born(evidence, "nan-pow-zero-base", "has no finite derivative where its base is not above 0")


def huge_normalize_at_zero(evidence: Evidence) -> Iterator[Diagnostic]:
    """A vector of zeros is divided by its length, and the gradient is huge.

    Why: F.normalize divides by max(length, 1e-12), so the value is 0, but the derivative there is 1 / 1e-12.

    Example:
        x = torch.zeros(1, 3, requires_grad=True)
        F.normalize(x).sum().backward()
        print(x.grad)

    Fix: leave out vectors of zeros, start away from zero, or give a larger eps.
    """
    for passage in evidence.passages:
        for end in sorted(passage.ends, key=evidence.end_order):
            arrived = passage.arrived_at(end)
            is_huge = any(norm(each) >= _HUGE for each in arrived)
            divided = next(_divided_by_little(passage, end), None) if is_huge else None
            if divided is not None:
                yield _huge(evidence, evidence.end_name(end), divided)
                return


RULES: dict[str, Find] = {
    "nan-masked-softmax": nan_masked_softmax,
    "nan-where-branch": nan_where_branch,
    "nan-zero-times-nan": nan_zero_times_nan,
    "nan-sqrt-at-zero": nan_sqrt_at_zero,
    "nan-log-of-zero": nan_log_of_zero,
    "nan-overflow": nan_overflow,
    "nan-acos-at-one": nan_acos_at_one,
    "nan-svd-degenerate": nan_svd_degenerate,
    "nan-variance-of-one": nan_variance_of_one,
    "nan-pow-zero-base": nan_pow_zero_base,
    "huge-normalize-at-zero": huge_normalize_at_zero,
}


@remembered
def _birth(evidence: Evidence) -> Birth | None:
    return find_birth(evidence)


def _born(evidence: Evidence, slug: str, what: str) -> Iterator[Diagnostic]:
    birth = _birth(evidence)
    if birth is None or birth.slug != slug:
        return
    number, short = ("NaN", "nan") if birth.is_nan else ("infinite", "inf")
    subject = gradients_of(birth.victims) if birth.victims else "a gradient is"
    observed = None if birth.victim is None else f"{birth.victim}.grad is {short}"
    if birth.departure is None:
        subject, observed = "the loss is", f"the loss is {short}"
    fix = numbers.fix(evidence, birth)
    yield Diagnostic(
        rule=slug,
        severity=Severity.ERROR if birth.departure is not None else Severity.WARNING,
        message=f"{subject} {number}: `{evidence.piece(birth.value.span)}` {what}",
        span=birth.value.span,
        label=_label(evidence, birth),
        related=tuple(_related(evidence, birth)),
        victim=birth.victim,
        others=others_of(birth.victims),
        observed=observed,
        fix=fix.words,
        edits=fix.edits,
    )


def _label(evidence: Evidence, birth: Birth) -> str | None:
    """What arrived and what left at the operation, or what the forward pass made there."""
    value = birth.value
    if birth.departure is not None and evidence.trace.nodes[birth.departure.visit.node].value == value.id:
        return _handed_on(evidence, birth)
    tensor = value.tensor
    place = first_broken(tensor)
    if tensor is None or tensor.values is None or place is None:
        return None
    return f"{_number(tensor.values[place])}{_at(index(tensor.shape, place))} of the forward pass"


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


def _at(element: tuple[int, ...] | None) -> str:
    return f" at [{', '.join(map(str, element))}]" if element else ""


def _number(number: Number) -> str:
    return f"{number:.4g}" if isinstance(number, float) else str(number)


# The one that is finite.


def _divided_by_little(passage: Passage, end: int) -> Iterator[Departure]:
    """The divisions of about zero by about zero that a huge gradient came through."""
    into = passage.into.get(end, ())
    for each in (*into, *(earlier for start in into for earlier in passage.before(start))):
        if kind_of(passage.nodes[each.visit.node]) != "div":
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
