"""The Report's request as a PyTorch program that needs nothing of agx: running it gives the same numbers.

The user's own text stays as it is, but for names that agx knows without a prefix: `sin(x)` becomes `torch.sin(x)`.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from keyword import iskeyword

from autograd_cli.diagnostic import AgxError, Span, bad_request
from autograd_cli.lang import vocabulary
from autograd_cli.lang.inputs import Creation, parse_input
from autograd_cli.lang.program import Program, parse
from autograd_cli.lang.source import Source
from autograd_cli.modes import MODES, Entry, GradMode
from autograd_cli.render.escape import visible, visible_lines
from autograd_cli.render.parts.numbers import python_text
from autograd_cli.report import GivenInput, Report
from autograd_cli.trace import Kind, TensorInfo, Trace, Value

_NO_GRAD = '''
def no_grad(compute):
    """Compute something that torch does not record."""
    with torch.no_grad():
        return compute()
'''
_PLACE = re.compile(
    r"""\w+ (?: \[ (?: "(?:[^"\\]|\\.)*" | [^"\]]* ) \] )*""", re.VERBOSE
)  # a variable, or what it holds
_RANDOM = re.compile(r"rand|normal|bernoulli|dropout|multinomial|poisson|binomial|rrelu|gumbel|uniform_|exponential_")


def pytorch_text(report: Report) -> str:
    """The program.

    Raises:
        AgxError: an input is too large to be written into it.
    """
    trace = report.trace
    given = frozenset(each.name for each in report.inputs)
    program = parse(report.source, given=given)
    for name in sorted({"math", "torch"} & (given | program.bound)):
        message = f"a variable called {name} hides the module that the program needs"
        raise bad_request("refused-name", message, fix="call it something else")
    result, gradient = (_unused(name, given | program.bound) for name in ("result", "gradient"))
    body = _Converter(program, _calls_on_numbers(trace)).text(None if trace.result is None else result)
    mode = MODES[trace.mode]
    if mode.grad_mode is not GradMode.GRAD:
        body = f"with torch.{mode.grad_mode.value}():\n{textwrap.indent(body, '    ')}"
    lines = [
        *_inputs(report, trace, program),
        *_gradients(report, trace, gradient),
        body,
        *_backward(trace, result, gradient),
    ]
    text = "\n".join([*lines, *_prints(trace, program, result)])
    return visible_lines("\n".join([*_head(report, program, text), text])) + "\n"


def _unused(name: str, names: frozenset[str]) -> str:
    while name in names:
        name += "_"
    return name


def _calls_on_numbers(trace: Trace) -> frozenset[Span]:
    """The calls that gave a number: where Python's math has a function of the name, that one was called."""
    return frozenset(value.span for value in trace.values if value.span is not None and isinstance(value.scalar, float))


def _head(report: Report, program: Program, text: str) -> Iterator[str]:
    if re.search(r"\bmath\.", text):
        yield "import math\n"
    settings = list(_settings(report, text))
    if settings or report.inputs or "torch" not in program.imported:
        yield "import torch\n"
    yield from settings


def _settings(report: Report, text: str) -> Iterator[str]:
    if "no_grad(lambda: " in text:
        yield f"{_NO_GRAD}\n"
    if report.settings.dtype != "float32":
        yield f"torch.set_default_dtype(torch.{report.settings.dtype})"
    if report.settings.device != "cpu":
        yield f'torch.set_default_device("{report.settings.device}")'
    if _RANDOM.search(text):
        yield f"torch.manual_seed({report.settings.seed})"


def _leaf_name(trace: Trace, program: Program, name: str) -> str:
    """What the leaf is called: in the program its name may come to mean a tensor whose `.grad` is not asked for."""
    enters_cut = MODES[trace.mode].entry in {Entry.DETACHED, Entry.DATA}
    return f"{name}_leaf" if name in trace.asked and (enters_cut or name in program.bound) else name


def _inputs(report: Report, trace: Trace, program: Program) -> Iterator[str]:
    entry = MODES[trace.mode].entry
    values = {value.name: value for value in trace.values if value.kind is Kind.INPUT}
    for given in report.inputs:
        asked = given.name in trace.asked
        leaf = _leaf_name(trace, program, given.name)
        yield f"{leaf} = {_tensor(report, given, values[given.name], asked and entry is not Entry.PLAIN)}"
        if leaf != given.name:
            yield f"{given.name} = {leaf}{entry.value if entry in {Entry.DETACHED, Entry.DATA} else ''}"


def _tensor(report: Report, given: GivenInput, value: Value, requires_grad: bool) -> str:  # noqa: FBT001 - torch's name
    tensor = value.tensor
    assert tensor is not None
    created = _created(given, tensor)
    if created is not None:
        return f"{created}.requires_grad_()" if requires_grad else created
    return _literal(given.name, tensor, report.settings.dtype, requires_grad)


def _created(given: GivenInput, tensor: TensorInfo) -> str | None:
    """The expression that makes the input; None where it was given as numbers, a file or an object."""
    try:
        spec = parse_input(given.name, given.text)
    except AgxError:
        return None  # the description of a Python object
    if not isinstance(spec.content, Creation):
        return None
    program = spec.content.program
    text = _Converter(program, None).expression()
    match program.tree.body:
        case [ast.Expr(value=ast.Call())] if text.startswith("torch.") and spec.dtype is None:
            return text
    return f"torch.as_tensor({text}, dtype=torch.{tensor.dtype})"


def _literal(name: str, tensor: TensorInfo, default_dtype: str, requires_grad: bool = False) -> str:  # noqa: FBT001, FBT002 - torch's name
    if tensor.values is None:
        message = f"{name} has {tensor.numel:,} elements: too many to write into a program"
        raise bad_request("too-large", message, fix="--full writes out all of them")
    extras = "" if tensor.dtype == default_dtype else f", dtype=torch.{tensor.dtype}"
    extras += ", requires_grad=True" if requires_grad else ""
    if not tensor.values:
        return f"torch.zeros({list(tensor.shape)}{extras})"
    return f"torch.tensor({python_text(tensor)}{extras})"


def _gradients(report: Report, trace: Trace, gradient: str) -> Iterator[str]:
    if not report.gradients or not trace.backwards:
        return
    texts = [
        _created(given, tensor) or _literal(given.name, tensor, report.settings.dtype)
        for given, tensor in zip(report.gradients, trace.backwards[0].gradients, strict=True)
        if tensor is not None
    ]
    yield f"{gradient} = {texts[0]}" if len(texts) == 1 else f"{gradient} = [{', '.join(texts)}]"


def _backward(trace: Trace, result: str, gradient: str) -> Iterator[str]:
    """The call of backward() as a person would write it."""
    for backward in trace.backwards:
        if backward.step is not None:
            continue
        if backward.roots == (trace.result,):
            tensor = trace.values[backward.roots[0]].tensor
            is_plain = tensor is None or (not tensor.shape and not tensor.dtype.startswith("complex"))
            ones = "" if is_plain else f"torch.ones_like({result})"
            yield f"{result}.backward({gradient if backward.given else ones})"
        else:
            paths = dict(zip(trace.outputs, trace.output_paths(), strict=True))
            roots = [f"{result}{paths[root]}" for root in backward.roots]
            ones = ", ".join(f"torch.ones_like({root})" for root in roots)
            given = f"[{gradient}]" if len(roots) == 1 else gradient
            yield f"torch.autograd.backward([{', '.join(roots)}], {given if backward.given else f'[{ones}]'})"


def _prints(trace: Trace, program: Program, result: str) -> Iterator[str]:
    if trace.result is not None:
        yield f'print("result", {result})'
    held = {variable.name for variable in trace.variables if variable.is_held}
    for name, _ in trace.grads:
        if name not in held | {*trace.asked}:
            yield f"# {visible(name)}.grad is not printed: the program no longer holds it"
            continue
        yield f"print({_quoted(f'{name}.grad')}, {_python_path(_leaf_name(trace, program, name))}.grad)"


def _python_path(name: str) -> str:
    """A leaf's name as Python reaches it: `net.0.weight` is `net[0].weight`.

    The keys of a ModuleDict may be any text.
    """
    place = _PLACE.match(name)
    variable = name if place is None else place[0]
    inside = name[len(variable) :].removeprefix(".")
    if all(piece.isdigit() or (piece.isidentifier() and not iskeyword(piece)) for piece in inside.split(".") if inside):
        return variable + re.sub(r"\.(\d+)", r"[\1]", name[len(variable) :])
    return f"{variable}.get_parameter({inside!r})"


def _quoted(text: str) -> str:
    return f'"{text}"' if text.isprintable() and not set(text) & {'"', "\\"} else repr(text)


class _Converter:
    """Rewrites names in the text of a program, from its end to its beginning so that places stay true."""

    def __init__(self, program: Program, number_calls: frozenset[Span] | None) -> None:
        self._program = program
        self._pieces: list[tuple[Span, str]] = []
        self._number_calls = number_calls  # None for a program without variables: its text tells them

    def text(self, result: str | None) -> str:
        """The program, its last value bound to the name `result`, if it has one."""
        self._visit(self._program.tree)
        end = ""
        for last in _last_statements(self._program.tree.body) if result is not None else ():
            if isinstance(last, ast.Expr):
                self._pieces.append((self._place(last).start, f"{result} = "))
            elif isinstance(last, ast.Assign):
                end = f"\n{result} = {ast.unparse(last.targets[0])}"
        return self._applied() + end

    def expression(self) -> str:
        """The program, which is one expression."""
        self._visit(self._program.tree)
        return self._applied()

    def _applied(self) -> str:
        return Source(self._program.source).spliced(self._pieces)

    def _place(self, node: ast.AST) -> Span:
        return self._program.spans.of(node)

    def _visit(self, tree: ast.AST) -> None:
        pending = [tree]
        while pending:
            pending.extend(self._edit(pending.pop()))

    def _edit(self, node: ast.AST) -> Iterator[ast.AST]:
        """Rewrite one node, and yield the nodes below it that are to be looked at."""
        match node:
            case ast.ImportFrom(module="__future__"):
                self._replace(node, "pass")
                return
            case ast.Import() | ast.ImportFrom():
                return
            case ast.JoinedStr() if not self._program.spans.of(node).cut(self._program.source).endswith(")"):
                return  # an f-string, and not "…".format(…), whose pieces have places
            case ast.Call(args=[inner], keywords=[]) if self._is_no_grad(node.func):
                whole, kept = self._place(node), self._place(inner)
                self._pieces += [(whole.before(kept), "no_grad(lambda: "), (whole.behind(kept), ")")]
                yield inner
                return
            case ast.Call(func=ast.Name(id=name)) if self._is_scalar_call(node, name):
                self._replace(node.func, f"math.{name}")
                yield from node.args
                return
            case ast.Name() | ast.Attribute() if (path := self._path(node)) is not None:
                name = path.rpartition(".")[2]
                self._replace(node, f"math.{name}" if name in vocabulary.CONSTANTS else path.removeprefix("builtins."))
                return
        yield from ast.iter_child_nodes(node)

    def _replace(self, node: ast.AST, text: str) -> None:
        self._pieces.append((self._place(node), text))

    def _path(self, node: ast.expr) -> str | None:
        """The full name of what the language defines; None for a variable, an attribute, what the program imports."""
        first = node
        while isinstance(first, ast.Attribute):
            first = first.value
        if isinstance(first, ast.Name) and first.id in self._program.imported:
            return None
        return self._program.resolved.get(id(node))

    def _is_no_grad(self, node: ast.expr) -> bool:
        return self._program.resolved.get(id(node)) == "torch.no_grad"

    def _is_scalar_call(self, node: ast.Call, name: str) -> bool:
        if node.keywords or name not in vocabulary.MATH or self._path(node.func) != f"torch.{name}":
            return False
        if self._number_calls is not None:
            return self._program.spans.of(node) in self._number_calls
        return bool(node.args) and all(self._is_number(argument) for argument in node.args)

    def _is_number(self, node: ast.expr) -> bool:
        match node:
            case ast.Constant():
                return isinstance(node.value, int | float)
            case ast.Name() | ast.Attribute():
                path = self._path(node)
                return path is not None and path.rpartition(".")[2] in vocabulary.CONSTANTS
            case ast.UnaryOp(operand=operand):
                return self._is_number(operand)
            case ast.BinOp(left=left, right=right):
                return self._is_number(left) and self._is_number(right)
            case ast.Call(func=ast.Name(id=name)):
                return self._is_scalar_call(node, name)
        return False


def _last_statements(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of which one gives the program its value."""
    match body[-1]:
        case ast.With(body=inner):
            return _last_statements(inner)
        case ast.If(body=inner, orelse=orelse):
            return [*_last_statements(inner), *(_last_statements(orelse) if orelse else ())]
        case ast.Try(body=inner, handlers=handlers):
            return [
                *_last_statements(inner),
                *[each for handler in handlers for each in _last_statements(handler.body)],
            ]
    return body[-1:]
