"""What came of a run, as data: the graph that was computed, the graph that torch recorded, and what tells them apart.

Frozen dataclasses of tuples and plain values. They are the API: every rule and every renderer takes them, and the
JSON that a script reads is these types written out. Values refer to one another by id: ids are ordinals, and an id
is always greater than the ids it depends on, its `operands` and `previous`. The `elements` that a value holds have
smaller ids where the program put it together, and greater ids where an operation returned the whole: such an element
has the whole as its only operand. So a walk along operands alone or elements alone ends; one along both may circle.
"""

from __future__ import annotations

import cmath
import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from autograd_cli.diagnostic import Span

UNWRITTEN = {"json": False}  # the metadata of a field that is not part of the JSON
EDGE_ITEMS = 3
_IN_PLACE = re.compile(r"torch\..*[^_]_\Z")
_BACKWARD = re.compile(r"Backward\d*\Z")
_NUMBER = re.compile(r"#\d+(?=\.[^\s\]]*$|$)")

Number: TypeAlias = bool | int | float | complex
Scalar: TypeAlias = Number | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What is kept of a tensor too large to write out.

    `corners` are the elements whose every index is among `edge_indices` of its dimension, row-major. The minimum,
    maximum and mean are those of the finite elements: None where there are none, and for complex tensors. `norm` is the
    2-norm of all elements: NaN or infinite where one of them is.
    """

    corners: tuple[Number, ...]
    minimum: int | float | None
    maximum: int | float | None
    mean: float | None
    norm: float
    nan_count: int
    inf_count: int


def edge_indices(size: int) -> tuple[int, ...]:
    """The indices that a summary keeps of a dimension: all, or the first and the last EDGE_ITEMS."""
    if size <= 2 * EDGE_ITEMS:
        return tuple(range(size))
    return (*range(EDGE_ITEMS), *range(size - EDGE_ITEMS, size))


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorValues:
    """What is in a tensor.

    `values` holds all elements, row-major, or is None where the tensor is too large; then `summary` is there
    instead.
    """

    shape: tuple[int, ...]
    dtype: str
    values: tuple[Number, ...] | None
    summary: Summary | None

    @property
    def numel(self) -> int:
        """The number of elements."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    @property
    def is_differentiable(self) -> bool:
        """Whether the dtype is one that gradients exist for."""
        return self.dtype.startswith(("float", "bfloat", "complex"))

    @property
    def inf_count(self) -> int:
        """How many elements are infinite; a complex one is where either of its parts is."""
        if self.summary is not None:
            return self.summary.inf_count
        return sum(cmath.isinf(value) for value in self.values or ())

    @property
    def nan_count(self) -> int:
        """How many elements are NaN."""
        if self.summary is not None:
            return self.summary.nan_count
        return sum(value != value for value in self.values or ())  # noqa: PLR0124 - only NaN differs from itself


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorInfo(TensorValues):
    """A tensor at one moment.

    `grad_fn` is the id of a Node, of which the tensor is the output `output_nr`. `version` is None for an inference
    tensor, which has none. Tensors with the same `storage` share memory.
    """

    device: str
    requires_grad: bool
    is_leaf: bool
    grad_fn: int | None
    output_nr: int
    retains_grad: bool
    is_inference: bool
    version: int | None
    storage: int


class Kind(StrEnum):
    """What kind of thing made a value."""

    INPUT = "input"  # the user gave it
    CONSTANT = "constant"  # the program writes it down
    PARAMETER = "parameter"  # a module or an optimizer holds it, and no value stood for it before
    CALL = "call"  # a function, or a class
    METHOD = "method"
    MODULE = "module"  # a module was called
    OPERATOR = "operator"
    AUGMENTED = "augmented"  # x += y
    ATTRIBUTE = "attribute"  # x.grad
    INDEX = "index"  # x[0]
    ASSIGNMENT = "assignment"  # x.data = y
    ITEM_ASSIGNMENT = "item_assignment"  # x[0] = y
    ELEMENT = "element"  # of the sequence that an operation returned
    UNPACK = "unpack"  # the rows of a tensor, as a loop or `a, b = x` takes them
    ITEM = "item"  # a key or a number that a loop counts with
    CONTAINER = "container"  # a list, tuple or dict was put together
    SLICE = "slice"
    LOGIC = "logic"  # the operand that decided an `and` or `or`
    CHOICE = "choice"  # what an `if-else` chose
    TEXT = "text"  # an f-string
    PRINT = "print"
    DEFINITION = "definition"  # a function of the program
    EXCEPTION = "exception"  # that an `except` caught
    UNCALLED = "uncalled"  # a method that is named and not called
    STEP = "step"  # an optimizer's, which changes what it trains
    BACKWARD = "backward"  # backward() was called
    ACCUMULATION = "accumulation"  # what it added to a `.grad`
    ALIAS = "alias"  # a tensor changed because another one of the same memory was written to
    RESULT = "result"  # an input that is the result, too
    HANDED = "handed"  # torch called a function of the program with it
    NOTHING = "nothing"  # of a Refusal: a name that is not defined, a `raise`, the backward pass that agx runs


_CALLED = frozenset({Kind.CALL, Kind.METHOD, Kind.MODULE, Kind.BACKWARD, Kind.PRINT})
_WRITES = frozenset({Kind.ASSIGNMENT, Kind.ITEM_ASSIGNMENT, Kind.STEP, Kind.ACCUMULATION, Kind.ALIAS})


@functools.lru_cache(maxsize=4096)
def _stem(name: str) -> str:
    """The name that a function of torch and the node of its derivative have in common."""
    name = name.lower().strip("_")
    for prefix in ("linalg", "special", "native"):
        name = name.removeprefix(prefix).lstrip("_") or prefix
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation of the program: what made a value, or what was refused.

    `function` is the full name of what was called, as torch writes it: `torch.sin`, `torch.nn.functional.relu`. A
    method is named with the class that defines it, `torch.nn.Module.zero_grad`, that of a tensor with torch.Tensor,
    `torch.Tensor.sum`; a module that is called, by its class, `torch.nn.Linear`. An operator is the method that torch
    runs for it, `torch.Tensor.add` for `x + y` and `torch.Tensor.add_` for `x += y`, or Python's own where no operand
    is a tensor, `operator.add`. An attribute that only the object has is named with its class,
    `torch.nn.Linear.weight`, and so is one that is missing, `builtins.NoneType.zero_`. None where nothing was called:
    a list was written.

    `op` is the operation as written (`+`, `sin`, `.sum`) or a word for it (`input`): to be shown, not to decide by.
    """

    kind: Kind
    function: str | None
    op: str

    @property
    def verb(self) -> str:
        """The function's name alone: `add` of `torch.add`, `.add` and `+`, `add_` of `.add_` and `+=`."""
        return "" if self.function is None else self.function.rpartition(".")[2]

    @property
    def stem(self) -> str:
        """The verb, whether it writes in place or not: `sqrt` of `torch.sqrt` and `.sqrt_`, `relu` of `nn.ReLU`."""
        return _stem(self.verb)

    @property
    def is_write(self) -> bool:
        """Whether the operation says that it changes its first operand."""
        return self.kind in _WRITES or (self.function is not None and _IN_PLACE.match(self.function) is not None)

    def reads(self, attribute: str) -> bool:
        """Whether it is a read of `x.attribute`."""
        return self.kind is Kind.ATTRIBUTE and self.verb == attribute

    def assigns(self, attribute: str) -> bool:
        """Whether it is an assignment to `x.attribute`."""
        return self.kind is Kind.ASSIGNMENT and self.verb == attribute

    @property
    def as_code(self) -> str:
        """The operation in a sentence: `sum()`, `.item()`, `.data`, `+`."""
        return f"{self.op}()" if self.kind in _CALLED else self.op


@dataclass(frozen=True, slots=True, kw_only=True)
class Value(Operation):
    """A node of the computed graph: one value, and the operation of the program that made it.

    `operands` are the values that went into it, Python numbers and lists included. `grad_mode` is the mode in force
    and `grad_mode_span` the piece of the program that switched it on (None for the mode of the whole run). A value
    is a tensor, a Python scalar (a dtype by its name), or a `container` (`list`, `tuple`, `dict`) of `elements`.
    `previous` is the value that this one is a new version of, after an in-place change. `made_inside` is the value of
    the call during which this one was made, where torch called a function of the program then: a hook, say. `settings`
    are the numbers that an optimizer had for a parameter when its step made this value of it: `lr`, `weight_decay`. An
    optimizer `has_stepped` if it has taken a step, maybe in a round that is forgotten.
    """

    id: int
    span: Span | None
    operands: tuple[int, ...]
    elements: tuple[int, ...]
    container: str | None
    step: int | None
    grad_mode: str
    grad_mode_span: Span | None
    name: str | None
    previous: int | None
    tensor: TensorInfo | None
    scalar: Scalar
    made_inside: int | None = None
    settings: tuple[tuple[str, float], ...] = field(default=(), metadata=UNWRITTEN)
    has_stepped: bool = field(default=False, metadata=UNWRITTEN)

    def setting(self, name: str) -> float | None:
        """What the optimizer had under this name when its step made the value."""
        return dict(self.settings).get(name)

    @property
    def is_consequence(self) -> bool:
        """Whether it is a new version that only follows from a write to another tensor, or from backward()."""
        return self.kind in {Kind.ALIAS, Kind.ACCUMULATION}

    @property
    def is_passed_through(self) -> bool:
        """Whether it only holds others: a sequence, or an object such as a distribution of tensors."""
        return self.tensor is None and (bool(self.elements) or isinstance(self.scalar, str))


class Phase(StrEnum):
    """When something happened."""

    FORWARD = "forward"
    BACKWARD = "backward"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal(Operation):
    """An operation that torch (or Python) refused: the type and words of its exception, and where in the program.

    `operands` are the values that it was given.
    """

    exception: str
    message: str
    span: Span | None
    during: Phase
    operands: tuple[int, ...] = ()

    @property
    def is_of_torch(self) -> bool:
        """Whether torch refused it, and not Python or a library."""
        return self.during is Phase.BACKWARD or (self.function or "").startswith("torch.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A statement as it ran: the names it bound, the value that it `bound` to each, its own value, torch's refusal.

    `iteration` are the rounds, from 0, of the loops around it, the outermost first.
    """

    id: int
    span: Span
    iteration: tuple[int, ...]
    binds: tuple[str, ...]
    bound: tuple[int, ...]
    value: int | None
    refusal: Refusal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """What one call of `print` wrote: the step that it ran in, and its place."""

    step: int
    span: Span
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of the graph that torch recorded.

    `next` are the ids of the nodes in its `next_functions`, None where torch recorded no edge, and `input_nrs` which
    input of that node each edge feeds. `value` is the value it was made for. A leaf's `AccumulateGrad` carries the
    leaf's `variable` name, and the value that the `leaf` was when torch first recorded its use.
    """

    id: int
    name: str
    next: tuple[int | None, ...]
    input_nrs: tuple[int, ...]
    value: int
    span: Span | None
    variable: str | None
    leaf: int | None

    @property
    def stem(self) -> str:
        """The operation that it is the derivative of: `sqrt` of `SqrtBackward0`, `svd` of `LinalgSvdBackward0`."""
        return _stem(_BACKWARD.sub("", self.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafGradient:
    """What one backward pass did to the `.grad` of one leaf. `value` is the leaf as torch first met it."""

    name: str
    value: int | None
    before: TensorInfo | None
    after: TensorInfo | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backward:
    """A backward pass: its roots, the gradient argument of each (`given` by the user, or ones), what the leaves got.

    `step` and `span` are those of the call in the program, None for the pass that agx runs on the result.
    """

    step: int | None
    span: Span | None
    roots: tuple[int, ...]
    gradients: tuple[TensorInfo | None, ...]
    given: bool
    leaves: tuple[LeafGradient, ...]
    refusal: Refusal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What a node kept from the forward pass, under torch's name for it: a tensor, or anything else as its text."""

    name: str
    tensor: TensorValues | None
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What left a node along one of its edges, None where nothing did.

    `argument` is the operand as torch's derivative table calls it and `formula` what that table says of its gradient.
    `gloss` says the same in plain terms, where the formula calls code of torch's whose source is not installed.
    """

    argument: str | None
    formula: str | None
    gloss: str | None
    gradient: TensorValues | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooked:
    """What a hook of the program put in the place of a gradient on its way to an output of a node.

    `handed` is the value that torch called the hook with, `returned` the one that the node got; `zeroed` is how many
    elements are zero in this one and were not in that.
    """

    output_nr: int
    handed: int
    returned: int
    zeroed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A node's turn in a backward pass: what arrived at each of its outputs, and what left along each of its edges.

    `hooked` are the changes that hooks of the program made on the way, in order; `arrived` is what they left.
    """

    node: int
    arrived: tuple[TensorValues | None, ...]
    flows: tuple[Flow, ...]
    saved: tuple[Saved, ...]
    hooked: tuple[Hooked, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One walk through the recorded graph, node by node in the order of torch's engine.

    `step` and `span` are those of the call in the program (`backward()` or `autograd.grad()`), None for the pass that
    agx runs on the result. `backward` is the index of the walk among the trace's `backwards`, which say what it did to
    `.grad`; None for `autograd.grad`, which leaves `.grad` alone. The values with ids below `start` were there when it
    began. With `create_graph`, torch recorded the walk itself. `changed` are the nodes that could not have their turn
    because a tensor they saved had been changed in place, each with torch's name for that tensor.
    """

    step: int | None
    span: Span | None
    backward: int | None
    start: int
    create_graph: bool
    visits: tuple[Visit, ...]
    changed: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A name at the end of the run: its value, the tensor as it is then, and its `.grad`.

    It is one of the program's own variables; or else a leaf, under the name that a reader knows it by:
    `net.0.weight`, `ws[0]`, `params["w"]`; `main.w` where it was a variable of a function, `w (old)` where its name
    means something else by now, `Linear.weight` of a layer without a name, or the piece of the program that made it.
    Equal names are numbered from the second on: `main.w#2`. `is_held` says whether the program itself can still reach
    it by that name. `leaf` is the value that a leaf was when torch first met it.
    """

    name: str
    value: int
    leaf: int | None
    is_held: bool
    tensor: TensorInfo
    grad: TensorInfo | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Trace:
    """One run of a program under one tracking mode.

    `result` is the value of the last expression, `outputs` that value, or the innermost elements of a sequence.
    `asked` are the inputs whose gradients were asked for. `grads` has the gradient of each of those, and of every other
    leaf that the program made and used or still holds, each once, as `variables` names it; where a loop or a function
    made very many of one name, of the first and the last. `walks` is empty unless the backward passes were watched.
    """

    mode: str
    steps: tuple[Step, ...]
    printed: tuple[Printed, ...]
    values: tuple[Value, ...]
    nodes: tuple[Node, ...]
    backwards: tuple[Backward, ...]
    variables: tuple[Variable, ...]
    result: int | None
    outputs: tuple[int, ...]
    asked: tuple[str, ...]
    grads: tuple[tuple[str, TensorInfo | None], ...]
    refusal: Refusal | None
    walks: tuple[Walk, ...] = ()

    def __repr__(self) -> str:
        """One line, for a prompt: it holds too much to be written out."""
        return f"<Trace under {self.mode}: steps {len(self.steps)}, values {len(self.values)}, nodes {len(self.nodes)}>"

    @property
    def roots(self) -> tuple[int, ...]:
        """The values that the program's own backward passes started from; where there were none, the result's."""
        if self.refusal is not None and self.backwards and self.backwards[-1].refusal is not None:
            return self.backwards[-1].roots
        called = tuple([root for backward in self.backwards if backward.step is not None for root in backward.roots])
        return called or (() if self.result is None else (self.result, *self.outputs))

    @property
    def leaves(self) -> tuple[str, ...]:
        """The names of the inputs that were asked for; where there are none, of the leaves that the program made."""
        named = [value.name for value in self.values if value.name is not None and _is_tracked_leaf(value)]
        return self.asked or tuple(dict.fromkeys(named))

    def arrived(self, name: str) -> TensorValues | None:
        """The gradient that arrived at a variable in the last watched backward pass that reached it."""
        variable = next((each for each in self.variables if each.name == name), None)
        if variable is None:
            return None
        leaf = {node.id for node in self.nodes if node.leaf is not None and node.leaf == variable.leaf}
        nodes = leaf if variable.tensor.grad_fn is None else {variable.tensor.grad_fn}
        for walk in reversed(self.walks):
            for visit in walk.visits:
                if visit.node in nodes and variable.tensor.output_nr < len(visit.arrived):
                    return visit.arrived[variable.tensor.output_nr]
        return None

    def parts(self, values: Iterable[int]) -> Iterator[Value]:
        """The values and all that they hold, at any depth, in order; what is held twice comes once."""
        seen: set[int] = set()
        pending = [*values][::-1]
        while pending:
            number = pending.pop()
            if number not in seen:
                seen.add(number)
                yield self.values[number]
                pending.extend(reversed(self.values[number].elements))

    def output_paths(self) -> tuple[str, ...]:
        """Where each output stands in the result, as Python writes it: `[1][0]`, or nothing for the result itself."""
        outputs = frozenset(self.outputs)
        found: list[str] = []
        pending = [] if self.result is None else [(self.result, "")]
        while pending:
            number, path = pending.pop()
            elements = () if number in outputs else self.values[number].elements
            if not elements:
                found.append(path)
            pending.extend([(element, f"{path}[{index}]") for index, element in enumerate(elements)][::-1])
        return tuple(found)

    def output_tensors(self) -> tuple[TensorInfo, ...]:
        """The tensors among the outputs."""
        return tuple(info for output in self.outputs if (info := self.values[output].tensor) is not None)


def without_number(name: str) -> str:
    """What leaves of one name have in common: `w (old)` of `w (old)#2`, `Linear.weight` of `Linear#2.weight`."""
    return _NUMBER.sub("", name)


def _is_tracked_leaf(value: Value) -> bool:
    tensor = value.tensor
    return tensor is not None and tensor.requires_grad and tensor.is_leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A value that torch does not track though it was computed from one that it does.

    `span` is the piece of the program to look at, `why` completes "… is not tracked: ", and `since` is the place
    that switched tracking off, where that is another one. `feeds_backward` says whether what a backward pass started
    from was computed from the value: where it was not (the value is only printed, say), the cut harms no gradient.
    `margin` is the reason in a few words, to be translated: `{call}` in it stands for the operation, and `{n}` for the
    line of `since`. It is no part of the JSON, which has `why`.
    """

    value: int
    rule: str
    why: str
    span: Span | None
    since: Span | None
    is_deliberate: bool
    feeds_backward: bool = True
    margin: str = field(default="{call}", metadata=UNWRITTEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterfactual:
    """The gradient of one leaf if one cut were not made: the `actual` one, and what it `would_be`.

    `span` is the place of the program that was lifted (`no_grad()`, `y.detach()`, `y.data`, `y.item()`), None where
    the program ran in the mode of an ordinary run instead of its own.
    """

    rule: str
    span: Span | None
    name: str
    actual: TensorInfo | None
    would_be: TensorInfo | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The difference between the two graphs of a Trace.

    `recorded` are the edges of the computed graph that torch recorded, as (value, operand). `missing` says of each
    leaf without a gradient why, in few words. Where the answer is narrowed to a variable, `related` are the values that
    this was computed from, and those computed from it; else None.
    """

    recorded: tuple[tuple[int, int], ...]
    cuts: tuple[Cut, ...]
    missing: tuple[tuple[str, str], ...]
    counterfactuals: tuple[Counterfactual, ...]
    related: tuple[int, ...] | None = None
