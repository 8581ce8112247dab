"""Raw ASGI, for the doors outside of Litestar: read a header, send a whole answer."""

from collections.abc import Iterable

from litestar.types import Scope, Send

from runtime.http.problems import MEDIA_TYPE, Answer


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return the first header called `name` (lower case), or None."""
    for key, value in scope["headers"]:
        if key == name:
            return value
    return None


async def send_answer(send: Send, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
    """Send one response, whole."""
    head = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def send_problem(send: Send, problem: Answer) -> None:
    """Send a problem document from outside of Litestar."""
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in problem.headers.items()]
    await send_answer(send, problem.status, [(b"content-type", MEDIA_TYPE.encode()), *headers], problem.body)
