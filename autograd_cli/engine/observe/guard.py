"""Between the script and the recorder: neither notices the other where it should not."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import torch
from torch.utils._python_dispatch import _disable_current_modes

_is_compiling = torch.compiler.is_compiling  # torch.compile takes it for a constant, and looks no further
_T = TypeVar("_T")


class Guard:
    """Runs what is the recorder's. Where that fails, which is a bug, `fail` is told, and the script goes on.

    It `is_threaded` when code of the script's ran in another thread, too, where nobody looked.
    """

    def __init__(self, fail: Callable[[Exception], None]) -> None:
        self._fail = fail
        self._is_inside = False
        self.is_threaded = False

    def helper(self, helper: Callable[..., Any], plainly: Callable[..., Any]) -> Callable[..., Any]:
        """A helper that is never called by what it does itself, in another thread, or while torch compiles or traces.

        What it asks an object may run code of the script's; `plainly` is called in its place then.
        """
        thread = threading.get_ident()

        def guarded(*arguments: Any) -> Any:  # noqa: ANN401 - whatever the script computes
            if _is_compiling() or self._is_inside:
                return plainly(*arguments)
            if threading.get_ident() != thread:
                self.is_threaded = True
                return plainly(*arguments)
            if is_traced():
                return plainly(*arguments)
            self._is_inside = True
            try:
                with as_torch_alone():
                    return helper(*arguments)
            except RecursionError:  # the script has come near the end of the stack
                return plainly(*arguments)
            except Exception as error:  # noqa: BLE001 - a bug of ours must not become one of the script's
                self._fail(error)
                return plainly(*arguments)
            finally:
                self._is_inside = False

        return guarded

    def hook(self, hook: Callable[..., None]) -> Callable[..., None]:
        """A hook that torch calls in the middle of what the script does."""

        def guarded(*arguments: Any) -> None:  # noqa: ANN401 - whatever torch hands it
            with self.ours():
                hook(*arguments)

        return guarded

    @contextlib.contextmanager
    def around(self, begin: Callable[[], AbstractContextManager[_T]]) -> Iterator[_T | None]:
        """What `begin` makes is entered before code of the script's, and left after it."""
        manager, entered = None, None
        with self.ours():
            manager = begin()
            entered = manager.__enter__()
        try:
            yield entered
        except BaseException as error:
            with self.ours():
                if manager is not None:
                    manager.__exit__(type(error), error, error.__traceback__)
            raise
        with self.ours():
            if manager is not None:
                manager.__exit__(None, None, None)

    @contextlib.contextmanager
    def ours(self) -> Iterator[None]:
        """What the context holds is the recorder's."""
        was, self._is_inside = self._is_inside, True
        try:
            with as_torch_alone():
                yield
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)
        finally:
            self._is_inside = was


def is_traced() -> bool:
    """Whether `torch.jit.trace` writes down what torch is asked."""
    return torch._C._get_tracing_state() is not None  # noqa: SLF001 - torch has no other name for it


def as_torch_alone() -> AbstractContextManager[object]:
    """Ask torch past the script's own subclasses of Tensor, and past modes that see every operation."""
    if torch._C._len_torch_dispatch_stack():  # noqa: SLF001 - torch has no other name for it
        return _without_modes()
    disabled: AbstractContextManager[object] = torch._C.DisableTorchFunction()  # noqa: SLF001 - as above
    return disabled


@contextlib.contextmanager
def _without_modes() -> Iterator[None]:
    with torch._C.DisableTorchFunction(), _disable_current_modes():  # noqa: SLF001 - as torch does itself
        yield
