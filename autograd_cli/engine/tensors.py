"""InputSpec → tensor: numbers, creation expressions, files and the Python API's own objects."""

from __future__ import annotations

from dataclasses import replace

import torch

from autograd_cli.diagnostic import AgxError, bad_request
from autograd_cli.engine.interpret.performer import Performer, RefusedError
from autograd_cli.engine.interpret.silent import Silent
from autograd_cli.engine.interpret.statements import Interpreter
from autograd_cli.files.opened import Bits
from autograd_cli.lang.inputs import Creation, FileReference, InputSpec
from autograd_cli.lang.numbers import Literal, literal_of_nested
from autograd_cli.limits import Limits, memory_error


def make_tensor(spec: InputSpec, held: object, device: str, limits: Limits) -> torch.Tensor:
    """A new leaf tensor that does not require gradients.

    `held` is what `files.read` gave for a file, or the object that the caller of the Python API holds.

    Raises:
        AgxError: torch refuses to make it, or the file is damaged.
    """
    dtype: torch.dtype | None = None if spec.dtype is None else getattr(torch, spec.dtype)
    try:
        tensor = _tensor(spec, held, dtype, limits).to(device)
    except RefusedError as error:
        refusal = error.refusal
        message = f"the value of {spec.name} cannot be computed"
        words = (refusal.message.strip().splitlines() or [""])[0].removesuffix(", but expected one of:")
        raise bad_request(
            "bad-value",
            message,
            source=spec.source,
            span=refusal.span,
            torch_says=words,
        ) from None
    except AgxError as error:
        raise AgxError(replace(error.diagnostic, source=spec.source), error.status) from None
    except (MemoryError, RuntimeError, TypeError, ValueError, OverflowError) as error:
        if (reached := memory_error(error)) is not None:
            raise reached from None
        message = f"{spec.name} cannot be made a tensor"
        raise bad_request("bad-value", message, source=spec.source, torch_says=first_line(error)) from None
    # Under no_grad, a view of a tensor that does not require grad behaves differently from a leaf.
    return tensor if tensor._base is None else tensor.clone()  # noqa: SLF001 - torch has no public name for it


def first_line(error: Exception) -> str:
    """What torch says, without its C++ stack."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def _tensor(spec: InputSpec, held: object, dtype: torch.dtype | None, limits: Limits) -> torch.Tensor:
    match spec.content:
        case Literal():
            return _of_literal(spec.content, dtype)
        case Creation():
            return _of_expression(spec.content, dtype, spec.source, limits)
        case FileReference():
            return _of_file(spec, held, dtype)
        case _:
            return _of_object(held, dtype)


def _of_literal(literal: Literal, dtype: torch.dtype | None) -> torch.Tensor:
    if dtype is None:
        all_truths = bool(literal.values) and all(isinstance(value, bool) for value in literal.values)
        some_complex = any(isinstance(value, complex) for value in literal.values)
        dtype = torch.bool if all_truths else default_complex() if some_complex else torch.get_default_dtype()
    return torch.tensor(literal.values, dtype=dtype).reshape(literal.shape)


def default_complex() -> torch.dtype:
    """The complex dtype with the precision of the default dtype."""
    return torch.complex128 if torch.get_default_dtype() == torch.float64 else torch.complex64


def _of_expression(creation: Creation, dtype: torch.dtype | None, source: str, limits: Limits) -> torch.Tensor:
    box = Interpreter(creation.program, Performer(Silent(), limits, source), {}).run()
    found = None if box is None else box.unwrap()
    if isinstance(found, torch.Tensor):
        tensor = found.detach().clone()
        return tensor if dtype is None else tensor.to(dtype)
    if isinstance(found, list | tuple) and any(isinstance(each, torch.Tensor) for each in found):
        return torch.tensor(found, dtype=dtype)
    if isinstance(found, list | tuple | bool | int | float | complex):
        return _of_literal(literal_of_nested(found, source), dtype)
    raise TypeError(f"the expression gives {type(found).__name__}, not numbers")


def _of_file(spec: InputSpec, held: object, dtype: torch.dtype | None) -> torch.Tensor:
    assert isinstance(spec.content, FileReference)
    match held:
        case Literal():
            return _of_literal(held, dtype)
        case Bits():
            tensor = torch.from_numpy(_native(held.array)).view(getattr(torch, held.dtype))
        case _:
            tensor = torch.from_numpy(_native(held))
            if spec.content.kind in {"csv", "tsv"}:
                dtype = dtype or torch.get_default_dtype()
    return tensor if dtype is None else tensor.to(dtype)


def _of_object(held: object, dtype: torch.dtype | None) -> torch.Tensor:
    if isinstance(held, torch.Tensor):
        if held.layout is not torch.strided or held.is_quantized or held.is_meta:
            raise TypeError("it is not a plain dense tensor")
        return held.detach().clone().to(dtype or held.dtype)
    return torch.as_tensor(_native(held), dtype=dtype).clone()


def _native(array: object) -> object:
    """The array in this machine's byte order and with positive strides, which torch asks for."""
    import numpy as np

    array = np.asarray(array)
    return np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="), copy=False)).reshape(array.shape)


def check_device(device: str) -> None:
    """Make sure that tensors can live on `device`.

    Raises:
        AgxError: there is no such device here.
    """
    try:
        torch.zeros(1, device=device).tolist()
    except (RuntimeError, NotImplementedError, AssertionError) as error:
        raise _no_device(device, error) from None


def _no_device(device: str, error: Exception) -> AgxError:
    message = f"the device {device} cannot be used here"
    return bad_request(
        "unknown-device", message, source="--device", torch_says=first_line(error), fix="use cpu, cuda, cuda:1 or mps"
    )
