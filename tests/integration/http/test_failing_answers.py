"""Answers that fail between head and body: caller, span and log have the same."""

import logging
from pathlib import Path

import httpx
import pytest
from opentelemetry.trace import StatusCode

from tests.fixtures.app import ORIGIN, Compose
from tests.fixtures.listening import listening, peer
from tests.fixtures.telemetry import Receiver

FAILING = '''"""A reading whose answer is its own ASGI application, which fails in one of many ways."""

import asyncio
import inspect
from collections.abc import AsyncIterator
from typing import Any

from litestar import Response
from litestar.response import Stream

from runtime import Function, NotFound

config = Function(public=True, timeout=0.2)
OK = {"type": "http.response.start", "status": 200, "headers": []}


class Answer(Response[Any]):
    """An answer written by hand."""

    def to_asgi_response(self, app: Any, request: Any, **options: Any) -> Any:
        """Return what fails."""
        return globals()[self.content]


async def raises(scope: Any, receive: Any, send: Any) -> None:
    await send({**OK})
    raise RuntimeError("password=hunter2")


async def refuses(scope: Any, receive: Any, send: Any) -> None:
    await send({**OK})
    raise NotFound("signal", "SPY")


async def returns(scope: Any, receive: Any, send: Any) -> None:
    await send({**OK})


async def waits(scope: Any, receive: Any, send: Any) -> None:
    await send({**OK})
    await asyncio.Event().wait()


async def ends_its_line(scope: Any, receive: Any, send: Any) -> None:
    await send({**OK, "headers": [(b"x-signal", b"SPY\\r\\nset-cookie: a=b")]})
    await send({"type": "http.response.body", "body": b"SPY"})


async def breaks_off(scope: Any, receive: Any, send: Any) -> None:
    await send({**OK})
    await send({"type": "http.response.body", "body": b"SPY", "more_body": True})


async def pieces() -> AsyncIterator[bytes]:
    raise RuntimeError("password=hunter2")
    yield b""


async def no_signal() -> AsyncIterator[bytes]:
    raise NotFound("signal", "SPY")
    yield b""


async def no_signal_deeper() -> AsyncIterator[bytes]:
    async with asyncio.TaskGroup() as group:
        group.create_task(fails(NotFound("signal", "SPY")))
    yield b""


async def several() -> AsyncIterator[bytes]:
    async with asyncio.TaskGroup() as group:
        group.create_task(fails(NotFound("signal", "SPY")))
        group.create_task(fails(RuntimeError("password=hunter2")))
    yield b""


async def one_piece() -> AsyncIterator[bytes]:
    yield b"SPY"
    raise NotFound("signal", "SPY")


async def fails(error: Exception) -> None:
    raise error


async def silence() -> AsyncIterator[bytes]:
    await asyncio.Event().wait()
    yield b""


async def get(how: str) -> Response[Any]:
    """Fail."""
    if inspect.isasyncgenfunction(globals()[how]):
        return Stream(globals()[how]())
    return Answer(how)
'''


@pytest.mark.parametrize(
    ("how", "status", "code", "error"),
    [
        ("raises", 500, "internal_error", "RuntimeError"),
        ("refuses", 404, "not_found", None),
        ("returns", 500, "internal_error", "Unanswered"),
        ("waits", 504, "deadline_exceeded", "deadline_exceeded"),
        ("ends_its_line", 500, "internal_error", "RuntimeError"),
        ("pieces", 500, "internal_error", "RuntimeError"),
        ("no_signal", 404, "not_found", None),
        ("no_signal_deeper", 404, "not_found", None),
        ("several", 500, "internal_error", "ExceptionGroup"),
    ],
)
async def test_an_answer_of_which_nothing_has_left_gives_way_to_the_problem_that_span_and_log_tell_of(
    how: str,
    status: int,
    code: str,
    error: str | None,
    tmp_path: Path,
    compose: Compose,
    otlp: Receiver,
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level(logging.INFO, "annex.access")
    (tmp_path / "failing.py").write_text(FAILING)
    async with (
        compose(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=otlp.http) as caller,
        listening(caller.application) as server,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", headers={"Origin": ORIGIN}) as http,
    ):
        answer = await http.get("/failing", params={"how": how})
        again = await http.get("/failing", params={"how": how})
    span = await otlp.span("GET /failing")
    lines = [record.getMessage() for record in caplog.records if record.name == "annex.access"]

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert not {"set-cookie", "transfer-encoding", "connection"} & set(answer.headers)
    assert "hunter2" not in answer.text
    assert again.status_code == status
    assert span.attributes["http.response.status_code"] == status
    assert span.attributes.get("error.type") == error
    assert (span.status == StatusCode.ERROR.value) == (status >= 500)
    assert lines == [f"GET /failing {status}"] * 2


@pytest.mark.parametrize(
    ("how", "error"),
    [("breaks_off", "runtime.gate.call.Unanswered"), ("one_piece", "shared.errors.NotFound")],
)
async def test_an_answer_that_breaks_off_is_cut_and_its_span_names_the_error_itself(
    tmp_path: Path, compose: Compose, otlp: Receiver, how: str, error: str
):
    (tmp_path / "failing.py").write_text(FAILING)
    async with (
        compose(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=otlp.http) as caller,
        listening(caller.application) as server,
        peer(server) as connection,
    ):
        await connection.send(f"GET /failing?how={how} HTTP/1.1\r\nHost: annex\r\n\r\n".encode())
        told = await connection.rest()
    span = await otlp.span("GET /failing")

    assert told.startswith(b"HTTP/1.1 200 ")
    assert told.endswith(b"\r\n3\r\nSPY\r\n")
    assert span.attributes["http.response.status_code"] == 200
    assert span.attributes["error.type"] == error


async def test_a_stream_that_fails_before_its_first_piece_is_told_by_its_own_error_and_not_by_a_group(
    tmp_path: Path, compose: Compose, otlp: Receiver, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "failing.py").write_text(FAILING)
    async with (
        compose(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=otlp.http) as caller,
        listening(caller.application) as server,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as http,
    ):
        missing = await http.get("/failing", params={"how": "no_signal"})
        assert "unhandled exception" not in caplog.text
        await http.get("/failing", params={"how": "pieces"})
    await otlp.until(lambda: "http.server.request.duration" in otlp.metrics)
    await otlp.until(lambda: sum(span.name == "GET /failing" for span in otlp.spans) == 2)
    quiet, loud = sorted((s for s in otlp.spans if s.name == "GET /failing"), key=lambda s: len(s.events))
    (record,) = [record for record in caplog.records if record.getMessage() == "unhandled exception"]

    assert missing.json()["detail"] == 'Signal "SPY" was not found.'
    assert quiet.events == []
    assert [event["exception.type"] for _, event in loud.events] == ["RuntimeError"]
    assert "in pieces" in loud.events[0][1]["exception.stacktrace"]
    assert "ExceptionGroup" not in loud.events[0][1]["exception.stacktrace"]
    assert record.exc_info is not None
    assert record.exc_info[0] is RuntimeError
    assert b"RuntimeError" in otlp.metrics["http.server.request.duration"].SerializeToString()
    assert not any(b"ExceptionGroup" in raw or b"hunter2" in raw for raw in otlp.raw)


async def test_a_caller_that_leaves_before_the_first_piece_is_no_fault_of_ours(
    tmp_path: Path, compose: Compose, otlp: Receiver, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "failing.py").write_text(FAILING.replace("timeout=0.2", "timeout=60"))
    async with (
        compose(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=otlp.http) as caller,
        listening(caller.application) as server,
    ):
        async with peer(server) as connection:
            await connection.send(b"GET /failing?how=silence HTTP/1.1\r\nHost: annex\r\n\r\n")
        span = await otlp.span("GET /failing")

    assert "http.response.status_code" not in span.attributes
    assert span.status != StatusCode.ERROR.value
    assert "unhandled exception" not in caplog.text
