"""Answers of one turn of the loop: when they leave, in which order, and what becomes of a kept connection."""

import asyncio
from contextvars import ContextVar
from typing import Any

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.server.connection.request_head import split
from tests.fixtures.listening import listening, peer

CLOSING = b"GET /answer HTTP/1.1\r\nHost: annex\r\nConnection: close\r\n\r\n"
ANSWER, STREAM = (b"GET /%b HTTP/1.1\r\nHost: annex\r\n\r\n" % name for name in (b"answer", b"stream"))


async def readings(scope: Any, receive: Any, send: Any) -> None:
    """Answers whole, in pieces, or fails between head and body."""
    if scope["path"] == "/stream":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in (b"SPY", b"HYG", b""):
            await send({"type": "http.response.body", "body": piece, "more_body": bool(piece)})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    if scope["path"] == "/failure":
        raise RuntimeError("between head and body")
    await send({"type": "http.response.body", "body": b"risk"})


async def test_a_small_answer_arrives_in_one_piece():
    async with listening(readings) as server, peer(server) as caller:
        await caller.send(ANSWER)
        assert (await caller.reader.read(65536)).endswith(b"\r\n\r\nrisk")


async def test_an_answer_that_ends_its_connection_arrives_whole():
    async with listening(readings) as server, peer(server) as caller:
        await caller.send(CLOSING)
        assert (await caller.rest()).endswith(b"\r\n\r\nrisk")


async def test_a_stream_does_not_overtake_the_answer_before_it():
    async with listening(readings) as server, peer(server) as caller:
        await caller.send(ANSWER + STREAM + CLOSING)
        told = await caller.rest()
        assert told.index(b"risk") < told.index(b"SPY") < told.index(b"HYG") < told.rindex(b"risk")


async def test_the_whole_answers_of_many_connections_all_arrive():
    async with listening(readings) as server, asyncio.TaskGroup() as group:

        async def ask() -> bytes:
            async with peer(server) as caller:
                await caller.send(CLOSING)
                return await caller.rest()

        asked = [group.create_task(ask()) for _ in range(50)]
    assert all(task.result().endswith(b"risk") for task in asked)


async def test_an_application_that_fails_between_head_and_body_sends_nothing_of_its_answer():
    async with listening(readings) as server, peer(server) as caller:
        await caller.send(ANSWER.replace(b"answer", b"failure"))
        told = await caller.rest()
    assert told.startswith(b"HTTP/1.1 500 ")
    assert b"200" not in told


async def test_http_1_0_is_never_sent_chunks_and_reads_to_the_end_of_the_connection():
    async with listening(readings) as server, peer(server) as caller:
        await caller.send(STREAM.replace(b"HTTP/1.1", b"HTTP/1.0"))
        told = await caller.rest()
    assert told.endswith(b"\r\n\r\nSPYHYG")
    assert b"transfer-encoding" not in told
    assert b"connection: close" in told


async def test_what_one_request_keeps_in_its_context_the_next_one_on_its_connection_does_not_see():
    symbol: ContextVar[str] = ContextVar("symbol", default="none")
    seen = []

    async def remembering(scope: Any, receive: Any, send: Any) -> None:
        seen.append(symbol.get())
        symbol.set("SPY")
        await readings(scope, receive, send)

    async with listening(remembering) as server, peer(server) as caller:
        await caller.send(ANSWER + ANSWER + CLOSING)
        await caller.rest()
    assert seen == ["none"] * 3


async def test_an_answer_to_a_caller_that_has_left_harms_nobody():
    left = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/stream":
            while (await receive())["type"] != "http.disconnect":
                pass
            left.set()
        await readings({"path": "/answer"}, receive, send)

    async with listening(slow) as server:
        async with peer(server) as caller:
            await caller.send(STREAM)
            caller.writer.transport.abort()
        await left.wait()
        async with peer(server) as caller:
            await caller.send(CLOSING)
            assert (await caller.rest()).endswith(b"risk")


async def test_a_connection_that_was_used_is_closed_once_it_is_idle():
    async with listening(readings, keep_alive=0.1) as server, peer(server) as caller:
        for _ in range(3):
            await caller.send(ANSWER)
            await caller.response()
        assert await caller.rest() == b""
        await server.no_connection_left()


async def test_a_connection_that_waits_for_its_answer_is_not_idle():
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.3)
        await readings(scope, receive, send)

    async with listening(slow, keep_alive=0.05) as server, peer(server) as caller:
        await caller.send(ANSWER)
        assert (await caller.response()).endswith(b"risk")


@pytest.mark.parametrize(
    "target", [b"/", b"//a", b"/a?", b"/?a=?b", b"/a#b", b"http://a/b?c", b"/%2F", b"/a?b#c"]
)
def test_a_target_is_split_as_the_library_splits_it(target: bytes):
    parsed = httptools.parse_url(target)
    assert split(target) == (parsed.path, parsed.query or b"")


@given(st.text("abc/?#%=&:@.;+~", max_size=12))
def test_any_target_that_begins_with_a_slash_is_split_as_the_library_splits_it(rest: str):
    target = b"/" + rest.encode()
    parsed = httptools.parse_url(target)
    assert split(target) == (parsed.path, parsed.query or b"")
