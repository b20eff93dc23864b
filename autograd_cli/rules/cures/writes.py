"""How a write is mended: as changes of the lines it stands in."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from autograd_cli.diagnostic import Edit, Span
from autograd_cli.lang.source import owner_of
from autograd_cli.rules.evidence.evidence import Evidence
from autograd_cli.trace import Kind, Value


def out_of_place(evidence: Evidence, writer: Value, refused: Span | None) -> tuple[Edit, ...]:
    """The write made into a copy; an update of a leaf, such as an optimizer's step, moved behind the refused pass."""
    span = writer.span
    if span is None:
        return ()
    if not writer.is_write and (edits := not_in_place(evidence, writer.operands, span)):
        return edits
    statement = evidence.text.statement_around(span)
    if statement is None:
        return ()
    is_update = writer.tensor is not None and writer.tensor.is_leaf
    if is_update:
        return _moved(evidence, statement, refused)
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        return evidence.text.replaced_all([(evidence.text.span_of(statement), _spelled_out(evidence, statement))])
    name = written_name(statement)
    return () if name is None else evidence.text.line_before(span, f"{name} = {name}.clone()")


def not_in_place(evidence: Evidence, operands: Iterable[int], span: Span | None) -> tuple[Edit, ...]:
    """`inplace=False` for a function or a module that was given `inplace=True`."""
    for place in [*[evidence.trace.values[each].span for each in operands], span]:
        node = evidence.text.expression_at(place)
        for keyword in node.keywords if isinstance(node, ast.Call) else []:
            if keyword.arg == "inplace":
                return evidence.text.replaced_all([(evidence.text.span_of(keyword.value), "False")])
    return ()


def _spelled_out(evidence: Evidence, node: ast.AugAssign) -> str:
    """`y += 1` as `y = y + 1`."""
    text = evidence.text.operand(node.value)
    assert isinstance(node.target, ast.Name)
    name = node.target.id
    return f"{name} = {name} {_OPERATORS.get(type(node.op), '+')} {text}"


def _moved(evidence: Evidence, statement: ast.stmt, refused: Span | None) -> tuple[Edit, ...]:
    """A statement moved behind the one that torch refused, where both stand in one block."""
    if refused is None:
        return ()
    target = evidence.text.statement_around(refused)
    block = evidence.text.block_around(statement)
    if target is None or block.col_offset != target.col_offset or block.lineno >= target.lineno:
        return ()
    first, last = block.lineno, block.end_lineno or block.lineno
    moved = "\n".join(evidence.lines[first - 1 : last])
    end = target.end_lineno or target.lineno
    behind = "\n".join(evidence.lines[end - 1 : end])
    return (
        Edit(line=first, end_line=last, text=""),
        Edit(line=end, end_line=end, text=f"{behind}\n{moved}"),
    )


def written_name(statement: ast.stmt) -> str | None:
    """The name that a statement writes through: `y` of `y[0] = 1`, `y[0].add_(1)` and `y.T.mul_(2)`."""
    node: ast.expr | None = None
    match statement:
        case ast.Assign(targets=[target]):
            node = target
        case ast.AugAssign(target=target):
            node = target
        case ast.Expr(value=ast.Call() as call):
            node = call
    while node is not None and not isinstance(node, ast.Name):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=home)), args=[first, *_]) if home in _HOMES:
                node = first
            case ast.Call(func=ast.Attribute(value=owner)):
                node = owner
            case ast.Call(args=[first, *_]):
                node = first
            case ast.Subscript(value=owner) | ast.Attribute(value=owner):
                node = owner
            case _:
                node = None
    return node.id if isinstance(node, ast.Name) else None


def update(evidence: Evidence, span: Span | None, *, is_computed: bool) -> tuple[Edit, ...]:
    """A write to a leaf, put under no_grad; where a computed value is written, made into a copy instead."""
    statement = None if span is None else evidence.text.statement_around(span)
    if statement is None or span is None:
        return ()
    place = evidence.text.span_of(statement)
    line = evidence.lines[place.line - 1]
    if is_computed:
        name = written_name(statement)
        return () if name is None else evidence.text.line_before(place, f"{name} = {name}.clone()")
    if line[: place.column].strip() or place.line != place.end_line or ";" in line:
        return ()
    indent = line[: place.column]
    return (
        Edit(
            line=place.line,
            end_line=place.line,
            text=f"{indent}with torch.no_grad():\n{indent}    {line.strip()}",
        ),
    )


def copied(evidence: Evidence, span: Span | None) -> tuple[Edit, ...]:
    """A copy made before the write."""
    statement = None if span is None else evidence.text.statement_around(span)
    name = None if statement is None else written_name(statement)
    if statement is None or name is None or span is None:
        return ()
    bound = evidence.bindings(name)
    if not bound or evidence.tensor(bound[-1][1]) is None:
        return ()
    return evidence.text.line_before(evidence.text.span_of(statement), f"{name} = {name}.clone()")


def single_views(evidence: Evidence, whole: Value, source: Value) -> tuple[Edit, ...]:
    """The several views taken one by one: torch lets such a view be written to."""
    span = whole.span
    node = None if span is None else evidence.text.expression_at(span)
    name = evidence.called(source.id)
    if node is None or span is None or not name.isidentifier():
        return ()
    rows = f"[{name}[i] for i in range(len({name}))]"
    if whole.kind is Kind.UNPACK:
        places = [each for each in ast.walk(node) if isinstance(each, ast.Name) and each.id == name]
        return evidence.text.replaced_all([(evidence.text.span_of(each), rows) for each in places[:1]])
    owner = owner_of(node)
    text = None if owner is None else evidence.text.operand(owner)
    shape = () if source.tensor is None else source.tensor.shape
    parts = [part for each in whole.elements if (part := evidence.tensor(each)) is not None]
    if text is None or not parts:
        return ()
    if len(parts[0].shape) < len(shape):
        dim = next((each for each in range(len(shape)) if shape[each] == len(parts)), 0)
        pieces = [f"{text}.select({dim}, {index})" for index in range(len(parts))]
    else:
        dim = next((each for each in range(len(shape)) if parts[0].shape[each] != shape[each]), 0)
        sizes = [part.shape[dim] for part in parts]
        pieces = [f"{text}.narrow({dim}, {sum(sizes[:index])}, {size})" for index, size in enumerate(sizes)]
    return evidence.text.replaced_all([(span, f"[{', '.join(pieces)}]")])


def read_from_copy(evidence: Evidence, span: Span | None) -> tuple[Edit, ...]:
    """What is read in a write, copied first."""
    statement = None if span is None else evidence.text.statement_around(span)
    read: ast.expr | None = None
    match statement:
        case ast.Assign(value=value) | ast.AugAssign(value=value):
            read = value
        case ast.Expr(value=ast.Call(args=[first, *_])):
            read = first
    if read is None:
        return ()
    return evidence.text.replaced_all([(evidence.text.span_of(read), f"{evidence.text.operand(read)}.clone()")])


def on_copy(evidence: Evidence, writer: Value, alias: Value) -> tuple[Edit, ...]:
    """A write through `.data`, made to a copy: of the alias where that has a name, else of the tensor itself."""
    node = evidence.text.expression_at(alias.span)
    if evidence.names(alias.id) and isinstance(node, ast.Attribute) and alias.span is not None:
        text = evidence.text.operand(node.value)
        return evidence.text.replaced_all([(alias.span, f"{text}.detach().clone()")])
    statement = None if writer.span is None else evidence.text.statement_around(writer.span)
    name = None if statement is None else written_name(statement)
    if writer.span is None or name is None:
        return ()
    return evidence.text.line_before(writer.span, f"{name} = {name}.clone()")


def assigned(evidence: Evidence, place: Span | None, span: Span | None, *, is_data: bool) -> tuple[Edit, ...]:
    """A write to a copy, assigned to the place that it was copied from."""
    statement = None if span is None else evidence.text.statement_around(span)
    node = evidence.text.expression_at(place)
    if statement is None or place is None or not isinstance(node, ast.Subscript):
        return ()
    whole = evidence.text.span_of(statement)
    text = evidence.piece_whole(place)
    if is_data and isinstance(statement, ast.Assign):
        value = evidence.text.cut(statement.value)
        owner = evidence.text.cut(node.value)
        index = text[len(owner) :]
        return evidence.text.replaced_all([(whole, f"{owner}.data{index} = {value}")])
    return evidence.text.replaced_all([(whole, f"{text} = {evidence.piece_whole(whole)}")])


def assigned_result(evidence: Evidence, value: Value, operand: Value) -> tuple[Edit, ...]:
    """A result that was dropped, assigned to the operand."""
    node, span = evidence.text.expression_at(value.span), value.span
    owner = owner_of(node) if node is not None else None
    if owner is None or span is None:
        return ()
    text, whole = evidence.text.operand(owner), evidence.piece_whole(span)
    del operand
    return evidence.text.replaced_all([(span, f"{text} = {whole}")])


def detached(evidence: Evidence, span: Span | None) -> tuple[Edit, ...]:
    """`v.detach_()` as `v = v.detach()`."""
    node = evidence.text.expression_at(span)
    owner = None if node is None else owner_of(node)
    if span is None or owner is None:
        return ()
    text = evidence.text.operand(owner)
    statement = evidence.text.statement_at(span)
    if isinstance(statement, ast.Expr) and isinstance(owner, ast.Name | ast.Subscript):
        return evidence.text.replaced_all([(span, f"{text} = {text}.detach()")])
    return evidence.text.replaced_all([(span, f"{text}.detach()")])


def called(evidence: Evidence, span: Span) -> tuple[Edit, ...]:
    """A method with its parentheses."""
    return evidence.text.replaced_all([(span, f"{evidence.piece_whole(span)}()")])


_HOMES = frozenset({"torch", "F", "nn"})
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
    ast.MatMult: "@",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}
