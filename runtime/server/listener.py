"""What all connections of one server share: their limits, whether they wind down, the refusals so far."""

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable
from email.utils import formatdate
from typing import Protocol

from msgspec import Struct

from runtime.asgi.invocation import Invocation
from runtime.http.caching import NO_STORE
from runtime.http.problems import problem_response
from runtime.http.shell import SECURITY_HEADERS
from runtime.server.connection.response_head import Field, response_head
from runtime.server.outbox import Outbox
from shared.errors import AnnexError
from shared.throttle import Throttle

logger = logging.getLogger(__name__)

REPORT_INTERVAL = 10.0  # seconds between two log lines about refusals, however many there are


class ConnectionLimits(Struct, frozen=True):
    """Limits of one connection, and of all together. Times in seconds, sizes in bytes.

    Attributes:
        connections: open at once; those beyond are answered 503, and twice as many are not accepted at all.
        head_bytes: of anything the parser has to keep before it can pass it on (a head, trailers, chunk
            extensions); exact bounds of a request's head are the shell's.
        head_time: from the first byte of a request (or the connection's start) to the end of its head.
        body_stall: without a byte while the body is awaited.
        body_time: from the end of the head to the end of the body.
        write_stall: without the peer reading a byte of a response.
        linger: for a peer that was refused or answered early to finish sending and to read the response.
        pipelined: requests queued behind the current one.
    """

    connections: int = 2000
    head_bytes: int = 64 * 1024
    head_time: float = 10.0
    body_stall: float = 20.0
    body_time: float = 300.0
    write_stall: float = 60.0
    linger: float = 2.0
    pipelined: int = 16


class Connected(Protocol):
    """One connection, as its server ends it."""

    def wind_down(self) -> None:
        """Close after the response in progress, if that response can still say so."""

    def shutdown(self) -> None:
        """Close if idle, else after the response in progress."""

    def abort(self) -> None:
        """Close at once."""


class Listener:
    """Shared by the connections of one server.

    Attributes:
        limits: what each may take.
        outbox: responses that are written at the end of this iteration of the loop.
        connections: all that are open.
        tasks: those that run the application, until they are done.
        winding_down: responses from now on close their connection.
        is_overlapping: idle connections stay meanwhile, though the server has been told to shut down.
        refused: how many requests were refused before the application saw them, by error code.
    """

    def __init__(
        self,
        limits: ConnectionLimits | None = None,
        *,
        headers: Iterable[Field] = SECURITY_HEADERS,
        cors: Callable[[bytes | None], Iterable[Field]] = lambda _: (),
    ) -> None:
        """Begin with nothing refused.

        Args:
            limits: of each connection.
            headers: of every response that is sent before a request reaches the application.
            cors: returns the further headers of such a response to a page of an origin, None where the
                request names none.
        """
        self.limits = limits or ConnectionLimits()
        self.outbox = Outbox()
        self.connections: set[Connected] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.winding_down = False
        self.is_overlapping = False
        self.refused: Counter[str] = Counter()
        self._headers = tuple(headers)
        self._cors = cors
        self._second, self._date = 0, (b"date", b"")
        self._reported = Counter[str]()
        self._reports = Throttle(seconds=REPORT_INTERVAL)

    @property
    def is_busy(self) -> bool:
        """Somebody is still to be answered, or an answer's clean-up runs."""
        return bool(self.connections or self.tasks)

    def date(self) -> Field:
        """Return the Date field of a response that is sent now (RFC 9110, 6.6.1)."""
        second = int(time.time())
        if second != self._second:
            self._second, self._date = second, (b"date", formatdate(second, usegmt=True).encode())
        return self._date

    def problem(self, error: AnnexError, origin: bytes | None) -> bytes:
        """Return the whole HTTP/1.1 response for `error`, which closes the connection.

        Args:
            error: of the server, or of a request that the application does not see.
            origin: of the page that sent the request, None if it names none or was not read so far.
        """
        invocation = Invocation(request_id=secrets.token_hex(16), client="", method="", started=0.0)
        status, extra, body = problem_response(error, invocation)
        fields = [
            self.date(),
            *self._headers,
            *self._cors(origin),
            *extra,
            (b"x-request-id", invocation.request_id.encode()),
            NO_STORE,
            (b"content-length", b"%d" % len(body)),
        ]
        return response_head(status, fields, method="GET", version="1.1", keep_alive=False).data + body

    def count(self, what: str) -> None:
        """Count one refusal; at most every ten seconds, log all since the last line."""
        self.refused[what] += 1
        if self._reports.admit() is None:
            return
        news = self.refused - self._reported
        self._reported = Counter(self.refused)
        counts = ", ".join(f"{number} {name}" for name, number in sorted(news.items()))
        logger.warning("refused before a request was complete: %s", counts)
