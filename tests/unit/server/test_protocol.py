"""What a connection may take, and what it is told when it takes more: raw sockets against a real server."""

import asyncio
import contextlib
import json
from typing import Any

import pytest

from runtime.server.listener import ConnectionLimits
from tests.fixtures.listening import listening, peer, until
from tests.fixtures.shell import ORIGIN, shelled

GET = b"GET /signals HTTP/1.1\r\nHost: annex\r\nOrigin: " + ORIGIN.encode() + b"\r\n\r\n"
POST = b"POST /signals HTTP/1.1\r\nHost: annex\r\nContent-Length: 10\r\n\r\n"
CHUNKED = b"POST /signals HTTP/1.1\r\nHost: annex\r\nTransfer-Encoding: chunked\r\n\r\n"


async def reply(send: Any, body: bytes) -> None:
    length = str(len(body)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": body})


@shelled
async def readings(scope: Any, receive: Any, send: Any) -> None:
    """Answers with what the application saw of the request: its headers, its body."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    names = b",".join(name for name, _ in scope["headers"])
    await reply(send, b"%s|%s|%s" % (scope["path"].encode(), names, body))


def problem(response: bytes) -> dict[str, Any]:
    head, _, body = response.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"x-content-type-options: nosniff" in head
    assert b"x-request-id: " in head
    assert b"connection: close" in head
    told: dict[str, Any] = json.loads(body)
    assert head.startswith(f"HTTP/1.1 {told['status']} ".encode())
    return told


async def test_an_ordinary_request_is_served_and_the_connection_kept():
    async with listening(readings) as server, peer(server) as caller:
        for _ in range(3):
            await caller.send(GET)
            assert (await caller.response()).startswith(b"HTTP/1.1 200 OK")
        assert not server.listener.refused


@pytest.mark.parametrize("path", [b"/signals", b"/health"])
async def test_a_head_is_answered_without_a_body_and_the_connection_kept(path: bytes):
    async with listening(readings) as server, peer(server) as caller:
        await caller.send(b"HEAD %s HTTP/1.1\r\nHost: annex\r\n\r\n" % path)
        await caller.send(b"GET /signals HTTP/1.1\r\nHost: annex\r\nConnection: close\r\n\r\n")
        received = await caller.rest()
    first, second = received.split(b"HTTP/1.1 200 OK")[1:]
    assert first.endswith(b"\r\n\r\n")
    assert second.endswith(b"/signals|host,connection|")


@pytest.mark.parametrize("target", [b"GET http://annex", b"CONNECT annex:443"])
async def test_a_target_without_a_path_is_refused_with_a_problem(target: bytes):
    async with listening(readings) as server, peer(server) as caller:
        await caller.send(b"%s HTTP/1.1\r\nHost: annex\r\n\r\n" % target)
        assert problem(await caller.rest())["code"] == "malformed_request"


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: annex\r\nX-Long: ",
        b"GET /",
        CHUNKED + b"3\r\nabc\r\n0\r\nTrailer: ",
        CHUNKED + b"3;extension=",
    ],
    ids=["header", "url", "trailer", "chunk-extension"],
)
async def test_what_never_ends_is_refused_before_it_fills_the_memory(head: bytes):
    async with listening(readings, ConnectionLimits(head_bytes=64 * 1024)) as server, peer(server) as caller:
        await caller.send(head)
        sending = asyncio.create_task(caller.send(b"x" * 8 * 2**20))
        told = problem(await caller.rest())
        await sending
    assert (told["status"], told["code"]) in {(431, "headers_too_large"), (400, "malformed_request")}


async def test_twenty_thousand_headers_are_refused():
    async with listening(readings) as server, peer(server) as caller:
        await caller.send(b"GET / HTTP/1.1\r\nHost: annex\r\n" + b"X-A: b\r\n" * 20_000)
        assert problem(await caller.rest())["code"] == "headers_too_large"


async def test_a_head_that_does_not_end_in_time_is_answered_408_and_closed():
    async with listening(readings, ConnectionLimits(head_time=0.05)) as server, peer(server) as caller:
        await caller.send(b"GET / HTTP/1.1\r\nHost: ann")
        assert problem(await caller.rest())["code"] == "request_timeout"


async def test_a_head_sent_byte_by_byte_does_not_extend_its_time():
    async with listening(readings, ConnectionLimits(head_time=0.1)) as server, peer(server) as caller:
        ended = asyncio.create_task(caller.rest())
        while not ended.done():
            await caller.send(b"G" if not server.listener.refused else b"")
            await asyncio.sleep(0.01)
        assert problem(ended.result())["status"] in {400, 408}


async def test_a_second_head_on_a_kept_connection_has_to_end_in_time_too():
    async with listening(readings, ConnectionLimits(head_time=0.05)) as server, peer(server) as caller:
        await caller.send(GET)
        await caller.response()
        await caller.send(b"GET / HT")
        assert problem(await caller.rest())["code"] == "request_timeout"


async def test_empty_lines_do_not_keep_a_connection_open():
    async with listening(readings, ConnectionLimits(head_time=0.05)) as server, peer(server) as caller:
        await caller.send(b"\r\n\r\n")
        assert problem(await caller.rest())["code"] == "request_timeout"


async def test_a_silent_connection_is_closed_like_an_idle_one():
    async with listening(readings, keep_alive=0) as server, peer(server) as caller:
        assert await caller.rest() == b""


async def test_a_body_that_stops_is_answered_408_and_the_function_sees_a_disconnect():
    seen = asyncio.Event()

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        seen.set()

    async with listening(shelled(inner), ConnectionLimits(body_stall=0.05)) as server, peer(server) as caller:
        await caller.send(POST + b"12345")
        assert problem(await caller.rest())["code"] == "request_timeout"
        await asyncio.wait_for(seen.wait(), 5)


async def test_a_body_that_trickles_is_cut_at_its_whole_time():
    limits = ConnectionLimits(body_stall=5, body_time=0.1)
    async with listening(readings, limits) as server, peer(server) as caller:
        await caller.send(CHUNKED)
        ended = asyncio.create_task(caller.rest())
        while not ended.done():
            await caller.send(b"1\r\nx\r\n")
            await asyncio.sleep(0.01)
        assert problem(ended.result())["code"] == "request_timeout"


async def test_a_function_that_does_not_read_is_not_taken_for_a_slow_caller():
    go = asyncio.Event()

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        size = 0
        while True:
            message = await receive()
            size += len(message["body"])
            if not message["more_body"]:
                return await reply(send, str(size).encode())

    async with listening(shelled(inner), ConnectionLimits(body_stall=0.02)) as server, peer(server) as caller:
        head = b"POST / HTTP/1.1\r\nHost: annex\r\nContent-Length: 20000000\r\n\r\n"
        sending = asyncio.create_task(caller.send(head + b"x" * 20_000_000))
        await asyncio.sleep(0.2)
        go.set()
        assert (await caller.response()).endswith(b"20000000")
        await sending


async def test_a_caller_that_waits_for_100_continue_is_not_taken_for_a_slow_one():
    go = asyncio.Event()

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        await reply(send, (await receive())["body"])

    async with listening(shelled(inner), ConnectionLimits(body_stall=0.02)) as server, peer(server) as caller:
        await caller.send(POST.replace(b"Host", b"Expect: 100-continue\r\nHost"))
        await asyncio.sleep(0.1)
        go.set()
        assert await caller.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await caller.send(b"0123456789")
        assert (await caller.response()).endswith(b"0123456789")


async def test_an_upload_that_goes_on_after_its_answer_is_closed():
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, b"no")

    limits = ConnectionLimits(linger=0.05)
    async with listening(shelled(inner), limits) as server, peer(server) as caller:
        await caller.send(CHUNKED)
        assert (await caller.response()).endswith(b"no")
        ended = asyncio.create_task(caller.rest())
        # A closed socket may answer what is still sent with a reset, to the writer and to the reader.
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            while not ended.done():
                await caller.send(b"1\r\nx\r\n")
                await asyncio.sleep(0.01)
        with contextlib.suppress(ConnectionResetError):
            assert await ended == b""


async def test_a_short_body_after_its_answer_leaves_the_connection_usable():
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, b"no")

    async with listening(shelled(inner)) as server, peer(server) as caller:
        await caller.send(POST)
        await caller.response()
        await caller.send(b"0123456789" + GET)
        assert (await caller.response()).endswith(b"no")


async def test_a_peer_that_does_not_read_its_answer_is_cut():
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, b"x" * 50_000_000)

    async with listening(shelled(inner), ConnectionLimits(write_stall=0.1)) as server, peer(server) as caller:
        caller.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport as well
        await caller.send(GET)
        await until(lambda: server.listener.refused["answer_not_read"])
        await server.no_connection_left()


async def test_a_peer_that_reads_slowly_gets_the_whole_answer():
    size = 20_000_000

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, b"x" * size)

    async with listening(shelled(inner), ConnectionLimits(write_stall=0.5)) as server, peer(server) as caller:
        await caller.send(GET)
        head = await caller.reader.readuntil(b"\r\n\r\n")
        got = 0
        while got < size:
            got += len(await caller.reader.read(400_000))
            await asyncio.sleep(0.01)
        assert head.startswith(b"HTTP/1.1 200")
        assert not server.listener.refused


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: annex\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: annex\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: annex\r\nBad Header: x\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: annex\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: annex\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: annex\r\n\r\n",
        b"GET /\r\n\r\n",
        b"\x00" * 40,
        CHUNKED + b"zz\r\n",
    ],
)
async def test_what_is_no_request_is_answered_as_a_problem(garbage: bytes):
    async with listening(readings) as server, peer(server) as caller:
        await caller.send(garbage)
        assert problem(await caller.rest())["code"] == "malformed_request"


async def test_garbage_behind_a_request_does_not_damage_its_answer():
    go = asyncio.Event()

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        await reply(send, b"whole")

    async with listening(shelled(inner)) as server, peer(server) as caller:
        await caller.send(GET + b"\x00\x01garbage")
        await until(lambda: server.listener.refused)
        go.set()
        answer = await caller.rest()
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert answer.endswith(b"whole")


@pytest.mark.parametrize("behind", [b"\x00\x01garbage", b"GET /signals HTTP/1.1\r\n\r\n"])
async def test_every_whole_request_before_one_that_is_none_is_answered(behind: bytes):
    async with listening(readings) as server, peer(server) as caller:
        await caller.send(GET * 3 + behind)
        told = await caller.rest()
        assert server.listener.refused == {"malformed_request": 1}
    assert told.count(b"HTTP/1.1 200 OK") == 3
    assert told.count(b"connection: close") == 1


async def test_an_upload_that_is_refused_on_its_last_connection_may_end_and_reads_its_answer():
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, b"no")

    head = b"POST / HTTP/1.1\r\nHost: annex\r\nConnection: close\r\nContent-Length: 20000000\r\n\r\n"
    async with listening(shelled(inner)) as server, peer(server) as caller:
        for _ in range(200):
            caller.writer.write(head + b"x" * 100_000)
            head = b""
            await caller.writer.drain()
        assert (await caller.rest()).endswith(b"no")
        await server.no_connection_left()
        assert not server.listener.refused


async def test_an_upload_without_end_after_the_last_answer_is_closed():
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, b"no")

    limits = ConnectionLimits(linger=0.05)
    async with listening(shelled(inner), limits) as server, peer(server) as caller:
        await caller.send(POST.replace(b"Host", b"Connection: close\r\nHost"))
        assert (await caller.rest()).endswith(b"no")
        await server.no_connection_left()


async def test_nothing_behind_the_body_of_a_last_request_is_served():
    paths = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        paths.append(scope["path"])
        await reply(send, b"no")

    async with listening(shelled(inner)) as server, peer(server) as caller:
        await caller.send(POST.replace(b"Host", b"Connection: close\r\nHost"))
        assert (await caller.response()).endswith(b"no")
        await caller.send(b"0123456789" + GET)
        assert await caller.rest() == b""
    assert paths == ["/signals"]


async def test_http_1_0_is_never_told_to_continue():
    async with listening(readings) as server, peer(server) as caller:
        await caller.send(POST.replace(b"1.1", b"1.0").replace(b"Host", b"Expect: 100-continue\r\nHost"))
        await caller.send(b"0123456789")
        assert (await caller.rest()).startswith(b"HTTP/1.1 200 OK")


async def test_an_answer_instead_of_100_continue_ends_the_connection():
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await reply(send, b"no")

    limits = ConnectionLimits(linger=0.05)
    async with listening(shelled(inner), limits) as server, peer(server) as caller:
        await caller.send(POST.replace(b"Host", b"Expect: 100-continue\r\nHost"))
        told = await caller.rest()
    assert told.endswith(b"no")
    assert b"connection: close" in told


async def test_requests_without_end_on_one_connection_are_cut():
    async with listening(readings, ConnectionLimits(pipelined=4)) as server, peer(server) as caller:
        await caller.send(GET * 2000)
        with contextlib.suppress(ConnectionResetError):
            assert (await caller.rest()).count(b"HTTP/1.1 200") < 2000
        await server.no_connection_left()
        assert server.listener.refused["malformed_request"] == 1


async def test_a_few_pipelined_requests_are_answered_in_order():
    async with listening(readings) as server, peer(server) as caller:
        await caller.send(b"".join(GET.replace(b"/signals", b"/%d" % number) for number in range(5)))
        paths = [(await caller.response()).split(b"\r\n\r\n")[1][:2] for _ in range(5)]
        assert paths == [b"/0", b"/1", b"/2", b"/3", b"/4"]


async def test_a_trailer_does_not_become_a_header():
    async with listening(readings) as server, peer(server) as caller:
        await caller.send(CHUNKED + b"3\r\nabc\r\n0\r\nAuthorization: Bearer x\r\n\r\n")
        assert (await caller.response()).endswith(b"|host,transfer-encoding|abc")


async def test_a_connection_too_many_is_answered_503_with_cors_and_retry_after():
    async with listening(readings, ConnectionLimits(connections=2)) as server:
        async with peer(server) as first, peer(server) as second, peer(server) as third:
            for caller in (first, second):
                await caller.send(GET)
                assert (await caller.response()).startswith(b"HTTP/1.1 200")
            await third.send(GET)
            answer = await third.rest()
        assert problem(answer)["code"] == "overloaded"
        assert b"access-control-allow-origin: " + ORIGIN.encode() in answer
        assert b"retry-after: 1" in answer


async def test_the_health_check_is_answered_on_a_connection_too_many():
    limits = ConnectionLimits(connections=1)
    async with listening(readings, limits) as server, peer(server) as first, peer(server) as second:
        await first.send(GET)
        await first.response()
        await second.send(GET.replace(b"/signals", b"/health/live"))
        assert (await second.rest()).startswith(b"HTTP/1.1 200")


async def test_twice_too_many_connections_are_not_served_at_all():
    limits = ConnectionLimits(connections=1)
    async with listening(readings, limits) as server, peer(server) as first, peer(server) as second:
        for caller in (first, second):
            await caller.send(b"GET / HTTP/1.1\r\n")
        await until(lambda: len(server.server_state.connections) == 2)
        async with peer(server) as third:
            with contextlib.suppress(ConnectionResetError):
                assert await third.rest() == b""
        assert server.listener.refused["connection_dropped"] == 1


async def test_an_answer_given_while_winding_down_closes_its_connection():
    async with listening(readings) as server, peer(server) as caller:
        await caller.send(GET)
        assert b"connection: close" not in await caller.response()
        server.listener.winding_down = True
        await caller.send(GET)
        assert b"connection: close" in await caller.rest()


async def test_a_flood_of_refusals_is_a_few_log_lines(caplog: pytest.LogCaptureFixture):
    async with listening(readings) as server:
        for _ in range(30):
            async with peer(server) as caller:
                await caller.send(b"\x00")
                await caller.rest()
        assert server.listener.refused["malformed_request"] == 30
    assert len(caplog.records) < 5
