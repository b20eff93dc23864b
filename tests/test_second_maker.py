"""A second maker of Traces, in sixty lines: Python runs a function, torch tells what it was asked, nothing is a Box.

The recording, the rules and the pages need no more of a maker than what this one uses, which is in engine/record.
"""

from __future__ import annotations

import gc
import inspect
import sys
import textwrap
import traceback
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import FrameType
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from autograd_cli import rules
from autograd_cli.diagnostic import Span, Status
from autograd_cli.engine.record import naming
from autograd_cli.engine.record.assemble import Ended, assemble
from autograd_cli.engine.record.recorded import Recorded
from autograd_cli.engine.record.recording import tensors_in
from autograd_cli.engine.values import Entry
from autograd_cli.lang.source import Source
from autograd_cli.render.formats.json_text import json_object
from autograd_cli.render.formats.table import FORMATS
from autograd_cli.render.look import Look
from autograd_cli.report import Explained, Report
from autograd_cli.tasks.request import Request, unanswered
from autograd_cli.trace import Operation, Phase, Refusal, Trace
from conftest import VALIDATOR


class Seen(Entry):
    """What was seen of a thing: a tensor is held weakly, and the program decides how long it lives."""

    __slots__ = ("_held",)

    @property
    def payload(self) -> Any:
        return self._held() if isinstance(self._held, weakref.ref) else self._held

    @payload.setter
    def payload(self, thing: object) -> None:
        self._held: Any = weakref.ref(thing) if isinstance(thing, torch.Tensor) else thing


class Observer(TorchFunctionMode):
    """Tells a Recorded of every call of torch that is made in one function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.recorded = Recorded(Seen, keeps=False, watched=True)
        self._code = function.__code__
        self._entries = WeakTensorKeyDictionary()  # each lives as long as its tensor

    def __torch_function__(
        self, func: Any, _types: object, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - Python has no other name for it
        while frame is not None and frame.f_code is not self._code:
            frame = frame.f_back
        if frame is None or name.startswith("__get"):
            return func(*args, **(kwargs or {}))
        span = self._span(frame.f_lasti // 2)
        step = self.recorded.begin_step(span, ())
        is_method = hasattr(torch.Tensor, name) and any(isinstance(each, torch.Tensor) for each in args[:1])
        operation = naming.method(torch.Tensor, name) if is_method else naming.call(naming.full_name(func), name)
        operands = [self.entry(each, span) for each in args]
        if name == "backward":
            result, made = self._backward(func, operands, args, span)
        else:
            versions = self.recorded.versions(operands, span)
            result = func(*args, **(kwargs or {}))
            made = self.recorded.add_performed(result, operation, operands=operands, versions=versions, span=span)
        for entry in tensors_in([made]):
            self._entries[entry.payload] = entry
        self.recorded.end_step(step, made, {}, None)
        return result

    def entry(self, thing: object, span: Span | None) -> Seen:
        if isinstance(thing, list):
            elements = [self.entry(each, span) for each in thing]
            return self.recorded.add(elements, naming.LIST, operands=elements, span=span)
        known = self.recorded.known(thing) if isinstance(thing, torch.Tensor) else None
        return known or self.recorded.add(thing, naming.CONSTANT, span=span)

    def _backward(self, func: Any, roots: Sequence[Seen], args: Sequence[Any], span: Span) -> tuple[Any, Seen]:
        operation = naming.backward("torch.Tensor.backward")
        with self.recorded.backward(roots, [], span) as one:
            try:
                result = func(*args)
            except RuntimeError as error:
                one.refusal = refusal_of(error, operation, roots, span)
                raise
        return result, self.recorded.add(None, operation, operands=roots, span=span)

    def _span(self, instruction: int) -> Span:
        """A place in the text of the function, which begins with its `def`."""
        line, end_line, column, end_column = [each or 0 for each in list(self._code.co_positions())[instruction]]
        above = self._code.co_firstlineno - 1
        return Span(line=line - above, column=column, end_line=end_line - above, end_column=end_column)


def refusal_of(error: Exception, operation: Operation, operands: Sequence[Entry], span: Span) -> Refusal:
    return Refusal(
        kind=operation.kind,
        function=operation.function,
        op=operation.op,
        exception=type(error).__name__,
        message=str(error),
        span=span,
        during=Phase.BACKWARD,
        operands=tuple([each.value for each in operands]),
    )


def observed(function: Callable[[], Mapping[str, Any]]) -> tuple[Trace, Source]:
    """The Trace of a function that returns its variables, or fails in its backward pass, and the function's text."""
    text = Source(textwrap.dedent(inspect.getsource(function)))
    observer, names = Observer(function), dict[str, Any]()
    refusal = None
    with observer:
        try:
            names = dict(function())
        except RuntimeError as error:
            frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if frame.f_code is function.__code__]
            names = dict(frames[0].f_locals)
            refusal = observer.recorded.passes.backwards[-1].refusal
    entries = {name: observer.entry(thing, None) for name, thing in names.items()}
    for name, entry in entries.items():
        observer.recorded.give_name(entry, name)
    ended = Ended(
        mode="requires-grad",
        names=entries,
        of_loops=frozenset(),
        text=lambda span: span.cut(text.text),
        shown={},
        refusal=refusal,
    )
    trace = assemble(observer.recorded, ended)
    observer.recorded.release()
    return trace, text


def explained(trace: Trace, text: Source) -> Report:
    found = rules.verdict(trace, text)
    body = Explained(trace=trace, outcome=rules.outcome(trace, text), explanation=rules.explain(trace, ()))
    asked = unanswered(Request(program=text.text))
    return replace(asked, status=Status.BAD_NEWS if found else Status.ANSWER, body=body, diagnostics=tuple(found))


def well() -> Mapping[str, Any]:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    y.sum().backward()
    return {"x": x, "y": y}


def cut() -> Mapping[str, Any]:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    h = w.sin()
    z = h.detach()
    (w * z).sum().backward()
    z.sum().backward()
    return {"w": w}


def in_place() -> Mapping[str, Any]:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    v = y.view(2, 1)
    y.mul_(2)
    return {"x": x, "y": y, "v": v}


def test_it_sees_what_was_computed_and_recorded() -> None:
    trace, text = observed(well)
    made = [(value.function, value.span.cut(text.text)) for value in trace.values if value.span is not None]
    assert ("torch.Tensor.exp", "x.exp()") in made
    assert ("torch.Tensor.sum", "y.sum()") in made
    assert [node.name for node in trace.nodes] == ["AccumulateGrad", "ExpBackward0", "SumBackward0"]
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    x.exp().sum().backward()
    assert x.grad is not None
    ((name, grad),) = trace.grads
    assert name == "x"
    assert grad is not None
    assert grad.values == tuple(x.grad.tolist())
    assert grad.version == x.grad._version  # noqa: SLF001 - torch has no other name for it
    assert rules.verdict(trace, text) == ()


def test_the_rules_find_its_cut() -> None:
    trace, text = observed(cut)
    (found, *_) = rules.verdict(trace, text)
    assert found.rule == "cut-by-detach"
    assert found.span is not None
    assert found.span.cut(text.text) == "h.detach()"


def test_a_change_in_place_is_a_version_of_all_that_share_the_memory() -> None:
    trace, _ = observed(in_place)
    versions = {variable.name: trace.values[variable.value].previous for variable in trace.variables}
    assert versions["x"] is None
    assert versions["y"] is not None
    assert versions["v"] is not None


def test_the_pages_show_it() -> None:
    for function in (well, cut, in_place):
        report = explained(*observed(function))
        VALIDATOR.validate(json_object(report))
        page = FORMATS["txt"].text
        assert page is not None
        shown = page(report, Look())
        assert "torch.tensor([1.0, 2.0], requires_grad=True)" in shown
        assert ("cut-by-detach" in shown) is (function is cut)


def test_it_keeps_no_tensor_of_the_program() -> None:
    gone: list[weakref.ref[torch.Tensor]] = []

    def program() -> Mapping[str, Any]:
        x = torch.ones(3, requires_grad=True)
        y = x.sin()
        gone.append(weakref.ref(y))
        del y
        gc.collect()
        return {"alive": torch.tensor(gone[0]() is not None)}

    trace, _ = observed(program)
    (alive,) = [each for each in trace.variables if each.name == "alive"]
    assert alive.tensor.values == (False,)
