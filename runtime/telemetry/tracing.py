"""The server span of a request, named by its route, with its metrics and its access line.

The ASGI instrumentation's middleware is for handlers that are not functions: header bytes crash it, it names
spans by raw paths and records queries, and it costs several times as much (docs/adr/0131).
"""

import asyncio
import logging
import time
from contextvars import Token
from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct
from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind
from opentelemetry.util.http import sanitize_method

from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.asgi.messages import ASGIApp, Receive, Scope, Send
from runtime.telemetry.logs import AccessLog
from runtime.telemetry.metrics.durations import Outcome
from runtime.telemetry.pipeline import Telemetry
from runtime.telemetry.redaction import describe, name_of
from runtime.telemetry.spans import attributes
from runtime.telemetry.spans.context import NOBODY, holding, origin_of
from runtime.telemetry.spans.span import finish
from shared.attributes import AttributeSet

logger = logging.getLogger(__name__)


class Tracing:
    """ASGI wrapper: one server span, one duration, one access line for each request.

    Reads `scope["annex"]`, which the inner stages fill: the matched endpoint names the span
    ``GET /orders/{id}``; unmatched, it is the method alone. An error in here is logged and never
    changes a response.
    """

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._tracer = telemetry.tracer
        self._metrics = telemetry.metrics
        self._trust = telemetry.settings.telemetry.trust_traceparent
        self._access = AccessLog(telemetry.settings.telemetry.access_log_rate)
        self._sends_traceresponse = not telemetry.settings.is_production

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        request = self._begin(scope)
        if request is None:
            return await self._app(scope, receive, send)
        try:
            return await self._app(scope, receive, send)
        except BaseException as error:
            request.escaped = error
            raise
        finally:
            self._end(request)

    def _begin(self, scope: Scope) -> "_Request | None":
        try:
            invocation: Invocation = scope[SCOPE_KEY]
            headers = dict(scope["headers"])
            parent, links = NOBODY
            if b"traceparent" in headers:
                parent, links = origin_of(scope["headers"], invocation.client, self._trust)
            name = span_name(invocation.method)
            span = self._tracer.start_span(name, parent, SpanKind.SERVER, attributes.NOTHING, links)
            client = attributes.NOTHING
            if span.is_recording():
                client = attributes.client_of(scope, invocation.method, headers)
            if self._sends_traceresponse and span.get_span_context().is_valid:
                invocation.response_headers.append((b"traceresponse", _traceresponse(span)))
            self._metrics.active[invocation] = scope["scheme"]
            token = context.attach(holding(span))
        except Exception:
            logger.exception("Request not traced: its span could not be started.")
            return None
        return _Request(invocation, scope["scheme"], scope["path"], client, span, token)

    def _end(self, request: "_Request") -> None:
        invocation, span = request.invocation, request.span
        try:
            seconds = time.perf_counter() - invocation.started
            end = request.end()
            if request.escaped is not None and not isinstance(request.escaped, asyncio.CancelledError):
                record_exception(request.escaped)
            self._metrics.auth_outcomes[invocation.auth or "none"] += 1
            self._metrics.durations.add(end.outcome, seconds, span)
            self._access.write(invocation, invocation.status, seconds)
            if span.is_recording():
                finish(span, end.name, request.facts(end), failed=end.outcome.error != "")
        except Exception:
            logger.exception("Trace of a request is incomplete: its span could not be finished.")
        finally:
            self._metrics.active.pop(invocation, None)
            context.detach(request.token)


class _Request(Struct, eq=False):
    """One request between the start and the end of its span.

    The attributes of its arrival are set with those of its end: our samplers do not look at any.
    """

    invocation: Invocation
    scheme: str
    path: str
    client: AttributeSet
    span: Span
    token: Token[Context]
    escaped: BaseException | None = None

    def end(self) -> "_End":
        """Return how it ended."""
        invocation = self.invocation
        endpoint = invocation.endpoint
        return _end_of(
            invocation.method,
            self.scheme,
            "" if endpoint is None else endpoint.template,
            "" if endpoint is None else endpoint.file,
            invocation.status,
            invocation.auth,
            invocation.error,
            "" if self.escaped is None else name_of(self.escaped),
        )

    def facts(self, end: "_End") -> attributes.Facts:
        """Return its attributes."""
        invocation, left = self.invocation, None
        if invocation.deadline is not None:
            left = round(invocation.deadline - asyncio.get_running_loop().time(), 3)
        path = self.path[: attributes.ATTRIBUTE_LIMIT]
        user = invocation.user
        return attributes.Facts(
            self.client,
            path,
            invocation.client,
            invocation.request_id,
            end.attributes,
            left,
            "" if user is None else user.user_id[: attributes.ATTRIBUTE_LIMIT],
        )


class _End(NamedTuple):
    """How requests of one kind ended."""

    outcome: Outcome
    name: str
    attributes: AttributeSet


@lru_cache(maxsize=1024)
def _end_of(  # noqa: PLR0913, PLR0917  # the cache's key
    method: str, scheme: str, route: str, function: str, status: int, auth: str, error: str, escaped: str
) -> _End:
    """Return the end; the server is at fault for 5xx and for an exception that escaped."""
    fault = escaped or (error or str(status) if status >= 500 else "")
    outcome = Outcome(sanitized(method), route, status, scheme, fault)
    facts = attributes.ending_of(outcome, function=function, auth=auth, error=error)
    return _End(outcome, span_name(method, route), facts)


def record_exception(error: BaseException) -> None:
    """Add an exception event to the current span: type and places, the message only of an `AnnexError`."""
    span = trace.get_current_span()
    if not span.is_recording():
        return
    try:
        described = describe(error)
        event = {"exception.type": described.type, "exception.stacktrace": described.stacktrace}
        if described.message is not None:
            event["exception.message"] = described.message
        span.add_event("exception", event)
    except Exception:
        logger.exception("An exception could not be recorded on its span.")


@lru_cache(maxsize=64)
def sanitized(method: str) -> str:
    """Return the method as an attribute may carry it: ``_OTHER`` for one that no RFC defines."""
    return sanitize_method(method)


@lru_cache(maxsize=1024)
def span_name(method: str, route: str = "") -> str:
    """Return ``GET /orders/{id}``, or ``GET`` without a route; ``HTTP`` for an unknown method."""
    known = sanitized(method)
    return f"{'HTTP' if known == '_OTHER' else known} {route}".rstrip()


def _traceresponse(span: Span) -> bytes:
    """Return the header that names a response's trace (W3C Trace Context, level 2 draft)."""
    context = span.get_span_context()
    identity = f"{trace.format_trace_id(context.trace_id)}-{trace.format_span_id(context.span_id)}"
    return f"00-{identity}-{context.trace_flags & 1:02x}".encode()
