"""Between the script and the recorder: neither notices the other where it should not."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, TypeVar

import torch
from torch.utils._python_dispatch import _disable_current_modes

is_compiling = torch.compiler.is_compiling  # a constant for torch.compile, which then skips the rest of the helper
_T = TypeVar("_T")


class Guard:
    """Runs code of the recorder. If that raises, which is a bug, `fail` is called and the script goes on.

    `is_threaded` says that code of the script's also ran in another thread, where it was not observed.
    """

    def __init__(self, fail: Callable[[Exception], None]) -> None:
        self._fail = fail
        self._is_inside = False
        self._held: list[list[Callable[..., Any]]] = []
        self.is_threaded = False

    def helper(self, helper: Callable[..., Any], plainly: Callable[..., Any]) -> Callable[..., Any]:
        """A helper, but `plainly` inside a running helper, in another thread, and while torch compiles or traces.

        A helper may ask something of an object and so run code of the script's, which calls helpers again.
        """
        thread = threading.get_ident()
        held = [helper]
        self._held.append(held)

        def guarded(*arguments: Any) -> Any:  # noqa: ANN401 - whatever the script computes
            if is_compiling() or self._is_inside:
                return plainly(*arguments)
            if threading.get_ident() != thread:
                self.is_threaded = True
                return plainly(*arguments)
            if is_traced():
                return plainly(*arguments)
            self._is_inside = True
            try:
                with as_torch_alone():
                    return held[0](*arguments)
            except RecursionError:  # the script has come near the end of the stack
                return plainly(*arguments)
            except Exception as error:  # noqa: BLE001 - a bug of ours must not become one of the script's
                self._fail(error)
                return plainly(*arguments)
            except KeyboardInterrupt as stop:
                raise stop.with_traceback(None) from None  # what we did when it came is no part of the script
            finally:
                self._is_inside = False

        return guarded

    def forget(self) -> None:
        """Let go of the helpers, which will not be called again: others may hold what stood for them."""
        for held in self._held:
            held.clear()

    def hook(self, hook: Callable[..., None]) -> Callable[..., None]:
        """A hook that torch calls in the middle of what the script does."""

        def guarded(*arguments: Any) -> None:  # noqa: ANN401 - whatever torch hands it
            with self.ours():
                hook(*arguments)

        return guarded

    @contextlib.contextmanager
    def around(self, begin: Callable[[], AbstractContextManager[_T]]) -> Iterator[_T | None]:
        """Enter what `begin` makes before code of the script's runs, and leave it afterwards, both guarded."""
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

    def ours(self) -> AbstractContextManager[None]:
        """A context in which code of the recorder runs."""
        return _Ours(self)

    def enter(self) -> bool:
        """Code of the recorder begins; whether it ran already."""
        was, self._is_inside = self._is_inside, True
        return was

    def leave(self, bug: Exception | None, *, is_inside: bool) -> None:
        """It ends, with a bug or without."""
        self._is_inside = is_inside
        if bug is not None:
            self._fail(bug)


class _Ours(AbstractContextManager[None]):
    """A bug in it must not become one of the script's, and what it did when Ctrl-C came is no part of the script."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._alone = as_torch_alone()
        self._was_inside = False

    def __enter__(self) -> None:
        self._was_inside = self._guard.enter()
        self._alone.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._alone.__exit__(kind, error, trace)
        bug = error if isinstance(error, Exception) else None
        self._guard.leave(bug, is_inside=self._was_inside)
        if isinstance(error, KeyboardInterrupt):
            error.__traceback__ = None
        return bug is not None


def is_traced() -> bool:
    """Whether `torch.jit.trace` is recording what torch does."""
    return torch._C._get_tracing_state() is not None  # noqa: SLF001 - torch has no public name for it


def as_torch_alone() -> AbstractContextManager[object]:
    """A context in which neither Tensor subclasses of the script's nor modes see our calls of torch."""
    if torch._C._len_torch_dispatch_stack():  # noqa: SLF001 - torch has no public name for it
        return _without_modes()
    disabled: AbstractContextManager[object] = torch._C.DisableTorchFunction()  # noqa: SLF001 - torch has no public name for it
    return disabled


@contextlib.contextmanager
def _without_modes() -> Iterator[None]:
    with torch._C.DisableTorchFunction(), _disable_current_modes():  # noqa: SLF001 - as torch does itself
        yield
