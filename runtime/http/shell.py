"""The outermost door: what must hold for every request, whatever happens inside.

It names the request, bounds it, turns HEAD into GET, adds the headers that every response carries, refuses
work while draining, and answers for anything that escapes from the rooms within.
"""

import logging
import time
from collections.abc import Awaitable
from itertools import chain
from typing import NamedTuple

from runtime.asgi.invocation import REFUSAL_KEY, SCOPE_KEY, Invocation, current
from runtime.asgi.messages import ASGIApp, Message, Receive, Scope, Send, header, nothing
from runtime.http.caching import varied
from runtime.http.cors import Cors, Headers
from runtime.http.health import PATHS
from runtime.http.problems import answer, note, send_problem
from runtime.http.proxies import TrustedProxies
from runtime.http.storm import Storm
from shared.errors import AnnexError, HeadersTooLarge, Internal, Overloaded, ShuttingDown, UriTooLong

logger = logging.getLogger(__name__)

MAX_URI = 8 * 1024  # bytes; path and query together
MAX_HEADERS = 100
MAX_HEADER_BYTES = 32 * 1024  # what Railway's edge lets through
# Whose headers are remembered; a stranger's origins fill no more than that.
ORIGINS, LONGEST_ORIGIN = 256, 256

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
TRANSPORT_SECURITY = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
NO_STORE = (b"cache-control", b"no-store")


def security_headers(*, production: bool) -> tuple[tuple[bytes, bytes], ...]:
    """Return what every response carries; in production also that only TLS may be used."""
    return (*SECURITY_HEADERS, TRANSPORT_SECURITY) if production else SECURITY_HEADERS


class Bounds(NamedTuple):
    """How much one process takes on at once."""

    concurrency: int


class Shell:
    """ASGI wrapper around everything that answers.

    Attributes:
        draining: set once new work is refused.
        active: requests being worked on.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        health: ASGIApp,
        cors: Cors,
        proxies: TrustedProxies,
        bounds: Bounds,
        production: bool,
    ) -> None:
        self.app = app
        self.draining = False
        self.active = 0
        self._health = health
        self._cors = cors
        self._proxies = proxies
        self._bounds = bounds
        self._headers = security_headers(production=production)
        self._storm = Storm()
        self._known: dict[bytes | None, Headers] = {}
        self._timing = not production

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request; other kinds of connection are closed."""
        if scope["type"] != "http":
            return await _close(scope, send)
        invocation = self._admit(scope)
        if scope["method"] == "HEAD":
            # A copy: the server reads its own, to know that no body is to come.
            scope = {**scope, "method": "GET"}
        send = self._finish(scope, invocation, send)
        if scope["path"] in PATHS:
            return await self._health(scope, receive, send)
        refusal = scope.get(REFUSAL_KEY) or self._refusal(scope)
        if refusal is not None:
            if isinstance(refusal, Overloaded):
                await self._storm.pass_by()
            return await send_problem(send, answer(refusal, invocation))
        token = current.set(invocation)
        self.active += 1
        try:
            return await self.app(scope, receive, send)
        except Exception as error:  # noqa: BLE001  # the outermost door answers for everything
            return await self._last_resort(error, invocation, send)
        finally:
            self.active -= 1
            current.reset(token)

    def _admit(self, scope: Scope) -> Invocation:
        client, request_id = self._proxies.identify(scope)
        invocation = Invocation(
            request_id=request_id, client=client, method=scope["method"], started=time.perf_counter()
        )
        scope[SCOPE_KEY] = invocation
        return invocation

    def _refusal(self, scope: Scope) -> AnnexError | None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_URI:
            return UriTooLong(f"The URL is over {MAX_URI} bytes.")
        if len(headers) > MAX_HEADERS:
            return HeadersTooLarge(f"There are more than {MAX_HEADERS} header fields.")
        if sum(map(len, chain.from_iterable(headers))) > MAX_HEADER_BYTES:
            return HeadersTooLarge(f"The header fields are over {MAX_HEADER_BYTES} bytes.")
        if self.draining:
            return ShuttingDown()
        if self.active >= self._bounds.concurrency:
            return Overloaded("The service is at its limit of requests at once; try again.")
        return None

    def _finish(self, scope: Scope, invocation: Invocation, send: Send) -> Send:
        """Return a `send` that completes the response's head, and drops the body of a HEAD.

        The head waits for the first piece of the body: until then nothing has left, and whoever sends another
        head answers instead (docs/adr/0098).
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
        self, head: Message, body: Message, always: Headers, invocation: Invocation, send: Send
    ) -> None:
        """Send an answer's head, complete, and the first piece of its body."""
        request_id = (b"x-request-id", invocation.request_id.encode("latin-1"))
        headers = [*head["headers"], request_id, *always, *invocation.response_headers]
        if header(head, b"cache-control") is None:
            headers.append(NO_STORE)
        if self._timing:
            spent = (time.perf_counter() - invocation.started) * 1000
            headers.append((b"server-timing", b"app;dur=%.2f" % spent))
        head["headers"] = varied(headers, is_public=invocation.is_public)
        await send(head)
        await send(body)
        invocation.status = head["status"]

    def _always(self, origin: bytes | None) -> Headers:
        """Return what each response to a page of `origin` carries."""
        if origin not in self._known:
            headers = (*self._headers, *self._cors.headers(origin))
            if len(self._known) >= ORIGINS or len(origin or b"") > LONGEST_ORIGIN:
                return headers
            self._known[origin] = headers
        return self._known[origin]

    async def _last_resort(self, error: Exception, invocation: Invocation, send: Send) -> None:
        """Answer for what escaped every room; a response that has begun can only be cut."""
        noun = error if isinstance(error, AnnexError) else Internal()
        note(error, noun, invocation)
        if invocation.status:
            raise error
        await send_problem(send, answer(noun, invocation))


async def _close(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": "not served here"})
