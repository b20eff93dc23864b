"""What a name stands for at each place of a program: a variable, an input, or what the language or an import gave it.

A function has its own names. The names that a loop binds are known in its whole body, from its second round on. The
names of the top level are known everywhere inside functions, since these run later.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from autograd_cli.lang import kinds, libraries, vocabulary


class Scope:
    """The names known where the checker is. `given` are the inputs, `everywhere` what the top level binds at all.

    `bound` are the names that the top level has bound so far. `aliases` maps the names of imports and namespaces to
    full names, or to None for what is not in the vocabulary; `left_out` maps the names of imports to where they came
    from.
    """

    def __init__(self, given: frozenset[str], everywhere: AbstractSet[str]) -> None:
        self.bound: set[str] = set()
        self.aliases: dict[str, str | None] = dict(vocabulary.NAMESPACES)
        self.left_out: dict[str, str] = {}
        self._given = given
        self._everywhere = everywhere
        self._functions: list[set[str]] = []  # the local names of the functions and comprehensions that we are in
        self._loops: list[AbstractSet[str]] = []  # the names that the loops that we are in bind

    # Where we are.

    @property
    def is_in_function(self) -> bool:
        """Whether a `return` may stand here."""
        return bool(self._functions)

    @property
    def is_in_loop(self) -> bool:
        """Whether a `break` may stand here."""
        return bool(self._loops)

    @contextlib.contextmanager
    def function(self, local: Iterable[str]) -> Iterator[None]:
        """Inside a function with these local names; the loops around it are not its own."""
        loops, self._loops = self._loops, []
        try:
            with self.comprehension(local):
                yield
        finally:
            self._loops = loops

    @contextlib.contextmanager
    def comprehension(self, local: Iterable[str]) -> Iterator[None]:
        """Inside a comprehension whose targets are these."""
        self._functions.append(set(local))
        try:
            yield
        finally:
            self._functions.pop()

    @contextlib.contextmanager
    def loop(self, body: Iterable[ast.stmt]) -> Iterator[None]:
        """Inside the body of a loop: what it binds may be read before, from the second round on."""
        self._loops.append(assigned(body))
        try:
            yield
        finally:
            self._loops.pop()

    # Binding.

    def bind(self, name: str) -> None:
        """A statement binds the name here."""
        (self._functions[-1] if self._functions else self.bound).add(name)

    def import_(self, name: str, full_name: str | None, library: str) -> None:
        """An import binds the name, in place of a variable that had it."""
        self.aliases[name] = full_name
        self.left_out[name] = library
        (self._functions[-1] if self._functions else self.bound).discard(name)

    # Reading.

    def is_given(self, name: str) -> bool:
        """Whether an input has the name."""
        return name in self._given

    def is_variable(self, name: str) -> bool:
        """Whether the program itself has bound the name where we are."""
        if any(name in local for local in self._functions):
            return True
        if name in self._given:
            return name in self.bound
        if self._functions and name in self._everywhere:
            return True
        return name in self.bound or any(name in loop for loop in self._loops)

    def is_unavailable(self, name: str) -> bool:
        """Whether the name was imported from what agx does not run, or is the usual name of a library, such as `np`."""
        if name in self._given or (name not in self.aliases and name not in libraries.LIBRARIES):
            return False
        return self.aliases.get(name) is None

    def written_out(self, path: str) -> str:
        """A path with the full name in place of its first name: `torch.nn.Linear` for `nn.Linear`."""
        first, dot, rest = path.partition(".")
        return f"{self.aliases.get(first) or first}{dot}{rest}"

    def full_name(self, path: str) -> str | None:
        """What a path such as `nn.Linear` or `sin` stands for in the vocabulary, if anything."""
        return vocabulary.resolve(self.written_out(path))


def dotted(node: ast.expr) -> tuple[ast.Name, str] | None:
    """The first name and the whole text of `torch.nn.functional` and the like; None of anything else."""
    pieces: list[str] = []
    while isinstance(node, ast.Attribute):
        pieces.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or not pieces:
        return None
    return node, ".".join((node.id, *reversed(pieces)))


def is_constant(full_name: str) -> bool:
    """Whether a full name of the vocabulary is that of a value, not of a function."""
    is_value = full_name.rpartition(".")[2] in vocabulary.CONSTANTS | vocabulary.DTYPES
    return is_value or full_name == kinds.NAME_OF_PROGRAM


def is_uncalled(node: ast.expr) -> bool:
    """Whether an expression is the name of a method after a dot."""
    attributes = vocabulary.ATTRIBUTES | vocabulary.RESULT_FIELDS | kinds.ATTRIBUTES
    return isinstance(node, ast.Attribute) and node.attr in (vocabulary.METHODS | kinds.METHODS) - attributes


def names_in(node: ast.AST) -> set[str]:
    """Every name that occurs in a node."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def assigned(body: Iterable[ast.stmt]) -> set[str]:
    """The names that statements bind, those inside them too, but not those inside a function."""
    found: set[str] = set()
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found.add(node.name)
                continue
            case ast.Lambda() | ast.ListComp() | ast.GeneratorExp() | ast.DictComp():
                continue
            case ast.Name(ctx=ast.Store()):
                found.add(node.id)
            case ast.ExceptHandler(name=str() as name):
                found.add(name)
        pending.extend(ast.iter_child_nodes(node))
    return found
