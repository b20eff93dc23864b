"""What the installed torch itself says of an operation: signatures, one line, and the formulas of its derivative."""

from __future__ import annotations

import inspect
import re
from typing import Any

from torch.overrides import get_testing_overrides

from autograd_cli.derivatives.table import formulas_of
from autograd_cli.engine.interpret.functions import member_of
from autograd_cli.lang import vocabulary
from autograd_cli.lang.documentation import Documentation
from autograd_cli.lang.vocabulary import Operation

_LEFT_OUT = r",?\s*(?:\*\s*,\s*)?(?:out|generator|layout|pin_memory|memory_format|names)\s*=\s*[\w.]+"
_ROLE = re.compile(r":\w+(?::\w+)?:`~?\.?([^`<]*?)(?:\s*<[^`>]*>)?`")
_SEE = re.compile(r"^(?:See|Alias (?:for|of)) (torch[\w.]+)")


def document(operation: Operation) -> Documentation:
    """The page of an operation."""
    summary, alias = _summary(operation.name), None
    if summary is not None and (see := _SEE.match(summary)) is not None:
        alias = see[1].rstrip(".")
        if vocabulary.operation(alias) is not None and summary.startswith("See"):
            summary = _summary(alias)
    has_formulas = operation.differentiable and operation.group not in {"module", "distribution"}
    return Documentation(
        operation=operation,
        signatures=_signatures(operation),
        summary=summary,
        derivatives=formulas_of(operation.name, alias) if has_formulas else (),
    )


def _signatures(operation: Operation) -> tuple[str, ...]:
    if operation.group == "attribute":
        return (operation.name,)
    member = member_of(operation.name)
    name = re.escape(operation.name.rpartition(".")[2])
    pattern = rf"^(?:\.\. (?:function|method):: )?(?:[\w.]*\.)?{name}\((.*)\)\s*(?:->\s*(.+))?$"
    found = re.finditer(pattern, inspect.getdoc(member) or "", re.MULTILINE)
    lines = [_signature(operation.name, match[1], match[2]) for match in found]
    return tuple(dict.fromkeys(lines)) or _inspected(operation.name, member)


def _signature(full_name: str, arguments: str, result: str | None) -> str:
    arguments = re.sub(r"\s*=\s*", "=", arguments)
    arguments = re.sub(r"(?:^|,\s*)\*$", "", re.sub(_LEFT_OUT, "", arguments).lstrip(" ,"))
    return f"{full_name}({arguments})" + (f" -> {result.strip()}" if result else "")


def _inspected(full_name: str, member: Any) -> tuple[str, ...]:  # noqa: ANN401 - a function or class of torch
    try:
        signature = inspect.signature(get_testing_overrides().get(member, member))
    except (TypeError, ValueError):
        return ()
    named = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    accepted = getattr(vocabulary.operation(full_name), "keywords", ())
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for name, parameter in signature.parameters.items()
        if parameter.kind not in named or name in accepted
    ]
    return (f"{full_name}{signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)}",)


def _summary(full_name: str) -> str | None:
    """The first sentence of the docstring that is prose."""
    name = full_name.rpartition(".")[2]
    for paragraph in re.split(r"\n\s*\n", inspect.getdoc(member_of(full_name)) or ""):
        words = " ".join(line for line in paragraph.split("\n") if not re.match(rf"\s*(?:[\w.]*\.)?{name}\(.*", line))
        text = " ".join(_ROLE.sub(_plain, words).replace("``", "").split())
        if text and not text.startswith("..") and text[0].isalpha():
            return re.split(r"(?<=[\w)\]])\.\s", text)[0].rstrip(".:") + "."
    return None


def _plain(match: re.Match[str]) -> str:
    """The text of a role of reStructuredText; mathematics without its LaTeX commands."""
    text = re.sub(r"\\[a-z]+\{([^{}]*)\}", r"\1", match[1]).replace("\\", "")
    return f"torch.{text}" if text.startswith("Tensor.") else text
