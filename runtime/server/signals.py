"""The signals that ask a process to stop."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any


class Signals:
    """Handles some signals while it is entered; those who set handlers of their own meanwhile are overruled.

    Attributes:
        are_handled: it is entered, in the main thread, which alone may handle signals.
    """

    def __init__(self, handle: Callable[[int, FrameType | None], None], *numbers: signal.Signals) -> None:
        """Begin with none handled.

        Args:
            handle: called in the main thread, between any two steps of it.
            numbers: of the signals.
        """
        self.are_handled = False
        self._handle = handle
        self._numbers = numbers

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Handle them until the block ends, also when they are raised again."""
        before = self.handle()
        self.are_handled = bool(before)
        try:
            yield
        finally:
            self.are_handled = False
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle(self) -> dict[int, Any]:
        """Set the handlers, again if need be; return those before."""
        if threading.current_thread() is not threading.main_thread():
            return {}
        return {number: signal.signal(number, self._handle) for number in self._numbers}
