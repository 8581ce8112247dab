"""What a request's head asks for, and the deadline of the call."""

import asyncio
import re
from collections.abc import Awaitable

from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.asgi.messages import ASGIApp, Receive, Scope, Send
from runtime.config import Endpoint
from shared.errors import FieldError, Invalid, Malformed

TIMEOUT_HEADER = b"request-timeout"
READ = frozenset({TIMEOUT_HEADER, b"content-length", b"transfer-encoding"})

_SECONDS = re.compile(rb"\d{1,6}(\.\d{1,6})?")


def arrive(app: ASGIApp, *, endpoint: Endpoint) -> ASGIApp:
    """Step: note the endpoint, what the head says of the body, and the deadline."""
    timeout = endpoint.policy.timeout

    def arrived(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        invocation: Invocation = scope[SCOPE_KEY]
        invocation.endpoint = endpoint
        asked: bytes | None = None
        for name, value in scope["headers"]:
            if name not in READ:
                continue
            if name == TIMEOUT_HEADER:
                asked = value
            elif name == b"content-length":
                invocation.content_length = int(value)  # the server has checked the digits
            else:
                invocation.is_chunked = True
                check_coding(value)
        seconds = timeout if asked is None else seconds_allowed(timeout, asked)
        invocation.deadline = asyncio.get_running_loop().time() + seconds
        return app(scope, receive, send)

    return arrived


def check_coding(value: bytes) -> None:
    """Refuse a body that is encoded for the transfer in another way than chunked.

    Raises:
        Malformed: naming the cure.
    """
    if value.lower() != b"chunked":
        raise Malformed("Transfer-Encoding must be chunked; no other coding is supported.")


def seconds_allowed(timeout: float, asked: bytes) -> float:
    """Return the seconds that a call has: the policy's `timeout`, or less if `Request-Timeout` asks for less.

    The header is relative, so that clocks need not agree (docs/adr/0050-request-timeout-header.md).

    Raises:
        Invalid: the header is not a positive decimal number of seconds.
    """
    wanted = float(asked) if _SECONDS.fullmatch(asked) else 0
    if wanted <= 0:
        raise Invalid(errors=(FieldError("header", "request-timeout", "Expected seconds, such as `2.5`."),))
    return min(timeout, wanted)
