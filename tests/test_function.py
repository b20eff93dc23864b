"""A program as a function of tensors: what plain torch computes, as often as one likes, and nothing recorded."""

from __future__ import annotations

import contextlib
import gc
import io
from pathlib import Path
from typing import Any

import pytest
import torch

from autograd_cli.diagnostic import AgxError
from autograd_cli.engine.function import Function
from autograd_cli.engine.interpret.performer import RefusedError
from autograd_cli.lang.program import parse
from autograd_cli.limits import DEFAULT_LIMITS, Limits
from autograd_cli.trace import Value

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))
# Of the inputs x and w, both of shape [3] and positive; with loops, functions and containers.
SMOOTH = {
    "expression": "(x * w).sin() + x ** 3",
    "statements": "y = x.exp()\nz = y / y.sum()\n(z * w).cumsum(0)",
    "loop": "h = x\nfor i in range(3):\n    h = (h * w).tanh() + i\nh",
    "function": "def f(t, k=2):\n    return t.log() * k\nf(x) + f(w, k=3)",
    "containers": "parts = [x, w]\nparts.append(x * w)\ntorch.stack(parts).prod(0)",
    "in place": "y = x * 2\ny[1:] *= w[1:]\ny.exp_()\ny",
    "branch": "x.sum() * x if x.sum() > 0 else w",
    "comprehension": "sum([w[i] * x ** i for i in range(3)])",
    "own gradient": "(torch.autograd.grad((x ** 3 * w).sum(), x, create_graph=True)[0] ** 2).sum()",
}


def function_of(text: str, limits: Limits = DEFAULT_LIMITS) -> Function:
    return Function(parse(text, given=frozenset({"x", "w"}), limits=limits), limits)


def inputs() -> dict[str, torch.Tensor]:
    return {
        "x": torch.tensor([0.5, 1.25, 2.0], dtype=torch.float64, requires_grad=True),
        "w": torch.tensor([1.5, 0.75, 0.25], dtype=torch.float64, requires_grad=True),
    }


def by_python(text: str) -> tuple[dict[str, Any], Exception | None]:
    names: dict[str, Any] = {"__name__": "__main__"}
    torch.manual_seed(0)
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            exec(compile(text, "program", "exec", dont_inherit=True), names)  # noqa: S102 - the oracle is Python
        except Exception as error:  # noqa: BLE001 - whatever the program raises
            return names, error
    return names, None


@pytest.mark.filterwarnings("ignore")  # torch's, of the programs
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_it_computes_what_python_does(path: Path) -> None:
    text = path.read_bytes().decode()
    names, raised = by_python(text)
    tensors = {name: each for name, each in names.items() if type(each) is torch.Tensor and not name.startswith("_")}
    function = Function(parse(f"{text}\n({''.join(f'{name}, ' for name in tensors)})" if tensors else text))
    torch.manual_seed(0)
    if raised is not None:
        with pytest.raises(RefusedError) as refused:
            function({})
        assert (refused.value.refusal.exception, refused.value.refusal.message) == (type(raised).__name__, str(raised))
        return
    found = function({})
    for expected, tensor in zip(tensors.values(), found if tensors else (), strict=True):
        torch.testing.assert_close(tensor, expected, rtol=0, atol=0, equal_nan=True)
        assert tensor.requires_grad is expected.requires_grad


@pytest.mark.parametrize("name", SMOOTH)
def test_its_derivatives_are_those_of_finite_differences(name: str) -> None:
    function, given = function_of(SMOOTH[name]), inputs()

    def of_both(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return function({"x": x, "w": w})[0]

    assert torch.autograd.gradcheck(of_both, tuple(given.values()))
    assert torch.autograd.gradgradcheck(of_both, tuple(given.values()))


@pytest.mark.parametrize("name", [name for name in SMOOTH if name not in {"branch", "own gradient"}])
def test_torch_func_goes_through_it(name: str) -> None:
    """All but a branch on a tensor, which torch refuses under vmap, and a gradient taken of what jacrev wraps."""
    function, given = function_of(SMOOTH[name]), inputs()
    w = given["w"].detach()

    def of_x(x: torch.Tensor) -> torch.Tensor:
        return function({"x": x, "w": w})[0]

    x = given["x"].detach()
    by_loop = torch.autograd.functional.jacobian(of_x, x)
    torch.testing.assert_close(torch.func.jacrev(of_x)(x), by_loop)
    batch = torch.stack([x, x + 1, x * 2])
    torch.testing.assert_close(torch.func.vmap(of_x)(batch), torch.stack([of_x(each) for each in batch]))


def test_a_program_has_several_results_or_none() -> None:
    given = inputs()
    first, second = function_of("x * 2, [w]")(given)
    assert torch.equal(first, given["x"] * 2)
    assert second is given["w"]
    assert function_of("print(x)")(given) == ()
    assert function_of("y = 2")(given) == ()


def test_each_call_is_a_run_of_its_own() -> None:
    function, given = function_of("def f(t, held=[]):\n    held.append(t)\n    return len(held) * t\nf(f(x))"), inputs()
    first, second = function(given)[0], function(given)[0]
    assert torch.equal(first, second)


def test_it_may_call_backward() -> None:
    given = inputs()
    function = function_of("x.grad = None\n(x ** 2 * w).sum().backward()\nx.grad * 1")
    for _ in range(2):
        torch.testing.assert_close(function(given)[0], (2 * given["x"] * given["w"]).detach())


def test_nothing_is_kept_of_a_run() -> None:
    function, given = function_of("h = x\nfor i in range(50):\n    h = h * w\nh.sum()"), inputs()
    function(given)
    gc.collect()
    before = sum(type(each) in {torch.Tensor, Value} for each in gc.get_objects())
    for _ in range(5):
        function(given)
    gc.collect()
    assert sum(type(each) in {torch.Tensor, Value} for each in gc.get_objects()) == before


@pytest.mark.parametrize(
    ("text", "limits", "rule"),
    [
        ("while True:\n    x = x + 1", Limits(steps=1_000), "limit-steps"),
        ("torch.zeros(100) + x", Limits(elements=10), "limit-elements"),
        ("[x] * 1000", Limits(sequence=100), "limit-sequence"),
        ("def f(t):\n    return f(t)\nf(x)", DEFAULT_LIMITS, None),
    ],
)
def test_the_limits_hold(text: str, limits: Limits, rule: str | None) -> None:
    with pytest.raises(AgxError) as raised:
        function_of(text, limits)(inputs())
    assert rule is None or raised.value.diagnostic.rule == rule


def test_a_refusal_has_its_place() -> None:
    with pytest.raises(RefusedError) as raised:
        function_of("y = x * 2\ny @ torch.ones(2, 2)")(inputs())
    span = raised.value.refusal.span
    assert span is not None
    assert (span.line, span.column) == (2, 0)
