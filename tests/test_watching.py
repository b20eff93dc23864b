"""Watching changes nothing of what is watched: neither the run, nor what the caller gave, nor the caller's torch."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autograd_cli import explore
from autograd_cli.trace import TensorInfo, Trace
from random_programs import CHUNKS, INPUTS, Made, backward, chunk, gradients, names_at_start, run, same


def longer(made: Made) -> str:
    """The program, printing what it has and drawing random numbers at its end."""
    *lines, last = made.text.split("\n")
    tensors = [name for statement in made.statements for name in statement.binds if name.startswith(("t", "u"))]
    shown = ", ".join(dict.fromkeys(tensors)) or "a"
    return "\n".join([*lines, "after = torch.rand(2)", f"result = {last}", f"print({shown})", "result"])


def by_python(text: str) -> tuple[dict[str, Any], str, Exception | None]:
    """What plain torch comes to, backward on the result included."""
    printed, refusal = io.StringIO(), None
    names = names_at_start()
    start = text.index("n = 2")
    try:
        with contextlib.redirect_stdout(printed):
            run(text[start:], names)
        backward(names["result"])
    except (RuntimeError, ValueError) as error:
        refusal = error
    return names, printed.getvalue(), refusal


def tensor(told: TensorInfo) -> torch.Tensor:
    return torch.tensor(told.values, dtype=getattr(torch, told.dtype)).reshape(told.shape)


def grad_fn(value: torch.Tensor) -> str | None:
    return None if value.grad_fn is None else type(value.grad_fn).__name__


@pytest.mark.parametrize("number", range(CHUNKS))
def test_a_watched_run_is_the_run_that_is_not_watched_and_that_of_plain_torch(number: int) -> None:
    for made in chunk(number)[::2]:
        text = longer(made)
        torch.manual_seed(number)
        state = torch.get_rng_state()
        watched = explore(text, inputs=dict(INPUTS), watch=True).trace
        assert torch.equal(torch.get_rng_state(), state)
        assert repr(replace(watched, walks=())) == repr(explore(text, inputs=dict(INPUTS)).trace), text
        check(watched, *by_python(text))


def check(trace: Trace, names: dict[str, Any], printed: str, raised: Exception | None) -> None:
    assert "".join(each.text for each in trace.printed) == printed
    assert (trace.refusal and trace.refusal.message) == (raised and str(raised))
    storages: dict[int, int] = {}
    for variable in trace.variables:
        found = names.get(variable.name)
        if not isinstance(found, torch.Tensor) or is_forbidden(found):
            continue
        told = variable.tensor
        assert same(tensor(told), found.detach())
        assert (told.requires_grad, told.is_leaf, told.version, told.dtype) == (
            found.requires_grad,
            found.is_leaf,
            found._version,  # noqa: SLF001 - torch has no other name for it
            str(found.dtype).removeprefix("torch."),
        )
        assert (None if told.grad_fn is None else trace.nodes[told.grad_fn].name) == grad_fn(found)
        storage = found.untyped_storage()._cdata  # noqa: SLF001 - the identity of a storage
        assert storages.setdefault(told.storage, storage) == storage
    assert len(set(storages.values())) == len(storages)
    leaves = gradients(names)
    for name, grad in trace.grads:
        if name in leaves:
            assert same(None if grad is None else tensor(grad), leaves[name])


def is_forbidden(value: torch.Tensor) -> bool:
    """Whether it is one of several views that torch allows neither to use nor to look at."""
    try:
        return value.grad_fn is None and not value.is_leaf
    except RuntimeError:
        return True


# What the caller gave.

CHANGING = """with torch.no_grad():
    x.mul_(3)
(x.detach() * x).sum()"""


def test_every_run_starts_from_the_numbers_of_an_array() -> None:
    given = np.array([1.0, 2.0])
    report = explore(CHANGING, x=given, watch=True)
    assert explored_values(report.trace) == (3.0, 6.0)
    (found,) = [each for each in report.explanation.counterfactuals if each.rule == "cut-by-detach"]  # type: ignore[union-attr]
    assert found.actual is not None
    assert found.would_be is not None
    assert (found.actual.values, found.would_be.values) == ((3.0, 6.0), (6.0, 12.0))
    (walk,) = report.trace.walks
    assert [visit.arrived[0].values for visit in walk.visits[-1:] if visit.arrived[0] is not None] == [(3.0, 6.0)]
    assert given.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("watch", [False, True])
@pytest.mark.parametrize("is_tracked", [False, True])
def test_a_tensor_of_the_caller_is_not_changed(*, watch: bool, is_tracked: bool) -> None:
    given = torch.tensor([1.0, 2.0], requires_grad=is_tracked)
    trace = explore(CHANGING, x=given, watch=watch).trace
    assert trace.refusal is None
    assert explored_values(trace) == (3.0, 6.0)
    assert given.tolist() == [1.0, 2.0]
    assert (given.grad, given.requires_grad, given._version) == (None, is_tracked, 0)  # noqa: SLF001 - torch has no other name for it


@pytest.mark.parametrize("suffix", ["npy", "npz", "csv"])
def test_every_run_starts_from_the_numbers_of_a_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{suffix}"
    if suffix == "npy":
        np.save(path, np.array([1.0, 2.0], dtype=np.float32))
    elif suffix == "npz":
        np.savez(path, x=np.array([1.0, 2.0], dtype=np.float32))
    else:
        path.write_text("1,2\n")
    before = path.read_bytes()
    name = f"@{path}#x" if suffix == "npz" else f"@{path}"
    trace = explore(CHANGING, x=name, watch=True).trace
    plain = explore(CHANGING, x=name).trace
    assert repr(replace(trace, walks=())) == repr(plain)
    assert explored_values(trace) == (3.0, 6.0)
    (arrived,) = trace.walks[0].visits[-1].arrived
    assert arrived is not None
    assert arrived.values == (3.0, 6.0)
    assert path.read_bytes() == before


def explored_values(trace: Trace) -> tuple[object, ...] | None:
    return next(variable.tensor.values for variable in trace.variables if variable.name == "x")


def test_a_gradient_of_the_caller_is_not_changed() -> None:
    given = np.array([1.0, 10.0])
    report = explore("y = x * 2\ny", x=[1.0, 2.0], gradient=given, watch=True)
    assert report.grads["x"] is not None
    assert report.grads["x"].values == (2.0, 20.0)
    assert given.tolist() == [1.0, 10.0]


PIECES = {
    "dropout": "y = F.dropout(x, 0.5)\nd = y.detach()\n(d * y).sum()",
    "rand": "r = torch.rand(2)\n(x * r * x.detach()).sum()",
    "a module": "l = nn.Linear(2, 2)\n(l(x).detach() * l(x)).sum()",
    "a changed seed": "torch.manual_seed(5)\n(x * torch.randn(2) + x.data).sum()",
    "a draw behind a cut": "y = x.detach() * torch.rand(2)\n(y * x * torch.rand(2)).sum()",
}


@pytest.mark.parametrize("program", PIECES.values(), ids=PIECES)
def test_every_run_draws_the_same_random_numbers(program: str) -> None:
    report = explore(program, x=[1.0, 2.0], watch=True)
    names = {"x": torch.tensor([1.0, 2.0], requires_grad=True)}
    torch.manual_seed(0)
    *lines, last = program.split("\n")
    run("\n".join(["import torch", "import torch.nn.functional as F", "from torch import nn", *lines]), names)
    run(f"result = {last}", names)
    names["result"].backward()
    assert report.grads["x"] is not None
    assert same(tensor(report.grads["x"]), names["x"].grad)
    walk = report.trace.walks[0]
    (arrived,) = next(v.arrived for v in walk.visits if report.trace.nodes[v.node].variable == "x")
    assert arrived is not None
    assert arrived.values == report.grads["x"].values
