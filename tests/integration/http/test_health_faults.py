"""Every fault that health can tell, provoked with real parts, is seen as `contracts/health-faults.json` says.

The table of docs/operations.md is made from the same file.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from redis.asyncio import Redis

from runtime.dev.postgres import EmbeddedPostgres
from runtime.dev.postgres.seed import DATABASE, ROLE
from tests.fixtures.app import Caller, Compose
from tests.fixtures.clerk import JwksServer
from tests.fixtures.production import functions_of
from tests.fixtures.valkey import RedisServer

FAULTS = json.loads(Path("contracts/health-faults.json").read_text("utf-8"))
PATIENCE = 30  # seconds until a fault is seen
BROKEN = "import nowhere\n"
HOLDING = '''"""Holds a connection."""

from runtime import Function
from shared.database import Database

config = Function(public=True)


async def get(database: Database) -> int:
    """Sleep in the database."""
    return int(await database.fetch_value("SELECT 1 FROM pg_sleep(60)"))
'''

type Fault = AbstractAsyncContextManager[Caller]


FIXTURES = {
    "database": ("postgres",),
    "keys": ("jwks", "issuer"),
    "queue": ("redis_server",),
    "the database goes away": ("mortal_postgres",),
    "functions hold every connection": ("database_url",),
}
"""What faults of a check are provoked with, and single ones beside."""


class Parts(SimpleNamespace):
    """What faults are provoked with: `compose`, a `folder`, and the fixtures that they take."""


@pytest.fixture
def parts(compose: Compose, tmp_path: Path, request: pytest.FixtureRequest) -> Parts:
    given = request.node.callspec.params
    row = given.get("row") or {"fault": "", "check": given["missing"]}
    names = {*FIXTURES.get(row["check"], ()), *FIXTURES.get(row["fault"], ())}
    taken = {name: request.getfixturevalue(name) for name in sorted(names)}
    return Parts(compose=compose, folder=tmp_path, **taken)


@asynccontextmanager
async def at_address(parts: Parts, variable: str, form: str) -> AsyncIterator[Caller]:
    """A service whose dependency is at a port where connections are accepted and nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as hole:
        async with parts.compose(**{variable: form.format(hole.getsockname()[1])}) as caller:
            yield caller


@asynccontextmanager
async def database_goes(parts: Parts) -> AsyncIterator[Caller]:
    server: EmbeddedPostgres = parts.mortal_postgres
    async with parts.compose(DATABASE_URL=server.socket_url(DATABASE, ROLE)) as caller:
        assert (await caller.http.get("/health/ready")).status_code == 200
        await asyncio.to_thread(server.stop)
        yield caller


@asynccontextmanager
async def connections_are_held(parts: Parts) -> AsyncIterator[Caller]:
    functions = functions_of(parts.folder, {"holding.py": HOLDING, "other.py": HOLDING}, "me.py")
    async with parts.compose(functions, DATABASE_URL=parts.database_url, DATABASE_POOL_MAX="2") as caller:
        held = [asyncio.create_task(caller.http.get(url)) for url in ("/holding", "/other")]
        yield caller
        for call in held:
            call.cancel()
        await asyncio.gather(*held, return_exceptions=True)


def keys(switch: Callable[[JwksServer], object]) -> Callable[[Parts], Fault]:
    """A service that fetches its keys from a server in some state."""

    def provoked(parts: Parts) -> Fault:
        switch(parts.jwks)
        fault: Fault = parts.compose(CLERK_JWT_KEY="", CLERK_JWKS_URL=parts.jwks.url)
        return fault

    return provoked


@asynccontextmanager
async def keys_go(parts: Parts) -> AsyncIterator[Caller]:
    async with keys(lambda _: None)(parts) as caller:
        await seen(caller, 200, "keys", {"status": "ok"})
        parts.jwks.break_down()
        newer = parts.issuer.rotated(kid="ins_newer").token()
        await caller.http.get("/me", headers={"Authorization": f"Bearer {newer}"})
        yield caller


def queue(switch: Callable[[RedisServer], object]) -> Callable[[Parts], Fault]:
    """A service whose queue is in some state."""

    def provoked(parts: Parts) -> Fault:
        switch(parts.redis_server)
        fault: Fault = parts.compose(REDIS_URL=parts.redis_server.url)
        return fault

    return provoked


@asynccontextmanager
async def queue_wants_a_password(parts: Parts) -> AsyncIterator[Caller]:
    async with Redis.from_url(parts.redis_server.url) as client:
        await client.config_set("requirepass", "another")
    async with queue(lambda _: None)(parts) as caller:
        yield caller


@asynccontextmanager
async def queue_goes(parts: Parts) -> AsyncIterator[Caller]:
    async with queue(lambda _: None)(parts) as caller:
        await seen(caller, 200, "queue", {"status": "ok"})
        parts.redis_server.stop()
        yield caller


def functions(files: dict[str, str], *sample: str) -> Callable[[Parts], Fault]:
    """A service with these function files."""
    return lambda parts: parts.compose(functions_of(parts.folder, files, *sample))


@asynccontextmanager
async def file_is_closed(parts: Parts) -> AsyncIterator[Caller]:
    async with parts.compose() as caller:
        caller.application.close({"me.py": "It ended two workers within ten minutes."})
        yield caller


@asynccontextmanager
async def stop_is_asked_for(parts: Parts) -> AsyncIterator[Caller]:
    async with parts.compose() as caller:
        caller.application.drain(after=PATIENCE)
        yield caller


@asynccontextmanager
async def collector_swallows(parts: Parts) -> AsyncIterator[Caller]:
    async with at_address(parts, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:{}") as caller:
        yield caller


PROVOKED: dict[str, Callable[[Parts], Fault]] = {
    "no database is configured": lambda parts: parts.compose(),
    "the database refuses connections": lambda parts: parts.compose(
        DATABASE_URL="postgresql://app@127.0.0.1:1/app"
    ),
    "the database accepts connections and never answers": lambda parts: at_address(
        parts, "DATABASE_URL", "postgresql://app@127.0.0.1:{}/app"
    ),
    "there is no such database": lambda parts: parts.compose(
        DATABASE_URL=parts.postgres.socket_url("nowhere", ROLE)
    ),
    "the database goes away": database_goes,
    "functions hold every connection": connections_are_held,
    "the key server answers 503": keys(JwksServer.break_down),
    "the key server never answers": keys(lambda server: server.gate.clear()),
    "the key server hangs up": keys(JwksServer.hang_up),
    "the key server answers with a web page": keys(JwksServer.talk_garbage),
    "the key server goes away": keys_go,
    "no queue is configured": lambda parts: parts.compose(),
    "the queue is not there": queue(RedisServer.stop),
    "the queue never answers": queue(RedisServer.hang),
    "the queue refuses the password": queue_wants_a_password,
    "the queue goes away": queue_goes,
    "there is no function file": functions({}),
    "every function file is broken": functions({"me.py": BROKEN}),
    "one function file is broken": functions({"broken.py": BROKEN}, "me.py"),
    "a file has ended two workers": file_is_closed,
    "a stop is asked for": stop_is_asked_for,
    "the collector never answers": collector_swallows,
}


async def seen(caller: Caller, status: int, check: str, expected: dict[str, Any]) -> Any:
    """Return what is seen of a check, once it is what is expected, or at the end of all patience."""
    wanted = (status, expected["status"], expected.get("detail"))
    found: Any = None
    for _ in range(PATIENCE * 10):
        response = await caller.http.get("/health/ready")
        told = response.json()["checks"][check]
        found = (response.status_code, told["status"], _stable(told.get("detail")))
        if found == wanted:
            break
        await asyncio.sleep(0.1)
    assert found == wanted
    return found


def _stable(detail: Any) -> Any:
    """Leave out what no two runs have in common."""
    if isinstance(detail, dict):
        shown = detail.get("quarantined", [])
        detail = f"{detail['serving']} served" + "".join(f"; in quarantine: {each['file']}" for each in shown)
    return detail


def test_every_fault_of_the_table_is_provoked():
    assert [row["fault"] for row in FAULTS] == list(PROVOKED)


@pytest.mark.parametrize("row", FAULTS, ids=[row["fault"] for row in FAULTS])
async def test_a_fault_is_seen_as_the_table_says(parts: Parts, row: dict[str, Any]):
    async with PROVOKED[row["fault"]](parts) as caller:
        await seen(caller, row["ready"], row["check"], row)
        answer = await caller.signed("GET", row["call"])
        live = await caller.http.get("/health/live")
        card = await caller.http.get("/health")

    code = answer.json().get("code", "") if answer.status_code >= 400 else ""
    assert f"{answer.status_code} {code}".strip() == row["answer"]
    assert (live.status_code, card.status_code) == (200, 200)


@pytest.mark.parametrize("missing", ["keys", "queue"])
async def test_what_a_start_has_missed_makes_it_ready_when_it_comes(parts: Parts, missing: str):
    """A deployment waits for it, and needs no second try."""
    provoke = keys(JwksServer.break_down) if missing == "keys" else queue(RedisServer.stop)
    async with provoke(parts) as caller:
        assert (await caller.http.get("/health/ready")).status_code == 503
        if missing == "keys":
            parts.jwks.serve(parts.issuer)
        else:
            parts.redis_server.start()
        await seen(caller, 200, missing, {"status": "ok"})
