"""How the head of an answer is written."""

from typing import Any

import pytest

from runtime.server.response_head import CACHED_VALUE_LIMIT
from tests.fixtures.listening import listening, peer

GET = b"GET /signals HTTP/1.1\r\nHost: annex\r\nConnection: close\r\n\r\n"


def answering(*headers: tuple[bytes, bytes], status: int = 200, body: bytes = b"{}") -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


async def answer_to(app: Any) -> bytes:
    async with listening(app) as server, peer(server) as caller:
        await caller.send(GET)
        return await caller.rest()


async def test_a_field_is_written_in_lower_case_as_it_is():
    response = await answer_to(answering((b"Content-Length", b"2"), (b"X-Signal", b"SPY: risk-on")))
    assert b"\r\nx-signal: SPY: risk-on\r\n" in response
    assert response.endswith(b"\r\n\r\n{}")


async def test_an_answer_of_unknown_length_is_chunked():
    response = await answer_to(answering(body=b"SPY"))
    assert b"\r\ntransfer-encoding: chunked\r\n" in response
    assert response.endswith(b"3\r\nSPY\r\n0\r\n\r\n")


async def test_no_content_has_no_framing():
    response = await answer_to(answering(status=204, body=b""))
    assert b"transfer-encoding" not in response
    assert b"content-length" not in response


async def test_not_modified_may_tell_the_length_of_what_it_does_not_send():
    response = await answer_to(answering((b"content-length", b"7"), status=304, body=b""))
    assert response.startswith(b"HTTP/1.1 304 ")
    assert b"content-length: 7" in response
    assert response.endswith(b"\r\n\r\n")


async def test_an_application_may_close_the_connection():
    response = await answer_to(answering((b"content-length", b"2"), (b"Connection", b"keep-alive, Close")))
    assert response.count(b"connection:") == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"x-signal", b"SPY\r\nset-cookie: a=b"),
        (b"x-signal", b"SPY\n"),
        (b"x-signal", b"SPY\x00"),
        (b"x signal", b"SPY"),
        (b"x-signal\r\n", b"SPY"),
        (b"x-signal", b"S" * CACHED_VALUE_LIMIT + b"\r\n"),
    ],
)
async def test_a_field_that_would_end_its_line_is_never_written(name: bytes, value: bytes):
    response = await answer_to(answering((b"content-length", b"2"), (name, value)))
    assert response.startswith(b"HTTP/1.1 500")
    assert b"SPY" not in response
    assert b"SSS" not in response
