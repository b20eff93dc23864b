"""What each line of the program made: names, numbers, shapes, and what torch knows of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from autograd_cli.diagnostic import Span
from autograd_cli.render.escape import shortened
from autograd_cli.render.look import Look
from autograd_cli.render.parts import words
from autograd_cli.render.parts.names import Names
from autograd_cli.render.parts.recorded_tree import node_name
from autograd_cli.render.parts.short import is_one_line, short_tensor, short_value
from autograd_cli.report import Report
from autograd_cli.trace import Backward, LeafGradient, Step, TensorValues, Value
from autograd_cli.translation import translate

_NAME = 20
_CHANGED = 4
_COMPOUND = frozenset({"for", "while", "if", "with", "def", "try", "@"})
_LOOPS = frozenset({"for", "while"})


class Kind(StrEnum):
    """What a fact is of."""

    RECORDED = "recorded"
    LEAF = "leaf"
    UNTRACKED = "untracked"
    CUT = "cut"
    GRADIENT = "gradient"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that a line made.

    `when` says in which round of a loop, `words` what torch knows of it, and `version` its version after a change in
    place, with a comma in front where it follows `words`. `block` is a tensor whose numbers take lines of their own, in
    place of `value`.
    """

    when: str = ""
    name: str = ""
    value: str = ""
    block: TensorValues | None = None
    shape: str = ""
    words: str = ""
    version: str = ""
    kind: Kind = Kind.OTHER


class Facts:
    """The facts of the first trace of a report that is an explanation."""

    def __init__(self, report: Report, look: Look, names: Names) -> None:
        self._lines = report.source.split("\n")
        self._trace = report.trace
        self._look = look
        self._names = names
        self._cuts = {cut.value for cut in report.explained.explanation.cuts}
        # How often each statement ran, by the line that it begins on and its place.
        self._runs: dict[int, dict[Span, list[Step]]] = {}
        for step in self._trace.steps:
            self._runs.setdefault(step.span.line, {}).setdefault(step.span, []).append(step)
        self._values: dict[int, list[Value]] = {}
        for value in self._trace.values:
            if value.step is not None:
                self._values.setdefault(value.step, []).append(value)
        self._backwards: dict[int, list[Backward]] = {}
        for backward in self._trace.backwards:
            if backward.step is not None:
                self._backwards.setdefault(backward.step, []).append(backward)

    def of_line(self, line: int) -> list[Fact]:
        """The facts of the statements that begin on a line, 1-based."""
        return [fact for steps in self._runs.get(line, {}).values() for fact in self._of_statement(steps)]

    def _of_statement(self, steps: list[Step]) -> Iterator[Fact]:
        """The facts of a statement; where it ran more than once, those of its first and its last round."""
        first = list(self._of_step(steps[0]))
        if len(steps) == 1:
            yield from first
            return
        rows = [replace(fact, when=self._when(steps, 0)) for fact in first]
        before = {fact.name: fact for fact in first}
        last = [self._compared(fact, before.get(fact.name)) for fact in self._of_step(steps[-1])]
        rows += [replace(fact, when=self._when(steps, -1)) for fact in last]
        for index, row in enumerate(rows):
            repeated = index > 0 and rows[index - 1].when == row.when
            yield replace(row, when="") if repeated else row

    def _of_step(self, step: Step) -> Iterator[Fact]:
        keyword = self._keyword(step.span)
        if keyword in _LOOPS:
            yield Fact(words=self._say(words.ROUNDS, n=f"{self._rounds(step):,}"))
            return
        if keyword in _COMPOUND:
            return
        bound = dict(zip(step.binds, step.bound, strict=True))
        for name, number in bound.items():
            value = self._trace.values[number]
            yield self._changed(name, value) if _is_version(value) else self._fact(name, value)
        made = self._values.get(step.id, ())
        changed = list({value.name or value.id: value for value in made if _is_changed(value, bound)}.values())
        for value in changed[:_CHANGED]:
            yield self._changed(self._names.of(value.id), value)
        if len(changed) > _CHANGED:
            yield Fact(words=f"{len(changed) - _CHANGED:,} more changed in place")
        passes = self._backwards.get(step.id, ())
        for backward in passes:
            yield from self._gradients(backward)
        if step.value is not None and not bound and not changed and not passes:
            value = self._trace.values[step.value]
            is_words = value.tensor is None and isinstance(value.scalar, str)  # a docstring, an object of torch's
            if is_words and step.value != self._trace.result and not self._names.bound(value.id):
                return
            name = "result" if step.value == self._trace.result else self._names.bound(value.id)
            yield self._fact(name, value)

    def _keyword(self, span: Span) -> str:
        text = self._lines[span.line - 1][span.column :]
        word = text.split(" ")[0].split("(")[0].rstrip(":")
        return "@" if word.startswith("@") else word

    def _rounds(self, loop: Step) -> int:
        depth = len(loop.iteration)
        rounds = [
            step.iteration[depth] + 1
            for step in self._trace.steps[loop.id + 1 :]
            if len(step.iteration) > depth
            and step.iteration[:depth] == loop.iteration
            and loop.span.line <= step.span.line <= loop.span.end_line
        ]
        return max(rounds, default=0)

    def _fact(self, name: str, value: Value) -> Fact:
        tensor = value.tensor
        kind, known = self._kind(value)
        fact = Fact(name=shortened(name, _NAME), words=known, kind=kind)
        if tensor is None:
            return replace(fact, value=short_value(self._trace, value, self._look))
        return self._with_numbers(fact, tensor)

    def _with_numbers(self, fact: Fact, tensor: TensorValues) -> Fact:
        shape = str(list(tensor.shape))
        if is_one_line(tensor, self._look):
            return replace(fact, value=short_tensor(tensor, self._look), shape=shape)
        return replace(fact, block=tensor, shape=shape)

    def _kind(self, value: Value) -> tuple[Kind, str]:
        tensor = value.tensor
        if value.id in self._cuts:
            return Kind.CUT, self._say(words.UNRECORDED)
        if tensor is None:
            return Kind.OTHER, ""
        if tensor.grad_fn is not None:
            return Kind.RECORDED, node_name(self._trace.nodes[tensor.grad_fn])
        if tensor.requires_grad:
            return Kind.LEAF, self._say(words.LEAF)
        return Kind.UNTRACKED, self._say(words.INFERENCE_TENSOR if tensor.is_inference else words.NOT_TRACKED)

    def _changed(self, name: str, value: Value) -> Fact:
        if value.assigns("grad"):
            assigned = self._trace.values[value.operands[1]]
            return replace(self._fact(f"{name}.grad", assigned), words="")
        fact = self._fact(name, value)
        version = None if value.tensor is None else value.tensor.version
        if version is None:
            return fact
        comma = self._say(words.COMMA) if fact.words else ""
        return replace(fact, version=f"{comma}{self._say(words.VERSION, n=version)}")

    def _gradients(self, backward: Backward) -> Iterator[Fact]:
        for leaf in backward.leaves:
            if leaf.after is not None and _is_new(leaf):
                before = "None" if leaf.before is None else short_tensor(leaf.before, self._look)
                called = self._names.of_leaf(leaf, backward.step)
                name, said = shortened(f"{called}.grad", _NAME), self._say(words.WAS, before=before)
                yield self._with_numbers(Fact(name=name, words=said, kind=Kind.GRADIENT), leaf.after)

    def _when(self, steps: list[Step], index: int) -> str:
        step = steps[index]
        if not step.iteration:
            return self._say(words.CALL, n=f"{1 if index == 0 else len(steps):,}")
        return self._say(words.ROUND, n=".".join(f"{number + 1:,}" for number in step.iteration))

    def _compared(self, fact: Fact, before: Fact | None) -> Fact:
        """The fact, with what was different in the first round."""
        if before is None or (fact.words, fact.shape) == (before.words, before.shape):
            return fact
        was = ", ".join(text for text in (before.shape * (before.shape != fact.shape), before.words) if text)
        if not was or fact.kind is Kind.GRADIENT:
            return fact
        return replace(fact, words=f"{fact.words} ({self._say(words.WAS, before=was)})")

    def _say(self, text: str, **parts: object) -> str:
        return translate(text, self._look.language).format(**parts)


def _is_changed(value: Value, bound: dict[str, int]) -> bool:
    return _is_version(value) and value.id not in bound.values()


def _is_version(value: Value) -> bool:
    """Whether it is a tensor that the program changed in place."""
    return value.previous is not None and value.tensor is not None and not value.is_consequence


def _is_new(leaf: LeafGradient) -> bool:
    before, after = leaf.before, leaf.after
    return before is None or after is None or before.version != after.version or before.storage != after.storage
