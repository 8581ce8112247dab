"""CORS: headers for every response, and preflights, answered before any routing (Fetch standard, part 3.2).

Litestar's CORS omits `Vary` for refused origins, sends them allow-credentials all the same, and does not
reach responses that are made outside of it.
"""

from collections.abc import Awaitable, Iterable

from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.asgi.messages import ASGIApp, Receive, Scope, Send, header, send_answer
from runtime.config import METHODS
from runtime.http.problems import send_problem
from runtime.settings.origins.origins import Origins
from shared.errors import Forbidden

ALLOWED_METHODS = ", ".join([*map(str.upper, METHODS), "HEAD", "OPTIONS"]).encode()
REQUEST_HEADERS = (
    *("Accept", "Authorization", "Cache-Control", "Content-Type", "Idempotency-Key", "If-Match"),
    *("If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Last-Event-ID", "Pragma"),
    *("Range", "Request-Timeout", "X-Request-Deadline", "X-Request-Id", "X-Requested-With"),
    *("b3", "baggage", "sentry-trace", "traceparent", "tracestate"),
)
"""What browsers, their tools and our own client send; what else there is stands in `CORS_HEADERS`."""
EXPOSED_HEADERS = (
    b"Accept-Ranges, Allow, Content-Disposition, Content-Encoding, Content-Range, ETag, "
    b"Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, Server-Timing, "
    b"WWW-Authenticate, X-Request-Id, traceresponse"
)
PREFLIGHT_AGE = b"7200"  # seconds; the longest that Chromium honours

type FixedHeaders = tuple[tuple[bytes, bytes], ...]


class Cors:
    """The CORS headers of a response, computed once for allowed and once for refused origins."""

    def __init__(self, origins: Origins, *, credentials: bool, request_headers: Iterable[str] = ()) -> None:
        """Compute the headers.

        Args:
            origins: may read responses.
            credentials: cookies are allowed.
            request_headers: pages may send these beside `REQUEST_HEADERS`.
        """
        self._origins = origins
        self.request_headers = (*REQUEST_HEADERS, *request_headers)
        self._allowed: FixedHeaders = (
            (b"access-control-expose-headers", EXPOSED_HEADERS),
            (b"vary", b"Origin"),
        )
        if credentials:
            self._allowed += ((b"access-control-allow-credentials", b"true"),)
        self._refused: FixedHeaders = ((b"vary", b"Origin"),)

    def headers(self, origin: bytes | None) -> FixedHeaders:
        """Return the headers to add to a response to a page of `origin`, None if the request names none."""
        if origin is None or not self.allows(origin):
            return self._refused
        return ((b"access-control-allow-origin", origin), *self._allowed)

    def allows(self, origin: bytes) -> bool:
        """Return whether pages of `origin` may read responses."""
        return self._origins.allow(origin.decode("latin-1").lower())


class Preflights:
    """Stage: answers preflights, whether the route exists or not.

    Args:
        app: what else is asked for.
        cors: which origins may ask.
        declared: the headers that functions take.
    """

    def __init__(self, app: ASGIApp, cors: Cors, declared: Iterable[str] = ()) -> None:
        self.app = app
        self._cors = cors
        names = {name.lower(): name for name in (*declared, *cors.request_headers)}
        self._grant = (
            (b"access-control-allow-methods", ALLOWED_METHODS),
            (b"access-control-allow-headers", ", ".join(names.values()).encode()),
            (b"access-control-max-age", PREFLIGHT_AGE),
        )

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer a preflight, pass anything else on."""
        origin = header(scope, b"origin") if scope["method"] == "OPTIONS" else None
        if origin is None or header(scope, b"access-control-request-method") is None:
            return self.app(scope, receive, send)
        return self._answer(origin, scope, send)

    def _answer(self, origin: bytes, scope: Scope, send: Send) -> Awaitable[None]:
        invocation: Invocation = scope[SCOPE_KEY]
        invocation.auth = "preflight"
        if not self._cors.allows(origin):
            return send_problem(send, Forbidden("This origin is not in CORS_ORIGINS."), invocation)
        return send_answer(send, 204, self._grant, b"")
