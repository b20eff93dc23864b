"""Writes of a script to something other than a variable: `x.data = y`, `x[i] = y`, `model.weight = y`."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from autograd_cli.engine.observe.objects import Objects
from autograd_cli.engine.observe.seen import Seen
from autograd_cli.engine.observe.sites import Write
from autograd_cli.engine.record import naming
from autograd_cli.engine.record.recorded import Recorded
from autograd_cli.trace import Operation


def write_operation(write: Write, operands: Sequence[Seen | None]) -> tuple[Operation, list[Seen]]:
    """What a write is recorded as. The first operand is the value; the Write says where owner and index are."""
    value, owner = operands[0], operands[write.owner] if write.owner < len(operands) else None
    index = () if write.index is None else operands[write.index : write.index + 1]
    own = [each for each in (owner, *index, value) if each is not None]
    of = type(None) if owner is None else type(owner.payload)
    if write.attribute is None:
        return naming.item_assignment(of), own
    return naming.assignment(of, write.attribute), own


def record_write(recorded: Recorded[Seen], objects: Objects, write: Write, operands: Sequence[Seen | None]) -> None:
    """A target has been written to."""
    owner = operands[write.owner] if write.owner < len(operands) else None
    if owner is None:
        return
    operation, own = write_operation(write, operands)
    if isinstance(owner.payload, torch.Tensor) and not _is_of_no_use(write):
        objects.add_performed(owner.payload, operation, own, write.span)
    elif isinstance(owner.payload, list | dict):
        objects.written(owner, operands[0], write.span)
    elif isinstance(owner.payload, torch.Tensor | torch.nn.Module):
        held = objects.find(vars(owner.payload).get(write.attribute or ""))  # of `a, self.b = pair` a part of the value
        own = own if held is None or operands[0] is None else [*own[:-1], held]
        recorded.add(None, operation, operands=own, span=write.span)


def _is_of_no_use(write: Write) -> bool:
    """Whether torch knows nothing of the attribute: `x.require_grad = True`."""
    return write.attribute is not None and write.attribute not in _OF_TENSOR


_OF_TENSOR = frozenset(dir(torch.Tensor))
