"""A real PostgreSQL for tests: one server a run, filled as that of `annex dev`; a copy for each test."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg

from runtime.dev.postgres import EmbeddedPostgres, embedded
from runtime.dev.postgres.seed import DATABASE, ROLE, seed
from runtime.testing.loop import LoopThread

# Nothing of a test's data is worth a disk's while.
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
}
_NUMBERS = count(1)


class ServiceDatabase:
    """A database of one test's own, as the app's migrations see it.

    Attributes:
        url: what the service is given, with a role that cannot change the schema.
    """

    def __init__(self, loop: LoopThread, url: str, owner_url: str) -> None:
        self.url = url
        self._loop = loop
        self._owner_url = owner_url

    def execute(self, sql: str, *values: Any) -> None:
        """Run a statement, as the owner of the tables."""
        self.fetch(sql, *values)

    def fetch(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Run a query, as the owner of the tables, and return its rows."""
        return self._loop.run(_fetch(self._owner_url, sql, values))


@contextlib.contextmanager
def server(files: list[Path], loop: LoopThread) -> Iterator[EmbeddedPostgres]:
    """Run a server whose database is made from SQL files.

    Raises:
        EmbeddedPostgresError: it cannot run, or a file cannot; the text names file and line.
    """
    folder = Path(tempfile.mkdtemp(prefix="annex-test-"))
    try:
        with embedded(folder, settings=FAST) as running:
            loop.run(seed(running.socket_url(), files))
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def copy(running: EmbeddedPostgres, loop: LoopThread) -> Iterator[ServiceDatabase]:
    """Copy the filled database, and drop the copy at the end."""
    name, admin = f"test_{next(_NUMBERS)}", running.socket_url()
    loop.run(_fetch(admin, f"CREATE DATABASE {name} TEMPLATE {DATABASE}"))
    # What is granted on a database is not copied with it.
    loop.run(_fetch(admin, f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC"))
    yield ServiceDatabase(loop, running.socket_url(name, ROLE), running.socket_url(name))
    loop.run(_fetch(admin, f"DROP DATABASE {name} WITH (FORCE)"))


async def _fetch(url: str, sql: str, values: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(url)
    try:
        return [dict(row) for row in await connection.fetch(sql, *values)]
    finally:
        await connection.close()
