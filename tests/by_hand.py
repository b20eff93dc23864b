"""Runs that are written down by hand, without torch: what rules and renderers take is data that anybody can make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autograd_cli import rules
from autograd_cli.diagnostic import Severity, Span, Status
from autograd_cli.lang.program import parse
from autograd_cli.report import Checked, Explained, Explored, Report
from autograd_cli.tasks.request import Request, unanswered
from autograd_cli.trace import (
    Backward,
    Kind,
    LeafGradient,
    Node,
    Phase,
    Refusal,
    Step,
    TensorInfo,
    Trace,
    Value,
    Variable,
)


def tensor(numbers: Sequence[float], *, storage: int, node: int | None = None, is_asked: bool = False) -> TensorInfo:
    """A tensor, tracked where torch recorded a node for it, or where its gradient is asked for."""
    return TensorInfo(
        shape=() if len(numbers) == 1 else (len(numbers),),
        dtype="float32",
        values=tuple(numbers),
        summary=None,
        device="cpu",
        requires_grad=is_asked or node is not None,
        is_leaf=node is None,
        grad_fn=node,
        output_nr=0,
        retains_grad=False,
        is_inference=False,
        version=0,
        storage=storage,
    )


X = Value(
    kind=Kind.INPUT,
    function=None,
    op="input",
    id=0,
    span=None,
    operands=(),
    elements=(),
    container=None,
    step=None,
    grad_mode="grad",
    grad_mode_span=None,
    name="x",
    previous=None,
    tensor=tensor([1.0, 2.0], storage=0, is_asked=True),
    scalar=None,
)
LEAF = Node(id=0, name="AccumulateGrad", next=(), input_nrs=(), value=1, span=None, variable="x", leaf=0)


def method(name: str, operand: int, span: Span, info: TensorInfo, *, bound: str | None = None) -> Value:
    """What a method of a tensor gave, in a step of its own."""
    return replace(
        X,
        kind=Kind.METHOD,
        function=f"torch.Tensor.{name}",
        op=f".{name}",
        id=span.line,
        span=span,
        operands=(operand,),
        step=span.line - 1,
        name=bound,
        tensor=info,
    )


def trace(source: str, values: Sequence[Value], nodes: Sequence[Node], gradient: Sequence[float] | None) -> Trace:
    """A run whose every line made one value, and backward() on the last: a gradient, or torch's refusal."""
    rows = source.split("\n")
    steps = [
        Step(
            id=value.id - 1,
            span=Span(line=value.id, column=0, end_line=value.id, end_column=len(rows[value.id - 1])),
            iteration=(),
            binds=() if value.name is None else (value.name,),
            bound=() if value.name is None else (value.id,),
            value=value.id,
            refusal=None,
        )
        for value in values
    ]
    grad = None if gradient is None else tensor(gradient, storage=len(rows) + 1)
    message = "element 0 of tensors does not require grad and does not have a grad_fn"
    no_graph = Refusal(
        kind=Kind.NOTHING,
        function=None,
        op="",
        exception="RuntimeError",
        message=message,
        span=None,
        during=Phase.BACKWARD,
    )
    refusal = no_graph if grad is None else None
    backward = Backward(
        step=None,
        span=None,
        roots=(len(values),),
        gradients=(None,),
        given=False,
        leaves=(LeafGradient(name="x", value=0, before=None, after=grad),),
        refusal=refusal,
    )
    variables = [
        Variable(
            name=value.name,
            value=value.id,
            leaf=value.id if value is X else None,
            is_held=True,
            tensor=value.tensor,
            grad=grad if value is X else None,
        )
        for value in (X, *values)
        if value.name is not None and value.tensor is not None
    ]
    return Trace(
        mode="requires-grad",
        steps=tuple(steps),
        printed=(),
        values=(X, *values),
        nodes=tuple(nodes),
        backwards=(backward,),
        variables=tuple(variables),
        result=len(values),
        outputs=(len(values),),
        asked=("x",),
        grads=(("x", grad),),
        refusal=refusal,
    )


EXP = Span(line=1, column=4, end_line=1, end_column=11)
DETACH = Span(line=1, column=4, end_line=1, end_column=14)
SUM = Span(line=2, column=0, end_line=2, end_column=7)
WELL = "y = x.exp()\ny.sum()"
CUT = "y = x.detach()\ny.sum()"
TRACES = {
    WELL: trace(
        WELL,
        [
            method("exp", 0, EXP, tensor([2.5, 7.5], storage=1, node=1), bound="y"),
            method("sum", 1, SUM, tensor([10.0], storage=2, node=2)),
        ],
        [
            LEAF,
            replace(LEAF, id=1, name="ExpBackward0", next=(0,), input_nrs=(0,), span=EXP, variable=None, leaf=None),
            replace(
                LEAF, id=2, name="SumBackward0", next=(1,), input_nrs=(0,), value=2, span=SUM, variable=None, leaf=None
            ),
        ],
        [2.5, 7.5],
    ),
    CUT: trace(
        CUT,
        [
            method("detach", 0, DETACH, tensor([1.0, 2.0], storage=0), bound="y"),
            method("sum", 1, SUM, tensor([3.0], storage=1)),
        ],
        [],
        None,
    ),
}


def report(source: str) -> Report:
    """What `agx explain` makes of the run."""
    run = TRACES[source]
    text = parse(source, given=frozenset({"x"})).text
    found = rules.verdict(run, text)
    body = Explained(trace=run, outcome=rules.outcome(run, text), explanation=rules.explain(run, ()))
    is_bad_news = any(each.severity is Severity.ERROR for each in found)
    asked = unanswered(Request(program=source, inputs={"x": "1,2"}))
    return replace(asked, status=Status.BAD_NEWS if is_bad_news else Status.ANSWER, body=body, diagnostics=tuple(found))


def reports(source: str) -> list[Report]:
    """The same, as each command that runs one program answers."""
    explained = report(source)
    run, outcome = explained.trace, explained.explained.outcome
    others = (Explored(trace=run, outcome=outcome), Checked(outcome=outcome))
    return [explained, *[replace(explained, body=body) for body in others]]
