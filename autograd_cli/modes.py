"""The tracking modes: ways to run one program so that torch records all, some or nothing of it. One row each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Entry(StrEnum):
    """How the inputs enter the program."""

    REQUIRES_GRAD = "requires_grad=True"
    PLAIN = "requires_grad=False"
    DETACHED = ".detach()"
    DATA = ".data"


class GradMode(StrEnum):
    """Torch's grad mode while an operation runs."""

    GRAD = "grad"
    NO_GRAD = "no_grad"
    INFERENCE = "inference_mode"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """One tracking mode. `summary` completes the sentence "the program runs …"; `help` describes its option."""

    name: str
    entry: Entry
    grad_mode: GradMode
    summary: str
    help: str


MODES = {
    mode.name: mode
    for mode in (
        Mode(
            name="requires-grad",
            entry=Entry.REQUIRES_GRAD,
            grad_mode=GradMode.GRAD,
            summary="with inputs that require gradients",
            help="Inputs require gradients",
        ),
        Mode(
            name="no-requires-grad",
            entry=Entry.PLAIN,
            grad_mode=GradMode.GRAD,
            summary="with inputs that do not require gradients",
            help="Inputs do not require gradients",
        ),
        Mode(
            name="no-grad",
            entry=Entry.REQUIRES_GRAD,
            grad_mode=GradMode.NO_GRAD,
            summary="under torch.no_grad()",
            help="Run under torch.no_grad()",
        ),
        Mode(
            name="inference-mode",
            entry=Entry.REQUIRES_GRAD,
            grad_mode=GradMode.INFERENCE,
            summary="under torch.inference_mode()",
            help="Run under torch.inference_mode()",
        ),
        Mode(
            name="detach",
            entry=Entry.DETACHED,
            grad_mode=GradMode.GRAD,
            summary="with inputs that enter through .detach()",
            help="Inputs enter through .detach()",
        ),
        Mode(
            name="data",
            entry=Entry.DATA,
            grad_mode=GradMode.GRAD,
            summary="with inputs that enter through .data",
            help="Inputs enter through .data",
        ),
    )
}
DEFAULT_MODE = "requires-grad"
