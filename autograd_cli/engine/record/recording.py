"""The two graphs while they grow: every value that the program computes, every node that torch records for it.

Nodes get their ids when they are first seen, from the leaves up: a node's id is greater than those of the nodes it
leads to. Right after an operation, the nodes that its result reaches and that were not there before are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import count
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

import torch

from autograd_cli.diagnostic import Span
from autograd_cli.engine.record import naming
from autograd_cli.engine.record.leaf_names import LeafNames
from autograd_cli.engine.record.snapshot import MAX_INTERMEDIATE_VALUES, is_opaque, is_plain, leaf_facts, snapshot
from autograd_cli.engine.values import CONTAINERS, SEQUENCES, Entry, check_depth, check_nesting, elements_of, has_words
from autograd_cli.modes import GradMode
from autograd_cli.trace import Kind, Node, Operation, Scalar, TensorInfo, Value

E = TypeVar("E", bound=Entry)  # what a maker's own entries are
_OF_KNOWN_WORDS = frozenset({"torch", "builtins", __name__.partition(".")[0]})
_HOLD = frozenset({Kind.CONTAINER, Kind.ITEM, Kind.PRINT})  # these only look at a tensor, or hold it


class Recording(Generic[E]):
    """Collects the values and nodes of one run. Nodes and leaves are kept alive, so that their identities stay true."""

    def __init__(self, make: Callable[..., E], *, full: bool = False, keeps: bool = True) -> None:
        """`make` makes the entries of this maker, with the arguments of `Entry`.

        Where it is `full`, the values of every tensor are kept, whatever its size. Where it `keeps` tensors, they live
        as long as the recording does; otherwise only leaves do, and other tensors as long as in the program.
        """
        self.full = full
        self._make = make
        self._keeps = keeps
        self.values: list[Value] = []
        self.nodes: list[Node] = []
        self.step: int | None = None
        self.grad_mode_spans: list[Span | None] = [None]
        self.leaves: dict[int, torch.Tensor] = {}
        self.values_of_leaves: dict[int, int] = {}  # the first value that each leaf was
        self.names = LeafNames()
        self.last_values: dict[int, int] = {}  # the last value that each leaf was
        self._unnamed: set[int] = set()  # the leaves without a name
        self._node_ids: dict[Any, int] = {}
        self.passes_under_way = 0
        self._storages: dict[int, int] = {}
        self._last_storage = count()
        self._alive: list[torch.Tensor] = []
        self._nesting: dict[int, int] = {}
        # The entries of each tensor, by the storage it lives in: those that the program still holds, the oldest first.
        self._sharing: dict[int, dict[int, WeakKeyDictionary[E, None]]] = {}
        self._held: list[E] = []  # of tensors that torch holds

    def add(
        self,
        payload: object,
        operation: Operation,
        *,
        operands: Sequence[Entry] = (),
        span: Span | None = None,
        name: str | None = None,
        fields: tuple[str, ...] = (),
        max_values: int | None = MAX_INTERMEDIATE_VALUES,
    ) -> E:
        """A new value; a sequence's elements must be entries already."""
        if name is not None:
            self.bind(name, payload, "")
        if isinstance(payload, torch.nn.Module):
            self.names.make(payload)
        number = self._value(payload, operation, operands=operands, span=span, name=name, max_values=max_values)
        box = self._make(number, payload, fields)
        if isinstance(payload, torch.Tensor) and not is_opaque(payload):
            if self._keeps and not self.passes_under_way:
                self._alive.append(payload)
            self._share(box)
        return box

    def _value(
        self,
        payload: object,
        operation: Operation,
        *,
        operands: Iterable[Entry | int],
        span: Span | None,
        name: str | None = None,
        previous: int | None = None,
        max_values: int | None = MAX_INTERMEDIATE_VALUES,
    ) -> int:
        number = len(self.values)
        tensor, scalar = None, None
        elements = elements_of(payload)
        if elements:
            self._nest(number, elements)
        if isinstance(payload, torch.Tensor) and not is_opaque(payload):
            is_leaf = operation.kind is not Kind.HANDED  # what torch made for a derivative is no leaf of the program
            tensor = self.look(payload, number, span, is_leaf=is_leaf, max_values=None if self.full else max_values)
        elif not isinstance(payload, tuple | list | dict):
            scalar = _scalar(payload)
        self.values.append(
            Value(
                id=number,
                span=span,
                kind=operation.kind,
                function=operation.function,
                op=operation.op,
                operands=tuple([each if isinstance(each, int) else each.value for each in operands]),
                elements=tuple([box.value for box in elements]),
                container=_container(payload),
                step=self.step,
                grad_mode=grad_mode_in_force(),
                grad_mode_span=self.grad_mode_spans[-1],
                name=name,
                previous=previous,
                tensor=tensor,
                scalar=scalar,
            )
        )
        return number

    def nesting(self, box: E) -> int:
        """How deeply containers are nested in a value."""
        return self._nesting.get(box.value, 0)

    def _nest(self, number: int, elements: Iterable[Entry]) -> None:
        """Remember how deeply containers are nested, and refuse what is too deep to walk."""
        nesting = 1 + max([self._nesting.get(element.value, 0) for element in elements])
        check_depth(nesting)
        self._nesting[number] = nesting

    def add_result(self, result: object, operation: Operation, *, operands: Sequence[Entry], span: Span) -> E:
        """The value that an operation returned; of a sequence every element becomes a value, too."""
        if isinstance(result, dict):
            return self._add_dict(result, operation, operands=operands, span=span)
        if not isinstance(result, SEQUENCES):
            return self.add(result, operation, operands=operands, span=span)
        whole = self.add([] if isinstance(result, list) else (), operation, operands=operands, span=span)
        elements = [
            self._add_element(element, naming.element(index), operands=[whole], span=span)
            for index, element in enumerate(result)
        ]
        self._revise(whole.value, elements=tuple([element.value for element in elements]))
        payload = elements if isinstance(result, list) else tuple(elements)
        return self._make(whole.value, payload, _fields_of(result), type(result))

    def _add_element(self, element: object, operation: Operation, *, operands: Sequence[Entry], span: Span) -> E:
        """The value of an element; a leaf that was there before is itself, as in a dict of named parameters."""
        known = self.known(element) if isinstance(element, torch.Tensor) and element.is_leaf else None
        return known or self.add_result(element, operation, operands=operands, span=span)

    def _add_dict(self, result: dict[Any, Any], operation: Operation, *, operands: Sequence[Entry], span: Span) -> E:
        whole = self.add({}, operation, operands=operands, span=span)
        elements = {
            key: self._add_element(element, naming.element(key), operands=[whole], span=span)
            for key, element in result.items()
        }
        self._revise(whole.value, elements=tuple([element.value for element in elements.values()]))
        return self._make(whole.value, elements)

    def extend(self, whole: Entry, element: Entry) -> None:
        """One more element of a sequence that an operation gives one by one."""
        whole.payload = (*whole.payload, element)
        self._revise(whole.value, elements=(*self.values[whole.value].elements, element.value))

    # Names.

    def give_name(self, box: Entry, name: str, function: str = "") -> None:
        """Remember the first name that a value was bound to, and those of a module's parameters.

        `function` is the function whose variable it is, "" for the program itself.
        """
        if self.values[box.value].name is None:
            self._revise(box.value, name=name)
        self.bind(name, box.payload, function)
        if isinstance(box.payload, torch.nn.Module):
            for parameter_name, parameter in box.payload.named_parameters():
                if not is_plain(parameter):
                    continue  # one that is still to be initialised, or without memory
                self.give_name(self.box_of(parameter, naming.PARAMETER, None), f"{name}.{parameter_name}", function)

    def bind(self, name: str, payload: object, function: str) -> None:
        """Remember the name of the tensors in what a variable, or a parameter of a function, was bound to."""
        if self.passes_under_way or (isinstance(payload, torch.Tensor) and not self._is_to_be_named(payload)):
            return
        if isinstance(payload, torch.Tensor | torch.nn.Module) or self._unnamed:
            self._unnamed.difference_update(self.names.bind(name, payload, function))

    def _is_to_be_named(self, tensor: torch.Tensor) -> bool:
        """Whether the name of the tensor may be needed later."""
        return not is_opaque(tensor) and (self._keeps or (leaf_facts(tensor)[0] and tensor.requires_grad))

    def used_leaves(self) -> list[torch.Tensor]:
        """The leaves that anything was computed from, or that have a gradient, the oldest first."""
        used = {node.leaf for node in self.nodes if node.leaf is not None}
        used.update([operand for value in self.values for operand in value.operands if value.kind not in _HOLD])
        return [
            leaf
            for key, leaf in self.leaves.items()
            if any(leaf_facts(leaf)) and (leaf.grad is not None or self._is_used(key, used))
        ]

    def _is_used(self, leaf: int, used: AbstractSet[int]) -> bool:
        """Whether a leaf is among those used, and not one only because it was made of tracked tensors under no_grad."""
        first = self.values[self.values_of_leaves[leaf]]
        wholes = [self.values[each] for each in first.operands]  # such as the tuple of `split`, for one of its elements
        given = {*first.operands, *(each for whole in wholes if whole.tensor is None for each in whole.operands)}
        made_of = [self.values[each].tensor for each in given]
        is_dead = first.grad_mode != GradMode.GRAD and any(each is not None and each.requires_grad for each in made_of)
        return not used.isdisjoint({first.id, self.last_values[leaf]}) and not is_dead

    def made_by(self, leaf: torch.Tensor) -> Span | None:
        """The piece of the program that made a leaf."""
        return self.values[self.values_of_leaves[id(leaf)]].span

    def value_of(self, tensor: torch.Tensor) -> int:
        """The last value that a tensor was, also where the program has let go of it; a new one where it was none."""
        known = self.known(tensor)
        last = self.last_values.get(id(tensor)) if known is None else known.value
        return self.box_of(tensor, naming.PARAMETER, None).value if last is None else last

    def box_of(self, tensor: torch.Tensor, operation: Operation, span: Span | None) -> E:
        """The entry of a tensor that torch holds, such as a module's parameter: the same each time."""
        known = self.known(tensor)
        if known is None:
            known = self.add(tensor, operation, span=span)
            self._held.append(known)
        return known

    def known(self, tensor: torch.Tensor) -> E | None:
        """The entry of a tensor, if the program has seen it."""
        if tensor.layout is not torch.strided or is_opaque(tensor):
            return None
        entries = self._sharing.get(_storage(tensor), {}).get(id(tensor), ())
        return next((each for each in entries if each.payload is tensor), None)

    # In-place changes.

    def rewrite(self, box: E, operation: Operation, *, operands: Sequence[int], span: Span) -> None:
        """Make a new version of a tensor that was changed in place, and of every other that shares its memory."""
        tensor = box.payload
        before = box.value
        number = self._value(
            tensor, operation, operands=operands, span=span, name=self.values[before].name, previous=before
        )
        self._share(box)
        sharing = self._sharing[_storage(tensor)]
        for key, found in list(sharing.items()):
            others = [each for each in found if each.payload is not None]  # a tensor that is held weakly may be gone
            if not others:
                del sharing[key]
                continue
            payload = others[0].payload
            if payload is tensor:
                version = number
            elif _overlap(payload, tensor):
                old = self.values[others[0].value]
                pair = (old.id, number)
                version = self._value(payload, naming.ALIAS, operands=pair, span=span, name=old.name, previous=old.id)
            else:
                continue
            for other in others:
                other.value = version

    def refresh(self, box: Entry) -> None:
        """Make a new version of a list, tuple or dict whose elements have changed since it was recorded."""
        elements = elements_of(box.payload)
        for element in elements:
            if isinstance(element.payload, tuple | list | dict):
                self.refresh(element)
        if [element.value for element in elements] != list(self.values[box.value].elements):
            box.value = self._value(
                box.payload, naming.LIST, operands=elements, span=self.values[box.value].span, previous=box.value
            )

    def _share(self, box: E) -> None:
        tensor = box.payload
        self._sharing.setdefault(_storage(tensor), {}).setdefault(id(tensor), WeakKeyDictionary())[box] = None

    # Looking at tensors.

    def write_out(self, box: Entry, max_values: int | None) -> None:
        """Keep the values of a tensor, and of those in a sequence, up to `max_values` elements."""
        value = self.values[box.value]
        if isinstance(box.payload, torch.Tensor):
            self._revise(box.value, tensor=self.look(box.payload, box.value, value.span, max_values=max_values))
        for element in elements_of(box.payload):
            self.write_out(element, max_values)

    def look(
        self, tensor: torch.Tensor, value: int, span: Span | None, *, max_values: int | None, is_leaf: bool = True
    ) -> TensorInfo:
        """The tensor as it is now, dense. Nodes not seen before count as made for `value`."""
        if tensor.layout is not torch.strided:
            tensor = tensor.detach().to_dense()  # a gradient, which `sparse=True` asked for
        try:
            grad_fn = tensor.grad_fn
            if is_leaf and tensor.requires_grad and tensor.is_leaf:
                self.last_values[id(tensor)] = value
                if id(tensor) not in self.leaves:
                    self.leaves[id(tensor)] = tensor
                    self.values_of_leaves[id(tensor)] = value
                    self._unnamed.update(() if self.names.local(tensor) else (id(tensor),))
        except RuntimeError:  # torch refuses to tell of a view that was made without grad mode and then written to
            grad_fn = None
        return snapshot(
            tensor,
            grad_fn=None if grad_fn is None else self._see(grad_fn, value, span),
            storage=self._number_of_storage(tensor),
            max_values=max_values,
        )

    def _number_of_storage(self, tensor: torch.Tensor) -> int:
        """The number of a tensor's memory; that of a gradient in flight is not kept, as others may get the memory."""
        key = _storage(tensor)
        number = self._storages.get(key)
        if number is None or not (self._keeps or self._is_in_use(key)):
            number = next(self._last_storage)
            if not self.passes_under_way:
                self._storages[key] = number
        return number

    def _is_in_use(self, storage: int) -> bool:
        """Whether a tensor seen in this memory is still alive; else this is new memory at the same address."""
        found = self._sharing.get(storage, {})
        is_in_use = any(each.payload is not None for entries in reversed(found.values()) for each in entries)
        if found and not is_in_use:
            del self._sharing[storage]
        return is_in_use

    def _see(self, grad_fn: Any, value: int, span: Span | None) -> int:  # noqa: ANN401 - torch exports no type for nodes
        """The id of a node, after giving ids to all that it leads to. Iterative: graphs are deeper than the stack."""
        pending = [grad_fn]
        while pending:
            node = pending[-1]
            if node in self._node_ids:
                pending.pop()
                continue
            unseen = [child for child, _ in node.next_functions if child is not None and child not in self._node_ids]
            if unseen:
                pending.extend(reversed(unseen))
                continue
            pending.pop()
            self._node_ids[node] = len(self.nodes)
            self.nodes.append(self._node(node, value, span))
        return self._node_ids[grad_fn]

    def nodes_below(self, starts: Iterable[Any]) -> list[tuple[Any, int]]:
        """Every known node that can be reached from the nodes `starts`, with its id."""
        found: dict[Any, int] = {}
        pending = list(starts)
        while pending:
            node = pending.pop()
            if node in found or node not in self._node_ids:
                continue
            found[node] = self._node_ids[node]
            pending.extend([child for child, _ in node.next_functions if child is not None])
        return list(found.items())

    def _node(self, node: Any, value: int, span: Span | None) -> Node:  # noqa: ANN401 - torch exports no type for nodes
        variable = getattr(node, "variable", None)
        return Node(
            id=len(self.nodes),
            name=type(node).__name__,
            next=tuple([None if child is None else self._node_ids[child] for child, _ in node.next_functions]),
            input_nrs=tuple([input_nr for _, input_nr in node.next_functions]),
            value=value,
            span=span if variable is None else None,
            variable=None if variable is None else self.names.local(variable),
            leaf=None if variable is None else self.values_of_leaves.get(id(variable)),
        )

    def finish(self, names: Mapping[int, str]) -> None:
        """Give leaves that had no name when torch first used them the names that they have at the end."""
        for node, number in self._node_ids.items():
            variable = getattr(node, "variable", None)
            if variable is not None and self.nodes[number].variable is None:
                name = self.names.local(variable) or names.get(id(variable))
                self.nodes[number] = replace(self.nodes[number], variable=name)

    def renumber(self, values: Mapping[int, int], nodes: Mapping[int, int]) -> None:
        """Take over new numbers of the values and nodes that are kept: see `record.forget`."""
        self.values_of_leaves = {key: values[each] for key, each in self.values_of_leaves.items()}
        self.last_values = {key: values[each] for key, each in self.last_values.items()}
        self._node_ids = {node: nodes[each] for node, each in self._node_ids.items() if each in nodes}
        self._nesting = {values[each]: depth for each, depth in self._nesting.items() if each in values}
        self._sharing = {
            storage: {key: entries for key, entries in found.items() if entries}
            for storage, found in self._sharing.items()
            if any(found.values())
        }
        self.names.let_go()

    def release(self) -> None:
        """Let go of all tensors, and then of the nodes, from the last one on.

        Torch frees a chain of nodes that Python has seen by recursion, and crashes at some ten thousand. From the last
        one on, each is freed alone.
        """
        for boxes in [boxes for found in self._sharing.values() for boxes in found.values()]:
            for box in list(boxes):
                box.payload = None
        for holders in (self._sharing, self._alive, self.leaves, self._held):
            holders.clear()
        self.names.release()
        while self._node_ids:
            self._node_ids.popitem()

    def _revise(self, number: int, **changes: Any) -> None:  # noqa: ANN401 - fields of Value
        self.values[number] = replace(self.values[number], **changes)


def tensors_in(boxes: Iterable[E]) -> Iterator[E]:
    """The entries that hold tensors, those in sequences too.

    Raises:
        AgxError: a sequence holds too much.
    """
    for box in boxes:
        if isinstance(box.payload, torch.Tensor):
            yield box
        elif isinstance(box.payload, CONTAINERS):
            check_nesting(box.payload)
            yield from _tensors_within(box)


def _tensors_within(container: E) -> Iterator[E]:
    for box in elements_of(container.payload):
        if isinstance(box.payload, torch.Tensor):
            yield box
        elif isinstance(box.payload, CONTAINERS):
            yield from _tensors_within(box)


def grad_mode_in_force() -> GradMode:
    """Torch's grad mode now."""
    if torch.is_inference_mode_enabled():
        return GradMode.INFERENCE
    return GradMode.GRAD if torch.is_grad_enabled() else GradMode.NO_GRAD


def _storage(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)  # noqa: SLF001 - the only identity of a storage without elements


def _overlap(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors of one storage may share an element: whether the memory they span does."""
    first, last = _extent(one)
    other_first, other_last = _extent(other)
    return first <= other_last and other_first <= last


def _extent(tensor: torch.Tensor) -> tuple[int, int]:
    start = int(tensor.storage_offset()) * tensor.element_size()
    if not tensor.numel():
        return start, start - 1
    reach = sum(int(size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return start, start + (reach + 1) * tensor.element_size() - 1


def _scalar(payload: object) -> Scalar:
    if isinstance(payload, torch.Tensor):
        return f"<tensor of shape {list(payload.shape)} inside torch.func>"
    if payload is None or isinstance(payload, bool | int | float | complex | str):
        return payload
    home = type(payload).__module__.partition(".")[0]
    is_known = home in _OF_KNOWN_WORDS and has_words(payload)  # str() of a script's own class may do anything
    return str(payload).removeprefix("torch.") if is_known else f"<{type(payload).__name__}>"


def _container(payload: object) -> str | None:
    return next((kind.__name__ for kind in CONTAINERS if isinstance(payload, kind)), None)


def _fields_of(result: object) -> tuple[str, ...]:
    return getattr(type(result), "__match_args__", ()) if isinstance(result, tuple) else ()
