"""What is answered before a request reaches the application: with a date, and readable by a page that may."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from msgspec import structs

from runtime.server.listener import ConnectionLimits
from tests.fixtures.listening import listening, peer
from tests.fixtures.shell import ORIGIN, cors_of, shelled

PAGE = f"Origin: {ORIGIN}\r\n".encode()
HOST = b"Host: annex\r\n"
LIMITS = ConnectionLimits(head_time=0.1, body_stall=0.1, head_bytes=20_000, connections=50)

REFUSED = {
    "no host": (b"GET / HTTP/1.1\r\n%b\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\n%bHost: a\r\nHost: b\r\n\r\n", 400),
    "invalid host": (b"GET / HTTP/1.1\r\nHost: a b\r\n%b\r\n", 400),
    "invalid field": (b"GET / HTTP/1.1\r\nHost: annex\r\n%bBad Field: x\r\n\r\n", 400),
    "folded field": (b"GET / HTTP/1.1\r\nHost: annex\r\n%bX-A: b\r\n c\r\n\r\n", 400),
    "two lengths": (
        b"POST / HTTP/1.1\r\nHost: annex\r\n%bContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        400,
    ),
    "length and chunks": (
        b"POST / HTTP/1.1\r\nHost: annex\r\n%bContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
    ),
    "invalid chunk": (b"POST / HTTP/1.1\r\nHost: annex\r\n%bTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    "other version": (b"GET / HTTP/2.0\r\nHost: annex\r\n%b\r\n", 400),
    "no path": (b"CONNECT annex:443 HTTP/1.1\r\nHost: annex\r\n%b\r\n", 400),
    "head that stops": (b"GET / HTTP/1.1\r\nHost: annex\r\n%bX-A: ", 408),
    "head that stops behind a whole line": (b"GET / HTTP/1.1\r\nHost: annex\r\n%b", 408),
    "body that stops": (b"POST / HTTP/1.1\r\nHost: annex\r\n%bContent-Length: 9\r\n\r\nabc", 408),
    "chunks that stop": (
        b"POST / HTTP/1.1\r\nHost: annex\r\n%bTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        408,
    ),
    "head without end": (b"GET / HTTP/1.1\r\nHost: annex\r\n%bX-A: " + b"a" * 30_000, 431),
    "too many fields": (b"GET / HTTP/1.1\r\nHost: annex\r\n%b" + b"X-A: b\r\n" * 5000, 431),
    "trailer that stops": (
        b"POST / HTTP/1.1\r\nHost: annex\r\n%bTransfer-Encoding: chunked\r\n\r\n0\r\nX-A: ",
        408,
    ),
    "long target": (
        b"GET /" + b"a" * 15_000 + b" HTTP/1.1\r\nHost: annex\r\nConnection: close\r\n%b\r\n",
        414,
    ),
    "websocket": (
        b"GET / HTTP/1.1\r\nHost: annex\r\n%bConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        426,
    ),
}


@shelled
async def reading(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body, and answers with nothing."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


def fields_of(response: bytes) -> dict[str, str]:
    """Return the header fields of a response, each of which stands there once."""
    lines = response.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    fields = dict(line.split(": ", 1) for line in lines)
    assert len(fields) == len(lines)
    return fields


async def refused(request: bytes, status: int, limits: ConnectionLimits = LIMITS) -> dict[str, str]:
    """Return the header fields of the answer to what is refused with `status`."""
    async with listening(reading, limits, cors=cors_of()) as server, peer(server) as caller:
        await caller.send(request)
        response = await caller.rest()
    assert response.startswith(b"HTTP/1.1 %d " % status)
    return fields_of(response)


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refusal_says_when_it_was_sent_and_can_be_read_by_a_page_of_an_allowed_origin(case: str):
    request, status = REFUSED[case]
    fields = await refused(request % PAGE, status)
    assert abs((parsedate_to_datetime(fields["date"]) - datetime.now(UTC)).total_seconds()) < 60
    assert fields["access-control-allow-origin"] == ORIGIN
    assert fields["access-control-allow-credentials"] == "true"
    assert "X-Request-Id" in fields["access-control-expose-headers"]
    assert "Origin" in fields["vary"]
    assert fields["connection"] == "close"


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("origin", [b"", b"Origin: https://evil.example\r\n", b"Origin: null\r\n"])
async def test_a_refusal_cannot_be_read_by_a_page_of_another_origin(case: str, origin: bytes):
    request, status = REFUSED[case]
    fields = await refused(request % origin, status)
    assert "access-control-allow-origin" not in fields
    assert "access-control-allow-credentials" not in fields
    assert "Origin" in fields["vary"]


async def test_a_request_cut_short_by_its_caller_can_be_read_too():
    async with listening(reading, LIMITS, cors=cors_of()) as server, peer(server) as caller:
        await caller.send(b"POST / HTTP/1.1\r\n" + HOST + PAGE + b"Content-Length: 9\r\n\r\nabc")
        caller.writer.write_eof()
        assert fields_of(await caller.rest())["access-control-allow-origin"] == ORIGIN


async def test_the_origin_of_one_request_is_not_that_of_the_next():
    async with listening(reading, LIMITS, cors=cors_of()) as server, peer(server) as caller:
        await caller.send(b"GET / HTTP/1.1\r\n" + HOST + PAGE + b"\r\n")
        await caller.reader.readuntil(b"\r\n\r\n")
        await caller.send(b"GET / HTTP/1.1\r\n\r\n")
        assert "access-control-allow-origin" not in fields_of(await caller.rest())


async def test_half_an_origin_is_none():
    request = b"GET / HTTP/1.1\r\n" + HOST + PAGE.removesuffix(b"\r\n")
    assert "access-control-allow-origin" not in await refused(request, 408)


async def test_an_origin_in_a_body_is_none():
    body = b"\r\nHost: annex\r\n" + PAGE
    request = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(body) + body
    async with listening(reading, LIMITS, cors=cors_of()) as server, peer(server) as caller:
        await caller.send(request + b"GET / HTTP/1.1\r\nBad Field: x\r\n")
        await caller.reader.readuntil(b"HTTP/1.1 204")
        assert "access-control-allow-origin" not in fields_of(await caller.rest())


async def test_a_connection_too_many_is_told_so_in_a_way_that_a_page_can_read():
    limits = structs.replace(LIMITS, connections=1)
    async with listening(reading, limits, cors=cors_of()) as server, peer(server) as first:
        await first.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        await first.reader.readuntil(b"\r\n\r\n")
        async with peer(server) as second:
            await second.send(b"GET / HTTP/1.1\r\n" + HOST + PAGE + b"\r\n")
            response = await second.rest()
    assert response.startswith(b"HTTP/1.1 503 ")
    assert fields_of(response)["access-control-allow-origin"] == ORIGIN
    assert "date" in fields_of(response)


async def test_an_application_that_answers_nothing_is_answered_for():
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        """Return at once."""

    async with listening(silent, cors=cors_of()) as server, peer(server) as caller:
        await caller.send(b"GET / HTTP/1.1\r\n" + HOST + PAGE + b"\r\n")
        response = await caller.rest()
    assert response.startswith(b"HTTP/1.1 500 ")
    assert fields_of(response)["access-control-allow-origin"] == ORIGIN
    assert fields_of(response)["content-type"] == "application/problem+json"
