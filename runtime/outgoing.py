"""The HTTP requests that functions send: one client for all of them, traced, within the call's deadline."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Self

import httpx
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.http import sanitize_method

from runtime.asgi.invocation import current
from runtime.telemetry.redaction import name_of
from shared.errors import DeadlineExceeded

TIMEOUT = 30.0  # seconds for each step of a request, or what is left of the call
CONNECTIONS, IDLE = 100, 20
_PROPAGATOR = TraceContextTextMapPropagator()  # no baggage: it was not written for strangers


class Http(httpx.AsyncClient):
    """httpx's client, shared by all calls: it keeps connections and no cookies, and follows no redirect.

    A request waits at most until the call's deadline, and has a span with method, status and the URL without
    its query.

    Raises:
        DeadlineExceeded: the call's deadline came first; all other errors are httpx's own.
    """

    def __init__(self) -> None:
        super().__init__(
            timeout=TIMEOUT,
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=IDLE),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # they would reach other callers
        )
        self._tracer = trace.get_tracer("annex.http")

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request; every other method comes through here."""
        call = current.get()
        deadline = call.deadline if call else None
        if deadline is not None:
            _bound(request, deadline - asyncio.get_running_loop().time())
        with self._spanned(request) as span:
            try:
                async with asyncio.timeout_at(deadline):
                    response = await super().send(request, **options)
            except (TimeoutError, httpx.TimeoutException) as error:
                if deadline is not None and asyncio.get_running_loop().time() >= deadline:
                    raise DeadlineExceeded from error
                raise
            span.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= 400:
                span.set_attribute("error.type", str(response.status_code))
                span.set_status(StatusCode.ERROR)
        return response

    async def aclose(self) -> None:
        """Do nothing: other calls use it. The service closes it when it stops."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()

    async def stop(self) -> None:
        """Close its connections."""
        await super().aclose()

    @contextmanager
    def _spanned(self, request: httpx.Request) -> Iterator[Span]:
        """Wrap a request in a span of a client (OpenTelemetry, semantic conventions for HTTP)."""
        url, method = request.url, sanitize_method(request.method)
        attributes: dict[str, str | int] = {
            "http.request.method": method,
            "server.address": url.host,
            "server.port": url.port or (443 if url.scheme == "https" else 80),
            "url.full": str(url.copy_with(query=None, fragment=None, username="", password="")),
        }
        if method == "_OTHER":
            attributes["http.request.method_original"] = request.method
        made = self._tracer.start_as_current_span(
            "HTTP" if method == "_OTHER" else method, kind=SpanKind.CLIENT, attributes=attributes,
            record_exception=False, set_status_on_exception=False,
        )  # fmt: skip
        with made as span:
            _PROPAGATOR.inject(request.headers)
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", name_of(error))
                span.set_status(StatusCode.ERROR)
                raise


def _bound(request: httpx.Request, left: float) -> None:
    """Let no step of a request take longer than is left.

    Raises:
        DeadlineExceeded: nothing is left.
    """
    if left <= 0:
        raise DeadlineExceeded
    given: dict[str, float | None] = request.extensions.get("timeout", {})
    steps = ("connect", "read", "write", "pool")
    bounded = {step: min(left, given.get(step) or left) for step in steps}
    request.extensions = {**request.extensions, "timeout": bounded}
