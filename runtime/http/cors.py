"""Cross-origin answers: headers for every response, and preflights answered before any routing.

Litestar's own CORS leaves out `Vary` for refused origins, still sends allow-credentials to them, and cannot
reach answers made outside of it; this is the small piece that can (Fetch standard, part 3.2).
"""

from collections.abc import Awaitable

from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.asgi.messages import ASGIApp, Receive, Scope, Send, header, send_answer
from runtime.config import METHODS
from runtime.http.problems import answer, send_problem
from runtime.settings.origins import Origins
from shared.errors import Forbidden

_GET, *_OTHERS = (method.upper() for method in METHODS)
ALLOWED_METHODS = ", ".join((_GET, "HEAD", *_OTHERS, "OPTIONS")).encode()
REQUEST_HEADERS = (
    b"Accept, Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Request-Timeout, "
    b"X-Request-Deadline, X-Request-Id, baggage, traceparent, tracestate"
)
EXPOSED = (
    b"Allow, Content-Disposition, RateLimit, RateLimit-Policy, Retry-After, Server-Timing, WWW-Authenticate, "
    b"X-Request-Id, traceresponse"
)
PREFLIGHT_AGE = b"7200"  # seconds; the longest that Chromium honours

type Headers = tuple[tuple[bytes, bytes], ...]


class Cors:
    """What each response says to browsers, computed once per origin rule."""

    def __init__(self, origins: Origins, *, credentials: bool) -> None:
        self._origins = origins
        self._allowed: Headers = ((b"access-control-expose-headers", EXPOSED), (b"vary", b"Origin"))
        if credentials:
            self._allowed += ((b"access-control-allow-credentials", b"true"),)
        self._refused: Headers = ((b"vary", b"Origin"),)

    def headers(self, origin: bytes | None) -> Headers:
        """Return what to add to a response for a page of `origin`; None where no browser asks."""
        if origin is None or not self.allows(origin):
            return self._refused
        return ((b"access-control-allow-origin", origin), *self._allowed)

    def allows(self, origin: bytes) -> bool:
        """Tell whether pages of `origin` may read answers."""
        return self._origins.allow(origin.decode("latin-1").lower())


class Preflights:
    """ASGI wrapper: answers preflights; whether the route exists is none of their business."""

    def __init__(self, app: ASGIApp, cors: Cors) -> None:
        self.app = app
        self._cors = cors

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer a preflight, pass anything else on."""
        origin = header(scope, b"origin") if scope["method"] == "OPTIONS" else None
        if origin is None or header(scope, b"access-control-request-method") is None:
            return self.app(scope, receive, send)
        return self._answer(origin, scope, send)

    async def _answer(self, origin: bytes, scope: Scope, send: Send) -> None:
        invocation: Invocation = scope[SCOPE_KEY]
        invocation.auth = "preflight"
        if not self._cors.allows(origin):
            return await send_problem(
                send, answer(Forbidden("This origin is not one of CORS_ORIGINS."), invocation)
            )
        grant = (
            (b"access-control-allow-methods", ALLOWED_METHODS),
            (b"access-control-allow-headers", REQUEST_HEADERS),
            (b"access-control-max-age", PREFLIGHT_AGE),
        )
        return await send_answer(send, 204, grant, b"")
