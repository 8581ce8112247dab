"""How a stream ends: its terminal events, and what keeps a browser from coming back."""

from runtime.asgi.messages import ASGIApp, Receive, Scope, Send, header
from shared.events import Event

ENDED = b"end"
"""The `Last-Event-ID` of a browser that has seen `done`; its `EventSource` comes back after every end."""

END = b": end\nid:%b\n\n" % ENDED  # without data, so that it sets the id and is no event


class Done(Event, tag="done", frozen=True):
    """The terminal event of a stream that ended normally."""


class Failed(Event, tag="error", frozen=True, kw_only=True):
    """The terminal event of a stream that did not; the members mean what they mean in a problem document."""

    code: str
    detail: str
    request_id: str


def answer_ended(stream: ASGIApp) -> ASGIApp:
    """Answer a browser that comes back after `done` with 204, which keeps it from coming again."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        if header(scope, b"last-event-id") != ENDED:
            return await stream(scope, receive, send)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        return await send({"type": "http.response.body", "body": b"", "more_body": False})

    return answered
