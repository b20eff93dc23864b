"""How a run is set up, whatever the program: made once where a request comes in, and handed on as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from autograd_cli.diagnostic import bad_request
from autograd_cli.lang.suggest import did_you_mean
from autograd_cli.limits import DEFAULT_LIMITS, Limits

DTYPES = ("float32", "float64", "float16", "bfloat16")
MAX_SEED = 2**63 - 1
MAX_THREADS = 1_024
_DEVICE = re.compile(r"[a-z]+(:\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a run is set up.

    `seed` seeds torch's generator, for the run alone; `dtype` is the default dtype, and `device` where tensors live;
    `threads` is how many torch uses (None: as it does now); `full` keeps the values of tensors of any size; `limits`
    say how much the run may take (its time and memory only where it is supervised: see `process.supervise`).
    """

    seed: int = 0
    dtype: str = "float32"
    device: str = "cpu"
    threads: int | None = None
    full: bool = False
    limits: Limits = DEFAULT_LIMITS


DEFAULT_SETTINGS = Settings()


def check_settings(settings: Settings) -> None:
    """Make sure that torch can be set up so.

    Raises:
        AgxError: it cannot.
    """
    seed: object = settings.seed  # from Python it may be anything
    threads: object = settings.threads
    if not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise bad_request("bad-value", "the seed is an integer from 0 to 2**63 - 1", source="--seed")
    if threads is not None and not (isinstance(threads, int) and 1 <= threads <= MAX_THREADS):
        message = f"the number of threads is an integer from 1 to {MAX_THREADS}"
        raise bad_request("bad-value", message, source="--threads")
    if settings.dtype not in DTYPES:
        message = f"the default dtype is one of {', '.join(DTYPES)}"
        raise bad_request("unknown-dtype", message, source="--dtype", label=did_you_mean(settings.dtype, DTYPES))
    if not _DEVICE.fullmatch(settings.device) or settings.device.startswith("meta"):
        message = f"{settings.device} is not a device that holds values"
        raise bad_request("unknown-device", message, source="--device", fix="use cpu, cuda or cuda:0")
