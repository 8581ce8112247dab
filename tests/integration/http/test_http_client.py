"""`Http`, the client that functions share: traced, within the call's deadline, nobody's cookies."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from runtime.app import create_app
from runtime.routing import discover
from runtime.settings import load
from tests.fixtures.app import Compose
from tests.fixtures.routing import write_tree
from tests.fixtures.telemetry import Spans

ASK = '''"""Ask another service."""

from httpx import ConnectError, ReadTimeout

from runtime import Function, Http

config = Function(public=True, timeout=1)


async def get(url: str, http: Http) -> dict[str, str | int]:
    """Ask it."""
    try:
        async with http:  # which closes nothing
            answer = await http.get(url, headers={"X-Key": "sk_hunter2", "Cookie": "own=1"})
    except ConnectError:
        return {"failed": "refused"}
    return {"status": answer.status_code, "text": answer.text}


async def post(url: str, http: Http) -> str:
    """Wait a little."""
    try:
        await http.get(url, timeout=0.05)
    except ReadTimeout:
        return "too slow"
    return "in time"
'''


@asynccontextmanager
async def another_service() -> AsyncIterator[tuple[str, list[str]]]:
    """A service that answers after what its path says, sets a cookie, and keeps what it was asked."""
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            asked.append(head.decode())
            if b"GET /slow" in head:
                await asyncio.sleep(60)
            status = b"302 Found\r\nLocation: /else" if b"GET /moved" in head else b"200 OK"
            writer.write(
                b"HTTP/1.1 "
                + status
                + b"\r\nSet-Cookie: session=theirs; Path=/\r\nContent-Length: 2\r\n\r\nok"
            )

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(guarded, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}", asked
    finally:
        server.close()


async def test_a_request_is_traced_shared_and_keeps_no_cookie(tmp_path: Path, spans: Spans) -> None:
    write_tree(tmp_path, {"ask.py": ASK})
    settings = load({"ANNEX_ENV": "test", "ANNEX_FUNCTIONS": str(tmp_path)})
    application = create_app(settings, telemetry=spans.telemetry)

    async with (
        another_service() as (url, asked),
        httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://annex") as caller,
    ):
        answers = [
            await caller.get("/ask", params={"url": f"{url}{path}"})
            for path in ("/things?key=sk_hunter2", "/moved")
        ]
        await application.http.stop()
    client = [span for span in spans.finished() if span.kind.name == "CLIENT"]
    told = [dict(span.attributes or {}) for span in client]

    assert [answer.json()["status"] for answer in answers] == [200, 302]
    assert [(one["http.request.method"], one["http.response.status_code"]) for one in told] == [
        ("GET", 200),
        ("GET", 302),
    ]
    assert [one["url.full"] for one in told] == [f"{url}/things", f"{url}/moved"]
    assert told[0]["server.address"] == "127.0.0.1"
    assert "hunter2" not in str(told)
    assert all(
        f"{span.context.trace_id:032x}-{span.context.span_id:016x}" in head
        for span, head in zip(client, asked, strict=True)
    )
    assert [re.findall(r"(?im)^cookie: (.*?)\r", head) for head in asked] == [["own=1"], ["own=1"]]


async def test_a_request_ends_with_the_calls_deadline_and_by_its_own_timeout(
    tmp_path: Path, compose: Compose
) -> None:
    write_tree(tmp_path, {"ask.py": ASK})

    async with another_service() as (url, _), compose(tmp_path) as caller:
        late = await caller.anonymous("GET", "/ask", params={"url": f"{url}/slow"})
        own = await caller.anonymous("POST", "/ask", params={"url": f"{url}/slow"})

    assert (late.status_code, late.json()["code"]) == (504, "deadline_exceeded")
    assert own.json() == "too slow"


async def test_errors_of_a_request_are_those_of_its_library(tmp_path: Path, compose: Compose) -> None:
    write_tree(tmp_path, {"ask.py": ASK})

    async with compose(tmp_path) as caller:
        answer = await caller.anonymous("GET", "/ask", params={"url": "http://127.0.0.1:9"})

    assert answer.json() == {"failed": "refused"}


async def test_the_client_is_closed_with_the_service(tmp_path: Path, compose: Compose) -> None:
    write_tree(tmp_path, {"ask.py": ASK})

    async with another_service() as (url, _), compose(tmp_path) as caller:
        await caller.anonymous("GET", "/ask", params={"url": url})
        client = caller.application.http.client
        assert not client.is_closed

    assert client.is_closed


@pytest.mark.parametrize(
    ("handler", "cure"),
    [("def get(http: Http)", "Write async def get."), ("async def get(http: Http | None)", "Write Http.")],
)
def test_a_client_that_cannot_be_used_is_a_fault_with_its_cure(
    tmp_path: Path, handler: str, cure: str
) -> None:
    write_tree(tmp_path, {"ask.py": f"from runtime import Http\n\n{handler} -> str: ...\n"})

    assert [fault.cure for fault in discover(tmp_path).faults] == [cure]
