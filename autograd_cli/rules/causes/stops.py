"""Where all of a leaf's gradient became zero in the backward pass, and by which cause."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from autograd_cli.diagnostic import Span
from autograd_cli.rules.causes.accumulation import uses_of
from autograd_cli.rules.causes.flow import Stop, stop_by_flow
from autograd_cli.rules.causes.lost import first_tracked, taken
from autograd_cli.rules.causes.second_derivative import flat
from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.rules.evidence.passage import NEGLIGIBLE, Departure, Passage, index, is_zero, norm
from autograd_cli.rules.evidence.traits import Trait, has
from autograd_cli.trace import Kind, TensorInfo, TensorValues, Value, Visit

_FACTORS = frozenset("self other mat1 mat2 vec weight input tensor batch1 batch2".split())
# Causes that stay certain, even if another zero beside them is unexplained.
_CERTAIN = frozenset({"zero-grad-step", "sampling-not-reparameterised"})
_FEW = 3
_RESIDUE = 1e-5  # of the other gradients: what rounding may leave of one that cancels
_TRIED = 10
_BOUNDS = (Trait.RELU, Trait.CLAMP, Trait.PAIR)
_TRIFLE = 1e-3
_SINGLE = "normalises single elements: each becomes 0, whatever it was, and what flows back is 0 but for rounding"


@remembered
def find_stop(evidence: Evidence) -> Stop | None:
    """What explains the first gradient that is all zero from some pass on: a leaf's, or that of one `autograd.grad`."""
    turns: dict[tuple[str, Span | None], list[tuple[Passage, int, bool]]] = {}
    known = [each.passage for each in flat(evidence)]
    for passage in [each for each in evidence.passages if each not in known]:
        has_singles, little = _has_singles(passage), _RESIDUE * _largest(passage)
        for end in passage.ends:
            name = evidence.end_name(end)
            if name is not None and evidence.has_name(end) and not _is_answered(evidence, passage, end):
                call = passage.walk.span if passage.walk.backward is None else None
                is_dead = _is_dead(passage, end, little, has_singles=has_singles)
                turns.setdefault((name, call), []).append((passage, end, is_dead))
    dead = {key: run for key, each in turns.items() if (run := _last_run(each))}
    found: Stop | None = None
    victims: list[str] = []
    for key in sorted(dead, key=lambda each: evidence.end_order(dead[each][0][1])):
        stop = _stop_of(evidence, key[0], dead[key])
        found = found or stop
        if found is not None and stop is not None and stop.cause == found.cause:
            victims.append(stop.victim)
    return None if found is None else replace(found, victims=tuple(dict.fromkeys(victims)))


def _is_answered(evidence: Evidence, passage: Passage, end: int) -> bool:
    """Whether `autograd.grad` was asked for the gradient of a leaf, and nobody looks at what backward() gave it."""
    leaf = passage.nodes[end].leaf
    if passage.walk.backward is None or leaf is None or first_tracked(evidence, leaf) not in taken(evidence):
        return False
    return not uses_of(evidence, evidence.origin(leaf))


def _stop_of(evidence: Evidence, name: str, run: Sequence[tuple[Passage, int]]) -> Stop | None:
    """What explains the zeros of one leaf, from the first pass in which a cause is found."""
    for passage, end in run[:_TRIED]:
        victim = evidence.affected(passage, end, lambda arrived: bool(arrived) and all(map(is_zero, arrived)))
        stop = _explained(evidence, passage, end, victim or name)
        if stop is not None:
            return stop
    return None


def _last_run(turns: Sequence[tuple[Passage, int, bool]]) -> list[tuple[Passage, int]]:
    """The last passes in a row in which only zeros came to a leaf; empty where that may be chance."""
    count = 0
    while count < len(turns) and turns[-1 - count][2]:
        count += 1
    if count < len(turns) and (count < _FEW or 2 * count < len(turns)):
        return []
    return [(passage, end) for passage, end, _ in turns[len(turns) - count :]]


def _largest(passage: Passage) -> float:
    """The largest norm of what arrived at a leaf, at least 1: that of a loss."""
    return max([1.0, *(norm(each) for end in passage.ends for each in passage.arrived_at(end))])


def _is_dead(passage: Passage, end: int, little: float, *, has_singles: bool) -> bool:
    arrived = passage.arrived_at(end)
    if not arrived or not any(each.numel for each in arrived):
        return False
    if all(map(is_zero, arrived)):
        return True
    if sum(map(norm, arrived)) < little:
        return _all_lead_through(passage, end, _cancels)
    return has_singles and _all_lead_through(passage, end, normalises_single_elements)


def _has_singles(passage: Passage) -> bool:
    """Whether anything in the passage normalises single elements."""
    return any(
        normalises_single_elements(passage, Departure(visit=visit, edge=edge))
        for visit in passage.walk.visits
        for edge in range(len(visit.flows))
    )


def _all_lead_through(passage: Passage, end: int, test: Callable[[Passage, Departure], bool]) -> bool:
    """Whether a gradient is only rounding: every way to `end` leads through a normalisation that cancelled it."""
    pending = list(passage.into.get(end, ()))
    seen = set[int]()
    found = False
    while pending:
        leaving = pending.pop()
        if test(passage, leaving):
            found = True
        elif leaving.visit.node not in seen:
            seen.add(leaving.visit.node)
            before = passage.into.get(leaving.visit.node, ())
            if not before:
                return False
            pending += before
    return found


def _cancels(passage: Passage, leaving: Departure) -> bool:
    if leaving.gradient is None or not has(passage.nodes[leaving.visit.node].stem, Trait.SOFTMAX, Trait.NORMALISING):
        return False
    if normalises_single_elements(passage, leaving):
        return True
    if leaving.visit.flows[leaving.edge].argument == "bias":  # a shift, whose gradient is a mere sum
        return False
    return norm(leaving.gradient) <= NEGLIGIBLE * max(map(norm, leaving.arrived), default=0.0)


def normalises_single_elements(passage: Passage, leaving: Departure) -> bool:
    """Whether each group that is normalised has one element: it becomes 0, whatever it was."""
    if not has(passage.nodes[leaving.visit.node].stem, Trait.NORMALISING):
        return False
    kept = {saved.name: saved.tensor for saved in leaving.visit.saved}
    given, means = kept.get("input"), kept.get("result1")
    is_shift = leaving.visit.flows[leaving.edge].argument == "bias"
    return given is not None and means is not None and given.numel == means.numel and not is_shift


# Which cause it is.


def _explained(evidence: Evidence, passage: Passage, end: int, victim: str) -> Stop | None:
    """What stopped the gradient: a certain cause, or the first if all are known, else what the flow alone shows."""
    if (blocked := _blocked(passage, end)) is not None:
        departures = [blocked]
    elif all(map(is_zero, passage.arrived_at(end))):
        departures = list(passage.stops(end))
    else:
        into = passage.into[end]
        departures = [
            each
            for each in (*into, *(earlier for start in into for earlier in passage.before(start)))
            if _cancels(passage, each)
        ]
    found = [_cause(evidence, passage, each, victim) for each in departures]
    certain = next((each for each in found if each is not None and each.slug in _CERTAIN), None)
    if certain is not None or all(found):
        return certain or next(iter(found), None)
    left = [each for each, cause in zip(departures, found, strict=True) if cause is None]
    if any(_was_changed(each.visit, evidence.trace.values[passage.nodes[each.visit.node].value]) for each in left):
        return None
    return stop_by_flow(evidence, passage, left, victim)


def _blocked(passage: Passage, end: int) -> Departure | None:
    """A step or a draw, which hand on zeros whatever arrives, if every way to `end` leads through one."""
    pending = list(passage.into.get(end, ()))
    seen = set[int]()
    found = None
    while pending:
        leaving = pending.pop()
        if has(passage.nodes[leaving.visit.node].stem, Trait.STEP, Trait.DRAW):
            found = found or leaving
        elif leaving.visit.node not in seen:
            seen.add(leaving.visit.node)
            before = passage.into.get(leaving.visit.node, ())
            if not before:
                return None
            pending += before
    return found


def _cause(evidence: Evidence, passage: Passage, departure: Departure, victim: str) -> Stop | None:
    node = passage.nodes[departure.visit.node]
    value = evidence.trace.values[node.value]
    kind = node.stem
    if _was_changed(departure.visit, value):
        return None
    if has(kind, Trait.PRODUCT) and not _saved_text(departure.visit, "rounding_mode") and is_all_zero(departure):
        return _cause_of_product(evidence, passage, departure, victim)
    slug = _slug(evidence, passage, departure, value)
    if slug is None:
        return None
    is_bound = has(kind, *_BOUNDS)
    is_meant = has(kind, Trait.KINK) and kind != "abs"
    if is_bound:
        is_meant = (
            _is_hinge(evidence, passage, departure)
            or _is_hardly_bound(evidence, value)
            or _is_one_of_several(passage, departure)
        )
    how = _SINGLE if normalises_single_elements(passage, departure) else ""
    return Stop(slug=slug, victim=victim, value=value, visit=departure.visit, is_meant=is_meant, how=how)


def is_all_zero(departure: Departure) -> bool:
    """Whether nothing but zeros left."""
    return departure.gradient is None or is_zero(departure.gradient)


def _slug(evidence: Evidence, passage: Passage, departure: Departure, value: Value) -> str | None:
    """The cause by the kind of the operation; None where its zero is right, or nobody's fault."""
    kind = passage.nodes[departure.visit.node].stem
    if not is_all_zero(departure) and not _cancels(passage, departure):
        return "zero-grad-constant" if _meets_itself(passage, departure) else None
    if has(kind, *_BOUNDS):
        return _cause_of_bound(evidence, value, kind)
    if has(kind, Trait.SOFTMAX, Trait.NORMALISING):
        return _cause_of_normalised(passage, departure, kind)
    if has(kind, Trait.KINK):
        return None if _is_difference(evidence, value) else "zero-grad-kink"
    if has(kind, Trait.LOOKUP):
        return "zero-grad-padding-idx" if padding_of(departure.visit) is not None else None
    is_step = has(kind, Trait.STEP) or _saved_text(departure.visit, "rounding_mode") is not None
    if has(kind, Trait.DRAW):
        return "sampling-not-reparameterised"
    return "zero-grad-step" if is_step else "zero-grad-saturated" if has(kind, Trait.SATURATING) else None


def _was_changed(visit: Visit, value: Value) -> bool:
    """Whether what the node kept of its result is no longer what it was: somebody wrote to it behind torch's back."""
    kept = next((saved.tensor for saved in visit.saved if saved.name == "result"), None)
    made = value.tensor
    if kept is None or made is None or kept.shape != made.shape or value.kind is Kind.MODULE:
        return False
    if kept.values is None or made.values is None:  # one of them may be written out where the other is not
        return kept.summary is not None and made.summary is not None and kept.summary != made.summary
    return kept.values != made.values


def _meets_itself(passage: Passage, departure: Departure) -> bool:
    """Whether all that meets at the next node comes from this one operation, as in `x - x`, and so may cancel."""
    node = passage.nodes[departure.visit.node]
    met = passage.into.get(node.next[departure.edge] or 0, ())
    return len(met) > 1 and all(passage.nodes[each.visit.node].value == node.value for each in met)


def _operand(evidence: Evidence, value: Value) -> TensorInfo | None:
    """The first tensor that an operation was given."""
    return next((tensor for each in value.operands if (tensor := evidence.tensor(each)) is not None), None)


def _cause_of_bound(evidence: Evidence, value: Value, kind: str) -> str | None:
    operand = _operand(evidence, value)
    if has(kind, Trait.PAIR):
        tensors = [evidence.tensor(each) for each in value.operands]
        bounds = [tensor for tensor in tensors if tensor is not None and not tensor.requires_grad]
        if not bounds:
            return None
        return "zero-grad-relu" if kind in {"maximum", "fmax"} and is_zero(bounds[0]) else "zero-grad-clamp"
    is_single = has(value.stem, Trait.RELU, Trait.CLAMP)
    if is_single and operand is not None and has(kind, Trait.RELU) and is_zero(operand):
        return "zero-grad-kink"
    return "zero-grad-relu" if has(kind, Trait.RELU) else "zero-grad-clamp"


def _is_hardly_bound(evidence: Evidence, value: Value) -> bool:
    """Whether the bound moved no element by more than a trifle, to keep it inside a domain."""
    operand, result = _operand(evidence, value), value.tensor
    if operand is None or result is None or operand.shape != result.shape:
        return False
    pairs = zip(operand.values or (), result.values or (), strict=False)
    moved = [abs(before - after) for before, after in pairs if before != after]
    return bool(moved) and max(moved) <= _TRIFLE


def _is_hinge(evidence: Evidence, passage: Passage, departure: Departure) -> bool:
    """Whether the bound is that of a hinge loss whose margin is kept: then nothing is left to learn."""
    earlier = list(passage.before(departure))
    if any(not has(passage.nodes[each.visit.node].stem, Trait.LINEAR) for each in earlier):
        return False
    value = evidence.trace.values[passage.nodes[departure.visit.node].value]
    given = next((evidence.trace.values[each] for each in value.operands if evidence.tensor(each) is not None), None)
    if given is None or not has(given.stem, Trait.MARGIN):
        return value.stem.endswith("loss")
    operands = [evidence.trace.values[each].tensor for each in given.operands]
    tracked = [each for each in operands if each is not None and each.requires_grad]
    if given.stem in {"mul", "neg"} and any(each.is_leaf for each in tracked):
        return False
    return len(tracked) < len(operands) or given.stem == "neg"


def _is_one_of_several(passage: Passage, departure: Departure) -> bool:
    """Whether the bound is on a single unit, while another unit of the pass lets a gradient through."""
    if departure.gradient is None or departure.gradient.numel != 1:
        return False
    units = [visit for visit in passage.walk.visits if has(passage.nodes[visit.node].stem, Trait.RELU)]
    gradients = [visit.flows[0].gradient for visit in units if visit.flows]
    return any(each is not None and each.numel == 1 and not is_zero(each) for each in gradients)


def _cause_of_normalised(passage: Passage, departure: Departure, kind: str) -> str | None:
    kept = {saved.name: saved for saved in departure.visit.saved}
    arrived = departure.arrived[0] if departure.arrived else None
    if arrived is None:
        return None
    if has(kind, Trait.NORMALISING):
        return "zero-grad-constant" if _cancels(passage, departure) else None
    dim = int(_saved_text(departure.visit, "dim") or -1)
    if arrived.shape and arrived.shape[dim] == 1:
        return "zero-grad-constant"
    if kind == "logsoftmax":
        return None
    result = kept["result"].tensor if "result" in kept else None
    if result is not None and result.values is not None and set(result.values) <= {0.0, 1.0}:
        return "zero-grad-saturated"
    return "zero-grad-constant" if _cancels(passage, departure) and _is_even(arrived, dim) else None


def _is_even(values: TensorValues, dim: int) -> bool:
    """Whether all elements along a dimension are the same."""
    if values.values is None:
        return False
    first: dict[tuple[int, ...], object] = {}
    dim %= len(values.shape) or 1
    for place, each in enumerate(values.values):
        at = index(values.shape, place)
        if first.setdefault(at[:dim] + at[dim + 1 :], each) != each:
            return False
    return True


def _is_difference(evidence: Evidence, value: Value) -> bool:
    """Whether the operand is a difference, which is zero where it is meant to be."""
    if value.stem.endswith(("loss", "distance")) or value.stem in {"dist", "cdist", "pdist"}:
        return True
    given = next((evidence.trace.values[each] for each in value.operands if evidence.tensor(each) is not None), None)
    return given is not None and given.stem in {"sub", "rsub", "subtract"}


def padding_of(visit: Visit) -> int | None:
    """The padding index of an embedding that has one."""
    text = _saved_text(visit, "padding_idx")
    return int(text) if text is not None and int(text) >= 0 else None


def _saved_text(visit: Visit, name: str) -> str | None:
    text = next((saved.text for saved in visit.saved if saved.name == name), None)
    return None if text in {"None", ""} else text


# A product with a factor that is zero.


def _cause_of_product(evidence: Evidence, passage: Passage, departure: Departure, victim: str) -> Stop | None:
    argument = departure.visit.flows[departure.edge].argument
    value = evidence.trace.values[passage.nodes[departure.visit.node].value]
    sizes = {
        saved.tensor.numel
        for saved in departure.visit.saved
        if saved.name in _FACTORS and saved.name != argument and saved.tensor is not None and is_zero(saved.tensor)
    }
    for operand in value.operands:
        tensor = evidence.tensor(operand)
        if tensor is None or tensor.numel not in sizes or not is_zero(tensor):
            continue
        origin = origin_of_zero(evidence, evidence.trace.values[operand])
        if origin is None or victim in evidence.names(origin[1].id):
            continue
        slug, by = origin
        if slug == "zero-grad-zero-init":
            is_meant = _is_moved(evidence, passage, by) and len(evidence.passages) == 1
            return Stop(slug=slug, victim=victim, value=value, visit=departure.visit, by=by, is_meant=is_meant)
        return Stop(slug=slug, victim=victim, value=by, visit=departure.visit)
    return None


def origin_of_zero(evidence: Evidence, value: Value) -> tuple[str, Value] | None:
    """Why a value is all zero: a leaf that begins as zeros, or an operation that gives nothing else."""
    seen: set[int] = set()
    pending = [value.id]
    while pending:
        number = pending.pop()
        current = evidence.trace.values[number]
        tensor = current.tensor
        if number in seen or tensor is None or not is_zero(tensor):
            continue
        seen.add(number)
        if (tensor.requires_grad and tensor.is_leaf) or current.kind is Kind.PARAMETER:
            return "zero-grad-zero-init", current
        found = _zero_made_by(evidence, current) if tensor.requires_grad else None
        if found is not None:
            return found
        pending.extend(reversed(current.operands) if tensor.requires_grad else ())
    return None


def _zero_made_by(evidence: Evidence, value: Value) -> tuple[str, Value] | None:
    """The operation that made a value of zeros from operands that are not zero."""
    if has(value.stem, Trait.RELU, Trait.CLAMP):
        slug = _cause_of_bound(evidence, value, value.stem)
        operand = _operand(evidence, value)
        if slug is not None and operand is not None and not is_zero(operand):
            return slug, value
    return ("zero-grad-saturated", value) if has(value.stem, Trait.SATURATING) else None


def _is_moved(evidence: Evidence, passage: Passage, leaf: Value) -> bool:
    """Whether the zeros get a gradient themselves, and so will not stay zeros."""
    for end in passage.ends:
        if evidence.end_name(end) in evidence.names(leaf.id):
            return not all(map(is_zero, passage.arrived_at(end)))
    return False
