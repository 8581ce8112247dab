"""The database goes away in every way it can; the service recovers by itself and loses nothing promised."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import asyncpg
import pytest
from msgspec import Struct

from runtime.dev.postgres import EmbeddedPostgres
from shared.database import Database, OutcomeUnknown, Transaction
from shared.errors import AnnexError, DatabaseUnavailable, DeadlineExceeded, Unavailable
from shared.secret import Secret
from tests.fixtures.faults import PATIENCE, Link, eventually
from tests.fixtures.figures import Figure

RECORD = """
INSERT INTO "Sample" (id, "sensorId", state, value, confidence, factors, "observedAt")
SELECT $1, id, 'NORMAL', 1, 0.5, '{}', $2 FROM "Sensor" WHERE symbol = 'NORTH'
"""
EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
WORKERS = 12
POOL = 4


def opened(server: EmbeddedPostgres, *, query_timeout: float = 5) -> Database:
    url = server.socket_url("app", "annex")
    return Database.from_url(Secret(url), pool_max=POOL, query_timeout=query_timeout)


class Load:
    """Writers that keep writing, each write with an id of its own, whatever happens."""

    def __init__(self, database: Database, *, transactions: bool = False) -> None:
        self._database = database
        self._transactions = transactions
        self.acknowledged: list[UUID] = []
        self.errors: Counter[str] = Counter()
        self.recovered_at = 0.0

    async def __aenter__(self) -> "Load":
        self._stop = asyncio.Event()
        self._tasks = [asyncio.create_task(self._write(number)) for number in range(WORKERS)]
        await self.until(50)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*self._tasks)

    async def until(self, more: int) -> None:
        """Wait until that many more writes were acknowledged."""
        goal = len(self.acknowledged) + more

        async def reached() -> bool:
            return len(self.acknowledged) >= goal

        await eventually(reached)

    async def _write(self, number: int) -> None:
        at = EPOCH + timedelta(days=number)
        while not self._stop.is_set():
            key, at = uuid4(), at + timedelta(milliseconds=1)
            try:
                await self._one(key, at)
            except AnnexError as error:
                self.errors[type(error).__name__] += 1
                await asyncio.sleep(0.01)
            else:
                self.acknowledged.append(key)

    async def _one(self, key: UUID, at: datetime) -> None:
        if not self._transactions:
            await self._database.execute(RECORD, key, at)
            return

        async def work(transaction: Transaction) -> None:
            await transaction.fetch_value('SELECT count(*) FROM "Sensor"')
            await transaction.execute(RECORD, key, at)

        await self._database.transaction().run(work)


async def nothing_is_lost_or_leaked(database: Database, load: Load) -> None:
    stored = await database.fetch_value('SELECT count(*) FROM "Sample" WHERE id = ANY($1)', load.acknowledged)
    assert stored == len(load.acknowledged)

    async def is_at_rest() -> bool:
        now = database.statistics()
        return now.idle == now.size <= POOL and now.waiting == 0

    await eventually(is_at_rest)


async def measured(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return round(time.perf_counter() - began, 3)


async def test_a_database_that_is_absent_at_the_start_is_used_as_soon_as_it_is_there(
    mortal_postgres: EmbeddedPostgres, figure: Figure, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO", "annex.database")
    mortal_postgres.stop()
    async with opened(mortal_postgres) as database:
        with pytest.raises(DatabaseUnavailable) as refused:
            await database.fetch_value("SELECT 1")
        with pytest.raises(DatabaseUnavailable):
            await database.ping()
        assert refused.value.retry_after == 1

        mortal_postgres.start()
        figure("first answer s", await measured(lambda: database.fetch_value("SELECT 1")))
    told = [record.message for record in caplog.records if record.name == "annex.database"]
    assert told == ["database.unavailable", "database.available"]


async def test_a_server_killed_under_a_query_ends_it_and_the_next_one_finds_it_back(
    mortal_postgres: EmbeddedPostgres, figure: Figure
):
    async with opened(mortal_postgres) as database:
        await database.fetch_value("SELECT 1")
        reading = asyncio.create_task(database.fetch_value("SELECT pg_sleep(60)"))
        writing = asyncio.create_task(
            database.execute("""UPDATE "Sample" SET confidence = 0 WHERE pg_sleep(60) IS NULL""")
        )
        await until_running(database, 2)

        mortal_postgres.kill()
        async with asyncio.timeout(PATIENCE):
            ended = await asyncio.gather(reading, writing, return_exceptions=True)
        assert isinstance(ended[0], DatabaseUnavailable)
        assert isinstance(ended[1], OutcomeUnknown)

        async def is_down() -> bool:
            try:
                await database.ping(0.5)
            except DatabaseUnavailable:
                return True
            return False

        await eventually(is_down)
        mortal_postgres.start()
        figure("first answer s", await measured(lambda: database.fetch_value("SELECT 1")))


async def until_running(database: Database, count: int) -> None:
    sql = """
        SELECT count(*) FROM pg_stat_activity
        WHERE state = 'active' AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()
    """

    async def are_running() -> bool:
        found: int = await database.fetch_value(sql)
        return found >= count

    await eventually(are_running)


@pytest.mark.parametrize("how", ["restart", "kill"])
async def test_a_restart_under_load_loses_no_acknowledged_write_and_no_connection(
    mortal_postgres: EmbeddedPostgres, figure: Figure, how: str
):
    async with opened(mortal_postgres) as database:
        async with Load(database) as load:
            before = len(load.acknowledged)
            if how == "kill":
                mortal_postgres.kill()
            await asyncio.to_thread(mortal_postgres.stop)
            await asyncio.to_thread(mortal_postgres.start)
            figure("back in s", await measured(lambda: load.until(50)))

        await nothing_is_lost_or_leaked(database, load)
        assert set(load.errors) <= {"DatabaseUnavailable", "OutcomeUnknown", "ConnectionLost"}
        figure("acknowledged", len(load.acknowledged))
        figure("before", before)
        figure("refused", sum(load.errors.values()))


@pytest.mark.parametrize("transactions", [False, True], ids=["statements", "transactions"])
async def test_backends_terminated_under_load_are_replaced(
    mortal_postgres: EmbeddedPostgres, figure: Figure, transactions: bool
):
    admin = await asyncpg.connect(mortal_postgres.socket_url("app"))
    async with opened(mortal_postgres) as database:
        async with Load(database, transactions=transactions) as load:
            for _ in range(5):
                await admin.fetch(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'annex'"
                )
                await load.until(30)

        await nothing_is_lost_or_leaked(database, load)
        figure("acknowledged", len(load.acknowledged))
        figure("refused", sum(load.errors.values()))
    await admin.close()


async def test_a_migration_under_load_is_noticed_by_nobody(mortal_postgres: EmbeddedPostgres, figure: Figure):
    """Columns are added, and the enum grows, while transactions select everything from the table."""

    class Row(Struct):
        id: UUID

    owner = await asyncpg.connect(mortal_postgres.socket_url("app"))
    answered, errors, stop = 0, Counter[str](), asyncio.Event()
    async with opened(mortal_postgres) as database:

        async def work(transaction: Transaction) -> None:
            await transaction.fetch_value("""SELECT * FROM "Sensor" ORDER BY symbol LIMIT 1""")
            await transaction.fetch(Row, """SELECT id FROM "Sample" WHERE state = $1 LIMIT 3""", "HIGH")

        async def ask() -> None:
            nonlocal answered
            while not stop.is_set():
                try:
                    await database.transaction().run(work)
                    await database.fetch_value("""SELECT * FROM "Sensor" ORDER BY symbol LIMIT 1""")
                except AnnexError as error:
                    errors[type(error).__name__] += 1
                answered += 1

        async def reached(goal: int) -> bool:
            return answered >= goal

        tasks = [asyncio.create_task(ask()) for _ in range(WORKERS)]
        for number in range(10):
            await eventually(partial(reached, answered + 20))
            await owner.execute(f'ALTER TABLE "Sensor" ADD COLUMN "extra{number}" TEXT')
            await owner.execute(f"""ALTER TYPE "SensorKind" ADD VALUE 'KIND{number}'""")
        stop.set()
        await asyncio.gather(*tasks)

    await owner.close()
    figure("answered", answered)
    assert errors == {}


async def test_a_silent_peer_costs_one_time_limit_and_not_more(
    mortal_postgres: EmbeddedPostgres, link: Link, figure: Figure
):
    """A lost route: packets vanish, no connection is ever closed. Every wait has its own end."""
    password = (mortal_postgres.folder / "password").read_text()
    url = f"postgresql://postgres:{password}@127.0.0.1:{link.port}/app?sslmode=disable"
    async with Database.from_url(
        Secret(url), pool_max=2, query_timeout=0.3, connect_timeout=0.3, acquire_timeout=0.5
    ) as database:
        await database.fetch_value("SELECT 1")
        link.silence()

        async with asyncio.timeout(PATIENCE):
            with pytest.raises(OutcomeUnknown):
                await database.fetch_value("SELECT 1")
            with pytest.raises(DatabaseUnavailable):
                await database.fetch_value("SELECT 1")

        link.restore()
        began = time.perf_counter()
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    assert await database.fetch_value("SELECT 1") == 1
                except (Unavailable, DeadlineExceeded):
                    continue
                break
        figure("recovered in s", round(time.perf_counter() - began, 3))
        link.silence()
    # Closing did not wait for an answer either.


async def test_a_cancelled_call_stops_its_query_and_its_connection_serves_the_next(
    mortal_postgres: EmbeddedPostgres,
):
    async with Database.from_url(Secret(mortal_postgres.socket_url("app")), pool_max=1) as database:
        for view in (database, database.read_only()):
            process = await database.fetch_value("SELECT pg_backend_pid()")
            call = asyncio.create_task(view.fetch_value("SELECT pg_sleep(60)"))
            admin = await asyncpg.connect(mortal_postgres.socket_url("app"))
            await eventually(partial(is_sleeping, admin, process))
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

            assert await database.fetch_value("SELECT pg_backend_pid()") == process
            await admin.close()


async def is_sleeping(admin: asyncpg.Connection, process: int) -> bool:
    query = await admin.fetchval("SELECT query FROM pg_stat_activity WHERE pid = $1", process)
    return bool(query == "SELECT pg_sleep(60)")


async def test_callers_who_leave_at_any_moment_leave_no_connection_behind(
    mortal_postgres: EmbeddedPostgres, figure: Figure
):
    """Each call is cancelled after another number of turns: waiting, connecting, sending, reading."""

    async def work(transaction: Transaction) -> object:
        return await transaction.fetch_value('SELECT count(*) FROM "Sample", pg_sleep(0.002)')

    async with opened(mortal_postgres) as database:
        ended = Counter[str]()
        for turns in range(150):
            calls = [
                asyncio.create_task(database.transaction().run(work)),
                asyncio.create_task(database.fetch_value("SELECT pg_sleep(0.002)")),
                asyncio.create_task(database.read_only().fetch_value("SELECT 1")),
            ]
            for _ in range(turns):
                await asyncio.sleep(0)
            for call in calls:
                call.cancel()
            for result in await asyncio.gather(*calls, return_exceptions=True):
                ended[type(result).__name__] += 1

        load = Load(database)
        await nothing_is_lost_or_leaked(database, load)
        async with load:
            pass
        await nothing_is_lost_or_leaked(database, load)
        figure("cancelled", ended.pop("CancelledError"))
        figure("finished first", sum(ended.values()))
        assert set(ended) <= {"int", "str", "NoneType"}


async def test_closing_cuts_what_does_not_end_by_itself(mortal_postgres: EmbeddedPostgres, figure: Figure):
    database = opened(mortal_postgres, query_timeout=60)
    endless = asyncio.create_task(database.fetch_value("SELECT pg_sleep(60)"))
    await until_running(database, 1)

    async with asyncio.timeout(PATIENCE):
        figure("closed in s", await measured(lambda: database.__aexit__(None, None, None)))
        with pytest.raises(DatabaseUnavailable):
            await endless
    with pytest.raises(DatabaseUnavailable) as stopping:
        await database.fetch_value("SELECT 1")
    assert stopping.value.reason == "the service is shutting down"


async def test_a_pool_in_full_use_is_not_taken_for_a_database_that_is_down(mortal_postgres: EmbeddedPostgres):
    async with Database.from_url(Secret(mortal_postgres.socket_url("app")), pool_max=1) as database:
        await database.fetch_value("SELECT 1")
        async with database.transaction():
            assert await database.ping(0.2) == 0.0
