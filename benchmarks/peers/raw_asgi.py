"""The floor: an ASGI callable with a constant answer."""

HEAD = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"21")],
}
BODY = {"type": "http.response.body", "body": b'{"id":7,"name":"SPY"}'}


async def app(scope, receive, send):
    if scope["type"] == "http":
        await send(HEAD)
        await send(BODY)
