"""How the head of an answer is written."""

from typing import Any

import pytest

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
        (b"x-signal", b"S" * 600 + b"\r\n"),
    ],
)
async def test_a_field_that_would_end_its_line_is_never_written(name: bytes, value: bytes):
    response = await answer_to(answering((b"content-length", b"2"), (name, value)))
    assert response.startswith(b"HTTP/1.1 500")
    assert b"SPY" not in response
    assert b"SSS" not in response


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"2"), (b"content-length", b"3")],
        [(b"content-length", b"+2")],
        [(b"content-length", b"2, 2")],
        [(b"content-length", b"-2")],
        [(b"content-length", b"")],
    ],
)
async def test_a_length_that_is_none_or_two_is_never_written(headers: list[tuple[bytes, bytes]]):
    response = await answer_to(answering(*headers))
    assert response.startswith(b"HTTP/1.1 500")


@pytest.mark.parametrize(
    "said", [(b"transfer-encoding", b"chunked"), (b"Transfer-Encoding", b"gzip"), (b"connection", b"upgrade")]
)
async def test_framing_is_the_servers_whatever_the_application_says(said: tuple[bytes, bytes]):
    response = await answer_to(answering((b"content-length", b"2"), said))
    head, _, body = response.partition(b"\r\n\r\n")
    assert head.count(b"content-length: 2") == 1
    assert b"transfer-encoding" not in head
    assert head.count(b"connection: close") == head.count(b"connection") == 1
    assert body == b"{}"


@pytest.mark.parametrize("body", [b"{", b"{}}"])
async def test_a_body_of_another_length_than_was_said_is_never_sent(body: bytes):
    response = await answer_to(answering((b"content-length", b"2"), body=body))
    assert response.startswith(b"HTTP/1.1 500")
    assert b"content-length: 2\r\n" not in response


async def test_no_content_says_no_length():
    response = await answer_to(answering((b"content-length", b"0"), status=204, body=b""))
    assert b"content-length" not in response


@pytest.mark.parametrize("status", [200, 299, 418, 599])
async def test_every_response_has_its_status_and_one_date(status: int):
    response = await answer_to(answering((b"content-length", b"2"), status=status))
    assert response.startswith(b"HTTP/1.1 %d " % status)
    assert response.count(b"\r\ndate: ") == 1
