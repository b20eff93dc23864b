"""What is known of an observed run while it lasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

import torch

from autograd_cli.diagnostic import Span
from autograd_cli.engine.observe.guard import Guard
from autograd_cli.engine.observe.objects import Objects
from autograd_cli.engine.observe.seen import Entries, Seen
from autograd_cli.engine.observe.stopping import Stopping
from autograd_cli.engine.observe.training import Training
from autograd_cli.engine.record.recorded import Recorded
from autograd_cli.trace import Operation


class State:
    """One run. `entered` counts the functions of the user's that were entered, `returned` is what the last one gave.

    `of_loops` are the variables of the script that its loops bind.
    `generated` is what each generator has given so far.
    `switched` is how many functions had been entered when a call last switched a grad mode, and where it is.
    `versions` are those of what an optimizer trains, by the optimizer's id, while it takes a step.
    `is_compiled` says that the script has called something that torch.compile made.
    `shown` is to be called when all that is to be observed has run.
    While it is `quiet`, code of the user's runs inside one operation, and is not recorded.
    """

    def __init__(self, stopping: Stopping, guard: Guard, *, watched: bool) -> None:
        self.stopping = stopping
        self.guard = guard
        self.entries = Entries()
        self.recorded: Recorded[Seen] = Recorded(self.entries.make, keeps=False, watched=watched)
        self.recorded.passes.watch.guarded = guard.hook
        self.objects = Objects(self.recorded)
        self.training = Training()
        self.entered = 0
        self.returned: tuple[object, Seen | None] = (None, None)
        self.quiet = False
        self.is_compiled = False
        self.of_loops: set[str] = set()
        self.generated: WeakKeyDictionary[Seen, list[Seen | None]] = WeakKeyDictionary()
        self.versions: dict[int, list[tuple[Seen, int | None]]] = {}
        self.switched: tuple[int, Span | None] = (0, None)
        self.shown: Callable[[], None] = lambda: None

    def perform(self, value: object, operation: Operation, operands: Sequence[Seen], span: Span) -> Seen:
        """The value of an operation that cannot have written: a write that is found now was made before it."""
        for each in operands:
            if isinstance(each.payload, torch.Tensor):
                self.objects.read(each.payload, each, span)
        return self.objects.add_performed(value, operation, operands, span)
