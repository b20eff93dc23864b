"""What `agx ops NAME` tells of an operation, and what a person may write to name one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from autograd_cli.diagnostic import COMMAND_LINE, AgxError, bad_request
from autograd_cli.lang import vocabulary
from autograd_cli.lang.suggest import closest
from autograd_cli.lang.vocabulary import Operation

# Where a name without a prefix is looked for. torch comes first, then what is most often meant.
_HOMES = (
    "torch",
    "torch.nn.functional",
    "torch.linalg",
    "torch.fft",
    "torch.special",
    "torch.Tensor",
    "torch.nn",
    "torch.optim",
    "torch.distributions",
    "torch.nn.init",
    "torch.nn.utils",
    "torch.autograd",
)
_SHORTEST_PIECE = 3
_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
# How a program writes the namespace of a name, after the usual imports.
PREFIXES = {
    "torch": "",
    "torch.Tensor": ".",
    "torch.nn.functional": "F.",
    "torch.nn": "nn.",
    "torch.nn.init": "nn.init.",
    "torch.nn.utils": "nn.utils.",
    "torch.optim": "optim.",
    "torch.distributions": "distributions.",
    "torch.linalg": "linalg.",
    "torch.fft": "fft.",
    "torch.special": "special.",
    "torch.autograd": "autograd.",
    "torch.autograd.functional": "autograd.functional.",
    "torch.func": "torch.func.",
    "torch.utils.checkpoint": "torch.utils.checkpoint.",
    "torch.cuda": "torch.cuda.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Formulas:
    """An entry of torch's derivative table: the node that it makes, and for each argument the gradient."""

    schema: str
    node: str
    formulas: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Documentation:
    """One operation, with what the installed torch says of it."""

    operation: Operation
    signatures: tuple[str, ...]
    summary: str | None
    derivatives: tuple[Formulas, ...]


def find_all(text: str | None) -> Operation | list[Operation]:
    """The operation that a person means, or else those with a word that begins with the text; all of them for None.

    Raises:
        AgxError: there is none, or it is refused; with the reason.
    """
    every = [found for name in vocabulary.operation_names() if (found := vocabulary.operation(name))]
    if text is None:
        return every
    try:
        return find(text)
    except AgxError as error:
        piece = text.strip().lower().replace("_", "")
        some = [found for found in every if _has_word(found.name.rpartition(".")[2], piece)]
        if error.diagnostic.rule == "unknown-name" and len(piece) >= _SHORTEST_PIECE and some:
            return some
        raise


def _has_word(name: str, beginning: str) -> bool:
    """Whether `batch_norm` or `BatchNorm1d`, read from the start of one of its words, begins with this."""
    words = [word.lower() for word in _WORDS.findall(name)]
    return any("".join(words[index:]).startswith(beginning) for index in range(len(words)))


def find(text: str) -> Operation:
    """The operation that a person means by `sin`, `torch.sin`, `x.sin`, `.sin`, `F.relu` or `nn.Linear`.

    Raises:
        AgxError: there is none, or it is refused; with the reason.
    """
    name = text.strip().removesuffix("()")
    if not name.strip("."):
        raise bad_request("usage", "the name is empty", source=COMMAND_LINE, fix="agx ops lists what there is")
    for full_name in _meanings(name):
        operation = vocabulary.operation(full_name)
        if operation is not None:
            return operation
    raise _unknown(name)


def _meanings(name: str) -> list[str]:
    """The full names that `name` can stand for, the likeliest first."""
    home, _, last = name.rpartition(".")
    if not home and not name.startswith("."):
        return [f"{place}.{name}" for place in _HOMES]
    resolved = vocabulary.resolve(name) if home else None
    is_method = not home or home.partition(".")[0] not in vocabulary.NAMESPACES
    return [full for full in (name, resolved, f"torch.Tensor.{last}" if is_method else None) if full is not None]


def _unknown(name: str) -> AgxError:
    reason = next(filter(None, map(vocabulary.refusal, (*_meanings(name), name))), None)
    if reason is not None:
        message = f"agx does not run `{name}`"
        return bad_request("refused-name", message, source=COMMAND_LINE, fix=reason)
    names = {short_name(full_name).lstrip("."): full_name for full_name in reversed(vocabulary.operation_names())}
    match = closest(name.lstrip("."), names) or closest(name.rpartition(".")[2], names)
    fix = f"did you mean {match}?" if match else "agx ops lists what there is"
    return bad_request("unknown-name", f"there is no operation `{name}`", source=COMMAND_LINE, fix=fix)


def short_name(full_name: str) -> str:
    """The name as a program writes it: `sin`, `.backward`, `F.relu`, `nn.Linear`."""
    home, _, name = full_name.rpartition(".")
    return f"{PREFIXES[home]}{name}"
