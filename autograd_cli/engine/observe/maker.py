"""Files that Python runs, observed → a Trace of all of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import torch

from autograd_cli.diagnostic import Cell, Span
from autograd_cli.engine.observe.observer import Observer
from autograd_cli.engine.observe.refused import File, refusal_of
from autograd_cli.engine.observe.rewriting import Rewriter
from autograd_cli.engine.record.assemble import Ended, assemble, leaves_of
from autograd_cli.engine.values import Box
from autograd_cli.modes import DEFAULT_MODE
from autograd_cli.report import Trained
from autograd_cli.trace import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was seen of a run: its Trace, whose places stand in the `text` of all files, one below the other.

    `files` say which lines are of which, and are empty where there is only one. `losses` are the single numbers that
    backward passes started from; `unseen` says what could not be observed.
    """

    trace: Trace
    text: str
    files: tuple[Cell, ...]
    losses: tuple[float, ...]
    parameters: tuple[Trained, ...]
    unseen: tuple[str, ...]


class Observation:
    """What is observed of one run of code of the user's, which may be several files."""

    def __init__(self, *, watched: bool = True) -> None:
        self._observer = Observer(watched=watched)
        self._lines: list[str] = []
        self._files: dict[str, File] = {}
        self._unread: dict[str, str] = {}  # the files that could not be rewritten, and why

    def make_code(self, text: str, file: Path) -> CodeType:
        """The code of a file, rewritten to report here; as it is, where it is nested too deeply for that."""
        tree = ast.parse(text, str(file))
        sites = list(self._observer.sites)
        frame = self._observer.top_level(len(self._files))
        try:
            rewriter = Rewriter(text, tree, self._observer.sites, frame, len(self._lines) + 1)
            code: CodeType = compile(rewriter.rewrite(tree), str(file), "exec", dont_inherit=True)
        except (RecursionError, SyntaxError, ValueError):
            self._observer.sites[:] = sites
            self._unread[str(file)] = "it is nested too deeply"
            return compile(text, str(file), "exec", dont_inherit=True)
        self._files[str(file)] = File(number=len(self._files), above=len(self._lines))
        self._lines += text.split("\n")
        return code

    def begin(self) -> None:
        """Observe from here on."""
        self._observer.install()

    def end(self, names: Mapping[str, Any], error: BaseException | None) -> Observed:
        """Observe no more, and tell what was seen. `names` are the variables of the script at its end."""
        observer = self._observer
        observer.let_go()
        refusal = None if error is None else refusal_of(observer, error, self._files)
        observer.recorded.step = None
        ended = Ended(
            mode=DEFAULT_MODE,
            names=self._boxes(names),
            of_loops=frozenset(),
            text=self._cut,
            shown={},
            result=self._result() if error is None else None,
            refusal=refusal,
        )
        leaves = leaves_of(observer.recorded, ended)
        trace = assemble(observer.recorded, ended)
        return Observed(
            trace=trace,
            text="\n".join(self._lines),
            files=tuple(self._cells()),
            losses=tuple(_losses(trace)),
            parameters=tuple(self._parameters(leaves)),
            unseen=tuple(f"{name}: {why}" for name, why in self._unread.items()),
        )

    def _parameters(self, leaves: Mapping[str, torch.Tensor]) -> Iterator[Trained]:
        """The parameters of the script, those that an optimizer has among them."""
        training = self._observer.training
        for name, leaf in leaves.items():
            optimizer = training.number_of(leaf)
            if optimizer is None and not isinstance(leaf, torch.nn.Parameter):
                continue
            gradient = None if leaf.grad is None else float(torch.linalg.vector_norm(leaf.grad.detach()))
            yield Trained(
                name=name,
                shape=tuple(leaf.shape),
                optimizer=optimizer,
                gradient=gradient,
                change=training.change(leaf),
            )

    def _result(self) -> Box | None:
        """The value of the last statement of the script, where that is an expression."""
        result, frames = self._observer.result, self._observer.frames
        steps = frames[0].steps if frames else []
        return result[1] if result is not None and steps and result[0] == steps[0] else None

    def _boxes(self, names: Mapping[str, Any]) -> dict[str, Box]:
        span = Span(line=1, column=0, end_line=1, end_column=0)
        found: dict[str, Box] = {}
        for name, thing in names.items():
            if name.startswith("__") or isinstance(thing, ModuleType) or not self._observer.frames:
                continue
            box = self._observer.variable(self._observer.frames[0], name, thing, span)
            if box is not None:
                found[name] = box
        return found

    def _cut(self, span: Span) -> str:
        return span.cut_lines(self._lines)

    def _cells(self) -> list[Cell]:
        if len(self._files) <= 1:
            return []
        return [Cell(number=file.number + 1, line=file.above + 1, file=name) for name, file in self._files.items()]


def _losses(trace: Trace) -> Iterator[float]:
    for backward in trace.backwards:
        root = trace.values[backward.roots[0]].tensor if len(backward.roots) == 1 else None
        if root is not None and root.numel == 1 and root.values is not None and not isinstance(root.values[0], complex):
            yield float(root.values[0])
