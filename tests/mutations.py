"""The same program in another dress: other names, bystanders, a loop around it, methods for functions."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable
from dataclasses import replace

from diagnoses_table import Case

_BYSTANDERS = "spare = torch.linspace(0, 1, 3)\nmoved = spare + 1\n"
_BOTH_WAYS = frozenset(
    "abs acos clamp cos cumsum exp floor log mean relu round sigmoid sign sin softmax sqrt sum tan tanh".split()
)


def renamed(case: Case) -> Case:
    """With other names for every input and for all that the program binds; lines and places in them may move."""
    tree = ast.parse(case.program)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names |= {name for name, _ in case.inputs}
    parameters = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}  # a call may name them
    names = {name for name in names - parameters if not name.startswith("_")}
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
        victim = re.sub(r"^\w+", lambda head: new.get(head[0], head[0]), victim)
    inputs = tuple((new.get(name, name), text) for name, text in case.inputs)
    return replace(case, program="\n".join(lines), victim=victim, inputs=inputs)


def among_bystanders(case: Case) -> Case:
    """Below two lines that have nothing to do with it."""
    if re.match(r"(import|from) ", case.program):
        head, _, rest = case.program.partition("\n")
        return _moved(replace(case, program=f"{head}\n{_BYSTANDERS}{rest}"), 2)
    return _moved(replace(case, program=_BYSTANDERS + case.program), 2)


def in_a_loop(case: Case) -> Case:
    """In a loop of one round; unchanged where inputs are given, as a loop has no result, or at an import or `def`."""
    if case.inputs or re.search(r"^(import|from|def) |\"\"\"", case.program, re.MULTILINE):
        return case
    return _moved(replace(case, program="for _ in range(1):\n" + textwrap.indent(case.program, "    ")), 1)


def by_methods(case: Case) -> Case:
    """`torch.exp(x)` as `x.exp()`."""
    lines = case.program.split("\n")
    calls = [node for node in ast.walk(ast.parse(case.program)) if isinstance(node, ast.Call) and _is_of_torch(node)]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset), reverse=True):
        first = call.args[0]
        assert isinstance(call.func, ast.Attribute)
        assert isinstance(first, ast.Name)
        assert first.end_col_offset is not None
        line = lines[call.lineno - 1]
        rest = line[first.end_col_offset :].removeprefix(", ")
        lines[call.lineno - 1] = f"{line[: call.col_offset]}{first.id}.{call.func.attr}({rest}"
    return replace(case, program="\n".join(lines))


def _is_of_torch(call: ast.Call) -> bool:
    """Whether it is `torch.exp(x)`, of a name, all on one line of ASCII, and exp a method, too."""
    func = call.func
    if not isinstance(func, ast.Attribute) or func.attr not in _BOTH_WAYS or not call.args:
        return False
    is_torchs = isinstance(func.value, ast.Name) and func.value.id == "torch"
    return is_torchs and isinstance(call.args[0], ast.Name) and call.lineno == call.end_lineno


def _moved(case: Case, lines: int) -> Case:
    line = None if case.line is None else case.line + lines
    return replace(case, line=line, also_line=tuple(each + lines for each in case.also_line))


MUTATIONS: tuple[Callable[[Case], Case], ...] = (renamed, among_bystanders, in_a_loop, by_methods)
