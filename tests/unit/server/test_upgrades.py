"""A request that asks for another protocol is answered as if it had not asked (RFC 9110, 7.8)."""

from typing import Any

import pytest

from tests.fixtures.listening import listening, peer
from tests.fixtures.shell import shelled

LAST = b"GET /last HTTP/1.1\r\nHost: annex\r\nConnection: close\r\n\r\n"
WISHES = {
    "curl": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
    "java": b"Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEAAEAA\r\nUpgrade: h2c\r\n",
    "tls": b"Upgrade: TLS/1.2, HTTP/2.0\r\nConnection: keep-alive, upgrade\r\n",
    "unknown": b"Connection: Upgrade\r\nUpgrade: IRC/6.9\r\n",
    "twice": b"Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: foo/2\r\n",
}
BODIES = {
    "length": (b'Content-Length: 7\r\n\r\n{"a":1}', b'{"a":1}'),
    "chunks": (
        b'Transfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n4;x=y\r\n":1}\r\n0\r\nTrailer: t\r\n\r\n',
        b'{"a":1}',
    ),
    "empty": (b"Content-Length: 0\r\n\r\n", b""),
    "none": (b"\r\n", b""),
}


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the path and the body of the request."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    answer = b"%s:%s." % (scope["path"].encode(), body)
    length = str(len(answer)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": answer})


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("wish", WISHES)
async def test_a_wish_to_upgrade_changes_neither_the_body_nor_what_follows(wish: str, body: str):
    framed, whole = BODIES[body]
    async with listening(echo) as server, peer(server) as caller:
        await caller.send(b"POST /echo HTTP/1.1\r\nHost: annex\r\n" + WISHES[wish] + framed + LAST)
        told = await caller.rest()
    assert b"/echo:%b." % whole in told
    assert told.endswith(b"/last:.")


async def test_a_body_behind_a_wish_may_come_byte_by_byte():
    framed, whole = BODIES["chunks"]
    async with listening(echo) as server, peer(server) as caller:
        for byte in b"PUT /echo HTTP/1.1\r\nHost: annex\r\n" + WISHES["curl"] + framed + LAST:
            await caller.send(bytes([byte]))
        told = await caller.rest()
    assert b"/echo:%b." % whole in told
    assert told.endswith(b"/last:.")


async def test_many_wishes_on_one_connection_are_answered_in_order():
    ask = b"POST /%d HTTP/1.1\r\nHost: annex\r\n" + WISHES["curl"] + b"Content-Length: 2\r\n\r\n%02d"
    async with listening(echo) as server, peer(server) as caller:
        await caller.send(b"".join(ask % (number, number) for number in range(12)) + LAST)
        told = await caller.rest()
    places = [told.index(b"/%d:%02d." % (number, number)) for number in range(12)]
    assert places == sorted(places)


async def test_http_1_0_may_wish_too_and_ends_its_connection():
    framed, whole = BODIES["length"]
    async with listening(echo) as server, peer(server) as caller:
        await caller.send(b"POST /echo HTTP/1.0\r\nHost: annex\r\n" + WISHES["curl"] + framed)
        told = await caller.rest()
    assert told.endswith(b"/echo:%b." % whole)


async def test_a_wish_with_expect_is_told_to_continue():
    async with listening(echo) as server, peer(server) as caller:
        await caller.send(
            b"POST /echo HTTP/1.1\r\nHost: annex\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
            + WISHES["curl"]
            + b"\r\n"
        )
        assert await caller.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await caller.send(b"ab")
        assert (await caller.response()).endswith(b"/echo:ab.")


@pytest.mark.parametrize("body", BODIES)
async def test_a_websocket_is_refused_with_426_whether_it_brings_a_body_or_not(body: str):
    wish = b"GET /echo HTTP/1.1\r\nHost: annex\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
    async with listening(shelled(echo)) as server, peer(server) as caller:
        await caller.send(wish + BODIES[body][0])
        told = await caller.rest()
    assert told.startswith(b"HTTP/1.1 426 ")
    assert b"\r\nupgrade: HTTP/1.1\r\n" in told
    assert told.count(b"HTTP/1.1 426") == 1


async def test_framing_that_is_ambiguous_is_refused_behind_a_wish_too():
    async with listening(echo) as server, peer(server) as caller:
        await caller.send(
            b"POST /echo HTTP/1.1\r\nHost: annex\r\n"
            + WISHES["curl"]
            + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        )
        assert (await caller.rest()).startswith(b"HTTP/1.1 400 ")
