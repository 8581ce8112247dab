"""What a call in a process of its own has of everything that any other call has."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.faults.test_isolated_functions import TICKS
from tests.fixtures.clerk import Issuer
from tests.fixtures.listening import until
from tests.fixtures.production import ORIGIN, environment, functions_of, served
from tests.fixtures.service import Service
from tests.fixtures.telemetry import Receiver

pytestmark = pytest.mark.timeout(120)

EVERYTHING = '''"""All that a function may ask for."""

import logging
import os
import time

from litestar import Request, Response
from msgspec import Struct

from runtime import Database, Function, Member, NotFound

config = Function(isolate=True, memory="256MiB", methods={"delete": {"status": 202}})
logger = logging.getLogger(__name__)


class Order(Struct):
    """A body."""

    amount: int


class Told(Struct):
    """What was seen."""

    pid: int
    who: str
    organization: str
    claims: dict[str, str]
    amount: int
    number: int
    agent: str


async def post(
    symbol: str, data: Order, db: Database, user: Member, request: Request, limit: int = 5
) -> Told:
    """Tell it."""
    if symbol == "nothing":
        raise NotFound("symbol", symbol)
    number = await db.fetch_value("SELECT $1::int + 1", limit)
    logger.info("seen inside", extra={"symbol": symbol})
    agent = request.headers["user-agent"]
    claims = {"sub": user.claims["sub"], "kind": type(user.claims).__name__}
    return Told(os.getpid(), user.user_id, user.organization.id, claims, data.amount, number, agent)


def delete(symbol: str, db: Database) -> Response[bytes]:
    """Answer with a response of its own, from a thread."""

    async def one() -> int:
        return await db.fetch_value("SELECT 1")

    return Response(b"%d" % db.wait(one()), media_type="text/csv", headers={"x-own": symbol})


def get(symbol: str) -> int:
    """Return a process."""
    if symbol == "slow":
        time.sleep(1)
    while symbol == "stuck":
        pass
    return os.getpid()
'''


@pytest.fixture
async def service(
    tmp_path: Path, issuer: Issuer, database_url: str, otlp: Receiver
) -> AsyncIterator[Service]:
    (tmp_path / "functions").mkdir()
    functions = functions_of(tmp_path, {"[symbol].py": EVERYTHING})
    settings = environment(issuer, database_url, functions, OTEL_EXPORTER_OTLP_ENDPOINT=otlp.http)
    async with served(tmp_path, settings) as running:
        yield running


@pytest.fixture
async def http(service: Service, issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    token = issuer.token(o={"id": "org_1", "rol": "admin", "slg": "desk"}, azp=ORIGIN)
    headers = {"authorization": f"Bearer {token}", "user-agent": "somebody"}
    async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=30) as client:
        yield client


async def test_call_has_caller_body_query_request_and_database_and_joins_its_trace(
    service: Service, http: httpx.AsyncClient, otlp: Receiver
):
    answer = await http.post("/abc?limit=6", json={"amount": 3})
    told = answer.json()
    await until(lambda: "seen inside" in service.log)
    line = next(json.loads(each) for each in service.log.splitlines() if "seen inside" in each)
    server, inside = await otlp.span("POST /{symbol}"), await otlp.span("isolated POST /{symbol}")
    query = await otlp.span("SELECT")

    assert answer.status_code == 200
    assert told.pop("pid") != service.process.pid
    assert told == {
        "who": "user_ada",
        "organization": "org_1",
        "claims": {"sub": "user_ada", "kind": "Claims"},
        "amount": 3,
        "number": 7,
        "agent": "somebody",
    }
    assert server.trace_id == inside.trace_id == query.trace_id == line["trace_id"]
    assert (inside.parent_id, query.parent_id) == (server.span_id, inside.span_id)
    assert (line["user_id"], line["symbol"]) == ("user_ada", "abc")
    assert line["request_id"] == answer.headers["x-request-id"]


async def test_refusals_and_responses_are_those_of_any_function(service: Service, http: httpx.AsyncClient):
    bad = await http.post("/abc?limit=x", json={"amount": "y"})
    missing = await http.post("/nothing", json={"amount": 1})
    own = await http.delete("/abc")
    unknown = await http.get("/abc", headers={"authorization": ""})

    assert (bad.status_code, [each["field"] for each in bad.json()["errors"]]) == (400, ["limit", "amount"])
    assert (missing.status_code, missing.json()["detail"]) == (404, 'Symbol "nothing" was not found.')
    assert (own.status_code, own.text, own.headers["x-own"]) == (202, "1", "abc")
    assert own.headers["content-type"].startswith("text/csv")
    assert unknown.status_code == 401


async def test_process_makes_room_for_a_fresh_one_after_a_thousand_calls(
    service: Service, http: httpx.AsyncClient
):
    pids = [(await http.get("/abc")).json() for _ in range(1001)]

    assert len(set(pids[:1000])) == 1
    assert pids[1000] != pids[0]
    await until(lambda: not psutil.pid_exists(pids[0]))


async def test_stop_waits_for_a_call_and_leaves_no_process(service: Service, http: httpx.AsyncClient):
    pid = (await http.get("/abc")).json()
    template = psutil.Process(pid).parent()
    call = asyncio.create_task(http.get("/slow"))
    await asyncio.sleep(0.3)
    status = await asyncio.to_thread(service.stop)

    assert (await call).json() == pid
    assert status == 0
    assert template is not None
    assert not template.is_running()
    assert not psutil.pid_exists(pid)


async def test_death_of_the_worker_ends_its_processes_whatever_they_do(
    service: Service, http: httpx.AsyncClient
):
    pid = (await http.get("/abc")).json()
    call = asyncio.create_task(http.get("/stuck"))
    await asyncio.sleep(0.3)
    service.worker.kill()
    with pytest.raises(httpx.TransportError):
        await call

    await until(lambda: not psutil.pid_exists(pid))


async def test_stop_ends_a_stream_with_its_event(tmp_path: Path, issuer: Issuer):
    functions = functions_of(tmp_path, {"ticks.py": TICKS.replace("timeout=2", "timeout=20")})
    async with (
        served(tmp_path, environment(issuer, "postgresql://app@127.0.0.1:1/app", functions)) as service,
        httpx.AsyncClient(base_url=service.url, timeout=30) as http,
        http.stream("GET", "/ticks?then=wait") as stream,
    ):
        lines = stream.aiter_lines()
        while "tick" not in await anext(lines):
            pass
        stopped = asyncio.create_task(asyncio.to_thread(service.stop))
        rest = [line async for line in lines]
        await stopped

    assert "event: error" in rest
    assert any('"code":"shutting_down"' in line for line in rest)
