"""What an import binds: names of the vocabulary. Nothing is imported, so an import of another module does no harm.

What it binds then is refused where it is used.
"""

from __future__ import annotations

import ast
import sys

from autograd_cli.lang import vocabulary
from autograd_cli.lang.libraries import LIBRARIES

_PACKAGES = ("torch.distributions", "torch.optim", "torch.nn")
_INSTEAD = {
    "argparse": "write the values into the program, or give them as inputs: --lr 0.1",
    "collections": "write a dict or a list; nn.Sequential(…) numbers its layers itself",
    "copy": "use x.clone(), and load_state_dict(other.state_dict()) for layers",
    "functools": "write a lambda or a def",
    "itertools": "write the loops out",
    "matplotlib": "leave the plot out: agx draws the graph, -o picture.svg",
    "numpy": "torch has the function, and torch.tensor([…]) takes lists; a file is an input: x=@FILE.npy",
    "pandas": "a table of numbers is an input: --x data.csv",
    "random": "use torch.rand, torch.randn, torch.randint or torch.randperm; torch.manual_seed repeats them",
    "sklearn": "data are an input: --x data.csv",
    "time": "leave the timing out",
    "tqdm": "leave it out: for x in range(3)",
}


def instead(module: str) -> str:
    """What to write instead of something that was imported from a module which is not here."""
    reason = vocabulary.refusal(module)
    top = module.partition(".")[0]
    known = _INSTEAD.get(top) or (reason if top == "torch" else None)
    if known is not None:
        return known
    where = "" if top in sys.stdlib_module_names else ", or copy what it does into the program"
    return f"leave it out{where}: agx runs torch alone"


def library_of(module: str) -> str:
    """What a module's library is called."""
    top = module.partition(".")[0]
    return LIBRARIES.get(top, top)


def binds(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> tuple[str, str | None] | None:
    """The name that one clause of an import binds and the full name that it stands for.

    The full name is None for what agx does not run. None instead of a pair: `*` binds names that nobody knows.
    """
    if isinstance(node, ast.Import):
        called = alias.asname or alias.name.partition(".")[0]
        means = alias.name if alias.asname else called
        is_known = means in vocabulary.MODULES
    else:
        called, means = alias.asname or alias.name, f"{_home_of(node.module or '')}.{alias.name}"
        is_known = not node.level and (means in vocabulary.MODULES or vocabulary.resolve(means) is not None)
    if is_known:
        return called, means
    return (called, None) if called != "*" else None


def all_of(node: ast.ImportFrom) -> dict[str, str] | None:
    """What `from module import *` binds, each name with its full name; None for a module that is not torch's."""
    members = None if node.level else vocabulary.MEMBERS.get(node.module or "")
    return None if members is None else {name: f"{node.module}.{name}" for name in members}


def _home_of(module: str) -> str:
    """Where the vocabulary has the members of a module: the package, for `torch.distributions.normal` and the like."""
    return next(
        (home for home in _PACKAGES if module.startswith(f"{home}.") and module not in vocabulary.MODULES), module
    )


def module_of(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """The full name of what one clause of an import imports."""
    return alias.name if isinstance(node, ast.Import) else f"{node.module or ''}.{alias.name}"
