"""A function that asks the process to end, or holds the loop and is interrupted, ends its own call instead.

asyncio lets SystemExit and KeyboardInterrupt through its tasks and out of the loop, so a `sys.exit()` in one
function would stop the service for everybody. They are turned into an error before a task sees them.
"""

from collections.abc import Coroutine
from types import TracebackType
from typing import Any

from shared.errors import FunctionStalled


class Interrupted(BaseException):
    """Raised inside a function that has held the event loop for too long; no `except Exception` stops it."""


EXITS = (SystemExit, KeyboardInterrupt, Interrupted)


def refused(error: BaseException) -> Exception:
    """Return what is raised in place of `error`, which is to be its cause."""
    if isinstance(error, Interrupted):
        return FunctionStalled()
    return RuntimeError(f"The function raised {type(error).__name__}; functions must not end the process.")


class Contained(Coroutine[Any, Any, Any]):
    """A coroutine that cannot end the process; for tasks that a function starts."""

    __slots__ = ("__name__", "__qualname__", "_inner")

    def __init__(self, inner: Coroutine[Any, Any, Any]) -> None:
        self._inner = inner
        self.__name__ = getattr(inner, "__name__", type(inner).__name__)
        self.__qualname__ = getattr(inner, "__qualname__", self.__name__)

    def __await__(self) -> Any:
        return (yield from self._inner.__await__())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)  # `cr_frame` and the like, which debuggers ask for

    def send(self, value: Any) -> Any:
        """Go on."""
        try:
            return self._inner.send(value)
        except EXITS as error:
            raise refused(error) from error

    def throw(
        self, kind: Any, value: BaseException | object = None, traceback: TracebackType | None = None
    ) -> Any:
        """Raise inside."""
        try:
            return self._inner.throw(kind) if value is None else self._inner.throw(kind, value, traceback)
        except EXITS as error:
            raise refused(error) from error

    def close(self) -> None:
        """End it."""
        self._inner.close()
