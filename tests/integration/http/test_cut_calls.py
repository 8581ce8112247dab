"""Calls that are cut while they use the database, in the composed service on a real server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from opentelemetry.trace import StatusCode

from runtime.asgi.messages import Message
from tests.fixtures.app import Caller, Compose
from tests.fixtures.listening import listening, peer
from tests.fixtures.telemetry import Receiver

SLOW = '''"""The same reading, after a long while."""

from runtime import Database, Function

config = Function(public=True, timeout={timeout}, cancel_on_disconnect={watch})


async def get(db: Database) -> float:
    """Wait in the server."""
    return await db.fetch_value("SELECT 1.5::float8 FROM pg_sleep(600)")
'''
QUICK = '''"""A reading at once."""

from runtime import Database, Function

config = Function(public=True)


async def get(db: Database) -> float:
    """Ask the server for nothing but an answer."""
    return await db.fetch_value("SELECT 1.5::float8")
'''


@pytest.fixture
async def sleeping(owner_url: str) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Return once the server runs exactly so many of the slow statements."""
    admin = await asyncpg.connect(owner_url)

    async def wait_for(number: int) -> None:
        query = (
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
            " AND query LIKE '%pg_sleep%' AND datname = current_database()"
        )
        async with asyncio.timeout(20):
            while await admin.fetchval(query) != number:  # noqa: ASYNC110  # PostgreSQL has no event for it
                await asyncio.sleep(0.01)

    yield wait_for
    await admin.close()


def tree(folder: Path, *, timeout: float = 25, watch: bool = False) -> Path:
    (folder / "slow.py").write_text(SLOW.format(timeout=timeout, watch=watch))
    (folder / "quick.py").write_text(QUICK)
    return folder


async def test_deadline_cancels_the_statement_on_the_server_and_frees_the_connection(
    tmp_path: Path,
    compose: Compose,
    database_url: str,
    sleeping: Callable[[int], Awaitable[None]],
    otlp: Receiver,
):
    functions = tree(tmp_path, timeout=0.2)
    settings = {
        "DATABASE_URL": database_url,
        "DATABASE_POOL_MAX": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": otlp.http,
    }
    async with compose(functions, **settings) as caller:
        cut = await caller.anonymous("GET", "/slow")
        await sleeping(0)
        after = await caller.anonymous("GET", "/quick")
    span = await otlp.span("GET /slow")

    assert (cut.status_code, cut.json()["code"]) == (504, "deadline_exceeded")
    assert (after.status_code, after.json()) == (200, 1.5)
    assert span.status == StatusCode.ERROR.value
    assert span.attributes["error.type"] == "deadline_exceeded"
    assert span.attributes["http.response.status_code"] == 504


async def test_caller_that_leaves_cancels_the_statement_on_the_server(
    tmp_path: Path, compose: Compose, database_url: str, sleeping: Callable[[int], Awaitable[None]]
):
    functions = tree(tmp_path, watch=True)
    async with (
        compose(functions, DATABASE_URL=database_url, DATABASE_POOL_MAX="1") as caller,
        listening(caller.application) as server,
    ):
        async with peer(server) as connection:
            await connection.send(b"GET /slow HTTP/1.1\r\nHost: annex\r\n\r\n")
            await sleeping(1)
        await sleeping(0)
        after = await caller.anonymous("GET", "/quick")

    assert after.status_code == 200


async def test_many_cut_calls_leave_no_statement_connection_or_task_behind(
    tmp_path: Path, compose: Compose, database_url: str, sleeping: Callable[[int], Awaitable[None]]
):
    functions = tree(tmp_path, timeout=0.05)
    async with compose(functions, DATABASE_URL=database_url, DATABASE_POOL_MAX="4") as caller:
        await caller.anonymous("GET", "/quick")
        before = asyncio.all_tasks()
        for _ in range(10):
            await asyncio.gather(*(caller.anonymous("GET", "/slow") for _ in range(10)))
        await sleeping(0)
        await caller.application.gate.reaper.idle()
        # The pool has put every connection in order once it lends all of them at once.
        answers = await asyncio.gather(*(caller.anonymous("GET", "/quick") for _ in range(8)))
        pool = caller.application.database.statistics()
        left = asyncio.all_tasks() - before

    assert [answer.status_code for answer in answers] == [200] * 8
    assert (pool.idle, pool.waiting) == (pool.size, 0)
    assert left == set()


STREAM = '''"""Readings as they come."""

import asyncio
from collections.abc import AsyncIterator

from runtime import Event, Function

config = Function(public=True)


class Tick(Event, tag="tick", frozen=True):
    symbol: str


async def get(symbol: str = "SPY") -> AsyncIterator[Tick]:
    """Send one reading, and wait for the next for ever."""
    yield Tick(symbol=symbol)
    await asyncio.Event().wait()
'''


async def test_shutdown_ends_the_streams_of_the_service_with_their_last_word(
    tmp_path: Path, compose: Compose, database_url: str
):
    (tmp_path / "ticks.py").write_text(STREAM)
    async with compose(tmp_path, DATABASE_URL=database_url) as caller:
        head, body = await _read_stream(caller, "/ticks", until=b"event: tick")

    names = dict(head["headers"])
    assert head["status"] == 200
    assert names[b"content-type"] == b"text/event-stream; charset=utf-8"
    assert names[b"cache-control"] == b"no-store, no-transform"
    assert body.startswith(b': open\n\nid: 1\nevent: tick\ndata: {"type":"tick","symbol":"SPY"}\n\n')
    assert body.count(b"event: error") == 1
    assert b'"code":"shutting_down"' in body.strip().split(b"\n\n")[-1]


FAILING = '''"""Readings that fail."""

from collections.abc import AsyncIterator

from runtime import Event, Function

config = Function(public=True)


async def get() -> AsyncIterator[Event]:
    """Fail before the first reading."""
    if True:
        raise RuntimeError("password=hunter2")
    yield Event()
'''


async def test_span_of_a_stream_tells_of_the_failure_that_its_status_cannot(
    tmp_path: Path, compose: Compose, otlp: Receiver
):
    (tmp_path / "failing.py").write_text(FAILING)
    async with compose(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=otlp.http) as caller:
        answer = await caller.anonymous("GET", "/failing")
    span = await otlp.span("GET /failing")

    assert answer.status_code == 200
    assert '"code":"internal_error"' in answer.text
    assert span.status == StatusCode.ERROR.value
    assert span.attributes["error.type"] == "RuntimeError"
    assert [name for name, _ in span.events] == ["exception"]
    assert not any(b"hunter2" in request for request in otlp.raw)


async def _read_stream(caller: Caller, path: str, *, until: bytes) -> tuple[Message, bytes]:
    """Return head and body of a stream, during which the service is told to drain once `until` has come."""
    messages: list[Any] = []
    body = b""

    async def send(message: Message) -> None:
        nonlocal body
        messages.append(message)
        body += message.get("body", b"")
        if until in body and not caller.application.is_draining:
            caller.application.drain()

    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            await asyncio.Event().wait()
        sent = True
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"host", b"annex")], "client": ("127.0.0.1", 1), "server": ("annex", 80),
        "scheme": "http", "root_path": "", "http_version": "1.1",
    }  # fmt: skip
    await caller.application(scope, receive, send)
    return messages[0], body


BLOCKING = '''"""A reading that takes as long as it likes."""

import time
from pathlib import Path

from runtime import Function

config = Function(public=True, timeout=0.2, concurrency=2, queue=20)


def get() -> str:
    """Block a thread until the test says so."""
    while not Path(__file__).with_name("go").exists():
        time.sleep(0.01)
    return "done"
'''
PLAIN = '''"""A reading at once, in a thread."""

from runtime import Function

config = Function(public=True)


def get() -> str:
    """Answer."""
    return "risk-on"
'''


async def test_plain_functions_that_block_are_answered_for_in_time_and_starve_no_other(
    tmp_path: Path, compose: Compose
):
    (tmp_path / "blocking.py").write_text(BLOCKING)
    (tmp_path / "plain.py").write_text(PLAIN)
    async with compose(tmp_path) as caller:
        blocked = await asyncio.gather(*(caller.anonymous("GET", "/blocking") for _ in range(10)))
        other = await caller.anonymous("GET", "/plain")
        (tmp_path / "go").touch()
        async with asyncio.timeout(20):
            while (await caller.anonymous("GET", "/blocking")).status_code != 200:
                pass

    assert {answer.status_code for answer in blocked} == {504}
    assert (other.status_code, other.json()) == (200, "risk-on")
