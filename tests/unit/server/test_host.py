"""Whose request it is: what is refused because it leaves that open (RFC 9112, part 3.2)."""

import json
from typing import Any

import pytest

from runtime.server.connection.host import HOST_LIMIT, check_host
from shared.errors import Malformed
from tests.fixtures.listening import listening, peer


async def seen(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the path and the fields that the application saw."""
    body = b"%s %s" % (scope["path"].encode(), repr(scope["headers"]).encode())
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize(
    "fields",
    [
        b"",
        b"Host: annex\r\nHost: annex\r\n",
        b"Host: annex\r\nX-A: b\r\nhOST: other\r\n",
        b"Host: annex, other\r\nHost:\r\n",
        b"Host: an nex\r\n",
        b"Host: user@annex\r\n",
        b"Host: annex/signals\r\n",
        b"Host: http://annex\r\n",
    ],
)
async def test_a_request_that_leaves_open_whom_it_is_for_is_refused_with_400_and_counted(fields: bytes):
    async with listening(seen) as server, peer(server) as caller:
        await caller.send(b"GET /signals HTTP/1.1\r\n" + fields + b"\r\n")
        head, _, body = (await caller.rest()).partition(b"\r\n\r\n")
        assert server.listener.refused == {"malformed_request": 1}
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    assert "Host header" in json.loads(body)["detail"]


async def test_the_health_check_needs_a_host_too():
    async with listening(seen) as server, peer(server) as caller:
        await caller.send(b"GET /health/live HTTP/1.1\r\n\r\n")
        assert (await caller.rest()).startswith(b"HTTP/1.1 400 ")


async def test_http_1_0_may_have_no_host_and_never_two():
    async with listening(seen) as server:
        async with peer(server) as caller:
            await caller.send(b"GET / HTTP/1.0\r\n\r\n")
            assert (await caller.rest()).startswith(b"HTTP/1.1 200 ")
        async with peer(server) as caller:
            await caller.send(b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n")
            assert (await caller.rest()).startswith(b"HTTP/1.1 400 ")


async def test_the_path_of_an_absolute_target_is_served_and_its_host_field_checked_all_the_same():
    async with listening(seen) as server:
        async with peer(server) as caller:
            await caller.send(b"GET http://annex/signals HTTP/1.1\r\nHost: other\r\n\r\n")
            assert b"\r\n\r\n/signals " in await caller.response()
        async with peer(server) as caller:
            await caller.send(b"GET http://annex/signals HTTP/1.1\r\n\r\n")
            assert (await caller.rest()).startswith(b"HTTP/1.1 400 ")


async def test_the_space_around_a_value_is_no_part_of_it():
    async with listening(seen) as server, peer(server) as caller:
        await caller.send(b"GET / HTTP/1.1\r\nHost: \t annex \t\r\nX-Signal:  SPY  GLD \r\n\r\n")
        assert (await caller.response()).endswith(b"[(b'host', b'annex'), (b'x-signal', b'SPY  GLD')]")


async def test_a_request_without_a_host_does_not_damage_the_answer_before_it():
    async with listening(seen) as server, peer(server) as caller:
        await caller.send(b"GET /first HTTP/1.1\r\nHost: annex\r\n\r\nGET /second HTTP/1.1\r\n\r\n")
        told = await caller.rest()
    assert b"/first" in told
    assert b"/second" not in told
    assert told.count(b"HTTP/1.1 200 ") == 1


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b"annex",
        b"annex.railway.internal:8000",
        b"healthcheck.railway.app",
        b"127.0.0.1:",
        b"[::1]",
        b"[fd12::1]:8000",
        b"[v1.a:b]",
        b"under_score",
        b"a%20b",
        b"!$&'()*+,;=~",
    ],
)
def test_a_host_of_the_grammar_is_accepted(host: bytes):
    check_host("1.1", host)


@pytest.mark.parametrize(
    "host",
    [
        b"annex:port",
        b"annex:80:80",
        b"::1",
        b"[::1",
        b"::1]",
        b"[annex]",
        b"a%2",
        b"a b",
        b"a\\b",
        b"a#b",
        b"a?b",
        b"\xe4nnex",
        b"annex\n",
        b"a" * (HOST_LIMIT + 1),
    ],
)
def test_a_host_outside_of_the_grammar_is_refused(host: bytes):
    with pytest.raises(Malformed):
        check_host("1.1", host)
