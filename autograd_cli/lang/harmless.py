"""Takes out of a program what agx does not run and nothing depends on: plots, seeds of other libraries, progress bars.

A statement of that kind becomes `pass`, and `tqdm(range(3))` the `range(3)` in it. A statement whose result other code
uses stays, for the checker to refuse.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from autograd_cli.lang.blocks import blocks, statements

_BAR = "tqdm.bar"
_WITHOUT_EFFECT = (
    *("matplotlib", "pylab", "seaborn", "warnings", "logging", "gc", "os.environ", "sys.path", "sys.stdout"),
    *("numpy.random.seed", "numpy.set_printoptions", "random.seed"),
    *(f"{_BAR}.{name}" for name in "close refresh reset set_description set_postfix set_postfix_str update".split()),
    *("torch.backends", "torch.set_printoptions", "torch.set_num_threads"),
    *("torch.cuda.manual_seed", "torch.cuda.manual_seed_all", "torch.cuda.empty_cache", "torch.cuda.synchronize"),
)
_BARS = frozenset(f"tqdm.{home}tqdm" for home in ("", "auto.", "notebook.", "std."))
_RANGES = frozenset(f"tqdm.{home}trange" for home in ("", "auto.", "notebook.", "std."))


def leave_out(tree: ast.Module) -> None:
    """Change a tree in place, without recursion. Every new node has the place of the one that it stands for."""
    imported = {"torch": "torch", **dict(_imported(tree))}
    if any(path.startswith("tqdm") for path in imported.values()):
        _without_bars(tree, imported)
    _without_statements(tree, imported)


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The names that imports bind, each with the full name of the module, or of the member of one, that it means."""
    for node in statements(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (top, top)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def _without_bars(tree: ast.Module, imported: dict[str, str]) -> None:
    """Replace each bar by what it runs over, and remember the names that hold a bar: its methods only draw."""
    for node in ast.walk(tree):
        for field, value in ast.iter_fields(node):
            if isinstance(value, list):
                value[:] = [_without_bar(each, imported) for each in value]
            else:
                found = _without_bar(value, imported)
                if found is not value:
                    setattr(node, field, found)
                    is_named = isinstance(node, ast.Assign)
                    imported.update(
                        dict.fromkeys(_stored(node) if is_named and isinstance(node, ast.stmt) else (), _BAR)
                    )


def _without_bar(node: object, imported: Mapping[str, str]) -> object:
    if not isinstance(node, ast.Call):
        return node
    path = _path(node.func, imported)
    if path in _BARS and node.args and not isinstance(node.args[0], ast.Starred):
        return node.args[0]
    if path in _RANGES:
        called = ast.copy_location(ast.Name(id="range", ctx=ast.Load()), node.func)
        return ast.copy_location(ast.Call(func=called, args=node.args, keywords=[]), node)
    return node


def _without_statements(tree: ast.Module, imported: Mapping[str, str]) -> None:
    names = dict(imported)
    replaced: dict[int, tuple[list[ast.stmt], ast.stmt]] = {}
    count = -1
    while count < len(replaced):  # a statement looked at before may use a name that was found since
        count = len(replaced)
        for body in blocks(tree):
            for index, statement in enumerate(body):
                path = _path_of_statement(statement, names)
                if path is not None and any(path == each or path.startswith(f"{each}.") for each in _WITHOUT_EFFECT):
                    body[index] = ast.copy_location(ast.Pass(), statement)
                    replaced[id(body[index])] = (body, statement)
                    names.update(dict.fromkeys(_stored(statement), path))
    if not replaced:
        return
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    for body, statement in replaced.values():
        if not used.isdisjoint(_stored(statement)):
            body[:] = [statement if replaced.get(id(each), (None, None))[1] is statement else each for each in body]


def _stored(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _path_of_statement(statement: ast.stmt, names: Mapping[str, str]) -> str | None:
    """The path of what a call that stands alone calls, or of what an assignment writes to or takes its value from."""
    match statement:
        case ast.Expr(value=ast.Call() as call):
            return _path(call.func, names)
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript() as target]):
            return _path(target, names)
        case ast.Assign(
            targets=[ast.Name() | ast.Tuple()], value=ast.Call() | ast.Attribute() | ast.Subscript() as value
        ):
            return _path(value, names)
    return None


def _path(node: ast.expr, names: Mapping[str, str]) -> str | None:
    """`matplotlib.pyplot.figure.add_subplot` of `plt.figure().add_subplot()`."""
    pieces: list[str] = []
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        if isinstance(node, ast.Attribute):
            pieces.append(node.attr)
        node = node.func if isinstance(node, ast.Call) else node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return None
    return ".".join((names[node.id], *reversed(pieces)))
