"""`x^2` where a power is meant: `^` is bitwise xor, which floating point numbers do not have."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from typing import TypeGuard

from autograd_cli.diagnostic import PROGRAM, Span, bad_request
from autograd_cli.lang import vocabulary
from autograd_cli.lang.mistakes import first_operand, last_operand
from autograd_cli.lang.program import Program
from autograd_cli.lang.stack import deep_stack

_BITS = (ast.BitXor, ast.BitAnd, ast.BitOr, ast.LShift, ast.RShift, ast.FloorDiv)
_TO_INTEGERS = frozenset("to type int long short bool char byte type_as".split())


def check_power(program: Program, floating: Collection[str] | None, source: str = PROGRAM) -> None:
    """Refuse `^` beside a floating point number; `floating` are the inputs that hold these. None refuses every `^`.

    Raises:
        AgxError: with the power to write.
    """
    if "^" not in program.source:
        return
    with deep_stack():
        finder = None if floating is None else _Floats(program, floating)
        powers = [node for node in ast.walk(program.tree) if _is_xor(node) and (not finder or finder.is_power(node))]
    if powers:
        place, label = min((_place(program, node) for node in powers), key=lambda pair: (pair[0].line, pair[0].column))
        raise bad_request("syntax", "`^` is bitwise xor; power is `**`", source=source, span=place, label=label)


def _place(program: Program, node: ast.BinOp) -> tuple[Span, str]:
    """Where base, `^` and exponent are for a writer who thinks that `^` binds like a power; and what to write."""
    whole, left, right = program.spans.of(node), program.spans.of(node.left), program.spans.of(node.right)
    row = program.source.split("\n")[left.end_line - 1]
    caret = row.find("^", left.end_column)
    if caret < 0 or right.line != left.end_line:
        return whole, "write **"
    base, exponent = last_operand(row[:caret].rstrip()), first_operand(row[caret + 1 :].lstrip())
    end = len(row) - len(row[caret + 1 :].lstrip()) + len(exponent)
    start = len(row[:caret].rstrip()) - len(base)
    label = f"write exp({exponent})" if base in {"e", "exp"} else f"write {base}**{exponent}"
    return Span(line=left.end_line, column=start, end_line=left.end_line, end_column=end), label


def _is_xor(node: ast.AST) -> TypeGuard[ast.BinOp]:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor)


class _Floats:
    """Tells which expressions are certain to hold floating point numbers."""

    def __init__(self, program: Program, floating: Collection[str]) -> None:
        self._program = program
        self._names = {name for name in floating if name not in program.bound}
        for name, value in _assigned_once(program):
            if self._is_float(value):
                self._names.add(name)

    def is_power(self, node: ast.BinOp) -> bool:
        """Whether the `^` has a floating point number beside it."""
        return self._is_float(node.left) or self._is_float(node.right)

    def _is_float(self, node: ast.expr) -> bool:  # noqa: C901 - one case for each kind of expression
        while True:
            match node:
                case ast.Constant():
                    return isinstance(node.value, float)
                case ast.Name():
                    full_name = self._program.resolved.get(id(node), "")
                    return node.id in self._names or full_name.rpartition(".")[2] in vocabulary.CONSTANTS
                case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                    node = node.operand
                case ast.BinOp() if not isinstance(node.op, _BITS):
                    if self._is_float(node.right):
                        return True
                    node = node.left
                case ast.Call(func=ast.Attribute(value=owner, attr=name)) if (
                    id(node.func) not in self._program.resolved
                ):
                    operation = vocabulary.operation(f"torch.Tensor.{name}")
                    if operation is None or not operation.differentiable or name in _TO_INTEGERS:
                        return False
                    node = owner
                case ast.Call(args=[argument, *_]):
                    operation = vocabulary.operation(self._program.resolved.get(id(node.func), ""))
                    if operation is None or not operation.differentiable:
                        return False
                    node = argument
                case _:
                    return False


def _assigned_once(program: Program) -> Iterator[tuple[str, ast.expr]]:
    """The names that one plain assignment at the top level binds, and nothing else does, with their values."""
    stores = [
        node.id for node in ast.walk(program.tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    for statement in program.tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]) if stores.count(name) == 1:
                yield name, statement.value
