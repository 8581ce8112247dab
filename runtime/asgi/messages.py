"""ASGI 3.0: its types, one header, one whole response."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

type Scope = MutableMapping[str, Any]
type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type Headers = Iterable[tuple[bytes, bytes]]  # names in lower case
type Fields = list[tuple[bytes, bytes]]  # header fields of a response, names in lower case
type ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class CallerLeft(Exception):
    """The caller left before its body was complete: there is nobody to answer, and nothing is wrong here."""

    code = "caller_left"  # an invocation's error


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return the first header called `name` (lower case), or None."""
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return None


async def nothing() -> None:
    """Do nothing; for callers that expect an awaitable."""


async def send_answer(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """Send one response, whole."""
    head = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body, "more_body": False})
