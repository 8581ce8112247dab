"""Under random cuts, restarts and migrations: what was acknowledged is there once, the rest at most once."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import asyncpg
import pytest
from msgspec import Struct

from runtime.bridge.vocabulary import error_codes
from runtime.dev.postgres import EmbeddedPostgres
from shared.database import Database, Transaction
from shared.errors import AnnexError
from shared.secret import Secret
from tests.fixtures.faults import PATIENCE, Link, eventually
from tests.fixtures.figures import Figure

SEED = 20261130
EVENTS = 60 if os.environ.get("ANNEX_TEST_FULL") else 14
WORKERS = 10
INSERT = "INSERT INTO ledger (key, amount) VALUES ($1, $2)"
TABLE = """
CREATE TABLE ledger (key uuid, amount int);
CREATE FUNCTION enter(uuid, int) RETURNS int LANGUAGE sql
    AS $$ INSERT INTO ledger (key, amount) VALUES ($1, $2) RETURNING 1 $$;
GRANT ALL ON ledger TO PUBLIC;
"""


class Entry(Struct):
    key: UUID


async def _run(database: Database, key: UUID, amount: int) -> None:
    async def work(transaction: Transaction) -> None:
        await transaction.fetch_value("SELECT count(*) FROM ledger WHERE key = $1", key)
        await transaction.execute(INSERT, key, amount)

    await database.transaction(isolation="repeatable read").run(work)


async def _block(database: Database, key: UUID, amount: int) -> None:
    async with database.transaction() as transaction:
        await transaction.execute(INSERT, key, amount)
        await transaction.fetch_value("SELECT 1")


WAYS: list[Callable[[Database, UUID, int], Awaitable[object]]] = [
    lambda db, key, amount: db.execute(INSERT, key, amount),
    lambda db, key, amount: db.execute_many(INSERT, ((one, amount) for one in (key,))),
    lambda db, key, amount: db.fetch(Entry, f"{INSERT} RETURNING key", key, amount),
    lambda db, key, amount: db.fetch_one(Entry, f"{INSERT} RETURNING key", key, amount),
    lambda db, key, amount: db.fetch_value("SELECT enter($1, $2)", key, amount),
    lambda db, key, amount: db.fetch_value(
        f"WITH w AS ({INSERT} RETURNING *) SELECT key FROM w", key, amount
    ),
    _run,
    _block,
]


def _dice(number: int) -> random.Random:
    return random.Random(SEED + number)  # noqa: S311  the same run each time is the point


class Oracle:
    """What became of each key, as its writer was told."""

    def __init__(self) -> None:
        self.acknowledged: list[UUID] = []
        self.may_be_saved: list[UUID] = []
        self.not_saved: list[UUID] = []
        self.told = Counter[str]()

    def note(self, key: UUID, error: AnnexError | None) -> None:
        if error is None:
            self.acknowledged.append(key)
            return
        self.told[error.code] += 1
        may_retry = error_codes()[error.code]["retryable"]
        (self.not_saved if may_retry else self.may_be_saved).append(key)


async def _write(database: Database, oracle: Oracle, dice: random.Random, stop: asyncio.Event) -> None:
    while not stop.is_set():
        key, way = uuid4(), dice.choice(WAYS)
        try:
            await way(database, key, dice.choice([1, 2**20, 2**31 - 1]))
        except AnnexError as error:
            oracle.note(key, error)
            await asyncio.sleep(0.01)
        else:
            oracle.note(key, None)


async def _happen(event: int, dice: random.Random, server: EmbeddedPostgres, link: Link) -> None:
    match dice.choice(
        ["cut", "cut", "silence", "terminate", "terminate", "migrate", "migrate", "restart", "kill"]
    ):
        case "cut":
            link.restore()  # which ends every connection that passes through it
        case "silence":
            link.silence()
            await asyncio.sleep(dice.choice([0.2, 2]))  # less, or more, than a statement may take
            link.restore()
        case "terminate":
            await _as_owner(
                server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'annex'"
            )
        case "migrate":
            await _as_owner(server, f"ALTER TABLE ledger ADD COLUMN extra{event} text")
            await _as_owner(server, f"ALTER TABLE ledger ALTER amount TYPE {dice.choice(['bigint', 'int'])}")
        case "restart":
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.start)
        case "kill":
            server.kill()
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.start)


async def _as_owner(server: EmbeddedPostgres, sql: str) -> None:
    owner = await asyncpg.connect(server.socket_url("app"))
    await owner.execute(sql)
    await owner.close()


@pytest.mark.timeout(300)
async def test_what_was_acknowledged_is_there_once_and_what_was_not_at_most_once(
    mortal_postgres: EmbeddedPostgres, link: Link, figure: Figure
):
    dice, oracle, stop = _dice(0), Oracle(), asyncio.Event()
    await _as_owner(mortal_postgres, f"{TABLE}; ALTER ROLE annex PASSWORD 'annex'")
    url = f"postgresql://annex:annex@127.0.0.1:{link.port}/app?sslmode=disable"
    async with Database.from_url(Secret(url), pool_max=4, query_timeout=0.5, acquire_timeout=2) as database:
        writers = [
            asyncio.create_task(_write(database, oracle, _dice(number), stop)) for number in range(WORKERS)
        ]
        for event in range(EVENTS):
            goal = len(oracle.acknowledged) + 40

            async def reached(goal: int = goal) -> bool:
                return len(oracle.acknowledged) >= goal

            await eventually(reached)
            await _happen(event, dice, mortal_postgres, link)
        stop.set()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*writers)

    owner = await asyncpg.connect(mortal_postgres.socket_url("app"))
    stored = Counter(
        {row[0]: row[1] for row in await owner.fetch("SELECT key, count(*) FROM ledger GROUP BY 1")}
    )
    await owner.close()
    figure("acknowledged", len(oracle.acknowledged))
    figure("told", str(dict(oracle.told)))
    assert {stored[key] for key in oracle.acknowledged} == {1}
    assert {stored[key] for key in oracle.may_be_saved} <= {0, 1}
    assert {stored[key] for key in oracle.not_saved} <= {0}
    assert set(oracle.told) <= {"outcome_unknown", "database_unavailable", "deadline_exceeded", "conflict"}
