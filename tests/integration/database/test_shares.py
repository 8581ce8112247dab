"""One function cannot have every connection."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.app import Compose
from tests.fixtures.production import functions_of

HOLDING = '''"""A function that keeps its connection."""

import asyncio
from collections.abc import Coroutine

from runtime import Database, Function

config = Function(public=True, timeout=60)


async def get(database: Database, seconds: float = 30) -> str:
    """Sleep inside a transaction."""
    async with database.transaction() as transaction:
        await transaction.execute("SELECT 1")
        await asyncio.sleep(seconds)
    return "done"
'''
READING = '''"""A function that reads."""

from runtime import Database, Function

config = Function(public=True)


async def get(database: Database) -> int:
    """Return a number."""
    return int(await database.fetch_value("SELECT 7"))
'''


async def started(*calls: Coroutine[Any, Any, httpx.Response]) -> list[asyncio.Task[httpx.Response]]:
    tasks = [asyncio.create_task(call) for call in calls]
    await asyncio.sleep(0.3)
    return tasks


@pytest.mark.parametrize("pool", ["2", "5", "9"])
async def test_calls_that_sleep_in_a_transaction_leave_connections_to_other_functions(
    compose: Compose, database_url: str, tmp_path: Path, pool: str
):
    functions = functions_of(tmp_path, {"holding.py": HOLDING, "reading.py": READING})
    limits = {"DATABASE_POOL_MAX": pool, "DATABASE_ACQUIRE_TIMEOUT": "1"}
    async with compose(functions, DATABASE_URL=database_url, **limits) as caller:
        held = await started(*(caller.http.get("/holding") for _ in range(12)))
        others = await asyncio.gather(*(caller.http.get("/reading") for _ in range(10)))
        ready = await caller.http.get("/health/ready")
        for call in held:
            call.cancel()
        await asyncio.gather(*held, return_exceptions=True)
    assert [(answer.status_code, answer.text) for answer in others] == [(200, "7")] * 10
    assert ready.json()["checks"]["database"] == {"status": "ok"}


async def test_a_function_that_has_its_share_waits_for_itself_and_is_told_so(
    compose: Compose, database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    functions = functions_of(tmp_path, {"holding.py": HOLDING})
    limits = {"DATABASE_POOL_MAX": "2", "DATABASE_ACQUIRE_TIMEOUT": "0.3"}
    async with compose(functions, DATABASE_URL=database_url, **limits) as caller:
        held = await started(caller.http.get("/holding", params={"seconds": 3}))
        refused = await caller.http.get("/holding")
        await asyncio.gather(*held)
        after = await caller.http.get("/holding", params={"seconds": 0})
    assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
    assert "holding.py kept all 1 connections that one function may have for 0.3 s" in [
        getattr(record, "reason", "") for record in caplog.records
    ]
    assert after.status_code == 200


async def test_waiting_calls_of_one_function_get_its_connections_one_after_the_other(
    compose: Compose, database_url: str, tmp_path: Path
):
    functions = functions_of(tmp_path, {"holding.py": HOLDING, "reading.py": READING})
    async with compose(functions, DATABASE_URL=database_url, DATABASE_POOL_MAX="3") as caller:
        many = [caller.http.get("/holding", params={"seconds": 0.01}) for _ in range(30)]
        mixed = [caller.http.get("/reading") for _ in range(30)]
        answers = await asyncio.gather(*(each for pair in zip(many, mixed, strict=True) for each in pair))
        now = caller.application.database.statistics()
    assert {answer.status_code for answer in answers} == {200}
    assert (now.waiting, now.size - now.idle) == (0, 0)
