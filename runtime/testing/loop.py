"""An event loop in a thread of its own, so that tests may be plain functions."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Self


class LoopThread:
    """Runs coroutines for whoever waits, for as long as it is entered."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="service under test", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def run[T](self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run to the end and return the result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
