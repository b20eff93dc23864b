"""Walks a syntax tree in the order of evaluation, and refuses what is not in the subset."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from autograd_cli.diagnostic import AgxError, Span
from autograd_cli.lang import kinds, vocabulary
from autograd_cli.lang.imports import all_of, binds, module_of
from autograd_cli.lang.outside import together
from autograd_cli.lang.refusals import MODES, Refusals
from autograd_cli.lang.scope import Scope, assigned, dotted, is_constant, is_uncalled, names_in
from autograd_cli.lang.spans import SpanFinder
from autograd_cli.lang.suggest import closest, did_you_mean

_PLAIN_EXPRESSIONS = (
    ast.BinOp,
    ast.BoolOp,
    ast.Compare,
    ast.Dict,
    ast.FormattedValue,
    ast.IfExp,
    ast.JoinedStr,
    ast.List,
    ast.Slice,
    ast.Subscript,
    ast.Tuple,
    ast.UnaryOp,
)

_FEW = 10
_FLAG = "requires_grad"


class Checker:
    """The check of one program. `names`, `bound`, `imported` and `resolved` are what `Program` says of them."""

    def __init__(self, tree: ast.Module, spans: SpanFinder, source: str, given: frozenset[str]) -> None:
        self.names: dict[str, Span] = {}
        self.imported: set[str] = set()
        self.resolved: dict[int, str] = {}
        self._spans = spans
        self._tree = tree
        self._last = tree.body[-1] if tree.body else None
        self._scope = Scope(given, assigned(tree.body))
        self._refusals = Refusals(spans, source, tree, self._scope)
        self._errors: list[AgxError] = []
        self._outside: set[str] = set()  # names bound by what agx does not run: they cause no more errors

    @property
    def bound(self) -> frozenset[str]:
        """The names that the top level binds."""
        return frozenset(self._scope.bound)

    def check(self) -> None:
        """Check the whole program.

        Raises:
            AgxError: something in it is not in the subset; several such things are one error (see `together`).
        """
        self._block(self._tree.body)
        if self._errors:
            raise together(self._errors)

    def _block(self, body: Iterable[ast.stmt]) -> None:
        """Check statements, each as if those before it had passed."""
        for statement in body:
            try:
                self._statement(statement)
            except AgxError as error:
                self._errors.append(error)
                self._leave_out(assigned([statement]))

    def _leave_out(self, names: set[str]) -> None:
        """Report nothing more about these names: what agx does not run would have bound them."""
        self._outside |= names
        for name in names:
            self._scope.bind(name)

    # Statements.

    def _statement(self, node: ast.stmt) -> None:  # noqa: C901, PLR0912 - one case for each kind of statement
        match node:
            case ast.Expr(value=ast.Attribute() as method) if self._is_uncalled(method) and node is not self._last:
                self._expression(method.value)
            case ast.Expr():
                self._expression(node.value)
            case ast.Assign():
                self._expression(node.value)
                for target in node.targets:
                    self._target(target)
                if self._is_outside(node.value):
                    self._outside |= assigned([node])
            case ast.AnnAssign(value=ast.expr() as value):
                self._expression(value)
                self._target(node.target)
            case ast.AugAssign():
                self._augmented(node)
            case ast.With():
                self._with(node)
            case ast.If():
                self._expression(node.test)
                self._block(node.body)
                self._block(node.orelse)
            case ast.For() | ast.While():
                self._loop(node)
            case ast.FunctionDef():
                self._function_definition(node)
            case ast.Return():
                self._return(node)
            case ast.Break() | ast.Continue():
                if not self._scope.is_in_loop:
                    raise self._refusals.error("syntax", f"`{type(node).__name__.lower()}` outside a loop", node)
            case ast.Raise():
                self._raise(node)
            case ast.Assert():
                self._expressions(each for each in (node.test, node.msg) if each is not None)
            case ast.Delete():
                self._delete(node)
            case ast.Try():
                self._try(node)
            case ast.Import() | ast.ImportFrom():
                self._import(node)
            case ast.Pass() | ast.AnnAssign(target=ast.Name(), value=None):
                pass
            case _:
                raise self._refusals.unsupported(node)

    def _augmented(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._read(node.target)
        self._expression(node.value)
        self._target(node.target)

    def _with(self, node: ast.With) -> None:
        for item in node.items:
            context = item.context_expr
            is_mode = self._path_of_call(context) in kinds.CONTEXTS
            if is_mode and item.optional_vars is None:
                self._expression(context)
                continue
            self._errors.append(self._refusals.no_grad_mode(context, has_name=is_mode))
            self._leave_out(set() if item.optional_vars is None else names_in(item.optional_vars))
        self._block(node.body)

    def _loop(self, node: ast.For | ast.While) -> None:
        if node.orelse:
            fix = "write what follows the loop after it"
            self._errors.append(
                self._refusals.refused("else of a loop", "agx does not run the `else` of a loop", node, fix=fix)
            )
        self._expression(node.iter if isinstance(node, ast.For) else node.test)
        if isinstance(node, ast.For):
            self._target(node.target)
            if self._is_outside(node.iter):
                self._outside |= names_in(node.target)
        with self._scope.loop(node.body):
            self._block(node.body)

    def _function_definition(self, node: ast.FunctionDef) -> None:
        for decorator in node.decorator_list:
            if self._path_of_call(decorator) in kinds.CONTEXTS:
                self._expression(decorator)
            else:
                fix = f"leave it out; for a grad mode {MODES}"
                words = "agx runs only grad modes as decorators"
                self._errors.append(self._refusals.refused("decorators", words, decorator, fix=fix))
        self._check_name(node, node.name)
        self._scope.bind(node.name)
        self._function(node.args, node.body, assigned(node.body))

    def _function(self, arguments: ast.arguments, body: Iterable[ast.AST], local: set[str]) -> None:
        if arguments.kwarg is not None:
            fix = "name the arguments one by one"
            self._errors.append(self._refusals.refused("**", "agx does not run ** in a def", arguments.kwarg, fix=fix))
        self._expressions(default for default in (*arguments.defaults, *arguments.kw_defaults) if default is not None)
        for parameter in _parameters(arguments):
            self._check_name(parameter, parameter.arg)
        named = [*_parameters(arguments), *([] if arguments.kwarg is None else [arguments.kwarg])]
        with self._scope.function(local | {parameter.arg for parameter in named}):
            for each in body:
                if isinstance(each, ast.stmt):
                    self._block([each])
                elif isinstance(each, ast.expr):
                    self._expression(each)

    def _return(self, node: ast.Return) -> None:
        if not self._scope.is_in_function:
            fix = "end with the expression itself"
            raise self._refusals.error("unsupported-syntax", "`return` belongs in a def", node, fix=fix)
        if node.value is not None:
            self._expression(node.value)

    def _raise(self, node: ast.Raise) -> None:
        """An exception of Python's own, with a message or without."""
        match node:
            case ast.Raise(exc=ast.Name(id=name), cause=None) if name in kinds.EXCEPTIONS:
                pass
            case ast.Raise(exc=ast.Call(func=ast.Name(id=name), args=[], keywords=[]), cause=None) if (
                name in kinds.EXCEPTIONS
            ):
                pass
            case ast.Raise(exc=ast.Call(func=ast.Name(id=name), args=[message], keywords=[]), cause=None) if (
                name in kinds.EXCEPTIONS
            ):
                self._expression(message)
            case _:
                raise self._refusals.unsupported(node)

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if not isinstance(target, ast.Name):
                raise self._refusals.refused(
                    "del of a piece", "agx runs `del` only for names", target, fix="leave it out"
                )
            self._read(target)

    def _try(self, node: ast.Try) -> None:
        self._block(node.body)
        for handler in node.handlers:
            kinds_ = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
            for kind in kinds_:
                if kind is not None and not (isinstance(kind, ast.Name) and kind.id in kinds.EXCEPTIONS):
                    fix = "write except RuntimeError, or except Exception"
                    words = f"agx does not know the exception {self._spans.line_of(kind)}"
                    self._errors.append(self._refusals.refused("exceptions of others", words, kind, fix=fix))
            if handler.name is not None:
                self._check_name(handler, handler.name)
                self._scope.bind(handler.name)
            self._block(handler.body)
        self._block(node.orelse)
        self._block(node.finalbody)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Imports run nothing: they give a name to what is in the vocabulary."""
        for alias in node.names:
            pair = binds(node, alias)
            names = all_of(node) if pair is None and isinstance(node, ast.ImportFrom) else dict([pair] if pair else [])
            if names is None:
                words, fix = "`*` does not say which names it binds", "import them by name"
                raise self._refusals.error("unsupported-import", words, alias, fix=fix)
            for name, full_name in names.items():
                if full_name is not None:
                    self._check_name(alias, name)
                self._scope.import_(name, full_name, module_of(node, alias))
            self.imported.update(names if pair else ())

    # Targets.

    def _target(self, node: ast.expr) -> None:
        match node:
            case ast.Name():
                self._check_name(node, node.id)
                self._scope.bind(node.id)
            case ast.Tuple() | ast.List():
                for element in node.elts:
                    self._target(element)
            case ast.Starred(value=ast.Name()):
                self._target(node.value)
            case ast.Subscript():
                self._expression(node.value)
                self._expression(node.slice)
            case ast.Attribute():
                self._expression(node.value)
                self._assigned_attribute(node)
            case _:
                raise self._refusals.unsupported(node)

    def _assigned_attribute(self, node: ast.Attribute) -> None:
        """Refuse an attribute that is known and cannot be assigned to; an unknown one does nothing, as in Python."""
        name = node.attr
        if name in vocabulary.ASSIGNABLE_ATTRIBUTES | kinds.MODULE_MEMBERS:
            return
        known = vocabulary.ATTRIBUTES | vocabulary.METHODS | kinds.ATTRIBUTES | kinds.METHODS
        if name.startswith("_") or name in known:
            label = did_you_mean(node.attr, vocabulary.ASSIGNABLE_ATTRIBUTES)
            message = f"`.{node.attr}` cannot be assigned to"
            raise self._refusals.error("unknown-attribute", message, self._refusals.member(node), label=label)

    # Expressions.

    def _expressions(self, nodes: Iterable[ast.expr]) -> None:
        for node in nodes:
            self._expression(node)

    def _expression(self, node: ast.expr) -> None:  # noqa: C901, PLR0912 - one case for each kind of expression
        match node:
            case ast.Name():
                self._read(node)
            case ast.Call():
                self._call(node)
            case ast.Attribute():
                self._attribute(node)
            case ast.Constant():
                self._constant(node)
            case ast.Lambda():
                self._function(node.args, [node.body], set())
            case ast.ListComp() | ast.GeneratorExp() | ast.DictComp():
                self._comprehension(node)
            case ast.Dict() if None in node.keys:
                raise self._refusals.refused("**", "agx does not run ** in a dict", node, fix="write the items out")
            case ast.Tuple() | ast.List():
                self._elements(node.elts)
            case ast.BinOp(op=ast.BitXor(), right=ast.Set(elts=[exponent])):
                label = f"write **({self._spans.line_of(exponent)})"
                raise self._refusals.error("syntax", "this is LaTeX, not Python", node.right, label=label)
            case _ if isinstance(node, _PLAIN_EXPRESSIONS):
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self._expression(child)
            case _:
                raise self._refusals.unsupported(node)

    def _elements(self, nodes: Iterable[ast.expr]) -> None:
        for node in nodes:
            self._expression(node.value if isinstance(node, ast.Starred) else node)

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp | ast.DictComp) -> None:
        self._expression(node.generators[0].iter)
        with self._scope.comprehension(name for each in node.generators for name in names_in(each.target)):
            self._generators(node.generators)
            self._expressions([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])

    def _generators(self, generators: Sequence[ast.comprehension]) -> None:
        for index, generator in enumerate(generators):
            if generator.is_async:
                fix = "write a plain for"
                raise self._refusals.refused("async", "agx does not run async", generator.target, fix=fix)
            if index:
                self._expression(generator.iter)
            self._target(generator.target)
            self._expressions(generator.ifs)

    def _read(self, node: ast.Name) -> None:
        """A name as a value: a variable, an input, something imported, or a constant of the language."""
        if node.id == kinds.NAME_OF_PROGRAM:
            self.resolved[id(node)] = node.id
            return
        self._check_name(node, node.id)
        if self._scope.is_variable(node.id):
            return
        if not self._scope.is_given(node.id):
            self._check_available(node)
            full_name = self._scope.full_name(node.id)
            is_imported = node.id in self._scope.aliases
            if full_name is not None and (is_imported or is_constant(full_name)):
                self.resolved[id(node)] = full_name
            if full_name is not None and is_imported:
                return
        self.names.setdefault(node.id, self._spans.of(node))

    def _check_available(self, node: ast.Name, member: ast.expr | None = None) -> None:
        """Refuse a name imported from a library that agx does not run, or the usual name of one, such as `np`."""
        if self._scope.is_unavailable(node.id):
            raise self._refusals.of_library(node, member)

    def _constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bytes):
            raise self._refusals.refused("bytes", "agx does not run bytes", node, fix="write a list of numbers")

    def _attribute(self, node: ast.Attribute) -> None:
        path = self._dotted(node)
        if path is not None:
            self._resolve(path, node)
            return
        self._expression(node.value)
        known = vocabulary.ATTRIBUTES | vocabulary.RESULT_FIELDS | kinds.ATTRIBUTES
        if node.attr not in known and not self._is_outside(node.value):
            raise self._refusals.unknown_attribute(node)

    def _is_uncalled(self, node: ast.Attribute) -> bool:
        """Whether an attribute that stands alone is a method that is not called: it does nothing, as in Python."""
        return is_uncalled(node) and self._dotted(node) is None

    # Calls.

    def _call(self, node: ast.Call) -> None:
        keywords: frozenset[str] | None = None
        is_method = isinstance(node.func, ast.Attribute) and self._dotted(node.func) is None
        if isinstance(node.func, ast.Attribute) and is_method:
            keywords = self._method(node.func)
        elif isinstance(node.func, ast.Name) and not self._scope.is_variable(node.func.id):
            keywords = self._named_function(node.func)
        elif isinstance(node.func, ast.Attribute):
            keywords = self._keywords_of(self._function_at(self._dotted(node.func) or "", node.func))
        elif isinstance(node.func, ast.Constant | ast.BinOp | ast.UnaryOp):
            raise self._refusals.called_value(node)
        else:
            self._expression(node.func)
        takes_functions = self._takes_functions(node.func)
        for argument in node.args:
            if not (takes_functions and isinstance(argument, ast.Name) and self._names_function(argument)):
                self._elements([argument])
        for keyword in node.keywords:
            self._keyword(keyword, keywords, is_checked_later=not is_method)

    def _takes_functions(self, function: ast.expr) -> bool:
        """Whether a function of the vocabulary may be an argument of this one, by its bare name."""
        if isinstance(function, ast.Name) and (self._scope.is_variable(function.id) or function.id in kinds.CALLERS):
            return True
        is_hook = isinstance(function, ast.Attribute) and f"torch.Tensor.{function.attr}" in kinds.CALLBACKS
        return is_hook or self.resolved.get(id(function)) in kinds.CALLBACKS

    def _names_function(self, node: ast.Name) -> bool:
        """Whether a name stands for a function of the vocabulary; if so, it is noted in `resolved`."""
        if self._scope.is_variable(node.id) or self._scope.is_given(node.id):
            return False
        self._check_available(node)
        full_name = self._scope.full_name(node.id)
        if full_name is None or (is_constant(full_name) and not full_name.startswith("builtins.")):
            return False
        self.resolved[id(node)] = full_name
        return True

    def _method(self, node: ast.Attribute) -> frozenset[str] | None:
        self._expression(node.value)
        name = node.attr
        if name in vocabulary.METHODS:
            of_tensors = vocabulary.operation(f"torch.Tensor.{name}")
            keywords = frozenset[str]() if of_tensors is None else of_tensors.keywords
            return keywords | kinds.KEYWORDS.get(name, frozenset())
        if name in kinds.METHODS:
            return kinds.KEYWORDS.get(name, frozenset())
        if name in kinds.MODULE_MEMBERS | vocabulary.RESULT_FIELDS:
            return None  # a child module, called
        if self._is_outside(node.value):
            return None
        raise self._refusals.unknown_method(node)

    def _named_function(self, node: ast.Name) -> frozenset[str] | None:
        self._check_name(node, node.id)
        self._check_available(node)
        if self._scope.is_given(node.id):
            label = f"multiplication is {node.id} * (…)"
            raise self._refusals.error("not-a-function", f"`{node.id}` is a value, not a function", node, label=label)
        return self._keywords_of(self._function_at(node.id, node))

    def _resolve(self, path: str, node: ast.expr) -> str:
        """The full name that a path of the program stands for."""
        full_name = self._scope.full_name(path)
        if full_name is None:
            raise self._refusals.unknown_member(path, node)
        self.resolved[id(node)] = full_name
        return full_name

    def _function_at(self, path: str, node: ast.expr) -> str:
        """The full name of the function that a path of the program stands for."""
        full_name = self._resolve(path, node)
        if is_constant(full_name) and not full_name.startswith("builtins."):
            label = f"multiplication is {path} * (…)" if full_name.rpartition(".")[2] in vocabulary.CONSTANTS else None
            raise self._refusals.error("not-a-function", f"`{path}` is a value, not a function", node, label=label)
        return full_name

    def _keywords_of(self, full_name: str) -> frozenset[str] | None:
        operation = vocabulary.operation(full_name)
        return None if operation is None else operation.keywords

    def _keyword(self, keyword: ast.keyword, known: frozenset[str] | None, *, is_checked_later: bool) -> None:
        """Check an argument that is given by name. A misspelt requires_grad is left to the run: a rule tells of it."""
        if keyword.arg is None:
            fix = "write the arguments out: name=value"
            raise self._refusals.refused("**", "agx does not run ** in a call", keyword, fix=fix)
        is_left = known is not None and is_checked_later and closest(keyword.arg, known) == _FLAG
        if known is not None and keyword.arg not in known and not is_left:
            label = did_you_mean(keyword.arg, known) or _listed(known)
            raise self._refusals.error(
                "unknown-keyword", f"the argument `{keyword.arg}` is not available", keyword, label=label
            )
        self._expression(keyword.value)

    def _path_of_call(self, node: ast.expr) -> str | None:
        """The full name of what the node calls, where it is a call of a name of the vocabulary."""
        if not isinstance(node, ast.Call):
            return None
        if isinstance(node.func, ast.Name) and not self._scope.is_variable(node.func.id):
            return self._scope.full_name(node.func.id)
        path = self._dotted(node.func)
        return None if path is None else self._scope.full_name(path)

    def _dotted(self, node: ast.expr) -> str | None:
        """The text of `torch.nn.functional` and the like, where its first name is a namespace and not a variable."""
        found = dotted(node)
        if found is None:
            return None
        first, path = found
        if self._scope.is_given(first.id) or self._scope.is_variable(first.id):
            return None
        self._check_available(first, node)
        return path if first.id in self._scope.aliases else None

    # Errors.

    def _check_name(self, node: ast.AST, name: str) -> None:
        if name.startswith("__"):
            raise self._refusals.error(
                "refused-name", f"`{name}` is not available", node, label="names begin with a letter"
            )

    def _is_outside(self, node: ast.expr) -> bool:
        """Whether an expression reads a name that was bound by what agx does not run."""
        return bool(self._outside) and not self._outside.isdisjoint(names_in(node))


def _listed(keywords: frozenset[str]) -> str | None:
    """The keywords that a call takes, where they are few."""
    return f"it takes {', '.join(sorted(keywords))}" if 0 < len(keywords) <= _FEW else None


def _parameters(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    if arguments.vararg is not None:
        yield arguments.vararg
