"""Requests that two readers could frame differently, behind a real nginx and a real HAProxy.

Both proxies send the requests of all callers over one connection. If a proxy saw one request where the
service sees two, or the other way round, an answer would be left over: the next caller would get it.
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.fixtures.fronts import Front
from tests.fixtures.listening import PATIENCE, listening

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: annex\r\nX-Hidden: "
"""The head of a request whose last line is open, so that it would swallow the next caller's first line."""
WHOLE = b"GET /hidden HTTP/1.1\r\nHost: annex\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: annex\r\nConnection: close\r\n\r\n"
VICTIM = b"GET /victim HTTP/1.1\r\nHost: annex\r\nAuthorization: Bearer hunter2\r\nConnection: close\r\n\r\n"

CHUNKED = [
    *(
        b"Transfer-Encoding: %b" % each
        for each in (b"chunked", b"CHUNKED", b"chunked ", b"\tchunked", b" chunked")
    ),
    *(
        b"Transfer-Encoding:%b" % each
        for each in (b"chunked", b"\x0bchunked", b"\x0cchunked", b"\x00chunked")
    ),
    *(
        b"Transfer-Encoding: %b" % each
        for each in (b"xchunked", b"chunkedx", b"x", b"identity", b"chunke", b'"chunked"')
    ),
    *(
        b"Transfer-Encoding: %b" % each
        for each in (b"chunked, identity", b"identity, chunked", b"chunked, chunked")
    ),
    *(
        b"Transfer-Encoding: %b" % each
        for each in (b"chunked;q=1", b"gzip, chunked", b"chunked,", b",chunked", b"")
    ),
    b"Transfer-Encoding : chunked",
    b" Transfer-Encoding: chunked",
    b"Transfer_Encoding: chunked",
    b"Transfer-Encoding\r\n: chunked",
    b"Transfer-Encoding:\r\n chunked",
    b"Transfer-Encoding: x\r\n\tchunked",
    b"X: y\nTransfer-Encoding: chunked",
    b"X: y\rTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
    b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-encoding: identity",
    b"Transfer-Encoding\x00: chunked",
    b"Transfer-Encoding\xff: chunked",
    b"TE: chunked\r\nTrailer: Content-Length",
]
LENGTHS = [
    *(
        b"Content-Length: %b" % each
        for each in (b"0", b"00", b"+0", b"-0", b"0x0", b"0 ", b"0, 0", b"0,", b"0;")
    ),
    *(
        b"Content-Length: %b" % each
        for each in (b"", b"5 0", b"0, 50", b"1e1", b"9999999999999999999999", b"\t0")
    ),
    b"Content-Length: 0\r\nContent-Length: 50",
    b"Content-Length: 50\r\nContent-Length: 0",
    b"Content-Length: 0\r\nContent-length: 50",
    b"Content-Length : 50",
    b"Content-Length\t: 50",
    b"Content_Length: 50",
    b"Content-Length: 0\r\n 50",
    b"Content-Length:\r\n 0",
    b"X: y\nContent-Length: 50",
    b"X: y\rContent-Length: 50",
    b" Content-Length: 50",
    b"Content-Length: 0\x00",
    b"Content-Length: \xb2",
]
CHUNKS = [
    b"0\r\n\r\n%b",
    b"00\r\n\r\n%b",
    b"0;x\r\n\r\n%b",
    b'0;x="y\r\nz"\r\n\r\n%b',
    b"0;x\n\r\n%b",
    b"0\n\r\n%b",
    b"0\r\n\n%b",
    b"0\r\r\n%b",
    b"0x0\r\n\r\n%b",
    b"-1\r\n\r\n%b",
    b"1\r\naXX0\r\n\r\n%b",
    b"1\r\na0\r\n\r\n%b",
    b"1\na\n0\n\n%b",
    b"2\r\na\r\n0\r\n\r\n%b",
    b"1;\r\na\r\n0\r\n\r\n%b",
    b"1 ;x\r\na\r\n0\r\n\r\n%b",
    b"1 \r\na\r\n0\r\n\r\n%b",
    b"1\x0b\r\na\r\n0\r\n\r\n%b",
    b"10000000000000001\r\na\r\n0\r\n\r\n%b",
    b"0\r\nContent-Length: 5\r\n\r\n%b",
    b"0\r\nTransfer-Encoding: chunked\r\n\r\n%b",
    b"0\r\nX: y\nZ: w\r\n\r\n%b",
    b"0\r\n X: y\r\n\r\n%b",
    b"0\r\nbroken\r\n\r\n%b",
]
LINES = [
    b"POST /attack HTTP/1.1\nHost: annex\nContent-Length: %d\n\n",
    b"POST /attack HTTP/1.1\r\nHost: annex\r\nContent-Length: %d\r\n\n",
    b"POST /attack HTTP/1.1\r\nHost: annex\r\nContent-Length: %d\n\r\n",
    b"POST /attack HTTP/1.1\r\n\tHost: annex\r\nContent-Length: %d\r\n\r\n",
    b"POST /attack HTTP/1.1\r\nX:\r\n folded\r\nHost: annex\r\nContent-Length: %d\r\n\r\n",
    b"POST /attack HTTP/1.1\r\nHost: annex\r\nHost: other\r\nContent-Length: %d\r\n\r\n",
    b"POST /attack HTTP/1.0\r\nHost: annex\r\nTransfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n",
    b"POST /attack HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n",
    b"POST /attack HTTP/2.0\r\nHost: annex\r\nContent-Length: %d\r\n\r\n",
    b"POST /attack HTTP/1.1 \r\nHost: annex\r\nContent-Length: %d\r\n\r\n",
    b"POST  /attack  HTTP/1.1\r\nHost: annex\r\nContent-Length: %d\r\n\r\n",
    b"POST /attack?a b HTTP/1.1\r\nHost: annex\r\nContent-Length: %d\r\n\r\n",
    b"\r\n\r\nPOST /attack HTTP/1.1\r\nHost: annex\r\nContent-Length: %d\r\n\r\n",
    b"GET /attack HTTP/1.1\r\nHost: annex\r\nContent-Length: %d\r\n\r\n",
    b"HEAD /attack HTTP/1.1\r\nHost: annex\r\nContent-Length: %d\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: annex\r\nContent-Length: %d\r\n\r\n",
    b"POST /attack HTTP/1.1\r\nHost: annex\r\nConnection: Content-Length\r\nContent-Length: %d\r\n\r\n",
    b"POST /attack HTTP/1.1\r\nHost: annex\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n",
    b"POST /attack HTTP/1.1\r\nHost: annex\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
    b"Content-Length: %d\r\n\r\n",
    b"POST /attack HTTP/1.1\r\nHost: annex\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nContent-Length: %d\r\n\r\n",
]
HEAD = b"POST /attack HTTP/1.1\r\nHost: annex\r\n"


def length_before_chunks() -> Iterator[bytes]:
    """CL.TE: a reader of the length takes all for the body, a reader of chunks sees the hidden request."""
    body = b"0\r\n\r\n" + HIDDEN
    for chunked in CHUNKED:
        yield HEAD + b"Content-Length: %d\r\n" % len(body) + chunked + b"\r\n\r\n" + body


def chunks_before_length() -> Iterator[bytes]:
    """TE.CL: a reader of the length takes the first line for the body."""
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(WHOLE), WHOLE)
    first = body.index(b"\r\n") + 2
    for chunked in CHUNKED:
        yield HEAD + chunked + b"\r\nContent-Length: %d\r\n\r\n" % first + body


def chunks_twice() -> Iterator[bytes]:
    """TE.TE: two fields, of which a reader may overlook either."""
    for chunked in CHUNKED:
        yield HEAD + b"Transfer-Encoding: chunked\r\n" + chunked + b"\r\n\r\n0\r\n\r\n" + HIDDEN
        yield HEAD + chunked + b"\r\nContent-Length: 0\r\n\r\n" + HIDDEN


def lengths() -> Iterator[bytes]:
    """Lengths that are none, or are two."""
    for length in LENGTHS:
        yield HEAD + length + b"\r\n\r\n" + WHOLE
        yield HEAD + length + b"\r\n\r\n" + HIDDEN


def chunks() -> Iterator[bytes]:
    """Chunks with extensions, bare line feeds, trailers, and sizes that are none."""
    for body in CHUNKS:
        yield HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body % HIDDEN


def lines() -> Iterator[bytes]:
    """Bare line feeds, folded fields, versions and methods that a reader may take for bodiless."""
    for head in LINES:
        yield head % len(HIDDEN) + HIDDEN
        yield head % 0 + HIDDEN


class Echo:
    """Answers each request with its number and path, and keeps what it saw.

    Attributes:
        paths: of each request.
    """

    def __init__(self) -> None:
        self.paths: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        number = len(self.paths)
        self.paths.append(scope["path"])
        message: Any = {"more_body": True}
        while message.get("more_body"):
            message = await receive()
        body = b"[%d %b]" % (number, scope["path"].encode())
        fields = [(b"content-length", b"%d" % len(body)), (b"x-number", b"%d" % number)]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": body})


async def told(port: int, request: bytes) -> bytes:
    """Send bytes over a connection of their own, and return all that comes back until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    try:
        writer.write(request)
        async with asyncio.timeout(PATIENCE):
            while piece := await reader.read(65536):
                answer += piece
    except ConnectionError:  # a proxy may reset what it refuses; what it had said counts all the same
        pass
    finally:
        writer.close()
    return answer


async def misread(port: int, echo: Echo, payload: bytes) -> str:
    """Send a payload, and then what another caller asks; returns what went wrong, nothing if all is well."""
    before = len(echo.paths)
    attacker = await told(port, payload + LAST)
    seen = len(echo.paths)
    lost = [
        echo.paths[number]
        for number in range(before, seen)
        if b"x-number: %d\r\n" % number not in attacker.lower()
    ]
    victim = await told(port, VICTIM)
    if lost not in ([], ["/attack"]):  # a proxy that refuses the rest of a request may drop its answer
        return f"{lost} without an answer"
    if echo.paths[seen:] != ["/victim"] or not victim.endswith(b"[%d /victim]" % seen):
        return f"the next caller was served {echo.paths[seen:]}"
    return "the next caller's secret" if b"hunter2" in attacker or victim.count(b"HTTP/1.1 ") != 1 else ""


@pytest.mark.parametrize(
    "payloads", [length_before_chunks, chunks_before_length, chunks_twice, lengths, chunks, lines]
)
@pytest.mark.timeout(300)
async def test_one_request_in_is_one_request_out_and_the_next_caller_gets_its_own_answer(
    front: Front, payloads: Any
):
    echo = Echo()
    async with listening(echo) as server:
        with front(server.port) as port:
            found = {payload: await misread(port, echo, payload) for payload in payloads()}

    assert {payload: what for payload, what in found.items() if what} == {}
    assert "/attack" in echo.paths  # some of each kind are let through


async def test_a_service_that_overlooks_a_body_would_be_found(front: Front):
    echo = Echo()

    async def overlooking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := (await reader.readuntil(b"\r\n\r\n")):
            number = len(echo.paths)
            echo.paths.append(head.split()[1].decode())
            body = b"[%d %b]" % (number, head.split()[1])
            writer.write(b"HTTP/1.1 200 OK\r\nx-number: %d\r\n" % number)
            writer.write(b"content-length: %d\r\n\r\n%b" % (len(body), body))

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await overlooking(reader, writer)
        writer.close()

    async with await asyncio.start_server(served, "127.0.0.1", 0) as server:
        with front(server.sockets[0].getsockname()[1]) as port:
            payload = (
                b"GET /attack HTTP/1.1\r\nHost: annex\r\nContent-Length: %d\r\n\r\n" % len(WHOLE) + WHOLE
            )
            assert (await misread(port, echo, payload)).endswith("without an answer")


def test_as_many_payloads_are_sent_as_the_table_of_cases_says():
    every = (length_before_chunks, chunks_before_length, chunks_twice, lengths, chunks, lines)
    assert [len([*each()]) for each in every] == [37, 37, 74, 56, 24, 40]
