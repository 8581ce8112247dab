"""How much one process takes on: a request is admitted, or refused before anything works on it."""

from itertools import chain

from runtime.asgi.invocation import REFUSAL_KEY, SCOPE_KEY, Invocation, current
from runtime.asgi.messages import ASGIApp, Receive, Scope, Send
from runtime.http.errors import note, refuse
from runtime.http.problems import send_problem
from runtime.http.refusal_delay import RefusalDelay
from shared.errors import AnnexError, HeadersTooLarge, Overloaded, ShuttingDown, UriTooLong

MAX_URI = 8 * 1024  # bytes; path and query together
MAX_HEADERS = 100
MAX_HEADER_BYTES = 32 * 1024  # what Railway's edge lets through


class Admission:
    """Stage: at most `concurrency` requests at once, none while draining, none with too large a head.

    While a request is inside, it is `current`; an error that no other stage has answered is answered here.

    Attributes:
        draining: set once new requests are refused.
        active: requests inside.
    """

    def __init__(self, concurrency: int) -> None:
        self.draining = False
        self.active = 0
        self._concurrency = concurrency
        self._delay = RefusalDelay()

    def __call__(self, app: ASGIApp) -> ASGIApp:
        """Put admission around `app`."""

        async def admit(scope: Scope, receive: Receive, send: Send) -> None:
            invocation: Invocation = scope[SCOPE_KEY]
            refusal = scope.get(REFUSAL_KEY) or self._refusal(scope)
            if refusal is not None:
                if isinstance(refusal, Overloaded):
                    await self._delay.wait()
                return await send_problem(send, refusal, invocation)
            token = current.set(invocation)
            self.active += 1
            try:
                return await app(scope, receive, send)
            except Exception as error:
                if invocation.status:  # a response that has begun can only be cut
                    note(error, invocation)
                    raise
                return await refuse(send, error, invocation)
            finally:
                self.active -= 1
                current.reset(token)

        return admit

    def _refusal(self, scope: Scope) -> AnnexError | None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_URI:
            return UriTooLong(f"The URL is longer than {MAX_URI} bytes.")
        if len(headers) > MAX_HEADERS:
            return HeadersTooLarge(f"There are more than {MAX_HEADERS} header fields.")
        if sum(map(len, chain.from_iterable(headers))) > MAX_HEADER_BYTES:
            return HeadersTooLarge(f"The header fields are longer than {MAX_HEADER_BYTES} bytes.")
        if self.draining:
            return ShuttingDown()
        if self.active >= self._concurrency:
            return Overloaded("The service is at its limit of concurrent requests; try again.")
        return None
