"""The steps of optimizers, reported by torch's hooks: user code, a scheduler or a GradScaler may take them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils.hooks import RemovableHandle

from autograd_cli.diagnostic import Span
from autograd_cli.engine.observe.calls import trained
from autograd_cli.engine.observe.guard import is_compiling
from autograd_cli.engine.observe.seen import Seen
from autograd_cli.engine.observe.state import State
from autograd_cli.engine.observe.training import parameters_of
from autograd_cli.engine.record import naming
from autograd_cli.engine.record.recording import tensors_in

Tell = Callable[[Optimizer], None]


class Steps:
    """Has torch call `before` when an optimizer is about to take a step in this thread, and `after` when it has.

    Once `is_over`, neither is called: torch cannot bear a hook being removed while it calls its hooks.
    """

    def __init__(self, before: Tell, after: Tell) -> None:
        self.is_over = False
        self._thread = threading.get_ident()
        self._handles: list[RemovableHandle] = [
            register_optimizer_step_pre_hook(self._hook(before)),
            register_optimizer_step_post_hook(self._hook(after)),
        ]

    def _hook(self, tell: Tell) -> Callable[..., None]:
        def hook(optimizer: Optimizer, *_: Any) -> None:  # noqa: ANN401 - what the step was given
            if not is_compiling() and not self.is_over and threading.get_ident() == self._thread:
                tell(optimizer)

        return hook

    def remove(self) -> None:
        """Take the hooks out of torch."""
        self.is_over = True
        for handle in self._handles:
            handle.remove()


def begin_step(state: State, optimizer: Optimizer) -> None:
    """An optimizer is about to take a step. Versions are noted now: a closure in it may look at the parameters."""
    state.training.about_to_step(optimizer)
    state.stopping.before_step(parameters_of(optimizer))
    state.versions[id(optimizer)] = state.objects.versions(tensors_in(trained(state, optimizer, is_step=True)))


def end_step(state: State, optimizer: Optimizer, span: Span) -> Seen:
    """An optimizer has taken a step, at this place: the value of the step."""
    owner = state.objects.box(optimizer, span)
    operands = [*trained(state, optimizer, is_step=True), *([] if owner is None else [owner])]
    before = state.versions.pop(id(optimizer), None)
    return state.objects.add_performed(None, naming.step(type(optimizer)), operands, span, before=before)
