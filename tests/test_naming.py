"""What the operations of a program are called: each name is that of the thing in torch or Python that ran."""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import inspect
import io
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

from autograd_cli import explore
from autograd_cli.engine.interpret.functions import member_of
from autograd_cli.engine.interpret.operators import BINARY, COMPARISONS, IN_PLACE, UNARY
from autograd_cli.engine.record import naming
from autograd_cli.lang import vocabulary
from autograd_cli.report import Report
from autograd_cli.trace import Kind, Operation, Value

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))
SEVERAL = """
net = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
opt = torch.optim.SGD(net.parameters(), lr=0.1)
def square(a):
    return a ** 2
try:
    assert False, "no"
except AssertionError as error:
    print(error)
x = torch.ones(2, 2, requires_grad=True)
x.requires_grad_
first, second = square(x)
rows = [row for row in x.split(1)]
part = x[0:1] if True else None
loss = net(x).sum() + first.sum() + x.grad_fn is None or 1
y = x.detach()
z = y.view(4)
y[0] = 2.
y += 1
z.data = torch.zeros(4)
for i in range(2):
    opt.zero_grad()
    net(x).sum().backward()
    opt.step()
x.grad = None
(x * 2).sum().backward()
g = x.grad
(x * 2).sum().backward()
text = f"{g}"
"""
CALLED = {Kind.CALL, Kind.METHOD, Kind.MODULE, Kind.OPERATOR, Kind.AUGMENTED, Kind.UNPACK, Kind.STEP, Kind.BACKWARD}
CALLED |= {Kind.INDEX, Kind.ITEM_ASSIGNMENT, Kind.PRINT}

OF_TENSORS = {Kind.CALL, Kind.METHOD, Kind.OPERATOR, Kind.AUGMENTED, Kind.ATTRIBUTE, Kind.ASSIGNMENT, Kind.UNPACK}
HEARD = [
    "attention",
    "autograd_blitz",
    "dice_loss_with_tabs",
    "literals_and_operators",
    "lstm",
    "micrograd_neuron",
]
SPECIAL = {  # what torch calls by Python's name for the operator
    "__eq__": "eq",
    "__rsub__": "sub",
    "__rpow__": "pow",
    "__floordiv__": "floor_divide",
    "__and__": "bitwise_and",
    "__or__": "bitwise_or",
    "__xor__": "bitwise_xor",
    "__invert__": "bitwise_not",
    "__lshift__": "bitwise_left_shift",
    "__rshift__": "bitwise_right_shift",
}


def found_in_python(full_name: str) -> Any:
    home, *path = full_name.split(".")
    return functools.reduce(getattr, path, importlib.import_module(home))


@functools.cache
def reports() -> tuple[Report, ...]:
    texts = [SEVERAL, *[path.read_bytes().decode() for path in PROGRAMS]]
    return (
        explore("x", x="1"),
        explore("y + 1"),
        *[explore(text, counterfactuals=False, watch=False) for text in texts],
    )


def operations() -> list[Operation]:
    traces = [trace for report in reports() for trace in report.traces]
    refused = [trace.refusal for trace in traces if trace.refusal is not None]
    return [*[value for trace in traces for value in trace.values], *refused]


def test_what_was_called_is_there() -> None:
    called = {each.function for each in operations() if each.kind in CALLED}
    assert len(called) > 100
    for name in called:
        assert name is not None
        assert callable(found_in_python(name)), name


def test_every_kind_occurs() -> None:
    assert set(Kind) == {each.kind for each in operations()}


def test_what_has_no_function() -> None:
    without = {each.kind for each in operations() if each.function is None}
    assert without.isdisjoint({*CALLED, Kind.ATTRIBUTE, Kind.ASSIGNMENT})


def test_a_function_goes_by_its_name_in_torch() -> None:
    for name in vocabulary.operation_names():
        member = member_of(name)
        if callable(member):
            found = found_in_python(naming.full_name(member))
            same = {id(member), id(inspect.unwrap(member))}  # torch wraps some when it loads its compiler
            assert id(found) in same, name


def test_a_method_goes_by_the_class_that_defines_it() -> None:
    parameter = type(torch.nn.Parameter(torch.ones(1)))
    assert naming.method(parameter, "sum").function == "torch.Tensor.sum"
    assert naming.method(torch.optim.SGD, "zero_grad").function == "torch.optim.Optimizer.zero_grad"
    assert naming.method(torch.nn.Linear, "zero_grad").function == "torch.nn.Module.zero_grad"
    assert naming.method(type(None), "zero_").function == "builtins.NoneType.zero_"


def tensors() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([7, 4, 2]), torch.tensor([3, 2, 2])


BINARY_OPERATORS = [*BINARY.values(), *COMPARISONS.values()]


@pytest.mark.parametrize(("symbol", "function"), BINARY_OPERATORS, ids=[symbol for symbol, _ in BINARY_OPERATORS])
def test_an_operator_goes_by_the_method_that_gives_the_same(symbol: str, function: Callable[..., Any]) -> None:
    one, other = tensors()
    named = naming.operator(symbol, one, other)
    assert named.function is not None
    assert torch.equal(found_in_python(named.function)(one, other), function(one, other))
    assert not named.is_write
    plain = naming.operator(symbol, 1, 2)
    assert plain.function is not None
    assert found_in_python(plain.function) is function


@pytest.mark.parametrize(("symbol", "function"), IN_PLACE.values(), ids=[symbol for symbol, _ in IN_PLACE.values()])
def test_an_augmented_operator_is_a_write_where_it_writes(symbol: str, function: Callable[..., Any]) -> None:
    (one, other), (same, _) = tensors(), tensors()
    dtype = torch.float64 if symbol == "/=" else torch.int64
    one, same = one.to(dtype), same.to(dtype)
    named = naming.operator(symbol, one, other)
    assert named.function is not None
    by_name = found_in_python(named.function)(same, other)
    by_operator = function(one, other)
    assert torch.equal(by_name, by_operator)
    assert named.is_write == (by_operator is one) == (by_name is same)
    plain, of_number = naming.operator(symbol, 1, 2), naming.operator(symbol, 1, one)
    assert plain.function is not None
    assert found_in_python(plain.function) is function
    assert not plain.is_write
    assert not of_number.is_write


class Listening(TorchFunctionMode):
    """Keeps what torch itself says that it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.heard.append(naming.full_name(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(("symbol", "function"), [*BINARY_OPERATORS, *IN_PLACE.values()])
def test_an_operator_goes_by_what_torch_says_it_was_asked_for(symbol: str, function: Callable[..., Any]) -> None:
    one, other = tensors()
    one = one.to(torch.float64 if symbol == "/=" else torch.int64)
    with Listening() as torch_says:
        function(one, other)
    (heard,) = torch_says.heard
    special = heard.rpartition(".")[2].startswith("__")  # torch says `__and__`, which is bitwise_and
    assert special or heard == naming.operator(symbol, one, other).function


@pytest.mark.parametrize("stem", HEARD)
def test_the_functions_of_a_program_are_those_that_torch_says_it_was_asked_for(stem: str) -> None:
    text = (Path(__file__).parent / "programs" / f"{stem}.py").read_bytes().decode()
    with Listening() as torch_says, contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
        exec(compile(text, "program", "exec", dont_inherit=True), {"__name__": "__main__"})  # noqa: S102 - torch is the oracle
    heard = {name.rpartition(".")[2] for name in torch_says.heard}
    values = explore(text, counterfactuals=False, watch=False).trace.values
    called = {value.verb for value in values if value.tensor is not None and is_heard(value)}
    assert len(called) > 3
    assert called <= {*heard, *[SPECIAL[verb] for verb in heard if verb in SPECIAL]}


def is_heard(value: Value) -> bool:
    """Whether torch says that it was asked for: not for classes, nor for what Python or torch does in Python."""
    home = (value.function or "").rpartition(".")[0]
    is_class = value.function is not None and isinstance(found_in_python(value.function), type)
    return value.kind in OF_TENSORS and home in {"torch", "torch.Tensor", "torch.nn.functional"} and not is_class


@pytest.mark.parametrize(("node", "function"), [(ast.USub, operator.neg), (ast.UAdd, operator.pos)])
def test_an_operator_of_one_operand(node: type[ast.unaryop], function: Callable[..., Any]) -> None:
    symbol, _ = UNARY[node]
    one, _ = tensors()
    named = naming.operator(symbol, one)
    assert named.function is not None
    assert torch.equal(found_in_python(named.function)(one), function(one))


def test_what_is_written_is_shown_and_never_asked() -> None:
    package = Path(naming.__file__).parents[2]
    for path in package.rglob("*.py"):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if ".op" in text else ():
            asked = {ast.Compare: ("left", "comparators"), ast.Attribute: ("value",), ast.Subscript: ("value", "slice")}
            parts = [getattr(node, name) for name in asked.get(type(node), ())]
            inner = [part for each in parts for part in (each if isinstance(each, list) else [each])]
            found = [each for each in inner if isinstance(each, ast.Attribute) and each.attr == "op"]
            assert not found, f"{path}:{found[0].lineno}"


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("zip([1], [2]).sum()", "builtins.zip.sum"),
        ("f = lambda a: a\nf.sum()", "builtins.function.sum"),
        ("f = torch.sin\nf.sum()", "builtins.function.sum"),
        ("x = torch.ones(1, requires_grad=True)\n(x*2).grad_fn.sum()", "torch.autograd.graph.Node.sum"),
    ],
)
def test_no_class_of_agx_is_named(text: str, function: str) -> None:
    refusal = explore(text).trace.refusal
    assert refusal is not None
    assert refusal.function == function
