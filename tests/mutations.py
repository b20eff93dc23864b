"""The same program in another dress: other names, bystanders, a loop around it, methods for functions."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable
from dataclasses import replace

from diagnoses_table import Case

_BYSTANDERS = "spare = torch.linspace(0, 1, 3)\nmoved = spare + 1\n"
_BOTH_WAYS = "abs acos clamp cos cumsum exp floor log mean relu round sigmoid sign sin softmax sqrt sum tan tanh"
_CALL = re.compile(rf"\btorch\.({'|'.join(_BOTH_WAYS.split())})\(([A-Za-z_]\w*)(, )?")


def renamed(case: Case) -> Case:
    """Every name that the program binds, and every input, with another one; lines and places in them may move."""
    tree = ast.parse(case.program)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names |= {name for name, _ in case.inputs}
    new = {name: f"{name}_{number}" for number, name in enumerate(sorted(names))}
    places = [
        (node.lineno, node.col_offset, node.id)
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id in new
    ]
    lines = case.program.split("\n")
    for line, column, name in sorted(places, reverse=True):
        encoded = lines[line - 1].encode()
        lines[line - 1] = (encoded[:column] + new[name].encode() + encoded[column + len(name.encode()) :]).decode()
    victim = case.victim
    if victim is not None:
        head, dot, tail = victim.partition(".")
        victim = new.get(head, head) + dot + tail
    inputs = tuple((new[name], text) for name, text in case.inputs)
    return replace(case, program="\n".join(lines), victim=victim, inputs=inputs)


def among_bystanders(case: Case) -> Case:
    """Two lines above it that have nothing to do with it."""
    if re.match(r"(import|from) ", case.program):
        head, _, rest = case.program.partition("\n")
        return _moved(replace(case, program=f"{head}\n{_BYSTANDERS}{rest}"), 2)
    return _moved(replace(case, program=_BYSTANDERS + case.program), 2)


def in_a_loop(case: Case) -> Case:
    """All of it in a loop of one round."""
    if re.search(r"^(import|from|def) |\"\"\"", case.program, re.MULTILINE):
        return case
    return _moved(replace(case, program="for _ in range(1):\n" + textwrap.indent(case.program, "    ")), 1)


def by_methods(case: Case) -> Case:
    """`torch.exp(x)` as `x.exp()`."""
    return replace(case, program=_CALL.sub(lambda found: f"{found[2]}.{found[1]}(", case.program))


def _moved(case: Case, lines: int) -> Case:
    line = None if case.line is None else case.line + lines
    return replace(case, line=line, also_line=tuple(each + lines for each in case.also_line))


MUTATIONS: tuple[Callable[[Case], Case], ...] = (renamed, among_bystanders, in_a_loop, by_methods)
