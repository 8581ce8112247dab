"""What all connections of one server share: their limits, whether they wind down, who was turned away."""

import logging
import secrets
from collections import Counter
from typing import NamedTuple

from runtime.asgi.invocation import Invocation
from runtime.http.problems import TITLE, problem_response
from runtime.http.shell import SECURITY_HEADERS
from runtime.server.lines import Lines
from runtime.server.outbox import Outbox
from shared.errors import AnnexError
from shared.throttle import Throttle

logger = logging.getLogger(__name__)

TELL_EVERY = 10.0  # seconds between two log lines about what was turned away: a flood must not become one


class ConnectionLimits(NamedTuple):
    """What one connection, and all of them together, may take. Times in seconds, sizes in bytes.

    Attributes:
        connections: open at once; those beyond are answered 503, and twice as many are not accepted at all.
        head_bytes: of anything the parser has to keep before it can pass it on (a head, trailers, chunk
            extensions); exact bounds of a request's head are the shell's.
        head_time: from the first byte of a request (or the connection's start) to the end of its head.
        body_stall: without a byte while the body is awaited.
        body_time: from the end of the head to the end of the body.
        write_stall: without the peer reading a byte while an answer waits to be read.
        linger: for a peer that was refused, or answered early, to finish sending and read the answer.
        pipelined: requests queued behind the one being answered.
    """

    connections: int = 2000
    head_bytes: int = 64 * 1024
    head_time: float = 10.0
    body_stall: float = 20.0
    body_time: float = 300.0
    write_stall: float = 60.0
    linger: float = 2.0
    pipelined: int = 16


class Listener:
    """Shared by the connections of one server.

    Attributes:
        limits: what each may take.
        lines: header fields as they are written.
        outbox: answers that leave at the end of this turn of the loop.
        winding_down: answers from now on close their connection.
        refused: how often each refusal was given before a request reached the application.
    """

    def __init__(
        self,
        limits: ConnectionLimits | None = None,
        *,
        headers: tuple[tuple[bytes, bytes], ...] = SECURITY_HEADERS,
    ) -> None:
        self.limits = limits or ConnectionLimits()
        self.lines = Lines()
        self.outbox = Outbox()
        self.winding_down = False
        self.refused: Counter[str] = Counter()
        self._headers = headers
        self._told = Counter[str]()
        self._reports = Throttle(seconds=TELL_EVERY)

    def refusal(self, error: AnnexError) -> bytes:
        """Return the whole HTTP/1.1 response that says `error` and closes the connection; count it."""
        self.count(error.code)
        invocation = Invocation(request_id=secrets.token_hex(16), client="", method="", started=0.0)
        status, extra, body = problem_response(error, invocation)
        fields = [
            *self._headers,
            *extra,
            (b"x-request-id", invocation.request_id.encode()),
            (b"cache-control", b"no-store"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        head = f"HTTP/1.1 {status} {TITLE[status]}\r\n".encode()
        return head + b"".join(b"%s: %s\r\n" % field for field in fields) + b"\r\n" + body

    def count(self, what: str) -> None:
        """Count one refusal, and tell the log about all since the last line, at most every ten seconds."""
        self.refused[what] += 1
        if self._reports.admit() is None:
            return
        news = self.refused - self._told
        self._told = Counter(self.refused)
        said = ", ".join(f"{number} {name}" for name, number in sorted(news.items()))
        logger.warning("turned away before a request was complete: %s", said)
