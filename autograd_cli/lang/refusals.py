"""The errors of the checker: what a program holds that is not in the subset, and what to write instead."""

from __future__ import annotations

import ast
import re

from autograd_cli.diagnostic import AgxError, Span, bad_request
from autograd_cli.lang import kinds, libraries, vocabulary
from autograd_cli.lang.imports import instead, library_of
from autograd_cli.lang.outside import OutsideError
from autograd_cli.lang.scope import Scope
from autograd_cli.lang.spans import SpanFinder
from autograd_cli.lang.suggest import did_you_mean

_SMALL = "agx runs a small, safe part of Python"
# What a message calls a node type that is not in the subset, and what to write instead.
_UNSUPPORTED: dict[type[ast.AST], tuple[str, str]] = {
    ast.AsyncFor: ("async", "write a plain for"),
    ast.AsyncFunctionDef: ("async", "write a plain def"),
    ast.AsyncWith: ("async", "write a plain with"),
    ast.Await: ("await", "call the function"),
    ast.Global: ("global", "give the value to the function, and return it"),
    ast.Match: ("match", "write if and elif"),
    ast.Nonlocal: ("nonlocal", "give the value to the function, and return it"),
    ast.NamedExpr: (":=", "assign on a line of its own"),
    ast.Raise: ("raise", "write raise ValueError(…) or another exception of Python's own, or leave it out"),
    ast.Set: ("sets", "write a list: [1, 2]"),
    ast.SetComp: ("sets", "write a list: [f(y) for y in ys]"),
    ast.Starred: ("unpacking with * here", "write the elements out"),
    ast.TryStar: ("except*", "write except"),
    ast.Yield: ("yield", "append to a list, and return it"),
    ast.YieldFrom: ("yield", "append to a list, and return it"),
}
# What to write instead of a class, by the last name of what it is derived from.
_CLASSES = {
    "Module": "write the layers as nn.Sequential(…), or as plain functions",
    "Function": "write its forward as a plain function, and torch derives the backward",
    "Dataset": "write the data as tensors, and loop over them",
}
_FUNCTION_BEFORE = re.compile(r"([A-Za-z]\w*) ?(?:\^|\*\*)? ?(-?) ?\Z")
MODES = "write torch.no_grad(), torch.enable_grad(), torch.inference_mode() or torch.set_grad_enabled(…)"
_FILES = "a file is an input: x=@data.npy"
_FEW = 10


class Refusals:
    """Makes the errors of one program, from its places and from what its imports have bound so far."""

    def __init__(self, spans: SpanFinder, source: str, tree: ast.Module, scope: Scope) -> None:
        self._spans = spans
        self._source = source
        self._tree = tree
        self._scope = scope

    def error(
        self, rule: str, message: str, node: ast.AST | Span, *, label: str | None = None, fix: str | None = None
    ) -> AgxError:
        """The error at a node or a place."""
        span = node if isinstance(node, Span) else self._spans.of(node)
        return bad_request(rule, message, source=self._source, span=span, label=label, fix=fix)

    def refused(
        self,
        kind: str,
        message: str,
        node: ast.AST | Span,
        *,
        label: str | None = None,
        fix: str | None = None,
        rule: str = "unsupported-syntax",
    ) -> AgxError:
        """The error for what torch and Python have, and agx does not run."""
        return OutsideError(self.error(rule, message, node, label=label, fix=fix).diagnostic, kind)

    def unsupported(self, node: ast.AST) -> AgxError:
        """The error for a piece of Python's grammar that is not in the subset."""
        if isinstance(node, ast.ClassDef):
            bases = [base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases]
            known = [words for end, words in _CLASSES.items() if any(base.endswith(end) for base in bases)]
            words = known[0] if known else "write its fields as variables, and its methods as plain functions"
            return self.refused("classes", "agx does not run classes", node, fix=f"{_SMALL}, without classes: {words}")
        name, fix = _UNSUPPORTED.get(type(node), (type(node).__name__, None))
        return self.refused(name, f"agx does not run {name}", node, fix=fix)

    def of_library(self, node: ast.Name, member: ast.expr | None) -> AgxError:
        """The error for a name of another library, or for `member` of it, such as `np.linalg.norm`."""
        module = self._scope.left_out.get(node.id, node.id)
        library = library_of(module)
        path = module.partition(".")[2] if member is None else _path_below(member)
        rule = "unsupported-import" if node.id in self._scope.aliases else "refused-name"
        if library not in libraries.LIBRARIES.values():
            words = f"agx does not run `{module}`"
            return self.refused(module, words, member or node, fix=instead(module), rule=rule)
        known = libraries.in_torch(path) if path else None
        label = None if known is None else _written(known)
        words, fix = libraries.refusal_of(library), instead(module) if known is None else None
        return self.refused(library, words, member or node, label=label, fix=fix, rule=rule)

    def left_out_by_agx(self, name: str, reason: str, node: ast.AST | Span) -> AgxError:
        """The error for a name that agx leaves out for this reason; for NumPy, it names torch's functions instead."""
        if not reason.startswith(libraries.NO_GRADIENT):
            words = f"agx does not run `{name}`"
            return self.refused(name, words, node, fix=reason, rule="refused-name")
        fix = reason.removeprefix(f"{libraries.NO_GRADIENT}; ")
        calls = [each for each in ast.walk(self._tree) if isinstance(each, ast.Attribute) and self._is_numpy(each)]
        pairs = {self._spans.text_of(call): libraries.in_torch(_path_below(call)) for call in calls}
        known = [f"{torch} in place of {numpy}" for numpy, torch in pairs.items() if torch]
        if known:
            fix = f"stay in torch: {', '.join(known[:_FEW])}"
        return self.refused("NumPy", libraries.NO_GRADIENT, node, fix=fix, rule="refused-name")

    def _is_numpy(self, node: ast.Attribute) -> bool:
        """Whether this is a function of NumPy, under the name that NumPy was imported as or usually has."""
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        return library_of(self._scope.left_out.get(owner, owner)) == "NumPy"

    def no_grad_mode(self, context: ast.expr, *, has_name: bool) -> AgxError:
        """The error for a `with` that agx does not run."""
        match context:
            case ast.Call(func=ast.Name(id="open")):
                return self.refused("files", "agx opens no files", context, fix=_FILES)
        if has_name:
            words = "a grad mode has no value to bind with `as`"
            return self.error("unsupported-syntax", words, context, fix="leave out `as …`")
        words = "agx runs `with` only for grad modes"
        return self.refused("with", words, context, fix=f"{MODES}; or leave out the `with`")

    def called_value(self, node: ast.Call) -> AgxError:
        """The error for `2(x + 1)`, and for `sin^2(x)`, which reads as `sin ^ (2(x))`."""
        called, arguments = self._spans.of(node.func), [self._spans.of(argument) for argument in node.args]
        before = self._spans.text.split("\n")[called.line - 1][: called.column]
        inner = ", ".join(each.cut(self._spans.text) for each in arguments)
        power = _FUNCTION_BEFORE.search(before)
        if power is not None and vocabulary.resolve(power[1]) is not None and isinstance(node.func, ast.Constant):
            exponent = f"{'-' if power[2] else ''}{node.func.value!s}"
            label = f"write {power[1]}({inner})**{exponent}"
            if exponent == "-1" and vocabulary.resolve(f"a{power[1]}"):
                label = f"write a{power[1]}({inner})"
            return self.error("not-a-function", "the power is written after the brackets", node.func, label=label)
        words = called.cut(self._spans.text)
        left = words if isinstance(node.func, ast.Constant) else f"({words})"
        label = f"multiplication is {left}*({inner})"
        return self.error("not-a-function", "only functions and methods can be called", node.func, label=label)

    def unknown_member(self, path: str, node: ast.expr) -> AgxError:
        """The error for a function, or `home.name`, that the vocabulary does not have."""
        home, _, last = path.rpartition(".")
        reason = vocabulary.refusal(path)
        if reason is not None:
            return self.left_out_by_agx(path, reason, node)
        if home:
            members = vocabulary.MEMBERS.get(self._scope.written_out(home), ())
            label = did_you_mean(last, members, prefix=f"{home}.")
            return self.error("unknown-name", f"there is no `{path}` here", node, label=label)
        label = _in_torch(path) or did_you_mean(path, vocabulary.bare_names())
        return self.error("unknown-name", f"there is no function `{path}` here", node, label=label)

    def unknown_method(self, node: ast.Attribute) -> AgxError:
        """The error for a method that no value has."""
        name = node.attr
        if isinstance(node.value, ast.Constant | ast.JoinedStr) and isinstance(getattr(node.value, "value", ""), str):
            message, fix = "strings have no methods here", 'put values into a string with an f-string: f"{x}"'
            return self.error("unknown-name", message, self.member(node), fix=fix)
        if (reason := vocabulary.refusal(f"torch.Tensor.{name}")) is not None:
            return self.left_out_by_agx(f".{name}()", reason, self.member(node))
        label = _method_in_torch(name) or did_you_mean(name, vocabulary.METHODS | kinds.METHODS, prefix=".")
        return self.error("unknown-name", f"there is no method `.{name}()` here", self.member(node), label=label)

    def unknown_attribute(self, node: ast.Attribute) -> AgxError:
        """The error for an attribute that no value has."""
        name = node.attr
        is_method = name in vocabulary.METHODS | kinds.METHODS
        fix = None if is_method else vocabulary.refusal(f"torch.Tensor.{name}")
        label = f"write .{name}()" if is_method else did_you_mean(name, vocabulary.ATTRIBUTES, prefix=".")
        message = f"there is no attribute `.{name}` here"
        return self.error("unknown-attribute", message, self.member(node), label=None if fix else label, fix=fix)

    def member(self, node: ast.Attribute) -> Span:
        """The span of the name after the last dot."""
        span = self._spans.of(node)
        if not span.cut(self._spans.text).endswith(node.attr):
            return span  # inside an f-string
        return Span(
            line=span.end_line,
            column=span.end_column - len(node.attr),
            end_line=span.end_line,
            end_column=span.end_column,
        )


def _path_below(member: ast.expr) -> str:
    """`linalg.norm` of `np.linalg.norm`."""
    pieces: list[str] = []
    while isinstance(member, ast.Attribute):
        pieces.append(member.attr)
        member = member.value
    return ".".join(reversed(pieces))


def _in_torch(name: str) -> str | None:
    """What to write for a function by the name that mathematics gives it, and for the `dx` of `d/dx(…)`."""
    known = libraries.of_derivative(name) or libraries.of_mathematics(name)
    return None if known is None else _written(known)


def _method_in_torch(name: str) -> str | None:
    """What to write for a method of NumPy's, `x.average()`, and for a function of Python's, `x.len()`."""
    if name == "astype":
        return "write .to(…), as in .to(torch.float64)"
    known = (libraries.of_mathematics(name) or libraries.in_torch(name) or "").rpartition(".")[2]
    if known in vocabulary.METHODS:
        return f"write .{known}()"
    full_name = vocabulary.resolve(name)
    return None if full_name is None else f"it is a function: write {name}(…)"


def _written(known: str) -> str:
    """What to write, by an entry of the tables of `libraries`, which is a name or says this already."""
    return known if known.startswith("write") else f"write {known}"
