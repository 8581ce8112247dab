"""A span that is told its facts once, and is one of the SDK's as soon as more is asked of it.

The SDK's span makes locks, bounded lists and cleaned copies in case they are needed, which costs more than
the rest of a small request. Most of ours need none: a statement's attributes are known at its start, a
request's at its end. Such a span only keeps them for the exporter's thread. Whatever else is done to it is
done to a span of the SDK with the same ids, which is started then and stands in for it.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import RLock
from time import time_ns
from types import TracebackType
from typing import Any, Protocol

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.util.types import AnyValue, Attributes

from runtime.telemetry.spans.attributes import Facts
from shared.attributes import AttributeSet

logger = logging.getLogger(__name__)

_lock = RLock()  # one for all, held for a moment by a thread that changes a span first or ends it


class Owner(Protocol):
    """A provider, as its spans see it; the attributes are those of `Tracers`."""

    @property
    def take(self) -> "Callable[[FactSpan], None] | None": ...  # noqa: D102
    @property
    def is_watched(self) -> bool: ...  # noqa: D102


class Maker(Protocol):
    """A tracer, as its spans see it; the attributes are those of `Tracer`."""

    @property
    def owner(self) -> Owner: ...  # noqa: D102
    @property
    def resource(self) -> Resource: ...  # noqa: D102
    @property
    def scope(self) -> InstrumentationScope: ...  # noqa: D102

    def whole(self, span: "FactSpan") -> Span:
        """Start the SDK's span that stands in for `span`."""


@dataclass(eq=False)
class FactSpan(Span):
    """A recorded and sampled span. What it has not, such as `events`, it has from the SDK's.

    Attributes:
        tracer: that made it.
        around: the context that it was started in.
        name: may be another at the end.
        context: its ids.
        parent: None at the root of a trace.
        kind: of the span.
        facts: its attributes; at the end those of a request.
        linked: links at its start, valid and without attributes.
        start_time: nanoseconds since the epoch.
        ended: likewise, None until then.
        failed: whether its status is an error; else it is unset.
    """

    tracer: Maker
    around: Context
    name: str
    context: SpanContext
    parent: SpanContext | None
    kind: SpanKind
    facts: AttributeSet | Facts
    linked: tuple[Link, ...]
    start_time: int
    ended: int | None = field(init=False, default=None)
    failed: bool = field(init=False, default=False)
    _whole: Span | None = field(init=False, default=None)

    def whole(self) -> Span:
        """Return the SDK's span that stands in for this one; after the end one that takes nothing."""
        with _lock:
            if self._whole is None:
                if self.ended is not None:
                    logger.warning(
                        "A span was changed after its end, and the change is lost: make it before."
                    )
                    return NonRecordingSpan(self.context)
                self._whole = self.tracer.whole(self)
            return self._whole

    def finish(self, name: str, facts: Facts, *, failed: bool) -> None:
        """End it with this name, these attributes and this status."""
        owner = self.tracer.owner
        with _lock:
            is_enough = self._whole is None and self.ended is None and not owner.is_watched
            if is_enough:
                self.name, self.facts, self.failed, self.ended = name, facts, failed, time_ns()
        if is_enough and owner.take:
            owner.take(self)
        else:
            finish(self.whole(), name, facts, failed=failed)

    def end(self, end_time: int | None = None) -> None:
        """End it; only the first call does."""
        owner = self.tracer.owner
        with _lock:
            is_enough = self._whole is None and self.ended is None and not owner.is_watched
            if is_enough:
                self.ended = time_ns() if end_time is None else end_time
        if is_enough and owner.take:
            owner.take(self)
        else:
            self.whole().end(end_time)

    def get_span_context(self) -> SpanContext:
        """Return its ids."""
        return self.context

    def is_recording(self) -> bool:
        """Return whether it has not ended."""
        return self.ended is None if self._whole is None else self._whole.is_recording()

    def set_attributes(self, attributes: Mapping[str, AnyValue]) -> None:  # noqa: D102  # the API's, as all below
        self.whole().set_attributes(attributes)

    def set_attribute(self, key: str, value: AnyValue) -> None:  # noqa: D102
        self.whole().set_attribute(key, value)

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:  # noqa: D102
        self.whole().add_event(name, attributes, timestamp)

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:  # noqa: D102
        self.whole().add_link(context, attributes)

    def update_name(self, name: str) -> None:  # noqa: D102
        self.whole().update_name(name)
        self.name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:  # noqa: D102
        self.whole().set_status(status, description)

    def record_exception(self, exception: BaseException, *args: Any, **kwargs: Any) -> None:  # noqa: D102
        self.whole().record_exception(exception, *args, **kwargs)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.end()
        else:
            self.whole().__exit__(kind, error, trace)

    def __getattr__(self, name: str) -> Any:
        is_gone = self._whole is None and self.ended is not None
        if is_gone or name.startswith("__"):  # copying and the like ask for methods that no span has
            raise AttributeError(name)
        return getattr(self.whole(), name)


def finish(span: Span, name: str, facts: Facts, *, failed: bool) -> None:
    """End any server span that is recorded, with this name, these attributes and this status."""
    if type(span) is FactSpan:  # isinstance() asks the API's abstract class at length
        span.finish(name, facts, failed=failed)
        return
    span.update_name(name)
    span.set_attributes(facts.attributes())
    if failed:
        span.set_status(StatusCode.ERROR)
    span.end()
