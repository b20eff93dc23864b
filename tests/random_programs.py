"""Programs made at random from a seed, with what their maker knows of them: the oracle of the tests that use them.

Each statement is tried in plain torch as it is made, and kept where torch takes it. The maker writes down which names
it reads, which it binds, and which tensors it changed, by their values before and after. So the dataflow of the program
is known without agx.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from autograd_cli.trace import Trace
from thorough import THOROUGH

COUNT = 500 if THOROUGH else 100
CHUNKS = COUNT // 25
MOST = 100  # elements of a tensor
RECENT, AGAIN = 0.7, 0.15  # how often an operand is a recent tensor, and a name is bound again
INPUTS: dict[str, list[Any]] = {
    "a": [0.5, -1.25, 2.0],
    "b": [1.5, 0.75, -0.5],
    "w": [[0.5, -1.0, 0.25], [1.0, 0.5, -0.75], [-0.5, 0.25, 1.5]],
}
CHANGED: dict[str, list[Any]] = {
    "a": [0.625, -1.0, 1.75],
    "b": [1.25, 1.0, -0.375],
    "w": [[0.75, -0.5, 0.5], [0.5, 0.25, -1.0], [-1.0, 0.75, 1.25]],
}
START = """import torch
from torch import nn
import torch.nn.functional as F
def f(p, q):
    r = p * q
    return r.sin() + p
assert a.dim() + b.dim() + w.dim() == 4
g = lambda p, q: p * 2 + q.sum()
layer = nn.Linear(3, 3)
"""


@dataclass(frozen=True)
class Statement:
    """What one statement does. `line` is where it begins, `whole` what it is without its cut, if it makes one.

    `is_single` says that it is one operation, on the tensors that it reads. `sees` are the definitions (statement and
    name) from which what it binds or changes is computed directly.
    """

    text: str
    line: int
    binds: tuple[str, ...]
    reads: tuple[str, ...]
    changes: tuple[str, ...]
    is_single: bool
    whole: str | None
    sees: frozenset[tuple[int, str]]

    @property
    def lines(self) -> range:
        return range(self.line, self.line + self.text.count("\n") + 1)


@dataclass(frozen=True)
class Made:
    """A program, ending in an expression. `sources` are all inputs that its result can depend on."""

    statements: tuple[Statement, ...]
    result: str
    result_sees: frozenset[tuple[int, str]]
    sources: frozenset[str]

    @property
    def text(self) -> str:
        return "\n".join([START.rstrip("\n"), *[each.text for each in self.statements], self.result])

    def without(self, cut: int) -> str:
        """The text without the cut of statement number `cut`."""
        texts = [each.whole if n == cut and each.whole else each.text for n, each in enumerate(self.statements)]
        return "\n".join([START.rstrip("\n"), *texts, self.result])


def names_at_start(values: dict[str, list[Any]] = INPUTS) -> dict[str, Any]:
    """The variables of a program in plain torch, after its first lines."""
    torch.manual_seed(0)
    names: dict[str, Any] = {name: torch.tensor(value, requires_grad=True) for name, value in values.items()}
    run(START, names)
    return names


def run(text: str, names: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(text, "program", "exec", dont_inherit=True), names)  # noqa: S102 - the oracle is Python


def by_torch(text: str, values: dict[str, list[Any]] = INPUTS) -> dict[str, Any]:
    """The variables of a whole program, run by Python; its last line's value is `result`."""
    names = names_at_start(values)
    *lines, last = text.removeprefix(START).split("\n")
    run("\n".join([*lines, f"result = {last}"]), names)
    return names


def backward(result: torch.Tensor) -> None:
    result.backward(torch.ones_like(result))


def gradients(names: dict[str, Any]) -> dict[str, torch.Tensor | None]:
    layer = names["layer"]
    leaves = {**{name: names[name] for name in INPUTS}, "layer.weight": layer.weight, "layer.bias": layer.bias}
    return {name: leaf.grad for name, leaf in leaves.items()}


@cache
def chunk(number: int) -> tuple[Made, ...]:
    """The programs of one chunk of CHUNKS."""
    size = COUNT // CHUNKS
    return tuple([_Maker(seed).make() for seed in range(number * size, (number + 1) * size)])


def same(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    """Whether two tensors, or Nones, are the same bits; NaN is NaN."""
    if one is None or other is None:
        return one is other
    return one.shape == other.shape and torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)


# Torch's own graph.


def below(root: Any) -> list[Any]:
    """Every node that can be reached from one, itself first."""
    found = dict.fromkeys([root])
    pending = [root]
    while pending:
        for child, _ in pending.pop().next_functions:
            if child is not None and child not in found:
                found[child] = None
                pending.append(child)
    return list(found)


def name_of_leaf(names: dict[str, Any], variable: torch.Tensor) -> str:
    leaves = {**names, "layer.weight": names["layer"].weight, "layer.bias": names["layer"].bias}
    return next(name for name, tensor in leaves.items() if tensor is variable)


def matched(trace: Trace, told: int, root: Any, names: dict[str, Any]) -> dict[Any, int]:
    """Torch's nodes below `root`, each with the id of the trace's node; the two are alike in all that torch tells."""
    pairs = {root: told}
    pending = [root]
    while pending:
        node = pending.pop()
        ours = trace.nodes[pairs[node]]
        assert ours.name == type(node).__name__
        assert ours.input_nrs == tuple([number for _, number in node.next_functions])
        if hasattr(node, "variable"):
            assert ours.variable == name_of_leaf(names, node.variable)
        for ours_next, (child, _) in zip(ours.next, node.next_functions, strict=True):
            assert (ours_next is None) is (child is None)
            if child is not None and child not in pairs:
                assert ours_next is not None
                pairs[child] = ours_next
                pending.append(child)
            elif child is not None:
                assert pairs[child] == ours_next
    assert len(set(pairs.values())) == len(pairs)
    return pairs


# How programs are made.


@dataclass(frozen=True)
class Form:
    """A statement with places for the tensors `x` and `y` that it reads and the names `t` and `u` that it binds.

    `certain` are the places that the result is certainly computed from, where those are not all that it reads.
    """

    text: str
    whole: str | None = None
    certain: str | None = None
    is_single: bool = False

    def names(self, letters: str, places: dict[str, str]) -> tuple[str, ...]:
        return tuple([places[letter] for letter in letters if f"{{{letter}}}" in self.text])

    @property
    def is_short(self) -> bool:
        """Whether the name that it binds may be one that it reads."""
        return self.is_single and "\n" not in self.text


def _single(texts: str) -> list[Form]:
    return [Form("{t} = " + text, is_single=True) for text in texts.split(" | ")]


def _cut(before: str, after: str, text: str, *, is_single: bool = False) -> Form:
    return Form(text.replace("CUT", before), whole=text.replace("CUT", after), is_single=is_single)


_NO_GRAD = ("with torch.no_grad():", "if True:")
FORMS: tuple[tuple[float, list[Form]], ...] = (
    (
        0.25,
        _single(
            "{x}.sin() | torch.cos({x}) | {x}.tanh() | -{x} | {x} * 0.5 | {x} + 1 | 2 - {x} | torch.relu({x}) | "
            "{x}.sigmoid() | {x} / 4 | {x}.clone() | {x}.abs() | F.softplus({x}) | {x}.sum() | {x}.mean() | "
            "{x}.cumsum(0) | F.dropout({x}, 0.5) | {x} * torch.rand(3) | {x}.round() | torch.ones_like({x}) | "
            "{x}.softmax(-1)"
        ),
    ),
    (
        0.12,
        _single(
            "{x}[0] | {x}[1:] | {x}.view(-1) | {x}.t() | {x}.unsqueeze(0) | {x}.reshape(3) | {x}[:, 1] | "
            "{x}.expand(2, 3) | {x}.flatten() | {x}[None] | {x}.squeeze() | {x}[[0, 1]] | {x}[..., 0] | "
            "{x}.contiguous()"
        ),
    ),
    (
        0.15,
        [
            *_single("{x} + {y} | {x} * {y} | {x} - {y} | {x} @ {y} | torch.maximum({x}, {y}) | torch.outer({x}, {y})"),
            Form("{t} = torch.where({x} > 0, {x}, {y})"),
            Form("{t} = {x} / ({y} + 5)"),
            Form("{t} = torch.addmv({x}, {x}.new_ones(3, 3), {y})"),
        ],
    ),
    (
        0.1,
        [
            *[
                Form(text, is_single=True)
                for text in ("{x}.mul_({y})", "{x}.add_(1)", "{x}.copy_({y})", "{x}.sin_()", "{x}.zero_()", "{x}.t_()")
            ],
            *[Form(text) for text in ("{x} += {y}", "{x}[0] = {y}", "{x} *= 2", "{x}[0].mul_(3)", "{x}[1:] -= {y}")],
        ],
    ),
    (
        0.16,
        [
            _cut(".detach()", "", "{t} = {x}CUT", is_single=True),
            _cut(".detach()", "", "{t} = {x}CUT * {y}"),
            _cut(".data", "", "{t} = {x}CUT", is_single=True),
            _cut(".data", "", "{t} = {x}.sin()CUT + {y}"),
            _cut("torch.detach", "", "{t} = CUT({x}) + 1"),
            _cut(".item()", "", "{t} = {x}.sum()CUT"),
            _cut(".item()", "", "{t} = {y} * {x}.mean()CUT"),
            _cut(*_NO_GRAD, "CUT\n    {t} = {x} * {y}", is_single=True),
            _cut(*_NO_GRAD, "CUT\n    {t} = {x} + 1\n    {t} = {t} * {y}"),
            _cut(*_NO_GRAD, "for k in range(2):\n    CUT\n        {t} = {x} * {y}\n    {t} = {t} + {x}"),
            _cut(*_NO_GRAD, "CUT\n    {t} = {x}[1:]", is_single=True),
            _cut(*_NO_GRAD, "CUT\n    {x}.mul_({y})", is_single=True),
            _cut(*_NO_GRAD, "CUT\n    {x}.cos_()", is_single=True),
        ],
    ),
    (
        0.1,
        [
            Form("{t} = f({x}, {y})"),
            Form("{t} = g({x}, {y})"),
            Form("{t} = layer({x})"),
            Form("{t} = ({x} * {y}).sum() + {x}"),
            Form("{t} = torch.stack([{x}, {y}]).sum(0)"),
            Form("{t} = torch.cat([{x}, {y}, {x}])"),
            Form("{t} = sum([{x}, {y}])"),
            Form("{t} = [p * {y} for p in {x}][0]"),
            Form("{t} = {x}\nfor k in range(3):\n    {t} = {t} * {y} + k"),
            Form("{t} = {x} if n > 0 else {y}\n{t} = {t} * n", certain="x"),
            Form("{t} = {x} * float({y}.sum())"),
            Form("{t} = {x}.clone()\n{t}.mul_({y})\n{t} = {t} * 1"),
            Form("{t} = ({x}, {y})[1] * 1", certain="y"),
        ],
    ),
    (
        0.06,
        [
            Form("{t}, {u} = {x}.chunk(2)"),
            Form("{t}, {u} = {x}.split([1, 2])"),
            Form("{t}, _, {u} = {x}.unbind()"),
            Form("{t}, {u} = {x}.sort()[0], {y}", certain=""),
            Form("({t}, {u}), _ = ({x} * 1, {y}), 0", certain=""),
        ],
    ),
    (0.04, [Form("{l}.append({x})"), Form("{t} = {l}[0] * 1 + {l}[-1]", certain="")]),
    (0.02, [Form("{t} = {x} * {s}")]),
    (0.02, [Form("{t} = [{x}, {y}]")]),
)


class _Maker:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - programs to compute with
        self._names = names_at_start()
        self._tensors = list(INPUTS)  # names, in the order in which they were bound
        self._numbers: list[str] = []
        self._lists: list[str] = []
        self._statements: list[Statement] = []
        self._line = START.count("\n") + 1
        # For each name the definitions that it is computed from, and the inputs that it may be computed from.
        self._sees: dict[str, frozenset[tuple[int, str]]] = {name: frozenset({(-1, name)}) for name in INPUTS}
        self._sources: dict[str, frozenset[str]] = {name: frozenset({name}) for name in INPUTS}

    def make(self) -> Made:
        self._try(Form("{t} = 2"), {"t": "n"})
        wanted = self._random.randint(6, 16)
        weights = [weight for weight, _ in FORMS]
        for _ in range(20 * wanted):
            if len(self._statements) > wanted:
                break
            forms = self._random.choices([forms for _, forms in FORMS], weights)[0]
            form = self._random.choice(forms)
            self._try(form, self._places(form))
        own = self._tensors[len(INPUTS) :]
        chosen = self._random.sample(own, k=min(4, len(own)))
        chosen = [name for name in chosen if self._is_taken(f"{name}.sum() * {name}")] or ["a"]
        result = " + ".join(f"{name}.sum()" for name in chosen)
        result = self._random.choice([result, f"({result}) * {chosen[0]}"])
        return Made(tuple(self._statements), result, self._seen(chosen), self._come_from(chosen))

    def _places(self, form: Form) -> dict[str, str]:
        """A name for each place of the form; now and then it binds one that is taken."""
        choose, number = self._random.choice, len(self._statements)
        recent = self._tensors[-4:] if self._random.random() < RECENT else self._tensors
        own = self._tensors[len(INPUTS) :]
        is_again = form.is_short and own and self._random.random() < AGAIN
        return {
            "x": choose(self._tensors),
            "y": choose(recent),
            "t": choose(own) if is_again else f"t{number}",
            "u": f"u{number}",
            "s": choose(self._numbers),
            "l": choose(self._lists) if self._lists else "none",
        }

    def _is_taken(self, text: str) -> bool:
        """Whether torch takes an expression: it refuses one of a view that it has forbidden."""
        try:
            run(text, self._names)
        except RuntimeError:
            return False
        return True

    def _try(self, form: Form, places: dict[str, str]) -> None:
        """Keep the statement if torch takes it."""
        text, names = form.text.format(**places), self._names
        binds = form.names("tu", places)
        before = {name: names[name].detach().clone() for name in self._tensors}
        kept = dict(names)
        try:
            run(text, names)
        except Exception:  # noqa: BLE001 - torch refuses what it likes
            is_kept = False
        else:
            is_kept = all(_is_small(names[name]) for name in binds)
        if not is_kept:
            names.clear()
            names.update(kept)
            return
        changes = tuple([name for name in before if name not in binds and not same(names[name].detach(), before[name])])
        self._statements.append(self._told(form, places, changes, text))
        self._line += text.count("\n") + 1

    def _told(self, form: Form, places: dict[str, str], changes: tuple[str, ...], text: str) -> Statement:
        """Write down what the statement made of the names, and return it."""
        names, number = self._names, len(self._statements)
        binds, reads = form.names("tu", places), form.names("xyls", places)
        sees = self._seen(reads if form.certain is None else form.names(form.certain, places))
        sources = self._come_from(reads)
        written = {_storage(names[reads[0]])} if not binds and reads[0] in self._tensors else set[int]()
        for known in (self._tensors, self._numbers, self._lists):
            known[:] = [name for name in known if name not in binds]
        for name in self._tensors:
            if name in changes:
                self._sees[name] |= sees
            if name in changes or _storage(names[name]) in written:
                self._sources[name] |= sources
        for name in binds:
            value = names[name]
            is_same = bool(reads) and value is names.get(reads[0])  # the operation handed it back as it was
            self._sees[name] = sees if is_same else frozenset({(number, name)})
            self._sources[name] = sources
            kinds = {list: self._lists, torch.Tensor: self._tensors, float: self._numbers, int: self._numbers}
            kinds[type(value)].append(name)
        whole = None if form.whole is None else form.whole.format(**places)
        return Statement(text, self._line, binds, reads, changes, form.is_single, whole, sees)

    def _seen(self, names: Sequence[str]) -> frozenset[tuple[int, str]]:
        return frozenset[tuple[int, str]]().union(*[self._sees[name] for name in self._with_elements(names)])

    def _come_from(self, names: Sequence[str]) -> frozenset[str]:
        return frozenset[str]().union(*[self._sources[name] for name in self._with_elements(names)])

    def _with_elements(self, names: Sequence[str]) -> list[str]:
        """The names; with a list, those of the tensors in it as well."""
        held = [element for name in names if name in self._lists for element in self._names[name]]
        within = [name for name in self._tensors if any(self._names[name] is element for element in held)]
        return [*names, *within]


def _is_small(value: object) -> bool:
    if isinstance(value, torch.Tensor):
        return value.is_floating_point() and 0 < value.numel() < MOST
    return isinstance(value, float | int | list)


def _storage(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)  # noqa: SLF001 - the identity of a storage
