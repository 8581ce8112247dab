"""How a process ends that cannot end by itself."""

import logging
import os
import threading
from collections.abc import Callable
from typing import NoReturn

from runtime.telemetry import last_words

logger = logging.getLogger(__name__)


def end_now(status: int, say: Callable[[], object] = lambda: None) -> NoReturn:
    """End this process without waiting for its threads, nor for the reader of what `say` logs."""
    last_words(say)
    os._exit(status)


def end_anyway() -> None:
    """End a process whose loop or thread is blocked."""
    busy = sorted(thread.name for thread in threading.enumerate() if not thread.daemon)
    text = "the stop exceeded its time limit; ending the process. Threads still running: %s"
    end_now(1, lambda: logger.critical(text, busy))
