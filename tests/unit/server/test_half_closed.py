"""A peer that has closed its sending half is answered; one that has closed its socket has left."""

import asyncio
from typing import Any

import pytest

from tests.fixtures.listening import Peer, listening, peer

GET = b"GET /signals HTTP/1.1\r\nHost: annex\r\n%b\r\n"
POST = b"POST /signals HTTP/1.1\r\nHost: annex\r\nContent-Length: 4\r\n\r\n"


class Signals:
    """Answers once it may go on; `watch` waits for the caller's leaving meanwhile, as a stream does.

    Attributes:
        running: set once it has read a request.
        go: set by the test to let it answer.
        left: set once it was told that the caller has left.
    """

    def __init__(self, *, watch: bool = False, stream: bool = False) -> None:
        self.running, self.go, self.left = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._watch, self._stream = watch, stream

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        if message["type"] == "http.disconnect":
            self.left.set()
            return
        headers = [] if self._stream else [(b"content-length", b"%d" % (4 + len(body)))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if self._stream:
            await send({"type": "http.response.body", "body": b"open", "more_body": True})
        self.running.set()
        watching = asyncio.create_task(self._leaving(receive)) if self._watch else None
        waiting = asyncio.create_task(self.go.wait())
        await asyncio.wait([each for each in (waiting, watching) if each], return_when="FIRST_COMPLETED")
        if not self.left.is_set():
            await send({"type": "http.response.body", "body": b"risk" + body})
        waiting.cancel()
        if watching:
            watching.cancel()

    async def _leaving(self, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left.set()


def final(told: bytes) -> bytes:
    """Return what was received, without the interim responses that a client has to ignore."""
    while told.startswith(b"HTTP/1.1 1"):
        told = told.partition(b"\r\n\r\n")[2]
    return told


async def end_sending(caller: Peer, *requests: bytes) -> None:
    await caller.send(b"".join(requests))
    caller.writer.write_eof()


@pytest.mark.parametrize("field", [b"", b"Connection: close\r\n", b"Connection: keep-alive\r\n"])
@pytest.mark.parametrize("watch", [False, True])
async def test_a_caller_that_sends_no_more_is_answered_and_the_connection_closed(watch: bool, field: bytes):
    signals = Signals(watch=watch)
    async with listening(signals) as server, peer(server) as caller:
        await end_sending(caller, GET % field)
        await signals.running.wait()
        await asyncio.sleep(0.05)
        signals.go.set()
        told = final(await caller.rest())
        await server.no_connection_left()
    assert told.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in told
    assert told.endswith(b"risk")
    assert not signals.left.is_set()


async def test_an_answer_that_is_made_at_once_arrives_too():
    signals = Signals()
    signals.go.set()
    async with listening(signals) as server, peer(server) as caller:
        await end_sending(caller, POST, b"SPY.")
        assert (await caller.rest()).endswith(b"riskSPY.")


async def test_an_end_that_comes_after_the_answer_closes_the_connection():
    signals = Signals()
    signals.go.set()
    async with listening(signals) as server, peer(server) as caller:
        await caller.send(GET % b"")
        assert (await caller.response()).endswith(b"risk")
        caller.writer.write_eof()
        assert await caller.rest() == b""


async def test_http_1_0_is_answered_too():
    signals = Signals()
    async with listening(signals) as server, peer(server) as caller:
        await end_sending(caller, b"GET / HTTP/1.0\r\n\r\n")
        await signals.running.wait()
        signals.go.set()
        told = await caller.rest()
    assert told.startswith(b"HTTP/1.1 200 ")
    assert told.endswith(b"risk")


async def test_every_pipelined_request_before_the_end_is_answered():
    signals = Signals()
    async with listening(signals) as server, peer(server) as caller:
        await end_sending(caller, GET % b"", POST, b"SPY.", GET % b"")
        await signals.running.wait()
        signals.go.set()
        told = await caller.rest()
    assert told.count(b"HTTP/1.1 200 ") == 3
    assert told.index(b"riskSPY.") < told.rindex(b"risk")
    assert told.count(b"connection: close") == 1


@pytest.mark.parametrize("watch", [False, True])
async def test_a_stream_goes_on_to_its_end(watch: bool):
    signals = Signals(watch=watch, stream=True)
    async with listening(signals) as server, peer(server) as caller:
        await end_sending(caller, GET % b"")
        await signals.running.wait()
        await asyncio.sleep(0.05)
        signals.go.set()
        told = await caller.rest()
    body = told.partition(b"\r\n\r\n")[2].split(b"\r\n")
    assert [int(body[0], 16), body[1], int(body[2], 16), body[3], int(body[4], 16)] == [
        4,
        b"open",
        4,
        b"risk",
        0,
    ]


@pytest.mark.parametrize(
    "part", [b"GET / HT", b"GET / HTTP/1.1\r\nHost: annex\r\n", POST, POST + b"SP"], ids=repr
)
async def test_a_request_that_was_cut_short_is_refused(part: bytes):
    signals = Signals()
    async with listening(signals) as server, peer(server) as caller:
        await end_sending(caller, part)
        told = await caller.rest()
        await server.no_connection_left()
    assert told.startswith(b"HTTP/1.1 400 ")
    assert b"ended before it was complete" in told
    assert not server.listener.refused  # most of those who do so have left
    assert signals.left.is_set() == part.startswith(POST)
    assert not signals.running.is_set()


async def test_what_was_cut_short_behind_a_whole_request_does_not_damage_its_answer():
    signals = Signals()
    async with listening(signals) as server, peer(server) as caller:
        await end_sending(caller, GET % b"", b"GET / HT")
        await signals.running.wait()
        signals.go.set()
        told = await caller.rest()
    assert told.count(b"HTTP/1.1 ") == 1
    assert told.endswith(b"risk")


async def test_an_end_without_a_request_closes_the_connection_without_a_word():
    async with listening(Signals()) as server, peer(server) as caller:
        caller.writer.write_eof()
        assert await caller.rest() == b""
        assert not server.listener.refused


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
async def test_a_caller_that_has_closed_its_socket_has_left(version: bytes, stream: bool):
    signals = Signals(watch=True, stream=stream)
    async with listening(signals) as server:
        async with peer(server) as caller:
            await caller.send((GET % b"").replace(b"1.1", version))
            await signals.running.wait()
            if stream:
                await caller.reader.readuntil(b"open")
        await asyncio.wait_for(signals.left.wait(), 5)
        await server.no_connection_left()
