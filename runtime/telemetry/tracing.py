"""The server span of a request, named by its route, and the numbers and the line that go with it.

Built from the parts of `opentelemetry-instrumentation-asgi`: which attributes a scope yields, what a status
means. Its middleware class is not used, for reasons that `docs/adr/0040` gives and the tests hold: header
bytes crash it, names are raw paths, queries are recorded, and it costs three times as much.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import Token
from functools import lru_cache
from typing import Any

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.instrumentation._semconv import _StabilityMode
from opentelemetry.instrumentation.asgi import collect_request_attributes
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.http_attributes import HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.util.http import sanitize_method

from runtime.invocation import SCOPE_KEY, Invocation
from runtime.telemetry.access import AccessLog
from runtime.telemetry.context import ROOT, origin_of
from runtime.telemetry.pipeline import Telemetry
from runtime.telemetry.redaction import describe

logger = logging.getLogger(__name__)

type Scope = MutableMapping[str, Any]
type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type App = Callable[[Scope, Receive, Send], Awaitable[None]]

_PLAIN = frozenset({b"host", b"user-agent"})


class Tracing:
    """ASGI wrapper: one server span, one duration, one access line for each request but health checks.

    Reads `scope["annex"]` and lets the rooms below fill it: the matched endpoint names the span
    ``GET /signals/{symbol}``; unmatched, it is the method alone. A fault in here is logged and never
    changes a response.
    """

    def __init__(self, app: App, telemetry: Telemetry) -> None:
        self._app = app
        self._tracer = telemetry.tracer
        self._metrics = telemetry.metrics
        self._trust = telemetry.settings.telemetry.trust_traceparent
        self._access = AccessLog(telemetry.settings.telemetry.access_log_rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        call = None if scope["type"] != "http" or _is_health(scope["path"]) else self._begin(scope)
        if call is None:
            return await self._app(scope, receive, send)

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                call.status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except BaseException as error:
            call.escaped = error
            raise
        finally:
            self._end(call)

    def _begin(self, scope: Scope) -> "_Call | None":
        try:
            invocation: Invocation = scope[SCOPE_KEY]
            attributes = _request_attributes(scope, invocation)
            origin = origin_of(scope["headers"], invocation.client, self._trust)
            span = self._tracer.start_span(
                span_method(invocation.method),
                context=origin.parent,
                kind=SpanKind.SERVER,
                attributes=attributes,
                links=origin.links,
            )
            call = _Call(invocation, span, attributes, context.attach(trace.set_span_in_context(span, ROOT)))
            self._metrics.active.add(invocation)
        except Exception:
            logger.exception("A request goes untraced: its span could not be started.")
            return None
        return call

    def _end(self, call: "_Call") -> None:
        seconds = time.perf_counter() - call.invocation.started
        try:
            attributes = call.outcome()
            if call.span.is_recording():
                call.describe(attributes)
            self._metrics.auth_outcomes[call.invocation.auth or "none"] += 1
            self._metrics.duration.record(seconds, call.dimensions(attributes))
            self._access.write(call.invocation, call.status, seconds)
            call.span.end()
        except Exception:
            logger.exception("A request's trace is incomplete: its span could not be finished.")
        finally:
            self._metrics.active.discard(call.invocation)
            context.detach(call.token)


class _Call:
    """One request between the start and the end of its span."""

    __slots__ = ("escaped", "invocation", "request", "span", "status", "token")

    def __init__(
        self, invocation: Invocation, span: Span, request: dict[str, Any], token: Token[Context]
    ) -> None:
        self.invocation = invocation
        self.span = span
        self.request = request
        self.token = token
        self.status = 0
        self.escaped: BaseException | None = None

    def outcome(self) -> dict[str, Any]:
        """Return what both the span and the duration say about the end."""
        endpoint = self.invocation.endpoint
        attributes: dict[str, Any] = {}
        if endpoint is not None:
            attributes[HTTP_ROUTE] = endpoint.template
        if self.status:
            attributes[HTTP_RESPONSE_STATUS_CODE] = self.status
        if self.escaped is not None:
            attributes[ERROR_TYPE] = type(self.escaped).__qualname__
        elif self.status >= 500:
            attributes[ERROR_TYPE] = self.invocation.error or str(self.status)
        return attributes

    def describe(self, outcome: dict[str, Any]) -> None:
        """Name the span and give it the outcome."""
        invocation, span = self.invocation, self.span
        if invocation.endpoint is not None:
            span.update_name(f"{span_method(invocation.method)} {invocation.endpoint.template}")
        span.set_attributes({**outcome, **_annex_attributes(invocation)})
        if self.escaped is not None:
            record_exception(self.escaped, span)
        if ERROR_TYPE in outcome:
            span.set_status(StatusCode.ERROR)

    def dimensions(self, outcome: dict[str, Any]) -> dict[str, Any]:
        """Return the duration's attributes: none of a caller's choosing, so their number is bounded."""
        request = self.request
        return {
            **outcome,
            "http.request.method": request["http.request.method"],
            "url.scheme": request["url.scheme"],
            "network.protocol.version": request["network.protocol.version"],
        }


def record_exception(error: BaseException, span: Span | None = None) -> None:
    """Add an exception event to the current span: type and places, the message only of an `AnnexError`."""
    span = trace.get_current_span() if span is None else span
    if not span.is_recording():
        return
    try:
        described = describe(error)
        attributes = {"exception.type": described.type, "exception.stacktrace": described.stacktrace}
        if described.message is not None:
            attributes["exception.message"] = described.message
        span.add_event("exception", attributes)
    except Exception:
        logger.exception("An exception could not be recorded on its span.")


@lru_cache(maxsize=64)
def span_method(method: str) -> str:
    """Return the method as a span name may carry it: ``HTTP`` for what no RFC knows."""
    known = sanitize_method(method)
    return "HTTP" if known == "_OTHER" else known


def _is_health(path: str) -> bool:
    return path.startswith("/health") and (len(path) == 7 or path[7] == "/")


def _request_attributes(scope: Scope, invocation: Invocation) -> dict[str, Any]:
    r"""Return the conventions' request attributes, read by the instrumentation from a harmless scope.

    That copy has no query string and no header but two, which are made plain text: the original's query is
    recorded raw, and its decoder raises on bytes such as ``\xff\x``.
    """
    headers = [(name, _plain(value)) for name, value in scope["headers"] if name in _PLAIN]
    view = {
        "scheme": scope["scheme"],
        "http_version": scope["http_version"],
        "path": scope["path"],
        "method": invocation.method,
        "client": (invocation.client, None),
        "headers": headers,
    }
    collected = collect_request_attributes(view, _StabilityMode.HTTP)  # type: ignore[no-untyped-call]  # theirs is untyped
    attributes: dict[str, Any] = collected
    host, port = _authority(headers, scope.get("server"))
    attributes[SERVER_ADDRESS], attributes[SERVER_PORT] = host, port
    attributes["annex.request_id"] = invocation.request_id
    return attributes


def _annex_attributes(invocation: Invocation) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if invocation.endpoint is not None:
        attributes["annex.function"] = invocation.endpoint.file
    if invocation.auth:
        attributes["annex.auth"] = invocation.auth
    if invocation.error:
        attributes["annex.error"] = invocation.error
    if invocation.deadline is not None:
        attributes["annex.deadline_left"] = round(invocation.deadline - asyncio.get_running_loop().time(), 3)
    return attributes


def _plain(value: bytes) -> bytes:
    return value if value.isascii() else value.decode("latin-1").encode()


def _authority(headers: list[tuple[bytes, bytes]], server: tuple[str, int | None] | None) -> tuple[str, int]:
    """Return the host and port the caller asked for, the socket's own when the request names none."""
    asked = next((value for name, value in headers if name == b"host" and value), None)
    own_host, own_port = server or ("", None)
    return _split_authority(asked, own_port or 80) if asked else (own_host, own_port or 80)


@lru_cache(maxsize=64)
def _split_authority(authority: bytes, default: int) -> tuple[str, int]:
    host, colon, port = authority.decode().rpartition(":")
    if not colon or port.endswith("]"):
        return authority.decode(), default
    return host, int(port) if port.isdecimal() and len(port) < 6 else default
