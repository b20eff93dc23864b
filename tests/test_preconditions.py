"""Calls that torch does not survive are refused, the honest call beside each is not; torch still needs the check."""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from autograd_cli.engine.interpret.functions import function_of, method_of
from autograd_cli.engine.interpret.preconditions import check
from autograd_cli.lang import vocabulary

INT_MIN = -(2**63)
NAN = math.nan


def t(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers)


def ints(*numbers: int) -> torch.Tensor:
    return torch.tensor(numbers)


def ones(*shape: int) -> torch.Tensor:
    return torch.ones(shape, requires_grad=True)


def pivots(*numbers: int) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.int32)


@dataclass(frozen=True)
class Call:
    """One call by its arguments; `backward` when the backward pass is what crashes."""

    name: str
    arguments: Callable[[], tuple[Any, ...]]
    keywords: dict[str, Any] = field(default_factory=dict)
    then: str = ""


def call(name: str, arguments: Callable[[], tuple[Any, ...]], then: str = "", **keywords: Any) -> Call:
    return Call(f"torch.{name}", arguments, keywords, then)


def grid(number: float) -> torch.Tensor:
    values = torch.linspace(-1, 1, 128).reshape(1, 8, 8, 2)
    values.view(-1)[3::7] = number
    return values.requires_grad_()


def weights(gates: int) -> list[torch.Tensor]:
    return [ones(gates * 4, 3), ones(gates * 4, 4)]


def ctc(target: int, length: int = 2, steps: int = 5) -> tuple[Any, ...]:
    return (ones(5, 1, 3).log_softmax(2), ints(1, target).reshape(1, 2), ints(steps), ints(length))


REST = (False, 1, 0.0, True, False)

# What kills the process or does not end on torch 2.13.0, each beside an honest call.
DEADLY = [
    (call("linalg.eigvals", lambda: (torch.full((2, 2), NAN),)), call("linalg.eigvals", lambda: (torch.eye(2),))),
    (
        call("linalg.eigvals", lambda: (torch.full((3, 3), NAN + 0j),)),
        call("linalg.eigvals", lambda: (torch.ones(3, 3) + 0j,)),
    ),
    (call("nn.functional.ctc_loss", lambda: ctc(10**9)), call("nn.functional.ctc_loss", lambda: ctc(2))),
    (
        call("nn.functional.grid_sample", lambda: (ones(1, 1, 8, 8), grid(NAN)), "backward", padding_mode="border"),
        call("nn.functional.grid_sample", lambda: (ones(1, 1, 8, 8), grid(0.5)), "backward", padding_mode="border"),
    ),
    (
        call(
            "nn.functional.grid_sample",
            lambda: (ones(1, 1, 8, 8), grid(math.inf), "bilinear", "reflection"),
            "backward",
        ),
        call("nn.functional.grid_sample", lambda: (ones(1, 1, 8, 8), grid(NAN)), "backward"),
    ),
    (
        call("grid_sampler", lambda: (ones(1, 1, 8, 8), grid(NAN), 0, 1, False), "backward"),
        call("grid_sampler", lambda: (ones(1, 1, 8, 8), grid(NAN), 0, 0, False), "backward"),
    ),
    (
        call("nn.functional.pdist", lambda: (ones(3, 2)[:0],), "backward"),
        call("nn.functional.pdist", lambda: (ones(3, 2)[:1],), "backward"),
    ),
    (
        call("nn.functional.embedding_bag", lambda: (ints(1, 2), ones(4, 3).double(), ints().long())),
        call("nn.functional.embedding_bag", lambda: (ints(1, 2), ones(4, 3), ints(0))),
    ),
    (
        call("div", lambda: (ints(INT_MIN), -1), rounding_mode="trunc"),
        call("div", lambda: (ints(INT_MIN), -1), rounding_mode="floor"),
    ),
    (
        call("Tensor.div_", lambda: (pivots(-(2**31)), pivots(-1)), rounding_mode="trunc"),
        call("Tensor.div_", lambda: (pivots(-(2**31)), pivots(1)), rounding_mode="trunc"),
    ),
    (
        call("segment_reduce", lambda: (ones(4), "sum"), offsets=torch.tensor([-(10**12), 2])),
        call("segment_reduce", lambda: (ones(4), "sum"), offsets=torch.tensor([0, 2, 4])),
    ),
    (
        call("linalg.matrix_power", lambda: (torch.eye(2), INT_MIN)),
        call("linalg.matrix_power", lambda: (torch.eye(2), -(2**40))),
    ),
    (
        call("nn.functional.fractional_max_pool2d", lambda: (ones(1, 5, 5), -(2**31)), output_size=2),
        call("nn.functional.fractional_max_pool2d", lambda: (ones(1, 5, 5), 2), output_size=2),
    ),
    (
        call("special.legendre_polynomial_p", lambda: (t(0.5), 1e12)),
        call("special.legendre_polynomial_p", lambda: (t(0.5), 3)),
    ),
    (
        call("special.laguerre_polynomial_l", lambda: (t(0.5), t(1e12))),
        call("special.laguerre_polynomial_l", lambda: (t(0.5), t(3.0))),
    ),
    (
        call("gru", lambda: (ones(10, 3), ints().long(), ones(1, 2, 4), weights(3), *REST)),
        call("gru", lambda: (ones(3, 3), ints(2, 1), ones(1, 2, 4), weights(3), *REST)),
    ),
    (
        call("lstm", lambda: (ones(10, 3), ints().long(), (ones(1, 2, 4), ones(1, 2, 4)), weights(4), *REST)),
        call("lstm", lambda: (ones(2, 1, 3), (ones(1, 1, 4), ones(1, 1, 4)), weights(4), *REST, False)),
    ),
    (call("binomial", lambda: (t(NAN), t(0.5))), call("binomial", lambda: (t(9.0), t(0.5)))),
    (
        call("distributions.Binomial", lambda: (t(NAN), t(0.5)), "sample", validate_args=False),
        call("distributions.Binomial", lambda: (10, t(0.5)), "sample"),
    ),
    (
        call("distributions.VonMises", lambda: (t(0.0), t(math.inf)), "sample"),
        call("distributions.VonMises", lambda: (t(0.0), t(4.0)), "sample"),
    ),
    (call("svd_lowrank", lambda: (torch.eye(4), 2, 10**9)), call("svd_lowrank", lambda: (torch.eye(4), 2))),
    (
        call("pca_lowrank", lambda: (torch.eye(4), 2), niter=10**9),
        call("pca_lowrank", lambda: (torch.eye(4), 2), niter=3),
    ),
    (
        call("lobpcg", lambda: (torch.eye(9) + torch.ones(9, 9), 1), niter=10**9, tol=0.0),
        call("lobpcg", lambda: (torch.eye(9) + torch.ones(9, 9), 1), niter=10),
    ),
]
# What reads memory that is not the tensor's, gives what was in memory, or fails in a way not to be relied on.
UNSOUND = [
    (call("ctc_loss", lambda: ctc(7)), call("ctc_loss", lambda: ctc(1))),
    (call("ctc_loss", lambda: ctc(1, length=-5)), call("ctc_loss", lambda: ctc(1, length=1))),
    (call("ctc_loss", lambda: (*ctc(1), 9)), call("ctc_loss", lambda: (*ctc(1), 0))),
    (call("nn.functional.ctc_loss", lambda: ctc(1, steps=-5)), call("nn.functional.ctc_loss", lambda: ctc(1, steps=4))),
    (
        call("grid_sampler_2d", lambda: (ones(1, 1, 8, 8), grid(0.1), 99, 0, False)),
        call("grid_sampler_2d", lambda: (ones(1, 1, 8, 8), grid(0.1), 1, 0, False)),
    ),
    (
        call("lu_unpack", lambda: (ones(3, 3), pivots(1, 2, 10**9))),
        call("lu_unpack", lambda: (ones(3, 3), pivots(1, 2, 3))),
    ),
    (call("lu_unpack", lambda: (ones(3, 3), pivots(1))), call("lu_unpack", lambda: (ones(3, 3), pivots(3, 3, 3)))),
    (
        call("linalg.ldl_solve", lambda: (ones(2, 2), pivots(-9, 1), ones(2, 1))),
        call("linalg.ldl_solve", lambda: (ones(2, 2), pivots(-2, -2), ones(2, 1))),
    ),
    (
        call("Tensor.lu_solve", lambda: (ones(2, 1), torch.eye(2), pivots(0, 5))),
        call("Tensor.lu_solve", lambda: (ones(2, 1), torch.eye(2), pivots(1, 2))),
    ),
    (
        call("segment_reduce", lambda: (ones(4), "sum"), lengths=torch.tensor([4]), unsafe=True),
        call("segment_reduce", lambda: (ones(4), "sum"), lengths=torch.tensor([4])),
    ),
    (
        call("gru", lambda: (ones(3, 3), ints(2, 500), ones(1, 2, 4), weights(3), *REST)),
        call("gru", lambda: (ones(5, 2, 3), ones(1, 2, 4), weights(3), *REST, False)),
    ),
    (call("Tensor", lambda: (2, 3)), call("Tensor", lambda: ([2, 3],))),
    (call("FloatTensor", lambda: (torch.Size([2]),)), call("FloatTensor", lambda: ((2.0, 3.0),))),
    (
        call("Tensor.type", lambda: (t(1.0), "torch.sparse.FloatTensor")),
        call("Tensor.type", lambda: (t(1.0), "torch.DoubleTensor")),
    ),
]


def function_for(name: str) -> Callable[..., Any]:
    home, _, last = name.rpartition(".")
    return method_of(last) if home == "torch.Tensor" else function_of(name)


def perform(function: Callable[..., Any], made: Call) -> None:
    result = function(*made.arguments(), **made.keywords)
    if made.then == "backward":
        result.sum().backward()
    elif made.then:
        result.sample()


@pytest.mark.filterwarnings("ignore")  # some are deprecated, grid_sample reminds of align_corners
@pytest.mark.parametrize(("bad", "good"), [*DEADLY, *UNSOUND], ids=lambda call: call.name)
def test_the_bad_call_is_refused_and_the_honest_one_is_not(bad: Call, good: Call) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        check(bad.name, bad.arguments(), bad.keywords)
    with pytest.raises(ValueError, match=r"\w") as again:
        perform(function_for(bad.name), bad)
    assert str(again.value) == str(caught.value)
    perform(function_for(good.name), good)


def test_every_check_of_the_table_is_tried() -> None:
    rows = [operation for name in vocabulary.operation_names() if (operation := vocabulary.operation(name))]
    tried = {row.precondition for row in rows if row.name in {bad.name for bad, _ in [*DEADLY, *UNSOUND]}}
    assert tried == {row.precondition for row in rows} - {None}


def test_what_needs_no_check_is_not_wrapped() -> None:
    assert function_of("torch.sin") is torch.sin
    check("torch.sin", (t(NAN),), {})
    check("torch.no_such_function", (), {})


@pytest.mark.skipif(not torch.__version__.startswith("2.13.0"), reason="each version of torch has crashes of its own")
def test_torch_still_needs_the_checks() -> None:
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True, check=True)
    outcomes = json.loads(done.stdout.splitlines()[-1])
    assert [bad.name for (bad, _), survived in zip(DEADLY, outcomes, strict=True) if survived] == []


def torch_own(name: str) -> Any:
    value: Any = torch
    for piece in name.split(".")[1:]:
        value = getattr(value, piece)
    return value


def try_all(seconds: int = 2) -> list[bool]:
    """Which of the deadly calls come to an end in a process of their own; run before torch has started its threads."""
    children = []
    for bad, _ in DEADLY:
        child = os.fork()
        if child == 0:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.alarm(seconds)
            try:
                perform(torch_own(bad.name), bad)
            except Exception:  # noqa: BLE001 - torch refused, by whatever name
                os._exit(1)
            os._exit(0)
        children.append(child)
    return [os.WIFEXITED(os.waitpid(child, 0)[1]) for child in children]


if __name__ == "__main__":
    sys.stdout.write(f"{json.dumps(try_all())}\n")
