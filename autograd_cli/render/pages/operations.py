"""Operations → what `agx ops` prints: the list by groups, the page of one, and both as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from autograd_cli.lang.documentation import Documentation, short_name
from autograd_cli.lang.vocabulary import Operation
from autograd_cli.render.escape import visible
from autograd_cli.render.look import HEADING, NODE

if TYPE_CHECKING:
    from rich.text import Text

SCHEMA = "agx-ops/1"
WIDTH = 80
_LEGEND = (
    "sin is torch.sin(x), and x.sin() where a tensor has it; .exp_ is only a method or attribute;"
    " F is torch.nn.functional. For details: agx ops NAME."
)
_GROUPS = {
    "elementwise": "elementwise",
    "activation": "activation",
    "reduction": "reduction",
    "linalg": "linear algebra",
    "shape": "shape",
    "index": "index and order",
    "loss": "loss",
    "layer": "layer",
    "fft": "Fourier transform",
    "special": "special function",
    "comparison": "comparison and bits",
    "factory": "factory",
    "random": "random",
    "cast": "cast and copy",
    "query": "query",
    "attribute": "attribute",
    "autograd": "autograd",
    "module": "module",
    "init": "initialiser",
    "optimizer": "optimizer",
    "distribution": "distribution",
}


def list_text(operations: Sequence[Operation], width: int | None) -> Text:
    """The names by group, those that can be differentiated first."""
    from rich.text import Text

    lines = max(20, min(width or WIDTH, 120))
    text = Text(textwrap.fill(_LEGEND, lines), end="")
    for group, title in _GROUPS.items():
        for differentiable in (True, False):
            names = _names(operations, group, differentiable=differentiable)
            if names:
                text.append(f"\n\n{title}, {'differentiable' if differentiable else 'not differentiable'}\n", HEADING)
                text.append(_filled(names, lines))
    return text


def _names(operations: Iterable[Operation], group: str, *, differentiable: bool) -> list[str]:
    """The short names of a group; a method that is a function of torch, too, is not listed twice."""
    members = [op.name for op in operations if op.group == group and op.differentiable == differentiable]
    functions = {name.removeprefix("torch.") for name in members if name.count(".") == 1}
    names = [short_name(name) for name in members]
    return sorted((name for name in names if name.lstrip(".") not in functions or name[0] != "."), key=_by_letters)


def _by_letters(name: str) -> tuple[str, str]:
    return name.lstrip(".").lower(), name


def _filled(names: Sequence[str], width: int) -> str:
    return textwrap.fill(
        " ".join(names),
        width,
        initial_indent="  ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def page_text(page: Documentation, width: int | None) -> Text:
    """The page of one operation."""
    from rich.text import Text

    operation = page.operation
    text = Text(end="")
    text.append("\n".join(map(visible, page.signatures or (operation.name,))), HEADING)
    if page.summary is not None:
        text.append(f"\n{_wrapped(visible(page.summary), width)}")
    text.append(f"\n\ngroup           {_GROUPS[operation.group]}")
    text.append(f"\ndifferentiable  {'yes' if operation.differentiable else 'no'}")
    if page.derivatives:
        text.append("\n\nbackward, by the derivative table of this torch")
    for entry in page.derivatives:
        text.append(f"\n{visible(entry.node)}", NODE)
        text.append(f"  {visible(entry.schema.rpartition(' -> ')[0])}")
        for name, formula in entry.formulas:
            text.append(f"\n  {visible(name)}: {visible(formula)}")
    if operation.differentiable and not page.derivatives:
        text.append("\n\nbackward        no formula of its own: it is composed of other operations, which have theirs")
    return text


def _wrapped(text: str, width: int | None) -> str:
    return text if width is None else textwrap.fill(text, width)


def list_json(operations: Sequence[Operation]) -> str:
    """All operations as one line of JSON."""
    return json.dumps({"schema": SCHEMA, "ok": True, "operations": [_object(op) for op in operations]})


def page_json(page: Documentation) -> str:
    """One operation as one line of JSON."""
    derivatives = [
        {"node": entry.node, "schema": entry.schema, "formulas": dict(entry.formulas)} for entry in page.derivatives
    ]
    told = {"signatures": list(page.signatures), "summary": page.summary, "derivatives": derivatives}
    return json.dumps({"schema": SCHEMA, "ok": True, "operation": {**_object(page.operation), **told}})


def _object(operation: Operation) -> dict[str, Any]:
    return {**asdict(operation), "keywords": sorted(operation.keywords)}
