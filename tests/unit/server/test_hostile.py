"""Requests that two readers could understand in two ways (RFC 9112, part 11.2): refused, or read in one."""

from typing import Any

import pytest

from tests.fixtures.listening import listening, peer

NEXT = b"GET /smuggled HTTP/1.1\r\nHost: annex\r\n\r\n"
START = b"POST /first HTTP/1.1\r\nHost: annex\r\n"


class Seen:
    """Answers with nothing, and keeps what it saw.

    Attributes:
        requests: path and body of each.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, bytes]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.requests.append((scope["path"], body))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})


@pytest.mark.parametrize(
    "framed",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"Content-Length: 0\r\nContent-Length: 50\r\n\r\n",
        b"Content-Length: 0, 50\r\n\r\n",
        b"Content-Length: +5\r\n\r\nabcde",
        b"Content-Length: 0x5\r\n\r\nabcde",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 99999999999999999999\r\n\r\n",
        b"Content-Length:\r\n\r\n",
        b"Content-Length : 50\r\n\r\n",
        b"Content-Length\t: 50\r\n\r\n",
        b" Content-Length: 50\r\n\r\n",
        b"X-A: b\r\n Content-Length: 50\r\n\r\n",
        b"X-A: b\r\n\tc\r\n\r\n",
        b"X-A: b\nContent-Length: 50\r\n\r\n",
        b"X-A: b\rContent-Length: 50\r\n\r\n",
        b"X-A: b\x00c\r\n\r\n",
        b"X-A\x00: b\r\n\r\n",
        b": b\r\n\r\n",
        b"X-A\r\n\r\n",
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n 3\r\nabc\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nabc",
    ],
    ids=repr,
)
@pytest.mark.parametrize("wish", [b"", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"], ids=["plain", "upgrade"])
async def test_what_can_be_read_in_two_ways_is_refused_and_nothing_behind_it_served(
    framed: bytes, wish: bytes
):
    seen = Seen()
    async with listening(seen) as server, peer(server) as caller:
        await caller.send(START + wish + framed + NEXT)
        told = await caller.rest()
    assert told.startswith(b"HTTP/1.1 400 ")
    assert told.count(b"HTTP/1.1 ") == 1
    assert seen.requests == []


@pytest.mark.parametrize("head", [b"POST /first HTTP/1.1\nHost: annex\n\n", START[:-2] + b"\n\r\n"], ids=repr)
async def test_a_bare_line_feed_ends_no_line(head: bytes):
    seen = Seen()
    async with listening(seen) as server, peer(server) as caller:
        await caller.send(head + NEXT)
        assert (await caller.rest()).startswith(b"HTTP/1.1 400 ")
    assert seen.requests == []


@pytest.mark.parametrize(
    ("framed", "body"),
    [
        (b"Content-Length: 3\r\n\r\nabc", b"abc"),
        (b"Transfer-Encoding: chunked\r\n\r\n3;a=b;c\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b'Transfer-Encoding: chunked\r\n\r\n3;a="b"\r\nabc\r\n00\r\nX-T: u\r\n\r\n', b"abc"),
        (b"Transfer-Encoding: CHUNKED\r\n\r\n0003\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"Content-Length: 3\r\nX-A: Transfer-Encoding: chunked\r\n\r\nabc", b"abc"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("wish", [b"", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"], ids=["plain", "upgrade"])
async def test_what_can_be_read_in_one_way_is_served_and_what_is_behind_it_too(
    framed: bytes, body: bytes, wish: bytes
):
    seen = Seen()
    async with listening(seen) as server, peer(server) as caller:
        await caller.send(START + wish + framed + NEXT)
        for _ in range(2):
            assert (await caller.response()).startswith(b"HTTP/1.1 200 ")
    assert seen.requests == [("/first", body), ("/smuggled", b"")]


async def test_one_byte_at_a_time_says_the_same_as_all_at_once():
    seen = Seen()
    async with listening(seen) as server, peer(server) as caller:
        for byte in START + b"Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n" + NEXT:
            await caller.send(bytes([byte]))
        for _ in range(2):
            await caller.response()
    assert seen.requests == [("/first", b"abc"), ("/smuggled", b"")]
