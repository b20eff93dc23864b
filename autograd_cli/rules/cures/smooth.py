"""Steps, choices, positions and draws written as something smooth, which has a derivative."""

from __future__ import annotations

import ast

from autograd_cli.diagnostic import Edit
from autograd_cli.lang.source import is_home, owner_of
from autograd_cli.rules.causes.lost import Culprit, Role
from autograd_cli.rules.evidence.evidence import Evidence, encloses
from autograd_cli.trace import Kind, Value

_GREATER = frozenset({"gt", "ge", "greater", "greater_equal"})
_LESS = frozenset({"lt", "le", "less", "less_equal"})
_ROUNDING = frozenset({"round", "floor", "ceil", "trunc", "fix"})
_WITH_POSITIONS = frozenset("max min topk sort median mode kthvalue cummax cummin".split())
# Distributions without rsample(), for which the mean stands in; not Categorical, whose mean says nothing.
_WITHOUT_RSAMPLE = ("Bernoulli", "Binomial", "Poisson", "Geometric", "NegativeBinomial", "OneHot", "Multinomial")


def step(evidence: Evidence, node: ast.expr) -> str | None:
    """A comparison as a sigmoid of the difference, or as a bump where both are equal."""
    pair = _compared(evidence, node)
    if pair is None:
        return None
    left, right, kind = pair
    if kind == "==":
        return f"torch.exp(-(1.0 * {left} - 1.0 * {right}) ** 2)"
    if kind == "!=":
        return f"(1 - torch.exp(-(1.0 * {left} - 1.0 * {right}) ** 2))"
    return f"torch.sigmoid({left} - {right})" if kind == ">" else f"torch.sigmoid({right} - {left})"


def _compared(evidence: Evidence, node: ast.expr) -> tuple[str, str, str] | None:
    """What is compared with what, and how."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right = (_plain(evidence, each) for each in (node.left, node.comparators[0]))
        kind = _KINDS.get(type(node.ops[0]))
        return None if kind is None else (left, right, kind)
    if not isinstance(node, ast.Call):
        return None
    texts = evidence.text.argument_texts(node)
    name = _name(node)
    kind = ">" if name in _GREATER else "<" if name in _LESS else {"eq": "==", "ne": "!="}.get(name)
    return (texts[0], texts[1], kind) if kind is not None and len(texts) > 1 else None


_KINDS: dict[type[ast.cmpop], str] = {
    ast.Gt: ">",
    ast.GtE: ">",
    ast.Lt: "<",
    ast.LtE: "<",
    ast.Eq: "==",
    ast.NotEq: "!=",
}


def _plain(evidence: Evidence, node: ast.expr) -> str:
    """The text of an expression; for `k.item()` that of `k`."""
    if isinstance(node, ast.Call) and _name(node) in {"item", "float"}:
        node = owner_of(node) or node
    return evidence.text.operand(node)


def _name(node: ast.expr) -> str:
    """The name of the called function, without its namespace or owner."""
    func = node.func if isinstance(node, ast.Call) else node
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


def choice(evidence: Evidence, found: Culprit) -> tuple[Edit, ...]:
    """A choice by a comparison as a weighted mean: `a[a > b]`, `torch.where(a > b, c, d)`, `masked_fill`, an `if`."""
    compared = _comparison(evidence, found)
    weight = None if compared is None else step(evidence, compared)
    if weight is None or compared is None:
        return ()
    node = evidence.text.expression_at(found.use)
    if node is None or found.use is None:
        return _weighed(evidence, compared, weight)
    text = None
    if isinstance(node, ast.Subscript):
        text = f"({evidence.text.operand(node.value)} * {weight})"
    elif isinstance(node, ast.Call):
        texts, name = evidence.text.argument_texts(node), _name(node)
        is_method = isinstance(node.func, ast.Attribute) and not is_home(node.func.value)
        if name == "where" and len(texts) == 3:  # noqa: PLR2004 - the condition and what it chooses from
            one, other = (texts[0], texts[2]) if is_method else (texts[1], texts[2])
            text = f"({weight} * {one} + (1 - {weight}) * {other})"
        elif name == "masked_fill" and len(texts) == 3:  # noqa: PLR2004 - the tensor, the mask, the number
            text = f"({weight} * {texts[2]} + (1 - {weight}) * {texts[0]})"
    return () if text is None else evidence.text.replaced_all([(found.use, text)])


def _comparison(evidence: Evidence, found: Culprit) -> ast.expr | None:
    """The comparison that decides: the cut itself, or the test of the `if` that the cut stands in."""
    span = found.cut.span
    node = evidence.text.expression_at(span)
    if node is not None and _compared(evidence, node) is not None:
        return node
    statement = None if span is None else evidence.text.statement_around(span)
    test = statement.test if isinstance(statement, ast.If) else None
    is_there = test is not None and encloses(evidence.text.span_of(test), span)
    return test if is_there and test is not None and _compared(evidence, test) is not None else None


def _weighed(evidence: Evidence, compared: ast.expr, weight: str) -> tuple[Edit, ...]:
    """`if a > b: y = …` as a mean of both values of y."""
    statement = evidence.text.statement_around(evidence.text.span_of(compared))
    if not isinstance(statement, ast.If) or len(statement.body) != 1 or len(statement.orelse) > 1:
        return ()
    match statement.body[0]:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            one = evidence.text.operand(value)
        case _:
            return ()
    other = name
    if statement.orelse:
        match statement.orelse[0]:
            case ast.Assign(targets=[ast.Name(id=also)], value=value) if also == name:
                other = evidence.text.operand(value)
            case _:
                return ()
    text = f"{name} = {weight} * {one} + (1 - {weight}) * {other}"
    return evidence.text.replaced_all([(evidence.text.span_of(statement), text)])


def interpolated(evidence: Evidence, found: Culprit) -> tuple[Edit, ...]:
    """`table[position]` as a mean of the neighbouring rows, weighted by their distances."""
    node, place = evidence.text.expression_at(found.use), evidence.text.expression_at(found.cut.span)
    value = next((each for each in evidence.trace.values if each.span == found.use and each.operands), None)
    if node is None or place is None or value is None or found.use is None or found.cut.rule == "cut-by-index-op":
        return ()
    position = owner_of(place)
    while position is not None and _name(position) in _ROUNDING and isinstance(position, ast.Call):
        position = owner_of(position)
    if position is None:
        return ()
    text = f"torch.as_tensor({evidence.text.operand(position)}).unsqueeze(-1)"
    if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Tuple | ast.Slice):
        table, tensor = evidence.text.operand(node.value), evidence.tensor(value.operands[0])
    elif isinstance(node, ast.Call) and value.kind is Kind.MODULE and value.verb == "Embedding":
        table = f"{evidence.text.operand(node.func)}.weight"
        tensor = evidence.tensor(value.operands[-1])
    else:
        return ()
    if tensor is None or not tensor.shape:
        return ()
    weights = f"(1 - ({text} - torch.arange({float(tensor.shape[0])})).abs()).clamp(min=0)"
    return evidence.text.replaced_all([(found.use, f"({weights} @ {table})")])


def position(evidence: Evidence, node: ast.expr, value: Value) -> str | None:
    """Positions written as a weighted mean of positions, or replaced by the values that stand there."""
    name, owner = _name(node), owner_of(node)
    if name == "indices" and isinstance(node, ast.Attribute):
        return f"{evidence.text.operand(node.value)}.values"
    if not isinstance(node, ast.Call) or owner is None:
        return None
    text = evidence.text.operand(owner)
    if name in {"argsort", "sort"}:
        return f"torch.sort({', '.join([text, *evidence.text.argument_texts(node)[1:]])}).values"
    if name in {"bucketize", "searchsorted"}:
        texts = evidence.text.argument_texts(node)
        numbers, edges = texts[:2] if name == "bucketize" else texts[1::-1]
        return f"torch.sigmoid({numbers}.unsqueeze(-1) - {edges}).sum(-1)"
    tensor = evidence.tensor(value.operands[0]) if value.operands else None
    if tensor is None or name not in {"argmax", "argmin"} or not tensor.shape:
        return None
    return _mean_position(evidence, text if name == "argmax" else f"-{text}", value)


def _mean_position(evidence: Evidence, text: str, value: Value) -> str | None:
    """The mean of the positions along the dimension that was asked for, weighted by softmax."""
    tensor = evidence.tensor(value.operands[0])
    dims = [evidence.trace.values[each].scalar for each in value.operands[1:]]
    dim = dims[0] if dims else None
    if tensor is None:
        return None
    if dim is None:
        return f"(torch.softmax({text}.flatten(), 0) * torch.arange({float(tensor.numel)})).sum()"
    if not isinstance(dim, int):
        return None
    behind = len(tensor.shape) - 1 - dim % len(tensor.shape)
    positions = f"torch.arange({float(tensor.shape[dim])})" + (
        f".view({', '.join(['-1', *['1'] * behind])})" * (behind > 0)
    )
    return f"(torch.softmax({text}, {dim}) * {positions}).sum({dim})"


def unpacked_values(evidence: Evidence, value: Value) -> tuple[Edit, ...]:
    """The values instead of the positions: for `values, positions = torch.max(x, 1)`, `x.max(1)[1]` and `.indices`."""
    if value.kind not in {Kind.ELEMENT, Kind.INDEX} or value.span is None:
        return ()
    node = evidence.text.expression_at(value.span)
    statement = evidence.text.statement_around(value.span)
    if node is None or _name(node) not in _WITH_POSITIONS:
        return ()
    match statement:
        case ast.Assign(targets=[ast.Tuple(elts=[ast.Name() as one, ast.Name() as other])], value=given) if (
            given is node
        ):
            spans = [evidence.text.span_of(each) for each in (one, other)]
            return evidence.text.replaced_all([(spans[0], other.id), (spans[1], one.id)])
    around = evidence.text.parent_of(node)
    text = evidence.piece_whole(value.span)
    if isinstance(around, ast.Subscript) and isinstance(around.slice, ast.Constant):
        return evidence.text.replaced_all([(evidence.text.span_of(around), f"{text}[0]")])
    if isinstance(around, ast.Attribute):
        return evidence.text.replaced_all([(evidence.text.span_of(around), f"{text}.values")])
    return ()


def smooth(evidence: Evidence, node: ast.expr, value: Value) -> str | None:
    """An operation without a derivative as one that has one."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv):
        return f"{evidence.text.operand(node.left)} / {evidence.text.operand(node.right)}"
    if not isinstance(node, ast.Call):
        return None
    texts, name = evidence.text.argument_texts(node), _name(node)
    if name == "floor_divide" and len(texts) == 2:  # noqa: PLR2004 - what is divided by what
        return f"({texts[0]} / {texts[1]})"
    if name == "heaviside":
        return f"torch.sigmoid({texts[0]})"
    tensor = value.tensor
    if name == "histc" and tensor is not None:
        named = {each.arg: evidence.text.operand(each.value) for each in node.keywords}
        low = named.get("min", f"{texts[0]}.min().item()")
        high = named.get("max", f"{texts[0]}.max().item()")
        centres = f"torch.linspace({low}, {high}, {tensor.numel})"
        return f"torch.exp(-({texts[0]}.reshape(-1, 1) - {centres}) ** 2).sum(0)"
    return None


def expected(evidence: Evidence, found: Culprit) -> tuple[Edit, ...]:
    """A draw that is a function of the parameters, or the mean of what would be drawn."""
    value = evidence.trace.values[found.cut.value]
    node = evidence.text.expression_at(value.span)
    if not isinstance(node, ast.Call) or value.span is None:
        return ()
    drawn = evidence.trace.values[value.operands[-1]]
    text = evidence.piece_whole(value.span)
    if _name(node) == "sample" and not str(drawn.scalar).startswith(("Categorical", *_WITHOUT_RSAMPLE)):
        return evidence.text.replaced_all([(value.span, text.replace(".sample(", ".rsample("))])
    if _name(node) == "sample" and not str(drawn.scalar).startswith("Categorical"):
        return evidence.text.replaced_all([(value.span, f"{text[: text.rindex('.sample(')]}.mean")])
    chances = _chances(evidence, node)
    use = evidence.text.expression_at(found.use)
    if chances is None:
        return ()
    if found.role is Role.INDEX and isinstance(use, ast.Subscript) and found.use is not None:
        return evidence.text.replaced_all([(found.use, f"({chances} @ {evidence.text.operand(use.value)})")])
    if found.role is Role.VALUE:
        mean = f"({chances} * torch.arange({chances}.shape[-1])).sum(-1)"
        return evidence.text.replaced_all([(value.span, mean)])
    return ()


def _chances(evidence: Evidence, node: ast.Call) -> str | None:
    """The text of the probabilities of a draw."""
    owner = owner_of(node)
    if owner is None:
        return None
    if _name(node) == "multinomial":
        return evidence.text.operand(owner)
    return f"{evidence.text.operand(owner)}.probs"
