"""Work that is queued inside a transaction: with the commit, or not at all."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextvars import Context
from pathlib import Path

import pytest

from runtime.work.queue.queue import Queue
from runtime.work.worker.held import HeldWork
from shared.database import Database
from shared.errors import DatabaseUnavailable
from tests.fixtures.app import Caller, Compose
from tests.fixtures.valkey import RedisServer
from tests.fixtures.work import worker

QUEUES = '''"""Queue work in a transaction."""

from typing import Literal

from runtime import Database, Function, Jobs

config = Function(public=True)


async def job(data: str) -> str:
    """Give it back."""
    return data


async def get(
    db: Database, jobs: Jobs, key: str | None = None, end: Literal["", "raise", "twice", "conflict"] = ""
) -> list[str]:
    """Queue it, and tell the runs."""
    runs: list[str] = []
    try:
        async with db.transaction() as transaction:
            await transaction.execute("SELECT 1")
            runs.append((await jobs.enqueue("/queues", "x", key=key)).id)
            if end == "twice":
                runs.append((await jobs.enqueue("/queues", "x", key=key)).id)
            if end == "conflict":
                await transaction.execute("SELECT 1/0")
            if end == "raise":
                raise LookupError
    except Exception:
        return runs
    return runs
'''


@pytest.fixture
async def caller(
    compose: Compose, tmp_path: Path, redis_server: RedisServer, database_url: str
) -> AsyncIterator[Caller]:
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "queues.py").write_text(QUEUES)
    settings = {"REDIS_URL": redis_server.url, "DATABASE_URL": database_url}
    async with compose(tmp_path / "functions", **settings) as made:
        yield made


def parts(caller: Caller) -> tuple[Queue, Database]:
    assert caller.application.queue is not None
    return caller.application.queue, caller.application.database


async def asked(caller: Caller, **query: str) -> list[str]:
    answer = await caller.anonymous("GET", "/queues", params=query)
    assert answer.status_code == 200, answer.text
    runs: list[str] = answer.json()
    return runs


async def state(queue: Queue, run: str) -> str | None:
    return (await queue.read(run)).get("state", b"gone").decode()


async def test_work_begins_to_wait_with_the_commit(caller: Caller):
    queue, _ = parts(caller)
    (run,) = await asked(caller)
    assert (await state(queue, run), [each.waiting for each in await queue.depths()]) == ("queued", [1])


@pytest.mark.parametrize("end", ["raise", "conflict"])
async def test_work_of_a_transaction_that_is_rolled_back_never_was(caller: Caller, end: str):
    queue, _ = parts(caller)
    (run,) = await asked(caller, end=end)
    assert (await state(queue, run), await queue.depths()) == ("gone", [])


async def test_a_key_of_a_transaction_that_is_rolled_back_is_free_again(caller: Caller):
    queue, _ = parts(caller)
    lost = await asked(caller, key="k", end="raise")
    (run,) = await asked(caller, key="k")
    assert run not in lost
    assert await state(queue, run) == "queued"


async def test_a_key_is_one_run_inside_of_one_transaction(caller: Caller):
    one, other = await asked(caller, key="k", end="twice")
    assert one == other


async def test_nobody_is_given_what_waits_for_a_commit(caller: Caller):
    queue, database = parts(caller)
    desk = caller.application.desk
    await queue.renew("w", 60)
    async with database.transaction():
        run = await desk.enqueue(None, "/queues", "x", key=None, delay=0)
        assert (run.state, (await queue.take("w", {"/queues": 5})).taken) == ("queued", [])
    assert [each.id for each in (await queue.take("w", {"/queues": 5})).taken] == [run.id]


async def test_a_delay_counts_from_the_commit(caller: Caller):
    queue, database = parts(caller)
    async with database.transaction():
        run = await caller.application.desk.enqueue(None, "/queues", "x", key=None, delay=3600)
    assert (await state(queue, run.id), [each.waiting for each in await queue.depths()]) == ("queued", [0])


async def test_after_a_read_only_transaction_and_outside_of_one_work_waits_at_once(caller: Caller):
    queue, database = parts(caller)
    async with database.transaction(read_only=True):
        run = await caller.application.desk.enqueue(None, "/queues", "x", key=None, delay=0)
        assert await state(queue, run.id) == "queued"


async def test_who_asks_for_a_key_waits_for_the_transaction_that_has_it(caller: Caller):
    _, database = parts(caller)
    desk = caller.application.desk

    async def again() -> str:
        return (await desk.enqueue(None, "/queues", "x", key="k", delay=0)).id

    async with database.transaction():
        first = await desk.enqueue(None, "/queues", "x", key="k", delay=0)
        second = asyncio.create_task(again(), context=Context())
        _, waiting = await asyncio.wait([second], timeout=0.3)
        assert waiting
    assert await second == first.id


@pytest.mark.parametrize(("is_committed", "left"), [(True, "queued"), (False, "gone")])
async def test_the_database_decides_where_nobody_told_the_end(caller: Caller, is_committed: bool, left: str):
    """As after a kill between COMMIT and release: the transaction is over, and the run is still held."""
    queue, database = parts(caller)
    held = HeldWork(queue, database, patience=0)
    try:
        async with database.transaction() as transaction:
            number = await transaction.number()
            run = await queue.enqueue(
                "run_1",
                {"job": "/queues", "path": "/queues", "data": "", "retries": 1, "kept": 60},
                key="",
                delay=0,
                transaction=number,
            )
            await held.look()
            assert await state(queue, run) == "held"
            if not is_committed:
                raise LookupError
    except LookupError:
        pass
    assert await state(queue, run) == "held"
    await HeldWork(queue, database, patience=0).look()
    assert await state(queue, run) == left


async def test_work_of_a_transaction_that_the_database_does_not_know_is_left_alone(caller: Caller):
    queue, database = parts(caller)
    fields = {"job": "/queues", "path": "/queues", "data": "", "retries": 1, "kept": 60}
    run = await queue.enqueue("run_1", fields, key="", delay=0, transaction="99999999999")
    await HeldWork(queue, database, patience=0).look()
    assert await state(queue, run) == "held"


async def test_a_caller_can_take_back_what_waits_for_a_commit(caller: Caller):
    queue, database = parts(caller)
    async with database.transaction():
        run = await caller.application.desk.enqueue(None, "/queues", "x", key=None, delay=0)
        await queue.cancel(run.id)
    assert await state(queue, run.id) == "cancelled"


async def test_work_of_a_transaction_whose_connection_is_killed_never_was(caller: Caller):
    queue, database = parts(caller)
    runs = []
    with contextlib.suppress(DatabaseUnavailable):
        async with database.transaction() as transaction:
            runs.append((await caller.application.desk.enqueue(None, "/queues", "x", key=None, delay=0)).id)
            await transaction.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    await HeldWork(queue, database, patience=0).look()
    assert await state(queue, runs[0]) == "gone"


async def test_work_whose_commit_was_told_to_nobody_is_released_by_a_worker(
    caller: Caller, redis_server: RedisServer
):
    """The queue is away from the moment of the commit on, until after the answer."""
    queue, database = parts(caller)
    async with database.transaction():
        run = await caller.application.desk.enqueue(None, "/queues", "x", key=None, delay=0)
        redis_server.hang()
    redis_server.resume()
    async with worker(caller):
        while await state(queue, run.id) != "done":  # noqa: ASYNC110  # a worker's look is no event
            await asyncio.sleep(0.05)
