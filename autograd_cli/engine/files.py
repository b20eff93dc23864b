"""An input's file → its numbers, for every format. No torch, and nothing in a file is believed before it is checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from autograd_cli.diagnostic import AgxError
from autograd_cli.engine import array_files, checkpoint, text_files
from autograd_cli.engine.open_file import Bits, OpenFile, opened
from autograd_cli.lang.inputs import FileReference, InputSpec, Literal
from autograd_cli.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from autograd_cli.engine.open_file import Array


def read(spec: InputSpec, limits: Limits = DEFAULT_LIMITS) -> Array | Literal | Bits:
    """The numbers of an input that is a file.

    Raises:
        AgxError: no such file, not a regular file, too large, damaged, or no such key.
    """
    assert isinstance(spec.content, FileReference)
    with opened(spec, spec.content, limits) as file:
        try:
            return _READERS[spec.content.kind](file)
        except AgxError:
            raise
        except Exception as error:  # noqa: BLE001 - what a damaged file leads to has no bounds
            raise file.damaged(error) from None


_READERS: dict[str, Callable[[OpenFile], Array | Literal | Bits]] = {
    "npy": array_files.read_npy,
    "npz": array_files.read_npz,
    "safetensors": array_files.read_safetensors,
    "torch": checkpoint.read_checkpoint,
    "csv": text_files.read_csv,
    "tsv": text_files.read_tsv,
    "json": text_files.read_json,
}
