"""Rules of the family "leaf": requires_grad is missing, too late, misspelt, or set on another tensor."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from autograd_cli.diagnostic import Diagnostic, Edit, Severity, Span, as_edits
from autograd_cli.lang import vocabulary
from autograd_cli.lang.suggest import closest
from autograd_cli.rules.causes.lost import given
from autograd_cli.rules.causes.untracked import Untracked, marks
from autograd_cli.rules.cures.moved import earlier
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.rules.evidence.optimizers import model_names
from autograd_cli.rules.evidence.several import others_of, several
from autograd_cli.rules.evidence.symptoms import FLAG, is_leaf, is_switch, name_of, seen_refused
from autograd_cli.rules.rule import Family, Rule
from autograd_cli.trace import Kind, Value
from autograd_cli.translation import marked

_SHORT_LIVED = frozenset({"torch.Tensor.data", "torch.Tensor.detach"})


def _find_requires_grad_missing(evidence: Evidence) -> Iterator[Diagnostic]:
    found = Untracked.find(evidence)
    if found is None or found.late is not None or found.mark is not None:
        return
    if found.switched_off is not None:
        yield found.diagnostic(
            "requires-grad-missing",
            message=f"{found.called} is not tracked: requires_grad was switched off",
            span=found.switched_off.span,
            label="from here on torch does not record it",
            fix="leave it on",
            edits=as_edits(_switched_on(evidence, found.switched_off)),
        )
        return
    names = [found.called, *[name for each in found.sources[1:] if (name := name_of(evidence, each.id)) is not None]]
    told = f"{several(names)} are not tracked: they were" if names[1:] else f"{names[0]} is not tracked: {found.whose}"
    missing = found.diagnostic(
        "requires-grad-missing",
        message=f"{told} made without requires_grad=True",
        span=found.source.span,
        label="requires_grad is False, as by default",
        fix="requires_grad=True where it is made, or requires_grad_() before it is used",
        edits=tuple(edit for each in found.sources if (edit := _with_flag(evidence, each)) is not None),
    )
    yield replace(missing, others=others_of(names))


def _switched_on(evidence: Evidence, switch: Value) -> Edit | None:
    """The statement that switches it off, with True for its False."""
    match evidence.text.statement_around(switch.span):
        case (
            ast.Assign(value=ast.Constant(value=False) as node)
            | ast.Expr(value=ast.Call(args=[ast.Constant(value=False) as node]))
            | ast.Expr(value=ast.Call(keywords=[ast.keyword(value=ast.Constant(value=False) as node)]))
        ):
            return evidence.text.replaced(evidence.text.span_of(node), "True")
    return None


def _find_requires_grad_late(evidence: Evidence) -> Iterator[Diagnostic]:
    found = Untracked.find(evidence)
    if found is None or found.late is None:
        return
    use = found.first_use
    yield found.diagnostic(
        "requires-grad-late",
        message=f"requires_grad of {found.called} is switched on after `{evidence.piece(use.span)}` used it: "
        "that is not recorded",
        span=found.late.span,
        label="too late for what was computed before",
        related=((use.span, f"{found.called} was used here, untracked"),),
        fix="switch it on before the first use",
        edits=earlier(evidence, found.late, evidence.origin(found.late.id), "requires_grad_()"),
    )


def _find_requires_grad_typo(evidence: Evidence) -> Iterator[Diagnostic]:
    found = Untracked.find(evidence)
    if found is not None and found.mark is not None:
        yield found.diagnostic(
            "requires-grad-typo",
            message=f"{found.called} is not tracked: {_misspelt(found.mark)} is not requires_grad",
            span=found.mark.span,
            label="an attribute that torch does not read",
            fix="write requires_grad",
            edits=_spelt(evidence, found.mark),
        )
        return
    if (refused := _refused_keyword(evidence)) is not None:
        yield refused
        return
    for mark in marks(evidence):
        owner = evidence.trace.values[mark.operands[0]]
        called = name_of(evidence, owner.id) or evidence.called(owner.id)
        if owner.tensor is None:
            continue
        yield Diagnostic(
            rule="requires-grad-typo",
            severity=Severity.WARNING,
            message=f"{_misspelt(mark)} of {called} means nothing to torch: it is not requires_grad",
            span=mark.span,
            label="an attribute that torch does not read",
            victim=name_of(evidence, owner.id),
            fix="write requires_grad",
            edits=_spelt(evidence, mark),
        )
        return
    yield from _of_module(evidence)


def _of_module(evidence: Evidence) -> Iterator[Diagnostic]:
    """`module.requires_grad = False`, found in the text: a long run has forgotten the assignment."""
    known = {evidence.text.statement_around(mark.span) for mark in marks(evidence)}
    for span, statement in evidence.text.statements():
        match statement:
            case ast.Assign(
                targets=[ast.Attribute(value=owner, attr="requires_grad")], value=ast.Constant(value=value)
            ):
                names = _parameters_of(evidence, owner)
                if not names and statement not in known:
                    continue
                called = evidence.text.one_line(owner)
                yield Diagnostic(
                    rule="requires-grad-typo",
                    severity=Severity.WARNING,
                    message=f".requires_grad of {called} means nothing to torch: a module has parameters, and they "
                    "keep their own",
                    span=span,
                    label="an attribute that torch does not read",
                    victim=called,
                    others=tuple(names),
                    observed=f"{names[0]} gets a gradient" if names and not value else None,
                    fix=f"{called}.requires_grad_({value!r})",
                    edits=(evidence.text.replaced(span, f"{called}.requires_grad_({value!r})"),),
                )
                return


def _parameters_of(evidence: Evidence, owner: ast.expr) -> list[str]:
    """The parameters with a gradient of the module that an expression names: a tensor has none."""
    path = ast.unparse(owner)
    itself = f"{path}.{FLAG}"  # what a leaf without a name is called, by the piece that made it
    names = [name for name in model_names(evidence, given(evidence)) if not name.startswith(itself)]
    inside = path.partition(".")[2]  # the variable may have another name in the function that the model was made in
    return [name for name in names if name.startswith(f"{path}.") or (inside and f".{inside}." in name)]


def _misspelt(mark: Value) -> str:
    return f".{mark.verb}"


def _spelt(evidence: Evidence, mark: Value) -> tuple[Edit, ...]:
    statement = evidence.text.statement_around(mark.span)
    if mark.span is None or not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return ()
    owner = evidence.piece_whole(mark.span).rpartition(".")[0]
    if evidence.tensor(mark.operands[0]) is not None:
        return (evidence.text.replaced(mark.span, f"{owner}.{FLAG}"),)
    value = evidence.text.cut(statement.value)
    return (evidence.text.replaced(evidence.text.span_of(statement), f"{owner}.requires_grad_({value})"),)


def _refused_keyword(evidence: Evidence) -> Diagnostic | None:
    """The refusal of an argument that looks like requires_grad."""
    refusal = evidence.trace.refusal
    operation = None if refusal is None else vocabulary.operation(refusal.function or "")
    call = None if refusal is None else evidence.text.call_at(refusal.span)
    if operation is None or call is None or refusal is None or refusal.exception != "TypeError":
        return None
    for keyword in call.keywords:
        if keyword.arg is None or keyword.arg in operation.keywords or closest(keyword.arg, {FLAG}) is None:
            continue
        place = evidence.text.span_of(keyword)
        value = evidence.text.cut(keyword.value)
        return Diagnostic(
            rule="requires-grad-typo",
            severity=Severity.ERROR,
            message=f"`{evidence.piece(refusal.span)}` has no argument {keyword.arg}: it is requires_grad",
            span=place,
            label="misspelt",
            victim=evidence.text.target_at(refusal.span),
            fix=f"write {FLAG}={value}",
            edits=(evidence.text.replaced(place, f"{FLAG}={value}"),),
            **seen_refused(evidence),
        )
    return None


def _with_flag(evidence: Evidence, source: Value) -> Edit | None:
    """`requires_grad=True` in the call that made the tensor, or `requires_grad_()` on what was made."""
    text = evidence.text
    call = text.call_at(source.span)
    operation = vocabulary.operation(source.function or "")
    takes_flag = operation is not None and FLAG in operation.keywords
    is_float = source.tensor is not None and source.tensor.is_differentiable
    if call is not None and not is_float:
        return text.with_method(source.span, ".float().requires_grad_()")
    if call is None or not takes_flag:
        return text.with_method(source.span, ".requires_grad_()")
    given = next((keyword for keyword in call.keywords if keyword.arg == FLAG), None)
    if given is not None:
        return text.replaced(text.span_of(given), f"{FLAG}=True")
    return text.with_keyword(call, f"{FLAG}=True")


def _find_flag_on_temporary(evidence: Evidence) -> Iterator[Diagnostic]:
    trace = evidence.trace
    for value in trace.values:
        owner = trace.values[value.operands[0]] if value.operands else None
        if owner is None or not is_switch(value) or owner.function not in _SHORT_LIVED or not owner.operands:
            continue
        leaf = trace.values[owner.operands[0]]
        versions = {owner.id, value.id}
        is_used = any(user.id not in versions and not user.is_consequence for user in _users(evidence, versions))
        if not is_leaf(leaf.tensor) or is_used or evidence.names(owner.id) or evidence.names(value.id):
            continue
        called = evidence.called(evidence.origin(leaf.id))
        short = ".data" if owner.kind is Kind.ATTRIBUTE else ".detach()"
        yield Diagnostic(
            rule="flag-on-temporary",
            severity=Severity.WARNING,
            message=f"{called} still requires gradients: the flag was set on {short}, a new tensor that nothing holds",
            span=value.span,
            label=f"{short} makes a tensor of its own, with a flag of its own",
            victim=called,
            observed=f"{called}.requires_grad is True",
            fix=f"leave out {short}",
            edits=as_edits(_on_itself(evidence, value.span, owner.span)),
        )
        return


def _users(evidence: Evidence, values: set[int]) -> list[Value]:
    return [user for each in values for user in evidence.users.get(each, ())]


def _on_itself(evidence: Evidence, whole: Span | None, owner: Span | None) -> Edit | None:
    if whole is None or owner is None or evidence.text.expression_at(owner) is None:
        return None
    written = evidence.piece_whole(owner)
    own = written.removesuffix("()").rpartition(".")[0]
    return evidence.text.replaced(owner, own) if own else None


RULES: tuple[Rule, ...] = (
    Rule(
        slug="requires-grad-missing",
        family=Family.LEAF,
        summary="Nothing told torch to track the tensor: requires_grad is False, as it is by default.",
        why="torch records only what is computed from a tensor with requires_grad=True. `torch.tensor`, `torch.ones` "
        "and the like make tensors without it; only the parameters of modules have it from the start.",
        example="""
            x = torch.tensor([1., 2.])
            y = (x ** 2).sum()
            y.backward()
        """,
        cure="Ask for it when the tensor is made, `torch.tensor([1., 2.], requires_grad=True)`, or call "
        "`x.requires_grad_()` before computing with it.",
        find=_find_requires_grad_missing,
        generality=5,
        short="tracking switched off",
        margin=marked("requires_grad switched off"),
    ),
    Rule(
        slug="requires-grad-late",
        family=Family.LEAF,
        summary="requires_grad was switched on after the tensor had been used: what was computed before is not "
        "recorded.",
        why="torch decides whether to record an operation when it runs. Switching requires_grad on later does not "
        "change results that already exist.",
        example="""
            x = torch.tensor([1., 2.])
            y = x ** 2
            x.requires_grad_()
            y.sum().backward()
        """,
        cure="Switch it on before the first use, best where the tensor is made.",
        find=_find_requires_grad_late,
    ),
    Rule(
        slug="requires-grad-typo",
        family=Family.LEAF,
        summary="requires_grad is misspelt: Python sets an attribute that nobody reads, and torch tracks nothing.",
        why="A tensor takes any attribute, as most Python objects do. `x.requires_gard = True` is legal, and does "
        "nothing. So is `model.requires_grad = False`: modules have no such attribute, but a method, "
        "`requires_grad_()`.",
        example="""
            x = torch.tensor([1., 2.])
            x.requires_gard = True
            (x ** 2).sum().backward()
        """,
        cure="Write `requires_grad`; for a module, call `requires_grad_(False)`.",
        find=_find_requires_grad_typo,
    ),
    Rule(
        slug="flag-on-temporary",
        family=Family.LEAF,
        summary="requires_grad was set on `x.data` or `x.detach()`: a new tensor, which is gone after the statement.",
        why="Both give a tensor that shares the numbers and has a flag of its own. Setting the flag there leaves the "
        "parameter as it was: it still requires gradients, and an optimizer changes it.",
        example="""
            w = torch.tensor([1., 2.], requires_grad=True)
            w.data.requires_grad = False
            (w ** 2).sum().backward()
        """,
        cure="Set it on the parameter itself: `w.requires_grad = False`, or `module.requires_grad_(False)`.",
        find=_find_flag_on_temporary,
        generality=4,
    ),
)
