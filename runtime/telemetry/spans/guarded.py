"""Processors of others, whose faults cost neither an answer nor another processor's spans."""

import logging
from functools import partial
from typing import Any, cast

from opentelemetry.sdk.trace import SpanProcessor

logger = logging.getLogger(__name__)


def guarded(processor: SpanProcessor) -> SpanProcessor:
    """Return a processor that does the same, and raises nothing: the SDK would let it end its caller."""
    return cast("SpanProcessor", _Guarded(processor))


class _Guarded:
    """Calls each method of another; what that raises is one line a minute, and False."""

    def __init__(self, processor: SpanProcessor) -> None:
        self._processor = processor

    def __getattr__(self, name: str) -> Any:
        return partial(self._call, getattr(self._processor, name), name)

    def _call(self, method: Any, name: str, *args: Any, **options: Any) -> Any:
        try:
            return method(*args, **options)
        except Exception as error:  # noqa: BLE001  # of any class: it is somebody else's
            of = type(self._processor).__qualname__
            logger.error(  # noqa: TRY400  # the traceback is theirs, and may quote what a caller sent
                "The span processor %s failed in %s: %s", of, name, type(error).__name__
            )
            return False
