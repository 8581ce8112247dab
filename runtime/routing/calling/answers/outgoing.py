"""A `Response` that a function returns: the config holds for it, and each header has one owner."""

from collections.abc import Awaitable, Callable

from litestar import Response
from litestar.response import File

from runtime.asgi.messages import Fields, Message, Send, header
from runtime.routing.calling.answers.representation import without

type Represented = Callable[[int, Fields, bytes], Awaitable[tuple[int, Fields, bytes]]]

SERVICES_OWN = frozenset({
    # What the shell and the gate write on every response.
    *(b"date", b"server", b"x-request-id", b"traceresponse", b"x-annex-fault"),
    *(b"x-content-type-options", b"referrer-policy", b"x-frame-options", b"strict-transport-security"),
    *(b"ratelimit", b"ratelimit-policy"),
    # What belongs to the connection (RFC 9110, 7.6.1): beside a length it would misframe the response.
    *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"),
})  # fmt: skip
"""Header fields of which the service's stand; likewise every `Access-Control-…`."""

BODILESS = frozenset({204, 304})


def functions_own(fields: Fields) -> Fields:
    """Return the header fields that a function may write, without those that are the service's."""
    return [
        field
        for field in fields
        if field[0] not in SERVICES_OWN and not field[0].startswith(b"access-control-")
    ]


class Outgoing:
    """A `send` for one returned response, which holds its head back until the first piece of its body.

    Attributes:
        finished: the last piece was sent.
    """

    def __init__(
        self, response: Response[object], send: Send, caching: Fields, represented: Represented
    ) -> None:
        """Wrap `send`.

        Args:
            response: what the function returned.
            send: where it goes.
            caching: what a success says of caches that says nothing of its own.
            represented: what becomes of a body that is here as a whole.
        """
        self._send = send
        self._represented = represented
        self._caching = caching
        self._knows_length = isinstance(response, File)
        self._head: Message | None = None
        self.finished = False

    async def __call__(self, message: Message) -> None:
        """Send a message of the response."""
        if message["type"] == "http.response.start":
            self._head = message
            return
        is_last = not message.get("more_body")
        if self._head is not None:
            head, self._head = self._head, None
            head["headers"] = self._fields(head, len(message.get("body", b"")) if is_last else None)
            if is_last:
                body = message.get("body", b"")
                head["status"], head["headers"], body = await self._represented(
                    head["status"], head["headers"], body
                )
                message = {**message, "body": body}
            await self._send(head)
        await self._send(message)
        self.finished = is_last

    def _fields(self, head: Message, length: int | None) -> Fields:
        """Return the header fields; `length` is that of a body which is here as a whole."""
        fields = functions_own([(name.lower(), value) for name, value in head["headers"]])
        if length is not None or not self._knows_length:
            fields = without(fields, b"content-length")
        if length is not None and head["status"] not in BODILESS:
            fields.append((b"content-length", b"%d" % length))
        if head["status"] < 300 and header({"headers": fields}, b"cache-control") is None:
            fields += self._caching
        return fields
