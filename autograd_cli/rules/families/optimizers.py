"""Rules of what an optimizer does: which parameters it has, what its step made of them, and what was to freeze them."""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from autograd_cli.diagnostic import Diagnostic, Edit, Severity, Span, as_edits
from autograd_cli.rules.causes.lost import given
from autograd_cli.rules.evidence.evidence import Evidence, remembered
from autograd_cli.rules.evidence.optimizers import (
    class_of,
    is_moved,
    model_name,
    model_names,
    optimizer_of,
    schedules,
    steps_of,
)
from autograd_cli.rules.evidence.passage import is_finite, norm
from autograd_cli.rules.evidence.several import others_of, several
from autograd_cli.rules.evidence.symptoms import is_leaf, makes_optimizer, places
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Kind, TensorInfo, Value

_PARAMETERS = frozenset({"torch.nn.Parameter", "torch.nn.parameter.Parameter"})
_IN_LIST = re.compile(r"\.(\w+)\[[^.]*\]\.")
_TRIFLE = 1e-4  # the norm of what may be left of a gradient
_SMALLEST = {"float16": 2.0**-24}  # above 0
_NARROW = frozenset({"float16", "bfloat16"})
_CASTS = frozenset({"to", "half", "bfloat16"})
_DIVIDING = frozenset({"Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop"})


# Parameters that no optimizer has.


def _find_not_in_optimizer(evidence: Evidence) -> Iterator[Diagnostic]:
    steps = steps_of(evidence)
    if not steps or evidence.trace.refusal is not None or _has_idle_optimizer(evidence):
        return
    operands = {each for step in steps for each in step.operands}  # every value of a step has all of them
    held = {evidence.origin(each) for each in operands if evidence.tensor(each)}
    begun = min((value.id for value in evidence.trace.values if value.kind is Kind.BACKWARD), default=0)
    written = {evidence.origin(value.id) for value in evidence.trace.values[begun:] if _is_written(value)}
    parameters = [leaf for leaf in sorted(given(evidence)) if _is_parameter(evidence, leaf)]
    if held.isdisjoint(map(evidence.origin, parameters)):
        return
    left = [leaf for leaf in parameters if evidence.origin(leaf) not in held | written]
    left = [leaf for leaf in left if not _is_nameless(evidence, leaf)]
    if not left:
        return
    names = model_names(evidence, left)
    optimizer = optimizer_of(evidence, steps[-1])
    plain = next((found for name in names if (found := _plain(evidence, name)) is not None), None)
    made = None if optimizer is None else optimizer.span
    is_idle = not held <= set(map(evidence.origin, given(evidence)))
    replaced = [name for name in names if is_idle and _is_replaced(evidence, name)]
    if replaced:
        yield _replaced_since(evidence, replaced, optimizer, steps[-1])
        return
    span = plain.span if plain is not None else made or steps[-1].span
    verb = "gets a gradient" if len(set(names)) == 1 else "get gradients"
    yield Diagnostic(
        rule="not-in-optimizer",
        severity=Severity.NOTE if plain is None and _is_cut_short(evidence) else Severity.WARNING,
        message=f"{several(names)} {verb}, but no optimizer has {'it' if len(set(names)) == 1 else 'them'}"
        + ("" if plain is None else f": parameters() does not look into a {plain.kind}"),
        span=span,
        label="made without them" if plain is None else f"a {plain.kind}, which hides its layers",
        related=places((made, "the optimizer is made here"), but=span),
        victim=names[0],
        others=others_of(names),
        observed=f"{names[0]} never changes",
        fix=f"{plain.registered}(…) in its place"
        if plain is not None
        else "give them to the optimizer, or freeze them",
        edits=() if plain is None else (_registered(evidence, plain),),
    )


def _is_nameless(evidence: Evidence, leaf: int) -> bool:
    """Whether a leaf goes by the piece of the program that made it: nobody could give it to an optimizer."""
    piece = evidence.piece_whole(evidence.trace.values[leaf].span)
    return bool(piece) and model_name(evidence, leaf).startswith(piece)


def _is_replaced(evidence: Evidence, name: str) -> bool:
    """Whether the name meant another parameter before, or the program puts another layer in its place."""
    is_known = any(variable.name == f"{name} (old)" for variable in evidence.trace.variables)
    return is_known or _replacement(evidence, {*name.split(".")[:-1]}) is not None


def _replaced_since(evidence: Evidence, names: list[str], optimizer: Value | None, step: Value) -> Diagnostic:
    """The finding of parameters that took the place of those that the optimizer has."""
    made = None if optimizer is None else optimizer.span
    attributes = {part for name in names for part in name.split(".")}
    span = _replacement(evidence, attributes) or made or step.span
    is_one = len(set(names)) == 1
    return Diagnostic(
        rule="not-in-optimizer",
        severity=Severity.WARNING,
        message=f"{several(names)} {'gets a gradient' if is_one else 'get gradients'}, but the optimizer has what "
        f"{'it' if is_one else 'they'} took the place of: it was made before",
        span=span,
        label="new parameters, which the optimizer does not know",
        related=places((made, "the optimizer is made here"), (step.span, "it changes the old ones"), but=span),
        victim=names[0],
        others=others_of(names),
        observed=f"{names[0]} never changes",
        fix="make the optimizer after it, or give it the new ones with add_param_group()",
    )


def _replacement(evidence: Evidence, attributes: AbstractSet[str]) -> Span | None:
    """The first place outside of a constructor that assigns to one of these attributes."""
    statements = list(evidence.text.statements())
    constructors = [span for span, node in statements if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    for span, node in statements:
        match node:
            case ast.Assign(targets=[ast.Attribute(attr=name)]) if name in attributes:
                if not any(each.holds(span) for each in constructors):
                    return span
    return None


def _is_cut_short(evidence: Evidence) -> bool:
    """Whether the run begins in the middle of a loop: what was written before, as to a target network, is not known."""
    first = next((each.step for each in evidence.trace.backwards if each.step is not None), None)
    return first is not None and any(evidence.trace.steps[first].iteration)


def _has_idle_optimizer(evidence: Evidence) -> bool:
    """Whether an optimizer has taken no step that is known: what it has may have been trained before."""
    used = {each for step in steps_of(evidence) for each in step.operands}
    return any(makes_optimizer(value) and value.id not in used for value in evidence.trace.values)


def _is_written(value: Value) -> bool:
    """Whether the program itself updates a parameter, as it does a target network."""
    return value.previous is not None and value.kind not in {Kind.STEP, Kind.ACCUMULATION}


def _is_parameter(evidence: Evidence, leaf: int) -> bool:
    value = evidence.trace.values[leaf]
    is_of_module = value.kind is Kind.ATTRIBUTE and not (value.function or "").startswith("torch.Tensor.")
    is_listed = (value.function or "").startswith("torch.nn.Module.")
    is_made = value.function in _PARAMETERS
    return is_leaf(value.tensor) and (value.kind is Kind.PARAMETER or is_of_module or is_listed or is_made)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain:
    """A list or a dict of layers, at its place, that is an attribute of a module, which does not know them for that."""

    span: Span
    kind: str

    @property
    def registered(self) -> str:
        """What holds layers such that a module knows them."""
        return "nn.ModuleDict" if self.kind == "dict" else "nn.ModuleList"


_KINDS: dict[type[ast.expr], str] = {
    ast.List: "list",
    ast.ListComp: "list",
    ast.Tuple: "tuple",
    ast.Dict: "dict",
    ast.DictComp: "dict",
}


def _plain(evidence: Evidence, name: str) -> _Plain | None:
    """The list that a parameter such as `net.layers[0].weight` is in, where a module holds the list."""
    attribute = _IN_LIST.search(name)
    for _, statement in evidence.text.statements() if attribute is not None else ():
        match statement:
            case ast.Assign(targets=[ast.Attribute(attr=held)], value=value) if attribute is not None:
                kind = _KINDS.get(type(value))
                if held == attribute[1] and kind is not None:
                    return _Plain(span=evidence.text.span_of(value), kind=kind)
    return None


def _registered(evidence: Evidence, plain: _Plain) -> Edit:
    whole = evidence.piece_whole(plain.span)
    return evidence.text.replaced(plain.span, f"{_home(evidence)}{plain.registered}({whole})")


def _home(evidence: Evidence) -> str:
    """What to write before `nn`: nothing, where the program has that name."""
    is_imported = any(
        isinstance(node, ast.ImportFrom | ast.Import) and any((each.asname or each.name) == "nn" for each in node.names)
        for _, node in evidence.text.statements()
    )
    return "" if is_imported else "torch."


# Steps that change nothing.


def _find_step_changes_nothing(evidence: Evidence) -> Iterator[Diagnostic]:
    moved: set[int] = set()
    left: dict[int, Value] = {}
    for step in [each for each in steps_of(evidence) if each.previous is not None and _is_plain_step(evidence, each)]:
        origin = evidence.origin(step.id)
        if is_moved(evidence, step):
            moved.add(origin)
        elif origin not in moved and _is_sizeable(_gradient_before(evidence, step)):
            left[origin] = step
    still = [origin for origin in left if origin not in moved]
    if not still:
        return
    names, step = model_names(evidence, still), left[still[0]]
    gradient, tensor = _gradient_before(evidence, step), step.tensor
    optimizer = optimizer_of(evidence, step)
    is_zero_rate = step.setting("lr") == 0.0
    scheduled = _schedule(evidence, optimizer) if is_zero_rate else None
    narrowed = None if is_zero_rate else _narrowed(evidence, tensor)
    span = scheduled or narrowed or (step.span if optimizer is None else optimizer.span)
    whose = "its" if len(names) == 1 else "their"
    size = "" if gradient is None else f": {whose} gradient has the norm {norm(gradient):.3g}"
    dtype = "" if tensor is None else f" for {tensor.dtype}"
    yield Diagnostic(
        rule="step-changes-nothing",
        severity=Severity.WARNING,
        message=f"no step changes {several(names)}{', since lr is 0' if is_zero_rate else ''}{size}",
        span=span,
        label=_why_nothing_changes(step, dtype, is_scheduled=scheduled is not None),
        related=places(
            (None if optimizer is None or scheduled is None else optimizer.span, "the optimizer"),
            (step.span, "the same numbers before and after"),
            but=span,
        ),
        victim=names[0],
        others=others_of(names),
        observed=f"{names[0]} never changes",
        fix=_how_to_change(is_zero_rate=is_zero_rate, is_narrowed=narrowed is not None),
    )


def _why_nothing_changes(step: Value, dtype: str, *, is_scheduled: bool) -> str:
    if is_scheduled:
        return "the scheduler makes lr 0 in these steps"
    if step.setting("lr") == 0.0:
        return "lr is 0"
    rate = step.setting("lr")
    return f"lr{'' if rate is None else f' ({rate:.3g})'} times the gradient is too small{dtype}"


def _how_to_change(*, is_zero_rate: bool, is_narrowed: bool) -> str:
    if is_narrowed:
        return "keep the parameters in float32, and compute under torch.autocast"
    if is_zero_rate:
        return "give the step an lr above 0; look at optimizer.param_groups[0]['lr']"
    return "raise lr, or keep these parameters in a wider dtype"


def _schedule(evidence: Evidence, optimizer: Value | None) -> Span | None:
    """Where lr comes from, if a scheduler sets it: the one lambda that it was given, or else where it is made."""
    made = [value for value in evidence.trace.values if optimizer is not None and schedules(evidence, value, optimizer)]
    if not made:
        return None
    call = evidence.text.call_at(made[0].span)
    given = [] if call is None else [*call.args, *(each.value for each in call.keywords)]
    names = {node.id for each in given for node in ast.walk(each) if isinstance(node, ast.Name)}
    lambdas = [node for each in (*given, *_put_into(evidence, names)) for node in ast.walk(each)]
    found = [node for node in lambdas if isinstance(node, ast.Lambda)]
    return evidence.text.span_of(found[0]) if len(found) == 1 else made[0].span


def _put_into(evidence: Evidence, names: AbstractSet[str]) -> Iterator[ast.expr]:
    """What the program gives to variables of these names: by an assignment, or by `append`."""
    for _, statement in evidence.text.statements():
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in names:
                yield value
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[value])) if (
                name in names
            ):
                yield value


def _narrowed(evidence: Evidence, parameter: TensorInfo | None) -> Span | None:
    """Where the program puts something into a narrow dtype, if a parameter has one."""
    if parameter is None or parameter.dtype not in _NARROW:
        return None
    calls = [node for node in evidence.text.expressions() if isinstance(node, ast.Call)]
    return next((evidence.text.span_of(each) for each in calls if _narrows(each)), None)


def _narrows(call: ast.Call) -> bool:
    """Whether it is `x.half()`, `x.bfloat16()`, or `x.to(…)` with a dtype."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _CASTS:
        return False
    words = " ".join(ast.unparse(each) for each in (*call.args, *[keyword.value for keyword in call.keywords]))
    return call.func.attr != "to" or any(each in words for each in ("dtype", "half", "float16"))


def _is_sizeable(gradient: TensorInfo | None) -> bool:
    """Whether a gradient is finite, and more than may be left of a training that has converged."""
    return gradient is not None and is_finite(gradient) and norm(gradient) >= _TRIFLE


def _is_plain_step(evidence: Evidence, step: Value) -> bool:
    """Whether torch itself took the step, all of it after the pass: with a closure there are passes inside of it."""
    call = evidence.text.call_at(step.span)
    return (step.function or "").startswith("torch.optim.") and call is not None and not call.args


def _gradient_before(evidence: Evidence, step: Value) -> TensorInfo | None:
    """The gradient that a step used of its parameter: that of the last pass before it."""
    starts, gradients = _gradients(evidence)
    place = bisect_left(starts, step.id)
    return gradients[place - 1].get(evidence.origin(step.id)) if place else None


@remembered
def _gradients(evidence: Evidence) -> tuple[list[int], list[dict[int, TensorInfo | None]]]:
    """Of each pass the last value that it started from, and what it left in the `.grad` of the leaves."""
    done = [each for each in evidence.trace.backwards if each.roots]
    starts = [max(each.roots) for each in done]
    gradients = [
        {evidence.origin(leaf.value): leaf.after for leaf in each.leaves if leaf.value is not None} for each in done
    ]
    return starts, gradients


# Steps that make numbers that are none.


def _find_step_underflow(evidence: Evidence) -> Iterator[Diagnostic]:
    for step in steps_of(evidence):
        name = class_of(step)
        before = None if step.previous is None else evidence.tensor(step.previous)
        now = step.tensor
        if before is None or now is None or name not in _DIVIDING or now.dtype not in _SMALLEST:
            continue
        optimizer = optimizer_of(evidence, step)
        eps = step.setting("eps")
        is_sound = is_finite(before) and not is_finite(now) and _is_gradient_finite(evidence, step)
        if not is_sound or eps is None or eps >= _SMALLEST[now.dtype]:
            continue
        called = model_name(evidence, evidence.origin(step.id))
        span = step.span if optimizer is None else optimizer.span
        yield Diagnostic(
            rule="optimizer-underflow",
            severity=Severity.ERROR,
            message=f"the step of {name} makes NaN of {called}: in {now.dtype} its eps of {eps:g} is 0, and so is the "
            "square of a small gradient: 0 / 0",
            span=span,
            label=f"the smallest {now.dtype} above 0 is {_SMALLEST[now.dtype]:.1g}",
            related=places((step.span, "finite before, and not after"), but=span),
            victim=called,
            observed=f"{called} is NaN",
            fix="eps=1e-4, or weights in float32 under torch.autocast",
            edits=() if optimizer is None else as_edits(_with_eps(evidence, optimizer)),
        )
        return


def _is_gradient_finite(evidence: Evidence, step: Value) -> bool:
    gradient = _gradient_before(evidence, step)
    return gradient is None or is_finite(gradient)


def _with_eps(evidence: Evidence, optimizer: Value) -> Edit | None:
    call = evidence.text.call_at(optimizer.span)
    given = evidence.text.keyword(optimizer.span, "eps")
    if call is None:
        return None
    if given is not None:
        return evidence.text.replaced(evidence.text.span_of(given), "1e-4")
    return evidence.text.with_keyword(call, "eps=1e-4")


RULES: tuple[Rule, ...] = (
    Rule(
        slug="not-in-optimizer",
        family=Family.OPTIMIZER,
        summary="A parameter gets a gradient in each pass, but no optimizer has it: it never changes.",
        why="An optimizer changes what it was given, which is mostly `model.parameters()`. That has the parameters of "
        "the layers that a module knows: those that are its attributes, and not those in a plain list or dict.",
        example="""
            body = nn.Linear(2, 2)
            head = nn.Linear(2, 1)
            optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
            loss = head(torch.tanh(body(torch.ones(1, 2)))).sum()
            loss.backward()
            optimizer.step()
        """,
        cure="Hold layers in `nn.ModuleList` or `nn.ModuleDict`; give the optimizer the parameters of all modules that "
        "are to learn, and freeze the others with `requires_grad_(False)`, which saves their gradients, too.",
        find=_find_not_in_optimizer,
        generality=4,
    ),
    Rule(
        slug="step-changes-nothing",
        family=Family.OPTIMIZER,
        summary="A parameter has a gradient, and each step leaves it as it was: lr is 0, or the step too small.",
        why="A step adds lr times the gradient. Numbers of float32 have some 7 digits: what is smaller than half of "
        "the last one is lost, as 1e-3 is on 1e5. float16 has 3 digits, and bfloat16 has 2. And a scheduler that "
        "starts at 0, or was given the wrong step, makes lr 0.",
        example="""
            w = torch.tensor([1e6], requires_grad=True)
            optimizer = torch.optim.SGD([w], lr=1e-3)
            w.sum().backward()
            optimizer.step()
        """,
        cure="Look at `optimizer.param_groups[0]['lr']`. Raise it, scale the parameter, or keep it in a wider dtype.",
        find=_find_step_changes_nothing,
        generality=4,
    ),
    Rule(
        slug="optimizer-underflow",
        family=Family.NUMBERS,
        summary="The step of an optimizer makes NaN of a parameter in half precision: it divides 0 by 0.",
        why="Adam and its kin divide by the root of the mean square of the gradients, plus eps. In float16 the square "
        "of a gradient below 2e-4 is 0, and so is an eps of 1e-8: nothing is left to divide by.",
        example="""
            w = torch.tensor([1., 2.], dtype=torch.float16, requires_grad=True)
            optimizer = torch.optim.Adam([w])
            (w * 1e-4).sum().backward()
            optimizer.step()
        """,
        cure="Keep the weights in float32 and compute under `torch.autocast`; or give the optimizer `eps=1e-4`.",
        find=_find_step_underflow,
    ),
)
