"""What left a node along an edge, as an equation: the formula, the formula with the numbers in it, and the result."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping

from autograd_cli.lang import vocabulary
from autograd_cli.render.look import Look
from autograd_cli.render.parts.numbers import array_text, is_shortened, norm_text
from autograd_cli.render.parts.short import one_line, tensor_text
from autograd_cli.trace import Flow, Saved, TensorValues, Visit

MAX_ELEMENTS = 6
MAX_LENGTH = 60
_ELEMENTWISE = {"elementwise", "activation", "special", "comparison"}
# Methods that stay methods: the function of that name is Python's own, or torch's takes other arguments.
_METHODS = {"sum", "max", "min", "all", "any", "round", "flip", "permute"}
_CONSTANTS = {"pi", "inf", "nan", "math", "linalg", "special", "True", "False"}
_NO_END = 2**63 - 1  # how torch writes the end of a slice that has none
_MARK = re.compile(r"_(\d+)_")

Shape = tuple[int, ...]


class UnknownNumberError(Exception):
    """A part of a formula whose number, or shape, is not known here."""


def equation(flow: Flow, visit: Visit, look: Look, width: int = MAX_LENGTH) -> tuple[str, str]:
    """`grad * other = [1., 1.] * 2. = ` and `[2., 2.]`: what is known of how a gradient came about, and the gradient.

    Numbers that take several lines have lines of this `width`.
    """
    text = flow.gloss or flow.formula
    if flow.gradient is None:
        return "", "None"
    is_whole = not is_shortened(flow.gradient, look)
    result = (
        tensor_text(flow.gradient, look, room=min(MAX_LENGTH, width), width=width)
        if is_whole
        else norm_text(flow.gradient, look)
    )
    if text is None:
        return "", result
    tree = _tree(text)
    if tree is not None and (summed := _summed(tree, flow, visit)) is not tree:
        text = ast.unparse(summed)
    numbers = with_numbers(flow, visit, look)
    left = [text] if numbers in {None, text, result} else [text, str(numbers)]
    return f"{' = '.join(left)}{' = ' if is_whole and tree is not None else f' {look.glyphs.arrow}'}", result


def with_numbers(flow: Flow, visit: Visit, look: Look) -> str | None:
    """The formula with numbers in the place of names; None where a number is not known, or the text would be long.

    Where torch adds up a broadcast gradient after the formula, so does the text.
    """
    tree = _tree(flow.gloss or flow.formula or "")
    if tree is None:
        return None
    known = _Known(flow, visit)
    numbers = _Numbers(known, look)
    try:
        text = numbers.text_of(_summed(tree, flow, visit))
    except (UnknownNumberError, IndexError):
        return None
    return text if len(text) <= MAX_LENGTH else None


def _tree(text: str) -> ast.expr | None:
    """The formula as a tree, which may be changed; None where it is words, or still C++."""
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return None


def _short_text(tensor: TensorValues, look: Look) -> str | None:
    """The values on one line, where they are few."""
    if tensor.values is None or not 0 < tensor.numel <= MAX_ELEMENTS:
        return None
    return one_line(array_text(tensor, look, None))


class _Known:
    """What is known of the names in a formula."""

    def __init__(self, flow: Flow, visit: Visit) -> None:
        self._flow = flow
        self._arrived = visit.arrived
        self._saved: Mapping[str, Saved] = {saved.name: saved for saved in visit.saved}

    def tensor(self, name: str) -> TensorValues | None:
        """The tensor of that name, if it is one."""
        if name == "grad":
            return self._arrived[0] if self._arrived else None
        saved = self._saved.get(name)
        return saved.tensor if saved is not None else None

    def arrived(self) -> tuple[TensorValues | None, ...]:
        """What arrived, at all outputs."""
        return self._arrived

    def elements(self, name: str) -> list[Saved]:
        """The elements of a list of tensors."""
        return [saved for key, saved in self._saved.items() if key.startswith(f"{name}[")]

    def option(self, name: str) -> ast.expr:
        """An option of the operation, as Python.

        Raises:
            UnknownNumberError: there is none.
        """
        saved = self._saved.get(name)
        if saved is None or saved.text is None:
            raise UnknownNumberError(name)
        if saved.text == str(_NO_END):
            return ast.Constant(None)
        try:
            return ast.parse(saved.text, mode="eval").body
        except SyntaxError:
            raise UnknownNumberError(name) from None

    def shape(self, name: str) -> Shape:
        """The shape of a tensor, which is often kept where the tensor is not.

        Raises:
            UnknownNumberError: it was not kept.
        """
        tensor = self.tensor(name)
        if tensor is not None:
            return tensor.shape
        if name == self._flow.argument and self._flow.gradient is not None:
            return self._flow.gradient.shape
        sizes = self._saved.get(f"{name}_sym_sizes")
        if sizes is None or sizes.text is None:
            raise UnknownNumberError(name)
        return tuple(ast.literal_eval(sizes.text))

    def size(self, name: str, dimension: int) -> int:
        """One size of a tensor.

        Raises:
            UnknownNumberError: it was not kept.
        """
        saved = self._saved.get(f"{name}_sym_argsize_{f'minus_{-dimension}' if dimension < 0 else dimension}")
        if saved is not None and saved.text is not None:
            return int(saved.text)
        shape = self.shape(name)
        if not -len(shape) <= dimension < len(shape):
            raise UnknownNumberError(name)
        return shape[dimension]


def _summed(tree: ast.expr, flow: Flow, visit: Visit) -> ast.expr:
    """The formula, inside the sum that torch takes where the argument was broadcast; unchanged where it was not."""
    if flow.gradient is None:
        return tree
    try:
        shape = _shape(tree, _Known(flow, visit))
    except UnknownNumberError:
        return tree
    wanted = flow.gradient.shape
    if shape == wanted:
        return tree
    if not wanted:
        return ast.Call(ast.Name("sum"), [tree], [])
    return ast.Call(ast.Attribute(tree, "sum_to_size"), [ast.Constant(size) for size in wanted], [])


def _shape(tree: ast.expr, known: _Known) -> Shape:
    """The shape of an elementwise formula.

    Raises:
        UnknownNumberError: it is not elementwise, or the shape of a tensor is not known.
    """
    if isinstance(tree, ast.Name) and tree.id not in _CONSTANTS:
        tensor = known.tensor(tree.id)
        if tensor is not None:
            return tensor.shape
        known.option(tree.id)
        return ()
    return _broadcast((), *[_shape(part, known) for part in _elementwise_parts(tree)])


def _elementwise_parts(tree: ast.expr) -> list[ast.expr]:
    """What an elementwise expression is made of: nothing where it is a number.

    Raises:
        UnknownNumberError: it is not elementwise.
    """
    match tree:
        case ast.Constant() | ast.Name() | ast.Call(func=ast.Attribute(ast.Name("math"))):
            return []
        case ast.Call(func=ast.Attribute(ast.Name(), "numel")):
            return []
        case ast.UnaryOp(operand=part) | ast.Attribute(part, "real" | "imag"):
            return [part]
        case ast.BinOp(left, op, right) if not isinstance(op, ast.MatMult):
            return [left, right]
        case ast.Compare(left, _, comparators):
            return [left, *comparators]
        case ast.Call(func=ast.Name(name), args=parts) if _is_elementwise(name):
            return parts
        case ast.Call(func=ast.Attribute(value, name), args=parts) if _is_elementwise(name):
            return [value, *parts]
    raise UnknownNumberError


def _is_elementwise(name: str) -> bool:
    if name in {"where", "masked_fill", "clamp"}:
        return True
    if name in {"softmax", "log_softmax", "softmin", "glu"}:
        return False
    full_name = vocabulary.resolve(f"torch.{name}") or vocabulary.resolve(name)
    operation = vocabulary.operation(full_name) if full_name is not None else None
    return operation is not None and operation.group in _ELEMENTWISE


def _broadcast(*shapes: Shape) -> Shape:
    """The shape that these broadcast to.

    Raises:
        UnknownNumberError: they do not broadcast.
    """
    length = max(map(len, shapes))
    sizes = []
    for column in zip(*[(1,) * (length - len(shape)) + shape for shape in shapes], strict=True):
        different = {size for size in column if size != 1}
        if len(different) > 1:
            raise UnknownNumberError
        sizes.append(different.pop() if different else 1)
    return tuple(sizes)


class _Numbers(ast.NodeTransformer):
    """Puts marks in the place of names, and texts in the place of marks when the formula is written.

    Raises:
        UnknownNumberError: the number of a name is not known, or there are many.
    """

    def __init__(self, known: _Known, look: Look) -> None:
        self._known = known
        self._look = look
        self._texts: list[str] = []

    def text_of(self, tree: ast.expr) -> str:
        """The formula with numbers."""
        text = ast.unparse(self.visit(tree))
        text = _MARK.sub(lambda mark: self._texts[int(mark[1])], text)
        return re.sub(r"(?<=\w)\((\([^()\[\]]*j\))\)", r"\1", text)

    def _mark(self, text: str) -> ast.Name:
        self._texts.append(text)
        return ast.Name(f"_{len(self._texts) - 1}_")

    def _tensor(self, tensor: TensorValues | None) -> ast.Name:
        text = _short_text(tensor, self._look) if tensor is not None else None
        if tensor is None or text is None:
            raise UnknownNumberError
        return self._mark(f"({text})" if not tensor.shape and "j" in text else text)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        known = self._known
        if node.id == "grads":
            return ast.List([self._tensor(tensor) for tensor in known.arrived()])
        if (tensor := known.tensor(node.id)) is not None:
            return self._tensor(tensor)
        if elements := known.elements(node.id):
            return ast.List(
                [ast.Constant(None) if saved.tensor is None else self._tensor(saved.tensor) for saved in elements]
            )
        if node.id in _CONSTANTS:
            return node
        return _folded(known.option(node.id))

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        match node:
            case ast.Attribute(ast.Name(name), "shape"):
                return ast.List([ast.Constant(size) for size in self._known.shape(name)])
            case ast.Attribute(attr="dtype" | "options"):
                raise UnknownNumberError
        node.value = self._bracketed(self.visit(node.value), always=True)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        match node:
            case ast.Subscript(ast.Name("grads"), ast.Constant(int(index))):
                return self._tensor(self._known.arrived()[index])
        self.generic_visit(node)
        place = _integer(node.slice)
        if isinstance(node.value, ast.List) and place is not None:
            return node.value.elts[place]
        raise UnknownNumberError

    def visit_Call(self, node: ast.Call) -> ast.AST:
        match node:
            case ast.Call(func=ast.Attribute(ast.Name(name), "size"), args=[argument]):
                return ast.Constant(self._known.size(name, self._integer(argument)))
            case ast.Call(func=ast.Attribute(ast.Name(name), "numel")):
                return ast.Constant(math.prod(self._known.shape(name)))
            case ast.Call(func=ast.Attribute(ast.Name(name), "dim")):
                return ast.Constant(len(self._known.shape(name)))
        if isinstance(node.func, ast.Name) and vocabulary.resolve(node.func.id) is None:
            raise UnknownNumberError  # a helper of torch's own
        node.args = [self.visit(argument) for argument in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
        if isinstance(node.func, ast.Attribute) and not _is_namespace(node.func.value):
            return self._called(node, node.func)
        return node

    def _integer(self, tree: ast.expr) -> int:
        number = _integer(self.visit(tree))
        if number is None:
            raise UnknownNumberError
        return number

    def _called(self, node: ast.Call, method: ast.Attribute) -> ast.Call:
        """A method of a number as a function, `cos(2.)`, where there is one."""
        value = self.visit(method.value)
        is_function = vocabulary.operation(f"torch.{method.attr}") is not None and method.attr not in _METHODS
        if isinstance(value, ast.Name) and is_function:
            return ast.Call(ast.Name(method.attr), [value, *node.args], node.keywords)
        node.func = ast.Attribute(self._bracketed(value, always=True), method.attr)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        node.left = self._bracketed(node.left) if isinstance(node.op, ast.Pow) else node.left
        node.right = self._bracketed(node.right) if isinstance(node.op, ast.Add | ast.Sub) else node.right
        return _folded(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        node.operand = self._bracketed(node.operand)
        return _folded(node)

    def _bracketed(self, node: ast.expr, *, always: bool = False) -> ast.expr:
        """A negative number in brackets, as Python needs it there; before a dot any single number."""
        text = self._texts[int(mark[1])] if isinstance(node, ast.Name) and (mark := _MARK.fullmatch(node.id)) else None
        number = _integer(node)
        if number is not None and (always or number < 0):
            return self._mark(f"({number})")
        if text is not None and text[0] not in "([" and (always or text.startswith("-")):
            return self._mark(f"({text})")
        return node


def _is_namespace(tree: ast.expr) -> bool:
    return isinstance(tree, ast.Name) and tree.id in vocabulary.NAMESPACES


def _integer(tree: ast.AST) -> int | None:
    match tree:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int(number)):
            return number
        case ast.UnaryOp(ast.USub(), ast.Constant(value=int(number))):
            return -number
    return None


_FOLDED: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
}


def _folded(tree: ast.expr) -> ast.expr:
    """What is only integers, worked out: `2 - 1` is 1."""
    if isinstance(tree, ast.BinOp):
        left, right = _integer(tree.left), _integer(tree.right)
        fold = _FOLDED.get(type(tree.op))
        if left is not None and right is not None and fold is not None:
            return ast.Constant(fold(left, right))
    number = _integer(tree)
    return tree if number is None else ast.Constant(number)
