"""The outermost stage: names the request, and completes the head of every response, whoever answers."""

import time
from collections.abc import Awaitable
from typing import NamedTuple

from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.asgi.messages import ASGIApp, Message, Receive, Scope, Send, header, nothing
from runtime.http.caching import CONCERNED, cacheable
from runtime.http.cors import Cors, FixedHeaders
from runtime.http.proxies import TrustedProxies

# The origins whose headers are cached; unknown clients cannot make the cache larger.
CACHED_ORIGINS, ORIGIN_LIMIT = 256, 256  # entries, bytes of each

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
TRANSPORT_SECURITY = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


def security_headers(*, production: bool) -> tuple[tuple[bytes, bytes], ...]:
    """Return the security headers of every response; in production they allow TLS only."""
    return (*SECURITY_HEADERS, TRANSPORT_SECURITY) if production else SECURITY_HEADERS


class Always(NamedTuple):
    """What every response to a page of one origin carries.

    Attributes:
        headers: of every response.
        vary: what every response varies by.
        public: all headers of a public response that says nothing of caches itself.
        private: likewise of one for one caller.
    """

    headers: FixedHeaders
    vary: tuple[bytes, ...]
    public: FixedHeaders
    private: FixedHeaders


class Shell:
    """Stage around everything that answers, the only one that a connection other than HTTP reaches."""

    def __init__(self, *, cors: Cors, proxies: TrustedProxies, production: bool) -> None:
        self._cors = cors
        self._proxies = proxies
        self._headers = security_headers(production=production)
        self._known: dict[bytes | None, Always] = {}
        self._timing = not production

    def __call__(self, app: ASGIApp) -> ASGIApp:
        """Put the shell around `app`."""

        def enter(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            if scope["type"] != "http":
                return _close(scope, send)
            client, request_id = self._proxies.identify(scope)
            invocation = Invocation(
                request_id=request_id, client=client, method=scope["method"], started=time.perf_counter()
            )
            scope[SCOPE_KEY] = invocation
            if scope["method"] == "HEAD":
                # A copy: the server reads its own scope to know that no body may be sent.
                scope = {**scope, "method": "GET"}
            return app(scope, receive, self._finish(scope, invocation, send))

        return enter

    def _finish(self, scope: Scope, invocation: Invocation, send: Send) -> Send:
        """Return a `send` that completes the head of the response, and drops the body of a HEAD.

        The head waits for the first piece of the body: until then nothing was sent, and another head
        replaces it (docs/adr/0098).
        """
        always = self._always(header(scope, b"origin"))
        is_head = invocation.method == "HEAD"
        head: Message | None = None

        def finish(message: Message) -> Awaitable[None]:
            nonlocal head
            if message["type"] == "http.response.start" and not invocation.status:
                head = message
                return nothing()
            if is_head:
                if message.get("more_body"):
                    return nothing()
                message = {**message, "body": b""}
            if head is None:
                return send(message)
            first, head = head, None
            return self._begin(first, message, always, invocation, send)

        return finish

    async def _begin(
        self, head: Message, body: Message, always: Always, invocation: Invocation, send: Send
    ) -> None:
        """Send the completed head of a response and the first piece of its body."""
        own, is_public = [*head["headers"], *invocation.response_headers], invocation.is_public
        if CONCERNED.isdisjoint(dict(own)):
            headers = [*own, *(always.public if is_public else always.private)]
        else:
            headers = [*cacheable(own, always.vary, is_public=is_public), *always.headers]
        headers.append((b"x-request-id", invocation.request_id.encode("latin-1")))
        if self._timing:
            spent = (time.perf_counter() - invocation.started) * 1000
            headers.append((b"server-timing", b"app;dur=%.2f" % spent))
        head["headers"] = headers
        await send(head)
        await send(body)
        invocation.status = head["status"]

    def _always(self, origin: bytes | None) -> Always:
        """Return what every response to a page of `origin` carries."""
        if origin not in self._known:
            given = (*self._headers, *self._cors.headers(origin))
            headers = tuple(field for field in given if field[0] != b"vary")
            vary = tuple(value for name, value in given if name == b"vary")
            public, private = ((*cacheable([], vary, is_public=each), *headers) for each in (True, False))
            always = Always(headers, vary, public, private)
            if len(self._known) >= CACHED_ORIGINS or len(origin or b"") > ORIGIN_LIMIT:
                return always
            self._known[origin] = always
        return self._known[origin]


async def _close(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": "WebSockets are not supported"})
