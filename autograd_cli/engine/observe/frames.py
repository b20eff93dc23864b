"""What is known of a frame of the user's code while it runs: its variables, its statements, the loops it is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from autograd_cli.diagnostic import Span

if TYPE_CHECKING:
    from autograd_cli.engine.observe.seen import (
        Seen,  # its module imports torch, and a script may have to set something first
    )


@dataclass(slots=True)
class Call:
    """A call that is under way.

    `entered` is how many functions had been entered before it, `also` what it uses without being handed it, such as the
    parameters of a module; `stepped` is the step that an optimizer has taken in it, if one has.
    """

    function: Any
    owner: object
    span: Span
    entered: int
    grad_enabled: bool
    also: list[Seen]
    stepped: Seen | None = None


Entry: TypeAlias = "Seen | Call | None"  # None: a value that is not followed, such as a function


@dataclass(slots=True)
class Loop:
    """What a loop iterates over, and its value; for a tensor, `rows` is the value of all its rows."""

    iterable: object
    box: Seen | None
    span: Span
    round: int = -1
    rows: Seen | None = None


KEPT = 3  # backward passes, of a long run
ITSELF = object()  # in place of an object that must not be held, such as a tensor: it is found by its identity


class Frame(list[Entry]):
    """The stack of one call of a function, or of the top level of a file, and what belongs to it.

    `names` are its variables, each with the object that it was bound to: ITSELF for what is held weakly.
    `steps` are the numbers of the statements that run, the outermost first, `rounds` those of its loops. The numbers
    hold for one `epoch`, which ends when older statements are forgotten. `returned` is what the rounds of a
    comprehension gave. `kept` are the objects that the expressions of a statement gave: they are held until it ends, so
    that no two of them have the same identity. A `quiet` frame is not recorded: it belongs to one operation of a
    library's, or to another thread.
    """

    __slots__ = (
        "contexts",
        "entered",
        "epoch",
        "function",
        "grad_mode_spans",
        "inner",
        "kept",
        "loops",
        "names",
        "outer",
        "pending",
        "quiet",
        "returned",
        "rounds",
        "shown_loops",
        "steps",
    )

    def __init__(self, function: str, outer: Frame | None, *, quiet: bool) -> None:
        super().__init__()
        self.function = function
        self.outer = outer
        self.quiet = quiet
        self.names: dict[str, tuple[object, Seen]] = {}
        self.steps: list[int] = []
        self.rounds: list[int] = []
        self.loops: dict[int, Loop] = {}
        self.grad_mode_spans: list[Span | None] = [None if outer is None else outer.grad_mode_spans[-1]]
        self.contexts: list[int] = []  # how deep the statements are nested that switched a grad mode on
        self.pending: list[Span] = []  # the grad modes of a `with` that is about to begin
        self.inner: Frame | None = None  # of the comprehension that ran last
        self.returned: list[Seen | None] = []
        self.entered = 0
        self.epoch = 0
        self.kept: list[object] = []
        self.shown_loops = 0  # that were under way behind the last pass that is to be shown

    def forget(self) -> None:
        """Let go of the objects of the script, also where others hold the frame: torch.fx copies the builtins."""
        for held in (self, self.names, self.loops, self.returned, self.kept):
            held.clear()
        self.inner = None
