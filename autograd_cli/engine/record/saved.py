"""A node of torch's graph → what it kept from the forward pass, and what torch's table says of each of its edges."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch

from autograd_cli.derivatives import spelling
from autograd_cli.derivatives.glosses import COMPLEX, ELEMENT, TO_REAL, glosses
from autograd_cli.derivatives.table import formulas_of_node
from autograd_cli.engine.record.snapshot import MAX_INTERMEDIATE_VALUES, values_of
from autograd_cli.lang.documentation import Formulas
from autograd_cli.trace import Saved

_PREFIX = "_saved_"
_CHANGED = "modified by an inplace operation"  # only torch's words tell a changed tensor from a freed one
_UNSIGNED = 2**64  # torch returns a negative int64 with this added
_TENSOR = "tensor"  # stands for any tensor: only its absence decides anything
_FRACTION = 0.5  # stands for any number that is no integer: which one decides nothing
_EDGES_CACHED = 4_096
_COMMA = re.compile(r",\s*")


class Edge(NamedTuple):
    """What torch's table says of an edge: `argument`, `formula` and `gloss` of a Flow."""

    argument: str | None
    formula: str | None
    gloss: str | None


def saved_of(node: Any) -> tuple[Saved, ...]:  # noqa: ANN401 - torch has no public class for a node
    """What the node kept, to be read before backward; nothing of what was freed or has changed since."""
    return tuple(saved for attribute in _saved_attributes(node.__class__) for saved in _read(node, attribute))


def changed_of(node: Any) -> tuple[str, ...]:  # noqa: ANN401 - torch has no public class for a node
    """The names of what the node kept and was changed in place since, so that the node cannot run any more."""
    return tuple(
        attribute.removeprefix(_PREFIX)
        for attribute in _saved_attributes(node.__class__)
        if _is_changed(node, attribute)
    )


def _is_changed(node: Any, attribute: str) -> bool:  # noqa: ANN401 - torch has no public class for a node
    try:
        getattr(node, attribute)
    except RuntimeError as error:
        return _CHANGED in str(error)
    except Exception:  # noqa: BLE001 - torch refuses in many ways, and this is another one
        return False
    return False


@functools.cache
def _saved_attributes(kind: type) -> tuple[str, ...]:
    return tuple(name for name in dir(kind) if name.startswith(_PREFIX))


def _read(node: Any, attribute: str) -> Sequence[Saved]:  # noqa: ANN401 - torch has no public class for a node
    name = attribute.removeprefix(_PREFIX)
    try:
        return _saved(name, getattr(node, attribute))
    except Exception:  # noqa: BLE001 - freed, changed in place, of a layout without values: torch says so in many ways
        return ()


def _saved(name: str, value: object) -> Sequence[Saved]:
    if value is None:
        return ()
    if isinstance(value, torch.Tensor):
        return (Saved(name=name, tensor=values_of(value, MAX_INTERMEDIATE_VALUES), text=None),)
    if isinstance(value, tuple | list) and any(isinstance(element, torch.Tensor) for element in value):
        return [_element(f"{name}[{index}]", element) for index, element in enumerate(value)]
    return (Saved(name=name, tensor=None, text=_text(value)),)


def _element(name: str, element: object) -> Saved:
    return _saved(name, element)[0] if element is not None else Saved(name=name, tensor=None, text="None")


def _text(value: object) -> str:
    """The value as Python writes it, sizes as a list."""
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_text, value))}]"
    return repr(_signed(value))


def _signed(value: object) -> object:
    return value - _UNSIGNED if isinstance(value, int) and value >= _UNSIGNED // 2 else value


def edges_of(node: Any) -> tuple[Edge, ...]:  # noqa: ANN401 - torch has no public class for a node
    """What the table of the installed torch says of each of the node's `next_functions`."""
    name = type(node).__name__
    settings = tuple([_setting(node, argument) for argument in _consulted(name)])
    return _edges(name, _are_complex(node), settings)


@functools.cache
def _consulted(name: str) -> tuple[str, ...]:
    """The arguments of a node whose values decide how its formulas are written."""
    entry = formulas_of_node(name)
    formulas = entry.formulas if entry is not None else ()
    return tuple(sorted({argument for _, formula in formulas for argument in spelling.consulted(formula)}))


def _setting(node: Any, argument: str) -> object:  # noqa: ANN401 - torch has no public class for a node
    """The value of such an argument: for a list of one its element, None for an empty list, a mark for a tensor.

    The `dim` of a tensor without dimensions is None, too.
    """
    if argument == "dim" and _has_no_dimensions(node):
        return None
    try:
        value = getattr(node, f"{_PREFIX}{argument}", _TENSOR)
    except RuntimeError:  # a tensor that was freed, or has changed
        return _TENSOR
    if isinstance(value, torch.Tensor):
        return _TENSOR
    if isinstance(value, tuple | list):
        several = tuple([_signed(element) for element in value])
        return None if not several else several[0] if len(several) == 1 else several
    if isinstance(value, float) and not value.is_integer():
        return _FRACTION
    return _signed(value)


def _has_no_dimensions(node: Any) -> bool:  # noqa: ANN401 - torch has no public class for a node
    function, number = node.next_functions[0]
    ends = getattr(function, "_input_metadata", ())[number : number + 1]
    return len(ends) == 1 and len(ends[0].shape) == 0


def _are_complex(node: Any) -> tuple[bool, ...]:  # noqa: ANN401 - torch has no public class for a node
    """Whether a complex number arrives at the node, and whether one leaves along each edge."""
    found = [_any_complex(getattr(node, "_input_metadata", ()))]
    for function, number in node.next_functions:
        found.append(_any_complex(getattr(function, "_input_metadata", ())[number : number + 1]))
    return tuple(found)


def _any_complex(ends: Sequence[Any]) -> bool:
    return any(end.dtype.is_complex for end in ends)


@functools.lru_cache(maxsize=_EDGES_CACHED)
def _edges(name: str, are_complex: tuple[bool, ...], settings: tuple[object, ...]) -> tuple[Edge, ...]:
    """The edges of a node. `are_complex` is as `_are_complex` returns it, `settings` are those of `_consulted`."""
    entry = formulas_of_node(name)
    values: dict[str, object] = dict(zip(_consulted(name), settings, strict=True))
    arrives, *leave = are_complex
    told = []
    if entry is not None:
        for (argument, element), leaves in zip(_arguments(entry, len(leave)), leave, strict=False):
            kinds = {COMPLEX: arrives or any(leave), TO_REAL: arrives and not leaves, ELEMENT: element}
            told.append(_edge(entry, argument, {**values, **kinds}))
    told += [Edge(argument=None, formula=None, gloss=None)] * (len(leave) - len(told))
    return tuple(_of_node(name, number, edge) for number, edge in enumerate(told))


def _edge(entry: Formulas, argument: str, values: dict[str, object]) -> Edge:
    names, formula = next(pair for pair in entry.formulas if argument in re.split(_COMMA, pair[0]))
    index = re.split(_COMMA, names).index(argument)
    element = values[ELEMENT]
    if element is not None:
        argument, formula = f"{argument}[{element}]", formula.replace("[i]", f"[{element}]")
    told = spelling.tell(formula, index, values)
    return Edge(argument=argument, formula=told.formula, gloss=told.gloss)


def _of_node(name: str, number: int, edge: Edge) -> Edge:
    """The edge, with the argument and gloss of glosses.tsv where it has an entry for this edge."""
    for gloss in glosses().get(name, ()):
        if gloss.index == number:
            return edge._replace(argument=gloss.parameters[number], gloss=gloss.text)
    return edge


def _arguments(entry: Formulas, count: int) -> Iterator[tuple[str, int | None]]:
    """The differentiable arguments in the order of the schema; a list of tensors once for each of its elements."""
    inside = entry.schema.partition("(")[2].rpartition(" -> ")[0]
    told = {name for names, _ in entry.formulas for name in re.split(_COMMA, names)}
    ordered = [name for name in re.findall(r"(\w+)(?==|,|\)|$)", inside) if name in told]
    lists = set(re.findall(r"Tensor\??\[\] (\w+)", inside)) & told
    each = (count - (len(ordered) - len(lists))) // max(len(lists), 1)
    for name in ordered:
        yield from ((name, index) for index in range(each)) if name in lists else ((name, None),)
