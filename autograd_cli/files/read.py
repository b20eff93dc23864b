"""An input's file → its numbers, for every format, without torch; nothing in a file is trusted before it is checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from autograd_cli.diagnostic import AgxError
from autograd_cli.files import arrays, checkpoint, texts
from autograd_cli.files.opened import Bits, OpenFile, opened
from autograd_cli.lang.inputs import FileReference, InputSpec
from autograd_cli.lang.numbers import Literal
from autograd_cli.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from autograd_cli.files.opened import Array


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
        except Exception as error:  # noqa: BLE001 - a damaged file may lead to any exception
            raise file.damaged(error) from None


_READERS: dict[str, Callable[[OpenFile], Array | Literal | Bits]] = {
    "npy": arrays.read_npy,
    "npz": arrays.read_npz,
    "safetensors": arrays.read_safetensors,
    "torch": checkpoint.read_checkpoint,
    "csv": texts.read_csv,
    "tsv": texts.read_tsv,
    "json": texts.read_json,
}
