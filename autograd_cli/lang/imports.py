"""What an import binds: names of the vocabulary. Nothing is imported; other modules are told apart by what to do."""

from __future__ import annotations

import ast

from autograd_cli.lang import vocabulary

# Modules that programs often import and do not need for what agx runs: their names are refused where they are used.
_HARMLESS = frozenset(
    """
    numpy matplotlib pandas scipy sklearn torchvision tqdm random time copy typing warnings collections itertools
    functools dataclasses __future__ torchviz seaborn argparse datetime json logging operator string timeit pprint
    """.split()
)
# What tutorials import from torch, which is left out.
_LEFT_OUT = frozenset(
    """
    torch.func torch.utils.data torch.utils.tensorboard torch.autograd.functional torch.autograd.gradcheck
    torch.autograd.Function torch.optim.lr_scheduler torch.nn.Module torch.utils.checkpoint torch.optim.LBFGS
    """.split()
)
_PACKAGES = ("torch.distributions", "torch.optim", "torch.nn")
_INSTEAD = {
    "collections": "write a dict or a list; nn.Sequential(…) numbers its layers itself",
    "copy": "use x.clone(), and load_state_dict(other.state_dict()) for layers",
    "itertools": "write the loops out",
    "matplotlib": "leave the plot out: agx draws the graph, -o picture.svg",
    "numpy": "torch has the function, and torch.tensor([…]) takes lists; a file is an input: --x @FILE.npy",
    "random": "use torch.rand, torch.randn, torch.randint or torch.randperm; torch.manual_seed repeats them",
    "time": "leave the timing out",
    "tqdm": "leave it out: for x in range(3)",
}


def instead(module: str) -> str:
    """What to write instead of something that was imported from a module which is not here."""
    reason = vocabulary.refusal(module)
    top = module.partition(".")[0]
    return _INSTEAD.get(top) or (top == "torch" and reason) or "leave it out: a program is torch alone"


def binds(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> tuple[str, str | None] | None:
    """The name that one clause of an import binds and the full name that it stands for.

    The full name is None for what is not here and may yet be imported, as long as it is not used: modules that do no
    harm, and what torch has and the language leaves out. None instead of a pair: this import is refused.
    """
    if isinstance(node, ast.Import):
        called = alias.asname or alias.name.partition(".")[0]
        means = alias.name if alias.asname else called
        is_known = alias.name in vocabulary.MODULES
    else:
        called, means = alias.asname or alias.name, f"{_home_of(node.module or '')}.{alias.name}"
        is_known = not node.level and (means in vocabulary.MODULES or vocabulary.resolve(means) is not None)
    if is_known:
        return called, means
    full_name = module_of(node, alias)
    left_out = full_name.partition(".")[0] in _HARMLESS or (
        isinstance(node, ast.ImportFrom) and _is_left_out(full_name)
    )
    return (called, None) if left_out and called != "*" else None


def _home_of(module: str) -> str:
    """Where the vocabulary keeps what a module within a package of torch defines: `torch.distributions.normal`."""
    return next(
        (home for home in _PACKAGES if module.startswith(f"{home}.") and module not in vocabulary.MODULES), module
    )


def module_of(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """The full name of what one clause of an import imports."""
    return alias.name if isinstance(node, ast.Import) else f"{node.module or ''}.{alias.name}"


def _is_left_out(full_name: str) -> bool:
    """Whether torch has this, and the language leaves it out."""
    return any(full_name.startswith(f"{home}.") for home in _LEFT_OUT) or full_name in _LEFT_OUT
